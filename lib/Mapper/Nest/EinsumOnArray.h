//===- EinsumOnArray.h - What a nest of one Einsum depends on ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One Einsum on one array, in local numbers: its ranks, its operands and the
// levels between the backing level and the array.
//
//   Z[m,n] = A[m,k] * B[k,n]    ranks m n k    operands A {m,k} B {k,n} Z {m,n}
//
//   path    DRAM | buffer | registers        fan-outs   before registers:
//                                            row, col
//
// Where tiles are no products of ranks (filters, windows, shifts, tensors read
// partly), `cut` counts them; what a nest costs is then a lower bound, mostly
// exact (CutTiles.h).
//
// Two Einsums that look the same in these numbers have the same nests; they are
// searched once (`signature`).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_EINSUMONARRAY_H
#define LIB_MAPPER_NEST_EINSUMONARRAY_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Mapper/Nest/CutTiles.h"
#include "lib/Mapper/UserConstraints.h"

#include <optional>

namespace einsum::mapper {

/// Tensors that one Einsum may touch.
constexpr int kMaxOperands = 24;
/// Levels between the backing memory and an array, and levels beside them.
constexpr int kMaxPath = 64;

struct LocalRank {
  int rank = -1; ///< of the cascade
  int64_t extent = 1;
  /// Tile sizes, falling, from the extent to 1.
  std::vector<int64_t> tiles;
  /// For each tile, those that may stand directly inside: the largest ones.
  std::vector<llvm::SmallVector<int, 4>> inner;
  /// Where the rank follows demand (Join/WindowLoops.h): what is asked for in
  /// each step of the loop that moves it. Its first tile is all of that, its
  /// second one a step's, and the others are parts of steps.
  std::vector<Interval> visits = {};
  int movedBy = -1; ///< rank of that loop

  bool isFollowing() const { return !visits.empty(); }
  /// `inner` of these tiles: the largest that divide each; of all, any.
  void listInner();
};

/// A rank of an Einsum that follows demand.
struct FollowedRank {
  int rank = -1; ///< of the cascade
  std::vector<Interval> visits;
  int movedBy = -1;     ///< rank of the loop that moves it
  int64_t mostHeld = 1; ///< of its tensor, made in this step or before
};

/// A tensor that the Einsum touches.
struct Operand {
  int tensor = -1;
  /// Number of read and write accesses.
  int reads = 0, writes = 0;
  uint32_t relevant = 0; ///< mask of local ranks that select its elements
  /// Of those that select the one that a leaf reads: others, too, if they
  /// select an index.
  uint32_t atLeaf = 0;
  formats::BitsPerElement bits; ///< with an element's share of scales
  /// Where blocks of a number format may be cut, and tiles are products of
  /// ranks: what weighs, and along each local rank how many coordinates are in
  /// a block; 0: all.
  std::shared_ptr<const formats::Weight> stored = nullptr;
  llvm::SmallVector<int64_t, 6> grid = {};
  /// What weighs in any case, and the most elements of a block: tiles of other
  /// forms touch as many blocks at least as hold their elements.
  std::shared_ptr<const formats::Weight> scaled = nullptr;
  uint64_t perBlock = 1;
  /// Elements of ranks that data addresses: a tile holds all of them.
  uint64_t whole = 1;
  /// These ranks of the cascade, with their extents.
  llvm::SmallVector<std::pair<int, int64_t>, 1> opaque = {};
  /// One access: at `shift` steps along `rank`, where the first or last of them
  /// are no elements.
  struct Use {
    bool isWrite = false;
    int rank = -1;
    int64_t shift = 0;
    uint32_t relevant = 0; ///< local ranks of this access, at the leaf
  };
  llvm::SmallVector<Use, 2> uses;
  /// Local rank along which accesses differ, or only some steps of what is
  /// written are needed elsewhere; -1 for most.
  int along = -1;
  /// Steps that others need; nullopt: all.
  std::optional<llvm::SmallVector<int64_t, 1>> needed;
  bool mustLiveAtBacking = false; ///< an input or output of the cascade
  /// Others touch it, who may have one holder with this Einsum.
  bool mayHaveSharedHolder = false;
  /// Which elements others need cannot be told: perhaps none.
  bool mayStay = false;

  bool isWritten() const { return writes > 0; }
  /// Of one word of a tile: an element and all that data may choose instead.
  formats::BitsPerElement tileBits() const {
    formats::BitsPerElement all = bits;
    all.numerator *= whole;
    return all;
  }
  bool usesRank(int rank) const { return relevant >> rank & 1; }
};

/// A direction that spatial loops may use.
struct Fan {
  int dim = -1;  ///< of the array
  int stage = 1; ///< of what lies below
  uint64_t size = 1;
  uint64_t multicastWidth = 0, reductionWidth = 0;
  uint32_t ranks = 0;      ///< local ranks that may be dealt to it
  uint64_t leastUnits = 1; ///< that must be in use
};

struct EinsumOnArray {
  int einsum = -1, array = -1;
  std::vector<LocalRank> ranks;
  std::vector<Operand> operands;
  std::vector<int> path;   ///< levels, outermost first
  std::vector<int> stages; ///< of each level of the path
  int lastStage = 0;       ///< of the leaf
  std::vector<Fan> fans;
  bool feedsRegisters = false; ///< the last level is private to the units
  bool reduces = false;
  bool feedsOthers = false; ///< another Einsum reads what it makes
  double cyclesPerPoint = 0, energyPerPoint = 0;
  double startUpCycles = 0; ///< per visit of its nest
  uint64_t points = 1;
  const EinsumConstraints *constraints = nullptr;
  /// Shared by those that describe the Einsum for other arrays.
  std::shared_ptr<CutTiles> cut;
  /// Ranks along which it reads what it writes in other steps.
  uint32_t walked = 0;
  bool coarse = false; ///< ranks are dealt to as many units as possible only
  /// Several ranks may be dealt along one dimension.
  bool sharesDims = true;
  bool fewPairs = false;   ///< of one rank, or a few pairs of them
  bool allDeals = false;   ///< also those that cost the same as another
  bool mergesRanks = true; ///< those that always come together (MergedRanks.h)
  /// Holders of outer levels come first, what is used once is not held, and
  /// what can be latched is.
  bool sketch = false;
  /// A sketch in which no level is left out before one further in, with tiles
  /// for its few ways to deal.
  bool instant = false;
  /// Ways to deal ranks that are searched, those that use the most units; 0:
  /// all.
  size_t mostDeals = 0;

  /// Whether some point reads the operand: steps before the first one of a
  /// recurrence are no elements, and a filter may leave only points that read
  /// those.
  bool readsSurely(const Operand &operand) const;
  /// Points of the box of all ranks, in the domain or not.
  double countBox() const;
  /// Choices of one tile for each rank.
  double countTiles() const;
  /// How many states a search has, at most.
  double countStates() const;
  /// Everything that nests depend on, in local numbers.
  std::string signature() const;
  /// The Einsum needs its own last step along that rank: it goes step by step.
  bool walks(int rank) const;
  /// Whether units of a level may walk their parts of the rank. Of those along
  /// which tiles are cut that is rarely counted, and left out where tiles are.
  bool mayWalk(int rank) const;
  int indexOf(const Operand &operand) const {
    return static_cast<int>(&operand - operands.data());
  }
  int findOperand(int tensor) const;
  int findRank(int rank) const;
};

/// The access with coordinates that are data left out: a number each.
AccessFact withoutOpaque(const CascadeFacts &facts, const AccessFact &access);

struct NestLimits {
  bool imperfect = true;
  /// 0: every tile. From 1 on, where there would be too many nests: tiles that
  /// divide, ranks of all tensors whole or step by step, as many units as
  /// possible; from 2 on ever fewer tiles and ways to deal.
  int coarse = 0;
  bool sketch = false;  ///< fewer nests for the same tiles (`EinsumOnArray`)
  bool instant = false; ///< a sketch with very few ways to deal
  /// Along a dimension one rank, or a few pairs of them; with `coarse` always.
  bool fewPairs = false;
  /// Tiles that divide, and few others where these are far apart.
  bool fewTiles = false;
  bool allDeals = false; ///< also those that cost the same as another
  bool mergesRanks = true;
  bool isWhole() const { return coarse == 0 && !fewPairs && !fewTiles; }
  std::vector<int> commonRanks = {}; ///< of all tensors
  /// Ranks that recurrences of several Einsums go along, which share a loop
  /// over them step by step: a sketch, or a coarse list, deals none of them.
  std::vector<int> carriedRanks = {};
  static constexpr int kCoarsest = 5;
  static constexpr size_t kMostDeals = 64; ///< from 2 on; ever fewer beyond
  static constexpr size_t kSketchedDeals = 12, kInstantDeals = 2;
  /// Of an instant sketch: tiles in steps of that, tile vectors that are so few
  /// that all of them and more ways to deal are searched, and the most of
  /// others.
  static constexpr int64_t kInstantRatio = 16;
  static constexpr double kFewVectors = 600, kMostVectors = 600;
};

/// Nullopt if the array has no such operators or the user forbids it; with a
/// reason, if the Einsum itself is not covered (README.md). `cut` is taken over
/// or made, if tiles are cut; it counts each visit of ranks that follow demand.
std::optional<EinsumOnArray>
describeEinsum(const CascadeFacts &facts, const arch::ArchSpec &arch,
               int einsum, int array, const EinsumConstraints &constraints,
               const NestLimits &limits, std::string &unsupported,
               std::shared_ptr<CutTiles> &cut,
               llvm::ArrayRef<FollowedRank> followed = {});

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_EINSUMONARRAY_H
