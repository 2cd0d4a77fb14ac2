//===- CompareTensors.h - How far two results are apart ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two tensors of the same extents, element by element:
//
//   absolute error   |a - b|
//   relative error   |a - b| / max(|a|, |b|)
//   scaled error     |a - b| / largest magnitude in either tensor
//
// The scaled error is what a tolerance is compared with: rounding leaves an
// error in proportion to the numbers that were added, not to a sum that happens
// to be near 0. Elements that are no numbers agree if both are NaN or both the
// same infinity; everything else between a number and NaN or an infinity is a
// mismatch, as is an element that only one of the tensors has.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_COMPARETENSORS_H
#define LIB_INTERPRETER_COMPARETENSORS_H

#include "lib/Interpreter/Tensor.h"

#include <optional>

namespace einsum::interp {

/// A pair of elements that stands out.
struct Deviation {
  double error = 0;
  uint64_t position = 0;
  double left = 0, right = 0;
};

struct Comparison {
  Deviation absolute, relative; ///< the largest; error 0 if all are equal
  double scaled = 0;            ///< the largest
  uint64_t compared = 0;        ///< elements that are finite in both
  uint64_t nanMismatches = 0, infMismatches = 0, presenceMismatches = 0;
  std::optional<Deviation> firstMismatch;

  bool agrees(double tolerance) const {
    return nanMismatches + infMismatches + presenceMismatches == 0 &&
           scaled <= tolerance;
  }
};

Comparison compareTensors(const Tensor &left, const Tensor &right);

/// How far a tensor is from what it should hold, over elements that are finite
/// in both.
struct ErrorSummary {
  double largest = 0; ///< |exact - actual|
  double rms = 0;
  /// 10 log10(sum of exact^2 / sum of errors^2); infinite without errors.
  double sqnrDb = 0;
  uint64_t compared = 0, mismatches = 0;
};

ErrorSummary measureError(const Tensor &exact, const Tensor &actual);

/// What a person wants to know of a tensor at first.
struct TensorSummary {
  uint64_t elements = 0, absent = 0, nan = 0, infinite = 0;
  /// Of the finite ones; 0 if there are none.
  double minimum = 0, maximum = 0, mean = 0, rms = 0;
};

TensorSummary summarize(const Tensor &tensor);

} // namespace einsum::interp

#endif // LIB_INTERPRETER_COMPARETENSORS_H
