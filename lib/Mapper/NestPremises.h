//===- NestPremises.h - What the nests of one Einsum rest on ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The premises of one Einsum's nests and the choices between them, as a
// ConflictProblem; see Infeasibility.h for what is counted.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NESTPREMISES_H
#define LIB_MAPPER_NESTPREMISES_H

#include "lib/Mapper/ConflictProblem.h"
#include "lib/Mapper/Mapper.h"

namespace einsum::mapper {

struct Premise {
  enum class Kind : uint8_t {
    operators,   ///< the Einsum's
    arrayChoice, ///< `index` into Constraints::arrays
    dimension,   ///< into Constraints::dimensions
    mustKeep,    ///< into Constraints::levels
    mayKeep,
    tile,     ///< its tile bound `part`
    capacity, ///< of level `index`
    perfect,  ///< tiles divide their extents
    unfused   ///< every tensor lives at the backing level
  };
  Kind kind = Kind::operators;
  int index = -1, part = -1;
};

struct NestPremises {
  std::vector<Premise> premises;
  ConflictProblem problem;
};

NestPremises collectPremises(const CascadeFacts &facts,
                             const arch::ArchSpec &arch,
                             const SpaceLimits &limits, int einsum);

} // namespace einsum::mapper

#endif // LIB_MAPPER_NESTPREMISES_H
