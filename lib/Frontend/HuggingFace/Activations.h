//===- Activations.h - Scalar functions of feed-forward layers --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What configs call an activation, and what it is in the text notation.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_ACTIVATIONS_H
#define LIB_FRONTEND_HUGGINGFACE_ACTIVATIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace einsum::frontend {

struct Activation {
  llvm::StringRef name;     ///< in a config
  llvm::StringRef function; ///< in a cascade
  llvm::StringRef body;     ///< of `x`
};

llvm::ArrayRef<llvm::StringRef> getActivationNames();
/// Null if there is none of this name.
const Activation *findActivation(llvm::StringRef name);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_ACTIVATIONS_H
