//===- PlanExtender.h - Plans with one more Einsum --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A placement (where the Einsum stands, what lives where) is met with every
// plan of the state that it starts from and every nest below it (NestSearch.h).
// What fits, and may still be the best, becomes a plan of the next layer.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_PLANEXTENDER_H
#define LIB_MAPPER_JOIN_PLANEXTENDER_H

#include "lib/Mapper/Join/JoinLayer.h"
#include "lib/Mapper/Join/LoopCloser.h"

namespace einsum::mapper {

/// One way to place an Einsum, as it takes shape.
struct Placement {
  const JoinBucket *from = nullptr;
  int einsum = -1;
  const EinsumOnArray *fact = nullptr;
  NestSearch *search = nullptr;
  JoinState state;         ///< with everything new opened, nothing closed
  std::vector<Role> roles; ///< per shared loop
  std::vector<Home> homes;
  int keep = 0;
  int lag = 0, pattern = 0;
  PlanBounds::Rest rest; ///< what Einsums after it cost at least
  /// What every plan that it starts from costs at least, entry by entry.
  std::vector<double> floor;
  PlanBounds::Rest least; ///< of the Einsum, with what it holds above its nest
  Holdings holdings{};
  std::vector<SharedHold> holds;
  std::vector<Costs> above;  ///< per depth: of `holds`
  Costs atLeaf{};            ///< what leaves move to and from them
  std::vector<Costs> filled; ///< per depth: of holders for several Einsums
  /// Bytes that it adds to what the backing level holds for the child of the
  /// root that it is in.
  double backed = 0;
  double visits = 0; ///< of its nest, that happen

  /// Its tile vectors below so many shared loops, once these are chosen.
  llvm::SmallVector<uint32_t, 8> tiles = {};
  uint32_t tileAt(int depth) const { return tiles[depth]; }
  /// Local ranks of these loops; -1 for those that it lacks.
  llvm::SmallVector<int, 8> loopRanks = {};
};

class PlanExtender : private JoinProblem {
public:
  PlanExtender(const StateFacts &states, const PlanBounds &bounds,
               JoinProgress &progress, LayerPruner &pruner)
      : JoinProblem(states), states(states), bounds(bounds), closer(states),
        progress(progress), pruner(pruner) {}

  void addNests(Placement &p, JoinLayer &next);

private:
  std::vector<const NestEntry *>
  chooseNests(const Placement &p, llvm::ArrayRef<NestEntry> nests) const;
  JoinEntry extend(const Placement &p, const JoinEntry &old,
                   const NestEntry &nest, const JoinLayout &before,
                   const JoinLayout &open,
                   const std::shared_ptr<const PlanPlace> &place);
  std::shared_ptr<const PlanPlace> placeOf(const Placement &p) const;
  void close(const Placement &p, std::vector<JoinEntry> entries,
             JoinLayer &next);
  bool addRetained(const Placement &p, std::vector<double> &costs,
                   const JoinLayout &open) const;
  LatchTiles latchTiles(const Placement &p) const;
  LoopOrder orderOf(const Placement &p) const;
  uint32_t guards(const Placement &p, int producer = -1) const;
  double visitsOf(const Placement &p) const;
  double startUpOf(const Placement &p, const NestEntry &nest) const;

  const StateFacts &states;
  const PlanBounds &bounds;
  LoopCloser closer;
  JoinProgress &progress;
  LayerPruner &pruner;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_PLANEXTENDER_H
