//===- TileComponent.h - Ranks of a tile that move together -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to TileQuery: the steps of one component's loops, in classes.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_TILECOMPONENT_H
#define LIB_COSTMODEL_TILECOMPONENT_H

#include "lib/CostModel/TileQuery.h"

namespace einsum::cost {

/// So many visits in which coordinate tuples lie in sets like this. Bits
/// `earlier`, `earlierHere`, `later` and `unit` are inverted: set where no
/// earlier visit (of the same visit of the home), no later visit, no earlier
/// unit contributes, which is what products keep.
struct ComponentClass {
  Signature signature;
  BlockSignature blocks; ///< the same of blocks, where they count
  uint64_t times = 0, sharing = 1, reducing = 1;
};

struct TileQuery::Component {
  /// What the ranks of a piece run over.
  enum class Box { current, previous, earlier, later, earlierUnit, afterwards };

  struct Loop {
    int node;
    int local; ///< rank; -1 for a storage node with demands
    bool spatial = false, between = false, reduced = false, retained = false;
    bool dealsOut = false; ///< a temporal loop over the same rank is below
    /// Pieces that are there in the first, or last, step only.
    SetMask inFirst = 0, inLast = 0;
  };

  struct Piece {
    Box box;
    int loop; ///< of earlier, later, earlierUnit; the node of afterwards
    /// Of earlier and later: units of loops below this node count together. Of
    /// earlierUnit: they are in the same step of the loops above it.
    int within;
    const Use *use;
    std::vector<Constraint> constraints;
    /// What these leave of ranks in coordinates where others run over an
    /// interval each, whose first and last coordinates are variables, two per
    /// rank, behind the ranks: of m <= n and n <= p, n in [a, b], m <= b, a <= p
    /// and m <= p. Empty if that is not to be had exactly.
    std::vector<Constraint> projected;
    /// Demands between place and leaf, outermost first.
    llvm::SmallVector<std::pair<int, const Demand *>, 1> demands; ///< with node
  };

  llvm::SmallVector<int, 2> ranks;
  llvm::SmallVector<int, 16> localOf;
  llvm::SmallVector<unsigned, 2> coordinates;
  std::vector<Loop> loops;
  std::vector<Piece> pieces;
  std::vector<ImagePiece> imagePieces;
  std::optional<ImageCounter> images;
  /// Of `query.windows`, those along a coordinate here; and a counter of what
  /// lies within them, with the start and the width of each as further ranks.
  llvm::SmallVector<Window, 2> windows;
  std::optional<ImageCounter> windowImages;
  bool constrained = false;
  bool separable =
      true; ///< coordinates share no rank, and pieces no difference
  SetMask keptRanks = 0; ///< local ranks in the coordinates of the write
  /// Local ranks whose steps move pieces by different amounts, as h in
  /// T[h] * T[b + a]: how far these overlap depends on the position.
  SetMask apartRanks = 0;
  int64_t farthest = 0; ///< offset of a later read
  bool isLocal = false; ///< no piece reaches beyond the tile itself
  bool boxLike = true;  ///< each constraint bounds one rank by itself
  /// Of `query.grid`, that of the coordinates here; empty if blocks do not
  /// count.
  llvm::SmallVector<int64_t, 2> grid;
  bool hasBlocks = false; ///< some have several blocks of several coordinates
  bool hasDemands = false;
  /// Blocks as images, with the number of each block along such a coordinate as
  /// a further rank.
  std::optional<ImageCounter> blockImages;

  /// The classes of the tiles asked for lately, with units united and apart:
  /// who varies tiles comes back to some of them.
  struct Known {
    static constexpr size_t kMost = 8;
    std::vector<std::pair<std::vector<int64_t>, std::vector<ComponentClass>>>
        entries;
    size_t next = 0; ///< entry to replace
  } known[2];

  void setUp(TileQuery &query);
  void addPiece(TileQuery &query, unsigned set, const Use &use, Box box,
                int loop = -1, int within = -1);
  bool finish();
  void project(Piece &piece, const ImagePiece &image) const;
  bool listClasses(TileQuery &query, bool unitsApart, Counter &counter,
                   std::vector<ComponentClass> &classes);
  void prepareWindows(const TileQuery &query);
  void prepareBlocks();

  AffineForm localise(const AffineForm &form) const;
};

/// Distinct values of a coordinate while ranks have these sizes; exact.
uint64_t spanOf(const Coordinate &coordinate, llvm::ArrayRef<int64_t> sizes);

/// The nearest temporal loop above a node, or -1.
int loopAround(const LoopTree &tree, int node);

bool sameCoordinates(const AccessFact &a, const AccessFact &b);

std::vector<Constraint> constraintsOf(const LoopTree &tree, const Use &use);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_TILECOMPONENT_H
