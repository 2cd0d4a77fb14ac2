//===- MachineFloor.cpp - What a machine needs at least -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/MachineFloor.h"

#include "lib/Analysis/Traffic.h"
#include "lib/CostModel/MachineFit.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace einsum;

/// Operators of all points at one array.
static double countJoules(const arch::Array &array, const EinsumFact &einsum) {
  double pj = 0;
  auto add = [&](llvm::StringRef name, uint64_t count) {
    const arch::OpCost *cost = array.findOp(name, einsum.datatype);
    if (cost)
      pj += cost->energyPj * static_cast<double>(count);
    return cost != nullptr;
  };
  for (const auto &[name, count] : einsum.operators)
    if (!add(name, count) && name == "mac") {
      add("mul", count);
      add("add", count);
    }
  return pj * 1e-12 * static_cast<double>(einsum.points);
}

static std::string describeLack(const cost::EinsumFit &fit,
                                const CascadeFacts &facts,
                                const arch::ArchSpec &arch) {
  std::string text = "no array of '" + arch.name + "' can run Einsum '" +
                     facts.einsums[fit.einsum].name + "'";
  for (const cost::ArrayFit &one : fit.arrays)
    text += (&one == &fit.arrays.front() ? ": '" : "; '") +
            arch.arrays[one.array].name + "' lacks " +
            (one.missing.empty() ? std::string("permission, by a constraint")
                                 : llvm::join(one.missing, ", "));
  return text;
}

MachineLoad einsum::computeLoad(const CascadeFacts &facts,
                                const arch::ArchSpec &arch) {
  MachineLoad load;
  cost::MachineFit fit = cost::computeMachineFit(facts, arch);
  load.bytes = fit.compulsoryBytes;
  load.arraySeconds.assign(arch.arrays.size(), 0);
  const arch::Level &backing = arch.levels.front();
  load.joules = std::min(backing.readPj, backing.writePj) * 1e-12 *
                static_cast<double>(load.bytes) /
                static_cast<double>(backing.accessBytes);
  for (const cost::EinsumFit &one : fit.einsums) {
    if (one.best < 0) {
      if (load.lacking.empty())
        load.lacking = describeLack(one, facts, arch);
      continue;
    }
    int array = one.arrays[one.best].array;
    load.arraySeconds[array] += one.arrays[one.best].seconds;
    load.joules += countJoules(arch.arrays[array], facts.einsums[one.einsum]);
  }
  return load;
}

double einsum::estimateSeconds(const CascadeFacts &facts,
                               const arch::ArchSpec &arch) {
  cost::MachineFit fit = cost::computeMachineFit(facts, arch);
  std::vector<double> seconds(arch.arrays.size(), 0);
  for (const cost::EinsumFit &one : fit.einsums) {
    double least = INFINITY;
    int best = -1;
    for (const cost::ArrayFit &array : one.arrays) {
      double rate = static_cast<double>(arch.arrays[array.array].peCount()) *
                    arch.clockHz;
      double taken = static_cast<double>(facts.einsums[one.einsum].points) *
                     static_cast<double>(array.cyclesPerPoint) / rate;
      if (!array.runs() || taken >= least)
        continue;
      least = taken;
      best = array.array;
    }
    if (best < 0)
      return INFINITY;
    seconds[best] += least;
  }
  return std::max(
      getBackingSeconds(static_cast<double>(fit.compulsoryBytes), arch),
      *std::max_element(seconds.begin(), seconds.end()));
}

double einsum::getBackingSeconds(double bytes, const arch::ArchSpec &arch) {
  double rate = 0;
  for (const arch::Level &level : arch.levels) {
    if (level.parent >= 0)
      continue;
    double one = INFINITY;
    if (level.sharedBytesPerS)
      one = *level.sharedBytesPerS;
    else if (level.readBytesPerS || level.writeBytesPerS)
      one = level.readBytesPerS.value_or(0) + level.writeBytesPerS.value_or(0);
    rate += one * static_cast<double>(arch.instances(level));
  }
  return bytes / rate;
}

exporting::QuantizeReport::Floor einsum::makeFloor(const MachineLoad &load,
                                                   const arch::ArchSpec &arch) {
  exporting::QuantizeReport::Floor floor;
  floor.bytes = load.bytes;
  floor.latencySeconds =
      getBackingSeconds(static_cast<double>(load.bytes), arch);
  floor.boundBy = arch.levels.front().name;
  for (auto [seconds, array] : llvm::zip(load.arraySeconds, arch.arrays))
    if (seconds > floor.latencySeconds) {
      floor.latencySeconds = seconds;
      floor.boundBy = array.name;
    }
  floor.energyJoules = load.joules + arch.leakageW() * floor.latencySeconds;
  return floor;
}
