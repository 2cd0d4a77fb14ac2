//===- FiberRecurrences.cpp - Einsums that read what they made the step before
//===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recurrence is visited step by step until nothing new is said, or until
// rounds say the same with levels that rise evenly: then they rise so for the
// steps that are left, and the count grows with the rank. What one step has
// touched, later ones have too: prefixes.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

/// Steps of a recurrence looked at before its growth counts as linear, or is
/// given up.
static constexpr int64_t kMostRounds = 12;
/// Steps that every recurrence with an unbound extent is taken to have.
static constexpr int64_t kLeastSteps = 3;

/// Everything up to this step has been touched: what this step touches, and
/// what the step before had.
void Walk::addPrefixes(int tensor, const StepRank &step, State &state) {
  const GraphTensor &graphTensor = graph.tensors[tensor];
  auto rank = llvm::find(graphTensor.ranks, step.rank);
  if (rank == graphTensor.ranks.end() || state.facts.empty() ||
      !reach.reaches(tensor, step))
    return;
  int position = rank - graphTensor.ranks.begin();
  AffineExpr variable = getAffineDimExpr(position, context);
  Span::Kind kind = step.direction > 0 ? Span::UpTo : Span::From;
  for (const Fact &fact : Facts(state.facts)) {
    if (llvm::any_of(fact.pins,
                     [&](const Pin &p) { return p.dim == position; }))
      continue;
    Fact prefix = fact;
    bool changed = false;
    if (!fact.isFull && fact.coordinate.isFunctionOfDim(position)) {
      SmallVector<AffineExpr, 6> values;
      for (unsigned i = 0; i < graphTensor.ranks.size(); ++i)
        values.push_back(getAffineDimExpr(i, context));
      values[position] = getAffineSymbolExpr(
          coverer.firstLocal() + fact.locals.size(), context);
      prefix.coordinate = substitute(fact.coordinate, values);
      prefix.locals.push_back(
          {graphTensor.extents[position], {kind, variable}});
      changed = true;
    }
    for (Span &span : prefix.fibers)
      if (span.kind == Span::At && span.expr.isFunctionOfDim(position)) {
        std::optional<int64_t> offset =
            getNumber(combine(span.expr, -1, variable));
        if (!offset || changed)
          return;
        span.kind = kind;
        changed = true;
      }
    if (changed)
      addFact(state.facts, std::move(prefix));
  }
}

void Walk::addPrefixes(const Recurrence &recurrence) {
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      for (const StepRank &step : recurrence.ranks)
        addPrefixes(tensor, step, it->second);
    }
}

/// True if each step of the recurrence has elements of its own of the walked
/// tensor, and reads those.
bool Walk::readsOwnStep(const Recurrence &recurrence) const {
  const StepRank &step = recurrence.ranks[0];
  bool isMade = recurrence.contains(source.producer);
  if (!recurrence.isStepwise || !llvm::is_contained(source.ranks, step.rank))
    return false;
  if (isMade)
    return true; // what is read of members is stepwise
  return llvm::all_of(source.readers, [&](int reader) {
    const GraphEinsum &einsum = graph.einsums[reader];
    int along = llvm::find(einsum.dims, step.rank) - einsum.dims.begin();
    return recurrence.contains(reader) &&
           llvm::all_of(einsum.reads, [&](const GraphRead &read) {
             return read.tensor != fiber.tensor ||
                    llvm::all_of(llvm::enumerate(read.index), [&](auto at) {
                      return source.ranks[at.index()] == step.rank
                                 ? getDim(at.value()) == along
                                 : !at.value().isFunctionOfDim(along);
                    });
           });
  });
}

/// Where each step has a fiber of its own, what other steps do to theirs does
/// not matter: the walk is of the first one's, along its step and those that
/// come after. That step needs no telling. A fiber along the steps is complete
/// with the last one only, so that no step waits for all of it.
void Walk::enterSteps(const Recurrence &recurrence) {
  if (!readsOwnStep(recurrence))
    return;
  stepPosition =
      llvm::find(source.ranks, recurrence.ranks[0].rank) - source.ranks.begin();
  isMadeInStep = recurrence.contains(source.producer);
  isOneStep = !llvm::is_contained(fiber.positions, stepPosition);
  isAlongSteps = !isOneStep && !source.isCarried && !source.isCarriedInside;
  if (!isOneStep)
    return;
  for (State *state : {&sourceState, &states[fiber.tensor]})
    for (Fibers &fibers : state->alignment.fibers)
      fibers[stepPosition] = Span();
}

/// Later steps have what stands for the same elements: fibers of several steps
/// have it in common.
void Walk::leaveStep() {
  isLaterStep = true;
  result.isOfFirstStep = true;
  if (llvm::any_of(carried, [&](int tensor) {
        return states[tensor].alignment.kind == Alignment::One;
      }))
    for (Guise &guise : result.aligned)
      guise.keepsApart[stepPosition] = false;
}

/// True if all that is left of the fiber is `tensor`, whose elements stand for
/// its own and whose passes are known: those come on top of the traversals that
/// it has behind it.
bool Walk::goesOnAs(int tensor) {
  const State &state = states[tensor];
  if (!isPlain(state))
    return false;
  std::vector<int> positions =
      findGuise(tensor, state.alignment.coordinates[0]);
  auto known = memory.find({tensor, positions});
  if (positions.empty() || known == memory.end())
    return false;
  const Fact *most = findBehind(state);
  const FiberCount &rest = known->second;
  uint64_t behind = most ? most->level : 0;
  for (auto [einsum, level] : rest.stages) {
    uint64_t &stage = stages[einsum];
    stage = std::max(stage, level + behind);
  }
  for (Operation *op : rest.partial)
    partial.push_back({op, rest.passes + behind + 1});
  if (rest.passes + behind <= passes)
    return true;
  passes = rest.passes + behind;
  lastEvent = most ? most->event : -1;
  tail = rest.witness;
  result.oppositeScans = rest.oppositeScans;
  result.isOfFirstStep = rest.isOfFirstStep;
  result.perStep = rest.perStep;
  result.period = rest.period;
  result.growsWith = rest.growsWith;
  return true;
}

/// True if the walk of what steps have of their own ends before this Einsum of
/// the first round: nobody touches it any more, or what is left is known.
bool Walk::endsWithin(int einsum) {
  while (!alive.empty() && alive.begin()->first < einsum)
    alive.erase(alive.begin());
  auto isAligned = [&](int tensor) {
    return states[tensor].alignment.kind == Alignment::One;
  };
  if (llvm::any_of(carriedInside, isAligned))
    return false;
  if (llvm::none_of(carried, isAligned) && einsum > alignedUntil)
    return true;
  if (!isOneStep)
    return false;
  std::set<int> left = carried;
  for (auto [last, tensor] : alive)
    left.insert(tensor);
  return left.size() == 1 && *left.begin() != fiber.tensor &&
         goesOnAs(*left.begin());
}

/// True if the walk ends there.
bool Walk::runRound(const Recurrence &recurrence, const Pins &round,
                    bool isFirst) {
  bool mayEnd = isFirst && (isOneStep || isAlongSteps);
  carried.clear();
  carriedInside.clear();
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      states.erase(tensor);
  for (int i = recurrence.begin; i < recurrence.end; ++i) {
    if (mayEnd && endsWithin(i))
      return true;
    const GraphEinsum &einsum = graph.einsums[i];
    Pins here;
    // Later rounds speak of later steps only: of the last one.
    for (const Pin &pin : round) {
      const StepRank &step = recurrence.ranks[pin.dim];
      const StringAttr *dim = llvm::find(einsum.dims, step.rank);
      if (dim != einsum.dims.end())
        addPin(here, {static_cast<int>(dim - einsum.dims.begin()), pin.value});
    }
    visit(einsum, here, isFirst);
    if (mayEnd && isOneStep && i == source.producer)
      define(fiber.tensor, sourceState);
  }
  if (mayEnd && endsWithin(recurrence.end))
    return true;
  if (!isOneStep)
    addPrefixes(recurrence);
  return false;
}

std::vector<uint64_t> Walk::listLevels(const Recurrence &recurrence) {
  std::vector<uint64_t> levels;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      for (const Fact &fact : it->second.facts)
        levels.push_back(fact.level);
    }
  return levels;
}

/// True if two states say the same, apart from levels.
static bool saySame(const std::map<int, State> &a,
                    const std::map<int, State> &b, int tensor,
                    bool withLevels) {
  auto left = a.find(tensor), right = b.find(tensor);
  if (left == a.end() || right == b.end())
    return (left == a.end()) == (right == b.end());
  const State &x = left->second, &y = right->second;
  return x.alignment.kind == y.alignment.kind &&
         x.alignment.coordinates == y.alignment.coordinates &&
         x.facts.size() == y.facts.size() &&
         llvm::all_of(llvm::zip(x.facts, y.facts), [&](auto pair) {
           const Fact &f = std::get<0>(pair), &g = std::get<1>(pair);
           return f.says(g) && (!withLevels || f.level == g.level);
         });
}

/// Rounds that say the same, with the same rise of levels over the last
/// `period` rounds as over those before: levels rise at least so for the steps
/// left.
bool Walk::extrapolate(const Recurrence &recurrence,
                       ArrayRef<std::vector<uint64_t>> levels,
                       ArrayRef<uint64_t> counts,
                       std::optional<int64_t> stepsLeft, size_t period) {
  size_t n = levels.size();
  if (n < 2 * period + 1 || (stepsLeft && *stepsLeft % period != 0))
    return false;
  const std::vector<uint64_t> &now = levels[n - 1],
                              &before = levels[n - 1 - period],
                              &first = levels[n - 1 - 2 * period];
  if (now.size() != before.size() || before.size() != first.size())
    return false;
  std::vector<uint64_t> rise;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i] - before[i] != before[i] - first[i])
      return false;
    rise.push_back(now[i] - before[i]);
  }
  uint64_t more = counts[n - 1] - counts[n - 1 - period];
  if (more != counts[n - 1 - period] - counts[n - 1 - 2 * period])
    return false;
  if (more > 0) {
    result.perStep = more;
    result.period = period;
    result.growsWith = recurrence.ranks[0].rank;
  }
  if (!stepsLeft)
    return true;
  uint64_t times = *stepsLeft / period;
  passes += more * times;
  size_t next = 0;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      if (auto it = states.find(tensor); it != states.end())
        for (Fact &fact : it->second.facts)
          fact.level += rise[next++] * times;
  return true;
}

/// What is known of one step's fiber after the recurrence: at its own step, and
/// at the last one of the fiber of the first.
State Walk::stateAfter(const Recurrence &recurrence, int tensor, State last,
                       const std::map<int, State> &firstRound) const {
  const StepRank &step = recurrence.ranks[0];
  const GraphTensor &made = graph.tensors[tensor];
  int position = llvm::find(made.ranks, step.rank) - made.ranks.begin();
  AffineExpr here = getAffineDimExpr(position, context),
             zero = getAffineConstantExpr(0, context),
             end = simplify(graph.getExtent(step.rank) - 1);
  bool isUp = step.direction > 0;
  State own;
  if (auto first = firstRound.find(tensor); first != firstRound.end())
    own = first->second;
  for (Fibers &fibers : own.alignment.fibers)
    fibers[stepPosition] = {Span::At, here};
  for (Fact &fact : own.facts)
    fact.fibers[stepPosition] = {Span::At, here};
  for (Fact &fact : last.facts) {
    fact.fibers[stepPosition] = {Span::At, isUp ? zero : end};
    if (addPin(fact.pins, {position, isUp ? end : zero}))
      addFact(own.facts, std::move(fact));
  }
  Alignment &alignment = last.alignment;
  if (alignment.kind == Alignment::None)
    return own;
  for (Fibers &fibers : alignment.fibers) // of the first step, at the last one
    fibers[stepPosition] = {Span::At, combine(here, isUp ? -1 : 1, end)};
  if (alignment.kind == Alignment::One && own.alignment.kind == Alignment::One)
    own.alignment = mixAlignments({own.alignment, alignment});
  else
    own.alignment = alignment;
  return own;
}

/// What only later steps know holds at the last one, unless it speaks of
/// everything up to a step anyway.
void Walk::closeRecurrence(const Recurrence &recurrence,
                           const std::map<int, State> &firstRound) {
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      if (isOneStep) {
        define(tensor, stateAfter(recurrence, tensor, it->second, firstRound));
        continue;
      }
      State state;
      state.alignment = it->second.alignment;
      if (auto first = firstRound.find(tensor); first != firstRound.end())
        state.facts = first->second.facts;
      for (Fact fact : it->second.facts) {
        bool good = true;
        for (const StepRank &step : recurrence.ranks) {
          const GraphTensor &graphTensor = graph.tensors[tensor];
          auto rank = llvm::find(graphTensor.ranks, step.rank);
          int position = rank - graphTensor.ranks.begin();
          auto isTied = [&](const Span &span) {
            return (span.kind == Span::UpTo || span.kind == Span::From) &&
                   span.expr.isFunctionOfDim(position);
          };
          if (llvm::any_of(fact.locals,
                           [&](const Local &l) { return isTied(l.span); }) ||
              llvm::any_of(fact.fibers, isTied))
            continue;
          if (llvm::any_of(state.facts,
                           [&](const Fact &f) { return f.implies(fact); }))
            continue;
          AffineExpr last = step.direction > 0
                                ? simplify(graph.getExtent(step.rank) - 1)
                                : getAffineConstantExpr(0, context);
          good &= rank != graphTensor.ranks.end() &&
                  addPin(fact.pins, {position, last});
        }
        if (good)
          addFact(state.facts, std::move(fact));
      }
      define(tensor, std::move(state));
    }
}

/// True if the last round says what those one and two periods before said.
static bool isPeriodic(const CascadeGraph &graph, const Recurrence &recurrence,
                       ArrayRef<std::map<int, State>> history, size_t period) {
  size_t n = history.size();
  if (n < 2 * period + 1)
    return false;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      for (size_t back : {period, 2 * period})
        if (!saySame(history[n - 1], history[n - 1 - back], tensor,
                     /*withLevels=*/false))
          return false;
  return true;
}

/// True if the walk ends there.
bool Walk::visitRecurrence(const Recurrence &recurrence) {
  previous.clear();
  enterSteps(recurrence);
  if (runRound(recurrence, {}, /*isFirst=*/true))
    return true;
  if (isOneStep)
    leaveStep();
  std::map<int, State> firstRound = states;
  std::optional<int64_t> extent =
      getNumber(graph.getExtent(recurrence.ranks[0].rank));
  int64_t steps = extent.value_or(kLeastSteps);
  Pins round;
  for (auto [i, step] : llvm::enumerate(recurrence.ranks))
    round.push_back(
        {static_cast<int>(i), step.direction > 0
                                  ? simplify(graph.getExtent(step.rank) - 1)
                                  : getAffineConstantExpr(0, context)});
  std::vector<std::vector<uint64_t>> levels = {listLevels(recurrence)};
  std::vector<uint64_t> counts = {passes};
  std::vector<std::map<int, State>> history = {states};
  for (int64_t k = 1; k < std::min(steps, kMostRounds); ++k) {
    previous = states;
    runRound(recurrence, round, /*isFirst=*/false);
    bool same = true;
    for (int i = recurrence.begin; i < recurrence.end; ++i)
      for (int tensor : graph.einsums[i].results) {
        same &= saySame(previous, states, tensor, /*withLevels=*/true);
      }
    if (same)
      break;
    levels.push_back(listLevels(recurrence));
    counts.push_back(passes);
    history.push_back(states);
    std::optional<int64_t> left =
        extent ? std::optional(steps - 1 - k) : std::nullopt;
    if (llvm::any_of(llvm::seq<size_t>(1, 4), [&](size_t period) {
          return isPeriodic(graph, recurrence, history, period) &&
                 extrapolate(recurrence, levels, counts, left, period);
        }))
      break;
  }
  closeRecurrence(recurrence, firstRound);
  if (isOneStep)
    for (Fibers &fibers : sourceState.alignment.fibers)
      fibers[stepPosition] = {Span::At,
                              getAffineDimExpr(stepPosition, context)};
  isOneStep = isLaterStep = isAlongSteps = false;
  return false;
}
