//===- CascadeJoin.h - Nests of all Einsums, put together -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dynamic programming over sets of placed Einsums (JoinState.h). One more
// Einsum is placed in every way that README.md allows: on each array, below the
// loops that must stay open and new ones, with its results at the backing level
// or fused, its other operands held above the shared loops or not, and the
// Pareto set of nests below (NestSearch.h).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_CASCADEJOIN_H
#define LIB_MAPPER_JOIN_CASCADEJOIN_H

#include "lib/Mapper/Join/FollowerNests.h"
#include "lib/Mapper/Join/JoinState.h"

#include <functional>
#include <map>

namespace einsum::mapper {

/// The ways to run one Einsum.
struct EinsumChoices {
  /// One of each per array that can; Einsums that look the same share a search.
  std::vector<NestSearch *> searches;
  std::vector<std::shared_ptr<EinsumOnArray>> nests;
  double leastEnergy = 0, leastCycles = 0, leastTraffic = 0;
  /// What it costs more at least if it fetches an input by itself of which
  /// others have a part as well, in a holder that they share.
  struct Fetch {
    int tensor = -1;
    double energy = 0, traffic = 0;
  };
  std::vector<Fetch> fetches;
};

struct JoinCounts {
  uint64_t states = 0, entries = 0, dominated = 0, overCapacity = 0,
           overBound = 0, illegal = 0, ruledOut = 0, unlikeHalos = 0;

  JoinCounts &operator+=(const JoinCounts &other);
};

struct JoinLimits {
  SpaceLimits space;
  size_t beam = 0; ///< entries kept per state; 0: all
  /// Whether no plan of at least this energy, these cycles and this traffic is
  /// of interest. Empty: all are.
  std::function<bool(double energy, double cycles, double traffic)> isHopeless;
  /// At most so many states, and bytes of plans in them, go on; 0: all. The
  /// others are the ones whose `score` of the least costs is worst.
  size_t mostStates = 0, mostBytes = 0;
  std::function<double(double energy, double cycles, double traffic)> score;
  /// Of a sketch: most shared loops over ranks along which no recurrence is
  /// carried; loops that carry one go step by step, and do not count.
  std::optional<unsigned> plainLoops;
  std::vector<int> carriedRanks; ///< then, those of NestLimits
  bool windows = false;          ///< window loops are tried
  bool dominance = true;         ///< only Pareto sets go on
  bool overlaps = false;         ///< Einsums may run at once
  std::function<bool()> shouldStop;
};

struct JoinResult {
  std::vector<JoinEntry> plans; ///< Pareto set of the whole
  JoinLayout layout;
  JoinCounts counts;
  bool complete = true;
  /// Of what was dropped, or not looked into: no less than this `score`.
  double leastLeft = std::numeric_limits<double>::infinity();
};

JoinResult joinCascade(const CascadeFacts &facts, const arch::ArchSpec &arch,
                       const Axes &axes, std::vector<EinsumChoices> &choices,
                       const std::vector<EinsumConstraints> &constraints,
                       FollowerNests &followers, const JoinLimits &limits);

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_CASCADEJOIN_H
