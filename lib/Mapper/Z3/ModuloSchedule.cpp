//===- ModuloSchedule.cpp - Pipelines as constraints for Z3 ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/ModuloSchedule.h"

#include "llvm/ADT/STLExtras.h"

#include <chrono>
#include <cmath>
#include <z3++.h>

using namespace einsum::mapper;
using einsum::mapper::z3::ProvenPlan;
using einsum::mapper::z3::StartTimes;

namespace {

namespace smt = ::z3;

/// Costs closer than this are the same: Z3 adds exactly, we in doubles.
constexpr double kSame = 1e-9;

/// Time that is left to a row of queries.
class Deadline {
public:
  explicit Deadline(unsigned milliseconds)
      : end(std::chrono::steady_clock::now() +
            std::chrono::milliseconds(milliseconds)) {}
  unsigned left() const {
    auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    return rest.count() > 0 ? static_cast<unsigned>(rest.count()) : 0;
  }

private:
  std::chrono::steady_clock::time_point end;
};

/// Expressions that both questions need.
class Terms {
public:
  Terms(smt::context &context, const PipelineGroup &group)
      : context(context), group(group) {
    for (size_t stage = 0; stage < group.stages.size(); ++stage) {
      auto &list = isChosen.emplace_back();
      for (size_t choice = 0; choice < group.stages[stage].size(); ++choice) {
        list.push_back(
            context.bool_const(name("choice", stage, choice).c_str()));
        int array = group.stages[stage][choice].array;
        if (!llvm::is_contained(arrays, array))
          arrays.push_back(array);
      }
    }
  }

  static std::string name(const char *what, size_t a, size_t b = 0) {
    return std::string(what) + "." + std::to_string(a) + "." +
           std::to_string(b);
  }

  smt::expr integer(uint64_t value) const { return context.int_val(value); }

  /// The double as the rational that it is.
  smt::expr real(double value) const {
    int exponent = 0;
    double mantissa = std::frexp(value, &exponent);
    smt::expr result = context.real_val(
        std::to_string(static_cast<int64_t>(std::ldexp(mantissa, 53))).c_str());
    exponent -= 53;
    smt::expr two = context.real_val(2), factor = context.real_val(1);
    for (int i = std::abs(exponent); i > 0; --i)
      factor = factor * two;
    return (exponent < 0 ? result / factor : result * factor).simplify();
  }

  smt::expr sum(const std::vector<smt::expr> &terms,
                bool isReal = false) const {
    smt::expr total = isReal ? context.real_val(0) : context.int_val(0);
    for (const smt::expr &term : terms)
      total = total + term;
    return total;
  }

  smt::expr any(const std::vector<smt::expr> &terms) const {
    smt::expr result = context.bool_val(false);
    for (const smt::expr &term : terms)
      result = result || term;
    return result;
  }

  static void exactlyOne(smt::solver &solver,
                         const std::vector<smt::expr> &terms) {
    smt::expr_vector vector(solver.ctx());
    for (const smt::expr &term : terms)
      vector.push_back(term);
    std::vector<int> ones(terms.size(), 1);
    solver.add(smt::pbeq(vector, ones.data(), 1));
  }

  void chooseOne(smt::solver &solver) const {
    for (const auto &list : isChosen)
      exactlyOne(solver, list);
  }

  /// What the chosen way of a stage has of something.
  template <typename ValueOf>
  smt::expr chosen(size_t stage, ValueOf valueOf) const {
    smt::expr result = valueOf(group.stages[stage].back());
    for (size_t choice = group.stages[stage].size() - 1; choice > 0; --choice)
      result = smt::ite(isChosen[stage][choice - 1],
                        valueOf(group.stages[stage][choice - 1]), result);
    return result;
  }

  smt::expr cyclesOn(size_t stage, int array) const {
    return chosen(stage, [&](const StageChoice &choice) {
      return integer(choice.array == array ? choice.cycles : 0);
    });
  }

  smt::expr isOn(size_t stage, int array) const {
    std::vector<smt::expr> terms;
    for (size_t choice = 0; choice < group.stages[stage].size(); ++choice)
      if (group.stages[stage][choice].array == array)
        terms.push_back(isChosen[stage][choice]);
    return any(terms);
  }

  smt::expr share(size_t a, size_t b) const {
    std::vector<smt::expr> terms;
    for (int array : arrays)
      terms.push_back(isOn(a, array) && isOn(b, array));
    return any(terms);
  }

  std::vector<int> readChoices(const smt::model &model) const {
    std::vector<int> choices;
    for (const auto &list : isChosen)
      for (size_t choice = 0; choice < list.size(); ++choice)
        if (model.eval(list[choice], true).is_true()) {
          choices.push_back(static_cast<int>(choice));
          break;
        }
    return choices;
  }

  smt::context &context;
  const PipelineGroup &group;
  std::vector<std::vector<smt::expr>> isChosen;
  std::vector<int> arrays;
};

//===----------------------------------------------------------------------===//
// In slots
//===----------------------------------------------------------------------===//

class PlanProver {
public:
  PlanProver(const PipelineGroup &group, unsigned timeLimitMs)
      : group(group), deadline(timeLimitMs), count(group.stages.size()),
        terms(context, group), solver(context),
        cycles(context.real_const("cycles")),
        energy(context.real_const("energy")) {
    terms.chooseOne(solver);
    chooseLags();
    respectDependences();
    fitCapacities();
    countCycles();
    countEnergy();
  }

  ProvenPlan prove(PipelineGoal goal) {
    ProvenPlan result;
    if (goal == PipelineGoal::edp)
      return proveProduct();
    bool fast = goal == PipelineGoal::latency;
    result.proven = minimise(fast ? cycles : energy, fast, result);
    if (!result.plan || !result.proven)
      return result;
    solver.add(atMost(fast ? cycles : energy, valueOf(*result.plan, fast)));
    result.proven = minimise(fast ? energy : cycles, !fast, result);
    return result;
  }

private:
  static double valueOf(const PipelinePlan &plan, bool fast) {
    return fast ? plan.cycles : plan.energy;
  }
  smt::expr atMost(const smt::expr &what, double value) {
    return what <= terms.real(value * (1 + kSame));
  }

  /// One variable for each stage and lag; lags have no gaps.
  void chooseLags() {
    for (size_t stage = 0; stage < count; ++stage) {
      auto &list = hasLag.emplace_back();
      for (size_t l = 0; l < count; ++l)
        list.push_back(
            context.bool_const(Terms::name("lag", stage, l).c_str()));
      Terms::exactlyOne(solver, list);
      smt::expr lag = context.int_val(0);
      for (size_t l = 1; l < count; ++l)
        lag = smt::ite(list[l], terms.integer(l), lag);
      lags.push_back(lag);
    }
    for (size_t l = 0; l < count; ++l) {
      std::vector<smt::expr> here, before;
      for (size_t stage = 0; stage < count; ++stage) {
        here.push_back(hasLag[stage][l]);
        if (l > 0)
          before.push_back(hasLag[stage][l - 1]);
      }
      solver.add(l == 0 ? terms.any(here)
                        : smt::implies(terms.any(here), terms.any(before)));
    }
  }

  void respectDependences() {
    std::vector<int> recurrences = findRecurrences(group);
    for (const StageDependence &d : group.dependences) {
      bool together = recurrences[d.producer] == recurrences[d.consumer];
      smt::expr gap =
          smt::ite(terms.share(d.producer, d.consumer),
                   context.int_val(leastLag(d, /*sameArray=*/true, together)),
                   context.int_val(leastLag(d, /*sameArray=*/false, together)));
      solver.add(lags[d.consumer] >= lags[d.producer] + gap);
    }
    // A cycle of reads within an iteration has no order, on one array either.
    std::vector<smt::expr> place;
    for (size_t stage = 0; stage < count; ++stage)
      place.push_back(context.int_const(Terms::name("place", stage).c_str()));
    for (const StageDependence &d : group.dependences)
      if (d.distance == 0)
        solver.add(place[d.producer] < place[d.consumer]);
  }

  void fitCapacities() {
    std::vector<std::vector<smt::expr>> held(group.capacities.size());
    for (size_t level = 0; level < held.size(); ++level)
      for (size_t stage = 0; stage < count; ++stage)
        held[level].push_back(
            terms.chosen(stage, [&](const StageChoice &choice) {
              return terms.integer(
                  level < choice.held.size() ? choice.held[level] : 0);
            }));
    for (auto [id, tensor] : llvm::enumerate(group.tensors)) {
      smt::expr slots = context.int_const(Terms::name("slots", id).c_str());
      solver.add(slots >= 1);
      for (size_t a = 0; a < count; ++a)
        for (size_t b = 0; b < count; ++b)
          if (a != b && (tensor.touchedBy >> a & 1) &&
              (tensor.touchedBy >> b & 1))
            solver.add(slots >= lags[a] - lags[b] + 1);
      held[tensor.level].push_back(terms.integer(tensor.bytes) * slots);
    }
    for (auto [level, list] : llvm::enumerate(held))
      if (group.capacities[level] != UINT64_MAX)
        solver.add(terms.sum(list) <= terms.integer(group.capacities[level]));
  }

  void countCycles() {
    std::vector<smt::expr> slots;
    SlotWindows windows =
        countWindows(group.iterations, group.all(), count - 1);
    for (auto [id, window] : llvm::enumerate(windows.windows)) {
      smt::expr slot = context.int_const(Terms::name("slot", id).c_str());
      solver.add(slot >= 0);
      for (int array : terms.arrays) {
        std::vector<smt::expr> load;
        for (size_t stage = 0; stage < count; ++stage) {
          std::vector<smt::expr> runs;
          for (size_t l = 0; l < count; ++l)
            if (window.active[l] >> stage & 1)
              runs.push_back(hasLag[stage][l]);
          load.push_back(smt::ite(terms.any(runs), terms.cyclesOn(stage, array),
                                  context.int_val(0)));
        }
        solver.add(slot >= terms.sum(load));
      }
      slots.push_back(terms.integer(window.count) * slot);
    }
    smt::expr startUp = context.int_const("startUp");
    for (size_t stage = 0; stage < count; ++stage)
      solver.add(startUp >= terms.chosen(stage, [&](const StageChoice &choice) {
        return terms.integer(choice.startUp);
      }));
    solver.add(cycles >= smt::to_real((terms.sum(slots) + startUp) *
                                      terms.integer(group.repetitions)));
    for (size_t id = 0; id < group.channels.size(); ++id) {
      const Channel &channel = group.channels[id];
      std::vector<smt::expr> units = {terms.integer(channel.baseUnits)};
      for (size_t stage = 0; stage < count; ++stage)
        units.push_back(terms.chosen(stage, [&](const StageChoice &choice) {
          return terms.integer(id < choice.moved.size() ? choice.moved[id] : 0);
        }));
      solver.add(cycles * terms.real(channel.unitsPerCycle) >=
                 smt::to_real(terms.sum(units)));
    }
  }

  void countEnergy() {
    std::vector<smt::expr> energies = {cycles *
                                       terms.real(group.leakagePerCycle)};
    for (size_t stage = 0; stage < count; ++stage)
      energies.push_back(terms.chosen(stage, [&](const StageChoice &choice) {
        return terms.real(choice.energy);
      }));
    solver.add(energy == terms.sum(energies, /*isReal=*/true));
  }

  /// Asks for better plans until there is none; true if Z3 says so.
  bool minimise(const smt::expr &what, bool fast, ProvenPlan &result) {
    while (unsigned left = deadline.left()) {
      solver.set("timeout", left);
      ++result.queries;
      solver.push();
      if (result.plan)
        solver.add(what <
                   terms.real(valueOf(*result.plan, fast) * (1 - kSame)));
      smt::check_result answer = solver.check();
      std::optional<PipelinePlan> better;
      if (answer == smt::sat)
        better = readPlan();
      solver.pop();
      if (answer != smt::sat)
        return answer == smt::unsat;
      if (!better)
        return false; // the two sides disagree about what is legal
      result.plan = std::move(better);
    }
    return false;
  }

  std::optional<PipelinePlan> readPlan() {
    smt::model model = solver.get_model();
    std::vector<int64_t> values;
    for (const auto &list : hasLag)
      for (size_t l = 0; l < count; ++l)
        if (model.eval(list[l], true).is_true())
          values.push_back(static_cast<int64_t>(l));
    return evaluatePlan(group, terms.readChoices(model), std::move(values));
  }

  /// Least products lie on the front of cycles and energy.
  ProvenPlan proveProduct() {
    ProvenPlan best;
    auto product = [](const PipelinePlan &plan) {
      return plan.cycles * plan.energy;
    };
    while (true) {
      ProvenPlan next;
      solver.push();
      bool proven = minimise(cycles, true, next);
      if (proven && next.plan) {
        solver.add(atMost(cycles, next.plan->cycles));
        proven = minimise(energy, false, next);
      }
      solver.pop();
      best.queries += next.queries;
      if (!proven || !next.plan) {
        best.proven = proven;
        return best;
      }
      if (!best.plan || product(*next.plan) < product(*best.plan))
        best.plan = next.plan;
      solver.add(energy < terms.real(next.plan->energy * (1 - kSame)));
    }
  }

  const PipelineGroup &group;
  Deadline deadline;
  size_t count;
  smt::context context;
  Terms terms;
  smt::solver solver;
  smt::expr cycles, energy;
  std::vector<std::vector<smt::expr>> hasLag;
  std::vector<smt::expr> lags;
};

//===----------------------------------------------------------------------===//
// Without slots
//===----------------------------------------------------------------------===//

class IntervalFinder {
public:
  IntervalFinder(const PipelineGroup &group, const std::vector<int> &choices,
                 unsigned timeLimitMs)
      : group(group), fixed(choices), deadline(timeLimitMs) {}

  std::optional<StartTimes> find() {
    StartTimes result;
    std::optional<uint64_t> least = leastLoad();
    if (!least)
      return std::nullopt;
    result.lowerBound = *least;
    // Beyond this one stage may wait for the end of the one before.
    uint64_t most = 0;
    for (const auto &choices : group.stages) {
      uint64_t longest = 0;
      for (const StageChoice &choice : choices)
        longest = std::max(longest, choice.cycles);
      most += longest;
    }
    for (uint64_t interval = *least; interval <= most; ++interval) {
      smt::check_result answer = ask(interval, std::nullopt, result);
      if (answer == smt::sat) {
        result.interval = interval;
        result.proven = true;
        result.isLeastSpan = shorten(result);
        return result;
      }
      if (answer == smt::unknown)
        return std::nullopt;
    }
    return std::nullopt;
  }

private:
  /// The busiest array of one iteration by itself.
  std::optional<uint64_t> leastLoad() const {
    PipelineGroup loads;
    for (const auto &choices : group.stages) {
      auto &list = loads.stages.emplace_back();
      for (const StageChoice &choice : choices) {
        StageChoice &plain = list.emplace_back();
        plain.array = choice.array;
        plain.cycles = choice.cycles;
      }
    }
    if (!fixed.empty())
      for (size_t stage = 0; stage < fixed.size(); ++stage)
        loads.stages[stage] = {loads.stages[stage][fixed[stage]]};
    PipelineLimits limits;
    limits.leastLags = true; // all in one slot
    PipelineResult result =
        schedulePipeline(loads, PipelineGoal::latency, limits);
    if (result.plans.empty())
      return std::nullopt;
    return std::max<uint64_t>(1, result.plans.front().interval);
  }

  /// Whether an iteration may begin every `interval` cycles, and end within
  /// `span`.
  smt::check_result ask(uint64_t interval, std::optional<uint64_t> span,
                        StartTimes &result) {
    if (deadline.left() == 0)
      return smt::unknown;
    smt::context context;
    Terms terms(context, group);
    smt::solver solver(context);
    solver.set("timeout", deadline.left());
    terms.chooseOne(solver);
    for (size_t stage = 0; stage < fixed.size(); ++stage)
      solver.add(terms.isChosen[stage][fixed[stage]]);
    smt::expr period = terms.integer(interval);
    std::vector<smt::expr> starts, offsets, lengths;
    for (size_t stage = 0; stage < group.stages.size(); ++stage) {
      smt::expr start = context.int_const(Terms::name("start", stage).c_str());
      smt::expr offset =
          context.int_const(Terms::name("offset", stage).c_str());
      smt::expr round = context.int_const(Terms::name("round", stage).c_str());
      smt::expr length = terms.chosen(stage, [&](const StageChoice &choice) {
        return terms.integer(choice.cycles);
      });
      solver.add(start >= 0 && offset >= 0 && offset < period &&
                 start == round * period + offset && length <= period);
      if (span)
        solver.add(start + length <= terms.integer(*span));
      starts.push_back(start);
      offsets.push_back(offset);
      lengths.push_back(length);
    }
    for (const StageDependence &d : group.dependences)
      solver.add(starts[d.consumer] + terms.integer(d.distance) * period >=
                 starts[d.producer] + (d.streamed && d.distance == 0
                                           ? context.int_val(0)
                                           : lengths[d.producer]));
    separate(terms, solver, offsets, lengths, period);
    smt::check_result answer = solver.check();
    if (answer == smt::sat)
      read(solver.get_model(), terms, starts, lengths, result);
    return answer;
  }

  /// On one array, around the period, either comes after the other.
  void separate(const Terms &terms, smt::solver &solver,
                const std::vector<smt::expr> &offsets,
                const std::vector<smt::expr> &lengths,
                const smt::expr &period) const {
    for (size_t a = 0; a < offsets.size(); ++a)
      for (size_t b = a + 1; b < offsets.size(); ++b) {
        auto follows = [&](size_t first, size_t second) {
          return offsets[first] + lengths[first] <= offsets[second] &&
                 offsets[second] + lengths[second] <= offsets[first] + period;
        };
        smt::expr idle = lengths[a] == 0 || lengths[b] == 0;
        solver.add(smt::implies(terms.share(a, b),
                                idle || follows(a, b) || follows(b, a)));
      }
  }

  static void read(const smt::model &model, const Terms &terms,
                   const std::vector<smt::expr> &starts,
                   const std::vector<smt::expr> &lengths, StartTimes &result) {
    result.choices = terms.readChoices(model);
    result.starts.clear();
    result.span = 0;
    for (auto [start, length] : llvm::zip(starts, lengths)) {
      result.starts.push_back(model.eval(start, true).get_numeral_uint64());
      result.span = std::max(result.span,
                             result.starts.back() +
                                 model.eval(length, true).get_numeral_uint64());
    }
  }

  /// Bisects the span; true if the least one was proven.
  bool shorten(StartTimes &result) {
    uint64_t low = 0;
    while (low < result.span) {
      uint64_t middle = low + (result.span - low) / 2;
      smt::check_result answer = ask(result.interval, middle, result);
      if (answer == smt::unknown)
        return false;
      if (answer == smt::unsat)
        low = middle + 1;
    }
    return true;
  }

  const PipelineGroup &group;
  const std::vector<int> &fixed;
  Deadline deadline;
};

} // namespace

ProvenPlan einsum::mapper::z3::provePlan(const PipelineGroup &group,
                                         PipelineGoal goal,
                                         unsigned timeLimitMs) {
  if (group.stages.empty() || group.stages.size() > maxStages ||
      llvm::any_of(group.stages, [](auto &list) { return list.empty(); }))
    return {};
  return PlanProver(group, timeLimitMs).prove(goal);
}

std::optional<StartTimes>
einsum::mapper::z3::findInterval(const PipelineGroup &group,
                                 const std::vector<int> &choices,
                                 unsigned timeLimitMs) {
  if (group.stages.empty() || group.stages.size() > maxStages ||
      llvm::any_of(group.stages, [](auto &list) { return list.empty(); }))
    return std::nullopt;
  return IntervalFinder(group, choices, timeLimitMs).find();
}
