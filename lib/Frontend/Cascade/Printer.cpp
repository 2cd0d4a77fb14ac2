//===- Printer.cpp - Cascades as text -------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One statement per operation, in their order, or, where the notation wants a
// definition before its use, in the first order that grants it. `=` is aligned
// within a run of Einsums that no comment or other statement interrupts.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"

#include "lib/Frontend/Cascade/Lower.h"
#include "lib/Frontend/Cascade/Parser.h"
#include "lib/Frontend/Cascade/Print.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

namespace {

/// A statement without its comments; Einsums in two halves around the `=`.
struct Line {
  Operation *op = nullptr;
  std::string left, right;
};

class CascadePrinter {
public:
  explicit CascadePrinter(CascadeOp cascade) : cascade(cascade) {}

  LogicalResult print(raw_ostream &os);

private:
  static constexpr size_t kLineLength = 80;

  LogicalResult checkNames();
  LogicalResult checkAttributes(Operation *op);
  LogicalResult collect();
  void visit(Operation *op, llvm::DenseSet<Operation *> &seen,
             std::vector<Operation *> &order);
  std::vector<Operation *> orderStatements();

  std::string header();
  std::string elementSuffix(Type type, Type expected);
  LogicalResult addRanks();
  bool isImplied(RankOp rank);
  AffineExpr extentOf(StringRef rank);
  std::string printExtent(AffineExpr extent);
  LogicalResult addSplit(SplitOp split);
  LogicalResult addInput(InputOp input);
  LogicalResult addOutput(OutputOp output);
  LogicalResult addFunction(FunctionOp function);
  LogicalResult addMonoid(MonoidOp monoid);
  LogicalResult addEinsum(EinsumInterface einsum);
  FailureOr<std::string> printLeft(EinsumInterface einsum, bool namesIndexOnly);
  FailureOr<std::string> printBody(Block &body, unsigned result, Type type,
                                   ArrayRef<std::string> names);
  std::string printReductions(EinsumInterface einsum, ArrayRef<StringAttr> mentioned);

  void add(Operation *op, std::string left, std::string right = {}) {
    lines.push_back({op, std::move(left), std::move(right)});
  }
  void emit(raw_ostream &os);

  CascadeOp cascade;
  std::vector<Line> lines;
};

} // namespace

//===----------------------------------------------------------------------===//
// What cannot be said
//===----------------------------------------------------------------------===//

static LogicalResult refuse(Operation *op, const Twine &message) {
  return emitError(op->getLoc()) << "the text notation cannot say this: " << message;
}

static bool isCommentAttr(StringRef name) {
  return name == kCommentsAttr || name == kTrailingCommentAttr || name == kEndCommentsAttr;
}

LogicalResult CascadePrinter::checkAttributes(Operation *op) {
  for (NamedAttribute attr : op->getDiscardableAttrs())
    if (!isCommentAttr(attr.getName()))
      return refuse(op, "attribute '" + attr.getName().getValue() + "'");
  return success();
}

static LogicalResult checkName(Operation *op, StringRef name) {
  if (isIdentifier(name))
    return success();
  return refuse(op, "'" + name + "' is no name in it");
}

LogicalResult CascadePrinter::checkNames() {
  if (failed(checkName(cascade, cascade.getSymName())) || failed(checkAttributes(cascade)))
    return failure();
  for (Attribute param : cascade.getParamNames())
    if (failed(checkName(cascade, cast<StringAttr>(param))))
      return failure();
  for (Operation &op : *cascade.getBodyBlock()) {
    if (failed(checkAttributes(&op)))
      return failure();
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      if (failed(checkName(&op, symbol.getName())))
        return failure();
    for (Value result : op.getResults())
      if (StringRef name = tensorName(result); !name.empty() && failed(checkName(&op, name)))
        return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

/// A read one or more steps away from a recurrence may stand before it.
static bool mayComeFirst(const Access &access, EinsumInterface reader) {
  auto producer = dyn_cast_or_null<EinsumInterface>(access.tensor.getDefiningOp());
  if (!producer || producer.getInitialValues().empty())
    return false;
  return llvm::any_of(reader.getIterationRanks(), [&](StringAttr rank) {
    return getStep(access, rank, reader.getIterationRanks()).value_or(0) != 0;
  });
}

void CascadePrinter::visit(Operation *op, llvm::DenseSet<Operation *> &seen,
                           std::vector<Operation *> &order) {
  if (!op || !seen.insert(op).second)
    return;
  if (auto einsum = dyn_cast<EinsumInterface>(op)) {
    for (const Access &access : einsum.getInputAccesses())
      if (!mayComeFirst(access, einsum))
        visit(access.tensor.getDefiningOp(), seen, order);
  }
  if (auto output = dyn_cast<OutputOp>(op))
    for (Value tensor : output.getTensors())
      visit(tensor.getDefiningOp(), seen, order);
  order.push_back(op);
}

std::vector<Operation *> CascadePrinter::orderStatements() {
  llvm::DenseSet<Operation *> seen;
  std::vector<Operation *> order;
  for (Operation &op : *cascade.getBodyBlock())
    visit(&op, seen, order);
  return order;
}

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

std::string CascadePrinter::header() {
  std::string text = "cascade " + cascade.getSymName().str();
  std::string params;
  for (auto [name, value] : llvm::zip(cascade.getParamNames(), cascade.getParamValues())) {
    params += (params.empty() ? "" : ", ") + cast<StringAttr>(name).str();
    if (value != CascadeOp::kUnbound)
      params += "=" + std::to_string(value);
  }
  if (!params.empty())
    text += "(" + params + ")";
  return text + " : " + typeName(cascade.getElementType()).str();
}

/// The extent of a rank, with the parameters of the header as symbols.
AffineExpr CascadePrinter::extentOf(StringRef name) {
  RankOp rank = cascade.findRank(name);
  SmallVector<AffineExpr> numbers;
  for (Attribute param : rank.getParams())
    numbers.push_back(getAffineSymbolExpr(
        llvm::find(cascade.getParamNames(), param) - cascade.getParamNames().begin(),
        cascade.getContext()));
  return rank.getExtent().getResult(0).replaceSymbols(numbers);
}

std::string CascadePrinter::printExtent(AffineExpr extent) {
  SmallVector<StringAttr> params;
  for (Attribute param : cascade.getParamNames())
    params.push_back(cast<StringAttr>(param));
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedExpr(os, extent, {}, params);
  return text;
}

/// `m` with the extent `M`: the header says so, if anything names the rank.
bool CascadePrinter::isImplied(RankOp rank) {
  auto symbol = dyn_cast<AffineSymbolExpr>(extentOf(rank.getSymName()));
  if (!symbol || cast<StringAttr>(cascade.getParamNames()[symbol.getPosition()]) !=
                     rank.getSymName().upper())
    return false;
  StringAttr name = rank.getSymNameAttr();
  for (Operation &op : *cascade.getBodyBlock()) {
    for (Type type : op.getResultTypes())
      if (llvm::is_contained(cast<NamedTensorType>(type).getRanks(), name))
        return true;
    if (auto einsum = dyn_cast<EinsumInterface>(op);
        einsum && llvm::is_contained(einsum.getIterationRanks(), name))
      return true;
    if (auto split = dyn_cast<SplitOp>(op); split && split.getRank() == name)
      return true;
  }
  return false;
}

LogicalResult CascadePrinter::addRanks() {
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    if (!cascade.findSplitOf(rank.getSymName()) && !isImplied(rank))
      add(rank, "rank " + rank.getSymName().str() + " = " +
                    printExtent(extentOf(rank.getSymName())));
  return success();
}

LogicalResult CascadePrinter::addSplit(SplitOp split) {
  AffineExpr inner = getAffineConstantExpr(1, cascade.getContext());
  for (Attribute part : split.getParts().getValue().drop_front())
    inner = inner * extentOf(cast<StringAttr>(part));
  std::string text = "split " + split.getRank().str() + " = ";
  for (auto [i, part] : llvm::enumerate(split.getParts())) {
    StringRef name = cast<StringAttr>(part);
    AffineExpr extent = extentOf(name);
    text += (i ? ", " : "") + name.str();
    if (i != 0 || extent != extentOf(split.getRank()).ceilDiv(inner))
      text += "(" + printExtent(extent) + ")";
  }
  add(split, text);
  return success();
}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

/// ` : f32`, unless `type` goes without saying.
std::string CascadePrinter::elementSuffix(Type type, Type expected) {
  return type == expected ? "" : " : " + typeName(type).str();
}

static std::string withRanks(StringRef name, NamedTensorType type) {
  std::string text = name.str() + "[";
  for (auto [i, rank] : llvm::enumerate(type.getRanks()))
    text += (i ? "," : "") + rank.str();
  return text + "]";
}

static LogicalResult checkElement(Operation *op, Type type) {
  if (!typeName(type).empty())
    return success();
  std::string text;
  llvm::raw_string_ostream(text) << "elements of type " << type;
  return refuse(op, text);
}

LogicalResult CascadePrinter::addInput(InputOp input) {
  auto type = cast<NamedTensorType>(input.getType());
  if (failed(checkElement(input, type.getElementType())))
    return failure();
  std::string text = withRanks(input.getTensor(), type) +
                     elementSuffix(type.getElementType(), cascade.getElementType());
  // Inputs in a row share a line.
  if (!lines.empty() && isa<InputOp>(lines.back().op) && !input->hasAttr(kCommentsAttr) &&
      !input->hasAttr(kTrailingCommentAttr) &&
      !lines.back().op->hasAttr(kTrailingCommentAttr) &&
      lines.back().left.size() + text.size() + 4 <= kLineLength) {
    lines.back().left += ", " + text;
    return success();
  }
  add(input, "input " + text);
  return success();
}

LogicalResult CascadePrinter::addOutput(OutputOp output) {
  std::string text;
  for (Value tensor : output.getTensors()) {
    if (tensorName(tensor).empty())
      return refuse(output, "an output without a name");
    text += (text.empty() ? "output " : ", ") + tensorName(tensor).str();
  }
  if (text.empty())
    return refuse(output, "an output of nothing");
  add(output, text);
  return success();
}

//===----------------------------------------------------------------------===//
// Functions and monoids
//===----------------------------------------------------------------------===//

/// `count` names that are no parameters: x, y, z, or a0, a1, ...
static std::vector<std::string> inventNames(CascadeOp cascade, size_t count,
                                            ArrayRef<StringRef> preferred) {
  std::vector<std::string> names;
  auto isTaken = [&](StringRef name) {
    return llvm::is_contained(cascade.getParamNames(),
                              StringAttr::get(cascade.getContext(), name));
  };
  for (StringRef name : preferred)
    if (names.size() < count && count <= preferred.size() && !isTaken(name))
      names.push_back(name.str());
  for (size_t i = 0; names.size() < count; ++i)
    if (std::string name = "a" + std::to_string(i); !isTaken(name))
      names.push_back(name);
  return names;
}

FailureOr<std::string> CascadePrinter::printBody(Block &body, unsigned result, Type type,
                                                 ArrayRef<std::string> names) {
  return printValue(body.getTerminator()->getOperand(result), type,
                    [&](BlockArgument block) -> Argument {
                      return {names[block.getArgNumber()], false};
                    });
}

LogicalResult CascadePrinter::addFunction(FunctionOp function) {
  Block &body = function.getBody().front();
  Type type = body.getTerminator()->getOperand(0).getType();
  for (Type argument : body.getArgumentTypes())
    if (argument != type)
      return refuse(function, "a function whose arguments and result differ in type");
  if (failed(checkElement(function, type)))
    return failure();
  std::vector<std::string> names =
      inventNames(cascade, body.getNumArguments(), {"x", "y", "z"});
  FailureOr<std::string> value = printBody(body, 0, type, names);
  if (failed(value))
    return failure();
  add(function, "def " + function.getSymName().str() + "(" + llvm::join(names, ", ") + ")" +
                    elementSuffix(type, cascade.getElementType()) + " = " + *value);
  return success();
}

static std::string makeTuple(ArrayRef<std::string> parts) {
  std::string text = llvm::join(parts, ", ");
  return parts.size() == 1 ? text : "(" + text + ")";
}

LogicalResult CascadePrinter::addMonoid(MonoidOp monoid) {
  Block &body = monoid.getBody().front();
  size_t arity = monoid.getIdentity().size();
  std::vector<std::string> names =
      inventNames(cascade, 2 * arity, arity == 1 ? ArrayRef<StringRef>{"a", "b"}
                                                 : ArrayRef<StringRef>{"a", "i", "b", "j"});
  std::vector<std::string> types, values, identities;
  bool isPlain = true;
  for (auto [i, identity] : llvm::enumerate(monoid.getIdentity())) {
    auto number = cast<TypedAttr>(identity);
    if (failed(checkElement(monoid, number.getType())))
      return failure();
    isPlain &= number.getType() == cascade.getElementType();
    types.push_back(typeName(number.getType()).str());
    identities.push_back(printNumber(number));
    FailureOr<std::string> value = printBody(body, i, number.getType(), names);
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  ArrayRef<std::string> all(names);
  std::string text = "monoid " + monoid.getSymName().str() + "(" +
                     makeTuple(all.take_front(arity)) + ", " +
                     makeTuple(all.drop_front(arity)) + ")";
  if (!isPlain)
    text += " : " + makeTuple(types);
  text += " = " + makeTuple(values) + " identity " + makeTuple(identities);
  add(monoid, text + (monoid.getIdempotent() ? " idempotent" : ""));
  return success();
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

namespace {
/// The part of an Einsum that prints differently when a monoid of pairs such as
/// argmax keeps a coordinate.
struct IndexForm {
  bool isImplied = false;     ///< the second value is the rank's coordinate
  bool namesIndexOnly = false; ///< and the first result has no name
};
} // namespace

static Type computeTypeOf(EinsumInterface einsum, unsigned result);

static IndexForm findIndexForm(EinsumInterface einsum) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (reductions.size() != 1 || getBuiltinMonoidArity(reductions[0].monoid) != 2 ||
      einsum->getNumResults() != 2)
    return {};
  Operation *yield = einsum.getMapRegion().front().getTerminator();
  auto index = yield->getOperand(1).getDefiningOp<IndexOp>();
  if (!index || index.getRankAttr() != reductions[0].rank ||
      tensorName(einsum->getResult(1)).empty())
    return {};
  auto elementOf = [&](unsigned i) {
    return cast<NamedTensorType>(einsum->getResult(i).getType()).getElementType();
  };
  return {true, tensorName(einsum->getResult(0)).empty() &&
                    elementOf(0) == computeTypeOf(einsum, 0)};
}

/// The type in which the parser computes one value: the widest of the result's
/// and those of the tensors that the value reads.
static Type computeTypeOf(EinsumInterface einsum, unsigned result) {
  Block &body = einsum.getMapRegion().front();
  Type widest =
      cast<NamedTensorType>(einsum->getResult(result).getType()).getElementType();
  llvm::DenseSet<Value> seen;
  SmallVector<Value> worklist = {body.getTerminator()->getOperand(result)};
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (isa<BlockArgument>(value))
      widest = getWidest(widest, value.getType());
    else
      llvm::append_range(worklist, value.getDefiningOp()->getOperands());
  }
  return widest;
}

/// Iteration ranks in the order in which `text` names them.
static SmallVector<StringAttr> findMentioned(StringRef text, EinsumInterface einsum) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  SmallVector<StringAttr> mentioned;
  while (!text.empty()) {
    StringRef word = text.take_while(isWord);
    text = text.drop_front(std::max<size_t>(1, word.size()));
    bool isName = !text.starts_with("[") && !text.starts_with("(");
    for (StringAttr rank : einsum.getIterationRanks())
      if (isName && rank == word && !llvm::is_contained(mentioned, rank))
        mentioned.push_back(rank);
  }
  return mentioned;
}

/// `max(m) ` and so on; sums in the order of `mentioned` at the end go without
/// saying.
std::string CascadePrinter::printReductions(EinsumInterface einsum,
                                            ArrayRef<StringAttr> mentioned) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  auto positionOf = [&](const Reduction &reduction) {
    return llvm::find(mentioned, reduction.rank) - mentioned.begin();
  };
  size_t named = reductions.size();
  while (named > 0 && reductions[named - 1].monoid == "add" &&
         (named == reductions.size() ||
          positionOf(reductions[named - 1]) < positionOf(reductions[named])))
    --named;
  std::string text;
  for (size_t i = 0; i < named;) {
    StringAttr monoid = reductions[i].monoid;
    text += monoid.str() + "(" + reductions[i].rank.str();
    for (++i; i < named && reductions[i].monoid == monoid; ++i)
      text += ", " + reductions[i].rank.str();
    text += ") ";
  }
  return text;
}

/// The type that a result has if the text does not say otherwise.
static Type defaultElement(EinsumInterface einsum, unsigned result, Type element) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (reductions.empty())
    return element;
  if (auto monoid = dyn_cast_or_null<MonoidOp>(reductions[0].definition))
    return cast<TypedAttr>(monoid.getIdentity()[result]).getType();
  if (getBuiltinMonoidArity(reductions[0].monoid) == 2 && result == 1)
    return IndexType::get(einsum->getContext());
  return element;
}

FailureOr<std::string> CascadePrinter::printLeft(EinsumInterface einsum,
                                                 bool namesIndexOnly) {
  std::string text;
  for (unsigned i = namesIndexOnly ? 1 : 0; i < einsum->getNumResults(); ++i) {
    auto type = cast<NamedTensorType>(einsum->getResult(i).getType());
    if (failed(checkElement(einsum, type.getElementType())))
      return failure();
    StringRef name = tensorName(einsum->getResult(i));
    text += (text.empty() ? "" : ", ") + withRanks(name.empty() ? "_" : name, type) +
            elementSuffix(type.getElementType(),
                          defaultElement(einsum, i, cascade.getElementType()));
  }
  return text;
}

LogicalResult CascadePrinter::addEinsum(EinsumInterface einsum) {
  IndexForm form = findIndexForm(einsum);
  FailureOr<std::string> left = printLeft(einsum, form.namesIndexOnly);
  if (failed(left))
    return failure();
  SmallVector<Access> accesses = einsum.getInputAccesses();
  Operation *yield = einsum.getMapRegion().front().getTerminator();
  std::vector<std::string> values;
  for (unsigned i = 0; i < einsum->getNumResults() - (form.isImplied ? 1 : 0); ++i) {
    FailureOr<std::string> value =
        printValue(yield->getOperand(i), computeTypeOf(einsum, i),
                   [&](BlockArgument block) -> Argument {
                     return {printAccess(accesses[block.getArgNumber()], einsum), true};
                   });
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  std::string right = makeTuple(values);
  if (std::optional<IntegerSet> filter = einsum.getFilterSet())
    right += " where " + printFilter(*filter, einsum.getIterationRanks(),
                                     einsum.getSymbolNames());
  right = printReductions(einsum, findMentioned(right, einsum)) + right;
  for (auto [i, init] : llvm::enumerate(einsum.getInitialValues()))
    right += (i ? ", " : " init ") + printNumber(init);
  add(einsum, *left, right);
  return success();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

LogicalResult CascadePrinter::collect() {
  if (failed(checkNames()) || failed(checkElement(cascade, cascade.getElementType())) ||
      failed(addRanks()))
    return failure();
  for (Operation *op : orderStatements()) {
    LogicalResult result = success();
    if (auto split = dyn_cast<SplitOp>(op))
      result = addSplit(split);
    else if (auto input = dyn_cast<InputOp>(op))
      result = addInput(input);
    else if (auto output = dyn_cast<OutputOp>(op))
      result = addOutput(output);
    else if (auto function = dyn_cast<FunctionOp>(op))
      result = addFunction(function);
    else if (auto monoid = dyn_cast<MonoidOp>(op))
      result = addMonoid(monoid);
    else if (auto einsum = dyn_cast<EinsumInterface>(op))
      result = addEinsum(einsum);
    if (failed(result))
      return failure();
  }
  return success();
}

static void printComments(raw_ostream &os, Operation *op, StringRef attr, StringRef indent) {
  if (auto comments = op->getAttrOfType<ArrayAttr>(attr))
    for (auto [i, comment] : llvm::enumerate(comments)) {
      StringRef text = cast<StringAttr>(comment);
      if (i == 0 && text.empty() && isa<CascadeOp>(op) && attr == kCommentsAttr)
        continue; // the gap above a cascade is there anyway
      os << (text.empty() ? "" : indent) << text << "\n";
    }
}

static void printTrailing(raw_ostream &os, Operation *op) {
  if (auto comment = op->getAttrOfType<StringAttr>(kTrailingCommentAttr))
    os << " " << comment.getValue();
  os << "\n";
}

void CascadePrinter::emit(raw_ostream &os) {
  printComments(os, cascade, kCommentsAttr, "");
  os << header();
  printTrailing(os, cascade);
  auto isRunning = [&](size_t i) { // an Einsum right below another
    return !lines[i].right.empty() && (i == 0 || !lines[i].op->hasAttr(kCommentsAttr));
  };
  size_t width = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line &line = lines[i];
    if (!line.right.empty() && (i == 0 || lines[i - 1].right.empty() || !isRunning(i))) {
      width = line.left.size();
      for (size_t j = i + 1; j < lines.size() && isRunning(j); ++j)
        width = std::max(width, lines[j].left.size());
    }
    printComments(os, line.op, kCommentsAttr, "  ");
    os << "  " << line.left;
    if (!line.right.empty())
      os << std::string(width - line.left.size(), ' ') << " = " << line.right;
    printTrailing(os, line.op);
  }
  printComments(os, cascade, kEndCommentsAttr, "  ");
}

/// Parses `text` and compares what comes back with `cascade`.
static LogicalResult checkRoundTrip(CascadeOp cascade, StringRef text) {
  MLIRContext *context = cascade.getContext();
  std::string firstError;
  OwningOpRef<ModuleOp> module;
  {
    ScopedDiagnosticHandler quiet(context, [&](Diagnostic &diagnostic) {
      if (firstError.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
        firstError = diagnostic.str();
    });
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, "printed.ein"),
                               llvm::SMLoc());
    module = parseCascadeSource(sources, context);
  }
  if (!module) {
    InFlightDiagnostic diag = emitError(cascade.getLoc())
                              << "the text notation cannot say what cascade '"
                              << cascade.getSymName() << "' does";
    diag.attachNote() << "as text, it would be refused: " << firstError;
    return diag;
  }
  CascadeOp back = *module->getOps<CascadeOp>().begin();
  std::string expected = describeCascade(cascade), found = describeCascade(back);
  if (expected == found)
    return success();
  auto [line, other] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  (void)other;
  StringRef rest = StringRef(expected).drop_front(
      StringRef(expected).rfind('\n', line - expected.begin()) + 1);
  InFlightDiagnostic diag = emitError(cascade.getLoc())
                            << "the text notation cannot say what cascade '"
                            << cascade.getSymName() << "' does";
  diag.attachNote() << "read back, this would differ: "
                    << rest.take_until([](char c) { return c == '\n'; });
  return diag;
}

LogicalResult CascadePrinter::print(raw_ostream &os) {
  if (failed(collect()))
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  emit(stream);
  if (failed(checkRoundTrip(cascade, text)))
    return failure();
  os << text;
  return success();
}

LogicalResult einsum::frontend::printCascadeSource(CascadeOp cascade,
                                                   llvm::raw_ostream &os) {
  return CascadePrinter(cascade).print(os);
}

LogicalResult einsum::frontend::printCascadeSource(ModuleOp module,
                                                   llvm::raw_ostream &os) {
  bool isFirst = true;
  for (Operation &op : *module.getBody()) {
    auto cascade = dyn_cast<CascadeOp>(op);
    if (!cascade)
      return refuse(&op, "'" + op.getName().getStringRef() + "' is no cascade");
    if (!isFirst)
      os << "\n";
    isFirst = false;
    if (failed(printCascadeSource(cascade, os)))
      return failure();
  }
  if (auto comments = module->getAttrOfType<ArrayAttr>(kEndCommentsAttr))
    printComments(os, module, kEndCommentsAttr, "");
  return success();
}
