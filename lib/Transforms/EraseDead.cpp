//===- EraseDead.cpp - Erase Einsums on which no output depends -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Canonicalisation erases an Einsum without users; recurrences use one another
// and need the search from the outputs.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"
#include "lib/Transforms/Passes.h"

namespace einsum {
#define GEN_PASS_DEF_ERASEDEAD
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace einsum;

namespace {
struct EraseDeadPass : impl::EraseDeadBase<EraseDeadPass> {
  void runOnOperation() override { CascadeEditor(getOperation()).eraseDead(); }
};
} // namespace
