//===- ProductSums.cpp - Einsums that multiply and sum --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/ProductSums.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static ArrayRef<StringAttr> ranksOf(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getRanks();
}

Expr quant::stripWidening(Expr expr) {
  while (expr->isOp("arith.extf") || expr->isOp("arith.extsi") ||
         expr->isOp("arith.extui") || expr->isOp("arith.sitofp") ||
         expr->isOp("arith.uitofp"))
    expr = expr->operands[0];
  return expr;
}

static void collectFactors(Expr expr, std::vector<Expr> &factors) {
  Expr inner = stripWidening(expr);
  if (inner->isOp("arith.mulf") || inner->isOp("arith.muli")) {
    for (Expr operand : inner->operands)
      collectFactors(operand, factors);
    return;
  }
  factors.push_back(inner);
}

std::optional<ProductSum> quant::readProductSum(CascadeEditor &editor,
                                                Operation *op) {
  ProductSum product{op, editor.read(cast<EinsumInterface>(op)), {}};
  Statement &statement = product.statement;
  if (statement.values.size() != 1 || !statement.init.empty() ||
      statement.reductions.empty() ||
      llvm::any_of(statement.reductions,
                   [](ReductionAttr r) { return r.getMonoid() != "add"; }))
    return std::nullopt;
  collectFactors(statement.values[0], product.factors);
  if (product.factors.size() < 2)
    return std::nullopt;
  return product;
}

bool ProductSum::hasFactor(Value tensor) const {
  return llvm::any_of(factors, [&](Expr factor) {
    return factor->isRead() && factor->tensor == tensor;
  });
}

/// Ranks of `tensor` that an index satisfies, among the reads by factors; each
/// once, in the tensor's order.
static SmallVector<StringAttr> listRanks(
    const ProductSum &product, Value tensor,
    llvm::function_ref<bool(AffineExpr index, StringAttr rank)> satisfies) {
  SmallVector<StringAttr> found;
  for (Expr factor : product.factors) {
    if (!factor->isRead() || factor->tensor != tensor)
      continue;
    for (auto [index, rank] : llvm::zip(factor->indices, ranksOf(tensor)))
      if (!llvm::is_contained(found, rank) && satisfies(index, rank))
        found.push_back(rank);
  }
  return found;
}

SmallVector<StringAttr> ProductSum::summedRanks(CascadeEditor &editor,
                                                Value tensor) const {
  return listRanks(*this, tensor, [&](AffineExpr index, StringAttr rank) {
    return index == editor.rank(rank) && statement.reduces(rank);
  });
}

SmallVector<StringAttr> ProductSum::ranksSummedInParts(CascadeEditor &editor,
                                                       Value tensor) const {
  return listRanks(*this, tensor, [&](AffineExpr index, StringAttr rank) {
    RankSet parts;
    collectRanks(editor, index, parts);
    return index != editor.rank(rank) && isPlainlyInside(editor, index, rank) &&
           llvm::any_of(parts,
                        [&](StringAttr r) { return statement.reduces(r); });
  });
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

static bool isWeight(Value tensor) {
  auto input = tensor.getDefiningOp<InputOp>();
  return input && input.getWeight();
}

/// A running value, an extreme or a denominator: what others are measured by.
static std::string findReasonToStayWide(Value tensor) {
  auto einsum = dyn_cast<EinsumInterface>(tensor.getDefiningOp());
  if (!einsum)
    return {};
  if (!einsum.getInitialValues().empty())
    return "it is carried from step to step, and its error with it";
  for (const Reduction &reduction : einsum.getReductionList())
    if (reduction.monoid != "add")
      return "it is a reduction by " + reduction.monoid.str() +
             ", which others are measured by";
  return {};
}

/// Reads that stand below the line somewhere in `expr`.
static void collectDenominators(Expr expr, llvm::DenseSet<Value> &tensors) {
  walk(expr, [&](Expr node) {
    bool divides = node->isOp("arith.divf");
    bool inverts = node->isOp("math.rsqrt");
    if (!divides && !inverts)
      return;
    Expr below = stripWidening(node->operands[divides ? 1 : 0]);
    if (below->isRead())
      tensors.insert(below->tensor);
  });
}

static void addReader(CascadeEditor &editor, const ProductSum &product,
                      TensorRole &role) {
  SmallVector<StringAttr> summed = product.summedRanks(editor, role.tensor);
  llvm::append_range(summed, product.ranksSummedInParts(editor, role.tensor));
  for (StringAttr rank : summed)
    if (!llvm::is_contained(role.summed, rank.str()))
      role.summed.push_back(rank.str());
  for (Expr factor : product.factors)
    if (factor->isRead() && factor->tensor != role.tensor &&
        isWeight(factor->tensor) && !summed.empty()) {
      SmallVector<StringAttr> others =
          product.summedRanks(editor, factor->tensor);
      llvm::append_range(others,
                         product.ranksSummedInParts(editor, factor->tensor));
      for (StringAttr rank : others)
        role.isMultipliedWithWeight |= llvm::is_contained(summed, rank);
    }
}

static void sortRanks(TensorRole &role) {
  std::vector<std::string> summed;
  for (StringAttr rank : ranksOf(role.tensor))
    (llvm::is_contained(role.summed, rank.str()) ? summed : role.kept)
        .push_back(rank.str());
  role.summed = std::move(summed);
}

std::vector<TensorRole> quant::findRoles(CascadeEditor &editor) {
  std::vector<TensorRole> roles;
  llvm::DenseMap<Value, size_t> numbers;
  auto add = [&](Value tensor, bool isInput) {
    numbers[tensor] = roles.size();
    roles.push_back({tensor,
                     isInput,
                     isWeight(tensor),
                     false,
                     {},
                     {},
                     findReasonToStayWide(tensor)});
  };
  Block &body = *editor.getCascade().getBodyBlock();
  for (InputOp input : body.getOps<InputOp>())
    add(input.getResult(), true);
  for (Operation &op : body)
    if (isa<EinsumInterface>(op))
      for (Value result : op.getResults())
        add(result, false);

  llvm::DenseSet<Value> denominators;
  for (Operation &op : body) {
    if (!isa<EinsumInterface>(op))
      continue;
    for (Expr value : editor.read(cast<EinsumInterface>(op)).values)
      collectDenominators(value, denominators);
    if (std::optional<ProductSum> product = readProductSum(editor, &op))
      for (Expr factor : product->factors)
        if (factor->isRead())
          addReader(editor, *product, roles[numbers[factor->tensor]]);
  }
  for (TensorRole &role : roles) {
    sortRanks(role);
    if (role.keptWide.empty() && !role.isInput &&
        denominators.contains(role.tensor))
      role.keptWide = "others are divided by it";
  }
  return roles;
}
