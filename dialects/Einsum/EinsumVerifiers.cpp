//===- EinsumVerifiers.cpp - What the einsum dialect refuses --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per constraint label of EinsumOps.td. A message states the rule
// and the offending value; a note shows the other place involved.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <functional>

using namespace mlir;
using namespace einsum;

static CascadeOp cascadeOf(Operation *op) { return op->getParentOfType<CascadeOp>(); }

static InFlightDiagnostic &addKnownRanks(InFlightDiagnostic &diag, CascadeOp cascade) {
  std::string known;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    known += (known.empty() ? "" : ", ") + rank.getSymName().str();
  diag.attachNote(cascade.getLoc())
      << "ranks of cascade '" << cascade.getSymName()
      << "': " << (known.empty() ? "none" : known);
  return diag;
}

static LogicalResult verifyParams(Operation *op, ArrayAttr params) {
  CascadeOp cascade = cascadeOf(op);
  for (Attribute param : params)
    if (!llvm::is_contained(cascade.getParamNames(), param)) {
      InFlightDiagnostic diag =
          op->emitOpError() << "names parameter '" << cast<StringAttr>(param).getValue()
                            << "', which the cascade does not have";
      diag.attachNote(cascade.getLoc()) << "parameters are declared here";
      return diag;
    }
  return success();
}

//===----------------------------------------------------------------------===//
// Cascade
//===----------------------------------------------------------------------===//

static LogicalResult verifyCascadeParams(CascadeOp cascade) { // C1
  if (cascade.getParamNames().size() != cascade.getParamValues().size())
    return cascade.emitOpError("has one value per parameter");
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (auto [name, value] : llvm::zip(cascade.getParamNames(), cascade.getParamValues())) {
    StringRef text = cast<StringAttr>(name).getValue();
    if (!seen.insert(name).second)
      return cascade.emitOpError() << "declares parameter '" << text << "' twice";
    if (value != CascadeOp::kUnbound && value < 1)
      return cascade.emitOpError()
             << "parameter '" << text << "' is at least 1, found " << value;
  }
  return success();
}

static SmallVector<std::pair<StringAttr, Value>> definedTensors(Operation &op) {
  SmallVector<std::pair<StringAttr, Value>> tensors;
  if (auto input = dyn_cast<InputOp>(op))
    tensors.emplace_back(input.getTensorAttr(), input.getResult());
  else if (auto einsum = dyn_cast<EinsumInterface>(op))
    for (auto [name, result] : llvm::zip(einsum.getTensorNames(), op.getResults()))
      tensors.emplace_back(name, result);
  return tensors;
}

static LogicalResult verifyTensorNames(CascadeOp cascade) { // C2, C3
  llvm::DenseMap<StringAttr, Operation *> definitions;
  for (Operation &op : *cascade.getBodyBlock())
    for (auto [name, value] : definedTensors(op)) {
      if (name.getValue().empty())
        continue; // an unnamed result, such as the value beside an argmax
      auto [it, isNew] = definitions.try_emplace(name, &op);
      if (!isNew) {
        InFlightDiagnostic diag = op.emitOpError()
                                  << "defines tensor '" << name.getValue()
                                  << "', but a tensor is defined once";
        diag.attachNote(it->second->getLoc()) << "first defined here";
        return diag;
      }
      for (StringAttr rank : cast<NamedTensorType>(value.getType()).getRanks())
        if (!cascade.findRank(rank)) {
          InFlightDiagnostic diag = op.emitOpError()
                                    << "tensor '" << name.getValue() << "' has rank '"
                                    << rank.getValue() << "', which is not declared";
          return addKnownRanks(diag, cascade);
        }
    }
  return success();
}

/// True if some coordinate of the access is a step back or ahead along a single
/// iteration rank: `m1 - 1`, `k + 1`.
static bool stepsAlongARank(AffineMap map, ArrayRef<StringAttr> tensorRanks,
                            ArrayRef<StringAttr> iterationRanks) {
  for (auto [expr, rank] : llvm::zip(map.getResults(), tensorRanks)) {
    auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!sum || sum.getKind() != AffineExprKind::Add)
      continue;
    auto dim = dyn_cast<AffineDimExpr>(sum.getLHS());
    auto offset = dyn_cast<AffineConstantExpr>(sum.getRHS());
    if (dim && offset && offset.getValue() != 0 &&
        iterationRanks[dim.getPosition()] == rank)
      return true;
  }
  return false;
}

/// C4: without the accesses that step along an iterative rank, what remains of
/// the dependence graph has no cycle.
static LogicalResult verifyRecurrences(CascadeOp cascade) {
  enum class State { unseen, open, done };
  llvm::DenseMap<Operation *, State> state;
  SmallVector<Operation *> path;
  std::function<LogicalResult(Operation *)> visit = [&](Operation *op) -> LogicalResult {
    if (state[op] == State::done)
      return success();
    if (state[op] == State::open) {
      InFlightDiagnostic diag = op->emitOpError()
                                << "depends on itself within one step: a cycle of tensors "
                                   "needs an access such as `X[i - 1]` along an iterative "
                                   "rank";
      for (Operation *step : llvm::reverse(path)) {
        diag.attachNote(step->getLoc()) << "through this Einsum";
        if (step == op)
          break;
      }
      return diag;
    }
    state[op] = State::open;
    path.push_back(op);
    if (auto einsum = dyn_cast<EinsumInterface>(op)) {
      SmallVector<StringAttr> iteration = einsum.getIterationRanks();
      for (const Access &access : einsum.getInputAccesses()) {
        Operation *producer = access.tensor.getDefiningOp();
        auto type = cast<NamedTensorType>(access.tensor.getType());
        if (!producer || stepsAlongARank(access.map, type.getRanks(), iteration))
          continue;
        if (failed(visit(producer)))
          return failure();
      }
    }
    path.pop_back();
    state[op] = State::done;
    return success();
  };
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface>(op) && failed(visit(&op)))
      return failure();
  return success();
}

/// Operations that `op` depends on, itself included when it is part of a cycle.
static bool isPartOfCycle(Operation *op) {
  SmallVector<Operation *> worklist{op};
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!worklist.empty())
    for (Value operand : worklist.pop_back_val()->getOperands())
      if (Operation *producer = operand.getDefiningOp()) {
        if (producer == op)
          return true;
        if (seen.insert(producer).second)
          worklist.push_back(producer);
      }
  return false;
}

static LogicalResult verifyInitialValues(CascadeOp cascade) { // C4, second half
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum)
      continue;
    SmallVector<StringAttr> iteration = einsum.getIterationRanks();
    for (const Access &access : einsum.getInputAccesses()) {
      auto producer = dyn_cast_or_null<EinsumInterface>(access.tensor.getDefiningOp());
      auto type = cast<NamedTensorType>(access.tensor.getType());
      if (!producer || !stepsAlongARank(access.map, type.getRanks(), iteration) ||
          !producer.getInitialValues().empty() || !isPartOfCycle(producer))
        continue;
      InFlightDiagnostic diag =
          op.emitOpError() << "reads '" << producer.getTensorNames()[0].getValue()
                           << "' one step away, which needs an initial value";
      diag.attachNote(producer->getLoc()) << "add `init` to its definition here";
      return diag;
    }
  }
  return success();
}

LogicalResult CascadeOp::verifyRegions() {
  for (Operation &op : *getBodyBlock())
    if (!isa<RankOp, SplitOp, InputOp, OutputOp, MonoidOp, FunctionOp, EinsumInterface>(op))
      return op.emitError() << "'" << op.getName()
                            << "' is not part of a cascade: it holds ranks, splits, "
                               "inputs, Einsums, outputs, monoids and functions";
  if (failed(verifyCascadeParams(*this)) || failed(verifyTensorNames(*this)) ||
      failed(verifyRecurrences(*this)))
    return failure();
  return verifyInitialValues(*this);
}

LogicalResult RankOp::verify() {
  if (failed(verifyParams(*this, getParams())))
    return failure();
  if (getExtent().getNumResults() != 1 || getExtent().getNumDims() != 0 ||
      getExtent().getNumSymbols() != getParams().size())
    return emitOpError("the extent is one expression of the listed parameters");
  if (std::optional<int64_t> extent = getBoundExtent(); extent && *extent < 1)
    return emitOpError() << "the extent of rank '" << getSymName()
                         << "' is at least 1, found " << *extent;
  return success();
}

LogicalResult SplitOp::verify() {
  CascadeOp cascade = cascadeOf(*this);
  RankOp whole = cascade.findRank(getRank());
  if (!whole)
    return emitOpError() << "splits '" << getRank() << "', which is not a declared rank";
  if (getParts().size() < 2)
    return emitOpError() << "splits a rank into at least 2 parts, found "
                         << getParts().size();
  llvm::SmallPtrSet<Attribute, 4> seen;
  std::optional<int64_t> inner = 1;
  for (auto [i, part] : llvm::enumerate(getParts())) {
    StringRef name = cast<StringAttr>(part).getValue();
    RankOp rank = cascade.findRank(name);
    if (!rank)
      return emitOpError() << "names part '" << name << "', which is not a declared rank";
    if (!seen.insert(part).second || name == getRank())
      return emitOpError() << "the parts of a rank are distinct, found '" << name
                           << "' again";
    if (SplitOp other = cascade.findSplitOf(name); other && other != *this) {
      InFlightDiagnostic diag = emitOpError()
                                << "'" << name << "' is already part of another split";
      diag.attachNote(other.getLoc()) << "here";
      return diag;
    }
    if (i == 0)
      continue;
    std::optional<int64_t> extent = rank.getBoundExtent();
    int64_t product = 0;
    if (!extent || !inner)
      inner = std::nullopt;
    else if (llvm::MulOverflow(*inner, *extent, product))
      return emitOpError() << "the parts of '" << getRank() << "' overflow 64 bits";
    else
      inner = product;
  }
  RankOp outer = cascade.findRank(cast<StringAttr>(getParts()[0]).getValue());
  std::optional<int64_t> extent = whole.getBoundExtent(), outermost = outer.getBoundExtent();
  if (!extent || !inner || !outermost)
    return success();
  int64_t needed = llvm::divideCeil(*extent, *inner);
  if (*outermost == needed)
    return success();
  InFlightDiagnostic diag = emitOpError()
                            << "'" << outer.getSymName() << "' has extent " << *outermost
                            << ", but covering '" << getRank() << "' (" << *extent
                            << ") by parts of " << *inner << " takes " << needed;
  diag.attachNote(outer.getLoc()) << "declared here";
  return diag;
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

static LogicalResult verifyIterationSpace(ComputeOp op) { // C1
  CascadeOp cascade = cascadeOf(op);
  llvm::SmallPtrSet<StringAttr, 8> seen;
  for (StringAttr rank : op.getIterationRanks()) {
    if (!cascade.findRank(rank)) {
      InFlightDiagnostic diag = op.emitOpError() << "iterates over '" << rank.getValue()
                                                 << "', which is not a declared rank";
      return addKnownRanks(diag, cascade);
    }
    if (!seen.insert(rank).second)
      return op.emitOpError() << "iterates over '" << rank.getValue() << "' twice";
  }
  return verifyParams(op, op.getParams());
}

static LogicalResult verifyOutputAccess(ComputeOp op) { // C2
  SmallVector<StringAttr> iteration = op.getIterationRanks(), written;
  if (op.getOutput().getNumDims() != iteration.size())
    return op.emitOpError("the output access is over the iteration ranks");
  for (AffineExpr expr : op.getOutput().getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return op.emitOpError("an output is indexed by iteration ranks alone");
    StringAttr rank = iteration[dim.getPosition()];
    if (llvm::is_contained(written, rank))
      return op.emitOpError() << "the output has rank '" << rank.getValue() << "' twice";
    written.push_back(rank);
  }
  for (Type type : op.getResultTypes())
    if (cast<NamedTensorType>(type).getRanks() != ArrayRef<StringAttr>(written))
      return op.emitOpError() << "the output access lists the ranks of the result, found "
                              << type;
  return success();
}

static LogicalResult verifyReductions(ComputeOp op) { // C3, C6
  SmallVector<StringAttr> iteration = op.getIterationRanks();
  llvm::SmallPtrSet<StringAttr, 8> written, reduced;
  for (AffineExpr expr : op.getOutput().getResults())
    written.insert(iteration[cast<AffineDimExpr>(expr).getPosition()]);
  for (const Reduction &reduction : op.getReductionList()) {
    StringRef rank = reduction.rank.getValue();
    if (!llvm::is_contained(iteration, reduction.rank))
      return op.emitOpError() << "reduces '" << rank << "', which it does not iterate over";
    if (written.contains(reduction.rank))
      return op.emitOpError() << "reduces '" << rank
                              << "', but the output has that rank: a rank is either kept "
                                 "or reduced";
    if (!reduced.insert(reduction.rank).second)
      return op.emitOpError() << "reduces '" << rank << "' twice";
    unsigned arity = getBuiltinMonoidArity(reduction.monoid);
    if (auto monoid = dyn_cast_or_null<MonoidOp>(reduction.definition))
      arity = monoid.getIdentity().size();
    if (arity == 0) {
      InFlightDiagnostic diag = op.emitOpError()
                                << "reduces '" << rank << "' by '"
                                << reduction.monoid.getValue() << "', which is no monoid";
      diag.attachNote() << "built in: " << llvm::join(getBuiltinMonoids(), ", ");
      return diag;
    }
    if (arity != op.getNumResults())
      return op.emitOpError() << "monoid '" << reduction.monoid.getValue() << "' combines "
                              << arity << " values at once, but there are "
                              << op.getNumResults() << " results";
  }
  for (StringAttr rank : iteration)
    if (!written.contains(rank) && !reduced.contains(rank))
      return op.emitOpError() << "rank '" << rank.getValue()
                              << "' is neither in the output nor reduced";
  return success();
}

static LogicalResult verifyInputAccesses(ComputeOp op) { // C4
  if (op.getInputMaps().size() != op.getInputs().size())
    return op.emitOpError("has one access per input");
  for (const Access &access : op.getInputAccesses()) {
    auto type = cast<NamedTensorType>(access.tensor.getType());
    if (access.map.getNumDims() != op.getRanks().size() ||
        access.map.getNumSymbols() != op.getParams().size())
      return op.emitOpError("an access is over the iteration ranks and parameters");
    if (access.map.getNumResults() != type.getRanks().size()) {
      InFlightDiagnostic diag = op.emitOpError()
                                << "an access has one expression per rank of its tensor: "
                                << type << " has " << type.getRanks().size()
                                << " ranks, the access " << access.map.getNumResults();
      diag.attachNote(access.tensor.getLoc()) << "the tensor is defined here";
      return diag;
    }
  }
  return success();
}

static LogicalResult verifyInit(ComputeOp op) { // C7
  if (!op.getInit())
    return success();
  if (op.getInit()->size() != op.getNumResults())
    return op.emitOpError() << "has one initial value per result, found "
                            << op.getInit()->size() << " for " << op.getNumResults();
  for (auto [attr, type] : llvm::zip(*op.getInit(), op.getResultTypes())) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    auto typed = dyn_cast<TypedAttr>(attr);
    if (!typed || typed.getType() != scalar)
      return op.emitOpError() << "an initial value has the element type " << scalar
                              << ", found " << attr;
  }
  return success();
}

LogicalResult ComputeOp::verify() {
  if (getNumResults() == 0 || getTensors().size() != getNumResults())
    return emitOpError() << "names " << getTensors().size() << " tensors for "
                         << getNumResults() << " results";
  if (failed(verifyIterationSpace(*this)) || failed(verifyOutputAccess(*this)) ||
      failed(verifyReductions(*this)) || failed(verifyInputAccesses(*this)))
    return failure();
  return verifyInit(*this);
}

LogicalResult ComputeOp::verifyRegions() { // C5
  Block &block = getMap().front();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError() << "the map has one argument per input: " << getInputs().size()
                         << " inputs, " << block.getNumArguments() << " arguments";
  for (auto [argument, input] : llvm::zip(block.getArguments(), getInputs())) {
    Type scalar = getScalarType(cast<NamedTensorType>(input.getType()).getElementType());
    if (argument.getType() != scalar)
      return emitOpError() << "map argument " << argument.getArgNumber() << " has type "
                           << argument.getType() << ", its tensor holds " << scalar;
  }
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getNumOperands() != getNumResults())
    return emitOpError() << "the map yields one scalar per result: " << getNumResults()
                         << " results, " << yield.getNumOperands() << " scalars";
  for (auto [value, type] : llvm::zip(yield.getOperands(), getResultTypes())) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    if (value.getType() != scalar)
      return emitOpError() << "the map yields " << value.getType() << " for a tensor of "
                           << scalar;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Scalars and user-defined operators
//===----------------------------------------------------------------------===//

LogicalResult IndexOp::verify() {
  auto parent = cast<EinsumInterface>((*this)->getParentOp());
  if (llvm::is_contained(parent.getIterationRanks(), getRankAttr()))
    return success();
  return emitOpError() << "'" << getRank()
                       << "' is not an iteration rank of the enclosing Einsum";
}

LogicalResult ParamOp::verify() {
  CascadeOp cascade = cascadeOf(*this);
  if (!cascade || llvm::is_contained(cascade.getParamNames(), getParamAttr()))
    return success();
  InFlightDiagnostic diag = emitOpError() << "'" << getParam()
                                          << "' is not a parameter of the cascade";
  diag.attachNote(cascade.getLoc()) << "parameters are declared here";
  return diag;
}

LogicalResult MonoidOp::verifyRegions() {
  if (getBuiltinMonoidArity(getSymName()))
    return emitOpError() << "'" << getSymName() << "' is the name of a built-in monoid";
  size_t arity = getIdentity().size();
  Block &block = getBody().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  if (arity == 0 || block.getNumArguments() != 2 * arity || yield.getNumOperands() != arity)
    return emitOpError() << "combines two tuples of " << arity << " into one: found "
                         << block.getNumArguments() << " arguments and "
                         << yield.getNumOperands() << " results";
  for (size_t i = 0; i < arity; ++i) {
    auto identity = dyn_cast<TypedAttr>(getIdentity()[i]);
    Type type = identity ? identity.getType() : Type();
    if (!type || block.getArgument(i).getType() != type ||
        block.getArgument(arity + i).getType() != type ||
        yield.getOperand(i).getType() != type)
      return emitOpError() << "value " << i
                           << " has one type in the identity, both tuples and the result";
  }
  return success();
}

LogicalResult FunctionOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (yield.getNumOperands() != 1)
    return emitOpError() << "yields one scalar, found " << yield.getNumOperands();
  return success();
}

/// C2: follows the calls from `function`; true if they lead back to `target`.
static bool calls(FunctionOp function, FunctionOp target, unsigned depth = 0) {
  bool found = false;
  function.getBody().walk([&](ApplyOp apply) {
    auto callee = dyn_cast_or_null<FunctionOp>(
        SymbolTable::lookupNearestSymbolFrom(function, apply.getCalleeAttr()));
    found |= callee && (callee == target || depth > 64 || calls(callee, target, depth + 1));
  });
  return found;
}

LogicalResult ApplyOp::verify() {
  CascadeOp cascade = cascadeOf(*this);
  auto callee = dyn_cast_or_null<FunctionOp>(
      cascade ? SymbolTable::lookupSymbolIn(cascade, getCallee()) : nullptr);
  if (!callee)
    return emitOpError() << "applies '" << getCallee()
                         << "', which is not a function of the cascade";
  Block &body = callee.getBody().front();
  auto yield = cast<YieldOp>(body.getTerminator());
  if (body.getArgumentTypes() != getArgs().getTypes() ||
      yield.getOperandTypes().front() != getResult().getType()) {
    InFlightDiagnostic diag = emitOpError("operand and result types are those of the "
                                          "function");
    diag.attachNote(callee.getLoc()) << "declared here";
    return diag;
  }
  auto caller = (*this)->getParentOfType<FunctionOp>();
  if (caller && (callee == caller || calls(callee, caller)))
    return emitOpError() << "function '" << caller.getSymName() << "' calls itself";
  return success();
}
