//===- Program.h - A schedule, resolved -------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loop tree with names looked up: ranks, tensors and Einsums of the
// cascade, levels and arrays of the machine. What follows from the tree alone,
// whatever the sizes, is found here once:
//
//   home     the storage node that serves an access of a leaf
//   parent   the storage node that fills and drains another
//   guard    a leaf runs only in the first, or the last, step of a loop over a
//            rank that its Einsum lacks
//   group    the loop whose next step makes a unit drop an operand it has
//   latched region   the node whose visit a pipeline needs to run dry
//
// Rules are quoted from dialects/Schedule/README.md by section.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_PROGRAM_H
#define LIB_SIMULATOR_PROGRAM_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Simulator/Points.h"

namespace einsum::sim {

enum class NodeKind {
  temporal,
  spatial,
  storage,
  sequence,
  pipeline,
  leaf,
  transfer
};
enum class Halo { refetched, retained, recomputed };

/// Whether a guarded leaf runs in the first step of a loop or in the last.
struct StepGuard {
  int loop = -1;
  bool last = false;
};

/// A tensor at a storage node.
struct Held {
  int tensor = -1;
  int parent = -1; ///< storage node, or -1: the tensor lives here
  int parentSlot = -1;
  bool madeBelow = false;
  /// Transfer nodes that make its fills and its drains; -1: the node itself.
  int fillsAt = -1, drainsAt = -1;
};

/// How a leaf reaches an operand or a result.
struct Port {
  int tensor = -1;
  int read = -1;  ///< which read of the Einsum; -1 for a result
  int home = -1;  ///< storage node
  int slot = -1;  ///< of the tensor there
  int group = -1; ///< loop that ends a latch group; -1: the home's visit does
  bool inRegisters = false; ///< home is the register file of the leaf's array
};

struct Node {
  NodeKind kind = NodeKind::leaf;
  mlir::Operation *op = nullptr;
  int parent = -1, end = 0; ///< the subtree is [this, end)
  int child = -1;           ///< which child of the parent
  llvm::SmallVector<int, 4> children;

  // Loops.
  int rank = -1;
  int64_t tile = 1;
  int64_t around = 1; ///< what the tile divides in a full tile
  int64_t asked = 1;  ///< the same, of what readers ask for at most
  bool descends = false;
  std::string dim;
  int64_t stride = 1; ///< units from one step to the next, of a spatial loop

  // Storage.
  int level = -1;
  llvm::SmallVector<Held, 4> held;
  int64_t buffers = 1, resident = -1, depth = 1;
  int streamRank = -1;
  bool shared = false, passthrough = false;
  Halo halo = Halo::refetched;

  // Pipelines.
  llvm::SmallVector<int64_t, 8> lags;
  int region = -1; ///< node; -1 is the whole schedule

  // Leaves.
  int einsum = -1, array = -1;
  bool chained = false;
  llvm::SmallVector<StepGuard, 2> guards;
  llvm::SmallVector<Port, 4> ports;
  int registers = -1; ///< level private to the units of the array

  // Transfers.
  llvm::SmallVector<int, 2> tensors;
  int engine = -1;

  bool isLoop() const {
    return kind == NodeKind::temporal || kind == NodeKind::spatial;
  }
  bool isSplit() const {
    return kind == NodeKind::sequence || kind == NodeKind::pipeline;
  }
  /// Steps of a loop where control reaches it with a full tile, whatever
  /// readers ask for; and the most that it makes, as to them.
  int64_t fullSteps() const { return (around + tile - 1) / tile; }
  int64_t mostSteps() const { return (asked + tile - 1) / tile; }
  int findHeld(int tensor) const;
};

class Program {
public:
  /// Emits located errors for names that do not exist and constructs that
  /// cannot be executed.
  static mlir::FailureOr<Program> create(schedule::MappingOp mapping,
                                         const Points &points,
                                         const arch::ArchSpec &arch);

  std::vector<Node> nodes; ///< in preorder
  std::vector<int> leaves;
  std::vector<int> leafOf; ///< per Einsum

  bool isBelow(int node, int ancestor) const {
    return ancestor <= node && node < nodes[ancestor].end;
  }
  /// Calls `fn(leaf, einsum, read)` for each read of the tensor at or below
  /// `node`, but for those of its producer.
  template <typename Fn>
  void forEachReader(int node, int tensor, const Points &of, Fn fn) const {
    for (int leaf : leaves) {
      int einsum = nodes[leaf].einsum;
      if (!isBelow(leaf, node) || einsum == of.tensors[tensor].producer)
        continue;
      for (const ReadInfo &read : of.einsums[einsum].reads)
        if (read.tensor == tensor)
          fn(leaf, of.einsums[einsum], read);
    }
  }
  /// True if a leaf at or below `node` reads or makes the tensor.
  bool touches(int node, int tensor) const;
  bool makes(int node, int tensor) const;
  /// Touched by a leaf or moved by a transfer at or below `node`.
  bool occupies(int node, int tensor) const;
  /// Whether the element of an access changes with a rank of the Einsum.
  bool uses(const Port &port, int einsum, int rank) const;
  /// Whether some leaf at or below a node uses the rank to address the tensor.
  bool addresses(int node, int tensor, int rank) const;
  /// True for a pipeline, or storage nodes right above one: each visit is one
  /// iteration. Not where a pipeline counts as a sequence.
  bool isIteration(int node) const;
  /// True if slots of a pipeline below reach over several visits of the node.
  bool isOverlapped(int node) const;
  bool sequential = false; ///< accounting: pipelines take time as sequences

  bool singleBuffers = false; ///< accounting: tiles are there once

  /// Section 6: how many consecutive steps of a recurrence are held at a
  /// storage node, if one loop below over its rank (the `position`-th of the
  /// tensor) encloses all that touch the tensor and nobody wants the other
  /// steps. Nullopt: all.
  std::optional<int64_t> heldSteps(int storage, int tensor,
                                   size_t position) const;
  bool readsEarlierSteps(int loop, int tensor) const;

private:
  std::optional<int64_t> countSteps(int loop, int tensor,
                                    size_t position) const;
  std::optional<int64_t> stepsBack(const ReadInfo &read, const TensorInfo &info,
                                   size_t position) const;
  int64_t waitingSteps(int leaf, int maker, int loop) const;

  friend class ProgramBuilder;
  const Points *points = nullptr;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_PROGRAM_H
