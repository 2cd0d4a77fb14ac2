//===- Efforts.h - From quick searches to thorough ones ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where nests are many, searches of a few of them come first. Each is measured
// by those before, and gives the best so far if time ends:
//
//   instant sketches               a layer of a language model: 0.2 s
//   sketches, no shared loops      the same: 1 s
//   ... one, two shared loops
//   few tiles, ever more           with pipelines, in any order
//   the last search                all that is in the space
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_EFFORTS_H
#define LIB_MAPPER_EFFORTS_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// A search of a part of the space: how much is looked at.
struct Effort {
  int coarse = 0;                       ///< NestLimits
  bool sketch = false, instant = false; ///< NestLimits
  unsigned loops = 1;                   ///< that neighbours share
  bool pipelines = true, reorder = true;
  size_t beam = 0; ///< entries per state; 0: all
  /// States of a join, beyond which the least promising are dropped; 0: none
  /// are.
  size_t states = 0;
};

/// Searches that give a first mapping and measures for the last one, from quick
/// to thorough. Sketches share few loops, and no pipelines, so that there is
/// something after a second. `isSingle`: a mapping is a measure for others;
/// `sharedLoops`: as many as neighbours may share.
std::vector<Effort> listEfforts(const NestLimits &finest, bool areMany,
                                bool isSingle, unsigned sharedLoops);

/// In one line; `finest` is what nests are left out of at all.
std::string describeEffort(const Effort &effort, const NestLimits &finest);

} // namespace einsum::mapper

#endif // LIB_MAPPER_EFFORTS_H
