//===- Model.h - The parts of an evaluation ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model: what each part reads and writes. The scratch space
// lives across evaluations so that repeating one allocates nothing.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_MODEL_H
#define LIB_COSTMODEL_MODEL_H

#include "lib/CostModel/CostModel.h"
#include "lib/CostModel/Counting.h"
#include "lib/CostModel/LoopTree.h"

namespace einsum::cost {

struct Scratch {
  Counter counter;
  llvm::SmallVector<int64_t> tiles;
  /// [node * levels + level]: bytes moved by events at the node itself, then,
  /// after `sumOverSubtrees`, anywhere below it.
  std::vector<Traffic> nodeTraffic;
  /// [node * levels + level]: most bytes held at once at the level.
  std::vector<uint64_t> occupancy;
  /// Times control reaches the node.
  std::vector<uint64_t> visits;
  /// Per guarding loop: whether the step being timed is the first, last or both.
  std::vector<uint8_t> stepState;
};

/// Words of `tensor` that `accesses` touch while rank r runs over tiles[r]
/// values. With `carried`, an iterative rank counts only its carried steps.
uint64_t tileWords(const CascadeFacts &facts, int tensor,
                   llvm::ArrayRef<const AccessFact *> accesses,
                   llvm::ArrayRef<int64_t> tiles, bool carried);

/// Words and accesses per level, tensor and Einsum; registers included.
void countAccesses(const LoopTree &tree, Scratch &scratch, Evaluation &result);

/// Peak occupancy per level; fills `violations`.
void computeOccupancy(const LoopTree &tree, Scratch &scratch, Evaluation &result,
                      std::vector<CapacityViolation> &violations,
                      llvm::SmallVectorImpl<int> &violatedAt);

/// Cycles, latency, utilisation and what binds them.
void computeLatency(const LoopTree &tree, Scratch &scratch, Evaluation &result);

/// Times a leaf runs: its temporal loops, guards left out.
uint64_t leafRuns(const LoopTree &tree, const Node &leaf, Counter &counter);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_MODEL_H
