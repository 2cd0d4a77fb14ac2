//===- FiberFacts.cpp - What a walk knows of a tensor ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberFacts.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

/// Facts kept of one tensor; more are rare, and dropping one lowers counts.
static constexpr size_t kMostFacts = 8;

/// What a number is added to, none for a number itself.
static std::pair<AffineExpr, int64_t> splitNumber(AffineExpr expr) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return {AffineExpr(), number.getValue()};
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (sum && sum.getKind() == AffineExprKind::Add)
    if (auto number = dyn_cast<AffineConstantExpr>(sum.getRHS()))
      return {sum.getLHS(), number.getValue()};
  return {expr, 0};
}

/// a - b, if it is a number. Most are of one dimension or parameter, which
/// needs no simplification.
static std::optional<int64_t> difference(AffineExpr a, AffineExpr b) {
  auto [one, first] = splitNumber(a);
  auto [other, second] = splitNumber(b);
  if (one == other)
    return first - second;
  auto isLeaf = [](AffineExpr expr) {
    return !expr || isa<AffineDimExpr, AffineSymbolExpr>(expr);
  };
  if (isLeaf(one) && isLeaf(other))
    return std::nullopt;
  return getNumber(combine(a, -1, b));
}

//===----------------------------------------------------------------------===//
// Implication
//===----------------------------------------------------------------------===//

static bool contains(const Span &a, const Span &b) {
  if (a.kind == Span::All || a == b)
    return true;
  if (b.kind == Span::All || a.kind == Span::At ||
      !(b.kind == Span::At || b.kind == a.kind))
    return false;
  std::optional<int64_t> slack = difference(a.expr, b.expr);
  return slack && (a.kind == Span::UpTo ? *slack >= 0 : *slack <= 0);
}

static bool containsAll(const Fibers &a, const Fibers &b) {
  return llvm::all_of(llvm::zip(a, b), [](auto pair) {
    return contains(std::get<0>(pair), std::get<1>(pair));
  });
}

bool Fact::says(const Fact &other) const {
  return isFull == other.isFull && coordinate == other.coordinate &&
         locals == other.locals && fibers == other.fibers && pins == other.pins;
}

bool Fact::implies(const Fact &other) const {
  // The cheap questions first.
  if (level < other.level)
    return false;
  if (!isFull && (other.isFull || coordinate != other.coordinate ||
                  locals.size() != other.locals.size()))
    return false;
  if (!llvm::all_of(
          pins,
          [&](const Pin &p) { return llvm::is_contained(other.pins, p); }) ||
      !containsAll(fibers, other.fibers))
    return false;
  return isFull || llvm::all_of(llvm::zip(locals, other.locals), [](auto pair) {
           auto &[a, b] = pair;
           return a.extent == b.extent && contains(a.span, b.span);
         });
}

void einsum::walk::addFact(Facts &facts, Fact fact) {
  if (fact.level == 0 || llvm::any_of(facts, [&](const Fact &known) {
        return known.implies(fact);
      }))
    return;
  llvm::erase_if(facts, [&](const Fact &known) { return fact.implies(known); });
  facts.push_back(std::move(fact));
  if (facts.size() <= kMostFacts)
    return;
  auto *least = llvm::min_element(facts, [](const Fact &a, const Fact &b) {
    return std::pair(a.isFull, a.level) < std::pair(b.isFull, b.level);
  });
  facts.erase(least);
}

bool einsum::walk::addPin(Pins &pins, Pin pin) {
  for (const Pin &known : pins)
    if (known.dim == pin.dim)
      return known.value == pin.value;
  pins.push_back(pin);
  llvm::sort(pins, [](const Pin &a, const Pin &b) { return a.dim < b.dim; });
  return true;
}

static std::optional<Span> meet(const Span &a, const Span &b) {
  if (contains(b, a))
    return a;
  if (contains(a, b))
    return b;
  return std::nullopt;
}

std::optional<Fibers> einsum::walk::meet(const Fibers &a, const Fibers &b) {
  Fibers both;
  for (auto [left, right] : llvm::zip(a, b)) {
    std::optional<Span> span = ::meet(left, right);
    if (!span)
      return std::nullopt;
    both.push_back(*span);
  }
  return both;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static bool isTied(const Span &span, int dim) {
  return (span.kind == Span::UpTo || span.kind == Span::From) &&
         span.expr.isFunctionOfDim(dim);
}

static void readSpan(Span &span, const GraphRead &read) {
  if (span.kind != Span::All)
    span.expr = substitute(span.expr, read.index);
}

/// A bound that is a number either reaches everything or is of no use.
static bool settle(Span &span, AffineExpr extent) {
  if ((span.kind != Span::UpTo && span.kind != Span::From) ||
      usesAnyDim(span.expr))
    return true;
  AffineExpr end = span.kind == Span::UpTo
                       ? simplify(extent - 1)
                       : getAffineConstantExpr(0, extent.getContext());
  if (span.expr != end)
    return false;
  span = Span();
  return true;
}

std::optional<Fact> einsum::walk::readFact(const Fact &fact,
                                           const GraphRead &read,
                                           const GraphEinsum &einsum) {
  Fact result = fact;
  result.pins.clear();
  for (const Pin &pin : fact.pins) {
    AffineExpr index = read.index[pin.dim];
    int dim = getDim(index);
    if (dim < 0 && index != pin.value)
      return std::nullopt;
    if (dim >= 0 && !addPin(result.pins, {dim, pin.value}))
      return std::nullopt;
  }
  if (!fact.isFull)
    result.coordinate = substitute(fact.coordinate, read.index);
  else
    result.coordinate = {};
  bool tied = false;
  for (Local &local : result.locals) {
    readSpan(local.span, read);
    tied |= read.initialDim >= 0 && isTied(local.span, read.initialDim);
    if (!settle(local.span, local.extent))
      return std::nullopt;
  }
  for (Span &span : result.fibers) {
    readSpan(span, read);
    tied |= read.initialDim >= 0 && isTied(span, read.initialDim);
  }
  // The first step reads an initial value, which has nothing behind it. Inside
  // the recurrence, the walk speaks of later steps only; what is said of single
  // steps there is said better by spans up to them.
  bool isLater =
      read.isCarried && !(result.coordinate && read.initialDim >= 0 &&
                          result.coordinate.isFunctionOfDim(read.initialDim));
  if (read.initialDim >= 0 && !tied && !isLater) {
    AffineExpr extent = einsum.extents[read.initialDim];
    AffineExpr last = read.initialDirection > 0
                          ? simplify(extent - 1)
                          : getAffineConstantExpr(0, extent.getContext());
    if (!addPin(result.pins, {read.initialDim, last}))
      return std::nullopt;
  }
  return result;
}

Alignment einsum::walk::readAlignment(const Alignment &alignment,
                                      const GraphRead &read) {
  Alignment result = alignment;
  for (AffineExpr &coordinate : result.coordinates)
    coordinate = substitute(coordinate, read.index);
  for (Fibers &fibers : result.fibers)
    for (Span &span : fibers)
      readSpan(span, read);
  return result;
}

//===----------------------------------------------------------------------===//
// Alignment of a point
//===----------------------------------------------------------------------===//

static Alignment unknown() {
  Alignment alignment;
  alignment.kind = Alignment::Unknown;
  return alignment;
}

/// Two coordinates in one point: none, where they always differ; where they may
/// agree, at most that one.
static Alignment mixTwo(const Alignment &a, const Alignment &b) {
  if (std::optional<int64_t> d = difference(a.coordinates[0], b.coordinates[0]);
      d && *d)
    return {};
  Alignment both;
  both.kind = Alignment::May;
  both.coordinates = {a.coordinates[0], b.coordinates[0]};
  both.fibers = a.fibers;
  return both;
}

Alignment einsum::walk::mixAlignments(ArrayRef<Alignment> operands) {
  SmallVector<Alignment, 2> ones;
  SmallVector<const Alignment *, 2> maybes;
  for (const Alignment &operand : operands) {
    if (operand.kind == Alignment::Unknown)
      return unknown();
    if (operand.kind == Alignment::May)
      maybes.push_back(&operand);
    if (operand.kind != Alignment::One)
      continue;
    auto *same = llvm::find_if(ones, [&](const Alignment &one) {
      return one.coordinates == operand.coordinates;
    });
    if (same == ones.end()) {
      ones.push_back(operand);
      continue;
    }
    for (const Fibers &fibers : operand.fibers)
      if (!llvm::is_contained(same->fibers, fibers) && same->fibers.size() < 3)
        same->fibers.push_back(fibers);
  }
  if (ones.size() > 2)
    return unknown();
  Alignment mixed = ones.size() == 2   ? mixTwo(ones[0], ones[1])
                    : ones.size() == 1 ? ones[0]
                                       : Alignment();
  for (const Alignment *maybe : maybes) {
    if (mixed.kind == Alignment::None && ones.empty()) {
      mixed = *maybe;
      ones.push_back(*maybe);
    } else if (mixed.kind == Alignment::One
                   ? !llvm::is_contained(maybe->coordinates,
                                         mixed.coordinates[0])
                   : mixed.coordinates != maybe->coordinates) {
      return unknown();
    }
  }
  return mixed;
}
