//===- PointPairs.cpp - Which points depend on which ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/PointPairs.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;
using llvm::DynamicAPInt;

Linear &Linear::add(const Linear &other, const DynamicAPInt &factor) {
  for (const auto &[variable, coefficient] : other.terms)
    terms[variable] += coefficient * factor;
  constant += other.constant * factor;
  return *this;
}

Linear einsum::schedule::operator-(Linear a, const Linear &b) {
  return a.add(b, DynamicAPInt(-1));
}

static Linear makeConstant(int64_t value) { return {{}, DynamicAPInt(value)}; }

AffineExpr einsum::schedule::bindParameters(AffineExpr expr,
                                            EinsumInterface einsum,
                                            CascadeOp cascade) {
  SmallVector<AffineExpr> values;
  for (auto [i, name] : llvm::enumerate(einsum.getSymbolNames())) {
    std::optional<int64_t> value = cascade.getParam(name);
    values.push_back(value ? getAffineConstantExpr(*value, expr.getContext())
                           : getAffineSymbolExpr(i, expr.getContext()));
  }
  // What is gathered stays a symbol.
  return simplifyAffineExpr(
      expr.replaceSymbols(values), einsum.getIterationRanks().size(),
      values.size() + einsum.getGatheredOperands().size());
}

bool einsum::schedule::isBound(const Leaf &leaf, CascadeOp cascade) {
  EinsumInterface einsum = leaf.einsum;
  return llvm::all_of(einsum.getSymbolNames(),
                      [&](StringAttr name) {
                        return cascade.getParam(name).has_value();
                      }) &&
         llvm::all_of(
             einsum.getIterationRanks(),
             [&](StringAttr rank) {
               return cascade.findRank(rank).getBoundExtent().has_value();
             }) &&
         llvm::all_of(leaf.loops, [](const LoopAbove &loop) {
           return loop.around.has_value();
         });
}

PointPairs::PointPairs(const Leaf &producerLeaf, const Leaf &readerLeaf,
                       const Access &access, CascadeOp cascade)
    : leaves{&producerLeaf, &readerLeaf}, cascade(cascade) {
  addPoints(producer);
  addPoints(reader);
  EinsumInterface einsum = producerLeaf.einsum;
  AffineMap written = einsum.getOutputAccess();
  for (auto [output, input] :
       llvm::zip(written.getResults(), access.map.getResults())) {
    std::optional<Linear> to = convert(output, producer),
                          from = convert(input, reader);
    if (to && from)
      keepZero(*to - *from);
  }
}

/// The iteration space of one leaf: its extents and its filter.
void PointPairs::addPoints(Side side) {
  EinsumInterface einsum = leaves[side]->einsum;
  ranks[side] = einsum.getIterationRanks();
  firstVariable[side] = variables;
  variables += ranks[side].size();
  for (StringAttr rank : ranks[side]) {
    Linear coordinate = rankOf(side, rank);
    keepNonNegative(coordinate);
    keepNonNegative(makeConstant(*cascade.findRank(rank).getBoundExtent() - 1) -
                    coordinate);
  }
  std::optional<IntegerSet> filter = einsum.getFilterSet();
  if (!filter)
    return;
  for (auto [i, constraint] : llvm::enumerate(filter->getConstraints()))
    if (std::optional<Linear> kept = convert(constraint, side))
      filter->isEq(i) ? keepZero(*kept) : keepNonNegative(*kept);
}

Linear PointPairs::rankOf(Side side, StringAttr rank) const {
  Linear result;
  const StringAttr *position = llvm::find(ranks[side], rank);
  result.terms[firstVariable[side] + (position - ranks[side].begin())] =
      DynamicAPInt(1);
  return result;
}

/// A new variable q with 0 <= expr - q * divisor < divisor.
Linear PointPairs::floorDiv(const Linear &expr, const DynamicAPInt &divisor) {
  Linear quotient;
  quotient.terms[variables++] = DynamicAPInt(1);
  Linear rest = expr;
  rest.add(quotient, -divisor);
  keepNonNegative(rest);
  keepNonNegative(Linear{{}, divisor - 1} - rest);
  return quotient;
}

/// Nullopt for an expression that is not affine once parameters have values;
/// leaving out its constraint only adds pairs.
std::optional<Linear> PointPairs::convert(AffineExpr expr, Side side) {
  expr = bindParameters(expr, leaves[side]->einsum, cascade);
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return rankOf(side, ranks[side][dim.getPosition()]);
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return makeConstant(constant.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<Linear> left = convert(binary.getLHS(), side);
  std::optional<Linear> right = convert(binary.getRHS(), side);
  if (!left || !right)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return left->add(*right, DynamicAPInt(1));
  if (!right->terms.empty())
    return std::nullopt;
  DynamicAPInt factor = right->constant;
  if (expr.getKind() == AffineExprKind::Mul)
    return Linear().add(*left, factor);
  if (factor < 1)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::FloorDiv:
    return floorDiv(*left, factor);
  case AffineExprKind::CeilDiv:
    left->constant += factor - 1;
    return floorDiv(*left, factor);
  case AffineExprKind::Mod:
    return left->add(floorDiv(*left, factor), -factor);
  default:
    return std::nullopt;
  }
}

int64_t einsum::schedule::lastStep(ArrayRef<LoopAbove> loops, size_t index,
                                   int64_t extent) {
  int64_t left = extent;
  for (const LoopAbove &outer : loops.take_front(index)) {
    if (outer.rank != loops[index].rank)
      continue;
    bool isShort = (outer.guard == Guard::last) != outer.isDescending;
    int64_t steps = llvm::divideCeil(left, outer.tile);
    left =
        isShort ? left - (steps - 1) * outer.tile : std::min(left, outer.tile);
  }
  return static_cast<int64_t>(llvm::divideCeil(left, loops[index].tile)) - 1;
}

Linear PointPairs::step(Side side, size_t index) {
  ArrayRef<LoopAbove> loops = leaves[side]->loops;
  const LoopAbove &loop = loops[index];
  if (loop.guard == Guard::first)
    return makeConstant(0);
  if (loop.guard)
    return makeConstant(
        lastStep(loops, index, *cascade.findRank(loop.rank).getBoundExtent()));
  // Where in the tile that reaches the loop the point lies.
  Linear position = rankOf(side, loop.rank);
  for (const LoopAbove &outer : loops.take_front(index))
    if (outer.rank == loop.rank)
      position.add(floorDiv(position, DynamicAPInt(outer.tile)),
                   DynamicAPInt(-outer.tile));
  Linear fromFirst =
      loop.tile == 1 ? position : floorDiv(position, DynamicAPInt(loop.tile));
  return loop.isDescending ? makeConstant(*loop.steps() - 1) - fromFirst
                           : fromFirst;
}

std::optional<std::pair<PointPairs::Point, PointPairs::Point>>
PointPairs::findPair() const {
  presburger::IntegerPolyhedron set(
      presburger::PresburgerSpace::getSetSpace(variables));
  auto toRow = [&](const Linear &expr) {
    SmallVector<DynamicAPInt> row(variables + 1, DynamicAPInt(0));
    for (const auto &[variable, coefficient] : expr.terms)
      row[variable] = coefficient;
    row.back() = expr.constant;
    return row;
  };
  for (const Linear &expr : equalities)
    set.addEquality(toRow(expr));
  for (const Linear &expr : inequalities)
    set.addInequality(toRow(expr));
  std::optional<SmallVector<DynamicAPInt, 8>> sample = set.findIntegerSample();
  if (!sample)
    return std::nullopt;
  Point points[2];
  for (Side side : {producer, reader})
    for (auto [i, rank] : llvm::enumerate(ranks[side]))
      points[side].emplace_back(
          rank, static_cast<int64_t>((*sample)[firstVariable[side] + i]));
  return std::pair(points[producer], points[reader]);
}
