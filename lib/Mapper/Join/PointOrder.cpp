//===- PointOrder.cpp - Whether all is made before it is read -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/PointOrder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::mapper;

namespace {

/// Points of one Einsum that are all looked at.
constexpr uint64_t kMostPoints = 1 << 12;

using Point = std::vector<int64_t>; ///< by rank number
using Steps = llvm::SmallVector<int64_t, 4>;

class PointOrder {
public:
  PointOrder(const CascadeFacts &facts, const OrderedEinsum &producer,
             const OrderedEinsum &reader, llvm::ArrayRef<SharedLoop> loops,
             int homeDepth)
      : facts(facts), producer(producer), reader(reader), loops(loops),
        homeDepth(homeDepth) {}

  std::optional<bool> decide() {
    bool isAll = isSmall(producer) && isSmall(reader);
    std::map<std::vector<int64_t>, std::pair<Steps, Steps>> made;
    forEachPoint(producer, isAll, [&](const Point &point) {
      Steps steps = stepsOf(producer, point);
      auto [found, isNew] =
          made.try_emplace(elementOf(producer, point), steps, steps);
      auto &[first, last] = found->second;
      first = std::min(first, steps);
      last = std::max(last, steps);
    });
    bool isKept = true;
    forEachPoint(reader, isAll, [&](const Point &point) {
      auto found = made.find(elementOf(reader, point));
      if (found == made.end())
        return;
      Steps steps = stepsOf(reader, point);
      const auto &[first, last] = found->second;
      auto inside = [&](const Steps &all) {
        return llvm::ArrayRef<int64_t>(all).take_front(homeDepth);
      };
      isKept &= last <= steps && inside(first) == inside(steps) &&
                inside(last) == inside(steps);
    });
    if (!isKept)
      return false;
    return isAll ? std::optional(true) : std::nullopt;
  }

private:
  bool isSmall(const OrderedEinsum &one) const {
    uint64_t points = 1;
    for (int rank : facts.einsums[one.einsum].ranks)
      points = llvm::SaturatingMultiply(
          points, static_cast<uint64_t>(facts.ranks[rank].extent));
    return points <= kMostPoints;
  }

  /// All of a rank, or its ends and both sides of where steps of a loop meet.
  std::vector<int64_t> valuesOf(int rank, bool isAll) const {
    int64_t extent = facts.ranks[rank].extent;
    std::vector<int64_t> values;
    for (int64_t value = 0; isAll && value < extent; ++value)
      values.push_back(value);
    if (isAll)
      return values;
    values = {0, extent - 1};
    for (const SharedLoop &loop : loops) {
      if (loop.tile >= extent)
        continue;
      int64_t middle = extent / loop.tile / 2 * loop.tile;
      for (int64_t meet : {loop.tile, middle})
        llvm::append_range(values, std::initializer_list<int64_t>{
                                       meet - 1, std::min(meet, extent - 1)});
    }
    llvm::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  template <typename Fn>
  void forEachPoint(const OrderedEinsum &one, bool isAll, Fn fn) const {
    const EinsumFact &einsum = facts.einsums[one.einsum];
    std::vector<std::vector<int64_t>> values;
    uint64_t points = 1;
    for (int rank : einsum.ranks) {
      values.push_back(valuesOf(rank, isAll));
      // Ends of all ranks, and more of as many as there is time for.
      if (points * values.back().size() > kMostPoints)
        values.back() = {values.back().front(), values.back().back()};
      points *= values.back().size();
    }
    if (points > 16 * kMostPoints)
      return;
    Point point(facts.ranks.size(), 0);
    auto visit = [&](auto &self, size_t at) -> void {
      if (at < values.size()) {
        for (int64_t value : values[at]) {
          point[einsum.ranks[at]] = value;
          self(self, at + 1);
        }
        return;
      }
      if (llvm::all_of(einsum.domain, [&](const Constraint &condition) {
            return condition.holds(point);
          }))
        fn(point);
    };
    visit(visit, 0);
  }

  static std::vector<int64_t> elementOf(const OrderedEinsum &one,
                                        const Point &point) {
    std::vector<int64_t> element;
    for (const Coordinate &coordinate : one.access->coordinates)
      element.push_back(coordinate.form().evaluate(point));
    return element;
  }

  /// In which step of each loop it runs, in the order in which they come.
  Steps stepsOf(const OrderedEinsum &one, const Point &point) const {
    Steps steps;
    for (auto [loop, role] : llvm::zip(loops, one.roles)) {
      int64_t last = (facts.ranks[loop.rank].extent - 1) / loop.tile;
      bool isLast = (role == Role::lastStep) == (loop.direction >= 0);
      int64_t step = role == Role::everyStep ? point[loop.rank] / loop.tile
                     : isLast                ? last
                                             : 0;
      steps.push_back(loop.direction < 0 ? -step : step);
    }
    return steps;
  }

  const CascadeFacts &facts;
  const OrderedEinsum &producer, &reader;
  llvm::ArrayRef<SharedLoop> loops;
  int homeDepth;
};

} // namespace

std::optional<bool> mapper::isMadeBefore(const CascadeFacts &facts,
                                         const OrderedEinsum &producer,
                                         const OrderedEinsum &reader,
                                         llvm::ArrayRef<SharedLoop> loops,
                                         int homeDepth) {
  return PointOrder(facts, producer, reader, loops, homeDepth).decide();
}
