//===- QuantizeWorkload.h - Number formats asked for, or chosen -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `einsum-compile --quantize=...` does to a cascade:
//
//   weights=int4 group(128),KC=mxfp4        these formats; see QuantizeSpec.h
//   auto,max-error=1e-2                     the cheapest formats with which no
//                                           output is off by more (rms,
//                                           relative)
//   auto,max-error=1e-2,minimise=energy,weights=int8|int4 group(128),KC=mxfp4
//                                           from these candidates, besides
//                                           leaving a tensor as it is
//   auto,max-error=1e-2,candidates=int8|mxfp4
//                                           of all tensors that are multiplied
//                                           and summed
//
// A choice is made in three steps. Each candidate of each tensor is executed by
// itself, which gives the square of the error that it causes; costs are those
// of MachineFloor.h; BitAssignment.h finds all combinations that no other one
// beats in both. Then combinations are executed, the cheapest first, until one
// keeps to the limit: errors of different tensors need not be independent, and
// what is reported as chosen was measured.
//
// Without an architecture only bytes can be minimised.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_QUANTIZEWORKLOAD_H
#define LIB_INIT_QUANTIZEWORKLOAD_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Init/ExitCode.h"
#include "lib/Init/MeasureError.h"

namespace einsum {

struct QuantizeRequest {
  std::string text;        ///< of --quantize
  bool measure = false;    ///< --error
  MeasureRequest measured; ///< how
  unsigned accumulatorBits = 32;
  bool explain = false; ///< print what was done to each tensor, as remarks
};

/// False, with an error at an option, if the request cannot be understood.
bool checkQuantize(const QuantizeRequest &request);

/// Products that arrays of a machine multiply and sum.
quant::NativeProducts listNative(const arch::ArchSpec &arch);

/// Quantises a cascade for a machine. What it decodes is decoded where it is
/// used; with the objective "latency" by an Einsum before, so that another
/// array can multiply it, if that keeps the busiest array less busy.
mlir::LogicalResult quantizeFor(CascadeOp cascade,
                                quant::QuantizeOptions options,
                                const arch::ArchSpec *arch,
                                llvm::StringRef objective);

/// For a cascade that no array can multiply in the type it is written in: what
/// to ask for instead, tried out; empty if that does not help either.
std::string suggestFormats(CascadeOp cascade, const arch::ArchSpec &arch);

/// Quantises a cascade whose parameters are bound, and says what that does. An
/// architecture may be missing. `objective`, where the text does not say:
/// "latency", "energy" or "bytes".
ExitCode quantizeWorkload(CascadeOp cascade, const QuantizeRequest &request,
                          const arch::ArchSpec *arch, llvm::StringRef objective,
                          exporting::QuantizeReport &report);

} // namespace einsum

#endif // LIB_INIT_QUANTIZEWORKLOAD_H
