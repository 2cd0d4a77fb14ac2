//===- Passes.h - Mappings as a compiler pass -------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// --einsum-apply-mapping, described in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_PLUGIN_PASSES_H
#define LIB_PLUGIN_PASSES_H

#include "dialects/Schedule/Schedule.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace einsum {

#define GEN_PASS_DECL
#include "lib/Plugin/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Plugin/Passes.h.inc"

} // namespace einsum

#endif // LIB_PLUGIN_PASSES_H
