//===- Derivation.h - The steps from one cascade to another -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a rewrite did and did not do, for people and for tools. A step applies one
// law to one tensor:
//
//   1. deferral of 'AV' over m: (sum a_i) * h = sum (a_i * h)
//      because SD does not depend on m
//      - A[m,p] = SN[m,p] / SD[p]
//      - AV[p,f] = A[m,p] * V[m,f]
//      + UAV[p,f] = SN[m,p] * V[m,f]
//      + AV[p,f] = UAV[p,f] / SD[p]
//
// A refusal names the obstacle and, where numbers show that no way exists, the
// certificate. Both are collected; printing is left to the caller.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_DERIVATION_H
#define LIB_TRANSFORMS_DERIVATION_H

#include "mlir/IR/Location.h"

#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace einsum {

/// A second place involved in a step or refusal.
struct Place {
  mlir::Location loc;
  std::string message;
};

struct DerivationStep {
  std::string law, tensor, rank;
  std::string identity;   ///< the law as a formula
  std::string conditions; ///< what was proved, or assumed on request
  std::vector<std::string> before, after; ///< Einsums, as text
  mlir::Location loc;
  std::vector<Place> places;
};

struct Refusal {
  std::string law, tensor, rank;
  std::string obstacle;
  std::string certificate; ///< empty if none was found
  std::string hint;        ///< what would be allowed, if anything
  mlir::Location loc;
  std::vector<Place> places;
};

/// Passes over a rank that any schedule of the cascade makes, counted on the cascade
/// as it was and as it is (see lib/Analysis/RankPasses.h).
struct RankSummary {
  std::string rank;
  uint64_t before = 0, after = 0;
  /// Why the last ones remain.
  std::vector<Place> reasons;
};

struct Derivation {
  std::vector<DerivationStep> steps;
  std::vector<Refusal> refusals;
  std::vector<RankSummary> ranks;
};

/// One remark for each step and refusal, with notes.
void emitRemarks(const Derivation &derivation);
/// Numbered steps with the Einsums before and after, then the refusals.
void printDerivation(const Derivation &derivation, llvm::raw_ostream &os);

} // namespace einsum

#endif // LIB_TRANSFORMS_DERIVATION_H
