//===- LaggedWalk.h - Pipelines in the order of their slots -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// When control comes to a pipeline for the i-th time, the child with lag l
// works on what was its context at time i - l:
//
//   lags [0, 1]     slot 0   A(0)
//                   slot 1   A(1)  B(0)
//                   slot 2         B(1)      the region has ended: run dry
//
// Iterations are counted from the beginning of the pipeline's region (section 7
// of dialects/Schedule/README.md). One in which nothing happens takes no slot.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_LAGGEDWALK_H
#define LIB_SIMULATOR_LAGGEDWALK_H

#include "lib/Simulator/Plan.h"

#include <deque>
#include <memory>

namespace einsum::sim {

class LaggedWalk : public Walk {
public:
  LaggedWalk(const Points &points, const Program &program, const Plan &plan);

protected:
  /// A child of a pipeline will work, or has worked, on this context.
  virtual void postpone(int pipeline, int child, Context &context) {}
  virtual void finish(int pipeline, int child, Context &context) {}
  virtual void beginSlot(int pipeline) {}
  virtual void endSlot(int pipeline) {}
  /// The pipeline's region has ended, and it has run dry; something happened.
  virtual void endRegion(int pipeline) {}
  virtual void runStage(int pipeline, int child, Context &context);

  void enter(int node, Context &context) override;
  void visitNode(int node, Context &context) override;
  void visitPipeline(int node, Context &context) override;
  /// Slots of the pipelines whose region this is; -1 is the whole schedule.
  void runDry(int region);

  const Plan &plan;

private:
  struct Postponed {
    std::shared_ptr<Context> context;
    int64_t iteration;
  };
  struct State {
    std::vector<std::deque<Postponed>> waiting; ///< per child
    int64_t iterations = 0;
    size_t arrivals = 0;
  };

  void runSlot(int pipeline, int64_t slot);

  std::vector<State> states;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_LAGGEDWALK_H
