//===- CutTiles.h - Tiles of filters, windows and shifts --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where a filter cuts the box of an Einsum's ranks, or an access is no product
// of ranks, tiles differ in size. As tiles of all nests lie on the grid of a
// tile vector, it is enough to know how many tiles of that grid touch how many
// elements:
//
//   QK[m,p] = Q[p,e] * K[m,e] where m <= p     M = P = 8, tile (m 4, p 4)
//
//   tiles (m, p)     points    of K   of Q         per step of e
//   0,0 and 1,1      10        4      4            2 of them
//   0,1              16        4      4            1
//   1,0              0                             does not happen
//
// Ranks that meet in a condition or a coordinate are one *component*; what a
// tile touches is a product over components, which are counted one by one. A
// component's grid is halved until its conditions are decided, and parts that
// look the same from their lower corner are counted once, so that a triangle
// costs a logarithm. Of a triangle or band along the diagonal there is a closed
// form (BandTiles.h).
//
// Where tiles along one rank are hundreds of times as long as along another that
// it meets, each of the short ones beside a long one has another size; then
// those that are cut in nearly the same place count like the smallest of them.
//
// Counts are exact, or there, and where it would take too long (more parts than
// a limit, images that have to be enumerated), too low: every answer may stand
// in a lower bound.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_CUTTILES_H
#define LIB_MAPPER_NEST_CUTTILES_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Analysis/ImageCounter.h"
#include "lib/Mapper/Nest/BandTiles.h"

#include "llvm/ADT/Hashing.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace einsum::mapper {

struct EinsumOnArray;

/// What all tiles come to, each moved in whole accesses.
struct CutSums {
  uint64_t words = 0, bytes = 0, accesses = 0;
};

class CutTiles {
public:
  /// Ranks and operands of `nest` are complete.
  CutTiles(const CascadeFacts &facts, const EinsumOnArray &nest);
  ~CutTiles();

  /// Of an operand, what a visit touches, fetches as far as it does not produce
  /// it, and produces.
  enum class Part : uint8_t { held, fetched, written };

  /// Calls `fn(words, count)` for tiles of each size; `tile` per local rank.
  using Visit = llvm::function_ref<void(uint64_t words, uint64_t count)>;
  void forEach(int operand, Part part, llvm::ArrayRef<int64_t> tile, Visit fn);
  /// The same for the elements of one access.
  void forEachOfUse(int operand, int use, llvm::ArrayRef<int64_t> tile,
                    Visit fn);

  /// Of the same tiles, all in all.
  const CutSums &sum(int operand, Part part, llvm::ArrayRef<int64_t> tile,
                     uint64_t accessBytes);
  const CutSums &sumOfUse(int operand, int use, llvm::ArrayRef<int64_t> tile,
                          uint64_t accessBytes);

  /// Tiles in which something happens.
  uint64_t countVisits(llvm::ArrayRef<int64_t> tile);
  /// The most that a tile touches.
  uint64_t largest(int operand, llvm::ArrayRef<int64_t> tile);
  /// Elements that the Einsum produces of the operand, all in all.
  uint64_t countWritten(int operand);

  /// Whether tiles of the rank are no factor of their own.
  bool isCutAlong(int rank) const;
  /// Conditions and accesses, the same for Einsums whose tiles are alike.
  const std::string &describe() const { return text; }

  struct Component;

private:
  using TileKey = llvm::SmallVector<int64_t, 8>;
  struct HashKey {
    size_t operator()(const TileKey &key) const {
      return llvm::hash_combine_range(key.begin(), key.end());
    }
  };
  /// What tiles come to by a measure, -1: one word per tile in which anything
  /// happens. Components whose tiles are all alike are factors of the others'.
  struct Factors {
    std::vector<const CutSizes *> unlike;
    llvm::SmallVector<int, 2> from; ///< components of these
    uint64_t words = 1, count = 1;
  };
  Factors factorsOf(int measure, llvm::ArrayRef<int64_t> tile);
  CutSums sumUnlike(const Factors &factors,
                    const formats::BitsPerElement &bitsOf,
                    uint64_t accessBytes) const;
  void forEachMeasure(int measure, llvm::ArrayRef<int64_t> tile, Visit fn);
  const CutSums &sumOf(int operand, int measure, llvm::ArrayRef<int64_t> tile,
                       uint64_t accessBytes);

  std::vector<std::unique_ptr<Component>> components;
  std::vector<int64_t> extents;
  std::vector<int64_t> onceMade; ///< the tile in which no point comes twice
  std::vector<int> firstMeasure; ///< per operand; parts, then uses
  /// Per operand: of what a leaf moves, and of a word of a tile.
  std::vector<std::pair<formats::BitsPerElement, formats::BitsPerElement>> bits;
  std::string text;
  std::unordered_map<TileKey, CutSums, HashKey> sums, alike;
  bool isEmpty = false; ///< no point meets the conditions
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_CUTTILES_H
