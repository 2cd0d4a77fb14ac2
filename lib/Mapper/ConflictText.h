//===- ConflictText.h - What a search says to a person ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sentence about a result, and the errors about an empty space:
//
//   gemm.ein:2:1: error: no mapping of 'gemm' onto 'tiny' meets these 2
//                        premises
//   tiny.json:9:5: note: level 'L1' holds 5 B; 6 B would do
//   tiny.json:20:5: note: 'L1' must keep all; leaving this out would do
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CONFLICTTEXT_H
#define LIB_MAPPER_CONFLICTTEXT_H

#include "lib/Mapper/Mapper.h"

namespace einsum::mapper {

/// "latency 1.05 ms, none is better (search complete)",
/// "pareto:latency,energy: 12 points, no other is better (search complete)"
std::string describeOutcome(const Certificate &certificate,
                            const Objective &objective,
                            const arch::ArchSpec &arch, size_t points);

/// Why a space is empty: what follows from each Einsum alone, or, where that is
/// not it, what relaxed searches say. `how` is the search that found nothing.
std::vector<std::vector<Conflict>> explainFully(CascadeOp cascade,
                                                const CascadeFacts &facts,
                                                const arch::ArchSpec &arch,
                                                const MapOptions &how);

/// One error for each set, with its premises as notes.
void printConflicts(const std::vector<std::vector<Conflict>> &sets,
                    CascadeOp cascade, const arch::ArchSpec &arch);

} // namespace einsum::mapper

#endif // LIB_MAPPER_CONFLICTTEXT_H
