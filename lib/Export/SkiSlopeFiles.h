//===- SkiSlopeFiles.h - Ski slopes as CSV and as a picture -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Both say of every number how it is known. The picture has a solid line for
// what was found and a dashed one for what is proved, on logarithmic axes:
//
//   variant,capacity_bytes,found_bytes,held_bytes,bound_bytes,gap,bound,schedule
//   as written,1024,...
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_SKISLOPEFILES_H
#define LIB_EXPORT_SKISLOPEFILES_H

#include "lib/Mapper/SkiSlope.h"

#include "llvm/Support/raw_ostream.h"

namespace einsum::exporting {

/// A slope with the cascade that its schedules are of.
struct NamedSlope {
  mapper::SkiSlope slope;
  const CascadeFacts *facts = nullptr;
  /// Of points that are computed anew.
  const CascadeFacts *anew = nullptr;
};

void writeSkiSlopeCsv(llvm::ArrayRef<NamedSlope> slopes, llvm::raw_ostream &os);
void writeSkiSlopeSvg(llvm::ArrayRef<NamedSlope> slopes, llvm::StringRef title,
                      llvm::raw_ostream &os);
/// One line per octave, and the knees.
void printSkiSlope(llvm::ArrayRef<NamedSlope> slopes, llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_SKISLOPEFILES_H
