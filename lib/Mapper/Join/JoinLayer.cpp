//===- JoinLayer.cpp - Partial plans of as many Einsums -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/JoinLayer.h"

#include "lib/Mapper/Nest/Pareto.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

void mapper::addTo(JoinLayer &layer, const JoinState &state,
                   std::vector<JoinEntry> entries) {
  auto [found, isNew] = layer.try_emplace(state.key());
  if (isNew)
    found->second.state = state;
  std::vector<JoinEntry> &all = found->second.entries;
  all.insert(all.end(), std::make_move_iterator(entries.begin()),
             std::make_move_iterator(entries.end()));
}

/// What would have come of these plans is not known.
void LayerPruner::leaveOut(const JoinBucket &bucket) {
  progress.complete = false;
  PlanBounds::Rest rest = bounds.restOf(bucket.state, -1);
  for (const JoinEntry &entry : bucket.entries)
    progress.leastLeft =
        std::min(progress.leastLeft, bounds.scoreOf(bucket.state, rest, entry));
}

/// Leaves the plans of best score.
void LayerPruner::thin(JoinBucket &bucket) {
  std::vector<std::pair<double, size_t>> ranked;
  PlanBounds::Rest rest = bounds.restOf(bucket.state, -1);
  for (size_t i = 0; i < bucket.entries.size(); ++i)
    ranked.push_back(
        {bounds.scoreOf(bucket.state, rest, bucket.entries[i]), i});
  std::sort(ranked.begin(), ranked.end());
  progress.leastLeft = std::min(progress.leastLeft, ranked[limits.beam].first);
  std::vector<JoinEntry> kept;
  for (size_t i = 0; i < limits.beam; ++i)
    kept.push_back(std::move(bucket.entries[ranked[i].second]));
  bucket.entries = std::move(kept);
}

/// Leaves the Pareto set of each state, and the most promising states if there
/// are too many.
void LayerPruner::prune(JoinLayer &layer) {
  for (auto &[key, bucket] : layer) {
    std::vector<JoinEntry> &entries = bucket.entries;
    if (limits.dominance)
      progress.counts.dominated +=
          keepPareto(entries, states.layoutOf(bucket.state).size(),
                     [this] { return progress.isStopped(); });
    if (limits.beam && entries.size() > limits.beam) {
      thin(bucket);
      progress.complete = false;
    }
  }
  trim(layer);
  progress.addedBytes = 0;
}

static size_t bytesOf(const JoinBucket &bucket) {
  return bucket.entries.empty()
             ? 0
             : bucket.entries.size() * bucket.entries.front().bytes();
}

void LayerPruner::trim(JoinLayer &layer) {
  size_t bytes = 0;
  for (const auto &[key, bucket] : layer)
    bytes += bytesOf(bucket);
  bool tooMany = limits.mostStates && layer.size() > limits.mostStates;
  if (!tooMany && (limits.mostBytes == 0 || bytes <= limits.mostBytes))
    return;
  progress.complete = false;
  std::vector<std::pair<double, JoinLayer::iterator>> ranked;
  for (auto it = layer.begin(); it != layer.end(); ++it) {
    double best = INFINITY;
    PlanBounds::Rest rest = bounds.restOf(it->second.state, -1);
    for (const JoinEntry &entry : it->second.entries)
      best = std::min(best, bounds.scoreOf(it->second.state, rest, entry));
    ranked.push_back({best, it});
  }
  // Equal ones by their keys.
  std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first < b.first
                              : a.second->first < b.second->first;
  });
  // What holds nothing on chip for others can always go on, the sooner the
  // fewer loops it is in: the best of these stays.
  auto plain = ranked.end();
  for (auto it = ranked.begin(); it != ranked.end(); ++it) {
    const JoinState &state = it->second->second.state;
    bool isPlain = llvm::all_of(state.pending, [](const Pending &pending) {
      return pending.level <= 0;
    });
    if (isPlain &&
        (plain == ranked.end() ||
         state.loops.size() < plain->second->second.state.loops.size()))
      plain = it;
  }
  bytes = 0;
  for (size_t i = 0; i < ranked.size(); ++i) {
    bytes += bytesOf(ranked[i].second->second);
    bool isPlain = plain != ranked.end() && plain->second == ranked[i].second;
    // Half, so that this is rare.
    if (i > 0 && !isPlain &&
        ((limits.mostStates && i >= limits.mostStates / 2 + 1) ||
         (limits.mostBytes && bytes > limits.mostBytes / 2))) {
      progress.leastLeft = std::min(progress.leastLeft, ranked[i].first);
      layer.erase(ranked[i].second);
    }
  }
}
