//===- SweepFrames.cpp - Running statistics, and by how much they move ----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A frame is a statistic as it stands after some tile. Any sequence of frames
// gives the same result as long as the last one is the statistic itself, so one
// may be chosen that is finite where nothing was seen yet, and a mean of what
// was seen rather than a part of the whole mean. Where frames move on, what was
// summed up relative to the old one is corrected: by a factor C for
// exponentials, along a distance D for shifts.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

std::string sweeps::nameOfStatistic(Expr d) {
  std::string name;
  walk(d, [&](Expr node) {
    if (name.empty() && node->isRead())
      name = getTensorName(node->tensor).str();
  });
  return d->isRead() ? getTensorName(d->tensor).str() : name;
}

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
  // Where nothing bounds the exponent, the first step has no old frame, and
  // one at infinity would turn 0 into no number.
  if (SweepMember *extremum = d->isRead() ? plan.find(d->tensor) : nullptr)
    if (double empty = identity(*extremum);
        std::isinf(empty) && (empty > 0) != (use.sign > 0))
      frame.old = exprs.select(
          exprs.equal(frame.old, exprs.number(empty, frame.old->type)),
          frame.now, frame.old);
  if (mayStayEmpty(d)) {
    Expr finite = exprs.select(exprs.equal(frame.now, lowest), zero, frame.now);
    frame.now = readAt(addPointwise("F" + name, order, finite, loc), now);
  }
  return frames[d] = frame;
}

/// Puts frames where slots are; a part of a shift that is no frame is left out.
Expr Emitter::fillSlots(Expr expr, const SweepMember &user) {
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
// By how much frames move
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
