//===- ListDeals.h - Ways to deal ranks to units ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Along one dimension any ranks may be dealt, in so many parts each that the
// product is no more than its size: h by 2 and p by 2 to 4 units. In which
// order they stand changes nothing that a mapping costs, so that one order is
// listed, that of the ranks:
//
//   a: 4, b: 3 to 6 units      -   a 2   a 3   a 4   b 2   b 3
//                              a 2, b 2   a 2, b 3   a 3, b 2
//
// At an array a unit gets one point of each rank dealt there; instances of a
// level get tiles, which may differ in size (NestCounts.h, Deal).
//
// Where that is too much (`fewPairs`), one rank each, and of two ranks those
// that make the busiest unit no slower than one does: the fastest ones. A
// coarse list has as many units as possible in use.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_LISTDEALS_H
#define LIB_MAPPER_NEST_LISTDEALS_H

#include "lib/Mapper/Nest/NestCounts.h"

namespace einsum::mapper {

/// All ways, or, if `nest.mostDeals` says so, the fastest ones, one that needs
/// no holder between its loops among them, and one that deals the least.
std::vector<Deals> listDeals(const EinsumOnArray &nest);
/// Whether instances of levels need not walk their parts, so that no holder has
/// to stand between the loops that deal ranks.
bool isEven(const Deals &way);
/// How many ways there are; nullopt if more than `most`, or if so many come to
/// the same that counting takes long.
std::optional<size_t> countDeals(const EinsumOnArray &nest, size_t most);
/// Whether there is any way that uses as many units as have to be.
bool hasDeals(const EinsumOnArray &nest);

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_LISTDEALS_H
