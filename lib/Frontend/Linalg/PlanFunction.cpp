//===- PlanFunction.cpp - Ranks, reads and maps of a function -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Linalg/Planner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

//===----------------------------------------------------------------------===//
// Tensors and ranks
//===----------------------------------------------------------------------===//

/// What an attribute or a location calls it, if that can be a name.
static StringRef findName(Location loc, DictionaryAttr names) {
  StringRef name;
  if (auto given =
          names ? names.getAs<StringAttr>("einsum.name") : StringAttr())
    name = given.getValue();
  else if (auto place = dyn_cast<NameLoc>(loc))
    name = place.getName().getValue();
  bool isName =
      !name.empty() && (llvm::isAlpha(name[0]) || name[0] == '_') &&
      llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  return isName ? name : "";
}

int Planner::addTensor(Location loc, RankedTensorType type, StringRef prefix,
                       DictionaryAttr names) {
  std::string name = findName(loc, names).str();
  unsigned &number = numbered[prefix == "T"];
  while (name.empty() || taken.contains(name))
    name = (prefix + Twine(number++)).str();
  taken.insert(name);
  plan.tensors.push_back(
      {name, false, type, SmallVector<int>(type.getRank(), -1), loc});
  return static_cast<int>(plan.tensors.size()) - 1;
}

/// i, j, k, ..., z, a, ..., then i1, ...; no `l` and `o`, which look like
/// digits.
int Planner::makeRank(int64_t extent) {
  constexpr StringLiteral letters = "ijkmnpqrstuvwxyzabcdefgh";
  size_t number = plan.ranks.size();
  std::string name(1, letters[number % letters.size()]);
  if (size_t round = number / letters.size())
    name += std::to_string(round);
  plan.ranks.push_back({name, extent});
  return static_cast<int>(number);
}

/// A loop has the rank of a tensor that it walks, if no other loop has it.
SmallVector<int> Planner::chooseRanks(ArrayRef<PlannedRead> reads,
                                      ArrayRef<int64_t> extents) {
  SmallVector<int> ranks(extents.size(), -1);
  for (const PlannedRead &read : reads)
    for (auto [i, expr] : llvm::enumerate(read.map.getResults())) {
      int rank = plan.tensors[read.tensor].ranks[i];
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop || rank < 0 || ranks[loop.getPosition()] >= 0 ||
          plan.ranks[rank].extent != extents[loop.getPosition()] ||
          llvm::is_contained(ranks, rank))
        continue;
      ranks[loop.getPosition()] = rank;
    }
  for (auto [loop, rank] : llvm::enumerate(ranks))
    if (rank < 0)
      rank = makeRank(extents[loop]);
  for (const PlannedRead &read : reads)
    nameDimensions(read, ranks);
  return ranks;
}

void Planner::nameDimensions(const PlannedRead &read, ArrayRef<int> ranks) {
  PlannedTensor &tensor = plan.tensors[read.tensor];
  for (auto [i, expr] : llvm::enumerate(read.map.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop || tensor.ranks[i] >= 0)
      continue;
    int rank = ranks[loop.getPosition()];
    if (plan.ranks[rank].extent == tensor.type.getDimSize(i) &&
        !llvm::is_contained(tensor.ranks, rank))
      tensor.ranks[i] = rank;
  }
}

std::optional<PlannedRead> Planner::readOf(Value value, AffineMap map) {
  auto view = views.find(value);
  if (view == views.end())
    return std::nullopt;
  return PlannedRead{view->second.tensor,
                     simplifyAffineMap(view->second.map.compose(map))};
}

void Planner::addResult(PlannedEinsum &einsum, Value value,
                        DictionaryAttr names) {
  auto type = cast<RankedTensorType>(value.getType());
  int tensor = addTensor(einsum.loc, type, "T", names);
  for (int i = 0; i < type.getRank(); ++i)
    plan.tensors[tensor].ranks[i] = einsum.loops[i];
  einsum.results.push_back(tensor);
  views[value] = {tensor,
                  AffineMap::getMultiDimIdentityMap(type.getRank(), context)};
}

bool Planner::planArguments() {
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      return fail(function,
                  "argument " + Twine(argument.getArgNumber()) +
                      " is no ranked tensor; a cascade reads tensors");
    DictionaryAttr names = function.getArgAttrDict(argument.getArgNumber());
    int tensor = addTensor(argument.getLoc(), type, "X", names);
    plan.tensors[tensor].isWeight = names && names.contains("einsum.weight");
    plan.inputs.push_back(tensor);
    views[argument] = {
        tensor, AffineMap::getMultiDimIdentityMap(type.getRank(), context)};
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// The result of `op` is `source`, which is known, at other coordinates.
bool Planner::addView(Operation *op, Value source, AffineMap map) {
  View of = views.lookup(source);
  views[op->getResult(0)] = {of.tensor, simplifyAffineMap(of.map.compose(map))};
  return true;
}

/// The coordinate in the expanded tensor says the one before: i * J + j.
bool Planner::viewExpand(tensor::ExpandShapeOp op) {
  if (!views.count(op.getSrc()))
    return fail(op, "reshapes a tensor that holds one value everywhere");
  RankedTensorType type = op.getResultType();
  SmallVector<AffineExpr> exprs;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    AffineExpr expr = getAffineConstantExpr(0, context);
    for (auto [i, dim] : llvm::enumerate(group)) {
      if (i > 0 && type.isDynamicDim(dim))
        return fail(op, "splits a dimension by an extent that is not known");
      if (i > 0)
        expr = expr * type.getDimSize(dim);
      expr = expr + getAffineDimExpr(dim, context);
    }
    exprs.push_back(expr);
  }
  return addView(op, op.getSrc(),
                 AffineMap::get(type.getRank(), 0, exprs, context));
}

bool Planner::viewCollapse(tensor::CollapseShapeOp op) {
  if (!views.count(op.getSrc()))
    return fail(op, "reshapes a tensor that holds one value everywhere");
  RankedTensorType type = op.getSrcType();
  SmallVector<AffineExpr> exprs(type.getRank());
  for (auto [result, group] : llvm::enumerate(op.getReassociationIndices())) {
    AffineExpr rest = getAffineDimExpr(result, context);
    for (int64_t dim : llvm::reverse(group)) {
      bool isFirst = dim == group.front();
      if (!isFirst && type.isDynamicDim(dim))
        return fail(op, "joins a dimension whose extent is not known");
      exprs[dim] = isFirst ? rest : rest % type.getDimSize(dim);
      if (!isFirst)
        rest = rest.floorDiv(type.getDimSize(dim));
    }
  }
  return addView(
      op, op.getSrc(),
      AffineMap::get(op.getResultType().getRank(), 0, exprs, context));
}

bool Planner::viewSlice(tensor::ExtractSliceOp op) {
  if (!views.count(op.getSource()))
    return fail(op, "takes a part of a tensor that holds one value everywhere");
  if (ShapedType::isDynamicShape(op.getStaticOffsets()) ||
      ShapedType::isDynamicShape(op.getStaticStrides()) ||
      ShapedType::isDynamicShape(op.getStaticSizes()))
    return fail(op, "takes a part whose place or size is not known");
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<AffineExpr> exprs;
  unsigned dim = 0;
  for (auto [i, offset] : llvm::enumerate(op.getStaticOffsets())) {
    AffineExpr expr = getAffineConstantExpr(offset, context);
    if (!dropped.test(i))
      expr = expr + getAffineDimExpr(dim++, context) * op.getStaticStrides()[i];
    exprs.push_back(expr);
  }
  return addView(op, op.getSource(), AffineMap::get(dim, 0, exprs, context));
}

/// An op that yields its only operand at other coordinates, each element once.
bool Planner::viewRearranged(linalg::LinalgOp op) {
  if (op->getNumResults() != 1 || op.getNumReductionLoops() > 0)
    return false;
  Block *body = op.getBlock();
  auto yielded = dyn_cast<BlockArgument>(body->getTerminator()->getOperand(0));
  if (!yielded || yielded.getOwner() != body ||
      yielded.getArgNumber() >= op.getNumDpsInputs())
    return false;
  OpOperand *input = op.getDpsInputOperand(yielded.getArgNumber());
  AffineMap in = op.getMatchingIndexingMap(input);
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!in.isProjectedPermutation() || !out.isPermutation() ||
      !views.count(input->get()))
    return false;
  return addView(op, input->get(), in.compose(inversePermutation(out)));
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

bool Planner::planFill(linalg::FillOp op) {
  auto constant = op.getInputs()[0].getDefiningOp<arith::ConstantOp>();
  if (!constant)
    return fail(op, "fills a tensor with a value that is no constant");
  constants[op.getResult(0)] = constant.getValue();
  return true;
}

/// An element-wise op on whole tensors.
bool Planner::planElementwise(Operation &op) {
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  PlannedEinsum einsum(op.getLoc());
  SmallVector<TypedAttr> fixed;
  for (Value operand : op.getOperands()) {
    auto constant = constants.find(operand);
    fixed.push_back(constant == constants.end() ? TypedAttr()
                                                : constant->second);
    if (constant != constants.end())
      continue;
    std::optional<PlannedRead> read = readOf(operand, identity);
    if (!read)
      return fail(&op, "reads a tensor that was never written");
    einsum.reads.push_back(*read);
  }
  einsum.loops = chooseRanks(einsum.reads, type.getShape());
  einsum.emitMap = [&op, fixed](OpBuilder &builder, Block &block,
                                ArrayRef<StringAttr>) {
    SmallVector<Value> operands;
    unsigned read = 0;
    for (TypedAttr value : fixed)
      operands.push_back(
          value ? builder.create<arith::ConstantOp>(op.getLoc(), value)
                      .getResult()
                : Value(block.getArgument(read++)));
    Type scalar = getElementTypeOrSelf(op.getResult(0).getType());
    Operation *made = builder.create(op.getLoc(), op.getName().getIdentifier(),
                                     operands, {scalar}, op.getAttrs());
    made->removeAttr("einsum.name");
    builder.create<YieldOp>(op.getLoc(), made->getResults());
  };
  addResult(einsum, op.getResult(0), op.getAttrDictionary());
  plan.einsums.push_back(std::move(einsum));
  return true;
}

/// `result = reduced (+) start`, where the accumulator did not start at the
/// identity: the Einsum planned delivers `reduced` alone, a further one the
/// sum.
bool Planner::startFrom(PlannedEinsum &einsum, const Accumulation &how,
                        Value start) {
  Operation *combine = how.combine;
  PlannedEinsum last(einsum.loc);
  const PlannedTensor result = plan.tensors[einsum.results[0]];
  auto type = result.type;
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  int reduced = addTensor(einsum.loc, type, "T", {});
  plan.tensors[reduced].ranks = result.ranks;
  last.loops = result.ranks;
  last.reads.push_back({reduced, identity});
  TypedAttr value;
  if (auto constant = constants.find(start); constant != constants.end())
    value = constant->second;
  else if (std::optional<PlannedRead> read = readOf(start, identity))
    last.reads.push_back(*read);
  else
    return fail(combine->getParentOp(),
                "accumulates onto a tensor that was never written; start from "
                "linalg.fill");
  if (last.reads.size() > 1)
    nameDimensions(last.reads[1], last.loops);
  last.results = einsum.results;
  einsum.results = {reduced};
  last.emitMap = [combine, value](OpBuilder &builder, Block &block,
                                  ArrayRef<StringAttr>) {
    Location loc = combine->getLoc();
    Value other =
        value ? builder.create<arith::ConstantOp>(loc, value).getResult()
              : Value(block.getArgument(1));
    IRMapping values;
    values.map(combine->getOperand(0), block.getArgument(0));
    values.map(combine->getOperand(1), other);
    copyScalar(builder, *combine, values);
    builder.create<YieldOp>(loc, values.lookup(combine->getResult(0)));
  };
  plan.einsums.push_back(std::move(einsum));
  plan.einsums.push_back(std::move(last));
  return true;
}

bool Planner::planLinalg(linalg::LinalgOp op) {
  if (op.hasPureBufferSemantics() || op->getNumResults() == 0)
    return fail(op, "writes buffers; an Einsum is of tensors");
  if (viewRearranged(op))
    return true;
  Block *body = op.getBlock();
  if (Operation *other = findUnsupported(*body))
    return fail(other, "stands in the body of a linalg op, but is no pure "
                       "scalar op on its elements and on constants");
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned inputs = op.getNumDpsInputs(), loops = op.getNumLoops();
  bool reduces = op.getNumReductionLoops() > 0;
  AffineMap output = maps[inputs];
  if (reduces && op->getNumResults() > 1)
    return fail(op, "accumulates several results at once");
  for (AffineMap map : ArrayRef(maps).drop_front(inputs))
    if (map != output)
      return fail(op, "addresses its results differently");
  if (!output.isProjectedPermutation() ||
      output.getNumResults() + op.getNumReductionLoops() != loops)
    return fail(op, "addresses its result by other coordinates than its "
                    "parallel loops");

  // Loops of the results first.
  SmallVector<unsigned> order;
  for (AffineExpr expr : output.getResults())
    order.push_back(cast<AffineDimExpr>(expr).getPosition());
  for (unsigned loop = 0; loop < loops; ++loop)
    if (!llvm::is_contained(order, loop))
      order.push_back(loop);
  AffineMap reordered =
      inversePermutation(AffineMap::getPermutationMap(order, context));
  SmallVector<int64_t> extents;
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  for (unsigned loop : order)
    extents.push_back(ranges[loop]);

  PlannedEinsum einsum(op.getLoc());
  std::optional<Accumulation> how;
  if (reduces) {
    how = findAccumulation(body->getTerminator()->getOperand(0),
                           body->getArgument(inputs));
    if (!how)
      return fail(op, "accumulates by something else than add, mul, max, min, "
                      "and, or as the last step of its body");
    einsum.monoid = StringAttr::get(context, how->monoid);
    einsum.computesIn = findNarrowProduct(*how);
  }
  // Which argument of the body is which read; those unused give shapes only.
  SmallVector<int> readOfArgument(body->getNumArguments(), -1);
  SmallVector<TypedAttr> constantOf(body->getNumArguments());
  for (BlockArgument argument : body->getArguments()) {
    unsigned number = argument.getArgNumber();
    if (argument.use_empty() || (reduces && number >= inputs))
      continue;
    Value operand = op->getOperand(number);
    if (!isa<RankedTensorType>(operand.getType()))
      return fail(op, "reads a scalar; make it a tensor, or a constant in the "
                      "body");
    if (auto constant = constants.find(operand); constant != constants.end()) {
      constantOf[number] = constant->second;
      continue;
    }
    std::optional<PlannedRead> read =
        readOf(operand, maps[number].compose(reordered));
    if (!read)
      return fail(op, "reads a tensor that was never written");
    readOfArgument[number] = static_cast<int>(einsum.reads.size());
    einsum.reads.push_back(*read);
  }
  einsum.loops = chooseRanks(einsum.reads, extents);
  Location loc = op.getLoc();
  Operation *skipped = how ? how->combine : nullptr;
  Value yieldedInstead = how ? how->added : Value();
  einsum.emitMap = [=](OpBuilder &builder, Block &block,
                       ArrayRef<StringAttr> names) {
    IRMapping values;
    for (BlockArgument argument : body->getArguments()) {
      unsigned number = argument.getArgNumber();
      if (TypedAttr value = constantOf[number])
        values.map(argument,
                   builder.create<arith::ConstantOp>(loc, value).getResult());
      else if (readOfArgument[number] >= 0)
        values.map(argument, block.getArgument(readOfArgument[number]));
    }
    SmallVector<StringAttr> loopNames(loops);
    for (auto [i, loop] : llvm::enumerate(order))
      loopNames[loop] = names[i];
    cloneBody(builder, *body, skipped, values, loopNames);
    SmallVector<Value> yielded;
    for (Value value : body->getTerminator()->getOperands())
      yielded.push_back(
          resolve(builder, yieldedInstead ? yieldedInstead : value, values));
    builder.create<YieldOp>(loc, yielded);
  };
  for (Value result : op->getResults())
    addResult(einsum, result, op->getAttrDictionary());
  Value start = op.getDpsInitOperand(0)->get();
  auto constant = constants.find(start);
  if (how && (constant == constants.end() ||
              !isIdentity(how->combine, constant->second)))
    return startFrom(einsum, *how, start);
  plan.einsums.push_back(std::move(einsum));
  return true;
}

/// For what is delivered, but was computed by no Einsum.
void Planner::planCopy(Value value, Location loc) {
  auto type = cast<RankedTensorType>(value.getType());
  PlannedEinsum einsum(loc);
  TypedAttr constant = constants.lookup(value);
  if (!constant)
    einsum.reads.push_back(*readOf(
        value, AffineMap::getMultiDimIdentityMap(type.getRank(), context)));
  einsum.loops = chooseRanks(einsum.reads, type.getShape());
  einsum.emitMap = [loc, constant](OpBuilder &builder, Block &block,
                                   ArrayRef<StringAttr>) {
    Value element =
        constant ? builder.create<arith::ConstantOp>(loc, constant).getResult()
                 : Value(block.getArgument(0));
    builder.create<YieldOp>(loc, element);
  };
  addResult(einsum, value, {});
  plan.einsums.push_back(std::move(einsum));
}

bool Planner::planReturn(func::ReturnOp op) {
  for (Value value : op.getOperands()) {
    if (!constants.count(value) && !views.count(value))
      return fail(op, "returns a tensor that was never written");
    auto isComputed = [&] {
      auto view = views.find(value);
      return view != views.end() && view->second.map.isIdentity() &&
             !llvm::is_contained(plan.inputs, view->second.tensor) &&
             !llvm::is_contained(plan.outputs, view->second.tensor);
    };
    if (!isComputed())
      planCopy(value, op.getLoc());
    plan.outputs.push_back(views[value].tensor);
  }
  return op.getNumOperands() > 0 ||
         fail(op, "returns nothing; a cascade delivers tensors");
}

bool Planner::planOp(Operation &op) {
  bool isTensor = op.getNumResults() == 1 &&
                  isa<RankedTensorType>(op.getResult(0).getType());
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!isTensor)
      return true; // comes along with the body that uses it
    if (!elements || !elements.isSplat())
      return fail(&op, "is a tensor of constants; pass it as an argument");
    constants[constant] = cast<TypedAttr>(elements.getSplatValue<Attribute>());
    return true;
  }
  if (isa<tensor::EmptyOp, tensor::DimOp>(op))
    return true; // holds nothing; extents are ranks
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    if (auto view = views.find(cast.getSource()); view != views.end())
      views[cast.getDest()] = View(view->second);
    return true;
  }
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<linalg::FillOp>([&](auto op) { return planFill(op); })
      .Case<linalg::LinalgOp>([&](auto op) { return planLinalg(op); })
      .Case<tensor::ExpandShapeOp>([&](auto op) { return viewExpand(op); })
      .Case<tensor::CollapseShapeOp>([&](auto op) { return viewCollapse(op); })
      .Case<tensor::ExtractSliceOp>([&](auto op) { return viewSlice(op); })
      .Case<tensor::PadOp>([&](auto op) { return planPad(op); })
      .Case<tensor::InsertSliceOp>([&](auto op) { return planInsert(op); })
      .Case<func::ReturnOp>([&](auto op) { return planReturn(op); })
      .Default([&](Operation *op) {
        if (isTensor && OpTrait::hasElementwiseMappableTraits(op))
          return planElementwise(*op);
        return fail(op, "is no linalg op, view of a tensor or element-wise op: "
                        "a cascade cannot hold it");
      });
}

/// A concatenation as slices written into a tensor one after another.
static FailureOr<SmallVector<Value>> decompose(tensor::ConcatOp op,
                                               IRRewriter &rewriter) {
  RankedTensorType type = op.getResultType();
  auto isKnown = [](Value part) {
    return cast<RankedTensorType>(part.getType()).hasStaticShape();
  };
  if (!type.hasStaticShape() || !llvm::all_of(op.getInputs(), isKnown))
    return failure();
  Value joined = rewriter.create<tensor::EmptyOp>(op.getLoc(), type.getShape(),
                                                  type.getElementType());
  SmallVector<OpFoldResult> offsets(type.getRank(), rewriter.getIndexAttr(0)),
      strides(type.getRank(), rewriter.getIndexAttr(1));
  int64_t end = 0;
  for (Value part : op.getInputs()) {
    auto shape = cast<RankedTensorType>(part.getType()).getShape();
    offsets[op.getDim()] = rewriter.getIndexAttr(end);
    joined = rewriter.create<tensor::InsertSliceOp>(
        op.getLoc(), part, joined, offsets,
        getAsIndexOpFoldResult(rewriter.getContext(), shape), strides);
    end += shape[op.getDim()];
  }
  return SmallVector<Value>{joined};
}

/// Ops that stand for several.
static bool decompose(func::FuncOp function) {
  SmallVector<Operation *> found;
  function.walk([&](Operation *op) {
    if (isa<linalg::SoftmaxOp, tensor::ConcatOp>(op))
      found.push_back(op);
  });
  IRRewriter rewriter(function.getContext());
  for (Operation *op : found) {
    rewriter.setInsertionPoint(op);
    auto softmax = dyn_cast<linalg::SoftmaxOp>(op);
    FailureOr<SmallVector<Value>> parts =
        softmax ? softmax.decomposeOperation(rewriter)
                : decompose(cast<tensor::ConcatOp>(op), rewriter);
    if (failed(parts)) {
      op->emitError(softmax ? "cannot be written as simpler ops"
                            : "joins tensors whose extents are not known");
      return false;
    }
    rewriter.replaceOp(op, *parts);
  }
  return true;
}

std::optional<FunctionPlan> Planner::run() {
  if (!function.getBody().hasOneBlock()) {
    function.emitError("has control flow; a cascade has none");
    return std::nullopt;
  }
  if (!decompose(function) || !planArguments())
    return std::nullopt;
  for (Operation &op : function.getBody().front())
    if (!planOp(op))
      return std::nullopt;
  for (PlannedTensor &tensor : plan.tensors)
    for (auto [i, rank] : llvm::enumerate(tensor.ranks))
      if (rank < 0)
        rank = makeRank(tensor.type.getDimSize(i));
  return std::move(plan);
}

std::optional<FunctionPlan> frontend::planFunction(func::FuncOp function) {
  return Planner(function).run();
}
