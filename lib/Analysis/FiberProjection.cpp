//===- FiberProjection.cpp - From the points of an Einsum to elements -----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Facts are learned at points of an iteration space and kept at elements of the
// result. On the way the reduced ranks go: a fact that depends on one holds for
// the element if the reduction reaches all coordinates (Coverage.h), at the
// pins that make it so, and is dropped otherwise.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalker.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

Uses walk::findUses(const GraphEinsum &einsum, AffineExpr expr) {
  Uses uses;
  for (auto [dim, position] : llvm::enumerate(einsum.positions))
    if (expr.isFunctionOfDim(dim))
      (position < 0 ? uses.reduced : uses.kept) = true;
  return uses;
}

/// True if a condition on points says no more than which elements there are of
/// the fibers at hand: `m1*M0 + m0 <= p`, over the fibers QK[:,p] of scores
/// that exist where m <= p.
bool Walk::isOfFiber(const Condition &condition, AffineExpr coordinate,
                     const Fibers &fibers) const {
  SmallVector<AffineExpr, 4> index;
  for (const Span &span : fibers)
    index.push_back(span.kind == Span::At ? span.expr
                                          : getAffineConstantExpr(0, context));
  auto isAt = [&](AffineExpr expr) { // of fibers that are one each
    for (auto [position, span] : llvm::enumerate(fibers))
      if (span.kind != Span::At && expr.isFunctionOfDim(position))
        return false;
    return true;
  };
  return llvm::any_of(source.domain, [&](const Condition &own) {
    return own.isEq == condition.isEq &&
           llvm::any_of(ArrayRef{1, -1}, [&](int sign) {
             // own = rest - sign * coordinate
             AffineExpr rest = combine(own.expr, sign, fiber.coordinate);
             return isAt(rest) &&
                    combine(substitute(rest, index), -sign, coordinate) ==
                        simplify(condition.expr);
           });
  });
}

/// True if a condition restricts a reduced rank that the expression uses, other
/// than by taking coordinates away that the fibers lack.
bool Walk::isRestricted(const GraphEinsum &einsum, AffineExpr expr,
                        AffineExpr coordinate, const Fibers &fibers) const {
  return llvm::any_of(einsum.domain, [&](const Condition &condition) {
    if (coordinate && ((condition.isRagged &&
                        !usesAnyDim(combine(condition.expr, 1, coordinate))) ||
                       isOfFiber(condition, coordinate, fibers)))
      return false;
    for (auto [dim, position] : llvm::enumerate(einsum.positions))
      if (position < 0 && expr.isFunctionOfDim(dim) &&
          condition.expr.isFunctionOfDim(dim))
        return true;
    return false;
  });
}

/// `expr` with reduced ranks set to their pins, or to 0 when asked to.
static AffineExpr fixReduced(const GraphEinsum &einsum, AffineExpr expr,
                             const Pins &pins, bool others) {
  SmallVector<AffineExpr, 6> values;
  for (auto [dim, position] : llvm::enumerate(einsum.positions)) {
    AffineExpr value = getAffineDimExpr(dim, expr.getContext());
    if (position < 0) {
      const Pin *pin = llvm::find_if(pins, [dim = dim](const Pin &p) {
        return p.dim == static_cast<int>(dim);
      });
      if (pin != pins.end())
        value = pin->value;
      else if (others)
        value = getAffineConstantExpr(0, expr.getContext());
    }
    values.push_back(value);
  }
  return substitute(expr, values);
}

/// True if a fact holds even where the reduction has no term: each that is left
/// out is of a coordinate that the fibers lack, so that the fact speaks of none.
bool Walk::holdsWithoutTerms(const GraphEinsum &einsum,
                             const Fact &fact) const {
  auto isReduced = [&](const Condition &condition) {
    return findUses(einsum, condition.expr).reduced;
  };
  return !fact.isFull && llvm::all_of(einsum.domain, [&](const Condition &one) {
    return !isReduced(one) || isOfFiber(one, fact.coordinate, fact.fibers) ||
           (one.isRagged && !usesAnyDim(combine(one.expr, 1, fact.coordinate)));
  });
}

/// The coordinate after the reduction; asks for a target where the reduction
/// may reach all of it. False if nothing is left to say.
bool Walk::projectCoordinate(const GraphEinsum &einsum, Fact &fact,
                             SmallVectorImpl<Target> &targets) {
  if (fact.isFull)
    return true;
  fact.coordinate =
      fixReduced(einsum, fact.coordinate, fact.pins, /*others=*/false);
  for (Local &local : fact.locals) {
    if (local.span.kind == Span::All ||
        !findUses(einsum, local.span.expr).reduced)
      continue;
    // Among the terms is the one whose bound is the end.
    if (getDim(local.span.expr) < 0 ||
        isRestricted(einsum, local.span.expr, {}, {}))
      return false;
    local.span = Span();
  }
  Uses uses = findUses(einsum, fact.coordinate);
  if (!uses.reduced) {
    settleFull(fact);
    return fact.isFull || uses.kept || !fact.locals.empty();
  }
  if (!uses.kept && fact.locals.empty()) {
    targets.push_back({fact.coordinate, -1});
    return true;
  }
  if (isRestricted(einsum, fact.coordinate, fact.coordinate, fact.fibers))
    return false;
  // A window or tile: reduced ranks live on as variables of the fact.
  SmallVector<AffineExpr, 6> values;
  for (auto [dim, position] : llvm::enumerate(einsum.positions)) {
    values.push_back(getAffineDimExpr(dim, context));
    if (position >= 0 || !fact.coordinate.isFunctionOfDim(dim))
      continue;
    values.back() =
        getAffineSymbolExpr(coverer.firstLocal() + fact.locals.size(), context);
    fact.locals.push_back({einsum.extents[dim], Span()});
  }
  fact.coordinate = substitute(fact.coordinate, values);
  settleFull(fact);
  return true;
}

bool Walk::projectFibers(const GraphEinsum &einsum, Fact &fact,
                         SmallVectorImpl<Target> &targets) {
  for (auto [position, span] : llvm::enumerate(fact.fibers)) {
    if (span.kind == Span::All)
      continue;
    span.expr = fixReduced(einsum, span.expr, fact.pins, /*others=*/false);
    Uses uses = findUses(einsum, span.expr);
    if (!uses.reduced)
      continue;
    if (!uses.kept && getDim(span.expr) >= 0) {
      targets.push_back({span.expr, static_cast<int>(position)});
      continue;
    }
    // One of the terms stands for them.
    if (isRestricted(einsum, span.expr, {}, {}))
      return false;
    span.expr = fixReduced(einsum, span.expr, {}, /*others=*/true);
  }
  return true;
}

/// Asks whether the terms of the reduction reach the targets, and says so in
/// the fact. With conditions, all of them together; they also decide whether
/// there is a term at all.
bool Walk::reachTargets(const GraphEinsum &einsum, Fact &fact,
                        ArrayRef<Target> targets) {
  Coverer::Query query;
  query.einsum = &einsum;
  query.fiber = &fiber;
  query.pins = fact.pins;
  for (auto [dim, position] : llvm::enumerate(einsum.positions))
    if (position >= 0)
      query.held.push_back(dim);
  for (auto [position, span] : llvm::enumerate(fact.fibers))
    if (span.kind == Span::At && !findUses(einsum, span.expr).reduced)
      query.known.push_back({span.expr, static_cast<int>(position)});
  auto ask = [&](ArrayRef<Target> asked) {
    query.targets.assign(asked.begin(), asked.end());
    std::optional<Pins> pins = coverer.cover(query);
    if (!pins)
      return false;
    for (const Pin &pin : *pins)
      if (!addPin(fact.pins, pin))
        return false;
    return true;
  };
  bool isBox = einsum.domain.empty();
  if (isBox ? !llvm::all_of(targets, [&](const Target &t) { return ask(t); })
            : !ask(targets))
    return false;
  for (const Target &target : targets) {
    if (target.position >= 0) {
      fact.fibers[target.position] = Span();
      continue;
    }
    fact.isFull = true;
    fact.coordinate = {};
    fact.locals.clear();
  }
  return true;
}

std::optional<Fact> Walk::project(const GraphEinsum &einsum, Fact fact) {
  bool wasFull = fact.isFull, needsTerm = !holdsWithoutTerms(einsum, fact);
  SmallVector<Target, 2> targets;
  if (!projectCoordinate(einsum, fact, targets) ||
      !projectFibers(einsum, fact, targets) ||
      ((needsTerm || !targets.empty()) && !reachTargets(einsum, fact, targets)))
    return std::nullopt;
  SmallVector<AffineExpr, 6> positions;
  for (int position : einsum.positions)
    positions.push_back(getAffineDimExpr(std::max(position, 0), context));
  if (!fact.isFull)
    fact.coordinate = substitute(fact.coordinate, positions);
  for (Local &local : fact.locals)
    if (local.span.kind != Span::All)
      local.span.expr = substitute(local.span.expr, positions);
  for (Span &span : fact.fibers)
    if (span.kind != Span::All)
      span.expr = substitute(span.expr, positions);
  Pins pins;
  for (const Pin &pin : fact.pins)
    if (einsum.positions[pin.dim] >= 0)
      addPin(pins, {einsum.positions[pin.dim], pin.value});
  fact.pins = std::move(pins);
  if (fact.isFull && !wasFull)
    fact.event = addEvent(
        {events[fact.event].touch, einsum.op, events[fact.event].before});
  return fact;
}

Alignment Walk::project(const GraphEinsum &einsum, Alignment alignment) {
  if (alignment.kind == Alignment::None || alignment.kind == Alignment::Unknown)
    return alignment;
  // A sum over several coordinates stands for none; the state of a recurrence
  // along the fiber neither.
  auto isLost = [&](AffineExpr coordinate) {
    if (findUses(einsum, coordinate).reduced)
      return true;
    if (einsum.recurrence < 0)
      return false;
    return llvm::any_of(
        graph.recurrences[einsum.recurrence].ranks, [&](const StepRank &s) {
          const StringAttr *dim = llvm::find(einsum.dims, s.rank);
          return dim != einsum.dims.end() &&
                 coordinate.isFunctionOfDim(dim - einsum.dims.begin());
        });
  };
  llvm::erase_if(alignment.coordinates, isLost);
  if (alignment.coordinates.empty())
    return {};
  SmallVector<AffineExpr, 6> positions;
  for (int position : einsum.positions)
    positions.push_back(getAffineDimExpr(std::max(position, 0), context));
  for (AffineExpr &coordinate : alignment.coordinates)
    coordinate = substitute(coordinate, positions);
  for (Fibers &fibers : alignment.fibers) {
    Fact carrier;
    carrier.isFull = true;
    carrier.fibers = fibers;
    SmallVector<Target, 2> targets;
    bool good = projectFibers(einsum, carrier, targets);
    // Where conditions do not let all fibers through, the first one speaks.
    if (good && !einsum.domain.empty())
      for (const Target &target : targets) {
        carrier.fibers[target.position].expr =
            getAffineConstantExpr(0, context);
        addPin(carrier.pins,
               {getDim(target.expr), getAffineConstantExpr(0, context)});
      }
    good =
        good && reachTargets(einsum, carrier,
                             einsum.domain.empty() ? ArrayRef<Target>(targets)
                                                   : ArrayRef<Target>());
    if (good)
      for (const Pin &pin : carrier.pins)
        good &= einsum.positions[pin.dim] < 0;
    if (!good) {
      Alignment unknown;
      unknown.kind = Alignment::Unknown;
      return unknown;
    }
    fibers = carrier.fibers;
    for (Span &span : fibers)
      if (span.kind != Span::All)
        span.expr = substitute(span.expr, positions);
  }
  return alignment;
}
