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

/// A zero point stands in every term: none may be left out.
static std::string findZeroPointObstacle(CascadeEditor &editor,
                                         const ProductSum &product) {
  auto isSummed = [&](const RankSet &ranks) {
    return llvm::any_of(
        ranks, [&](StringAttr r) { return product.statement.reduces(r); });
  };
  for (const FilterTerm &term : product.statement.filter) {
    RankSet ranks;
    collectRanks(editor, term.expr, ranks);
    if (isSummed(ranks))
      return "it leaves out points of the sum, whose zero points would count";
  }
  for (Expr factor : product.factors)
    if (factor->isRead() && mayBeAbsent(editor, factor->tensor) &&
        isSummed(collectRanks(editor, factor)))
      return "'" + getTensorName(factor->tensor).str() +
             "' is absent in places, where zero points would count";
  return {};
}

std::string quant::findReaderObstacle(CascadeEditor &editor,
                                      const ProductSum &product, Value tensor,
                                      const formats::Storage &storage) {
  SmallVector<StringAttr> summed = product.summedRanks(editor, tensor);
  SmallVector<StringAttr> inParts = product.ranksSummedInParts(editor, tensor);
  if (summed.empty() && inParts.empty())
    return "it does not sum over a rank of it";
  if (storage.sharing == formats::Sharing::block)
    for (StringAttr rank : cast<NamedTensorType>(tensor.getType()).getRanks())
      if (llvm::is_contained(storage.ranks, rank.str()) &&
          !llvm::is_contained(summed, rank))
        return llvm::is_contained(inParts, rank)
                   ? "it sums over " + rank.str() +
                         " in parts, and blocks run along the whole of it"
                   : "it does not sum over " + rank.str() +
                         ", along which the blocks run";
  if (storage.format.rule == formats::ScaleRule::minmax)
    if (std::string obstacle = findZeroPointObstacle(editor, product);
        !obstacle.empty())
      return obstacle;
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
  Expr zeroPoint = nullptr;
  Expr code = nullptr; ///< before it was decoded
};

class Rescaling {
public:
  Rescaling(CascadeEditor &editor, const BlockRanks &blocks, ProductSum product,
            ArrayRef<const CodedTensor *> operands,
            const ExplicitOptions &options, SharedTensors &shared)
      : editor(editor), exprs(editor.getExprs()), blocks(blocks),
        product(std::move(product)), operands(operands), options(options),
        shared(shared), f32(Float32Type::get(editor.getContext())) {}

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
  Expr addSumWithout(uint64_t left);
  Value addSumOfCodes(ArrayRef<const InnerFactor *> factors,
                      ArrayRef<ReductionAttr> reductions);
  Operation *addWhole(Value sum);
  bool dependsOnInner(Expr expr);

  CascadeEditor &editor;
  ExprContext &exprs;
  const BlockRanks &blocks;
  ProductSum product;
  ArrayRef<const CodedTensor *> operands;
  const ExplicitOptions &options;
  SharedTensors &shared;
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
    Expr code = editor.substitute(coded->codeRead, own);
    InnerFactor codes{code, coded->codeType, coded, nullptr, code};
    if (coded->zeroPoint)
      codes.zeroPoint = editor.substitute(coded->zeroPoint, own);
    // Those with zero points first: sets of them are numbers.
    inner.insert(coded->zeroPoint ? inner.begin() : inner.end(), codes);
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
    inner.push_back({other, type});
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
  Value &made = shared.decoded[{codes, type}];
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
    if (factor.coded) {
      FloatType type =
          chooseFloat(factor.type, getElement(factor.coded->wide), f32);
      bool isMultiplied = options.native.contains(getDatatype(type)) ||
                          options.native.datatypes.empty();
      decode(factor, isMultiplied ? type : f32);
    }
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

/// The sum over `reductions` of the product of `factors`, in f32, over the
/// ranks that are left of theirs. Readers that need the same share it.
Value Rescaling::addSumOfCodes(ArrayRef<const InnerFactor *> factors,
                               ArrayRef<ReductionAttr> reductions) {
  Statement sum(product.statement.loc);
  RankSet ranks;
  Expr value = nullptr;
  for (const InnerFactor *factor : factors) {
    Expr term = factor->code ? factor->code : factor->value;
    for (StringAttr rank : collectRanks(editor, term))
      ranks.insert(rank);
    Expr wide = exprs.toF32(term);
    value = value ? exprs.mul(value, wide) : wide;
  }
  for (StringAttr rank : product.statement.outputRanks)
    if (ranks.contains(rank))
      sum.outputRanks.push_back(rank);
  for (ReductionAttr reduction : outerReduced)
    if (ranks.contains(reduction.getRank()))
      sum.outputRanks.push_back(reduction.getRank());
  sum.reductions.assign(reductions.begin(), reductions.end());
  sum.elementTypes = {f32};
  sum.values = {value};
  sum.tensors = {StringAttr::get(editor.getContext(), "_")};
  Value &made = shared.sums[toText(editor, sum)];
  if (made)
    return made;
  std::string name = getTensorName(factors[0]->coded ? factors[0]->coded->wide
                                                     : product.op->getResult(0))
                         .str();
  sum.tensors = {editor.freshTensor(name + "C")};
  ComputeOp op = editor.create(sum, product.op);
  op->setAttr(kComputesIn, StringAttr::get(editor.getContext(), "f32"));
  made = op.getResult(0);
  if (llvm::all_of(factors, [](const InnerFactor *factor) {
        return factor->coded && factor->coded->isOffline;
      }))
    shared.offlineSums.push_back(op);
  return made;
}

/// What is left of the sum where the factors of the set `left` give their zero
/// points: the sum of the others' product, as often as it is met.
Expr Rescaling::addSumWithout(uint64_t left) {
  SmallVector<const InnerFactor *> others;
  Expr value = nullptr;
  for (auto [i, factor] : llvm::enumerate(inner)) {
    if (!(left >> i & 1)) {
      others.push_back(&factor);
      continue;
    }
    value = value ? exprs.mul(value, factor.zeroPoint) : factor.zeroPoint;
  }
  SmallVector<ReductionAttr> summed;
  AffineExpr times = getAffineConstantExpr(1, editor.getContext());
  for (ReductionAttr reduction : innerReduced) {
    bool isMet = llvm::any_of(others, [&](const InnerFactor *factor) {
      return collectRanks(editor, factor->value).contains(reduction.getRank());
    });
    if (isMet)
      summed.push_back(reduction);
    else
      times = times * editor.extent(reduction.getRank());
  }
  if (times != getAffineConstantExpr(1, editor.getContext()))
    value = exprs.mul(value, editor.scalar(times, f32));
  if (!others.empty())
    value =
        exprs.mul(value, summed.empty()
                             ? exprs.toF32(others[0]->value)
                             : editor.readPlain(addSumOfCodes(others, summed)));
  return value;
}

Operation *Rescaling::addWhole(Value sum) {
  Statement whole = product.statement;
  whole.filter = keptFilter;
  whole.reductions.assign(outerReduced.begin(), outerReduced.end());
  Expr value = exprs.toF32(editor.readPlain(sum));
  uint64_t all = 0;
  for (auto [i, factor] : llvm::enumerate(inner))
    if (factor.zeroPoint)
      all |= uint64_t{1} << i;
  // All sets of them but the empty one.
  for (uint64_t left = all & -all; left != 0; left = (left - all) & all)
    value = llvm::popcount(left) % 2 ? exprs.sub(value, addSumWithout(left))
                                     : exprs.add(value, addSumWithout(left));
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
                     const ExplicitOptions &options, SharedTensors &shared) {
  return Rescaling(editor, blocks, std::move(product), operands, options,
                   shared)
      .run();
}
