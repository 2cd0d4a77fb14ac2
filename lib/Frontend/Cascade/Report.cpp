//===- Report.cpp - How the notation's errors are told --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Report.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace einsum::frontend;

Report::Report(MLIRContext *context, StringRef file)
    : context(context), file(StringAttr::get(context, file)) {}

Location Report::at(Place place) const {
  return FileLineColLoc::get(file, place.line, place.column);
}

InFlightDiagnostic Report::error(Place place) {
  InFlightDiagnostic diag = emitError(at(place));
  if (++numErrors > kMaxErrors)
    diag.abandon();
  return diag;
}

InFlightDiagnostic Report::warning(Place place) {
  return emitWarning(at(place));
}

void Report::finish() {
  if (numErrors > kMaxErrors)
    emitError(at({1, 1})) << numErrors << " errors; the first " << kMaxErrors
                          << " are shown";
}

StringRef einsum::frontend::findNearest(StringRef name,
                                        ArrayRef<StringRef> candidates) {
  StringRef nearest;
  unsigned best = name.size() <= 3 ? 1 : 2;
  for (StringRef candidate : candidates) {
    unsigned distance =
        name.edit_distance(candidate, /*AllowReplacements=*/true, best + 1);
    // A name of one letter is within one edit of every other: no suggestion.
    if (distance > best || distance >= name.size())
      continue;
    if (nearest.empty() || distance < best)
      nearest = candidate;
    best = distance;
  }
  return nearest;
}

void einsum::frontend::suggestNearest(InFlightDiagnostic &diag, StringRef name,
                                      ArrayRef<StringRef> candidates) {
  StringRef nearest = findNearest(name, candidates);
  if (!nearest.empty())
    diag.attachNote() << "did you mean '" << nearest << "'?";
}
