//===- SkiSlope.h - Traffic against capacity, from both sides ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The more a chip holds, the less it moves. A ski slope (Huang et al., ISCA
// 2024, Orojenesis) draws the one against the other, and here from both sides:
//
//   found   the least that a schedule of a stated space moves (README.md); some
//           schedule outside of it may move less
//   bound   what no schedule at all goes below, a theorem of
//   lib/Analysis/IoBounds
//
//   GEMM 1024^3, f16, 32 KiB:    found 33.6 MiB    bound 31.9 MiB
//
// The truth lies between. A schedule has one leaf for each Einsum, so that a
// product of which every pass over it needs the values anew is spilled; what it
// costs to compute it anew for each reader, another form of the cascade says
// (`takeBetter`), and the less of both is what is known. Knees are marked: the
// smallest capacity at which only compulsory traffic remains, and those at
// which a fiber that is traversed more than once fits.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SKISLOPE_H
#define LIB_MAPPER_SKISLOPE_H

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Mapper/SlopeSpace.h"

namespace einsum::mapper {

/// One capacity.
struct SlopePoint {
  uint64_t capacityBytes = 0;
  /// Least bytes moved by a schedule that fits; nullopt if none was found.
  std::optional<uint64_t> foundBytes;
  uint64_t heldBytes = 0; ///< what that schedule holds
  std::vector<SlopeConfig> groups;
  /// The groups are of the form that computes products anew.
  bool isComputedAnew = false;
  uint64_t boundBytes = 0;
  std::string bound; ///< name of the theorem
};

struct SlopeKnee {
  uint64_t capacityBytes = 0;
  std::string text;
};

struct SkiSlope {
  std::string variant;
  uint64_t compulsoryBytes = 0;
  std::vector<SlopePoint> points; ///< by capacity
  std::vector<SlopeKnee> knees;
  uint64_t evaluated = 0; ///< configurations
};

struct SkiSlopeOptions {
  unsigned pointsPerOctave = 4;
  unsigned threads = 1;
  size_t longestGroup = 12; ///< Einsums that may be fused
  std::vector<bounds::PassFact> passes;
};

/// Searches all groups, then joins them at every capacity.
SkiSlope computeSkiSlope(const CascadeFacts &facts, std::string variant,
                         const SkiSlopeOptions &options = {});

/// Takes what moves less from the slope of a form in which products are
/// computed anew for each reader. Bounds stay: they allow for it.
void takeBetter(SkiSlope &slope, const SkiSlope &anew);

/// One line that says what was searched.
llvm::StringRef describeSlopeSpace();

} // namespace einsum::mapper

#endif // LIB_MAPPER_SKISLOPE_H
