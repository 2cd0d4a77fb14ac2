//===- RunningValues.cpp - Steps of a recurrence that are kept ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;

/// Whether the producer walks down its iterative rank.
static bool descends(const CascadeFacts &facts, const TensorFact &tensor) {
  const auto &direction = facts.einsums[tensor.producer].direction;
  auto found = direction.find(tensor.iterativeRank);
  return found != direction.end() && found->second < 0;
}

StepsBack einsum::findStepsBack(const CascadeFacts &facts,
                                const AccessFact &read) {
  const TensorFact &tensor = facts.tensors[read.tensor];
  const auto *along = llvm::find(tensor.ranks, tensor.iterativeRank);
  if (tensor.iterativeRank < 0 || along == tensor.ranks.end())
    return {};
  const Coordinate &coordinate = read.coordinates[along - tensor.ranks.begin()];
  bool down = descends(facts, tensor);
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
