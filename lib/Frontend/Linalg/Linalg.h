//===- Linalg.h - From functions on tensors to cascades ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ML compilers hold a model as functions of linalg ops. A function without
// control flow is a cascade: each linalg op is an Einsum, its loops are ranks.
//
//   func.func @f(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>) -> ... {
//     %y = linalg.matmul ins(%x, %w) outs(%zeros)
//     %z = linalg.generic ... { arith.maximumf %in, %c0 }
//
//   cascade f(I=8, J=4, K=16) : f32
//     input X0[i,k], X1[k,j]
//     T0[i,j] = X0[i,k] * X1[k,j]
//     T1[i,j] = max(T0[i,j], 0)
//     output T1
//
// Ranks. A dimension takes the rank of the loop that walks it, a loop that of a
// tensor computed before, so that one rank runs through the whole cascade;
// loops of one op keep apart even where they walk one tensor (`X X^T`). Extents
// that are `?` are parameters to be bound.
//
// Bodies. What a reducing op does with the element that it accumulates has to
// be its last step, by a monoid; an accumulator that starts at something else
// than the identity becomes an Einsum more. Products of one narrow type that
// are widened and summed say `computes_in`, so that arrays for that type, which
// sum in a wider one, run them without conversions. Accesses are taken as they
// are: strides, windows, broadcasts, transposed operands.
//
// Views. `tensor.expand_shape`, `collapse_shape`, `extract_slice` and ops that
// only rearrange move nothing: what reads them reads their source, at other
// coordinates.
//
// Parts. `tensor.pad`, `insert_slice` and `concat` become what stands where: a
// sum over the one element that is placed at a point, or over none; where
// something else stands than the identity of a monoid, a choice by coordinates.
//
// Names. A tensor is called what the string attribute `einsum.name` of the
// argument or op says, or what its location does; `einsum.weight` marks
// arguments that belong to a model.
//
// Refused, at its line: control flow, calls, scalars as arguments, parts
// whose place or size is not known, padding that is no constant, accumulations
// that are no monoid, results addressed by more than loops.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_LINALG_LINALG_H
#define LIB_FRONTEND_LINALG_LINALG_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace einsum {

#define GEN_PASS_DECL
#include "lib/Frontend/Linalg/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Frontend/Linalg/Passes.h.inc"

namespace frontend {

/// The dialects that such functions are written in.
void registerLinalgDialects(mlir::DialectRegistry &registry);

/// Whether there are functions with a body, and no cascade.
bool holdsFunctions(mlir::ModuleOp module);

/// Replaces each function by a cascade of its name. Fails with located errors.
mlir::LogicalResult convertFunctions(mlir::ModuleOp module);

} // namespace frontend
} // namespace einsum

#endif // LIB_FRONTEND_LINALG_LINALG_H
