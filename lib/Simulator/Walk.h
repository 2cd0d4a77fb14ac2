//===- Walk.h - Control going through a loop tree ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Unfolds a loop tree step by step, as section 1 of dialects/Schedule/README.md
// says. Control carries a *box*, an interval of coordinates per rank; a loop
// over m with tile 4, reached with m in [0, 10), visits [0,4), [4,8), [8,10).
//
// A spatial loop makes several *units* of one; they go through the tree below
// in lock step: the k-th step happens on all units that have one. Above the
// spatial loops there is a single unit.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_WALK_H
#define LIB_SIMULATOR_WALK_H

#include "lib/Simulator/Program.h"

namespace einsum::sim {

/// One unit's share of control.
struct Unit {
  Coords lo, hi;
  /// Per loop above: whether this is its first step (1) and its last (2).
  llvm::SmallVector<uint8_t, 24> steps;
  /// Which step of each spatial loop above it is: its name.
  llvm::SmallVector<int32_t, 4> path;
  /// Per storage node above: which of the units that entered it together.
  llvm::SmallVector<int32_t, 24> entered;
};

/// All that a subtree needs to know of what is above; can be kept for later.
struct Context {
  std::vector<Unit> units;
  /// Per loop above: a number that no other step of any loop has.
  llvm::SmallVector<uint64_t, 24> epochs;
  /// Per spatial loop above: its steps, those included that have no unit here.
  llvm::SmallVector<int64_t, 24> spread;
  /// Per storage node above: how many times it was entered before.
  llvm::SmallVector<int64_t, 24> visits;
};

class Walk {
public:
  Walk(const Points &points, const Program &program)
      : points(points), program(program), entries(program.nodes.size(), 0) {}
  virtual ~Walk() = default;

  void run();

protected:
  void visit(int node, Context &context);
  virtual void visitNode(int node, Context &context);

  /// Control enters a storage node; boxes may be changed.
  virtual void enter(int node, Context &context) {}
  virtual void leave(int node, Context &context) {}
  virtual void runLeaf(int node, Context &context) = 0;
  virtual void runTransfer(int node, Context &context) {}
  virtual void visitPipeline(int node, Context &context);
  virtual void visitSequence(int node, Context &context);

  /// Ends the walk as soon as control comes up.
  void stop() { stopped = true; }
  bool isStopped() const { return stopped; }

  /// Steps of a loop for one unit, and the interval of one of them.
  int64_t countSteps(const Node &loop, const Unit &unit) const;
  void setStep(int loop, int64_t step, int64_t count, Unit &unit) const;
  /// True if all guards of the leaf by loops above `below` hold.
  bool passesGuards(const Node &leaf, const Unit &unit, int below) const;

  /// Section 3: a retained halo holds what the previous step of the nearest
  /// temporal loop above left, and nothing in its first step.
  bool keepsRemains(int storage, const Unit &unit) const;

  const Points &points;
  const Program &program;
  /// Nodes reached so far, times units.
  uint64_t work = 0;

private:
  void visitTemporal(int node, Context &context);
  void visitSpatial(int node, Context &context);
  void visitStorage(int node, Context &context);

  bool stopped = false;
  uint64_t epoch = 0;
  std::vector<int64_t> entries;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_WALK_H
