//===- ConstraintCheck.h - Does a mapping keep to what was asked *- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads constraints and limits of the space off a finished loop tree, whoever
// made it:
//
//   storage L1 [A, Z]            kept at L1: A, Z
//     spatial m across col       units in use along col: steps of the loop
//       compute Z on pe
//
// A tensor is kept at a level for an Einsum if a storage node there, above its
// leaf, holds it. What a mapper returns is checked with this before anybody
// sees it, so that no constraint is ignored.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CONSTRAINTCHECK_H
#define LIB_MAPPER_CONSTRAINTCHECK_H

#include "lib/Mapper/Mapper.h"

namespace einsum::mapper {

/// A constraint of the machine that a mapping does not keep to.
struct ConstraintViolation {
  SourceLocation stated;  ///< where the spec, or an option, says it
  std::string constraint; ///< "must keep inputs, outputs"
  std::string what;       ///< "'L1' does not keep 'A' for 'Z'"
  mlir::Location where;   ///< the storage node, loop or leaf
};

/// What a verified mapping does against constraints: of each that is violated
/// the first place. Utilizations that may be relaxed are not judged.
std::vector<ConstraintViolation>
listConstraintViolations(schedule::MappingOp mapping, const CascadeFacts &facts,
                         const arch::ArchSpec &arch);

/// A sentence about the first constraint or limit that a verified mapping
/// violates; empty if there is none.
std::string findConstraintViolation(schedule::MappingOp mapping,
                                    const CascadeFacts &facts,
                                    const arch::ArchSpec &arch,
                                    const SpaceLimits &limits);

} // namespace einsum::mapper

#endif // LIB_MAPPER_CONSTRAINTCHECK_H
