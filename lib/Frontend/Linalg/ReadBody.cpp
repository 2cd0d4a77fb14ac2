//===- ReadBody.cpp - What the body of a linalg op computes ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Linalg/ReadBody.h"

#include "dialects/Einsum/Einsum.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

/// The monoid that an op is, or nothing.
static StringRef monoidOf(Operation *op) {
  return TypeSwitch<Operation *, StringRef>(op)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return "add"; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return "mul"; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp>(
          [](auto) { return "max"; })
      .Case<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp>(
          [](auto) { return "min"; })
      .Case<arith::AndIOp>([](arith::AndIOp op) {
        return op.getType().isInteger(1) ? "and" : "";
      })
      .Case<arith::OrIOp>(
          [](arith::OrIOp op) { return op.getType().isInteger(1) ? "or" : ""; })
      .Default([](Operation *) { return ""; });
}

std::optional<Accumulation>
frontend::findAccumulation(Value yielded, BlockArgument accumulator) {
  Operation *combine = yielded.getDefiningOp();
  if (!combine || monoidOf(combine).empty() || !accumulator.hasOneUse() ||
      *accumulator.user_begin() != combine)
    return std::nullopt;
  bool isFirst = combine->getOperand(0) == accumulator;
  return Accumulation{monoidOf(combine), combine,
                      combine->getOperand(isFirst ? 1 : 0)};
}

Type frontend::findNarrowProduct(const Accumulation &accumulation) {
  Operation *product = accumulation.added.getDefiningOp();
  if (accumulation.monoid != "add" || !product ||
      !isa<arith::MulFOp, arith::MulIOp>(product))
    return {};
  Type type;
  for (Value factor : product->getOperands()) {
    Operation *widened = factor.getDefiningOp();
    if (!widened || !isa<arith::ExtFOp, arith::ExtSIOp>(widened) ||
        !isa<BlockArgument>(widened->getOperand(0)))
      return {};
    Type own = widened->getOperand(0).getType();
    if (type && type != own)
      return {};
    type = own;
  }
  return type;
}

bool frontend::isIdentity(Operation *combine, Attribute value) {
  StringRef monoid = monoidOf(combine);
  bool passesNaN = isa<arith::MaxNumFOp, arith::MinNumFOp>(combine);
  if (auto real = dyn_cast<FloatAttr>(value)) {
    const APFloat &v = real.getValue();
    if (passesNaN && v.isNaN())
      return true;
    return monoid == "add"   ? v.isZero()
           : monoid == "mul" ? v.isExactlyValue(1)
           : monoid == "max" ? v.isInfinity() && v.isNegative()
                             : v.isInfinity() && !v.isNegative();
  }
  const APInt &v = cast<IntegerAttr>(value).getValue();
  return monoid == "add" || monoid == "or" ? v.isZero()
         : monoid == "mul"                 ? v.isOne()
         : monoid == "and"                 ? v.isAllOnes()
         : monoid == "max"                 ? v.isMinSignedValue()
                                           : v.isMaxSignedValue();
}

Operation *frontend::findUnsupported(Block &source) {
  for (Operation &op : source) {
    if (op.getNumRegions() > 0 ||
        (!isa<linalg::IndexOp>(op) && !op.hasTrait<OpTrait::IsTerminator>() &&
         !isMemoryEffectFree(&op)))
      return &op;
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &source &&
          !operand.getDefiningOp<arith::ConstantOp>())
        return &op;
  }
  return nullptr;
}

Value frontend::resolve(OpBuilder &builder, Value value, IRMapping &values) {
  if (Value known = values.lookupOrNull(value))
    return known;
  Operation *constant = builder.clone(*value.getDefiningOp());
  values.map(value, constant->getResult(0));
  return constant->getResult(0);
}

void frontend::copyScalar(OpBuilder &builder, Operation &op,
                          IRMapping &values) {
  auto operand = [&](unsigned i) { return values.lookup(op.getOperand(i)); };
  Value made;
  if (isa<arith::MaxNumFOp>(op))
    made =
        builder.create<arith::MaximumFOp>(op.getLoc(), operand(0), operand(1));
  else if (isa<arith::MinNumFOp>(op))
    made =
        builder.create<arith::MinimumFOp>(op.getLoc(), operand(0), operand(1));
  if (made)
    values.map(op.getResult(0), made);
  else
    builder.clone(op, values);
}

void frontend::cloneBody(OpBuilder &builder, Block &source, Operation *skipped,
                         IRMapping &values, ArrayRef<StringAttr> loops) {
  for (Operation &op : source.without_terminator()) {
    if (&op == skipped)
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      values.map(index.getResult(),
                 builder
                     .create<IndexOp>(op.getLoc(), index.getType(),
                                      loops[index.getDim()])
                     .getResult());
      continue;
    }
    for (Value operand : op.getOperands())
      (void)frontend::resolve(builder, operand, values);
    copyScalar(builder, op, values);
  }
}
