//===- RelaxedSearch.h - Why nothing fits, asked of the search --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Infeasibility.h explains what follows from each Einsum alone. Where an empty
// space has other reasons (tiles that would have to divide one another, what is
// on chip at the same time), the search itself is asked: premises are left out
// one after the other for as long as there still is no mapping, and those that
// remain are needed, every one of them.
//
// It also has the exact answer to "how much would do": the least capacity of a
// level among all mappings that fit otherwise.
//
// Each question is a search of its own with a time limit. One that ends without
// an answer counts as "there may be a mapping", so that too many premises may
// be named, but none that is not one.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_RELAXEDSEARCH_H
#define LIB_MAPPER_RELAXEDSEARCH_H

#include "lib/Mapper/Mapper.h"

namespace einsum::mapper {

/// Asks `mapCascade` with `options`, whatever their objective.
class RelaxedSearch {
public:
  RelaxedSearch(CascadeOp cascade, const CascadeFacts &facts,
                const arch::ArchSpec &arch, MapOptions options)
      : cascade(cascade), facts(facts), arch(arch),
        options(std::move(options)) {}

  /// Premises of an empty space, all of them needed; empty if not even leaving
  /// all of them out helps.
  std::vector<Conflict> explain();

  /// The least bytes of one instance of a level with which there is a mapping,
  /// everything else as it is; nullopt if no number of bytes is enough, or time
  /// is short.
  std::optional<uint64_t> findLeastCapacity(int level);

private:
  bool isEmpty(const arch::ArchSpec &relaxed, const SpaceLimits &limits);

  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  MapOptions options;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_RELAXEDSEARCH_H
