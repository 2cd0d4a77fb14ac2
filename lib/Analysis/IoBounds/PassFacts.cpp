//===- PassFacts.cpp - Inputs that are traversed more than once -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The analysis of rank passes says how often; here is found which fibers share
// no aligned value, so that what they bring in may be added up. K[h,m,e] in
// attention: QK[h,m,p] mixes all e and keeps h, so that the fibers over m of
// one h form a bundle, and bundles of different h are apart.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Analysis/IoBounds/Values.h"
#include "lib/Analysis/NameIndex.h"
#include "lib/Analysis/RankPasses.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::bounds;

namespace {

/// For each position of the input, the positions of a tensor that still tell
/// its coordinate; empty where it was lost.
using Trail = llvm::SmallVector<llvm::SmallVector<int, 2>, 4>;

class TrailFollower {
public:
  TrailFollower(const CascadeFacts &facts, PassFact &pass)
      : facts(facts), pass(pass), trails(facts.tensors.size()) {
    for (const RankFact &rank : facts.ranks)
      extents.push_back(rank.extent);
  }

  void run() {
    const TensorFact &tensor = facts.tensors[pass.tensor];
    Trail start;
    for (size_t position = 0; position < tensor.ranks.size(); ++position) {
      start.push_back({static_cast<int>(position)});
      if (!llvm::is_contained(pass.ranks, static_cast<int>(position))) {
        pass.apart.push_back(position);
        pass.apartRanks.push_back(tensor.ranks[position]);
      }
    }
    trails[pass.tensor] = start;
    std::vector<int> work = {pass.tensor};
    while (!work.empty()) {
      int from = work.back();
      work.pop_back();
      for (auto [id, einsum] : llvm::enumerate(facts.einsums))
        for (const AccessFact &read : einsum.reads)
          if (read.tensor == from)
            for (const AccessFact &write : einsum.writes)
              if (follow(id, read, write))
                work.push_back(write.tensor);
    }
    for (auto [id, trail] : llvm::enumerate(trails))
      if (trail && static_cast<int>(id) != pass.tensor)
        pass.aligned.push_back(id);
  }

private:
  /// True if the result was reached anew, or with less than was known.
  bool follow(size_t id, const AccessFact &read, const AccessFact &write) {
    const TensorFact &result = facts.tensors[write.tensor];
    Trail next;
    bool maybeAligned =
        !facts.einsums[id].domain.empty(); // a filter may leave one element
    for (auto [position, dims] : llvm::enumerate(*trails[read.tensor])) {
      llvm::SmallVector<int, 2> kept;
      bool all = !dims.empty();
      for (int dim : dims) {
        const Coordinate &coordinate = read.coordinates[dim];
        all &= isDecodable(coordinate, extents) && !coordinate.terms.empty();
        for (const Coordinate::Term &term : coordinate.terms) {
          if (llvm::is_contained(pass.apart, static_cast<int>(position)) &&
              !llvm::is_contained(pass.apartRanks, term.rank))
            pass.apartRanks.push_back(term.rank);
          auto at = llvm::find(result.ranks, term.rank);
          all &= at != result.ranks.end();
          if (at == result.ranks.end())
            continue;
          kept.push_back(at - result.ranks.begin());
          if (llvm::is_contained(pass.ranks, static_cast<int>(position)))
            maybeAligned = true;
        }
      }
      next.push_back(
          all || llvm::is_contained(pass.ranks, static_cast<int>(position))
              ? kept
              : llvm::SmallVector<int, 2>());
    }
    if (!maybeAligned)
      return false;
    llvm::erase_if(pass.apart,
                   [&](int position) { return next[position].empty(); });
    std::optional<Trail> &known = trails[write.tensor];
    if (known)
      return false;
    known = std::move(next);
    return true;
  }

  const CascadeFacts &facts;
  PassFact &pass;
  std::vector<std::optional<Trail>> trails;
  llvm::SmallVector<int64_t> extents;
};

} // namespace

/// Positions of the fiber in its tensor; empty if it is not of a kind that the
/// bound speaks of.
static llvm::SmallVector<int, 2> fiberPositions(const CascadeFacts &facts,
                                                int tensor,
                                                const FiberPasses &fiber) {
  llvm::SmallVector<int, 2> positions;
  for (auto [position, rank] : llvm::enumerate(facts.tensors[tensor].ranks)) {
    const RankFact &fact = facts.ranks[rank];
    bool isPart = fiber.isFlattened && fact.whole >= 0 &&
                  facts.ranks[fact.whole].name == fiber.rank;
    if (fact.name == fiber.rank || isPart)
      positions.push_back(position);
  }
  return positions;
}

/// An input, or the result of a reduction, which is dear to compute anew.
static bool mayBeTraversed(const CascadeFacts &facts, int id) {
  const TensorFact &tensor = facts.tensors[id];
  return tensor.isInput || (tensor.producer >= 0 && !tensor.isOutput &&
                            !facts.einsums[tensor.producer].reduced.empty());
}

std::vector<PassFact>
einsum::bounds::collectPassFacts(const CascadeFacts &facts) {
  return collectPassFacts(facts,
                          computeRankPasses(llvm::cast<CascadeOp>(facts.op)));
}

std::vector<PassFact>
einsum::bounds::collectPassFacts(const CascadeFacts &facts,
                                 const RankPasses &passes) {
  std::vector<PassFact> result;
  NameIndex tensors(facts.tensors);
  for (const FiberPasses &fiber : passes.fibers) {
    int tensor = tensors.find(fiber.tensor);
    // Passes through another tensor, or forced by scans in both directions, are
    // not those that the proof speaks of.
    if (tensor < 0 || !mayBeTraversed(facts, tensor) || fiber.passes < 2 ||
        fiber.certainty != Certainty::Theorem || !fiber.via.empty() ||
        fiber.oppositeScans || !fiber.growsWith.empty() || fiber.isSummary)
      continue;
    PassFact pass;
    pass.tensor = tensor;
    pass.passes = static_cast<int64_t>(fiber.passes);
    pass.ranks = fiberPositions(facts, tensor, fiber);
    if (pass.ranks.empty())
      continue;
    TrailFollower(facts, pass).run();
    result.push_back(std::move(pass));
  }
  return result;
}
