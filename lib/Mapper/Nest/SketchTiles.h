//===- SketchTiles.h - Tiles that ways to deal ranks need -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sketch knows which ways to deal ranks to units it will try; tiles that none
// of them starts from, or leaves, are no use to it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_SKETCHTILES_H
#define LIB_MAPPER_NEST_SKETCHTILES_H

#include "lib/Mapper/Nest/ListDeals.h"

namespace einsum::mapper {

/// Where tiles are few, those that the fastest `mostWays` of the ways to deal
/// ranks need, and the fastest even one.
void addDealtTiles(EinsumOnArray &nest, llvm::ArrayRef<Deals> ways,
                   size_t mostWays);

/// As many tiles of these ways as make no more than `NestLimits::kMostVectors`
/// vectors, if there are so few; else those of a single way, the fastest.
void keepDealtTiles(EinsumOnArray &nest, std::vector<Deals> ways);

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_SKETCHTILES_H
