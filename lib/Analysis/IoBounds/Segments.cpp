//===- Segments.cpp - From points per segment to bits moved ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Segments.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::bounds;

PointLimit::PointLimit(WeightedNest nest) : cover(computeCover(nest.nest)) {
  for (auto [tensor, bits] : llvm::zip(nest.tensors, nest.bits))
    if (!llvm::is_contained(tensorIds, tensor)) {
      tensorIds.push_back(tensor);
      tensorBits.push_back(bits);
    }
  for (const Exponents &vertex : cover.vertices) {
    PointExponents e;
    e.tensors.assign(tensorIds.size(), 0);
    for (auto [tensor, s] : llvm::zip(nest.tensors, vertex.operands))
      e.tensors[llvm::find(tensorIds, tensor) - tensorIds.begin()] += s.value();
    for (auto [t, extent] : llvm::zip(vertex.ranks, nest.nest.extents))
      e.logRanks += t.value() * std::log(static_cast<long double>(extent));
    vertices.push_back(std::move(e));
  }
}

/// The largest product of n_T^s_T with sum of w_T n_T <= K has n_T = s_T K / (s
/// w_T), s being the sum of all s_T.
long double PointLimit::logPoints(const PointExponents &exponents,
                                  long double bits,
                                  llvm::ArrayRef<long double> ownBits) const {
  auto hasOwn = [&](size_t i) { return !ownBits.empty() && ownBits[i] > 0; };
  long double total = 0, result = exponents.logRanks;
  for (auto [i, s] : llvm::enumerate(exponents.tensors))
    total += hasOwn(i) ? 0 : s;
  for (auto [i, s] : llvm::enumerate(exponents.tensors)) {
    if (s <= 0)
      continue;
    long double budget = hasOwn(i) ? ownBits[i] : s / total * bits;
    result += s * std::log(budget / static_cast<long double>(tensorBits[i]));
  }
  return result;
}

PointExponents PointLimit::choose(long double bits, bool convex,
                                  int aside) const {
  PointExponents best;
  long double least = INFINITY;
  auto consider = [&](const PointExponents &candidate) {
    long double total = 0;
    for (auto [tensor, s] : llvm::zip(tensorIds, candidate.tensors))
      total += tensor == aside ? 0 : s;
    if (convex && total < 1)
      return;
    long double value = logPoints(candidate, bits);
    if (value < least - 1e-9L) {
      least = value;
      best = candidate;
    }
  };
  for (const PointExponents &vertex : vertices)
    consider(vertex);
  // log F is convex in the exponents, and a mean of vertices is as valid as a
  // vertex: step towards other vertices while that helps.
  for (long double before = INFINITY; least < before;) {
    before = least;
    PointExponents current = best;
    for (const PointExponents &target : vertices)
      for (long double step : {0.5L, 1.0L / 3, 0.125L, 0.03125L}) {
        PointExponents mean = current;
        for (auto [s, to] : llvm::zip(mean.tensors, target.tensors))
          s += step * (to - s);
        mean.logRanks += step * (target.logRanks - mean.logRanks);
        consider(mean);
      }
    if (before - least < 1e-4L)
      break;
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

/// Complete segments, never too many.
static uint64_t completeSegments(uint64_t points, long double logLimit) {
  if (!std::isfinite(logLimit))
    return 0;
  long double limit = std::exp(logLimit) * (1 + 1e-9L);
  long double count = static_cast<long double>(points) / limit;
  if (count <= 1)
    return 0;
  return static_cast<uint64_t>(std::min(std::ceil(count) - 1, 1e18L));
}

SegmentBound einsum::bounds::maximizeSegments(
    uint64_t points, long double fastBits, Grain grain,
    llvm::function_ref<long double(long double x)> logPoints) {
  SegmentBound best;
  auto segmentsAt = [&](long double x) {
    return completeSegments(points, logPoints(x));
  };
  auto consider = [&](long double x) {
    x = std::floor(x / grain.narrowest) * grain.narrowest;
    if (x < grain.narrowest)
      return;
    uint64_t segments = segmentsAt(x);
    long double bits = std::floor(x * static_cast<long double>(segments));
    if (bits > best.bits && bits < 1.8e19L) {
      best.bits = static_cast<uint64_t>(bits);
      best.x = x;
      best.segments = segments;
    }
  };
  // Every X is valid. The best one is near S / (s - 1) for F = c K^s, unless a
  // single segment serves nearly all.
  long double ratio = std::exp2(0.25L);
  long double scale = std::max<long double>(fastBits, grain.widest);
  for (long double x = scale / 16; x <= scale * 64; x *= ratio)
    consider(x);
  if (best.bits == 0)
    return best;
  // With the number of segments given, the largest X is best.
  long double low = best.x, high = best.x * ratio * ratio;
  uint64_t segments = best.segments;
  for (uint64_t count : {segments + 1, segments, segments - 1}) {
    if (count == 0 || count > segments + 1)
      continue;
    long double lo = low / (ratio * ratio), hi = high;
    for (int i = 0; i < 60 && hi - lo > grain.narrowest; ++i) {
      long double middle = (lo + hi) / 2;
      (segmentsAt(middle) >= count ? lo : hi) = middle;
    }
    consider(lo);
  }
  return best;
}
