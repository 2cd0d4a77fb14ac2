//===- EmptyGroups.cpp - Inner reductions without points ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/EmptyGroups.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;

/// Visits all groups of all elements.
class EmptyGroups::Search {
public:
  Search(interp::EinsumKernel &kernel, const interp::Presence &presence,
         EmptyGroups &result)
      : kernel(kernel), result(result), conditions(kernel.reductions.size()),
        coordinates(kernel.ranks.size(), 0) {
    auto add = [&](uint64_t dimSet, auto holds) {
      if (unsigned level = kernel.getLevel(dimSet))
        conditions[level - 1].push_back(holds);
    };
    for (const interp::Condition &condition : kernel.conditions)
      add(condition.index.getDimSet(), [&condition](const int64_t *point) {
        return condition.holds(point);
      });
    for (const interp::PresenceCondition &condition :
         presence.getConditions(kernel))
      add(condition.dimSet, [&condition, &kernel](const int64_t *point) {
        return condition.holds(kernel, point);
      });
  }

  void run() {
    bool cutsInside =
        llvm::any_of(llvm::drop_begin(conditions),
                     [](const auto &all) { return !all.empty(); });
    if (cutsInside)
      visitElements(0);
  }

private:
  void visitElements(size_t next) {
    if (next == kernel.kept.size()) {
      Values values;
      visitGroup(0, values);
      ++element;
      return;
    }
    unsigned dim = kernel.kept[next];
    for (int64_t i = 0; i < kernel.extents[dim]; ++i) {
      coordinates[dim] = i;
      visitElements(next + 1);
    }
  }

  /// True if the group that a level reduces has points; else `values` is what
  /// it comes to.
  bool visitGroup(size_t level, Values &values) {
    llvm::ArrayRef<interp::Scalar> identity =
        kernel.reductions[level].monoid.getIdentity();
    values.assign(identity.begin(), identity.end());
    bool hasPoints = false, hasEmpty = false;
    visitMembers(level, 0, values, hasPoints, hasEmpty);
    if (hasEmpty)
      result.found[{element, group}] = values;
    return hasPoints;
  }

  void visitMembers(size_t level, size_t next, Values &values, bool &hasPoints,
                    bool &hasEmpty) {
    interp::KernelReduction &reduction = kernel.reductions[level];
    if (next < reduction.dims.size()) {
      unsigned dim = reduction.dims[next];
      for (int64_t i = 0; i < kernel.extents[dim]; ++i) {
        coordinates[dim] = i;
        group.push_back(i);
        visitMembers(level, next + 1, values, hasPoints, hasEmpty);
        group.pop_back();
      }
      return;
    }
    if (!llvm::all_of(conditions[level], [&](const auto &holds) {
          return holds(coordinates.data());
        }))
      return;
    Values inner;
    if (level + 1 == kernel.reductions.size() || visitGroup(level + 1, inner)) {
      hasPoints = true;
      return;
    }
    hasEmpty = true;
    reduction.monoid.combine(values.data(), inner.data());
  }

  interp::EinsumKernel &kernel;
  EmptyGroups &result;
  /// Per level.
  std::vector<std::vector<std::function<bool(const int64_t *)>>> conditions;
  std::vector<int64_t> coordinates, group;
  int64_t element = 0;
};

EmptyGroups::EmptyGroups(interp::EinsumKernel &kernel,
                         const interp::Presence &presence) {
  if (kernel.reductions.size() > 1)
    Search(kernel, presence, *this).run();
}

const EmptyGroups::Values *
EmptyGroups::find(int64_t element, llvm::ArrayRef<int64_t> group) const {
  if (found.empty())
    return nullptr;
  auto values = found.find({element, group.vec()});
  return values == found.end() ? nullptr : &values->second;
}
