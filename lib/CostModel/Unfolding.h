//===- Unfolding.h - A loop tree, step by step ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model. Some schedules have no closed form that is exact:
// what readers ask for may depend on a filter, on where a window leaves its
// extents, or on what a unit has kept from another place.
//
//   temporal a tile 1
//     storage buffer [T] halo retained      T[h]   read as T[2*a + b], b <= a
//       temporal h tile 1                   a = 0: h = 0
//         compute T                         a = 1: h = 2..3
//       ...                                 a = 2: h = 4..6
//
// Then the steps are taken one by one. A *unit* is a box of coordinates, as
// section 1 of dialects/Schedule/README.md has it; here is how loops and
// demands change the boxes of all units that are at one place at the same time,
// and which points a leaf executes in a box. Queries (UnfoldedQuery.cpp) and
// the clock (Latency.cpp) walk with it.
//
// Work is counted; beyond `limit` points and boxes `exhausted` is set, and what
// was found since is worthless.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_UNFOLDING_H
#define LIB_COSTMODEL_UNFOLDING_H

#include "lib/CostModel/LoopTree.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace einsum::cost {

/// Numbers the elements of a tensor, or the values of any coordinates.
class ElementNumbers {
public:
  ElementNumbers() = default;
  ElementNumbers(const CascadeFacts &facts, llvm::ArrayRef<Use> uses);

  bool empty() const { return extent.empty(); }
  int64_t numberOf(const Use &use, llvm::ArrayRef<int64_t> point) const;
  /// Of all elements that the use reaches at the point: of an opaque rank, all
  /// along it.
  void forEach(const Use &use, llvm::ArrayRef<int64_t> point,
               llvm::function_ref<void(int64_t)> act) const;
  int64_t coordinateOf(int64_t number, unsigned coordinate) const;

private:
  llvm::SmallVector<int64_t, 4> low, extent;
  std::map<int, int64_t> opaque; ///< extents of opaque ranks
};

struct Unit {
  llvm::SmallVector<Interval, 8> box;
  /// Which unit of each spatial loop above, outermost first.
  llvm::SmallVector<int32_t, 2> path;
  /// Per loop that it is in: whether this is the first step (1), the last (2).
  llvm::SmallVector<std::pair<int, uint8_t>, 8> steps;

  uint8_t stepIn(int loop) const;
};

using Units = std::vector<Unit>;
using Elements = std::unordered_set<int64_t>;

class Unfolding {
public:
  explicit Unfolding(const LoopTree &tree) : tree(tree) {}

  /// Where control starts: one unit with all coordinates.
  Units whole() const;
  /// Steps of the unit that has most.
  int64_t countSteps(int loop, const Units &units) const;
  /// All units that have such a step, in it.
  Units stepOf(int loop, int64_t step, const Units &units);
  /// All units of a spatial loop.
  Units spread(int loop, const Units &units);
  /// On entry of a storage node: production follows demand.
  void enter(int storage, Units &units);

  bool passesGuards(int leaf, const Unit &unit) const;
  /// Whether the unit's box is a point that the leaf executes.
  bool executes(int leaf, const Unit &unit);
  /// Calls `act` for each point that the leaf, below `node`, executes while the
  /// unit is there.
  void scan(int node, const Unit &unit, int leaf,
            llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act);

  /// All points of a leaf's Einsum.
  void scanAll(int leaf, llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act);

  /// True if a retained node still has what its previous visit left.
  bool keeps(int storage, const Unit &unit) const;

  bool exhausted = false;

private:
  int64_t stepsOf(int loop, const Unit &unit) const;
  void setStep(int loop, int64_t step, int64_t count, Unit &unit) const;
  void followDemands(int storage, Unit &unit);
  size_t followTensor(int storage, size_t next, Unit &unit);
  Interval demanded(int storage, const Demand &demand, const Unit &unit,
                    const Elements *held);
  void remember(int storage, const Unit &unit);
  void scanPoints(int leaf, const Unit &unit,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act);
  bool passesGuardsAbove(int node, int leaf, const Unit &unit) const;
  bool spend(uint64_t work);
  /// What a use needs beyond the domain of its Einsum.
  bool isElement(const Use &use, llvm::ArrayRef<int64_t> point);

  static constexpr uint64_t kLimit = uint64_t(1) << 22;

  const LoopTree &tree;
  uint64_t spent = 0;
  /// How many demands are being worked out around what is scanned.
  int depth = 0;
  /// By storage node, tensor and depth: per unit what its last visit had.
  std::map<std::tuple<int, int, int>, std::map<std::vector<int32_t>, Elements>>
      remains;
  /// By storage node, depth, unit and box: the box that demands leave.
  std::map<std::vector<int64_t>, llvm::SmallVector<Interval, 8>> followed;
  std::map<int, ElementNumbers> numbers; ///< by tensor
  std::map<std::pair<int, const AccessFact *>, std::vector<Constraint>>
      restrictions; ///< by use
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_UNFOLDING_H
