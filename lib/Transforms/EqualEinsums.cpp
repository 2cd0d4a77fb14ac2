//===- EqualEinsums.cpp - When two Einsums compute the same ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EqualEinsums.h"

#include "llvm/ADT/Hashing.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// Steps of one search; real cascades need a few dozen.
static constexpr unsigned kMaxSteps = 20000;

namespace {

/// Two things that have to be made equal; one member of each pair is set.
struct Goal {
  Expr first = nullptr, second = nullptr;
  AffineExpr firstIndex, secondIndex;
};

class Matcher {
public:
  Matcher(CascadeEditor &editor, const Statement &first, Operation *firstOp,
          const Statement &second, Operation *secondOp)
      : editor(editor), first(first), second(second), firstOp(firstOp),
        secondOp(secondOp) {}

  std::optional<RankBijection> run() {
    if (first.values.size() != second.values.size() ||
        first.elementTypes != second.elementTypes ||
        first.init != second.init ||
        first.outputRanks.size() != second.outputRanks.size() ||
        first.reductions.size() != second.reductions.size() ||
        first.filter.size() != second.filter.size() || !haveSameMonoids())
      return std::nullopt;
    std::vector<Goal> goals;
    for (auto [a, b] : llvm::zip(first.values, second.values))
      goals.push_back({a, b, {}, {}});
    usedFilters.assign(second.filter.size(), false);
    if (!solve(goals, 0))
      return std::nullopt;
    return bijection;
  }

private:
  /// Nested reductions by different monoids keep their order.
  bool haveSameMonoids() const {
    for (auto [a, b] : llvm::zip(first.reductions, second.reductions))
      if (a.getMonoid() != b.getMonoid())
        return false;
    return true;
  }

  bool isWithinSplit(StringAttr rank) const {
    return static_cast<bool>(editor.getCascade().findSplitOf(rank));
  }
  StringAttr monoidOf(const Statement &statement, StringAttr rank) const {
    for (ReductionAttr reduction : statement.reductions)
      if (reduction.getRank() == rank)
        return reduction.getMonoid();
    return {};
  }

  bool mayCorrespond(StringAttr a, StringAttr b) const {
    if (monoidOf(first, a) != monoidOf(second, b))
      return false;
    if (a == b)
      return true;
    return !isWithinSplit(a) && !isWithinSplit(b) &&
           editor.extent(a) == editor.extent(b);
  }

  bool bind(StringAttr a, StringAttr b, bool &isNew) {
    isNew = false;
    auto there = bijection.find(a), back = inverse.find(b);
    if (there != bijection.end() || back != inverse.end())
      return there != bijection.end() && there->second == b;
    if (!mayCorrespond(a, b))
      return false;
    bijection[a] = b;
    inverse[b] = a;
    return isNew = true;
  }

  void unbind(StringAttr a) {
    inverse.erase(bijection.lookup(a));
    bijection.erase(a);
  }

  static bool areSameTensor(Value a, Value b, Operation *ownA,
                            Operation *ownB) {
    if (a == b)
      return true;
    return a.getDefiningOp() == ownA && b.getDefiningOp() == ownB &&
           cast<OpResult>(a).getResultNumber() ==
               cast<OpResult>(b).getResultNumber();
  }

  bool isCommutative(Expr op) const {
    auto name = OperationName(op->name(), editor.getContext());
    return op->operands.size() == 2 && name.hasTrait<OpTrait::IsCommutative>();
  }

  bool solve(std::vector<Goal> goals, size_t filtersDone) {
    if (++steps > kMaxSteps)
      return false;
    if (goals.empty())
      return filtersDone < first.filter.size() ? solveFilter(filtersDone)
                                               : solveLeftOver();
    Goal goal = goals.back();
    goals.pop_back();
    if (goal.first)
      return solveExpr(goal, std::move(goals), filtersDone);
    return solveIndex(goal, std::move(goals), filtersDone);
  }

  bool solveRank(StringAttr a, StringAttr b, std::vector<Goal> goals,
                 size_t filtersDone) {
    bool isNew;
    if (!bind(a, b, isNew))
      return false;
    if (solve(std::move(goals), filtersDone))
      return true;
    if (isNew)
      unbind(a);
    return false;
  }

  bool solveExpr(const Goal &goal, std::vector<Goal> goals,
                 size_t filtersDone) {
    Expr a = goal.first, b = goal.second;
    if (a->kind != b->kind || a->type != b->type ||
        a->attributes != b->attributes ||
        a->operands.size() != b->operands.size() ||
        a->indices.size() != b->indices.size())
      return false;
    switch (a->kind) {
    case ExprNode::Kind::index:
      return solveRank(cast<StringAttr>(a->data), cast<StringAttr>(b->data),
                       std::move(goals), filtersDone);
    case ExprNode::Kind::read:
      if (!areSameTensor(a->tensor, b->tensor, firstOp, secondOp))
        return false;
      for (auto [i, j] : llvm::zip(a->indices, b->indices))
        goals.push_back({nullptr, nullptr, i, j});
      return solve(std::move(goals), filtersDone);
    case ExprNode::Kind::op: {
      if (a->data != b->data)
        return false;
      std::vector<Goal> straight = goals;
      for (auto [x, y] : llvm::zip(a->operands, b->operands))
        straight.push_back({x, y, {}, {}});
      if (solve(std::move(straight), filtersDone))
        return true;
      if (!isCommutative(a))
        return false;
      goals.push_back({a->operands[0], b->operands[1], {}, {}});
      goals.push_back({a->operands[1], b->operands[0], {}, {}});
      return solve(std::move(goals), filtersDone);
    }
    default:
      return a->data == b->data && a->slot == b->slot &&
             solve(std::move(goals), filtersDone);
    }
  }

  bool solveIndex(const Goal &goal, std::vector<Goal> goals,
                  size_t filtersDone) {
    AffineExpr a = goal.firstIndex, b = goal.secondIndex;
    if (a.getKind() != b.getKind())
      return false;
    if (auto dim = dyn_cast<AffineDimExpr>(a))
      return solveRank(editor.rankAt(dim.getPosition()),
                       editor.rankAt(cast<AffineDimExpr>(b).getPosition()),
                       std::move(goals), filtersDone);
    auto binary = dyn_cast<AffineBinaryOpExpr>(a);
    if (!binary)
      return a == b && solve(std::move(goals), filtersDone);
    auto other = cast<AffineBinaryOpExpr>(b);
    std::vector<Goal> straight = goals;
    straight.push_back({nullptr, nullptr, binary.getLHS(), other.getLHS()});
    straight.push_back({nullptr, nullptr, binary.getRHS(), other.getRHS()});
    if (solve(std::move(straight), filtersDone))
      return true;
    if (a.getKind() != AffineExprKind::Add)
      return false;
    goals.push_back({nullptr, nullptr, binary.getLHS(), other.getRHS()});
    goals.push_back({nullptr, nullptr, binary.getRHS(), other.getLHS()});
    return solve(std::move(goals), filtersDone);
  }

  /// Each constraint of the first has one of the second for itself.
  bool solveFilter(size_t number) {
    const FilterTerm &wanted = first.filter[number];
    for (auto [i, constraint] : llvm::enumerate(second.filter)) {
      if (usedFilters[i] || constraint.isEq != wanted.isEq)
        continue;
      usedFilters[i] = true;
      if (solve({{nullptr, nullptr, wanted.expr, constraint.expr}}, number + 1))
        return true;
      usedFilters[i] = false;
    }
    return false;
  }

  /// Ranks that nothing reads: broadcasts, and sums of equal terms.
  bool solveLeftOver() {
    for (StringAttr a : first.iterationRanks()) {
      if (bijection.contains(a))
        continue;
      bool found = false;
      for (StringAttr b : second.iterationRanks()) {
        bool isNew;
        if (!inverse.contains(b) && (found = bind(a, b, isNew)))
          break;
      }
      if (!found)
        return false;
    }
    return true;
  }

  CascadeEditor &editor;
  const Statement &first, &second;
  Operation *firstOp, *secondOp;
  RankBijection bijection, inverse;
  std::vector<bool> usedFilters;
  unsigned steps = 0;
};

} // namespace

std::optional<RankBijection> einsum::matchEinsums(CascadeEditor &editor,
                                                  const Statement &first,
                                                  Operation *firstOp,
                                                  const Statement &second,
                                                  Operation *secondOp) {
  return Matcher(editor, first, firstOp, second, secondOp).run();
}

size_t einsum::hashEinsum(const Statement &statement, Operation *op) {
  // Sums do not depend on the order of what commutes.
  size_t total = llvm::hash_combine(
      statement.outputRanks.size(), statement.reductions.size(),
      statement.filter.size(), statement.init.size(), statement.values.size());
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      bool named = node->kind == ExprNode::Kind::op ||
                   node->kind == ExprNode::Kind::constant ||
                   node->kind == ExprNode::Kind::param;
      bool isOwn = node->isRead() && node->tensor.getDefiningOp() == op;
      total += llvm::hash_combine(
          static_cast<int>(node->kind),
          named ? node->data.getAsOpaquePointer() : nullptr,
          isOwn ? nullptr : node->tensor.getAsOpaquePointer());
    });
  return total;
}
