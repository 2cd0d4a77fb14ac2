//===- AutoMapping.h - The mapper on all variants of a cascade --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One search over several cascades: each variant is mapped, and what is best of
// all is the result. Its certificate speaks of all of them:
//
//   as written               optimal  465 ms     what was searched and proved
//   fewer passes, M0=256     optimal  458 ms     for each one
//   fewer passes, M0=512     optimal  451 ms
//   --------------------------------------------------------------------------
//   best 451 ms, lower bound the least of the three; optimal, since all are
//
// Of a single metric, what a variant has to beat is known to its search, which
// then often ends soon: nothing in it is better.
//
// Deriving variants takes a while where a cascade is large, such as a whole
// language model. So the first one may come alone: where its nests are many it
// has a mapping before others are derived (`deriveOthers`).
//
// A variant that lacks a tensor, rank or Einsum that the user's constraints
// name is left out; so is one that the mapper does not cover. Both are listed.
// Points of a Pareto set come from any variant.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_AUTOMAPPING_H
#define LIB_INIT_AUTOMAPPING_H

#include "lib/Init/ExitCode.h"
#include "lib/Init/Variants.h"
#include "lib/Mapper/MapRequest.h"

#include <functional>

namespace einsum {

struct AutoOptions {
  mapper::MapRequest request; ///< its form is checked
  double timeLimitSeconds = 0;
  /// Ends searches that prove nothing and find nothing better (Patience.h).
  bool isPatienceLimited = false;
  unsigned threads = 0;
  const std::atomic<bool> *stop = nullptr;
  /// Adds the other variants to the one that is there; false after an error.
  /// Empty: there are no others.
  std::function<bool(std::vector<Variant> &)> deriveOthers = {};
};

/// What became of one variant.
struct VariantOutcome {
  mapper::Certificate certificate;
  std::string leftOut;     ///< why, or empty
  bool isSketched = false; ///< it has had the first part of its search
  bool isBeaten = false;   ///< nothing in it is better than an earlier one
  bool isCut = false;      ///< its search was ended by the time
  bool isTooLate = false;  ///< left out, as the time was up; what bounds it is
                           ///< in the certificate
};

struct AutoPoint {
  size_t variant;
  mapper::MappedPoint point;
};

struct AutoResult {
  mapper::Objective objective;
  mapper::Certificate certificate;
  std::vector<AutoPoint> points; ///< the best first
  std::vector<VariantOutcome> outcomes;
  /// Of the first variant, if nothing fits.
  std::vector<std::vector<mapper::Conflict>> conflicts;
};

/// Maps all variants. Bad input after an error: an option that names what does
/// not exist, or a cascade that the mapper does not cover.
ExitCode mapVariants(std::vector<Variant> &variants, const arch::ArchSpec &arch,
                     const AutoOptions &options, AutoResult &result);

} // namespace einsum

#endif // LIB_INIT_AUTOMAPPING_H
