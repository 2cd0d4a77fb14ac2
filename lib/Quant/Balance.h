//===- Balance.h - Channels scaled so that blocks suit them -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// In a block the step is that of its largest channel. Multiplying the small
// ones takes that much off their error, and what they are multiplied with
// elsewhere is divided by it (Xiao et al. 2023, SmoothQuant, here between keys
// and queries):
//
//   K[m,e]  = X[m,d] * WK[d,e]      s(e) into WK
//   Q[p,e]  = X[p,d] * WQ[d,e]      1 / s(e) into WQ
//   QK[p,m] = Q[p,e] * K[m,e]       as before
//
// Which tensors take s, and which 1 / s, is a system of linear equations over
// their powers of s: that of a product is the sum of those of its factors,
// terms of a sum have the same, an exponential has none, nor has what is summed
// over e.
//
//   power(K) = 1, power(Q) + power(K) = 0, power(Q) = power(WQ)
//
// Refuses, naming the Einsum, where no powers solve it (a nonlinear function or
// a norm between the weights and the tensor that is stored), where inputs that
// nobody prepares would take some, and where an Einsum has the channels twice.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_BALANCE_H
#define LIB_QUANT_BALANCE_H

#include "lib/Quant/SelectTensors.h"
#include "lib/Transforms/Inlining.h"

#include <map>

namespace einsum::quant {

/// Powers of s that tensors take; those with none are left out.
using ScalePowers = std::map<std::string, int>;

/// Scales along `moved`: ranks that have the coordinate of one rank. Returns
/// powers of 1 and -1, or what stands against it.
std::variant<ScalePowers, std::string>
findScalePowers(CascadeEditor &editor, llvm::ArrayRef<Statement> statements,
                const RankSet &moved, const Assignment &assignment,
                llvm::ArrayRef<Assignment> assignments);

} // namespace einsum::quant

#endif // LIB_QUANT_BALANCE_H
