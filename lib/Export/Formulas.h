//===- Formulas.h - What is known of a cascade without values ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The analysis of a cascade some of whose extents are not bound: counts as
// formulas, rank passes as numbers. No bytes against a capacity, no schedule.
// The JSON is a document of its own, `einsum-formulas/1`, because a program
// that reads numbers must not find text in their place.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_FORMULAS_H
#define LIB_EXPORT_FORMULAS_H

#include "lib/Analysis/CountFormulas.h"
#include "lib/Analysis/RankPasses.h"

namespace einsum::exporting {

struct FormulaResult {
  std::string workload, cascade;
  CountFormulas counts;
  RankPasses passes;
  std::vector<std::pair<std::string, int64_t>> binding; ///< what is bound
};

void printFormulas(const FormulaResult &result, llvm::raw_ostream &os);
void writeFormulasJson(const FormulaResult &result, llvm::raw_ostream &os);

/// The table of rank passes, as in the summary of a bound cascade.
void printPassTable(const RankPasses &passes, llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_FORMULAS_H
