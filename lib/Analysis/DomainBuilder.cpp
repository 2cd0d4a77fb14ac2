//===- DomainBuilder.cpp - Which points of an Einsum exist ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An element is absent when a condition over kept ranks alone excludes it, and
// a point that reads an absent element does not exist. So a reader inherits the
// conditions over kept ranks of what it reads, with its own access in place of
// the producer's ranks:
//
//   QK[m,p]   where m <= p          LM[m,p] = QK[m,p]  inherits  m <= p
//   Z[m1,m0,p] = QK[256*m1+m0, p]   inherits  256*m1 + m0 <= p
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/DomainBuilder.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Analysis/SetCounter.h"

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

namespace {

class DomainBuilder {
public:
  DomainBuilder(CascadeOp cascade, CascadeFacts &facts)
      : cascade(cascade), facts(facts),
        splits(cascade.getBodyBlock()->getOps<SplitOp>()),
        origin(facts.einsums.size()) {
    for (const RankFact &rank : facts.ranks)
      extents.push_back({0, rank.extent});
  }

  LogicalResult build() {
    for (EinsumFact &einsum : facts.einsums)
      if (failed(addOwn(einsum)))
        return failure();
    // Producers come first, but for steps along an iterative rank.
    for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
      for (const AccessFact &read : einsum.reads)
        if (!readsItself(id, read) && failed(inherit(einsum, read)))
          return failure();
      for (const AccessFact &read : einsum.reads)
        if (readsItself(id, read) && failed(inheritSteps(einsum, read)))
          return failure();
    }
    for (EinsumFact &einsum : facts.einsums)
      if (failed(count(einsum)))
        return failure();
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // Conditions of the Einsum's own
  //===--------------------------------------------------------------------===//

  LogicalResult addOwn(EinsumFact &einsum) {
    for (SplitOp split : splits)
      addSplit(einsum, split);
    for (const AccessFact &read : einsum.reads)
      addOperandExtents(einsum, read);
    return addFilter(einsum);
  }

  LogicalResult addFilter(EinsumFact &einsum) {
    auto op = cast<EinsumInterface>(einsum.op);
    std::optional<IntegerSet> filter = op.getFilterSet();
    if (!filter)
      return success();
    SmallVector<AffineExpr> symbols;
    for (StringAttr symbol : op.getSymbolNames()) {
      std::optional<int64_t> value = cascade.getParam(symbol);
      if (!value)
        return einsum.op->emitError()
               << "parameter '" << symbol.getValue()
               << "' has no value (--bind " << symbol.getValue() << "=...)";
      symbols.push_back(getAffineConstantExpr(*value, op->getContext()));
    }
    for (auto [i, expr] : llvm::enumerate(filter->getConstraints())) {
      Constraint constraint;
      constraint.isEquality = filter->isEq(i);
      AffineExpr bound = simplifyAffineExpr(expr.replaceSymbols(symbols),
                                            filter->getNumDims(), 0);
      if (!flatten(bound, einsum, constraint.form))
        return einsum.op->emitError()
               << "the filter of '" << einsum.name
               << "' divides by something that is not a positive number";
      addConstraint(einsum, std::move(constraint));
    }
    return success();
  }

  /// `a mod b` is a - b * floor(a / b).
  bool flatten(AffineExpr expr, const EinsumFact &einsum, AffineForm &form) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      form = AffineForm::number(constant.getValue());
      return true;
    }
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      form = AffineForm::variable(einsum.ranks[dim.getPosition()]);
      return true;
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    AffineForm left, right;
    if (!binary || !flatten(binary.getLHS(), einsum, left) ||
        !flatten(binary.getRHS(), einsum, right))
      return false;
    if (binary.getKind() == AffineExprKind::Add) {
      form = std::move(left);
      form.add(right);
      return true;
    }
    if (!right.isConstant())
      std::swap(left, right); // a product; other operators divide by numbers
    if (!right.isConstant())
      return false;
    return combine(binary.getKind(), left, right.constant, form);
  }

  static bool combine(AffineExprKind kind, const AffineForm &left,
                      int64_t number, AffineForm &form) {
    if (kind == AffineExprKind::Mul) {
      form.add(left, number);
      return true;
    }
    if (number < 1)
      return false;
    AffineForm inner = left;
    if (kind == AffineExprKind::CeilDiv)
      inner.constant += number - 1;
    if (kind == AffineExprKind::Mod)
      form = left;
    form.floors.push_back(
        {kind == AffineExprKind::Mod ? -number : 1, std::move(inner), number});
    return true;
  }

  /// Where all parts of a rank are iterated, their coordinate is within it.
  void addSplit(EinsumFact &einsum, SplitOp split) {
    std::optional<AffineForm> flat = flattened(einsum, split);
    if (!flat)
      return;
    Constraint constraint;
    constraint.form = AffineForm::number(
        facts.ranks[facts.findRank(split.getRank())].extent - 1);
    constraint.form.add(*flat, -1);
    addConstraint(einsum, std::move(constraint));
  }

  /// The coordinate along a split rank; a part may itself be split.
  std::optional<AffineForm> flattened(const EinsumFact &einsum, SplitOp split) {
    AffineForm flat;
    for (Attribute part : split.getParts()) {
      int id = facts.findRank(cast<StringAttr>(part).getValue());
      AffineForm scaled;
      scaled.add(flat, facts.ranks[id].extent);
      flat = std::move(scaled);
      if (einsum.iterates(id)) {
        flat.add(id, 1);
        continue;
      }
      std::optional<AffineForm> inner;
      for (SplitOp other : splits)
        if (facts.findRank(other.getRank()) == id)
          inner = flattened(einsum, other);
      if (!inner)
        return std::nullopt;
      flat.add(*inner);
    }
    return flat;
  }

  /// Points outside an operand do not exist; before the first step along an
  /// iterative rank there is the initial value.
  void addOperandExtents(EinsumFact &einsum, const AccessFact &read) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates)) {
      bool iterative = tensor.hasInitialValue && rank == tensor.iterativeRank;
      int direction = iterative ? stepDirection(facts, read.tensor) : 0;
      bool up = direction > 0, down = direction < 0;
      Constraint low{coordinate.form()};
      if (!up)
        addConstraint(einsum, std::move(low));
      Constraint high{AffineForm::number(facts.ranks[rank].extent - 1)};
      high.form.add(coordinate.form(), -1);
      if (!down)
        addConstraint(einsum, std::move(high));
    }
  }

  //===--------------------------------------------------------------------===//
  // Conditions of operands
  //===--------------------------------------------------------------------===//

  LogicalResult inherit(EinsumFact &einsum, const AccessFact &read) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    if (tensor.producer < 0)
      return success();
    const EinsumFact &producer = facts.einsums[tensor.producer];
    const std::vector<Ranks> &origins = origin[tensor.producer];
    for (size_t i = 0; i < producer.domain.size(); ++i) {
      const Constraint &condition = producer.domain[i];
      const Ranks &ranks = origins[i];
      if (llvm::any_of(producer.reduced, [&](int rank) {
            return condition.form.uses(rank) || llvm::is_contained(ranks, rank);
          }))
        continue; // selects points of the reduction; the element exists
      Constraint own;
      own.isEquality = condition.isEquality;
      own.form = condition.form.substitute([&](int rank) {
        auto position = llvm::find(tensor.ranks, rank) - tensor.ranks.begin();
        return read.coordinates[position].form();
      });
      if (usesOpaque(own.form))
        return refuseAbsent(einsum);
      canonicalise(own);
      // Which ranks it is about does not change where they cancel out.
      Ranks ownRanks;
      for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates))
        if (condition.form.uses(rank) || llvm::is_contained(ranks, rank))
          for (const Coordinate::Term &term : coordinate.terms)
            ownRanks.push_back(term.rank);
      if (isImplied(einsum, own, ownRanks))
        continue;
      if (readsInitialValue(tensor, read))
        return einsum.op->emitError()
               << "'" << einsum.name << "' reads '" << tensor.name
               << "' one step away where it may be absent; add the filter of '"
               << tensor.name << "', one step on, to '" << einsum.name << "'";
      addConstraint(einsum, std::move(own), ownRanks);
    }
    return success();
  }

  bool usesOpaque(const AffineForm &form) const {
    for (auto [rank, fact] : llvm::enumerate(facts.ranks))
      if (fact.isOpaque && form.uses(rank))
        return true;
    return false;
  }

  /// Which points there are must not depend on data.
  LogicalResult refuseAbsent(const EinsumFact &einsum) {
    return einsum.op->emitError()
           << describeGather(cast<EinsumInterface>(einsum.op))
           << ", but some of these elements are absent; give them a value "
              "where they are computed, as with 'select'";
  }

  bool readsItself(size_t einsum, const AccessFact &read) const {
    return facts.tensors[read.tensor].producer == static_cast<int>(einsum);
  }

  /// A step exists if the one it reads exists, down to the first: a condition
  /// has to hold at all of them, hence where its form is least.
  LogicalResult inheritSteps(EinsumFact &einsum, const AccessFact &read) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    int rank = tensor.iterativeRank;
    auto position = llvm::find(tensor.ranks, rank) - tensor.ranks.begin();
    if (rank < 0 || position == static_cast<long>(tensor.ranks.size()))
      return success();
    int64_t step = -read.coordinates[position].constant;
    if (step == 0)
      return success();
    std::vector<Constraint> conditions = einsum.domain;
    std::vector<Ranks> about = origin[&einsum - facts.einsums.data()];
    for (size_t i = 0; i < conditions.size(); ++i) {
      const Constraint &condition = conditions[i];
      if (!condition.form.uses(rank) ||
          llvm::any_of(einsum.reduced,
                       [&](int r) { return condition.form.uses(r); }))
        continue;
      if (!condition.form.isLinear())
        return einsum.op->emitError()
               << "unsupported: the filter of '" << einsum.name
               << "' divides the rank along which it is a recurrence";
      about[i].push_back(rank);
      addConstraint(einsum, atFirstStep(condition, rank, step), about[i]);
    }
    return success();
  }

  /// The condition at the first of the steps that lead to a coordinate. An
  /// equality holds at one step at most, which then is the first.
  Constraint atFirstStep(const Constraint &condition, int rank,
                         int64_t step) const {
    int64_t last = facts.ranks[rank].extent - 1, size = std::abs(step);
    // Coordinates walk up from c mod size, or down from the mirrored one.
    AffineForm first = AffineForm::variable(rank), inner = first;
    if (step < 0) {
      inner = AffineForm::number(last);
      inner.add(rank, -1);
    }
    if (condition.isEquality) {
      Constraint isFirst{AffineForm::number(size - 1)};
      isFirst.form.add(inner, -1);
      return isFirst;
    }
    if ((condition.form.coefficientOf(rank) > 0) != (step > 0))
      return condition; // least at the coordinate itself
    if (size == 1)
      first = AffineForm::number(step > 0 ? 0 : last);
    else
      first.floors.push_back({-step, inner, size});
    Constraint result;
    result.form = condition.form.substitute([&](int variable) {
      return variable == rank ? first : AffineForm::variable(variable);
    });
    return result;
  }

  bool readsInitialValue(const TensorFact &tensor,
                         const AccessFact &read) const {
    for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates))
      if (tensor.hasInitialValue && rank == tensor.iterativeRank &&
          mayBeInitial(coordinate))
        return true;
    return false;
  }

  //===--------------------------------------------------------------------===//
  // All of them
  //===--------------------------------------------------------------------===//

  using Ranks = llvm::SmallVector<int, 2>;

  /// True if it holds for all coordinates, or follows from one condition that
  /// differs in the constant alone and is about no other ranks: what readers
  /// inherit depends on these.
  bool isImplied(const EinsumFact &einsum, const Constraint &constraint,
                 const Ranks &ranks) const {
    if (constraint.decide(extents) == true)
      return true;
    const std::vector<Ranks> &about = origin[&einsum - facts.einsums.data()];
    for (auto [known, knownRanks] : llvm::zip(einsum.domain, about)) {
      if (!llvm::all_of(knownRanks, [&](int rank) {
            return constraint.form.uses(rank) ||
                   llvm::is_contained(ranks, rank);
          }))
        continue;
      if (known == constraint)
        return true;
      Constraint shifted = known;
      shifted.form.constant = constraint.form.constant;
      if (shifted == constraint && !known.isEquality &&
          known.form.constant <= constraint.form.constant)
        return true;
    }
    return false;
  }

  static void canonicalise(Constraint &constraint) {
    llvm::sort(constraint.form.terms, [](const auto &a, const auto &b) {
      return a.variable < b.variable;
    });
    constraint.normalise();
  }

  /// `ranks`: what the condition is about although its form does not show it.
  void addConstraint(EinsumFact &einsum, Constraint constraint,
                     const Ranks &ranks = {}) {
    canonicalise(constraint);
    if (isImplied(einsum, constraint, ranks))
      return;
    einsum.domain.push_back(std::move(constraint));
    origin[&einsum - facts.einsums.data()].push_back(ranks);
  }

  LogicalResult count(EinsumFact &einsum) {
    if (einsum.domain.empty())
      return success();
    SmallVector<Interval> box = extents;
    for (auto [rank, side] : llvm::enumerate(box))
      if (!einsum.iterates(rank))
        side = {0, 1};
    std::optional<uint64_t> points = countPoints(box, einsum.domain);
    if (!points)
      return einsum.op->emitError()
             << "unsupported: the points of '" << einsum.name
             << "' cannot be counted; its filter cuts the ranks into more than "
                "4 million different pieces";
    einsum.points = *points;
    return success();
  }

  CascadeOp cascade;
  CascadeFacts &facts;
  SmallVector<SplitOp> splits;
  SmallVector<Interval> extents;
  std::vector<std::vector<Ranks>> origin; ///< per Einsum and condition
};

} // namespace

LogicalResult einsum::buildDomains(CascadeOp cascade, CascadeFacts &facts) {
  return DomainBuilder(cascade, facts).build();
}
