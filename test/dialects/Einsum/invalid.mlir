// One case per constraint of EinsumOps.td, in its order; what the parser and the
// generic form let through comes last.
// RUN: einsum-opt %s --split-input-file --verify-diagnostics

// cascade C1
// expected-error@+1 {{declares parameter 'M' twice}}
einsum.cascade @c(M = 4, M = 5) : f32 {
}

// -----

// cascade C1
// expected-error@+1 {{parameter 'M' is at least 1, found 0}}
einsum.cascade @c(M = 0) : f32 {
}

// -----

// cascade C1
// expected-error@+1 {{the name of a parameter is an identifier, found 'M + 1'}}
"einsum.cascade"() <{sym_name = "c", param_names = ["M + 1"],
                     param_values = array<i64: 4>, element_type = f32}> ({
^bb0:
}) : () -> ()

// -----

// cascade C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-note@+1 {{first defined here}}
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{defines tensor 'A', but a tensor is defined once}}
  %B = einsum.input "A" : !einsum.tensor<[m], f32>
}

// -----

// cascade C2
einsum.cascade @c() : f32 {
  // expected-error@+1 {{an input has a name}}
  %A = einsum.input "" : !einsum.tensor<[], f32>
}

// -----

// cascade C3
// expected-note@+1 {{ranks of cascade 'c': m}}
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{tensor 'A' has rank 'n', which is not declared}}
  %A = einsum.input "A" : !einsum.tensor<[m, n], f32>
}

// -----

// cascade C4: no step
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{depends on itself within one step: a cycle of tensors needs an access such as `X[i - 1]`}}
  %X = einsum.compute "X" over [m] : [m] = (%Y[m]) {
  ^bb0(%y: f32):
    einsum.yield %y : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  // expected-note@+1 {{through this Einsum}}
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// cascade C4: one step back and one ahead cancel
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{depends on itself within one step}}
  %X = einsum.compute "X" over [m] : [m] = (%Y[m - 1]) init [0.0 : f32] {
  ^bb0(%y: f32):
    einsum.yield %y : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  // expected-note@+1 {{through this Einsum}}
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m + 1]) init [0.0 : f32] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// cascade C4: the step is along a rank that one Einsum of the cycle reduces
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{depends on itself within one step}}
  %X = einsum.compute "X" over [m] : [m] = (%X[m - 1], %S[]) init [0.0 : f32] {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.addf %x, %s : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[], f32>) -> !einsum.tensor<[m], f32>
  // expected-note@+1 {{through this Einsum}}
  %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
}

// -----

// cascade C4: no initial value
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+2 {{reads 'X' one step away, which needs an initial value}}
  // expected-note@+1 {{add `init` to its definition here}}
  %X = einsum.compute "X" over [m] : [m] = (%X[m - 1]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// rank C1
einsum.cascade @c(M = 4) : f32 {
  // expected-error@+1 {{the name of a rank is an identifier, found 'mod'}}
  einsum.rank @mod [M] = M
}

// -----

// rank C1
// expected-note@+1 {{parameters are declared here}}
einsum.cascade @c(M = 4) : f32 {
  // expected-error@+1 {{names parameter 'N', which the cascade does not have}}
  einsum.rank @n [N] = N
}

// -----

// rank C2
einsum.cascade @c(M = 4) : f32 {
  // expected-error@+1 {{the extent of rank 'm' is at least 1, found 0}}
  einsum.rank @m [M] = M floordiv 8
}

// -----

// split C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m1 [M] = M ceildiv 2
  einsum.rank @m0 = 2
  // expected-error@+1 {{splits 'm', which is not a declared rank}}
  einsum.split @m into [m1, m0]
}

// -----

// split C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M ceildiv 2
  // expected-error@+1 {{names part 'm0', which is not a declared rank}}
  einsum.split @m into [m1, m0]
}

// -----

// split C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M
  // expected-error@+1 {{the parts of a rank are distinct, found 'm1' again}}
  einsum.split @m into [m1, m1]
}

// -----

// split C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M
  // expected-error@+1 {{splits a rank into at least 2 parts, found 1}}
  einsum.split @m into [m1]
}

// -----

// split C2
einsum.cascade @c(M = 10) : f32 {
  einsum.rank @m [M] = M
  // expected-note@+1 {{declared here}}
  einsum.rank @m1 [M] = M floordiv 4
  einsum.rank @m0 = 4
  // expected-error@+1 {{'m1' has extent 2, but covering 'm' (10) by parts of 4 takes 3}}
  einsum.split @m into [m1, m0]
}

// -----

// split C2
einsum.cascade @c(M = 10) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @m2 = 1
  einsum.rank @m1 = 4611686018427387904
  einsum.rank @m0 = 4
  // expected-error@+1 {{the parts of 'm' overflow 64 bits}}
  einsum.split @m into [m2, m1, m0]
}

// -----

// split C3
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M ceildiv 2
  einsum.rank @m0 = 2
  // expected-note@+1 {{here}}
  einsum.split @m into [m1, m0]
  // expected-error@+1 {{'m1' is already part of another split}}
  einsum.split @m into [m1, m0]
}

// -----

// compute C1
// expected-note@+1 {{ranks of cascade 'c': none}}
einsum.cascade @c() : f32 {
  // expected-error@+1 {{iterates over 'm', which is not a declared rank}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by add] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{iterates over 'm' twice}}
  %X = einsum.compute "X" over [m, m] : [] = () reduce [m by add] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C1
// expected-note@+1 {{parameters are declared here}}
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{names parameter 'W', which the cascade does not have}}
  %X = einsum.compute "X" over [m][W] : [] = () reduce [m by add] where [m < W] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C1
einsum.cascade @c(m = 4) : f32 {
  einsum.rank @m [m] = m
  // expected-error@+1 {{names 'm' twice: ranks and parameters of an Einsum are distinct}}
  %X = einsum.compute "X" over [m][m] : [] = () reduce [m by add] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{an output is indexed by iteration ranks alone}}
  %X = einsum.compute "X" over [m] : [m + 1] = () {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{the output has rank 'm' twice}}
  %X = einsum.compute "X" over [m] : [m, m] = () {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [M] = M
  // expected-error@+1 {{the output access lists the ranks of the result, found '!einsum.tensor<[n, m], f32>'}}
  %X = einsum.compute "X" over [m, n] : [m, n] = () {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[n, m], f32>
}

// -----

// compute C3
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{rank 'm' is neither in the output nor reduced}}
  %X = einsum.compute "X" over [m] : [] = () {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C3
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{reduces 'm', but the output has that rank: a rank is either kept or reduced}}
  %X = einsum.compute "X" over [m] : [m] = () reduce [m by add] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C3
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{reduces 'm' twice}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by add, m by max] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C3
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{reduces 'n', which it does not iterate over}}
  %X = einsum.compute "X" over [m] : [m] = () reduce [n by add] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C4
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-note@+1 {{the tensor is defined here}}
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{an access has one expression per rank of its tensor: '!einsum.tensor<[m], f32>' has 1 ranks, the access 2}}
  %X = einsum.compute "X" over [m] : [m] = (%A[m, m]) {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// compute C4
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{a filter is over the iteration ranks and parameters}}
  %X = "einsum.compute"() <{tensors = ["X"], ranks = ["m"], params = [],
      output = affine_map<(d0) -> (d0)>, input_maps = [], reductions = [],
      filter = affine_set<(d0, d1) : (d1 - d0 >= 0)>}> ({
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  }) : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C5
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{the map has one argument per input: 1 inputs, 2 arguments}}
  %X = einsum.compute "X" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f32, %b: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// compute C5
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{map argument 0 has type 'f16', its tensor holds 'f32'}}
  %X = einsum.compute "X" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f16):
    einsum.yield %a : f16
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f16>
}

// -----

// compute C5
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{the map yields one scalar per result: 1 results, 2 scalars}}
  %X = einsum.compute "X" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f32):
    einsum.yield %a, %a : f32, f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// compute C5
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{the map yields 'f32' for a tensor of 'f16'}}
  %X = einsum.compute "X" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f16>
}

// -----

// compute C5
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [m] = () {
    // expected-error@+1 {{'builtin.module' is not a scalar operation: bodies hold pure ops without regions}}
    builtin.module {
    }
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// compute C6
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+2 {{reduces 'm' by 'xor', which is no monoid}}
  // expected-note@+1 {{built in: add, mul, max, min, and, or, argmax, argmin}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by xor] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C6
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{monoid 'argmax' combines 2 values at once, but there are 1 results}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by argmax] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C6
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{monoid 'and' combines integers, found 'f32'}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by and] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C6
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-note@+1 {{declared here}}
  einsum.monoid @left identity [0.0 : f16] {
  ^bb0(%a: f16, %b: f16):
    einsum.yield %a : f16
  }
  // expected-error@+1 {{monoid 'left' combines 'f16', but the result holds 'f32'}}
  %X = einsum.compute "X" over [m] : [] = () reduce [m by left] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
}

// -----

// compute C7
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{has one initial value per result, found 2 for 1}}
  %X = einsum.compute "X" over [m] : [m] = (%X[m - 1]) init [0.0 : f32, 1.0 : f32] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// compute C7
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{an initial value has the element type 'f32', found 0 : i32}}
  %X = einsum.compute "X" over [m] : [m] = (%X[m - 1]) init [0 : i32] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}

// -----

// index C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [m] = () {
    // expected-error@+1 {{'n' is not an iteration rank of the enclosing Einsum}}
    %0 = einsum.index "n" : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// param C1
// expected-note@+1 {{parameters are declared here}}
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [m] = () {
    // expected-error@+1 {{'N' is not a parameter of the cascade}}
    %0 = einsum.param "N" : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// monoid C1
einsum.cascade @c() : f32 {
  // expected-error@+1 {{combines two tuples of 1 into one: found 1 arguments and 1 results}}
  einsum.monoid @half identity [0.0 : f32] {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  }
}

// -----

// monoid C1
einsum.cascade @c() : f32 {
  // expected-error@+1 {{value 0 has one type in the identity, both tuples and the result}}
  einsum.monoid @mixed identity [0.0 : f16] {
  ^bb0(%a: f32, %b: f32):
    einsum.yield %a : f32
  }
}

// -----

// monoid C2
einsum.cascade @c() : f32 {
  // expected-error@+1 {{'add' is the name of a built-in monoid}}
  einsum.monoid @add identity [0.0 : f32] {
  ^bb0(%a: f32, %b: f32):
    einsum.yield %a : f32
  }
}

// -----

// monoid C2
einsum.cascade @c() : f32 {
  // expected-error@+1 {{the name of a monoid is an identifier, found 'log add'}}
  einsum.monoid @"log add" identity [0.0 : f32] {
  ^bb0(%a: f32, %b: f32):
    einsum.yield %a : f32
  }
}

// -----

// function C1
einsum.cascade @c() : f32 {
  // expected-error@+1 {{yields one scalar, found 2}}
  einsum.function @two {
  ^bb0(%a: f32):
    einsum.yield %a, %a : f32, f32
  }
}

// -----

// apply C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [m] = () {
    // expected-error@+1 {{applies 'm', which is not a function of the cascade}}
    %0 = einsum.apply @m() : () -> f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// apply C1
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-note@+1 {{declared here}}
  einsum.function @same {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  }
  %X = einsum.compute "X" over [m] : [m] = () {
    // expected-error@+1 {{operand and result types are those of the function}}
    %0 = einsum.apply @same() : () -> f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

// apply C2
einsum.cascade @c() : f32 {
  einsum.function @f {
  ^bb0(%a: f32):
    %0 = einsum.apply @g(%a) : (f32) -> f32
    einsum.yield %0 : f32
  }
  einsum.function @g {
  ^bb0(%a: f32):
    // expected-error@+1 {{function 'g' calls itself}}
    %0 = einsum.apply @f(%a) : (f32) -> f32
    einsum.yield %0 : f32
  }
}

// -----

// types
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{a tensor has each rank once, found 'm' twice}}
  %A = einsum.input "A" : !einsum.tensor<[m, m], f32>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{the element type is a float, integer, index or quantized type, found 'none'}}
  %A = einsum.input "A" : !einsum.tensor<[], none>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{there is no format 'mxpf4'; did you mean 'mxfp4'?}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"mxpf4", f32>>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{'int8' needs to say who shares a scale: 'tensor', 'channel RANK' or 'group(SIZE) RANK'}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"int8", f32>>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{the expressed type is a float type, found 'i8'}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"int8", i8, tensor, "f16">>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{a block holds 1 to 2147483647 elements along a rank, found -4}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"int4", f32, block [e : -4], "f16">>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{'mxfp4' has blocks of 32, found 16}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"mxfp4", f32, block [e : 16], "e8m0">>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{'mxfp4' has no scale type 'f16', only 'e8m0'}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"mxfp4", f32, block [e : 32], "f16">>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{expected who shares a scale, 'tensor', 'channel', 'block' or 'matrix', found 'row'}}
  %A = einsum.input "A" : !einsum.tensor<[], !einsum.quantized<"int8", f32, row [e], "f16">>
}

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{'mxfp4 block e' speaks of rank 'e', which the tensor has not}}
  %A = einsum.input "A" : !einsum.tensor<[m], !einsum.quantized<"mxfp4", f32, block [e : 32], "e8m0">>
}

// -----

einsum.cascade @c(E = 48) : f32 {
  einsum.rank @e [E] = E
  // expected-error@+1 {{'mxfp4 block e' needs an extent of 'e' that is a multiple of 32, found 48}}
  %A = einsum.input "A" : !einsum.tensor<[e], !einsum.quantized<"mxfp4", f32, block [e : 32], "e8m0">>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{'tf32' is a type to compute in, not to store}}
  %A = einsum.input "A" : !einsum.tensor<[], tf32>
}

// -----

// what does not belong
einsum.cascade @c() : f32 {
  // expected-error@+1 {{'arith.constant' is not part of a cascade}}
  %0 = arith.constant 1.0 : f32
}

// -----

// expected-error@+1 {{expects parent op 'einsum.cascade'}}
einsum.rank @m = 4

// -----

// expected-error@+1 {{the body of a cascade has no arguments}}
einsum.cascade @c() : f32 {
^bb0(%x: f32):
}

// -----

// expected-error@+1 {{has one value per parameter}}
"einsum.cascade"() <{sym_name = "c", param_names = ["M"],
                     param_values = array<i64>, element_type = f32}> ({
^bb0:
}) : () -> ()

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{a filter compares with <, <=, >, >= or ==}}
  %X = einsum.compute "X" over [m] : [m] = () where [m] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{a filter holds at least one comparison}}
  %X = einsum.compute "X" over [m] : [m] = () where [] {
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
}

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  // expected-error@+1 {{'reductions' failed to satisfy constraint: array of reductions}}
  %X = "einsum.compute"() <{tensors = ["X"], ranks = ["m"], params = [],
      output = affine_map<(d0) -> ()>, input_maps = [], reductions = ["m"]}> ({
    %0 = arith.constant 1.0 : f32
    einsum.yield %0 : f32
  }) : () -> !einsum.tensor<[], f32>
}

// -----

einsum.cascade @c() : f32 {
  // expected-error@+1 {{names 1 tensors for 0 results}}
  einsum.compute "X" over [] : [] = () {
  } : () -> ()
}

// -----

// Ops are verified before those that refer to them.
einsum.cascade @c(M = 4) : f32 {
  einsum.split @m into [m1, m0]
  einsum.rank @m [M] = M
  einsum.rank @m0 = 2
  // expected-error@+1 {{the extent is one expression of the listed parameters}}
  "einsum.rank"() <{sym_name = "m1", params = [], extent = affine_map<()[s0] -> (s0)>}> : () -> ()
}

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [] = () reduce [m by left] {
    %0 = einsum.apply @f() : () -> f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[], f32>
  // expected-error@+1 {{requires attribute 'identity'}}
  "einsum.monoid"() <{sym_name = "left"}> ({
  ^bb0(%a: f32, %b: f32):
    einsum.yield %a : f32
  }) : () -> ()
}

// -----

einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.compute "X" over [m] : [m] = () {
    %0 = einsum.apply @f() : () -> f32
    einsum.yield %0 : f32
  } : () -> !einsum.tensor<[m], f32>
  // expected-error@+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
  "einsum.function"() <{sym_name = "f"}> ({}) : () -> ()
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], f32>
  // expected-error@+1 {{a gathered coordinate is an integer, found a tensor of}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[g0, n], %I[k]) {
  ^bb0(%a: f32, %i: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], f32>) -> !einsum.tensor<[k, n], f32>
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i128>
  // expected-error@+1 {{a gathered coordinate has at most 64 bits, found a tensor of}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[g0, n], %I[k]) {
  ^bb0(%a: f32, %i: i128):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i128>) -> !einsum.tensor<[k, n], f32>
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i32>
  // expected-error@+1 {{gathers by operand 2: operands are 0 to 1, each at most once, in order}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 2] : [k, n] = (%A[g0, n], %I[k]) {
  ^bb0(%a: f32, %i: i32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i32>) -> !einsum.tensor<[k, n], f32>
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i32>
  // expected-error@+1 {{gathers by operand 1, but no access uses its value}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[k, n], %I[k]) {
  ^bb0(%a: f32, %i: i32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i32>) -> !einsum.tensor<[k, n], f32>
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i32>
  // expected-error@+1 {{an index is read by an affine access}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[g0, n], %I[g0]) {
  ^bb0(%a: f32, %i: i32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i32>) -> !einsum.tensor<[k, n], f32>
}

// -----

// compute C8
einsum.cascade @c(K = 3, N = 4, R = 5) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i32>
  // expected-error@+1 {{a gathered coordinate is added, or multiplied by numbers and parameters}}
  %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[g0 floordiv 2, n], %I[k]) {
  ^bb0(%a: f32, %i: i32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i32>) -> !einsum.tensor<[k, n], f32>
}

// -----

// cascade C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{a result that is read or an output has a name, found ""}}
  %0:2 = einsum.compute "", "I" over [m] : [] = (%X[m]) reduce [m by argmax] {
  ^bb0(%x: f32):
    %i = einsum.index "m" : index
    einsum.yield %x, %i : f32, index
  } : (!einsum.tensor<[m], f32>) -> (!einsum.tensor<[], f32>, !einsum.tensor<[], index>)
  einsum.output %0#0 : !einsum.tensor<[], f32>
}

// -----

// cascade C2
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  // expected-error@+1 {{an Einsum of one result names it}}
  %Y = einsum.compute "" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
}
