//===- Storage.h - How the elements of a tensor are stored ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A storage is a format, who shares a scale, and what the scale is stored as:
//
//   mxfp4 block e            E2M1 codes; 32 neighbours along e share 2^k
//   int4 group(128) e        -7 ... 7; 128 neighbours along e share an f16
//   int8 channel f           one f16 scale for each coordinate of f
//   int8(scale=f32) tensor   one scale for all
//   bfp(mantissa=4) block(16) e
//   fp8e4m3                  no scale at all
//
//   storage  := format [ "(" option { "," option } ")" ] { sharing }
//   option   := name [ "=" value ]
//   sharing  := "tensor" | "channel" rank
//             | ("block" | "group") [ "(" size ")" ] rank | "matrix" rank rank
//
// `channel` and `block` may be repeated: `channel b channel h` shares among the
// elements that agree in b and h, `block(128) n block(128) k` among squares.
// Elements of one block agree in all other ranks.
//
// The formats are rows of a table (Storage.cpp); each says which codes it has,
// by which rule a scale follows from the elements, and which scale types,
// options and sharings make sense with it. A further format is a further row.
//
// What is stored for K[m,e] with M = 4, E = 64 as `mxfp4 block e`: 256 codes of
// 4 bits and 4 * 2 scales of 8 bits, 1088 bits in all or 17/4 per element. A
// part of a tensor carries the scale of every block that it touches, and what
// the tensor has once: a tile of 4 by 48 has 192 codes and 4 * ceil(48/32) = 8
// scales, 832 bits (`countWholeBits`). An element alone has its share of them
// (`getShare`), which is the least that any way to take a tensor apart costs.
//
// Refuses, with the place in the text and what would be allowed: unknown
// formats and options, sizes that the format does not leave open, scale types
// whose rounding could take the largest element out of its code.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_STORAGE_H
#define EINSUM_SUPPORT_FORMATS_STORAGE_H

#include "lib/Support/Formats/Codes.h"

#include <optional>
#include <string>
#include <variant>

namespace einsum::formats {

/// How the scale s of a region follows from its elements x; codes hold x / s.
enum class ScaleRule {
  none,           ///< s = 1
  absmax,         ///< s = max |x| / largest code
  sharedExponent, ///< s = 2^(floor(log2(max |x|)) - floor(log2(largest code)))
  minmax,         ///< s = (max - min) / (2^n - 1), zero point = -min / s
  meanAbs,        ///< s = mean |x|
  bestLevels,     ///< absmax with each set; that of the least squared error
  binaryCodes,    ///< n scales, x = sum of s_i * (+1 or -1)
  lowRank,        ///< see LowRank
};

/// Of GEAR (Kang et al. 2024): a matrix is codes between the least and the
/// greatest of `group` neighbours in a row (f16 both), plus a product of two
/// thin f16 matrices, and outliers, which are kept apart in f16.
struct LowRank {
  int64_t group = 64;
  int64_t rank = 4;
  double outliers = 0.02; ///< share of the elements, half of them each end

  /// At each end.
  uint64_t countOutliers(uint64_t rows, uint64_t columns) const;
};

struct Format {
  std::string name; ///< with its options, except that of the scale type
  ScaleRule rule = ScaleRule::none;
  std::vector<Codes> codes; ///< one set, or those that a block chooses from
  /// Types that the scale may have, the usual one first; empty: no scale.
  std::vector<std::string> scaleTypes;
  /// Whether a format with scale types can do without.
  bool isScaleOptional = false;
  /// Elements of one block where the format fixes them; 0: the user does.
  int64_t blockSize = 0;
  /// Only blocks along one rank share, never channels or whole tensors.
  bool isBlocked = false;
  unsigned scalesPerRegion = 1;
  LowRank lowRank;
  /// False for what is computed in and stored as something else (tf32).
  bool isStored = true;

  /// Bits of one code.
  unsigned getCodeBits() const { return codes.front().getBits(); }
  /// Of the name of the set that a block chose.
  unsigned getSelectorBits() const;
  unsigned getZeroPointBits() const;
};

enum class Sharing { none, tensor, channel, block, matrix };

/// Bits of an element with its share of what it has together with others, in
/// lowest terms: 17/4 for MXFP4.
struct BitsPerElement {
  uint64_t numerator = 0, denominator = 1;

  double toDouble() const {
    return static_cast<double>(numerator) / static_cast<double>(denominator);
  }
  /// Of so many elements, rounded up; 2^64 - 1 beyond 64 bits.
  uint64_t countBits(uint64_t elements) const;
  uint64_t countBytes(uint64_t elements) const {
    uint64_t bits;
    if (denominator == 1 && !__builtin_mul_overflow(elements, numerator, &bits))
      return bits / 8 + (bits % 8 != 0);
    return countBytesWidely(elements);
  }
  uint64_t countBytesWidely(uint64_t elements) const;
  bool operator==(const BitsPerElement &other) const {
    return numerator == other.numerator && denominator == other.denominator;
  }
};

struct Storage {
  Format format;
  Sharing sharing = Sharing::none;
  /// channel: those whose coordinates keep apart; block: those with blocks;
  /// matrix: rows and columns.
  std::vector<std::string> ranks;
  std::vector<int64_t> sizes; ///< block: elements along each of `ranks`
  std::string scaleType;      ///< empty without a scale

  /// As parseStorage reads it; what the format implies goes unsaid.
  std::string toText() const;

  /// A scale relative to one f32 for the whole tensor: the types e4m3 and u8.
  bool hasTensorScale() const;
  /// Scales, zero point and selector of one region.
  uint64_t getRegionBits() const;
};

/// What is wrong with a text, and where in it.
struct StorageError {
  size_t offset = 0;
  std::string message;
  bool isUnknownFormat = false;
};

/// Reads the notation above; with the ranks of a tensor, only for that tensor.
std::variant<Storage, StorageError>
parseStorage(llvm::StringRef text,
             const std::vector<std::string> *tensorRanks = nullptr);
/// Puts together what the notation would say; an empty scale type asks for the
/// usual one.
std::variant<Storage, StorageError>
makeStorage(llvm::StringRef format, Sharing sharing,
            llvm::ArrayRef<std::string> ranks, llvm::ArrayRef<int64_t> sizes,
            llvm::StringRef scaleType);

/// `name` with options, as in "bfp(mantissa=4)"; the scale type is no option
/// here.
std::variant<Format, StorageError> findFormat(llvm::StringRef name);
/// One name per row, for messages and for who wants to try them all.
llvm::ArrayRef<std::string> getFormatNames();
/// The set of a scale type: "e8m0", "e4m3", "f16", "bf16", "f32", "u8", and
/// "e5m0" and the like for shared exponents; null if there is none.
const Codes *findScaleType(llvm::StringRef name);
llvm::StringRef spell(Sharing sharing);

/// A tensor of that storage: row-major.
struct Region {
  std::vector<int64_t> extents;
  /// Elements of one region along each rank; at most the extent.
  std::vector<int64_t> shape;
  /// matrix: positions of rows and columns among the ranks.
  unsigned rowRank = 0, columnRank = 0;

  uint64_t countElements() const;
  uint64_t countRegions() const;
};

/// Fails with what is wrong when a rank of the storage is no rank of the tensor
/// or a block does not divide an extent.
std::variant<Region, std::string> layOut(const Storage &storage,
                                         llvm::ArrayRef<std::string> ranks,
                                         llvm::ArrayRef<int64_t> extents);

/// What elements of a tensor weigh, wherever they are: codes, and what every
/// region of `shape` carries besides.
struct Weight {
  uint64_t codeBits = 0;
  uint64_t regionBits = 0;
  std::vector<int64_t> shape; ///< per rank of the tensor
  /// Bits that belong to all elements alike: spread.first / spread.second each.
  std::pair<uint64_t, uint64_t> spread = {0, 1};
  /// Once per tensor: of its size, and of whatever holds or moves a part of it.
  uint64_t tensorBits = 0;

  /// An element's share of everything but `tensorBits`: what it costs to move
  /// elements in whole regions, and the least that it can cost. A denominator
  /// beyond 64 bits rounds up.
  BitsPerElement getShare() const;
  /// Whether elements have something together that parts of the tensor need
  /// whole, so that their number alone does not say what they weigh.
  bool isShared() const;
  /// So many elements that touch so many regions, with all that these have
  /// together. 2^64 - 1 beyond 64 bits.
  uint64_t countWholeBits(uint64_t elements, uint64_t regions) const;
  uint64_t countWholeBytes(uint64_t elements, uint64_t regions) const;
  /// So many elements in boxes of `tile[i]` along rank i, aligned with the
  /// regions, each box with the metadata of every region that it touches. 2^64
  /// - 1 beyond 64 bits.
  uint64_t countBits(uint64_t elements, llvm::ArrayRef<int64_t> tile) const;
};

Weight weigh(const Storage &storage, const Region &region);

/// Of the whole tensor, with what it has once.
uint64_t countBits(const Storage &storage, const Region &region);
/// The same over its number of elements.
BitsPerElement getBitsPerElement(const Storage &storage, const Region &region);

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_STORAGE_H
