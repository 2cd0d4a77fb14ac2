//===- PrintAffine.cpp - Indices, extents and filters as text -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Print.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

/// `m1 * M0 + m0` -> `m1*M0+m0`; `M ceildiv M0 - 1` keeps its spaces, because
/// the words need them.
static std::string compact(StringRef text) {
  bool hasWords = text.contains(" mod ") || text.contains(" floordiv ") ||
                  text.contains(" ceildiv ");
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool isAroundProduct =
        text.substr(i).starts_with(" * ") || text.substr(0, i).ends_with(" *");
    if (text[i] != ' ' || (hasWords && !isAroundProduct))
      result += text[i];
  }
  return result;
}

std::string einsum::frontend::printExtent(AffineExpr expr, AffineNames names) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedExpr(os, expr, names.dims, names.symbols);
  return text;
}

std::string einsum::frontend::printIndex(AffineExpr expr, AffineNames names) {
  return compact(printExtent(expr, names));
}

std::string einsum::frontend::printFilter(AffineExpr expr, bool isEq,
                                          AffineNames names) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedConstraint(os, expr, isEq, names.dims, names.symbols);
  for (size_t at; (at = text.find(" * ")) != std::string::npos;)
    text.replace(at, 3, "*");
  return text;
}
