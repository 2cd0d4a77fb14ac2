//===- Model.h - The parts of an evaluation ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model: what each part reads and writes. The scratch
// space lives across evaluations so that repeating one allocates little.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_MODEL_H
#define LIB_COSTMODEL_MODEL_H

#include "lib/CostModel/CostModel.h"
#include "lib/CostModel/Counting.h"
#include "lib/CostModel/TileQuery.h"

#include <deque>

namespace einsum::cost {

/// Everything that is asked of a tree in each evaluation.
struct Queries {
  struct Tile {
    int node, held;
    TileQuery query;
    bool hasUnits; ///< spatial loops between the parent and the node
  };
  struct Access {
    int leaf, access;
    TileQuery query;
  };
  std::vector<Tile> tiles;
  std::vector<Access> accesses;
  std::vector<TileQuery> points, runs;          ///< per leaf of the tree
  std::vector<std::optional<TileQuery>> visits; ///< per node below a sequence
  std::deque<AccessFact> madeUp; ///< accesses of `points`, `runs`, `visits`

  void build(const LoopTree &tree);
};

struct Scratch {
  Counter counter;
  llvm::SmallVector<int64_t> tiles;
  /// [node * ports + port]: bytes moved by events at the node itself, and
  /// anywhere below it. Ports are the levels, then the links, of which only
  /// `readBytes` counts.
  std::vector<Traffic> ownTraffic, nodeTraffic;
  /// Words reserved by [index into Queries::tiles].
  std::vector<uint64_t> reserved;
  /// Executed points and runs per leaf of the tree.
  std::vector<uint64_t> points, runs;
  /// Bytes that a transfer node moves.
  std::vector<uint64_t> moved;
  /// A query that could not be answered, as a node; -1 if none.
  int unanswered = -1;
  bool generalOnly = false; ///< for tests: no short ways
};

/// Levels and links.
inline size_t countPorts(const arch::ArchSpec &arch) {
  return arch.levels.size() + arch.links.size();
}

/// Words that each tile reserves.
void computeReservations(const LoopTree &tree, Queries &queries,
                         Scratch &scratch);

/// Words and accesses per level, tensor and Einsum; registers included.
void countAccesses(const LoopTree &tree, Queries &queries, Scratch &scratch,
                   Evaluation &result);

/// Peak occupancy per level; fills `violations`.
void computeOccupancy(const LoopTree &tree, const Queries &queries,
                      Scratch &scratch, Evaluation &result,
                      std::vector<CapacityViolation> &violations,
                      llvm::SmallVectorImpl<int> &violatedAt);

/// Cycles, latency, utilisation and what binds them.
void computeLatency(const LoopTree &tree, Queries &queries, Scratch &scratch,
                    Evaluation &result);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_MODEL_H
