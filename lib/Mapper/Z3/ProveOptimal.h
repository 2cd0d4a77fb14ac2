//===- ProveOptimal.h - No better mapping exists, says Z3 -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A second opinion on an optimum, from a solver that knows neither the search
// nor the cost model: the mappings of a small cascade as constraints, their
// cost as arithmetic, and the question whether one costs less. For
//
//   Z[m,n] = A[m,k] * B[k,n]      M = N = K = 4, two levels, energy
//
// a mapping is a path of tile vectors from (4,4,4) down to (1,1,1), one rank at
// a time, and a place on it for each tensor that is held. Z3 (de Moura and
// Bjorner, TACAS 2008) chooses path and places; what is fetched, delivered and
// read then follows from the vector at each place. `proven`: no choice costs
// less than the mapping found; `refuted`: one does, and its cost is told.
//
// Covered: one Einsum, or two, whatever both touch; the whole space of
// README.md for these (every path, holder of one or of both, home, array and
// shared loop), by traffic at a level, energy, and, for one Einsum, latency.
// Not covered, and said so: tensors indexed by more than a rank per coordinate,
// filters, recurrences, levels of several instances, limited or charged
// multicast and reduction, leakage, ports, start-up, constraints of the spec.
//
// Costs are compared up to a millionth.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_Z3_PROVEOPTIMAL_H
#define LIB_MAPPER_Z3_PROVEOPTIMAL_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Mapper/Mapper.h"

namespace einsum::mapper {

enum class Verdict : uint8_t { proven, refuted, unknown, notCovered };

struct OptimalityProof {
  Verdict verdict = Verdict::notCovered;
  std::string reason;     ///< what is not covered, or what gave up
  double better = 0;      ///< refuted: what the other mapping costs
  unsigned questions = 0; ///< put to Z3: choices of arrays and homes
};

/// Is there a mapping that costs less than `cost`? `metric` is latency (s),
/// energy (J) or traffic (bytes) at `level`. With `cost` infinite: is there any
/// mapping at all?
OptimalityProof proveOptimal(const CascadeFacts &facts,
                             const arch::ArchSpec &arch,
                             const SpaceLimits &limits, Metric metric,
                             int level, double cost,
                             unsigned timeoutSeconds = 60);

} // namespace einsum::mapper

#endif // LIB_MAPPER_Z3_PROVEOPTIMAL_H
