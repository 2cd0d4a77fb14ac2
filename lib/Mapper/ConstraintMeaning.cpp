//===- ConstraintMeaning.cpp - What constraints say of one Einsum ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ConstraintMeaning.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

static void addOnce(llvm::SmallVectorImpl<int> &tensors, int tensor) {
  if (!llvm::is_contained(tensors, tensor))
    tensors.push_back(tensor);
}

Roles einsum::mapper::getRoles(const CascadeFacts &facts,
                               const EinsumFact &einsum) {
  Roles roles;
  llvm::SmallVector<int, 4> read;
  for (const AccessFact &access : einsum.writes)
    addOnce(roles.outputs, access.tensor);
  for (const AccessFact &access : einsum.reads)
    addOnce(read, access.tensor);
  auto isMade = [&](int tensor) { return facts.tensors[tensor].producer >= 0; };
  bool isMixed = llvm::any_of(read, isMade) && !llvm::all_of(read, isMade);
  for (auto [position, tensor] : llvm::enumerate(read)) {
    if (llvm::is_contained(roles.outputs, tensor))
      continue;
    bool isInput = isMixed ? isMade(tensor) : position == 0;
    (isInput ? roles.inputs : roles.weights).push_back(tensor);
  }
  return roles;
}

llvm::SmallVector<int, 4>
einsum::mapper::getOperands(const EinsumFact &einsum) {
  llvm::SmallVector<int, 4> operands;
  for (const AccessFact &access : einsum.reads)
    addOnce(operands, access.tensor);
  for (const AccessFact &access : einsum.writes)
    addOnce(operands, access.tensor);
  return operands;
}

static bool isCopy(const EinsumFact &einsum) {
  return einsum.operators.empty() && einsum.reduced.empty() &&
         einsum.reads.size() == 1;
}

bool einsum::mapper::selects(const arch::EinsumSelection &on,
                             const EinsumFact &einsum) {
  auto isNamed = [](const std::vector<arch::WorkloadName> &names, auto test) {
    return names.empty() ||
           llvm::any_of(names, [&](const arch::WorkloadName &name) {
             return test(name.name);
           });
  };
  llvm::SmallVector<int, 4> read;
  for (const AccessFact &access : einsum.reads)
    addOnce(read, access.tensor);
  return isNamed(on.einsums,
                 [&](const std::string &n) { return n == einsum.name; }) &&
         isNamed(on.operators,
                 [&](const std::string &n) {
                   return einsum.operators.count(n) != 0;
                 }) &&
         on.operands.contains(read.size()) &&
         !(on.exceptCopies && isCopy(einsum));
}

bool einsum::mapper::contains(const arch::TensorSet &set, int tensor,
                              const CascadeFacts &facts,
                              const EinsumFact &einsum,
                              llvm::function_ref<bool(int)> isKeptAt) {
  using Kind = arch::TensorTerm::Kind;
  Roles roles = getRoles(facts, einsum);
  const TensorFact &fact = facts.tensors[tensor];
  auto names = [&](const arch::TensorTerm &term) {
    switch (term.kind) {
    case Kind::All:
      return true;
    case Kind::Inputs:
      return llvm::is_contained(roles.inputs, tensor);
    case Kind::Outputs:
      return llvm::is_contained(roles.outputs, tensor);
    case Kind::Weights:
      return llvm::is_contained(roles.weights, tensor);
    case Kind::Intermediates:
      return fact.producer >= 0 && !fact.isOutput;
    case Kind::KeptAt:
      return isKeptAt(term.level);
    case Kind::Tensor:
      return term.name.name == fact.name;
    }
    return false;
  };
  bool isIn = !set.empty() && set.front().negated;
  for (const arch::TensorTerm &term : set)
    if (names(term))
      isIn = !term.negated;
  return isIn;
}

llvm::SmallVector<int, 4> einsum::mapper::getPath(const arch::ArchSpec &arch,
                                                  const arch::Array &array) {
  llvm::SmallVector<int, 4> path;
  for (int level = array.level; level >= 0; level = arch.levels[level].parent)
    path.push_back(level);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<std::string>
einsum::mapper::listMissingOperators(const arch::ArchSpec &arch,
                                     const arch::Array &array,
                                     const EinsumFact &einsum) {
  std::map<std::string, uint64_t> operators = einsum.operators;
  if (arch.accounting.onePerPoint)
    operators = {{"compute", 1}};
  std::vector<std::string> missing;
  auto has = [&](llvm::StringRef name) {
    return array.findOp(name, einsum.datatype) != nullptr;
  };
  for (const auto &[name, count] : operators)
    if (!has(name) && !(name == "mac" && has("mul") && has("add")))
      missing.push_back(name);
  return missing;
}
