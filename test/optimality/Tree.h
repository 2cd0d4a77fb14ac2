//===- Tree.h - A mapping as plain data -------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A loop tree in two parts. The *frame* is what several Einsums have in common:
// shared loops, what is held above and between them, sequences and pipelines.
// Where its branches end stands one Einsum each, whose *nest* is a chain of
// steps down to the leaf:
//
//   storage DRAM [X, Z]                        frame
//     temporal m tile 2                        frame
//       storage L1 [Y]                         frame
//         sequence
//           temporal m tile 1, compute Y       nest of Y
//           storage L1 [Z], temporal m ...     nest of Z
//
// Numbers are those of CascadeFacts and ArchSpec.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_TREE_H
#define TEST_OPTIMALITY_TREE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include "mlir/IR/Builders.h"

namespace einsum::optimality {

/// A holder of one tensor, or a loop.
struct Step {
  enum Kind : uint8_t { holder, temporal, spatial } kind = holder;
  int tensor = -1, level = -1;
  int rank = -1;
  int64_t tile = 1;
  int dim = -1;          ///< of the array
  const char *halo = ""; ///< of a holder

  static Step hold(int tensor, int level) {
    return {holder, tensor, level, -1, 1, -1, ""};
  }
  static Step loop(int rank, int64_t tile) {
    return {temporal, -1, -1, rank, tile, -1, ""};
  }
  static Step deal(int rank, int64_t tile, int dim) {
    return {spatial, -1, -1, rank, tile, dim, ""};
  }
};

using Nest = std::vector<Step>;

/// A node of a frame. Steps come first; then the children, or, if there are
/// none, the nest of `einsum`.
struct Frame {
  std::vector<Step> steps;
  std::vector<Frame> children;
  bool isPipeline = false;
  std::vector<int64_t> lags;
  int einsum = -1;
};

/// A whole mapping: a frame, and per Einsum its array and its nest.
struct Tree {
  Frame frame;
  std::vector<int> backing; ///< tensors that live at the backing level
  std::vector<int> array;
  std::vector<Nest> nest;
};

/// Makes the `schedule` IR of `tree` below an empty `mapping`.
void buildTree(const Tree &tree, const CascadeFacts &facts,
               const arch::ArchSpec &arch, mlir::OpBuilder &builder,
               schedule::MappingOp mapping);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_TREE_H
