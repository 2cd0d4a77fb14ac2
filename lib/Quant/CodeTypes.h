//===- CodeTypes.h - Types for codes, scales and stored tensors -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A set of codes as an element type, and the datatype that an array's spec
// calls it by:
//
//   int4      i4                      "i4"
//   E4M3      f8E4M3FN                "f8E4M3FN"
//   E2M1      the format of these codes without a scale   "fp4"
//
// A product of two of them is called by both, the wider first: "bf16*i4", or by
// the one if they are the same.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_CODETYPES_H
#define LIB_QUANT_CODETYPES_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Support/Formats/Storage.h"

namespace einsum::quant {

/// The element type of a tensor so stored, which map expressions see as
/// `expressed`.
mlir::Type getStoredType(const formats::Storage &storage, mlir::Type expressed);

/// The element type of bare codes; null if there is none. Codes that are no
/// builtin type are seen as `expressed`.
mlir::Type getCodeType(const formats::Codes &codes, mlir::Type expressed);

/// Integers around 0: -7 ... 7, maybe times a power of two.
bool isSymmetricInteger(const formats::Codes &codes);
/// That power of two.
double getStep(const formats::Codes &codes);

/// The builtin float of that name: "f16", "bf16", "f32", "e4m3", "e5m2"; null.
mlir::FloatType getFloatType(llvm::StringRef name, mlir::MLIRContext *context);

/// How an array's spec calls an element type: "bf16", "i8", "mxfp4".
std::string getDatatype(mlir::Type element);
/// How it calls a product of two.
std::string joinDatatypes(mlir::Type a, mlir::Type b);

} // namespace einsum::quant

#endif // LIB_QUANT_CODETYPES_H
