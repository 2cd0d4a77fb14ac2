//===- Encode.cpp - Tensors to codes and back -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each region in turn: gather its elements, derive the scale by the format's
// rule, take the codes. Formats whose scales are relative to the tensor look at
// all regions once before.
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Encode.h"

#include "lib/Support/Formats/Gather.h"
#include "lib/Support/Formats/LowRankCode.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>

using namespace einsum::formats;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

//===----------------------------------------------------------------------===//
// What a rule needs to know of a region
//===----------------------------------------------------------------------===//

namespace {
struct Summary {
  double largest = 0;             ///< magnitude of the finite elements
  double least = 0, greatest = 0; ///< of those and zero
  bool hasNaN = false, hasInfinity = false;
};
} // namespace

/// Of finite elements: sums and extrema in several lanes, as one would wait for
/// its own last step.
static Summary summarizeFinite(ArrayRef<double> values) {
  constexpr size_t kLanes = 4;
  double least[kLanes] = {}, greatest[kLanes] = {};
  auto take = [&](size_t lane, double value) {
    least[lane] = value < least[lane] ? value : least[lane];
    greatest[lane] = value > greatest[lane] ? value : greatest[lane];
  };
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      take(lane, values[i + lane]);
  for (; i < values.size(); ++i)
    take(0, values[i]);
  Summary summary;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    summary.least = std::min(summary.least, least[lane]);
    summary.greatest = std::max(summary.greatest, greatest[lane]);
  }
  summary.largest = std::max(-summary.least, summary.greatest);
  return summary;
}

static bool areFinite(ArrayRef<double> values) {
  constexpr size_t kLanes = 4;
  // Neither NaN nor infinity minus itself is zero.
  double odd[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      odd[lane] += values[i + lane] - values[i + lane];
  for (; i < values.size(); ++i)
    odd[0] += values[i] - values[i];
  return odd[0] + odd[1] + odd[2] + odd[3] == 0;
}

static Summary summarize(ArrayRef<double> values) {
  if (areFinite(values))
    return summarizeFinite(values);
  Summary summary;
  for (double value : values) {
    summary.hasNaN |= std::isnan(value);
    summary.hasInfinity |= std::isinf(value);
    if (!std::isfinite(value))
      continue;
    summary.largest = std::max(summary.largest, std::fabs(value));
    summary.least = std::min(summary.least, value);
    summary.greatest = std::max(summary.greatest, value);
  }
  return summary;
}

static double meanMagnitude(ArrayRef<double> values) {
  double sum = 0;
  size_t count = 0;
  for (double value : values)
    if (std::isfinite(value)) {
      sum += std::fabs(value);
      ++count;
    }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

//===----------------------------------------------------------------------===//
// Sums of scaled signs
//===----------------------------------------------------------------------===//

static double sumOfSigns(uint32_t code, ArrayRef<double> scales) {
  double sum = 0;
  for (auto [bit, scale] : llvm::enumerate(scales))
    sum += code >> bit & 1 ? scale : -scale;
  return sum;
}

/// The nearest of all sums; the lowest code of those equally near, but plus for
/// zero.
static uint32_t nearestSum(double value, ArrayRef<double> scales) {
  uint32_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  value = std::min(std::max(value, -std::numeric_limits<double>::max()),
                   std::numeric_limits<double>::max());
  for (uint32_t code = (1u << scales.size()); code-- > 0;) {
    double distance = std::fabs(value - sumOfSigns(code, scales));
    if (distance < least) {
      least = distance;
      best = code;
    }
  }
  return best;
}

/// Scales of the least squared error for given codes, by the normal equations;
/// false if these do not determine them.
static bool fitScales(ArrayRef<double> values, ArrayRef<uint32_t> codes,
                      MutableArrayRef<double> scales) {
  size_t n = scales.size();
  std::vector<std::vector<double>> rows(n, std::vector<double>(n + 1, 0));
  for (auto [value, code] : llvm::zip(values, codes))
    for (size_t i = 0; i < n; ++i) {
      double sign = code >> i & 1 ? 1 : -1;
      for (size_t j = 0; j < n; ++j)
        rows[i][j] += sign * (code >> j & 1 ? 1 : -1);
      rows[i][n] += sign * value;
    }
  for (size_t i = 0; i < n; ++i) {
    if (std::fabs(rows[i][i]) < 1e-9)
      return false;
    for (size_t k = i + 1; k < n; ++k) {
      double factor = rows[k][i] / rows[i][i];
      for (size_t j = i; j <= n; ++j)
        rows[k][j] -= factor * rows[i][j];
    }
  }
  for (size_t i = n; i-- > 0;) {
    double rest = rows[i][n];
    for (size_t j = i + 1; j < n; ++j)
      rest -= rows[i][j] * scales[j];
    scales[i] = rest / rows[i][i];
  }
  return true;
}

/// Signs of what is left, scaled by its mean magnitude, one bit after another;
/// then scales for these codes and codes for these scales in turns, while that
/// changes a code.
static llvm::SmallVector<double, 4>
findBinaryScales(ArrayRef<double> all, unsigned bits, const Codes &scaleType) {
  std::vector<double> values;
  llvm::copy_if(all, std::back_inserter(values),
                [](double value) { return std::isfinite(value); });
  llvm::SmallVector<double, 4> scales;
  std::vector<double> left = values;
  for (unsigned i = 0; i < bits; ++i) {
    scales.push_back(meanMagnitude(left));
    for (double &value : left)
      value -= value >= 0 ? scales.back() : -scales.back();
  }
  constexpr unsigned kTurns = 16;
  std::vector<uint32_t> codes(values.size());
  for (unsigned turn = 0; bits > 1 && turn < kTurns; ++turn) {
    bool changed = false;
    for (auto [value, code] : llvm::zip(values, codes)) {
      uint32_t nearest = nearestSum(value, scales);
      changed |= nearest != code;
      code = nearest;
    }
    if (!changed || !fitScales(values, codes, scales))
      break;
  }
  for (double &scale : scales)
    scale = scaleType.round(scale);
  return scales;
}

//===----------------------------------------------------------------------===//
// One region
//===----------------------------------------------------------------------===//

namespace {

/// The metadata of a region, as numbers.
struct RegionScale {
  llvm::SmallVector<double, 4> scales = {1};
  double zeroPoint = 0;
  unsigned selector = 0;
  bool isFinite = false; ///< every element is

  double scale() const { return scales.front(); }
};

class RegionCoder {
public:
  RegionCoder(const Storage &storage)
      : format(storage.format),
        rule(storage.scaleType.empty() ? ScaleRule::none : storage.format.rule),
        scaleType(storage.scaleType.empty() ? nullptr
                                            : findScaleType(storage.scaleType)),
        isRelative(storage.hasTensorScale()) {}

  bool looksTwice() const { return isRelative; }

  /// Takes a region into account for the scale of the tensor.
  void look(ArrayRef<double> values) {
    Summary summary = summarize(values);
    RegionScale ideal = findIdeal(values, summary);
    largestScale = std::max(largestScale, ideal.scale());
    // A byte has no NaN: the tensor's scale says it.
    isTensorNaN |=
        summary.hasNaN && !scaleType->hasNaN() && !codesOf(ideal).hasNaN();
  }
  void finishLooking() {
    if (isTensorNaN)
      tensorScale = static_cast<float>(kNaN);
    else if (largestScale > 0)
      tensorScale = static_cast<float>(Codes::findReal("f32")->round(
          std::max<double>(largestScale / scaleType->getLargest(),
                           std::numeric_limits<float>::min())));
  }
  float getTensorScale() const { return tensorScale; }

  RegionScale findScale(ArrayRef<double> values) const {
    Summary summary = summarize(values);
    RegionScale found = findIdeal(values, summary);
    found.isFinite = !summary.hasNaN && !summary.hasInfinity;
    if (rule == ScaleRule::none)
      return found;
    if (rule != ScaleRule::binaryCodes) {
      double relative = found.scale() / tensorScale;
      found.scales = {
          std::max(scaleType->round(relative), scaleType->getSmallest()) *
          tensorScale};
    }
    if (rule == ScaleRule::minmax)
      found.zeroPoint = std::nearbyint(std::min(-summary.least / found.scale(),
                                                codesOf(found).getLargest()));
    if ((summary.hasNaN && !codesOf(found).hasNaN()) ||
        std::isnan(tensorScale)) {
      std::fill(found.scales.begin(), found.scales.end(), kNaN);
      found.zeroPoint = 0;
    }
    return found;
  }

  /// decode(encode(x)) of every element.
  void roundTrip(MutableArrayRef<double> values) const {
    RegionScale found = findScale(values);
    if (std::isnan(found.scale())) {
      std::fill(values.begin(), values.end(), kNaN);
      return;
    }
    if (found.isFinite && isScaled()) {
      codesOf(found).roundAll(values, found.scale());
      return;
    }
    for (double &value : values)
      value = decode(encode(value, found), found);
  }

  void encodeAll(ArrayRef<double> values, const RegionScale &found,
                 MutableArrayRef<uint32_t> codes) const {
    if (found.isFinite && isScaled() && !std::isnan(found.scale())) {
      codesOf(found).encodeAll(values, found.scale(), codes);
      return;
    }
    for (auto [value, code] : llvm::zip(values, codes))
      code = encode(value, found);
  }

  void decodeAll(ArrayRef<uint32_t> codes, const RegionScale &found,
                 MutableArrayRef<double> values) const {
    if (isScaled()) {
      codesOf(found).decodeAll(codes, found.scale(), values);
      return;
    }
    for (auto [code, value] : llvm::zip(codes, values))
      value = decode(code, found);
  }

  //===--- Metadata as stored ---------------------------------------------===//

  void append(const RegionScale &found, Encoded &to) const {
    if (rule == ScaleRule::none)
      return;
    for (double scale : found.scales)
      to.scales.push_back(scaleType->encode(scale / tensorScale));
    if (format.getZeroPointBits())
      to.zeroPoints.push_back(static_cast<uint32_t>(found.zeroPoint));
    if (format.getSelectorBits())
      to.selectors.push_back(found.selector);
  }

  RegionScale extract(const Encoded &from, size_t region) const {
    RegionScale found;
    if (rule == ScaleRule::none)
      return found;
    found.scales.clear();
    for (unsigned i = 0; i < format.scalesPerRegion; ++i)
      found.scales.push_back(
          scaleType->decode(from.scales[region * format.scalesPerRegion + i]) *
          from.tensorScale);
    if (format.getZeroPointBits())
      found.zeroPoint = from.zeroPoints[region];
    if (format.getSelectorBits())
      found.selector = from.selectors[region];
    return found;
  }

private:
  const Codes &codesOf(const RegionScale &scale) const {
    return format.codes[scale.selector];
  }

  /// Whether elements are members times the scale.
  bool isScaled() const {
    return rule != ScaleRule::binaryCodes && rule != ScaleRule::minmax;
  }

  /// Before it is rounded to its type.
  RegionScale findIdeal(ArrayRef<double> values, const Summary &summary) const {
    RegionScale ideal;
    const Codes &codes = format.codes.front();
    switch (rule) {
    case ScaleRule::none:
    case ScaleRule::lowRank:
      break;
    case ScaleRule::absmax:
      ideal.scales = {summary.largest / codes.getLargest()};
      break;
    case ScaleRule::sharedExponent:
      // The type rounds down to a power of two.
      ideal.scales = {std::ldexp(summary.largest, -codes.getLargestExponent())};
      break;
    case ScaleRule::minmax:
      ideal.scales = {(summary.greatest - summary.least) / codes.getLargest()};
      break;
    case ScaleRule::meanAbs:
      ideal.scales = {meanMagnitude(values)};
      break;
    case ScaleRule::bestLevels:
      return findBestLevels(values, summary);
    case ScaleRule::binaryCodes:
      ideal.scales =
          findBinaryScales(values, format.scalesPerRegion, *scaleType);
      break;
    }
    return ideal;
  }

  RegionScale findBestLevels(ArrayRef<double> values,
                             const Summary &summary) const {
    RegionScale best;
    double least = std::numeric_limits<double>::infinity();
    for (auto [i, codes] : llvm::enumerate(format.codes)) {
      double scale = summary.largest / codes.getLargest();
      double error =
          summary.largest == 0 ? 0 : squaredError(values, codes, scale);
      if (error < least) {
        least = error;
        best.scales = {scale};
        best.selector = static_cast<unsigned>(i);
      }
    }
    return best;
  }

  static double squaredError(ArrayRef<double> values, const Codes &codes,
                             double scale) {
    llvm::SmallVector<double, 128> rounded;
    llvm::copy_if(values, std::back_inserter(rounded),
                  [](double value) { return std::isfinite(value); });
    codes.roundAll(rounded, scale);
    double sum = 0;
    size_t next = 0;
    for (double value : values)
      if (std::isfinite(value)) {
        double error = value - rounded[next++];
        sum += error * error;
      }
    return sum;
  }

  uint32_t encode(double value, const RegionScale &found) const {
    if (std::isnan(found.scale()))
      return 0;
    if (rule == ScaleRule::binaryCodes)
      return nearestSum(value, found.scales);
    const Codes &codes = codesOf(found);
    if (rule != ScaleRule::minmax)
      return codes.encode(value / found.scale());
    double place = std::nearbyint(value / found.scale()) + found.zeroPoint;
    return codes.encode(place);
  }

  double decode(uint32_t code, const RegionScale &found) const {
    if (rule == ScaleRule::binaryCodes)
      return sumOfSigns(code, found.scales);
    double place = codesOf(found).decode(code);
    return (place - found.zeroPoint) * found.scale();
  }

  const Format &format;
  ScaleRule rule;
  const Codes *scaleType;
  bool isRelative;
  double largestScale = 0;
  bool isTensorNaN = false;
  float tensorScale = 1;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// The elements of a region, in place where that is possible.
static ArrayRef<double> look(const Gather &gather, uint64_t region,
                             ArrayRef<double> values, ArrayRef<uint8_t> present,
                             std::vector<double> &buffer) {
  if (gather.isInPlace(present)) {
    auto [start, length] = gather.place(region);
    return values.slice(start, length);
  }
  gather.take(region, values, present, buffer);
  return buffer;
}

static RegionCoder prepare(const Storage &storage, const Gather &gather,
                           ArrayRef<double> values, ArrayRef<uint8_t> present) {
  RegionCoder coder(storage);
  if (!coder.looksTwice())
    return coder;
  std::vector<double> buffer;
  for (uint64_t i = 0; i < gather.countRegions(); ++i)
    coder.look(look(gather, i, values, present, buffer));
  coder.finishLooking();
  return coder;
}

Encoded einsum::formats::encode(const Storage &storage, const Region &region,
                                ArrayRef<double> values,
                                ArrayRef<uint8_t> present) {
  if (storage.sharing == Sharing::matrix)
    return encodeLowRank(storage.format, region, values, present);
  Gather gather(storage, region);
  RegionCoder coder = prepare(storage, gather, values, present);
  Encoded encoded;
  encoded.tensorScale = coder.getTensorScale();
  encoded.codes.resize(values.size());
  std::vector<double> buffer;
  std::vector<uint32_t> codes;
  for (uint64_t i = 0; i < gather.countRegions(); ++i) {
    ArrayRef<double> own = look(gather, i, values, present, buffer);
    RegionScale found = coder.findScale(own);
    coder.append(found, encoded);
    if (gather.isInPlace(present)) {
      auto [start, length] = gather.place(i);
      coder.encodeAll(own, found,
                      MutableArrayRef(encoded.codes).slice(start, length));
      continue;
    }
    codes.resize(own.size());
    coder.encodeAll(own, found, codes);
    gather.put<uint32_t>(i, codes, present, encoded.codes);
  }
  return encoded;
}

std::vector<double> einsum::formats::decode(const Storage &storage,
                                            const Region &region,
                                            const Encoded &encoded) {
  if (storage.sharing == Sharing::matrix)
    return decodeLowRank(storage.format, region, encoded);
  Gather gather(storage, region);
  RegionCoder coder(storage);
  std::vector<double> values(encoded.codes.size()), buffer;
  std::vector<uint32_t> codes;
  for (uint64_t i = 0; i < gather.countRegions(); ++i) {
    RegionScale found = coder.extract(encoded, i);
    if (gather.isInPlace({})) {
      auto [start, length] = gather.place(i);
      coder.decodeAll(ArrayRef(encoded.codes).slice(start, length), found,
                      MutableArrayRef(values).slice(start, length));
      continue;
    }
    gather.take<uint32_t>(i, encoded.codes, {}, codes);
    buffer.resize(codes.size());
    coder.decodeAll(codes, found, buffer);
    gather.put<double>(i, buffer, {}, values);
  }
  return values;
}

void einsum::formats::roundTrip(const Storage &storage, const Region &region,
                                MutableArrayRef<double> values,
                                ArrayRef<uint8_t> present) {
  if (storage.sharing == Sharing::matrix) {
    std::vector<double> decoded =
        decodeLowRank(storage.format, region,
                      encodeLowRank(storage.format, region, values, present));
    for (size_t i = 0; i < values.size(); ++i)
      if (present.empty() || present[i])
        values[i] = decoded[i];
    return;
  }
  Gather gather(storage, region);
  RegionCoder coder = prepare(storage, gather, values, present);
  std::vector<double> buffer;
  for (uint64_t i = 0; i < gather.countRegions(); ++i) {
    if (gather.isInPlace(present)) {
      auto [start, length] = gather.place(i);
      coder.roundTrip(values.slice(start, length));
      continue;
    }
    gather.take<double>(i, values, present, buffer);
    coder.roundTrip(buffer);
    gather.put<double>(i, buffer, present, values);
  }
}
