//===- LiveFootprint.h - What rank passes cost on chip ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Between two passes over a rank, every coordinate must stay on chip in some
// form, or come in again. Three-pass attention over m, with E = 64 and P = 128
// queries at a time, f16:
//
//   after pass 1 | scores QK[m,p], M*P*2 B, or keys K[m,e], M*E*2 B: K is less
//   after pass 2 | the same choice, with SN beside QK: K again
//
// What is cheapest is a minimum cut: of the tensors that stand for the fiber's
// elements and exist by then, the smallest set through which everything goes
// that later passes read. Capacity of a tensor is its bytes per coordinate.
//
// For an input, the other side is a bound on traffic (corollary 1 of
// README.md): at a level of S bytes, with fibers of R elements of which w bytes
// each must be kept,
//
//   bytes >= |T| + bundles * (N - 1) * max(0, R*w - S)
//
// where a bundle is a set of fibers that some aligned tensor merges (the keys'
// fibers for all e meet in QK); fibers that stay apart count each. A theorem.
// The cut itself is exact for fibers taken one bundle at a time, and heuristic
// as a requirement on a schedule that interleaves bundles.
//
// Needs all extents bound; formulas keep the names.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_LIVEFOOTPRINT_H
#define LIB_ANALYSIS_LIVEFOOTPRINT_H

#include "lib/Analysis/RankPasses.h"

namespace einsum {

/// What must be kept between pass `after` and the next one.
struct PassBoundary {
  uint64_t after = 0;
  /// Tensors that exist by then, stand for the elements, and are read later.
  std::vector<std::string> live;
  /// The cheapest of them, or of what they are made of, to keep.
  std::vector<std::string> keep;
  std::string formula; ///< "M*P*2 B"
  uint64_t bytes = 0;  ///< saturates at 2^64 - 1
};

/// Consequences of more than one pass over a rank.
struct LiveFootprint {
  std::string tensor, rank;
  uint64_t passes = 0;
  /// Ranks that every tensor involved has: footprints are for one value of
  /// each.
  std::vector<std::string> each;
  std::vector<PassBoundary> boundaries; ///< the first thousand

  bool isInput = false;
  uint64_t tensorBytes = 0; ///< |T|
  uint64_t bundles = 1;     ///< families of fibers without common elements
  uint64_t fiberBytes = 0;  ///< R*w
  std::string trafficFormula;
  std::string capacity; ///< what it calls the bytes of a level: S if it can

  /// Bytes that move at a level of this capacity, for an input; loads and
  /// repeated computations of elements, otherwise.
  uint64_t getTraffic(uint64_t capacityBytes) const;
};

/// One entry per whole rank with more than one pass, for the first tensor that
/// has the most.
std::vector<LiveFootprint> computeLiveFootprints(CascadeOp cascade,
                                                 const RankPasses &passes);

} // namespace einsum

#endif // LIB_ANALYSIS_LIVEFOOTPRINT_H
