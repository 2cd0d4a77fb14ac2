//===- PrintAffine.cpp - Indices and filters as text ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Print.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

static bool hasWordOperator(AffineExpr expr) {
  bool found = false;
  expr.walk([&](AffineExpr part) {
    found |= part.getKind() == AffineExprKind::Mod ||
             part.getKind() == AffineExprKind::FloorDiv ||
             part.getKind() == AffineExprKind::CeilDiv;
  });
  return found;
}

std::string einsum::frontend::printIndex(AffineExpr expr, ArrayRef<StringAttr> dims,
                                         ArrayRef<StringAttr> symbols) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedExpr(os, expr, dims, symbols);
  if (!hasWordOperator(expr))
    llvm::erase(text, ' ');
  return text;
}

std::string einsum::frontend::printFilter(IntegerSet filter, ArrayRef<StringAttr> dims,
                                          ArrayRef<StringAttr> symbols) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(llvm::seq<unsigned>(0, filter.getNumConstraints()), os,
                        [&](unsigned i) {
                          printNamedConstraint(os, filter.getConstraint(i),
                                               filter.isEq(i), dims, symbols);
                        });
  return text;
}

StringRef einsum::frontend::tensorName(Value tensor) {
  Operation *definition = tensor.getDefiningOp();
  if (auto input = dyn_cast_or_null<InputOp>(definition))
    return input.getTensor();
  if (auto einsum = dyn_cast_or_null<EinsumInterface>(definition))
    return einsum.getTensorNames()[cast<OpResult>(tensor).getResultNumber()];
  return {};
}

std::string einsum::frontend::printAccess(const Access &access, EinsumInterface einsum) {
  std::string text = tensorName(access.tensor).str() + "[";
  for (auto [i, index] : llvm::enumerate(access.map.getResults()))
    text += (i ? "," : "") + printIndex(index, einsum.getIterationRanks(),
                                        einsum.getSymbolNames());
  return text + "]";
}
