//===- UnitShares.h - How many units have a word together -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Units that differ along ranks which an operand lacks share its words. Each
// operand would have all of them along such ranks, but units are dealt once:
//
//   GEMM, 256 units, u along m, v along n, u v <= 256
//   A costs a / v, B costs b / u: together 2 sqrt(a b / (u v)) at least
//
// That is the inequality of weighted means: for weights w that add up to 1,
// a sum of terms c / s is no less than the product of (c / w / s)^w, in which
// the shares s come to a product over ranks that the units bound.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_UNITSHARES_H
#define LIB_MAPPER_UNITSHARES_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// The most units, of fan-outs inside of `stage`, that differ along `ranks`
/// only, a mask.
double mostSharing(const EinsumOnArray &nest, int stage, uint32_t ranks);

/// A cost that falls with the units inside of `stage` that differ along `ranks`
/// only.
struct SharedTerm {
  double cost = 0;
  uint32_t ranks = 0;
  int stage = 0;
};

/// The least that terms come to in sum, however ranks are dealt to units.
double boundShared(const EinsumOnArray &nest, llvm::ArrayRef<SharedTerm> terms);

} // namespace einsum::mapper

#endif // LIB_MAPPER_UNITSHARES_H
