//===- PipelineSearch.cpp - The best plan for a pipeline ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Branch and bound in two stages. Choices first, stage by stage: no plan takes
// less than the busiest array, or than all work spread over all arrays. Then
// lags, slot by slot: the stages of lags 0 to s are a set D that grows from
// slot to slot.
//
// Where runs of equal iterations are long, what filling, draining and changing
// iterations cost is a sum over the sets D,
//
//   A, B on 2D, C on 1D    {A} {A,B} {A,B,C}    cut({A}) + cut({A,B})
//
// since while iterations change, D works on the new ones and the rest on the
// old. So do the bytes: a tensor is held once more per D that separates stages
// that touch it. Of two ways to the same D the dearer is dropped. Where runs
// are short, slots are summed one by one (SlotWindows.h) and nothing is
// dropped but by bounds.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/PipelineGroup.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <tuple>

using namespace einsum::mapper;

namespace {

using Bytes = std::vector<uint64_t>;
/// Cycles, of which differences may be negative.
using Cycles = __int128;

/// Cycles of a stage, so that sums over stages do not overflow.
constexpr uint64_t kLongest = uint64_t{1} << 56;

/// Of energies, sums in another order are the same.
constexpr double kSame = 1e-12;

/// What no plan below a node of the search can beat.
struct Floor {
  double cycles = 0, energy = 0;
  Bytes held;
};

//===----------------------------------------------------------------------===//
// What is wanted
//===----------------------------------------------------------------------===//

class Archive {
public:
  virtual ~Archive() = default;
  /// Nothing at or above `floor` is wanted any more.
  virtual bool rejects(const Floor &floor) const = 0;
  virtual void add(PipelinePlan plan) = 0;
  /// Of plans that differ in bytes only, all count.
  virtual bool asksForSpace() const = 0;
  virtual void breakTies() {}

  void offer(PipelinePlan plan) {
    if (!rejects({plan.cycles, plan.energy, plan.held}))
      add(std::move(plan));
  }
  std::vector<PipelinePlan> plans;
};

class BestPlan : public Archive {
public:
  explicit BestPlan(PipelineGoal goal) : goal(goal) {}

  bool rejects(const Floor &floor) const override {
    if (plans.empty())
      return false;
    const PipelinePlan &best = plans.front();
    double least = valueOf(best.cycles, best.energy),
           value = valueOf(floor.cycles, floor.energy);
    // Cycles are exact.
    double same = goal == PipelineGoal::latency ? 0 : kSame;
    if (value > least * (1 + same))
      return true;
    if (value < least * (1 - same))
      return false;
    if (!breaksTies)
      return true;
    return goal == PipelineGoal::latency
               ? floor.energy >= best.energy * (1 - kSame)
               : floor.cycles >= best.cycles;
  }
  void add(PipelinePlan plan) override { plans.assign(1, std::move(plan)); }
  bool asksForSpace() const override { return false; }
  /// From now on, of equal values the better second one is wanted.
  void breakTies() override { breaksTies = true; }

private:
  double valueOf(double cycles, double energy) const {
    switch (goal) {
    case PipelineGoal::latency:
      return cycles;
    case PipelineGoal::energy:
      return energy;
    case PipelineGoal::edp:
      return cycles * energy;
    }
    return cycles;
  }

  PipelineGoal goal;
  bool breaksTies = false;
};

class Front : public Archive {
public:
  bool rejects(const Floor &floor) const override {
    return llvm::any_of(plans, [&](const PipelinePlan &plan) {
      return plan.cycles <= floor.cycles &&
             plan.energy <= floor.energy * (1 + kSame) &&
             isWithin(plan.held, floor.held);
    });
  }
  void add(PipelinePlan plan) override {
    llvm::erase_if(plans, [&](const PipelinePlan &other) {
      return plan.cycles <= other.cycles &&
             plan.energy <= other.energy * (1 + kSame) &&
             isWithin(plan.held, other.held);
    });
    plans.push_back(std::move(plan));
  }
  bool asksForSpace() const override { return true; }

private:
  static bool isWithin(const Bytes &less, const Bytes &more) {
    return llvm::all_of(llvm::zip(less, more), [](auto pair) {
      return std::get<0>(pair) <= std::get<1>(pair);
    });
  }
};

//===----------------------------------------------------------------------===//
// What the search knows of a group
//===----------------------------------------------------------------------===//

/// Iterations of `before` are followed by iterations of `after`.
struct Change {
  StageSet before = 0, after = 0;
  uint64_t count = 0;
};

uint64_t at(const Bytes &values, size_t i) {
  return i < values.size() ? values[i] : 0;
}

struct GroupFacts {
  explicit GroupFacts(const PipelineGroup &group)
      : group(group), count(group.stages.size()),
        recurrences(findRecurrences(group)),
        slots(countWindows(group.iterations, group.all(), count - 1)) {
    for (size_t stage = 0; stage < count; ++stage) {
      once.push_back(group.iterations.countOf(stage));
      runs.push_back(llvm::SaturatingMultiply(once.back(), group.repetitions));
    }
    for (const auto &choices : group.stages)
      for (const StageChoice &choice : choices)
        if (!llvm::is_contained(arrays, choice.array))
          arrays.push_back(choice.array);
    keepChoices();
    sortStages();
    findChanges();
  }

  int arrayOf(const StageChoice &choice) const {
    return static_cast<int>(llvm::find(arrays, choice.array) - arrays.begin());
  }

  const PipelineGroup &group;
  size_t count;
  std::vector<int> recurrences;
  SlotWindows slots;
  std::vector<uint64_t> once; ///< runs of each stage, in one repetition
  std::vector<uint64_t> runs; ///< in all
  std::vector<int> arrays;
  std::vector<std::vector<int>> kept; ///< choices worth a look
  uint64_t dropped = 0;
  /// Every stage after those that it reads in its iteration.
  std::vector<int> sorted;
  /// Runs of equal iterations are long: these are the changes between them.
  bool isAdditive = true, isUniform = true;
  std::vector<Change> changes;

private:
  /// As good in everything; of equals the first.
  static bool covers(const StageChoice &a, const StageChoice &b, bool first) {
    if (a.array != b.array || a.cycles > b.cycles || a.startUp > b.startUp ||
        a.energy > b.energy)
      return false;
    bool equal =
        a.cycles == b.cycles && a.startUp == b.startUp && a.energy == b.energy;
    for (auto list : {&StageChoice::moved, &StageChoice::held})
      for (size_t i = 0; i < std::max((a.*list).size(), (b.*list).size());
           ++i) {
        if (at(a.*list, i) > at(b.*list, i))
          return false;
        equal &= at(a.*list, i) == at(b.*list, i);
      }
    return !equal || first;
  }

  void keepChoices() {
    for (const auto &choices : group.stages) {
      std::vector<int> &list = kept.emplace_back();
      for (size_t i = 0; i < choices.size(); ++i) {
        bool covered = choices[i].cycles > kLongest;
        for (size_t j = 0; j < choices.size() && !covered; ++j)
          covered = i != j && covers(choices[j], choices[i], j < i);
        if (covered)
          ++dropped;
        else
          list.push_back(static_cast<int>(i));
      }
    }
  }

  void sortStages() {
    StageSet placed = 0;
    for (size_t rounds = 0; rounds < count; ++rounds)
      for (size_t i = 0; i < count; ++i) {
        bool ready = !(placed >> i & 1);
        for (const StageDependence &d : group.dependences)
          ready &= d.distance != 0 || d.consumer != static_cast<int>(i) ||
                   (placed >> d.producer & 1);
        if (ready) {
          placed |= StageSet{1} << i;
          sorted.push_back(static_cast<int>(i));
        }
      }
  }

  void findChanges() {
    StageSet usual = 0;
    for (const SlotWindow &window : slots.windows) {
      size_t changesHere = 0;
      for (size_t lag = 0; lag < count; ++lag) {
        StageSet set = window.active[lag];
        isUniform &= set == 0 || usual == 0 || set == usual;
        usual = set ? set : usual;
        changesHere += lag > 0 && set != window.active[lag - 1];
      }
      isAdditive &= changesHere <= 1;
      if (count > 1 && changesHere == 1 && window.active[0] != window.active[1])
        changes.push_back({window.active[1], window.active[0], window.count});
    }
  }
};

//===----------------------------------------------------------------------===//
// Lags
//===----------------------------------------------------------------------===//

/// The least lags with `gapOf(i)` slots between the ends of dependence i; none
/// if a cycle of dependences asks a stage to come after itself.
template <typename GapOf>
std::optional<std::vector<int64_t>> findEarliest(const PipelineGroup &group,
                                                 GapOf gapOf) {
  std::vector<int64_t> earliest(group.stages.size(), 0);
  for (size_t round = 0; round <= group.stages.size(); ++round) {
    bool changed = false;
    for (size_t i = 0; i < group.dependences.size(); ++i) {
      const StageDependence &d = group.dependences[i];
      int64_t least = earliest[d.producer] + gapOf(i);
      if (least > earliest[d.consumer]) {
        earliest[d.consumer] = least;
        changed = true;
      }
    }
    if (!changed)
      return earliest;
  }
  return std::nullopt;
}

struct Search {
  const GroupFacts &facts;
  Archive &archive;
  PipelineLimits limits;
  PipelineStatistics statistics;

  bool isOver() const { return !statistics.complete; }
};

class LagSearch {
public:
  LagSearch(Search &search, std::vector<int> choices, const Floor &floor)
      : search(search), facts(search.facts), group(facts.group),
        choices(std::move(choices)), floor(floor), lags(facts.count, -1),
        loads(facts.slots.windows.size() * facts.arrays.size(), 0) {
    for (size_t i = 0; i < facts.count; ++i) {
      const StageChoice &choice = group.stages[i][this->choices[i]];
      arrays.push_back(facts.arrayOf(choice));
      cycles.push_back(choice.cycles);
      startUp = std::max(startUp, choice.startUp);
      energy += choice.energy;
    }
    for (const StageDependence &d : group.dependences)
      gaps.push_back(leastLag(d, arrays[d.producer] == arrays[d.consumer],
                              facts.recurrences[d.producer] ==
                                  facts.recurrences[d.consumer]));
    if (facts.isAdditive)
      prepareSums();
    findTightLevels();
  }

  void run() {
    if (!search.limits.leastLags)
      return fill(0, 0, 0, floor.held);
    std::optional<std::vector<int64_t>> earliest = findEarliest(
        group, [&](size_t dependence) { return gaps[dependence]; });
    if (!earliest)
      return;
    lags = std::move(*earliest);
    for (size_t i = 0; i < facts.count; ++i)
      addLoads(StageSet{1} << i, lags[i], /*back=*/false);
    Floor exact = floor;
    exact.cycles =
        std::max(exact.cycles, toWhole(boundSlots(facts.count, group.all())));
    exact.energy =
        std::max(exact.energy, energy + exact.cycles * group.leakagePerCycle);
    if (search.archive.rejects(exact))
      ++search.statistics.pruned["bound"];
    else
      finish();
  }

private:
  //===--------------------------------------------------------------------===//
  // Costs
  //===--------------------------------------------------------------------===//

  Cycles busiest(StageSet set) const {
    llvm::SmallVector<uint64_t, 4> load(facts.arrays.size(), 0);
    for (size_t i = 0; i < facts.count; ++i)
      if (set >> i & 1)
        load[arrays[i]] += cycles[i];
    return *std::max_element(load.begin(), load.end());
  }

  void prepareSums() {
    for (const SlotWindow &window : facts.slots.windows)
      if (llvm::all_equal(window.active))
        base += window.count * busiest(window.active[0]);
    for (const Change &change : facts.changes)
      inStep += change.count * busiest(change.after);
    base += static_cast<Cycles>(facts.count - 1) * inStep;
  }

  /// Cycles beyond those of iterations in step that it costs to have a lag
  /// between `set` and the other stages.
  Cycles cutCost(StageSet set) const {
    Cycles sum = -inStep;
    for (const Change &change : facts.changes)
      sum +=
          change.count * busiest((set & change.after) | (~set & change.before));
    return sum;
  }

  /// Cycles that all slots take at least, when the stages in `done` are in
  /// theirs and the others have lag `lag` or more. What an array has left to do
  /// goes into slots where one of its stages can run; others are as they are.
  Cycles boundSlots(int64_t lag, StageSet done) const {
    size_t width = facts.arrays.size();
    llvm::SmallVector<Cycles, 4> sums(width, 0);
    llvm::SmallVector<StageSet, 4> left(width, 0);
    for (size_t i = 0; i < facts.count; ++i)
      if (!(done >> i & 1)) {
        left[arrays[i]] |= StageSet{1} << i;
        sums[arrays[i]] += static_cast<Cycles>(cycles[i]) * facts.once[i];
      }
    for (auto [w, window] : llvm::enumerate(facts.slots.windows)) {
      const uint64_t *load = &loads[w * width];
      uint64_t busiest = *std::max_element(load, load + width);
      StageSet may = 0;
      for (size_t l = lag; l < window.active.size(); ++l)
        may |= window.active[l];
      for (size_t a = 0; a < width; ++a)
        sums[a] += static_cast<Cycles>(window.count) *
                   ((may & left[a]) ? load[a] : busiest);
    }
    return *std::max_element(sums.begin(), sums.end());
  }

  void addLoads(StageSet set, int64_t lag, bool back) {
    for (auto [w, window] : llvm::enumerate(facts.slots.windows))
      for (size_t i = 0; i < facts.count; ++i)
        if ((set & window.active[lag]) >> i & 1)
          loads[w * facts.arrays.size() + arrays[i]] +=
              back ? -cycles[i] : cycles[i];
  }

  /// Cycles of the run, from those of the slots of one repetition.
  double toWhole(Cycles slots) const {
    return static_cast<double>((slots + static_cast<Cycles>(startUp)) *
                               static_cast<Cycles>(group.repetitions));
  }

  //===--------------------------------------------------------------------===//
  // Slot by slot
  //===--------------------------------------------------------------------===//

  /// Levels at which some lags would not fit; bytes elsewhere do not matter
  /// unless they are asked for.
  void findTightLevels() {
    Bytes most = floor.held;
    for (const TensorInFlight &tensor : group.tensors)
      most[tensor.level] = llvm::SaturatingMultiplyAdd(
          tensor.bytes, static_cast<uint64_t>(facts.count - 1),
          most[tensor.level]);
    for (size_t level = 0; level < most.size(); ++level)
      if (search.archive.asksForSpace() ||
          most[level] > group.capacities[level])
        tight.push_back(level);
  }

  /// Chooses the stages of lag `lag`; those of smaller lags are `done`.
  void fill(int64_t lag, StageSet done, Cycles spent, const Bytes &held) {
    if (isHopeless(lag, done, spent, held))
      return;
    if (done == group.all())
      return finish();
    choose(lag, done, 0, 0, spent, held);
  }

  bool isHopeless(int64_t lag, StageSet done, Cycles spent, const Bytes &held) {
    for (auto [d, gap] : llvm::zip(group.dependences, gaps))
      if ((done >> d.consumer & 1) && !(done >> d.producer & 1) &&
          lag + gap > lags[d.consumer]) {
        ++search.statistics.pruned["recurrence"];
        return true;
      }
    Floor here = floor;
    here.held = held;
    Cycles slots = 0;
    if (!facts.isAdditive)
      slots = boundSlots(lag, done);
    else if (facts.isUniform || done == group.all())
      slots = base + spent;
    here.cycles = std::max(here.cycles, toWhole(slots));
    here.energy =
        std::max(here.energy, energy + here.cycles * group.leakagePerCycle);
    if (search.archive.rejects(here)) {
      ++search.statistics.pruned["bound"];
      return true;
    }
    return facts.isAdditive && isDearer(lag, done, spent, held);
  }

  /// Whether another way to the same set of stages was as good.
  bool isDearer(int64_t lag, StageSet done, Cycles spent, const Bytes &held) {
    std::vector<int64_t> key = {static_cast<int64_t>(done)};
    for (auto [d, gap] : llvm::zip(group.dependences, gaps))
      if ((done >> d.consumer & 1) && !(done >> d.producer & 1))
        key.push_back(lag - lags[d.consumer]);
    Way way{spent, {}};
    for (size_t level : tight)
      way.held.push_back(held[level]);
    std::vector<Way> &known = ways[key];
    if (llvm::any_of(known,
                     [&](const Way &other) { return other.isWithin(way); })) {
      ++search.statistics.pruned["dearer lags"];
      return true;
    }
    llvm::erase_if(known,
                   [&](const Way &other) { return way.isWithin(other); });
    known.push_back(std::move(way));
    return false;
  }

  /// Takes or leaves the stage at `position` of the sorted ones.
  void choose(int64_t lag, StageSet done, StageSet chosen, size_t position,
              Cycles spent, const Bytes &held) {
    if (search.isOver())
      return;
    if (position == facts.count)
      return chosen ? place(lag, done, chosen, spent, held) : void();
    int stage = facts.sorted[position];
    StageSet bit = StageSet{1} << stage;
    if (!(done & bit) && isReady(stage, lag, done, chosen)) {
      lags[stage] = lag;
      choose(lag, done, chosen | bit, position + 1, spent, held);
      lags[stage] = -1;
    }
    choose(lag, done, chosen, position + 1, spent, held);
  }

  bool isReady(int stage, int64_t lag, StageSet done, StageSet chosen) const {
    for (auto [d, gap] : llvm::zip(group.dependences, gaps)) {
      if (d.distance == 0 && d.consumer == stage && !(done >> d.producer & 1) &&
          (gap > 0 || !(chosen >> d.producer & 1)))
        return false;
      if (d.distance > 0 && d.producer == stage && (done >> d.consumer & 1) &&
          lag + gap > lags[d.consumer])
        return false;
    }
    return true;
  }

  void place(int64_t lag, StageSet done, StageSet chosen, Cycles spent,
             Bytes held) {
    if (++search.statistics.steps > search.limits.steps) {
      search.statistics.complete = false;
      return;
    }
    done |= chosen;
    for (const TensorInFlight &tensor : group.tensors)
      if ((tensor.touchedBy & group.all() & ~done) && (tensor.touchedBy & done))
        held[tensor.level] =
            llvm::SaturatingAdd(held[tensor.level], tensor.bytes);
    for (auto [bytes, capacity] : llvm::zip(held, group.capacities))
      if (bytes > capacity) {
        ++search.statistics.pruned["capacity"];
        return;
      }
    if (!facts.isAdditive)
      addLoads(chosen, lag, /*back=*/false);
    else if (done != group.all())
      spent += cutCost(done);
    fill(lag + 1, done, spent, held);
    if (!facts.isAdditive)
      addLoads(chosen, lag, /*back=*/true);
  }

  void finish() {
    ++search.statistics.plans;
    if (std::optional<PipelinePlan> plan = evaluatePlan(group, choices, lags))
      search.archive.offer(std::move(*plan));
  }

  struct Way {
    Cycles spent;
    Bytes held;
    bool isWithin(const Way &other) const {
      return spent <= other.spent &&
             llvm::all_of(llvm::zip(held, other.held), [](auto pair) {
               return std::get<0>(pair) <= std::get<1>(pair);
             });
    }
  };

  Search &search;
  const GroupFacts &facts;
  const PipelineGroup &group;
  std::vector<int> choices;
  Floor floor; ///< with tensors held once
  std::vector<int64_t> lags, gaps;
  std::vector<int> arrays;
  std::vector<uint64_t> cycles;
  uint64_t startUp = 0;
  double energy = 0;
  std::vector<size_t> tight;
  /// Of additive groups: cycles without cuts, and of one cut if nothing lags.
  Cycles base = 0, inStep = 0;
  std::map<std::vector<int64_t>, std::vector<Way>> ways;
  std::vector<uint64_t> loads; ///< [window * arrays + array]
};

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

class ChoiceSearch {
public:
  explicit ChoiceSearch(Search &search)
      : search(search), facts(search.facts), group(facts.group),
        chosen(facts.count, -1) {
    for (size_t i = 0; i < facts.count; ++i)
      leasts.push_back(findLeast(i));
    // Stages that take long decide first.
    // Of equals those that come first in an iteration.
    std::vector<std::tuple<uint64_t, int>> weights(facts.count);
    for (auto [place, stage] : llvm::enumerate(facts.sorted))
      weights[stage] = {
          UINT64_MAX - llvm::SaturatingMultiply(leasts[stage].choice.cycles,
                                                facts.runs[stage]),
          static_cast<int>(place)};
    order.assign(facts.sorted.begin(), facts.sorted.end());
    llvm::sort(order, [&](int a, int b) { return weights[a] < weights[b]; });
    search.statistics.pruned["dominated choice"] = facts.dropped;
  }

  void run() {
    if (llvm::all_of(facts.kept, [](auto &list) { return !list.empty(); }))
      choose(0);
  }

private:
  /// The least of everything over the choices of a stage.
  struct Least {
    StageChoice choice;
    int onlyArray = -1; ///< if all are on one
  };

  Least findLeast(size_t stage) const {
    Least least;
    bool first = true;
    for (int id : facts.kept[stage]) {
      StageChoice choice = group.stages[stage][id];
      choice.moved.resize(group.channels.size());
      choice.held.resize(group.capacities.size());
      int array = facts.arrayOf(choice);
      if (first) {
        least = {choice, array};
        first = false;
        continue;
      }
      if (least.onlyArray != array)
        least.onlyArray = -1;
      StageChoice &to = least.choice;
      to.cycles = std::min(to.cycles, choice.cycles);
      to.startUp = std::min(to.startUp, choice.startUp);
      to.energy = std::min(to.energy, choice.energy);
      for (auto list : {&StageChoice::moved, &StageChoice::held})
        for (size_t i = 0; i < (to.*list).size(); ++i)
          (to.*list)[i] = std::min((to.*list)[i], (choice.*list)[i]);
    }
    return least;
  }

  Floor findFloor() const {
    Floor floor;
    std::vector<double> load(facts.arrays.size(), 0);
    double anywhere = 0, energy = 0;
    uint64_t startUp = 0;
    Bytes moved(group.channels.size(), 0);
    for (size_t level = 0; level < group.channels.size(); ++level)
      moved[level] = group.channels[level].baseUnits;
    floor.held.assign(group.capacities.size(), 0);
    for (size_t i = 0; i < facts.count; ++i) {
      bool isChosen = chosen[i] >= 0;
      const StageChoice &choice =
          isChosen ? group.stages[i][chosen[i]] : leasts[i].choice;
      int array = isChosen ? facts.arrayOf(choice) : leasts[i].onlyArray;
      double cycles = static_cast<double>(choice.cycles) *
                      static_cast<double>(facts.runs[i]);
      (array < 0 ? anywhere : load[array]) += cycles;
      startUp = std::max(startUp, choice.startUp);
      energy += choice.energy;
      for (size_t c = 0; c < moved.size(); ++c)
        moved[c] = llvm::SaturatingAdd(moved[c], at(choice.moved, c));
      for (size_t level = 0; level < floor.held.size(); ++level)
        floor.held[level] =
            llvm::SaturatingAdd(floor.held[level], at(choice.held, level));
    }
    for (const TensorInFlight &tensor : group.tensors)
      floor.held[tensor.level] =
          llvm::SaturatingAdd(floor.held[tensor.level], tensor.bytes);
    double most = *std::max_element(load.begin(), load.end());
    for (double one : load)
      anywhere += one;
    floor.cycles =
        std::max(most, std::ceil(anywhere / static_cast<double>(load.size()))) +
        static_cast<double>(startUp) * static_cast<double>(group.repetitions);
    for (auto [units, channel] : llvm::zip(moved, group.channels))
      floor.cycles = std::max(floor.cycles, static_cast<double>(units) /
                                                channel.unitsPerCycle);
    floor.energy = energy + floor.cycles * group.leakagePerCycle;
    return floor;
  }

  /// Whether lags exist, whatever the stages still to be decided choose.
  bool existLags() const {
    return findEarliest(
               group,
               [&](size_t i) {
                 const StageDependence &d = group.dependences[i];
                 bool known =
                     chosen[d.producer] >= 0 && chosen[d.consumer] >= 0;
                 bool same =
                     !known ||
                     group.stages[d.producer][chosen[d.producer]].array ==
                         group.stages[d.consumer][chosen[d.consumer]].array;
                 return leastLag(d, same,
                                 facts.recurrences[d.producer] ==
                                     facts.recurrences[d.consumer]);
               })
        .has_value();
  }

  struct Option {
    Floor floor;
    int choice;
  };

  void choose(size_t position) {
    if (position == facts.count) {
      ++search.statistics.bindings;
      LagSearch(search, chosen, findFloor()).run();
      return;
    }
    if (++search.statistics.steps > search.limits.steps) {
      search.statistics.complete = false;
      return;
    }
    int stage = order[position];
    std::vector<Option> options;
    for (int choice : facts.kept[stage]) {
      chosen[stage] = choice;
      if (!existLags()) {
        ++search.statistics.pruned["recurrence"];
        continue;
      }
      Option option{findFloor(), choice};
      if (isOverCapacity(option.floor))
        ++search.statistics.pruned["capacity"];
      else
        options.push_back(std::move(option));
    }
    llvm::sort(options, [](const Option &a, const Option &b) {
      return std::tie(a.floor.cycles, a.floor.energy, a.choice) <
             std::tie(b.floor.cycles, b.floor.energy, b.choice);
    });
    for (const Option &option : options) {
      chosen[stage] = option.choice;
      if (search.isOver())
        break;
      if (search.archive.rejects(option.floor))
        ++search.statistics.pruned["bound"];
      else
        choose(position + 1);
    }
    chosen[stage] = -1;
  }

  bool isOverCapacity(const Floor &floor) const {
    return llvm::any_of(llvm::zip(floor.held, group.capacities), [](auto pair) {
      return std::get<0>(pair) > std::get<1>(pair);
    });
  }

  Search &search;
  const GroupFacts &facts;
  const PipelineGroup &group;
  std::vector<int> chosen, order;
  std::vector<Least> leasts;
};

} // namespace

static PipelineResult solve(const PipelineGroup &group, Archive &archive,
                            const PipelineLimits &limits) {
  PipelineResult result;
  if (group.stages.empty())
    return result;
  if (group.stages.size() > maxStages) {
    result.statistics.complete = false;
    return result;
  }
  GroupFacts facts(group);
  Search search{facts, archive, limits, {}};
  bool hasOrder = facts.sorted.size() == facts.count; // else none can be first
  auto run = [&](bool leastLags) {
    search.limits.leastLags = leastLags;
    if (hasOrder)
      ChoiceSearch(search).run();
  };
  // Least lags are few and mostly good: with them in hand more is rejected. And
  // among plans that are equally fast, say, there are many to compare, few of
  // which are left when the fastest is known.
  run(/*leastLags=*/true);
  if (!limits.leastLags)
    run(/*leastLags=*/false);
  archive.breakTies();
  if (!archive.plans.empty() && !archive.asksForSpace())
    run(limits.leastLags);
  result.statistics = std::move(search.statistics);
  result.plans = std::move(archive.plans);
  llvm::sort(result.plans, [](const PipelinePlan &a, const PipelinePlan &b) {
    return std::tie(a.cycles, a.energy, a.held, a.choices, a.lags) <
           std::tie(b.cycles, b.energy, b.held, b.choices, b.lags);
  });
  return result;
}

PipelineResult einsum::mapper::schedulePipeline(const PipelineGroup &group,
                                                PipelineGoal goal,
                                                const PipelineLimits &limits) {
  BestPlan best(goal);
  return solve(group, best, limits);
}

PipelineResult einsum::mapper::findPipelineFront(const PipelineGroup &group,
                                                 const PipelineLimits &limits) {
  Front front;
  return solve(group, front, limits);
}
