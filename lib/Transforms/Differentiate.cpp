//===- Differentiate.cpp - Gradients of a cascade
//--------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// First, which tensors have an adjoint: those that an input reaches and that
// reach the loss, by derivatives that are not 0. Then one Einsum per read of
// such a tensor, and one per tensor that adds them up.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Differentiate.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Transforms/Algebra/Derivative.h"
#include "lib/Transforms/EinsumBuilder.h"
#include "lib/Transforms/Inlining.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/ShiftInvariance.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace einsum {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

/// A loop of the evaluation order around an Einsum.
struct EnclosingLoop {
  const EvaluationStep *loop;
  StringAttr rank;
  int direction;
};

/// One read that carries a derivative.
struct Influence {
  Operation *reader;
  Expr read, partial;
};

/// A term of an adjoint, in the ranks of the Einsum that reads the tensor.
struct Term {
  Statement statement;
  StringAttr carried; ///< rank along which it is for the step before, or null
  int direction = 0;

  explicit Term(Statement statement) : statement(std::move(statement)) {}
};

class Differentiator {
public:
  explicit Differentiator(CascadeOp cascade)
      : cascade(cascade), editor(cascade) {}

  FailureOr<std::vector<Gradient>> run(StringRef loss,
                                       ArrayRef<std::string> inputs);

private:
  // What depends on what.
  LogicalResult findLoss(StringRef name);
  LogicalResult findInputs(ArrayRef<std::string> names);
  void noteLoops(const std::vector<EvaluationStep> &steps,
                 ArrayRef<EnclosingLoop> around);
  void findReached();
  LogicalResult findInfluences();
  LogicalResult addInfluences(Operation *op, llvm::SetVector<Value> &tensors);
  bool isStatistic(Operation *op);

  // Where elements exist.
  SmallVector<FilterTerm> findExistence(Value tensor);

  // Terms.
  FailureOr<Term> makeTerm(Value tensor, const Influence &influence);
  Expr adjointOfResult(const Influence &influence, const Statement &reader);
  LogicalResult setCarried(Value tensor, const Influence &influence,
                           Indices &indices, Term &term);
  void placeElements(Value tensor, const Indices &indices,
                     const Statement &reader, Term &term);
  void fillWithZeros(Value tensor, Term &term);
  bool isSameExtent(StringAttr a, StringAttr b);
  StringAttr unitRank();
  Expr inlineTerm(const Term &term, const Statement &sum);
  LogicalResult addUp(Value tensor, SmallVector<Term> terms);
  void setAdjoint(Value tensor, Value adjoint) {
    adjoints[tensor] = adjoint;
    primals[adjoint] = tensor;
  }

  CascadeOp cascade;
  CascadeEditor editor;
  Value loss;
  llvm::SetVector<Value> inputs;
  std::vector<EvaluationStep> order;
  llvm::DenseMap<Operation *, SmallVector<EnclosingLoop>> loops;
  llvm::DenseMap<Operation *, Statement *> statements;
  std::vector<std::unique_ptr<Statement>> storage;
  llvm::DenseSet<Value> reached; ///< by an input
  llvm::DenseMap<Value, SmallVector<FilterTerm>> existence;
  /// Reads of each tensor that has an adjoint, the tensors from the loss back.
  llvm::MapVector<Value, std::vector<Influence>> influences;
  llvm::DenseMap<Value, Value> adjoints, primals;
  StringAttr unit;
};

} // namespace

static NamedTensorType typeOf(Value tensor) {
  return cast<NamedTensorType>(tensor.getType());
}

static bool isFloat(Value tensor) {
  return isa<FloatType>(typeOf(tensor).getElementType());
}

//===----------------------------------------------------------------------===//
// Loss and inputs
//===----------------------------------------------------------------------===//

LogicalResult Differentiator::findLoss(StringRef name) {
  SmallVector<Value> candidates;
  for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
    for (Value tensor : output.getTensors())
      if (name.empty() ? typeOf(tensor).getRanks().empty() && isFloat(tensor)
                       : getTensorName(tensor) == name)
        candidates.push_back(tensor);
  if (candidates.size() != 1)
    return cascade.emitError()
           << "cascade '" << cascade.getSymName() << "' has "
           << (candidates.empty() ? "no output" : "several outputs")
           << (name.empty() ? " without ranks to differentiate; name the loss "
                              "with 'of'"
                            : " '" + name.str() + "' to differentiate");
  loss = candidates.front();
  if (!typeOf(loss).getRanks().empty() || !isFloat(loss))
    return emitError(loss.getLoc())
           << "a loss is one number of a float type, and '"
           << getTensorName(loss) << "' has type " << loss.getType();
  return success();
}

LogicalResult Differentiator::findInputs(ArrayRef<std::string> names) {
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    bool isAsked = names.empty()
                       ? input.getWeight()
                       : llvm::is_contained(names, input.getTensor().str());
    if (isAsked && isFloat(input.getResult()))
      inputs.insert(input.getResult());
  }
  for (const std::string &name : names)
    if (llvm::none_of(
            inputs, [&](Value input) { return getTensorName(input) == name; }))
      return cascade.emitError()
             << "cascade '" << cascade.getSymName() << "' has no input '"
             << name << "' of a float type";
  if (inputs.empty())
    return cascade.emitError()
           << "cascade '" << cascade.getSymName()
           << "' has no weights to differentiate by; mark them, as in 'weight "
              "W[m,n]', or name inputs with 'by'";
  return success();
}

//===----------------------------------------------------------------------===//
// Which tensors have an adjoint
//===----------------------------------------------------------------------===//

void Differentiator::noteLoops(const std::vector<EvaluationStep> &steps,
                               ArrayRef<EnclosingLoop> around) {
  for (const EvaluationStep &step : steps) {
    if (step.einsum) {
      loops[step.einsum].assign(around.begin(), around.end());
      auto einsum = cast<EinsumInterface>(step.einsum);
      storage.push_back(std::make_unique<Statement>(editor.read(einsum)));
      statements[step.einsum] = storage.back().get();
      continue;
    }
    SmallVector<EnclosingLoop> inside(around);
    inside.push_back({&step, step.rank, step.direction});
    noteLoops(step.body, inside);
  }
}

/// Marks what depends on an input; again until nothing changes, as recurrences
/// go round.
void Differentiator::findReached() {
  SmallVector<Value> worklist(inputs.begin(), inputs.end());
  reached.insert(inputs.begin(), inputs.end());
  while (!worklist.empty()) {
    Value tensor = worklist.pop_back_val();
    for (Operation *reader : tensor.getUsers())
      if (isa<EinsumInterface>(reader))
        for (Value result : reader->getResults())
          if (reached.insert(result).second)
            worklist.push_back(result);
  }
}

static bool reducesBy(const Statement &statement, StringRef monoid) {
  return llvm::any_of(statement.reductions, [&](ReductionAttr reduction) {
    return reduction.getMonoid().getValue() == monoid;
  });
}

/// The larger or smaller of two numbers, as a maximum over keys and a sink.
static bool isExtreme(const Statement &statement) {
  Expr value = statement.values.front();
  return value->isOp("arith.maximumf") || value->isOp("arith.minimumf");
}

/// A maximum or minimum that the results do not depend on.
bool Differentiator::isStatistic(Operation *op) {
  const Statement &statement = *statements[op];
  return op->getNumResults() == 1 &&
         (reducesBy(statement, "max") || reducesBy(statement, "min") ||
          isExtreme(statement)) &&
         findShiftDependence(editor, op->getResult(0)).reason.empty();
}

LogicalResult Differentiator::addInfluences(Operation *op,
                                            llvm::SetVector<Value> &tensors) {
  const Statement &statement = *statements[op];
  bool isPicked =
      reducesBy(statement, "argmax") || reducesBy(statement, "argmin");
  for (ReductionAttr reduction : statement.reductions) {
    StringRef monoid = reduction.getMonoid().getValue();
    if (monoid != "add" && !isPicked)
      return op->emitError()
             << "'" << statement.tensors.front().getValue()
             << "' is on the way from the inputs to the loss, and a reduction "
                "by '"
             << monoid
             << "' is not differentiated; there are add, argmax, "
                "argmin, and a max on which nothing depends";
  }
  llvm::SetVector<Expr> reads;
  walk(statement.values.front(), [&](Expr node) {
    if (node->isRead() && reached.contains(node->tensor) &&
        isFloat(node->tensor))
      reads.insert(node);
  });
  for (Expr read : reads) {
    Derivative derivative =
        differentiate(editor.getExprs(), statement.values.front(), read);
    if (!derivative.obstacle.empty())
      return op->emitError() << "'" << statement.tensors.front().getValue()
                             << "' is on the way from the inputs to the loss, "
                                "and '"
                             << derivative.obstacle << "' has no derivative";
    Operation *producer = read->tensor.getDefiningOp();
    if (!derivative.expr ||
        (isa<EinsumInterface>(producer) && isStatistic(producer)))
      continue;
    if (typeOf(read->tensor).getElementType() !=
        typeOf(op->getResult(0)).getElementType())
      return op->emitError()
             << "'" << statement.tensors.front().getValue() << "' and '"
             << getTensorName(read->tensor)
             << "' have different types; the gradient is derived in one";
    influences[read->tensor].push_back({op, read, derivative.expr});
    tensors.insert(read->tensor);
  }
  return success();
}

LogicalResult Differentiator::findInfluences() {
  llvm::SetVector<Value> worklist;
  worklist.insert(loss);
  for (size_t next = 0; next < worklist.size(); ++next) {
    Operation *op = worklist[next].getDefiningOp();
    if (!isa<EinsumInterface>(op) || !reached.contains(worklist[next]))
      continue;
    if (worklist[next] != op->getResult(0))
      continue; // the coordinate of an argmax
    if (failed(addInfluences(op, worklist)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Where elements exist
//===----------------------------------------------------------------------===//

/// True if `expr` names no rank outside of `ranks`, and some rank.
static bool isOver(CascadeEditor &editor, AffineExpr expr,
                   ArrayRef<StringAttr> ranks) {
  bool good = true, any = false;
  expr.walk([&](AffineExpr part) {
    if (auto dim = dyn_cast<AffineDimExpr>(part)) {
      any = true;
      good &= llvm::is_contained(ranks, editor.rankAt(dim.getPosition()));
    }
  });
  return good && any;
}

static AffineExpr simplified(CascadeEditor &editor, AffineExpr expr) {
  return simplifyAffineExpr(expr, editor.getRankNames().size(),
                            editor.getParamNames().size());
}

/// Terms of the filter of an Einsum, and those that it inherits from what it
/// reads, over its own ranks.
static SmallVector<FilterTerm>
listConditions(CascadeEditor &editor, const Statement &statement,
               function_ref<SmallVector<FilterTerm>(Value)> existenceOf) {
  SmallVector<FilterTerm> conditions(statement.filter.begin(),
                                     statement.filter.end());
  llvm::SetVector<Expr> reads;
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (node->isRead())
        reads.insert(node);
    });
  for (Expr read : reads) {
    RankMap map;
    for (auto [rank, index] :
         llvm::zip(typeOf(read->tensor).getRanks(), read->indices))
      map[rank] = index;
    for (const FilterTerm &term : existenceOf(read->tensor))
      conditions.push_back(
          {simplified(editor, editor.substitute(term, map).expr), term.isEq});
  }
  return conditions;
}

/// Conditions over the ranks of a tensor under which its elements exist.
SmallVector<FilterTerm> Differentiator::findExistence(Value tensor) {
  auto known = existence.find(tensor);
  if (known != existence.end())
    return known->second;
  existence[tensor] = {}; // what a recurrence reads of itself adds nothing
  SmallVector<FilterTerm> kept;
  auto found = statements.find(tensor.getDefiningOp());
  if (found != statements.end()) {
    const Statement &statement = *found->second;
    for (const FilterTerm &term : listConditions(
             editor, statement, [&](Value t) { return findExistence(t); }))
      if (isOver(editor, term.expr, statement.outputRanks) &&
          !llvm::is_contained(kept, term))
        kept.push_back(term);
  }
  return existence[tensor] = kept;
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

/// DZ where the reader is at work; for an argmax only at the element found.
Expr Differentiator::adjointOfResult(const Influence &influence,
                                     const Statement &reader) {
  ExprContext &exprs = editor.getExprs();
  Value result = influence.reader->getResult(0);
  auto readAt = [&](Value tensor) {
    Indices indices;
    for (StringAttr rank : reader.outputRanks)
      indices.push_back(editor.rank(rank));
    return exprs.read(tensor, indices);
  };
  Expr adjoint = result == loss ? exprs.number(1, typeOf(loss).getElementType())
                                : readAt(adjoints[result]);
  if (influence.reader->getNumResults() == 1)
    return adjoint;
  Expr found = readAt(influence.reader->getResult(1));
  Expr here = exprs.index(reader.reductions.front().getRank(), found->type);
  Builder builder(cascade.getContext());
  auto predicate =
      builder.getI64IntegerAttr(static_cast<int64_t>(arith::CmpIPredicate::eq));
  Expr isHere = exprs.op(
      "arith.cmpi", {here, found}, builder.getI1Type(),
      builder.getDictionaryAttr(builder.getNamedAttr("predicate", predicate)));
  return exprs.select(isHere, adjoint, exprs.number(0, adjoint->type));
}

bool Differentiator::isSameExtent(StringAttr a, StringAttr b) {
  if (a == b || editor.extent(a) == editor.extent(b))
    return true;
  std::optional<int64_t> first = cascade.findRank(a).getBoundExtent();
  return first && first == cascade.findRank(b).getBoundExtent();
}

/// If the reader, one step of a loop, reads the step before: the index becomes
/// that of the reader.
LogicalResult Differentiator::setCarried(Value tensor,
                                         const Influence &influence,
                                         Indices &indices, Term &term) {
  Operation *producer = tensor.getDefiningOp();
  auto around = loops.find(producer);
  if (around == loops.end())
    return success();
  for (const EnclosingLoop &loop : loops[influence.reader]) {
    bool isShared = llvm::any_of(around->second, [&](const EnclosingLoop &l) {
      return l.loop == loop.loop;
    });
    int position = typeOf(tensor).findRank(loop.rank);
    if (!isShared || position < 0)
      continue;
    AffineExpr step =
        simplified(editor, indices[position] - editor.rank(loop.rank));
    auto distance = dyn_cast<AffineConstantExpr>(step);
    if (!distance || distance.getValue() == 0)
      continue;
    if (distance.getValue() != -loop.direction || term.carried)
      return influence.reader->emitError()
             << "reads '" << getTensorName(tensor)
             << "' more than one step back; a gradient is derived of "
                "recurrences by one step";
    indices[position] = editor.rank(loop.rank);
    term.carried = loop.rank;
    term.direction = loop.direction;
  }
  return success();
}

StringAttr Differentiator::unitRank() {
  if (!unit) {
    unit = editor.freshRank("one");
    editor.addRank(unit, getAffineConstantExpr(1, cascade.getContext()));
  }
  return unit;
}

/// The ranks of the term: those that index the tensor plainly; for any other
/// index a new rank that equals it. All the rest is summed.
void Differentiator::placeElements(Value tensor, const Indices &indices,
                                   const Statement &reader, Term &term) {
  Statement &made = term.statement;
  SmallVector<StringAttr, 6> iterated = reader.iterationRanks();
  auto isFree = [&](StringAttr rank) {
    return !llvm::is_contained(made.outputRanks, rank);
  };
  for (auto [own, index] : llvm::zip(typeOf(tensor).getRanks(), indices)) {
    auto dim = dyn_cast<AffineDimExpr>(index);
    StringAttr rank = dim ? editor.rankAt(dim.getPosition()) : StringAttr();
    if (rank && isFree(rank) && isSameExtent(rank, own)) {
      made.outputRanks.push_back(rank);
      continue;
    }
    StringAttr placed = own;
    if (!isFree(own) || llvm::is_contained(iterated, own)) {
      placed = editor.freshRank(own.getValue());
      editor.addRank(placed, editor.extent(own));
    }
    made.outputRanks.push_back(placed);
    made.filter.push_back(
        {simplified(editor, editor.rank(placed) - index), /*isEq=*/true});
  }
  auto add = StringAttr::get(cascade.getContext(), "add");
  for (StringAttr rank : iterated)
    if (isFree(rank))
      made.reductions.push_back(
          ReductionAttr::get(cascade.getContext(), rank, add));
}

/// An element exists where the tensor does, and is 0 where no point adds to it.
/// A condition over kept ranks would make it absent; one that also names a
/// reduced rank, of extent 1, does not.
void Differentiator::fillWithZeros(Value tensor, Term &term) {
  Statement &made = term.statement;
  SmallVector<FilterTerm> own;
  RankMap toTerm;
  for (auto [rank, placed] :
       llvm::zip(typeOf(tensor).getRanks(), made.outputRanks))
    toTerm[rank] = editor.rank(placed);
  for (const FilterTerm &condition : findExistence(tensor))
    own.push_back(
        {simplified(editor, editor.substitute(condition, toTerm).expr),
         condition.isEq});
  RankMap shifted;
  auto existenceOf = [&](Value read) -> SmallVector<FilterTerm> {
    // An adjoint exists where its tensor does.
    Value of = primals.lookup(read);
    return findExistence(of ? of : read);
  };
  for (const FilterTerm &condition :
       listConditions(editor, made, existenceOf)) {
    if (llvm::is_contained(own, condition) ||
        !isOver(editor, condition.expr, made.outputRanks))
      continue;
    condition.expr.walk([&](AffineExpr part) {
      if (auto dim = dyn_cast<AffineDimExpr>(part))
        shifted[editor.rankAt(dim.getPosition())] =
            part + editor.rank(unitRank());
    });
  }
  if (!shifted.empty()) {
    for (Expr &value : made.values)
      value = editor.substitute(value, shifted);
    for (FilterTerm &condition : made.filter)
      condition = editor.substitute(condition, shifted);
    made.reductions.push_back(
        ReductionAttr::get(cascade.getContext(), unitRank(),
                           StringAttr::get(cascade.getContext(), "add")));
  }
  for (const FilterTerm &condition : own)
    if (!llvm::is_contained(made.filter, condition))
      made.filter.push_back(condition);
}

FailureOr<Term> Differentiator::makeTerm(Value tensor,
                                         const Influence &influence) {
  ExprContext &exprs = editor.getExprs();
  const Statement &reader = *statements[influence.reader];
  Term term{Statement(reader.loc)};
  Statement &made = term.statement;
  made.elementTypes.push_back(typeOf(tensor).getElementType());
  made.filter.assign(reader.filter.begin(), reader.filter.end());
  Expr partial = influence.partial;
  if (reader.reductions.empty()) {
    // What the Einsum has computed need not be computed again.
    Indices indices;
    for (StringAttr rank : reader.outputRanks)
      indices.push_back(editor.rank(rank));
    Expr result = exprs.read(influence.reader->getResult(0), indices);
    partial = exprs.rewrite(partial, [&](Expr node) {
      return node == reader.values.front() ? result : nullptr;
    });
  }
  made.values.push_back(exprs.mul(adjointOfResult(influence, reader), partial));
  Indices indices = influence.read->indices;
  if (failed(setCarried(tensor, influence, indices, term)))
    return failure();
  placeElements(tensor, indices, reader, term);
  fillWithZeros(tensor, term);
  return term;
}

/// The value of a term without a sum, in the ranks of the adjoint; null if it
/// needs an Einsum of its own.
Expr Differentiator::inlineTerm(const Term &term, const Statement &sum) {
  const Statement &made = term.statement;
  if (term.carried || !made.reductions.empty())
    return nullptr;
  RankMap map;
  for (auto [placed, own] : llvm::zip(made.outputRanks, sum.outputRanks))
    map[placed] = editor.rank(own);
  for (const FilterTerm &condition : made.filter) {
    AffineExpr expr =
        simplified(editor, editor.substitute(condition, map).expr);
    if (!llvm::is_contained(sum.filter, FilterTerm{expr, condition.isEq}))
      return nullptr;
  }
  return editor.substitute(made.values.front(), map);
}

/// Creates the terms, and their sum if it is not one term alone.
LogicalResult Differentiator::addUp(Value tensor, SmallVector<Term> terms) {
  std::string name = getTensorName(tensor).str();
  MLIRContext *context = cascade.getContext();
  Value placeholder = adjoints[tensor];
  primals.erase(placeholder);
  StringRef adjointName =
      cast<StringAttr>(placeholder.getDefiningOp()->getAttr("tensor"));
  if (terms.size() == 1 && !terms[0].carried) {
    terms[0].statement.tensors.push_back(StringAttr::get(context, adjointName));
    ComputeOp op = editor.create(terms[0].statement, nullptr);
    setAdjoint(tensor, op->getResult(0));
    editor.define(placeholder, op->getResult(0));
    return success();
  }
  ExprContext &exprs = editor.getExprs();
  Statement sum(tensor.getLoc());
  sum.tensors.push_back(StringAttr::get(context, adjointName));
  sum.elementTypes.push_back(typeOf(tensor).getElementType());
  llvm::append_range(sum.outputRanks, typeOf(tensor).getRanks());
  llvm::append_range(sum.filter, findExistence(tensor));
  Expr total = nullptr;
  for (Term &term : terms) {
    if (Expr inlined = inlineTerm(term, sum)) {
      total = total ? exprs.add(total, inlined) : inlined;
      continue;
    }
    term.statement.tensors.push_back(
        editor.freshTensor((term.carried ? "P" : "T") + name));
    if (term.carried)
      term.statement.init.push_back(
          FloatAttr::get(typeOf(tensor).getElementType(), 0.0));
    ComputeOp op = editor.create(term.statement, nullptr);
    Indices indices;
    for (StringAttr rank : sum.outputRanks)
      indices.push_back(term.carried == rank
                            ? editor.rank(rank) + term.direction
                            : editor.rank(rank));
    Expr read = exprs.read(op->getResult(0), indices);
    total = total ? exprs.add(total, read) : read;
  }
  sum.values.push_back(total);
  ComputeOp op = editor.create(sum, nullptr);
  setAdjoint(tensor, op->getResult(0));
  editor.define(placeholder, op->getResult(0));
  return success();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

FailureOr<std::vector<Gradient>>
Differentiator::run(StringRef lossName, ArrayRef<std::string> inputNames) {
  FailureOr<std::vector<EvaluationStep>> steps = orderEvaluation(cascade);
  if (failed(steps) ||
      failed(refuseGathers(cascade, "differentiation takes")) ||
      failed(findLoss(lossName)) || failed(findInputs(inputNames)))
    return failure();
  order = std::move(*steps);
  noteLoops(order, {});
  findReached();
  if (failed(findInfluences()))
    return failure();
  for (const auto &[tensor, reads] : influences) {
    StringAttr name = editor.freshTensor("D" + getTensorName(tensor).str());
    setAdjoint(tensor, editor.declare(name, typeOf(tensor).getRanks(),
                                      typeOf(tensor).getElementType()));
  }
  // All terms first: a statement refers to placeholders until it is created.
  for (const auto &[tensor, reads] : influences) {
    SmallVector<Term> terms;
    for (const Influence &influence : reads) {
      FailureOr<Term> term = makeTerm(tensor, influence);
      if (failed(term))
        return failure();
      terms.push_back(std::move(*term));
    }
    if (failed(addUp(tensor, std::move(terms))))
      return failure();
  }
  std::vector<Gradient> gradients;
  for (Value input : inputs)
    if (Value adjoint = adjoints.lookup(input))
      gradients.push_back({input, adjoint});
  return gradients;
}

FailureOr<std::vector<Gradient>>
einsum::differentiateCascade(CascadeOp cascade, StringRef loss,
                             ArrayRef<std::string> inputs) {
  return Differentiator(cascade).run(loss, inputs);
}

void einsum::addOutputs(CascadeOp cascade, ArrayRef<Value> tensors) {
  SmallVector<Value> all;
  for (OutputOp output :
       llvm::make_early_inc_range(cascade.getBodyBlock()->getOps<OutputOp>())) {
    llvm::append_range(all, output.getTensors());
    output.erase();
  }
  for (Value tensor : tensors)
    if (!llvm::is_contained(all, tensor))
      all.push_back(tensor);
  OpBuilder::atBlockEnd(cascade.getBodyBlock())
      .create<OutputOp>(cascade.getLoc(), all);
}

namespace {
struct DifferentiatePass : einsum::impl::DifferentiateBase<DifferentiatePass> {
  using DifferentiateBase::DifferentiateBase;
  void runOnOperation() override {
    static const std::pair<StringRef, OptimizerStep> steps[] = {
        {"none", OptimizerStep::None},
        {"sgd", OptimizerStep::Sgd},
        {"adam", OptimizerStep::Adam}};
    const auto *chosen = llvm::find_if(
        steps, [&](const auto &entry) { return entry.first == step; });
    if (chosen == std::end(steps)) {
      getOperation().emitError() << "there is no optimizer '" << step
                                 << "'; there are none, sgd, adam";
      return signalPassFailure();
    }
    std::vector<std::string> names(by.begin(), by.end());
    FailureOr<std::vector<Gradient>> gradients =
        differentiateCascade(getOperation(), of, names);
    if (failed(gradients))
      return signalPassFailure();
    if (chosen->second != OptimizerStep::None)
      return addOptimizerSteps(getOperation(), *gradients, chosen->second);
    SmallVector<Value> outputs;
    for (const Gradient &gradient : *gradients)
      outputs.push_back(gradient.adjoint);
    addOutputs(getOperation(), outputs);
  }
};
} // namespace
