//===- PlacementChoices.h - All ways to place one more Einsum ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// README.md's space, one choice after the other; each function makes its choice
// in every way and calls the next:
//
//   array    placeOn          loops     openLoops
//   sharing  chooseEnds       split     chooseSplit: sequence or pipeline
//   homes    chooseHomes      holders   chooseHolds, of its own between shared
//   holders  chooseHolders              loops; then nests (PlanExtender.h)
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_PLACEMENTCHOICES_H
#define LIB_MAPPER_JOIN_PLACEMENTCHOICES_H

#include "lib/Mapper/Join/PlanExtender.h"

namespace einsum::mapper {

class PlacementChoices : private JoinProblem {
public:
  PlacementChoices(const StateFacts &states, const PlanBounds &bounds,
                   JoinProgress &progress, PlanExtender &extender)
      : JoinProblem(states), states(states), bounds(bounds), progress(progress),
        extender(extender) {}

  void place(const JoinBucket &bucket, int einsum, JoinLayer &next);

private:
  // In the order in which a placement takes shape.
  void placeOn(const JoinBucket &bucket, int einsum, size_t choice,
               JoinLayer &next);
  void chooseEnds(Placement &p, size_t at, JoinLayer &next);
  void chooseHomes(Placement &p, size_t write, JoinLayer &next);
  std::vector<int> backedSteps(const Placement &p, int tensor) const;
  void chooseHolders(Placement &p, size_t at, JoinLayer &next);
  template <typename Fn>
  void forEachHolder(const Placement &p, int tensor, Fn fn) const;
  unsigned countPlainLoops(const JoinState &state) const;
  void openLoops(Placement &p, int need, JoinLayer &next);
  void openEitherWay(Placement &p, int need, int rank, int64_t tile,
                     JoinLayer &next);
  void openLoop(Placement &p, int need, const SharedLoop &loop,
                JoinLayer &next);
  void openWindowLoops(Placement &p, int need, JoinLayer &next);
  void finishLoops(Placement &p, JoinLayer &next);
  bool followLoops(Placement &p);
  void chooseSplit(Placement &p, bool isNewRun, JoinLayer &next);
  bool enterPipeline(Placement &p);
  void addWaiting(const Placement &p, Pending &one) const;
  void chooseHolds(Placement &p, int depth, size_t operand, JoinLayer &next);

  bool isHopeless(const Placement &p) const;
  bool isMadeApart(int einsum, int tensor) const;
  bool mayHaveHolder(const Placement &p, int tensor) const;
  bool mayKeep(const Placement &p, int level, KeptTensor tensor) const;
  bool mayHoldHome(const Placement &p, const Pending &home) const;
  void addFills(Placement &p) const;

  const StateFacts &states;
  const PlanBounds &bounds;
  JoinProgress &progress;
  PlanExtender &extender;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_PLACEMENTCHOICES_H
