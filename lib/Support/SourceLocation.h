//===- SourceLocation.h - A place in a text file ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_SOURCELOCATION_H
#define EINSUM_SUPPORT_SOURCELOCATION_H

#include <string>

namespace einsum {

/// A place in a text file. Lines and columns count from 1, columns in bytes as
/// compilers count them; line 0 means the file as a whole.
struct SourceLocation {
  std::string file;
  unsigned line = 0;
  unsigned col = 0;
};

} // namespace einsum

#endif // EINSUM_SUPPORT_SOURCELOCATION_H
