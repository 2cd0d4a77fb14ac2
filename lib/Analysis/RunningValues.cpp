//===- RunningValues.cpp - Steps of a recurrence that are kept ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;

int einsum::stepDirection(const CascadeFacts &facts, int id) {
  const TensorFact &tensor = facts.tensors[id];
  if (tensor.producer < 0 || tensor.iterativeRank < 0)
    return 0;
  auto of = [&](const EinsumFact &einsum) {
    auto found = einsum.direction.find(tensor.iterativeRank);
    return found == einsum.direction.end() ? 0 : found->second;
  };
  if (int own = of(facts.einsums[tensor.producer]))
    return own;
  // Carried by another Einsum, which is written before; or read so by anyone.
  for (const EinsumFact &einsum : facts.einsums)
    for (const AccessFact &read : einsum.reads)
      if (int direction = read.tensor == id ? of(einsum) : 0)
        return direction;
  return 0;
}

StepsBack einsum::findStepsBack(const CascadeFacts &facts,
                                const AccessFact &read) {
  const TensorFact &tensor = facts.tensors[read.tensor];
  const auto *along = llvm::find(tensor.ranks, tensor.iterativeRank);
  if (tensor.iterativeRank < 0 || along == tensor.ranks.end())
    return {};
  const Coordinate &coordinate = read.coordinates[along - tensor.ranks.begin()];
  bool down = stepDirection(facts, read.tensor) < 0;
  int64_t extent = facts.ranks[tensor.iterativeRank].extent;
  if (coordinate.terms.empty()) {
    bool isLast = coordinate.constant == (down ? 0 : extent - 1);
    return {isLast ? StepsBack::last : StepsBack::any, 0};
  }
  // The furthest that other ranks and the constant lead back.
  bool walks = false;
  int64_t back = down ? coordinate.constant : -coordinate.constant;
  for (const Coordinate::Term &term : coordinate.terms) {
    if (term.rank == tensor.iterativeRank) {
      if (term.coefficient != 1)
        return {};
      walks = true;
      continue;
    }
    int64_t reach = (down ? term.coefficient : -term.coefficient) *
                    (facts.ranks[term.rank].extent - 1);
    back += std::max<int64_t>(reach, 0);
  }
  if (!walks)
    return {};
  return {StepsBack::near, std::clamp<int64_t>(back, 0, extent)};
}

std::optional<int64_t> einsum::countStepsKept(const StepsBack &read,
                                              ReadTurn turn, int64_t tile,
                                              int64_t lag) {
  if (read.kind == StepsBack::any)
    return std::nullopt;
  if (read.kind == StepsBack::last)
    return tile;
  switch (turn) {
  case ReadTurn::before:
    return std::max(tile, tile + read.steps - 1);
  case ReadTurn::after:
    return tile + read.steps;
  case ReadTurn::stage:
    return tile * (1 + std::max<int64_t>(lag, 0)) + read.steps;
  }
  return std::nullopt;
}

std::optional<int64_t>
einsum::countStepsInSequence(const CascadeFacts &facts, int tensor,
                             int64_t tile,
                             llvm::function_ref<bool(int einsum)> isBefore) {
  int64_t most = tile;
  for (auto [id, einsum] : llvm::enumerate(facts.einsums))
    for (const AccessFact &read : einsum.reads) {
      if (read.tensor != tensor)
        continue;
      std::optional<int64_t> kept = countStepsKept(
          findStepsBack(facts, read),
          isBefore(id) ? ReadTurn::before : ReadTurn::after, tile);
      if (!kept)
        return std::nullopt;
      most = std::max(most, *kept);
    }
  return most;
}
