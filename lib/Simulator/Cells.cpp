//===- Cells.cpp - Elements under construction ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Cells.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;
using interp::Scalar;

CellBuilder::CellBuilder(EinsumInfo &einsum)
    : einsum(einsum), results(einsum.op->getNumResults()),
      registers(einsum.kernel->map.makeRegisters()) {
  auto rankOf = [&](unsigned dim) { return einsum.ranks[dim]; };
  for (StringAttr name : einsum.kernel->map.getIndexRanks())
    indexRanks.push_back(rankOf(llvm::find(einsum.kernel->ranks, name) -
                                einsum.kernel->ranks.begin()));
  size_t length = 0;
  for (const interp::KernelReduction &reduction : einsum.kernel->reductions)
    keyLength.push_back(length += reduction.dims.size());
  for (auto [value, format] :
       llvm::zip(einsum.op.getInitialValues(), einsum.kernel->formats))
    initial.push_back(interp::getConstant(value, *format));
}

const interp::Instruction *
CellBuilder::evaluate(ArrayRef<int64_t> coords, ArrayRef<Scalar> operands,
                      SmallVectorImpl<Scalar> &values) {
  llvm::copy(operands, registers.begin());
  for (auto [i, rank] : llvm::enumerate(indexRanks))
    registers[operands.size() + i] = Scalar::ofInteger(coords[rank]);
  if (const interp::Instruction *stuck =
          einsum.kernel->map.run(registers.data()))
    return stuck;
  values.clear();
  for (size_t i = 0; i < results; ++i)
    values.push_back(einsum.kernel->map.getResult(registers.data(), i));
  return nullptr;
}

Cell CellBuilder::makeIdentity() {
  Cell cell;
  for (interp::KernelReduction &reduction : einsum.kernel->reductions)
    llvm::append_range(cell.values, reduction.monoid.getIdentity());
  if (levels() > 1)
    cell.groups = std::make_shared<OpenGroups>();
  return cell;
}

//===----------------------------------------------------------------------===//
// Nested reductions
//===----------------------------------------------------------------------===//

/// Coordinates along the ranks of all levels but the innermost.
std::vector<int64_t> CellBuilder::keyOf(ArrayRef<int64_t> coords) const {
  std::vector<int64_t> key;
  for (const interp::KernelReduction &reduction :
       ArrayRef(einsum.kernel->reductions).drop_back())
    for (unsigned dim : reduction.dims)
      key.push_back(coords[einsum.ranks[dim]]);
  return key;
}

/// Adds what the open group at a level has in groups without points.
void CellBuilder::addEmptyGroups(Cell &cell, int64_t element,
                                 size_t level) const {
  ArrayRef<int64_t> group;
  if (level > 0)
    group = ArrayRef(cell.groups->open).take_front(keyLength[level - 1]);
  if (const EmptyGroups::Values *values =
          einsum.emptyGroups.find(element, group))
    einsum.kernel->reductions[level].monoid.combine(
        &cell.values[level * results], values->data());
}

/// The open group ends: combines each accumulator below level `downTo` into the
/// one around it.
void CellBuilder::fold(Cell &cell, int64_t element, size_t downTo) const {
  for (size_t level = levels() - 1; level > downTo; --level) {
    addEmptyGroups(cell, element, level);
    Scalar *inner = &cell.values[level * results];
    einsum.kernel->reductions[level - 1].monoid.combine(inner - results, inner);
    llvm::copy(einsum.kernel->reductions[level].monoid.getIdentity(), inner);
  }
}

/// The open group ends at all levels below `level`.
void CellBuilder::close(OpenGroups &groups, size_t level) const {
  for (size_t inner = level; inner + 1 < levels(); ++inner)
    groups.closed.insert(std::vector<int64_t>(
        groups.open.begin(), groups.open.begin() + keyLength[inner]));
  groups.isOpen = false;
}

bool CellBuilder::add(Cell &cell, int64_t element, ArrayRef<int64_t> coords,
                      ArrayRef<Scalar> values) {
  ++cell.contributions;
  if (levels() == 0) {
    cell.values.assign(values.begin(), values.end());
    return true;
  }
  if (levels() > 1) {
    cell.groups =
        std::make_shared<OpenGroups>(*cell.groups); // copies may differ
    OpenGroups &groups = *cell.groups;
    std::vector<int64_t> key = keyOf(coords);
    if (groups.isOpen && groups.open != key) {
      size_t same = 0, level = 0;
      while (groups.open[same] == key[same])
        ++same;
      while (keyLength[level] <= same)
        ++level;
      fold(cell, element, level);
      close(groups, level);
    }
    for (size_t inner = 0; inner + 1 < levels(); ++inner)
      if (groups.closed.count(std::vector<int64_t>(
              key.begin(), key.begin() + keyLength[inner])))
        return false;
    groups.open = std::move(key);
    groups.isOpen = true;
  }
  return !einsum.kernel->reductions.back().monoid.combine(
      &cell.values[(levels() - 1) * results], values.data());
}

bool CellBuilder::merge(Cell &cell, const Cell &other) {
  cell.contributions += other.contributions;
  if (levels() == 0) {
    cell.values = other.values;
    return true;
  }
  Cell folded = other;
  if (levels() > 1 && other.groups->isOpen &&
      !(cell.groups->isOpen && cell.groups->open == other.groups->open)) {
    // What is open on one side only would have to stay open.
    if (cell.groups->isOpen)
      return false;
    cell.groups = std::make_shared<OpenGroups>(*cell.groups);
    cell.groups->open = other.groups->open;
    cell.groups->isOpen = true;
  }
  if (levels() > 1) {
    auto both = std::make_shared<OpenGroups>(*cell.groups);
    for (const std::vector<int64_t> &key : other.groups->closed)
      if (!both->closed.insert(key).second)
        return false;
    cell.groups = both;
  }
  for (size_t level = 0; level < levels(); ++level)
    einsum.kernel->reductions[level].monoid.combine(
        &cell.values[level * results], &folded.values[level * results]);
  return true;
}

Scalar CellBuilder::getValue(const Cell &cell, int64_t element, int result) {
  if (levels() <= 1)
    return cell.values[result];
  Cell folded = cell;
  if (cell.groups->isOpen)
    fold(folded, element, 0);
  addEmptyGroups(folded, element, 0);
  return folded.values[result];
}
