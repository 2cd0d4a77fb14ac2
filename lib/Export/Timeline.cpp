//===- Timeline.cpp - Who works when, as bars -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Timeline.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

#include <deque>
#include <functional>

using namespace einsum;
using namespace einsum::exporting;
using cost::ScheduleProfile;
using cost::TimeBlock;

namespace {

/// Work of one leaf or transfer within a block.
struct Work {
  double cycles = 0, visits = 0;
};

class Layout {
public:
  Layout(const ScheduleProfile &profile, size_t mostBars)
      : profile(profile), most(static_cast<double>(mostBars)),
        histories(profile.nodes.size()) {}

  /// A part that nothing overlaps with: the whole, a child of a sequence, a
  /// stage. Returns its end.
  double place(const TimeBlock &block, double cycles, double start) {
    size_t first = bars.size();
    double end = start + cycles;
    double reached = layOut(block, start, cycles);
    if (reached < end && reached > start)
      stretch(first, start, (end - start) / (reached - start));
    return std::max(end, reached);
  }

  /// `slots` full slots of a pipeline whose iterations are all alike.
  void placeSlots(const TimeBlock &pipeline, int64_t slots) {
    History &history = histories[pipeline.node];
    for (int64_t i = 0; i < longestLag(pipeline); ++i)
      history.push_back(&pipeline);
    double now = 0;
    for (iteration = 0; iteration < slots; ++iteration) {
      history.push_back(&pipeline);
      now = runSlot(pipeline.node, now);
    }
    reachedEnd = now;
  }

  int resourceOf(int node, const arch::ArchSpec &arch) const {
    mlir::Operation *op = profile.nodes[node].op;
    if (auto leaf = llvm::dyn_cast<schedule::LeafOp>(op))
      return arch.findArray(leaf.getArray());
    auto transfer = llvm::cast<schedule::TransferOp>(op);
    return static_cast<int>(arch.arrays.size()) +
           arch.findEngine(transfer.getEngine());
  }

  std::vector<Bar> bars;
  bool isComplete = true;
  double reachedEnd = 0;

private:
  using History = std::deque<const TimeBlock *>; ///< null: no iteration

  mlir::Operation *opOf(const TimeBlock &block) const {
    return profile.nodes[block.node].op;
  }

  /// One leaf, and only loops and storage around it.
  bool isNest(const TimeBlock &block) const {
    for (int id = block.node; id < profile.nodes[block.node].end; ++id)
      if (llvm::isa<schedule::SequenceOp, schedule::PipelineOp>(
              profile.nodes[id].op))
        return false;
    return true;
  }

  /// A pipeline below overlaps its slots with what comes after the block.
  bool isOpen(const TimeBlock &block) const {
    if (llvm::isa<schedule::PipelineOp>(opOf(block)))
      return true;
    if (block.parts.empty())
      return false;
    if (llvm::isa<schedule::SequenceOp>(opOf(block)))
      return llvm::any_of(block.parts, [&](const TimeBlock::Part &part) {
        return continues(*part.block);
      });
    return isOpen(*block.parts.front().block);
  }

  /// A pipeline, or storage nodes right above one.
  bool continues(const TimeBlock &block) const {
    return llvm::isa<schedule::PipelineOp>(opOf(block)) ||
           (llvm::isa<schedule::StorageOp>(opOf(block)) &&
            !block.parts.empty() && continues(*block.parts.front().block));
  }

  double countBars(const TimeBlock &block) {
    if (isNest(block))
      return 1;
    auto [known, isNew] = counts.try_emplace(&block, 0.0);
    if (!isNew)
      return known->second;
    double count = 0;
    for (const TimeBlock::Part &part : block.parts)
      count += countBars(*part.block) * static_cast<double>(part.times);
    return counts[&block] = count;
  }

  /// Returns the time up to which work was laid out.
  double layOut(const TimeBlock &block, double start, double cycles) {
    if (isNest(block))
      return addNest(block, start);
    bool fits = countBars(block) <= most;
    if (!fits && (isOpen(block) || isLoop(block))) {
      summarise(block, start, start + cycles);
      return start + cycles;
    }
    double now = walk(block, start);
    return runDry(block, now);
  }

  bool isLoop(const TimeBlock &block) const {
    return llvm::isa<schedule::TemporalOp>(opOf(block));
  }

  double walk(const TimeBlock &block, double now) {
    mlir::Operation *op = opOf(block);
    if (isNest(block))
      return addNest(block, now);
    if (llvm::isa<schedule::PipelineOp>(op)) {
      histories[block.node].push_back(&block);
      now = runSlot(block.node, now);
      ++iteration;
      return now;
    }
    if (llvm::isa<schedule::SequenceOp>(op)) {
      for (const TimeBlock::Part &part : block.parts) {
        if (continues(*part.block))
          now = walk(*part.block, now);
        else
          now = place(*part.block, part.cycles, now);
        now += part.gap;
      }
      return now;
    }
    double below = 0;
    double start = now;
    for (const TimeBlock::Part &part : block.parts)
      for (int64_t i = 0; i < part.times; ++i) {
        now = isOpen(block) ? walk(*part.block, now)
                            : layOut(*part.block, now, part.cycles);
        below += part.cycles;
      }
    // What a storage node waits for its tiles comes on top.
    return now + (now > start ? std::max(0.0, block.cycles - below) : 0);
  }

  double addNest(const TimeBlock &block, double start) {
    if (block.cycles <= 0)
      return start;
    int leaf = lastOf(block);
    bars.push_back({start, start + block.cycles, leaf, -1, block.cycles, 1,
                    stage, isStage});
    return start + block.cycles;
  }

  int lastOf(const TimeBlock &block) const {
    int id = block.node;
    while (!llvm::isa<schedule::LeafOp, schedule::TransferOp>(
        profile.nodes[id].op))
      ++id;
    return id;
  }

  //===--------------------------------------------------------------------===//
  // Pipelines
  //===--------------------------------------------------------------------===//

  static int64_t longestLag(const TimeBlock &pipeline) {
    int64_t lag = 0;
    for (const TimeBlock::Part &part : pipeline.parts)
      lag = std::max(lag, part.lag);
    return lag;
  }

  /// The slot of the iteration that was pushed last: each stage works for the
  /// one that its lag points to.
  double runSlot(int pipeline, double start) {
    History &history = histories[pipeline];
    llvm::DenseMap<int, double> taken; // per resource
    double end = start;
    int64_t reach = 0;
    for (size_t back = 0; back < history.size(); ++back) {
      const TimeBlock *block = history[history.size() - 1 - back];
      if (!block)
        continue;
      for (const TimeBlock::Part &part : block->parts) {
        reach = std::max(reach, part.lag);
        if (part.lag != static_cast<int64_t>(back))
          continue;
        double &offset = taken[part.resource];
        int64_t outer = stage;
        bool outerStage = isStage;
        stage = iteration - part.lag;
        isStage = true;
        place(*part.block, part.cycles, start + offset);
        stage = outer;
        isStage = outerStage;
        offset += part.cycles;
        end = std::max(end, start + offset);
      }
    }
    while (history.size() > static_cast<size_t>(reach))
      history.pop_front();
    return end;
  }

  /// Empties the pipelines whose region a block is.
  double runDry(const TimeBlock &block, double now) {
    for (int id = block.node; id < profile.nodes[block.node].end; ++id) {
      History &history = histories[id];
      if (history.empty())
        continue;
      for (size_t left = history.size(); left > 0; --left) {
        history.push_back(nullptr);
        now = runSlot(id, now);
        ++iteration;
      }
      history.clear();
      iteration = 0;
    }
    return now;
  }

  //===--------------------------------------------------------------------===//
  // Summaries
  //===--------------------------------------------------------------------===//

  const std::map<int, Work> &sum(const TimeBlock &block) {
    auto known = sums.find(&block);
    if (known != sums.end())
      return known->second;
    std::map<int, Work> total;
    if (isNest(block)) {
      total[lastOf(block)] = {block.cycles, 1};
    } else {
      for (const TimeBlock::Part &part : block.parts)
        for (const auto &[node, work] : sum(*part.block)) {
          Work &one = total[node];
          one.cycles += work.cycles * static_cast<double>(part.times);
          one.visits += work.visits * static_cast<double>(part.times);
        }
    }
    return sums[&block] = std::move(total);
  }

  void summarise(const TimeBlock &block, double start, double end) {
    isComplete = false;
    for (const auto &[node, work] : sum(block))
      if (work.cycles > 0)
        bars.push_back(
            {start, end, node, -1, work.cycles, work.visits, stage, isStage});
  }

  void stretch(size_t first, double origin, double factor) {
    for (size_t i = first; i < bars.size(); ++i) {
      bars[i].start = origin + (bars[i].start - origin) * factor;
      bars[i].end = origin + (bars[i].end - origin) * factor;
    }
  }

  const ScheduleProfile &profile;
  double most;
  std::vector<History> histories; ///< per pipeline
  llvm::DenseMap<const TimeBlock *, double> counts;
  std::map<const TimeBlock *, std::map<int, Work>> sums;
  int64_t iteration = 0, stage = 0;
  bool isStage = false;
};

} // namespace

/// Sets the resource of every bar and puts the bars in order.
static Timeline finish(Layout &layout, const arch::ArchSpec &arch,
                       double cycles) {
  Timeline timeline;
  timeline.bars = std::move(layout.bars);
  for (Bar &bar : timeline.bars)
    bar.resource = layout.resourceOf(bar.node, arch);
  timeline.cycles = cycles;
  timeline.isComplete = layout.isComplete;
  llvm::sort(timeline.bars, [](const Bar &a, const Bar &b) {
    return std::tie(a.start, a.node, a.end, a.iteration) <
           std::tie(b.start, b.node, b.end, b.iteration);
  });
  return timeline;
}

Timeline einsum::exporting::drawRun(const ScheduleProfile &profile,
                                    const arch::ArchSpec &arch,
                                    size_t mostBars) {
  if (!profile.time || profile.time->node < 0)
    return {};
  // Less is expanded until all fits.
  for (size_t limit = mostBars;; limit /= 2) {
    Layout layout(profile, limit);
    layout.place(*profile.time, profile.cycles, 0);
    if (layout.bars.size() <= mostBars || limit == 0)
      return finish(layout, arch, profile.cycles);
  }
}

/// The block of the innermost split in which most of the time is spent.
static const TimeBlock *findHottest(const ScheduleProfile &profile) {
  auto isSplit = [&](const TimeBlock &block) {
    return llvm::isa<schedule::SequenceOp, schedule::PipelineOp>(
        profile.nodes[block.node].op);
  };
  std::function<bool(const TimeBlock &)> holdsSplit =
      [&](const TimeBlock &block) {
        return isSplit(block) ||
               llvm::any_of(block.parts, [&](const TimeBlock::Part &part) {
                 return holdsSplit(*part.block);
               });
      };
  const TimeBlock *block = profile.time.get(), *best = block;
  while (!block->parts.empty()) {
    if (isSplit(*block))
      best = block;
    if (llvm::isa<schedule::PipelineOp>(profile.nodes[block->node].op))
      break;
    const TimeBlock::Part *hottest = nullptr;
    double all = 0, most = -1;
    for (const TimeBlock::Part &part : block->parts) {
      double cycles = part.cycles * static_cast<double>(part.times);
      all += cycles;
      if (cycles > most) {
        most = cycles;
        hottest = &part;
      }
    }
    // A sequence is the epoch unless one child of it is most of it.
    if (isSplit(*block) && (!holdsSplit(*hottest->block) || most < all / 2))
      break;
    block = hottest->block.get();
  }
  return best;
}

Epoch einsum::exporting::drawEpoch(const ScheduleProfile &profile,
                                   const arch::ArchSpec &arch,
                                   size_t mostBars) {
  Epoch epoch;
  if (!profile.time || profile.time->node < 0)
    return epoch;
  const TimeBlock &block = *findHottest(profile);
  epoch.node = block.node;
  epoch.times = profile.nodes[block.node].visits;
  bool isPipeline =
      llvm::isa<schedule::PipelineOp>(profile.nodes[block.node].op);
  epoch.slots = isPipeline ? 3 : 0;
  double cycles = &block == profile.time.get() ? profile.cycles : block.cycles;
  for (size_t limit = mostBars;; limit /= 2) {
    Layout layout(profile, limit);
    if (isPipeline)
      layout.placeSlots(block, epoch.slots);
    else
      layout.reachedEnd = layout.place(block, cycles, 0);
    if (layout.bars.size() > mostBars && limit > 0)
      continue;
    epoch.cycles = isPipeline
                       ? layout.reachedEnd / static_cast<double>(epoch.slots)
                       : cycles;
    epoch.timeline = finish(layout, arch, layout.reachedEnd);
    return epoch;
  }
}
