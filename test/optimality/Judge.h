//===- Judge.h - The best of all mappings, by trying them -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every tree of a space becomes `schedule` IR. The dialect's verifier says
// whether it is legal, the cost model what it costs and whether it fits; what
// is left is compared by each objective. For `Z[m] = X[m]` on two levels, no
// bandwidths, by energy: two tensors held on chip or not, at one of two places,
// and the best holds nothing.
//
// A measure is one number of a mapping, the less the better. A Pareto set of
// two measures is kept as its corners.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_JUDGE_H
#define TEST_OPTIMALITY_JUDGE_H

#include "test/optimality/Space.h"

#include "lib/CostModel/CostModel.h"

#include <map>

namespace einsum::optimality {

struct Measure {
  enum Kind : uint8_t {
    latency,
    energy,
    edp,
    traffic,
    capacity
  } kind = latency;
  int level = 0; ///< for traffic and capacity

  /// In seconds, joules, joule-seconds, bytes.
  double of(const cost::Evaluation &cost) const;
  std::string describe(const arch::ArchSpec &arch) const;
};

/// One measure, or several for a Pareto set.
using Goal = std::vector<Measure>;

struct Found {
  std::vector<double> values;
  Tree tree;
};

struct Findings {
  uint64_t skeletons = 0, legalSkeletons = 0;
  uint64_t trees = 0, legal = 0, fitting = 0;
  /// Per goal: the best, or the corners of the Pareto set by the first measure.
  std::vector<std::vector<Found>> best;
};

/// Tries everything. `visit`, if given, sees every mapping that fits.
Findings
tryAll(CascadeOp cascade, const CascadeFacts &facts, const arch::ArchSpec &arch,
       const Limits &limits, const std::vector<Goal> &goals,
       const std::function<void(schedule::MappingOp, const cost::Evaluation &)>
           &visit = {});

/// What one tree measures; empty if it is illegal or does not fit.
std::vector<double> evaluateTree(const Tree &tree, CascadeOp cascade,
                                 const CascadeFacts &facts,
                                 const arch::ArchSpec &arch, const Goal &goal);

/// The text of a tree.
std::string printTree(const Tree &tree, CascadeOp cascade,
                      const CascadeFacts &facts, const arch::ArchSpec &arch);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_JUDGE_H
