//===- Derivation.cpp - The steps from one cascade to another -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Derivation.h"

#include "lib/Transforms/Remarks.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace einsum;

static constexpr StringLiteral kCertificate =
    "one accumulated value cannot be corrected: ";

void einsum::emitRemarks(const Derivation &derivation) {
  for (const DerivationStep &step : derivation.steps) {
    InFlightDiagnostic remark = remarkApplied(step.loc, step.law, step.tensor,
                                              step.identity + ", along '" + step.rank + "'");
    if (!step.conditions.empty())
      remark.attachNote() << step.conditions;
    for (const Place &place : step.places)
      remark.attachNote(place.loc) << place.message;
  }
  for (const Refusal &refusal : derivation.refusals) {
    InFlightDiagnostic remark =
        remarkNotApplied(refusal.loc, refusal.law, refusal.tensor, refusal.obstacle);
    for (const Place &place : refusal.places)
      remark.attachNote(place.loc) << place.message;
    if (!refusal.certificate.empty())
      remark.attachNote() << kCertificate << refusal.certificate;
    if (!refusal.hint.empty())
      remark.attachNote() << refusal.hint;
  }
  for (const RankSummary &summary : derivation.ranks)
    for (const Place &reason : summary.reasons)
      emitRemark(reason.loc) << reason.message;
}

void einsum::printDerivation(const Derivation &derivation, llvm::raw_ostream &os) {
  unsigned number = 0;
  for (const DerivationStep &step : derivation.steps) {
    os << ++number << ". " << step.law << " of '" << step.tensor << "' along '" << step.rank
       << "': " << step.identity << "\n";
    if (!step.conditions.empty())
      os << "   since " << step.conditions << "\n";
    for (const std::string &line : step.before)
      os << "   - " << line << "\n";
    for (const std::string &line : step.after)
      os << "   + " << line << "\n";
  }
  for (const Refusal &refusal : derivation.refusals) {
    os << "not applied to '" << refusal.tensor << "' along '" << refusal.rank
       << "': " << refusal.obstacle << "\n";
    if (!refusal.certificate.empty())
      os << "   " << kCertificate << refusal.certificate << "\n";
    if (!refusal.hint.empty())
      os << "   " << refusal.hint << "\n";
  }
  for (const RankSummary &summary : derivation.ranks) {
    os << "passes over '" << summary.rank << "': " << summary.before << " -> " << summary.after
       << "\n";
    for (const Place &reason : summary.reasons)
      os << "   " << reason.message << "\n";
  }
}
