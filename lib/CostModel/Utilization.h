//===- Utilization.h - How busy each part is --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_UTILIZATION_H
#define LIB_COSTMODEL_UTILIZATION_H

#include "lib/CostModel/Bandwidth.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::cost {

/// Of arrays, engines, levels and links, once `result` has its latency;
/// `visits(id)` are those of a node by all units together, in which something
/// runs.
void computeUtilization(const LoopTree &tree, Scratch &scratch,
                        const Bandwidth &bandwidth,
                        llvm::function_ref<double(int)> visits,
                        Evaluation &result);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_UTILIZATION_H
