//===- LevelAllocation.h - Where each tile of a schedule stands -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The reservations of a profile become blocks of lib/Lowering/Allocation.h, one
// for each copy, level by level. A level with several instances is one space,
// of all of them: a tile that units share out is one block there, tiles that
// units have each for themselves are one block of as many.
//
// Blocks start at multiples of the level's access width, unless tiles would
// then not fit that fit closer together; the alignment used is told.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_LEVELALLOCATION_H
#define LIB_EXPORT_LEVELALLOCATION_H

#include "lib/CostModel/ScheduleProfile.h"
#include "lib/Lowering/Allocation.h"

namespace einsum::exporting {

struct LevelAllocation {
  int level = -1;
  uint64_t alignment = 1;
  std::optional<uint64_t> capacity; ///< of all instances
  lowering::Allocation found;
  /// By block: index into ScheduleProfile::reservations.
  std::vector<size_t> reservations;
};

/// Of all levels at which something is held.
std::vector<LevelAllocation>
allocateLevels(const cost::ScheduleProfile &profile,
               const arch::ArchSpec &arch);

} // namespace einsum::exporting

#endif // LIB_EXPORT_LEVELALLOCATION_H
