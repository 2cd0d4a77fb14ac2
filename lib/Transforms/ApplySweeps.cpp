//===- ApplySweeps.cpp - Reductions that share a traversal, written out ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For the rank m in tiles m1, and a reduction d = (+)_m F(x, ...) with frame g:
//
//   L[m1] = (+)_m0 F(x, g[m1])              local to the tile
//   T[m1] = C[m1] * R[m1-1]                 the old value carried to the new
//   frame R[m1] = T[m1] (+) L[m1]                 running d     = R[last] *
//   what was deferred
//
// with C[m1] = exp(g[m1-1] - g[m1]) for exponentials, the binomial sum over
// lower powers for (x - g)^n, and no T where nothing is carried. Names are made
// from the user's by one letter in front: L local, C correction, T transported,
// R running, F a frame made finite, D the distance that a frame moves, U before
// what is deferred.
//
// Everything is written down as statements first, over placeholders, and put
// into the cascade at the end: plans refer to tensors as they were.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/TransportLaws.h"
#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <queue>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {

/// A tensor to be made; reads of it go to a placeholder.
struct NewTensor {
  Value value;
  SmallVector<StringAttr, 4> ranks;
  explicit operator bool() const { return static_cast<bool>(value); }
};

/// A running statistic as others see it: complete up to the current tile, and
/// up to the one before.
struct Frame {
  Expr now = nullptr, old = nullptr;
  bool isExact = true;      ///< at the end it is the statistic itself
  bool startsFinite = true; ///< before the first tile
};

using Powers = SmallVector<unsigned, 2>;

/// What is summed up for one term: one accumulator for each combination of
/// powers of its shifts, the highest last.
struct Accumulators {
  std::vector<Powers> powers;
  std::vector<NewTensor>
      tensors; ///< none: a count of points, known without counting
  bool isRunning = false;
};

/// Everything that depends on one member.
struct MemberState {
  std::vector<Accumulators> terms;
  SmallVector<StringAttr, 4>
      ranks; ///< of its accumulators: output ranks and outer
};

class Emitter {
public:
  Emitter(CascadeEditor &editor, Facts &facts, SweepPlan &plan,
          const SweepOptions &options, Derivation &derivation)
      : editor(editor), exprs(editor.getExprs()), facts(facts), plan(plan),
        options(options), derivation(derivation), states(plan.members.size()) {}

  void run();

private:
  // Tiles.
  void makeParts();
  bool hasAbsentPoints();
  void findTiledTensors();
  bool isReadPlain(Operation *user, Value tensor);
  SmallVector<StringAttr, 4> tileRanks(ArrayRef<StringAttr> ranks) const;
  SmallVector<ReductionAttr, 2>
  tileReductions(ArrayRef<ReductionAttr> reductions, bool keepOuter) const;
  Expr tile(Expr expr);
  SmallVector<FilterTerm, 2> tile(ArrayRef<FilterTerm> filter);
  SmallVector<StringAttr, 4> insertOuter(const SweepMember &member);

  // New tensors.
  NewTensor add(Statement statement);
  NewTensor addPointwise(StringRef name, ArrayRef<StringAttr> order, Expr value,
                         Location loc,
                         std::optional<double> init = std::nullopt);
  Expr readAt(const NewTensor &tensor, AffineExpr outerIndex);
  SmallVector<StringAttr, 4> ranksOf(ArrayRef<Expr> exprs,
                                     ArrayRef<StringAttr> order);

  // Frames.
  void collectFrameUses(unsigned sweep);
  const Frame &getFrame(Expr d, const SweepMember &user);
  Expr runningValue(Expr d, AffineExpr at);
  Expr fillSlots(Expr expr, const SweepMember &user, const Term &term);
  bool mayStayEmpty(Expr d);
  bool restrictsRank(ArrayRef<FilterTerm> domain);
  Expr normalised(Expr d, Expr running);
  Expr pointsUpTo(AffineExpr at, Type type);
  Expr readAccumulator(const SweepMember &member, const Accumulators &made,
                       size_t which, AffineExpr at);
  int degreeInSums(Expr d);

  // Members.
  void emitSweep(unsigned sweep);
  void emitWhole(unsigned index);
  void emitRunning(unsigned index);
  void emitTerm(unsigned index, const Term &term, unsigned termIndex);
  void emitKept(const SweepMember &member);
  void emitAccumulator(unsigned index, const Term &term, Accumulators &made,
                       unsigned which, StringRef name);
  bool canCount(const SweepMember &member);
  Expr transported(const SweepMember &member, const Term &term,
                   const Accumulators &made, unsigned which);
  NewTensor getCorrection(const Term &term, const SweepMember &member);
  Expr getMove(const Shift &shift, const SweepMember &member);
  Expr finalMove(const Shift &shift, const SweepMember &member);
  Expr combine(const SweepMember &member, Expr a, Expr b);
  double identity(const SweepMember &member);

  // Values.
  Expr valueOf(unsigned index, AffineExpr at, bool isRunning);
  Expr withFactors(const SweepMember &member, const Term &term, Expr value,
                   AffineExpr at, bool isRunning);
  bool mayBeEmpty(const SweepMember &member);
  Expr arithmetic(StringRef op, Expr a, Expr b);
  Expr scaled(Expr coefficient, Expr now, Expr old);
  void finish(unsigned index);

  // Into the cascade.
  void commit();
  Expr resolve(Expr expr);

  // The derivation.
  void recordStep(unsigned index, size_t firstNew);
  SmallVector<std::string, 2> textBefore(const SweepMember &member);
  SmallVector<std::string, 2> textAfterDeferral(const SweepMember &member);

  CascadeEditor &editor;
  ExprContext &exprs;
  Facts &facts;
  SweepPlan &plan;
  const SweepOptions &options;
  Derivation &derivation;
  std::vector<MemberState> states;

  StringAttr outer;
  SmallVector<StringAttr, 2> inner;
  RankMap rankMap;
  llvm::DenseSet<Operation *>
      isNeededWhole; ///< stays as it is, at the rank itself
  llvm::DenseMap<Value, NewTensor> tiled; ///< leaves in tiles
  SmallVector<Operation *> tiledOps;
  llvm::DenseMap<Value, NewTensor> keptTensors; ///< terms at the frame

  struct FrameUse {
    bool inExponent = false, inShift = false;
    double sign = -1; ///< of its coefficient in exponents
  };
  llvm::MapVector<Expr, FrameUse> frameUses;
  llvm::DenseMap<Expr, Frame> frames;
  llvm::DenseMap<Expr, Expr> moves; ///< by body of the shift
  SmallVector<std::pair<SmallVector<Exponent, 1>, NewTensor>> corrections;
  std::vector<SmallVector<unsigned, 4>> bySweep; ///< positions of members
  unsigned currentSweep = 0;

  std::vector<Statement> news;
  std::vector<Value> placeholders;
  /// Which of them a step of the derivation made.
  struct StepNews {
    size_t step, first, end;
  };
  std::vector<StepNews> stepNews;
  SmallVector<Value> temporaries; ///< that only texts name
  /// What a read of an old tensor becomes, at its own ranks.
  struct Replacement {
    Expr value;
    SmallVector<StringAttr, 4> ranks;
  };
  llvm::DenseMap<Value, Replacement> replacements;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void Emitter::makeParts() {
  StringAttr whole = plan.names.front();
  if (plan.names.size() > 1) { // split already
    outer = plan.names[1];
    inner.assign(plan.names.begin() + 2, plan.names.end());
  } else if (options.tileName.empty() && !hasAbsentPoints()) {
    outer = whole;
    return;
  } else {
    // A tile of one element skips the points that a filter excludes.
    AffineExpr tileExtent = getAffineConstantExpr(1, editor.getContext());
    if (!options.tileName.empty())
      tileExtent =
          editor.param(editor.addParam(options.tileName, options.tileSize));
    CascadeEditor::Parts parts = editor.split(whole, tileExtent);
    outer = parts.outer;
    inner.push_back(parts.inner);
  }
  AffineExpr flat = editor.rank(outer);
  for (StringAttr part : inner)
    flat = flat * editor.extent(part) + editor.rank(part);
  rankMap[whole] = flat;
}

/// Does some reduction leave out points?
bool Emitter::hasAbsentPoints() {
  return llvm::any_of(plan.members, [&](const SweepMember &member) {
    SmallVector<FilterTerm, 4> domain(member.statement.filter.begin(),
                                      member.statement.filter.end());
    facts.canonical(member.statement.values[0], &domain);
    return !domain.empty();
  });
}

SmallVector<StringAttr, 4>
Emitter::tileRanks(ArrayRef<StringAttr> ranks) const {
  SmallVector<StringAttr, 4> result;
  for (StringAttr rank : ranks) {
    if (!rankMap.contains(rank)) {
      result.push_back(rank);
      continue;
    }
    result.push_back(outer);
    llvm::append_range(result, inner);
  }
  return result;
}

SmallVector<ReductionAttr, 2>
Emitter::tileReductions(ArrayRef<ReductionAttr> reductions,
                        bool keepOuter) const {
  SmallVector<ReductionAttr, 2> result;
  for (ReductionAttr reduction : reductions)
    for (StringAttr rank : tileRanks(reduction.getRank()))
      if (keepOuter || rank != outer)
        result.push_back(ReductionAttr::get(editor.getContext(), rank,
                                            reduction.getMonoid()));
  return result;
}

Expr Emitter::tile(Expr expr) {
  Expr moved = exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (!node->isRead())
      return nullptr;
    NewTensor tensor = keptTensors.lookup(node->tensor);
    if (!tensor)
      tensor = tiled.lookup(node->tensor);
    if (!tensor)
      return nullptr;
    Indices indices;
    StringAttr whole = plan.names.front();
    for (AffineExpr index : node->indices) {
      if (!rankMap.contains(whole) || index != editor.rank(whole)) {
        indices.push_back(index);
        continue;
      }
      indices.push_back(editor.rank(outer));
      for (StringAttr part : inner)
        indices.push_back(editor.rank(part));
    }
    return exprs.read(tensor.value, indices);
  });
  return editor.substitute(moved, rankMap);
}

SmallVector<FilterTerm, 2> Emitter::tile(ArrayRef<FilterTerm> filter) {
  SmallVector<FilterTerm, 2> result;
  for (const FilterTerm &constraint : filter)
    result.push_back(editor.substitute(constraint, rankMap));
  return result;
}

/// The output ranks with the outer part where the rank stands in the first
/// tensor that is read along it.
SmallVector<StringAttr, 4> Emitter::insertOuter(const SweepMember &member) {
  const Statement &statement = member.statement;
  SmallVector<StringAttr, 4> result(statement.outputRanks);
  size_t position = 0;
  bool found = false;
  walk(statement.values[0], [&](Expr node) {
    if (found || !node->isRead())
      return;
    size_t before = 0;
    for (AffineExpr index : node->indices) {
      for (StringAttr name : plan.names)
        if (!found &&
            index.isFunctionOfDim(
                cast<AffineDimExpr>(editor.rank(name)).getPosition())) {
          found = true;
          position = before;
        }
      auto dim = dyn_cast<AffineDimExpr>(index);
      if (!found && dim &&
          llvm::is_contained(statement.outputRanks,
                             editor.rankAt(dim.getPosition())))
        ++before;
    }
  });
  result.insert(result.begin() + position, outer);
  return result;
}

bool Emitter::isReadPlain(Operation *user, Value tensor) {
  const Statement &statement = *facts.definition(user->getResult(0));
  Expr plain = editor.readPlain(tensor);
  bool isPlain = true;
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (node->isRead() && node->tensor == tensor) {
        StringAttr whole = plan.names.front();
        for (auto [index, own] : llvm::zip(node->indices, plain->indices))
          if (own == editor.rank(whole) && index != own)
            isPlain = false;
      }
    });
  return isPlain;
}

/// Leaves that only tiles read are computed in tiles: QK[m,p] becomes
/// QK[m1,m0,p]. What is still read along the whole rank stays.
void Emitter::findTiledTensors() {
  // What remains when the members are cut off from what they read.
  llvm::DenseSet<Operation *> members;
  for (SweepMember &member : plan.members)
    if (plan.isChanged(member.sweep))
      members.insert(member.op);
  llvm::SetVector<Operation *> needed;
  auto need = [&](Value tensor) {
    if (Operation *producer = tensor.getDefiningOp())
      needed.insert(producer);
  };
  for (OutputOp output : editor.getCascade().getBodyBlock()->getOps<OutputOp>())
    needed.insert(output);
  for (SweepMember &member : plan.members)
    if (!members.contains(member.op))
      needed.insert(member.op);
  for (SweepMember &member : plan.members)
    for (const Term &term : member.terms)
      for (const Factor &factor : term.factors)
        walk(factor.d, [&](Expr node) {
          if (node->isRead())
            need(node->tensor);
        });
  for (size_t i = 0; i < needed.size(); ++i)
    if (!members.contains(needed[i]))
      for (Value operand : needed[i]->getOperands())
        need(operand);
  if (!rankMap.contains(plan.names.front()))
    return;

  SmallVector<Operation *> candidates;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<EinsumInterface>(op) && !members.contains(&op))
      candidates.push_back(&op);
  // Users first: a leaf may be tiled if all its users are.
  llvm::DenseSet<Operation *> inTiles;
  for (Operation *op : members)
    inTiles.insert(op);
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation *op : llvm::reverse(candidates)) {
      if (inTiles.contains(op) || op->getNumResults() != 1)
        continue;
      const Statement &statement = *facts.definition(op->getResult(0));
      bool hasRank =
          llvm::is_contained(statement.outputRanks, plan.names.front());
      bool mayTile = hasRank && statement.init.empty() &&
                     llvm::all_of(op->getUsers(), [&](Operation *user) {
                       // Dead users do not count.
                       bool isDead = isa<EinsumInterface>(user) &&
                                     !needed.contains(user) &&
                                     !members.contains(user) &&
                                     plan.stages.lookup(user->getResult(0)) >
                                         plan.stages.lookup(op->getResult(0));
                       return (isDead || inTiles.contains(user)) &&
                              isReadPlain(user, op->getResult(0));
                     });
      if (!mayTile)
        continue;
      inTiles.insert(op);
      changed = true;
    }
  }
  llvm::DenseSet<Value> aligned;
  for (const SweepMember &member : plan.members)
    aligned.insert(member.seenThrough.begin(), member.seenThrough.end());
  for (Operation *op : candidates) {
    if (!inTiles.contains(op) || op->use_empty())
      continue;
    // Aligned tensors are made anew at the frame, or not at all.
    const Statement &statement = *facts.definition(op->getResult(0));
    bool isLeaf = llvm::any_of(op->getUsers(), [&](Operation *user) {
      return members.contains(user) || inTiles.contains(user);
    });
    if (!isLeaf || aligned.contains(op->getResult(0)))
      continue;
    Value placeholder = editor.declare(statement.tensors[0].getValue(),
                                       tileRanks(statement.outputRanks),
                                       statement.elementTypes[0]);
    tiled[op->getResult(0)] = {placeholder, tileRanks(statement.outputRanks)};
    tiledOps.push_back(op);
  }
}

//===----------------------------------------------------------------------===//
// New tensors
//===----------------------------------------------------------------------===//

NewTensor Emitter::add(Statement statement) {
  NewTensor made;
  made.ranks.assign(statement.outputRanks.begin(), statement.outputRanks.end());
  made.value = editor.declare(statement.tensors[0].getValue(),
                              statement.outputRanks, statement.elementTypes[0]);
  news.push_back(std::move(statement));
  placeholders.push_back(made.value);
  return made;
}

/// Ranks that occur in `values`, in the order of `order` and then of the
/// numbering.
SmallVector<StringAttr, 4> Emitter::ranksOf(ArrayRef<Expr> values,
                                            ArrayRef<StringAttr> order) {
  llvm::SetVector<StringAttr> used;
  for (Expr value : values)
    walk(value, [&](Expr node) {
      if (node->kind == ExprNode::Kind::index)
        used.insert(cast<StringAttr>(node->data));
      for (AffineExpr index : node->indices)
        index.walk([&](AffineExpr part) {
          if (auto dim = dyn_cast<AffineDimExpr>(part))
            used.insert(editor.rankAt(dim.getPosition()));
        });
    });
  SmallVector<StringAttr, 4> result;
  for (StringAttr rank : order)
    if (used.contains(rank))
      result.push_back(rank);
  for (StringAttr rank : used)
    if (!llvm::is_contained(result, rank))
      result.push_back(rank);
  return result;
}

NewTensor Emitter::addPointwise(StringRef name, ArrayRef<StringAttr> order,
                                Expr value, Location loc,
                                std::optional<double> init) {
  Statement statement(loc);
  statement.tensors.push_back(editor.freshTensor(name));
  statement.elementTypes.push_back(value->type);
  statement.outputRanks.assign(ranksOf(value, order));
  statement.values.push_back(value);
  if (init)
    statement.init.push_back(FloatAttr::get(value->type, *init));
  return add(std::move(statement));
}

Expr Emitter::readAt(const NewTensor &tensor, AffineExpr outerIndex) {
  Indices indices;
  for (StringAttr rank : tensor.ranks)
    indices.push_back(rank == outer ? outerIndex : editor.rank(rank));
  return exprs.read(tensor.value, indices);
}

Expr Emitter::arithmetic(StringRef op, Expr a, Expr b) {
  exprs.widen(a, b);
  return exprs.op(op, {a, b}, a->type);
}

static Expr convert(ExprContext &exprs, Expr value, Type type) {
  unsigned from = value->type.getIntOrFloatBitWidth(),
           to = type.getIntOrFloatBitWidth();
  if (value->type == type)
    return value;
  if (from == to) { // f16 <-> bf16
    Type wide = Float32Type::get(type.getContext());
    return exprs.op("arith.truncf", {exprs.op("arith.extf", {value}, wide)},
                    type);
  }
  return exprs.op(from < to ? "arith.extf" : "arith.truncf", {value}, type);
}

//===----------------------------------------------------------------------===//
// Frames
//===----------------------------------------------------------------------===//

void Emitter::collectFrameUses(unsigned sweep) {
  for (unsigned index : bySweep[sweep]) {
    const SweepMember &member = plan.members[index];
    auto note = [&](const Term &term) {
      for (const Exponent &exponent : term.exponents) {
        FrameUse &use = frameUses[exponent.d];
        use.inExponent = true;
        Sign sign = facts.sign(exponent.coefficient);
        use.sign = sign == Sign::positive || sign == Sign::nonNegative ? 1 : -1;
      }
    };
    for (const Term &term : member.terms)
      note(term);
    for (const Separator::Kept &kept : member.kept)
      note(kept.term);
  }
  // A shift takes over frames that exponents have anyway, if it can.
  for (unsigned index : bySweep[sweep])
    for (const Term &term : plan.members[index].terms)
      for (const Shift &shift : term.shifts) {
        auto isShared = [&](const Part &part) {
          return frameUses.lookup(part.d).inExponent;
        };
        bool anyShared = llvm::any_of(shift.linear.parts, isShared);
        for (const Part &part : shift.linear.parts)
          if (!anyShared || isShared(part))
            frameUses[part.d].inShift = true;
      }
}

/// The value of a statistic, or of something made of statistics, after tile
/// `at`.
Expr Emitter::runningValue(Expr d, AffineExpr at) {
  return exprs.rewrite(d, [&](Expr node) -> Expr {
    // Statistics of earlier sweeps are complete.
    if (!node->isRead() || plan.stages.lookup(node->tensor) != currentSweep + 1)
      return nullptr;
    RankMap map;
    if (SweepMember *member = plan.find(node->tensor)) {
      unsigned index = member - plan.members.data();
      for (auto [rank, i] :
           llvm::zip(member->statement.outputRanks, node->indices))
        map[rank] = i;
      return editor.substitute(valueOf(index, at, /*isRunning=*/true), map);
    }
    const Statement *producer = facts.definition(node->tensor);
    if (!producer || !producer->isPointwise() || producer->values.size() != 1)
      return nullptr;
    SmallVector<FilterTerm, 2> filter;
    Expr inner = editor.inlineRead(node, *producer, filter);
    Expr running = runningValue(inner, at);
    return running == inner ? nullptr : running;
  });
}

/// False if the first coordinate of the rank is always among the points.
bool Emitter::restrictsRank(ArrayRef<FilterTerm> domain) {
  RankMap toFirst;
  for (StringAttr name : plan.names)
    toFirst[name] = getAffineConstantExpr(0, editor.getContext());
  auto isAtLeastZero = [&](AffineExpr expr,
                           auto &self) -> std::optional<int64_t> {
    // A lower bound, with ranks at least 0 and parameters at least 1.
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return constant.getValue();
    if (isa<AffineDimExpr>(expr))
      return 0;
    if (isa<AffineSymbolExpr>(expr))
      return 1;
    auto binary = cast<AffineBinaryOpExpr>(expr);
    std::optional<int64_t> lhs = self(binary.getLHS(), self),
                           rhs = self(binary.getRHS(), self);
    if (!lhs || !rhs)
      return std::nullopt;
    if (expr.getKind() == AffineExprKind::Add)
      return *lhs + *rhs;
    if (expr.getKind() == AffineExprKind::Mul && *lhs >= 0 && *rhs >= 0)
      return *lhs * *rhs;
    return *lhs >= 0 && *rhs > 0 ? std::optional<int64_t>(0) : std::nullopt;
  };
  return llvm::any_of(domain, [&](const FilterTerm &constraint) {
    FilterTerm first = editor.substitute(constraint, toFirst);
    std::optional<int64_t> low =
        first.isEq ? std::nullopt : isAtLeastZero(first.expr, isAtLeastZero);
    return !low || *low < 0;
  });
}

/// May a running extremum still be infinite after some tile?
bool Emitter::mayStayEmpty(Expr d) {
  if (options.guard != Guard::automatic)
    return options.guard == Guard::always;
  bool found = false;
  auto visit = [&](Expr e, auto &self) -> void {
    walk(e, [&](Expr node) {
      if (!node->isRead() || found)
        return;
      const Statement *producer = facts.definition(node->tensor);
      if (!producer)
        return;
      if (producer->isPointwise()) {
        SmallVector<FilterTerm, 2> filter;
        self(editor.inlineRead(node, *producer, filter), self);
        return;
      }
      if (!plan.find(node->tensor))
        return;
      SmallVector<FilterTerm, 2> domain(producer->filter);
      Expr value = facts.canonical(producer->values[0], &domain);
      found |= restrictsRank(domain) || facts.mayBeMinusInfinity(value);
    });
  };
  visit(d, visit);
  return found;
}

/// The power of sums over the rank in `d`: 1 for a mean, 0 for a maximum or a
/// ratio of sums; -1 if it has none.
int Emitter::degreeInSums(Expr d) {
  auto isSum = [&](Expr atom) {
    SweepMember *member = atom->isRead() ? plan.find(atom->tensor) : nullptr;
    return member && member->statement.reductions.front().getMonoid() == "add";
  };
  Polynomial polynomial = facts.polynomial(facts.canonical(d));
  std::optional<int> degree;
  for (const auto &[monomial, coefficient] : polynomial.terms) {
    int sum = 0;
    for (auto [atom, power] : monomial) {
      if (!isSum(atom) && anyOf(atom, isSum))
        return -1;
      sum += isSum(atom) ? power : 0;
    }
    if (degree && *degree != sum)
      return -1;
    degree = sum;
  }
  return degree.value_or(-1);
}

/// A mean over what was seen so far is a better frame than a part of the sum
/// over the whole count: it is scaled by extent / count.
Expr Emitter::normalised(Expr d, Expr running) {
  if (degreeInSums(d) != 1)
    return running;
  Expr whole = editor.scalar(editor.extent(plan.names.front()), running->type);
  Expr count = pointsUpTo(editor.rank(outer), running->type);
  if (running->isOp("arith.divf") && running->operands[1] == whole)
    return exprs.div(running->operands[0], count);
  return exprs.mul(running, exprs.div(whole, count));
}

/// Coordinates of the rank in the tiles up to `at`; the last tile may be
/// ragged.
Expr Emitter::pointsUpTo(AffineExpr at, Type type) {
  AffineExpr perStep = getAffineConstantExpr(1, editor.getContext());
  for (StringAttr part : inner)
    perStep = perStep * editor.extent(part);
  Expr seen = editor.scalar((at + 1) * perStep, type);
  if (inner.empty())
    return seen;
  return exprs.min(seen,
                   editor.scalar(editor.extent(plan.names.front()), type));
}

/// What is accumulated up to step `at`.
Expr Emitter::readAccumulator(const SweepMember &member,
                              const Accumulators &made, size_t which,
                              AffineExpr at) {
  if (made.tensors[which])
    return readAt(made.tensors[which], at);
  Type scalar = getScalarType(member.statement.elementTypes[0]);
  Expr count = pointsUpTo(at, scalar);
  for (ReductionAttr reduction : member.statement.reductions)
    if (!llvm::is_contained(plan.names, reduction.getRank()))
      count = exprs.mul(
          count, editor.scalar(editor.extent(reduction.getRank()), scalar));
  return count;
}

static std::string nameOfStatistic(Expr d) {
  std::string name;
  walk(d, [&](Expr node) {
    if (name.empty() && node->isRead())
      name = getTensorName(node->tensor).str();
  });
  return d->isRead() ? getTensorName(d->tensor).str() : name;
}

const Frame &Emitter::getFrame(Expr d, const SweepMember &user) {
  auto it = frames.find(d);
  if (it != frames.end())
    return it->second;
  const FrameUse use = frameUses.lookup(d);
  AffineExpr now = editor.rank(outer), before = now - 1;
  Frame frame;
  frame.now = runningValue(d, now);
  frame.old = runningValue(d, before);
  std::string name = nameOfStatistic(d);
  Location loc = user.statement.loc;
  Expr lowest = exprs.number(use.sign * kInfinity, frame.now->type);
  Expr zero = exprs.number(0, frame.now->type);
  if (use.inShift && !use.inExponent) {
    bool isPartial = false;
    walk(d, [&](Expr node) {
      if (SweepMember *member =
              node->isRead() ? plan.find(node->tensor) : nullptr)
        isPartial |= mayBeEmpty(*member);
    });
    Expr value = normalised(d, frame.now);
    // Where nothing was seen yet, or where a filter makes the count a guess,
    // any finite frame will do; the last one is brought to the true value at
    // the end.
    bool mayDivideByZero = anyOf(facts.canonical(d), [&](Expr node) {
      if (!node->isOp("arith.divf"))
        return false;
      Sign sign = facts.sign(node->operands[1]);
      return isPartial || (sign != Sign::positive && sign != Sign::negative);
    });
    if (mayDivideByZero) {
      Expr difference = exprs.sub(value, value);
      value = exprs.select(exprs.equal(difference, zero), value, zero);
    }
    frame.isExact = !isPartial;
    NewTensor tensor = addPointwise(
        "R" + name, states[&user - plan.members.data()].ranks, value, loc, 0.0);
    frame.now = readAt(tensor, now);
    frame.old = readAt(tensor, before);
    return frames[d] = frame;
  }
  frame.startsFinite = false;
  ArrayRef<StringAttr> order = states[&user - plan.members.data()].ranks;
  if (!frame.now->isRead()) {
    NewTensor tensor =
        addPointwise("R" + name, order, frame.now, loc, use.sign * kInfinity);
    frame.now = readAt(tensor, now);
    frame.old = readAt(tensor, before);
  }
  if (mayStayEmpty(d)) {
    Expr finite = exprs.select(exprs.equal(frame.now, lowest), zero, frame.now);
    frame.now = readAt(addPointwise("F" + name, order, finite, loc), now);
  }
  return frames[d] = frame;
}

/// Puts frames where slots are; a part of a shift that is no frame is left out.
Expr Emitter::fillSlots(Expr expr, const SweepMember &user, const Term &term) {
  return exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (node->kind != ExprNode::Kind::slot)
      return nullptr;
    Expr d = plan.slots.statistics[node->slot];
    if (!frameUses.contains(d))
      return exprs.number(0, node->type);
    return getFrame(d, user).now;
  });
}

//===----------------------------------------------------------------------===//
// Carrying accumulators along
//===----------------------------------------------------------------------===//

/// coefficient * (now - old), written with as few operations as possible.
Expr Emitter::scaled(Expr coefficient, Expr now, Expr old) {
  std::optional<double> c = getNumber(coefficient);
  bool isNegative = c && *c < 0;
  if (coefficient->isOp("arith.mulf") &&
      isNumber(coefficient->operands[0], -1)) {
    coefficient = coefficient->operands[1];
    isNegative = true;
  } else if (isNegative) {
    coefficient = exprs.number(-*c, coefficient->type);
  }
  Expr difference = isNegative ? arithmetic("arith.subf", old, now)
                               : arithmetic("arith.subf", now, old);
  return isNumber(coefficient, 1)
             ? difference
             : arithmetic("arith.mulf", coefficient, difference);
}

NewTensor Emitter::getCorrection(const Term &term, const SweepMember &member) {
  for (auto &[exponents, tensor] : corrections)
    if (exponents == term.exponents)
      return tensor;
  Expr value = nullptr;
  for (const Exponent &exponent : term.exponents) {
    const Frame frame = getFrame(exponent.d, member);
    Expr move = scaled(exponent.coefficient, frame.now, frame.old);
    Expr factor = exprs.op(exponent.base, {move}, move->type);
    value = value ? arithmetic("arith.mulf", value, factor) : factor;
  }
  NewTensor tensor = addPointwise(
      "C" + nameOfStatistic(term.exponents.front().d),
      states[&member - plan.members.data()].ranks, value, member.statement.loc);
  corrections.push_back({term.exponents, tensor});
  return tensor;
}

/// By how much x - d changes when the frames move on.
Expr Emitter::getMove(const Shift &shift, const SweepMember &member) {
  if (Expr known = moves.lookup(shift.linear.body))
    return known;
  Expr sum = nullptr;
  std::string name;
  for (const Part &part : shift.linear.parts) {
    if (!frameUses.contains(part.d))
      continue;
    const Frame frame = getFrame(part.d, member);
    Expr move = scaled(part.coefficient, frame.now, frame.old);
    if (!frame.startsFinite) {
      Expr lowest = exprs.number(frameUses.lookup(part.d).sign * kInfinity,
                                 frame.old->type);
      move = exprs.select(exprs.equal(frame.old, lowest),
                          exprs.number(0, move->type), move);
    }
    sum = sum ? arithmetic("arith.addf", sum, move) : move;
    if (name.empty())
      name = nameOfStatistic(part.d);
  }
  if (!sum)
    return nullptr;
  NewTensor tensor =
      addPointwise("D" + name, states[&member - plan.members.data()].ranks, sum,
                   member.statement.loc);
  return moves[shift.linear.body] = readAt(tensor, editor.rank(outer));
}

/// By how much x - d still changes from the last frames to the true statistics.
Expr Emitter::finalMove(const Shift &shift, const SweepMember &member) {
  Expr sum = nullptr;
  AffineExpr last = editor.extent(outer) - 1;
  for (const Part &part : shift.linear.parts) {
    Expr move;
    if (!frameUses.contains(part.d)) {
      std::optional<double> c = getNumber(part.coefficient);
      move = c && *c == -1 ? exprs.neg(part.d)
                           : arithmetic("arith.mulf", part.coefficient, part.d);
    } else {
      const Frame frame = getFrame(part.d, member);
      if (frame.isExact)
        continue;
      RankMap toLast{{outer, last}};
      move = scaled(part.coefficient, part.d,
                    editor.substitute(frame.now, toLast));
    }
    sum = sum ? arithmetic("arith.addf", sum, move) : move;
  }
  return sum;
}

static double binomial(unsigned n, unsigned k) {
  double result = 1;
  for (unsigned i = 0; i < k; ++i)
    result = result * (n - i) / (i + 1);
  return std::round(result);
}

/// Sum over lower powers j of prod binomial(k, j) move^(k - j) * read(j).
static Expr
binomialSum(const Powers &powers, const std::vector<Powers> &all,
            ArrayRef<Expr> moves, llvm::function_ref<Expr(size_t)> read,
            llvm::function_ref<Expr(StringRef, Expr, Expr)> arithmetic,
            ExprContext &exprs) {
  Expr sum = nullptr;
  for (size_t which = all.size(); which-- > 0;) {
    double coefficient = 1;
    bool isBelow = true;
    for (auto [k, j] : llvm::zip(powers, all[which])) {
      isBelow &= j <= k;
      coefficient *= j <= k ? binomial(k, j) : 0;
    }
    if (!isBelow)
      continue;
    Expr value = read(which);
    bool vanishes = false;
    for (size_t i = 0; i < powers.size(); ++i)
      for (unsigned j = all[which][i]; j < powers[i]; ++j) {
        vanishes |= !moves[i];
        if (moves[i])
          value = arithmetic("arith.mulf", moves[i], value);
      }
    if (vanishes)
      continue;
    if (coefficient != 1)
      value = arithmetic("arith.mulf", exprs.number(coefficient, value->type),
                         value);
    sum = sum ? arithmetic("arith.addf", sum, value) : value;
  }
  return sum;
}

Expr Emitter::transported(const SweepMember &member, const Term &term,
                          const Accumulators &made, unsigned which) {
  AffineExpr before = editor.rank(outer) - 1;
  SmallVector<Expr> moved;
  for (const Shift &shift : term.shifts)
    moved.push_back(getMove(shift, member));
  auto arith = [&](StringRef op, Expr a, Expr b) {
    return arithmetic(op, a, b);
  };
  auto read = [&](size_t i) {
    return readAccumulator(member, made, i, before);
  };
  Expr value =
      binomialSum(made.powers[which], made.powers, moved, read, arith, exprs);
  if (term.exponents.empty())
    return value;
  Expr factor = readAt(getCorrection(term, member), editor.rank(outer));
  Expr result = arithmetic("arith.mulf", factor, value);
  double empty = identity(member);
  if (empty == 0)
    return result;
  Expr nothing = exprs.number(empty, value->type);
  return exprs.select(exprs.equal(value, nothing), nothing, result);
}

//===----------------------------------------------------------------------===//
// Members
//===----------------------------------------------------------------------===//

double Emitter::identity(const SweepMember &member) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  return monoid == "max" ? -kInfinity : monoid == "min" ? kInfinity : 0;
}

Expr Emitter::combine(const SweepMember &member, Expr a, Expr b) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  StringRef op = monoid == "max"   ? "arith.maximumf"
                 : monoid == "min" ? "arith.minimumf"
                                   : "arith.addf";
  return arithmetic(op, a, b);
}

/// Tensors that are terms themselves, at the frame.
void Emitter::emitKept(const SweepMember &member) {
  for (const Separator::Kept &kept : member.kept) {
    Value tensor = kept.read->tensor;
    if (keptTensors.contains(tensor))
      continue;
    bool isUsed = llvm::any_of(member.terms, [&](const Term &term) {
      auto reads = [&](Expr e) {
        return e && anyOf(e, [&](Expr node) { return node == kept.read; });
      };
      return reads(term.rest);
    });
    bool isUsedByKept =
        llvm::any_of(member.kept, [&](const Separator::Kept &other) {
          return &other != &kept && anyOf(other.term.rest, [&](Expr node) {
            return node == kept.read;
          });
        });
    if (!isUsed && !isUsedByKept)
      continue;
    const Statement &original = *facts.definition(tensor);
    Statement statement(original.loc);
    statement.tensors.push_back(
        editor.freshTensor("L" + original.tensors[0].str()));
    statement.elementTypes = original.elementTypes;
    statement.outputRanks.assign(tileRanks(original.outputRanks));
    Expr value = tile(fillSlots(kept.term.rest, member, kept.term));
    statement.values.push_back(
        convert(exprs, value, getScalarType(original.elementTypes[0])));
    statement.filter = tile(kept.filter);
    keptTensors[tensor] = add(std::move(statement));
  }
}

/// All ways to give each shift a power from 0 to its own; the highest last.
static std::vector<Powers> allPowers(const Term &term) {
  std::vector<Powers> all{Powers(term.shifts.size(), 0)};
  for (size_t i = 0; i < term.shifts.size(); ++i) {
    std::vector<Powers> extended;
    for (unsigned power = 0; power <= term.shifts[i].power; ++power)
      for (Powers powers : all) {
        powers[i] = power;
        extended.push_back(powers);
      }
    all = std::move(extended);
  }
  auto total = [](const Powers &powers) {
    return std::accumulate(powers.begin(), powers.end(), 0u);
  };
  llvm::sort(all, [&](const Powers &a, const Powers &b) {
    return total(a) != total(b) ? total(a) < total(b) : a < b;
  });
  return all;
}

void Emitter::emitAccumulator(unsigned index, const Term &term,
                              Accumulators &made, unsigned which,
                              StringRef name) {
  SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  Type type = original.elementTypes[0], scalar = getScalarType(type);
  const Powers &powers = made.powers[which];
  Expr body = nullptr;
  if (term.rest)
    body = fillSlots(term.rest, member, term);
  for (auto [shift, power] : llvm::zip(term.shifts, powers))
    for (unsigned i = 0; i < power; ++i) {
      Expr factor = fillSlots(shift.linear.body, member, term);
      body = body ? arithmetic("arith.mulf", body, factor) : factor;
    }
  body = tile(body ? body : exprs.number(1, scalar));

  Statement local(original.loc);
  local.filter = tile(original.filter);
  for (const FilterTerm &constraint : tile(member.filter))
    if (!llvm::is_contained(local.filter, constraint))
      local.filter.push_back(constraint);
  if (!term.shifts
           .empty()) { // x may not be read: its absent elements are left out
    SmallVector<FilterTerm, 4> domain;
    facts.canonical(original.values[0], &domain);
    for (const FilterTerm &constraint : tile(domain))
      if (!llvm::is_contained(local.filter, constraint))
        local.filter.push_back(constraint);
  }
  local.reductions = tileReductions(original.reductions, /*keepOuter=*/false);
  if (body->kind == ExprNode::Kind::constant && isNumber(body, 1) &&
      local.filter.empty() && canCount(member))
    return;

  // One of several accumulators may need fewer ranks than the result.
  SmallVector<StringAttr, 4> ranks = states[index].ranks;
  if (made.powers.size() > 1 || member.terms.size() > 1) {
    SmallVector<Expr> used{body};
    for (const Exponent &exponent : term.exponents)
      used.push_back(getFrame(exponent.d, member).now);
    for (auto [i, shift] : llvm::enumerate(term.shifts))
      if (powers[i] > 0)
        if (Expr move = getMove(shift, member))
          used.push_back(move);
    for (const FilterTerm &constraint : local.filter)
      for (StringAttr rank : states[index].ranks)
        if (constraint.expr.isFunctionOfDim(
                cast<AffineDimExpr>(editor.rank(rank)).getPosition()))
          used.push_back(exprs.index(rank, scalar));
    SmallVector<StringAttr, 4> needed = ranksOf(used, ranks);
    llvm::erase_if(ranks, [&](StringAttr rank) {
      return rank != outer && !llvm::is_contained(needed, rank);
    });
  }

  Expr share = convert(exprs, body, scalar);
  if (!local.reductions.empty()) {
    local.tensors.push_back(editor.freshTensor("L" + name.str()));
    local.elementTypes.push_back(type);
    local.outputRanks.assign(ranks.begin(), ranks.end());
    local.values.push_back(share);
    share = readAt(add(local), editor.rank(outer));
  }

  // The running tensor reads itself: its placeholder comes first.
  Statement running(original.loc);
  running.tensors.push_back(editor.freshTensor("R" + name.str()));
  running.elementTypes.push_back(type);
  running.outputRanks.assign(ranks.begin(), ranks.end());
  running.init.push_back(FloatAttr::get(scalar, identity(member)));
  NewTensor tensor;
  tensor.ranks = ranks;
  tensor.value = editor.declare(running.tensors[0].getValue(), ranks, type);
  made.tensors[which] = tensor;

  Expr old = readAt(tensor, editor.rank(outer) - 1);
  if (!term.exponents.empty() ||
      llvm::any_of(powers, [](unsigned p) { return p > 0; })) {
    Expr carried = transported(member, term, made, which);
    if (carried != old) {
      Statement transport(original.loc);
      transport.tensors.push_back(editor.freshTensor("T" + name.str()));
      transport.elementTypes.push_back(type);
      transport.outputRanks.assign(ranks.begin(), ranks.end());
      transport.values.push_back(convert(exprs, carried, scalar));
      old = readAt(add(std::move(transport)), editor.rank(outer));
    }
  }
  running.values.push_back(convert(exprs, combine(member, old, share), scalar));
  news.push_back(std::move(running));
  placeholders.push_back(tensor.value);
}

/// May the points of a reduction be counted without looking at them?
bool Emitter::canCount(const SweepMember &member) {
  return llvm::all_of(
      member.statement.reductions, [&](ReductionAttr reduction) {
        StringRef rank = reduction.getRank();
        return llvm::is_contained(plan.names, reduction.getRank()) ||
               !editor.getCascade().findSplitOf(rank);
      });
}

void Emitter::emitTerm(unsigned index, const Term &term, unsigned termIndex) {
  SweepMember &member = plan.members[index];
  Accumulators made;
  made.powers = allPowers(term);
  made.tensors.resize(made.powers.size());
  made.isRunning = true;
  states[index].terms.push_back(made);
  std::string base = member.statement.tensors[0].str();
  if (member.terms.size() > 1)
    base += "_" + std::to_string(termIndex);
  for (unsigned which = 0; which < made.powers.size(); ++which) {
    std::string name = base;
    if (which + 1 < made.powers.size())
      for (unsigned power : made.powers[which])
        name += std::to_string(power);
    emitAccumulator(index, term, states[index].terms.back(), which, name);
  }
}

void Emitter::emitRunning(unsigned index) {
  SweepMember &member = plan.members[index];
  states[index].ranks = insertOuter(member);
  for (const Term &term : member.terms)
    if (!term.exponents.empty())
      getCorrection(term, member);
  emitKept(member);
  if (!member.isDependent) {
    Term term;
    term.rest = member.statement.values[0];
    emitTerm(index, term, 0);
    return;
  }
  for (auto [i, term] : llvm::enumerate(member.terms))
    emitTerm(index, term, i);
}

/// A reduction that nothing has to be carried for.
void Emitter::emitWhole(unsigned index) {
  SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  if (!member.isDependent) {
    if (!rankMap.contains(plan.names.front()))
      return; // stays as it is
    Statement statement = original;
    statement.reductions =
        tileReductions(original.reductions, /*keepOuter=*/true);
    for (Expr &value : statement.values)
      value = tile(value);
    statement.filter = tile(original.filter);
    SmallVector<Value> made;
    for (auto [name, type] :
         llvm::zip(statement.tensors, statement.elementTypes)) {
      made.push_back(
          editor.declare(name.getValue(), statement.outputRanks, type));
      placeholders.push_back(made.back());
    }
    news.push_back(statement);
    for (auto [old, fresh] : llvm::zip(member.op->getResults(), made))
      replacements[old] = {editor.readPlain(fresh),
                           SmallVector<StringAttr, 4>(statement.outputRanks)};
    return;
  }
  states[index].ranks.assign(original.outputRanks.begin(),
                             original.outputRanks.end());
  emitKept(member);
  for (auto [i, term] : llvm::enumerate(member.terms)) {
    Statement statement = original;
    std::string name = "U" + original.tensors[0].str();
    if (member.terms.size() > 1)
      name += "_" + std::to_string(i);
    statement.tensors[0] = editor.freshTensor(name);
    Type scalar = getScalarType(original.elementTypes[0]);
    statement.values[0] = term.rest ? term.rest : exprs.number(1, scalar);
    for (Expr &value : statement.values)
      value = tile(value);
    statement.values[0] = convert(exprs, statement.values[0], scalar);
    statement.filter = tile(original.filter);
    for (const FilterTerm &constraint : tile(member.filter))
      if (!llvm::is_contained(statement.filter, constraint))
        statement.filter.push_back(constraint);
    statement.reductions =
        tileReductions(original.reductions, /*keepOuter=*/true);
    SmallVector<StringAttr, 4> ranks(statement.outputRanks);
    Accumulators made;
    made.powers = {Powers()};
    for (auto [n, type] :
         llvm::zip(statement.tensors, statement.elementTypes)) {
      Value placeholder =
          editor.declare(n.getValue(), statement.outputRanks, type);
      placeholders.push_back(placeholder);
      made.tensors.push_back({placeholder, ranks});
    }
    // The index of an extremum is the same one.
    for (size_t result = 1; result < made.tensors.size(); ++result)
      replacements[member.op->getResult(result)] = {
          editor.readPlain(made.tensors[result].value), ranks};
    news.push_back(std::move(statement));
    states[index].terms.push_back(std::move(made));
  }
}

void Emitter::emitSweep(unsigned sweep) {
  if (!plan.isChanged(sweep))
    return;
  currentSweep = sweep;
  frameUses.clear();
  frames.clear();
  moves.clear();
  corrections.clear();
  collectFrameUses(sweep);
  for (unsigned index : bySweep[sweep]) {
    const SweepMember &member = plan.members[index];
    size_t firstNew = news.size();
    if (member.needsRunning())
      emitRunning(index);
    else
      emitWhole(index);
    if (member.isDependent || member.isFrame)
      finish(index);
    if (member.isDependent) {
      recordStep(index, firstNew);
    } else if (member.isFrame) {
      stepNews.push_back({derivation.steps.size(), firstNew, news.size()});
      derivation.steps.push_back({"running value",
                                  member.statement.tensors[0].str(),
                                  plan.rank,
                                  "a reduction is that of its parts",
                                  "the operator is associative",
                                  {toText(editor, member.statement)},
                                  {},
                                  member.statement.loc,
                                  {}});
    }
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// May the reduction have no points, or points that are minus infinity?
bool Emitter::mayBeEmpty(const SweepMember &member) {
  if (options.guard == Guard::never)
    return false;
  SmallVector<FilterTerm, 4> domain(member.statement.filter.begin(),
                                    member.statement.filter.end());
  Expr f = facts.canonical(member.statement.values[0], &domain);
  return options.guard == Guard::always || restrictsRank(domain) ||
         facts.mayBeMinusInfinity(f);
}

Expr Emitter::withFactors(const SweepMember &member, const Term &term,
                          Expr value, AffineExpr at, bool isRunning) {
  Expr plain = value;
  bool mayBeInfinite = false;
  for (const Factor &factor : term.factors) {
    Expr d = isRunning ? runningValue(factor.d, at) : factor.d;
    mayBeInfinite |=
        factor.isDivisor || anyOf(facts.canonical(factor.d), [](Expr node) {
          return node->isOp("arith.divf") || node->isOp("math.rsqrt") ||
                 node->isOp("math.log") || node->isOp("math.powf");
        });
    if (factor.choice != Factor::Choice::none) {
      value = applyChoice(exprs, factor, value, d);
      continue;
    }
    value =
        arithmetic(factor.isDivisor ? "arith.divf" : "arith.mulf", value, d);
  }
  // Over no points the sum is 0, whatever it would have been divided by.
  if (!mayBeInfinite || identity(member) != 0 || !mayBeEmpty(member))
    return value;
  Expr zero = exprs.number(0, plain->type);
  return exprs.select(exprs.equal(plain, zero), zero, value);
}

Expr Emitter::valueOf(unsigned index, AffineExpr at, bool isRunning) {
  const SweepMember &member = plan.members[index];
  Expr sum = nullptr;
  auto arith = [&](StringRef op, Expr a, Expr b) {
    return arithmetic(op, a, b);
  };
  for (auto [t, made] : llvm::enumerate(states[index].terms)) {
    auto read = [&, &made = made](size_t i) {
      return readAccumulator(member, made, i, at);
    };
    if (!member.isDependent)
      return read(0);
    const Term &term = member.terms[t];
    SmallVector<Expr> moved;
    for (const Shift &shift : term.shifts)
      moved.push_back(isRunning ? nullptr : finalMove(shift, member));
    Expr value =
        binomialSum(made.powers.back(), made.powers, moved, read, arith, exprs);
    for (const Part &part : member.addends) {
      std::optional<double> c = getNumber(part.coefficient);
      Expr amount = c && std::abs(*c) == 1
                        ? part.d
                        : arithmetic("arith.mulf", part.coefficient, part.d);
      value = arithmetic(c && *c == -1 ? "arith.subf" : "arith.addf", value,
                         amount);
    }
    if (!member.base.empty())
      value = exprs.op(member.base, {value}, value->type);
    value = withFactors(member, term, value, at, isRunning);
    sum = sum ? arithmetic("arith.addf", sum, value) : value;
  }
  return sum;
}

/// The value of a member under its old name, or in place of it.
void Emitter::finish(unsigned index) {
  const SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  Value old = member.op->getResult(0);
  Type scalar = getScalarType(original.elementTypes[0]);
  Expr value =
      convert(exprs, valueOf(index, editor.extent(outer) - 1, false), scalar);
  bool isOutput = llvm::any_of(
      old.getUsers(), [](Operation *user) { return isa<OutputOp>(user); });
  SmallVector<StringAttr, 4> ranks(original.outputRanks);
  if (value->isRead() && !isOutput) {
    replacements[old] = {value, ranks};
    return;
  }
  Statement statement(original.loc);
  statement.tensors.push_back(original.tensors[0].getValue().empty()
                                  ? editor.freshTensor("V")
                                  : original.tensors[0]);
  statement.elementTypes.push_back(original.elementTypes[0]);
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  statement.values.push_back(value);
  replacements[old] = {editor.readPlain(add(std::move(statement)).value),
                       ranks};
}

//===----------------------------------------------------------------------===//
// Into the cascade
//===----------------------------------------------------------------------===//

Expr Emitter::resolve(Expr expr) {
  return exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (!node->isRead())
      return nullptr;
    auto it = replacements.find(node->tensor);
    if (it == replacements.end())
      return nullptr;
    RankMap map;
    for (auto [rank, index] : llvm::zip(it->second.ranks, node->indices))
      map[rank] = index;
    return editor.substitute(it->second.value, map);
  });
}

void Emitter::commit() {
  Operation *position = plan.members.front().op;
  SmallVector<std::pair<Value, Value>> definitions;
  // Leaves in tiles, where they were.
  for (Operation *op : tiledOps) {
    Statement statement = *facts.definition(op->getResult(0));
    statement.outputRanks.assign(tiled[op->getResult(0)].ranks);
    for (Expr &value : statement.values)
      value = resolve(tile(value));
    statement.filter = tile(statement.filter);
    ComputeOp made = editor.create(statement, op);
    definitions.emplace_back(tiled[op->getResult(0)].value, made.getResult(0));
  }
  // Other readers of what is replaced.
  SmallVector<Operation *> readers;
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    bool isMember =
        plan.positions.contains(&op) && replacements.contains(op.getResult(0));
    bool reads = llvm::any_of(
        op.getOperands(), [&](Value v) { return replacements.contains(v); });
    if (isa<EinsumInterface>(op) && reads && !isMember)
      readers.push_back(&op);
  }
  llvm::DenseMap<Value, Value> renewed;
  for (Operation *op : readers) {
    Statement statement = editor.read(cast<EinsumInterface>(op));
    for (Expr &value : statement.values)
      value = resolve(value);
    SmallVector<Value> old(op->getResults());
    ComputeOp made = editor.create(statement, op);
    for (auto [before, after] : llvm::zip(old, made.getResults()))
      renewed[before] = after;
    op->replaceAllUsesWith(made->getResults());
  }
  for (OutputOp output : editor.getCascade().getBodyBlock()->getOps<OutputOp>())
    for (OpOperand &operand : output->getOpOperands()) {
      auto it = replacements.find(operand.get());
      if (it != replacements.end())
        operand.set(it->second.value->tensor);
    }
  size_t placeholder = 0;
  for (Statement &statement : news) {
    for (Expr &value : statement.values) {
      value = resolve(value);
      value = exprs.rewrite(value, [&](Expr node) -> Expr {
        Value fresh = node->isRead() ? renewed.lookup(node->tensor) : Value();
        return fresh ? exprs.read(fresh, node->indices) : nullptr;
      });
    }
    ComputeOp made = editor.create(statement, position);
    for (Value result : made.getResults())
      definitions.emplace_back(placeholders[placeholder++], result);
  }
  for (const StepNews &range : stepNews)
    for (size_t i = range.first; i < range.end; ++i)
      derivation.steps[range.step].after.push_back(toText(editor, news[i]));
  for (auto [declared, made] : definitions)
    editor.define(declared, made);
  for (Operation *op : readers)
    op->erase();
  for (Value value : temporaries)
    value.getDefiningOp()->erase();
  facts.clear();
  editor.eraseDead();
  sortByDependence(editor.getCascade());
}

//===----------------------------------------------------------------------===//
// The derivation
//===----------------------------------------------------------------------===//

SmallVector<std::string, 2> Emitter::textBefore(const SweepMember &member) {
  SmallVector<std::string, 2> lines;
  for (Value tensor : member.seenThrough) {
    std::string line = toText(editor, *facts.definition(tensor));
    if (!llvm::is_contained(lines, line))
      lines.push_back(line);
  }
  lines.push_back(toText(editor, member.statement));
  return lines;
}

static LawId deferralLaw(const SweepMember &member) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  bool isMin = monoid == "min" || monoid == "argmin";
  ArrayRef<Factor> factors = member.terms.front().factors;
  bool divides = !factors.empty() && factors.front().isDivisor;
  bool chooses = !factors.empty() && llvm::all_of(factors, [](const Factor &f) {
    return f.choice != Factor::Choice::none;
  });
  if (monoid == "add" && chooses)
    return LawId::deferChoice;
  if (monoid == "add")
    return divides ? LawId::deferDivisor : LawId::deferFactor;
  if (!member.base.empty())
    return isMin ? LawId::deferExponentialOfMin : LawId::deferExponentialOfMax;
  if (!member.addends.empty())
    return isMin ? LawId::deferShiftOfMin : LawId::deferShiftOfMax;
  if (divides)
    return isMin ? LawId::deferDivisorOfMin : LawId::deferDivisorOfMax;
  return isMin ? LawId::deferScaleOfMin : LawId::deferScaleOfMax;
}

/// How a member came to share the sweep: one law, or two in a row.
void Emitter::recordStep(unsigned index, size_t firstNew) {
  const SweepMember &member = plan.members[index];
  bool defers = !member.addends.empty(), exponential = false, shift = false;
  SmallVector<std::string, 2> deferred, framed;
  auto addName = [](SmallVectorImpl<std::string> &names,
                    const std::string &name) {
    if (!llvm::is_contained(names, name))
      names.push_back(name);
  };
  for (const Term &term : member.terms) {
    defers |= !term.factors.empty();
    exponential |= !term.exponents.empty();
    shift |= !term.shifts.empty();
    for (const Factor &factor : term.factors)
      addName(deferred, toText(editor, factor.d));
    for (const Exponent &exponent : term.exponents)
      addName(framed, toText(editor, exponent.d));
    for (const Shift &s : term.shifts)
      for (const Part &part : s.linear.parts)
        addName(framed, toText(editor, part.d));
  }
  for (const Part &part : member.addends)
    addName(deferred, toText(editor, part.d));
  size_t endNew = news.size();
  auto push = [&](StringRef law, const Twine &identity,
                  const Twine &conditions) {
    derivation.steps.push_back({law.str(),
                                member.statement.tensors[0].str(),
                                plan.rank,
                                identity.str(),
                                conditions.str(),
                                {},
                                {},
                                member.statement.loc,
                                {}});
    return derivation.steps.size() - 1;
  };
  bool corrects = exponential || shift;
  bool isSquared = llvm::any_of(member.terms, [](const Term &term) {
    return term.shifts.size() > 1 ||
           llvm::any_of(term.shifts,
                        [](const Shift &s) { return s.power > 1; });
  });
  SmallVector<std::string, 2> before = textBefore(member), between;
  if (defers) {
    size_t step = push("deferral", getLaw(deferralLaw(member)).text,
                       "'" + llvm::join(deferred, "', '") +
                           "' does not depend on '" + plan.rank + "'");
    derivation.steps[step].before.assign(before.begin(), before.end());
    if (corrects) {
      between = textAfterDeferral(member);
      derivation.steps[step].after.assign(between.begin(), between.end());
    } else {
      stepNews.push_back({step, firstNew, endNew});
    }
  }
  if (corrects) {
    LawId law = exponential && shift ? LawId::correctExponentialShift
                : exponential        ? LawId::correctExponential
                : isSquared          ? LawId::correctSquaredShift
                                     : LawId::correctShift;
    std::string conditions = "frames " + llvm::join(framed, ", ");
    if (!member.conditions.empty())
      conditions += "; " + member.conditions;
    if (shift)
      conditions += "; the sums of all lower powers are kept";
    size_t step = push("online correction", getLaw(law).text, conditions);
    ArrayRef<std::string> from = defers ? between : before;
    derivation.steps[step].before.assign(from.begin(), from.end());
    stepNews.push_back({step, firstNew, endNew});
  }
  if (!defers && !corrects)
    stepNews.push_back({push("joint traversal", "the statistic cancels", ""),
                        firstNew, endNew});
}

/// The member with its factors moved behind it, as if that were all.
SmallVector<std::string, 2>
Emitter::textAfterDeferral(const SweepMember &member) {
  Statement whole = member.statement;
  Expr value = nullptr;
  SmallVector<std::string, 2> lines;
  for (auto [i, term] : llvm::enumerate(member.terms)) {
    Statement part = member.statement;
    std::string name = "U" + member.statement.tensors[0].str();
    if (member.terms.size() > 1)
      name += "_" + std::to_string(i);
    part.tensors.assign(1, StringAttr::get(editor.getContext(), name));
    Expr body = term.rest;
    for (const Shift &shift : term.shifts)
      for (unsigned n = 0; n < shift.power; ++n)
        body = body ? arithmetic("arith.mulf", body, shift.linear.body)
                    : shift.linear.body;
    Type scalar = getScalarType(member.statement.elementTypes[0]);
    body = exprs.rewrite(body ? body : exprs.number(1, scalar),
                         [&](Expr node) -> Expr {
                           return node->kind == ExprNode::Kind::slot
                                      ? plan.slots.statistics[node->slot]
                                      : nullptr;
                         });
    part.values.assign(1, body);
    lines.push_back(toText(editor, part));
    Value placeholder =
        editor.declare(name, part.outputRanks, part.elementTypes[0]);
    Expr sum = editor.readPlain(placeholder);
    for (const Factor &factor : term.factors)
      sum = factor.choice != Factor::Choice::none
                ? applyChoice(exprs, factor, sum, factor.d)
                : arithmetic(factor.isDivisor ? "arith.divf" : "arith.mulf",
                             sum, factor.d);
    value = value ? arithmetic("arith.addf", value, sum) : sum;
    temporaries.push_back(placeholder);
  }
  whole.values.assign(1, value);
  whole.reductions.clear();
  whole.filter.clear();
  lines.push_back(toText(editor, whole));
  return lines;
}

void Emitter::run() {
  bool anyRunning = false;
  for (auto [index, member] : llvm::enumerate(plan.members)) {
    bySweep.resize(std::max<size_t>(bySweep.size(), member.sweep + 1));
    bySweep[member.sweep].push_back(index);
    anyRunning |= member.needsRunning();
  }
  if (anyRunning) {
    makeParts();
    findTiledTensors();
  } else {
    outer = plan.names.front();
  }
  for (unsigned sweep = 0; sweep < bySweep.size(); ++sweep)
    emitSweep(sweep);
  commit();
}

void einsum::applySweeps(CascadeEditor &editor, Facts &facts, SweepPlan &plan,
                         const SweepOptions &options, Derivation &derivation) {
  if (plan.changesAnything())
    Emitter(editor, facts, plan, options, derivation).run();
}

//===----------------------------------------------------------------------===//
// Order in the text
//===----------------------------------------------------------------------===//

/// True if `user` reads `producer` only at earlier steps of a recurrence.
static bool readsOnlyEarlier(Operation *user, Operation *producer) {
  auto einsum = cast<EinsumInterface>(user),
       defined = cast<EinsumInterface>(producer);
  if (defined.getInitialValues().empty())
    return false;
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  for (const Access &access : einsum.getInputAccesses()) {
    if (access.tensor.getDefiningOp() != producer)
      continue;
    bool isEarlier = llvm::any_of(ranks, [&](StringAttr rank) {
      return getStep(access, rank, ranks).value_or(0) != 0;
    });
    if (!isEarlier)
      return false;
  }
  return true;
}

void einsum::sortByDependence(CascadeOp cascade) {
  SmallVector<Operation *> ops;
  llvm::DenseMap<Operation *, unsigned> position, waiting;
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface, OutputOp>(op)) {
      position[&op] = ops.size();
      ops.push_back(&op);
    }
  llvm::DenseMap<Operation *, SmallVector<Operation *>> followers;
  for (Operation *op : ops) {
    llvm::SetVector<Operation *> producers;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp();
          position.contains(producer))
        producers.insert(producer);
    for (Operation *producer : producers) {
      if (producer == op ||
          (isa<EinsumInterface>(op) && readsOnlyEarlier(op, producer)))
        continue;
      followers[producer].push_back(op);
      ++waiting[op];
    }
  }
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (Operation *op : ops)
    if (waiting.lookup(op) == 0)
      ready.push(position[op]);
  SmallVector<Operation *> sorted;
  while (!ready.empty()) {
    Operation *op = ops[ready.top()];
    ready.pop();
    sorted.push_back(op);
    for (Operation *follower : followers[op])
      if (--waiting[follower] == 0)
        ready.push(position[follower]);
  }
  if (sorted.size() != ops.size())
    return; // a recurrence in another form: any order is right
  for (Operation *op : sorted)
    op->moveBefore(cascade.getBodyBlock(), cascade.getBodyBlock()->end());
}
