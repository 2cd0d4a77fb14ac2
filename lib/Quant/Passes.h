//===- Passes.h - Quantisation as a pass ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   einsum-opt --einsum-quantize="spec={weights=int4 group(128)}" layer.ein
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_PASSES_H
#define LIB_QUANT_PASSES_H

#include "dialects/Einsum/Einsum.h"

#include "mlir/Pass/Pass.h"

namespace einsum {

#define GEN_PASS_DECL
#include "lib/Quant/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Quant/Passes.h.inc"

} // namespace einsum

#endif // LIB_QUANT_PASSES_H
