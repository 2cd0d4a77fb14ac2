//===- Workload.h - What both formats lack of a cascade ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Both count points and elements and know no operators.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_FOREIGN_WORKLOAD_H
#define LIB_EXPORT_FOREIGN_WORKLOAD_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include "dialects/Schedule/Schedule.h"

namespace einsum::exporting {

/// Sentences, in order, each once.
class Losses {
public:
  void add(const llvm::Twine &sentence);
  std::vector<std::string> take() { return std::move(sentences); }
  /// As comments of a YAML file.
  std::string comments() const;

private:
  std::vector<std::string> sentences;
};

/// What is lost of an Einsum besides its mapping.
void listLosses(const CascadeFacts &facts, const EinsumFact &einsum,
                Losses &losses);
/// What is lost of a node of the tree.
void listLosses(mlir::Operation *node, int id, Losses &losses);
/// What is lost of a machine.
void listLosses(const arch::ArchSpec &arch, Losses &losses);

/// "M" of rank m: both want ranks in upper case.
std::string upperRank(const RankFact &rank);
/// As many digits as read back the same.
std::string exactNumber(double value);
/// Levels from the backing one to the one that feeds an array, as indices.
std::vector<int> listLevelsTo(const arch::ArchSpec &arch, int array);

} // namespace einsum::exporting

#endif // LIB_EXPORT_FOREIGN_WORKLOAD_H
