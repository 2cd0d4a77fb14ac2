//===- RescaleReader.cpp - A sum of codes, scaled afterwards --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/RescaleReader.h"

#include "lib/Quant/CodeTypes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "rescaling after the sum";

static Type getElement(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Who can read codes
//===----------------------------------------------------------------------===//

std::string quant::findReaderObstacle(CascadeEditor &editor,
                                      const ProductSum &product, Value tensor,
                                      const formats::Storage &storage) {
  SmallVector<StringAttr> summed = product.summedRanks(editor, tensor);
  if (summed.empty())
    return "it does not sum over a rank of it";
  if (storage.sharing == formats::Sharing::block)
    for (StringAttr rank : cast<NamedTensorType>(tensor.getType()).getRanks())
      if (llvm::is_contained(storage.ranks, rank.str()) &&
          !llvm::is_contained(summed, rank))
        return "it does not sum over " + rank.str() +
               ", along which the blocks run";
  for (Expr factor : product.factors) {
    if (!factor->isRead() || !mayBeAbsent(editor, factor->tensor))
      continue;
    bool isKept =
        llvm::none_of(collectRanks(editor, factor), [&](StringAttr rank) {
          return product.statement.reduces(rank);
        });
    if (isKept)
      return "it is absent where '" + getTensorName(factor->tensor).str() +
             "' is, which partial sums would hide";
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

namespace {

/// A factor of the inner sum.
struct InnerFactor {
  Expr value;
  Type type;                          ///< as stored
  const CodedTensor *coded = nullptr; ///< if it is codes
};

class Rescaling {
public:
  Rescaling(CascadeEditor &editor, const BlockRanks &blocks, ProductSum product,
            ArrayRef<const CodedTensor *> operands,
            const ExplicitOptions &options, DecodedTensors &decoded)
      : editor(editor), exprs(editor.getExprs()), blocks(blocks),
        product(std::move(product)), operands(operands), options(options),
        decoded(decoded), f32(Float32Type::get(editor.getContext())) {}

  FailureOr<Operation *> run();

private:
  const CodedTensor *findCoded(Expr factor) const;
  void splitRanks();
  void sortFactors();
  void decodeForeignCodes();
  void decode(InnerFactor &factor, FloatType type);
  bool areIntegers() const;
  LogicalResult checkAccumulator();
  Value addSum();
  Operation *addWhole(Value sum);
  bool dependsOnInner(Expr expr);

  CascadeEditor &editor;
  ExprContext &exprs;
  const BlockRanks &blocks;
  ProductSum product;
  ArrayRef<const CodedTensor *> operands;
  const ExplicitOptions &options;
  DecodedTensors &decoded;
  FloatType f32;

  SmallVector<InnerFactor, 2> inner;
  SmallVector<Expr, 4> outer;
  SmallVector<ReductionAttr, 2> innerReduced, outerReduced;
  SmallVector<FilterTerm, 2> keptFilter;
};

} // namespace

const CodedTensor *Rescaling::findCoded(Expr factor) const {
  if (factor->isRead())
    for (const CodedTensor *operand : operands)
      if (operand->wide == factor->tensor)
        return operand;
  return nullptr;
}

/// Writes ranks with blocks in parts where some operand needs it.
void Rescaling::splitRanks() {
  RankMap map;
  for (const CodedTensor *operand : operands)
    for (StringAttr rank : operand->splitRanks)
      map[rank] = blocks.flatten(rank);
  Statement &statement = product.statement;
  for (const FilterTerm &term : statement.filter) {
    RankSet ranks;
    collectRanks(editor, term.expr, ranks);
    if (llvm::none_of(ranks,
                      [&](StringAttr r) { return statement.reduces(r); }))
      keptFilter.push_back(term);
  }
  if (map.empty())
    return;
  editor.substitute(statement, map);
  SmallVector<ReductionAttr, 2> reductions;
  for (ReductionAttr reduction : statement.reductions) {
    if (!map.contains(reduction.getRank())) {
      reductions.push_back(reduction);
      continue;
    }
    for (StringAttr part : blocks.parts(reduction.getRank()))
      reductions.push_back(
          ReductionAttr::get(editor.getContext(), part, reduction.getMonoid()));
  }
  statement.reductions = std::move(reductions);
  for (Expr &factor : product.factors)
    factor = editor.substitute(factor, map);
}

bool Rescaling::dependsOnInner(Expr expr) {
  RankSet ranks = collectRanks(editor, expr);
  return llvm::any_of(innerReduced, [&](ReductionAttr reduction) {
    return ranks.contains(reduction.getRank());
  });
}

/// What is summed first, and what is multiplied afterwards.
void Rescaling::sortFactors() {
  SmallVector<Expr> others;
  for (Expr factor : product.factors) {
    const CodedTensor *coded = findCoded(factor);
    if (!coded) {
      others.push_back(factor);
      continue;
    }
    // Ranks in parts stand for themselves, others for what is read there.
    RankMap own;
    auto type = cast<NamedTensorType>(coded->wide.getType());
    for (auto [rank, index] : llvm::zip(type.getRanks(), factor->indices))
      if (!llvm::is_contained(coded->splitRanks, rank))
        own[rank] = index;
    inner.push_back(
        {editor.substitute(coded->codeRead, own), coded->codeType, coded});
    for (Expr scale : coded->scales)
      outer.push_back(editor.substitute(scale, own));
  }
  RankSet scaled;
  for (Expr scale : outer)
    for (StringAttr rank : collectRanks(editor, scale))
      scaled.insert(rank);
  for (ReductionAttr reduction : product.statement.reductions)
    (scaled.contains(reduction.getRank()) ? outerReduced : innerReduced)
        .push_back(reduction);
  for (Expr other : others) {
    if (!dependsOnInner(other)) {
      outer.push_back(other);
      continue;
    }
    Type type = other->isRead() ? getElement(other->tensor) : other->type;
    inner.push_back({other, type, nullptr});
  }
}

bool Rescaling::areIntegers() const {
  return llvm::all_of(
      inner, [](const InnerFactor &f) { return isa<IntegerType>(f.type); });
}

//===----------------------------------------------------------------------===//
// Codes that the machine does not multiply
//===----------------------------------------------------------------------===//

/// Integers of up to 8 bits are exact in every float type that is computed in.
static FloatType chooseFloat(Type code, Type wide, FloatType f32) {
  auto type = dyn_cast<FloatType>(wide);
  unsigned bits = isa<IntegerType>(code) ? code.getIntOrFloatBitWidth() : 8;
  return type && type.getWidth() >= 16 && type.getWidth() <= 32 && bits <= 8
             ? type
             : f32;
}

void Rescaling::decode(InnerFactor &factor, FloatType type) {
  Value codes = factor.coded->codes;
  Value &made = decoded[{codes, type}];
  if (!made) {
    Statement statement(product.statement.loc);
    statement.tensors = {
        editor.freshTensor((getTensorName(factor.coded->wide) + "D").str())};
    statement.elementTypes = {type};
    auto ranks = cast<NamedTensorType>(codes.getType()).getRanks();
    statement.outputRanks.assign(ranks.begin(), ranks.end());
    Expr read = editor.readPlain(codes);
    Expr value = read;
    if (isa<IntegerType>(read->type))
      value = exprs.op("arith.sitofp", {read}, type);
    else if (read->type != type)
      value = exprs.op(read->type.getIntOrFloatBitWidth() > type.getWidth()
                           ? "arith.truncf"
                           : "arith.extf",
                       {read}, type);
    statement.values = {value};
    made = editor.create(statement, product.op).getResult(0);
    remarkApplied(statement.loc, "decoding", getTensorName(factor.coded->wide),
                  "'" + statement.tensors[0].getValue() + "' holds its codes " +
                      "as floats: " + getDatatype(factor.type) +
                      " is not multiplied natively");
  }
  factor.value = exprs.read(made, factor.value->indices);
  factor.type = type;
}

/// The product of two factors is native, or both become floats.
void Rescaling::decodeForeignCodes() {
  if (inner.size() == 2 &&
      options.native.contains(joinDatatypes(inner[0].type, inner[1].type)))
    return;
  for (InnerFactor &factor : inner)
    if (factor.coded)
      decode(factor,
             chooseFloat(factor.type, getElement(factor.coded->wide), f32));
}

//===----------------------------------------------------------------------===//
// The two Einsums
//===----------------------------------------------------------------------===//

/// The largest magnitude that a sum of integer codes may reach.
LogicalResult Rescaling::checkAccumulator() {
  double most = 1;
  std::string bound;
  for (const InnerFactor &factor : inner) {
    if (!factor.coded)
      return success();
    most *= factor.coded->largestCode;
    bound +=
        std::to_string(static_cast<int64_t>(factor.coded->largestCode)) + " * ";
  }
  CascadeOp cascade = editor.getCascade();
  double terms = 1;
  for (ReductionAttr reduction : innerReduced) {
    std::optional<int64_t> extent =
        cascade.findRank(reduction.getRank()).getBoundExtent();
    if (!extent) {
      emitRemark(product.statement.loc)
          << "the extent of " << reduction.getRank().getValue()
          << " is not bound: whether an accumulator of "
          << options.accumulatorBits << " bits can overflow is not checked";
      return success();
    }
    terms *= static_cast<double>(*extent);
  }
  double limit =
      std::ldexp(1.0, static_cast<int>(options.accumulatorBits) - 1) - 1;
  if (most * terms <= limit)
    return success();
  unsigned needed =
      static_cast<unsigned>(std::floor(std::log2(most * terms))) + 2;
  return emitError(product.statement.loc)
         << "the sum of '" << product.statement.tensors[0].getValue()
         << "' may overflow: " << bound << static_cast<int64_t>(terms)
         << " terms need " << needed << " bits, the accumulator has "
         << options.accumulatorBits
         << "; share scales in smaller blocks along what is summed, take fewer "
            "bits, or widen it (accumulator="
         << needed << ")";
}

Value Rescaling::addSum() {
  Statement sum = product.statement;
  StringRef name = sum.tensors[0].getValue();
  bool integers = areIntegers();
  Type type =
      integers
          ? Type(IntegerType::get(editor.getContext(), options.accumulatorBits))
          : Type(f32);
  sum.tensors = {editor.freshTensor((name + "P").str())};
  sum.elementTypes = {type};
  for (ReductionAttr reduction : outerReduced)
    sum.outputRanks.push_back(reduction.getRank());
  sum.reductions.assign(innerReduced.begin(), innerReduced.end());
  Expr value = nullptr;
  for (const InnerFactor &factor : inner) {
    bool isNarrow = integers && factor.value->type != type;
    Expr wide = isNarrow   ? exprs.op("arith.extsi", {factor.value}, type)
                : integers ? factor.value
                           : exprs.toF32(factor.value);
    value = !value ? wide
                   : exprs.op(integers ? "arith.muli" : "arith.mulf",
                              {value, wide}, type);
  }
  sum.values = {value};
  ComputeOp made = editor.create(sum, product.op);
  if (inner.size() == 2)
    made->setAttr(kComputesIn,
                  StringAttr::get(editor.getContext(),
                                  joinDatatypes(inner[0].type, inner[1].type)));
  std::string text;
  llvm::raw_string_ostream(text) << type;
  remarkApplied(sum.loc, kLaw, name,
                "'" + sum.tensors[0].getValue() + "' sums products in " + text +
                    ", kept wide");
  return made.getResult(0);
}

Operation *Rescaling::addWhole(Value sum) {
  Statement whole = product.statement;
  whole.filter = keptFilter;
  whole.reductions.assign(outerReduced.begin(), outerReduced.end());
  Expr value = exprs.toF32(editor.readPlain(sum));
  for (Expr factor : outer)
    value = exprs.mul(value, exprs.toF32(factor));
  Type type = getScalarType(whole.elementTypes[0]);
  if (type != f32)
    value = exprs.op(type.getIntOrFloatBitWidth() > 32 ? "arith.extf"
                                                       : "arith.truncf",
                     {value}, type);
  whole.values = {value};
  ComputeOp made = editor.replace(product.op, whole);
  made->setAttr(kComputesIn, StringAttr::get(editor.getContext(), "f32"));
  return made;
}

FailureOr<Operation *> Rescaling::run() {
  splitRanks();
  sortFactors();
  if (innerReduced.empty()) {
    remarkNotApplied(product.statement.loc, kLaw,
                     product.statement.tensors[0].getValue(),
                     "every element that it sums has a scale of its own");
    return product.op;
  }
  decodeForeignCodes();
  if (areIntegers() && failed(checkAccumulator()))
    return failure();
  return addWhole(addSum());
}

FailureOr<Operation *>
quant::rescaleReader(CascadeEditor &editor, const BlockRanks &blocks,
                     ProductSum product, ArrayRef<const CodedTensor *> operands,
                     const ExplicitOptions &options, DecodedTensors &decoded) {
  return Rescaling(editor, blocks, std::move(product), operands, options,
                   decoded)
      .run();
}
