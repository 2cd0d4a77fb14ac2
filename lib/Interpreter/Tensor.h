//===- Tensor.h - Values over named ranks -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dense block of 64-bit values, last rank innermost, each a value of one
// number format. An element that no point defines is absent: `present` says so,
// and its value counts for nothing. QK[m,p] under `where m <= p`, extents 2, 2:
//
//   values   q00  q01  -  q11      present   1 1 0 1
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_TENSOR_H
#define LIB_INTERPRETER_TENSOR_H

#include "lib/Interpreter/NumberFormat.h"

#include <string>
#include <vector>

namespace einsum::interp {

struct Tensor {
  std::string name; ///< empty for an unnamed result
  std::vector<std::string> ranks;
  std::vector<int64_t> extents;
  const NumberFormat *format = nullptr;
  std::vector<Scalar> values;
  std::vector<uint8_t> present; ///< empty if all are

  uint64_t size() const { return values.size(); }
  bool isPresent(uint64_t i) const { return present.empty() || present[i]; }
  double toDouble(uint64_t i) const { return format->toDouble(values[i]); }
  std::vector<double> toDoubles() const;

  /// Position of an element, and back.
  uint64_t flatten(llvm::ArrayRef<int64_t> coordinates) const;
  llvm::SmallVector<int64_t> unflatten(uint64_t i) const;
  /// The element at these coordinates.
  double at(llvm::ArrayRef<int64_t> coordinates) const {
    return toDouble(flatten(coordinates));
  }
};

/// "[m = 3, p = 0]"; "[]" without ranks.
std::string printPoint(llvm::ArrayRef<std::string> ranks,
                       llvm::ArrayRef<int64_t> coordinates);

} // namespace einsum::interp

#endif // LIB_INTERPRETER_TENSOR_H
