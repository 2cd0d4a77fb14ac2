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
#include "lib/CostModel/ScheduleProfile.h"
#include "lib/CostModel/TileQuery.h"

#include <deque>

namespace einsum::cost {

/// Everything that may be asked of a tree in an evaluation. Queries are made
/// when they are first asked, as most have a shorter answer in most schedules.
struct Queries {
  using Query = std::unique_ptr<TileQuery>;
  struct Tile {
    int node, held;
    bool hasUnits; ///< spatial loops between the parent and the node
    Query query;
    /// Of spans, whatever the sizes; once known.
    std::optional<bool> isProduct = std::nullopt;
  };
  struct Access {
    int leaf, access;
    Query query;
  };
  std::vector<Tile> tiles;
  std::vector<Access> accesses;
  std::vector<Query> points, runs; ///< per leaf of the tree
  std::vector<Query> visits;       ///< per node
  std::deque<AccessFact> madeUp;   ///< accesses of `points`, `runs`, `visits`
  bool everyStep = false;          ///< for tests: see TileQuery::takeEveryStep

  /// The tree stays where it is.
  void build(const LoopTree &tree);

  TileQuery &of(Tile &tile);
  TileQuery &of(Access &access);
  /// Executed points and runs of the i-th leaf.
  TileQuery &pointsOf(size_t i);
  TileQuery &runsOf(size_t i);
  /// Visits in which something below a node happens; null if it never does.
  TileQuery *visitsOf(int node);

private:
  TileQuery &make(Query &query, llvm::function_ref<TilePlace()> place);
  AccessFact &makeUp(int leaf);

  const LoopTree *tree = nullptr;
};

struct Scratch {
  Counter counter;
  llvm::SmallVector<int64_t> tiles;
  /// [node * ports + port]: bytes moved by events at the node itself, and
  /// anywhere below it. Ports are the levels, then the links, of which only
  /// `readBytes` counts.
  std::vector<Traffic> ownTraffic, nodeTraffic;
  /// Reserved by [index into Queries::tiles].
  std::vector<TileLoad> reserved;
  /// Executed points and runs per leaf of the tree.
  std::vector<uint64_t> points, runs;
  /// Bytes that a transfer node moves.
  std::vector<uint64_t> moved;
  /// A query that could not be answered, as a node; -1 if none.
  int unanswered = -1;
  bool isMixed = false;     ///< see TileQuery::isMixed
  bool generalOnly = false; ///< for tests: no short ways
  /// Where each part writes down what happens where, if somebody asks.
  ScheduleProfile *profile = nullptr;
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
