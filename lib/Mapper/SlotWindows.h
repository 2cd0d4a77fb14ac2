//===- SlotWindows.h - What meets in the slots of a pipeline ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Slot s of a pipeline runs a stage of lag l on iteration s - l. Stages that a
// loop guards run in some iterations only, so that slots differ: which stages
// could run in one depends on the iterations s, s-1, ..., s-L alone, its
// window. Over three iterations of stages a and b, of which b runs in the last
// (L = 1; most recent iteration first):
//
//   slot   0        1        2        3
//   window a,-      a,a      ab,a     -,ab
//
// Windows and how often each occurs do not depend on lags or on what a stage
// takes, so that they are counted once; loops repeat in logarithmic time.
// Iterations in which nothing runs are none, as in the cost model. Counts that
// exceed 64 bits are reported, not wrapped.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOTWINDOWS_H
#define LIB_MAPPER_SLOTWINDOWS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace einsum::mapper {

/// One bit per stage.
using StageSet = uint32_t;
inline constexpr size_t maxStages = 32;

/// Iterations in order: `parts` one after another, `times` times; without parts
/// one iteration, in which the stages in `active` run.
struct Iterations {
  uint64_t times = 1;
  StageSet active = ~StageSet{0};
  std::vector<Iterations> parts;

  /// How often a stage runs; saturates.
  uint64_t countOf(size_t stage) const;
};

struct SlotWindow {
  /// [l]: the stages of lag l that would run.
  std::vector<StageSet> active;
  uint64_t count = 0;
};

struct SlotWindows {
  std::vector<SlotWindow> windows; ///< in a fixed order
  bool overflow = false;
};

/// Of iterations of the stages in `all`, for lags of up to `longestLag`.
SlotWindows countWindows(const Iterations &iterations, StageSet all,
                         size_t longestLag);

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOTWINDOWS_H
