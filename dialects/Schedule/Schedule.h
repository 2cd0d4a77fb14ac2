//===- Schedule.h - The schedule dialect ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mapping is a tree. Reading from the root to a compute leaf gives the loop
// nest of one Einsum; where nests share a prefix, the Einsums are fused:
//
//   storage DRAM [Q, K, AV]
//     temporal p tile 256           both Einsums work on 256 queries at a time
//       storage buffer [Q]
//         sequence
//           temporal m ... compute QK on array2d
//           temporal m ... compute LM on array1d
//
// A storage node says where a tensor's tile lives while control is below it; it
// is filled on entry and written back on exit. The verifier refuses trees that
// would compute something else than the cascade (a tensor read before it is
// complete); whether a tree fits a machine is the cost model's question.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_SCHEDULE_H
#define DIALECTS_SCHEDULE_SCHEDULE_H

#include "dialects/Einsum/Einsum.h"

#include "dialects/Schedule/ScheduleDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/Schedule/ScheduleOps.h.inc"

namespace einsum::schedule {

/// The cascade that a mapping refers to; null if there is none of that name.
CascadeOp lookupCascade(MappingOp mapping);

/// Children of a node, in order; empty for a compute leaf.
llvm::SmallVector<mlir::Operation *> getChildren(mlir::Operation *node);

/// When a leaf runs under a loop over a rank that its Einsum does not have: in
/// the loop's first step, or in its last if something it reads is complete only
/// then.
enum class Guard { first, last };

/// A loop above a leaf.
struct LoopAbove {
  mlir::Operation *op = nullptr;
  mlir::StringAttr rank;
  int64_t tile = 1;
  /// Points of `rank` that reach the loop: the tile of the next loop over it
  /// further out, else its extent; none while the extent is unbound.
  std::optional<int64_t> around;
  bool isSpatial = false;
  /// Some Einsum below is a recurrence that reads a later coordinate of `rank`
  /// (`X[i + 1]`): the steps are taken from the last tile to the first.
  bool isDescending = false;
  /// Set if the leaf's Einsum does not iterate over `rank` ...
  std::optional<Guard> guard;
  /// ... unless the loop is above a node with `halo` for what the leaf
  /// produces: then it runs in every visit of that node.
  bool isDemanded = false;

  /// Steps that the loop makes, the last of which may be partial.
  std::optional<int64_t> steps() const;
};

/// A compute leaf with its Einsum and what stands above it.
struct Leaf {
  // Handles, whose queries MLIR does not mark const.
  mutable LeafOp op;
  mutable EinsumInterface einsum;
  llvm::SmallVector<mlir::Operation *, 16>
      path;                               ///< root's child first, `op` last
  llvm::SmallVector<LoopAbove, 12> loops; ///< outermost first

  /// The entry of `loops` for `loop`; null if the loop is not above the leaf.
  const LoopAbove *findLoop(mlir::Operation *loop) const;
  LoopAbove *findLoop(mlir::Operation *loop);
};

/// The name by which a leaf refers to an Einsum: its first named tensor.
llvm::StringRef getEinsumName(EinsumInterface einsum);
/// The name of a tensor of a cascade; empty for an unnamed result.
llvm::StringRef getTensorName(mlir::Value tensor);

/// Leaves in the order of the text, with their guards. Expects that every leaf
/// names an Einsum of the cascade, and no two the same.
std::vector<Leaf> resolveLeaves(MappingOp mapping, CascadeOp cascade);

/// Which moves of a tensor's tile a `schedule.transfer` makes.
enum class Moves { fills, drains };

/// The nearest storage node above `node` that holds `tensor` and does not just
/// pass it on; null if there is none.
StorageOp findNearestHolder(mlir::Operation *node, llvm::StringRef tensor);

/// Fills if the transfer comes before every leaf that touches the tensor below
/// the storage node concerned, drains if it comes after; nullopt for neither.
/// `between`, if given, receives a leaf that stands in the way, or null.
std::optional<Moves> findMoves(TransferOp transfer, llvm::StringRef tensor,
                               llvm::ArrayRef<Leaf> leaves,
                               const Leaf **between = nullptr);

/// Everything that the constraints of `schedule.mapping` say about a mapping
/// and its cascade; emits the first violation. MLIR's verifier calls it when it
/// verifies the module, which a mapping under construction may not want to wait
/// for.
mlir::LogicalResult verifyAgainstCascade(MappingOp mapping, CascadeOp cascade);

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_SCHEDULE_H
