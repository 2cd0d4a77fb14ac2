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

#include <algorithm>
#include <vector>

namespace einsum::mapper {

/// Costs that were added up in another order differ in their last bits.
constexpr double kRounding = 1e-13;

template <typename Vector>
bool isNoWorse(const Vector &a, const Vector &b, int axes) {
  for (int i = 0; i < axes; ++i)
    if (a[i] > b[i] && a[i] - b[i] > kRounding * b[i])
      return false;
  return true;
}

/// Keeps the Pareto set of `entries`, sorted by costs; returns how many went.
template <typename Entry>
size_t keepPareto(std::vector<Entry> &entries, int axes) {
  size_t before = entries.size();
  if (before < 2)
    return 0;
  std::vector<uint32_t> order(before);
  for (uint32_t i = 0; i < before; ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    for (int i = 0; i < axes; ++i)
      if (entries[a].costs[i] != entries[b].costs[i])
        return entries[a].costs[i] < entries[b].costs[i];
    return a < b;
  });
  // Whatever beats an entry comes before it.
  std::vector<Entry> kept;
  for (uint32_t i : order) {
    bool beaten = false;
    for (size_t j = kept.size(); j-- > 0 && !beaten;)
      beaten = isNoWorse(kept[j].costs, entries[i].costs, axes);
    if (!beaten)
      kept.push_back(std::move(entries[i]));
  }
  entries = std::move(kept);
  return before - entries.size();
}

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_PARETO_H
