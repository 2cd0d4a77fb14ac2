//===- Storage.cpp - How the elements of a tensor are stored --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Storage.h"

#include "lib/Support/Formats/Text.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum::formats;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Facts of a storage
//===----------------------------------------------------------------------===//

StringRef einsum::formats::spell(Sharing sharing) {
  static constexpr StringRef words[] = {"none", "tensor", "channel", "block",
                                        "matrix"};
  return words[static_cast<int>(sharing)];
}

const Codes *einsum::formats::findScaleType(StringRef name) {
  static const std::vector<std::pair<std::string, Codes>> powers = [] {
    std::vector<std::pair<std::string, Codes>> result;
    for (unsigned bits = 3; bits <= 8; ++bits)
      result.push_back(
          {"e" + std::to_string(bits) + "m0", Codes::powers(bits)});
    return result;
  }();
  static const Codes byte = Codes::unsignedInteger(8);
  for (const auto &[spelling, codes] : powers)
    if (spelling == name)
      return &codes;
  if (name == "u8")
    return &byte;
  static constexpr StringRef reals[] = {"e4m3", "f16", "bf16", "f32"};
  return llvm::is_contained(reals, name) ? Codes::findReal(name) : nullptr;
}

unsigned Format::getSelectorBits() const {
  return rule == ScaleRule::bestLevels ? llvm::Log2_64_Ceil(codes.size()) : 0;
}

unsigned Format::getZeroPointBits() const {
  return rule == ScaleRule::minmax ? getCodeBits() : 0;
}

bool Storage::hasTensorScale() const {
  return scaleType == "e4m3" || scaleType == "u8";
}

uint64_t Storage::getRegionBits() const {
  if (scaleType.empty())
    return 0;
  return uint64_t{format.scalesPerRegion} *
             findScaleType(scaleType)->getBits() +
         format.getZeroPointBits() + format.getSelectorBits();
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

uint64_t Region::countElements() const {
  uint64_t count = 1;
  for (int64_t extent : extents)
    count = llvm::SaturatingMultiply(count, static_cast<uint64_t>(extent));
  return count;
}

uint64_t Region::countRegions() const {
  uint64_t count = 1;
  for (auto [extent, size] : llvm::zip(extents, shape))
    count = llvm::SaturatingMultiply(
        count, llvm::divideCeil(static_cast<uint64_t>(extent),
                                static_cast<uint64_t>(size)));
  return count;
}

std::variant<Region, std::string>
einsum::formats::layOut(const Storage &storage,
                        llvm::ArrayRef<std::string> ranks,
                        llvm::ArrayRef<int64_t> extents) {
  Region region;
  region.extents.assign(extents.begin(), extents.end());
  bool isWhole =
      storage.sharing == Sharing::tensor || storage.sharing == Sharing::channel;
  for (int64_t extent : extents)
    region.shape.push_back(isWhole ? std::max<int64_t>(extent, 1) : 1);
  for (auto [i, name] : llvm::enumerate(storage.ranks)) {
    auto found = llvm::find(ranks, name);
    std::string text = "'" + storage.toText() + "' ";
    if (found == ranks.end())
      return text + "speaks of rank '" + name + "', which the tensor has not" +
             (ranks.empty() ? std::string("; it is a scalar")
                            : "; it has " + listQuoted(ranks));
    unsigned position = found - ranks.begin();
    int64_t extent = extents[position];
    switch (storage.sharing) {
    case Sharing::none:
    case Sharing::tensor:
      break;
    case Sharing::channel:
      region.shape[position] = 1;
      break;
    case Sharing::block:
      if (extent % storage.sizes[i] != 0)
        return text + "needs an extent of '" + name +
               "' that is a multiple of " + std::to_string(storage.sizes[i]) +
               ", found " + std::to_string(extent);
      region.shape[position] = storage.sizes[i];
      break;
    case Sharing::matrix:
      region.shape[position] = std::max<int64_t>(extent, 1);
      (i == 0 ? region.rowRank : region.columnRank) = position;
      if (i == 1 && extent % storage.format.lowRank.group != 0)
        return text + "needs an extent of '" + name +
               "' that is a multiple of its group, " +
               std::to_string(storage.format.lowRank.group) + ", found " +
               std::to_string(extent);
      break;
    }
  }
  return region;
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

using Wide = unsigned __int128;

static uint64_t saturate(Wide bits) {
  return bits > UINT64_MAX ? UINT64_MAX : static_cast<uint64_t>(bits);
}

static Wide ceilDiv(Wide a, Wide b) { return a / b + (a % b != 0); }

uint64_t BitsPerElement::countBits(uint64_t elements) const {
  return saturate(ceilDiv(Wide(elements) * numerator, denominator));
}

uint64_t BitsPerElement::countBytesWidely(uint64_t elements) const {
  return saturate(ceilDiv(Wide(elements) * numerator, Wide(denominator) * 8));
}

static Wide greatestDivisor(Wide a, Wide b) {
  while (b != 0)
    std::swap(a %= b, b);
  return a;
}

BitsPerElement Weight::getShare() const {
  uint64_t perRegion = 1;
  for (int64_t size : shape)
    perRegion =
        llvm::SaturatingMultiply(perRegion, static_cast<uint64_t>(size));
  // Both denominators are at most the number of elements of a tensor, and so
  // is their common multiple where one counts groups of the other.
  Wide divisor = greatestDivisor(perRegion, spread.second);
  Wide factor = spread.second / divisor;
  Wide denominator = factor * perRegion;
  Wide numerator = denominator * codeBits + factor * regionBits +
                   Wide(spread.first) * (perRegion / divisor);
  divisor = greatestDivisor(numerator, denominator);
  numerator /= divisor;
  denominator /= divisor;
  while (numerator > UINT64_MAX || denominator > UINT64_MAX) {
    numerator = numerator / 2 + numerator % 2;
    denominator /= 2;
  }
  return {static_cast<uint64_t>(numerator), static_cast<uint64_t>(denominator)};
}

bool Weight::isShared() const {
  bool hasRegions = regionBits != 0 &&
                    llvm::any_of(shape, [](int64_t size) { return size > 1; });
  return hasRegions || (tensorBits != 0 && !shape.empty());
}

uint64_t Weight::countWholeBits(uint64_t elements, uint64_t regions) const {
  if (elements == 0)
    return 0;
  return saturate(Wide(elements) * codeBits +
                  ceilDiv(Wide(elements) * spread.first, spread.second) +
                  Wide(regions) * regionBits + tensorBits);
}

uint64_t Weight::countWholeBytes(uint64_t elements, uint64_t regions) const {
  return ceilDiv(countWholeBits(elements, regions), 8);
}

uint64_t Weight::countBits(uint64_t elements,
                           llvm::ArrayRef<int64_t> tile) const {
  Wide bits = Wide(elements) * codeBits +
              ceilDiv(Wide(elements) * spread.first, spread.second);
  if (regionBits == 0)
    return saturate(bits);
  uint64_t perBox = 1, regions = 1;
  for (auto [run, size] : llvm::zip(tile, shape)) {
    perBox = llvm::SaturatingMultiply(perBox, static_cast<uint64_t>(run));
    regions = llvm::SaturatingMultiply(
        regions, llvm::divideCeil(static_cast<uint64_t>(run),
                                  static_cast<uint64_t>(size)));
  }
  // Fewer elements than a box: one that a border cut, or its last part.
  Wide touched = perBox == 0 ? 0 : ceilDiv(Wide(elements) * regions, perBox);
  return saturate(bits + touched * regionBits);
}

/// What a matrix has besides codes and the ends of its groups: two thin f16
/// matrices; outliers as a position and an f16 value each.
static uint64_t countLowRankBits(const LowRank &lowRank, uint64_t rows,
                                 uint64_t columns) {
  uint64_t positionBits = llvm::Log2_64_Ceil(
      std::max<uint64_t>(2, llvm::SaturatingMultiply(rows, columns)));
  uint64_t factors = llvm::SaturatingMultiply(
      16 * static_cast<uint64_t>(lowRank.rank), rows + columns);
  return factors +
         2 * lowRank.countOutliers(rows, columns) * (16 + positionBits);
}

Weight einsum::formats::weigh(const Storage &storage, const Region &region) {
  Weight weight;
  weight.codeBits = storage.format.getCodeBits();
  weight.shape = region.shape;
  weight.tensorBits = storage.hasTensorScale() ? 32 : 0;
  if (storage.sharing != Sharing::matrix) {
    weight.regionBits = storage.getRegionBits();
    return weight;
  }
  auto rows = static_cast<uint64_t>(region.extents[region.rowRank]);
  auto columns = static_cast<uint64_t>(region.extents[region.columnRank]);
  const LowRank &lowRank = storage.format.lowRank;
  weight.shape[region.rowRank] = 1;
  weight.shape[region.columnRank] = lowRank.group;
  weight.regionBits = 32; // the ends of a group
  weight.spread = {countLowRankBits(lowRank, rows, columns),
                   std::max<uint64_t>(1, rows * columns)};
  return weight;
}

uint64_t einsum::formats::countBits(const Storage &storage,
                                    const Region &region) {
  Weight weight = weigh(storage, region);
  return llvm::SaturatingAdd(
      weight.countBits(region.countElements(), region.extents),
      weight.tensorBits);
}

BitsPerElement einsum::formats::getBitsPerElement(const Storage &storage,
                                                  const Region &region) {
  uint64_t elements = std::max<uint64_t>(1, region.countElements());
  uint64_t bits = countBits(storage, region);
  uint64_t divisor = std::gcd(bits, elements);
  return {bits / divisor, elements / divisor};
}

uint64_t LowRank::countOutliers(uint64_t rows, uint64_t columns) const {
  return static_cast<uint64_t>(static_cast<double>(rows) *
                               static_cast<double>(columns) * outliers / 2);
}
