//===- Simulator.h - A schedule executed, move by move ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The judge of the cost model. It goes through a loop tree step by step and
// does what each node says to real values in real buffers, as
// dialects/Schedule/README.md defines it. Worked on
//
//   Z[m] = A[m,k] * B[k]           M = 2, K = 4
//
//   storage DRAM [A, B, Z]
//     storage buffer [B]           B's four elements are copied to the buffer
//       temporal m tile 1
//         spatial k tile 1         four units run together: m = 0
//           compute Z on pe        each takes A[0,k] from DRAM and B[k] from
//           the
//                                  buffer, multiplies, and adds to Z[0] in DRAM
//
//   DRAM    reads 4 + 2 * 4 elements (B once, a row of A per step), writes 2
//   buffer  writes 4, reads 4: each unit keeps its element of B while m
//   advances pe      2 * 4 mac in two runs Z       as the interpreter has it
//
// - An element is somewhere only because a fill, a drain or a leaf put it
// there.
//   Each copy knows how many points have contributed to it. Reading an element
//   that is not there, or not complete, is refused with the node, the Einsum,
//   the tensor and the coordinates. So are the effects of a wrong schedule:
//   tiles overwritten in place too early, streams that turn back.
// - Counting is a by-product of moving: nothing is counted that is not moved.
// - Stages of a pipeline run in the order of their lags, on the tiles of the
//   iteration that their lag points to.
//
// Two walks. The first has no values and writes down what every visit of a
// storage node will need (Plan.h): a fill has to know it beforehand, as the
// author of an explicitly managed memory does. The second moves (Machine.cpp).
//
// Trusts: the interpreter's scalar arithmetic and its rule for absent elements
// (the reference for both); names of operators. Shares nothing with the cost
// model, the analyses or the transforms, so that agreement with them is
// evidence. Refuses: what is too large to execute one by one.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_SIMULATOR_H
#define LIB_SIMULATOR_SIMULATOR_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Simulator/Timeline.h"

namespace einsum::lowering {
struct CommandStream;
} // namespace einsum::lowering

namespace einsum::sim {

/// What moved at a level. Bytes and accesses are rounded up per transfer.
struct Traffic {
  uint64_t readElements = 0, writeElements = 0;
  uint64_t readBytes = 0, writeBytes = 0;
  uint64_t readAccesses = 0, writeAccesses = 0;

  Traffic &operator+=(const Traffic &other);
  bool operator==(const Traffic &other) const;
};

/// One tensor at one level, by cause.
struct TensorMoves {
  Traffic total;
  Traffic fills, drains; ///< seen from either side
  Traffic operands;      ///< of leaves
  Traffic registers;     ///< of the array's own register file
};

struct LevelMoves {
  Traffic traffic;
  uint64_t peakBytes = 0;
  /// Words delivered to units beyond the first that receives each (multicast).
  uint64_t furtherWords = 0;
};

struct LinkMoves {
  uint64_t bytes = 0;  ///< that passed its busiest wires
  double hopBytes = 0; ///< over all hops
};

struct ArrayWork {
  std::map<std::string, uint64_t> operators;
  double busyCycles = 0;
  /// Words that units add to what another one sends on the way (reduction).
  uint64_t combinedWords = 0;
};

struct EngineWork {
  uint64_t bytes = 0;
  double busyCycles = 0;
};

struct Simulation {
  std::vector<std::string> tensorNames, einsumNames;
  std::vector<LevelMoves> levels;
  std::vector<LinkMoves> links;
  std::vector<ArrayWork> arrays;
  std::vector<EngineWork> engines;
  /// By [tensor * levels + level] and by [einsum * levels + level].
  std::vector<TensorMoves> tensors;
  std::vector<Traffic> einsums;
  /// Runs of every Einsum's leaf, and executed points.
  std::vector<uint64_t> runs, points;
  double cycles = 0;
  std::vector<Task> timeline; ///< empty unless asked for
  interp::TensorMap outputs;  ///< absent elements as in the interpreter
};

struct SimulationOptions {
  interp::Arithmetic arithmetic = interp::Arithmetic::reference();
  bool timeline = false;
  /// Of points of an Einsum and of steps of the schedule.
  int64_t limit = int64_t{1} << 26;
  /// Receives what is done, as commands that Replay.h executes.
  lowering::CommandStream *commands = nullptr;
};

/// Executes a verified mapping of a bound cascade. Inputs are rounded to their
/// format. Emits a located error and fails where something is refused.
mlir::FailureOr<Simulation> simulate(schedule::MappingOp mapping,
                                     const arch::ArchSpec &arch,
                                     const interp::TensorMap &inputs,
                                     const SimulationOptions &options = {});

} // namespace einsum::sim

#endif // LIB_SIMULATOR_SIMULATOR_H
