//===- FollowerNests.cpp - Nests of Einsums that follow demand ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/FollowerNests.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

FollowerNests::FollowerNests(const CascadeFacts &facts,
                             const arch::ArchSpec &arch, const Axes &axes,
                             const std::vector<EinsumConstraints> &constraints,
                             const SpaceLimits &space)
    : facts(facts), arch(arch), axes(axes), constraints(constraints),
      windows(facts) {
  auto isAboutLoops = [&](const EinsumConstraints &one) {
    bool bounds = false;
    for (int level = 0; level < static_cast<int>(arch.levels.size()); ++level)
      bounds |= one.boundsTiles(level);
    return bounds || one.ordersLoops();
  };
  isOn = space.fusion && (space.recompute || space.retain) &&
         windows.areThere() && llvm::none_of(constraints, isAboutLoops);
}

void FollowerNests::restart(const NestLimits &next,
                            std::vector<NestBounds> nextBounds) {
  counted = countAll();
  known.clear();
  bySignature.clear();
  searches.clear();
  limits = next;
  bounds = std::move(nextBounds);
}

SearchCounts FollowerNests::countAll() const {
  SearchCounts all = counted;
  for (const auto &search : searches)
    all += search->getCounts();
  return all;
}

size_t FollowerNests::memory() const {
  size_t bytes = 0;
  for (const auto &search : searches)
    bytes += search->memory();
  return bytes;
}

const FollowerNests::Nest &FollowerNests::find(const EinsumOnArray &plain,
                                               const Following &following) {
  std::vector<int> ranks;
  Visits visits;
  for (const FollowedRank &rank : following.ranks) {
    ranks.push_back(rank.rank);
    visits.emplace_back();
    for (const Interval &visit : rank.visits)
      visits.back().push_back({visit.lo, visit.hi});
  }
  auto [found, isNew] =
      known.try_emplace({plain.einsum, plain.array, ranks, visits});
  Nest &made = found->second;
  if (!isNew)
    return made;
  std::string unsupported;
  std::shared_ptr<CutTiles> cut;
  std::optional<EinsumOnArray> fact = describeEinsum(
      facts, arch, plain.einsum, plain.array, constraints[plain.einsum], limits,
      unsupported, cut, following.ranks);
  if (!fact)
    return made; // as the Einsum itself would not be
  made.fact = std::make_shared<EinsumOnArray>(std::move(*fact));
  Nest &shared = bySignature[made.fact->signature()];
  if (!shared.search) {
    shared.fact = made.fact;
    searches.push_back(std::make_unique<NestSearch>(*made.fact, arch, axes));
    shared.search = searches.back().get();
    shared.search->restart(bounds[plain.einsum]);
  }
  made.search = shared.search;
  return made;
}
