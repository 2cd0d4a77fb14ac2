//===- SelectTensors.cpp - Which tensors become what ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/SelectTensors.h"

#include "lib/Quant/Sharing.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "quantisation";

TensorShape quant::getShape(CascadeOp cascade, Value tensor) {
  TensorShape shape;
  for (StringAttr rank : cast<NamedTensorType>(tensor.getType()).getRanks()) {
    shape.ranks.push_back(rank.str());
    shape.extents.push_back(
        cascade.findRank(rank).getBoundExtent().value_or(0));
  }
  return shape;
}

static bool isInClass(const TensorRole &role, StringRef name) {
  if (name == "weights")
    return role.isWeight && !role.summed.empty();
  if (name == "inputs")
    return role.isInput && !role.isWeight;
  return !role.isWeight && role.isMultipliedWithWeight;
}

static Type getElement(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getElementType();
}

/// Why the tensor cannot be quantised, or empty.
static std::string findObstacle(const TensorRole &role) {
  Type element = getElement(role.tensor);
  if (isa<QuantizedType>(element))
    return "it is stored in a format of its own";
  if (!isa<FloatType>(element))
    return "it holds no floats";
  return role.keptWide;
}

namespace {
class Selection {
public:
  Selection(CascadeEditor &editor, const QuantizeSpec &spec)
      : editor(editor), spec(spec), roles(findRoles(editor)) {}

  FailureOr<std::vector<Assignment>> run();

private:
  const Rule *findRule(const TensorRole &role);
  LogicalResult checkRules();
  FailureOr<Assignment> assign(const TensorRole &role, const Rule &rule);

  CascadeEditor &editor;
  const QuantizeSpec &spec;
  std::vector<TensorRole> roles;
  std::vector<bool> isUsed;
};
} // namespace

bool quant::selects(const Rule &rule, const TensorRole &role) {
  return rule.isClass() ? isInClass(role, rule.selector)
                        : rule.matches(getTensorName(role.tensor));
}

const Rule *Selection::findRule(const TensorRole &role) {
  const Rule *found = nullptr;
  for (auto [i, rule] : llvm::enumerate(spec.rules))
    if (selects(rule, role)) {
      isUsed[i] = true;
      found = &rule;
    }
  return found;
}

LogicalResult Selection::checkRules() {
  for (auto [rule, used] : llvm::zip(spec.rules, isUsed)) {
    if (used)
      continue;
    std::vector<std::string> names;
    for (const TensorRole &role : roles)
      if (StringRef name = getTensorName(role.tensor); !name.empty())
        names.push_back(name.str());
    CascadeOp cascade = editor.getCascade();
    if (rule.isClass())
      return cascade.emitError()
             << "cascade '" << cascade.getSymName() << "' has no "
             << rule.selector
             << " to quantise: no Einsum multiplies and sums any; name tensors "
                "instead";
    return cascade.emitError()
           << "cascade '" << cascade.getSymName() << "' has no tensor '"
           << rule.selector << "'"
           << (rule.isPattern() ? std::string()
                                : didYouMean(rule.selector, names));
  }
  return success();
}

/// Blocks whose rank is left out run along the innermost summed rank that they
/// divide, along r of F[k,c,r] only if its extent is a multiple of theirs.
static std::variant<formats::Storage, std::string>
chooseStorage(StringRef text, ArrayRef<std::string> kept,
              ArrayRef<std::string> summed, const TensorShape &shape) {
  auto innermost = completeStorage(text, kept, summed);
  auto fits = [&](const std::variant<formats::Storage, std::string> &found) {
    auto *storage = std::get_if<formats::Storage>(&found);
    return storage && std::holds_alternative<formats::Region>(formats::layOut(
                          *storage, shape.ranks, shape.extents));
  };
  if (std::holds_alternative<std::string>(innermost) || fits(innermost))
    return innermost;
  while (summed.size() > 1) {
    summed = summed.drop_back();
    if (auto further = completeStorage(text, kept, summed); fits(further))
      return further;
  }
  return innermost;
}

FailureOr<Assignment> Selection::assign(const TensorRole &role,
                                        const Rule &rule) {
  std::string name = getTensorName(role.tensor).str();
  TensorShape shape = getShape(editor.getCascade(), role.tensor);
  std::vector<std::string> summed = role.summed, kept = role.kept;
  // What nobody sums has its innermost rank for blocks to run along.
  if (summed.empty() && !kept.empty()) {
    summed.push_back(kept.back());
    kept.pop_back();
  }
  auto storage = chooseStorage(rule.storage, kept, summed, shape);
  if (auto *error = std::get_if<std::string>(&storage))
    return emitError(role.tensor.getLoc())
           << "'" << name << "' cannot be quantised to " << *error;
  bool isOffline = role.isWeight ? !rule.isOnline : rule.isOffline;
  if (isOffline && !role.isInput)
    return emitError(role.tensor.getLoc())
           << "'" << name << "' is computed, and cannot be made offline";
  Assignment assignment{role.tensor,
                        std::get<formats::Storage>(storage),
                        rule.form,
                        isOffline,
                        rule.isRearranged,
                        rule.isBalanced,
                        !rule.isClass() && !rule.isPattern(),
                        rule.granted};
  if (!assignment.storage.format.isStored)
    return emitError(role.tensor.getLoc())
           << "'" << assignment.storage.format.name
           << "' is a format to compute in, and nothing is stored in it";
  auto region = formats::layOut(assignment.storage, shape.ranks, shape.extents);
  if (auto *error = std::get_if<std::string>(&region))
    return emitError(role.tensor.getLoc())
           << "'" << name << "' cannot be stored so: " << *error;
  return assignment;
}

FailureOr<std::vector<Assignment>> Selection::run() {
  isUsed.assign(spec.rules.size(), false);
  std::vector<Assignment> assignments;
  for (const TensorRole &role : roles) {
    const Rule *rule = findRule(role);
    if (!rule)
      continue;
    std::string name = getTensorName(role.tensor).str();
    if (std::string obstacle = findObstacle(role); !obstacle.empty()) {
      if (!rule->isClass() && !rule->isPattern())
        return emitError(role.tensor.getLoc())
               << "'" << name << "' is kept wide: " << obstacle
               << "; leave it out";
      remarkNotApplied(role.tensor.getLoc(), kLaw, name,
                       "kept wide: " + obstacle);
      continue;
    }
    FailureOr<Assignment> assignment = assign(role, *rule);
    if (failed(assignment))
      return failure();
    assignments.push_back(std::move(*assignment));
  }
  if (failed(checkRules()))
    return failure();
  return assignments;
}

FailureOr<std::vector<Assignment>>
quant::selectTensors(CascadeEditor &editor, const QuantizeSpec &spec) {
  return Selection(editor, spec).run();
}
