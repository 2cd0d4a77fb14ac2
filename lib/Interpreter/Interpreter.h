//===- Interpreter.h - A cascade evaluated from its definition --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The value of every tensor of a cascade, computed as the dialect defines it
// and in no cleverer way, so that whatever is cleverer can be compared with it:
//
//   for every element of Z that is present:
//     for every point of its reductions that satisfies the conditions:
//       combine the accumulator with the map of the elements read
//
// Points are visited in the order of the text, reductions in theirs. A sum in a
// narrow type therefore has one value, bit for bit. Einsums run in the order of
// orderEvaluation, those of a recurrence step by step.
//
//   GM[p] = max(m) QK[m,p] over QK = | 1 5 |   gives GM = 3 5
//                                    | 3 2 |
//
// Absent elements, initial values and reductions without points follow the
// description of `einsum.compute`; Presence.h has the first.
//
// Trusts a verified cascade. Refuses, with an error at the place: parameters
// without value, inputs that are missing or of other extents, more points or
// elements than allowed, number formats that do not fit their tensors, types
// and operations that ScalarProgram refuses, and, where it happens, a division
// of an integer by zero.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_INTERPRETER_H
#define LIB_INTERPRETER_INTERPRETER_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Interpreter/Tensor.h"

#include <map>

namespace einsum::interp {

/// By name.
using TensorMap = std::map<std::string, Tensor>;

struct InterpretOptions {
  Arithmetic arithmetic = Arithmetic::reference();
  /// Of all iteration spaces together, and of all tensors together.
  uint64_t maxPoints = uint64_t{1} << 31;
};

/// Every tensor of a cascade with its values.
struct Interpretation {
  std::vector<Tensor>
      tensors; ///< inputs, then results, in the order of the text
  llvm::DenseMap<mlir::Value, unsigned> positions;

  const Tensor &get(mlir::Value value) const {
    return tensors[positions.lookup(value)];
  }
  /// Null if there is none of this name.
  const Tensor *find(llvm::StringRef name) const;
};

/// Points of all iteration spaces, filters not applied; fails, with an error,
/// when parameters are unbound or 64 bits do not hold it.
mlir::FailureOr<uint64_t> countPoints(CascadeOp cascade);

/// Names, ranks and extents of a tensor, with values of 0 in `format`.
mlir::FailureOr<Tensor> makeTensor(CascadeOp cascade, mlir::Value value,
                                   llvm::StringRef name,
                                   const NumberFormat &format);

/// Evaluates the cascade. Inputs are rounded to the format that they have in
/// this arithmetic.
mlir::FailureOr<Interpretation> interpret(CascadeOp cascade,
                                          const TensorMap &inputs,
                                          const InterpretOptions &options = {});

} // namespace einsum::interp

#endif // LIB_INTERPRETER_INTERPRETER_H
