//===- Printer.cpp - Cascades in canonical text ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One statement per operation, in an order in which everything stands before
// its use. Ranks that the header implies, and parts of a split, have no
// statement.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Einsum/Rearranged.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Frontend/Cascade/CheckAccess.h"
#include "lib/Frontend/Cascade/Lower.h"
#include "lib/Frontend/Cascade/Print.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

/// Lines of inputs and outputs are broken before this column.
static constexpr size_t kLineWidth = 100;

namespace {

/// A statement; `left` is aligned with its neighbours before ` = `.
struct Line {
  Operation *op;
  std::string left, right;
};

class CascadePrinter {
public:
  explicit CascadePrinter(CascadeOp cascade) : cascade(cascade) {
    for (Attribute name : cascade.getParamNames())
      params.push_back(cast<StringAttr>(name));
  }

  FailureOr<std::string> print();

private:
  // Statements.
  LogicalResult add(Operation *op);
  LogicalResult addInput(InputOp input);
  LogicalResult addOutput(OutputOp output);
  LogicalResult addRank(RankOp rank);
  LogicalResult addSplit(SplitOp split);
  LogicalResult addFunction(FunctionOp function);
  LogicalResult addMonoid(MonoidOp monoid);
  LogicalResult addEinsum(EinsumInterface einsum);

  // Parts of an Einsum.
  FailureOr<std::string> leftSide(EinsumInterface einsum, bool isIndexAlone);
  FailureOr<std::string> values(EinsumInterface einsum,
                                const ArgumentNames &reads,
                                bool isIndexImplied);
  std::string reductions(EinsumInterface einsum, StringRef rightSide);
  Type defaultType(EinsumInterface einsum, unsigned position);

  FailureOr<std::string> typeSuffix(Operation *op, Type type, Type assumed);
  AffineExpr extentOf(RankOp rank);
  bool isImplied(RankOp rank);
  std::string extentText(AffineExpr expr) {
    return printExtent(expr, {{}, params});
  }
  void write(raw_ostream &os);

  CascadeOp cascade;
  SmallVector<StringAttr> params;
  std::vector<Line> lines;
};

} // namespace

static InFlightDiagnostic refuse(Operation *op) {
  return emitError(op->getLoc()) << "the text notation cannot say this: ";
}

//===----------------------------------------------------------------------===//
// Comments
//===----------------------------------------------------------------------===//

static SmallVector<StringRef> stringsOf(Operation *op, StringRef attribute) {
  SmallVector<StringRef> strings;
  if (auto array = op->getAttrOfType<ArrayAttr>(attribute))
    for (StringAttr string : array.getAsRange<StringAttr>())
      strings.push_back(string);
  return strings;
}

static void writeLines(raw_ostream &os, ArrayRef<StringRef> lines,
                       StringRef indent) {
  for (StringRef line : lines)
    os << (line.empty() ? "" : indent) << line << "\n";
}

static StringRef trailingComment(Operation *op) {
  auto comment = op->getAttrOfType<StringAttr>(kTrailingCommentAttr);
  return comment ? comment.getValue() : "";
}

static void writeEnd(raw_ostream &os, StringRef trailing) {
  os << (trailing.empty() ? "" : " ") << trailing << "\n";
}

/// Names that were kept because they are not the usual ones.
static SmallVector<std::string>
argumentNames(Operation *op, SmallVector<std::string> assumed) {
  SmallVector<StringRef> kept = stringsOf(op, kArgumentNamesAttr);
  if (kept.size() != assumed.size())
    return assumed;
  return llvm::map_to_vector(kept, [](StringRef name) { return name.str(); });
}

//===----------------------------------------------------------------------===//
// Types and ranks
//===----------------------------------------------------------------------===//

/// ` : f32`, ` : mxfp4 block e`, or nothing where the reader assumes that type.
FailureOr<std::string> CascadePrinter::typeSuffix(Operation *op, Type type,
                                                  Type assumed) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto quantized = dyn_cast<QuantizedType>(type)) {
    os << quantized.getStorage().toText();
    type = quantized.getExpressedType();
    if (type == cascade.getElementType())
      return " : " + text;
    os << " as ";
  }
  size_t nameStart = text.size();
  os << type;
  if (getTypeByName(cascade.getContext(), text.substr(nameStart)) != type) {
    refuse(op) << "it has no element type " << type;
    return failure();
  }
  return type == assumed ? "" : " : " + text;
}

static std::string rankList(ArrayRef<StringAttr> ranks) {
  auto names =
      llvm::map_range(ranks, [](StringAttr rank) { return rank.getValue(); });
  return "[" + llvm::join(names, ",") + "]";
}

/// The extent, with symbol i for parameter i of the cascade.
AffineExpr CascadePrinter::extentOf(RankOp rank) {
  SmallVector<AffineExpr> symbols;
  for (StringAttr name : rank.getParams().getAsRange<StringAttr>())
    symbols.push_back(getAffineSymbolExpr(
        llvm::find(params, name) - params.begin(), cascade.getContext()));
  return rank.getExtent().getResult(0).replaceSymbols(symbols);
}

bool CascadePrinter::isImplied(RankOp rank) {
  auto symbol = dyn_cast<AffineSymbolExpr>(extentOf(rank));
  StringRef name = rank.getSymName();
  return symbol && params[symbol.getPosition()].getValue() == name.upper() &&
         name.upper() != name && !cascade.getParam(name);
}

/// ` rearranged_by KC per g`, or nothing.
static std::string orderText(RankOp rank) {
  std::string text;
  if (auto by = rank->getAttrOfType<StringAttr>(kRearrangedBy)) {
    text = " rearranged_by " + by.str();
    SmallVector<StringRef> per = stringsOf(rank, kRearrangedPer);
    if (!per.empty())
      text += " per " + llvm::join(per, ", ");
    for (StringRef mark : {StringRef(kScaledUp), StringRef(kScaledDown)})
      if (SmallVector<StringRef> names = stringsOf(rank, mark); !names.empty())
        text += " " + mark.str() + " " + llvm::join(names, ", ");
  }
  if (auto with = rank->getAttrOfType<StringAttr>(kRearrangedWith)) {
    auto stride = rank->getAttrOfType<IntegerAttr>(kRearrangedStride);
    text += " rearranged_with " + with.str() + " stride " +
            std::to_string(stride ? stride.getInt() : 1);
  }
  return text;
}

LogicalResult CascadePrinter::addRank(RankOp rank) {
  std::string order = orderText(rank);
  if (cascade.findSplitOf(rank.getSymName()) && !order.empty())
    return refuse(rank) << "a part of a split is not" << order;
  if (cascade.findSplitOf(rank.getSymName()) ||
      (isImplied(rank) && order.empty()))
    return success();
  lines.push_back({rank, "",
                   "rank " + rank.getSymName().str() + " = " +
                       extentText(extentOf(rank)) + order});
  return success();
}

LogicalResult CascadePrinter::addSplit(SplitOp split) {
  AffineExpr inner = getAffineConstantExpr(1, cascade.getContext());
  SmallVector<std::string> parts;
  auto names = llvm::to_vector(split.getParts().getAsRange<StringAttr>());
  for (StringAttr name : llvm::drop_begin(names)) {
    AffineExpr extent = extentOf(cascade.findRank(name));
    inner = inner * extent;
    parts.push_back(name.str() + "(" + extentText(extent) + ")");
  }
  AffineExpr whole = extentOf(cascade.findRank(split.getRank()));
  AffineExpr outer = extentOf(cascade.findRank(names.front()));
  std::string first = names.front().str();
  if (outer != whole.ceilDiv(inner))
    first += "(" + extentText(outer) + ")";
  parts.insert(parts.begin(), first);
  lines.push_back(
      {split, "",
       "split " + split.getRank().str() + " = " + llvm::join(parts, ", ")});
  return success();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static StringRef inputKeyword(InputOp input) {
  return input.getWeight() ? "weight " : "input ";
}

/// Appends to the statement above if that is of the same kind, has room and no
/// comment of `op` comes between them.
static bool joinsLine(std::vector<Line> &lines, InputOp op, StringRef item) {
  auto above = lines.empty() ? InputOp() : dyn_cast<InputOp>(lines.back().op);
  if (!above || above.getWeight() != op.getWeight() ||
      op->hasAttr(kCommentsAttr) || op->hasAttr(kTrailingCommentAttr) ||
      lines.back().op->hasAttr(kTrailingCommentAttr) ||
      lines.back().right.size() + item.size() > kLineWidth - 4)
    return false;
  lines.back().right += ", " + item.str();
  return true;
}

LogicalResult CascadePrinter::addInput(InputOp input) {
  auto type = cast<NamedTensorType>(input.getType());
  FailureOr<std::string> suffix =
      typeSuffix(input, type.getElementType(), cascade.getElementType());
  if (failed(suffix))
    return failure();
  std::string item =
      input.getTensor().str() + rankList(type.getRanks()) + *suffix;
  if (!joinsLine(lines, input, item))
    lines.push_back({input, "", inputKeyword(input).str() + item});
  return success();
}

static std::string nameOf(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (auto input = dyn_cast<InputOp>(op))
    return input.getTensor().str();
  unsigned position = cast<OpResult>(tensor).getResultNumber();
  return cast<EinsumInterface>(op).getTensorNames()[position].str();
}

LogicalResult CascadePrinter::addOutput(OutputOp output) {
  auto names = llvm::map_to_vector(output.getTensors(), nameOf);
  if (names.empty() || llvm::is_contained(names, ""))
    return refuse(output) << "an output is a tensor with a name";
  lines.push_back({output, "", "output " + llvm::join(names, ", ")});
  return success();
}

//===----------------------------------------------------------------------===//
// Functions and monoids
//===----------------------------------------------------------------------===//

LogicalResult CascadePrinter::addFunction(FunctionOp function) {
  Region &body = function.getBody();
  Type type = body.front().getTerminator()->getOperand(0).getType();
  if (llvm::any_of(body.getArgumentTypes(), [&](Type t) { return t != type; }))
    return refuse(function)
           << "arguments and result of a function have one type";
  FailureOr<std::string> suffix =
      typeSuffix(function, type, cascade.getElementType());
  ArgumentNames arguments;
  arguments.texts =
      argumentNames(function, defaultFunctionArguments(body.getNumArguments()));
  FailureOr<std::string> text = printMapValue(body, 0, arguments, type, type);
  if (failed(suffix) || failed(text))
    return failure();
  lines.push_back({function, "",
                   "def " + function.getSymName().str() + "(" +
                       llvm::join(arguments.texts, ", ") + ")" + *suffix +
                       " = " + *text});
  return success();
}

static std::string tuple(ArrayRef<std::string> items) {
  std::string text = llvm::join(items, ", ");
  return items.size() == 1 ? text : "(" + text + ")";
}

LogicalResult CascadePrinter::addMonoid(MonoidOp monoid) {
  Region &body = monoid.getBody();
  unsigned arity = monoid.getIdentity().size();
  ArgumentNames arguments;
  arguments.texts = argumentNames(monoid, defaultMonoidArguments(arity));
  SmallVector<std::string> types, values, identities;
  bool isTyped = false;
  for (auto [i, identity] : llvm::enumerate(monoid.getIdentity())) {
    Type type = body.getArgument(i).getType();
    FailureOr<std::string> suffix = typeSuffix(monoid, type, Type());
    FailureOr<std::string> value =
        printMapValue(body, i, arguments, type, type);
    if (failed(suffix) || failed(value))
      return failure();
    types.push_back(StringRef(*suffix).drop_front(3).str());
    values.push_back(*value);
    identities.push_back(printNumber(cast<TypedAttr>(identity)));
    isTyped |= type != cascade.getElementType();
  }
  ArrayRef<std::string> all(arguments.texts);
  std::string text = "monoid " + monoid.getSymName().str() + "(" +
                     tuple(all.take_front(arity)) + ", " +
                     tuple(all.drop_front(arity)) + ")" +
                     (isTyped ? " : " + tuple(types) : "") + " = " +
                     tuple(values) + " identity " + tuple(identities) +
                     (monoid.getIdempotent() ? " idempotent" : "");
  lines.push_back({monoid, "", text});
  return success();
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

static AffineNames namesOf(ArrayRef<StringAttr> dims,
                           ArrayRef<StringAttr> symbols) {
  return {dims, symbols};
}

/// `Q[b,h,p,e]` for each operand.
static ArgumentNames readTexts(EinsumInterface einsum) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  SmallVector<StringAttr> symbols = getAccessSymbols(einsum);
  ArgumentNames reads;
  reads.areAccesses = true;
  for (const Access &access : einsum.getInputAccesses()) {
    auto indices =
        llvm::map_to_vector(access.map.getResults(), [&](AffineExpr e) {
          return printIndex(e, namesOf(ranks, symbols));
        });
    reads.texts.push_back(nameOf(access.tensor) + "[" +
                          llvm::join(indices, ",") + "]");
  }
  return reads;
}

static Value yieldedValue(EinsumInterface einsum, unsigned position) {
  return einsum.getMapRegion().front().getTerminator()->getOperand(position);
}

static Type scalarType(EinsumInterface einsum, unsigned position) {
  auto type = cast<NamedTensorType>(einsum->getResult(position).getType());
  return getScalarType(type.getElementType());
}

/// `argmax(m) X[m]`: the second value is the coordinate, which goes unsaid.
static bool impliesIndex(EinsumInterface einsum) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (reductions.size() != 1 ||
      getBuiltinMonoidArity(reductions[0].monoid) != 2)
    return false;
  auto index = yieldedValue(einsum, 1).getDefiningOp<IndexOp>();
  return index && index.getRank() == reductions[0].rank.getValue();
}

/// The type of a result that the left side does not state.
Type CascadePrinter::defaultType(EinsumInterface einsum, unsigned position) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (reductions.empty())
    return cascade.getElementType();
  if (auto monoid = dyn_cast_or_null<MonoidOp>(reductions[0].definition))
    return monoid.getBody().getArgument(position).getType();
  bool isIndex =
      getBuiltinMonoidArity(reductions[0].monoid) == 2 && position == 1;
  return isIndex ? IndexType::get(cascade.getContext())
                 : cascade.getElementType();
}

FailureOr<std::string> CascadePrinter::leftSide(EinsumInterface einsum,
                                                bool isIndexAlone) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks(), kept;
  for (AffineExpr expr : einsum.getOutputAccess().getResults())
    kept.push_back(ranks[cast<AffineDimExpr>(expr).getPosition()]);
  SmallVector<std::string> items;
  for (auto [i, name] : llvm::enumerate(einsum.getTensorNames())) {
    if (i == 0 && isIndexAlone)
      continue;
    Type element =
        cast<NamedTensorType>(einsum->getResult(i).getType()).getElementType();
    FailureOr<std::string> suffix =
        typeSuffix(einsum, element, defaultType(einsum, i));
    if (failed(suffix))
      return failure();
    items.push_back((name.empty() ? "_" : name.str()) + rankList(kept) +
                    *suffix);
  }
  return llvm::join(items, ", ");
}

FailureOr<std::string> CascadePrinter::values(EinsumInterface einsum,
                                              const ArgumentNames &reads,
                                              bool isIndexImplied) {
  SmallVector<std::string> texts;
  unsigned count = isIndexImplied ? 1 : einsum->getNumResults();
  for (unsigned i = 0; i < count; ++i) {
    Type result = scalarType(einsum, i);
    Type compute = computeTypeOf(einsum.getMapRegion(), i, result);
    FailureOr<std::string> text =
        printMapValue(einsum.getMapRegion(), i, reads, compute, result);
    if (failed(text))
      return failure();
    texts.push_back(*text);
  }
  return tuple(texts);
}

/// Rank variables of `text` in the order in which they are named: what is
/// neither read nor called nor a type.
static llvm::SetVector<StringRef> mentionedNames(StringRef text) {
  llvm::SetVector<StringRef> names;
  StringRef previous;
  while (!text.empty()) {
    StringRef word =
        text.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (word.empty()) {
      text = text.drop_front();
      continue;
    }
    text = text.drop_front(word.size());
    if (previous != "as" && !text.starts_with("[") && !text.starts_with("("))
      names.insert(word);
    previous = word;
  }
  return names;
}

/// `max(m) ` and so on. Sums at the end go unsaid if the reader puts them back
/// in the same order: that in which the right side names their ranks.
std::string CascadePrinter::reductions(EinsumInterface einsum,
                                       StringRef rightSide) {
  SmallVector<Reduction> all = einsum.getReductionList();
  size_t spoken = all.size();
  while (spoken > 0 && all[spoken - 1].monoid == "add")
    --spoken;
  llvm::SetVector<StringRef> named = mentionedNames(rightSide);
  auto position = [&](const Reduction &r) {
    return llvm::find(named, r.rank.getValue());
  };
  bool isNamedOrder =
      std::is_sorted(all.begin() + spoken, all.end(),
                     [&](const Reduction &a, const Reduction &b) {
                       return position(a) < position(b);
                     });
  if (!isNamedOrder)
    spoken = all.size();
  std::string text;
  for (size_t i = 0; i < spoken; ++i) {
    bool continues = i > 0 && all[i - 1].monoid == all[i].monoid;
    if (continues)
      text.resize(text.size() - 2); // `) `
    text += (continues ? ", " : all[i].monoid.str() + "(") + all[i].rank.str() +
            ") ";
  }
  return text;
}

static std::string filterText(EinsumInterface einsum) {
  std::optional<IntegerSet> filter = einsum.getFilterSet();
  if (!filter)
    return "";
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  SmallVector<StringAttr> symbols = einsum.getSymbolNames();
  SmallVector<std::string> constraints;
  for (auto [expr, isEq] :
       llvm::zip(filter->getConstraints(), filter->getEqFlags()))
    constraints.push_back(printFilter(expr, isEq, namesOf(ranks, symbols)));
  return " where " + llvm::join(constraints, ", ");
}

static StringRef lastMonoid(EinsumInterface einsum) {
  SmallVector<Reduction> reductions = einsum.getReductionList();
  return reductions.empty() ? "" : reductions.back().monoid.getValue();
}

LogicalResult CascadePrinter::addEinsum(EinsumInterface einsum) {
  bool isIndexImplied = impliesIndex(einsum);
  ArgumentNames reads = readTexts(einsum);
  // `GI[p] = argmax(m) X[m,p]` leaves the value beside the index without a
  // name.
  bool isIndexAlone =
      isIndexImplied && einsum.getTensorNames()[0].empty() &&
      cast<NamedTensorType>(einsum->getResult(0).getType()).getElementType() ==
          computeTypeOf(einsum.getMapRegion(), 0, Type());
  FailureOr<std::string> left = leftSide(einsum, isIndexAlone);
  FailureOr<std::string> value = values(einsum, reads, isIndexImplied);
  if (failed(left) || failed(value))
    return failure();
  std::string filter = filterText(einsum), inits;
  for (TypedAttr init : einsum.getInitialValues())
    inits += (inits.empty() ? " init " : ", ") + printNumber(init);
  std::string reduced = reductions(einsum, *value + filter);
  // `max(m, n) - 1` is a difference of a maximum; `max(m) -X[m]` is none.
  bool isDifference = StringRef(reduced).contains(',') ||
                      !getBuiltinMonoidArity(lastMonoid(einsum));
  if (!reduced.empty() && isDifference && StringRef(*value).starts_with("-"))
    value = "(" + *value + ")";
  std::string right = reduced + *value + filter + inits;
  if (auto datatype = einsum->getAttrOfType<StringAttr>(kComputesIn))
    right += " computes_in " + datatype.str();
  lines.push_back({einsum, *left, right});
  return success();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

/// Facts that analyses have attached are no part of the program.
static void warnOfAnnotations(Operation *op) {
  static const StringRef ours[] = {kCommentsAttr, kTrailingCommentAttr,
                                   kEndCommentsAttr, kArgumentNamesAttr};
  for (NamedAttribute attr : op->getDiscardableAttrs())
    if (!llvm::is_contained(ours, attr.getName().getValue()) &&
        !(isa<EinsumInterface>(op) && attr.getName() == kComputesIn) &&
        !(isa<RankOp>(op) &&
          llvm::is_contained(kRearrangedMarks, attr.getName().getValue())))
      emitWarning(op->getLoc()) << "attribute '" << attr.getName().getValue()
                                << "' has no notation and is left out";
}

LogicalResult CascadePrinter::add(Operation *op) {
  warnOfAnnotations(op);
  if (auto input = dyn_cast<InputOp>(op))
    return addInput(input);
  if (auto output = dyn_cast<OutputOp>(op))
    return addOutput(output);
  if (auto rank = dyn_cast<RankOp>(op))
    return addRank(rank);
  if (auto split = dyn_cast<SplitOp>(op))
    return addSplit(split);
  if (auto function = dyn_cast<FunctionOp>(op))
    return addFunction(function);
  if (auto monoid = dyn_cast<MonoidOp>(op))
    return addMonoid(monoid);
  if (auto einsum = dyn_cast<EinsumInterface>(op))
    return addEinsum(einsum);
  return refuse(op) << "it has no statement for '" << op->getName() << "'";
}

/// True if `reader` may stand above the definition of what it reads there.
static bool readsOneStepAway(EinsumInterface reader, const Access &access) {
  SmallVector<StringRef> dims = llvm::map_to_vector(
      reader.getIterationRanks(), [](StringAttr r) { return r.getValue(); });
  return stepsBack(access.map.getResults(),
                   cast<NamedTensorType>(access.tensor.getType()), dims);
}

/// What has to stand above `op`.
static SmallVector<Operation *> neededAbove(CascadeOp cascade, Operation *op) {
  SmallVector<Operation *> needed;
  if (auto split = dyn_cast<SplitOp>(op)) {
    if (SplitOp outer = cascade.findSplitOf(split.getRank()))
      needed.push_back(outer);
    return needed;
  }
  if (auto output = dyn_cast<OutputOp>(op))
    for (Value tensor : output.getTensors())
      needed.push_back(tensor.getDefiningOp());
  if (auto einsum = dyn_cast<EinsumInterface>(op))
    for (const Access &access : einsum.getInputAccesses())
      if (access.tensor.getDefiningOp() != op &&
          !readsOneStepAway(einsum, access))
        needed.push_back(access.tensor.getDefiningOp());
  return needed;
}

/// The operations in their order, moved down only below what they need. Fails
/// if there is no such order.
static FailureOr<std::vector<Operation *>> orderStatements(CascadeOp cascade) {
  std::vector<Operation *> order;
  llvm::DenseSet<Operation *> done, active;
  // Depth first, without recursion: long cascades are deep.
  for (Operation &root : *cascade.getBodyBlock()) {
    SmallVector<Operation *> stack{&root};
    while (!stack.empty()) {
      Operation *op = stack.back();
      if (done.contains(op)) {
        stack.pop_back();
        continue;
      }
      active.insert(op);
      size_t depth = stack.size();
      for (Operation *needed : neededAbove(cascade, op))
        if (!done.contains(needed)) {
          if (active.contains(needed)) {
            refuse(op) << "it reads a tensor that is defined with it, and not "
                          "one step away";
            return failure();
          }
          stack.push_back(needed);
        }
      if (stack.size() > depth)
        continue;
      stack.pop_back();
      done.insert(op);
      order.push_back(op);
    }
  }
  return order;
}

/// Aligns ` = ` in runs of Einsums that no comment or other statement divides.
static void align(MutableArrayRef<Line> run) {
  size_t width = 0;
  for (const Line &line : run)
    width = std::max(width, line.left.size());
  for (Line &line : run)
    line.left.resize(width, ' ');
}

static void alignLines(MutableArrayRef<Line> lines) {
  size_t start = 0;
  for (size_t i = 0; i <= lines.size(); ++i) {
    bool isCut = i == lines.size() || lines[i].left.empty() ||
                 lines[i].op->hasAttr(kCommentsAttr);
    if (!isCut)
      continue;
    align(lines.slice(start, i - start));
    start = i < lines.size() && lines[i].left.empty() ? i + 1 : i;
  }
}

void CascadePrinter::write(raw_ostream &os) {
  writeLines(os, stringsOf(cascade, kCommentsAttr), "");
  SmallVector<std::string> header;
  for (auto [name, value] : llvm::zip(params, cascade.getParamValues()))
    header.push_back(name.str() + (value == CascadeOp::kUnbound
                                       ? ""
                                       : "=" + std::to_string(value)));
  os << "cascade " << cascade.getSymName();
  if (!header.empty())
    os << "(" << llvm::join(header, ", ") << ")";
  os << " : " << cascade.getElementType();
  writeEnd(os, trailingComment(cascade));
  for (const Line &line : lines) {
    writeLines(os, stringsOf(line.op, kCommentsAttr), "  ");
    os << "  " << line.left << (line.left.empty() ? "" : " = ") << line.right;
    writeEnd(os, trailingComment(line.op));
  }
  writeLines(os, stringsOf(cascade, kEndCommentsAttr), "  ");
}

FailureOr<std::string> CascadePrinter::print() {
  warnOfAnnotations(cascade);
  FailureOr<std::vector<Operation *>> order = orderStatements(cascade);
  if (failed(order) ||
      failed(typeSuffix(cascade, cascade.getElementType(), Type())))
    return failure();
  for (Operation *op : *order)
    if (failed(add(op)))
      return failure();
  alignLines(lines);
  std::string text;
  llvm::raw_string_ostream os(text);
  write(os);
  return text;
}

//===----------------------------------------------------------------------===//
// Reading back
//===----------------------------------------------------------------------===//

/// Refuses a text that does not read as `cascade`.
static LogicalResult checkReadsBack(CascadeOp cascade, StringRef text) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, "text"),
                             llvm::SMLoc());
  std::string message;
  OwningOpRef<ModuleOp> module;
  {
    ScopedDiagnosticHandler quiet(
        cascade.getContext(), [&](Diagnostic &diagnostic) {
          if (message.empty() &&
              diagnostic.getSeverity() == DiagnosticSeverity::Error)
            message = diagnostic.str();
          return success();
        });
    module = parseCascadeSource(sources, cascade.getContext());
  }
  if (!module)
    return refuse(cascade) << message;
  auto difference =
      findDifference(cascade, *module->getOps<CascadeOp>().begin());
  if (!difference)
    return success();
  return refuse(difference->op)
         << "its " << difference->what << " would read otherwise";
}

LogicalResult einsum::frontend::printCascadeSource(CascadeOp cascade,
                                                   raw_ostream &os) {
  FailureOr<std::string> text = CascadePrinter(cascade).print();
  if (failed(text) || failed(checkReadsBack(cascade, *text)))
    return failure();
  os << *text;
  return success();
}

LogicalResult einsum::frontend::printCascadeSource(ModuleOp module,
                                                   raw_ostream &os) {
  bool isFirst = true;
  for (Operation &op : *module.getBody()) {
    auto cascade = dyn_cast<CascadeOp>(op);
    if (!cascade)
      return refuse(&op) << "a file holds cascades, not '" << op.getName()
                         << "'";
    os << (isFirst ? "" : "\n");
    isFirst = false;
    if (failed(printCascadeSource(cascade, os)))
      return failure();
  }
  writeLines(os, stringsOf(module, kEndCommentsAttr), "");
  return success();
}
