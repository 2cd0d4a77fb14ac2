//===- JoinRules.h - Which neighbours may share what ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The legality of dialects/Schedule/LEGALITY.md, asked one Einsum at a time:
//
//   S[p] = X[p,m]   A[p,m] = X[p,m] / S[p]      p { S ; A }      yes
//                                               p { m { S ; A }} no: S reduces
//                                               m, its rank pass has not ended
//
// The rules are never more lenient than the verifier's, which has the last
// word.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_JOINRULES_H
#define LIB_MAPPER_JOIN_JOINRULES_H

#include "lib/Mapper/Join/JoinState.h"
#include "lib/Mapper/Join/PointOrder.h"
#include "lib/Mapper/Join/Recurrences.h"

namespace einsum::mapper {

class JoinRules {
public:
  explicit JoinRules(const CascadeFacts &facts);

  bool touches(int einsum, int tensor) const;
  const std::vector<int> &touchers(int tensor) const {
    return facts.tensors[tensor].touchers;
  }
  /// Which way the Einsum has to walk the rank, as part of a recurrence: 1 up,
  /// -1 down, 0 either.
  int directionOf(int einsum, int rank) const;
  /// Whether somebody still to come, but for the Einsum, goes down the rank.
  bool mayTurn(const JoinState &state, int einsum, int rank) const;
  /// Lets open loops go the way that the Einsum needs; false if they cannot.
  bool turnLoops(JoinState &state, int einsum) const;
  /// Whether the Einsum lacks the rank of an open window loop.
  bool followsLoop(const JoinState &state, int einsum, int loop) const {
    return state.loops[loop].halo != Halo::none &&
           !facts.einsums[einsum].iterates(state.loops[loop].rank);
  }
  /// Whether `einsum` reads what `producer` produces.
  bool reads(int einsum, int producer) const;
  /// Einsums that depend on one another have the same number.
  int recurrence(int einsum) const { return recurrences.of(einsum); }
  bool isRecurrence(int einsum) const {
    return recurrences.countMembers(recurrence(einsum)) > 1;
  }
  /// The tensor is carried from step to step by several Einsums.
  bool goesRound(int tensor) const { return recurrences.goesRound(tensor); }
  /// Members of recurrences together, else as written.
  std::vector<int> listTogether() const { return recurrences.listTogether(); }
  /// A running value of a recurrence of several Einsums, carried by them or by
  /// its producer alone.
  bool mayGoRound(int tensor) const {
    const TensorFact &fact = facts.tensors[tensor];
    return fact.iterativeRank >= 0 && isRecurrence(fact.producer) &&
           facts.ranks[fact.iterativeRank].extent > 1;
  }
  const AccessFact &write(int tensor) const;

  /// Tensors that the Einsum is the first to touch, of those that it shares.
  std::vector<int> firstTouched(const JoinState &state, int einsum) const;
  std::vector<Role> roles(const JoinState &state, int einsum, int depth) const;
  bool mayRead(const JoinState &state, int einsum,
               const std::vector<Role> &roles) const;
  /// Some reads were refused of which it is not known that they are too early.
  bool wasUnsure() const { return unsure; }
  /// Whether a new loop may enclose the homes that `einsum` has just opened.
  bool mayOpen(const JoinState &state, int einsum, int rank, int depth) const;
  /// Whether a fused tensor may live where it is said to.
  bool mayLive(const JoinState &state, const Pending &home, int einsum,
               int keep) const;
  /// Whether a holder for several Einsums may be for this one: it has all ranks
  /// of the loops above, and reads, or writes, at the same coordinates along
  /// them as the others.
  bool mayUse(const JoinState &state, const Pending &holder, int einsum,
              int loops) const;
  /// Whether somebody still to come may be a user as well, below the loops that
  /// are open to its depth: no pass over their ranks has to end before.
  bool mayHaveMoreUsers(const JoinState &state, const Pending &holder) const;
  /// Whether no other Einsum until now stands below the loops to `depth` and
  /// touches the tensor.
  bool isFirstBelow(const JoinState &state, int tensor, int depth) const;
  /// Whether each reader needs every element.
  bool isReadWhole(int tensor) const;
  /// Whether somebody is still to come that touches the tensor.
  bool hasLaterToucher(const JoinState &state, int tensor, int einsum) const;
  /// Holders that have served their last Einsum are no more.
  void endHolders(JoinState &state) const;
  /// Whether nobody else below the loop at `depth` touches the tensor.
  bool mayHoldAbove(const JoinState &state, int tensor, int depth,
                    int keep) const;

  void recordTouches(JoinState &state, int einsum,
                     const std::vector<Role> &roles,
                     const std::vector<SharedHold> &holds,
                     const EinsumOnArray &nest) const;
  bool hasLaterReader(const JoinState &state, int einsum) const;
  /// Forgets tensors that nobody needs any more; `einsum` is done.
  void dropDead(JoinState &state, int einsum) const;
  /// Whether loops of a running value may end before all that touch it are
  /// done: it has gone round, and is kept as a whole for those that are left.
  bool mayEndEarly(int tensor) const;
  /// Nobody but `einsum` is left to touch the tensor.
  bool isLastTouch(const JoinState &state, int tensor, int einsum) const;
  /// After `einsum`: all ways in which loops end early, and that in which none
  /// does. They do end: nothing else that is needed is in the way.
  std::vector<JoinState> releases(const JoinState &state, int einsum) const;
  /// Forgets what was about loops that are closed.
  void truncate(JoinState &state, int depth) const;

  /// Whether every Einsum that touches the tensor walks the rank, and its
  /// elements of one step are those of that step.
  bool sharesRank(int tensor, int rank) const;

  /// Loops that Einsums share keep to the orders of all levels.
  static bool mayStandInside(const EinsumOnArray &nest, int outer, int inner);

private:
  bool isPlain(int einsum, const AccessFact &access) const;
  bool mayStayInside(int tensor, int rank) const;
  bool staysInside(int tensor, const SharedLoop &loop) const;
  std::optional<bool> askPoints(const OrderedEinsum &producer,
                                const OrderedEinsum &reader,
                                llvm::ArrayRef<SharedLoop> loops,
                                int homeDepth) const;
  bool isClear(const JoinState &state, const Pending &one,
               const AccessFact &access, const std::vector<Role> &roles) const;
  bool isInTime(const JoinState &state, const Pending &one, int einsum,
                const AccessFact &access, const std::vector<Role> &roles) const;
  bool isRoundBy(const JoinState &state, int tensor, int einsum) const;

  const CascadeFacts &facts;
  Recurrences recurrences;
  std::vector<int> descending; ///< Einsums of recurrences that go down
  std::vector<int> filtered;   ///< Einsums
  /// What points say of reads that are refused by their accesses.
  mutable std::map<std::vector<int64_t>, std::optional<bool>> inTime;
  mutable bool unsure = false;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_JOINRULES_H
