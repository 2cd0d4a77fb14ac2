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

#include "dialects/Einsum/Gathers.h"
#include "dialects/Einsum/Limits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;

static CascadeOp cascadeOf(Operation *op) {
  return op->getParentOfType<CascadeOp>();
}

static InFlightDiagnostic &addKnownRanks(InFlightDiagnostic &diag,
                                         CascadeOp cascade) {
  std::string known;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    known += (known.empty() ? "" : ", ") + rank.getSymName().str();
  diag.attachNote(cascade.getLoc())
      << "ranks of cascade '" << cascade.getSymName()
      << "': " << (known.empty() ? "none" : known);
  return diag;
}

/// Names appear bare in affine expressions, so they must read as identifiers.
static bool isIdentifier(StringRef name) {
  auto isWordChar = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$';
  };
  return !name.empty() && (llvm::isAlpha(name[0]) || name[0] == '_') &&
         llvm::all_of(name, isWordChar) &&
         !llvm::is_contained({"mod", "floordiv", "ceildiv", "symbol"}, name);
}

static LogicalResult verifyIdentifier(Operation *op, StringRef what,
                                      StringRef name) {
  if (isIdentifier(name))
    return success();
  return op->emitOpError() << "the name of a " << what
                           << " is an identifier, found '" << name << "'";
}

/// Bodies are evaluated at every point in any order.
static LogicalResult verifyPureBody(Block &body) {
  for (Operation &inner : body)
    if (inner.getNumRegions() != 0 || inner.getNumSuccessors() != 0 ||
        !isMemoryEffectFree(&inner))
      return inner.emitError()
             << "'" << inner.getName()
             << "' is not a scalar operation: bodies hold pure ops without "
                "regions";
  return success();
}

static LogicalResult verifyParams(Operation *op, ArrayAttr params) {
  CascadeOp cascade = cascadeOf(op);
  for (Attribute param : params)
    if (!llvm::is_contained(cascade.getParamNames(), param)) {
      InFlightDiagnostic diag = op->emitOpError()
                                << "names parameter '"
                                << cast<StringAttr>(param).getValue()
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
  for (auto [name, value] :
       llvm::zip(cascade.getParamNames(), cascade.getParamValues())) {
    StringRef text = cast<StringAttr>(name).getValue();
    if (failed(verifyIdentifier(cascade, "parameter", text)))
      return failure();
    if (!seen.insert(name).second)
      return cascade.emitOpError()
             << "declares parameter '" << text << "' twice";
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
    for (auto [name, result] :
         llvm::zip(einsum.getTensorNames(), op.getResults()))
      tensors.emplace_back(name, result);
  return tensors;
}

static LogicalResult verifyTensorNames(CascadeOp cascade) { // C2, C3
  llvm::DenseMap<StringAttr, Operation *> definitions;
  for (Operation &op : *cascade.getBodyBlock())
    for (auto [name, value] : definedTensors(op)) {
      if (name.getValue().empty() && isa<InputOp>(op))
        return op.emitOpError("an input has a name");
      if (name.getValue().empty()) {
        // Such as the value beside an argmax: no storage could hold it.
        if (value.use_empty() && op.getNumResults() > 1)
          continue;
        return op.emitOpError(
            value.use_empty()
                ? "an Einsum of one result names it"
                : "a result that is read or an output has a name, found \"\"");
      }
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
                                    << "tensor '" << name.getValue()
                                    << "' has rank '" << rank.getValue()
                                    << "', which is not declared";
          return addKnownRanks(diag, cascade);
        }
    }
  return success();
}

static void collectEinsums(const EvaluationStep &step,
                           SmallVectorImpl<Operation *> &einsums) {
  if (step.einsum)
    einsums.push_back(step.einsum);
  for (const EvaluationStep &inner : step.body)
    collectEinsums(inner, einsums);
}

/// C4, second half: whoever reads back across a step of the loop may read
/// before the first one.
static LogicalResult verifyInitialValues(const EvaluationStep &loop) {
  SmallVector<Operation *> einsums;
  collectEinsums(loop, einsums);
  for (Operation *producer : einsums) {
    if (!cast<EinsumInterface>(producer).getInitialValues().empty())
      continue;
    for (Operation *user : producer->getUsers()) {
      auto einsum = dyn_cast<EinsumInterface>(user);
      if (!einsum)
        continue;
      for (const Access &access : einsum.getInputAccesses()) {
        if (access.tensor.getDefiningOp() != producer ||
            getStep(access, loop.rank, einsum.getIterationRanks()).value_or(0) *
                    loop.direction >=
                0)
          continue;
        InFlightDiagnostic diag =
            user->emitOpError()
            << "reads '"
            << cast<EinsumInterface>(producer).getTensorNames()[0].getValue()
            << "' one step away, which needs an initial value";
        diag.attachNote(producer->getLoc())
            << "add `init` to its definition here";
        return diag;
      }
    }
  }
  for (const EvaluationStep &inner : loop.body)
    if (!inner.einsum && failed(verifyInitialValues(inner)))
      return failure();
  return success();
}

/// Blocks divide the extents, as far as these are known.
static LogicalResult verifyStorages(CascadeOp cascade) { // C5
  for (Operation &op : *cascade.getBodyBlock())
    for (Type type : op.getResultTypes()) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      if (!tensor || !isa<QuantizedType>(tensor.getElementType()))
        continue;
      SmallVector<int64_t> extents;
      for (StringAttr name : tensor.getRanks()) {
        RankOp rank = cascade.findRank(name);
        // Whatever an unknown extent will be, 0 is a multiple of all blocks.
        extents.push_back(rank ? rank.getBoundExtent().value_or(0) : 0);
      }
      auto storage = findStorage(tensor, extents);
      if (auto *message = std::get_if<std::string>(&storage))
        return op.emitError() << *message;
    }
  return success();
}

static LogicalResult verifyRecurrences(CascadeOp cascade) { // C4
  FailureOr<std::vector<EvaluationStep>> steps = orderEvaluation(cascade);
  if (failed(steps))
    return failure();
  for (const EvaluationStep &step : *steps)
    if (!step.einsum && failed(verifyInitialValues(step)))
      return failure();
  return success();
}

LogicalResult CascadeOp::verify() { return verifyCascadeParams(*this); }

LogicalResult CascadeOp::verifyRegions() {
  for (Operation &op : *getBodyBlock())
    if (!isa<RankOp, SplitOp, InputOp, OutputOp, MonoidOp, FunctionOp,
             EinsumInterface>(op))
      return op.emitError()
             << "'" << op.getName()
             << "' is not part of a cascade: it holds ranks, splits, "
                "inputs, Einsums, outputs, monoids and functions";
  if (getBodyBlock()->getNumArguments() != 0)
    return emitOpError("the body of a cascade has no arguments");
  if (failed(verifyTensorNames(*this)) || failed(verifyStorages(*this)))
    return failure();
  return verifyRecurrences(*this);
}

LogicalResult RankOp::verify() {
  if (failed(verifyIdentifier(*this, "rank", getSymName())) ||
      failed(verifyParams(*this, getParams())))
    return failure();
  if (getExtent().getNumResults() != 1 || getExtent().getNumDims() != 0 ||
      getExtent().getNumSymbols() != getParams().size())
    return emitOpError("the extent is one expression of the listed parameters");
  if (std::optional<int64_t> extent = getBoundExtent(); extent && *extent < 1)
    return emitOpError() << "the extent of rank '" << getSymName()
                         << "' is at least 1, found " << *extent;
  return success();
}

LogicalResult SplitOp::verifySymbolUses(SymbolTableCollection &) {
  CascadeOp cascade = cascadeOf(*this);
  RankOp whole = cascade.findRank(getRank());
  if (!whole)
    return emitOpError() << "splits '" << getRank()
                         << "', which is not a declared rank";
  if (getParts().size() < 2)
    return emitOpError() << "splits a rank into at least 2 parts, found "
                         << getParts().size();
  llvm::SmallPtrSet<Attribute, 4> seen;
  std::optional<int64_t> inner = 1;
  for (auto [i, part] : llvm::enumerate(getParts())) {
    StringRef name = cast<StringAttr>(part).getValue();
    RankOp rank = cascade.findRank(name);
    if (!rank)
      return emitOpError() << "names part '" << name
                           << "', which is not a declared rank";
    if (!seen.insert(part).second || name == getRank())
      return emitOpError() << "the parts of a rank are distinct, found '"
                           << name << "' again";
    if (SplitOp other = cascade.findSplitOf(name); other && other != *this) {
      InFlightDiagnostic diag =
          emitOpError() << "'" << name << "' is already part of another split";
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
      return emitOpError() << "the parts of '" << getRank()
                           << "' overflow 64 bits";
    else
      inner = product;
  }
  RankOp outer = cascade.findRank(cast<StringAttr>(getParts()[0]).getValue());
  std::optional<int64_t> extent = whole.getBoundExtent(),
                         outermost = outer.getBoundExtent();
  if (!extent || !inner || !outermost)
    return success();
  int64_t needed = llvm::divideCeilSigned(*extent, *inner);
  if (*outermost == needed)
    return success();
  InFlightDiagnostic diag = emitOpError()
                            << "'" << outer.getSymName() << "' has extent "
                            << *outermost << ", but covering '" << getRank()
                            << "' (" << *extent << ") by parts of " << *inner
                            << " takes " << needed;
  diag.attachNote(outer.getLoc()) << "declared here";
  return diag;
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

static LogicalResult verifyIterationSpace(ComputeOp op) { // C1
  CascadeOp cascade = cascadeOf(op);
  llvm::SmallPtrSet<StringAttr, 8> seen;
  if (size_t count = op.getIterationRanks().size(); count > kMostRanks)
    return op.emitOpError() << "iterates over " << count << " ranks, more than "
                            << kMostRanks << ": write several Einsums";
  for (StringAttr rank : op.getIterationRanks()) {
    if (!cascade.findRank(rank)) {
      InFlightDiagnostic diag = op.emitOpError()
                                << "iterates over '" << rank.getValue()
                                << "', which is not a declared rank";
      return addKnownRanks(diag, cascade);
    }
    if (!seen.insert(rank).second)
      return op.emitOpError()
             << "iterates over '" << rank.getValue() << "' twice";
  }
  for (StringAttr param : op.getSymbolNames())
    if (!seen.insert(param).second)
      return op.emitOpError()
             << "names '" << param.getValue()
             << "' twice: ranks and parameters of an Einsum are distinct";
  return verifyParams(op, op.getParams());
}

static LogicalResult verifyOutputAccess(ComputeOp op) { // C2
  SmallVector<StringAttr> iteration = op.getIterationRanks(), written;
  if (op.getOutput().getNumDims() != iteration.size() ||
      op.getOutput().getNumSymbols() != op.getParams().size())
    return op.emitOpError("the output access is over the iteration ranks");
  for (AffineExpr expr : op.getOutput().getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return op.emitOpError("an output is indexed by iteration ranks alone");
    StringAttr rank = iteration[dim.getPosition()];
    if (llvm::is_contained(written, rank))
      return op.emitOpError()
             << "the output has rank '" << rank.getValue() << "' twice";
    written.push_back(rank);
  }
  for (Type type : op.getResultTypes())
    if (cast<NamedTensorType>(type).getRanks() != ArrayRef<StringAttr>(written))
      return op.emitOpError()
             << "the output access lists the ranks of the result, found "
             << type;
  return success();
}

/// C6: the types on which a monoid acts are those of the results.
static LogicalResult verifyMonoidTypes(ComputeOp op,
                                       const Reduction &reduction) {
  StringRef name = reduction.monoid.getValue();
  for (auto [i, type] : llvm::enumerate(op.getResultTypes())) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    if ((name == "and" || name == "or") && !isa<IntegerType>(scalar))
      return op.emitOpError()
             << "monoid '" << name << "' combines integers, found " << scalar;
    auto monoid = dyn_cast_or_null<MonoidOp>(reduction.definition);
    if (!monoid)
      continue;
    Type combined = cast<TypedAttr>(monoid.getIdentity()[i]).getType();
    if (combined == scalar)
      continue;
    InFlightDiagnostic diag = op.emitOpError()
                              << "monoid '" << name << "' combines " << combined
                              << ", but the result holds " << scalar;
    diag.attachNote(monoid.getLoc()) << "declared here";
    return diag;
  }
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
      return op.emitOpError()
             << "reduces '" << rank << "', which it does not iterate over";
    if (written.contains(reduction.rank))
      return op.emitOpError()
             << "reduces '" << rank
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
                                << reduction.monoid.getValue()
                                << "', which is no monoid";
      diag.attachNote() << "built in: "
                        << llvm::join(getBuiltinMonoids(), ", ");
      return diag;
    }
    if (arity != op.getNumResults())
      return op.emitOpError()
             << "monoid '" << reduction.monoid.getValue() << "' combines "
             << arity << " values at once, but there are " << op.getNumResults()
             << " results";
    if (failed(verifyMonoidTypes(op, reduction)))
      return failure();
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
        access.map.getNumSymbols() !=
            op.getParams().size() + op.getGatheredOperands().size())
      return op.emitOpError(
          "an access is over the iteration ranks and parameters");
    if (access.map.getNumResults() != type.getRanks().size()) {
      InFlightDiagnostic diag =
          op.emitOpError()
          << "an access has one expression per rank of its tensor: " << type
          << " has " << type.getRanks().size() << " ranks, the access "
          << access.map.getNumResults();
      diag.attachNote(access.tensor.getLoc()) << "the tensor is defined here";
      return diag;
    }
  }
  return success();
}

/// C8: a value that is gathered, and the access that it is read by.
static LogicalResult verifyGatheredValue(ComputeOp op, const Access &index) {
  Type element = cast<NamedTensorType>(index.tensor.getType()).getElementType();
  if (!isa<IntegerType, IndexType>(element))
    return op.emitOpError()
           << "a gathered coordinate is an integer, found a tensor of "
           << element;
  if (element.isIntOrIndex() && !isa<IndexType>(element) &&
      element.getIntOrFloatBitWidth() > 64)
    return op.emitOpError() << "a gathered coordinate has at most 64 bits, "
                               "found a tensor of "
                            << element;
  if (isGathered(op, index))
    return op.emitOpError("an index is read by an affine access: what is read "
                          "by a gathered coordinate is no coordinate itself");
  if (index.tensor.getDefiningOp() == op)
    return op.emitOpError("gathers by a tensor that it defines itself");
  return success();
}

static LogicalResult verifyGathers(ComputeOp op) { // C8
  SmallVector<Access> accesses = op.getInputAccesses();
  unsigned numParams = op.getParams().size();
  int64_t last = -1;
  for (int64_t operand : op.getGathered().value_or(ArrayRef<int64_t>())) {
    if (operand <= last || operand >= static_cast<int64_t>(accesses.size()))
      return op.emitOpError()
             << "gathers by operand " << operand << ": operands are 0 to "
             << accesses.size() - 1 << ", each at most once, in order";
    last = operand;
    if (failed(verifyGatheredValue(op, accesses[operand])))
      return failure();
  }
  for (auto [i, operand] : llvm::enumerate(op.getGatheredOperands()))
    if (llvm::none_of(accesses, [&, symbol = numParams + i](const Access &a) {
          return a.map.isFunctionOfSymbol(symbol);
        }))
      return op.emitOpError() << "gathers by operand " << operand
                              << ", but no access uses its value";
  for (const Access &access : accesses)
    for (AffineExpr expr : access.map.getResults())
      if (!isSumOfGathered(expr, numParams))
        return op.emitOpError("a gathered coordinate is added, or multiplied "
                              "by numbers and parameters, nothing else");
  return success();
}

static LogicalResult verifyFilter(ComputeOp op) { // C4
  std::optional<IntegerSet> filter = op.getFilter();
  if (!filter || (filter->getNumDims() == op.getRanks().size() &&
                  filter->getNumSymbols() == op.getParams().size()))
    return success();
  return op.emitOpError("a filter is over the iteration ranks and parameters");
}

static LogicalResult verifyInit(ComputeOp op) { // C7
  if (!op.getInit())
    return success();
  if (op.getInit()->size() != op.getNumResults())
    return op.emitOpError()
           << "has one initial value per result, found " << op.getInit()->size()
           << " for " << op.getNumResults();
  for (auto [attr, type] : llvm::zip(*op.getInit(), op.getResultTypes())) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    auto typed = dyn_cast<TypedAttr>(attr);
    if (!typed || typed.getType() != scalar)
      return op.emitOpError() << "an initial value has the element type "
                              << scalar << ", found " << attr;
  }
  return success();
}

LogicalResult ComputeOp::verify() {
  if (getNumResults() == 0 || getTensors().size() != getNumResults())
    return emitOpError() << "names " << getTensors().size() << " tensors for "
                         << getNumResults() << " results";
  if (failed(verifyOutputAccess(*this)) || failed(verifyInputAccesses(*this)) ||
      failed(verifyGathers(*this)) || failed(verifyFilter(*this)))
    return failure();
  return verifyInit(*this);
}

LogicalResult ComputeOp::verifySymbolUses(SymbolTableCollection &) {
  if (failed(verifyIterationSpace(*this)))
    return failure();
  return verifyReductions(*this);
}

LogicalResult ComputeOp::verifyRegions() { // C5
  Block &block = getMap().front();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError() << "the map has one argument per input: "
                         << getInputs().size() << " inputs, "
                         << block.getNumArguments() << " arguments";
  for (auto [argument, input] : llvm::zip(block.getArguments(), getInputs())) {
    Type scalar =
        getScalarType(cast<NamedTensorType>(input.getType()).getElementType());
    if (argument.getType() != scalar)
      return emitOpError() << "map argument " << argument.getArgNumber()
                           << " has type " << argument.getType()
                           << ", its tensor holds " << scalar;
  }
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getNumOperands() != getNumResults())
    return emitOpError() << "the map yields one scalar per result: "
                         << getNumResults() << " results, "
                         << yield.getNumOperands() << " scalars";
  for (auto [value, type] : llvm::zip(yield.getOperands(), getResultTypes())) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    if (value.getType() != scalar)
      return emitOpError() << "the map yields " << value.getType()
                           << " for a tensor of " << scalar;
  }
  return verifyPureBody(block);
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
  InFlightDiagnostic diag = emitOpError()
                            << "'" << getParam()
                            << "' is not a parameter of the cascade";
  diag.attachNote(cascade.getLoc()) << "parameters are declared here";
  return diag;
}

LogicalResult MonoidOp::verifyRegions() {
  if (failed(verifyIdentifier(*this, "monoid", getSymName())))
    return failure();
  if (getBuiltinMonoidArity(getSymName()))
    return emitOpError() << "'" << getSymName()
                         << "' is the name of a built-in monoid";
  size_t arity = getIdentity().size();
  Block &block = getBody().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  if (arity == 0 || block.getNumArguments() != 2 * arity ||
      yield.getNumOperands() != arity)
    return emitOpError() << "combines two tuples of " << arity
                         << " into one: found " << block.getNumArguments()
                         << " arguments and " << yield.getNumOperands()
                         << " results";
  for (size_t i = 0; i < arity; ++i) {
    auto identity = dyn_cast<TypedAttr>(getIdentity()[i]);
    Type type = identity ? identity.getType() : Type();
    if (!type || block.getArgument(i).getType() != type ||
        block.getArgument(arity + i).getType() != type ||
        yield.getOperand(i).getType() != type)
      return emitOpError()
             << "value " << i
             << " has one type in the identity, both tuples and the result";
  }
  return verifyPureBody(block);
}

LogicalResult FunctionOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (yield.getNumOperands() != 1)
    return emitOpError() << "yields one scalar, found "
                         << yield.getNumOperands();
  return verifyPureBody(getBody().front());
}

/// C2: true if the calls from `function` lead back to `target`.
static bool leadsTo(FunctionOp function, FunctionOp target) {
  llvm::SetVector<FunctionOp> reached;
  reached.insert(function);
  for (size_t i = 0; i < reached.size() && !reached.contains(target); ++i) {
    FunctionOp caller = reached[i];
    for (ApplyOp apply : caller.getBody().getOps<ApplyOp>())
      if (auto callee =
              dyn_cast_or_null<FunctionOp>(SymbolTable::lookupNearestSymbolFrom(
                  function, apply.getCalleeAttr())))
        reached.insert(callee);
  }
  return reached.contains(target);
}

LogicalResult ApplyOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto callee =
      symbolTable.lookupNearestSymbolFrom<FunctionOp>(*this, getCalleeAttr());
  if (!callee)
    return emitOpError() << "applies '" << getCallee()
                         << "', which is not a function of the cascade";
  Block &body = callee.getBody().front();
  auto yield = cast<YieldOp>(body.getTerminator());
  if (body.getArgumentTypes() != getArgs().getTypes() ||
      yield.getOperandTypes().front() != getResult().getType()) {
    InFlightDiagnostic diag =
        emitOpError("operand and result types are those of the "
                    "function");
    diag.attachNote(callee.getLoc()) << "declared here";
    return diag;
  }
  auto caller = (*this)->getParentOfType<FunctionOp>();
  if (caller && leadsTo(callee, caller))
    return emitOpError() << "function '" << caller.getSymName()
                         << "' calls itself";
  return success();
}
