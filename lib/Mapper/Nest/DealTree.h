//===- DealTree.h - Ways to deal ranks, stage by stage ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is held between two stages costs the same however ranks are dealt
// further in. So ways to deal are a tree, and a nest goes down it as it passes
// fan-outs:
//
//   8 cores, each with 128 x 128 units        m 4, n 2
//   m 8 | m 4, n 2 | ...                      m 4, n 2
//     row k 64, col n 128 | row k 32 ...        row k 64, col n 128
//
// Only what a leaf accesses asks for all of it. Holders below 50 ways to deal
// to cores are looked at 50 times, not once more for each of 60 ways to deal
// their parts to units.
//
// A way is possible at a tile vector if each rank by itself can get there:
// smaller tiles divide, and deals ask for certain ones (`Reach`). States from
// which no way goes on are never made.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_DEALTREE_H
#define LIB_MAPPER_NEST_DEALTREE_H

#include "lib/Mapper/Nest/NestCounts.h"

#include "llvm/ADT/BitVector.h"

#include <deque>

namespace einsum::mapper {

class DealTree {
public:
  static constexpr int kRoot = 0;

  /// A node: what is dealt down to some stage.
  struct Node {
    Deals deals;
    std::unique_ptr<NestCounts> counts;
    bool isWhole = false;             ///< down to the units
    llvm::SmallVector<int, 1> next;   ///< with one more stage; itself if whole
    llvm::SmallVector<int, 1> wholes; ///< below it, or itself
    /// Tiles from which a rank can get to a leaf, by stage and rank; of several
    /// wholes, any of them.
    std::vector<std::vector<llvm::BitVector>> reach;
  };

  DealTree(const EinsumOnArray &nest, const arch::ArchSpec &arch,
           const Axes &axes, std::vector<Deals> ways);

  const Node &operator[](int node) const { return nodes[node]; }
  size_t size() const { return nodes.size(); }

  /// Which tile units of the next stage have, of a rank with that tile.
  std::optional<int> dealOut(const Node &node, int stage, int rank,
                             int index) const;
  /// Whether some way is possible where these tiles stand; `indexOf(rank)`.
  template <typename Fn> bool isAlive(int node, int stage, Fn indexOf) const {
    auto reaches = [&](const Node &one) {
      for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
        if (!one.reach[stage][rank][indexOf(static_cast<int>(rank))])
          return false;
      return true;
    };
    const Node &own = nodes[node];
    if (own.wholes.empty() || !reaches(own))
      return false;
    return own.wholes.size() == 1 || llvm::any_of(own.wholes, [&](int whole) {
             return reaches(nodes[whole]);
           });
  }

private:
  int addNode(Deals deals);
  void grow(int node, int stage, llvm::ArrayRef<int> wholes);
  void findReach(Node &whole) const;
  llvm::BitVector reachOf(const Node &whole, int stage, int rank,
                          const llvm::BitVector &inside) const;
  void uniteReach(Node &node) const;

  const EinsumOnArray &nest;
  const arch::ArchSpec &arch;
  const Axes &axes;
  std::deque<Node> nodes; ///< deals stay where they are
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_DEALTREE_H
