//===- Presence.cpp - Which elements of a tensor exist --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/Presence.h"

#include "dialects/Einsum/Gathers.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

const Presence::Entry *Presence::find(Operation *einsum) const {
  auto it = entries.find(einsum);
  return it == entries.end() ? nullptr : &it->second;
}

ArrayRef<PresenceCondition>
Presence::getConditions(const EinsumKernel &kernel) const {
  const Entry *entry = find(kernel.einsum);
  return entry ? ArrayRef(entry->conditions) : ArrayRef<PresenceCondition>();
}

bool PresenceCondition::holds(const EinsumKernel &kernel,
                              const int64_t *coordinates) const {
  const KernelAccess &read = kernel.accesses[access];
  if (read.readsInitial(coordinates))
    return true;
  int64_t position = 0;
  for (auto [rank, extent] : llvm::zip_equal(factor->ranks, factor->extents)) {
    int64_t index = read.indices[rank].evaluate(coordinates);
    if (index < 0 || index >= extent)
      return true; // a condition of the kernel excludes the point
    position = position * extent + index;
  }
  return factor->holds[position];
}

/// Tabulates the conjunction of the factors.
std::vector<uint8_t> Presence::getMask(const EinsumKernel &kernel) const {
  const Entry *entry = find(kernel.einsum);
  if (!entry || entry->factors.empty())
    return {};
  size_t size = 1;
  for (unsigned dim : kernel.kept)
    size *= kernel.extents[dim];
  std::vector<uint8_t> mask(size, 1);
  SmallVector<int64_t> coordinates(kernel.kept.size());
  for (size_t i = 0; i < size; ++i) {
    size_t rest = i;
    for (size_t k = kernel.kept.size(); k-- > 0;) {
      coordinates[k] =
          static_cast<int64_t>(rest % kernel.extents[kernel.kept[k]]);
      rest /= kernel.extents[kernel.kept[k]];
    }
    for (const PresenceFactor &factor : entry->factors) {
      size_t position = 0;
      for (auto [rank, extent] : llvm::zip_equal(factor.ranks, factor.extents))
        position = position * extent + coordinates[rank];
      mask[i] &= factor.holds[position];
    }
  }
  return llvm::is_contained(mask, 0) ? mask : std::vector<uint8_t>();
}

//===----------------------------------------------------------------------===//
// Computation
//===----------------------------------------------------------------------===//

/// First which factors there are, without looking at extents; then where they
/// hold, in evaluation order.
class Presence::Computation {
public:
  Computation(const BoundCascade &bound, const Kernels &kernels)
      : bound(bound) {
    collectOrder(bound.steps, kernels);
  }

  Presence run();

private:
  using RankSets = std::set<uint64_t>;

  void collectOrder(const std::vector<EvaluationStep> &steps,
                    const Kernels &kernels) {
    for (const EvaluationStep &step : steps) {
      if (step.einsum)
        order.push_back(kernels.find(step.einsum)->second.get());
      collectOrder(step.body, kernels);
    }
  }

  static uint64_t toRankSet(const EinsumKernel &kernel, uint64_t dimSet);
  static uint64_t toDimSet(const KernelAccess &access, uint64_t rankSet);
  bool growRankSets(const EinsumKernel &kernel);
  void allocate(const EinsumKernel &kernel);
  void addConditions(const EinsumKernel &kernel);
  void tabulate(const EinsumKernel &kernel, PresenceFactor &factor,
                ArrayRef<LoopStep> around);

  const BoundCascade &bound;
  std::vector<const EinsumKernel *> order;
  llvm::DenseMap<Operation *, RankSets> rankSets;
  Presence presence;
};

/// Dims of the iteration space as ranks of the result; all of them are kept.
uint64_t Presence::Computation::toRankSet(const EinsumKernel &kernel,
                                          uint64_t dimSet) {
  uint64_t rankSet = 0;
  for (auto [i, dim] : llvm::enumerate(kernel.kept))
    rankSet |= (dimSet >> dim & 1) << i;
  return rankSet;
}

/// Dims of which a factor over `rankSet` of the tensor read speaks; whether the
/// initial value is read instead is part of the condition.
uint64_t Presence::Computation::toDimSet(const KernelAccess &access,
                                         uint64_t rankSet) {
  uint64_t dimSet = 0;
  for (auto [i, index] : llvm::enumerate(access.indices))
    if (rankSet >> i & 1 || access.initialSide[i] != 0)
      dimSet |= index.getDimSet();
  return dimSet;
}

/// True if the result has a factor that was not known.
bool Presence::Computation::growRankSets(const EinsumKernel &kernel) {
  RankSets found;
  for (const Condition &condition : kernel.conditions)
    if (kernel.getLevel(condition.index.getDimSet()) == 0)
      found.insert(toRankSet(kernel, condition.index.getDimSet()));
  for (const KernelAccess &access : kernel.accesses)
    if (auto it = rankSets.find(access.tensor.getDefiningOp());
        it != rankSets.end())
      for (uint64_t rankSet : it->second)
        if (uint64_t dimSet = toDimSet(access, rankSet);
            kernel.getLevel(dimSet) == 0)
          found.insert(toRankSet(kernel, dimSet));
  if (found.empty())
    return false;
  RankSets &known = rankSets[kernel.einsum];
  size_t before = known.size();
  known.insert(found.begin(), found.end());
  return known.size() != before;
}

void Presence::Computation::allocate(const EinsumKernel &kernel) {
  auto it = rankSets.find(kernel.einsum);
  if (it == rankSets.end())
    return;
  for (uint64_t rankSet : it->second) {
    PresenceFactor factor{rankSet, {}, {}, {}};
    size_t size = 1;
    for (auto [i, dim] : llvm::enumerate(kernel.kept)) {
      if (!(rankSet >> i & 1))
        continue;
      factor.ranks.push_back(i);
      factor.extents.push_back(kernel.extents[dim]);
      size *= kernel.extents[dim];
    }
    factor.holds.assign(size, 1);
    presence.entries[kernel.einsum].factors.push_back(std::move(factor));
  }
}

void Presence::Computation::addConditions(const EinsumKernel &kernel) {
  for (auto [i, access] : llvm::enumerate(kernel.accesses))
    if (const Entry *producer = presence.find(access.tensor.getDefiningOp()))
      for (const PresenceFactor &factor : producer->factors)
        presence.entries[kernel.einsum].conditions.push_back(
            {static_cast<unsigned>(i), &factor,
             toDimSet(access, factor.rankSet)});
}

/// Where `factor` holds, at the step at which the loops around are.
void Presence::Computation::tabulate(const EinsumKernel &kernel,
                                     PresenceFactor &factor,
                                     ArrayRef<LoopStep> around) {
  auto belongs = [&](uint64_t dimSet) {
    return kernel.getLevel(dimSet) == 0 &&
           toRankSet(kernel, dimSet) == factor.rankSet;
  };
  SmallVector<const Condition *> own;
  for (const Condition &condition : kernel.conditions)
    if (belongs(condition.index.getDimSet()))
      own.push_back(&condition);
  SmallVector<const PresenceCondition *> inherited;
  for (const PresenceCondition &condition : presence.getConditions(kernel))
    if (belongs(condition.dimSet))
      inherited.push_back(&condition);

  SmallVector<int64_t> point(kernel.ranks.size(), 0),
      fixed(factor.ranks.size(), -1);
  for (auto [k, rank] : llvm::enumerate(factor.ranks))
    for (const LoopStep &loop : around)
      if (loop.rank == kernel.ranks[kernel.kept[rank]])
        fixed[k] = loop.coordinate;
  auto visit = [&](auto &&next, size_t k, size_t position) -> void {
    if (k == factor.ranks.size()) {
      const int64_t *at = point.data();
      factor.holds[position] =
          llvm::all_of(own, [&](auto *c) { return c->holds(at); }) &&
          llvm::all_of(inherited,
                       [&](auto *c) { return c->holds(kernel, at); });
      return;
    }
    int64_t extent = factor.extents[k];
    for (int64_t i = fixed[k] < 0 ? 0 : fixed[k],
                 end = fixed[k] < 0 ? extent : fixed[k] + 1;
         i < end; ++i) {
      point[kernel.kept[factor.ranks[k]]] = i;
      next(next, k + 1, position * extent + i);
    }
  };
  visit(visit, 0, 0);
}

Presence Presence::Computation::run() {
  bool grows = true;
  while (grows) {
    grows = false;
    for (const EinsumKernel *kernel : order)
      grows |= growRankSets(*kernel);
  }
  for (const EinsumKernel *kernel : order)
    allocate(*kernel);
  for (const EinsumKernel *kernel : order)
    addConditions(*kernel);
  if (presence.entries.empty())
    return std::move(presence);
  llvm::DenseMap<Operation *, const EinsumKernel *> kernels;
  for (const EinsumKernel *kernel : order)
    kernels[kernel->einsum] = kernel;
  (void)bound.walk([&](Operation *einsum, ArrayRef<LoopStep> around) {
    if (auto it = presence.entries.find(einsum); it != presence.entries.end())
      for (PresenceFactor &factor : it->second.factors)
        tabulate(*kernels[einsum], factor, around);
    return success();
  });
  return std::move(presence);
}

/// A gathered element that is absent would make the points depend on data.
static LogicalResult refuseAbsent(const EinsumKernel &kernel, unsigned access,
                                  uint64_t rankSet) {
  const KernelAccess &read = kernel.accesses[access];
  if (!(read.opaque & rankSet))
    return success();
  Operation *definition = read.tensor.getDefiningOp();
  InFlightDiagnostic diag = EinsumInterface(kernel.einsum)->emitError()
                            << describeGather(kernel.einsum)
                            << ", but some of these elements are absent";
  diag.attachNote(definition->getLoc())
      << "a filter, a split or an access leaves them out here: give them a "
         "value, as with 'select'";
  return diag;
}

LogicalResult Presence::checkGathers(const EinsumKernel &kernel) const {
  for (auto [i, access] : llvm::enumerate(kernel.accesses))
    if (const Entry *producer = find(access.tensor.getDefiningOp()))
      for (const PresenceFactor &factor : producer->factors)
        if (failed(refuseAbsent(kernel, i, factor.rankSet)))
          return failure();
  return success();
}

Presence Presence::compute(const BoundCascade &bound, const Kernels &kernels) {
  return Computation(bound, kernels).run();
}
