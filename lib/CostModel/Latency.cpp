//===- Latency.cpp - How long a schedule takes ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cycles of one visit of a node follow from those of its children, for the box
// of coordinates that reaches it. Steps of a loop that nothing tells apart are
// timed once: where every tile divides and no domain is cut, that is one step;
// else the steps in which a guarded leaf runs, the shorter last one, and the
// steps at the edge of a domain are timed apart, and what was timed for one box
// is remembered for boxes that look the same.
//
// Two things do not multiply with a loop: the stages of a pipeline overlap with
// those of other iterations, and the first tile of a buffered node has nothing
// to hide behind. Both travel upwards beside the time until a node after which
// something else runs.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"
#include "lib/CostModel/PipelineSlots.h"
#include "lib/CostModel/Unfolding.h"
#include "lib/CostModel/Utilization.h"

#include "lib/Analysis/ImageCounter.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

namespace {

enum StepState : uint8_t { middle = 0, first = 1, last = 2, both = 3 };

/// Cycles of one visit in parts, and cycles that come once.
struct Span {
  double work = 0, startUp = 0, sums = 0, waits = 0;
  double firstTiles = 0;
  /// Iterations, up to here, of the pipelines below.
  llvm::SmallVector<PipelineSlots, 1> pipelines;
  bool runs = false; ///< something happens, even if it takes no time
  std::shared_ptr<TimeBlock> block; ///< null unless there is a profile

  double cycles() const { return work + startUp + sums + waits; }
  void addRepeated(const Span &other, double times) {
    work += other.work * times;
    startUp += other.startUp * times;
    sums += other.sums * times;
    waits += other.waits * times;
    runs |= other.runs;
  }
  void addIterations(const Span &step, int64_t times) {
    for (PipelineSlots one : step.pipelines) {
      one.repeat(times);
      auto same = llvm::find_if(pipelines, [&](const PipelineSlots &known) {
        return known.pipeline == one.pipeline;
      });
      if (same == pipelines.end())
        pipelines.push_back(std::move(one));
      else
        same->append(one);
    }
  }
};

class Timer {
public:
  Timer(const LoopTree &tree, Queries &queries, Scratch &scratch)
      : tree(tree), facts(*tree.facts), arch(*tree.arch), queries(queries),
        scratch(scratch), ports(countPorts(arch)), bandwidth(arch) {
    stepState.assign(tree.nodes.size(), both);
    visits.assign(tree.nodes.size(), -1);
    before.assign(tree.nodes.size(), std::nullopt);
    for (const RankFact &rank : facts.ranks)
      box.push_back({0, rank.extent});
    uniform = tree.perfect && !scratch.generalOnly &&
              llvm::all_of(facts.einsums, [](const EinsumFact &einsum) {
                return einsum.domain.empty();
              });
    if (tree.hasUnevenSteps) {
      unfolding.emplace(tree);
      units = unfolding->whole();
    } else if (!uniform) {
      findDomains();
    }
  }

  Span time(int id) {
    Span span = timeNode(id);
    if (scratch.profile)
      closeBlock(id, span);
    return span;
  }

  Span timeNode(int id) {
    const Node &node = tree.nodes[id];
    switch (node.kind) {
    case NodeKind::leaf:
      return timeLeaf(id, node);
    case NodeKind::temporal:
      return timeLoop(id, node);
    case NodeKind::spatial:
      return timeUnits(id, node);
    case NodeKind::storage:
      return timeStorage(id, node);
    case NodeKind::sequence:
      return timeSequence(node);
    case NodeKind::pipeline:
      return arch.accounting.sequential ? timeSequence(node)
                                        : timePipeline(id, node);
    case NodeKind::transfer:
      return timeTransfer(id, node);
    }
    return {};
  }

  /// Of the whole tree, with the start-up of its first nest.
  Span timeAll() {
    Span span = time(0);
    if (unfolding && unfolding->exhausted && scratch.unanswered < 0)
      scratch.unanswered = 0;
    span.startUp += startUpOf(0) + waitOf(0);
    return span;
  }

  /// Cycles that pipelines take beyond their iterations.
  double fillOf(const Span &span) const {
    double cycles = 0;
    for (const PipelineSlots &one : span.pipelines)
      cycles += one.cyclesBeyond() + startUpOfStages(tree.nodes[one.pipeline]);
    return cycles;
  }

  /// Visits of a node, by all units together, in which something below runs.
  double visitsOf(int id) {
    double &count = visits[id];
    if (count >= 0)
      return count;
    count = 0;
    TileQuery *query = queries.visitsOf(id);
    if (!query)
      return count; // nothing below ever runs
    auto visit = [&](const TileClass &c) {
      count += static_cast<double>(c.times);
    };
    bool answered = scratch.generalOnly
                        ? query->runGeneral(false, scratch.counter, visit)
                        : query->run(false, scratch.counter, visit);
    if (!answered && scratch.unanswered < 0)
      scratch.unanswered = id;
    return count;
  }

  const Bandwidth &getBandwidth() const { return bandwidth; }

private:
  //===--------------------------------------------------------------------===//
  // The profile
  //===--------------------------------------------------------------------===//

  /// Adds `times` visits of what is below to the block of a node.
  TimeBlock::Part *addPart(Span &to, const Span &of, int64_t times = 1) {
    if (!scratch.profile || !of.runs)
      return nullptr;
    if (!to.block)
      to.block = std::make_shared<TimeBlock>();
    std::vector<TimeBlock::Part> &parts = to.block->parts;
    if (!parts.empty() && parts.back().block->digest == of.block->digest &&
        parts.back().cycles == of.cycles() && parts.back().gap == 0) {
      parts.back().times += times;
      return &parts.back();
    }
    parts.push_back({of.block, times, of.cycles()});
    return &parts.back();
  }

  void closeBlock(int id, Span &span) {
    const Node &node = tree.nodes[id];
    if (node.kind == NodeKind::storage || node.kind == NodeKind::spatial) {
      auto inner = std::move(span.block);
      span.block = std::make_shared<TimeBlock>();
      if (inner)
        span.block->parts.push_back({inner, 1, inner->cycles});
    }
    if (!span.block)
      span.block = std::make_shared<TimeBlock>();
    TimeBlock &block = *span.block;
    block.node = id;
    block.cycles = span.cycles();
    auto bits = [](double value) { return llvm::bit_cast<uint64_t>(value); };
    llvm::hash_code digest = llvm::hash_combine(id, bits(block.cycles));
    for (const TimeBlock::Part &part : block.parts)
      digest = llvm::hash_combine(digest, part.block->digest, part.times,
                                  bits(part.cycles), bits(part.gap));
    block.digest = digest;
  }

  //===--------------------------------------------------------------------===//
  // Leaves and transfers
  //===--------------------------------------------------------------------===//

  Span timeLeaf(int id, const Node &leaf) {
    Span span;
    if (unfolding) {
      span.runs = llvm::any_of(units, [&](const Unit &unit) {
        return unfolding->executes(id, unit);
      });
      span.work = span.runs ? static_cast<double>(leaf.cyclesPerPoint) : 0;
      return span;
    }
    for (auto [loop, guard] : leaf.guards)
      if (!(stepState[loop] & (guard == schedule::Guard::first ? first : last)))
        return span;
    span.runs = uniform || existsPoint(id, leaf);
    span.work = span.runs ? static_cast<double>(leaf.cyclesPerPoint) : 0;
    return span;
  }

  /// Whether some unit has a point: spatial loops have left all of theirs.
  bool existsPoint(int id, const Node &leaf) {
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    for (const Interval &side : box)
      if (side.size() == 0)
        return false;
    bool open = false;
    for (const Constraint &constraint : einsum.domain) {
      std::optional<bool> truth = constraint.decide(box);
      if (truth == false)
        return false;
      open |= !truth;
    }
    if (!open)
      return true;
    std::unique_ptr<ImageCounter> &counter = existence[id];
    if (!counter)
      counter = std::make_unique<ImageCounter>(
          box.size(), std::vector<ImagePiece>{{0, {}, einsum.domain}});
    llvm::SmallVector<Interval, 16> own = box;
    for (auto [rank, side] : llvm::enumerate(own))
      if (!einsum.iterates(rank))
        side = {0, 1};
    bool exists = !counter->count(own).empty();
    if (counter->exhausted && scratch.unanswered < 0)
      scratch.unanswered = id;
    return exists;
  }

  Span timeTransfer(int id, const Node &node) {
    Span span;
    double count = visitsOf(id);
    if (count == 0)
      return span;
    const arch::Engine &engine = arch.engines[node.engine];
    double cycles = bandwidth.cycles(&scratch.nodeTraffic[id * ports]);
    if (engine.bytesPerS)
      cycles = std::max(cycles,
                        scratch.moved[id] / *engine.bytesPerS * arch.clockHz);
    span.work = cycles / count + static_cast<double>(engine.latencyCycles);
    span.runs = true;
    return span;
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  Span timeLoop(int id, const Node &loop) {
    if (unfolding)
      return timeUnfoldedLoop(id, loop);
    if (uniform)
      return timeUniformLoop(id, loop);
    std::vector<int64_t> key;
    if (isWorthKeeping(id)) {
      key = makeKey(id);
      if (auto found = known.find(key); found != known.end())
        return found->second;
    }
    Interval reached = box[loop.rank];
    int64_t steps = llvm::divideCeil(reached.size(), loop.tile);
    Span total;
    int child = loop.children.front();
    llvm::SmallVector<Range, 8> ranges = splitSteps(id, loop, reached, steps);
    if (loop.descends)
      std::reverse(ranges.begin(), ranges.end());
    for (auto [begin, end] : ranges) {
      if (distinguished > kMostDistinguished)
        break;
      enterStep(id, loop, reached, begin, steps);
      Span step = time(child);
      addPart(total, step, end - begin);
      total.addRepeated(step, end - begin);
      total.addIterations(step, end - begin);
      total.firstTiles = std::max(total.firstTiles, step.firstTiles);
    }
    box[loop.rank] = reached;
    stepState[id] = both;
    before[id].reset();
    if (!key.empty()) {
      if (known.size() >= kMostKnown)
        known.clear();
      known[std::move(key)] = total;
    }
    return total;
  }

  /// Step by step, all units at once.
  Span timeUnfoldedLoop(int id, const Node &loop) {
    Units reached = std::move(units);
    int64_t steps = unfolding->countSteps(id, reached);
    Span total;
    for (int64_t i = 0; i < steps && !unfolding->exhausted; ++i) {
      units = unfolding->stepOf(id, i, reached);
      Span step = time(loop.children.front());
      addPart(total, step);
      total.addRepeated(step, 1);
      total.addIterations(step, 1);
      total.firstTiles = std::max(total.firstTiles, step.firstTiles);
    }
    units = std::move(reached);
    return total;
  }

  Span timeUniformLoop(int id, const Node &loop) {
    int child = loop.children.front();
    uint8_t &state = stepState[id];
    Span total;
    auto timeSteps = [&](StepState which, int64_t count) {
      if (count == 0)
        return;
      state = which;
      Span step = time(child);
      addPart(total, step, count);
      total.addRepeated(step, count);
      total.addIterations(step, count);
      total.firstTiles = std::max(total.firstTiles, step.firstTiles);
    };
    bool differ = loop.steps > 1;
    timeSteps(differ ? first : both, loop.guardsFirst && differ);
    timeSteps(differ && (loop.guardsFirst || loop.guardsLast) ? middle : both,
              loop.steps - (loop.guardsFirst && differ) -
                  (loop.guardsLast && differ));
    timeSteps(last, loop.guardsLast && differ);
    state = both;
    return total;
  }

  void enterStep(int id, const Node &loop, Interval reached, int64_t step,
                 int64_t steps) {
    auto tileOf = [&](int64_t i) {
      int64_t lo = reached.lo + i * loop.tile;
      return Interval{lo, std::min(lo + loop.tile, reached.hi)};
    };
    box[loop.rank] = tileOf(step);
    int64_t order = loop.descends ? steps - 1 - step : step;
    stepState[id] =
        (order == 0 ? first : middle) | (order == steps - 1 ? last : middle);
    before[id].reset();
    if (order != 0)
      before[id] = tileOf(loop.descends ? step + 1 : step - 1);
  }

  using Range = std::pair<int64_t, int64_t>;

  llvm::SmallVector<Range, 8> splitSteps(int id, const Node &loop,
                                         Interval reached, int64_t steps) {
    llvm::SmallVector<int64_t, 6> cuts = {0, reached.size() / loop.tile, steps};
    if (loop.guardsFirst || loop.guardsLast || tree.hasDemands) {
      cuts.push_back(std::min<int64_t>(1, steps));
      cuts.push_back(std::max<int64_t>(steps - 1, 0));
    }
    llvm::sort(cuts);
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    llvm::SmallVector<Range, 8> ranges;
    for (size_t i = 0; i + 1 < cuts.size(); ++i)
      split(id, loop, reached, cuts[i], cuts[i + 1], ranges);
    box[loop.rank] = reached;
    return ranges;
  }

  void split(int id, const Node &loop, Interval reached, int64_t begin,
             int64_t end, llvm::SmallVectorImpl<Range> &ranges) {
    box[loop.rank] = {reached.lo + begin * loop.tile,
                      std::min(reached.lo + end * loop.tile, reached.hi)};
    if (end - begin == 1 || areAlike(id, loop.rank)) {
      if (isExhausted(id))
        return;
      ranges.push_back({begin, end});
      return;
    }
    int64_t middle = begin + (end - begin) / 2;
    split(id, loop, reached, begin, middle, ranges);
    split(id, loop, reached, middle, end, ranges);
  }

  /// Counts one more range of steps that is told apart from others.
  bool isExhausted(int id) {
    if (++distinguished % kAskEvery == 0 && scratch.counter.isStopped())
      distinguished = kMostDistinguished + 1;
    if (distinguished <= kMostDistinguished)
      return false;
    if (scratch.unanswered < 0)
      scratch.unanswered = id;
    return true;
  }

  /// True if no constraint below tells the coordinates of this rank apart.
  bool areAlike(int id, int rank) const {
    for (const Domain &domain : domains[id]) {
      bool open = false, dead = false;
      for (const Constraint *constraint : domain) {
        std::optional<bool> truth = constraint->decide(box);
        dead |= truth == false;
        open |= !truth && constraint->form.uses(rank);
      }
      if (open && !dead)
        return false;
    }
    // What readers ask for moves with their ranks.
    return true;
  }

  Span timeUnits(int id, const Node &loop) {
    if (unfolding) {
      Units reached = std::move(units);
      units = unfolding->spread(id, reached);
      Span span = time(loop.children.front());
      units = std::move(reached);
      return span;
    }
    // Below, loops of the same rank walk the tile of the unit that has most.
    Interval reached = box[loop.rank];
    bool dealsOut = false;
    for (int i = loop.children.front(); i < loop.end; ++i)
      dealsOut |= tree.nodes[i].kind == NodeKind::temporal &&
                  tree.nodes[i].rank == loop.rank;
    if (dealsOut)
      box[loop.rank].hi = std::min(reached.hi, reached.lo + loop.tile);
    Span span = time(loop.children.front());
    box[loop.rank] = reached;
    return span;
  }

  //===--------------------------------------------------------------------===//
  // What makes boxes different
  //===--------------------------------------------------------------------===//

  using Domain = llvm::SmallVector<const Constraint *, 4>;

  void findDomains() {
    domains.resize(tree.nodes.size());
    for (int leaf : tree.leaves) {
      Domain domain;
      for (const Constraint &constraint :
           facts.einsums[tree.nodes[leaf].einsum].domain)
        domain.push_back(&constraint);
      if (domain.empty())
        continue;
      for (int i = leaf; i >= 0; i = tree.nodes[i].parent)
        if (!llvm::is_contained(domains[i], domain))
          domains[i].push_back(domain);
    }
  }

  bool isWorthKeeping(int id) const {
    return !tree.hasDemands && !domains[id].empty();
  }

  std::vector<int64_t> makeKey(int id) const {
    std::vector<int64_t> key = {id};
    for (const Interval &side : box)
      key.push_back(side.size());
    for (int i = id; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].guardsFirst || tree.nodes[i].guardsLast)
        key.push_back(stepState[i]);
    llvm::SmallVector<int64_t, 16> corner;
    for (const Interval &side : box)
      corner.push_back(side.lo);
    for (const Domain &domain : domains[id])
      for (const Constraint *constraint : domain) {
        std::optional<bool> truth = constraint->decide(box);
        key.push_back(truth ? *truth : 2);
        if (truth)
          continue;
        key.push_back(constraint->form.evaluate(corner));
        if (!constraint->form.isLinear())
          for (auto [rank, at] : llvm::enumerate(corner))
            if (constraint->form.uses(rank))
              key.push_back(at);
      }
    return key;
  }

  //===--------------------------------------------------------------------===//
  // Storage
  //===--------------------------------------------------------------------===//

  Span timeStorage(int id, const Node &node) {
    Units reached;
    if (unfolding) {
      reached = units;
      unfolding->enter(id, units);
    }
    llvm::SmallVector<std::pair<int, Interval>, 1> saved;
    for (const Demand &demand : node.demands) {
      saved.push_back({demand.rank, box[demand.rank]});
      box[demand.rank] = demanded(id, demand);
    }
    Span span = time(node.children.front());
    for (auto [rank, side] : llvm::reverse(saved))
      box[rank] = side;
    if (unfolding)
      units = std::move(reached);
    if (arch.accounting.buffered)
      addOwnTransfers(id, node, span);
    return span;
  }

  Interval demandedIn(const Demand &demand,
                      llvm::ArrayRef<Interval> sides) const {
    Interval asked{INT64_MAX, INT64_MIN};
    for (const AffineForm &form : demand.forms) {
      auto [low, high] = form.bounds(sides);
      asked.lo = std::min(asked.lo, low);
      asked.hi = std::max(asked.hi, high + 1);
    }
    asked.lo = std::max<int64_t>(asked.lo, 0);
    asked.hi = std::min(asked.hi, facts.ranks[demand.rank].extent);
    return asked;
  }

  Interval demanded(int id, const Demand &demand) const {
    Interval asked = demandedIn(demand, box);
    if (tree.nodes[id].halo != Halo::retained)
      return asked;
    for (int i = tree.nodes[id].parent; i >= 0; i = tree.nodes[i].parent) {
      if (tree.nodes[i].kind != NodeKind::temporal)
        continue;
      if (!before[i])
        return asked;
      llvm::SmallVector<Interval, 16> earlier = box;
      earlier[tree.nodes[i].rank] = *before[i];
      Interval held = demandedIn(demand, earlier);
      if (held == asked)
        return asked; // it moves along another rank
      if (held.lo <= asked.lo && held.hi > asked.lo)
        asked.lo = held.hi;
      else if (held.hi >= asked.hi && held.lo < asked.hi)
        asked.hi = held.lo;
      return asked;
    }
    return asked;
  }

  /// With one buffer the tile arrives before the work and leaves after it; with
  /// more, all but the first arrive while others are worked on.
  void addOwnTransfers(int id, const Node &node, Span &span) {
    double cycles = bandwidth.cycles(&scratch.ownTraffic[id * ports]);
    double count = cycles == 0 || !span.runs ? 0 : visitsOf(id);
    if (count == 0)
      return;
    double each = cycles / count;
    if (node.buffers == 1) {
      span.waits += each;
      return;
    }
    span.firstTiles += each;
    if (continuesAcrossVisits(id))
      raiseFloor(span, each);
    else if (!overlapsVisits(id))
      span.waits += std::max(0.0, each - span.cycles());
  }

  /// A visit around one iteration of a pipeline takes no less than `cycles`,
  /// whatever the stages of other iterations in its slot take.
  static void raiseFloor(Span &span, double cycles) {
    PipelineSlots &slots = span.pipelines.front();
    double around = span.cycles() - slots.lastIteration();
    span.waits += slots.raiseFloor(cycles - around);
  }

  //===--------------------------------------------------------------------===//
  // Children
  //===--------------------------------------------------------------------===//

  /// Cycles that level bandwidths need for one visit of a node.
  double transferCycles(int id) {
    double cycles = bandwidth.cycles(&scratch.nodeTraffic[id * ports]);
    double count = cycles == 0 ? 0 : visitsOf(id);
    return count == 0 ? 0 : cycles / count;
  }

  /// Arrays fill when a nest starts and drain when it ends; its last results
  /// are there after the operators' latency.
  double startUpOf(int id) const {
    const Node &node = tree.nodes[id];
    if (node.kind == NodeKind::leaf) {
      const arch::Array &array = arch.arrays[node.array];
      return static_cast<double>(array.fillCycles + array.drainCycles +
                                 node.latencyBeyond);
    }
    if (node.kind == NodeKind::sequence || node.kind == NodeKind::pipeline ||
        node.children.empty())
      return 0; // its children start up by themselves
    double most = 0;
    for (int child : node.children)
      most = std::max(most, startUpOf(child));
    return most;
  }

  /// Until the first words are there: each level that something below reads
  /// from, and each link on the way, one after another. A sequence or pipeline
  /// leaves this to its children.
  double waitOf(int id) const {
    if (tree.nodes[id].kind == NodeKind::transfer)
      return 0;
    for (int i = id; i < tree.nodes[id].end; ++i)
      if (tree.nodes[i].kind == NodeKind::sequence ||
          tree.nodes[i].kind == NodeKind::pipeline)
        return 0;
    double cycles = 0;
    const Traffic *traffic = &scratch.nodeTraffic[id * ports];
    for (auto [i, level] : llvm::enumerate(arch.levels))
      if (traffic[i].readBytes > 0)
        cycles += static_cast<double>(level.latencyCycles);
    for (auto [i, link] : llvm::enumerate(arch.links))
      if (traffic[arch.levels.size() + i].readBytes > 0)
        cycles +=
            static_cast<double>(link.latencyCycles * arch.longestWay(link));
    return cycles;
  }

  /// True if a pipeline below overlaps its slots with the next visit of `id`:
  /// no loop of its own lies in between.
  bool continuesAcrossVisits(int id) const {
    NodeKind kind = tree.nodes[id].kind;
    return (kind == NodeKind::pipeline && !arch.accounting.sequential) ||
           (kind == NodeKind::storage &&
            continuesAcrossVisits(tree.nodes[id].children.front()));
  }

  /// True if slots of a pipeline below reach over several visits of `id`.
  bool overlapsVisits(int id) const {
    const Node &node = tree.nodes[id];
    if (node.kind == NodeKind::sequence ||
        (node.kind == NodeKind::pipeline && arch.accounting.sequential))
      return llvm::any_of(node.children, [&](int child) {
        return continuesAcrossVisits(child);
      });
    return node.kind == NodeKind::pipeline ||
           (!node.children.empty() && overlapsVisits(node.children.front()));
  }

  /// Transfers are made where something else happens.
  llvm::SmallVector<Span, 4> timeChildren(const Node &node) {
    llvm::SmallVector<Span, 4> spans(node.children.size());
    bool runs = false;
    for (auto [span, child] : llvm::zip(spans, node.children))
      if (tree.nodes[child].kind != NodeKind::transfer) {
        span = time(child);
        runs |= span.runs;
      }
    for (auto [span, child] : llvm::zip(spans, node.children))
      if (runs && tree.nodes[child].kind == NodeKind::transfer)
        span = time(child);
    return spans;
  }

  Span timeSequence(const Node &node) {
    Span total;
    llvm::SmallVector<Span, 4> spans = timeChildren(node);
    for (auto [i, child] : llvm::enumerate(node.children)) {
      Span &span = spans[i];
      if (!span.runs)
        continue;
      if (continuesAcrossVisits(child)) {
        raiseFloor(span, transferCycles(child));
        total.addIterations(span, 1);
        total.firstTiles = std::max(total.firstTiles, span.firstTiles);
      } else {
        span.work += fillOf(span);
        span.startUp += startUpOf(child) + waitOf(child);
        span.waits += span.firstTiles;
        span.waits += std::max(0.0, transferCycles(child) - span.cycles());
      }
      TimeBlock::Part *part = addPart(total, span);
      total.addRepeated(span, 1);
      if (i < node.drains.size() && !arch.accounting.freeSums)
        for (int loop : node.drains[i]) {
          total.sums += static_cast<double>(tree.nodes[loop].steps);
          if (part)
            part->gap += static_cast<double>(tree.nodes[loop].steps);
        }
    }
    return total;
  }

  Span timePipeline(int id, const Node &node) {
    llvm::SmallVector<double, 16> stages;
    Span total;
    for (const Span &span : timeChildren(node)) {
      stages.push_back(span.cycles() + fillOf(span));
      if (TimeBlock::Part *part = addPart(total, span)) {
        part->cycles = stages.back();
        part->lag = node.stages[stages.size() - 1].lag;
        part->resource = node.stages[stages.size() - 1].resource;
      }
      total.runs |= span.runs;
      total.firstTiles = std::max(total.firstTiles, span.firstTiles);
    }
    if (!total.runs)
      return total; // no iteration
    PipelineSlots slots(id, tree);
    total.work = slots.busiest(stages);
    slots.addIteration(stages);
    total.pipelines.push_back(std::move(slots));
    return total;
  }

  /// Arrays of a pipeline stay full from slot to slot.
  double startUpOfStages(const Node &node) const {
    double most = 0;
    for (int child : node.children)
      most = std::max(most, startUpOf(child) + waitOf(child));
    return most;
  }

  const LoopTree &tree;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Queries &queries;
  Scratch &scratch;
  size_t ports;
  Bandwidth bandwidth;
  bool uniform;
  /// Where boxes do not tell what runs: the units that are here.
  std::optional<Unfolding> unfolding;
  Units units;

  llvm::SmallVector<Interval, 16> box;
  /// Per loop that guards: whether the step being timed is the first, last.
  std::vector<uint8_t> stepState;
  std::vector<std::optional<Interval>> before;
  std::vector<llvm::SmallVector<Domain, 2>> domains; ///< of the leaves below
  std::map<std::vector<int64_t>, Span> known;
  static constexpr size_t kMostKnown = size_t(1) << 19;
  /// Ranges of steps timed apart: a schedule with more is refused, after
  /// seconds.
  static constexpr int64_t kMostDistinguished = int64_t(1) << 23;
  static constexpr int64_t kAskEvery = 1024;
  int64_t distinguished = 0;
  std::map<int, std::unique_ptr<ImageCounter>> existence;
  std::vector<double> visits;
};

} // namespace

/// Adds the traffic of every node to its ancestors.
static void sumOverSubtrees(const LoopTree &tree, Scratch &scratch) {
  size_t ports = countPorts(*tree.arch);
  scratch.nodeTraffic = scratch.ownTraffic;
  for (size_t id = tree.nodes.size() - 1; id > 0; --id)
    for (size_t port = 0; port < ports; ++port)
      scratch.nodeTraffic[tree.nodes[id].parent * ports + port] +=
          scratch.nodeTraffic[id * ports + port];
}

/// The busiest array or engine.
static std::string nameBusiest(const LoopTree &tree, const Evaluation &result) {
  double most = -1;
  std::string name;
  for (auto [array, cost] : llvm::zip(tree.arch->arrays, result.arrays))
    if (cost.busyCycles > most) {
      most = cost.busyCycles;
      name = array.name;
    }
  for (auto [engine, cost] : llvm::zip(tree.arch->engines, result.engines))
    if (cost.busyCycles > most) {
      most = cost.busyCycles;
      name = engine.name;
    }
  return name;
}

void einsum::cost::computeLatency(const LoopTree &tree, Queries &queries,
                                  Scratch &scratch, Evaluation &result) {
  sumOverSubtrees(tree, scratch);
  Timer timer(tree, queries, scratch);
  Span span = timer.timeAll();
  result.time = {span.work,          span.startUp,    span.sums,
                 timer.fillOf(span), span.firstTiles, span.waits};
  const Bandwidth &bandwidth = timer.getBandwidth();
  int binding = -1;
  double transfer = bandwidth.cycles(scratch.nodeTraffic.data(), &binding);
  double busy = result.time.total();
  result.time.transfers += std::max(0.0, transfer - busy);
  result.cycles = std::max(busy, transfer);
  result.latencySeconds = result.cycles / tree.arch->clockHz;
  if (scratch.profile) {
    scratch.profile->time = span.block;
    scratch.profile->cycles = result.cycles;
    for (size_t id = 0; id < tree.nodes.size(); ++id)
      scratch.profile->nodes[id].visits = timer.visitsOf(id);
  }
  computeUtilization(
      tree, scratch, bandwidth, [&](int id) { return timer.visitsOf(id); },
      result);
  result.boundBy = binding >= 0 && transfer >= busy ? bandwidth.nameOf(binding)
                                                    : nameBusiest(tree, result);
}
