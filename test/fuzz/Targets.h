//===- Targets.h - What is fuzzed -------------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each target is a reader of files that people bring. Whatever bytes it gets,
// it answers with a result or with errors, in bounded time and memory. More is
// checked where more is known:
//
//   cascade     what was read is printed, read again, and printed the same
//   model       the cascade written for a config is one that the parser takes
//   timeloop,   the spec written for an imported machine is given to the reader
//   accelforge  of specs
//   timeloop-problem,       the cascade written for an imported workload is
//   accelforge-workload     given to the parser
//   arch, mlir, schedule    no more than an answer
//
// A target returns what is wrong, or an empty text. libFuzzer drives them
// (LibFuzzer.cpp), and the tests replay the corpus (Replay.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_TARGETS_H
#define TEST_FUZZ_TARGETS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace einsum::fuzz {

struct Target {
  llvm::StringLiteral name;
  std::string (*run)(llvm::StringRef input);
};

llvm::ArrayRef<Target> getTargets();
/// Null if there is none of this name.
const Target *findTarget(llvm::StringRef name);

} // namespace einsum::fuzz

#endif // TEST_FUZZ_TARGETS_H
