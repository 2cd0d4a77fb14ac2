//===- SlopeSpace.h - Fused tilings of a two-level machine ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The space that a ski slope is searched in (README.md says it whole): a
// cascade is cut into groups of consecutive Einsums; a group shares some outer
// loops, and each tensor is held near from some loop on. A SlopeConfig is one
// choice for one group, in numbers:
//
//   loops p:256                      P = 4096, M = 4096, E = 64
//   Q below 1 loop, A below 1 loop   tiles [256,64], [4096,256]
//   K private to QK                  streamed, one row at a time
//
// What it moves and what it holds are closed forms of the tile sizes, which
// SlopeSchedule.h turns into a schedule that the cost model counts the same.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOPESPACE_H
#define LIB_MAPPER_SLOPESPACE_H

#include "lib/Analysis/CascadeFacts.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::mapper {

/// A loop that all Einsums of a group share.
struct SlopeLoop {
  int rank = -1;
  int64_t tile = 1;
};

/// How a group holds one tensor.
struct SlopeHold {
  int tensor = -1;
  /// Below so many shared loops; -1: private to each Einsum that touches it,
  /// which streams it.
  int depth = 0;
  /// It lives on the far side: it is fetched, and written back if produced
  /// here.
  bool isFar = true;
  /// Overwritten in place by this tensor, or -1: both take one space.
  int overwrittenBy = -1;
};

struct SlopeConfig {
  llvm::SmallVector<int, 8> einsums;     ///< in order
  llvm::SmallVector<SlopeLoop, 4> loops; ///< outermost first
  std::vector<SlopeHold> holds;

  std::string describe(const CascadeFacts &facts) const;
};

struct SlopeCost {
  uint64_t movedBytes = 0; ///< between near and far
  uint64_t heldBytes = 0;  ///< at most, near
};

/// A tensor that one Einsum streams: held below `loops` of that Einsum, which
/// are stepped one by one.
struct SlopeStream {
  int tensor = -1;
  llvm::SmallVector<int, 4>
      loops; ///< in addition to those of the streams before
};

/// The order in which an Einsum streams its private tensors so that none is
/// fetched twice and the least space is taken.
std::vector<SlopeStream> orderStreams(const CascadeFacts &facts,
                                      const SlopeConfig &config, int einsum);

/// What a configuration moves and holds.
SlopeCost evaluate(const CascadeFacts &facts, const SlopeConfig &config);

/// Calls `visit` for every configuration of the group [first, last).
void enumerateGroup(
    const CascadeFacts &facts, int first, int last,
    llvm::function_ref<void(const SlopeConfig &, SlopeCost)> visit);

/// Positions at which the cascade may be cut into groups, 0 and the number of
/// Einsums included: Einsums of one recurrence stay together.
std::vector<int> findCuts(const CascadeFacts &facts);

/// Tile sizes that are tried for an extent: divisors first, then sizes that
/// give other numbers of steps, at most `most` in all, spread evenly by ratio.
std::vector<int64_t> tilesOf(int64_t extent, size_t most);

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOPESPACE_H
