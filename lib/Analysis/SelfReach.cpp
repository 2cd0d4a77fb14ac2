//===- SelfReach.cpp - Which tensors contain their own previous element ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// X[i] contains X[i-1] if it is computed from it through any chain of Einsums,
// at equal coordinates of the other ranks. Then one traversal follows the
// other: what X[i-1] had touched, X[i] has.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalker.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

bool SelfReach::reaches(int tensor, const StepRank &step) {
  auto key = std::pair(tensor, step.rank.getAsOpaquePointer());
  auto it = answers.find(key);
  if (it == answers.end())
    it = answers.emplace(key, compute(tensor, step)).first;
  return it->second;
}

/// Follows X[i] to its readers, position by position, until X is met again one
/// step on, other positions equal.
bool SelfReach::compute(int tensor, const StepRank &step) {
  const GraphTensor &start = graph.tensors[tensor];
  int producer = start.producer;
  if (producer < 0 || graph.einsums[producer].recurrence < 0)
    return false;
  const Recurrence &recurrence =
      graph.recurrences[graph.einsums[producer].recurrence];
  int along = llvm::find(start.ranks, step.rank) - start.ranks.begin();
  if (along == static_cast<int>(start.ranks.size()))
    return false; // a recurrence inside of another one steps along more ranks
  MLIRContext *context = graph.cascade->getContext();
  // Null: every value of the position is among the ancestors.
  using Index = SmallVector<AffineExpr, 4>;
  Index identity;
  for (unsigned i = 0; i < start.ranks.size(); ++i)
    identity.push_back(getAffineDimExpr(i, context));
  std::vector<std::pair<int, Index>> worklist = {{tensor, identity}};
  std::set<std::pair<int, bool>> seen;
  while (!worklist.empty()) {
    auto [from, index] = worklist.back();
    worklist.pop_back();
    for (int reader : graph.tensors[from].readers) {
      const GraphEinsum &einsum = graph.einsums[reader];
      bool isBox = llvm::all_of(einsum.domain,
                                [](const Condition &c) { return c.isRagged; });
      if (reader < recurrence.begin || reader >= recurrence.end || !isBox)
        continue;
      for (const GraphRead &read : einsum.reads) {
        if (read.tensor != from)
          continue;
        SmallVector<AffineExpr, 6> positions;
        for (int position : einsum.positions)
          positions.push_back(getAffineDimExpr(std::max(position, 0), context));
        Index next;
        bool good = true;
        for (AffineExpr expr : index) {
          if (!expr) {
            next.push_back({});
            continue;
          }
          AffineExpr here = substitute(expr, read.index);
          Uses uses = findUses(einsum, here);
          good &= !uses.reduced || getDim(here) >= 0;
          next.push_back(uses.reduced ? AffineExpr()
                                      : substitute(here, positions));
        }
        if (!good || !next[along])
          continue;
        AffineExpr variable;
        for (int result : einsum.results) {
          const GraphTensor &to = graph.tensors[result];
          auto rank = llvm::find(to.ranks, step.rank);
          if (rank == to.ranks.end())
            continue;
          variable = getAffineDimExpr(rank - to.ranks.begin(), context);
          std::optional<int64_t> distance =
              getNumber(combine(next[along], -1, variable));
          if (!distance || *distance * step.direction > 0 ||
              std::abs(*distance) > 1)
            continue;
          bool isBack = result == tensor && *distance == -step.direction;
          for (unsigned i = 0; isBack && i < next.size(); ++i)
            isBack = static_cast<int>(i) == along || !next[i] ||
                     next[i] == identity[i];
          if (isBack)
            return true;
          if (result != tensor && seen.insert({result, *distance != 0}).second)
            worklist.push_back({result, next});
        }
      }
    }
  }
  return false;
}
