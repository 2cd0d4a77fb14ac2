//===- BoundCascade.cpp - A cascade with all extents known ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/BoundCascade.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

//===----------------------------------------------------------------------===//
// Iterative ranks
//===----------------------------------------------------------------------===//

namespace {

class IterativeRanks {
public:
  explicit IterativeRanks(BoundCascade &bound) : bound(bound) {}

  void collect() {
    SmallVector<IterativeRank> around;
    collectLoops(bound.steps, around, /*cycle=*/-1);
    for (Operation &op : *bound.cascade.getBodyBlock())
      if (isa<EinsumInterface>(op))
        collectSteps(&op);
  }

private:
  void collectLoops(const std::vector<EvaluationStep> &steps,
                    SmallVectorImpl<IterativeRank> &around, int cycle) {
    for (const EvaluationStep &step : steps) {
      if (step.einsum) {
        cycles[step.einsum] = cycle;
        if (hasInitialValue(step.einsum))
          bound.iterative[step.einsum].assign(around.begin(), around.end());
        continue;
      }
      around.push_back({step.rank, step.direction});
      collectLoops(step.body, around, cycle < 0 ? numCycles++ : cycle);
      around.pop_back();
    }
  }

  static bool hasInitialValue(Operation *op) {
    return !cast<EinsumInterface>(op).getInitialValues().empty();
  }

  /// Adds the ranks along which `producer` is read steps away, always to one
  /// side: by its own recurrence or, if it is none, by anyone.
  void collectSteps(Operation *producer) {
    if (!hasInitialValue(producer))
      return;
    auto type = cast<NamedTensorType>(producer->getResult(0).getType());
    for (StringAttr rank : type.getRanks()) {
      bool isLoop =
          llvm::any_of(bound.iterative[producer],
                       [&](const IterativeRank &r) { return r.rank == rank; });
      int direction = isLoop ? 0 : findDirection(producer, rank);
      if (direction != 0)
        bound.iterative[producer].push_back({rank, direction});
    }
  }

  int findDirection(Operation *producer, StringAttr rank) {
    bool back = false, ahead = false;
    for (Operation *user : producer->getUsers()) {
      auto einsum = dyn_cast<EinsumInterface>(user);
      bool counts = cycles[producer] < 0 || cycles[producer] == cycles[user];
      if (!einsum || !counts)
        continue;
      for (const Access &access : einsum.getInputAccesses()) {
        if (access.tensor.getDefiningOp() != producer)
          continue;
        int64_t step =
            getStep(access, rank, einsum.getIterationRanks()).value_or(0);
        back |= step < 0;
        ahead |= step > 0;
      }
    }
    return back == ahead ? 0 : back ? 1 : -1;
  }

  BoundCascade &bound;
  llvm::DenseMap<Operation *, int> cycles; ///< -1 outside of every loop
  int numCycles = 0;
};

} // namespace

int BoundCascade::getDirection(Value tensor, StringAttr rank) const {
  auto it = iterative.find(tensor.getDefiningOp());
  if (it == iterative.end())
    return 0;
  for (const IterativeRank &entry : it->second)
    if (entry.rank == rank)
      return entry.direction;
  return 0;
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

using Visit = function_ref<LogicalResult(Operation *, ArrayRef<LoopStep>)>;

static LogicalResult walkSteps(const std::vector<EvaluationStep> &steps,
                               const BoundCascade &bound,
                               SmallVectorImpl<LoopStep> &around, Visit visit) {
  for (const EvaluationStep &step : steps) {
    if (step.einsum) {
      if (failed(visit(step.einsum, around)))
        return failure();
      continue;
    }
    int64_t extent = bound.extents.lookup(step.rank);
    for (int64_t i = 0; i < extent; ++i) {
      around.push_back({step.rank, step.direction > 0 ? i : extent - 1 - i});
      LogicalResult result = walkSteps(step.body, bound, around, visit);
      around.pop_back();
      if (failed(result))
        return failure();
    }
  }
  return success();
}

LogicalResult BoundCascade::walk(Visit visit) const {
  SmallVector<LoopStep> around;
  return walkSteps(steps, *this, around, visit);
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

static LogicalResult bindExtents(BoundCascade &bound) {
  CascadeOp cascade = bound.cascade;
  std::vector<std::string> unbound;
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>())
    if (!cascade.getParam(name))
      unbound.push_back(name.str());
  if (!unbound.empty())
    return cascade.emitError()
           << "cascade '" << cascade.getSymName() << "' needs values for "
           << llvm::join(unbound, ", ");
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>()) {
    std::optional<int64_t> extent = rank.getBoundExtent();
    if (!extent || *extent < 1)
      return rank.emitError() << "the extent of rank '" << rank.getSymName()
                              << "' has no positive value";
    bound.extents[rank.getSymNameAttr()] = *extent;
  }
  return success();
}

FailureOr<std::vector<int64_t>> BoundCascade::getExtents(NamedTensorType type,
                                                         Location loc) const {
  std::vector<int64_t> result;
  int64_t product = 1;
  for (StringAttr rank : type.getRanks()) {
    result.push_back(extents.lookup(rank));
    if (llvm::MulOverflow(product, result.back(), product))
      return emitError(loc)
             << "a tensor over these ranks has more than 2^63 - 1 "
                "elements: "
             << type;
  }
  return result;
}

FailureOr<BoundCascade> BoundCascade::create(CascadeOp cascade) {
  BoundCascade bound;
  bound.cascade = cascade;
  if (failed(bindExtents(bound)))
    return failure();
  FailureOr<std::vector<EvaluationStep>> steps = orderEvaluation(cascade);
  if (failed(steps))
    return failure();
  bound.steps = std::move(*steps);
  IterativeRanks(bound).collect();
  return bound;
}
