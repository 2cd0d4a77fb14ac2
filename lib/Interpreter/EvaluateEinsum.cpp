//===- EvaluateEinsum.cpp - The values of one Einsum ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/EvaluateEinsum.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

//===----------------------------------------------------------------------===//
// Preparation
//===----------------------------------------------------------------------===//

EinsumEvaluator::EinsumEvaluator(EinsumKernel &kernel, const Presence &presence,
                                 ArrayRef<const Tensor *> operands,
                                 ArrayRef<Tensor *> results)
    : kernel(kernel), operands(operands), results(results),
      coordinates(kernel.countCoordinates(), 0),
      levels(kernel.reductions.size() + 1),
      registers(kernel.map.makeRegisters()) {
  for (const KernelAccess &access : kernel.accesses)
    reads.push_back(makeCursor(access));
  written.strides.assign(kernel.ranks.size(), 0);
  int64_t stride = 1;
  for (unsigned dim : llvm::reverse(kernel.kept)) {
    written.strides[dim] = stride;
    stride *= kernel.extents[dim];
  }
  // Conditions of level 0 are in the presence of the results already.
  for (const Condition &condition : kernel.conditions)
    if (unsigned level = kernel.getLevel(condition.index.getDimSet()))
      levels[level - 1].conditions.push_back(&condition);
  for (const PresenceCondition &condition : presence.getConditions(kernel))
    if (unsigned level = kernel.getLevel(condition.dimSet))
      levels[level - 1].presence.push_back(&condition);
  for (Level &level : levels)
    level.value.resize(results.size(), Scalar::ofInteger(0));
  for (StringAttr rank : kernel.map.getIndexRanks())
    indexDims.push_back(llvm::find(kernel.ranks, rank) - kernel.ranks.begin());
}

EinsumEvaluator::Cursor
EinsumEvaluator::makeCursor(const KernelAccess &access) const {
  Cursor cursor;
  cursor.strides.assign(kernel.ranks.size(), 0);
  int64_t stride = 1;
  for (auto [index, extent] : llvm::zip_equal(llvm::reverse(access.indices),
                                              llvm::reverse(access.extents))) {
    cursor.isLinear &= index.isLinear() && access.opaque == 0;
    if (!cursor.isLinear)
      break;
    cursor.position += stride * index.getConstant();
    for (unsigned dim = 0; dim < kernel.ranks.size(); ++dim)
      cursor.strides[dim] += stride * index.getCoefficient(dim);
    stride *= extent;
  }
  return cursor;
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

void EinsumEvaluator::moveTo(unsigned dim, int64_t coordinate) {
  int64_t steps = coordinate - coordinates[dim];
  coordinates[dim] = coordinate;
  written.position += steps * written.strides[dim];
  for (Cursor &read : reads)
    read.position += steps * read.strides[dim];
}

bool EinsumEvaluator::holds(const Level &level) const {
  const int64_t *point = coordinates.data();
  for (const Condition *condition : level.conditions)
    if (!condition->holds(point))
      return false;
  for (const PresenceCondition *condition : level.presence)
    if (!condition->holds(kernel, point))
      return false;
  return true;
}

LogicalResult EinsumEvaluator::run(ArrayRef<LoopStep> around) {
  if (visitKept(0, around))
    return success();
  if (outside)
    return kernel.refuseOutside(outside->first, outside->second,
                                coordinates.data());
  return failed->source->emitError() << "divides an integer by zero at "
                                     << kernel.printPoint(coordinates.data());
}

bool EinsumEvaluator::visitKept(size_t k, ArrayRef<LoopStep> around) {
  if (k == kernel.kept.size())
    return evaluateElement();
  unsigned dim = kernel.kept[k];
  for (const LoopStep &loop : around)
    if (loop.rank == kernel.ranks[dim]) {
      moveTo(dim, loop.coordinate);
      return visitKept(k + 1, around);
    }
  for (int64_t i = 0; i < kernel.extents[dim]; ++i) {
    moveTo(dim, i);
    if (!visitKept(k + 1, around))
      return false;
  }
  return true;
}

bool EinsumEvaluator::evaluateElement() {
  if (!results[0]->isPresent(written.position))
    return true;
  if (!evaluateLevel(0))
    return false;
  for (auto [result, value, stored] :
       llvm::zip_equal(results, levels[0].value, kernel.stored))
    result->values[written.position] = stored ? stored->fit(value) : value;
  return true;
}

/// Sets the value of a level: of a reduction, or of the map innermost.
bool EinsumEvaluator::evaluateLevel(size_t level) {
  if (level == kernel.reductions.size())
    return evaluateMap(levels[level]);
  ArrayRef<Scalar> identity = kernel.reductions[level].monoid.getIdentity();
  llvm::copy(identity, levels[level].value.begin());
  return visitReduced(level, 0);
}

bool EinsumEvaluator::visitReduced(size_t level, size_t k) {
  KernelReduction &reduction = kernel.reductions[level];
  if (k == reduction.dims.size()) {
    if (!holds(levels[level]))
      return true;
    if (!evaluateLevel(level + 1))
      return false;
    failed = reduction.monoid.combine(levels[level].value.data(),
                                      levels[level + 1].value.data());
    return !failed;
  }
  unsigned dim = reduction.dims[k];
  for (int64_t i = 0; i < kernel.extents[dim]; ++i) {
    moveTo(dim, i);
    if (!visitReduced(level, k + 1))
      return false;
  }
  return true;
}

/// Reads the value of an operand as a coordinate.
void EinsumEvaluator::gather(size_t position, unsigned operand) {
  const int64_t *point = coordinates.data();
  const KernelAccess &access = kernel.accesses[operand];
  int64_t value =
      access.readsInitial(point)
          ? access.initial.integer
          : operands[operand]->values[access.flatten(point)].integer;
  // Beyond the bounds it is outside in any case, and sums would overflow.
  coordinates[kernel.ranks.size() + position] = std::clamp(
      value, -EinsumKernel::kMostGathered, EinsumKernel::kMostGathered);
}

bool EinsumEvaluator::leavesTensor(size_t access) {
  int rank = kernel.accesses[access].findOutside(coordinates.data());
  if (rank >= 0)
    outside = {access, rank};
  return rank >= 0;
}

bool EinsumEvaluator::evaluateMap(Level &level) {
  const int64_t *point = coordinates.data();
  size_t next = 0;
  for (auto [i, operand] : llvm::enumerate(kernel.gathered))
    gather(i, operand);
  for (size_t i = 0; i < reads.size(); ++i, ++next) {
    const KernelAccess &access = kernel.accesses[i];
    if (access.opaque != 0 && leavesTensor(i))
      return false;
    if (access.readsInitial(point))
      registers[next] = access.initial;
    else
      registers[next] =
          operands[i]->values[reads[i].isLinear ? reads[i].position
                                                : access.flatten(point)];
  }
  for (unsigned dim : indexDims)
    registers[next++].integer = point[dim];
  failed = kernel.map.run(registers.data());
  for (size_t i = 0; i < level.value.size(); ++i)
    level.value[i] = kernel.map.getResult(registers.data(), i);
  return !failed;
}
