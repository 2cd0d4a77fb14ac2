//===- Evaluation.h - What a schedule costs, with its reasons ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An Evaluation is a total and its parts: per level, per array, per Einsum and
// per tensor at a level. Counts are exact 64-bit integers; energies (pJ) and
// times (s, cycles) are doubles. Indices are those of CascadeFacts and
// ArchSpec.
//
// Accounting, by example: a tile of 256 elements of 2 bytes read from a level
// whose access moves 512 bytes is 512 bytes and 1 access; 100 elements are 200
// bytes and 1 access. Energy is charged per access.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_EVALUATION_H
#define LIB_COSTMODEL_EVALUATION_H

#include <cstdint>
#include <string>
#include <vector>

namespace einsum::cost {

/// Data moved at one level: bytes that are useful, and charged accesses.
struct Traffic {
  uint64_t readBytes = 0, writeBytes = 0;
  uint64_t readAccesses = 0, writeAccesses = 0;

  Traffic &operator+=(const Traffic &other);
  /// As `+=`, but says whether a sum exceeded 64 bits.
  bool addOverflows(const Traffic &other);
  uint64_t bytes() const { return readBytes + writeBytes; }
};

/// One level's share. `peakBytes` is the most that the schedule holds there at
/// once, over all instances; `busySeconds` is transfer time at full bandwidth.
struct LevelCost {
  Traffic traffic;
  uint64_t peakBytes = 0;
  double energyPj = 0; ///< of reads, writes and multicast
  double readPj = 0, writePj = 0, multicastPj = 0;
  double busySeconds = 0;
  /// Which limit `busySeconds` comes from: "read", "write", "shared", "ports"
  /// or nothing.
  const char *limit = "";
};

/// One array's share. `busyCycles` counts cycles in which it issues;
/// `utilization` weighs them by the share of units in use, over all cycles.
struct ArrayCost {
  double busyCycles = 0, utilization = 0;
  double energyPj = 0;             ///< operators and `reductionPj`
  double reductionPj = 0;          ///< sums over units on their way out
  std::vector<uint64_t> operators; ///< per name in Evaluator::operatorNames()
  std::vector<double> operatorPj;  ///< the same
};

/// One DMA engine's share.
struct EngineCost {
  uint64_t bytes = 0;
  double busyCycles = 0;
};

/// One link's share: what passes its busiest wires, all instances together, and
/// what all hops cost.
struct LinkCost {
  uint64_t bytes = 0;
  double energyPj = 0, busySeconds = 0;
};

/// One Einsum's share: the cycles its array spends on it, what its accesses and
/// the tiles fetched for it move at each level, and the energy of its
/// operators.
struct EinsumCost {
  uint64_t points = 0; ///< executed; more than there are where halos overlap
  double cycles = 0, utilization = 0, operatorEnergyPj = 0;
  /// What takes longest for it alone: its array, or a level; its cycles there.
  std::string boundBy;
  double boundCycles = 0;
};

/// The parts of the total energy, in pJ.
struct EnergyBreakdown {
  double operators = 0;
  double memories = 0;  ///< shared levels
  double registers = 0; ///< levels private to the units of an array
  double links = 0;
  double leakage = 0;

  double total() const {
    return operators + memories + registers + links + leakage;
  }
};

/// The parts of the total time, in cycles; they sum to Evaluation::cycles.
struct TimeBreakdown {
  double work = 0;         ///< the busiest array or engine of each moment
  double startUp = 0;      ///< arrays filling and draining, operator latencies
  double sums = 0;         ///< sums draining through units between Einsums
  double pipelineFill = 0; ///< partly empty slots
  double firstTiles = 0;   ///< tiles that nothing hides ("buffered" overlap)
  double transfers = 0;    ///< waiting for memories beyond all of that

  double total() const {
    return work + startUp + sums + pipelineFill + firstTiles + transfers;
  }
};

struct Evaluation {
  double cycles = 0;
  double latencySeconds = 0;
  TimeBreakdown time;
  EnergyBreakdown energy;
  std::vector<LevelCost> levels;
  std::vector<ArrayCost> arrays;
  std::vector<EngineCost> engines;
  std::vector<LinkCost> links;
  std::vector<EinsumCost> einsums;
  /// Traffic by [tensor * levels + level] and by [einsum * levels + level].
  std::vector<Traffic> tensorTraffic, einsumTraffic;
  /// What sets the latency: the name of an array, an engine or a level, or
  /// "link into " and a name.
  std::string boundBy;

  double energyJoules() const { return energy.total() * 1e-12; }
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_EVALUATION_H
