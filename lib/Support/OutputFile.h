//===- OutputFile.h - Files written whole or not at all ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one way in which our tools write a file. A reader of `result.json` finds
// what was there before, or all of the new text, never half of it: the text
// goes to `result.json.1a2b3c.part` beside it, which takes the file's place
// once every byte has arrived, and goes away if the disk is full, the tool
// fails, or somebody ends it.
//
//   "-"               standard output
//   a link            what it leads to is replaced, not the link
//   a device, a pipe  is written to as it is; there is nothing to replace
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_OUTPUTFILE_H
#define EINSUM_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace llvm {
class raw_ostream;
}

namespace einsum {

/// Writes what `write` prints. Returns why that failed, or an empty text.
[[nodiscard]] std::string
writeOutputFile(llvm::StringRef path,
                llvm::function_ref<void(llvm::raw_ostream &)> write);

} // namespace einsum

#endif // EINSUM_SUPPORT_OUTPUTFILE_H
