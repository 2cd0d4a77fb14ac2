//===- RunningRoom.h - Whether last steps have the room they take -*-
//C++-*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where only the last steps of a recurrence are held (section 6 of
// dialects/Schedule/README.md), the room follows from a rule. Here it is held
// against what happens: an element takes its place from when it is made until
// it is read for the last time, so that the most that are there at once must
// not be more than is reserved.
//
//   a 0: RM[0] made                      1
//   a 1: RM[1] made, PRM reads RM[0]     2: of RM[0] and RM[1] both are needed
//
// A run of a leaf is one moment: what it makes may stand where what it reads
// was. Stages of one slot of a pipeline work at the same time, so that what
// another stage than the producer's reads is there until the slot ends.
//
// Looked at where leaves touch the node itself; what nodes further in fetch and
// deliver is not followed.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_RUNNINGROOM_H
#define LIB_SIMULATOR_RUNNINGROOM_H

#include "lib/Simulator/Plan.h"

#include <map>

namespace einsum::sim {

class RunningRoom {
public:
  RunningRoom(const Points &points, const Program &program, const Plan &plan);

  /// One of these at each run in which a leaf touches an element at its home.
  void read(int leaf, const Port &port, int64_t visit, int unit,
            int64_t element, uint64_t run);
  void make(int leaf, const Port &port, int64_t visit, int unit,
            int64_t element, uint64_t run);
  /// All stages of the slot have run.
  void endSlot(int pipeline, uint64_t run);
  /// The visit is over: false, with an error, if it took more than is reserved.
  bool close(int node, int64_t visit);

private:
  struct Life {
    uint64_t from = 0, to = 0;
    bool waits = false; ///< for the end of a slot
  };
  struct Place {
    int node, slot, unit;
    int64_t visit;
    bool operator<(const Place &other) const {
      return std::tie(node, visit, slot, unit) <
             std::tie(other.node, other.visit, other.slot, other.unit);
    }
  };
  bool isWatched(const Port &port) const {
    return watched[port.home].size() && watched[port.home][port.slot];
  }
  int pipelineBetween(int leaf, int tensor) const;

  const Points &points;
  const Program &program;
  const Plan &plan;
  std::vector<std::vector<char>> watched;         ///< per node and held tensor
  std::map<Place, std::map<int64_t, Life>> lives; ///< by element
  /// Per pipeline: whose last use its slot ends.
  std::map<int, std::vector<std::pair<Place, int64_t>>> waiting;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_RUNNINGROOM_H
