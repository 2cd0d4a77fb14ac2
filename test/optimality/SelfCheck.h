//===- SelfCheck.h - Is the judge right? ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What can be said of the enumeration without the mapper: spaces small enough
// to count by hand have that many trees, all different; the order of holders
// that stand directly below one another, which is left out, changes nothing.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_SELFCHECK_H
#define TEST_OPTIMALITY_SELFCHECK_H

#include "mlir/IR/MLIRContext.h"

#include <string>

namespace einsum::optimality {

/// What is wrong, in words; empty if nothing is.
std::string checkSizes(mlir::MLIRContext &context);
std::string checkHolderOrder(mlir::MLIRContext &context);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_SELFCHECK_H
