//===- UserConstraints.cpp - What the user rules out, per Einsum ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/UserConstraints.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;
using arch::TensorTerm;

EinsumConstraints::EinsumConstraints(const CascadeFacts &facts,
                                     const arch::ArchSpec &arch, int id)
    : facts(facts), einsum(facts.einsums[id]) {
  for (const AccessFact &read : einsum.reads)
    if (!llvm::is_contained(reads, read.tensor))
      reads.push_back(read.tensor);
  auto checkKeptAt = [&](const arch::TensorSet &set) {
    for (const TensorTerm &term : set)
      if (term.kind == TensorTerm::Kind::KeptAt && term.level != backing)
        unsupported = "a constraint on what is kept at level '" +
                      arch.levels[term.level].name +
                      "' (only the backing level is covered)";
  };
  for (const arch::LevelConstraint &one : arch.constraints.levels) {
    if (!selects(one.on))
      continue;
    levels.push_back(&one);
    if (one.mustKeep)
      checkKeptAt(*one.mustKeep);
    if (one.mayKeep)
      checkKeptAt(*one.mayKeep);
  }
  for (const arch::DimensionConstraint &one : arch.constraints.dimensions)
    if (selects(one.on)) {
      dimensions.push_back(&one);
      checkKeptAt(one.reuse);
    }
  for (const arch::ArrayChoice &one : arch.constraints.arrays)
    if (selects(one.on))
      arrays.push_back(&one);
}

bool EinsumConstraints::isCopy() const {
  return einsum.operators.empty() && reads.size() == 1 &&
         einsum.reduced.empty();
}

bool EinsumConstraints::selects(const arch::EinsumSelection &on) const {
  auto named = [&](const std::vector<arch::WorkloadName> &names, auto test) {
    return names.empty() || llvm::any_of(names, [&](const auto &name) {
             return test(name.name);
           });
  };
  if (on.exceptCopies && isCopy())
    return false;
  return on.operands.contains(reads.size()) &&
         named(on.einsums,
               [&](const std::string &name) { return name == einsum.name; }) &&
         named(on.operators, [&](const std::string &name) {
           return einsum.operators.count(name) != 0;
         });
}

bool EinsumConstraints::matches(const TensorTerm &term, KeptTensor kept) const {
  const TensorFact &tensor = facts.tensors[kept.tensor];
  bool isRead = llvm::is_contained(reads, kept.tensor);
  bool isWritten = llvm::any_of(einsum.writes, [&](const AccessFact &write) {
    return write.tensor == kept.tensor;
  });
  auto isInputOperand = [&] {
    auto outside = [&](int id) { return facts.tensors[id].isInput; };
    if (!isRead || isWritten)
      return false;
    bool mixed = llvm::any_of(reads, outside) && !llvm::all_of(reads, outside);
    return mixed ? !outside(kept.tensor) : kept.tensor == reads.front();
  };
  switch (term.kind) {
  case TensorTerm::Kind::All:
    return true;
  case TensorTerm::Kind::Inputs:
    return isInputOperand();
  case TensorTerm::Kind::Outputs:
    return isWritten;
  case TensorTerm::Kind::Weights:
    return isRead && !isWritten && !isInputOperand();
  case TensorTerm::Kind::Intermediates:
    return !tensor.isInput && !tensor.isOutput;
  case TensorTerm::Kind::KeptAt:
    return kept.atBacking;
  case TensorTerm::Kind::Tensor:
    return term.name.name == tensor.name;
  }
  return false;
}

bool EinsumConstraints::contains(const arch::TensorSet &set,
                                 KeptTensor tensor) const {
  bool in = !set.empty() && set.front().negated;
  for (const TensorTerm &term : set)
    if (matches(term, tensor))
      in = !term.negated;
  return in;
}

bool EinsumConstraints::mustKeep(int level, KeptTensor tensor) const {
  return llvm::any_of(levels, [&](const arch::LevelConstraint *one) {
    return one->level == level && one->mustKeep &&
           contains(*one->mustKeep, tensor);
  });
}

bool EinsumConstraints::mayKeep(int level, KeptTensor tensor) const {
  return llvm::all_of(levels, [&](const arch::LevelConstraint *one) {
    return one->level != level || !one->mayKeep ||
           contains(*one->mayKeep, tensor) ||
           (one->mustKeep && contains(*one->mustKeep, tensor));
  });
}

bool EinsumConstraints::mayLiveAtBacking(int tensor) const {
  return mayKeep(backing, {tensor, true}) &&
         llvm::all_of(facts.tensors[tensor].ranks, [&](int rank) {
           int64_t whole = facts.ranks[rank].extent;
           return !isBounded(tensor, rank) ||
                  mayHoldTile(backing, rank, whole, whole);
         });
}

bool EinsumConstraints::mayRunOn(int array) const {
  return llvm::all_of(arrays, [&](const arch::ArrayChoice *one) {
    return llvm::is_contained(one->arrays, array);
  });
}

bool EinsumConstraints::boundsTiles(int level) const {
  return llvm::any_of(levels, [&](const arch::LevelConstraint *one) {
    return one->level == level && !one->tile.empty();
  });
}

bool EinsumConstraints::ordersLoops() const {
  return llvm::any_of(levels, [](const arch::LevelConstraint *one) {
    return one->order.size() > 1;
  });
}

bool EinsumConstraints::mayStandInside(int level, int outer, int inner) const {
  return llvm::all_of(levels, [&](const arch::LevelConstraint *one) {
    auto placeOf = [&](int rank) {
      return llvm::find_if(one->order, [&](const arch::WorkloadName &name) {
        return name.name == facts.ranks[rank].name;
      });
    };
    return one->level != level || placeOf(inner) == one->order.end() ||
           placeOf(outer) == one->order.end() ||
           placeOf(outer) <= placeOf(inner);
  });
}

bool EinsumConstraints::mayHoldTile(int level, int rank, int64_t extent,
                                    int64_t whole) const {
  for (const arch::LevelConstraint *one : levels)
    for (const arch::TileBound &bound : one->tile)
      if (one->level == level && bound.rank.name == facts.ranks[rank].name)
        if (!bound.extent.contains(extent) ||
            (extent != whole && extent % bound.multipleOf != 0))
          return false;
  return true;
}

bool EinsumConstraints::mayDeal(int array, int dim, int rank) const {
  auto reuses = [&](const arch::TensorSet &set,
                    llvm::ArrayRef<AccessFact> accesses) {
    return llvm::any_of(accesses, [&](const AccessFact &access) {
      return access.uses(rank) && contains(set, {access.tensor});
    });
  };
  for (const arch::DimensionConstraint *one : dimensions) {
    if (one->array != array || one->dim != dim)
      continue;
    if (one->ranks && llvm::none_of(*one->ranks, [&](const auto &name) {
          return name.name == facts.ranks[rank].name;
        }))
      return false;
    if (reuses(one->reuse, einsum.reads) || reuses(one->reuse, einsum.writes))
      return false;
  }
  return true;
}

std::pair<double, bool> EinsumConstraints::leastShare(int array,
                                                      int dim) const {
  double least = 0;
  bool relax = true;
  for (const arch::DimensionConstraint *one : dimensions)
    if (one->array == array && one->dim == dim && one->minUtilization > least) {
      least = one->minUtilization;
      relax = one->relax;
    }
  return {least, relax};
}
