//===- FiberTouches.cpp - When an Einsum reads the fiber, and after what --===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A touch is a read of the fiber's elements. Its level is one more than that of
// the facts it has to wait for: a full one, two halves that make a full one, or
// one that becomes full by the choice of a rank on which the touch does not
// depend. What the touch leaves behind is a fact of the next level.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalker.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

/// What a full fact, or one that becomes full by choosing an independent rank,
/// makes a touch wait for.
std::optional<Gate> Walk::openGate(const GraphEinsum &einsum, Fact fact,
                                   AffineExpr coordinate,
                                   const Fibers &fibers) {
  for (Local &local : fact.locals) {
    if (local.span.kind == Span::All)
      continue;
    int dim = local.span.kind == Span::At ? -1 : getDim(local.span.expr);
    if (dim < 0 || coordinate.isFunctionOfDim(dim))
      return std::nullopt;
    AffineExpr end = local.span.kind == Span::UpTo
                         ? simplify(local.extent - 1)
                         : getAffineConstantExpr(0, context);
    if (einsum.extents[dim] != local.extent || !addPin(fact.pins, {dim, end}))
      return std::nullopt;
    local.span = Span();
  }
  settleFull(fact);
  if (!fact.isFull)
    return std::nullopt;
  std::optional<Fibers> both = meet(fibers, fact.fibers);
  if (!both)
    return std::nullopt;
  return Gate{fact.level, fact.pins, *both, fact.event};
}

/// Everything up to one coordinate and everything from it on, or from the next.
std::optional<Gate> Walk::joinGates(const Fact &up, const Fact &down,
                                    const Fibers &fibers) {
  if (up.isFull || down.isFull || up.locals.size() != 1 ||
      down.locals.size() != 1 || up.coordinate != down.coordinate ||
      up.locals[0].span.kind != Span::UpTo ||
      down.locals[0].span.kind != Span::From)
    return std::nullopt;
  std::optional<int64_t> overlap =
      getNumber(combine(up.locals[0].span.expr, -1, down.locals[0].span.expr));
  if (!overlap || *overlap < -1)
    return std::nullopt;
  Fact whole = up;
  whole.locals[0].span = Span();
  settleFull(whole);
  std::optional<Fibers> both = meet(fibers, up.fibers);
  if (both)
    both = meet(*both, down.fibers);
  if (!whole.isFull || !both)
    return std::nullopt;
  const Fact &later = up.level < down.level ? up : down;
  Gate gate{later.level, up.pins, *both, later.event};
  for (const Pin &pin : down.pins)
    if (!addPin(gate.pins, pin))
      return std::nullopt;
  return gate;
}

/// Highest first; the last one waits for nothing.
SmallVector<Gate, 4> Walk::findGates(const GraphEinsum &einsum,
                                     AffineExpr coordinate,
                                     const Fibers &fibers, const Facts &known) {
  SmallVector<Gate, 4> gates;
  for (const Fact &fact : known) {
    if (std::optional<Gate> gate = openGate(einsum, fact, coordinate, fibers))
      gates.push_back(std::move(*gate));
    for (const Fact &other : known)
      if (std::optional<Gate> gate = joinGates(fact, other, fibers))
        gates.push_back(std::move(*gate));
  }
  llvm::sort(gates, [](const Gate &a, const Gate &b) {
    return std::tuple(b.level, a.pins.size(), a.event) <
           std::tuple(a.level, b.pins.size(), b.event);
  });
  gates.push_back({0, {}, fibers, -1});
  return gates;
}

bool Walk::coversTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                       const Gate &gate, const Pins &round) {
  Coverer::Query query;
  query.einsum = &einsum;
  query.fiber = &fiber;
  query.targets = {{coordinate, -1}};
  query.pins = gate.pins;
  for (const Pin &pin : round)
    if (!addPin(query.pins, pin))
      return false;
  for (auto [position, span] : llvm::enumerate(gate.fibers)) {
    if (span.kind != Span::At)
      continue;
    query.known.push_back({span.expr, static_cast<int>(position)});
    for (unsigned dim = 0; dim < einsum.dims.size(); ++dim)
      if (span.expr.isFunctionOfDim(dim) &&
          !llvm::is_contained(query.held, dim))
        query.held.push_back(dim);
  }
  llvm::sort(query.held);
  return coverer.cover(query).has_value();
}

/// +1 or -1 if the coordinate follows a rank of the Einsum's recurrence, so
/// that touches come in its order.
static int findScan(const CascadeGraph &graph, SelfReach &reach,
                    const GraphEinsum &einsum, AffineExpr coordinate) {
  if (einsum.recurrence < 0)
    return 0;
  for (const StepRank &step : graph.recurrences[einsum.recurrence].ranks) {
    const StringAttr *dim = llvm::find(einsum.dims, step.rank);
    if (dim == einsum.dims.end())
      continue;
    AffineExpr variable =
        getAffineDimExpr(dim - einsum.dims.begin(), coordinate.getContext());
    for (int sign : {1, -1})
      if (!usesAnyDim(combine(coordinate, -sign, variable)) &&
          reach.reaches(einsum.results[0], step))
        return sign * step.direction;
  }
  return 0;
}

void Walk::noteTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                     uint64_t level, int event, bool covers) {
  if (!covers) {
    partial.push_back({einsum.op, level});
    return;
  }
  uint64_t &stage = stages[einsumId(einsum)];
  stage = std::max(stage, level);
  if (level > passes) {
    passes = level;
    lastEvent = event;
    tail.clear();
  }
  if (int direction = findScan(graph, reach, einsum, coordinate))
    scans.push_back({direction, level, einsum.op});
}

/// Touches by one operand; the highest level that all coordinates reach.
uint64_t Walk::touch(const GraphEinsum &einsum, const Alignment &alignment,
                     const Fibers &fibers, const Facts &known,
                     const Pins &round, Facts &facts) {
  AffineExpr coordinate = alignment.coordinates[0];
  bool varies = usesAnyDim(coordinate);
  uint64_t reached = 0;
  for (const Gate &gate : findGates(einsum, coordinate, fibers, known)) {
    uint64_t level = gate.level + 1;
    int event = addEvent({einsum.op, nullptr, gate.event});
    bool covers = varies && coversTouch(einsum, coordinate, gate, round);
    noteTouch(einsum, coordinate, level, event, covers);
    if (covers)
      reached = std::max(reached, level);
    Fact fact;
    fact.coordinate = coordinate;
    fact.fibers = gate.fibers;
    fact.pins = gate.pins;
    fact.level = level;
    fact.event = event;
    if (varies)
      addFact(facts, std::move(fact));
    if (covers && gate.pins.empty() && gate.fibers == fibers)
      break;
  }
  return reached;
}

void Walk::noteAligned(int tensor, const Alignment &alignment) {
  Guise guise{tensor, std::vector<bool>(source.ranks.size(), true)};
  for (const Fibers &fibers : alignment.fibers)
    for (auto [position, span] : llvm::enumerate(fibers))
      guise.keepsApart[position] =
          guise.keepsApart[position] &&
          (span.kind == Span::At ||
           (isOneStep && static_cast<int>(position) == stepPosition));
  result.aligned.push_back(std::move(guise));
}

/// True if an element of any step stands for one of the fiber: counts in a
/// recurrence are of its first step.
bool Walk::keepsSteps(const GraphEinsum &einsum,
                      const Alignment &alignment) const {
  if (einsum.recurrence < 0)
    return true;
  StringAttr step = graph.recurrences[einsum.recurrence].ranks[0].rank;
  const auto &ranks = graph.tensors[einsum.results[0]].ranks;
  unsigned along = llvm::find(ranks, step) - ranks.begin();
  return llvm::all_of(alignment.fibers, [&](const Fibers &fibers) {
    return llvm::all_of(fibers, [&](const Span &span) {
      return span.kind == Span::All || !span.expr.isFunctionOfDim(along) ||
             getDim(span.expr) == static_cast<int>(along);
    });
  });
}

/// Remembers a direct reader whose elements stand for those of the fiber.
void Walk::noteGuise(const GraphEinsum &einsum, const Alignment &alignment) {
  bool readsSource = llvm::any_of(einsum.reads, [&](const GraphRead &read) {
    return read.tensor == fiber.tensor;
  });
  if (!readsSource || alignment.kind != Alignment::One || passes == 0 ||
      !keepsSteps(einsum, alignment))
    return;
  std::vector<int> positions =
      findGuise(einsum.results[0], alignment.coordinates[0]);
  if (!positions.empty())
    for (int tensor : einsum.results)
      result.guises.push_back({tensor, positions});
}
