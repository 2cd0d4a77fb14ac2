//===- FiberWalk.cpp - Passes over one kind of fiber ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The walk itself: Einsums in the order in which their operands are known, what
// a visit does, and the count and its witness at the end. A long walk ends
// early where all that is known has come together in one tensor whose own count
// is known.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalker.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

/// Einsums after which a walk may end in results that are already known.
static constexpr unsigned kLongWalk = 64;

//===----------------------------------------------------------------------===//
// The order of the walk
//===----------------------------------------------------------------------===//

AffineExpr Walk::makeCoordinate(const GraphTensor &tensor,
                                ArrayRef<int> positions) const {
  AffineExpr sum = getAffineDimExpr(positions[0], context);
  for (int position : positions.drop_front())
    sum = sum * tensor.extents[position] + getAffineDimExpr(position, context);
  return simplify(sum);
}

/// The positions along which a tensor's fibers have all the elements of the
/// walked one's, in order; empty if they do not.
std::vector<int> Walk::findGuise(int id, AffineExpr coordinate) const {
  const GraphTensor &tensor = graph.tensors[id];
  std::vector<int> positions;
  for (unsigned i = 0; i < tensor.ranks.size(); ++i)
    if (coordinate.isFunctionOfDim(i))
      positions.push_back(i);
  bool sameDomain =
      tensor.ranks == source.ranks && tensor.domain == source.domain;
  bool isWhole = llvm::all_of(tensor.domain, [&](const Condition &condition) {
    return sameDomain || condition.isRagged ||
           llvm::none_of(positions, [&](int p) {
             return condition.expr.isFunctionOfDim(p);
           });
  });
  if (positions.empty() || positions.size() > 4 || !isWhole)
    return {};
  AffineExpr length = getAffineConstantExpr(1, context), wanted = length;
  for (int position : positions)
    length = simplify(length * tensor.extents[position]);
  for (int position : fiber.positions)
    wanted = simplify(wanted * source.extents[position]);
  if (length != wanted)
    return {};
  do {
    if (makeCoordinate(tensor, positions) == coordinate)
      return positions;
  } while (std::next_permutation(positions.begin(), positions.end()));
  return {};
}

void Walk::start() {
  sourceState.alignment.kind = Alignment::One;
  sourceState.alignment.coordinates = {fiber.coordinate};
  Fibers fibers;
  for (unsigned position = 0; position < source.ranks.size(); ++position)
    fibers.push_back(llvm::is_contained(fiber.positions, position)
                         ? Span()
                         : Span{Span::At, getAffineDimExpr(position, context)});
  sourceState.alignment.fibers = {fibers};
  findUsed();
  define(fiber.tensor, sourceState);
}

/// The part of the fiber that is read at all, where it is one run.
void Walk::findUsed() {
  std::optional<int64_t> extent = getNumber(source.extents[fiber.positions[0]]);
  if (fiber.positions.size() != 1 || !extent)
    return;
  std::vector<std::pair<int64_t, int64_t>> runs;
  for (int reader : source.readers) {
    const GraphEinsum &einsum = graph.einsums[reader];
    for (const GraphRead &read : einsum.reads) {
      if (read.tensor != fiber.tensor)
        continue;
      AffineExpr index = read.index[fiber.positions[0]];
      int64_t length = 1;
      for (unsigned dim = 0; dim < einsum.dims.size(); ++dim)
        if (index.isFunctionOfDim(dim)) {
          AffineExpr offset =
              combine(index, -1, getAffineDimExpr(dim, context));
          std::optional<int64_t> steps = getNumber(einsum.extents[dim]);
          if (!getNumber(offset) || !steps)
            return;
          length = *steps;
          index = offset;
          break;
        }
      std::optional<int64_t> first = getNumber(index);
      if (!first)
        return;
      runs.push_back(
          {std::max<int64_t>(*first, 0), std::min(*first + length, *extent)});
    }
  }
  llvm::sort(runs);
  int64_t first = runs[0].first, end = runs[0].second;
  for (auto [from, to] : runs) {
    if (from > end)
      return;
    end = std::max(end, to);
  }
  if (first > 0)
    fiber.first = first;
  if (end < *extent)
    fiber.end = end;
}

void Walk::define(int tensor, State state) {
  const GraphTensor &graphTensor = graph.tensors[tensor];
  if (!state.isEmpty() && !graphTensor.readers.empty()) {
    int last = graphTensor.readers.back();
    alive.insert({last, tensor});
    if (state.alignment.kind == Alignment::One)
      alignedUntil = std::max(alignedUntil, last);
    for (int reader : graphTensor.readers)
      if (reader > current)
        pending.insert(reader);
    if (graphTensor.isCarried)
      carried.insert(tensor);
    else if (graphTensor.isCarriedInside)
      carriedInside.insert(tensor);
  }
  states[tensor] = std::move(state);
}

/// True if everything that comes from the fiber goes through one tensor whose
/// elements stand for those of the fiber, and whose own passes are known: from
/// there on, levels are its levels plus those reached.
bool Walk::narrows(int einsum) {
  while (!alive.empty() && alive.begin()->first < einsum)
    alive.erase(alive.begin());
  if (visited > kLongWalk) {
    for (auto [last, tensor] : alive)
      finishFrom(tensor);
    return true;
  }
  if (alive.size() != 1 || alive.begin()->second == fiber.tensor)
    return false;
  int tensor = alive.begin()->second;
  return isPlain(states[tensor]) && finishFrom(tensor);
}

/// True if a tensor's elements stand for those of the fiber, and no more is
/// known of them than their own coordinate and what holds of all.
bool Walk::isPlain(const State &state) const {
  return state.alignment.kind == Alignment::One &&
         llvm::all_of(state.facts, [&](const Fact &fact) {
           return fact.pins.empty() && fact.locals.empty() &&
                  (fact.isFull ||
                   fact.coordinate == state.alignment.coordinates[0]);
         });
}

/// The most traversals that the fibers that a tensor's elements stand for have
/// behind them; null if none.
const Fact *Walk::findBehind(const State &state) const {
  auto covers = [&](const Fact &fact, const Fibers &fibers) {
    return llvm::all_of(llvm::zip(fact.fibers, fibers), [](auto pair) {
      auto &[known, own] = pair;
      return known.kind == Span::All || known == own;
    });
  };
  const Fact *most = nullptr;
  for (const Fact &fact : state.facts)
    if (fact.isFull && fact.pins.empty() &&
        (!most || fact.level > most->level) &&
        llvm::any_of(state.alignment.fibers, [&](const Fibers &fibers) {
          return covers(fact, fibers);
        }))
      most = &fact;
  return most;
}

/// Takes over what is known of a tensor's own fibers; false if nothing is.
bool Walk::finishFrom(int tensor) {
  const State &state = states[tensor];
  if (state.alignment.kind != Alignment::One)
    return false;
  AffineExpr coordinate = state.alignment.coordinates[0];
  std::vector<int> positions = findGuise(tensor, coordinate);
  if (positions.empty())
    return false;
  auto it = memory.find({tensor, positions});
  // What stands for the first step's fibers need not stand for any of these.
  if (it == memory.end() || it->second.isOfFirstStep)
    return false;
  const Fact *most = findBehind(state);
  uint64_t total = it->second.passes + (most ? most->level : 0);
  if (total > passes) {
    passes = total;
    lastEvent = most ? most->event : -1;
    // The touch that made this tensor belongs to the chain.
    if (most)
      for (const Fact &fact : state.facts)
        if (!fact.isFull && fact.level == most->level + 1)
          lastEvent = fact.event;
    tail = it->second.witness;
    result.oppositeScans = it->second.oppositeScans;
  }
  return true;
}

/// Visits an Einsum, or the recurrence that it is in; true if the walk ends
/// there.
bool Walk::step(int einsum) {
  current = einsum;
  const GraphEinsum &node = graph.einsums[einsum];
  if (node.recurrence < 0) {
    pending.erase(einsum);
    ++visited;
    visit(node, /*round=*/{}, /*isFirst=*/true);
    return false;
  }
  const Recurrence &recurrence = graph.recurrences[node.recurrence];
  pending.erase(pending.begin(), pending.lower_bound(recurrence.end));
  visited += recurrence.end - recurrence.begin;
  current = recurrence.end - 1;
  return visitRecurrence(recurrence);
}

FiberCount Walk::run() {
  start();
  while (!pending.empty()) {
    int einsum = *pending.begin();
    if (einsum > alignedUntil || narrows(einsum) || step(einsum))
      break;
  }
  return finish();
}

//===----------------------------------------------------------------------===//
// One Einsum
//===----------------------------------------------------------------------===//

State *Walk::findState(const GraphRead &read) {
  bool isOwn = read.tensor == fiber.tensor;
  if (isOwn && isLaterStep && !isMadeInStep)
    return nullptr;
  std::map<int, State> &from = read.isCarried ? previous : states;
  auto it = from.find(read.tensor);
  if (it != from.end())
    return &it->second;
  bool isLater = isLaterStep || (isOneStep && read.isCarried);
  return isOwn && !isLater ? &sourceState : nullptr;
}

/// A fiber span that ends at a number.
bool Walk::settleFibers(Fact &fact) const {
  for (auto [position, span] : llvm::enumerate(fact.fibers)) {
    if ((span.kind != Span::UpTo && span.kind != Span::From) ||
        usesAnyDim(span.expr))
      continue;
    AffineExpr end = span.kind == Span::UpTo
                         ? simplify(source.extents[position] - 1)
                         : getAffineConstantExpr(0, context);
    span = span.expr == end ? Span() : Span{Span::At, span.expr};
  }
  return true;
}

/// Locals that together reach the whole fiber make the fact full.
void Walk::settleFull(Fact &fact) {
  if (fact.isFull || usesAnyDim(fact.coordinate) || fact.locals.empty() ||
      llvm::any_of(fact.locals,
                   [](const Local &l) { return l.span.kind != Span::All; }))
    return;
  Coverer::Query query;
  query.einsum = nullptr;
  query.fiber = &fiber;
  query.targets = {{fact.coordinate, -1}};
  for (auto [i, local] : llvm::enumerate(fact.locals))
    query.locals.push_back({coverer.firstLocal() + i, local.extent});
  if (!coverer.cover(query))
    return;
  fact.isFull = true;
  fact.coordinate = {};
  fact.locals.clear();
}

void Walk::collect(const GraphEinsum &einsum,
                   SmallVectorImpl<Alignment> &aligned,
                   SmallVectorImpl<int> &tensors, Facts &facts) {
  for (const GraphRead &read : einsum.reads) {
    State *state = findState(read);
    if (!state)
      continue;
    aligned.push_back(readAlignment(state->alignment, read));
    tensors.push_back(read.tensor);
    for (const Fact &fact : state->facts) {
      std::optional<Fact> here = readFact(fact, read, einsum);
      if (!here || !settleFibers(*here))
        continue;
      settleFull(*here);
      addFact(facts, std::move(*here));
    }
  }
}

void Walk::visit(const GraphEinsum &einsum, const Pins &round, bool isFirst) {
  SmallVector<Alignment, 3> aligned;
  SmallVector<int, 3> tensors;
  Facts known;
  collect(einsum, aligned, tensors, known);
  if (aligned.empty())
    return;
  Facts facts = known;
  for (auto [operand, tensor] : llvm::zip(aligned, tensors)) {
    if (operand.kind != Alignment::One)
      continue;
    uint64_t level = 0;
    for (const Fibers &fibers : operand.fibers)
      level =
          std::max(level, touch(einsum, operand, fibers, known, round, facts));
    if (isFirst && level > 0)
      result.touches.push_back({tensor, einsumId(einsum), level});
  }
  State state;
  state.alignment = project(einsum, mixAlignments(aligned));
  for (Fact &fact : facts)
    if (std::optional<Fact> kept = project(einsum, fact))
      addFact(state.facts, std::move(*kept));
  if (isFirst)
    noteGuise(einsum, state.alignment);
  if (isFirst && state.alignment.kind == Alignment::One)
    for (int tensor : einsum.results)
      noteAligned(tensor, state.alignment);
  for (int tensor : einsum.results) {
    State here = state;
    // The fiber's own elements, when a recurrence makes them.
    if (tensor == fiber.tensor && !isLaterStep)
      here.alignment = sourceState.alignment;
    define(tensor, std::move(here));
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

std::vector<Operation *> Walk::listWitness(int event) const {
  std::vector<Operation *> chain;
  bool isLast = true;
  for (; event >= 0; event = events[event].before, isLast = false) {
    const TouchEvent &e = events[event];
    if (e.barrier && e.barrier != e.touch)
      chain.push_back(e.barrier);
    chain.push_back(e.touch);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

FiberCount Walk::finish() {
  result.witness = listWitness(lastEvent);
  result.witness.insert(result.witness.end(), tail.begin(), tail.end());
  // Two scans of the last level in opposite directions: when they have covered
  // the fiber together, what is left of both covers it again.
  auto scanAt = [&](int direction) {
    auto it = llvm::find_if(scans, [&](const Scan &scan) {
      return scan.direction == direction && scan.level == passes;
    });
    return it == scans.end() ? nullptr : &*it;
  };
  const Scan *up = scanAt(1), *down = scanAt(-1);
  if (up && down) {
    ++passes;
    result.oppositeScans = true;
    result.witness.pop_back();
    result.witness.push_back(up->op);
    result.witness.push_back(down->op);
  }
  result.passes = passes;
  for (auto [op, level] : partial)
    if (level == passes + 1 && !llvm::is_contained(result.partial, op))
      result.partial.push_back(op);
  result.stages.assign(stages.begin(), stages.end());
  return std::move(result);
}

FiberCount einsum::walkFiber(const CascadeGraph &graph, Coverer &coverer,
                             SelfReach &reach, const FiberKey &key,
                             const WalkMemory &memory) {
  return Walk(graph, coverer, reach, key, memory).run();
}
