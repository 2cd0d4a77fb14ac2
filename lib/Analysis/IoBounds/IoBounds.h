//===- IoBounds.h - Bytes that no schedule can avoid moving -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A machine is cut in two: a near side that holds S bytes in all, and a far
// side where inputs start and outputs end. Every schedule of the cascade, fused
// or not, with any order and any recomputation, moves at least so many bytes
// across the cut. Example, in 2-byte elements with S = 32 KiB:
//
//   Z[m,n] = A[m,k] * B[k,n]      M = N = K = 1024
//
//   compulsory    each of A, B, Z once                            6.0 MiB
//   one Einsum    X * (ceil(V / F(S + X)) - 1), Loomis-Whitney    31.9 MiB
//
// Bounds here are theorems with their constants, valid for finite extents; what
// is only asymptotic does not appear. README.md proves each of them. They are:
//
//   compulsory   each element that is touched, once
//   one Einsum   Hong & Kung 1981 with a fractional cover of the nest
//   fibers       the same for an Einsum whose result may stay near
//   two Einsums  a product of rows and columns whose results, one by one, weigh
//                a second product (attention, a feed-forward pair)
//   rank passes  fibers that do not fit come again, or are computed anew
//   exclusive    sums of bounds on traffic of disjoint tensors
//
// Trusts a verified cascade. Assumes that the map of a point is evaluated with
// all its operands near, that results are computed from these Einsums and not
// by another algebra (Strassen, linear attention), and that no element is
// stored in fewer bits than its tensor declares.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_IOBOUNDS_H
#define LIB_ANALYSIS_IOBOUNDS_IOBOUNDS_H

#include "lib/Analysis/CascadeFacts.h"

#include <memory>

namespace einsum {
struct RankPasses;
} // namespace einsum

namespace einsum::bounds {

/// Capacity of a near side without limit.
constexpr uint64_t kUnlimited = UINT64_MAX;

/// One lower bound on bytes moved.
struct IoBound {
  std::string name;                    ///< "compulsory", "one Einsum Z", ...
  std::string statement;               ///< the formula with its numbers
  std::vector<std::string> hypotheses; ///< each checked on this cascade
  uint64_t bytes = 0;
  /// Tensors whose traffic it bounds; bounds with disjoint tensors add.
  std::vector<int> tensors;
};

/// Bytes per tensor that cross the cut in every schedule: each element of an
/// input that is read, of an output that is produced, once. `isFar` as below.
std::vector<uint64_t> countCompulsory(const CascadeFacts &facts,
                                      const std::vector<bool> &isFar);

/// How often the fibers of an input are traversed, for the rank-pass bound: as
/// the analysis of rank passes finds it.
struct PassFact {
  int tensor = -1;                 ///< an input, or a reduction's result
  llvm::SmallVector<int, 2> ranks; ///< the fiber: positions in the tensor
  int64_t passes = 1;
  /// Positions of the other ranks that every tensor aligned with the fiber
  /// keeps: fibers that differ there share nothing.
  llvm::SmallVector<int, 4> apart;
  /// Ranks that index those positions, here or in an aligned tensor.
  llvm::SmallVector<int, 4> apartRanks;
  /// Tensors aligned with the fiber, from which a value may be had again; more
  /// are allowed.
  llvm::SmallVector<int, 4> aligned;
};

/// Inputs, and results of reductions, with more than one rank pass, as
/// lib/Analysis/RankPasses.h counts them.
std::vector<PassFact> collectPassFacts(const CascadeFacts &facts);
/// The same, where rank passes are counted already.
std::vector<PassFact> collectPassFacts(const CascadeFacts &facts,
                                       const RankPasses &passes);

/// The bounds of one cascade, prepared for many capacities.
class IoBoundAnalysis {
public:
  /// `isFar[tensor]`: the input starts, or the output ends, on the far side;
  /// empty if all do. `facts` outlives the analysis.
  explicit IoBoundAnalysis(const CascadeFacts &facts,
                           std::vector<bool> isFar = {},
                           std::vector<PassFact> passes = {});
  ~IoBoundAnalysis();
  IoBoundAnalysis(IoBoundAnalysis &&) noexcept;

  /// All bounds for a near side of `fastBytes`, the best first. The first entry
  /// is never missing: compulsory traffic may be 0.
  std::vector<IoBound> compute(uint64_t fastBytes) const;
  IoBound best(uint64_t fastBytes) const { return compute(fastBytes).front(); }

  uint64_t compulsoryBytes() const;
  /// Bytes of the tensor that cross the cut in every schedule.
  uint64_t compulsoryBytes(int tensor) const;
  /// Points that an Einsum executes, never more than the truth.
  uint64_t points(int einsum) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_IOBOUNDS_H
