//===- ScheduleProfile.h - What happens where in a schedule -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An Evaluation says what a schedule costs; its profile says where in the loop
// tree: how often each node is visited, what is moved there, which space is
// reserved from which leaf to which, and how one visit is put together in time.
// The same walk computes both, so that the parts add up to the totals.
//
// Time is a tree of blocks, in which equal steps are one block with a count:
//
//   temporal m: 4 steps                 block m    14 cycles
//     sequence                            4 x block sequence
//       temporal e: 8 steps  ... QK         block e    2 cycles    from 0
//       compute LM                          block LM   1 cycle     from 2
//
// A block has what one visit takes. Two things belong to none: a pipeline runs
// dry where its region ends (the part of a sequence around it is longer), and
// what the whole waits for memories (`cycles` of the profile against the sum).
//
// Space: a reservation is one tile of one tensor, or of several that share it,
// at a storage node. It is live while control is below one of the nodes that it
// occupies. Two are live at once if one occupies a node below the other's, or
// both stand in different stages of a pipeline.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_SCHEDULEPROFILE_H
#define LIB_COSTMODEL_SCHEDULEPROFILE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/Evaluation.h"

#include <array>
#include <map>
#include <memory>
#include <optional>

namespace einsum::cost {

/// One visit of a node.
struct TimeBlock {
  struct Part {
    std::shared_ptr<const TimeBlock> block;
    int64_t times = 1; ///< one after another
    double cycles = 0; ///< of one of them, with all it waits for
    double gap = 0;    ///< cycles before what follows can begin
    int64_t lag = 0;   ///< of a stage of a pipeline
    int resource = -1; ///< of a stage: array, or arrays + DMA engine
  };
  int node = -1;
  double cycles = 0;
  std::vector<Part> parts; ///< none for leaves and transfers
  uint64_t digest = 0;     ///< equal blocks have equal ones
};

struct NodeProfile {
  mlir::Operation *op = nullptr;
  int parent = -1, end = 0; ///< the subtree is [this, end)
  /// Visits in which something below happens; 0 if nothing ever does.
  double visits = 0;
  int64_t steps = 1; ///< of a loop, in a full tile
  /// Extent of every rank of the cascade where control reaches the node.
  std::vector<int64_t> tiles;
  /// Moved by what happens at the node itself, per level.
  std::vector<Traffic> moved;
};

/// Space for a tile at a storage node.
struct Reservation {
  int node = -1;
  std::vector<int> tensors; ///< several if they share it
  int level = -1;
  uint64_t words = 0;  ///< of one copy, of the largest tensor
  uint64_t bytes = 0;  ///< of one copy, of the largest tensor
  uint64_t copies = 1; ///< buffers, or slots of a pipeline
  uint64_t units = 1;  ///< that have a tile of their own, over all instances
  std::vector<int> occupied;
  int firstLeaf = -1, lastLeaf = -1; ///< that it is live for, as nodes
};

struct ScheduleProfile {
  std::vector<NodeProfile> nodes; ///< in preorder
  std::vector<int> leaves;
  std::vector<Reservation> reservations;
  /// Bytes reserved at a level while a leaf runs, by [leaf * levels + level];
  /// the largest is the level's peak.
  std::vector<uint64_t> occupancy;
  /// What is moved by (Einsum, tensor, level); Einsum -1: for none of them.
  std::map<std::array<int, 3>, Traffic> traffic;
  std::shared_ptr<const TimeBlock> time;
  double cycles = 0; ///< of the whole

  bool contains(int ancestor, int node) const {
    return ancestor <= node && node < nodes[ancestor].end;
  }
  /// Whether two reservations may have to exist at the same time.
  bool overlap(const Reservation &a, const Reservation &b) const;
};

/// Of a schedule that the cost model can evaluate, whether it fits or not; else
/// nullopt.
std::optional<ScheduleProfile> profileSchedule(schedule::MappingOp mapping,
                                               const CascadeFacts &facts,
                                               const arch::ArchSpec &arch);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_SCHEDULEPROFILE_H
