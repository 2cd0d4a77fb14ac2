//===- CascadeText.h - A cascade being written ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What importers of workloads collect: ranks with extents, tensors with their
// ranks, Einsums as text. A tensor is an input if no Einsum makes it, an output
// if none reads it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ARCH_IMPORT_CASCADETEXT_H
#define LIB_ARCH_IMPORT_CASCADETEXT_H

#include "lib/Support/Diagnostics.h"

#include <map>

namespace einsum::arch {

/// sum of coefficient * variable + constant; variables in lower case.
struct AffineText {
  std::vector<std::pair<std::string, int64_t>> terms;
  int64_t constant = 0;

  bool isVariable() const {
    return constant == 0 && terms.size() == 1 && terms[0].second == 1;
  }
  std::string print() const;
};

struct AccessText {
  std::string tensor;
  /// The tensor's own rank for each coordinate; empty: to be found.
  std::vector<std::string> ranks;
  std::vector<AffineText> coordinates;

  std::string print() const;
};

struct EinsumText {
  AccessText result;
  std::vector<AccessText> reads;
  /// The right side, `$0` and so on standing for the reads.
  std::string expression;
  SourceLocation loc;
};

struct CascadeText {
  std::string name, datatype = "f16";
  std::map<std::string, int64_t> extents; ///< of rank variables
  std::vector<EinsumText> einsums;

  /// The .ein text; nullopt, with errors, if an extent is missing or tensors do
  /// not fit one another.
  std::optional<std::string> print(Diagnostics &diags);
};

/// Letters, digits and `_`, a letter first; what else there is becomes `_`.
std::string makeIdentifier(llvm::StringRef name);

} // namespace einsum::arch

#endif // LIB_ARCH_IMPORT_CASCADETEXT_H
