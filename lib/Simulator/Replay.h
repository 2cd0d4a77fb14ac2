//===- Replay.h - Commands executed -----------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The machine of lib/Lowering/README.md: it knows the cascade (what a point of
// an Einsum reads, computes and makes) and the architecture, and otherwise only
// the commands. There is no loop tree here, no plan and no guard, so that equal
// values and equal counts say that the stream holds all of them.
//
//   open 1: B at L1 below 0     a buffer without elements
//   load B of 1 from 0: 0..7    eight cells are copied; L0 reads, L1 writes
//   group 3: reads B of 1       from now on, what runs read under 3 is one
//                               transfer
//   run Z: k = 0..7             eight points: operands from the buffers of
//   their
//                               groups, sums to the buffer of the result's
//   end 3                       eight elements are one read of L1
//
// Refuses what a machine could not do: buffers that are not open, elements that
// are not there or not complete, a wait that nobody signals, points outside of
// the cascade; outputs that never arrive.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_REPLAY_H
#define LIB_SIMULATOR_REPLAY_H

#include "lib/Lowering/CommandStream.h"
#include "lib/Simulator/Points.h"
#include "lib/Simulator/Simulator.h"

namespace einsum::sim {

/// Traffic, operators, points, runs, engines' bytes, links and outputs; no
/// times, peaks or causes. Emits errors at the cascade.
mlir::FailureOr<Simulation> replay(const lowering::CommandStream &stream,
                                   CascadeOp cascade,
                                   const arch::ArchSpec &arch,
                                   const interp::TensorMap &inputs,
                                   const SimulationOptions &options = {});

/// Inputs in the formats of the arithmetic; outputs with nothing in them.
mlir::LogicalResult prepareTensors(const Points &points,
                                   const interp::TensorMap &given,
                                   const interp::Arithmetic &arithmetic,
                                   interp::TensorMap &inputs,
                                   interp::TensorMap &outputs);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_REPLAY_H
