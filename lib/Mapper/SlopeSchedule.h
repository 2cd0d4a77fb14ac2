//===- SlopeSchedule.h - A point of a ski slope as a schedule ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loop tree that a list of SlopeConfigs stands for, and the machine on
// which it counts what they say: a far level without limit, a near one, and one
// unit that knows every operator. The tests evaluate these trees with the cost
// model.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOPESCHEDULE_H
#define LIB_MAPPER_SLOPESCHEDULE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Mapper/SlopeSpace.h"

namespace einsum::mapper {

/// Levels "far" and "near" and an array "unit" without dimensions.
arch::ArchSpec makeTwoLevelArch(const CascadeFacts &facts, uint64_t nearBytes);

/// A mapping named `name`, placed after the cascade; not verified.
schedule::MappingOp buildSchedule(CascadeOp cascade, const CascadeFacts &facts,
                                  llvm::ArrayRef<SlopeConfig> groups,
                                  llvm::StringRef name);

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOPESCHEDULE_H
