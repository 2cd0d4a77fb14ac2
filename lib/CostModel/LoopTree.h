//===- LoopTree.h - A schedule prepared for evaluation ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model. The loop tree lies in one array in preorder, so
// that a subtree is a range of indices, a forward scan visits parents before
// children and a backward scan children before parents. Everything that does not
// depend on tile sizes is resolved here once: which loops multiply an access,
// where a tile comes from, when a leaf runs.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_LOOPTREE_H
#define LIB_COSTMODEL_LOOPTREE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

namespace einsum::cost {

enum class NodeKind : uint8_t { temporal, spatial, storage, sequence, pipeline, leaf };

/// A tensor at a storage node.
struct HeldTensor {
  int tensor = -1;
  /// Storage node that fills and drains this one, with its index there; -1 if
  /// this is where the tensor lives.
  int parent = -1;
  bool fill = false, drain = false;
  /// Distinct accesses of the leaves below: their union is the tile.
  llvm::SmallVector<const AccessFact *, 3> accesses;
  /// Loops above that make control enter anew, and which of them are spatial
  /// and lie between the parent and this node (their tiles are read together).
  llvm::SmallVector<int, 8> loops;
  llvm::SmallVector<int, 2> spatialBetween;
  /// Loops above over ranks that the producer below reduces: later visits
  /// continue a partial sum.
  llvm::SmallVector<int, 2> reductionLoops;
  /// Slots of a pipeline below over which one tile stays live.
  int64_t slots = 1;
  /// A leaf below that the traffic is accounted to.
  int einsum = -1;
};

/// One access of a leaf.
struct LeafAccess {
  const AccessFact *access = nullptr;
  int storage = -1; ///< nearest storage node above that is charged
  int held = -1;    ///< index there
  bool isWrite = false;
  bool inRegisters = false; ///< `storage` is the register file of the leaf's array
};

struct Node {
  NodeKind kind;
  int parent = -1;
  int end = 0; ///< one past the last node of the subtree
  llvm::SmallVector<int, 4> children;
  mlir::Operation *op = nullptr;

  // Loops.
  int rank = -1;
  int outer = -1; ///< next loop above over the same rank, or -1
  int64_t tile = 1, steps = 1;
  bool guardsFirst = false, guardsLast = false; ///< some leaf below runs only then

  // Storage.
  int level = -1;
  llvm::SmallVector<HeldTensor, 4> held;
  int64_t buffers = 1, resident = -1;
  bool shared = false, passthrough = false;
  int streamRank = -1;
  int64_t streamDepth = 0;

  // Children of a pipeline.
  int64_t lag = 0;
  int array = -1;

  // Sequence: for each child but the last, spatial loops through which the sums
  // that the next child waits for have to drain.
  llvm::SmallVector<llvm::SmallVector<int, 2>, 4> drains;

  // Leaf.
  int einsum = -1;
  uint64_t cyclesPerPoint = 0;
  double energyPerPoint = 0;
  llvm::SmallVector<LeafAccess, 4> accesses;
  llvm::SmallVector<int, 12> path; ///< loops above, outermost first
  llvm::SmallVector<std::pair<int, schedule::Guard>, 2> guards;

  bool isLoop() const {
    return kind == NodeKind::temporal || kind == NodeKind::spatial;
  }
  bool isGuardedBy(int loop) const;
};

struct LoopTree {
  std::vector<Node> nodes;
  std::vector<int> leaves;
  const CascadeFacts *facts = nullptr;
  const arch::ArchSpec *arch = nullptr;

  bool contains(int ancestor, int node) const {
    return ancestor <= node && node < nodes[ancestor].end;
  }
  bool isRegisterFileOf(int level, int array) const {
    return arch->levels[level].perArray >= 0 && arch->arrays[array].level == level;
  }
  /// Tiles of every rank where control reaches `node`.
  void tilesAt(int node, llvm::SmallVectorImpl<int64_t> &tiles) const;
  /// Recomputes the steps of all loops; the index of a loop whose tile does not
  /// divide the tile around it, or -1.
  int updateSteps();
};

/// Resolves names and precomputes relations. Emits located errors and fails when
/// the schedule does not fit the architecture's names and operators.
mlir::FailureOr<LoopTree> buildLoopTree(schedule::MappingOp mapping,
                                        const CascadeFacts &facts,
                                        const arch::ArchSpec &arch);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_LOOPTREE_H
