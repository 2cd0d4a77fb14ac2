//===- Mappings.cpp - Published dataflows, ready to use -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"

using namespace einsum;

void einsum::registerAllMappings() {
  if (findMappingPass("fusemax"))
    return;
  registerMappingPass(createFlat());
  registerMappingPass(createFuseMax());
  registerMappingPass(createFuseMaxUnbound());
  registerMappingPass(createFuseMaxCascade());
  registerMappingPass(createUnfused());
  registerMappingPass(createStreamed());
}
