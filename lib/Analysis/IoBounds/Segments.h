//===- Segments.h - From points per segment to bits moved -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Hong & Kung's argument with its constants: cut an execution where X bits have
// arrived since the last cut. A segment works on what fast memory held at its
// start and on what arrived, together K <= S + X bits, and those serve at most
// F(K) of the V points. So there are at least ceil(V / F) segments, all but the
// last of which are complete:
//
//   Q >= X * (ceil(V / F(S + X)) - 1)      for every X
//
// Example: GEMM has F(K) = (K / 3)^(3/2) words; X = 2 S gives about
// 2 V / sqrt(S) words (Smith et al. 2019).
//
// F is computed in long double and enlarged by 1e-9 before it is used, so that
// rounding can only lower Q. X is a multiple of the narrowest element; a
// segment may end with an element of which a part was still wanted, hence
// `slack`.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_SEGMENTS_H
#define LIB_ANALYSIS_IOBOUNDS_SEGMENTS_H

#include "lib/Analysis/IoBounds/Cover.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <climits>

namespace einsum::bounds {

/// Operands of a nest with what one element of each weighs, in bits; 0: costs
/// nothing, so that no bound may rest on it.
struct WeightedNest {
  Nest nest;
  /// Operands with equal tensors share elements: their counts are not apart.
  llvm::SmallVector<int, 4> tensors;
  llvm::SmallVector<uint64_t, 4> bits;
};

/// Exponents of the cover with those of one tensor added up.
struct PointExponents {
  llvm::SmallVector<long double, 4> tensors; ///< as PointLimit::tensors()
  long double logRanks = 0;                  ///< sum of t_i log L_i
};

/// How many points of a nest some bits of its operands can serve.
class PointLimit {
public:
  explicit PointLimit(WeightedNest nest);

  /// Exponents that make F(bits) small; with `convex`, only those for which F
  /// is convex, while the tensor `aside` keeps its elements. Any are valid for
  /// any number of bits. Empty if there are none.
  static constexpr int kNone = INT_MIN;
  PointExponents choose(long double bits, bool convex = false,
                        int aside = kNone) const;

  /// Natural logarithm of F(bits). Tensors for which `ownBits` is not 0 have
  /// that budget instead of a share of `bits`.
  long double logPoints(const PointExponents &exponents, long double bits,
                        llvm::ArrayRef<long double> ownBits = {}) const;

  /// Distinct tensors, in the order of the exponents.
  llvm::ArrayRef<int> tensors() const { return tensorIds; }
  llvm::ArrayRef<uint64_t> weights() const { return tensorBits; }
  const char *method() const { return cover.method; }

private:
  Cover cover;
  llvm::SmallVector<int, 4> tensorIds;
  llvm::SmallVector<uint64_t, 4> tensorBits;
  std::vector<PointExponents> vertices;
};

/// Sizes of elements whose arrivals are counted.
struct Grain {
  uint64_t narrowest = 1, widest = 1;
};

struct SegmentBound {
  uint64_t bits = 0;     ///< that must move
  long double x = 0;     ///< bits per segment
  uint64_t segments = 0; ///< complete ones
};

/// The largest X * (ceil(V / F) - 1). `logPoints(x)` is log F when x bits
/// arrive per segment, slack included by the caller.
SegmentBound
maximizeSegments(uint64_t points, long double fastBits, Grain grain,
                 llvm::function_ref<long double(long double x)> logPoints);

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_SEGMENTS_H
