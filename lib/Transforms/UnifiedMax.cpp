//===- UnifiedMax.cpp - A constant in the place of a maximum --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Over the reals nothing changes; in floating point the maximum is what keeps
// exp from overflowing. Both passes here are therefore only ever run by name,
// and say at which values they fail.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Inlining.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"
#include "lib/Transforms/ShiftInvariance.h"

#include "llvm/Support/Format.h"

#include <cmath>

namespace einsum {
#define GEN_PASS_DEF_UNIFIEDMAX
#define GEN_PASS_DEF_DROPMAX
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// The argument at which exp leaves the type: 88.7 for f32, 11.1 for f16.
static double overflowOf(FloatType type) {
  double largest =
      APFloat::getLargest(type.getFloatSemantics()).convertToDouble();
  return std::log(largest);
}

static void warn(Location loc, StringRef name, double value, FloatType type) {
  std::string limit;
  llvm::raw_string_ostream os(limit);
  os << llvm::format("%.4g", value + overflowOf(type));
  InFlightDiagnostic diag = emitWarning(loc);
  diag << "without the maximum '" << name << "', exp overflows " << type
       << " where a value exceeds " << os.str()
       << ", and a row of values far below becomes 0 / 0";
}

/// Reads of `tensor` become the constant `value`.
static void replaceReads(CascadeEditor &editor, Value tensor, double value) {
  RankSet none;
  llvm::SetVector<Operation *> readers(tensor.getUsers().begin(),
                                       tensor.getUsers().end());
  for (Operation *reader : readers) {
    Statement statement = editor.read(cast<EinsumInterface>(reader));
    for (Expr &part : statement.values)
      part = editor.getExprs().rewrite(part, [&](Expr node) -> Expr {
        return node->isRead() && node->tensor == tensor
                   ? editor.getExprs().number(value, node->type)
                   : nullptr;
      });
    editor.replace(reader, statement);
  }
}

/// Maxima over some rank, or the tensor of that name.
static SmallVector<Value> findCandidates(CascadeOp cascade, StringRef name) {
  SmallVector<Value> candidates;
  for (Operation *op : listProducersFirst(cascade)) {
    auto einsum = cast<EinsumInterface>(op);
    bool isMax =
        llvm::any_of(einsum.getReductionList(), [](const Reduction &reduction) {
          return reduction.monoid.getValue() == "max";
        });
    for (Value result : op->getResults())
      if (name.empty() ? isMax && op->getNumResults() == 1
                       : getTensorName(result) == name)
        candidates.push_back(result);
  }
  return candidates;
}

static LogicalResult replaceMaxima(CascadeOp cascade, StringRef law,
                                   StringRef name, double value) {
  CascadeEditor editor(cascade);
  SmallVector<Value> candidates = findCandidates(cascade, name);
  if (candidates.empty() && !name.empty())
    return cascade.emitError() << "cascade '" << cascade.getSymName()
                               << "' computes no tensor '" << name << "'";
  SmallVector<std::string> names;
  for (Value candidate : candidates)
    names.push_back(getTensorName(candidate).str());
  // A change makes new ops: each is looked up when its turn comes.
  for (const std::string &tensor : names) {
    Value d = findCandidates(cascade, tensor).front();
    Location loc = d.getLoc();
    auto type = dyn_cast<FloatType>(
        getScalarType(cast<NamedTensorType>(d.getType()).getElementType()));
    if (!type)
      continue;
    ShiftDependence dependence = findShiftDependence(editor, d);
    if (!dependence.reason.empty()) {
      remarkNotApplied(loc, law, tensor, dependence.reason)
              .attachNote(dependence.at->getLoc())
          << "through this";
      continue;
    }
    remarkApplied(loc, law, tensor,
                  "no output depends on its value; " +
                      Twine(value == 0 ? "0" : std::to_string(value)) +
                      " takes its place");
    warn(loc, tensor, value, type);
    replaceReads(editor, d, value);
  }
  editor.eraseDead();
  return success();
}

namespace {
struct UnifiedMaxPass : einsum::impl::UnifiedMaxBase<UnifiedMaxPass> {
  using UnifiedMaxBase::UnifiedMaxBase;
  void runOnOperation() override {
    GathersAside aside(getOperation());
    if (failed(replaceMaxima(getOperation(), "unified maximum", tensor, value)))
      signalPassFailure();
  }
};

struct DropMaxPass : einsum::impl::DropMaxBase<DropMaxPass> {
  using DropMaxBase::DropMaxBase;
  void runOnOperation() override {
    GathersAside aside(getOperation());
    if (failed(
            replaceMaxima(getOperation(), "dropping the maximum", tensor, 0)))
      signalPassFailure();
  }
};
} // namespace
