//===- JoinState.cpp - What tells states apart ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/JoinState.h"

using namespace einsum;
using namespace einsum::mapper;

std::vector<int32_t> JoinState::key() const {
  std::vector<int32_t> key;
  for (uint64_t word : done) {
    key.push_back(static_cast<int32_t>(word));
    key.push_back(static_cast<int32_t>(word >> 32));
  }
  auto add = [&](auto... values) {
    (key.push_back(static_cast<int32_t>(values)), ...);
  };
  add(loops.size(), pipelined, openedAt, unfinished, holdsAroundAll);
  for (const SharedLoop &loop : loops)
    add(loop.rank, loop.tile, loop.tile >> 32, loop.direction, loop.owed,
        loop.halo);
  add(pending.size());
  for (const Pending &one : pending) {
    add(one.tensor, one.level, one.depth, one.need, one.whole, one.again,
        one.born, one.lag, one.firstLag, one.lastLag, one.array, one.produced,
        one.lastStep, one.firstStep, one.reduced, one.waits, one.waits >> 32,
        one.reach, one.inside, one.hold, one.users.size());
    for (int user : one.users)
      add(user);
  }
  add(marks.size());
  for (const Mark &mark : marks)
    add(mark.tensor, mark.depth, mark.isHeld);
  add(drains.size());
  for (const Drain &drain : drains)
    add(drain.einsum, drain.array, drain.depth, drain.steps);
  for (const StagePattern &pattern : patterns)
    add(pattern.firstStep, pattern.lastStep);
  return key;
}
