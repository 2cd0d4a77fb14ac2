//===- UnfoldedQuery.h - Tiles measured step by step ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to TileQuery: what it answers where no closed form is exact. All
// visits are made in order, elements are noted one by one, and sets are what
// sections 2 to 6 of dialects/Schedule/README.md say they are. A place near the
// root of a small tree takes microseconds per visit; Unfolding.h has the limit.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_UNFOLDEDQUERY_H
#define LIB_COSTMODEL_UNFOLDEDQUERY_H

#include "lib/CostModel/TileQuery.h"
#include "lib/CostModel/Unfolding.h"

#include <set>

namespace einsum::cost {

class UnfoldedQuery {
public:
  /// `latch`: the loop or home whose steps end a group of a leaf's access;
  /// INT32_MAX if every run does.
  UnfoldedQuery(const LoopTree &tree, const TilePlace &place, int latch,
                bool unitsApart);

  /// Calls `visit` for each visit. False if there are too many.
  bool run(TileQuery::Visit visit);
  /// Some units keep parts of sums that others, whose tiles differ, do not: no
  /// answer then.
  bool isMixed() const { return mixed; }
  /// As TileQuery::largest.
  std::optional<TileLoad> largest(llvm::ArrayRef<Window> windows);

private:
  using Path = std::vector<int32_t>;
  using Counts = std::unordered_map<int64_t, uint64_t>;
  /// By unit.
  template <typename T> using PerUnit = std::map<Path, T>;

  /// A storage node between the one where the tensor lives and the place.
  struct Holder {
    int node;
    size_t spatials;                ///< loops above it
    PerUnit<Counts> begun, carried; ///< contributions, in this visit
    /// If only the first elements of each tile are there: who touches the tile,
    /// and the last element that is there.
    const HeldTensor *part = nullptr;
    PerUnit<int64_t> last;

    bool holds(const Path &path, int64_t element) const;
  };

  /// What one unit reads and makes.
  struct Tile {
    Elements reads;
    Counts made;
    /// Of reads that gather, the first element of what is noted.
    std::set<std::pair<const AccessFact *, int64_t>> reached;
  };

  /// What moves in one visit, or for one group.
  struct Sets {
    Elements fetched, written, partial, own, drained, joined, all;
  };

  /// Of a leaf's access, since its latch moved on.
  struct Group {
    Tile tile;
    uint64_t copies = 1;
    /// When each element was made first.
    std::unordered_map<int64_t, uint64_t> firstMade;
  };

  void collect();
  void walk(size_t next, Units units);
  void walkHolder(size_t next, Units &units);
  void walkPlace(const Units &units);
  void walkRun(const Units &units);
  void flush();
  void countAll();
  Tile tileOf(int node, const Unit &unit, llvm::ArrayRef<Use> uses);
  void note(Tile &tile, const Use &use, llvm::ArrayRef<int64_t> point) const;
  void noteReads(Tile &tile, const Use &use,
                 llvm::ArrayRef<int64_t> point) const;
  void addHolder(int node, size_t spatials);
  void notePart(Holder &holder, const Units &units);
  void refuseMixture(const Holder &holder, const Units &units);
  /// By what is around: whether who makes an element keeps it.
  using Keepers = PerUnit<std::unordered_map<int64_t, bool>>;
  void noteKeeper(Keepers &keepers, const Path &path, int64_t element,
                  bool keeps, size_t outside);
  size_t findPlace(const Path &path, int64_t element) const {
    return findPlace(path, element, holders.size() - 1);
  }
  size_t findPlace(const Path &path, int64_t element, size_t from) const;
  int64_t lastOf(int node, const Tile &tile) const;
  void findPartials(PerUnit<Sets> &united) const;
  TileClass classOf(const Path &path, const Sets &sets) const;
  TileSizes sizesOf(const Sets &sets) const;
  uint64_t blocksOf(llvm::ArrayRef<const Elements *> sets) const;
  TileLoad mostWithin(llvm::ArrayRef<int64_t> elements,
                      llvm::ArrayRef<Window> within) const;
  void claim(Holder &holder, Holder &parent, const Units &units);
  void contribute(const Path &path, const Counts &made);
  uint64_t pointsSoFar(const Holder &holder, const Path &path,
                       int64_t element) const;
  bool isIncomplete(uint64_t contributions, int64_t element) const;
  uint64_t copiesOf(bool reducing) const;
  void closeTiles(const Units &units, const std::vector<Tile> &tiles);
  void measure(const Tile &tile);

  /// Whose transfers are one.
  Path keyOf(const Path &path) const {
    return unitsApart ? path : prefix(path, homeSpatials);
  }
  Path prefix(const Path &path, size_t length) const {
    return Path(path.begin(), path.begin() + length);
  }

  const LoopTree &tree;
  const TilePlace &asked;
  int latch;
  bool unitsApart;
  Unfolding unfolding;
  ElementNumbers numbers;
  llvm::ArrayRef<int64_t> grid; ///< of the tensor, if blocks count
  std::optional<Use> write;
  const EinsumFact *producer = nullptr;
  std::map<std::pair<int, const AccessFact *>, std::vector<Constraint>>
      constraints;                  ///< per use
  llvm::SmallVector<int, 12> route; ///< nodes from the root to the place
  std::vector<Holder> holders;      ///< outermost first, down to the home
  int world = -1; ///< the holder that sees all contributions to its elements
  bool ownWorld = false;          ///< the place itself does
  bool hasParts = false;          ///< some holder does not hold all
  bool ownPart = false;           ///< nor does the place itself
  size_t homeSpatials = 0;        ///< spatial loops above the home
  std::map<int, int64_t> spreads; ///< most units of each spatial loop
  Counts needed;                  ///< points of each element
  PerUnit<Elements> before;       ///< what a retained tile was
  PerUnit<Group> groups;
  uint64_t madeSoFar = 0; ///< elements made by runs, for their order
  int64_t visitNumber = 0;
  std::unordered_map<int64_t, int64_t> lastFetch; ///< visit, by element
  bool onlyFetches = false;                       ///< find `lastFetch`
  TileQuery::Visit *visit = nullptr;
  llvm::ArrayRef<Window> windows;
  bool mixed = false;
  TileLoad largestTile;
  bool onlyLargest = false;
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_UNFOLDEDQUERY_H
