//===- DealTree.cpp - Ways to deal ranks, stage by stage ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/DealTree.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace einsum;
using namespace einsum::mapper;

DealTree::DealTree(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                   const Axes &axes, std::vector<Deals> ways)
    : nest(nest), arch(arch), axes(axes) {
  addNode({});
  llvm::SmallVector<int, 8> wholes;
  for (Deals &way : ways) {
    int at = addNode(std::move(way));
    Node &whole = nodes[at];
    whole.isWhole = true;
    whole.next = whole.wholes = {at};
    findReach(whole);
    wholes.push_back(at);
  }
  grow(kRoot, /*stage=*/0, wholes);
}

int DealTree::addNode(Deals deals) {
  Node &node = nodes.emplace_back();
  node.deals = std::move(deals);
  node.counts = std::make_unique<NestCounts>(nest, arch, axes, node.deals);
  return static_cast<int>(nodes.size()) - 1;
}

/// A sketch has few ways, and latches what it can as soon as it has one.
void DealTree::grow(int at, int stage, llvm::ArrayRef<int> wholes) {
  nodes[at].wholes.assign(wholes.begin(), wholes.end());
  uniteReach(nodes[at]);
  if (nest.sketch || stage + 1 >= nest.lastStage) {
    nodes[at].next.assign(wholes.begin(), wholes.end());
    return;
  }
  using Key = std::vector<std::array<int64_t, 5>>;
  std::map<Key, size_t> known;
  std::vector<std::pair<Deals, llvm::SmallVector<int, 8>>> groups;
  for (int whole : wholes) {
    Deals outer;
    Key key;
    for (const Deal &deal : nodes[whole].deals)
      if (nest.fans[deal.fan].stage <= stage + 1) {
        outer.push_back(deal);
        key.push_back(
            {deal.fan, deal.rank, deal.units, deal.chunk, deal.around});
      }
    auto [found, isNew] = known.try_emplace(std::move(key), groups.size());
    if (isNew)
      groups.emplace_back(std::move(outer), llvm::SmallVector<int, 8>());
    groups[found->second].second.push_back(whole);
  }
  for (auto &[outer, inside] : groups) {
    int next = addNode(std::move(outer));
    nodes[at].next.push_back(next);
    grow(next, stage + 1, inside);
  }
}

std::optional<int> DealTree::dealOut(const Node &node, int stage, int rank,
                                     int index) const {
  const LocalRank &fact = nest.ranks[rank];
  bool toArray = stage == nest.lastStage;
  for (const Deal &deal : node.deals) {
    if (deal.rank != rank || nest.fans[deal.fan].stage != stage)
      continue;
    int64_t tile = fact.tiles[index];
    if (deal.chunk ? tile != deal.around : tile % deal.units != 0)
      return std::nullopt;
    int64_t inside = deal.chunk ? deal.chunk : tile / deal.units;
    // A tile that is cut at the end leaves units with less than others.
    if (!toArray && !deal.chunk && inside != 1 && fact.extent % tile != 0)
      return std::nullopt;
    auto found = llvm::find(fact.tiles, inside);
    if (found == fact.tiles.end())
      return std::nullopt;
    index = static_cast<int>(found - fact.tiles.begin());
  }
  // A unit of an array has one point, after all of its dimensions.
  bool isDealt = llvm::any_of(node.deals, [&](const Deal &deal) {
    return deal.rank == rank && nest.fans[deal.fan].stage == stage;
  });
  if (toArray && isDealt && fact.tiles[index] != 1)
    return std::nullopt;
  return index;
}

void DealTree::findReach(Node &whole) const {
  bool goesOn = llvm::is_contained(nest.stages, nest.lastStage);
  whole.reach.resize(nest.lastStage + 1);
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    auto tiles = static_cast<unsigned>(nest.ranks[rank].tiles.size());
    // Below the last fan-out loops go on if something is held there.
    llvm::BitVector reach(tiles, goesOn || nest.lastStage == 0);
    reach.set(tiles - 1);
    whole.reach[nest.lastStage].push_back(reach);
    for (int stage = nest.lastStage; stage-- > 0;) {
      reach = reachOf(whole, stage, rank, reach);
      whole.reach[stage].push_back(reach);
    }
  }
}

/// Of tiles in a stage, from those in the next one.
llvm::BitVector DealTree::reachOf(const Node &whole, int stage, int rank,
                                  const llvm::BitVector &inside) const {
  const LocalRank &fact = nest.ranks[rank];
  bool isWalked =
      nest.mayWalk(rank) || llvm::none_of(whole.deals, [&](const Deal &deal) {
        return deal.rank == rank && nest.fans[deal.fan].stage <= stage;
      });
  int64_t dealt = whole.counts->unitsOf(rank, stage, nest.lastStage);
  auto tiles = static_cast<int>(fact.tiles.size());
  llvm::BitVector reach(tiles);
  for (int index = tiles; index-- > 0;) { // smaller ones first
    if (!isWalked && fact.tiles[index] != dealt)
      continue;
    std::optional<int> below = dealOut(whole, stage + 1, rank, index);
    bool goesOn = below && inside[*below];
    if (isWalked)
      goesOn |= llvm::any_of(fact.inner[index],
                             [&](int inner) { return reach[inner]; });
    if (goesOn)
      reach.set(index);
  }
  return reach;
}

void DealTree::uniteReach(Node &node) const {
  for (int whole : node.wholes) {
    const auto &some = nodes[whole].reach;
    if (node.reach.empty()) {
      node.reach = some;
      continue;
    }
    for (size_t stage = 0; stage < some.size(); ++stage)
      for (size_t rank = 0; rank < some[stage].size(); ++rank)
        node.reach[stage][rank] |= some[stage][rank];
  }
}
