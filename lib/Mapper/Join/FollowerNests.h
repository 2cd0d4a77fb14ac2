//===- FollowerNests.h - Nests of Einsums that follow demand ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an Einsum makes below window loops (WindowLoops.h) it makes in visits of
// the home of its result, each as large as is asked for. Its nests are those of
// an Einsum whose moving ranks are made of these visits, searched when a join
// first asks for them:
//
//   p tile 2    T[q] follows    q of 8 in visits 0..4 4..6 6..8
//
// Einsums that look the same, visits included, share a search.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_FOLLOWERNESTS_H
#define LIB_MAPPER_JOIN_FOLLOWERNESTS_H

#include "lib/Mapper/Join/WindowLoops.h"
#include "lib/Mapper/Nest/NestSearch.h"

namespace einsum::mapper {

class FollowerNests {
public:
  FollowerNests(const CascadeFacts &facts, const arch::ArchSpec &arch,
                const Axes &axes,
                const std::vector<EinsumConstraints> &constraints,
                const SpaceLimits &space);

  /// Whether there are window loops at all: some window walks over what is made
  /// here, and no constraint is about tiles or orders of loops.
  bool areThere() const { return isOn; }
  /// Such as may be around the Einsum.
  const std::vector<int> &ranksAround(int einsum) const {
    return windows.ranksAround(einsum);
  }
  const Following *follow(int einsum, llvm::ArrayRef<WindowLoop> loops) {
    return windows.follow(einsum, loops);
  }

  struct Nest {
    std::shared_ptr<EinsumOnArray> fact;
    NestSearch *search = nullptr;
  };
  const Nest &find(const EinsumOnArray &plain, const Following &following);

  /// Forgets all nests; those to come keep to these limits.
  void restart(const NestLimits &limits, std::vector<NestBounds> bounds);
  SearchCounts countAll() const;
  size_t memory() const;

private:
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const Axes &axes;
  const std::vector<EinsumConstraints> &constraints;
  WindowLoops windows;
  bool isOn = false;
  NestLimits limits;
  std::vector<NestBounds> bounds; ///< per Einsum
  using Visits = std::vector<std::vector<std::pair<int64_t, int64_t>>>;
  std::map<std::tuple<int, int, std::vector<int>, Visits>, Nest> known;
  std::map<std::string, Nest> bySignature;
  std::vector<std::unique_ptr<NestSearch>> searches;
  SearchCounts counted; ///< of those that are forgotten
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_FOLLOWERNESTS_H
