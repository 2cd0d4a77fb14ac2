//===- CheckAccess.cpp - Whether an access fits its tensor ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/CheckAccess.h"

#include "dialects/Einsum/Gathers.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

bool einsum::frontend::stepsBack(ArrayRef<AffineExpr> indices,
                                 NamedTensorType type,
                                 ArrayRef<StringRef> dims) {
  for (auto [index, rank] : llvm::zip(indices, type.getRanks())) {
    auto sum = dyn_cast<AffineBinaryOpExpr>(index);
    if (!sum || sum.getKind() != AffineExprKind::Add)
      continue;
    auto dim = dyn_cast<AffineDimExpr>(sum.getLHS());
    auto offset = dyn_cast<AffineConstantExpr>(sum.getRHS());
    if (dim && offset && offset.getValue() != 0 &&
        dims[dim.getPosition()] == rank.getValue())
      return true;
  }
  return false;
}

/// `K[b,h,m,e]`
static std::string describe(StringRef name, NamedTensorType type) {
  std::string text = name.str() + "[";
  for (auto [i, rank] : llvm::enumerate(type.getRanks()))
    text += (i ? "," : "") + rank.str();
  return text + "]";
}

bool AccessCheck::run(const Expr &access, const TensorInfo &tensor,
                      ArrayRef<AffineExpr> indices) {
  size_t numRanks = tensor.type.getRanks().size();
  if (indices.size() != numRanks) {
    InFlightDiagnostic diag = report.error(access.place);
    diag << "tensor '" << access.text << "' has " << numRanks
         << (numRanks == 1 ? " rank" : " ranks") << ", but is read with "
         << indices.size() << (indices.size() == 1 ? " index" : " indices");
    diag.attachNote(report.at(tensor.place))
        << "it is " << describe(access.text, tensor.type);
    return false;
  }
  for (size_t i = 0; i < numRanks; ++i) {
    if (!checkVariable(access, tensor, i))
      return false;
    bool isData = isGathered(indices[i], scope.getCascade().params.size());
    if (access.operands[i]->kind != Expr::Kind::name && !isData)
      checkRange(access, tensor, i, indices[i]);
  }
  return true;
}

/// A plain variable has the extent of the rank that it indexes.
bool AccessCheck::checkVariable(const Expr &access, const TensorInfo &tensor,
                                size_t position) {
  const Expr &index = *access.operands[position];
  StringRef rankName = tensor.type.getRanks()[position].getValue();
  if (index.kind != Expr::Kind::name || index.text == rankName)
    return true;
  const RankInfo *variable = scope.findRank(index.text),
                 *rank = scope.findRank(rankName);
  if (!variable || !rank || !variable->bound || !rank->bound ||
      *variable->bound == *rank->bound)
    return true;
  InFlightDiagnostic diag = report.error(index.place);
  diag << "index '" << index.text << "' runs to " << *variable->bound
       << ", but rank '" << rankName << "' of '" << access.text
       << "' has extent " << *rank->bound;
  diag.attachNote(report.at(tensor.place))
      << "it is " << describe(access.text, tensor.type);
  return false;
}

/// The coordinate along `rank` made of its parts; null if not all are iterated.
static AffineExpr flatten(Scope &scope, const RankInfo &rank,
                          ArrayRef<StringRef> dims, MLIRContext *context) {
  if (auto *dim = llvm::find(dims, rank.name); dim != dims.end())
    return getAffineDimExpr(dim - dims.begin(), context);
  AffineExpr result;
  for (StringRef part : rank.parts) {
    const RankInfo *info = scope.findRank(part);
    AffineExpr inner =
        info ? flatten(scope, *info, dims, context) : AffineExpr();
    if (!inner)
      return {};
    result = result ? result * info->extent + inner : inner;
  }
  return result;
}

void AccessCheck::checkRange(const Expr &access, const TensorInfo &tensor,
                             size_t position, AffineExpr index) {
  StringRef rankName = tensor.type.getRanks()[position].getValue();
  const RankInfo *rank = scope.findRank(rankName);
  std::optional<Range> range = rangeOf(index);
  if (isFiltered || !range || !rank || !rank->bound ||
      flatten(scope, *rank, dims, index.getContext()) == index)
    return; // the last tile of a split may be ragged
  bool leaves = range->high >= *rank->bound || range->low < 0;
  if (!leaves || tensor.hasInit)
    return; // elements before the first are the initial value
  int64_t reached = range->low < 0 ? range->low : range->high;
  InFlightDiagnostic diag = report.warning(access.operands[position]->place);
  diag << "this index reaches " << reached << ", but rank '" << rankName
       << "' of '" << access.text << "' has extent " << *rank->bound;
  diag.attachNote() << "keep it inside with a filter, as in 'where 0 <= i'";
}

static std::optional<Range> multiply(Range a, Range b) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t x : {a.low, a.high})
    for (int64_t y : {b.low, b.high}) {
      int64_t product = 0;
      if (llvm::MulOverflow(x, y, product))
        return std::nullopt;
      low = std::min(low, product);
      high = std::max(high, product);
    }
  return Range{low, high};
}

std::optional<Range> AccessCheck::rangeOf(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    const RankInfo *rank = scope.findRank(dims[dim.getPosition()]);
    return rank && rank->bound ? std::optional(Range{0, *rank->bound - 1})
                               : std::nullopt;
  }
  if (expr.isSymbolicOrConstant()) {
    std::optional<int64_t> value = scope.evaluate(expr);
    return value ? std::optional(Range{*value, *value}) : std::nullopt;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<Range> lhs = rangeOf(binary.getLHS()),
                       rhs = rangeOf(binary.getRHS());
  if (!lhs || !rhs)
    return std::nullopt;
  Range sum;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    if (llvm::AddOverflow(lhs->low, rhs->low, sum.low) ||
        llvm::AddOverflow(lhs->high, rhs->high, sum.high))
      return std::nullopt;
    return sum;
  case AffineExprKind::Mul:
    return multiply(*lhs, *rhs);
  default:
    break;
  }
  if (rhs->low < 1)
    return std::nullopt;
  int64_t by = rhs->low;
  if (expr.getKind() == AffineExprKind::Mod)
    return Range{0, by - 1};
  if (expr.getKind() == AffineExprKind::FloorDiv)
    return Range{llvm::divideFloorSigned(lhs->low, by),
                 llvm::divideFloorSigned(lhs->high, by)};
  return Range{llvm::divideCeilSigned(lhs->low, by),
               llvm::divideCeilSigned(lhs->high, by)};
}
