// Constraint C4 of schedule.mapping: one case per way of reading too early. That
// nothing else is refused, and all of it, is for ReadOrderTest.cpp to show.
// RUN: einsum-opt %s --split-input-file --verify-diagnostics

einsum.cascade @shares(P = 2, M = 4) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[p, m], f32>
  %S = einsum.compute "S" over [p, m] : [p] = (%X[p, m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[p, m], f32>) -> !einsum.tensor<[p], f32>
  %A = einsum.compute "A" over [p, m] : [p, m] = (%X[p, m], %S[p]) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.divf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[p, m], f32>, !einsum.tensor<[p], f32>) -> !einsum.tensor<[p, m], f32>
}
schedule.mapping @fused of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      schedule.temporal "p" tile 1 {
        schedule.sequence {
          // expected-note-re@+1 {{'S' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
          schedule.compute "S" on "a"
          // expected-error@+1 {{'A' reads 'S' inside the loop over 'm', but 'S' reduces 'm': its rank pass ends after that loop}}
          schedule.compute "A" on "a"
        }
      }
    }
  }
}

// -----

// A single step, or the whole loop of the sum before that of the reader.
einsum.cascade @shares(P = 2, M = 4) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[p, m], f32>
  %S = einsum.compute "S" over [p, m] : [p] = (%X[p, m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[p, m], f32>) -> !einsum.tensor<[p], f32>
  %A = einsum.compute "A" over [p, m] : [p, m] = (%X[p, m], %S[p]) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.divf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[p, m], f32>, !einsum.tensor<[p], f32>) -> !einsum.tensor<[p, m], f32>
}
schedule.mapping @by_row of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    schedule.temporal "m" tile 4 {
      schedule.temporal "p" tile 1 {
        schedule.sequence {
          schedule.temporal "m" tile 1 {
            schedule.compute "S" on "a"
          }
          schedule.temporal "m" tile 1 {
            schedule.compute "A" on "a"
          }
        }
      }
    }
  }
}

// -----

// While the extent is unbound, the sum is refused all the same.
einsum.cascade @shares(P, M) : f32 {
  einsum.rank @p [P] = P
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[p, m], f32>
  %S = einsum.compute "S" over [p, m] : [p] = (%X[p, m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[p, m], f32>) -> !einsum.tensor<[p], f32>
  %A = einsum.compute "A" over [p, m] : [p, m] = (%X[p, m], %S[p]) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.divf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[p, m], f32>, !einsum.tensor<[p], f32>) -> !einsum.tensor<[p, m], f32>
}
schedule.mapping @fused of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    schedule.temporal "p" tile 1 {
      // expected-note@+1 {{the loop is here}}
      schedule.temporal "m" tile 1 {
        schedule.sequence {
          // expected-note@+1 {{'S' is computed here}}
          schedule.compute "S" on "a"
          // expected-error@+1 {{'A' reads 'S' inside the loop over 'm', but 'S' reduces 'm'}}
          schedule.compute "A" on "a"
        }
      }
    }
  }
}

// -----

// What depends on a sum is no more complete than the sum.
einsum.cascade @inverse(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
  %R = einsum.compute "R" over [] : [] = (%S[]) {
  ^bb0(%s: f32):
    %0 = math.rsqrt %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[], f32>) -> !einsum.tensor<[], f32>
  %A = einsum.compute "A" over [m] : [m] = (%X[m], %R[]) {
  ^bb0(%x: f32, %r: f32):
    %0 = arith.mulf %x, %r : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @fused of @inverse on "toy" {
  schedule.storage "DRAM" ["X", "S", "R", "A"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      schedule.sequence {
        schedule.compute "S" on "a"
        // expected-note@+1 {{'R' is computed here}}
        schedule.compute "R" on "a"
        // expected-error@+1 {{'A' reads 'R' inside the loop over 'm', but 'R' is complete only in the last step of that loop, like what it reads}}
        schedule.compute "A" on "a"
      }
    }
  }
}

// -----

// The wrong way round.
einsum.cascade @chain(M = 4) : f32 {
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
schedule.mapping @backwards of @chain on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.sequence {
        // expected-error@+1 {{'Z' reads 'Y' before it is computed: its producer comes later in this sequence}}
        schedule.compute "Z" on "a"
        // expected-note-re@+1 {{'Y' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
        schedule.compute "Y" on "a"
      }
    }
  }
}

// -----

// Ahead of the loop.
einsum.cascade @ahead(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %Z = einsum.compute "Z" over [m] : [m] = (%Y[-m + 3]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @fused of @ahead on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      schedule.sequence {
        // expected-note-re@+1 {{'Y' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
        schedule.compute "Y" on "a"
        // expected-error@+1 {{'Z' reads 'Y' where the loop over 'm' has not been: it goes up along 'm'}}
        schedule.compute "Z" on "a"
      }
    }
  }
}

// -----

// In one slot on two arrays, and in a later slot.
einsum.cascade @chain(M = 4) : f32 {
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
schedule.mapping @together of @chain on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.pipeline lags [1, 1] {
        // expected-note@+1 {{'Y' is computed here}}
        schedule.compute "Y" on "a"
        // expected-error@+1 {{'Z' reads 'Y' in the slot in which another array computes it: give the reader a larger lag, or hold 'Y' as a stream}}
        schedule.compute "Z" on "b"
      }
    }
  }
}

// -----

einsum.cascade @chain(M = 4) : f32 {
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
schedule.mapping @late of @chain on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.pipeline lags [2, 1] {
        // expected-note-re@+1 {{'Y' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
        schedule.compute "Y" on "a"
        // expected-error@+1 {{'Z' reads 'Y' before it is computed: the pipeline runs the reader with lag 1 and the producer with lag 2}}
        schedule.compute "Z" on "a"
      }
    }
  }
}

// -----

// Units that run at once.
einsum.cascade @running(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%Y[m - 1], %X[m]) init [0.0 : f32] {
  ^bb0(%y: f32, %x: f32):
    %0 = arith.addf %y, %x : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
schedule.mapping @at_once of @running on "toy" {
  schedule.storage "DRAM" ["X", "Y"] {
    schedule.spatial "m" tile 1 across "col" {
      // expected-error@+1 {{'Y' reads 'Y' in the step in which units of a spatial loop compute it, all at once: what is read has to be complete before}}
      schedule.compute "Y" on "a"
      // expected-note@-1 {{'Y' is computed here}}
    }
  }
}

// -----

// A lag waits for a sum, but in a node that each step of it enters anew.
einsum.cascade @shares(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
  %A = einsum.compute "A" over [m] : [m] = (%X[m], %S[]) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.divf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %A : !einsum.tensor<[m], f32>
}
// Held above the loop, the sum is there when the late reader comes.
schedule.mapping @above of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    schedule.temporal "m" tile 1 {
      schedule.pipeline lags [0, 3] {
        schedule.compute "S" on "a"
        schedule.compute "A" on "a"
      }
    }
  }
}
schedule.mapping @below of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{hold 'S' above the loop, not here}}
      schedule.storage "buffer" ["S"] {
        schedule.pipeline lags [0, 3] {
          // expected-note-re@+1 {{'S' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
          schedule.compute "S" on "a"
          // expected-error@+1 {{'A' reads 'S' from a storage node that is entered anew in each step of the loop over 'm', where later steps still compute it: a lag delays the reader, but leaves it in the visit of its own step}}
          schedule.compute "A" on "a"
        }
      }
    }
  }
}

// -----

// The same for an extent that is not known yet.
einsum.cascade @shares(M) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
  %A = einsum.compute "A" over [m] : [m] = (%X[m], %S[]) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.divf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %A : !einsum.tensor<[m], f32>
}
schedule.mapping @below of @shares on "toy" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    // expected-note@+1 {{the loop is here}}
    schedule.temporal "m" tile 1 {
      // expected-note@+1 {{hold 'S' above the loop, not here}}
      schedule.storage "buffer" ["S"] {
        schedule.pipeline lags [0, 3] {
          // expected-note@+1 {{'S' is computed here}}
          schedule.compute "S" on "a"
          // expected-error@+1 {{'A' reads 'S' from a storage node that is entered anew in each step of the loop over 'm', where later steps still compute it}}
          schedule.compute "A" on "a"
        }
      }
    }
  }
}

// -----

// The last step of a short tile is an earlier one than that of a full tile.
einsum.cascade @short(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
  %R = einsum.compute "R" over [] : [] = (%S[]) {
  ^bb0(%s: f32):
    einsum.yield %s : f32
  } : (!einsum.tensor<[], f32>) -> !einsum.tensor<[], f32>
  einsum.output %R : !einsum.tensor<[], f32>
}
schedule.mapping @ragged of @short on "toy" {
  schedule.storage "DRAM" ["X", "S", "R"] {
    schedule.temporal "m" tile 3 {
      schedule.temporal "m" tile 1 {
        schedule.pipeline lags [1, 0] {
          // expected-note-re@+1 {{'S' is computed here; for example, its point {{.+}} is needed at {{.+}}}}
          schedule.compute "S" on "a"
          // expected-error@+1 {{'R' reads 'S' before it is computed: the pipeline runs the reader with lag 0 and the producer with lag 1}}
          schedule.compute "R" on "a"
        }
      }
    }
  }
}

// -----

// S has points in the even steps of i only: what it makes of step 0 with lag 1 is there in step 2.
einsum.cascade @gaps(I = 6, J = 3) : f32 {
  einsum.rank @i [I] = I
  einsum.rank @j [J] = J
  %X = einsum.input "X" : !einsum.tensor<[i], f32>
  %S = einsum.compute "S" over [j, i] : [j] = (%X[i]) reduce [i by add] where [i <= j * 2, j * 2 <= i] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[i], f32>) -> !einsum.tensor<[j], f32>
  %R = einsum.compute "R" over [i, j] : [i, j] = (%S[j]) where [j * 2 + 1 <= i] {
  ^bb0(%s: f32):
    einsum.yield %s : f32
  } : (!einsum.tensor<[j], f32>) -> !einsum.tensor<[i, j], f32>
}
schedule.mapping @late of @gaps on "toy" {
  schedule.storage "DRAM" ["X", "S", "R"] {
    schedule.temporal "i" tile 1 {
      schedule.sequence {
        schedule.pipeline lags [1] {
          schedule.temporal "j" tile 1 {
            // expected-note@+1 {{'S' is computed here; for example, its point [j = 0, i = 0] is needed at [i = 1, j = 0]}}
            schedule.compute "S" on "a"
          }
        }
        schedule.temporal "j" tile 1 {
          // expected-error@+1 {{'R' reads 'S' before it is computed: the pipeline runs the reader with lag 0 and the producer with lag 1, and takes no slot for steps without points}}
          schedule.compute "R" on "a"
        }
      }
    }
  }
}

// -----

// One step later it is.
einsum.cascade @gaps(I = 6, J = 3) : f32 {
  einsum.rank @i [I] = I
  einsum.rank @j [J] = J
  %X = einsum.input "X" : !einsum.tensor<[i], f32>
  %S = einsum.compute "S" over [j, i] : [j] = (%X[i]) reduce [i by add] where [i <= j * 2, j * 2 <= i] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[i], f32>) -> !einsum.tensor<[j], f32>
  %R = einsum.compute "R" over [i, j] : [i, j] = (%S[j]) where [j * 2 + 2 <= i] {
  ^bb0(%s: f32):
    einsum.yield %s : f32
  } : (!einsum.tensor<[j], f32>) -> !einsum.tensor<[i, j], f32>
}
schedule.mapping @late of @gaps on "toy" {
  schedule.storage "DRAM" ["X", "S", "R"] {
    schedule.temporal "i" tile 1 {
      schedule.sequence {
        schedule.pipeline lags [1] {
          schedule.temporal "j" tile 1 {
            schedule.compute "S" on "a"
          }
        }
        schedule.temporal "j" tile 1 {
          schedule.compute "R" on "a"
        }
      }
    }
  }
}
