//===- QuantiseEinsums.cpp - The Einsums that make codes ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/QuantiseEinsums.h"

#include "lib/Quant/CodeTypes.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;
using formats::Codes;
using formats::ScaleRule;
using formats::Sharing;

//===----------------------------------------------------------------------===//
// Ranks in parts
//===----------------------------------------------------------------------===//

bool BlockRanks::declare(StringAttr rank, std::vector<int64_t> sizes) {
  llvm::sort(sizes, std::greater<>());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  for (size_t i = 1; i < sizes.size(); ++i)
    if (sizes[i - 1] % sizes[i] != 0)
      return false;
  Split &split = splits[rank];
  split.sizes = sizes;
  MLIRContext *context = editor.getContext();
  auto constant = [&](int64_t value) {
    return getAffineConstantExpr(value, context);
  };
  for (size_t i = 0; i <= sizes.size(); ++i) {
    StringAttr part =
        editor.freshRank(rank.str() + std::to_string(sizes.size() - i));
    AffineExpr extent =
        i == 0 ? editor.extent(rank).ceilDiv(constant(sizes[0]))
               : constant(sizes[i - 1] / (i < sizes.size() ? sizes[i] : 1));
    editor.addRank(part, extent);
    split.parts.push_back(part);
  }
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(editor.getCascade().getBodyBlock());
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<EinsumInterface>(op)) {
      builder.setInsertionPoint(&op);
      break;
    }
  SmallVector<Attribute> names(split.parts.begin(), split.parts.end());
  builder.create<SplitOp>(editor.getCascade().getLoc(),
                          FlatSymbolRefAttr::get(rank),
                          builder.getArrayAttr(names));
  return true;
}

ArrayRef<StringAttr> BlockRanks::parts(StringAttr rank) const {
  auto split = splits.find(rank);
  return split == splits.end() ? ArrayRef<StringAttr>() : split->second.parts;
}

unsigned BlockRanks::countOuter(StringAttr rank, int64_t size) const {
  const Split &split = splits.find(rank)->second;
  return llvm::find(split.sizes, size) - split.sizes.begin() + 1;
}

AffineExpr BlockRanks::flatten(StringAttr rank) const {
  auto split = splits.find(rank);
  if (split == splits.end())
    return editor.rank(rank);
  AffineExpr flat = getAffineConstantExpr(0, editor.getContext());
  for (auto [i, part] : llvm::enumerate(split->second.parts)) {
    int64_t stride =
        i < split->second.sizes.size() ? split->second.sizes[i] : 1;
    flat = flat + editor.rank(part) * stride;
  }
  return flat;
}

//===----------------------------------------------------------------------===//
// Formats that can be taken apart
//===----------------------------------------------------------------------===//

std::string quant::findExplicitObstacle(const formats::Storage &storage) {
  std::string name = "'" + storage.format.name + "' ";
  switch (storage.format.rule) {
  case ScaleRule::none:
  case ScaleRule::absmax:
  case ScaleRule::sharedExponent:
  case ScaleRule::meanAbs:
  case ScaleRule::minmax:
    break;
  default:
    return name + "has scales that are searched for, not computed from a "
                  "maximum";
  }
  bool hasFloatScale = llvm::is_contained({StringRef("f16"), StringRef("bf16"),
                                           StringRef("f32"), StringRef("e4m3")},
                                          StringRef(storage.scaleType));
  if (storage.format.rule != ScaleRule::sharedExponent &&
      !storage.scaleType.empty() && !hasFloatScale)
    return name + "has scales of type " + storage.scaleType +
           ", which are no floats";
  const Codes &codes = storage.format.codes.front();
  bool isReal = codes.getKind() == Codes::Kind::real;
  bool hasZeroPoint = storage.format.rule == ScaleRule::minmax &&
                      codes.getKind() == Codes::Kind::integer;
  if (!isReal && !hasZeroPoint && !isSymmetricInteger(codes))
    return name + "has codes that are neither floats nor integers around 0";
  return {};
}

//===----------------------------------------------------------------------===//
// Quantising
//===----------------------------------------------------------------------===//

namespace {

class Quantiser {
public:
  Quantiser(CascadeEditor &editor, const BlockRanks &blocks,
            const Assignment &assignment, const NativeProducts &native,
            Operation *before)
      : editor(editor), exprs(editor.getExprs()), blocks(blocks),
        assignment(assignment), native(native), storage(assignment.storage),
        codes(storage.format.codes.front()), before(before),
        f32(Float32Type::get(editor.getContext())),
        name(getTensorName(assignment.tensor)) {}

  FailureOr<CodedTensor> run();

private:
  void chooseRanks();
  void chooseScaleRanks(StringAttr rank);
  Expr readWide();
  Expr readToMeasure();
  Expr number(double value) { return exprs.number(value, f32); }
  Value create(StringRef suffix, ArrayRef<StringAttr> ranks, Type type,
               Expr value, StringRef monoid, ArrayRef<StringAttr> reduced,
               StringRef computesIn);
  bool hasZeroPoint() const { return storage.format.rule == ScaleRule::minmax; }
  Value addMagnitude();
  Value addSpan();
  void addSharedExponent(Value magnitude);
  void addScale(Value magnitude);
  void addZeroPoint(Type codeType);
  Expr scaleOf();
  Value addCodes(Type codeType);
  Expr readOwn(Value tensor) { return editor.readPlain(tensor); }

  CascadeEditor &editor;
  ExprContext &exprs;
  const BlockRanks &blocks;
  const Assignment &assignment;
  const NativeProducts &native;
  const formats::Storage &storage;
  const Codes &codes;
  Operation *before;
  FloatType f32;
  std::string name;
  SmallVector<StringAttr, 4> codeRanks, scaleRanks, sharedRanks;
  Value least; ///< of what shares a zero point
  CodedTensor coded;
};

} // namespace

/// The ranks of the tensor's scales, and those that share one.
void Quantiser::chooseScaleRanks(StringAttr rank) {
  ArrayRef<StringAttr> parts = blocks.parts(rank);
  bool isNamed = llvm::is_contained(storage.ranks, rank.str());
  if (storage.sharing == Sharing::block && isNamed) {
    int64_t size = storage.sizes[llvm::find(storage.ranks, rank.str()) -
                                 storage.ranks.begin()];
    unsigned outer = blocks.countOuter(rank, size);
    coded.splitRanks.push_back(rank);
    codeRanks.append(parts.begin(), parts.end());
    scaleRanks.append(parts.begin(), parts.begin() + outer);
    sharedRanks.append(parts.begin() + outer, parts.end());
    return;
  }
  codeRanks.push_back(rank);
  bool isKeptApart = storage.sharing == Sharing::block ||
                     (storage.sharing == Sharing::channel && isNamed);
  (isKeptApart ? scaleRanks : sharedRanks).push_back(rank);
}

void Quantiser::chooseRanks() {
  auto type = cast<NamedTensorType>(assignment.tensor.getType());
  for (StringAttr rank : type.getRanks())
    chooseScaleRanks(rank);
}

Expr Quantiser::readWide() {
  Indices indices;
  auto type = cast<NamedTensorType>(assignment.tensor.getType());
  for (StringAttr rank : type.getRanks())
    indices.push_back(llvm::is_contained(coded.splitRanks, rank)
                          ? blocks.flatten(rank)
                          : editor.rank(rank));
  return exprs.read(assignment.tensor, indices);
}

Value Quantiser::create(StringRef suffix, ArrayRef<StringAttr> ranks, Type type,
                        Expr value, StringRef monoid,
                        ArrayRef<StringAttr> reduced, StringRef computesIn) {
  Statement statement(assignment.tensor.getLoc());
  statement.tensors = {editor.freshTensor((name + suffix).str())};
  statement.elementTypes = {type};
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  for (StringAttr rank : reduced)
    statement.reductions.push_back(
        ReductionAttr::get(editor.getContext(), rank,
                           StringAttr::get(editor.getContext(), monoid)));
  statement.values = {value};
  ComputeOp made = editor.create(statement, before);
  if (!computesIn.empty())
    made->setAttr(kComputesIn,
                  StringAttr::get(editor.getContext(), computesIn));
  coded.made.push_back(made);
  return made.getResult(0);
}

Expr Quantiser::readToMeasure() {
  Expr wide = readWide();
  return native.canMeasure(getDatatype(wide->type)) ? wide : exprs.toF32(wide);
}

/// From the least to the greatest of what shares a scale, 0 among them.
Value Quantiser::addSpan() {
  Expr wide = readToMeasure();
  least = create("L", scaleRanks, wide->type, wide, "min", sharedRanks, "");
  Value greatest =
      create("H", scaleRanks, wide->type, wide, "max", sharedRanks, "");
  Expr span = exprs.sub(exprs.max(exprs.toF32(readOwn(greatest)), number(0)),
                        exprs.min(exprs.toF32(readOwn(least)), number(0)));
  return create("A", scaleRanks, f32, span, "", {}, "f32");
}

/// The largest magnitude, or their sum, of what shares a scale.
Value Quantiser::addMagnitude() {
  if (hasZeroPoint())
    return addSpan();
  Expr wide = readToMeasure();
  Expr magnitude = exprs.op("math.absf", {wide}, wide->type);
  if (storage.format.rule == ScaleRule::meanAbs)
    return create("A", scaleRanks, f32, exprs.toF32(magnitude), "add",
                  sharedRanks, "f32");
  return create("A", scaleRanks, wide->type, magnitude, "max", sharedRanks, "");
}

/// 2^(floor(log2(magnitude)) - floor(log2(largest code))), its exponent kept.
void Quantiser::addSharedExponent(Value magnitude) {
  const Codes &scaleCodes = *formats::findScaleType(storage.scaleType);
  double lowest = std::log2(scaleCodes.getSmallest()),
         highest = std::log2(scaleCodes.getLargest());
  Expr exponent = exprs.op(
      "math.floor",
      {exprs.op("math.log2", {exprs.toF32(readOwn(magnitude))}, f32)}, f32);
  exponent = exprs.sub(exponent, number(codes.getLargestExponent()));
  exponent = exprs.min(exprs.max(exponent, number(lowest)), number(highest));
  auto type = IntegerType::get(editor.getContext(), 8);
  Value made =
      create("E", scaleRanks, type, exprs.op("arith.fptosi", {exponent}, type),
             "", {}, "f32");
  double shift = isSymmetricInteger(codes) ? std::log2(getStep(codes)) : 0;
  coded.scales.push_back(
      exprs.op("math.exp2",
               {exprs.add(exprs.toF32(readOwn(made)), number(shift))}, f32));
}

void Quantiser::addScale(Value magnitude) {
  FloatType type = getFloatType(storage.scaleType, editor.getContext());
  const Codes &scaleCodes = *formats::findScaleType(storage.scaleType);
  bool isMean = storage.format.rule == ScaleRule::meanAbs;
  Expr scale = exprs.toF32(readOwn(magnitude));
  if (isMean) {
    AffineExpr count = getAffineConstantExpr(1, editor.getContext());
    for (StringAttr rank : sharedRanks)
      count = count * editor.extent(rank);
    scale = exprs.div(scale, editor.scalar(count, f32));
  } else {
    double step = isSymmetricInteger(codes) ? getStep(codes) : 1;
    scale = exprs.div(scale, number(codes.getLargest() / step));
  }
  Value whole;
  if (storage.hasTensorScale()) {
    // Scales of blocks are relative to one f32 that takes the largest of them
    // to the largest scale.
    Expr largest = exprs.op("arith.extf", {readOwn(magnitude)}, f32);
    if (readOwn(magnitude)->type == f32)
      largest = readOwn(magnitude);
    Value most = create("M", {}, f32, largest, "max", scaleRanks, "");
    double all = codes.getLargest() * scaleCodes.getLargest();
    Expr ratio = exprs.max(exprs.div(readOwn(most), number(all)),
                           number(std::ldexp(1.0, -126)));
    whole = create("T", {}, f32, ratio, "", {}, "");
    scale = exprs.div(scale, readOwn(whole));
  }
  scale = exprs.min(exprs.max(scale, number(scaleCodes.getSmallest())),
                    number(scaleCodes.getLargest()));
  if (type != f32)
    scale = exprs.op("arith.truncf", {scale}, type);
  Value made = create("S", scaleRanks, type, scale, "", {}, "f32");
  coded.scales.push_back(exprs.toF32(readOwn(made)));
  if (whole)
    coded.scales.push_back(readOwn(whole));
}

Expr Quantiser::scaleOf() {
  Expr scale = coded.scales[0];
  for (Expr more : llvm::drop_begin(coded.scales))
    scale = exprs.mul(scale, more);
  return scale;
}

/// 0 ... 2^n - 1 is stored as -2^(n-1) ... 2^(n-1) - 1, the zero point with it:
/// what counts is their difference.
void Quantiser::addZeroPoint(Type codeType) {
  double half = (codes.getLargest() + 1) / 2;
  Expr place = exprs.div(
      exprs.neg(exprs.min(exprs.toF32(readOwn(least)), number(0))), scaleOf());
  place = exprs.op("math.roundeven", {place}, f32);
  place = exprs.sub(exprs.min(place, number(codes.getLargest())), number(half));
  Value made =
      create("Z", scaleRanks, codeType,
             exprs.op("arith.fptosi", {place}, codeType), "", {}, "f32");
  coded.zeroPoint = exprs.toF32(readOwn(made));
}

Value Quantiser::addCodes(Type codeType) {
  Expr value = exprs.toF32(readWide());
  if (!coded.scales.empty())
    value = exprs.div(value, scaleOf());
  double highest = codes.getLargest(), lowest = -highest;
  if (hasZeroPoint()) {
    highest = (codes.getLargest() - 1) / 2;
    lowest = -highest - 1;
    value =
        exprs.add(exprs.op("math.roundeven", {value}, f32), coded.zeroPoint);
  } else if (isSymmetricInteger(codes)) {
    highest /= getStep(codes);
    lowest = -highest;
    value = exprs.op("math.roundeven", {value}, f32);
  }
  value = exprs.min(exprs.max(value, number(lowest)), number(highest));
  if (isa<IntegerType>(codeType))
    value = exprs.op("arith.fptosi", {value}, codeType);
  else if (isa<FloatType>(codeType) && codeType != f32)
    value = exprs.op("arith.truncf", {value}, codeType);
  return create("Q", codeRanks, codeType, value, "", {}, "f32");
}

FailureOr<CodedTensor> Quantiser::run() {
  Type codeType = hasZeroPoint()
                      ? IntegerType::get(editor.getContext(), codes.getBits())
                      : getCodeType(codes, f32);
  if (!codeType)
    return emitError(assignment.tensor.getLoc())
           << "'" << name << "' cannot be made explicit: there is no type for "
           << "the codes of " << storage.format.name << "; store it";
  coded.wide = assignment.tensor;
  coded.codeType = codeType;
  coded.isOffline = assignment.isOffline;
  chooseRanks();
  if (!storage.scaleType.empty()) {
    Value magnitude = addMagnitude();
    if (storage.format.rule == ScaleRule::sharedExponent)
      addSharedExponent(magnitude);
    else
      addScale(magnitude);
  }
  if (hasZeroPoint())
    addZeroPoint(codeType);
  coded.codes = addCodes(codeType);
  if (hasZeroPoint())
    coded.largestCode = (codes.getLargest() + 1) / 2;
  else if (isSymmetricInteger(codes))
    coded.largestCode = codes.getLargest() / getStep(codes);
  coded.codeRead = readOwn(coded.codes);
  return coded;
}

FailureOr<CodedTensor> quant::addQuantiseEinsums(CascadeEditor &editor,
                                                 const BlockRanks &blocks,
                                                 const Assignment &assignment,
                                                 const NativeProducts &native,
                                                 Operation *before) {
  return Quantiser(editor, blocks, assignment, native, before).run();
}
