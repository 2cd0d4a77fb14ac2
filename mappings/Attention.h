//===- Attention.h - Cascades that attention mappings fit -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Patterns in text notation. A cascade with the same dataflow is mapped
// whatever its tensors and ranks are called; the mappings speak of them by
// these names.
//
//===----------------------------------------------------------------------===//

#ifndef MAPPINGS_ATTENTION_H
#define MAPPINGS_ATTENTION_H

#include "llvm/ADT/StringRef.h"

namespace einsum::mappings {

/// Softmax attention with the maximum, the sum and the division of each row in
/// passes of their own.
extern const llvm::StringLiteral threePassAttention;
/// The same in one pass (Nayak et al., MICRO 2024, Cascade 5).
extern const llvm::StringLiteral onePassAttention;

} // namespace einsum::mappings

#endif // MAPPINGS_ATTENTION_H
