//===- NameIndex.h - Facts by their names -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// CascadeFacts::findTensor and its like look through all names, which is short
// for one name and long for all of a cascade with thousands. Who looks up many
// makes an index first.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_NAMEINDEX_H
#define LIB_ANALYSIS_NAMEINDEX_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

namespace einsum {

class NameIndex {
public:
  /// Of equal names the first counts.
  template <typename Fact> explicit NameIndex(const std::vector<Fact> &facts) {
    for (auto [id, fact] : llvm::enumerate(facts))
      numbers.try_emplace(fact.name, static_cast<int>(id));
  }

  /// -1 if there is none.
  int find(llvm::StringRef name) const {
    auto found = numbers.find(name);
    return found == numbers.end() ? -1 : found->second;
  }

private:
  llvm::StringMap<int> numbers;
};

} // namespace einsum

#endif // LIB_ANALYSIS_NAMEINDEX_H
