//===- StepwiseTensors.cpp - Tensors needed before they are whole ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/StepwiseTensors.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::quant;

StepwiseTensors::StepwiseTensors(CascadeOp cascade) {
  FailureOr<std::vector<EvaluationStep>> ordered = orderEvaluation(cascade);
  if (failed(ordered))
    return;
  steps = std::move(*ordered);
  for (const EvaluationStep &step : steps)
    visit(step);
}

void StepwiseTensors::visit(const EvaluationStep &step) {
  if (step.einsum) {
    loops[step.einsum] = open;
    return;
  }
  open.push_back(&step);
  for (const EvaluationStep &inside : step.body)
    visit(inside);
  open.pop_back();
}

/// Whether elements that differ along the rank may share a scale.
static bool spans(const Assignment &assignment, StringRef rank) {
  const formats::Storage &storage = assignment.storage;
  bool isNamed = llvm::is_contained(storage.ranks, rank.str());
  switch (storage.sharing) {
  case formats::Sharing::none:
    return false;
  case formats::Sharing::tensor:
  case formats::Sharing::matrix:
    return true;
  case formats::Sharing::channel:
    return !isNamed;
  case formats::Sharing::block:
    return isNamed && storage.sizes[llvm::find(storage.ranks, rank.str()) -
                                    storage.ranks.begin()] > 1;
  }
  return true;
}

std::string StepwiseTensors::findObstacle(const Assignment &assignment) const {
  Operation *producer = assignment.tensor.getDefiningOp();
  auto around = loops.find(producer);
  if (around == loops.end())
    return {};
  for (const EvaluationStep *loop : around->second) {
    bool isNeeded =
        llvm::any_of(assignment.tensor.getUsers(), [&](Operation *reader) {
          auto of = loops.find(reader);
          return of != loops.end() && llvm::is_contained(of->second, loop);
        });
    if (isNeeded && spans(assignment, loop->rank.getValue()))
      return "elements along " + loop->rank.str() +
             " would share a scale, and each is needed before the next one "
             "exists; let blocks run along another rank, or say 'channel " +
             loop->rank.str() + "'";
  }
  return {};
}
