//===- PassMarks.h - Which rank pass a leaf makes ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rank with two passes or more is traversed again by Einsums that need what
// an earlier traversal completed. Of two Einsums in different passes a loop
// over the rank can hold only one, so that a drawn tree falls into pieces
// there:
//
//   temporal m ... GM          pass 1 of 2 over m
//   --- pass 1 over m ends ---
//   temporal m ... SN          pass 2 of 2 over m
//
// Built from the fibers (lib/Analysis/RankPasses.h): K[m] is read by QK in pass
// 1, so QK[m] is there from pass 1 on; its readers GM and SN are the first and
// the second to traverse it, and so on. An Einsum that has nothing to do with
// fibers of that many passes has no mark.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_PASSMARKS_H
#define LIB_EXPORT_PASSMARKS_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Analysis/RankPasses.h"

#include <optional>

namespace einsum::exporting {

class PassMarks {
public:
  PassMarks(const CascadeFacts &facts, const RankPasses &passes);

  /// A rank, or the split rank that it is a part of, with several passes.
  struct Rank {
    std::string name;
    uint64_t passes = 0;
    std::map<int, uint64_t> passOf; ///< by Einsum
  };
  /// Null where there is one pass only.
  const Rank *find(int rank) const;
  /// All of them.
  const std::vector<Rank> &all() const { return ranks; }

private:
  const CascadeFacts &facts;
  std::vector<Rank> ranks;
};

} // namespace einsum::exporting

#endif // LIB_EXPORT_PASSMARKS_H
