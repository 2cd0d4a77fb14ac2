//===- PlanParts.cpp - Tensors that are written in part -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An Einsum writes all of its result. So padding, and inserting a slice, are
// said as what stands where:
//
//   %y = tensor.pad %x low[1] high[2] { 0.0 }      Y[p] = X[i] where p == i + 1
//
// a sum over the one i that there is, or none, which is zero. As in a scatter,
// the identity of the sum fills the rest; a maximum fills it with minus
// infinity. Anything else that stands there is chosen after:
//
//   S[p] = X[i] where p == i + 1
//   Y[p] = select(1 <= p, select(p < 1 + I, S[p], D[p]), D[p])
//
// What was never written (`tensor.empty`) may hold zeros.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Linalg/Planner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

/// The monoid whose identity stands outside of the part; empty if none has it.
static StringRef findFillingMonoid(const PlacedPart &part) {
  if (!part.constant)
    return part.outside ? "" : "add";
  if (auto real = dyn_cast<FloatAttr>(part.constant)) {
    const APFloat &value = real.getValue();
    return value.isPosZero()                          ? "add"
           : value.isExactlyValue(1)                  ? "mul"
           : value.isInfinity() && value.isNegative() ? "max"
           : value.isInfinity()                       ? "min"
                                                      : "";
  }
  const APInt &value = cast<IntegerAttr>(part.constant).getValue();
  return value.isZero() ? "add" : value.isOne() ? "mul" : "";
}

/// The part at its place, the identity of `monoid` elsewhere; its tensor, which
/// may be the whole result.
std::optional<int> Planner::spreadPart(const PlacedPart &part, StringRef monoid,
                                       bool isWhole) {
  auto type = cast<RankedTensorType>(part.result.getType());
  auto sourceType = cast<RankedTensorType>(part.source.getType());
  unsigned kept = type.getRank(), loops = kept;
  SmallVector<int64_t> extents(type.getShape());
  SmallVector<AffineExpr> coordinates(sourceType.getRank());
  SmallVector<AffineExpr> constraints;
  for (auto [d, dim] : llvm::enumerate(part.dims)) {
    AffineExpr place = getAffineDimExpr(d, context);
    if (dim.isWhole) {
      coordinates[dim.sourceDim] = place;
      continue;
    }
    // A dimension that the source lacks has a loop too, of one step: a filter
    // of kept ranks alone would leave elements out, rather than fill them.
    AffineExpr loop = getAffineDimExpr(loops++, context);
    extents.push_back(dim.size);
    constraints.push_back(place - dim.offset - loop * dim.stride);
    if (dim.sourceDim >= 0)
      coordinates[dim.sourceDim] = loop;
  }
  PlannedEinsum einsum(part.op->getLoc());
  std::optional<PlannedRead> read =
      readOf(part.source, AffineMap::get(loops, 0, coordinates, context));
  if (!read) {
    fail(part.op, "places a tensor that was never written");
    return std::nullopt;
  }
  einsum.reads.push_back(*read);
  einsum.loops = chooseRanks(einsum.reads, extents);
  einsum.monoid = StringAttr::get(context, monoid);
  einsum.where = IntegerSet::get(loops, 0, constraints,
                                 SmallVector<bool>(constraints.size(), true));
  einsum.emitMap = [loc = einsum.loc](OpBuilder &builder, Block &block,
                                      ArrayRef<StringAttr>) {
    builder.create<YieldOp>(loc, block.getArgument(0));
  };
  if (isWhole) {
    addResult(einsum, part.result, part.op->getAttrDictionary());
  } else {
    int tensor = addTensor(einsum.loc, type, "T", {});
    plan.tensors[tensor].ranks.assign(einsum.loops.begin(),
                                      einsum.loops.begin() + kept);
    einsum.results.push_back(tensor);
  }
  int tensor = einsum.results[0];
  plan.einsums.push_back(std::move(einsum));
  return tensor;
}

/// `in` where the coordinates of the point are those of an element of the part,
/// else `out`: one choice in another, as the text notation has it.
static Value emitChoice(OpBuilder &builder, Location loc,
                        ArrayRef<PlacedPart::Dimension> dims,
                        ArrayRef<StringAttr> loops, Value in, Value out) {
  using arith::CmpIPredicate;
  SmallVector<Value> conditions;
  auto number = [&](int64_t value) {
    return builder.create<arith::ConstantIndexOp>(loc, value).getResult();
  };
  auto require = [&](CmpIPredicate how, Value left, int64_t right) {
    conditions.push_back(
        builder.create<arith::CmpIOp>(loc, how, left, number(right)));
  };
  for (auto [d, dim] : llvm::enumerate(dims)) {
    if (dim.isWhole)
      continue;
    Value place =
        builder.create<IndexOp>(loc, builder.getIndexType(), loops[d]);
    if (dim.size == 1) {
      require(CmpIPredicate::eq, place, dim.offset);
      continue;
    }
    require(CmpIPredicate::sge, place, dim.offset);
    require(CmpIPredicate::sle, place,
            dim.offset + (dim.size - 1) * dim.stride);
    if (dim.stride == 1)
      continue;
    Value from = builder.create<arith::SubIOp>(loc, place, number(dim.offset));
    require(CmpIPredicate::eq,
            builder.create<arith::RemSIOp>(loc, from, number(dim.stride)), 0);
  }
  for (Value condition : llvm::reverse(conditions))
    in = builder.create<arith::SelectOp>(loc, condition, in, out);
  return in;
}

bool Planner::placePart(const PlacedPart &part) {
  auto type = cast<RankedTensorType>(part.result.getType());
  TypedAttr inside = constants.lookup(part.source);
  if (llvm::all_of(part.dims, [](auto &dim) { return dim.isWhole; })) {
    // All of it.
    if (inside)
      constants[part.result] = inside;
    else if (auto view = views.find(part.source); view != views.end())
      views[part.result] = View(view->second);
    return true;
  }
  if (inside &&
      (inside == part.constant || (!part.constant && !part.outside))) {
    constants[part.result] = inside;
    return true;
  }
  StringRef filling = findFillingMonoid(part);
  std::optional<int> spread;
  if (!inside && !(spread = spreadPart(part, filling.empty() ? "add" : filling,
                                       !filling.empty())))
    return false;
  if (spread && !filling.empty())
    return true;

  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  PlannedEinsum einsum(part.op->getLoc());
  if (spread)
    einsum.reads.push_back({*spread, identity});
  if (!part.constant) {
    std::optional<PlannedRead> read = readOf(part.outside, identity);
    if (!read)
      return fail(part.op, "writes a part of a tensor that is not known");
    einsum.reads.push_back(*read);
  }
  einsum.loops = chooseRanks(einsum.reads, type.getShape());
  einsum.emitMap = [loc = einsum.loc, dims = part.dims, inside,
                    outside = part.constant](OpBuilder &builder, Block &block,
                                             ArrayRef<StringAttr> loops) {
    unsigned read = 0;
    auto element = [&](TypedAttr constant) {
      return constant
                 ? builder.create<arith::ConstantOp>(loc, constant).getResult()
                 : Value(block.getArgument(read++));
    };
    Value in = element(inside), out = element(outside);
    builder.create<YieldOp>(loc,
                            emitChoice(builder, loc, dims, loops, in, out));
  };
  addResult(einsum, part.result, part.op->getAttrDictionary());
  plan.einsums.push_back(std::move(einsum));
  return true;
}

bool Planner::planPad(tensor::PadOp op) {
  Value padding = op.getConstantPaddingValue();
  auto constant = padding ? padding.getDefiningOp<arith::ConstantOp>()
                          : arith::ConstantOp();
  if (!constant)
    return fail(op, "pads with a value that is no constant");
  if (ShapedType::isDynamicShape(op.getStaticLow()) ||
      ShapedType::isDynamicShape(op.getStaticHigh()))
    return fail(op, "pads by a width that is not known");
  PlacedPart part{op, op.getSource(),      op.getResult(),
                  {}, constant.getValue(), {}};
  for (int d = 0; d < op.getSourceType().getRank(); ++d) {
    int64_t size = op.getSourceType().getDimSize(d);
    int64_t low = op.getStaticLow()[d], high = op.getStaticHigh()[d];
    bool isWhole = low == 0 && high == 0;
    if (low < 0 || high < 0)
      return fail(op, "pads by a negative width; take a part with "
                      "tensor.extract_slice");
    if (!isWhole && ShapedType::isDynamic(size))
      return fail(op, "pads a dimension whose extent is not known");
    part.dims.push_back({low, 1, size, d, isWhole});
  }
  return placePart(part);
}

bool Planner::planInsert(tensor::InsertSliceOp op) {
  if (ShapedType::isDynamicShape(op.getStaticOffsets()) ||
      ShapedType::isDynamicShape(op.getStaticStrides()) ||
      ShapedType::isDynamicShape(op.getStaticSizes()))
    return fail(op, "writes a part whose place or size is not known");
  PlacedPart part{
      op, op.getSource(), op.getResult(), {}, constants.lookup(op.getDest()),
      {}};
  if (views.count(op.getDest()))
    part.outside = op.getDest();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  int sourceDim = 0;
  for (int d = 0; d < op.getDestType().getRank(); ++d) {
    PlacedPart::Dimension dim{op.getStaticOffsets()[d],
                              op.getStaticStrides()[d], op.getStaticSizes()[d],
                              dropped.test(d) ? -1 : sourceDim, false};
    sourceDim += !dropped.test(d);
    dim.isWhole = dim.sourceDim >= 0 && dim.offset == 0 && dim.stride == 1 &&
                  dim.size == op.getDestType().getDimSize(d);
    if (dim.size < 1 || dim.stride < 1)
      return fail(op, "writes a part of no elements, or backwards");
    part.dims.push_back(dim);
  }
  return placePart(part);
}
