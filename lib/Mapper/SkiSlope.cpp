//===- SkiSlope.cpp - Traffic against capacity, from both sides -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SkiSlope.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <atomic>
#include <cmath>
#include <thread>

using namespace einsum;
using namespace einsum::mapper;

static constexpr uint64_t kSmallestCapacity = 64;

llvm::StringRef einsum::mapper::describeSlopeSpace() {
  return "groups of consecutive Einsums; shared loops in every order, one tile "
         "size per "
         "rank, tiles that need not divide; each tensor held below any shared "
         "loop, "
         "streamed, or spilled between groups; products that several passes "
         "use computed once, or anew for each reader";
}

/// From where on more capacity saves nothing.
static void addFullKnee(SkiSlope &slope) {
  const SlopePoint *full = nullptr;
  for (const SlopePoint &point : slope.points)
    if (!full && point.foundBytes == slope.points.back().foundBytes)
      full = &point;
  if (full && full->foundBytes)
    slope.knees.push_back(
        {full->heldBytes, *full->foundBytes == slope.compulsoryBytes
                              ? "only compulsory traffic remains"
                              : "more capacity saves nothing in this space"});
}

static void sortKnees(SkiSlope &slope) {
  llvm::sort(slope.knees, [](const SlopeKnee &a, const SlopeKnee &b) {
    return std::tie(a.capacityBytes, a.text) <
           std::tie(b.capacityBytes, b.text);
  });
  slope.knees.erase(std::unique(slope.knees.begin(), slope.knees.end(),
                                [](const SlopeKnee &a, const SlopeKnee &b) {
                                  return a.text == b.text &&
                                         a.capacityBytes == b.capacityBytes;
                                }),
                    slope.knees.end());
}

namespace {

/// The best configuration of a group for each capacity of the grid.
struct GroupCurve {
  int first = 0, last = 0;
  std::vector<uint64_t> moved; ///< UINT64_MAX if nothing fits
  std::vector<uint64_t> held;
  std::vector<SlopeConfig> configs;
  uint64_t evaluated = 0;
};

class SlopeSearch {
public:
  SlopeSearch(const CascadeFacts &facts, const SkiSlopeOptions &options)
      : facts(facts), options(options) {
    uint64_t all = 0;
    for (const TensorFact &tensor : facts.tensors)
      all = llvm::SaturatingAdd(all, tensor.bytes(tensor.elements));
    for (unsigned i = 0; grid.empty() || grid.back() < all; ++i) {
      double octaves = static_cast<double>(i) / options.pointsPerOctave;
      grid.push_back(static_cast<uint64_t>(std::floor(
          static_cast<double>(kSmallestCapacity) * std::exp2(octaves))));
    }
  }

  SkiSlope run(std::string variant) {
    searchGroups();
    SkiSlope slope;
    slope.variant = std::move(variant);
    for (const GroupCurve &curve : curves)
      slope.evaluated += curve.evaluated;
    bounds::IoBoundAnalysis analysis(facts, {}, options.passes);
    slope.compulsoryBytes = analysis.compulsoryBytes();
    for (size_t i = 0; i < grid.size(); ++i) {
      SlopePoint point = join(i);
      bounds::IoBound bound = analysis.best(grid[i]);
      point.boundBytes = bound.bytes;
      point.bound = bound.name;
      slope.points.push_back(std::move(point));
    }
    trim(slope);
    addKnees(slope);
    return slope;
  }

private:
  void searchGroups() {
    std::vector<int> cuts = findCuts(facts);
    for (size_t a = 0; a < cuts.size(); ++a)
      for (size_t b = a + 1; b < cuts.size(); ++b)
        if (b == a + 1 ||
            cuts[b] - cuts[a] <= static_cast<int>(options.longestGroup)) {
          GroupCurve &curve = curves.emplace_back();
          curve.first = cuts[a];
          curve.last = cuts[b];
        }
    // The order in which groups are taken does not matter to any of them.
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t i; (i = next++) < curves.size();)
        searchGroup(curves[i]);
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < options.threads; ++i)
      threads.emplace_back(work);
    work();
    for (std::thread &thread : threads)
      thread.join();
  }

  void searchGroup(GroupCurve &curve) const {
    curve.moved.assign(grid.size(), UINT64_MAX);
    curve.held.assign(grid.size(), 0);
    curve.configs.resize(grid.size());
    enumerateGroup(
        facts, curve.first, curve.last,
        [&](const SlopeConfig &config, SlopeCost cost) {
          ++curve.evaluated;
          size_t i = llvm::lower_bound(grid, cost.heldBytes) - grid.begin();
          if (i == grid.size() || std::pair(cost.movedBytes, cost.heldBytes) >=
                                      std::pair(curve.moved[i], curve.held[i]))
            return;
          curve.moved[i] = cost.movedBytes;
          curve.held[i] = cost.heldBytes;
          curve.configs[i] = config;
        });
    for (size_t i = 1; i < grid.size(); ++i)
      if (curve.moved[i - 1] <= curve.moved[i]) {
        curve.moved[i] = curve.moved[i - 1];
        curve.held[i] = curve.held[i - 1];
        curve.configs[i] = curve.configs[i - 1];
      }
  }

  /// Groups one after another that cover the cascade and move least.
  SlopePoint join(size_t capacity) const {
    size_t count = facts.einsums.size();
    std::vector<uint64_t> least(count + 1, UINT64_MAX);
    std::vector<const GroupCurve *> last(count + 1);
    least[0] = 0;
    for (const GroupCurve &curve : curves) { // by first cut
      if (least[curve.first] == UINT64_MAX ||
          curve.moved[capacity] == UINT64_MAX)
        continue;
      uint64_t moved =
          llvm::SaturatingAdd(least[curve.first], curve.moved[capacity]);
      if (moved < least[curve.last]) {
        least[curve.last] = moved;
        last[curve.last] = &curve;
      }
    }
    SlopePoint point;
    point.capacityBytes = grid[capacity];
    if (least[count] == UINT64_MAX)
      return point;
    point.foundBytes = least[count];
    for (size_t at = count; at > 0; at = last[at]->first) {
      point.groups.push_back(last[at]->configs[capacity]);
      point.heldBytes = std::max(point.heldBytes, last[at]->held[capacity]);
    }
    std::reverse(point.groups.begin(), point.groups.end());
    return point;
  }

  /// Beyond two octaves of compulsory traffic nothing happens.
  void trim(SkiSlope &slope) const {
    size_t flat = 0;
    for (size_t i = 0; i < slope.points.size(); ++i) {
      const SlopePoint &point = slope.points[i];
      flat = point.foundBytes == slope.points.back().foundBytes ? flat + 1 : 0;
      if (flat > 2 * options.pointsPerOctave) {
        slope.points.resize(i + 1);
        return;
      }
    }
  }

  void addKnees(SkiSlope &slope) const {
    addFullKnee(slope);
    for (const bounds::PassFact &pass : options.passes) {
      const TensorFact &tensor = facts.tensors[pass.tensor];
      uint64_t elements = 1;
      formats::BitsPerElement bits = tensor.weight;
      std::string ranks;
      for (int position : pass.ranks) {
        const RankFact &rank = facts.ranks[tensor.ranks[position]];
        elements = llvm::SaturatingMultiply<uint64_t>(elements, rank.extent);
        ranks += (ranks.empty() ? "" : ",") + rank.name;
      }
      for (int other : pass.aligned)
        if (facts.tensors[other].weight.toDouble() < bits.toDouble())
          bits = facts.tensors[other].weight;
      if (pass.passes > 1)
        slope.knees.push_back({bits.countBits(elements) / 8,
                               std::to_string(pass.passes) +
                                   " rank passes over " + tensor.name + "/" +
                                   ranks + ": one fiber fits"});
    }
    sortKnees(slope);
  }

  const CascadeFacts &facts;
  const SkiSlopeOptions &options;
  std::vector<uint64_t> grid;
  std::vector<GroupCurve> curves;
};

} // namespace

void einsum::mapper::takeBetter(SkiSlope &slope, const SkiSlope &anew) {
  slope.evaluated += anew.evaluated;
  bool isBetter = false;
  size_t next = 0; // of the points of the other that fit
  for (SlopePoint &point : slope.points) {
    while (next < anew.points.size() &&
           anew.points[next].capacityBytes <= point.capacityBytes)
      ++next;
    if (next == 0)
      continue;
    const SlopePoint &other = anew.points[next - 1];
    if (!other.foundBytes ||
        (point.foundBytes && *point.foundBytes <= *other.foundBytes))
      continue;
    point.foundBytes = other.foundBytes;
    point.heldBytes = other.heldBytes;
    point.groups = other.groups;
    point.isComputedAnew = isBetter = true;
  }
  if (!isBetter)
    return;
  llvm::erase_if(slope.knees, [&](const SlopeKnee &knee) {
    return llvm::StringRef(knee.text).contains("remains") ||
           llvm::StringRef(knee.text).contains("saves nothing");
  });
  addFullKnee(slope);
  sortKnees(slope);
}

SkiSlope einsum::mapper::computeSkiSlope(const CascadeFacts &facts,
                                         std::string variant,
                                         const SkiSlopeOptions &options) {
  return SlopeSearch(facts, options).run(std::move(variant));
}
