//===- MachineFloor.h - What a machine needs at least -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Costs of a cascade that take no search, to compare number formats by:
//
//   bytes     inputs once, outputs once, at the outermost level
//   arrays    every Einsum on its fastest array, the operators that it has there
//   latency   bytes over the bandwidth, or the busiest array, whichever is more:
//             all overlapped, operators of one Einsum, too
//   energy    bytes, operators, and leakage for as long
//
// A mapping costs at least as much in bytes, and in time where the fastest
// array of an Einsum is the only one that does it well; so these are floors,
// not predictions. All but the latency are sums over tensors and Einsums.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_MACHINEFLOOR_H
#define LIB_INIT_MACHINEFLOOR_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Export/QuantizeReport.h"

namespace einsum {

struct MachineLoad {
  uint64_t bytes = 0;
  std::vector<double> arraySeconds; ///< per array of the spec
  double joules = 0;                ///< without leakage
  /// Of an Einsum that no array can run, or empty.
  std::string lacking;
};

MachineLoad computeLoad(const CascadeFacts &facts, const arch::ArchSpec &arch);

double getBackingSeconds(double bytes, const arch::ArchSpec &arch);
/// What the busiest array takes, or the outermost level, if the operators of an
/// Einsum follow each other: to compare two forms of one cascade by.
double estimateSeconds(const CascadeFacts &facts, const arch::ArchSpec &arch);
exporting::QuantizeReport::Floor makeFloor(const MachineLoad &load,
                                           const arch::ArchSpec &arch);

} // namespace einsum

#endif // LIB_INIT_MACHINEFLOOR_H
