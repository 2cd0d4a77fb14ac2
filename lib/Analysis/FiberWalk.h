//===- FiberWalk.h - Passes over one kind of fiber --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Follows the elements of one fiber through a cascade, Einsum by Einsum, and
// keeps for every tensor U derived from it
//
//   alignment   the coordinate that U[y] stands for, if it is a single one
//   facts       "before U[y] exists, every coordinate in this set has had a
//               touch of level k"
//
// as affine expressions of y. For the fiber QK[:,p] of softmax attention:
//
//   QK[m,p]  aligned with m
//   GM[p]    touches QK at level 1; fact: all m, level 1
//   SN[m,p]  reads QK[m,p], aligned, and GM[p], whose fact is full: level 2
//   SD[p]    fact: all m, level 2
//   A[m,p]   touches SN at level 3
//
// A fact may hold only where some ranks have certain values (`pins`): under a
// causal mask, only the last query has seen all keys. It may speak of elements
// up to or from one of y's coordinates: a running maximum. And it may hold for
// the fibers at one value of the tensor's other ranks, or for all of them.
//
// Each rule lowers levels or keeps them exact, never raises them.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_FIBERWALK_H
#define LIB_ANALYSIS_FIBERWALK_H

#include "lib/Analysis/Coverage.h"

#include <set>

namespace einsum {

/// Results of earlier walks, by tensor and fiber positions.
struct FiberCount;
using FiberKey = std::pair<int, std::vector<int>>;
using WalkMemory = std::map<FiberKey, FiberCount>;

/// A touch that raised the level, with what made it wait.
struct TouchEvent {
  mlir::Operation *touch = nullptr;
  /// Where the touches of this level were all complete; null while they are
  /// not.
  mlir::Operation *barrier = nullptr;
  int before = -1; ///< event
};

/// One read of the fiber's elements, or of what stands for them.
struct Touch {
  int tensor, einsum;
  uint64_t level;
};

/// A tensor that stands for the fiber's elements, and the ranks of the walked
/// tensor by which its fibers still differ.
struct Guise {
  int tensor;
  std::vector<bool> keepsApart;
};

struct FiberCount {
  uint64_t passes = 0;
  std::vector<mlir::Operation *> witness;
  std::vector<mlir::Operation *> partial;
  std::vector<std::pair<int, uint64_t>> stages; ///< Einsum, highest level
  bool oppositeScans = false;
  /// The count is that of the fibers of a recurrence's first step.
  bool isOfFirstStep = false;
  uint64_t perStep = 0, period = 1; ///< passes per so many steps
  mlir::StringAttr growsWith;
  /// Tensors aligned with the fiber that read it directly: its elements in
  /// another guise.
  std::vector<FiberKey> guises;
  /// All of them, and all touches, where the walk did not end in known results.
  std::vector<Guise> aligned;
  std::vector<Touch> touches;
};

/// Recurrences along whose ranks a tensor contains its own previous element.
class SelfReach {
public:
  explicit SelfReach(const CascadeGraph &graph) : graph(graph) {}
  /// True if X[i - 1], other ranks equal, is an ancestor of X[i].
  bool reaches(int tensor, const StepRank &step);

private:
  bool compute(int tensor, const StepRank &step);

  const CascadeGraph &graph;
  std::map<std::pair<int, const void *>, bool> answers;
};

/// Walks the fibers of `key.first` along the ranks at `key.second`. Results in
/// `memory` of tensors computed later are used when the walk narrows to one.
FiberCount walkFiber(const CascadeGraph &graph, Coverer &coverer,
                     SelfReach &reach, const FiberKey &key,
                     const WalkMemory &memory);

} // namespace einsum

#endif // LIB_ANALYSIS_FIBERWALK_H
