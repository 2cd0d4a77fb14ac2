//===- Mappings.h - Published dataflows, ready to use -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// README.md lists them. Static libraries drop objects that nothing refers to,
// so registration is a call and not a static object.
//
//===----------------------------------------------------------------------===//

#ifndef MAPPINGS_MAPPINGS_H
#define MAPPINGS_MAPPINGS_H

#include "lib/Plugin/MappingPass.h"

namespace einsum {

/// Makes every mapping of this folder known to `findMappingPass`.
void registerAllMappings();

/// Any cascade on any machine, one Einsum after another.
std::unique_ptr<MappingPass> createStreamed();

/// FLAT (Kao et al., ASPLOS 2023).
std::unique_ptr<MappingPass> createFlat();

/// FuseMax and what its paper compares it with (Nayak et al., MICRO 2024).
std::unique_ptr<MappingPass> createFuseMax();
std::unique_ptr<MappingPass> createFuseMaxUnbound();
std::unique_ptr<MappingPass> createFuseMaxCascade();
std::unique_ptr<MappingPass> createUnfused();

} // namespace einsum

#endif // MAPPINGS_MAPPINGS_H
