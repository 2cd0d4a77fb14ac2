//===- Interchange.cpp - Exchange two nested sums -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Contraction.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/Support/MathExtras.h"

namespace einsum {
#define GEN_PASS_DEF_INTERCHANGE
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// Factors that have a rank which the Einsum itself sums: the new inner sum.
static uint64_t findInner(const Contraction &contraction) {
  uint64_t inner = 0;
  for (size_t i = 0; i < contraction.factors.size(); ++i)
    if (contraction.factors[i].ranks & contraction.ownSummed)
      inner |= uint64_t(1) << i;
  return inner;
}

/// The inner factors from the left, then the others.
static MergeOrder nest(const Contraction &contraction, uint64_t inner) {
  MergeOrder order;
  auto mergeAll = [&](uint64_t set) {
    uint64_t done = set & -set;
    for (uint64_t rest = set & ~done; rest; rest &= rest - 1) {
      uint64_t next = rest & -rest;
      order.merges.push_back({done, next});
      done |= next;
    }
  };
  mergeAll(inner);
  uint64_t outer = contraction.all() & ~inner;
  mergeAll(outer);
  order.merges.push_back({outer, inner});
  return order;
}

static void interchange(CascadeEditor &editor, Operation *op, bool always) {
  auto einsum = cast<EinsumInterface>(op);
  StringAttr name = einsum.getTensorNames().front();
  std::string obstacle;
  std::optional<Contraction> contraction =
      flattenContraction(editor, op, /*kept=*/{}, obstacle);
  if (!contraction) {
    if (!obstacle.empty())
      remarkNotApplied(op->getLoc(), "interchange", name, obstacle);
    return;
  }
  uint64_t inner = findInner(*contraction), outer = contraction->all() & ~inner;
  bool isNested = llvm::any_of(contraction->absorbed, [](Operation *absorbed) {
    return !cast<EinsumInterface>(absorbed).getReductionList().empty();
  });
  if (!isNested)
    return;
  if (!inner || !outer) {
    remarkNotApplied(
        op->getLoc(), "interchange", name,
        "every factor has a rank that it sums, so that nothing moves out");
    return;
  }
  AvailableTensors available = findAvailable(editor, *contraction, op);
  AvailableTensor found = available.lookup(inner);
  Value known = found.tensor;
  if (!known && !always) {
    remarkNotApplied(op->getLoc(), "interchange", name,
                     "the new inner sum would have to be computed");
    return;
  }
  available.clear();
  MergeOrder order = nest(*contraction, inner);
  if (known) {
    available[inner] = found;
    // What the known tensor is made of is not merged again.
    llvm::erase_if(order.merges, [&](const Merge &merge) {
      return ((merge.left | merge.right) & ~inner) == 0;
    });
    order.merges.insert(order.merges.begin(), {inner, 0});
  }
  InFlightDiagnostic remark =
      remarkApplied(op->getLoc(), "interchange", name,
                    known ? "sums over the inner rank last, and reads '" +
                                getTensorName(known) + "'"
                          : Twine("sums over the inner rank last"));
  for (Operation *absorbed : contraction->absorbed)
    remark.attachNote(absorbed->getLoc()) << "the inner sum so far";
  remark.report();
  emitContraction(editor, op, *contraction, order, available);
}

namespace {
struct InterchangePass : einsum::impl::InterchangeBase<InterchangePass> {
  using InterchangeBase::InterchangeBase;

  void runOnOperation() override {
    GathersAside aside(getOperation());
    llvm::DenseSet<StringAttr> before = getRankNames(getOperation());
    CascadeEditor editor(getOperation());
    // Readers first: what they take in keeps its form until then.
    std::vector<Operation *> einsums = listProducersFirst(getOperation());
    for (Operation *op : llvm::reverse(einsums))
      if (!cast<EinsumInterface>(op).getReductionList().empty())
        interchange(editor, op, always);
    editor.eraseDead();
    eraseUnusedRanks(getOperation(), before);
  }
};
} // namespace
