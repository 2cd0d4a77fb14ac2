//===- Plan.h - What every visit of a storage node needs --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A storage node is filled on entry, so whoever fills it knows what will be
// read below. The plan is that knowledge, found by walking the tree once
// without values: for every visit v of every storage node, unit and tensor, the
// sets
//
//   R(v)  elements that points executed below read
//   W(v)  elements that points executed below make or contribute to
//
// of section 2 of dialects/Schedule/README.md, element by element. From them:
//
//   fetch    R minus W, without what a retained halo still holds
//   made     W, each with whether later points contribute (it is incomplete)
//   reserve  the space of the largest tile
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_PLAN_H
#define LIB_SIMULATOR_PLAN_H

#include "lib/Simulator/Walk.h"

namespace einsum::sim {

struct MadeElement {
  int64_t element = 0;
  bool incomplete = false; ///< after the visit
};

/// Sorted by element.
struct TilePlan {
  std::vector<int64_t> fetch;
  std::vector<int64_t> kept; ///< from the previous visit, with a retained halo
  std::vector<MadeElement> made;
  /// The tile in row-major order, for a node that holds only its first
  /// elements.
  std::vector<int64_t> tile;
};

struct UnitPlan {
  llvm::SmallVector<TilePlan, 3> tiles; ///< per held tensor
  /// Intervals that halos set: (rank, lo, hi).
  llvm::SmallVector<std::tuple<int, int64_t, int64_t>, 1> halos;
};

struct VisitPlan {
  bool happens = false; ///< some leaf below has a point
  std::vector<UnitPlan> units;
};

struct HeldPlan {
  /// Per element: the last visit that fetches it.
  std::vector<int64_t> lastFetch;
  bool readOutside = false; ///< by a leaf that is not below the node
  /// Bytes reserved per unit and copy.
  uint64_t reserved = 0;
};

struct StoragePlan {
  std::vector<VisitPlan> visits;
  std::vector<HeldPlan> held;
};

struct Plan {
  std::vector<StoragePlan> storages; ///< per node
  /// Per pipeline, and per child of a sequence or pipeline: whether something
  /// happens, arrival by arrival. A transfer happens where a sibling does.
  std::vector<std::vector<char>> arrivals;
  /// Per node of these, and per storage node: in how many visits.
  std::vector<uint64_t> happened;
};

/// Emits an error, and fails, if the schedule unfolds into more than `limit`
/// steps.
mlir::FailureOr<Plan> makePlan(const Points &points, const Program &program,
                               int64_t limit);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_PLAN_H
