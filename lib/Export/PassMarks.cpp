//===- PassMarks.cpp - Which rank pass a leaf makes -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/PassMarks.h"

#include "lib/Analysis/NameIndex.h"

using namespace einsum;
using namespace einsum::exporting;

/// Readers of a fiber that starts in pass `from` of the rank.
static bool markReaders(const NameIndex &einsums, const FiberPasses &fiber,
                        uint64_t from, PassMarks::Rank &rank) {
  bool changed = false;
  for (const auto &[einsum, stage] : fiber.stages) {
    int id = einsums.find(getEinsumName(einsum));
    uint64_t pass = std::min(from + stage - 1, rank.passes);
    if (id < 0 || stage == 0 || rank.passOf[id] >= pass)
      continue;
    rank.passOf[id] = pass;
    changed = true;
  }
  return changed;
}

/// An input that is traversed as often as the rank is starts in pass 1; a
/// tensor made on the way, in the pass that makes it.
static void markRank(const CascadeFacts &facts, const RankPasses &passes,
                     PassMarks::Rank &rank) {
  NameIndex einsums(facts.einsums), tensors(facts.tensors);
  for (bool changed = true; changed;) {
    changed = false;
    for (const FiberPasses &fiber : passes.fibers) {
      int tensor = fiber.rank == rank.name ? tensors.find(fiber.tensor) : -1;
      if (tensor < 0)
        continue;
      int producer = facts.tensors[tensor].producer;
      auto made = rank.passOf.find(producer);
      if (made != rank.passOf.end() && made->second > 0)
        changed |= markReaders(einsums, fiber, made->second, rank);
      else if (fiber.passes == rank.passes)
        changed |= markReaders(einsums, fiber, 1, rank);
    }
  }
}

PassMarks::PassMarks(const CascadeFacts &facts, const RankPasses &passes)
    : facts(facts) {
  for (const RankHeadline &headline : passes.ranks) {
    if (headline.passes < 2)
      continue;
    Rank rank{headline.rank, headline.passes, {}};
    markRank(facts, passes, rank);
    ranks.push_back(std::move(rank));
  }
}

const PassMarks::Rank *PassMarks::find(int rank) const {
  for (; rank >= 0; rank = facts.ranks[rank].whole)
    for (const Rank &one : ranks)
      if (one.name == facts.ranks[rank].name)
        return &one;
  return nullptr;
}
