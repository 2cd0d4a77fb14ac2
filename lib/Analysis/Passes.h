//===- Passes.h - Analyses as compiler passes -------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Analyses whose results einsum-opt shows: as remarks, as attributes, as a
// table. Passes.td says what each one prints.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_PASSES_H
#define LIB_ANALYSIS_PASSES_H

#include "dialects/Einsum/Einsum.h"

#include "mlir/Pass/Pass.h"

namespace einsum {

#define GEN_PASS_DECL
#include "lib/Analysis/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Analysis/Passes.h.inc"

} // namespace einsum

#endif // LIB_ANALYSIS_PASSES_H
