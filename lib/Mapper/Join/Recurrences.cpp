//===- Recurrences.cpp - Einsums that need one another --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/Recurrences.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

int64_t mapper::stepOf(const TensorFact &tensor, const AccessFact &access,
                       int rank) {
  for (auto [along, coordinate] : llvm::zip(tensor.ranks, access.coordinates))
    if (along == rank && coordinate.terms.size() == 1 &&
        coordinate.terms[0].rank == rank &&
        coordinate.terms[0].coefficient == 1)
      return coordinate.constant;
  return 0;
}

Recurrences::Recurrences(const CascadeFacts &facts) : facts(facts) {
  listEdges();
  reached = reach([](const Edge &) { return true; });
  bool hasRecurrences = llvm::any_of(
      facts.tensors, [](const TensorFact &t) { return t.iterativeRank >= 0; });
  int count = static_cast<int>(facts.einsums.size());
  number.resize(count);
  members.assign(count, 0);
  for (int e = 0; e < count; ++e) {
    number[e] = e;
    for (int other = 0; hasRecurrences && other < e; ++other)
      if (reached[e][other] && reached[other][e]) {
        number[e] = number[other];
        break;
      }
    ++members[number[e]];
  }
  isCarried.assign(facts.tensors.size(), false);
  findCarried();
}

void Recurrences::listEdges() {
  for (auto [e, einsum] : llvm::enumerate(facts.einsums))
    for (const AccessFact &read : einsum.reads) {
      const TensorFact &tensor = facts.tensors[read.tensor];
      if (tensor.producer < 0)
        continue;
      int rank = tensor.iterativeRank;
      bool isOther = rank >= 0 && stepOf(tensor, read, rank) != 0;
      edges.push_back(
          {tensor.producer, static_cast<int>(e), isOther ? rank : -1});
    }
}

/// Of each Einsum, those that need what it makes, by the edges that are meant:
/// a small closure, cascades are sparse.
Recurrences::Reached
Recurrences::reach(llvm::function_ref<bool(const Edge &)> isMeant) const {
  size_t count = facts.einsums.size();
  std::vector<std::vector<int>> readersOf(count);
  for (const Edge &edge : edges)
    if (isMeant(edge))
      readersOf[edge.maker].push_back(edge.reader);
  Reached all;
  for (size_t from = 0; from < count; ++from) {
    std::vector<bool> &seen = all.emplace_back(count, false);
    std::vector<int> work = readersOf[from];
    while (!work.empty()) {
      int e = work.back();
      work.pop_back();
      if (seen[e])
        continue;
      seen[e] = true;
      llvm::append_range(work, readersOf[e]);
    }
  }
  return all;
}

/// Of a recurrence of several Einsums a tensor stays with its producer if
/// within one step of the other ranks nobody else needs it to make it again,
/// and the others go round without a step of its own rank.
void Recurrences::findCarried() {
  for (auto [t, tensor] : llvm::enumerate(facts.tensors)) {
    int rank = tensor.iterativeRank, maker = tensor.producer;
    if (rank < 0 || maker < 0 || facts.ranks[rank].extent <= 1 ||
        members[number[maker]] == 1)
      continue;
    Reached alongIt = reach(
        [&](const Edge &edge) { return edge.rank < 0 || edge.rank == rank; });
    Reached alongOthers =
        reach([&](const Edge &edge) { return edge.rank != rank; });
    for (int e = 0; e < static_cast<int>(number.size()); ++e) {
      if (number[e] != number[maker] || e == maker)
        continue;
      bool isRoundIt = alongIt[maker][e] && alongIt[e][maker];
      bool isRoundOthers = alongOthers[maker][e] && alongOthers[e][maker];
      if (isRoundIt || !isRoundOthers)
        isCarried[t] = true;
    }
  }
}

std::vector<int> Recurrences::listTogether() const {
  int count = static_cast<int>(number.size());
  std::vector<bool> isDone(count, false);
  auto isReady = [&](int recurrence) {
    return llvm::all_of(edges, [&](const Edge &edge) {
      return number[edge.reader] != recurrence || isDone[edge.maker] ||
             number[edge.maker] == recurrence;
    });
  };
  std::vector<int> order;
  while (static_cast<int>(order.size()) < count) {
    // Of what is left, something needs nothing that is left.
    int next = 0;
    while (isDone[next] || !isReady(number[next]))
      ++next;
    for (int e = next; e < count; ++e)
      if (number[e] == number[next]) {
        isDone[e] = true;
        order.push_back(e);
      }
  }
  return order;
}
