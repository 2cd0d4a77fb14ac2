//===- LoadBound.h - No mapping is faster than its arrays -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whatever the loops, an Einsum runs on one array, with at most as many points
// side by side as ranks can be dealt to its units, and an array runs one thing
// at a time. So a mapping takes as long as its busiest array at least, and the
// best binding of Einsums to arrays bounds them all:
//
//   Einsum   2D 256 x 256   1D 256            the least of the busiest:
//   QK       64             16384             QK 2D, RM 1D       64
//   RM       1              1
//
// Bytes are not counted: lib/CostModel/MachineBounds.h bounds those.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_PIPELINES_LOADBOUND_H
#define LIB_MAPPER_PIPELINES_LOADBOUND_H

#include "lib/Mapper/Join/CascadeJoin.h"

namespace einsum::mapper {

/// Into how many parts a rank can be dealt where there is room for so many. A
/// fraction where what several ranks come to along a dimension is bounded.
using UnitsOf = llvm::function_ref<double(const LocalRank &rank, double room)>;

/// The most units along one fan, of one rank or several.
double mostAlong(const EinsumOnArray &nest, UnitsOf unitsOf, const Fan &fan);

/// The least cycles of one Einsum on the array of `nest`.
double leastCycles(const EinsumOnArray &nest, UnitsOf unitsOf);
/// The same for any parts: no mapping takes less.
double leastCycles(const EinsumOnArray &nest);

/// Cycles that can be reached: each rank along one dimension of the array.
double reachedCycles(const EinsumOnArray &nest, UnitsOf unitsOf);

/// The least cycles of the busiest array over all bindings.
double boundLoad(llvm::ArrayRef<EinsumChoices> choices, UnitsOf unitsOf);
/// The same for any parts.
double boundLoad(llvm::ArrayRef<EinsumChoices> choices);

} // namespace einsum::mapper

#endif // LIB_MAPPER_PIPELINES_LOADBOUND_H
