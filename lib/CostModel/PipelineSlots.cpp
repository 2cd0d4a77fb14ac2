//===- PipelineSlots.cpp - Iterations of a pipeline, overlapped -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/PipelineSlots.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

double PipelineSlots::busiest(llvm::ArrayRef<double> times) const {
  llvm::SmallVector<double, 4> busy(node->resources, 0.0);
  for (auto [stage, time] : llvm::zip(node->stages, times))
    busy[stage.resourceNumber] += time;
  return *std::max_element(busy.begin(), busy.end());
}

/// Between neighbouring cuts, places where some stage comes to another run, all
/// slots are alike.
double PipelineSlots::beyond(llvm::ArrayRef<Run> of) const {
  llvm::ArrayRef<int64_t> lags = node->lags;
  llvm::SmallVector<int64_t, 8> starts = {0};
  // [(run * lags + lag) * resources + resource]: what stages of one lag take.
  size_t width = node->resources;
  llvm::SmallVector<double, 64> loads(of.size() * lags.size() * width, 0.0);
  double inStep = 0;
  for (auto [id, run] : llvm::enumerate(of)) {
    starts.push_back(starts.back() + run.count);
    inStep += static_cast<double>(run.count) *
              std::max(busiest(run.times), run.floor);
    for (auto [stage, time] : llvm::zip(node->stages, run.times))
      loads[(id * lags.size() + stage.lagNumber) * width +
            stage.resourceNumber] += time;
  }
  llvm::SmallVector<int64_t, 32> cuts(starts.begin(), starts.end());
  for (int64_t lag : lags)
    for (int64_t start : starts)
      cuts.push_back(start + lag);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());

  double overlapped = 0;
  llvm::SmallVector<double, 4> busy(width);
  // The run that each lag has come to, and the one whose visits the slots are
  // in; they only go on.
  llvm::SmallVector<size_t, 8> runOf(lags.size(), 0);
  size_t visited = 0;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::fill(busy.begin(), busy.end(), 0.0);
    while (visited < of.size() && cuts[i] >= starts[visited + 1])
      ++visited;
    double floor = visited < of.size() ? of[visited].floor : 0;
    for (size_t lag = 0; lag < lags.size(); ++lag) {
      size_t &run = runOf[lag];
      int64_t iteration = cuts[i] - lags[lag];
      while (run < of.size() && iteration >= starts[run + 1])
        ++run;
      if (iteration < 0 || run == of.size())
        continue;
      for (size_t resource = 0; resource < width; ++resource)
        busy[resource] += loads[(run * lags.size() + lag) * width + resource];
    }
    overlapped += static_cast<double>(cuts[i + 1] - cuts[i]) *
                  std::max(floor, *std::max_element(busy.begin(), busy.end()));
  }
  return overlapped - inStep;
}

void PipelineSlots::push(Runs &to, const Run &run) {
  if (run.count == 0)
    return;
  if (!to.empty() && to.back().times == run.times &&
      to.back().floor == run.floor)
    to.back().count += run.count;
  else
    to.push_back(run);
}

/// Leaves as many iterations at both ends as others may overlap with.
void PipelineSlots::fold() {
  if (runs.size() < 4)
    return;
  int64_t longest = node->longestLag, before = 0, after = 0;
  Runs head, tail, kept;
  size_t first = 0, last = runs.size();
  for (; first < last && before < longest; ++first) {
    head.push_back(runs[first]);
    before += runs[first].count;
  }
  for (; last > first && after < longest; --last) {
    tail.push_back(runs[last - 1]);
    after += runs[last - 1].count;
  }
  if (first == last)
    return;
  for (const Run &run : head)
    push(kept, run);
  for (const Run &run : llvm::reverse(tail))
    push(kept, run);
  double left = beyond(kept);
  folded += beyondRuns() - left;
  replaceRuns(std::move(kept), left);
}

void PipelineSlots::addIteration(llvm::ArrayRef<double> times) {
  push(runs, {llvm::SmallVector<double, 6>(times.begin(), times.end()), 1});
  known.reset();
}

double PipelineSlots::raiseFloor(double floor) {
  double before = lastIteration();
  runs.back().floor = std::max(runs.back().floor, floor);
  known.reset();
  return std::max(before, floor) - before;
}

double PipelineSlots::lastIteration() const {
  return std::max(busiest(runs.back().times), runs.back().floor);
}

void PipelineSlots::append(const PipelineSlots &later) {
  folded += later.folded;
  Runs more = later.runs; // may be our own
  for (const Run &run : more)
    push(runs, run);
  known.reset();
  fold();
}

void PipelineSlots::repeat(int64_t times) {
  if (times == 1)
    return;
  if (runs.size() == 1) {
    runs.front().count *= times;
    known.reset();
    folded *= static_cast<double>(times);
    return;
  }
  int64_t iterations = 0;
  for (const Run &run : runs)
    iterations += run.count;
  if (times > 1 && iterations >= node->longestLag) {
    // Only neighbours overlap, and each pair alike.
    Runs two = runs;
    for (const Run &run : runs)
      push(two, run);
    double both = beyond(two), pair = both - beyondRuns();
    folded = static_cast<double>(times) * folded +
             static_cast<double>(times - 2) * pair;
    replaceRuns(std::move(two), both);
    return fold();
  }
  PipelineSlots power = *this;
  runs.clear();
  known.reset();
  folded = 0;
  for (; times > 0; times /= 2) {
    if (times % 2 == 1)
      append(power);
    if (times > 1)
      power.append(power);
  }
}
