//===- Coverage.cpp - Whether points reach every coordinate ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With h the ranks held still and i the coordinates to reach, the two sets
//
//   A = {(h, i) : h exists, i in the fiber}
//   B = {(h, i) : some values of the other ranks give a point with coordinate
//   i}
//
// cover for all h if A \ B is empty. If it is not, the first and last values of
// the ranks held are tried, then any point that the projection of A \ B leaves.
// B may be taken smaller than it is (Shadow.h): the answer is then no, and the
// count of passes lower.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/Coverage.h"

#include "lib/Analysis/Shadow.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Analysis/Presburger/PresburgerRelation.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using presburger::PresburgerSet;

/// Least value assumed of a parameter that is not bound.
static constexpr int64_t kLeastParameter = 3;

Coverer::Coverer(const CascadeGraph &graph) : graph(graph) {}

//===----------------------------------------------------------------------===//
// Without sets
//===----------------------------------------------------------------------===//

/// One coordinate that is one rank, running over the whole fiber, and nothing
/// that restricts points.
bool Coverer::isObvious(const Query &query) const {
  const GraphTensor &tensor = graph.tensors[query.fiber->tensor];
  if (query.einsum && !query.einsum->domain.empty())
    return false;
  if (query.targets.empty())
    return true;
  if (!tensor.domain.empty() || query.targets.size() != 1 || !query.einsum ||
      query.fiber->first || query.fiber->end)
    return false;
  const Target &target = query.targets[0];
  int dim = getDim(target.expr);
  if (dim < 0 || llvm::is_contained(query.held, dim) ||
      llvm::any_of(query.pins, [&](const Pin &pin) { return pin.dim == dim; }))
    return false;
  int position = target.position;
  if (position < 0)
    position = getDim(query.fiber->coordinate);
  return position >= 0 &&
         tensor.extents[position] == query.einsum->extents[dim];
}

namespace {
/// `coefficient * variable`, the variable running from 0 below its extent.
struct Digit {
  AffineExpr coefficient, extent;
};
} // namespace

/// The terms of a sum as digits; false if it is something else.
static bool findDigits(AffineExpr expr,
                       llvm::function_ref<AffineExpr(AffineExpr)> extentOf,
                       SmallVectorImpl<Digit> &digits) {
  MLIRContext *context = expr.getContext();
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (sum && sum.getKind() == AffineExprKind::Add)
    return findDigits(sum.getLHS(), extentOf, digits) &&
           findDigits(sum.getRHS(), extentOf, digits);
  AffineExpr coefficient = getAffineConstantExpr(1, context), variable = expr;
  if (sum && sum.getKind() == AffineExprKind::Mul) {
    coefficient = sum.getRHS();
    variable = sum.getLHS();
    if (AffineExpr extent = extentOf(coefficient))
      std::swap(coefficient, variable);
  }
  AffineExpr extent = extentOf(variable);
  if (!extent || extentOf(coefficient))
    return false;
  digits.push_back({coefficient, extent});
  return true;
}

/// A mixed-radix number over all of its digits, as `m1 * M0 + m0`; also where
/// M0 is not bound.
bool Coverer::isDense(const Query &query) const {
  const GraphTensor &tensor = graph.tensors[query.fiber->tensor];
  if (query.targets.size() != 1 || query.targets[0].position >= 0)
    return false;
  // A ragged last tile takes only coordinates that the fiber does not have.
  auto isHarmless = [&](const Condition &c) {
    return c.isRagged && !usesAnyDim(combine(c.expr, 1, query.targets[0].expr));
  };
  if (query.einsum && !llvm::all_of(query.einsum->domain, isHarmless))
    return false;
  if (llvm::any_of(tensor.domain,
                   [](const Condition &c) { return !c.isRagged; }))
    return false;
  SmallVector<Digit> digits;
  auto extentOf = [&](AffineExpr variable) -> AffineExpr {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(variable)) {
      for (auto [local, extent] : query.locals)
        if (local == symbol.getPosition())
          return extent;
      return {};
    }
    int dim = getDim(variable);
    bool isFree =
        dim >= 0 && !llvm::is_contained(query.held, dim) &&
        llvm::none_of(query.pins, [&](const Pin &p) { return p.dim == dim; });
    return isFree ? query.einsum->extents[dim] : AffineExpr();
  };
  if (!findDigits(query.targets[0].expr, extentOf, digits))
    return false;
  SmallVector<AffineExpr> extents, wanted;
  AffineExpr radix =
      getAffineConstantExpr(1, query.targets[0].expr.getContext());
  while (!digits.empty()) {
    auto *digit =
        llvm::find_if(digits, [&](Digit &d) { return d.coefficient == radix; });
    if (digit == digits.end())
      return false;
    radix = simplify(radix * digit->extent);
    extents.push_back(digit->extent);
    digits.erase(digit);
  }
  AffineExpr length = getAffineConstantExpr(1, radix.getContext());
  for (int position : query.fiber->positions) {
    length = simplify(length * tensor.extents[position]);
    wanted.push_back(tensor.extents[position]);
  }
  if (getNumber(radix) && getNumber(length))
    return *getNumber(radix) >= *getNumber(length);
  // Products of unbound extents are compared factor by factor.
  auto isSame = [&](SmallVector<AffineExpr> factors) {
    auto before = [](AffineExpr a, AffineExpr b) {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    };
    llvm::sort(factors, before);
    llvm::sort(extents, before);
    return factors == extents;
  };
  // The parts of a split cover it by definition.
  return isSame(wanted) ||
         llvm::any_of(graph.splits, [&](const SplitRank &split) {
           SmallVector<AffineExpr> parts;
           for (StringAttr part : split.parts)
             parts.push_back(graph.getExtent(part));
           return graph.getExtent(split.whole) == length && isSame(parts);
         });
}

//===----------------------------------------------------------------------===//
// With sets
//===----------------------------------------------------------------------===//

namespace {

/// Collects conditions over numbered variables: those that stay, then those
/// that are projected out.
class SetBuilder {
public:
  SetBuilder(MLIRContext *context, unsigned kept)
      : context(context), kept(kept) {
    variables = kept;
  }
  AffineExpr add() { return getAffineDimExpr(variables++, context); }
  void require(AffineExpr expr, bool isEq) {
    expr = simplify(expr);
    affine &= expr.isPureAffine();
    constraints.push_back(expr);
    equalities.push_back(isEq);
  }
  void bound(AffineExpr variable, AffineExpr extent) {
    require(variable, false);
    require(extent - 1 - variable, false);
  }
  /// Nullopt if some condition is not affine.
  std::optional<presburger::IntegerPolyhedron> build() const {
    if (!affine)
      return std::nullopt;
    IntegerSet set =
        constraints.empty()
            ? IntegerSet::get(variables, 0, {getAffineConstantExpr(0, context)},
                              {true})
            : IntegerSet::get(variables, 0, constraints, equalities);
    presburger::IntegerPolyhedron polyhedron{FlatLinearValueConstraints(set)};
    polyhedron.convertToLocal(presburger::VarKind::SetDim, kept, variables);
    presburger::IntegerPolyhedron plain(
        presburger::PresburgerSpace::getSetSpace(kept, 0,
                                                 polyhedron.getNumLocalVars()));
    for (unsigned i = 0; i < polyhedron.getNumEqualities(); ++i)
      plain.addEquality(polyhedron.getEquality(i));
    for (unsigned i = 0; i < polyhedron.getNumInequalities(); ++i)
      plain.addInequality(polyhedron.getInequality(i));
    return removeExactly(plain);
  }

private:
  MLIRContext *context;
  unsigned kept, variables;
  bool affine = true;
  SmallVector<AffineExpr> constraints;
  SmallVector<bool> equalities;
};

/// The sets A and B of one query. Variables: ranks held, parameters, targets.
class Sets {
public:
  Sets(const CascadeGraph &graph, const Coverer::Query &query)
      : graph(graph), query(query),
        context(query.fiber->coordinate.getContext()) {
    unsigned next = 0;
    for (int dim : query.held)
      held[dim] = getAffineDimExpr(next++, context);
    for (unsigned i = 0; i < graph.symbols.size(); ++i)
      parameters.push_back(getAffineDimExpr(next++, context));
    for (unsigned i = 0; i < query.targets.size(); ++i)
      targets.push_back(getAffineDimExpr(next++, context));
    kept = next;
  }

  std::optional<PresburgerSet> buildWanted(const Pins &pins) {
    SetBuilder set(context, kept);
    SmallVector<AffineExpr> dims = rankVariables(set, /*others=*/false);
    addHeld(set, dims, pins);
    const GraphTensor &tensor = graph.tensors[query.fiber->tensor];
    SmallVector<AffineExpr> index;
    for (AffineExpr extent : tensor.extents) {
      index.push_back(set.add());
      set.bound(index.back(), translate(extent, {}));
    }
    for (const Condition &condition : tensor.domain)
      set.require(translate(condition.expr, index), condition.isEq);
    AffineExpr coordinate = translate(query.fiber->coordinate, index);
    if (query.fiber->first)
      set.require(coordinate - *query.fiber->first, false);
    if (query.fiber->end)
      set.require(*query.fiber->end - 1 - coordinate, false);
    for (auto [target, variable] : llvm::zip(query.targets, targets))
      set.require(variable - (target.position < 0 ? coordinate
                                                  : index[target.position]),
                  true);
    for (const Target &known : query.known)
      set.require(index[known.position] - translate(known.expr, dims), true);
    std::optional<presburger::IntegerPolyhedron> built = set.build();
    return built ? std::optional(PresburgerSet(*built)) : std::nullopt;
  }

  std::optional<PresburgerSet> buildReached(const Pins &pins) {
    SetBuilder set(context, kept);
    SmallVector<AffineExpr> dims = rankVariables(set, /*others=*/true);
    if (query.einsum) {
      for (auto [dim, extent] : llvm::zip(dims, query.einsum->extents))
        set.bound(dim, translate(extent, {}));
      for (const Condition &condition : query.einsum->domain)
        set.require(translate(condition.expr, dims), condition.isEq);
    }
    addPins(set, dims, query.pins);
    addPins(set, dims, pins);
    for (auto [local, extent] : query.locals) {
      locals[local] = set.add();
      set.bound(locals[local], translate(extent, {}));
    }
    for (auto [target, variable] : llvm::zip(query.targets, targets))
      set.require(variable - translate(target.expr, dims), true);
    std::optional<presburger::IntegerPolyhedron> built = set.build();
    if (built)
      built = shrink(*built);
    return built ? std::optional(PresburgerSet(*built)) : std::nullopt;
  }

  unsigned firstTarget() const { return kept - query.targets.size(); }
  /// Samples can be drawn only from bounded sets.
  bool isBounded() const { return parameters.empty(); }
  unsigned numHeld() const { return query.held.size(); }
  unsigned numKept() const { return kept; }

private:
  SmallVector<AffineExpr> rankVariables(SetBuilder &set, bool others) {
    SmallVector<AffineExpr> dims;
    unsigned count = query.einsum ? query.einsum->dims.size() : 0;
    for (unsigned dim = 0; dim < count; ++dim) {
      auto it = held.find(dim);
      dims.push_back(it != held.end() ? it->second
                     : others         ? set.add()
                                      : getAffineConstantExpr(0, context));
    }
    return dims;
  }

  void addHeld(SetBuilder &set, ArrayRef<AffineExpr> dims, const Pins &pins) {
    for (AffineExpr parameter : parameters)
      set.require(parameter - kLeastParameter, false);
    for (auto [dim, variable] : held)
      set.bound(variable, translate(query.einsum->extents[dim], {}));
    if (query.einsum)
      for (const Condition &condition : query.einsum->domain)
        if (isHeld(condition.expr))
          set.require(translate(condition.expr, dims), condition.isEq);
    for (const Pins *list : {&query.pins, &pins})
      for (const Pin &pin : *list)
        if (held.count(pin.dim))
          set.require(dims[pin.dim] - translate(pin.value, {}), true);
  }

  void addPins(SetBuilder &set, ArrayRef<AffineExpr> dims, const Pins &pins) {
    for (const Pin &pin : pins)
      set.require(dims[pin.dim] - translate(pin.value, {}), true);
  }

  bool isHeld(AffineExpr expr) {
    for (unsigned dim = 0; dim < query.einsum->dims.size(); ++dim)
      if (expr.isFunctionOfDim(dim) && !held.count(dim))
        return false;
    return true;
  }

  AffineExpr translate(AffineExpr expr, ArrayRef<AffineExpr> dims) {
    SmallVector<AffineExpr> symbols(parameters.begin(), parameters.end());
    unsigned most = 0;
    for (auto [local, variable] : locals)
      most = std::max(most, local + 1);
    symbols.resize(std::max<size_t>(most, symbols.size()),
                   getAffineConstantExpr(0, context));
    for (auto [local, variable] : locals)
      symbols[local] = variable;
    return expr.replaceDimsAndSymbols(dims, symbols);
  }

  const CascadeGraph &graph;
  const Coverer::Query &query;
  MLIRContext *context;
  std::map<int, AffineExpr> held;
  std::map<unsigned, AffineExpr> locals;
  SmallVector<AffineExpr> parameters, targets;
  unsigned kept;
};

} // namespace

/// True if the first target takes at least three values.
static bool hasSeveral(PresburgerSet set, unsigned target) {
  SmallVector<llvm::DynamicAPInt> sample;
  for (int found = 0; found < 2; ++found) {
    if (!set.findIntegerSample(sample))
      return false;
    // The sample has existential variables too.
    presburger::IntegerPolyhedron same(presburger::PresburgerSpace::getSetSpace(
        set.getSpace().getNumDimVars()));
    same.addBound(presburger::BoundType::EQ, target, sample[target]);
    set = set.subtract(PresburgerSet(same));
  }
  return !set.isIntegerEmpty();
}

/// True if pins leave something to cover, and all of it is reached.
static bool coversAt(Sets &sets, const Coverer::Query &query,
                     const Pins &pins) {
  std::optional<PresburgerSet> wanted = sets.buildWanted(pins);
  std::optional<PresburgerSet> reached = sets.buildReached(pins);
  if (!wanted || !reached || wanted->isIntegerEmpty() ||
      !wanted->subtract(*reached).isIntegerEmpty())
    return false;
  return query.targets.empty() || query.targets[0].position >= 0 ||
         !sets.isBounded() || hasSeveral(*wanted, sets.firstTarget());
}

/// Ranks held that some condition or target depends on.
static SmallVector<int> findCandidates(const Coverer::Query &query) {
  SmallVector<int> candidates;
  for (int dim : query.held) {
    bool matters = llvm::any_of(query.einsum->domain, [&](const Condition &c) {
      return c.expr.isFunctionOfDim(dim);
    });
    matters &=
        llvm::none_of(query.pins, [&](const Pin &p) { return p.dim == dim; });
    if (matters)
      candidates.push_back(dim);
  }
  return candidates;
}

/// All last, all first, then every mixture of few ranks.
static std::vector<Pins> listEnds(const Coverer::Query &query) {
  SmallVector<int> candidates = findCandidates(query);
  std::vector<Pins> ends;
  if (candidates.empty())
    return ends;
  MLIRContext *context = query.fiber->coordinate.getContext();
  unsigned mixtures = 1u << std::min<size_t>(candidates.size(), 3);
  for (unsigned mixture = 0; mixture < mixtures; ++mixture) {
    Pins pins;
    for (auto [i, dim] : llvm::enumerate(candidates)) {
      bool isFirst = i < 3 ? mixture >> i & 1 : false;
      pins.push_back({dim, isFirst ? getAffineConstantExpr(0, context)
                                   : simplify(query.einsum->extents[dim] - 1)});
    }
    ends.push_back(std::move(pins));
  }
  return ends;
}

/// A point of the ranks held from which every target is reached.
static std::optional<Pins> samplePins(const Coverer::Query &query, Sets &sets,
                                      const PresburgerSet &wanted,
                                      const PresburgerSet &missed) {
  unsigned held = sets.numHeld(), targets = sets.numKept() - held;
  auto project = [&](const PresburgerSet &set) {
    PresburgerSet result =
        PresburgerSet::getEmpty(presburger::PresburgerSpace::getSetSpace(held));
    for (const presburger::IntegerRelation &disjunct : set.getAllDisjuncts()) {
      presburger::IntegerPolyhedron points(disjunct);
      points.convertToLocal(presburger::VarKind::SetDim, held, held + targets);
      points = removeExactly(points);
      // A subset is enough: what is found is judged by the caller.
      if (std::optional<presburger::IntegerPolyhedron> subset = shrink(points))
        result.unionInPlace(*subset);
    }
    return result;
  };
  PresburgerSet good = project(wanted).subtract(project(missed));
  SmallVector<llvm::DynamicAPInt> sample;
  if (held == 0 || !good.findIntegerSample(sample))
    return std::nullopt;
  Pins pins;
  SmallVector<int> candidates = findCandidates(query);
  for (auto [i, dim] : llvm::enumerate(query.held))
    if (llvm::is_contained(candidates, dim))
      pins.push_back(
          {dim, getAffineConstantExpr(llvm::int64fromDynamicAPInt(sample[i]),
                                      query.fiber->coordinate.getContext())});
  return pins;
}

std::optional<Pins> Coverer::compute(const Query &query) {
  Sets sets(graph, query);
  std::optional<PresburgerSet> wanted = sets.buildWanted({});
  std::optional<PresburgerSet> reached = sets.buildReached({});
  if (!wanted || !reached || wanted->isIntegerEmpty())
    return std::nullopt;
  PresburgerSet missed = wanted->subtract(*reached);
  if (missed.isIntegerEmpty())
    return Pins();
  if (query.held.empty())
    return std::nullopt;
  for (const Pins &pins : listEnds(query))
    if (coversAt(sets, query, pins))
      return pins;
  if (!graph.symbols.empty())
    return std::nullopt;
  std::optional<Pins> pins = samplePins(query, sets, *wanted, missed);
  return pins && coversAt(sets, query, *pins) ? pins : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Everything the answer depends on.
static Coverer::Key makeKey(const CascadeGraph &graph,
                            const Coverer::Query &query) {
  Coverer::Key key;
  auto number = [&](int64_t n) { key.push_back(static_cast<uintptr_t>(n)); };
  auto expr = [&](AffineExpr e) {
    key.push_back(reinterpret_cast<uintptr_t>(e.getAsOpaquePointer()));
  };
  auto conditions = [&](ArrayRef<Condition> list) {
    number(list.size());
    for (const Condition &condition : list) {
      expr(condition.expr);
      number(condition.isEq);
    }
  };
  auto targets = [&](ArrayRef<Target> list) {
    number(list.size());
    for (const Target &target : list) {
      expr(target.expr);
      number(target.position);
    }
  };
  const GraphTensor &tensor = graph.tensors[query.fiber->tensor];
  number(tensor.extents.size());
  for (AffineExpr extent : tensor.extents)
    expr(extent);
  conditions(tensor.domain);
  expr(query.fiber->coordinate);
  number(query.fiber->first.value_or(-1));
  number(query.fiber->end.value_or(-1));
  targets(query.targets);
  targets(query.known);
  number(query.locals.size());
  for (auto [local, extent] : query.locals) {
    number(local);
    expr(extent);
  }
  number(query.held.size());
  for (int dim : query.held)
    number(dim);
  number(query.pins.size());
  for (const Pin &pin : query.pins) {
    number(pin.dim);
    expr(pin.value);
  }
  if (query.einsum) {
    for (AffineExpr extent : query.einsum->extents)
      expr(extent);
    conditions(query.einsum->domain);
  }
  return key;
}

std::optional<Pins> Coverer::cover(const Query &query) {
  if (isObvious(query) || isDense(query))
    return Pins();
  Key key = makeKey(graph, query);
  auto it = answers.find(key);
  if (it == answers.end())
    it = answers.emplace(std::move(key), compute(query)).first;
  return it->second;
}
