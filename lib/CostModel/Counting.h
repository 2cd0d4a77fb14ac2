//===- Counting.h - 64-bit counts that notice overflow ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_COUNTING_H
#define LIB_COSTMODEL_COUNTING_H

#include <cstdint>
#include <functional>

namespace einsum::cost {

/// Products and sums of counts; `overflowed` stays set once one did not fit.
struct Counter {
  bool overflowed = false;
  /// Asked now and then where much is counted: whether to give up.
  const std::function<bool()> *shouldStop = nullptr;
  bool isStopped() const { return shouldStop && (*shouldStop)(); }

  uint64_t mul(uint64_t a, uint64_t b) {
    uint64_t product;
    overflowed |= __builtin_mul_overflow(a, b, &product);
    return product;
  }
  void add(uint64_t &sum, uint64_t value) {
    overflowed |= __builtin_add_overflow(sum, value, &sum);
  }
  /// a * b / c without an intermediate overflow.
  uint64_t mulDiv(uint64_t a, uint64_t b, uint64_t c) {
    unsigned __int128 quotient = static_cast<unsigned __int128>(a) * b / c;
    overflowed |= quotient > UINT64_MAX;
    return static_cast<uint64_t>(quotient);
  }
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_COUNTING_H
