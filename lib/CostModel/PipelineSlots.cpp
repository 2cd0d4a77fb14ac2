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

int64_t PipelineSlots::longestLag() const {
  int64_t longest = 0;
  for (const Node::Stage &stage : *stages)
    longest = std::max(longest, stage.lag);
  return longest;
}

double PipelineSlots::busiest(llvm::ArrayRef<double> times) const {
  double most = 0;
  for (const Node::Stage &stage : *stages) {
    double busy = 0;
    for (auto [other, time] : llvm::zip(*stages, times))
      busy += other.resource == stage.resource ? time : 0;
    most = std::max(most, busy);
  }
  return most;
}

/// Between neighbouring cuts, places where some stage comes to another run, all
/// slots are alike.
double PipelineSlots::beyond(llvm::ArrayRef<Run> of) const {
  llvm::SmallVector<int64_t, 8> starts = {0};
  double inStep = 0;
  for (const Run &run : of) {
    starts.push_back(starts.back() + run.count);
    inStep += static_cast<double>(run.count) * busiest(run.times);
  }
  llvm::SmallVector<int64_t, 16> cuts = {0};
  for (const Node::Stage &stage : *stages)
    for (int64_t start : starts)
      cuts.push_back(start + stage.lag);
  llvm::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  double overlapped = 0;
  llvm::SmallVector<double, 8> times(stages->size());
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    for (auto [stage, time] : llvm::zip(*stages, times)) {
      int64_t iteration = cuts[i] - stage.lag;
      time = 0;
      if (iteration >= 0 && iteration < starts.back())
        time = of[llvm::upper_bound(starts, iteration) - starts.begin() - 1]
                   .times[&stage - stages->begin()];
    }
    overlapped += static_cast<double>(cuts[i + 1] - cuts[i]) * busiest(times);
  }
  return overlapped - inStep;
}

void PipelineSlots::push(Runs &to, const Run &run) {
  if (run.count == 0)
    return;
  if (!to.empty() && to.back().times == run.times)
    to.back().count += run.count;
  else
    to.push_back(run);
}

/// Leaves as many iterations at both ends as others may overlap with.
void PipelineSlots::fold() {
  if (runs.size() < 4)
    return;
  int64_t longest = longestLag(), before = 0, after = 0;
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
  folded += beyond(runs) - beyond(kept);
  runs = std::move(kept);
}

void PipelineSlots::addIteration(llvm::ArrayRef<double> times) {
  if (longestLag() > 0) // else stages of an iteration never part
    push(runs, {llvm::SmallVector<double, 6>(times.begin(), times.end()), 1});
}

void PipelineSlots::append(const PipelineSlots &later) {
  folded += later.folded;
  Runs more = later.runs; // may be our own
  for (const Run &run : more)
    push(runs, run);
  fold();
}

void PipelineSlots::repeat(int64_t times) {
  if (runs.size() == 1) {
    runs.front().count *= times;
    folded *= static_cast<double>(times);
    return;
  }
  PipelineSlots power = *this;
  runs.clear();
  folded = 0;
  for (; times > 0; times /= 2) {
    if (times % 2 == 1)
      append(power);
    power.append(power);
  }
}
