//===- LowRankCode.h - Codes, a thin product and outliers -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal: Encode.h for matrices as GEAR stores them (Kang et al. 2024). Of a
// matrix X the greatest and the least elements are kept as they are; the rest
// is quantised along groups of a row, q = (x - min) / s in n bits with min and
// s in f16; and what that misses, R = X - Q, is approximated by a product of
// two thin matrices, found by a few steps of subspace iteration:
//
//   P = R B, orthonormal columns; B = R' P; again; then R ~ P B'
//
// Deterministic: the first B is a fixed sequence of numbers.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_LOWRANKCODE_H
#define EINSUM_SUPPORT_FORMATS_LOWRANKCODE_H

#include "lib/Support/Formats/Encode.h"

namespace einsum::formats {

Encoded encodeLowRank(const Format &format, const Region &region,
                      llvm::ArrayRef<double> values,
                      llvm::ArrayRef<uint8_t> present);
std::vector<double> decodeLowRank(const Format &format, const Region &region,
                                  const Encoded &encoded);

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_LOWRANKCODE_H
