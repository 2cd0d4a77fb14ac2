//===- LoopTree.h - A schedule prepared for evaluation ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model. The loop tree lies in one array in preorder, so
// that a subtree is a range of indices, a forward scan visits parents before
// children and a backward scan children before parents. Everything that does
// not depend on tile sizes is resolved here once: who touches a tile, where it
// comes from, when a leaf runs.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_LOOPTREE_H
#define LIB_COSTMODEL_LOOPTREE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

namespace einsum::cost {

enum class NodeKind : uint8_t {
  temporal,
  spatial,
  storage,
  sequence,
  pipeline,
  leaf,
  transfer
};

enum class Halo : uint8_t { refetched, retained, recomputed };

/// One leaf's read or write of a tensor.
struct Use {
  int leaf = -1; ///< node
  const AccessFact *access = nullptr;
  bool isWrite = false;
};

/// A tensor at a storage node.
struct HeldTensor {
  int tensor = -1;
  /// Storage node that fills and drains this one; -1 if the tensor lives here.
  int parent = -1;
  /// Accesses of the leaves below: their union is the tile.
  llvm::SmallVector<Use, 3> uses;
  bool isProducedBelow = false;
  /// Slots of a pipeline below over which one tile stays live.
  int64_t slots = 1;
  /// A leaf's Einsum that the traffic is accounted to.
  int einsum = -1;
  /// Transfer nodes below that make its fills and its drains, or -1.
  int fillMover = -1, drainMover = -1;
};

/// One access of a leaf.
struct LeafAccess {
  Use use;
  int storage = -1; ///< nearest storage node above that is charged
  int held = -1;    ///< index there
  bool inRegisters =
      false; ///< `storage` is the register file of the leaf's array
  /// Loops below this one leave the operand in the unit; -1: below `storage`
  /// nothing changes it.
  int latch = -1;
};

/// A rank whose interval at a storage node is what readers below ask for.
struct Demand {
  int rank = -1;
  int tensor = -1;
  unsigned coordinate = 0;        ///< of the tensor, along the rank
  llvm::SmallVector<Use, 2> uses; ///< by those who ask
  llvm::SmallVector<const Coordinate *, 2> readers;
  /// The same, as forms over rank numbers.
  llvm::SmallVector<AffineForm, 2> forms;
  /// What is asked for is always the hull of the forms over the box, and moves
  /// evenly with it.
  bool isHull = false;
};

struct Node {
  NodeKind kind;
  int parent = -1;
  int end = 0; ///< one past the last node of the subtree
  llvm::SmallVector<int, 4> children;
  mlir::Operation *op = nullptr;

  // Loops.
  int rank = -1;
  int outer = -1;    ///< next loop above over the same rank, or -1
  int64_t given = 1; ///< as the schedule says
  int64_t tile = 1;  ///< no more than the loop around it over the rank leaves
  int64_t around = 1, steps = 1; ///< of a full tile, as it is reached
  /// Of a full tile, whatever readers ask for.
  int64_t fullAround = 1, fullSteps = 1;
  uint64_t units = 0;  ///< of the array dimension, for a spatial loop
  uint64_t stride = 1; ///< units from one of its steps to the next
  llvm::StringRef dim; ///< its name
  int dimLevel = -1;   ///< the level whose instances stand along it
  bool descends = false;
  bool guardsFirst = false,
       guardsLast = false; ///< some leaf below runs only then

  // Storage.
  int level = -1;
  llvm::SmallVector<HeldTensor, 4> held;
  int64_t buffers = 1, resident = -1;
  bool shared = false, passthrough = false;
  int streamRank = -1;
  int64_t streamDepth = 0;
  Halo halo = Halo::refetched;
  llvm::SmallVector<Demand, 0> demands; ///< of consumers before producers
  /// Some tensor here is produced in every visit, whatever loops are above.
  bool producesAnew = false;

  // Pipeline: one stage per child.
  struct Stage {
    int64_t lag = 0;
    int resource = -1; ///< array, or arrays + DMA engine
    unsigned resourceNumber = 0, lagNumber = 0; ///< among those that occur
  };
  llvm::SmallVector<Stage, 0> stages;
  llvm::SmallVector<int64_t, 0> lags; ///< that occur
  unsigned resources = 0;
  int64_t longestLag = 0;

  // Sequence, or a pipeline that counts as one: for each child but the last,
  // spatial loops through which the sums that the next child waits for have to
  // drain.
  llvm::SmallVector<llvm::SmallVector<int, 2>, 4> drains;

  // Leaf.
  int einsum = -1, array = -1;
  uint64_t cyclesPerPoint = 0;
  uint64_t latencyBeyond = 0; ///< cycles until a result is there, beyond those
  struct Operator {
    std::string name;
    uint64_t perPoint;
    double energyPj; ///< of all of them at one point
  };
  std::vector<Operator> operators;
  double energyPerPoint = 0;
  llvm::SmallVector<LeafAccess, 4> accesses;
  llvm::SmallVector<int, 12> path; ///< loops above, outermost first
  llvm::SmallVector<std::pair<int, schedule::Guard>, 2> guards;

  // Transfer.
  int engine = -1;

  bool isLoop() const {
    return kind == NodeKind::temporal || kind == NodeKind::spatial;
  }
  bool isGuardedBy(int loop) const;
};

struct LoopTree {
  std::vector<Node> nodes;
  std::vector<int> leaves; ///< in order
  /// Who touches a tensor: leaves' accesses, as (leaf, access), in order; and
  /// all nodes, transfers included, in order.
  std::vector<llvm::SmallVector<std::pair<int, int>, 2>> accessesOf;
  std::vector<llvm::SmallVector<int, 2>> touchesOf;
  const CascadeFacts *facts = nullptr;
  const arch::ArchSpec *arch = nullptr;
  bool hasDemands = false; ///< or produces anew, somewhere
  /// The steps of some leaf depend on more than sizes: on what is asked for, or
  /// on a filter over a rank that units walk each for themselves.
  bool hasUnevenSteps = false;
  /// Every tile divides the tile around it (after `updateSteps`).
  bool perfect = true;

  bool contains(int ancestor, int node) const {
    return ancestor <= node && node < nodes[ancestor].end;
  }
  /// Leaves below a node.
  llvm::ArrayRef<int> leavesBelow(int node) const;
  /// Nodes from `first` on, before `end`, that touch a tensor.
  llvm::ArrayRef<int> touchesWithin(int tensor, int first, int end) const;
  bool isRegisterFileOf(int level, int array) const {
    return arch->levels[level].perArray >= 0 &&
           arch->arrays[array].level == level;
  }
  /// Sizes of the tile of every rank where control reaches `node`, at most.
  void tilesAt(int node, llvm::SmallVectorImpl<int64_t> &tiles) const;
  /// Recomputes the steps of all loops; the index of a spatial loop that needs
  /// more units than its dimension has, or -1.
  int updateSteps();

private:
  /// Finds how far apart the units of a leaf's spatial loops are; returns what
  /// `updateSteps` does.
  int placeUnits(int leaf);
};

/// Resolves names and precomputes relations. Emits located errors and fails
/// when the schedule does not fit the architecture's names and operators.
mlir::FailureOr<LoopTree> buildLoopTree(schedule::MappingOp mapping,
                                        const CascadeFacts &facts,
                                        const arch::ArchSpec &arch);

/// An error for a spatial loop with more steps than units.
mlir::InFlightDiagnostic refuseUnits(const LoopTree &tree, int loop);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_LOOPTREE_H
