//===- EinsumBuilder.cpp - Take Einsums apart, put them together ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"

#include "dialects/Einsum/Gathers.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

bool Statement::reduces(StringAttr rank) const {
  return llvm::any_of(reductions,
                      [&](ReductionAttr r) { return r.getRank() == rank; });
}

SmallVector<StringAttr, 6> Statement::iterationRanks() const {
  SmallVector<StringAttr, 6> result(outputRanks.begin(), outputRanks.end());
  for (ReductionAttr reduction : reductions)
    result.push_back(reduction.getRank());
  return result;
}

CascadeEditor::CascadeEditor(CascadeOp cascade)
    : cascade(cascade), exprs(cascade.getContext()) {
  for (Operation &op : *cascade.getBodyBlock()) {
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      otherNames.insert(symbol.getName());
    for (Value result : op.getResults())
      tensorNames.insert(getTensorName(result));
  }
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>())
    otherNames.insert(name);
}

//===----------------------------------------------------------------------===//
// The numbering
//===----------------------------------------------------------------------===//

AffineExpr CascadeEditor::rank(StringAttr name) {
  auto [it, isNew] = rankNumbers.try_emplace(name, ranks.size());
  if (isNew)
    ranks.push_back(name);
  return getAffineDimExpr(it->second, getContext());
}

AffineExpr CascadeEditor::param(StringAttr name) {
  auto [it, isNew] = paramNumbers.try_emplace(name, params.size());
  if (isNew)
    params.push_back(name);
  return getAffineSymbolExpr(it->second, getContext());
}

AffineExpr CascadeEditor::toGlobal(AffineExpr expr, ArrayRef<StringAttr> dims,
                                   ArrayRef<StringAttr> symbols) {
  auto newDims =
      llvm::map_to_vector(dims, [&](StringAttr n) { return rank(n); });
  auto newSymbols =
      llvm::map_to_vector(symbols, [&](StringAttr n) { return param(n); });
  return expr.replaceDimsAndSymbols(newDims, newSymbols);
}

AffineExpr CascadeEditor::extent(StringAttr name) {
  RankOp op = cascade.findRank(name);
  auto symbols = llvm::map_to_vector(op.getParams().getAsRange<StringAttr>(),
                                     [](StringAttr param) { return param; });
  return toGlobal(op.getExtent().getResult(0), {}, symbols);
}

Expr CascadeEditor::scalar(AffineExpr expr, Type type) {
  bool isFloat = isa<FloatType>(type);
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return exprs.index(ranks[dim.getPosition()], type);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return exprs.param(params[symbol.getPosition()], type);
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    if (isFloat)
      return exprs.number(static_cast<double>(constant.getValue()), type);
    return exprs.constant(IntegerAttr::get(type, constant.getValue()));
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Expr lhs = scalar(binary.getLHS(), type);
  // x + -1 reads as x - 1.
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (isFloat && expr.getKind() == AffineExprKind::Add && constant &&
      constant.getValue() < 0)
    return exprs.sub(
        lhs, exprs.number(-static_cast<double>(constant.getValue()), type));
  Expr rhs = scalar(binary.getRHS(), type);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return exprs.op(isFloat ? "arith.addf" : "arith.addi", {lhs, rhs}, type);
  case AffineExprKind::Mul:
    return exprs.op(isFloat ? "arith.mulf" : "arith.muli", {lhs, rhs}, type);
  case AffineExprKind::CeilDiv:
    if (isFloat)
      return exprs.op("math.ceil", {exprs.div(lhs, rhs)}, type);
    return exprs.op("arith.ceildivsi", {lhs, rhs}, type);
  case AffineExprKind::FloorDiv:
    if (isFloat)
      return exprs.op("math.floor", {exprs.div(lhs, rhs)}, type);
    return exprs.op("arith.floordivsi", {lhs, rhs}, type);
  default: { // lhs mod rhs
    if (!isFloat)
      return exprs.op("arith.remsi", {lhs, rhs}, type);
    Expr quotient = exprs.op("math.floor", {exprs.div(lhs, rhs)}, type);
    return exprs.sub(lhs, exprs.mul(quotient, rhs));
  }
  }
}

Expr CascadeEditor::readPlain(Value tensor) {
  Indices indices;
  for (StringAttr name : cast<NamedTensorType>(tensor.getType()).getRanks())
    indices.push_back(rank(name));
  return exprs.read(tensor, indices);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Attributes without those that say what holds anyway, so that operations read
/// from a cascade equal those made here.
static DictionaryAttr dropDefaults(Operation *op) {
  NamedAttrList attributes(op->getAttrDictionary());
  if (auto flags = op->getAttrOfType<arith::FastMathFlagsAttr>("fastmath"))
    if (flags.getValue() == arith::FastMathFlags::none)
      attributes.erase("fastmath");
  if (auto flags =
          op->getAttrOfType<arith::IntegerOverflowFlagsAttr>("overflowFlags"))
    if (flags.getValue() == arith::IntegerOverflowFlags::none)
      attributes.erase("overflowFlags");
  return attributes.getDictionary(op->getContext());
}

Expr CascadeEditor::importValue(Value value,
                                llvm::DenseMap<Value, Expr> &known) {
  if (Expr expr = known.lookup(value))
    return expr;
  Operation *op = value.getDefiningOp();
  Expr result = nullptr;
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    result = exprs.constant(cast<TypedAttr>(constant.getValue()));
  } else if (auto index = dyn_cast<IndexOp>(op)) {
    result = exprs.index(index.getRankAttr(), value.getType());
  } else if (auto param = dyn_cast<ParamOp>(op)) {
    result = exprs.param(param.getParamAttr(), value.getType());
  } else if (auto apply = dyn_cast<ApplyOp>(op)) {
    auto callee =
        cascade.lookupSymbol<FunctionOp>(apply.getCalleeAttr().getAttr());
    Block &body = callee.getBody().front();
    llvm::DenseMap<Value, Expr> inner;
    for (auto [argument, actual] :
         llvm::zip(body.getArguments(), apply.getArgs()))
      inner[argument] = importValue(actual, known);
    result = importValue(body.getTerminator()->getOperand(0), inner);
  } else {
    SmallVector<Expr, 3> operands;
    for (Value operand : op->getOperands())
      operands.push_back(importValue(operand, known));
    result = exprs.op(op->getName().getStringRef(), operands, value.getType(),
                      dropDefaults(op));
  }
  return known[value] = result;
}

Statement CascadeEditor::read(EinsumInterface einsum) {
  Statement statement(einsum->getLoc());
  SmallVector<StringAttr> dims = einsum.getIterationRanks();
  // A gathered value has a name that no parameter can have: a statement with
  // one is no Einsum that could be created.
  SmallVector<StringAttr> symbols = getAccessSymbols(einsum);
  statement.tensors.assign(einsum.getTensorNames());
  for (AffineExpr expr : einsum.getOutputAccess().getResults())
    statement.outputRanks.push_back(
        dims[cast<AffineDimExpr>(expr).getPosition()]);
  for (Type type : einsum->getResultTypes())
    statement.elementTypes.push_back(
        cast<NamedTensorType>(type).getElementType());
  for (const Reduction &reduction : einsum.getReductionList())
    statement.reductions.push_back(
        ReductionAttr::get(getContext(), reduction.rank, reduction.monoid));
  if (std::optional<IntegerSet> filter = einsum.getFilterSet())
    for (auto [expr, isEq] :
         llvm::zip(filter->getConstraints(), filter->getEqFlags()))
      statement.filter.push_back({toGlobal(expr, dims, symbols), isEq});
  statement.init.assign(einsum.getInitialValues());

  llvm::DenseMap<Value, Expr> known;
  Block &body = einsum.getMapRegion().front();
  for (auto [argument, access] :
       llvm::zip(body.getArguments(), einsum.getInputAccesses())) {
    Indices indices;
    for (AffineExpr expr : access.map.getResults())
      indices.push_back(toGlobal(expr, dims, symbols));
    known[argument] = exprs.read(access.tensor, indices);
  }
  for (Value yielded : body.getTerminator()->getOperands())
    statement.values.push_back(importValue(yielded, known));
  return statement;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {

/// Puts one statement into an op: from the cascade's numbering to the op's.
class Emission {
public:
  Emission(CascadeEditor &editor, const Statement &statement)
      : editor(editor), statement(statement),
        ranks(statement.iterationRanks()) {}

  ComputeOp run(Operation *before);

private:
  void collectReads();
  void collectSymbols();
  AffineMapAttr map(ArrayRef<AffineExpr> indices) const;
  AffineExpr toLocal(AffineExpr expr) const;
  Value emitExpr(OpBuilder &builder, Expr expr);
  void emitBody(Region &region);

  CascadeEditor &editor;
  const Statement &statement;
  SmallVector<StringAttr, 6> ranks;
  llvm::SetVector<Expr> reads;
  SmallVector<StringAttr> symbols;
  llvm::DenseMap<AffineExpr, AffineExpr> localExprs;
  llvm::DenseMap<Expr, Value> values;
};

} // namespace

void Emission::collectReads() {
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (node->isRead())
        reads.insert(node);
    });
}

void Emission::collectSymbols() {
  llvm::DenseSet<StringAttr> used;
  auto note = [&](AffineExpr expr) {
    expr.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        used.insert(editor.paramAt(symbol.getPosition()));
    });
  };
  for (Expr read : reads)
    llvm::for_each(read->indices, note);
  for (const FilterTerm &constraint : statement.filter)
    note(constraint.expr);
  for (auto name : editor.getCascade().getParamNames().getAsRange<StringAttr>())
    if (used.contains(name))
      symbols.push_back(name);
  for (auto [i, name] : llvm::enumerate(ranks))
    localExprs[editor.rank(name)] = getAffineDimExpr(i, editor.getContext());
  for (auto [i, name] : llvm::enumerate(symbols))
    localExprs[editor.param(name)] =
        getAffineSymbolExpr(i, editor.getContext());
}

AffineExpr Emission::toLocal(AffineExpr expr) const {
  return expr.replace(localExprs);
}

AffineMapAttr Emission::map(ArrayRef<AffineExpr> indices) const {
  auto local =
      llvm::map_to_vector(indices, [&](AffineExpr e) { return toLocal(e); });
  return AffineMapAttr::get(
      AffineMap::get(ranks.size(), symbols.size(), local, editor.getContext()));
}

Value Emission::emitExpr(OpBuilder &builder, Expr expr) {
  if (Value known = values.lookup(expr))
    return known;
  Value result;
  switch (expr->kind) {
  case ExprNode::Kind::constant:
    result = builder.create<arith::ConstantOp>(statement.loc,
                                               cast<TypedAttr>(expr->data));
    break;
  case ExprNode::Kind::index:
    result = builder.create<IndexOp>(statement.loc, expr->type,
                                     cast<StringAttr>(expr->data));
    break;
  case ExprNode::Kind::param:
    result = builder.create<ParamOp>(statement.loc, expr->type,
                                     cast<StringAttr>(expr->data));
    break;
  case ExprNode::Kind::op: {
    SmallVector<Value, 3> operands;
    for (Expr operand : expr->operands)
      operands.push_back(emitExpr(builder, operand));
    OperationState state(statement.loc, expr->name());
    state.addOperands(operands);
    state.addTypes(expr->type);
    state.addAttributes(expr->attributes.getValue());
    result = builder.create(state)->getResult(0);
    break;
  }
  case ExprNode::Kind::read: // an argument, known from the start
  case ExprNode::Kind::slot:
    llvm_unreachable("a slot is filled before an expression is emitted");
  }
  return values[expr] = result;
}

void Emission::emitBody(Region &region) {
  Block &block = region.empty() ? region.emplaceBlock() : region.front();
  for (Expr read : reads)
    values[read] = block.addArgument(read->type, statement.loc);
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  SmallVector<Value> yielded;
  for (Expr value : statement.values)
    yielded.push_back(emitExpr(builder, value));
  builder.create<YieldOp>(statement.loc, yielded);
}

ComputeOp Emission::run(Operation *before) {
  collectReads();
  collectSymbols();
  OpBuilder builder(editor.getContext());
  if (before)
    builder.setInsertionPoint(before);
  else
    builder.setInsertionPointToEnd(editor.getCascade().getBodyBlock());

  SmallVector<Type> types;
  for (Type element : statement.elementTypes)
    types.push_back(NamedTensorType::get(editor.getContext(),
                                         statement.outputRanks, element));
  auto names = [&](ArrayRef<StringAttr> list) {
    return builder.getArrayAttr(
        SmallVector<Attribute>(list.begin(), list.end()));
  };
  SmallVector<AffineExpr> output;
  for (StringAttr rank : statement.outputRanks)
    output.push_back(editor.rank(rank));
  SmallVector<Attribute> inputMaps;
  SmallVector<Value> inputs;
  for (Expr read : reads) {
    inputMaps.push_back(map(read->indices));
    inputs.push_back(read->tensor);
  }
  IntegerSetAttr filter;
  if (!statement.filter.empty()) {
    SmallVector<AffineExpr> exprs;
    SmallVector<bool> isEq;
    for (const FilterTerm &constraint : statement.filter) {
      exprs.push_back(toLocal(constraint.expr));
      isEq.push_back(constraint.isEq);
    }
    filter = IntegerSetAttr::get(
        IntegerSet::get(ranks.size(), symbols.size(), exprs, isEq));
  }
  ArrayAttr init;
  if (!statement.init.empty())
    init = builder.getArrayAttr(
        SmallVector<Attribute>(statement.init.begin(), statement.init.end()));
  SmallVector<Attribute> reductions(statement.reductions.begin(),
                                    statement.reductions.end());
  auto op = builder.create<ComputeOp>(
      statement.loc, types, names(statement.tensors), names(ranks),
      names(symbols), map(output), builder.getArrayAttr(inputMaps),
      builder.getArrayAttr(reductions), filter, init, DenseI64ArrayAttr(),
      inputs);
  emitBody(op.getMap());
  return op;
}

ComputeOp CascadeEditor::create(const Statement &statement, Operation *before) {
  for (StringAttr name : statement.tensors)
    tensorNames.insert(name);
  return Emission(*this, statement).run(before);
}

Value CascadeEditor::declare(StringRef tensor, ArrayRef<StringAttr> ranks,
                             Type elementType) {
  tensorNames.insert(tensor);
  OpBuilder builder = OpBuilder::atBlockBegin(cascade.getBodyBlock());
  auto type = NamedTensorType::get(getContext(), ranks, elementType);
  auto cast = builder.create<UnrealizedConversionCastOp>(cascade.getLoc(), type,
                                                         ValueRange());
  cast->setAttr("tensor", builder.getStringAttr(tensor));
  return cast.getResult(0);
}

void CascadeEditor::define(Value placeholder, Value tensor) {
  placeholder.replaceAllUsesWith(tensor);
  placeholder.getDefiningOp()->erase();
}

ComputeOp CascadeEditor::replace(Operation *op, const Statement &statement) {
  ComputeOp made = create(statement, op);
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    made->setDiscardableAttr(attribute.getName(), attribute.getValue());
  op->replaceAllUsesWith(made->getResults());
  op->erase();
  return made;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

static AffineExpr substituteAffine(CascadeEditor &editor, AffineExpr expr,
                                   const RankMap &map) {
  llvm::DenseMap<AffineExpr, AffineExpr> replacements;
  for (auto [name, replacement] : map)
    replacements[editor.rank(name)] = replacement;
  return expr.replace(replacements);
}

Expr CascadeEditor::substitute(Expr expr, const RankMap &map) {
  return exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (node->kind == ExprNode::Kind::index) {
      auto it = map.find(cast<StringAttr>(node->data));
      return it == map.end() ? nullptr : scalar(it->second, node->type);
    }
    if (!node->isRead())
      return nullptr;
    Indices indices;
    for (AffineExpr index : node->indices)
      indices.push_back(substituteAffine(*this, index, map));
    return exprs.read(node->tensor, indices);
  });
}

FilterTerm CascadeEditor::substitute(const FilterTerm &constraint,
                                     const RankMap &map) {
  return {substituteAffine(*this, constraint.expr, map), constraint.isEq};
}

void CascadeEditor::substitute(Statement &statement, const RankMap &map) {
  for (Expr &value : statement.values)
    value = substitute(value, map);
  for (FilterTerm &constraint : statement.filter)
    constraint = substitute(constraint, map);
}

Expr CascadeEditor::inlineRead(Expr read, const Statement &producer,
                               SmallVectorImpl<FilterTerm> &filter) {
  RankMap map;
  for (auto [rank, index] : llvm::zip(producer.outputRanks, read->indices))
    map[rank] = index;
  for (const FilterTerm &constraint : producer.filter) {
    FilterTerm moved = substitute(constraint, map);
    if (!llvm::is_contained(filter, moved))
      filter.push_back(moved);
  }
  unsigned number = cast<OpResult>(read->tensor).getResultNumber();
  return substitute(producer.values[number], map);
}

bool CascadeEditor::inlineProducer(Statement &consumer, Value tensor) {
  auto einsum = dyn_cast_or_null<EinsumInterface>(tensor.getDefiningOp());
  if (!einsum)
    return false;
  Statement producer = read(einsum);
  if (!producer.isPointwise())
    return false;
  for (Expr &value : consumer.values)
    value = exprs.rewrite(value, [&](Expr node) -> Expr {
      if (!node->isRead() || node->tensor != tensor)
        return nullptr;
      return inlineRead(node, producer, consumer.filter);
    });
  return true;
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

template <typename IsTaken>
static std::string makeFresh(StringRef base, IsTaken isTaken) {
  std::string name = base.str();
  for (unsigned i = 2; isTaken(name); ++i)
    name = base.str() + "_" + std::to_string(i);
  return name;
}

bool CascadeEditor::isTaken(StringRef name) const {
  return tensorNames.contains(name) || otherNames.contains(name);
}

StringAttr CascadeEditor::freshTensor(StringRef base) {
  std::string name = makeFresh(base, [&](StringRef n) { return isTaken(n); });
  tensorNames.insert(name);
  return StringAttr::get(getContext(), name);
}

StringAttr CascadeEditor::freshRank(StringRef base, StringRef extent) {
  // In the text notation a rank also owns its upper-case name, its extent.
  std::string name = makeFresh(base, [&](StringRef n) {
    std::string upper = n.upper();
    return otherNames.contains(n) ||
           (otherNames.contains(upper) && upper != extent);
  });
  otherNames.insert(name);
  return StringAttr::get(getContext(), name);
}

StringAttr CascadeEditor::freshParam(StringRef base) {
  std::string name = makeFresh(base, [&](StringRef n) { return isTaken(n); });
  return StringAttr::get(getContext(), name);
}

StringAttr CascadeEditor::addParam(StringRef name,
                                   std::optional<int64_t> value) {
  auto attr = StringAttr::get(getContext(), name);
  if (!llvm::is_contained(cascade.getParamNames(), attr))
    cascade.setParam(name, value.value_or(CascadeOp::kUnbound));
  otherNames.insert(name);
  return attr;
}

void CascadeEditor::addRank(StringAttr name, AffineExpr extent) {
  llvm::SmallVector<StringAttr> used;
  llvm::DenseMap<AffineExpr, AffineExpr> local;
  for (auto [i, param] : llvm::enumerate(params))
    if (extent.isFunctionOfSymbol(i)) {
      local[getAffineSymbolExpr(i, getContext())] =
          getAffineSymbolExpr(used.size(), getContext());
      used.push_back(param);
    }
  OpBuilder builder(getContext());
  builder.setInsertionPointToStart(cascade.getBodyBlock());
  for (RankOp last : cascade.getBodyBlock()->getOps<RankOp>())
    builder.setInsertionPointAfter(last);
  SmallVector<Attribute> names(used.begin(), used.end());
  builder.create<RankOp>(cascade.getLoc(), name, builder.getArrayAttr(names),
                         AffineMapAttr::get(AffineMap::get(
                             0, used.size(), extent.replace(local))));
  otherNames.insert(name);
}

CascadeEditor::Parts CascadeEditor::split(StringAttr rank, AffineExpr tile) {
  StringRef tileName;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(tile))
    tileName = paramAt(symbol.getPosition());
  Parts parts{freshRank((rank.getValue() + "1").str()),
              freshRank((rank.getValue() + "0").str(), tileName)};
  addRank(parts.outer, extent(rank).ceilDiv(tile));
  addRank(parts.inner, tile);
  OpBuilder builder(getContext());
  builder.setInsertionPointToEnd(cascade.getBodyBlock());
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface>(op)) {
      builder.setInsertionPoint(&op);
      break;
    }
  builder.create<SplitOp>(cascade.getLoc(), FlatSymbolRefAttr::get(rank),
                          builder.getArrayAttr({parts.outer, parts.inner}));
  return parts;
}

void CascadeEditor::eraseDead() {
  llvm::SetVector<Operation *> needed;
  for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
    needed.insert(output);
  for (size_t i = 0; i < needed.size(); ++i)
    for (Value operand : needed[i]->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        needed.insert(producer);
  SmallVector<Operation *> dead;
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface>(op) && !needed.contains(&op))
      dead.push_back(&op);
  for (Operation *op : dead)
    op->dropAllReferences();
  for (Operation *op : dead)
    op->erase();
}

void einsum::moveDatatype(Operation *combined, Operation *partial) {
  if (Attribute datatype = combined->removeAttr(kComputesIn))
    partial->setAttr(kComputesIn, datatype);
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

StringRef einsum::getTensorName(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (auto input = dyn_cast_or_null<InputOp>(op))
    return input.getTensor();
  if (auto einsum = dyn_cast_or_null<EinsumInterface>(op))
    return einsum.getTensorNames()[cast<OpResult>(tensor).getResultNumber()]
        .getValue();
  if (auto name = op ? op->getAttrOfType<StringAttr>("tensor") : StringAttr())
    return name.getValue(); // a placeholder
  return {};
}
