//===- BandTiles.cpp - Tiles of a triangle or a band, counted -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/BandTiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

/// Sizes of one measure, beyond which near ones are counted together.
static constexpr size_t kMostSizes = 1 << 14;
/// Places across a band, beyond which tiles are not counted one place at a
/// time.
static constexpr int64_t kMostPlaces = 1 << 21;

void mapper::mergeSizes(CutSizes &sizes) {
  llvm::sort(sizes, [](const CutSize &a, const CutSize &b) {
    return std::tie(a.words, a.most) < std::tie(b.words, b.most);
  });
  auto merge = [&](auto isNear) {
    size_t kept = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const CutSize size = sizes[i];
      if (kept == 0 || !isNear(i, sizes[kept - 1], size)) {
        sizes[kept++] = size;
        continue;
      }
      CutSize &all = sizes[kept - 1];
      all.count += size.count;
      all.total += size.total;
      all.most = std::max(all.most, size.most);
    }
    sizes.resize(kept);
  };
  merge([](size_t, const CutSize &a, const CutSize &b) {
    return a.words == b.words && a.most == b.most;
  });
  size_t together = llvm::divideCeil(sizes.size(), kMostSizes);
  if (together > 1)
    merge([&](size_t i, const CutSize &, const CutSize &) {
      return i % together != 0;
    });
}

std::optional<BandTiles>
BandTiles::make(llvm::ArrayRef<Constraint> conditions) {
  BandTiles band;
  if (conditions.empty())
    return std::nullopt;
  for (const Constraint &condition : conditions) {
    const AffineForm &form = condition.form;
    if (!form.isLinear() || form.terms.size() != 2)
      return std::nullopt;
    int64_t ofX = 0, ofY = 0;
    for (const AffineForm::Term &term : form.terms)
      (term.variable == 0 ? ofX : ofY) += term.coefficient;
    if (std::abs(ofX) != 1 || ofX != -ofY ||
        std::abs(form.constant) >= kNone / 2)
      return std::nullopt;
    // y - x + c >= 0, or x - y + c >= 0.
    if (ofY > 0 || condition.isEquality)
      band.lo = std::max(band.lo, -ofY * form.constant);
    if (ofY < 0 || condition.isEquality)
      band.hi = std::min(band.hi, -ofY * form.constant);
  }
  return band;
}

/// Pairs in [0, a) x [0, b) whose difference y - x is at most t.
static uint64_t countUpTo(int64_t a, int64_t b, int64_t t) {
  if (t < 1 - a)
    return 0;
  if (t >= b - 1)
    return static_cast<uint64_t>(a) * static_cast<uint64_t>(b);
  auto triangle = [](int64_t n) {
    return n <= 0
               ? 0
               : static_cast<uint64_t>(n) * (static_cast<uint64_t>(n) + 1) / 2;
  };
  // Of each x those y up to x + t: t + 1 of the first; none, or all b, beyond.
  return triangle(t + a) - triangle(t) - triangle(t + a - b);
}

/// Of a tile of a by b points whose corner is at `d` across the band; 0 if it
/// has none of it.
uint64_t BandTiles::wordsAt(Kind kind, int64_t a, int64_t b, int64_t d) const {
  int64_t from = lo - d, to = hi - d; // of y - x within the tile
  if (from > to || from > b - 1 || to < 1 - a)
    return 0;
  auto span = [](int64_t first, int64_t last) {
    return static_cast<uint64_t>(std::max<int64_t>(0, last - first + 1));
  };
  switch (kind) {
  case any:
    return 1;
  case ofX: // some y in [x + from, x + to] is in [0, b)
    return span(std::max<int64_t>(0, -to), std::min(a - 1, b - 1 - from));
  case ofY:
    return span(std::max<int64_t>(0, from), std::min(b - 1, a - 1 + to));
  case points:
    return countUpTo(a, b, to) - countUpTo(a, b, from - 1);
  }
  return 0;
}

/// Floor and ceiling of a quotient of any sign; `by` is above 0.
static int64_t floorOf(int64_t value, int64_t by) {
  return llvm::divideFloorSigned(value, by);
}
static int64_t ceilOf(int64_t value, int64_t by) {
  return llvm::divideCeilSigned(value, by);
}

/// Where both step: tiles (i, j) with j * b - i * a = d, if these are so many
/// and so few apart: i = i0 + t * (b / g), j = j0 + t * (a / g).
static uint64_t countAt(const BandSide &x, const BandSide &y, int64_t d,
                        int64_t g, int64_t inverse) {
  int64_t a = x.size / g, b = y.size / g;
  // j * b = d / g modulo a.
  int64_t rest = ((d / g) % a + a) % a;
  auto j = static_cast<int64_t>((__int128(rest) * inverse) % a);
  int64_t i = (j * b - d / g) / a;
  int64_t first = std::max(ceilOf(-i, b), ceilOf(-j, a)),
          last = std::min(floorOf(x.count - 1 - i, b),
                          floorOf(y.count - 1 - j, a));
  return last < first ? 0 : static_cast<uint64_t>(last - first + 1);
}

/// b * inverse = 1 modulo a.
static int64_t invert(int64_t b, int64_t a) {
  int64_t r0 = a, r1 = b % a, t0 = 0, t1 = 1;
  while (r1 != 0) {
    int64_t quotient = r0 / r1;
    std::tie(r0, r1) = std::pair(r1, r0 - quotient * r1);
    std::tie(t0, t1) = std::pair(t1, t0 - quotient * t1);
  }
  return a == 1 ? 0 : (t0 % a + a) % a;
}

/// Tiles whose places lie in [from, to], one row of x after the other.
static uint64_t countWithin(const BandSide &x, const BandSide &y, int64_t from,
                            int64_t to) {
  uint64_t all = 0;
  int64_t base = y.lo - x.lo;
  auto add = [&](int64_t first, int64_t last, int64_t count) {
    first = std::max<int64_t>(0, first);
    last = std::min(count - 1, last);
    all += last < first ? 0 : static_cast<uint64_t>(last - first + 1);
  };
  if (x.count <= y.count)
    for (int64_t i = 0; i < x.count; ++i)
      add(ceilOf(from - base + i * x.size, y.size),
          floorOf(to - base + i * x.size, y.size), y.count);
  else
    for (int64_t j = 0; j < y.count; ++j)
      add(ceilOf(base + j * y.size - to, x.size),
          floorOf(base + j * y.size - from, x.size), x.count);
  return all;
}

bool BandTiles::count(Kind kind, const BandSide &x, const BandSide &y,
                      CutSizes &sizes) const {
  int64_t a = x.size, b = y.size, base = y.lo - x.lo;
  // Places of tiles with some of the band, and of those that lie in it.
  int64_t least = std::max(base - (x.count - 1) * a, lo - (b - 1)),
          most = std::min(base + (y.count - 1) * b, hi + (a - 1));
  int64_t inFrom = std::max(least, lo + (a - 1)),
          inTo = std::min(most, hi - (b - 1));
  bool isAnyIn = inFrom <= inTo;
  // With one tile along a rank, places are as far apart as the other one's.
  int64_t step = x.count == 1 ? b : y.count == 1 ? a : std::gcd(a, b);
  int64_t edges =
      (isAnyIn ? inFrom - least + most - inTo : most - least) / step;
  if (edges > kMostPlaces || std::min(x.count, y.count) > kMostPlaces)
    return false;
  if (isAnyIn)
    if (uint64_t tiles = countWithin(x, y, inFrom, inTo))
      sizes.push_back(CutSize::of(wordsAt(kind, a, b, inFrom), tiles));
  bool isGrid = x.count > 1 && y.count > 1;
  int64_t inverse = isGrid ? invert(b / step, a / step) : 0;
  auto addFrom = [&](int64_t from, int64_t to) {
    for (int64_t d = base + ceilOf(from - base, step) * step; d <= to;
         d += step) {
      uint64_t tiles = isGrid ? countAt(x, y, d - base, step, inverse) : 1;
      if (tiles == 0)
        continue;
      if (uint64_t words = wordsAt(kind, a, b, d))
        sizes.push_back(CutSize::of(words, tiles));
    }
  };
  if (!isAnyIn) {
    addFrom(least, most);
  } else {
    addFrom(least, inFrom - 1);
    addFrom(inTo + 1, most);
  }
  return true;
}
