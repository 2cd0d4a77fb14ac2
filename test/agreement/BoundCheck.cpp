//===- BoundCheck.cpp - No schedule is below a bound ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/agreement/BoundCheck.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::agreement;

BoundCheck::BoundCheck(const CascadeFacts &facts, const arch::ArchSpec &arch)
    : facts(facts), arch(arch), passes(bounds::collectPassFacts(facts)),
      analysis(facts, arch, passes) {}

std::string BoundCheck::hold(const cost::MachineBounds &bounds,
                             const cost::Evaluation &evaluation) {
  for (const cost::LevelBound &level : bounds.levels)
    beyondCompulsory +=
        level.bound.bytes > 0 && level.bound.name.find("compulsory") != 0;
  std::string text = cost::findViolation(bounds, evaluation, arch);
  double product = bounds.latency.value * bounds.energy.value,
         reached = evaluation.latencySeconds * evaluation.energyJoules();
  if (text.empty() && reached < product)
    text = "the schedule's time times energy is " + std::to_string(reached) +
           " Js, below the product of their bounds";
  return text;
}

std::string BoundCheck::asItIs(schedule::MappingOp mapping,
                               const cost::Evaluation &evaluation) {
  return hold(analysis.compute(mapping, evaluation), evaluation);
}

/// Units along a dimension of an array that the schedule uses at most.
static int64_t countUnits(schedule::MappingOp mapping,
                          const CascadeFacts &facts, llvm::StringRef array,
                          llvm::StringRef dim) {
  int64_t most = 1;
  mapping.walk([&](schedule::LeafOp leaf) {
    if (leaf.getArray() != array)
      return;
    int64_t units = 1;
    for (mlir::Operation *op = leaf->getParentOp(); op;
         op = op->getParentOp()) {
      auto spatial = llvm::dyn_cast<schedule::SpatialOp>(op);
      if (!spatial || spatial.getDim() != dim)
        continue;
      // Whatever is dealt, no more than the extent.
      int64_t extent = facts.ranks[facts.findRank(spatial.getRank())].extent;
      units *= llvm::divideCeil(extent, spatial.getTile());
    }
    most = std::max(most, units);
  });
  return most;
}

std::string BoundCheck::tight(schedule::MappingOp mapping,
                              const cost::Evaluation &evaluation) {
  arch::ArchSpec smaller = arch;
  for (arch::Array &array : smaller.arrays)
    for (arch::ArrayDim &dim : array.dims)
      dim.size = std::min<decltype(dim.size)>(
          dim.size, countUnits(mapping, facts, array.name, dim.name));
  for (size_t level = 1; level < smaller.levels.size(); ++level)
    smaller.levels[level].capacityBytes =
        llvm::divideCeil(evaluation.levels[level].peakBytes,
                         smaller.instances(smaller.levels[level]));
  cost::MachineBoundAnalysis own(facts, smaller, passes);
  return hold(own.compute(mapping, evaluation), evaluation);
}
