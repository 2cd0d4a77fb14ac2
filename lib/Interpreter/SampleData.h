//===- SampleData.h - Input values by distribution and seed -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Values for inputs that nobody gave. They depend on the seed, the tensor's
// name and the element's position, and on nothing else: two cascades with an
// input Q of the same extents get the same Q, whatever else they read.
//
// Besides the usual ones there are distributions that break careless algebra:
//
//   large         up to +-1e4: exp overflows unless a maximum is subtracted
//   ties, equal   few values, one value: maxima that are met several times
//   increasing    a running maximum changes at every step
//   masked        minus infinity here and there, and along whole slices
//   zero-crossing sums that pass through 0, so that dividing by them breaks
//   offset        a mean of 1000 with a deviation of 1: E[x^2] - E[x]^2 cancels
//   laplace,      tails heavier than normal, and channels along the last rank
//   outliers,     that are larger by far, by a factor (outliers of laplace,
//   scaled-channels,  scaled of normal) or by an offset: what number formats
//   offset-channels   are tried on
//
// Numbers come from SplitMix64 (Steele, Lea & Flood 2014) used as a function of
// the position. Tensors of integers get the nearest integer of eight times the
// value; truth values tell whether it is positive.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_SAMPLEDATA_H
#define LIB_INTERPRETER_SAMPLEDATA_H

#include "lib/Interpreter/Tensor.h"

#include <optional>

namespace einsum::interp {

/// How values are drawn: a distribution, all of whose values are multiplied.
struct Sampling {
  unsigned distribution = 0; ///< position in getDistributions()
  double scale = 1;
};

struct DistributionInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral description;
};
/// All distributions; the first is the default.
llvm::ArrayRef<DistributionInfo> getDistributions();
/// "masked", or "normal:30" for thirty times as much; nullopt if it is neither.
std::optional<Sampling> parseSampling(llvm::StringRef text);

/// An integer between `low` and `high`, both included, for the element at
/// `position` of a tensor.
int64_t sampleBetween(llvm::StringRef tensor, uint64_t seed, uint64_t position,
                      int64_t low, int64_t high);

/// Fills `tensor`, whose name and extents are known.
void fillWithSamples(Tensor &tensor, const Sampling &sampling, uint64_t seed);

} // namespace einsum::interp

#endif // LIB_INTERPRETER_SAMPLEDATA_H
