//===- Recompute.cpp - Compute a tensor again instead of keeping it -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/SetVector.h"

namespace einsum {
#define GEN_PASS_DEF_RECOMPUTE
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// Einsums that read a result of `producer`, in the order of the text.
static SmallVector<Operation *> findReaders(CascadeEditor &editor,
                                            Operation *producer) {
  SmallVector<Operation *> readers;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<EinsumInterface>(op) &&
        llvm::is_contained(producer->getUsers(), &op))
      readers.push_back(&op);
  return readers;
}

static StringRef nameOf(Operation *einsum) {
  return cast<EinsumInterface>(einsum).getTensorNames().front();
}

/// Gives `reader` an Einsum of its own in the place of `producer`; the op that
/// takes the reader's place.
static Operation *copyFor(CascadeEditor &editor, Operation *producer,
                          Operation *reader) {
  Statement copy = editor.read(cast<EinsumInterface>(producer));
  StringRef of = nameOf(producer);
  for (StringAttr &name : copy.tensors)
    name = editor.freshTensor(name.getValue());
  ComputeOp made = editor.create(copy, reader);
  Statement changed = editor.read(cast<EinsumInterface>(reader));
  for (Expr &value : changed.values)
    value = editor.getExprs().rewrite(value, [&](Expr node) -> Expr {
      if (!node->isRead() || node->tensor.getDefiningOp() != producer)
        return nullptr;
      unsigned number = cast<OpResult>(node->tensor).getResultNumber();
      return editor.getExprs().read(made.getResult(number), node->indices);
    });
  remarkApplied(changed.loc, "recomputation", changed.tensors[0].getValue(),
                "computes '" + of + "' again, as '" +
                    copy.tensors[0].getValue() + "'")
          .attachNote(producer->getLoc())
      << "first computed here";
  return editor.replace(reader, changed);
}

namespace {
struct RecomputePass : einsum::impl::RecomputeBase<RecomputePass> {
  using RecomputeBase::RecomputeBase;

  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeEditor editor(getOperation());
    SmallVector<Operation *> producers;
    for (Operation &op : *getOperation().getBodyBlock())
      if (isa<EinsumInterface>(op) && isChosen(editor, &op))
        producers.push_back(&op);
    if (!tensor.empty() && producers.empty()) {
      getOperation().emitError() << "cascade '" << getOperation().getSymName()
                                 << "' computes no tensor '" << tensor
                                 << "' that could be computed again";
      return signalPassFailure();
    }
    // From the last to the first: a copy reads what its original reads.
    for (Operation *producer : llvm::reverse(producers))
      if (failed(recompute(editor, producer)))
        return signalPassFailure();
    editor.eraseDead();
  }

  bool isChosen(CascadeEditor &editor, Operation *op) {
    auto einsum = cast<EinsumInterface>(op);
    if (!tensor.empty())
      return llvm::is_contained(einsum.getTensorNames(),
                                StringAttr::get(&getContext(), tensor));
    return einsum.getReductionList().empty() &&
           einsum.getInitialValues().empty() &&
           findReaders(editor, op).size() > 1;
  }

  LogicalResult recompute(CascadeEditor &editor, Operation *producer) {
    SmallVector<Operation *> readers = findReaders(editor, producer);
    if (llvm::is_contained(readers, producer)) {
      remarkNotApplied(producer->getLoc(), "recomputation", nameOf(producer),
                       "it reads itself along an iterative rank, and a copy "
                       "would be a second "
                       "recurrence");
      return success();
    }
    for (const std::string &name : consumers)
      if (llvm::none_of(readers,
                        [&](Operation *r) { return nameOf(r) == name; }))
        return producer->emitError()
               << "'" << name << "' does not read '" << nameOf(producer) << "'";
    // An output is a reader too, and comes first.
    bool isOutput = llvm::any_of(producer->getUsers(), [](Operation *user) {
      return isa<OutputOp>(user);
    });
    for (auto [i, reader] : llvm::enumerate(readers))
      if (consumers.empty()
              ? i > 0 || isOutput
              : llvm::is_contained(consumers, nameOf(reader).str()))
        copyFor(editor, producer, reader);
    return success();
  }
};
} // namespace
