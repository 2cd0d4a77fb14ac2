//===- CutComponent.h - Tiles of ranks that meet, counted -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks that meet in a condition or a coordinate (CutTiles.h), in numbers of
// their own: how many of their tiles touch how many elements of each access.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_CUTCOMPONENT_H
#define LIB_MAPPER_NEST_CUTCOMPONENT_H

#include "lib/Mapper/Nest/CutTiles.h"

#include <map>

namespace einsum::mapper {

struct CutTiles::Component {
  /// Equal intervals side by side.
  struct Side {
    int64_t lo = 0, size = 1, count = 1;
    int64_t end() const { return lo + size * count; }
  };
  using Sides = llvm::SmallVector<Side, 4>;

  /// Tiles that touch the same number of elements, per measure.
  struct TileClass {
    std::vector<uint64_t> words;
    uint64_t count = 0;
  };
  using TileClasses = std::vector<TileClass>;

  /// What is counted of a tile.
  struct Measure {
    /// As an image; or a factor of 1 if the component's ranks do not matter.
    int image = -1;
    SetMask wanted = ~SetMask{0}; ///< sets, one of which an element is in
    SetMask unwanted = 0;         ///< and those in none of which it is
    bool isOff = false;           ///< cannot be told in one component: nothing
  };

  /// An operand's accesses in one component. Set 0: read, 1: written; or one
  /// set.
  struct Image {
    std::vector<ImagePiece> pieces;
    std::unique_ptr<ImageCounter> counter;
    /// Per piece, as long as nothing cuts: the ranks that its elements are the
    /// product of; -1 otherwise.
    std::vector<int64_t> plain;
  };

  llvm::SmallVector<int, 4> ranks; ///< local
  llvm::SmallVector<int64_t, 4> extents;
  /// Of ranks that follow demand: what is asked for, step by step.
  std::vector<std::vector<Interval>> visits;
  /// Those that every point meets first, then those of single accesses.
  std::vector<Constraint> conditions;
  size_t domain = 0;
  std::vector<Image> images;
  std::vector<Measure> measures;
  /// If that is all that the conditions say: over one rank and another, or over
  /// blocks of a rank, one within a block, and another.
  std::optional<BandTiles> band;
  int inner = 0, along = 1, blocks = -1; ///< these ranks
  std::map<std::vector<int64_t>, TileClasses> known;
  std::map<std::vector<int64_t>, CutSizes> sizes;
  std::map<std::vector<int64_t>, std::vector<uint64_t>> tiles;
  std::map<std::vector<int64_t>, TileClasses> parts;
  size_t left = 0; ///< parts that may still be made
  /// Of the grid at hand, by condition: tiles between whose corners a condition
  /// differs by no more count as so many like the worst of them.
  std::vector<int64_t> slacks;

  int addImage(std::vector<ImagePiece> pieces);
  /// Measure -1: whether anything happens.
  const CutSizes &sizesOf(int measure, llvm::ArrayRef<int64_t> tile,
                          llvm::ArrayRef<int64_t> extents);
  void findBand();
  int64_t maskOf(int measure) const;
  bool countBand(int64_t mask, llvm::ArrayRef<int64_t> tile,
                 llvm::ArrayRef<int64_t> extents, CutSizes &sizes) const;
  const TileClasses &classes(llvm::ArrayRef<int64_t> tile,
                             llvm::ArrayRef<int64_t> extents);
  TileClasses count(const Sides &sides);
  // CutAlike.cpp
  void setSlacks(llvm::ArrayRef<int64_t> tile);
  std::optional<Sides> findWorst(const Sides &sides,
                                 llvm::ArrayRef<int> open) const;
  std::optional<TileClasses> countAlike(const Sides &sides,
                                        llvm::ArrayRef<int> open,
                                        const std::vector<bool> &holds,
                                        uint64_t count);
  const std::vector<uint64_t> &measure(const Sides &sides,
                                       llvm::ArrayRef<int> open,
                                       const std::vector<bool> &holds);
  uint64_t countImage(Image &image, const Measure &measure,
                      llvm::ArrayRef<Interval> box, bool isWhole);
  std::vector<int64_t> keyOf(const Sides &sides, llvm::ArrayRef<int> open,
                             const std::vector<bool> &holds, bool counts) const;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_CUTCOMPONENT_H
