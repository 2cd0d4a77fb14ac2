//===- Reassociate.cpp - Multiply in the cheapest order -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// First a plan for every sum of products, then the changes. A producer with
// several readers counts for each with its share, in the hope that all of them
// go another way and it is no longer needed. Where the plans show that some
// reader keeps it, it is kept: it costs nothing to read and nothing is gained
// by not reading it. Then the plans are made again, until they agree.
//
//   S[m,p]  = FQ[p,e] * FK[m,e]     read by SD and by A
//   SD[p]   = S[m,p]                -> FQ * (sum over m of FK)
//   AV[p,f] = S[m,p] / SD[p] * V    -> FQ * (FK * V) / SD        S is not
//   needed
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Contraction.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/MapVector.h"

namespace einsum {
#define GEN_PASS_DEF_REASSOCIATE
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

struct Plan {
  std::optional<Contraction> contraction;
  AvailableTensors available;
  MergeOrder order;
  std::string obstacle;

  bool isGain() const {
    return contraction && order.cost < contraction->costNow;
  }
};

class Planner {
public:
  explicit Planner(CascadeEditor &editor)
      : editor(editor), einsums(listProducersFirst(editor.getCascade())) {}

  void run() {
    size_t before;
    do {
      before = kept.size();
      for (Operation *op : einsums)
        plans[op] = plan(op);
      keepWhatIsRead();
    } while (kept.size() != before);
    // Readers first: what they take in may be erased then.
    for (Operation *op : llvm::reverse(einsums))
      if (needed.contains(op))
        apply(op, plans[op]);
  }

private:
  Plan plan(Operation *op) {
    Plan plan;
    plan.contraction = flattenContraction(editor, op, kept, plan.obstacle);
    if (!plan.contraction || plan.contraction->factors.size() < 2) {
      plan.contraction.reset();
      return plan;
    }
    plan.available = findAvailable(editor, *plan.contraction, op);
    plan.order = findCheapestOrder(*plan.contraction, plan.available);
    return plan;
  }

  /// Einsums that the outputs need when every gain is taken.
  void keepWhatIsRead() {
    needed.clear();
    for (OutputOp output :
         editor.getCascade().getBodyBlock()->getOps<OutputOp>())
      for (Value tensor : output.getTensors())
        need(tensor);
    for (size_t i = 0; i < needed.size(); ++i) {
      const Plan &plan = plans[needed[i]];
      if (!plan.isGain()) {
        for (Value operand : needed[i]->getOperands())
          need(operand);
        continue;
      }
      uint64_t madeAnew = plan.contraction->all();
      for (const Merge &merge : plan.order.merges)
        if (merge.right == 0) {
          need(plan.available.lookup(merge.left).tensor);
          madeAnew &= ~merge.left;
        }
      for (size_t f = 0; f < plan.contraction->factors.size(); ++f)
        if (madeAnew >> f & 1)
          for (Expr read : collectReads(plan.contraction->factors[f].value))
            need(read->tensor);
    }
    for (const auto &[op, plan] : plans)
      if (plan.isGain() && needed.contains(op))
        for (Operation *absorbed : plan.contraction->absorbed)
          if (needed.contains(absorbed))
            kept.insert(absorbed);
  }

  void need(Value tensor) {
    if (isa<EinsumInterface>(tensor.getDefiningOp()))
      needed.insert(tensor.getDefiningOp());
  }

  void apply(Operation *op, Plan &plan) {
    StringAttr name = cast<EinsumInterface>(op).getTensorNames().front();
    if (!plan.contraction) {
      if (!plan.obstacle.empty())
        remarkNotApplied(op->getLoc(), "reassociation", name, plan.obstacle);
      return;
    }
    const Contraction &contraction = *plan.contraction;
    if (!plan.isGain()) {
      if (!contraction.absorbed.empty())
        remarkNotApplied(op->getLoc(), "reassociation", name,
                         "no order of its " +
                             Twine(contraction.factors.size()) +
                             " factors takes fewer than " +
                             Twine(contraction.costNow) + " multiplications");
      return;
    }
    InFlightDiagnostic remark = remarkApplied(
        op->getLoc(), "reassociation", name,
        Twine(plan.order.cost) + " instead of " + Twine(contraction.costNow) +
            " multiplications, " +
            (plan.order.isExact ? "the fewest of any order"
                                : "by merging the cheapest first"));
    for (Operation *absorbed : contraction.absorbed)
      remark.attachNote(absorbed->getLoc())
          << "with the factors of this Einsum";
    remark.report();
    // Applying another plan may have put a new op in the place of such a
    // tensor's.
    for (const Merge &merge : plan.order.merges)
      if (merge.right == 0)
        refresh(plan.available[merge.left]);
    emitContraction(editor, op, contraction, plan.order, plan.available);
  }

  void refresh(AvailableTensor &available) {
    for (Operation &op : *editor.getCascade().getBodyBlock())
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        if (einsum.getTensorNames().front() == available.name)
          available.tensor = op.getResult(0);
  }

  CascadeEditor &editor;
  std::vector<Operation *> einsums;
  llvm::MapVector<Operation *, Plan> plans;
  llvm::SetVector<Operation *> needed;
  llvm::DenseSet<Operation *> kept;
};

struct ReassociatePass : einsum::impl::ReassociateBase<ReassociatePass> {
  void runOnOperation() override {
    GathersAside aside(getOperation());
    llvm::DenseSet<StringAttr> before = getRankNames(getOperation());
    CascadeEditor editor(getOperation());
    Planner(editor).run();
    editor.eraseDead();
    eraseUnusedRanks(getOperation(), before);
  }
};

} // namespace
