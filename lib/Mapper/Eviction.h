//===- Eviction.h - Making a schedule fit -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule that holds more than a level has can be made to fit by evicting
// tiles and fetching them again: a tensor's storage node moves below the node
// that it stands above, so that the tile is smaller, or lives for fewer
// children of a sequence, and is filled and drained each time.
//
//   storage buffer [T]                 sequence
//     sequence                           storage buffer [T]  ... makes T
//       ... makes T             ==>      ... something else; T is further out
//       ... something else               storage buffer [T]  ... reads T
//       ... reads T
//
// Where no node further out holds the tensor, it is spilled: a node of the
// level's parent is put above. What that costs the cost model counts, on a
// schedule that the verifier accepts and the simulator can execute. Of all such
// moves, over as many loops as it takes to free something, the one is made that
// moves fewest further bytes for each byte that it frees, until all fits: a
// heuristic; a search for a mapping may find better ones.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_EVICTION_H
#define LIB_MAPPER_EVICTION_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include <string>
#include <vector>

namespace einsum::mapper {

struct Evictions {
  schedule::MappingOp mapping; ///< beside the old one, which is left as it was
  /// "'T' at 'buffer' lives below the sequence", in the order of the moves.
  std::vector<std::string> moves;
  /// Moved at all levels, before, if all had room, and after.
  uint64_t bytesBefore = 0, bytesAfter = 0;
  uint64_t evaluated = 0;
};

/// Null if the schedule cannot be made to fit in this way.
std::optional<Evictions> evictUntilItFits(schedule::MappingOp mapping,
                                          const CascadeFacts &facts,
                                          const arch::ArchSpec &arch);

} // namespace einsum::mapper

#endif // LIB_MAPPER_EVICTION_H
