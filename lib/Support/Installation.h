//===- Installation.h - What was installed beside the tools -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Architectures and schemas are installed with the tools, and found from where
// the running program lies, so that an installation can be moved:
//
//   PREFIX/bin/einsum-compile
//   PREFIX/share/einsum-cascade/arch-specs/fusemax-cloud.json
//
// A build tree has the same two folders. No path of the machine that built us
// is looked at.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_INSTALLATION_H
#define EINSUM_SUPPORT_INSTALLATION_H

#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace einsum {

/// PREFIX/share/einsum-cascade of the running program, whether it exists or
/// not.
std::string getSharedFolder();

/// The spec meant by `--arch=TEXT`: TEXT itself if it is "-", a file, or looks
/// like a path; else the installed spec of that name. An unknown name stays.
std::string findArchSpec(llvm::StringRef text);

/// Names of the installed specs, in alphabetical order.
std::vector<std::string> listArchSpecs();

} // namespace einsum

#endif // EINSUM_SUPPORT_INSTALLATION_H
