//===- Timeline.h - Who does what when --------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One line per piece of work: an array computing a tile, a level moving the
// bytes of a child of a sequence. A resource does one thing at a time.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_TIMELINE_H
#define LIB_SIMULATOR_TIMELINE_H

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace einsum::sim {

struct Task {
  double start = 0, end = 0; ///< cycles
  std::string resource;      ///< an array, or a level's port: "DRAM read"
  std::string node;          ///< "compute QK", "storage buffer"
  std::string tile;          ///< "m=0..4 p=2"
};

/// One JSON object per line: start, end, resource, node, tile.
void writeJsonLines(const std::vector<Task> &timeline, llvm::raw_ostream &os);
/// For chrome://tracing and Perfetto; a cycle is shown as a microsecond.
void writeChromeTrace(const std::vector<Task> &timeline, llvm::raw_ostream &os);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_TIMELINE_H
