//===- ExitCode.h - How a tool ends -----------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_EXITCODE_H
#define LIB_INIT_EXITCODE_H

namespace einsum {

/// What every tool of ours exits with.
enum class ExitCode : int {
  Ok = 0,
  BadInput = 1,
  Infeasible = 2,
  LimitReached = 3,
  InternalError = 4
};

} // namespace einsum

#endif // LIB_INIT_EXITCODE_H
