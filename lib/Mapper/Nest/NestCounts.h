//===- NestCounts.h - What a nest moves, from tile vectors ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tile vector t gives every rank the extent of the tile that one unit has at
// a place in the nest. As every inner tile divides the outer one, the visits of
// a place follow from t alone, whatever loops led there:
//
//   Z[m,n] = A[m,k] * B[k,n]    M = N = K = 8    A held at t = (m 4, n 2, k 8)
//
//   visits 2 * 4 * 1     A: 8*8 elements, n times over: 4 * 64 words fetched
//
// If units of a fan-out between the holder and its parent share the elements,
// the parent reads them once. Everything is counted in integers; the rules are
// those of dialects/Schedule/README.md, for boxes; where tiles are cut
// (CutTiles.h), what is certain is counted (NestCutCounts.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_NESTCOUNTS_H
#define LIB_MAPPER_NEST_NESTCOUNTS_H

#include "lib/Arch/Delivery.h"
#include "lib/Mapper/Nest/Costs.h"
#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// A rank dealt to units along a fan. Of a tile that does not divide the rank,
/// or of parts that do not divide the tile, some units get less than others:
///
///   5 in parts of 2   around 5, chunk 2, units 3   0 1 | 2 3 | 4
///   4 of 6, by two    around 4, chunk 2, units 2   0 1 | 2 3, then 4 5 |
struct Deal {
  int fan = -1, rank = -1;
  int64_t units = 1;
  int64_t chunk = 0;  ///< per unit if the units' tiles differ; else 0
  int64_t around = 0; ///< the tile that is dealt then
};
using Deals = llvm::SmallVector<Deal, 3>;

/// Runs of the leaf: how often the busiest unit computes.
uint64_t countRuns(const EinsumOnArray &nest, const Deals &deals);

/// A place in the nest.
struct Place {
  llvm::ArrayRef<int64_t> tile; ///< per local rank
  int stage = 0;                ///< fan-outs passed
};

class NestCounts {
public:
  NestCounts(const EinsumOnArray &nest, const arch::ArchSpec &arch,
             const Axes &axes, const Deals &deals);

  /// Adds what leaves do at each point: operators, cycles.
  void addPoints(Costs &costs) const;
  /// Adds fills and drains of a holder at `level`, whose parent is at `parent`,
  /// below `parentStage` fan-outs, and the bytes it holds. `begun` as below, of
  /// the parent.
  void addHolder(Costs &costs, const Operand &operand, int level, int parent,
                 int parentStage, const Place &place, uint64_t begun = 0) const;
  /// Adds what the leaf's accesses move, once per group of runs that begins at
  /// `latch`.
  void addAccesses(Costs &costs, const Operand &operand, int home,
                   int homeStage, const Place &latch, uint64_t begun = 0) const;
  /// Units that contribute to one element begin it anew in each visit, but for
  /// the first one: in how many visits of a holder, besides the very first, it
  /// has nothing to go on with, if its parent has `begun` of them.
  uint64_t beginAnew(const Operand &operand, int parentStage,
                     const Place &place, uint64_t begun) const;
  /// Whether that makes a difference below a holder at `level`.
  bool pricesBegun(int level) const;
  /// The same where the home is the register file.
  void addRegisterAccesses(Costs &costs, const Operand &operand,
                           int home) const;

  /// Bytes that a holder of the operand takes, over all units; over all
  /// instances, in use or not, of a level that has several.
  uint64_t heldBytes(const Operand &operand, int level,
                     const Place &place) const;
  uint64_t unitsAt(int stage) const;
  int64_t unitsOf(int rank, int fromStage, int toStage) const;

private:
  /// Words go from one place to another, or back; -1: the array.
  void noteWay(Costs &costs, int from, int to) const;
  void noteRead(Costs &costs, int level) const;
  void noteLeaf(Costs &costs, const Operand &operand, int home) const;
  void noteHolder(Costs &costs, const Operand &operand, int level,
                  int parent) const;
  struct Piece {
    uint64_t size, count;
  };
  using Pieces = llvm::SmallVector<Piece, 3>;
  /// Tiles of a rank in all visits, those of the units of stages in
  /// (parentStage, place.stage] united.
  Pieces pieces(int rank, int parentStage, const Place &place) const;
  /// The deal of a rank by which units' tiles differ, if its stage is in
  /// (fromStage, toStage].
  const Deal *unevenDeal(int rank, int fromStage, int toStage) const;
  /// Units of all stages below, of one group of runs over so many steps.
  uint64_t unitsBelow(int rank, int stage, uint64_t steps) const;
  uint64_t unitedTile(int rank, int parentStage, const Place &place) const;
  uint64_t visits(int rank, int parentStage, const Place &place) const;
  /// Calls `fn(words, count)` for each size of tile; `count` leaves out the
  /// steps of ranks that are not `relevant`, a mask.
  template <typename Fn>
  void forEachTile(uint32_t relevant, int parentStage, const Place &place,
                   const Operand::Use *use, Fn fn) const;
  /// The same for what nodes move: calls `fn(bytes, words, count)`, bytes with
  /// every scale of the blocks that a tile touches. Of tiles that units walk
  /// apart, or have unlike ones of, as many as they touch at least.
  template <typename Fn>
  void forEachLoad(const Operand &operand, int parentStage, const Place &place,
                   Fn fn) const;
  struct Load {
    uint64_t words, blocks, count;
  };
  llvm::SmallVector<Load, 4> loadsAlong(const Operand &operand, int rank,
                                        int parentStage,
                                        const Place &place) const;
  uint64_t otherVisits(uint32_t relevant, int parentStage,
                       const Place &place) const;
  /// How often one word is read for all units that share it, or written by all
  /// that contribute.
  uint64_t repeats(uint32_t relevant, int parentStage, int stage, bool isWrite,
                   uint64_t levelWidth) const;
  uint64_t dimensionRepeats(uint32_t relevant, int parentStage, int stage,
                            bool isWrite) const;
  llvm::SmallVector<std::pair<uint64_t, uint64_t>, 2>
  unitsAtWork(int rank, int parentStage, const Place &place,
              bool withBelow) const;
  uint64_t sharedAccesses(uint32_t relevant, int parentStage,
                          const Place &place, bool withBelow, bool isWrite,
                          uint64_t levelWidth) const;
  /// How often a word is read that is written so many times, `first` of them in
  /// the first visit: all but the very first, or in all but the first visit;
  /// and in none that begins anew.
  uint64_t readsOf(uint64_t accesses, uint64_t first, uint64_t begun) const;
  /// Words that units get or give, each counted.
  uint64_t deliveries(const Operand &operand, const Operand::Use &use,
                      const Place &latch) const;

  /// What a visit fetches, delivers and holds, in steps along the rank in which
  /// accesses differ; and how many visits do.
  struct Walk {
    uint64_t count = 1, fetched = 0, delivered = 0, held = 0;
  };
  llvm::SmallVector<Walk, 8> walk(const Operand &operand, int parentStage,
                                  const Place &place) const;
  Walk walkOne(const Operand &operand, int64_t lo, int64_t hi) const;
  void addWalked(Costs &costs, const Operand &operand, int level, int parent,
                 int parentStage, const Place &place) const;
  /// Calls `fn(words, count)` for the tiles of all other ranks.
  template <typename Fn>
  void forEachSlice(const Operand &operand, int parentStage, const Place &place,
                    Fn fn) const;

  // The same where tiles are cut.
  using Tile = llvm::SmallVector<int64_t, 8>;
  Tile united(int parentStage, const Place &place) const;
  bool isTogether(int parentStage, int stage) const;
  uint64_t certainRepeats(uint32_t relevant, int parentStage, int stage,
                          bool isWrite, uint64_t levelWidth) const;
  void addCutHolder(Costs &costs, const Operand &operand, int level, int parent,
                    int parentStage, const Place &place) const;
  /// Returns the words that pass.
  double addCutMoves(Costs &costs, const Operand &operand, CutTiles::Part part,
                     int level, int parent, int parentStage, const Place &place,
                     bool isDrain) const;
  void addCutAccesses(Costs &costs, const Operand &operand, int home,
                      int homeStage, const Place &latch) const;
  double cutDeliveries(const Operand &operand, int use,
                       const Place &latch) const;
  uint64_t cutRuns() const;
  /// Words that pass in transfers of any size.
  void chargeWords(Costs &costs, int level, bool isWrite, double words,
                   const formats::BitsPerElement &bits) const;

  void chargeBytes(Costs &costs, int level, bool isWrite, uint64_t times,
                   uint64_t bytes) const;
  /// Bytes on their way from a level to one further in, or to the units (-1),
  /// or back: what they cost on the links that they pass, if each passes once.
  void cross(Costs &costs, int from, int to, double bytes) const;
  void charge(Costs &costs, int level, bool isWrite, uint64_t times,
              uint64_t words, const formats::BitsPerElement &bits) const;
  /// So many bytes in so many accesses.
  void chargeAll(Costs &costs, int level, bool isWrite, uint64_t bytes,
                 uint64_t accesses) const;
  void addEnergy(Costs &costs, double picojoules) const {
    if (axes.energy >= 0)
      costs[axes.energy] += picojoules;
  }

  const EinsumOnArray &nest;
  const arch::ArchSpec &arch;
  const Axes &axes;
  const Deals &deals;
  std::vector<int> resourceOfLink; ///< -1: it has no bandwidth
  /// By pair of levels, the inner one counted from the units on.
  std::vector<std::vector<arch::Crossing>> ways;
  std::vector<llvm::SmallVector<int, 4>> resourcesOf; ///< by level
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_NESTCOUNTS_H
