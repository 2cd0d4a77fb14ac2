//===- IndexFunction.cpp - An affine index over bound extents -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/IndexFunction.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum::interp;

static bool isDivision(AffineExpr expr) {
  return expr.getKind() == AffineExprKind::Mod ||
         expr.getKind() == AffineExprKind::FloorDiv ||
         expr.getKind() == AffineExprKind::CeilDiv;
}

static bool dividesOnlyByPositive(AffineExpr expr) {
  bool ok = true;
  expr.walk([&](AffineExpr part) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(part);
    if (!binary || !isDivision(binary))
      return;
    auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    ok &= divisor && divisor.getValue() > 0;
  });
  return ok;
}

/// Adds `factor * expr` to the coefficients; false if it is not a sum of
/// multiples or does not fit.
static bool addLinear(AffineExpr expr, int64_t factor, int64_t &constant,
                      MutableArrayRef<int64_t> coefficients) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    int64_t product = 0;
    return !llvm::MulOverflow(factor, number.getValue(), product) &&
           !llvm::AddOverflow(constant, product, constant);
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return !llvm::AddOverflow(coefficients[dim.getPosition()], factor,
                              coefficients[dim.getPosition()]);
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || isDivision(binary))
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, constant, coefficients) &&
           addLinear(binary.getRHS(), factor, constant, coefficients);
  auto scale = dyn_cast<AffineConstantExpr>(binary.getRHS());
  int64_t scaled = 0;
  return scale && !llvm::MulOverflow(factor, scale.getValue(), scaled) &&
         addLinear(binary.getLHS(), scaled, constant, coefficients);
}

std::optional<IndexFunction> IndexFunction::create(AffineExpr expr,
                                                   unsigned numDims) {
  if (!dividesOnlyByPositive(expr))
    return std::nullopt;
  IndexFunction function;
  function.expr = expr;
  function.coefficients.resize(numDims);
  function.linear =
      addLinear(expr, 1, function.constant, function.coefficients);
  for (unsigned dim = 0; dim < numDims; ++dim) {
    if (function.linear ? function.coefficients[dim] != 0
                        : expr.isFunctionOfDim(dim))
      function.dimSet |= uint64_t{1} << dim;
    if (function.linear && function.coefficients[dim] != 0)
      function.dims.push_back(dim);
  }
  return function;
}

static int64_t evaluateTree(AffineExpr expr, const int64_t *coordinates) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return number.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return coordinates[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluateTree(binary.getLHS(), coordinates),
          b = evaluateTree(binary.getRHS(), coordinates);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return llvm::mod(a, b);
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(a, b);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(a, b);
  default:
    llvm_unreachable("a binary expression has no other kind");
  }
}

int64_t IndexFunction::evaluate(const int64_t *coordinates) const {
  if (!linear)
    return evaluateTree(expr, coordinates);
  int64_t value = constant;
  for (unsigned dim : dims)
    value += coefficients[dim] * coordinates[dim];
  return value;
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

using MaybeInterval = std::optional<Interval>;

static MaybeInterval add(Interval a, Interval b) {
  Interval sum;
  if (llvm::AddOverflow(a.low, b.low, sum.low) ||
      llvm::AddOverflow(a.high, b.high, sum.high))
    return std::nullopt;
  return sum;
}

static MaybeInterval scale(Interval a, int64_t factor) {
  Interval product;
  if (llvm::MulOverflow(a.low, factor, product.low) ||
      llvm::MulOverflow(a.high, factor, product.high))
    return std::nullopt;
  if (factor < 0)
    std::swap(product.low, product.high);
  return product;
}

static MaybeInterval rangeOf(AffineExpr expr, ArrayRef<int64_t> extents) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return Interval{number.getValue(), number.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return Interval{0, extents[dim.getPosition()] - 1};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  MaybeInterval a = rangeOf(binary.getLHS(), extents),
                b = rangeOf(binary.getRHS(), extents);
  if (!a || !b)
    return std::nullopt;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(*a, *b);
  case AffineExprKind::Mul:
    return b->low == b->high ? scale(*a, b->low) : std::nullopt;
  case AffineExprKind::Mod:
    if (a->low >= 0 && a->high < b->low)
      return a;
    return Interval{0, b->low - 1};
  case AffineExprKind::FloorDiv:
    return Interval{llvm::divideFloorSigned(a->low, b->low),
                    llvm::divideFloorSigned(a->high, b->low)};
  case AffineExprKind::CeilDiv:
    return Interval{llvm::divideCeilSigned(a->low, b->low),
                    llvm::divideCeilSigned(a->high, b->low)};
  default:
    llvm_unreachable("a binary expression has no other kind");
  }
}

MaybeInterval IndexFunction::getRange(ArrayRef<int64_t> extents) const {
  if (!linear)
    return rangeOf(expr, extents);
  MaybeInterval sum = Interval{constant, constant};
  for (unsigned dim : dims) {
    MaybeInterval term = scale({0, extents[dim] - 1}, coefficients[dim]);
    sum = term && sum ? add(*sum, *term) : std::nullopt;
  }
  return sum;
}
