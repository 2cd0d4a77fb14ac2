//===- Pareto.h - Keeping what nothing else beats ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of entries with a `costs` vector, those that no other is at least as good as
// in every axis. Of equal ones the first stays, so the result depends on the
// order of what is put in, and on nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_PARETO_H
#define LIB_MAPPER_NEST_PARETO_H

#include "lib/Mapper/Nest/Costs.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <algorithm>
#include <vector>

namespace einsum::mapper {

template <typename First, typename Second>
bool isNoWorse(const First &a, const Second &b, int axes) {
  for (int i = 0; i < axes; ++i)
    if (a[i] > b[i])
      return false;
  return true;
}

/// Keeps the Pareto set of `entries`, sorted by costs; returns how many went.
/// Once it should stop, what it has not looked at stays.
template <typename Entry>
size_t keepPareto(std::vector<Entry> &entries, int axes,
                  llvm::function_ref<bool()> shouldStop = {}) {
  size_t before = entries.size();
  if (before < 2)
    return 0;
  llvm::SmallVector<int, 16> varying;
  for (int axis = 0; axis < axes; ++axis)
    if (llvm::any_of(entries, [&](const Entry &entry) {
          return entry.costs[axis] != entries.front().costs[axis];
        }))
      varying.push_back(axis);
  std::vector<uint32_t> order(before);
  for (uint32_t i = 0; i < before; ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    for (int axis : varying)
      if (entries[a].costs[axis] != entries[b].costs[axis])
        return entries[a].costs[axis] < entries[b].costs[axis];
    return a < b;
  });
  // Whatever beats an entry comes before it. In two axes that is the last one
  // kept, if anything is.
  std::vector<Entry> kept;
  std::vector<double> rows, row(varying.size());
  size_t seen = 0, width = row.size();
  bool stopped = false;
  for (uint32_t i : order) {
    stopped |= shouldStop && ++seen % 64 == 0 && shouldStop();
    for (size_t k = 0; k < width; ++k)
      row[k] = entries[i].costs[varying[k]];
    size_t least = width > 2 || kept.empty() ? 0 : kept.size() - 1;
    bool beaten = false;
    for (size_t j = kept.size(); j-- > least && !beaten && !stopped;)
      beaten = isNoWorse(rows.data() + j * width, row, static_cast<int>(width));
    if (beaten)
      continue;
    kept.push_back(std::move(entries[i]));
    rows.insert(rows.end(), row.begin(), row.end());
  }
  entries = std::move(kept);
  return before - entries.size();
}

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_PARETO_H
