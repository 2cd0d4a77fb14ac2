//===- ForcedFusion.cpp - Einsums that cannot but share a loop ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ForcedFusion.h"

#include "lib/Mapper/ConstraintMeaning.h"
#include "lib/Mapper/Join/Recurrences.h"
#include "lib/Mapper/TouchedElements.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

ForcedFusion::ForcedFusion(const CascadeFacts &facts,
                           const arch::ArchSpec &arch)
    : facts(facts) {
  for (const arch::Level &level : arch.levels)
    own.push_back(level.capacityBytes);
  for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level)
    if (arch.levels[level].perArray < 0 && arch.levels[level].dims.empty() &&
        llvm::any_of(
            arch.arrays,
            [&](const arch::Array &array) {
              return llvm::is_contained(getPath(arch, array), level);
            }))
      homes.push_back(level);
  for (size_t t = 0; t < facts.tensors.size(); ++t) {
    const TensorFact &tensor = facts.tensors[t];
    bytes.push_back(leastHomeBytes(facts, static_cast<int>(t)));
    bool isRead = llvm::any_of(
        tensor.readers, [&](int reader) { return reader != tensor.producer; });
    if (tensor.producer >= 0 && !tensor.isOutput && isRead)
      carried.push_back(static_cast<int>(t));
  }
  recurrences.resize(facts.einsums.size());
  std::iota(recurrences.begin(), recurrences.end(), 0);
  Recurrences among(facts);
  for (size_t t = 0; t < facts.tensors.size(); ++t)
    if (among.goesRound(static_cast<int>(t)))
      for (int e = 0; e < static_cast<int>(recurrences.size()); ++e)
        if (int group = among.of(facts.tensors[t].producer);
            among.of(e) == group)
          recurrences[e] = group;
  // Producers come first.
  auto count = static_cast<unsigned>(facts.einsums.size());
  later.assign(count, llvm::BitVector(count));
  for (unsigned e = count; e-- > 0;)
    for (const AccessFact &write : facts.einsums[e].writes)
      for (int reader : facts.tensors[write.tensor].readers)
        if (reader > static_cast<int>(e)) {
          later[e].set(reader);
          later[e] |= later[reader];
        }
}

bool ForcedFusion::fitsOnChip(int tensor, const Capacities &capacities) const {
  return llvm::any_of(homes, [&](int level) {
    return !capacities[level] || bytes[tensor] <= *capacities[level];
  });
}

/// What is at the backing level while a group is executed: inputs and outputs
/// that it touches, or that are touched before and after it in every order; and
/// one tensor besides.
uint64_t ForcedFusion::countTogether(int group, const Groups &groups,
                                     int beside) const {
  auto count = static_cast<int>(groups.size());
  llvm::BitVector after(count), before(count);
  for (int e = 0; e < count; ++e)
    if (groups[e] == group)
      after |= later[e];
  for (int e = 0; e < count; ++e)
    if (llvm::any_of(later[e].set_bits(),
                     [&](unsigned next) { return groups[next] == group; }))
      before.set(e);
  uint64_t total = beside < 0 ? 0 : bytes[beside];
  for (size_t t = 0; t < facts.tensors.size(); ++t) {
    const TensorFact &tensor = facts.tensors[t];
    if (!tensor.isInput && !tensor.isOutput)
      continue;
    auto isAmong = [&](const llvm::BitVector &some) {
      return llvm::any_of(tensor.touchers, [&](int e) { return some[e]; });
    };
    bool isTouched = llvm::any_of(tensor.touchers,
                                  [&](int e) { return groups[e] == group; });
    if (isTouched || (isAmong(before) && isAmong(after)))
      total = llvm::SaturatingAdd(total, bytes[t]);
  }
  return total;
}

bool ForcedFusion::fitsBeside(int tensor, int einsum, const Groups &groups,
                              uint64_t room) const {
  return countTogether(groups[einsum], groups, tensor) <= room;
}

bool ForcedFusion::fits(const Capacities &capacities) const {
  if (!capacities[0])
    return true;
  uint64_t room = *capacities[0];
  Groups groups = recurrences;
  std::vector<int> open;
  llvm::copy_if(carried, std::back_inserter(open),
                [&](int t) { return !fitsOnChip(t, capacities); });
  for (bool changed = true; std::exchange(changed, false);)
    llvm::erase_if(open, [&](int t) {
      const TensorFact &tensor = facts.tensors[t];
      if (llvm::all_of(tensor.touchers,
                       [&](int e) { return fitsBeside(t, e, groups, room); }))
        return false;
      int to = groups[tensor.producer];
      for (int e : tensor.touchers)
        std::replace(groups.begin(), groups.end(), int(groups[e]), to);
      return changed = true;
    });
  for (int e = 0; e < static_cast<int>(groups.size()); ++e)
    if (countTogether(groups[e], groups, /*beside=*/-1) > room)
      return false;
  return true;
}

std::optional<uint64_t> ForcedFusion::findLeast(Capacities capacities,
                                                int level) const {
  capacities[level].reset();
  if (!fits(capacities))
    return std::nullopt;
  uint64_t least = 0, enough = 0;
  for (uint64_t some : bytes)
    enough = llvm::SaturatingAdd(enough, some);
  while (least < enough) {
    uint64_t middle = least + (enough - least) / 2;
    capacities[level] = middle;
    if (fits(capacities))
      enough = middle;
    else
      least = middle + 1;
  }
  return enough;
}
