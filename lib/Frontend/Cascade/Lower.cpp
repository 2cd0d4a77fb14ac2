//===- Lower.cpp - From the syntax tree to the einsum dialect -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One cascade: first everything that has a name is declared, so that statements
// may refer to what stands below them; then the statements are lowered in
// order.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Lower.h"

#include "dialects/Einsum/Rearranged.h"

#include "lib/Frontend/Cascade/CheckAccess.h"
#include "lib/Frontend/Cascade/Print.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

Value CascadeState::getValue(TensorInfo &tensor) {
  if (!tensor.value)
    tensor.value = builder
                       .create<UnrealizedConversionCastOp>(
                           report.at(tensor.place), tensor.type, ValueRange())
                       .getResult(0);
  return tensor.value;
}

SmallVector<StringRef> CascadeState::getTensorNames() const {
  SmallVector<StringRef> names;
  for (const auto &entry : tensors)
    names.push_back(entry.first());
  llvm::sort(names);
  return names;
}

/// The element type that a declaration states; null if it states none.
static Type statedType(const CascadeState &state, const TensorDecl &decl) {
  MLIRContext *context = state.report.getContext();
  Type type = decl.type ? getTypeByName(context, decl.type->text) : Type();
  if (!decl.storage)
    return type;
  Type expressed = type ? type : state.elementType;
  if (!isa<FloatType>(expressed)) // reported where the tensor is declared
    return expressed;
  auto storage = formats::parseStorage(decl.storage->text);
  return QuantizedType::get(std::get<formats::Storage>(storage), expressed);
}

static void checkStorage(const CascadeState &state, const TensorDecl &decl) {
  if (!decl.storage || isa<QuantizedType>(statedType(state, decl)))
    return;
  InFlightDiagnostic diag = state.report.error(decl.storage->place);
  diag << "'" << decl.storage->text << "' stores floats, but tensor '"
       << decl.name.text << "' is read as " << statedType(state, decl);
  diag.attachNote() << "say as which float, as in ': " << decl.storage->text
                    << " as f16'";
}

NamedTensorType einsum::frontend::declaredType(const CascadeState &state,
                                               const EinsumStmt &stmt,
                                               size_t position) {
  MLIRContext *context = state.report.getContext();
  SmallVector<StringAttr> ranks;
  for (const Name &rank : stmt.results.front().ranks)
    ranks.push_back(StringAttr::get(context, rank.text));
  StringRef monoid = stmt.reductions.empty()
                         ? StringRef()
                         : stmt.reductions.front().monoid.text;
  bool isSingle = stmt.results.size() == 1;
  const TensorDecl &decl = stmt.results[isSingle ? 0 : position];
  Type element = state.elementType;
  if (Type stated = statedType(state, decl))
    element = stated;
  else if (auto it = state.monoids.find(monoid); it != state.monoids.end()) {
    if (position < it->second.types.size())
      element = it->second.types[position];
  } else if (getBuiltinMonoidArity(monoid) == 2 && position == 1)
    element = IndexType::get(context);
  return NamedTensorType::get(context, ranks, element);
}

namespace {
class CascadeLowering {
public:
  CascadeLowering(const SourceFile &file, const Cascade &cascade,
                  Report &report, OpBuilder &builder)
      : file(file), cascade(cascade), report(report), builder(builder),
        context(report.getContext()), scope(cascade, report),
        state{scope,   report,
              builder, getTypeByName(context, cascade.elementType.text),
              {},      {},
              {}} {}

  void run();

private:
  // Declarations.
  void collectDefinitions();
  void declareFunction(const DefStmt &def);
  void declareMonoid(const MonoidStmt &monoid);
  bool claimOperatorName(const Name &name);
  void declareTensors();
  void declareInput(const TensorDecl &decl);
  void declareResults(const EinsumStmt &stmt);
  void declareTensor(const TensorDecl &decl, NamedTensorType type, bool isInput,
                     bool hasInit);
  bool checkSize(const TensorDecl &decl);

  // Statements.
  Operation *lowerStatement(const Statement &statement);
  Operation *lowerInputs(const InputStmt &stmt);
  Operation *lowerOutput(const OutputStmt &stmt);
  Operation *lowerSplit(const SplitStmt &stmt);
  Operation *lowerDef(const DefStmt &def);
  Operation *lowerMonoid(const MonoidStmt &monoid);
  Operation *lowerCompute(const EinsumStmt &stmt);
  bool lowerBody(Block &block, ArrayRef<const Expr *> bodies,
                 ArrayRef<Name> arguments, ArrayRef<Type> results);
  void define(StringRef name, Value value);
  void emitRanks(Block *body);

  // The whole.
  CascadeOp createCascade();
  void checkUses();

  const SourceFile &file;
  const Cascade &cascade;
  Report &report;
  OpBuilder &builder;
  MLIRContext *context;
  Scope scope;
  CascadeState state;
  /// Definitions above the cascade that it uses, in the order of the file.
  std::vector<const Statement *> definitions;
  llvm::StringMap<Place> operatorNames;
  bool hasOutput = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// Functions and monoids
//===----------------------------------------------------------------------===//

static StringRef definedName(const Statement &statement) {
  if (auto *def = std::get_if<DefStmt>(&statement.body))
    return def->name.text;
  if (auto *monoid = std::get_if<MonoidStmt>(&statement.body))
    return monoid->name.text;
  return {};
}

/// Names of functions and monoids that a statement uses.
static void collectUses(const Statement &statement, llvm::StringSet<> &uses) {
  auto addCalls = [&](const ExprPtr &expr) {
    walk(*expr, [&](const Expr &part) {
      if (part.kind == Expr::Kind::call)
        uses.insert(part.text);
    });
  };
  if (auto *def = std::get_if<DefStmt>(&statement.body))
    addCalls(def->body);
  if (auto *monoid = std::get_if<MonoidStmt>(&statement.body))
    llvm::for_each(monoid->values, addCalls);
  if (auto *stmt = std::get_if<EinsumStmt>(&statement.body)) {
    llvm::for_each(stmt->values, addCalls);
    for (const ReduceClause &clause : stmt->reductions)
      uses.insert(clause.monoid.text);
  }
}

void CascadeLowering::collectDefinitions() {
  llvm::StringSet<> uses, own;
  for (const Statement &statement : cascade.statements) {
    collectUses(statement, uses);
    own.insert(definedName(statement));
  }
  std::vector<bool> isUsed(file.definitions.size());
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [i, definition] : llvm::enumerate(file.definitions)) {
      StringRef name = definedName(definition);
      bool isAbove = definition.place.line < cascade.name.place.line;
      if (isUsed[i] || !isAbove || !uses.contains(name) || own.contains(name))
        continue;
      isUsed[i] = changed = true;
      collectUses(definition, uses);
    }
  }
  for (auto [i, definition] : llvm::enumerate(file.definitions))
    if (isUsed[i])
      definitions.push_back(&definition);
  for (const Statement &statement : cascade.statements)
    if (!definedName(statement).empty())
      definitions.push_back(&statement);
}

bool CascadeLowering::claimOperatorName(const Name &name) {
  if (findOperator(name.text) || name.text == "select" ||
      getBuiltinMonoidArity(name.text)) {
    report.error(name.place) << "'" << name.text << "' is built in";
    return false;
  }
  auto [it, isNew] = operatorNames.try_emplace(name.text, name.place);
  if (isNew)
    return true;
  InFlightDiagnostic diag = report.error(name.place);
  diag << "'" << name.text << "' is defined twice";
  diag.attachNote(report.at(it->second)) << "first defined here";
  return false;
}

void CascadeLowering::declareFunction(const DefStmt &def) {
  if (!claimOperatorName(def.name))
    return;
  Type type =
      def.type ? getTypeByName(context, def.type->text) : state.elementType;
  Signature &signature = state.functions[def.name.text];
  signature.place = def.name.place;
  signature.arguments.assign(def.arguments.size(), type);
  signature.result = type;
}

void CascadeLowering::declareMonoid(const MonoidStmt &monoid) {
  if (!claimOperatorName(monoid.name))
    return;
  size_t arity = monoid.left.size();
  MonoidInfo &info = state.monoids[monoid.name.text];
  info.place = monoid.name.place;
  for (const Name &type : monoid.types)
    info.types.push_back(getTypeByName(context, type.text));
  if (info.types.empty())
    info.types.assign(arity, state.elementType);
  if (info.types.size() == 1)
    info.types.assign(arity, info.types.front());
  if (info.types.size() != arity || monoid.values.size() != arity ||
      monoid.identities.size() != arity)
    report.error(monoid.name.place)
        << "monoid '" << monoid.name.text << "' combines " << arity
        << " values, but has " << info.types.size() << " types, "
        << monoid.values.size() << " combined values and "
        << monoid.identities.size() << " neutral elements";
  info.types.resize(arity, state.elementType);
}

/// Lowers expressions over named arguments into `block`.
bool CascadeLowering::lowerBody(Block &block, ArrayRef<const Expr *> bodies,
                                ArrayRef<Name> arguments,
                                ArrayRef<Type> results) {
  llvm::StringMap<Value> values;
  for (auto [name, value] : llvm::zip(arguments, block.getArguments()))
    if (!values.try_emplace(name.text, value).second) {
      report.error(name.place)
          << "argument '" << name.text << "' is there twice";
      return false;
    }
  MapLowering *current = nullptr;
  auto resolve = [&](const Expr &name, Type type) -> Value {
    if (Value argument = values.lookup(name.text))
      return argument;
    if (scope.findParam(name.text))
      return current->create(
          name.place, "einsum.param", {}, type,
          {NamedAttribute(StringAttr::get(context, "param"),
                          StringAttr::get(context, name.text))});
    report.error(name.place)
        << "'" << name.text
        << "' is neither an argument nor a parameter: a definition "
           "sees nothing else";
    return {};
  };
  auto read = [&](const Expr &access) -> Value {
    report.error(access.place) << "a definition reads no tensors: pass '"
                               << access.text << "' as an argument";
    return {};
  };
  auto typeOf = [&](StringRef name) -> Type {
    Value argument = values.lookup(name);
    return argument ? argument.getType() : Type();
  };
  MapLowering map(report, state.functions, &block, {resolve, read, typeOf});
  current = &map;
  SmallVector<Value> yielded;
  for (auto [body, type] : llvm::zip(bodies, results))
    if (!yielded.emplace_back(map.lower(*body, type, type)))
      return false;
  OpBuilder::atBlockEnd(&block).create<YieldOp>(
      report.at(bodies.front()->place), yielded);
  return true;
}

/// Keeps argument names that the printer would not choose by itself.
static void keepArgumentNames(Operation *op, ArrayRef<Name> arguments,
                              ArrayRef<std::string> assumed) {
  auto names = llvm::map_to_vector(arguments,
                                   [](const Name &name) { return name.text; });
  if (!llvm::equal(names, assumed))
    op->setAttr(kArgumentNamesAttr,
                Builder(op->getContext()).getStrArrayAttr(names));
}

Operation *CascadeLowering::lowerDef(const DefStmt &def) {
  auto it = state.functions.find(def.name.text);
  if (it == state.functions.end())
    return nullptr;
  auto op =
      builder.create<FunctionOp>(report.at(def.name.place), def.name.text);
  Block &block = op.getBody().emplaceBlock();
  for (auto [argument, type] : llvm::zip(def.arguments, it->second.arguments))
    block.addArgument(type, report.at(argument.place));
  lowerBody(block, def.body.get(), def.arguments, it->second.result);
  keepArgumentNames(op, def.arguments,
                    defaultFunctionArguments(def.arguments.size()));
  return op;
}

Operation *CascadeLowering::lowerMonoid(const MonoidStmt &monoid) {
  auto it = state.monoids.find(monoid.name.text);
  if (it == state.monoids.end() ||
      monoid.values.size() != it->second.types.size() ||
      monoid.identities.size() != monoid.values.size())
    return nullptr;
  ArrayRef<Type> types = it->second.types;
  SmallVector<Attribute> identities;
  for (auto [expr, type] : llvm::zip(monoid.identities, types)) {
    TypedAttr value = expr->kind == Expr::Kind::number
                          ? parseNumber(expr->text, type)
                          : TypedAttr();
    if (!value) {
      report.error(expr->place)
          << (expr->kind == Expr::Kind::number
                  ? "'" + expr->text + "' is no value of type "
                  : std::string("a neutral element is a number of type "))
          << type;
      return nullptr;
    }
    identities.push_back(value);
  }
  auto op = builder.create<MonoidOp>(
      report.at(monoid.name.place), monoid.name.text,
      builder.getArrayAttr(identities), monoid.idempotent);
  Block &block = op.getBody().emplaceBlock();
  std::vector<Name> arguments(monoid.left);
  llvm::append_range(arguments, monoid.right);
  for (auto [i, argument] : llvm::enumerate(arguments))
    block.addArgument(types[i % types.size()], report.at(argument.place));
  auto bodies = llvm::map_to_vector(monoid.values, [](const ExprPtr &e) {
    return static_cast<const Expr *>(e.get());
  });
  lowerBody(block, bodies, arguments, types);
  keepArgumentNames(op, arguments, defaultMonoidArguments(types.size()));
  return op;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// A tensor with more than 2^63 - 1 elements is a mistyped extent.
bool CascadeLowering::checkSize(const TensorDecl &decl) {
  int64_t size = 1;
  for (const Name &name : decl.ranks) {
    const RankInfo *rank = scope.findRank(name.text);
    if (rank && rank->bound && llvm::MulOverflow(size, *rank->bound, size)) {
      report.error(decl.name.place) << "tensor '" << decl.name.text
                                    << "' has more than 2^63 - 1 elements";
      return false;
    }
  }
  return true;
}

void CascadeLowering::declareTensor(const TensorDecl &decl,
                                    NamedTensorType type, bool isInput,
                                    bool hasInit) {
  auto [it, isNew] = state.tensors.try_emplace(decl.name.text);
  if (!isNew) {
    InFlightDiagnostic diag = report.error(decl.name.place);
    diag << "tensor '" << decl.name.text << "' is defined twice";
    diag.attachNote(report.at(it->second.place)) << "first defined here";
    return;
  }
  checkSize(decl);
  TensorInfo &tensor = it->second;
  tensor.place = decl.name.place;
  tensor.type = type;
  tensor.isInput = isInput;
  tensor.hasInit = hasInit;
}

void CascadeLowering::declareInput(const TensorDecl &decl) {
  SmallVector<StringAttr> ranks;
  for (const Name &name : decl.ranks) {
    auto rank = StringAttr::get(context, name.text);
    if (llvm::is_contained(ranks, rank))
      report.error(name.place) << "tensor '" << decl.name.text << "' has rank '"
                               << name.text << "' twice";
    else if (scope.getRank(name))
      ranks.push_back(rank);
  }
  // An input with an unknown rank is left unknown: `broken` keeps it quiet.
  checkStorage(state, decl);
  Type stated = statedType(state, decl);
  Type element = stated ? stated : state.elementType;
  declareTensor(decl, NamedTensorType::get(context, ranks, element),
                /*isInput=*/true,
                /*hasInit=*/false);
}

void CascadeLowering::declareResults(const EinsumStmt &stmt) {
  llvm::StringSet<> seen;
  for (const Name &rank : stmt.results.front().ranks)
    if (!seen.insert(rank.text).second)
      return; // reported with the iteration space
  for (auto [i, decl] : llvm::enumerate(stmt.results)) {
    checkStorage(state, decl);
    auto sameName = [](const Name &a, const Name &b) {
      return a.text == b.text;
    };
    if (!std::equal(decl.ranks.begin(), decl.ranks.end(),
                    stmt.results[0].ranks.begin(), stmt.results[0].ranks.end(),
                    sameName))
      report.error(decl.name.place)
          << "tensors defined together have the same ranks, and '"
          << decl.name.text << "' differs from '" << stmt.results[0].name.text
          << "'";
    size_t position = i;
    if (stmt.results.size() == 1 && !stmt.reductions.empty() &&
        getMonoidArity(state, stmt.reductions[0].monoid.text) == 2)
      position = 1;
    if (decl.name.text != "_")
      declareTensor(decl, declaredType(state, stmt, position),
                    /*isInput=*/false, !stmt.inits.empty());
  }
}

void CascadeLowering::declareTensors() {
  for (const Statement &statement : cascade.statements) {
    if (auto *input = std::get_if<InputStmt>(&statement.body))
      llvm::for_each(input->tensors,
                     [&](const TensorDecl &decl) { declareInput(decl); });
    if (auto *stmt = std::get_if<EinsumStmt>(&statement.body))
      declareResults(*stmt);
  }
}

void CascadeLowering::define(StringRef name, Value value) {
  auto it = state.tensors.find(name);
  if (it == state.tensors.end())
    return;
  TensorInfo &tensor = it->second;
  if (Value placeholder = tensor.value; placeholder && !tensor.isDefined) {
    placeholder.replaceAllUsesWith(value);
    placeholder.getDefiningOp()->erase();
  }
  tensor.value = value;
  tensor.isDefined = true;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

Operation *CascadeLowering::lowerInputs(const InputStmt &stmt) {
  Operation *first = nullptr;
  for (const TensorDecl &decl : stmt.tensors) {
    TensorInfo &tensor = state.tensors[decl.name.text];
    if (!tensor.type)
      continue;
    auto op = builder.create<InputOp>(report.at(decl.name.place), tensor.type,
                                      builder.getStringAttr(decl.name.text),
                                      stmt.isWeight);
    define(decl.name.text, op.getResult());
    first = first ? first : op.getOperation();
  }
  return first;
}

Operation *CascadeLowering::lowerOutput(const OutputStmt &stmt) {
  hasOutput = true;
  SmallVector<Value> values;
  for (const Name &name : stmt.tensors) {
    auto it = state.tensors.find(name.text);
    if (it != state.tensors.end()) {
      it->second.isUsed = true;
      values.push_back(state.getValue(it->second));
      continue;
    }
    if (llvm::is_contained(cascade.broken, name.text))
      continue;
    InFlightDiagnostic diag = report.error(name.place);
    diag << "output '" << name.text << "' is never defined";
    suggestNearest(diag, name.text, state.getTensorNames());
  }
  return builder.create<OutputOp>(report.at(stmt.tensors.front().place),
                                  values);
}

Operation *CascadeLowering::lowerSplit(const SplitStmt &stmt) {
  const RankInfo *rank = scope.findRank(stmt.rank.text);
  if (!rank || rank->parts.empty())
    return nullptr;
  SmallVector<Attribute> parts;
  for (StringRef part : rank->parts)
    parts.push_back(builder.getStringAttr(part));
  return builder.create<SplitOp>(report.at(stmt.rank.place), stmt.rank.text,
                                 builder.getArrayAttr(parts));
}

Operation *CascadeLowering::lowerCompute(const EinsumStmt &stmt) {
  ComputeOp op = lowerEinsum(state, stmt);
  if (!op) {
    for (const TensorDecl &decl : stmt.results) // not unknown, only not lowered
      if (auto it = state.tensors.find(decl.name.text);
          it != state.tensors.end())
        it->second.isDefined = true, state.getValue(it->second);
    return nullptr;
  }
  for (auto [name, value] : llvm::zip(op.getTensorNames(), op.getResults()))
    define(name, value);
  return op;
}

Operation *CascadeLowering::lowerStatement(const Statement &statement) {
  if (auto *stmt = std::get_if<InputStmt>(&statement.body))
    return lowerInputs(*stmt);
  if (auto *stmt = std::get_if<OutputStmt>(&statement.body))
    return lowerOutput(*stmt);
  if (auto *stmt = std::get_if<SplitStmt>(&statement.body))
    return lowerSplit(*stmt);
  if (auto *stmt = std::get_if<DefStmt>(&statement.body))
    return lowerDef(*stmt);
  if (auto *stmt = std::get_if<MonoidStmt>(&statement.body))
    return lowerMonoid(*stmt);
  if (auto *stmt = std::get_if<EinsumStmt>(&statement.body))
    return lowerCompute(*stmt);
  return nullptr; // rank statements are emitted with all ranks, comments too
}

void CascadeLowering::emitRanks(Block *body) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(body);
  for (const RankInfo *rank : scope.getRanks()) {
    SmallVector<AffineExpr> numbers;
    SmallVector<Attribute> params;
    for (auto [position, param] : llvm::enumerate(cascade.params)) {
      bool isUsed = rank->extent.isFunctionOfSymbol(position);
      numbers.push_back(
          getAffineSymbolExpr(isUsed ? params.size() : 0, context));
      if (isUsed)
        params.push_back(builder.getStringAttr(param.name.text));
    }
    AffineExpr extent = rank->extent.replaceSymbols(numbers);
    auto op = builder.create<RankOp>(
        report.at(rank->place), rank->name, builder.getArrayAttr(params),
        AffineMap::get(/*dimCount=*/0, params.size(), extent, context));
    if (auto it = operatorNames.find(rank->name); it != operatorNames.end())
      report.error(it->second)
          << "'" << rank->name << "' is already the name of a rank";
    (void)op;
  }
}

//===----------------------------------------------------------------------===//
// The whole cascade
//===----------------------------------------------------------------------===//

static ArrayAttr toStrings(OpBuilder &builder, ArrayRef<StringRef> lines) {
  return builder.getStrArrayAttr(lines);
}

static void attachComments(OpBuilder &builder, Operation *op,
                           const Comments &comments) {
  if (!comments.leading.empty())
    op->setAttr(kCommentsAttr, toStrings(builder, comments.leading));
  if (!comments.trailing.empty())
    op->setAttr(kTrailingCommentAttr, builder.getStringAttr(comments.trailing));
}

CascadeOp CascadeLowering::createCascade() {
  SmallVector<Attribute> names;
  SmallVector<int64_t> values;
  for (const Param &param : cascade.params) {
    names.push_back(builder.getStringAttr(param.name.text));
    values.push_back(param.value.value_or(CascadeOp::kUnbound));
  }
  auto op = builder.create<CascadeOp>(
      report.at(cascade.name.place), builder.getStringAttr(cascade.name.text),
      builder.getArrayAttr(names), builder.getDenseI64ArrayAttr(values),
      TypeAttr::get(state.elementType));
  op.getBody().emplaceBlock();
  Comments comments = cascade.comments; // an empty line divides cascades anyway
  llvm::erase_if(comments.leading, [isFirst = true](StringRef line) mutable {
    return isFirst = isFirst && line.empty();
  });
  attachComments(builder, op, comments);
  if (!cascade.ending.empty())
    op->setAttr(kEndCommentsAttr, toStrings(builder, cascade.ending));
  return op;
}

void CascadeLowering::checkUses() {
  if (cascade.statements.empty() && cascade.broken.empty()) {
    InFlightDiagnostic diag = report.error(cascade.name.place);
    diag << "cascade '" << cascade.name.text << "' is empty";
    diag.attachNote()
        << "it holds inputs, Einsums such as 'C[m] = A[m,n]' and outputs";
    return;
  }
  if (report.hasErrors())
    return; // what did not lower may be what uses an input
  if (!hasOutput)
    report.warning(cascade.name.place)
        << "cascade '" << cascade.name.text
        << "' delivers nothing: it has no 'output'";
  for (StringRef name : state.getTensorNames()) {
    const TensorInfo &tensor = state.tensors[name];
    if (tensor.isInput && !tensor.isUsed)
      report.warning(tensor.place) << "input '" << name << "' is not used";
  }
}

/// The marks of Rearranged.h.
static void markOrder(RankOp rank, const RankStmt &stmt) {
  Builder builder(rank.getContext());
  auto list = [&](ArrayRef<Name> names) {
    SmallVector<Attribute> texts;
    for (const Name &name : names)
      texts.push_back(builder.getStringAttr(name.text));
    return builder.getArrayAttr(texts);
  };
  if (stmt.rearrangedBy) {
    rank->setAttr(kRearrangedBy,
                  builder.getStringAttr(stmt.rearrangedBy->text));
    rank->setAttr(kRearrangedPer, list(stmt.per));
    if (!stmt.scaledUp.empty())
      rank->setAttr(kScaledUp, list(stmt.scaledUp));
    if (!stmt.scaledDown.empty())
      rank->setAttr(kScaledDown, list(stmt.scaledDown));
  }
  if (stmt.rearrangedWith) {
    rank->setAttr(kRearrangedWith,
                  builder.getStringAttr(stmt.rearrangedWith->text));
    rank->setAttr(kRearrangedStride, builder.getI64IntegerAttr(stmt.stride));
  }
}

void CascadeLowering::run() {
  scope.declare();
  collectDefinitions();
  for (const Statement *definition : definitions) {
    if (auto *def = std::get_if<DefStmt>(&definition->body))
      declareFunction(*def);
    if (auto *monoid = std::get_if<MonoidStmt>(&definition->body))
      declareMonoid(*monoid);
  }
  declareTensors();
  OpBuilder::InsertionGuard guard(builder);
  CascadeOp op = createCascade();
  builder.setInsertionPointToStart(op.getBodyBlock());
  const InputStmt *previous = nullptr;
  auto lowerOne = [&](const Statement &statement) {
    Operation *lowered = lowerStatement(statement);
    auto *input = std::get_if<InputStmt>(&statement.body);
    bool continues = input && previous && input->isWeight == previous->isWeight;
    if (lowered)
      attachComments(builder, lowered, statement.comments);
    // No comments, but a line of its own.
    if (lowered && continues && !lowered->hasAttr(kCommentsAttr))
      lowered->setAttr(kCommentsAttr, builder.getArrayAttr({}));
    previous = input;
  };
  for (const Statement *definition : definitions)
    if (definition->place.line < cascade.name.place.line)
      lowerOne(*definition);
  for (const Statement &statement : cascade.statements)
    lowerOne(statement);
  emitRanks(op.getBodyBlock());
  for (const Statement &statement : cascade.statements)
    if (auto *stmt = std::get_if<RankStmt>(&statement.body))
      if (RankOp rank = op.findRank(stmt->rank.text)) {
        markOrder(rank, *stmt);
        attachComments(builder, rank, statement.comments);
      }
  checkUses();
}

void einsum::frontend::lowerFile(const SourceFile &file, Report &report,
                                 ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  llvm::StringMap<Place> names;
  for (const Cascade &cascade : file.cascades) {
    if (cascade.name.text.empty())
      continue; // its header did not parse
    auto [it, isNew] = names.try_emplace(cascade.name.text, cascade.name.place);
    if (!isNew) {
      InFlightDiagnostic diag = report.error(cascade.name.place);
      diag << "cascade '" << cascade.name.text << "' is defined twice";
      diag.attachNote(report.at(it->second)) << "first defined here";
      continue;
    }
    CascadeLowering(file, cascade, report, builder).run();
  }
  if (!file.ending.empty())
    module->setAttr(kEndCommentsAttr, toStrings(builder, file.ending));
}
