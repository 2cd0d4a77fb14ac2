//===- Space.h - How much every level holds at most -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Section 6 of dialects/Schedule/README.md: a storage node reserves what its
// largest tile needs, measured by the plan, while the tensor is live. The tree
// is cut into *moments*, one per leaf in order; stages of a pipeline are live
// together and make one moment of it.
//
//   storage buffer [S, T]          S live at A and B, T at B and C
//     sequence { A, B, C }         peak: the larger of S, S + T, T
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_SPACE_H
#define LIB_SIMULATOR_SPACE_H

#include "lib/Simulator/Plan.h"

namespace einsum::sim {

/// Bytes per level, over all its instances.
std::vector<uint64_t> measurePeaks(const Program &program, const Plan &plan,
                                   const arch::ArchSpec &arch);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_SPACE_H
