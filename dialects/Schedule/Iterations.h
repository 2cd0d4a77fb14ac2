//===- Iterations.h - Which steps are iterations of a pipeline --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the verifier of schedules. A pipeline takes a slot for each step
// of the loops around it in which some leaf below has a point; a step without
// one passes unnoticed (section 7 of README.md). So lags may reach further than
// the steps tell:
//
//   sequence in a loop over i     step       0   1   2   3   4   5
//     pipeline lags [0, 2]        iteration  0   -   -   1   -   2
//     leaf                        lag 2 of   -   -   -   -   -   0    then 1, 2
//
// What lag 2 makes of step 0 is there after step 5 only. Steps are looked at
// one by one. Whether an element read is there at all may depend on filters
// further up: then a step counts as possible, not as certain.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_ITERATIONS_H
#define DIALECTS_SCHEDULE_ITERATIONS_H

#include "dialects/Schedule/Schedule.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::schedule {

/// The points of a leaf's Einsum, and the steps in which they run. Every extent
/// and parameter is bound.
class LeafPoints {
public:
  using Point = llvm::SmallVector<int64_t, 6>; ///< per rank of the Einsum

  LeafPoints(const Leaf &leaf, CascadeOp cascade);

  /// No point is left out whatever filters, splits and extents say, and every
  /// element read is there.
  bool isWhole() const { return conditions.empty() && isCertain; }
  /// Whether all elements read are there.
  bool hasCertainReads() const { return isCertain; }
  /// False if there are more than `limit` points, before conditions.
  bool forEach(int64_t limit,
               llvm::function_ref<void(const Point &)> act) const;
  /// Steps of the loops [0, end) above the leaf in which a point runs.
  std::vector<int64_t> stepsOf(const Point &point, unsigned end) const;
  /// The coordinates of an access, with parameters replaced by their values.
  llvm::SmallVector<mlir::AffineExpr> bind(mlir::AffineMap map) const;
  static std::vector<int64_t>
  evaluate(llvm::ArrayRef<mlir::AffineExpr> coordinates, const Point &point);

private:
  struct Condition {
    mlir::AffineExpr expr; ///< is at least 0, or 0
    bool isEq;
  };
  void addFilter();
  void addSplits();
  void addReads();

  const Leaf &leaf;
  mutable CascadeOp cascade; // its queries are not const
  llvm::SmallVector<mlir::StringAttr> ranks;
  llvm::SmallVector<int64_t, 6> extents;
  std::vector<Condition> conditions;
  bool isCertain = true;
};

/// The steps of the loops [first, end) above a pipeline in which it has points,
/// for all steps of the loops further out.
class Iterations {
public:
  static constexpr int64_t kLimit = 1 << 16; ///< points of an Einsum, and steps

  Iterations(PipelineOp pipeline, llvm::ArrayRef<Leaf> leaves, unsigned first,
             unsigned end, CascadeOp cascade);

  /// Whether each step is one for certain, so that there is nothing to count.
  bool takesEveryStep() const { return everyStep; }
  /// False if there are too many to count.
  bool isCounted() const { return counted; }

  enum Kind { certain, possible };
  /// Iterations before a step.
  int64_t countBefore(Kind kind, llvm::ArrayRef<int64_t> outer,
                      int64_t step) const;
  /// The step in whose visit a slot runs; after the last iteration, so many
  /// behind all steps.
  int64_t stepOfSlot(Kind kind, llvm::ArrayRef<int64_t> outer,
                     int64_t slot) const;

private:
  void note(const Leaf &leaf, CascadeOp cascade);

  unsigned first, end;
  std::vector<int64_t> counts; ///< steps of each loop in [first, end)
  int64_t steps = 1;
  bool everyStep = false, counted = true;
  /// Per steps of the outer loops: the steps that are iterations, in order.
  std::map<std::vector<int64_t>, std::vector<int64_t>> found[2];
};

/// The number of a step of the loops [first, end) among all of their steps.
int64_t numberOfStep(const Leaf &leaf, unsigned first, unsigned end,
                     llvm::ArrayRef<int64_t> steps);

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_ITERATIONS_H
