//===- CandidateTiles.h - Tiles that a search looks at ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of 4096: all divisors, if there is room for that; else few, but those that
// instances of levels and dimensions of arrays can be filled with:
//
//   whole                  4096 2048 ... 1, equal steps 1366, 820 ...
//   few, on 108 cores      4096 48 (86 parts, 16 at a time) 38 ... 1
//   64 on 14 x 12 units    64 ... 13 (5 steps of 13, not 8 of 8) 11 ... 1
//
// Tiles of a rank do not depend on the Einsum, so that Einsums can share loops.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_CANDIDATETILES_H
#define LIB_MAPPER_NEST_CANDIDATETILES_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// From the whole extent to 1; `isCommon`: of a rank that Einsums share, of
/// which a quick search has fewest.
std::vector<int64_t> listTiles(int64_t extent, const NestLimits &limits,
                               const arch::ArchSpec &arch, bool isCommon);

/// Of a rank that follows what readers ask for: all of that is a tile of its
/// own, larger than any step's.
void follow(LocalRank &rank, const FollowedRank &followed);
/// Its tiles: the loop that moves the rank makes a step of all; no loop of a
/// nest does.
void listPartsOfSteps(LocalRank &rank, const NestLimits &limits,
                      const arch::ArchSpec &arch, bool isCommon);

/// Tiles that do not divide are cut by a filter in very many ways; where there
/// are enough others, a sketch leaves them out.
void keepDivisors(LocalRank &rank);

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_CANDIDATETILES_H
