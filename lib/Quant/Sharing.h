//===- Sharing.h - Ranks that a storage leaves out --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One text for tensors of other ranks: who sums W[d,g,r,e] over d reads
//
//   int4 group(128)   as   int4 group(128) d
//   int8 channel      as   int8 channel g channel r channel e
//   mxfp4             as   mxfp4 block d
//   fp8e4m3           as   fp8e4m3, which has no scale
//
// A format with scales that says nothing gets `block` where it is made for
// blocks, and `channel` elsewhere.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_SHARING_H
#define LIB_QUANT_SHARING_H

#include "lib/Support/Formats/Storage.h"

namespace einsum::quant {

/// What is wrong with a storage text whose ranks may be left out, or empty.
std::string checkFormat(llvm::StringRef storage);

/// The storage of a tensor that is summed over `summed` (the innermost last)
/// and otherwise kept apart along `kept`, or what is wrong.
std::variant<formats::Storage, std::string>
completeStorage(llvm::StringRef storage, llvm::ArrayRef<std::string> kept,
                llvm::ArrayRef<std::string> summed);

} // namespace einsum::quant

#endif // LIB_QUANT_SHARING_H
