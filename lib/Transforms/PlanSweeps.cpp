//===- PlanSweeps.cpp - Which reductions can share a traversal ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Evaluate.h"
#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

bool SweepMember::needsRunning() const {
  return isFrame || llvm::any_of(terms, [](const Term &term) {
           return !term.exponents.empty() || !term.shifts.empty();
         });
}

bool SweepPlan::changesAnything() const { return !changed.empty(); }

SweepMember *SweepPlan::find(Value tensor) {
  auto it = positions.find(tensor.getDefiningOp());
  return it == positions.end() ? nullptr : &members[it->second];
}

bool SweepPlan::isChanged(unsigned sweep) const {
  return sweep < changed.size() && changed[sweep];
}

static void flatten(ArrayRef<EvaluationStep> steps,
                    SmallVectorImpl<Operation *> &order) {
  for (const EvaluationStep &step : steps) {
    if (step.einsum)
      order.push_back(step.einsum);
    flatten(step.body, order);
  }
}

static constexpr StringLiteral kRealsHint =
    "exact over the reals: policy=reals accepts it, at the risk of overflow or "
    "cancellation";

namespace {

class Planner {
public:
  Planner(CascadeEditor &editor, Facts &facts, SweepPlan &plan,
          const SweepOptions &options, Derivation &derivation)
      : editor(editor), exprs(editor.getExprs()), facts(facts), plan(plan),
        options(options), derivation(derivation) {
    for (StringAttr name : plan.names)
      positions.push_back(cast<AffineDimExpr>(editor.rank(name)).getPosition());
  }

  void run();

private:
  bool isOurRank(StringAttr name) const {
    return llvm::is_contained(plan.names, name);
  }
  bool isIndexedByRank(ArrayRef<AffineExpr> indices) const;
  bool reducesRank(const Statement &statement) const;
  bool reducesWithin(const Statement &statement) const;
  LeafRole classify(Expr leaf, unsigned stage);
  std::string describeBlocked(const Statement &producer, Value tensor);

  void visit(Operation *op);
  void summarise();
  unsigned stageOf(const Statement &statement);
  bool join(SweepMember &member, unsigned stage);
  bool acceptForm(SweepMember &member, Separator &separator, const Form &form);
  bool acceptExtremum(SweepMember &member, Separator &separator,
                      const Form &form);
  bool acceptTerms(SweepMember &member);
  bool isSameForAll(const SweepMember &member, Expr expr) const;
  bool areCorrectionsCommon(SweepMember &member, Separator &separator);
  bool areFramesRunnable(SweepMember &member, unsigned stage,
                         Obstacle &obstacle);
  bool isRunnable(Expr d, unsigned stage, Obstacle &obstacle);
  void markFrames(Expr d);
  bool refuse(const SweepMember &member, StringRef reason, Expr at,
              StringRef hint = {});
  void addCertificate(const SweepMember &member, Refusal &refusal);

  CascadeEditor &editor;
  ExprContext &exprs;
  Facts &facts;
  SweepPlan &plan;
  const SweepOptions &options;
  Derivation &derivation;
  SmallVector<unsigned, 2> positions;
  unsigned currentStage = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Roles of leaves
//===----------------------------------------------------------------------===//

static bool isIndexedBy(ArrayRef<AffineExpr> indices, unsigned position) {
  return llvm::any_of(indices, [position](AffineExpr index) {
    return index.isFunctionOfDim(position);
  });
}

bool Planner::isIndexedByRank(ArrayRef<AffineExpr> indices) const {
  return llvm::any_of(positions, [&](unsigned position) {
    return isIndexedBy(indices, position);
  });
}

/// All parts of the rank that the Einsum iterates over are reduced, the
/// outermost among them.
bool Planner::reducesRank(const Statement &statement) const {
  ArrayRef<StringAttr> outermost = ArrayRef(plan.names).take_front(2);
  bool reduces = llvm::any_of(
      outermost, [&](StringAttr n) { return statement.reduces(n); });
  bool keeps = llvm::any_of(statement.outputRanks,
                            [&](StringAttr n) { return isOurRank(n); });
  return reduces && !keeps;
}

/// False if the recurrence has only the outer part of a split rank to run
/// along.
bool Planner::reducesWithin(const Statement &statement) const {
  return plan.names.size() == 1 ||
         llvm::any_of(statement.reductions, [&](ReductionAttr reduction) {
           return reduction.getRank() != plan.names[1];
         });
}

std::string Planner::describeBlocked(const Statement &producer, Value tensor) {
  if (!producer.init.empty())
    return "'" + getTensorName(tensor).str() +
           "' is a recurrence that uses a statistic";
  if (producer.isStored())
    return "'" + getTensorName(tensor).str() +
           "' uses a statistic and is stored in a number format, which rounds";
  return "'" + getTensorName(tensor).str() +
         "' uses a statistic and is itself a reduction (over '" +
         producer.reductions.front().getRank().str() + "')";
}

LeafRole Planner::classify(Expr leaf, unsigned stage) {
  LeafRole role;
  if (leaf->kind == ExprNode::Kind::index)
    role.isOnRank = isOurRank(cast<StringAttr>(leaf->data));
  if (!leaf->isRead())
    return role;
  role.isOnRank = isIndexedByRank(leaf->indices);
  role.isStatistic = stage > 0 && plan.stages.lookup(leaf->tensor) == stage;
  if (!role.isOnRank || !role.isStatistic)
    return role;
  const Statement *producer = facts.definition(leaf->tensor);
  bool hasRank =
      producer && llvm::any_of(producer->outputRanks,
                               [&](StringAttr n) { return isOurRank(n); });
  if (!hasRank)
    role.obstacle = "'" + getTensorName(leaf->tensor).str() + "' is read at '" +
                    plan.rank +
                    "', so that every element needs another value of it";
  else if (!producer->isPointwise() || producer->values.size() != 1)
    role.obstacle = describeBlocked(*producer, leaf->tensor);
  else
    role.isTransparent = true;
  return role;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

unsigned Planner::stageOf(const Statement &statement) {
  unsigned stage = 0;
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (node->isRead())
        stage = std::max(stage, plan.stages.lookup(node->tensor));
    });
  return stage;
}

void Planner::run() {
  FailureOr<std::vector<EvaluationStep>> steps =
      orderEvaluation(editor.getCascade());
  SmallVector<Operation *> order;
  flatten(*steps, order);
  for (Operation *op : order)
    visit(op);
  summarise();
}

/// What keeps a traversal however the reductions are joined.
void Planner::summarise() {
  RankSummary summary{plan.rank, 0, 0, {}};
  unsigned swept = 0;
  for (const SweepMember &member : plan.members)
    swept = std::max(swept, member.sweep + 1);
  for (OutputOp output : editor.getCascade().getBodyBlock()->getOps<OutputOp>())
    for (Value tensor : output.getTensors()) {
      bool hasRank =
          llvm::any_of(cast<NamedTensorType>(tensor.getType()).getRanks(),
                       [&](StringAttr name) { return isOurRank(name); });
      if (hasRank && swept > 0 && plan.stages.lookup(tensor) >= swept)
        summary.reasons.push_back(
            {tensor.getLoc(),
             "'" + getTensorName(tensor).str() + "' is an output with rank '" +
                 plan.rank +
                 "' and depends on a reduction over all of it: "
                 "the pass that writes it remains, whatever the algebra"});
    }
  summary.after = swept + (summary.reasons.empty() ? 0 : 1);
  derivation.ranks.push_back(std::move(summary));
}

void Planner::visit(Operation *op) {
  const Statement &statement = *facts.definition(op->getResult(0));
  unsigned stage = stageOf(statement);
  for (Value result : op->getResults())
    plan.stages[result] = stage;
  if (!reducesRank(statement))
    return;
  SweepMember member(statement);
  member.op = op;
  member.sweep = stage;
  if (stage > 0 && statement.init.empty()) {
    SweepMember joined = member;
    if (join(joined, stage)) {
      member = std::move(joined);
      member.sweep = stage - 1;
      member.isDependent = true;
    }
  }
  for (Value result : op->getResults())
    plan.stages[result] = member.sweep + 1;
  if (member.isDependent && plan.changed.size() <= member.sweep)
    plan.changed.resize(member.sweep + 1);
  if (member.isDependent)
    plan.changed[member.sweep] = true;
  plan.positions[op] = plan.members.size();
  plan.members.push_back(std::move(member));
}

bool Planner::join(SweepMember &member, unsigned stage) {
  currentStage = stage;
  Separator separator(editor, facts, plan.slots, [this, stage](Expr leaf) {
    return classify(leaf, stage);
  });
  separator.acceptUnbounded = options.acceptUnsafe;
  Expr f = member.statement.values[0];
  if (member.statement.isStored())
    return refuse(member,
                  "it is stored in a number format, which rounds the whole and "
                  "no part of it",
                  f);
  if (!separator.dependsOnStatistic(f) && member.statement.values.size() == 1)
    return refuse(member, "only its filter depends on a statistic", f);
  for (Expr value : ArrayRef(member.statement.values).drop_front())
    if (separator.dependsOnStatistic(value))
      return refuse(
          member, "the index that it selects by depends on a statistic", value);
  SmallVector<FilterTerm, 4> domain(member.statement.filter.begin(),
                                    member.statement.filter.end());
  facts.canonical(f, &domain);
  if (!domain.empty() && !reducesWithin(member.statement))
    return refuse(member,
                  "it has a filter and no rank below '" + plan.names[1].str() +
                      "' to skip points of",
                  f);
  Form form = separator.separate(f, domain);
  const Obstacle &found = separator.getObstacle();
  if (form.kind == Form::Kind::failed)
    return refuse(member, found.reason, found.at,
                  found.isMatterOfPolicy ? kRealsHint : "");
  if (!acceptForm(member, separator, form) || !acceptTerms(member) ||
      !areCorrectionsCommon(member, separator))
    return false;
  Obstacle obstacle;
  if (!areFramesRunnable(member, stage, obstacle))
    return refuse(member, obstacle.reason, obstacle.at);
  member.filter = form.filter;
  member.kept = separator.getKept();
  member.seenThrough.assign(separator.getSeenThrough().begin(),
                            separator.getSeenThrough().end());
  SmallVector<StringRef> conditions;
  for (const std::string &condition : separator.getConditions())
    if (!llvm::is_contained(conditions, condition))
      conditions.push_back(condition);
  member.conditions = llvm::join(conditions, "; ");
  return true;
}

/// What the reduction makes of a sum of terms.
bool Planner::acceptForm(SweepMember &member, Separator &separator,
                         const Form &form) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  for (ReductionAttr reduction : member.statement.reductions)
    if (reduction.getMonoid() != monoid)
      return refuse(member, "it reduces several ranks by different operators",
                    member.statement.values[0]);
  if (monoid == "max" || monoid == "min" || monoid == "argmax" ||
      monoid == "argmin")
    return acceptExtremum(member, separator, form);
  if (monoid != "add")
    return refuse(member,
                  "'" + monoid.str() +
                      "' does not distribute over what is done to '" +
                      member.statement.tensors[0].str() + "'",
                  member.statement.values[0]);
  member.terms = separator.asTerms(form);
  if (form.isExpanded && !options.acceptUnsafe)
    return refuse(member, "multiplying out would let large terms cancel",
                  member.statement.values[0], kRealsHint);
  return true;
}

/// max(x + d) is max(x) + d, max(exp(x - d)) is exp(max(x) - d), and max(x * d)
/// is max(x) * d for d >= 0.
bool Planner::acceptExtremum(SweepMember &member, Separator &separator,
                             const Form &form) {
  Expr f = member.statement.values[0];
  auto withoutFrames = [&](Expr body) {
    return exprs.rewrite(body, [&](Expr node) -> Expr {
      return node->kind == ExprNode::Kind::slot ? exprs.number(0, node->type)
                                                : nullptr;
    });
  };
  if (form.kind == Form::Kind::linear) {
    Term term;
    term.rest = withoutFrames(form.linear.body);
    member.terms.push_back(term);
    member.addends = form.linear.parts;
    return true;
  }
  SmallVector<Term, 2> terms = separator.asTerms(form);
  if (terms.size() != 1 || !terms[0].shifts.empty() || !terms[0].rest)
    return refuse(
        member,
        "an extremum does not distribute over a sum that mixes data and "
        "statistics",
        f);
  Term term = terms[0];
  for (const Factor &factor : term.factors) {
    if (factor.isChoice())
      return refuse(member,
                    "a choice by a statistic does not move out of an extremum, "
                    "which over no points is infinite, not 0",
                    f);
    if (!facts.isNonNegative(factor.d))
      return refuse(member,
                    "the sign of the factor '" + toText(editor, factor.d) +
                        "' is not known",
                    factor.d);
  }
  if (term.logarithm) {
    member.base = term.base;
    member.addends = term.logarithm->parts;
    term.rest = withoutFrames(term.logarithm->body);
    llvm::erase_if(term.factors,
                   [](const Factor &factor) { return factor.isFromExponent; });
    term.exponents.clear();
  } else if (!term.exponents.empty() && member.statement.values.size() > 1) {
    return refuse(
        member, "the index of an extremum does not move with a correction", f);
  }
  term.logarithm.reset();
  member.terms.push_back(term);
  return true;
}

bool Planner::acceptTerms(SweepMember &member) {
  bool defers = !member.addends.empty(), corrects = false;
  for (const Term &term : member.terms) {
    defers |= !term.factors.empty();
    corrects |= !term.exponents.empty() || !term.shifts.empty();
  }
  Expr f = member.statement.values[0];
  if (corrects && !options.allowCorrection)
    return refuse(member, "it takes a correction (see --einsum-online)", f);
  if (defers && !options.allowDeferral)
    return refuse(member, "it takes a deferral first (see --einsum-defer)", f);
  return true;
}

/// Over all ranks that the member reduces, the swept one or not.
bool Planner::isSameForAll(const SweepMember &member, Expr expr) const {
  bool isSame = true;
  for (ReductionAttr reduction : member.statement.reductions) {
    StringAttr rank = reduction.getRank();
    unsigned position = cast<AffineDimExpr>(editor.rank(rank)).getPosition();
    walk(expr, [&](Expr node) {
      if (node->isRead())
        isSame &= !isIndexedBy(node->indices, position);
      else if (node->kind == ExprNode::Kind::index)
        isSame &= cast<StringAttr>(node->data) != rank;
    });
  }
  return isSame;
}

/// What corrects a running value, or is multiplied in afterwards, applies to
/// all that was reduced: sum over (g, m) of x[g,m] * d[g] has no such d.
bool Planner::areCorrectionsCommon(SweepMember &member, Separator &separator) {
  llvm::SetVector<Expr> outside;
  auto add = [&](ArrayRef<Part> parts) {
    for (const Part &part : parts) {
      outside.insert(part.coefficient);
      outside.insert(part.d);
    }
  };
  auto addTerm = [&](const Term &term) {
    for (const Factor &factor : term.factors)
      outside.insert(factor.d);
    for (const Exponent &exponent : term.exponents)
      add(Part{exponent.coefficient, exponent.d});
    for (const Shift &shift : term.shifts)
      add(shift.linear.parts);
  };
  llvm::for_each(member.terms, addTerm);
  add(member.addends);
  for (const Separator::Kept &kept : separator.getKept())
    addTerm(kept.term);
  for (Expr expr : outside)
    if (expr && !isSameForAll(member, expr))
      return refuse(member,
                    "'" + toText(editor, expr) +
                        "' differs along another rank that it reduces, so that "
                        "no correction applies to the whole of it",
                    expr,
                    "reduce over '" + plan.rank +
                        "' alone first, and over the rest of it in an "
                        "Einsum of its own");
  return true;
}

//===----------------------------------------------------------------------===//
// Frames
//===----------------------------------------------------------------------===//

/// A frame is known at every step if it is made pointwise of reductions of the
/// same sweep.
bool Planner::isRunnable(Expr d, unsigned stage, Obstacle &obstacle) {
  bool runnable = true;
  walk(d, [&](Expr node) {
    if (!runnable || !node->isRead() ||
        plan.stages.lookup(node->tensor) != stage)
      return;
    if (SweepMember *member = plan.find(node->tensor)) {
      if (member->statement.values.size() == 1 &&
          member->statement.init.empty() && member->addends.empty())
        return;
    } else if (const Statement *producer = facts.definition(node->tensor);
               producer && producer->isPointwise() &&
               producer->filter.empty()) {
      SmallVector<FilterTerm, 2> filter;
      runnable = isRunnable(editor.inlineRead(node, *producer, filter), stage,
                            obstacle);
      return;
    }
    runnable = false;
    obstacle = {"'" + getTensorName(node->tensor).str() +
                    "' has no value while the traversal is on its way",
                node};
  });
  return runnable;
}

void Planner::markFrames(Expr d) {
  walk(d, [&](Expr node) {
    if (!node->isRead() || plan.stages.lookup(node->tensor) != currentStage)
      return;
    if (SweepMember *member = plan.find(node->tensor)) {
      if (member->isFrame)
        return;
      member->isFrame = true;
      for (const Term &term : member->terms)
        for (const Factor &factor : term.factors)
          markFrames(factor.d);
    } else if (const Statement *producer = facts.definition(node->tensor)) {
      SmallVector<FilterTerm, 2> filter;
      markFrames(editor.inlineRead(node, *producer, filter));
    }
  });
}

bool Planner::areFramesRunnable(SweepMember &member, unsigned stage,
                                Obstacle &obstacle) {
  llvm::SetVector<Expr> frames;
  for (const Term &term : member.terms) {
    for (const Exponent &exponent : term.exponents)
      frames.insert(exponent.d);
    for (const Shift &shift : term.shifts)
      for (const Part &part : shift.linear.parts)
        frames.insert(part.d);
  }
  for (Expr d : frames)
    if (!isRunnable(d, stage, obstacle))
      return false;
  for (Expr d : frames)
    markFrames(d);
  return true;
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

bool Planner::refuse(const SweepMember &member, StringRef reason, Expr at,
                     StringRef hint) {
  Refusal refusal{"pass reduction",
                  member.statement.tensors[0].str(),
                  plan.rank,
                  reason.str(),
                  "",
                  hint.str(),
                  member.statement.loc,
                  {}};
  if (at && at->kind == ExprNode::Kind::op)
    refusal.obstacle += ": '" + toText(editor, at) + "'";
  walk(member.statement.values[0], [&](Expr node) {
    if (node->isRead() && plan.stages.lookup(node->tensor) == currentStage &&
        node->tensor.getDefiningOp())
      refusal.places.push_back(
          {node->tensor.getLoc(),
           "it uses '" + getTensorName(node->tensor).str() +
               "', which depends on a reduction over '" + plan.rank + "'"});
  });
  if (hint.empty())
    addCertificate(member, refusal);
  derivation.refusals.push_back(std::move(refusal));
  return false;
}

void Planner::addCertificate(const SweepMember &member, Refusal &refusal) {
  unsigned stage = currentStage;
  // F over data and statistics alone.
  bool isWhole = true;
  auto expand = [&](Expr e, auto &self) -> Expr {
    return exprs.rewrite(e, [&](Expr node) -> Expr {
      if (!node->isRead() || plan.stages.lookup(node->tensor) != stage)
        return nullptr;
      LeafRole role = classify(node, stage);
      if (!role.isOnRank)
        return nullptr;
      if (!role.isTransparent) {
        isWhole = false;
        return nullptr;
      }
      SmallVector<FilterTerm, 2> filter;
      return self(
          editor.inlineRead(node, *facts.definition(node->tensor), filter),
          self);
    });
  };
  Expr f = expand(member.statement.values[0], expand);
  if (!isWhole)
    return;
  Variables variables;
  walk(f, [&](Expr node) {
    bool isLeaf = node->isRead() || node->kind == ExprNode::Kind::index ||
                  node->kind == ExprNode::Kind::param;
    if (!isLeaf)
      return;
    LeafRole role = classify(node, stage);
    (role.isOnRank      ? variables.x
     : role.isStatistic ? variables.d
                        : variables.neutral)
        .push_back(node);
  });
  refusal.certificate = findCertificate(
      f, variables, member.statement.reductions.front().getMonoid(),
      [&](Expr leaf) { return toText(editor, leaf); });
}

SweepPlan einsum::planSweeps(CascadeEditor &editor, Facts &facts,
                             StringRef rank, const SweepOptions &options,
                             Derivation &derivation) {
  SweepPlan plan;
  plan.rank = rank.str();
  plan.names.push_back(StringAttr::get(editor.getContext(), rank));
  for (SplitOp split : editor.getCascade().getBodyBlock()->getOps<SplitOp>())
    if (split.getRank() == rank)
      for (auto part : split.getParts().getAsRange<StringAttr>())
        plan.names.push_back(part);
  Planner(editor, facts, plan, options, derivation).run();
  return plan;
}

std::vector<std::string> einsum::findChainedRanks(CascadeOp cascade) {
  // Position in the chain of reductions over each rank, per tensor.
  std::vector<std::string> found;
  FailureOr<std::vector<EvaluationStep>> steps = orderEvaluation(cascade);
  if (failed(steps))
    return found;
  SmallVector<Operation *> order;
  flatten(*steps, order);
  auto wholeOf = [&](StringRef rank) -> StringRef {
    SplitOp split = cascade.findSplitOf(rank);
    return split ? split.getRank() : rank;
  };
  llvm::DenseMap<Value, llvm::SetVector<StringRef>> reducedBefore;
  llvm::SetVector<StringRef> chained;
  for (Operation *op : order) {
    auto einsum = cast<EinsumInterface>(op);
    llvm::SetVector<StringRef> before;
    for (const Access &access : einsum.getInputAccesses()) {
      auto it = reducedBefore.find(access.tensor);
      if (it != reducedBefore.end())
        before.insert(it->second.begin(), it->second.end());
    }
    for (const Reduction &reduction : einsum.getReductionList())
      if (!before.insert(wholeOf(reduction.rank)))
        chained.insert(wholeOf(reduction.rank));
    for (Value result : op->getResults())
      reducedBefore[result] = before;
  }
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    if (chained.contains(rank.getSymName()))
      found.push_back(rank.getSymName().str());
  return found;
}
