//===- CertainBound.cpp - What every mapping costs ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/CertainBound.h"

#include "lib/Arch/Delivery.h"
#include "lib/Mapper/Pipelines/LoadBound.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

/// Elements that the accesses of one Einsum touch at least.
static uint64_t countTouched(const EinsumOnArray &nest,
                             const Operand &operand) {
  llvm::SmallVector<int64_t, 8> whole;
  uint64_t words = 1;
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    whole.push_back(rank.extent);
    if (operand.usesRank(static_cast<int>(r)))
      words *= static_cast<uint64_t>(rank.extent);
  }
  return nest.cut ? nest.cut->largest(nest.indexOf(operand), whole) : words;
}

CompulsoryBytes mapper::countCompulsory(const CascadeFacts &facts,
                                        llvm::ArrayRef<EinsumChoices> choices) {
  std::vector<uint64_t> words(facts.tensors.size(), 0);
  for (const EinsumChoices &choice : choices) {
    if (choice.nests.empty())
      continue;
    const EinsumOnArray &nest = *choice.nests.front();
    for (const Operand &operand : nest.operands)
      words[operand.tensor] =
          std::max(words[operand.tensor], countTouched(nest, operand));
  }
  CompulsoryBytes bytes;
  for (auto [tensor, count] : llvm::zip(facts.tensors, words)) {
    if (tensor.isInput)
      bytes.read += tensor.bytes(count);
    if (tensor.isOutput && tensor.producer >= 0)
      bytes.written += tensor.bytes(count);
  }
  return bytes;
}

/// Seconds in which the backing level moves them.
static double transferSeconds(const arch::Level &level,
                              const CompulsoryBytes &bytes) {
  auto over = [](uint64_t moved, const std::optional<double> &bandwidth) {
    return bandwidth && *bandwidth > 0 ? static_cast<double>(moved) / *bandwidth
                                       : 0;
  };
  return std::max({over(bytes.read, level.readBytesPerS),
                   over(bytes.written, level.writeBytesPerS),
                   over(bytes.read + bytes.written, level.sharedBytesPerS)});
}

/// Before the first point and after the last one. Words of an only Einsum all
/// come from the backing level.
static double startUpOf(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                        bool isOnly) {
  if (nest.points == 0)
    return 0;
  double cycles = nest.startUpCycles;
  bool reads = llvm::any_of(nest.operands, [&](const Operand &operand) {
    return !operand.isWritten() && nest.readsSurely(operand);
  });
  if (!isOnly || !reads)
    return cycles;
  cycles += static_cast<double>(arch.levels[0].latencyCycles);
  for (int id : arch::linksBetween(arch::linksInto(arch, 0),
                                   arch::linksIntoArray(arch, nest.array)))
    cycles += static_cast<double>(arch.links[id].latencyCycles *
                                  arch.longestWay(arch.links[id]));
  return cycles;
}

static double loadCycles(llvm::ArrayRef<EinsumChoices> choices,
                         const arch::ArchSpec &arch, bool overlaps) {
  if (overlaps)
    return boundLoad(choices);
  double cycles = 0;
  for (const EinsumChoices &choice : choices) {
    double least = INFINITY;
    for (const auto &nest : choice.nests)
      least = std::min(least, leastCycles(*nest) +
                                  startUpOf(*nest, arch, choices.size() == 1));
    cycles += std::isinf(least) ? 0 : least;
  }
  return cycles;
}

static double operatorPj(llvm::ArrayRef<EinsumChoices> choices) {
  double energy = 0;
  for (const EinsumChoices &choice : choices) {
    double least = INFINITY;
    for (const auto &nest : choice.nests)
      least = std::min(least, static_cast<double>(nest->points) *
                                  nest->energyPerPoint);
    energy += std::isinf(least) ? 0 : least;
  }
  return energy;
}

CertainBound mapper::boundCertainly(const CascadeFacts &facts,
                                    const arch::ArchSpec &arch,
                                    llvm::ArrayRef<EinsumChoices> choices,
                                    Metric metric, int level, bool overlaps) {
  const arch::Level &backing = arch.levels[0];
  CompulsoryBytes bytes = countCompulsory(facts, choices);
  double busy = loadCycles(choices, arch, overlaps) / arch.clockHz,
         moving = transferSeconds(backing, bytes);
  double seconds = std::max(busy, moving);
  double accesses = 1 / static_cast<double>(backing.accessBytes);
  double joules =
      1e-12 *
          (operatorPj(choices) +
           accesses * static_cast<double>(bytes.read) * backing.readPj +
           accesses * static_cast<double>(bytes.written) * backing.writePj) +
      arch.leakageW() * seconds;
  std::string timeName =
      busy >= moving ? (overlaps ? "the busiest array, over all bindings"
                                 : "what its arrays take")
                     : "inputs and outputs cross '" + backing.name + "' once";
  std::string energyName = "operators, inputs and outputs once";
  switch (metric) {
  case Metric::latency:
    return {seconds, timeName};
  case Metric::energy:
    return {joules, energyName};
  case Metric::edp:
    return {joules * seconds, energyName + "; " + timeName};
  case Metric::traffic:
    if (level > 0)
      return {0, ""};
    return {static_cast<double>(bytes.read + bytes.written),
            "inputs and outputs once"};
  case Metric::capacity:
    break;
  }
  return {0, ""};
}
