//===- Nests.cpp - One Einsum on one array --------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What every mapping needs at the bottom of its tree and few care to choose:
// which array, and which ranks lie across it.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/CascadeGraph.h"
#include "lib/Plugin/MappingPass.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;

/// Operators of an Einsum that an array does not have.
static std::vector<std::string> listLacking(const arch::ArchSpec &arch,
                                            const arch::Array &array,
                                            const EinsumFact &einsum) {
  auto has = [&](StringRef op) {
    return array.findOp(op, einsum.datatype) != nullptr;
  };
  if (arch.accounting.onePerPoint)
    return has("compute") ? std::vector<std::string>()
                          : std::vector<std::string>{"compute"};
  std::vector<std::string> lacking;
  for (const auto &[op, count] : einsum.operators)
    if (!has(op) && !(op == "mac" && has("mul") && has("add")))
      lacking.push_back(op);
  return lacking;
}

FailureOr<const arch::Array *>
MappingContext::widestArray(const EinsumFact &einsum) {
  const arch::Array *widest = nullptr;
  std::string lacking;
  for (const arch::Array &array : arch.arrays) {
    std::vector<std::string> ops = listLacking(arch, array, einsum);
    if (ops.empty() && (!widest || array.peCount() > widest->peCount()))
      widest = &array;
    lacking += (lacking.empty() ? "'" : "; '") + array.name + "' lacks " +
               llvm::join(ops, ", ");
  }
  if (widest)
    return widest;
  infeasible = true;
  return einsum.op->emitError()
         << "no array of '" << arch.name << "' can run Einsum '" << einsum.name
         << "' in " << einsum.datatype << ": " << lacking;
}

std::vector<RunGroup> MappingContext::runGroups() const {
  CascadeGraph graph = buildCascadeGraph(cascade);
  std::vector<RunGroup> groups;
  int last = -1;
  for (GraphEinsum &einsum : graph.einsums) {
    if (einsum.recurrence < 0 || einsum.recurrence != last) {
      groups.emplace_back();
      if (einsum.recurrence >= 0)
        for (const StepRank &step : graph.recurrences[einsum.recurrence].ranks)
          groups.back().ranks.push_back(facts.findRank(step.rank));
    }
    last = einsum.recurrence;
    for (const EinsumFact &fact : facts.einsums)
      if (fact.op == einsum.op.getOperation())
        groups.back().einsums.push_back(&fact);
  }
  return groups;
}

/// Whether all operands of an array pass through a level.
static bool feeds(const arch::ArchSpec &arch, int level,
                  const arch::Array &array) {
  int at = array.level;
  while (at >= 0 && at != level)
    at = arch.levels[at].parent;
  return at == level;
}

FailureOr<std::string>
MappingContext::sharedLevel(ArrayRef<const arch::Array *> arrays) {
  for (int level = 0, end = arch.levels.size(); level < end; ++level) {
    const arch::Level &candidate = arch.levels[level];
    if (candidate.parent >= 0 && candidate.perArray < 0 &&
        llvm::all_of(
            arrays,
            [&](const arch::Array *array) {
              return feeds(arch, level, *array);
            }))
      return candidate.name;
  }
  return refuse() << "its arrays share no memory on chip";
}

/// Iterative ranks first, then those of the result, then reduced ones.
static std::vector<int> orderRanks(const EinsumFact &einsum) {
  auto kindOf = [&](int rank) {
    return einsum.direction.count(rank) ? 0 : einsum.reduces(rank) ? 2 : 1;
  };
  std::vector<int> order;
  for (int kind = 0; kind < 3; ++kind)
    for (int rank : einsum.ranks)
      if (kind == kindOf(rank))
        order.push_back(rank);
  return order;
}

void MappingContext::addNest(LoopTreeBuilder &tree, const EinsumFact &einsum,
                             const arch::Array &array,
                             ArrayRef<int64_t> extents) const {
  std::vector<int> order = orderRanks(einsum);
  std::map<int, int64_t> tiles;
  std::vector<std::pair<int, std::string>> across;
  for (const arch::ArrayDim &dim : array.dims) {
    int largest = -1;
    for (int rank : order)
      if (!einsum.direction.count(rank) && !tiles.count(rank) &&
          extents[rank] > 1 &&
          (largest < 0 || extents[rank] > extents[largest]))
        largest = rank;
    if (largest < 0 || dim.size < 2)
      continue;
    tiles[largest] =
        static_cast<int64_t>(std::min<uint64_t>(dim.size, extents[largest]));
    across.emplace_back(largest, dim.name);
  }
  for (int rank : order)
    tree.temporal(facts.ranks[rank].name, tiles.count(rank) ? tiles[rank] : 1);
  for (const auto &[rank, dim] : across)
    tree.spatial(facts.ranks[rank].name, 1, dim);
  tree.compute(einsum.name, array.name);
}
