//===- SweepTasks.h - One design with one workload --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a sweep runs, and what comes of it. See SweepDriver.h.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SWEEPTASKS_H
#define LIB_INIT_SWEEPTASKS_H

#include "lib/Init/SweepSpec.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/JSON.h"

#include <map>

namespace einsum {

struct SweepTask {
  size_t design = 0, workload = 0;
  std::string key;
};

/// A line of the results.
using SweepRecord = llvm::json::Object;

/// All tasks, by design and workload. Fails if a file cannot be read, which is
/// reported.
std::optional<std::vector<SweepTask>> listTasks(const Sweep &sweep);

/// Records of a results file by key; nothing if there is none. A last line that
/// was cut off is left out; other broken ones are reported.
bool readRecords(llvm::StringRef path,
                 std::map<std::string, SweepRecord> &records);

/// Runs tasks, so many at the same time, and hands over each record as it
/// comes. False if the user has interrupted; tasks under way are then lost.
bool runTasks(const Sweep &sweep, llvm::ArrayRef<SweepTask> tasks,
              unsigned jobs, llvm::function_ref<bool(SweepRecord)> finish);

} // namespace einsum

#endif // LIB_INIT_SWEEPTASKS_H
