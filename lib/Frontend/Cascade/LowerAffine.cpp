//===- LowerAffine.cpp - Indices, extents and filters ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Scope.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum::frontend;

/// Coefficients stay below this, so that no arithmetic on them wraps.
static constexpr uint64_t kLargestNumber = uint64_t(1) << 62;
/// Affine expressions are walked recursively by all of MLIR.
static constexpr size_t kMostTerms = 256;

/// An upper bound of every number that can come up in `expr`.
static uint64_t magnitude(const Expr &expr) {
  if (expr.kind == Expr::Kind::number) {
    uint64_t value = 0;
    StringRef text = expr.text;
    text.consume_front("-");
    return text.getAsInteger(10, value) ? UINT64_MAX : value;
  }
  if (expr.operands.empty() || expr.kind == Expr::Kind::access)
    return 1;
  uint64_t result = magnitude(*expr.operands[0]);
  for (size_t i = 1; i < expr.operands.size(); ++i) {
    uint64_t operand = magnitude(*expr.operands[i]);
    bool isProduct =
        !expr.operators.empty() && expr.operators[i - 1].text == "*";
    result = isProduct ? llvm::SaturatingMultiply(result, operand)
                       : llvm::SaturatingAdd(result, operand);
  }
  return result;
}

namespace {
class AffineLowering {
public:
  AffineLowering(Report &report,
                 llvm::function_ref<AffineExpr(const Name &)> resolve,
                 llvm::function_ref<AffineExpr(const Expr &)> gather)
      : report(report), resolve(resolve), gather(gather) {}

  AffineExpr lower(const Expr &expr) {
    switch (expr.kind) {
    case Expr::Kind::number:
      return lowerNumber(expr);
    case Expr::Kind::name:
      return resolve({expr.text, expr.place});
    case Expr::Kind::negation: {
      AffineExpr operand = lower(*expr.operands[0]);
      return operand ? -operand : operand;
    }
    case Expr::Kind::chain:
      return lowerChain(expr);
    case Expr::Kind::access:
      if (gather)
        return gather(expr);
      return refuse(expr.place,
                    "what stands here is affine in rank variables: it cannot "
                    "read tensor '" +
                        expr.text + "'");
    case Expr::Kind::call:
      return refuse(expr.place,
                    "an index is affine in rank variables: it cannot call '" +
                        expr.text + "'");
    case Expr::Kind::compare:
      return refuse(expr.operators[0].place, "a comparison is no index");
    case Expr::Kind::cast:
      return refuse(expr.operators[0].place, "an index has no type");
    }
    return {};
  }

private:
  AffineExpr refuse(Place place, const Twine &message) {
    report.error(place) << message;
    return {};
  }

  AffineExpr lowerNumber(const Expr &expr) {
    int64_t value = 0;
    if (!StringRef(expr.text).getAsInteger(10, value))
      return getAffineConstantExpr(value, report.getContext());
    report.error(expr.place)
        << "an index is made of integers, found " << expr.text;
    return {};
  }

  AffineExpr lowerChain(const Expr &expr) {
    if (expr.operands.size() > kMostTerms) {
      report.error(expr.place) << "an index has at most " << kMostTerms
                               << " terms, found " << expr.operands.size();
      return {};
    }
    AffineExpr result = lower(*expr.operands[0]);
    for (size_t i = 1; result && i < expr.operands.size(); ++i) {
      AffineExpr operand = lower(*expr.operands[i]);
      if (!operand)
        return {};
      result = combine(result, operand, expr.operators[i - 1]);
    }
    return result;
  }

  AffineExpr combine(AffineExpr lhs, AffineExpr rhs, const Name &op) {
    if (op.text == "+")
      return lhs + rhs;
    if (op.text == "-")
      return lhs - rhs;
    if (op.text == "*") {
      if (lhs.isSymbolicOrConstant() || rhs.isSymbolicOrConstant())
        return lhs * rhs;
      report.error(op.place)
          << "the product of two rank variables is not affine: one "
             "factor is a number or a parameter";
      return {};
    }
    return divide(lhs, rhs, op);
  }

  AffineExpr divide(AffineExpr lhs, AffineExpr rhs, const Name &op) {
    if (op.text == "/") {
      InFlightDiagnostic diag = report.error(op.place);
      diag << "an index is an integer: '/' does not say how to round";
      diag.attachNote() << "write 'floordiv' or 'ceildiv'";
      return {};
    }
    if (!rhs.isSymbolicOrConstant()) {
      report.error(op.place) << "the divisor is a number or a parameter";
      return {};
    }
    auto constant = dyn_cast<AffineConstantExpr>(rhs);
    if (constant && constant.getValue() < 1) {
      report.error(op.place)
          << "the divisor is at least 1, found " << constant.getValue();
      return {};
    }
    return op.text == "mod"        ? lhs % rhs
           : op.text == "floordiv" ? lhs.floorDiv(rhs)
                                   : lhs.ceilDiv(rhs);
  }

  Report &report;
  llvm::function_ref<AffineExpr(const Name &)> resolve;
  llvm::function_ref<AffineExpr(const Expr &)> gather;
};
} // namespace

AffineExpr einsum::frontend::lowerAffine(
    const Expr &expr, Report &report,
    llvm::function_ref<AffineExpr(const Name &)> resolve,
    llvm::function_ref<AffineExpr(const Expr &)> gather) {
  bool isWhole = true;
  walk(expr, [&](const Expr &part) {
    if (part.kind == Expr::Kind::number)
      isWhole &= StringRef(part.text).find_first_not_of("-0123456789") ==
                 StringRef::npos;
  });
  if (isWhole && magnitude(expr) > kLargestNumber) {
    report.error(expr.place) << "the numbers in this index are beyond 2^62";
    return {};
  }
  return AffineLowering(report, resolve, gather).lower(expr);
}
