//===- LibFuzzer.cpp - Targets as libFuzzer knows them --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One executable per target, einsum-fuzz-NAME; the build defines TARGET.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Targets.h"

#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const einsum::fuzz::Target *target = einsum::fuzz::findTarget(TARGET);
  std::string wrong = target->run({reinterpret_cast<const char *>(data), size});
  if (wrong.empty())
    return 0;
  llvm::errs() << TARGET << ": " << wrong << "\n";
  std::abort();
}
