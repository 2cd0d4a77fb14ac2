//===- NestEntries.cpp - Which ways to go on a state keeps ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestSearch.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

/// What a beam is sorted by.
double NestSearch::scoreOf(const NestEntry &entry) const {
  auto at = [&](int axis) { return axis < 0 ? 0 : entry.costs[axis]; };
  double cycles = at(axes.cycles);
  for (size_t r = 0; r < axes.resources.size(); ++r)
    cycles = std::max(cycles, entry.costs[axes.resource + r]);
  return bounds.score(at(axes.energy), cycles, at(axes.traffic));
}

double NestSearch::heldBy(const NestEntry &entry) const {
  double sum = 0;
  for (int i = axes.held; i < axes.count; ++i)
    sum += entry.costs[i];
  return sum;
}

/// Of a sketch: the one of best score, and, if that holds more, the one that
/// holds least.
void NestSearch::keepTwo(std::vector<NestEntry> &entries) {
  if (entries.size() < 2)
    return;
  size_t best = 0, least = 0;
  double score = INFINITY, bestHeld = 0, held = INFINITY, heldScore = INFINITY;
  for (auto [i, entry] : llvm::enumerate(entries)) {
    double own = bounds.score ? scoreOf(entry) : static_cast<double>(i),
           bytes = heldBy(entry);
    if (std::tie(own, bytes) < std::tie(score, bestHeld) || i == 0)
      std::tie(best, score, bestHeld) = std::tuple(i, own, bytes);
    if (std::tie(bytes, own) < std::tie(held, heldScore))
      std::tie(least, held, heldScore) = std::tuple(i, bytes, own);
  }
  counts.dominated += entries.size() - (held < bestHeld ? 2 : 1);
  NestEntry second = entries[least];
  entries.front() = entries[best];
  entries.resize(1);
  if (held < bestHeld)
    entries.push_back(second);
}

void NestSearch::thin(std::vector<NestEntry> &entries) const {
  if (bounds.beam == 0 || entries.size() <= bounds.beam)
    return;
  // Without a score, as they are sorted.
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t i = 0; i < entries.size(); ++i)
    ranked.push_back(
        {bounds.score ? scoreOf(entries[i]) : static_cast<double>(i), i});
  std::sort(ranked.begin(), ranked.end());
  size_t half = bounds.beam / 2;
  for (size_t i = half; i < ranked.size(); ++i)
    ranked[i].first = heldBy(entries[ranked[i].second]);
  std::sort(ranked.begin() + half, ranked.end());
  std::vector<NestEntry> kept;
  for (size_t i = 0; i < bounds.beam; ++i)
    kept.push_back(entries[ranked[i].second]);
  entries = std::move(kept);
}

/// What is below, below one more node.
void NestSearch::append(Entries &out, Solved below, const Costs &added,
                        const NestStep &step, bool leavesStage,
                        const LeastBefore &before) {
  for (const NestEntry &entry : below) {
    NestEntry &mine = out.emplace_back();
    for (int i = 0; i < axesOfNests(); ++i)
      mine.costs[i] = entry.costs[i] + added[i];
    for (size_t i = 0; i < axes.waits.size(); ++i)
      mine.costs[axes.wait + i] = std::min(1.0, mine.costs[axes.wait + i]);
    mine.step = step;
    mine.step.next = &entry.step;
    bool isOver = false;
    for (auto [i, level] : llvm::enumerate(axes.levels)) {
      double &held = mine.costs[axes.held + i];
      isOver |= !fits(level, static_cast<uint64_t>(held));
      // Levels below this fan-out hold nothing more from here on.
      auto at = llvm::find(nest.path, level);
      if (leavesStage && !axes.isHeldTogether && at != nest.path.end() &&
          nest.stages[at - nest.path.begin()] >= step.stage &&
          axes.measured != static_cast<int>(i))
        held = 0;
    }
    if (isOver) {
      ++counts.overCapacity;
      out.pop_back();
      continue;
    }
    auto total = [&](int axis, double outside) {
      return axis < 0 ? 0 : mine.costs[axis] + outside;
    };
    if (bounds.isHopeless &&
        bounds.isHopeless(total(axes.energy, before.energy),
                          total(axes.cycles, 0),
                          total(axes.traffic, before.traffic))) {
      ++counts.overBound;
      out.pop_back();
    }
  }
}
