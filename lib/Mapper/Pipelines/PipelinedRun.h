//===- PipelinedRun.h - A whole cascade as one pipeline ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A first mapping for machines with several arrays, found in the small part of
// the space where fast ones often are: all Einsums share the same loops, below
// which each is a stage of one pipeline,
//
//   b 1 / h 1 / p 512 / buffer [RM, RD, RNV] / m1 1 / buffer [others] /
//   pipeline
//
// Ranks of all tensors are stepped one by one outermost; then come up to two
// more loops over ranks whose rank passes have not ended (JoinRules.h). A fused
// tensor lives as far in as its Einsums share loops, at the outermost level
// that it may. For each such frame PipelineGroup.h chooses nests, arrays, order
// and lags of the stages; the best frame wins.
//
// What is found is a mapping of README.md's space, no proof: the bound is
// LoadBound.h's.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_PIPELINES_PIPELINEDRUN_H
#define LIB_MAPPER_PIPELINES_PIPELINEDRUN_H

#include "lib/Mapper/Join/CascadeJoin.h"
#include "lib/Mapper/Join/JoinRules.h"
#include "lib/Mapper/PipelineGroup.h"

namespace einsum::mapper {

class PipelinedRun {
public:
  PipelinedRun(const CascadeFacts &facts, const arch::ArchSpec &arch,
               const Axes &axes,
               const std::vector<EinsumConstraints> &constraints,
               const SpaceLimits &limits, std::function<bool()> shouldStop);

  /// The last step of the best plan, valid as long as this; null if there is
  /// none. One that takes at most `closeEnough` cycles ends the search.
  std::shared_ptr<const PlanStep> find(PipelineGoal goal, double closeEnough);

  size_t getFrames() const { return frames.size(); }
  double getCycles() const { return bestCycles; }
  double getEnergyPj() const { return bestEnergy; }

private:
  /// Shared loops, and what follows from them.
  struct Frame {
    std::vector<SharedLoop> loops;
    std::vector<std::vector<Role>> roles; ///< per place in `order`, per loop
    std::vector<Pending> homes;           ///< of fused tensors
    JoinState state;                      ///< after the last Einsum
  };
  /// A way to run one Einsum in a frame.
  struct Option {
    NestSearch *search = nullptr;
    std::vector<SharedHold> holds;
    const NestEntry *nest = nullptr;
  };

  bool describe(const SpaceLimits &limits);
  void startSearches();
  bool goesOneWay(int rank) const;
  bool isWalked(int rank) const;
  void extendFrame(std::vector<SharedLoop> &loops, size_t free);
  void addLoop(std::vector<SharedLoop> &loops, size_t free);
  double sizeOf(const Frame &frame) const;
  double boundOf(const Frame &frame) const;
  static int64_t tileOf(const Frame &frame, const LocalRank &rank);
  bool makeFrame(const std::vector<SharedLoop> &loops, Frame &frame,
                 bool &fits) const;
  std::optional<Pending> findHome(const std::vector<SharedLoop> &loops,
                                  int tensor) const;
  bool mayBack(int tensor) const;
  static bool mayHoldTile(const Frame &frame, const EinsumOnArray &nest,
                          const Operand &operand, const Pending &home);
  bool mayLiveAt(int tensor, int level) const;
  void schedule(const Frame &frame);

  void listOptions(const Frame &frame, size_t place, uint64_t runs,
                   std::vector<Option> &options,
                   std::vector<StageChoice> &stage);
  StageChoice makeChoice(const EinsumOnArray &nest, const NestEntry &entry,
                         const Costs &above, uint64_t runs) const;
  void chooseHolds(const Frame &frame, NestSearch &search, size_t operand,
                   Holdings &holdings, std::vector<SharedHold> &holds,
                   Costs &above,
                   llvm::function_ref<void(const NestEntry &)> visit);
  uint32_t tileAt(const Frame &frame, const NestSearch &search,
                  size_t depth) const;
  LatchTiles latchTiles(const Frame &frame, const NestSearch &search,
                        llvm::ArrayRef<SharedHold> holds) const;
  Iterations makeIterations(const Frame &frame, size_t depth,
                            StageSet active) const;
  void addDependences(const Frame &frame, PipelineGroup &group) const;
  bool addHomes(const Frame &frame, PipelineGroup &group) const;
  uint64_t stepsOf(const Frame &frame, size_t loop) const;
  std::optional<int64_t> stepsOf(int tensor, int64_t tile) const;
  uint64_t bytesAt(const std::vector<SharedLoop> &loops,
                   const Pending &home) const;
  void keep(const Frame &frame, const PipelinePlan &plan,
            const std::vector<std::vector<Option>> &options);

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Axes axes;
  const std::vector<EinsumConstraints> &constraints;
  SpaceLimits limits;
  std::function<bool()> shouldStop;
  JoinRules rules;
  std::vector<EinsumChoices> choices;
  std::vector<std::unique_ptr<NestSearch>> searches;
  std::vector<int> order; ///< of Einsums
  std::vector<int> universal, others;
  PipelineGoal goal = PipelineGoal::latency;
  std::shared_ptr<const PlanStep> best;
  double bestCycles = 0, bestEnergy = 0, enough = 0;
  std::vector<Frame> frames;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_PIPELINES_PIPELINEDRUN_H
