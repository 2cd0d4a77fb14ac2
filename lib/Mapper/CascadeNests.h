//===- CascadeNests.h - The nests of all Einsums on all arrays --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each Einsum is described once per array that has its operators, with all of
// its tiles and ways to deal ranks, or with fewer where these are too many; in
// a quick search with fewer still. Einsums that look the same share one search:
//
//   Q = X WQ   K = X WK   V = X WV   on two arrays      2 searches, 3 choices
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CASCADENESTS_H
#define LIB_MAPPER_CASCADENESTS_H

#include "lib/Mapper/Efforts.h"
#include "lib/Mapper/Join/CascadeJoin.h"

namespace einsum::mapper {

class CascadeNests {
public:
  CascadeNests(const CascadeFacts &facts, const arch::ArchSpec &arch,
               const MapOptions &options, const Axes &axes)
      : facts(facts), arch(arch), options(options), axes(axes) {}

  /// What can be searched, as finely as can be. False if some Einsum has no
  /// array, or is not covered (`unsupported`).
  bool describe();
  /// With other limits (`NestLimits`); forgets the searches if they differ.
  void describeFor(const Effort &effort);
  void makeSearches();
  /// The least that each Einsum costs by itself, without a look at its nests.
  void boundNests();
  /// The same, with one.
  void explore(const std::function<bool()> &shouldStop);
  /// Nests that follow demand are searched anew, with bounds per Einsum.
  void restartFollowers(std::vector<NestBounds> bounds) {
    for (NestBounds &one : bounds)
      one.mostBytes = std::min(one.mostBytes, kMostBytes / 8);
    followers->restart(described, std::move(bounds));
  }
  /// Finds the nests that most of a join asks for, side by side.
  void completeAll(bool belowCarried);

  double sizeOfSpace() const;
  SearchCounts countAll() const;
  bool areFull() const;

  std::vector<EinsumConstraints> constraints;
  std::vector<EinsumChoices> choices;
  std::vector<std::unique_ptr<NestSearch>> searches;
  std::unique_ptr<FollowerNests> followers; ///< once described
  std::string unsupported;
  NestLimits finest; ///< that can be
  /// Then the first mapping that no other can beat ends the search; else that
  /// of least energy among equally fast ones does.
  bool areMany = false;
  /// Of memory for nests that were found; then the search ends.
  static constexpr size_t kMostBytes = 800000000;

private:
  double countStates(const EinsumOnArray &nest);
  bool describeNests(const NestLimits &limits, bool stopsEarly = false);
  void inParallel(size_t count, llvm::function_ref<void(size_t)> fn) const;
  void noteFetches(EinsumChoices &choice) const;
  std::vector<Holdings> listStarts(const EinsumOnArray &nest,
                                   NestSearch &search) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const MapOptions &options;
  const Axes &axes;
  std::map<std::string, NestSearch *> bySignature;
  std::map<std::string, double> statesBySignature; ///< where they were counted
  bool noArray = false;
  bool isExplored = false; ///< `searches`
  SearchCounts counted;    ///< of searches that others took the place of
  double leastSpace = 0;   ///< log10 of nests, before they were walked
  NestLimits described;    ///< those of `choices` and `searches`
  /// Per Einsum and array, as searches run side by side.
  std::vector<std::shared_ptr<CutTiles>> cuts;
  /// The most states of any nest, as described last, times the ways to hold its
  /// operands.
  double placed = 0;
  /// Tile vectors times ways to deal ranks, beyond which tiles are left out.
  static constexpr double kMostStates = 2e5;
  /// Beyond so many, sketches come first.
  static constexpr double kManyStates = 2e4;
  /// States of a nest, beyond which they are not walked before the search.
  static constexpr size_t kMostExplored = 6000000;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_CASCADENESTS_H
