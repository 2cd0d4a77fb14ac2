// One case per constraint of ScheduleOps.td, in its order.
// RUN: einsum-opt %s --split-input-file --verify-diagnostics

// mapping C1
// expected-error@+1 {{maps 'nothing', which is not a cascade beside it}}
schedule.mapping @m of @nothing on "toy" {
  schedule.compute "Y" on "a"
}

// -----

// mapping C1
einsum.cascade @c(M = 4) : f32 {
}
// expected-error@+1 {{'schedule.mapping' has one child, found 0; several children go below a sequence or a pipeline}}
schedule.mapping @m of @c on "toy" {
}

// -----

// mapping C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{'arith.constant' is no node of a loop tree}}
  %0 = arith.constant 1 : i32
}

// -----

// mapping C2
einsum.cascade @two(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  // expected-note@+1 {{the Einsum is defined here}}
  %Z = einsum.compute "Z" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
// expected-error@+1 {{mapping 'm' has no compute leaf for 'Z': every Einsum of the cascade has one}}
schedule.mapping @m of @two on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// mapping C2: twice, and what there is no Einsum for
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.temporal "m" tile 1 {
      schedule.sequence {
        // expected-note@+1 {{the other is here}}
        schedule.compute "Y" on "a"
        // expected-error@+1 {{'Y' has two compute leaves: every Einsum has one}}
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// expected-note@+1 {{its Einsums: Y}}
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  // expected-error@+1 {{computes 'X', which is not an Einsum of cascade 'one'}}
  schedule.compute "X" on "a"
}

// -----

// mapping C3: rank
// expected-note@+1 {{its ranks: m}}
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  // expected-error@+1 {{loops over 'n', which is not a rank of cascade 'one'}}
  schedule.temporal "n" tile 1 {
    schedule.compute "Y" on "a"
  }
}

// -----

// storage C5: a word
einsum.cascade @windows(P = 4, Q = 6, R = 3) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @q [Q] = Q
  einsum.rank @r [R] = R
  %X = einsum.input "X" : !einsum.tensor<[q], f32>
  %T = einsum.compute "T" over [q] : [q] = (%X[q]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[q], f32>
  %Z = einsum.compute "Z" over [p, r] : [p] = (%T[p + r]) reduce [r by add] {
  ^bb0(%t: f32):
    einsum.yield %t : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[p], f32>
  einsum.output %Z : !einsum.tensor<[p], f32>
}
schedule.mapping @m of @windows on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.temporal "p" tile 3 {
      // expected-error@+1 {{halo "kept" is unknown; it is "refetched", "retained" or "recomputed"}}
      schedule.storage "buffer" ["T"] halo "kept" {
        schedule.sequence {
          schedule.temporal "q" tile 1 {
            schedule.compute "T" on "a"
          }
          schedule.temporal "p" tile 1 {
            schedule.temporal "r" tile 1 {
              schedule.compute "Z" on "a"
            }
          }
        }
      }
    }
  }
}

// -----

// storage C5: what comes from above is not recomputed
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.temporal "m" tile 5 {
      // expected-error@+1 {{halo "recomputed" is for tensors produced below; what comes from above is "refetched" or "retained"}}
      schedule.storage "buffer" ["X"] halo "recomputed" {
        schedule.temporal "m" tile 1 {
          schedule.compute "Y" on "a"
        }
      }
    }
  }
}

// -----

// storage C5: demand, but no reader
einsum.cascade @windows(P = 4, Q = 6, R = 3) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @q [Q] = Q
  einsum.rank @r [R] = R
  %X = einsum.input "X" : !einsum.tensor<[q], f32>
  %T = einsum.compute "T" over [q] : [q] = (%X[q]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[q], f32>
  %Z = einsum.compute "Z" over [p, r] : [p] = (%X[p + r]) reduce [r by add] {
  ^bb0(%t: f32):
    einsum.yield %t : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[p], f32>
  einsum.output %Z : !einsum.tensor<[p], f32>
}
schedule.mapping @m of @windows on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.temporal "p" tile 2 {
      // expected-error@+1 {{'T' is produced here as far as leaves below read it, and none does; leave out the halo}}
      schedule.storage "buffer" ["T"] halo "recomputed" {
        schedule.sequence {
          schedule.temporal "q" tile 1 {
            // expected-note@+1 {{it is produced here}}
            schedule.compute "T" on "a"
          }
          schedule.temporal "p" tile 1 {
            schedule.temporal "r" tile 1 {
              schedule.compute "Z" on "a"
            }
          }
        }
      }
    }
  }
}

// -----

// mapping C3: a loop above a node with a halo does not cut what is demanded
einsum.cascade @windows(P = 4, Q = 6, R = 3) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @q [Q] = Q
  einsum.rank @r [R] = R
  %X = einsum.input "X" : !einsum.tensor<[q], f32>
  %T = einsum.compute "T" over [q] : [q] = (%X[q]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[q], f32>
  %Z = einsum.compute "Z" over [p, r] : [p] = (%T[p + r]) reduce [r by add] {
  ^bb0(%t: f32):
    einsum.yield %t : f32
  } : (!einsum.tensor<[q], f32>) -> !einsum.tensor<[p], f32>
  einsum.output %Z : !einsum.tensor<[p], f32>
}
schedule.mapping @m of @windows on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.temporal "q" tile 1 {
      // expected-note@+1 {{below this node, add a loop over 'q' with tile 1}}
      schedule.storage "buffer" ["T"] halo "recomputed" {
        schedule.sequence {
          // expected-error@+1 {{'T' is left with all points of 'q' that readers ask for: what a node with a halo demands is divided down to one point by loops below that node}}
          schedule.compute "T" on "a"
          schedule.temporal "p" tile 1 {
            schedule.temporal "r" tile 1 {
              schedule.compute "Z" on "a"
            }
          }
        }
      }
    }
  }
}

// -----

// transfer C1
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.sequence {
      // expected-error@+1 {{moves 'X', which takes two storage nodes above that hold it, found 1}}
      schedule.transfer ["X"] on "dma"
      schedule.temporal "m" tile 1 {
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// transfer C2: in the slot of the leaf that reads
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.temporal "m" tile 4 {
      schedule.storage "buffer" ["X"] {
        schedule.pipeline lags [0, 0] {
          // expected-error@+1 {{moves 'X' neither before all leaves that touch it (a fill) nor after all of them (a drain); in a pipeline that takes a smaller, or a larger, lag}}
          schedule.transfer ["X"] on "dma"
          schedule.temporal "m" tile 1 {
            // expected-note@+1 {{'Y' touches it here}}
            schedule.compute "Y" on "a"
          }
        }
      }
    }
  }
}

// -----

// transfer C2: nobody there
einsum.cascade @two(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %Z = einsum.compute "Z" over [m] : [m] = (%Y[m]) {
  ^bb0(%y: f32):
    einsum.yield %y : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @two on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.sequence {
      schedule.temporal "m" tile 1 {
        schedule.compute "Y" on "a"
      }
      schedule.storage "buffer" ["X"] {
        schedule.sequence {
          // expected-error@+1 {{moves 'X', which no leaf below its storage node touches}}
          schedule.transfer ["X"] on "dma"
          schedule.temporal "m" tile 1 {
            schedule.compute "Z" on "a"
          }
        }
      }
    }
  }
}

// -----

// transfer C3: made twice
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.storage "buffer" ["X", "Y"] {
      schedule.sequence {
        // expected-note@+1 {{the other one is here}}
        schedule.transfer ["X"] on "dma"
        // expected-error@+1 {{makes the fills of 'X', which another transfer makes}}
        schedule.transfer ["X"] on "dma"
        schedule.temporal "m" tile 1 {
          schedule.compute "Y" on "a"
        }
        schedule.transfer ["Y"] on "dma"
      }
    }
  }
}

// -----

// transfer C3: no leaf beside it
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.storage "buffer" ["X"] {
      schedule.sequence {
        schedule.sequence {
          // expected-error@+1 {{has no leaf beside it, whose visits it would accompany}}
          schedule.transfer ["X"] on "dma"
        }
        schedule.temporal "m" tile 1 {
          schedule.compute "Y" on "a"
        }
      }
    }
  }
}

// -----

// storage C6
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    // expected-error@+1 {{holds the first elements of each tile (`resident`), and so cannot be "retained": give one of the two}}
    schedule.storage "buffer" ["X"] resident 4 halo "retained" {
      schedule.temporal "m" tile 1 {
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// mapping C3: one point
einsum.cascade @one(M = 12) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    // expected-note@+1 {{the innermost loop over 'm' has this tile}}
    schedule.temporal "m" tile 6 {
      // expected-error@+1 {{'Y' is left with 6 points of 'm': the loops above a leaf divide each of its ranks down to one point}}
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// mapping C3: one point, of an extent that is not known yet
einsum.cascade @one(M) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    // expected-error@+1 {{'Y' is left with all points of 'm'}}
    schedule.compute "Y" on "a"
  }
}

// -----

// mapping C4 has a file of its own: read-order.mlir.

// mapping C5: no storage
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["Y"] {
    schedule.temporal "m" tile 1 {
      // expected-error@+1 {{'Y' reads 'X', which no storage node above holds}}
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// mapping C5: passing on is not holding
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  schedule.storage "DRAM" ["X"] {
    // expected-error@+1 {{holds 'Y' in passing, but no storage node above holds it whole}}
    schedule.storage "buffer" ["Y"] passthrough {
      schedule.temporal "m" tile 1 {
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// mapping C5: two homes
einsum.cascade @two(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %Z = einsum.compute "Z" over [m] : [m] = (%Y[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @two on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.sequence {
      // expected-note@+1 {{the other one is here}}
      schedule.storage "buffer" ["Y"] {
        schedule.temporal "m" tile 1 {
          schedule.compute "Y" on "a"
        }
      }
      // expected-note@+1 {{its outermost node above this leaf is here}}
      schedule.storage "buffer" ["Y"] {
        schedule.temporal "m" tile 1 {
          // expected-error@+1 {{'Z' reads 'Y' in another storage node than 'Y': the leaves of a tensor share its outermost one}}
          schedule.compute "Z" on "a"
        }
      }
    }
  }
}

// -----

// mapping C5: a recurrence is lost between steps
einsum.cascade @running(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%Y[m - 1], %X[m]) init [0.0 : f32] {
  ^bb0(%y: f32, %x: f32):
    %0 = arith.addf %y, %x : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @running on "toy" {
  schedule.storage "DRAM" ["X"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{hold 'Y' above the loop, not here}}
      schedule.storage "buffer" ["Y"] {
        // expected-error@+1 {{'Y' reads 'Y' across steps of the loop over 'm', but 'Y' is held below that loop only, and lost after each step}}
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// mapping C5: a partial sum is lost
einsum.cascade @sum(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
}
schedule.mapping @m of @sum on "toy" {
  schedule.storage "DRAM" ["X"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{hold 'Y' above the loop, not here}}
      schedule.storage "buffer" ["Y"] {
        // expected-error@+1 {{'Y' is summed up over steps of the loop over 'm', but held below that loop only, and lost after each step}}
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// mapping C5: an output is lost
einsum.cascade @copy(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %Y : !einsum.tensor<[m], f32>
}
schedule.mapping @m of @copy on "toy" {
  schedule.storage "DRAM" ["X"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{hold 'Y' above the loop, not here}}
      schedule.storage "buffer" ["Y"] {
        // expected-error@+1 {{'Y' is an output with steps of the loop over 'm', but held below that loop only, and lost after each step}}
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// temporal C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{a tile is at least 1, found 0}}
  schedule.temporal "m" tile 0 {
    schedule.compute "Y" on "a"
  }
}

// -----

// temporal C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{'schedule.temporal' has one child, found 2; several children go below a sequence or a pipeline}}
  schedule.temporal "m" tile 1 {
    schedule.compute "Y" on "a"
    schedule.compute "Z" on "a"
  }
}

// -----

// spatial C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{a tile is at least 1, found -1}}
  schedule.spatial "m" tile -1 across "col" {
    schedule.compute "Y" on "a"
  }
}

// -----

// spatial C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
}
schedule.mapping @m of @c on "toy" {
  // expected-note@+1 {{the spatial loop is here}}
  schedule.spatial "m" tile 1 across "col" {
    // expected-error@+1 {{'schedule.sequence' is below a spatial loop, where only loops, storage nodes and one leaf are}}
    schedule.sequence {
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// storage C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{stores 'X' twice}}
  schedule.storage "DRAM" ["X", "X"] {
    schedule.compute "Y" on "a"
  }
}

// -----

// storage C1
// expected-note@+1 {{the cascade is here}}
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  // expected-error@+1 {{stores 'W', which is not a tensor of cascade 'one'}}
  schedule.storage "DRAM" ["X", "Y", "W"] {
    schedule.temporal "m" tile 1 {
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// storage C2
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{`buffers` is at least 1, found 0}}
  schedule.storage "DRAM" ["X"] buffers 0 {
    schedule.compute "Y" on "a"
  }
}

// -----

// storage C2
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{`resident` is at least 1, found -4}}
  schedule.storage "DRAM" ["X"] resident -4 {
    schedule.compute "Y" on "a"
  }
}

// -----

// storage C2
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{`depth` is at least 1, found 0}}
  schedule.storage "DRAM" ["X"] stream "m" depth 0 {
    schedule.compute "Y" on "a"
  }
}

// -----

// storage C2: the generic form lets a depth through without its rank
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{a stream has a rank and a depth: give both or neither}}
  "schedule.storage"() <{level = "DRAM", tensors = ["X"], depth = 2}> ({
    schedule.compute "Y" on "a"
  }) : () -> ()
}

// -----

// storage C3
einsum.cascade @one(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  // expected-error@+1 {{holds 'X' in part, but no storage node above holds it whole}}
  schedule.storage "buffer" ["X", "Y"] resident 2 {
    schedule.temporal "m" tile 1 {
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// storage C4: rank of the tensor
einsum.cascade @one(M = 4, N = 2) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  // expected-note@+1 {{'X' is '!einsum.tensor<[m], f32>'}}
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @m of @one on "toy" {
  // expected-error@+1 {{streams 'X' along 'n', which is not a rank of it}}
  schedule.storage "DRAM" ["X"] stream "n" depth 1 {
    schedule.temporal "m" tile 1 {
      schedule.compute "Y" on "a"
    }
  }
}

// -----

// storage C4: the same walk
einsum.cascade @two(M = 4, N = 2) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  %X = einsum.input "X" : !einsum.tensor<[m, n], f32>
  %Y = einsum.compute "Y" over [m, n] : [m, n] = (%X[m, n]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m, n], f32>
  %Z = einsum.compute "Z" over [m, n] : [m, n] = (%Y[m, n]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m, n], f32>
}
schedule.mapping @m of @two on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    // expected-note@+1 {{the stream is here}}
    schedule.storage "fifo" ["Y"] stream "m" depth 1 {
      schedule.pipeline lags [0, 0] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.compute "Y" on "a"
          }
        }
        schedule.temporal "n" tile 1 {
          schedule.temporal "m" tile 1 {
            // expected-error@+1 {{'Y' is a stream along 'm', but 'Z' does not go on with a loop over it by the same tile as the others}}
            schedule.compute "Z" on "b"
          }
        }
      }
    }
  }
}

// -----

// sequence C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{'schedule.sequence' has at least 1 child, found 0}}
  schedule.sequence {
  }
}

// -----

// pipeline C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{'schedule.pipeline' has at least 1 child, found 0}}
  schedule.pipeline {
  }
}

// -----

// pipeline C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{a pipeline has one lag per child: 1 children, 2 lags}}
  schedule.pipeline lags [0, 1] {
    schedule.compute "Y" on "a"
  }
}

// -----

// pipeline C1
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  // expected-error@+1 {{a lag is at least 0, found -1}}
  schedule.pipeline lags [-1] {
    schedule.compute "Y" on "a"
  }
}

// -----

// pipeline C2
einsum.cascade @c(M = 4) : f32 {
}
schedule.mapping @m of @c on "toy" {
  schedule.pipeline lags [0] {
    // expected-note@+1 {{the child of the pipeline starts here}}
    schedule.sequence {
      // expected-note@+1 {{the other leaf is here}}
      schedule.compute "Y" on "a"
      // expected-error@+1 {{all leaves below a child of a pipeline run on one array: 'Z' runs on 'b', 'Y' on 'a'}}
      schedule.compute "Z" on "b"
    }
  }
}

// -----

// transfer C4: what the previous visit makes one slot later
einsum.cascade @c(M = 4, B = 2) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @b [B] = B
  %X = einsum.input "X" : !einsum.tensor<[m, b], f32>
  %RM = einsum.compute "RM" over [m, b] : [m, b] = (%RM[m - 1, b], %X[m, b]) init [0xFF800000 : f32] {
  ^bb0(%arg0: f32, %arg1: f32):
    %0 = arith.maximumf %arg0, %arg1 : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m, b], f32>, !einsum.tensor<[m, b], f32>) -> !einsum.tensor<[m, b], f32>
  %Y = einsum.compute "Y" over [b][M] : [b] = (%RM[M - 1, b]) {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[m, b], f32>) -> !einsum.tensor<[b], f32>
  einsum.output %Y : !einsum.tensor<[b], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["X", "RM", "Y"] {
    schedule.sequence {
      schedule.temporal "m" tile 1 {
        // expected-note@+1 {{it is fetched into this node}}
        schedule.storage "buffer" ["RM"] {
          schedule.pipeline lags [0, 1] {
            // expected-error@+1 {{fetches 'RM' before the visit that makes it has ended: the pipeline runs the transfer with lag 0 and the producer with lag 1}}
            schedule.transfer ["RM"] on "dma"
            schedule.temporal "b" tile 1 {
              // expected-note@+1 {{'RM' is computed here; for example, its point}}
              schedule.compute "RM" on "a"
            }
          }
        }
      }
      schedule.temporal "b" tile 1 {
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// transfer C4: a sum that goes on
einsum.cascade @c(M = 4, B = 2) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @b [B] = B
  %X = einsum.input "X" : !einsum.tensor<[m, b], f32>
  %S = einsum.compute "S" over [b, m] : [b] = (%X[m, b]) reduce [m by add] {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[m, b], f32>) -> !einsum.tensor<[b], f32>
  einsum.output %S : !einsum.tensor<[b], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["X", "S"] {
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{it is fetched into this node}}
      schedule.storage "buffer" ["S"] {
        schedule.pipeline lags [0, 1] {
          // expected-error@+1 {{fetches 'S' before the visit that makes it has ended}}
          schedule.transfer ["S"] on "dma"
          schedule.temporal "b" tile 1 {
            // expected-note@+1 {{'S' is computed here}}
            schedule.compute "S" on "a"
          }
        }
      }
    }
  }
}

// -----

// transfer C4: what a stage of another pipeline makes later
einsum.cascade @c(A = 1, B = 1, C = 1) : f32 {
  einsum.rank @a [A] = A
  einsum.rank @b [B] = B
  einsum.rank @c [C] = C
  %T0 = einsum.input "T0" : !einsum.tensor<[c, a, b], f32>
  %T1 = einsum.compute "T1" over [a, c, b] : [a, c, b] = (%T1[a, c, b - 1], %T0[c, a, b]) init [0xFF800000 : f32] {
  ^bb0(%arg0: f32, %arg1: f32):
    %0 = arith.maximumf %arg0, %arg1 : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[a, c, b], f32>, !einsum.tensor<[c, a, b], f32>) -> !einsum.tensor<[a, c, b], f32>
  %T2 = einsum.compute "T2" over [a, c, b] : [a, c, b] = (%T1[a, c, b]) {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[a, c, b], f32>) -> !einsum.tensor<[a, c, b], f32>
  einsum.output %T2 : !einsum.tensor<[a, c, b], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["T0", "T1", "T2"] {
    schedule.sequence {
      schedule.pipeline lags [1] {
        // expected-note@+1 {{'T1' is computed here}}
        schedule.compute "T1" on "a"
      }
      schedule.storage "buffer" ["T1"] {
        schedule.pipeline lags [0, 1] {
          schedule.transfer ["T1"] on "dma"
          // expected-error@+1 {{'T2' reads 'T1' before it is computed: the pipeline runs the transfer that fetches it with lag 0 and the producer with lag 1}}
          schedule.compute "T2" on "a"
        }
      }
    }
  }
}

// -----

// halo: retained twice
einsum.cascade @c(A = 4, B = 2, H = 5) : f32 {
  einsum.rank @a [A] = A
  einsum.rank @b [B] = B
  einsum.rank @h [H] = H
  %I = einsum.input "I" : !einsum.tensor<[h], f32>
  %T0 = einsum.compute "T0" over [h] : [h] = (%I[h]) {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[h], f32>
  %T1 = einsum.compute "T1" over [a, b] : [a] = (%T0[a + b]) reduce [b by add] {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[a], f32>
  einsum.output %T1 : !einsum.tensor<[a], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["I", "T1"] {
    schedule.temporal "a" tile 1 {
      // expected-note@+1 {{the other node is here}}
      schedule.storage "buffer" ["T0"] halo "retained" {
        // expected-error@+1 {{'T0' is kept here from visit to visit, and so it is in a node above that would have to be given what is kept; retain it in one of them}}
        schedule.storage "near" ["T0"] halo "retained" {
          schedule.sequence {
            schedule.temporal "h" tile 1 {
              schedule.compute "T0" on "a"
            }
            schedule.temporal "b" tile 1 {
              schedule.compute "T1" on "a"
            }
          }
        }
      }
    }
  }
}

// -----

// halo: retained in passing, where it is held no longer
einsum.cascade @c(A = 4, B = 2, H = 5) : f32 {
  einsum.rank @a [A] = A
  einsum.rank @b [B] = B
  einsum.rank @h [H] = H
  %I = einsum.input "I" : !einsum.tensor<[h], f32>
  %T0 = einsum.compute "T0" over [h] : [h] = (%I[h]) {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[h], f32>
  %T1 = einsum.compute "T1" over [a, b] : [a] = (%T0[a + b]) reduce [b by add] {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[a], f32>
  einsum.output %T1 : !einsum.tensor<[a], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["I", "T1"] {
    schedule.temporal "a" tile 1 {
      // expected-note@+1 {{the node is here}}
      schedule.storage "buffer" ["T0"] {
        // expected-error@+1 {{'T0' is kept here from visit to visit, but a node above is entered anew each time}}
        schedule.storage "near" ["T0"] passthrough halo "retained" {
          schedule.sequence {
            schedule.temporal "h" tile 1 {
              schedule.compute "T0" on "a"
            }
            schedule.temporal "b" tile 1 {
              schedule.compute "T1" on "a"
            }
          }
        }
      }
    }
  }
}

// -----

// halo: a leaf that would wait for a step that follows demand
einsum.cascade @c(A = 4, B = 2, H = 5) : f32 {
  einsum.rank @a [A] = A
  einsum.rank @b [B] = B
  einsum.rank @h [H] = H
  %I = einsum.input "I" : !einsum.tensor<[h], f32>
  %T0 = einsum.compute "T0" over [h] : [h] = (%I[h]) {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[h], f32>
  %T1 = einsum.compute "T1" over [a, b] : [a] = (%T0[a + b]) reduce [b by add] {
  ^bb0(%arg0: f32):
    einsum.yield %arg0 : f32
  } : (!einsum.tensor<[h], f32>) -> !einsum.tensor<[a], f32>
  einsum.output %T1 : !einsum.tensor<[a], f32>
}
schedule.mapping @m of @c on "toy" {
  schedule.storage "DRAM" ["I", "T1"] {
    schedule.temporal "a" tile 1 {
      // expected-note@+1 {{production follows demand in this node}}
      schedule.storage "buffer" ["T0"] halo "recomputed" {
        // expected-note@+1 {{the loop is here}}
        schedule.temporal "h" tile 1 {
          schedule.sequence {
            schedule.compute "T0" on "a"
            schedule.temporal "b" tile 1 {
              // expected-error@+1 {{'T1' is below a loop over 'h', whose steps follow what is read of 'T0'; take it out of that loop}}
              schedule.compute "T1" on "a"
            }
          }
        }
      }
    }
  }
}
