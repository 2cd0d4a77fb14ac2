//===- EmptyGroups.h - Inner reductions without points ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of nested reductions, max(m) of sum(n), every m that the filter admits is a
// group, even if it admits no n for it: the sum is the identity then, and
// counts in the maximum.
//
//   Z[p] = max(m) sum(n) X[m,n,p] where n < m     m = 0 has no n: Z[p] >= 0
//
// No run of a leaf meets such a group, so what groups without points add to the
// groups around them is worked out beforehand.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_EMPTYGROUPS_H
#define LIB_SIMULATOR_EMPTYGROUPS_H

#include "lib/Interpreter/EinsumKernel.h"
#include "lib/Interpreter/Presence.h"

#include <map>

namespace einsum::sim {

class EmptyGroups {
public:
  using Values = llvm::SmallVector<interp::Scalar, 1>; ///< one per result

  EmptyGroups() = default;
  EmptyGroups(interp::EinsumKernel &kernel, const interp::Presence &presence);

  /// What the empty groups directly in a group, given by the coordinates of the
  /// levels outside of it, come to; null if there is none.
  const Values *find(int64_t element, llvm::ArrayRef<int64_t> group) const;

private:
  class Search;
  std::map<std::pair<int64_t, std::vector<int64_t>>, Values> found;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_EMPTYGROUPS_H
