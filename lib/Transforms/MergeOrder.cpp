//===- MergeOrder.cpp - The cheapest order of a product -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Three searches with one cost. A merge of the sets A and B runs over the open
// ranks of both; the cost of a tree is the sum over its merges.
//
//   subsets    cost(S) = min over A + B = S: cost(A) + cost(B) + merge(A, B)
//   intervals  the same, for S an interval of a chain and A, B its two parts
//   greedy     merge the pair with the cheapest merge, again and again
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Contraction.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;

/// Beyond this many factors the subsets are too many to visit.
static constexpr size_t kMaxExactFactors = 12;

namespace {

class Search {
public:
  Search(const Contraction &contraction, const AvailableTensors &available)
      : contraction(contraction), available(available),
        n(contraction.factors.size()) {}

  MergeOrder run() {
    if (n == 1)
      return {{}, contraction.pointsOf(contraction.factors[0].ranks), true};
    if (n <= kMaxExactFactors)
      return overSubsets();
    if (std::optional<std::vector<unsigned>> chain = findChain())
      return overIntervals(*chain);
    return greedily();
  }

private:
  static bool isSingle(uint64_t set) { return llvm::isPowerOf2_64(set); }

  /// Points of merging two sets. A factor with ranks of its own that are summed
  /// is summed first, if that is a step of fewer points than carrying them
  /// along.
  uint64_t mergeCost(uint64_t left, uint64_t right) const {
    uint64_t cost = 0, ranks = 0;
    uint64_t sides[2] = {left, right};
    for (int i : {0, 1}) {
      uint64_t open = contraction.openRanks(sides[i]);
      uint64_t own = isSingle(sides[i]) ? contraction.ranksOf(sides[i]) : open;
      uint64_t other = sides[1 - i];
      uint64_t otherRanks = isSingle(other) ? contraction.ranksOf(other)
                                            : contraction.openRanks(other);
      if (own != open && (otherRanks & ~own)) {
        cost = llvm::SaturatingAdd(cost, contraction.pointsOf(own));
        own = open;
      }
      ranks |= own;
    }
    return llvm::SaturatingAdd(cost, contraction.pointsOf(ranks));
  }

  MergeOrder overSubsets() const {
    uint64_t all = contraction.all();
    std::vector<uint64_t> cost(all + 1, UINT64_MAX), split(all + 1, 0);
    for (size_t i = 0; i < n; ++i)
      cost[uint64_t(1) << i] = 0;
    for (uint64_t set = 1; set <= all; ++set) {
      if (isSingle(set))
        continue;
      // What is there already may be read, or made anew if that is cheaper.
      if (available.contains(set) && set != all)
        cost[set] = available.lookup(set).cost;
      // The half with the first factor; the other half is the rest.
      uint64_t first = set & -set, rest = set & ~first;
      for (uint64_t sub = (rest - 1) & rest;; sub = (sub - 1) & rest) {
        uint64_t left = first | sub, right = set & ~left;
        uint64_t total =
            llvm::SaturatingAdd(llvm::SaturatingAdd(cost[left], cost[right]),
                                mergeCost(left, right));
        if (total < cost[set]) {
          cost[set] = total;
          split[set] = left;
        }
        if (sub == 0)
          break;
      }
    }
    MergeOrder order{{}, cost[all], true};
    collect(all, split, order.merges);
    return order;
  }

  void collect(uint64_t set, const std::vector<uint64_t> &split,
               std::vector<Merge> &merges) const {
    if (isSingle(set))
      return;
    if (split[set] == 0) {
      merges.push_back({set, 0});
      return;
    }
    collect(split[set], split, merges);
    collect(set & ~split[set], split, merges);
    merges.push_back({split[set], set & ~split[set]});
  }

  /// The factors in a row, so that each summed rank joins neighbours only.
  std::optional<std::vector<unsigned>> findChain() const {
    std::vector<std::vector<unsigned>> neighbours(n);
    for (size_t rank = 0; rank < contraction.ranks.size(); ++rank) {
      if (contraction.kept >> rank & 1)
        continue;
      std::vector<unsigned> holders;
      for (unsigned i = 0; i < n; ++i)
        if (contraction.factors[i].ranks >> rank & 1)
          holders.push_back(i);
      if (holders.size() > 2)
        return std::nullopt;
      if (holders.size() == 2)
        for (int i : {0, 1})
          if (!llvm::is_contained(neighbours[holders[i]], holders[1 - i]))
            neighbours[holders[i]].push_back(holders[1 - i]);
    }
    unsigned start = 0;
    while (start < n && neighbours[start].size() != 1)
      ++start;
    if (start == n)
      return std::nullopt;
    std::vector<unsigned> chain = {start};
    std::vector<bool> seen(n, false);
    seen[start] = true;
    while (chain.size() < n) {
      unsigned last = chain.back();
      if (neighbours[last].size() > 2)
        return std::nullopt;
      auto next =
          llvm::find_if(neighbours[last], [&](unsigned i) { return !seen[i]; });
      if (next == neighbours[last].end())
        return std::nullopt;
      seen[*next] = true;
      chain.push_back(*next);
    }
    return chain;
  }

  MergeOrder overIntervals(const std::vector<unsigned> &chain) const {
    auto setOf = [&](size_t from, size_t to) {
      uint64_t set = 0;
      for (size_t i = from; i < to; ++i)
        set |= uint64_t(1) << chain[i];
      return set;
    };
    std::vector<std::vector<uint64_t>> cost(n + 1,
                                            std::vector<uint64_t>(n + 1, 0));
    std::vector<std::vector<size_t>> cut(n + 1, std::vector<size_t>(n + 1, 0));
    for (size_t length = 2; length <= n; ++length)
      for (size_t from = 0; from + length <= n; ++from) {
        size_t to = from + length;
        cost[from][to] = UINT64_MAX;
        for (size_t mid = from + 1; mid < to; ++mid) {
          uint64_t total = llvm::SaturatingAdd(
              llvm::SaturatingAdd(cost[from][mid], cost[mid][to]),
              mergeCost(setOf(from, mid), setOf(mid, to)));
          if (total < cost[from][to]) {
            cost[from][to] = total;
            cut[from][to] = mid;
          }
        }
      }
    MergeOrder order{{}, cost[0][n], true};
    auto visit = [&](auto &self, size_t from, size_t to) -> void {
      if (to - from < 2)
        return;
      size_t mid = cut[from][to];
      self(self, from, mid);
      self(self, mid, to);
      order.merges.push_back({setOf(from, mid), setOf(mid, to)});
    };
    visit(visit, 0, n);
    return order;
  }

  MergeOrder greedily() const {
    std::vector<uint64_t> sets;
    for (size_t i = 0; i < n; ++i)
      sets.push_back(uint64_t(1) << i);
    MergeOrder order;
    while (sets.size() > 1) {
      size_t bestLeft = 0, bestRight = 1;
      uint64_t best = UINT64_MAX;
      for (size_t i = 0; i < sets.size(); ++i)
        for (size_t j = i + 1; j < sets.size(); ++j)
          if (uint64_t cost = mergeCost(sets[i], sets[j]); cost < best) {
            best = cost;
            bestLeft = i;
            bestRight = j;
          }
      order.cost = llvm::SaturatingAdd(
          order.cost, mergeCost(sets[bestLeft], sets[bestRight]));
      order.merges.push_back({sets[bestLeft], sets[bestRight]});
      sets[bestLeft] |= sets[bestRight];
      sets.erase(sets.begin() + static_cast<std::ptrdiff_t>(bestRight));
    }
    return order;
  }

  const Contraction &contraction;
  const AvailableTensors &available;
  size_t n;
};

} // namespace

MergeOrder einsum::findCheapestOrder(const Contraction &contraction,
                                     const AvailableTensors &available) {
  return Search(contraction, available).run();
}
