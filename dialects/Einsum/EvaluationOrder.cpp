//===- EvaluationOrder.cpp - How a cascade unfolds in time ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor is read only when complete, so Einsums run in topological order. A
// cycle of tensors can run only step by step along a rank that cuts it:
//
//   RM[i] = max(RM[i-1], L[i])          RM and RD form a cycle when RM also
//   RD[i] = RD[i-1] * RM[i] + D[i]      reads RD[i-1]; the loop over i holds
//   both
//
// This is the loop distribution of Allen & Kennedy (1987): find the strongly
// connected components; put a loop around each along one rank; drop the reads
// that the loop carries; order the inside again, which may need a further loop
// (D[i,j] that reads D[i-1,j] and D[i,j-1]).
//
// Taking the first rank that fits is enough: a rank along which no access goes
// against the loop keeps that property when other reads are dropped.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

namespace {
struct Node {
  Operation *op = nullptr;
  SmallVector<Node *> reads;
};

/// `consumer` reads a result of `producer` at `access`.
struct Dependence {
  Operation *producer, *consumer;
  Access access;
};
} // namespace

template <> struct llvm::GraphTraits<Node *> {
  using NodeRef = Node *;
  using ChildIteratorType = SmallVector<Node *>::iterator;
  static NodeRef getEntryNode(Node *node) { return node; }
  static ChildIteratorType child_begin(Node *node) {
    return node->reads.begin();
  }
  static ChildIteratorType child_end(Node *node) { return node->reads.end(); }
};

std::optional<int64_t> einsum::getStep(const Access &access, StringAttr rank,
                                       ArrayRef<StringAttr> iterationRanks) {
  int position = cast<NamedTensorType>(access.tensor.getType()).findRank(rank);
  const StringAttr *iteration = llvm::find(iterationRanks, rank);
  if (position < 0 || iteration == iterationRanks.end())
    return std::nullopt;
  AffineExpr dim =
      getAffineDimExpr(iteration - iterationRanks.begin(), rank.getContext());
  auto step =
      dyn_cast<AffineConstantExpr>(access.map.getResult(position) - dim);
  return step ? std::optional(step.getValue()) : std::nullopt;
}

static std::optional<int64_t> getStep(const Dependence &dependence,
                                      StringAttr rank) {
  return einsum::getStep(
      dependence.access, rank,
      cast<EinsumInterface>(dependence.consumer).getIterationRanks());
}

/// The direction in which a loop along `rank` meets every value before its uses
/// in later steps; nullopt if some access goes against it or leaves the rank,
/// or if the loop would carry none.
static std::optional<int> findDirection(ArrayRef<Dependence> cycle,
                                        StringAttr rank) {
  bool back = false, ahead = false;
  for (const Dependence &dependence : cycle) {
    std::optional<int64_t> step = getStep(dependence, rank);
    if (!step)
      return std::nullopt;
    back |= *step < 0;
    ahead |= *step > 0;
  }
  if (back == ahead)
    return std::nullopt;
  return back ? 1 : -1;
}

static FailureOr<std::vector<EvaluationStep>>
order(ArrayRef<Operation *> einsums, ArrayRef<Dependence> dependences);

static FailureOr<EvaluationStep> orderCycle(ArrayRef<Operation *> einsums,
                                            ArrayRef<Dependence> cycle) {
  for (StringAttr rank :
       cast<EinsumInterface>(einsums[0]).getIterationRanks()) {
    std::optional<int> direction = findDirection(cycle, rank);
    if (!direction)
      continue;
    SmallVector<Dependence> withinStep;
    llvm::copy_if(cycle, std::back_inserter(withinStep),
                  [&](const Dependence &d) { return *getStep(d, rank) == 0; });
    FailureOr<std::vector<EvaluationStep>> body = order(einsums, withinStep);
    if (failed(body))
      return failure();
    return EvaluationStep{nullptr, rank, *direction, std::move(*body)};
  }
  InFlightDiagnostic diag = einsums[0]->emitOpError()
                            << "depends on itself within one step: a cycle of "
                               "tensors needs an access such as "
                               "`X[i - 1]` along an iterative rank";
  for (Operation *einsum : einsums.drop_front())
    diag.attachNote(einsum->getLoc()) << "through this Einsum";
  return diag;
}

/// Orders `einsums`, given in the order of the text, by `dependences` among
/// them.
static FailureOr<std::vector<EvaluationStep>>
order(ArrayRef<Operation *> einsums, ArrayRef<Dependence> dependences) {
  std::vector<Node> nodes(einsums.size());
  llvm::DenseMap<Operation *, unsigned> position;
  Node root;
  for (auto [i, op] : llvm::enumerate(einsums)) {
    nodes[i].op = op;
    position[op] = i;
    root.reads.push_back(&nodes[i]);
  }
  for (const Dependence &dependence : dependences)
    nodes[position[dependence.consumer]].reads.push_back(
        &nodes[position[dependence.producer]]);

  std::vector<EvaluationStep> steps;
  for (auto scc = llvm::scc_begin(&root); !scc.isAtEnd(); ++scc) {
    if (scc->front() == &root)
      continue;
    if (!scc.hasCycle()) {
      steps.push_back({scc->front()->op, {}, 0, {}});
      continue;
    }
    SmallVector<Operation *> members =
        llvm::map_to_vector(*scc, [](Node *node) { return node->op; });
    llvm::sort(members, [&](Operation *a, Operation *b) {
      return position[a] < position[b];
    });
    SmallVector<Dependence> internal;
    llvm::copy_if(dependences, std::back_inserter(internal),
                  [&](const Dependence &d) {
                    return llvm::is_contained(members, d.producer) &&
                           llvm::is_contained(members, d.consumer);
                  });
    FailureOr<EvaluationStep> loop = orderCycle(members, internal);
    if (failed(loop))
      return failure();
    steps.push_back(std::move(*loop));
  }
  return steps;
}

FailureOr<std::vector<EvaluationStep>>
einsum::orderEvaluation(CascadeOp cascade) {
  SmallVector<Operation *> einsums;
  SmallVector<Dependence> dependences;
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum)
      continue;
    einsums.push_back(&op);
    for (const Access &access : einsum.getInputAccesses())
      if (isa_and_nonnull<EinsumInterface>(access.tensor.getDefiningOp()))
        dependences.push_back({access.tensor.getDefiningOp(), &op, access});
  }
  return order(einsums, dependences);
}
