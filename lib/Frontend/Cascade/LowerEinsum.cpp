//===- LowerEinsum.cpp - One Einsum statement to einsum.compute -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The iteration space is found first: the ranks on the left, then those that
// only the right side names, in the order of the text. A rank of which the
// Einsum names a part is not iterated; it stands for the flattened parts.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Einsum/Limits.h"
#include "lib/Frontend/Cascade/CheckAccess.h"
#include "lib/Frontend/Cascade/Lower.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

size_t einsum::frontend::getMonoidArity(const CascadeState &state,
                                        StringRef monoid) {
  if (auto it = state.monoids.find(monoid); it != state.monoids.end())
    return it->second.types.size();
  return getBuiltinMonoidArity(monoid);
}

namespace {
class EinsumLowering {
public:
  EinsumLowering(CascadeState &state, const EinsumStmt &stmt)
      : state(state), scope(state.scope), report(state.report), stmt(stmt),
        context(report.getContext()) {}

  ComputeOp run();

private:
  // The iteration space.
  void collectMentions();
  bool isFlattened(const RankInfo &rank);
  void addIterationRanks(const RankInfo &rank);
  bool findIterationSpace();
  AffineExpr coordinate(const RankInfo &rank);
  AffineExpr resolveIndex(const Name &name);

  // Reductions.
  bool lowerReductions();
  bool lowerClause(const ReduceClause &clause);
  bool addReduction(const Name &rank, StringRef leaf, StringRef monoid);
  bool checkCounts();

  // The map expression.
  bool lowerValues(Block &block);
  bool lowerValue(MapLowering &map, const Expr &expr, unsigned result);
  Type computeType(const Expr &expr, Type result);
  Value resolveValue(MapLowering &map, const Expr &name, Type type);
  Value coordinateValue(MapLowering &map, const RankInfo &rank, Place place,
                        Type type);
  Value read(Block &block, const Expr &access);
  TensorInfo *findTensor(const Expr &access);
  AffineExpr lowerIndex(Block &block, const Expr &index);
  AffineExpr gather(Block &block, const Expr &access);
  Value argument(Block &block, Value tensor, ArrayRef<AffineExpr> indices,
                 Place place);
  bool canRead(const Expr &access, TensorInfo &tensor,
               ArrayRef<AffineExpr> indices);

  // Filters and initial values.
  bool lowerFilters();
  bool lowerInits();

  ComputeOp emit(Region &map);

  CascadeState &state;
  Scope &scope;
  Report &report;
  const EinsumStmt &stmt;
  MLIRContext *context;

  std::vector<Name> mentions;
  llvm::StringSet<> mentioned;
  llvm::SetVector<StringRef> dims;
  size_t numOutputRanks = 0;
  SmallVector<Attribute> reductions;
  llvm::StringSet<> reduced;
  size_t arity = 1;              ///< values combined at once
  SmallVector<Type> resultTypes; ///< tensor types, one per value
  SmallVector<Attribute> resultNames;
  SmallVector<Value> yielded;
  SmallVector<Value> inputs;
  SmallVector<SmallVector<AffineExpr>> inputIndices;
  /// Inputs whose values are coordinates; their symbols follow the parameters.
  SmallVector<unsigned> gathered;
  SmallVector<AffineExpr> filters;
  SmallVector<bool> filterIsEq;
  SmallVector<Attribute> inits;
};
} // namespace

//===----------------------------------------------------------------------===//
// The iteration space
//===----------------------------------------------------------------------===//

void EinsumLowering::collectMentions() {
  auto add = [&](const Expr &part) {
    if (part.kind == Expr::Kind::name)
      mentions.push_back({part.text, part.place});
  };
  for (const ExprPtr &value : stmt.values)
    walk(*value, add);
  for (const ExprPtr &filter : stmt.filters)
    walk(*filter, add);
  for (const Name &name : mentions)
    mentioned.insert(name.text);
  for (const Name &name : stmt.results.front().ranks)
    mentioned.insert(name.text);
}

/// True if a part of `rank`, or a part of a part, is named by this Einsum.
bool EinsumLowering::isFlattened(const RankInfo &rank) {
  return llvm::any_of(rank.parts, [&](StringRef part) {
    const RankInfo *info = scope.findRank(part);
    return mentioned.contains(part) || (info && isFlattened(*info));
  });
}

void EinsumLowering::addIterationRanks(const RankInfo &rank) {
  if (!isFlattened(rank)) {
    dims.insert(rank.name);
    return;
  }
  for (StringRef part : rank.parts)
    if (const RankInfo *info = scope.findRank(part))
      addIterationRanks(*info);
}

bool EinsumLowering::findIterationSpace() {
  for (const Name &name : stmt.results.front().ranks) {
    const RankInfo *rank = scope.getRank(name);
    if (!rank)
      return false;
    if (isFlattened(*rank)) {
      report.error(name.place)
          << "the left side has rank '" << name.text
          << "', the right side a part of it: an Einsum iterates "
             "over the rank or over its parts";
      return false;
    }
    if (!dims.insert(rank->name)) {
      report.error(name.place)
          << "rank '" << name.text << "' is on the left twice";
      return false;
    }
  }
  numOutputRanks = dims.size();
  for (const Name &name : mentions)
    if (const RankInfo *rank = scope.findRank(name.text))
      addIterationRanks(*rank);
  if (dims.size() <= kMostRanks)
    return true;
  report.error(stmt.results.front().name.place)
      << "iterates over " << dims.size() << " ranks, more than " << kMostRanks
      << ": write several Einsums";
  return false;
}

/// The coordinate along `rank`: its dimension, or `m1 * M0 + m0` of its parts.
AffineExpr EinsumLowering::coordinate(const RankInfo &rank) {
  if (!isFlattened(rank)) {
    auto it = llvm::find(dims, rank.name);
    return getAffineDimExpr(it - dims.begin(), context);
  }
  AffineExpr result;
  for (StringRef part : rank.parts) {
    const RankInfo *info = scope.findRank(part);
    AffineExpr inner = coordinate(*info);
    result = result ? result * info->extent + inner : inner;
  }
  return result;
}

AffineExpr EinsumLowering::resolveIndex(const Name &name) {
  if (const RankInfo *rank = scope.findRank(name.text))
    return coordinate(*rank);
  if (std::optional<unsigned> param = scope.findParam(name.text))
    return getAffineSymbolExpr(*param, context);
  if (AffineExpr extent = scope.findExtentNamed(name.text))
    return extent;
  scope.reportUnknown(name);
  return {};
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

bool EinsumLowering::addReduction(const Name &rank, StringRef leaf,
                                  StringRef monoid) {
  auto position = llvm::find(dims, leaf) - dims.begin();
  if (static_cast<size_t>(position) == dims.size()) {
    InFlightDiagnostic diag = report.error(rank.place);
    diag << "'" << rank.text
         << "' is reduced, but the right side has no such rank";
    suggestNearest(diag, rank.text, dims.getArrayRef());
    return false;
  }
  if (static_cast<size_t>(position) < numOutputRanks) {
    report.error(rank.place)
        << "'" << rank.text
        << "' is reduced and on the left: a rank is either kept or "
           "reduced";
    return false;
  }
  if (!reduced.insert(leaf).second) {
    report.error(rank.place) << "'" << rank.text << "' is reduced twice";
    return false;
  }
  reductions.push_back(ReductionAttr::get(context,
                                          StringAttr::get(context, leaf),
                                          StringAttr::get(context, monoid)));
  return true;
}

bool EinsumLowering::lowerClause(const ReduceClause &clause) {
  StringRef monoid = clause.monoid.text;
  if (getMonoidArity(state, monoid) == 0) {
    InFlightDiagnostic diag = report.error(clause.monoid.place);
    diag << "'" << monoid << "' is no monoid";
    diag.attachNote() << "built in: " << llvm::join(getBuiltinMonoids(), ", ");
    return false;
  }
  for (const Name &name : clause.ranks) {
    const RankInfo *rank = scope.getRank(name);
    if (!rank)
      return false;
    llvm::SetVector<StringRef> leaves;
    std::swap(leaves, dims); // collect the leaves of this rank alone
    addIterationRanks(*rank);
    std::swap(leaves, dims);
    for (StringRef leaf : leaves)
      if (!addReduction(name, leaf, monoid))
        return false;
  }
  return true;
}

bool EinsumLowering::lowerReductions() {
  for (const ReduceClause &clause : stmt.reductions)
    if (!lowerClause(clause))
      return false;
  if (!stmt.reductions.empty())
    arity = getMonoidArity(state, stmt.reductions.front().monoid.text);
  for (const ReduceClause &clause : stmt.reductions)
    if (getMonoidArity(state, clause.monoid.text) != arity) {
      report.error(clause.monoid.place)
          << "'" << clause.monoid.text << "' combines "
          << getMonoidArity(state, clause.monoid.text) << " values at once, '"
          << stmt.reductions.front().monoid.text << "' " << arity
          << ": write two Einsums";
      return false;
    }
  for (size_t i = numOutputRanks; i < dims.size(); ++i) {
    if (reduced.contains(dims[i]))
      continue;
    if (arity != 1) {
      report.error(stmt.reductions.front().monoid.place)
          << "rank '" << dims[i] << "' is neither on the left nor reduced by '"
          << stmt.reductions.front().monoid.text << "'";
      return false;
    }
    reductions.push_back(ReductionAttr::get(context,
                                            StringAttr::get(context, dims[i]),
                                            StringAttr::get(context, "add")));
  }
  return true;
}

/// As many tensors on the left as values on the right, with one exception: a
/// single value under `argmax` is followed by its coordinate, and a single
/// tensor then names that coordinate.
bool EinsumLowering::checkCounts() {
  size_t numValues = stmt.values.size(), numResults = stmt.results.size();
  bool isArg = !stmt.reductions.empty() && arity == 2 &&
               getBuiltinMonoidArity(stmt.reductions.front().monoid.text) == 2;
  if (isArg && numValues == 1) {
    if (stmt.reductions.size() == 1 && stmt.reductions[0].ranks.size() == 1)
      return numResults <= 2 || (report.error(stmt.results[2].name.place)
                                     << "'" << stmt.reductions[0].monoid.text
                                     << "' gives a value and its index, but "
                                     << numResults << " tensors are defined",
                                 false);
    report.error(stmt.reductions[0].monoid.place)
        << "'" << stmt.reductions[0].monoid.text
        << "' over several ranks needs the index to keep, as in '(X[m,n], m * "
           "N + n)'";
    return false;
  }
  if (numValues != (isArg && numResults == 1 ? 2 : numResults)) {
    report.error(stmt.valuePlace) << numResults << " tensors are defined, but "
                                  << numValues << " values are given";
    return false;
  }
  if (reductions.empty() || arity == numValues)
    return true;
  StringRef monoid = cast<ReductionAttr>(reductions[0]).getMonoid().getValue();
  report.error(stmt.results.front().name.place)
      << "'" << monoid << "' combines " << arity << " values at once, but "
      << numValues << " are given";
  return false;
}

//===----------------------------------------------------------------------===//
// The map expression
//===----------------------------------------------------------------------===//

/// Coordinates do not count: what is read there is no value of the expression.
Type EinsumLowering::computeType(const Expr &expr, Type result) {
  Type widest = result;
  if (expr.kind == Expr::Kind::access) {
    auto it = state.tensors.find(expr.text);
    return it == state.tensors.end()
               ? widest
               : getWidest(widest,
                           getScalarType(it->second.type.getElementType()));
  }
  for (const ExprPtr &operand : expr.operands)
    widest = computeType(*operand, widest);
  return widest;
}

Value EinsumLowering::coordinateValue(MapLowering &map, const RankInfo &rank,
                                      Place place, Type type) {
  auto attr = [&](StringRef key, StringRef text) {
    return NamedAttribute(StringAttr::get(context, key),
                          StringAttr::get(context, text));
  };
  if (!isFlattened(rank))
    return map.create(place, "einsum.index", {}, type, attr("rank", rank.name));
  bool isFloat = isa<FloatType>(type);
  Value result;
  for (StringRef part : rank.parts) {
    const RankInfo *info = scope.findRank(part);
    Value inner = coordinateValue(map, *info, place, type);
    if (!result) {
      result = inner;
      continue;
    }
    Value extent;
    if (auto constant = dyn_cast<AffineConstantExpr>(info->extent)) {
      TypedAttr value = parseNumber(std::to_string(constant.getValue()), type);
      if (value)
        extent = map.create(
            place, "arith.constant", {}, type,
            {NamedAttribute(StringAttr::get(context, "value"), value)});
    } else if (auto symbol = dyn_cast<AffineSymbolExpr>(info->extent)) {
      StringRef param =
          scope.getCascade().params[symbol.getPosition()].name.text;
      extent =
          map.create(place, "einsum.param", {}, type, attr("param", param));
    }
    if (!extent) {
      report.error(place) << "the extent of '" << part << "' has no value in "
                          << type;
      return {};
    }
    result = map.create(place, isFloat ? "arith.mulf" : "arith.muli",
                        {result, extent}, type);
    result = map.create(place, isFloat ? "arith.addf" : "arith.addi",
                        {result, inner}, type);
  }
  return result;
}

Value EinsumLowering::resolveValue(MapLowering &map, const Expr &name,
                                   Type type) {
  if (type.isInteger(1)) {
    report.error(name.place) << "'" << name.text << "' is no truth value";
    return {};
  }
  if (const RankInfo *rank = scope.findRank(name.text))
    return coordinateValue(map, *rank, name.place, type);
  std::optional<unsigned> param = scope.findParam(name.text);
  if (!param)
    if (auto symbol = dyn_cast_or_null<AffineSymbolExpr>(
            scope.findExtentNamed(name.text)))
      param = symbol.getPosition();
  if (param) {
    StringRef text = scope.getCascade().params[*param].name.text;
    return map.create(name.place, "einsum.param", {}, type,
                      {NamedAttribute(StringAttr::get(context, "param"),
                                      StringAttr::get(context, text))});
  }
  if (state.tensors.contains(name.text)) {
    std::string ranks;
    for (StringAttr rank : state.tensors[name.text].type.getRanks())
      ranks += (ranks.empty() ? "" : ",") + rank.str();
    report.error(name.place)
        << "tensor '" << name.text << "' is read without indices: write '"
        << name.text << "[" << ranks << "]'";
    return {};
  }
  if (scope.findExtentNamed(name.text)) {
    report.error(name.place)
        << "the extent '" << name.text
        << "' of a split rank is no value: write it with parameters";
    return {};
  }
  scope.reportUnknown({name.text, name.place});
  return {};
}

Value EinsumLowering::argument(Block &block, Value tensor,
                               ArrayRef<AffineExpr> indices, Place place) {
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input == tensor && llvm::ArrayRef(inputIndices[i]) == indices)
      return block.getArgument(i);
  inputs.push_back(tensor);
  inputIndices.emplace_back(indices);
  auto type = cast<NamedTensorType>(tensor.getType());
  return block.addArgument(getScalarType(type.getElementType()),
                           report.at(place));
}

bool EinsumLowering::canRead(const Expr &access, TensorInfo &tensor,
                             ArrayRef<AffineExpr> indices) {
  if (tensor.isDefined)
    return true;
  if (!stepsBack(indices, tensor.type, dims.getArrayRef())) {
    InFlightDiagnostic diag = report.error(access.place);
    diag << "tensor '" << access.text << "' is read before it is defined";
    diag.attachNote(report.at(tensor.place))
        << "defined here; only a recurrence reads on, one step back: '"
        << access.text << "[i-1]'";
    return false;
  }
  if (tensor.hasInit || tensor.lacksInit)
    return true;
  tensor.lacksInit = true;
  InFlightDiagnostic diag = report.error(tensor.place);
  diag << "recurrence '" << access.text << "' has no initial value";
  diag.attachNote(report.at(access.place)) << "read one step away here";
  diag.attachNote()
      << "end the definition with 'init 0', or 'init -inf' for a maximum";
  return false;
}

TensorInfo *EinsumLowering::findTensor(const Expr &access) {
  auto it = state.tensors.find(access.text);
  if (it != state.tensors.end())
    return &it->second;
  if (llvm::is_contained(scope.getCascade().broken, access.text))
    return nullptr;
  InFlightDiagnostic diag = report.error(access.place);
  diag << "there is no tensor '" << access.text << "'";
  suggestNearest(diag, access.text, state.getTensorNames());
  return nullptr;
}

Value EinsumLowering::read(Block &block, const Expr &access) {
  TensorInfo *tensor = findTensor(access);
  if (!tensor)
    return {};
  tensor->isUsed = true;
  SmallVector<AffineExpr> indices;
  for (const ExprPtr &index : access.operands)
    if (!indices.emplace_back(lowerIndex(block, *index)))
      return {};
  AccessCheck check{scope, report, dims.getArrayRef(), !stmt.filters.empty()};
  if (!check.run(access, *tensor, indices) ||
      !canRead(access, *tensor, indices))
    return {};
  return argument(block, state.getValue(*tensor), indices, access.place);
}

/// One coordinate of an access, whose value may be read: `A[I[k] + 1, n]`.
AffineExpr EinsumLowering::lowerIndex(Block &block, const Expr &index) {
  const Expr *first = nullptr;
  AffineExpr expr = lowerAffine(
      index, report, [&](const Name &name) { return resolveIndex(name); },
      [&](const Expr &access) {
        first = first ? first : &access;
        return gather(block, access);
      });
  unsigned numParams = scope.getCascade().params.size();
  if (!expr || isSumOfGathered(expr, numParams))
    return expr;
  report.error(first->place)
      << "the value of '" << first->text
      << "' is data: as a coordinate it is added, or multiplied by numbers and "
         "parameters, nothing else; write an Einsum that computes the "
         "coordinate";
  return {};
}

/// The symbol that stands for the value of `access` as a coordinate.
AffineExpr EinsumLowering::gather(Block &block, const Expr &access) {
  TensorInfo *tensor = findTensor(access);
  if (!tensor)
    return {};
  Type element = tensor->type.getElementType();
  if (!isa<IntegerType, IndexType>(element)) {
    InFlightDiagnostic diag = report.error(access.place);
    diag << "a coordinate is an integer, but tensor '" << access.text
         << "' holds " << element;
    diag.attachNote(report.at(tensor->place))
        << "declare it with an integer type, as in '" << access.text
        << "[...] : i32'";
    return {};
  }
  for (const ExprPtr &index : access.operands) {
    const Expr *inner = nullptr;
    walk(*index, [&](const Expr &part) {
      if (!inner && part.kind == Expr::Kind::access)
        inner = &part;
    });
    if (inner) {
      report.error(inner->place)
          << "the coordinate '" << access.text
          << "[...]' is read by data itself: write an Einsum that reads it, "
             "and gather by its result";
      return {};
    }
  }
  Value value = read(block, access);
  if (!value)
    return {};
  if (llvm::any_of(stmt.results, [&](const TensorDecl &result) {
        return result.name.text == access.text;
      })) {
    report.error(access.place) << "'" << access.text
                               << "' is defined here and cannot say which of "
                                  "its own elements are read";
    return {};
  }
  unsigned operand = cast<BlockArgument>(value).getArgNumber();
  auto *known = llvm::find(gathered, operand);
  unsigned position = known - gathered.begin();
  if (known == gathered.end())
    gathered.push_back(operand);
  return getAffineSymbolExpr(scope.getCascade().params.size() + position,
                             context);
}

bool EinsumLowering::lowerValue(MapLowering &map, const Expr &expr,
                                unsigned result) {
  Type element = cast<NamedTensorType>(resultTypes[result]).getElementType();
  Type scalar = getScalarType(element);
  Value value = map.lower(expr, computeType(expr, scalar), scalar);
  yielded.push_back(value);
  return static_cast<bool>(value);
}

bool EinsumLowering::lowerValues(Block &block) {
  MapLowering *current = nullptr;
  auto resolve = [&](const Expr &name, Type type) {
    return resolveValue(*current, name, type);
  };
  auto readTensor = [&](const Expr &access) { return read(block, access); };
  auto typeOf = [](StringRef) { return Type(); };
  MapLowering map(report, state.functions, &block,
                  {resolve, readTensor, typeOf});
  current = &map;
  for (auto [i, value] : llvm::enumerate(stmt.values))
    if (!lowerValue(map, *value, i))
      return false;
  if (stmt.values.size() == resultTypes.size())
    return true;
  const Name &rank = stmt.reductions.front().ranks.front();
  Expr index{Expr::Kind::name, rank.place, rank.text.str(), {}, {}};
  return lowerValue(map, index, 1);
}

//===----------------------------------------------------------------------===//
// Filters and initial values
//===----------------------------------------------------------------------===//

bool EinsumLowering::lowerFilters() {
  auto resolve = [&](const Name &name) { return resolveIndex(name); };
  for (const ExprPtr &filter : stmt.filters) {
    if (filter->kind != Expr::Kind::compare ||
        filter->operators[0].text == "!=") {
      report.error(filter->place)
          << "a filter compares with <, <=, >, >= or ==";
      return false;
    }
    AffineExpr lhs = lowerAffine(*filter->operands[0], report, resolve);
    AffineExpr rhs =
        lhs ? lowerAffine(*filter->operands[1], report, resolve) : lhs;
    if (!rhs)
      return false;
    StringRef op = filter->operators[0].text;
    AffineExpr difference = op.starts_with("<") ? rhs - lhs : lhs - rhs;
    filters.push_back(op.size() == 1 ? difference - 1 : difference);
    filterIsEq.push_back(op == "==");
  }
  return true;
}

bool EinsumLowering::lowerInits() {
  if (stmt.inits.empty())
    return true;
  if (stmt.inits.size() != resultTypes.size()) {
    report.error(stmt.inits.front()->place)
        << resultTypes.size() << " tensors are defined, but "
        << stmt.inits.size() << " initial values are given";
    return false;
  }
  for (auto [init, type] : llvm::zip(stmt.inits, resultTypes)) {
    Type scalar = getScalarType(cast<NamedTensorType>(type).getElementType());
    TypedAttr value = init->kind == Expr::Kind::number
                          ? parseNumber(init->text, scalar)
                          : TypedAttr();
    if (!value) {
      report.error(init->place)
          << "an initial value is a number of type " << scalar;
      return false;
    }
    inits.push_back(value);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

namespace {
/// Renumbers the symbols that are used, in the order of the header, and after
/// them those of gathered operands, in the order of the operands.
struct SymbolNumbering {
  SmallVector<AffineExpr> replacements;
  SmallVector<Attribute> names;
  SmallVector<int64_t> gathered;

  SymbolNumbering(const Cascade &cascade, ArrayRef<AffineExpr> exprs,
                  ArrayRef<unsigned> operands, MLIRContext *context) {
    for (auto [position, param] : llvm::enumerate(cascade.params)) {
      bool isUsed = llvm::any_of(exprs, [p = position](AffineExpr expr) {
        return expr.isFunctionOfSymbol(p);
      });
      replacements.push_back(
          getAffineSymbolExpr(isUsed ? names.size() : 0, context));
      if (isUsed)
        names.push_back(StringAttr::get(context, param.name.text));
    }
    gathered.assign(operands.begin(), operands.end());
    llvm::sort(gathered);
    for (unsigned operand : operands) {
      size_t position = llvm::find(gathered, operand) - gathered.begin();
      replacements.push_back(
          getAffineSymbolExpr(names.size() + position, context));
    }
  }
  AffineExpr apply(AffineExpr expr) const {
    return expr.replaceSymbols(replacements);
  }
};
} // namespace

ComputeOp EinsumLowering::emit(Region &mapRegion) {
  SmallVector<AffineExpr> all(filters);
  for (ArrayRef<AffineExpr> indices : inputIndices)
    llvm::append_range(all, indices);
  SymbolNumbering symbols(scope.getCascade(), all, gathered, context);
  auto makeMap = [&](ArrayRef<AffineExpr> exprs,
                     size_t numGathered = 0) -> Attribute {
    auto applied = llvm::map_to_vector(
        exprs, [&](AffineExpr e) { return symbols.apply(e); });
    return AffineMapAttr::get(AffineMap::get(
        dims.size(), symbols.names.size() + numGathered, applied, context));
  };
  SmallVector<AffineExpr> output;
  for (size_t i = 0; i < numOutputRanks; ++i)
    output.push_back(getAffineDimExpr(i, context));
  SmallVector<Attribute> inputMaps, ranks;
  for (ArrayRef<AffineExpr> indices : inputIndices)
    inputMaps.push_back(makeMap(indices, gathered.size()));
  for (StringRef dim : dims)
    ranks.push_back(StringAttr::get(context, dim));
  IntegerSetAttr filter;
  if (!filters.empty()) {
    auto applied = llvm::map_to_vector(
        filters, [&](AffineExpr e) { return symbols.apply(e); });
    filter = IntegerSetAttr::get(IntegerSet::get(
        dims.size(), symbols.names.size(), applied, filterIsEq));
  }
  OpBuilder &b = state.builder;
  auto op = b.create<ComputeOp>(
      report.at(stmt.results.front().name.place), resultTypes,
      b.getArrayAttr(resultNames), b.getArrayAttr(ranks),
      b.getArrayAttr(symbols.names), cast<AffineMapAttr>(makeMap(output)),
      b.getArrayAttr(inputMaps), b.getArrayAttr(reductions), filter,
      inits.empty() ? ArrayAttr() : b.getArrayAttr(inits),
      gathered.empty() ? DenseI64ArrayAttr()
                       : b.getDenseI64ArrayAttr(symbols.gathered),
      inputs);
  op.getMap().takeBody(mapRegion);
  if (stmt.datatype)
    op->setAttr(kComputesIn, b.getStringAttr(stmt.datatype->text));
  return op;
}

ComputeOp EinsumLowering::run() {
  collectMentions();
  if (!findIterationSpace() || !lowerReductions() || !checkCounts())
    return {};
  SmallVector<StringAttr> outputRanks;
  for (StringRef rank : dims.getArrayRef().take_front(numOutputRanks))
    outputRanks.push_back(StringAttr::get(context, rank));
  if (arity == 2 && stmt.results.size() == 1) { // the value beside an index
    Type value = computeType(*stmt.values.front(), {});
    resultNames.push_back(StringAttr::get(context, ""));
    resultTypes.push_back(NamedTensorType::get(
        context, outputRanks, value ? value : state.elementType));
  }
  for (const TensorDecl &result : stmt.results) {
    bool isUnnamed = result.name.text == "_";
    NamedTensorType type = isUnnamed
                               ? declaredType(state, stmt, resultTypes.size())
                               : state.tensors[result.name.text].type;
    resultNames.push_back(
        StringAttr::get(context, isUnnamed ? "" : result.name.text));
    resultTypes.push_back(
        NamedTensorType::get(context, outputRanks, type.getElementType()));
  }
  Region region;
  Block *block = new Block;
  region.push_back(block);
  if (!lowerFilters() || !lowerInits() || !lowerValues(*block))
    return {};
  OpBuilder builder(context); // the block has no parent yet
  builder.setInsertionPointToEnd(block);
  builder.create<YieldOp>(report.at(stmt.valuePlace), yielded);
  return emit(region);
}

ComputeOp einsum::frontend::lowerEinsum(CascadeState &state,
                                        const EinsumStmt &stmt) {
  return EinsumLowering(state, stmt).run();
}
