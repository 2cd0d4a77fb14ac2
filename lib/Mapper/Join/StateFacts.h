//===- StateFacts.h - What follows from a state of a join -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a state (JoinState.h) says without being asked: who may be placed next,
// how often a loop steps, how much a tensor takes where it lives.
//
//   loops p:256 m:64, A lives at the buffer below p      p 1024, m 512
//
//   steps(2)        4 * 8
//   homeBytes(A)    256 * 512 words: m is further in
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_STATEFACTS_H
#define LIB_MAPPER_JOIN_STATEFACTS_H

#include "lib/Mapper/Join/CascadeJoin.h"
#include "lib/Mapper/Join/JoinRules.h"

namespace einsum::mapper {

/// What each part of a join looks at.
struct JoinProblem {
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const Axes &axes;
  std::vector<EinsumChoices> &choices;
  const std::vector<EinsumConstraints> &constraints;
  const JoinLimits &limits;
  const JoinRules &rules;
  FollowerNests &followers;
};

/// Tile vectors of an Einsum below none of the loops, one, ... so many.
llvm::SmallVector<uint32_t, 8> tilesBelow(const JoinState &state,
                                          const EinsumOnArray &nest,
                                          const NestSearch &search, int depth);
inline uint32_t tileBelow(const JoinState &state, const EinsumOnArray &nest,
                          const NestSearch &search, int depth) {
  return tilesBelow(state, nest, search, depth).back();
}

class StateFacts : public JoinProblem {
public:
  explicit StateFacts(const JoinProblem &problem);

  JoinLayout layoutOf(const JoinState &state) const {
    JoinLayout own = layout;
    own.depth = state.loops.size();
    own.pipelined = state.pipelined;
    own.patterns = state.patterns.size();
    return own;
  }
  std::vector<int> listReady(const JoinState &state) const;
  Pending *findPending(JoinState &state, int tensor) const;
  double steps(const JoinState &state, int depth, uint32_t guarded = 0) const;
  bool isEven(const JoinState &state) const;
  bool movesWithOthers(const JoinState &state, int einsum) const;

  uint64_t homeBytes(const JoinState &state, const Pending &home) const;
  Costs fillsOf(const JoinState &state, const Pending &holder,
                llvm::ArrayRef<int> users) const;
  double liveBytes(const JoinState &state, int depth, int level) const;
  bool fits(double bytes, int axis) const;
  /// Whether the backing level is too small for all tensors at once.
  bool isRoomShort() const { return roomIsShort; }
  /// What the backing level holds, at least, while a child of the root runs of
  /// which the Einsum is the first; else, what the Einsum adds to it.
  double backedBytes(const JoinState &state, int einsum, bool isFirst) const;

  /// Words of a tensor that follows demand, at its home below so many loops.
  uint64_t askedWords(const JoinState &state, int tensor, int depth,
                      const Following &following) const;
  bool isOnPath(int tensor, int level) const;
  bool mayLiveAt(int tensor, int level) const;
  bool mustLiveAtBacking(int tensor) const;

  /// Whether all Einsums that iterate over the rank have the tile, on all
  /// arrays: those of sketches differ. Shared loops have such tiles.
  bool isTileOfAll(int rank, int64_t tile) const {
    return llvm::is_contained(tilesOfAll[rank], tile);
  }

  bool isCut = false; ///< tiles of some Einsum are: iterations differ

private:
  void listTilesOfAll();
  void listWaits();
  void listBacked();
  void listAroundAll();
  bool isReady(const JoinState &state, int einsum) const;
  bool mayBeCarried(const JoinState &state, int einsum, int tensor) const;
  uint64_t holderBytes(const JoinState &state, const Pending &holder) const;
  uint64_t cutWords(const JoinState &state, const Pending &home) const;
  uint64_t boxWords(const JoinState &state, const Pending &home) const;
  int64_t stepsAt(const JoinState &state, const Pending &home,
                  int64_t whole) const;

  JoinLayout layout;
  std::vector<std::vector<int64_t>> tilesOfAll; ///< per rank
  /// Per tensor: bytes at the backing level; none if that is not watched. Of a
  /// running value, all of it, and one step.
  struct Backed {
    double whole = 0, step = 0;
  };
  std::vector<Backed> backed;
  bool roomIsShort = false;
  std::vector<int> aroundAll; ///< tensors of which all may have one holder
  std::vector<llvm::SmallVector<int, 4>> waitsFor; ///< by Einsum
  std::map<int, int> lastMember; ///< of a recurrence, plus one: `listWaits`
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_STATEFACTS_H
