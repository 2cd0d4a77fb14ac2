//===- SlopeTouches.cpp - Who touches a tensor in a group, and how --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Steps of a loop are relevant to a tensor if each touches elements of its own.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeTouches.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

llvm::SmallVector<Touch, 4>
einsum::mapper::touchesOf(const CascadeFacts &facts,
                          llvm::ArrayRef<int> einsums, int tensor) {
  llvm::SmallVector<Touch, 4> touches;
  for (int id : einsums) {
    for (const AccessFact &read : facts.einsums[id].reads)
      if (read.tensor == tensor)
        touches.push_back({id, &read, false});
    for (const AccessFact &write : facts.einsums[id].writes)
      if (write.tensor == tensor)
        touches.push_back({id, &write, true});
  }
  return touches;
}

bool einsum::mapper::isRelevant(const CascadeFacts &facts, const Touch &touch,
                                int rank) {
  const TensorFact &tensor = facts.tensors[touch.access->tensor];
  int alone = 0, shared = 0;
  for (auto [own, coordinate] :
       llvm::zip(tensor.ranks, touch.access->coordinates))
    if (coordinate.uses(rank)) {
      bool carries =
          own == tensor.iterativeRank && tensor.producer == touch.einsum;
      (coordinate.terms.size() == 1 && !carries ? alone : shared)++;
    }
  return alone == 1 && shared == 0;
}

bool einsum::mapper::isRelevant(const CascadeFacts &facts,
                                llvm::ArrayRef<Touch> touches, int rank) {
  return llvm::all_of(touches, [&](const Touch &touch) {
    return isRelevant(facts, touch, rank);
  });
}

bool einsum::mapper::isSameAccess(const AccessFact &a, const AccessFact &b) {
  return llvm::all_of(llvm::zip(a.coordinates, b.coordinates), [](auto pair) {
    auto &[x, y] = pair;
    return x.constant == y.constant && x.terms.size() == y.terms.size() &&
           llvm::all_of(llvm::zip(x.terms, y.terms), [](auto terms) {
             auto &[s, t] = terms;
             return s.rank == t.rank && s.coefficient == t.coefficient;
           });
  });
}

llvm::SmallVector<Touch, 4>
einsum::mapper::distinct(llvm::ArrayRef<Touch> touches) {
  llvm::SmallVector<Touch, 4> result;
  for (const Touch &touch : touches)
    if (llvm::none_of(result, [&](const Touch &other) {
          return isSameAccess(*touch.access, *other.access);
        }))
      result.push_back(touch);
  return result;
}
