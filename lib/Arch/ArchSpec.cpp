//===- ArchSpec.cpp - One machine, as plain facts -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"

using namespace einsum;
using namespace einsum::arch;

static uint64_t countAlong(llvm::ArrayRef<ArrayDim> dims) {
  uint64_t count = 1;
  for (const ArrayDim &dim : dims)
    count *= dim.size;
  return count;
}

uint64_t Array::peCount() const { return countAlong(dims); }

const OpCost *Array::findOp(llvm::StringRef op,
                            llvm::StringRef datatype) const {
  const OpCosts *costs = &ops;
  if (!datatype.empty() && !datatypes.empty()) {
    auto found = opsByDatatype.find(datatype.str());
    if (found == opsByDatatype.end())
      return nullptr;
    costs = &found->second;
  }
  auto cost = costs->find(op.str());
  return cost == costs->end() ? nullptr : &cost->second;
}

template <typename T>
static int indexOf(const std::vector<T> &items, llvm::StringRef name) {
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].name == name)
      return int(i);
  return -1;
}

int ArchSpec::findLevel(llvm::StringRef name) const {
  return indexOf(levels, name);
}

int ArchSpec::findArray(llvm::StringRef name) const {
  return indexOf(arrays, name);
}

int ArchSpec::findEngine(llvm::StringRef name) const {
  return indexOf(engines, name);
}

std::optional<Accounting> Accounting::named(llvm::StringRef name) {
  Accounting accounting;
  accounting.profile = name.str();
  if (name == "default")
    return accounting;
  if (name != "looptree")
    return std::nullopt;
  // Gilbert et al. 2024 (LoopTree) as AccelForge counts it: Einsums in turn,
  // one action per point, transfers perfectly hidden, no second buffers.
  accounting.everyRun = accounting.onePerPoint = true;
  accounting.sequential = accounting.singleBuffers = true;
  return accounting;
}

llvm::ArrayRef<const char *> Accounting::names() {
  static const char *const names[] = {"default", "looptree"};
  return names;
}

uint64_t ArchSpec::instances(const Level &level) const {
  return level.perArray < 0 ? countAlong(level.dims)
                            : arrays[level.perArray].peCount();
}

double ArchSpec::areaUm2() const {
  double area = 0;
  for (const Level &level : levels)
    area += level.areaUm2 * double(instances(level));
  for (const Array &array : arrays)
    area += array.areaUm2PerPe * double(array.peCount());
  return area;
}

double ArchSpec::leakageW() const {
  double leakage = 0;
  for (const Level &level : levels)
    leakage += level.leakageW * double(instances(level));
  for (const Array &array : arrays) // one in each instance around it
    leakage +=
        array.leakageW *
        (array.level < 0 ? 1 : double(countAlong(levels[array.level].dims)));
  return leakage;
}
