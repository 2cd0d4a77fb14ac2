//===- Patience.h - When a search has gone on for long enough ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A search that leaves tiles out proves nothing however long it goes on; it is
// worth its time only while it finds what is better. It has gone on for long
// enough once it has found nothing better for as long as it took to find the
// best, and for a few seconds at least. These are seconds of work, of all cores
// together, so that a busy machine finds what an idle one does:
//
//   0.2 s 413 mJ   0.6 s 364 mJ   3.1 s 339 mJ   6.2 s over
//
// A search of another form of the same cascade begins with what is known, and
// has a quarter of that time.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_PATIENCE_H
#define LIB_MAPPER_PATIENCE_H

#include <atomic>
#include <functional>
#include <limits>

namespace einsum::mapper {

class Patience {
public:
  /// `clock`: seconds of work since the first search began.
  explicit Patience(std::function<double()> clock) : clock(std::move(clock)) {}

  /// A search begins that waits for `share` of the time until the last find.
  void begin(double share);
  /// A mapping of this value is known.
  void note(double value);
  /// May be asked by several threads at once.
  bool isOver() const { return clock() > end; }

private:
  /// What is better by less is no find.
  static constexpr double kLeastGain = 1e-3;
  static constexpr double kLeastSeconds = 2.5;
  void waitFrom(double begun);

  std::function<double()> clock;
  double share = 1, lastFind = 0;
  double best = std::numeric_limits<double>::infinity();
  std::atomic<double> end = std::numeric_limits<double>::infinity();
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_PATIENCE_H
