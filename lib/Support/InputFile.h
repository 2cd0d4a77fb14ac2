//===- InputFile.h - Files read within bounds -------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one way in which our tools read a file. A text that a person or a tool
// wrote has a size; a pipe that never ends, or the wrong file of some
// terabytes, is refused before memory is gone:
//
//   readInputFile("/dev/zero")   "the file is larger than 256 MiB"
//
// MLIR's parser descends with the text and has no limit of its own; what is
// nested deeper than any schedule would be is refused by findDeepNesting, with
// its place, before the parser sees it.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_INPUTFILE_H
#define EINSUM_SUPPORT_INPUTFILE_H

#include "lib/Support/SourceLocation.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <optional>

namespace einsum {

constexpr uint64_t kLargestText = 256ull << 20;
constexpr uint64_t kLargestData = 16ull << 30;

/// A file, or standard input for "-". Null, with `reason`, if it cannot be read
/// or is larger than `limit` bytes. Pipes and devices are text.
std::unique_ptr<llvm::MemoryBuffer>
readInputFile(llvm::StringRef path, std::string &reason,
              uint64_t limit = kLargestText);

/// Brackets that may be open at once in MLIR text.
constexpr unsigned kDeepestNesting = 400;

/// Where MLIR text opens more brackets than that, if it does.
std::optional<SourceLocation> findDeepNesting(llvm::StringRef text,
                                              llvm::StringRef file);

} // namespace einsum

#endif // EINSUM_SUPPORT_INPUTFILE_H
