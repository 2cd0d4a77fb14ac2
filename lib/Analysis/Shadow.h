//===- Shadow.h - Sets without the variables that do not matter -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "Some m1 and m0 give t = m1*M0 + m0 with t <= p" says no more than "t <= p":
// a variable that is only claimed to exist can be removed by combining each of
// its lower bounds with each of its upper ones (Fourier and Motzkin). Over the
// integers the result,
//
//   a x + L >= 0,  U - b x >= 0   gives   a U + b L >= 0
//
// is a shadow: an integer x need not exist above all of it. It does above the
// dark shadow a U + b L >= (a - 1)(b - 1) (Pugh, The Omega test, 1991), and
// where both are equal the removal is exact. With the coordinates of tiles,
//
//   M0 m1 >= t - M0 + 1,  M0 m1 <= t     a U + b L = M0 (M0 - 1) >= (M0 - 1)^2
//
// it always is. `removeExactly` removes what it can without changing the set.
// `shrink` removes the rest by dark shadows, up to variables that are
// quotients, so that the result is a subset; nothing here searches, as the
// general elimination does, which may take hours for two tiles under a window.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_SHADOW_H
#define LIB_ANALYSIS_SHADOW_H

#include "mlir/Analysis/Presburger/IntegerRelation.h"

namespace einsum {

/// The same set with fewer local variables.
mlir::presburger::IntegerPolyhedron
removeExactly(const mlir::presburger::IntegerPolyhedron &set);

/// A subset whose local variables are all quotients; nullopt if an equality
/// ties several of them together, or if it takes more constraints than are
/// worth it.
std::optional<mlir::presburger::IntegerPolyhedron>
shrink(const mlir::presburger::IntegerPolyhedron &set);

} // namespace einsum

#endif // LIB_ANALYSIS_SHADOW_H
