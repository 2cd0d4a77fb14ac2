//===- Passes.h - Rewrites of cascades --------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Passes that replace a cascade by one with the same value. What each one does,
// by which law and under which conditions, stands in Passes.td and, as a table,
// in README.md. Passes run on one cascade each:
//
//   einsum-opt --einsum-reduce-passes attention.ein
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_PASSES_H
#define LIB_TRANSFORMS_PASSES_H

#include "dialects/Einsum/Einsum.h"

#include "mlir/Pass/Pass.h"

namespace einsum {

#define GEN_PASS_DECL
#include "lib/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Passes.h.inc"

} // namespace einsum

#endif // LIB_TRANSFORMS_PASSES_H
