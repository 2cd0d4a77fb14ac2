//===- ArchCheckDriver.h - A machine, and a workload on it ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Behind einsum-arch-check. A spec alone is verified and printed; with a
// workload, what can be said of the two before any mapping is (see
// lib/CostModel/MachineFit.h). Exit codes: 1 if the spec or the workload is
// wrong, 2 if the workload cannot run on the machine.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_ARCHCHECKDRIVER_H
#define LIB_INIT_ARCHCHECKDRIVER_H

#include "lib/Init/ExitCode.h"

#include <string>
#include <vector>

namespace einsum {

struct ArchCheckOptions {
  std::string spec;
  std::vector<std::string> set;
  std::string energyProfile, accounting;
  std::string workload, cascade;
  std::vector<std::string> bind;
  std::string json;
};

ExitCode checkArch(const ArchCheckOptions &options);

} // namespace einsum

#endif // LIB_INIT_ARCHCHECKDRIVER_H
