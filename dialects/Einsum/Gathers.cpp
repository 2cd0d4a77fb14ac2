//===- Gathers.cpp - Coordinates that are data ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

static unsigned countParams(EinsumInterface einsum) {
  return einsum.getSymbolNames().size();
}

bool einsum::isGathered(AffineExpr expr, unsigned numParams) {
  bool found = false;
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    found |= symbol && symbol.getPosition() >= numParams;
  });
  return found;
}

bool einsum::isGathered(EinsumInterface einsum, const Access &access) {
  unsigned numParams = countParams(einsum);
  return access.map.getNumSymbols() > numParams &&
         llvm::any_of(access.map.getResults(), [&](AffineExpr expr) {
           return isGathered(expr, numParams);
         });
}

std::optional<unsigned> einsum::getFirstGathered(EinsumInterface einsum,
                                                 AffineExpr expr) {
  unsigned numParams = countParams(einsum);
  for (auto [i, operand] : llvm::enumerate(einsum.getGatheredOperands()))
    if (expr.isFunctionOfSymbol(numParams + i))
      return operand;
  return std::nullopt;
}

bool einsum::isSumOfGathered(AffineExpr expr, unsigned numParams) {
  if (!isGathered(expr, numParams) || isa<AffineSymbolExpr>(expr))
    return true;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  if (binary.getKind() == AffineExprKind::Add)
    return isSumOfGathered(lhs, numParams) && isSumOfGathered(rhs, numParams);
  if (binary.getKind() != AffineExprKind::Mul)
    return false;
  if (isGathered(rhs, numParams))
    std::swap(lhs, rhs);
  return !isGathered(rhs, numParams) && rhs.isSymbolicOrConstant() &&
         isSumOfGathered(lhs, numParams);
}

SmallVector<unsigned> einsum::getOpaquePositions(EinsumInterface einsum,
                                                 const Access &access) {
  SmallVector<unsigned> positions;
  unsigned numParams = countParams(einsum);
  if (access.map.getNumSymbols() == numParams)
    return positions;
  for (auto [i, expr] : llvm::enumerate(access.map.getResults()))
    if (isGathered(expr, numParams))
      positions.push_back(i);
  return positions;
}

AffineMap einsum::getReach(EinsumInterface einsum, const Access &access,
                           unsigned firstDim) {
  SmallVector<AffineExpr> exprs(access.map.getResults());
  MLIRContext *context = einsum->getContext();
  unsigned next = firstDim;
  for (unsigned position : getOpaquePositions(einsum, access))
    exprs[position] = getAffineDimExpr(next++, context);
  return AffineMap::get(std::max(next, access.map.getNumDims()),
                        countParams(einsum), exprs, context);
}

AffineMap einsum::getChoice(EinsumInterface einsum, const Access &access) {
  MLIRContext *context = einsum->getContext();
  unsigned numParams = countParams(einsum);
  SmallVector<unsigned> gathered = einsum.getGatheredOperands();
  SmallVector<Access> accesses = einsum.getInputAccesses();
  SmallVector<AffineExpr> params, exprs, indices;
  for (unsigned i = 0; i < access.map.getNumSymbols(); ++i)
    params.push_back(i < numParams ? getAffineSymbolExpr(i, context)
                                   : getAffineConstantExpr(0, context));
  for (AffineExpr expr : access.map.getResults()) {
    exprs.push_back(expr.replaceSymbols(params));
    for (auto [i, operand] : llvm::enumerate(gathered))
      if (expr.isFunctionOfSymbol(numParams + i))
        for (AffineExpr index : accesses[operand].map.getResults())
          indices.push_back(index.replaceSymbols(params));
  }
  exprs.append(indices);
  return AffineMap::get(access.map.getNumDims(), numParams, exprs, context);
}

static std::string nameOf(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (auto input = dyn_cast_or_null<InputOp>(op))
    return input.getTensor().str();
  if (auto einsum = dyn_cast_or_null<EinsumInterface>(op))
    return einsum.getTensorNames()[cast<OpResult>(tensor).getResultNumber()]
        .str();
  return "?";
}

SmallVector<StringAttr> einsum::getAccessSymbols(EinsumInterface einsum) {
  SmallVector<StringAttr> names = einsum.getSymbolNames();
  SmallVector<StringAttr> params = names;
  SmallVector<StringAttr> dims = einsum.getIterationRanks();
  SmallVector<Access> accesses = einsum.getInputAccesses();
  for (unsigned operand : einsum.getGatheredOperands()) {
    std::string text = nameOf(accesses[operand].tensor) + "[";
    llvm::raw_string_ostream os(text);
    llvm::interleave(
        accesses[operand].map.getResults(), os,
        [&](AffineExpr expr) { printNamedExpr(os, expr, dims, params); }, ",");
    os << "]";
    names.push_back(StringAttr::get(einsum->getContext(), text));
  }
  return names;
}

EinsumInterface einsum::findGather(CascadeOp cascade) {
  for (auto einsum : cascade.getBodyBlock()->getOps<EinsumInterface>())
    if (!einsum.getGatheredOperands().empty())
      return einsum;
  return {};
}

std::string einsum::describeGather(EinsumInterface einsum) {
  SmallVector<StringAttr> names = getAccessSymbols(einsum),
                          dims = einsum.getIterationRanks();
  for (const Access &access : einsum.getInputAccesses())
    for (unsigned position : getOpaquePositions(einsum, access)) {
      std::string text = "'" + einsum.getTensorNames()[0].str() + "' reads '" +
                         nameOf(access.tensor) + "' at '";
      llvm::raw_string_ostream os(text);
      printNamedExpr(os, access.map.getResult(position), dims, names);
      os << "', which is data";
      return text;
    }
  return "";
}

LogicalResult einsum::refuseGathers(CascadeOp cascade, StringRef who) {
  EinsumInterface einsum = findGather(cascade);
  if (!einsum)
    return success();
  return einsum->emitError()
         << describeGather(einsum) << ": " << who << " affine accesses only";
}
