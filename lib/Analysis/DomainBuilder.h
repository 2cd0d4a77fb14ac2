//===- DomainBuilder.h - Which points of an Einsum exist --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to Analysis: fills `EinsumFact::domain` and `points`.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_DOMAINBUILDER_H
#define LIB_ANALYSIS_DOMAINBUILDER_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum {

/// Emits an error and fails where a domain is no conjunction of constraints, or
/// has too many points to count.
mlir::LogicalResult buildDomains(CascadeOp cascade, CascadeFacts &facts);

} // namespace einsum

#endif // LIB_ANALYSIS_DOMAINBUILDER_H
