//===- Halos.cpp - What Einsums make that follow their readers ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Point 9 of the space, element by element: for each step of the window loops,
// which points run of each Einsum, and which elements they read. A frame is
// only complete when it is known how much of each rank a step asks for.
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Space.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>

using namespace einsum;
using namespace einsum::optimality;

static bool isPlainAt(const Coordinate &c, int rank) {
  return c.terms.size() == 1 && c.terms[0].rank == rank &&
         c.terms[0].coefficient == 1 && c.constant == 0;
}

static bool hasRankTwice(const AccessFact &access) {
  std::set<int> seen;
  for (const Coordinate &c : access.coordinates)
    for (const auto &term : c.terms)
      if (!seen.insert(term.rank).second)
        return true;
  return false;
}

/// Some window over what is made of the Einsum's result walks along the rank.
bool Space::isWalkedByWindows(int einsum, int rank, unsigned chain) const {
  const EinsumFact &fact = facts.einsums[einsum];
  if (fact.iterates(rank) || fact.writes.size() != 1 ||
      chain > facts.einsums.size())
    return false;
  for (int f = 0; f < static_cast<int>(facts.einsums.size()); ++f)
    for (const AccessFact &access : facts.einsums[f].reads) {
      if (access.tensor != fact.writes[0].tensor || f == einsum)
        continue;
      if (isWalkedByWindows(f, rank, chain + 1))
        return true;
      for (const Coordinate &c : access.coordinates) {
        unsigned moving = 0;
        for (const Coordinate::Term &term : c.terms)
          moving += facts.ranks[term.rank].extent > 1;
        if (c.uses(rank) && moving > 1 && !facts.einsums[f].reduces(rank))
          return true;
      }
    }
  return false;
}

namespace {

/// One interval per rank of the cascade.
using Box = std::vector<Interval>;

/// What runs in each step of some window loops; steps are numbers whose digits
/// are those of the loops.
class Steps {
public:
  Steps(const CascadeFacts &facts, std::vector<SharedLoop> loops)
      : facts(facts), loops(std::move(loops)) {
    for (const SharedLoop &loop : this->loops) {
      digits.push_back((facts.ranks[loop.rank].extent + loop.tile - 1) /
                       loop.tile);
      count *= digits.back();
    }
  }

  struct Run {
    bool isValid = false, hasWindow = false;
    std::vector<Box> boxes;               ///< per step
    std::map<int, std::set<int>> movedBy; ///< per rank: ranks of loops
  };

  const Run &of(int einsum) {
    auto [found, isNew] = known.try_emplace(einsum);
    if (isNew) {
      Run run = compute(einsum);
      known[einsum] = std::move(run);
    }
    return known[einsum];
  }

  std::set<int> lackedBy(int einsum) const {
    std::set<int> ranks;
    for (const SharedLoop &loop : loops)
      if (!facts.einsums[einsum].iterates(loop.rank))
        ranks.insert(loop.rank);
    return ranks;
  }

private:
  int64_t digitOf(int64_t step, size_t loop) const {
    for (size_t l = loops.size(); --l > loop;)
      step /= digits[l];
    return step % digits[loop];
  }
  int64_t weightOf(size_t loop) const {
    int64_t weight = 1;
    for (size_t l = loop + 1; l < loops.size(); ++l)
      weight *= digits[l];
    return weight;
  }

  Run compute(int einsum) {
    Run run;
    run.isValid = true;
    for (int64_t step = 0; step < count; ++step) {
      Box &box = run.boxes.emplace_back();
      for (const RankFact &rank : facts.ranks)
        box.push_back({0, rank.extent});
      for (size_t l = 0; l < loops.size(); ++l) {
        int64_t lo = digitOf(step, l) * loops[l].tile;
        box[loops[l].rank] = {lo, std::min(lo + loops[l].tile,
                                           facts.ranks[loops[l].rank].extent)};
        run.movedBy[loops[l].rank] = {loops[l].rank};
      }
    }
    if (!lackedBy(einsum).empty())
      run.isValid = mayFollow(einsum) && follow(einsum, run);
    return run;
  }

  /// What can be said without a look at steps.
  bool mayFollow(int einsum) const {
    const EinsumFact &fact = facts.einsums[einsum];
    if (fact.writes.size() != 1 || hasRankTwice(fact.writes[0]))
      return false;
    const TensorFact &tensor = facts.tensors[fact.writes[0].tensor];
    if (tensor.isOutput || tensor.iterativeRank >= 0 || tensor.hasInitialValue)
      return false;
    for (const Coordinate &c : fact.writes[0].coordinates)
      if (c.terms.size() != 1 || !isPlainAt(c, c.terms[0].rank))
        return false;
    bool isRead = false;
    for (int f = 0; f < static_cast<int>(facts.einsums.size()); ++f)
      for (const AccessFact &access : facts.einsums[f].reads) {
        if (access.tensor != fact.writes[0].tensor)
          continue;
        isRead = true;
        if (f == einsum || access.gathers() || hasRankTwice(access) ||
            !staysInside(facts.einsums[f], access.tensor))
          return false;
      }
    return isRead;
  }

  /// Filters of a reader keep its windows inside the tensor, and no more.
  bool staysInside(const EinsumFact &reader, int tensor) const {
    for (const Constraint &condition : reader.domain) {
      bool isKnown = false;
      for (const AccessFact &access : reader.reads)
        for (size_t k = 0;
             k < access.coordinates.size() && access.tensor == tensor; ++k) {
          AffineForm below = access.coordinates[k].form(), sum = condition.form;
          below.add(condition.form, -1);
          sum.add(access.coordinates[k].form());
          int64_t last = facts.ranks[facts.tensors[tensor].ranks[k]].extent - 1;
          isKnown |= (below.isConstant() && below.constant == 0) ||
                     (sum.isConstant() && sum.constant == last);
        }
      if (!isKnown || condition.isEquality)
        return false;
    }
    return true;
  }

  using Element = std::vector<int64_t>;
  using Elements = std::set<Element>;

  /// What the access touches of points in the box.
  Elements touched(const EinsumFact &einsum, const AccessFact &access,
                   const Box &box) const {
    Elements all;
    std::vector<int64_t> point(facts.ranks.size(), 0);
    auto visit = [&](auto &self, size_t at) -> void {
      if (at == einsum.ranks.size()) {
        for (const Constraint &condition : einsum.domain)
          if (!condition.holds(point))
            return;
        Element element;
        for (const Coordinate &c : access.coordinates)
          element.push_back(c.form().evaluate(point));
        all.insert(std::move(element));
        return;
      }
      int rank = einsum.ranks[at];
      for (point[rank] = box[rank].lo; point[rank] < box[rank].hi;
           ++point[rank])
        self(self, at + 1);
      point[rank] = 0;
    };
    visit(visit, 0);
    return all;
  }

  /// The hull of a product; nullopt if it is none.
  static std::optional<Box> hullOf(const Elements &elements, size_t rank) {
    Box hull(rank);
    bool isFirst = true;
    for (const Element &element : elements) {
      for (size_t k = 0; k < rank; ++k)
        hull[k] = isFirst ? Interval{element[k], element[k] + 1}
                          : Interval{std::min(hull[k].lo, element[k]),
                                     std::max(hull[k].hi, element[k] + 1)};
      isFirst = false;
    }
    uint64_t volume = 1;
    for (const Interval &side : hull)
      volume *= side.size();
    if (volume != elements.size() && !elements.empty())
      return std::nullopt;
    return hull;
  }

  bool follow(int einsum, Run &run) {
    const EinsumFact &fact = facts.einsums[einsum];
    const AccessFact &write = fact.writes[0];
    size_t dims = write.coordinates.size();
    std::vector<int> rankAt;
    for (const Coordinate &c : write.coordinates)
      rankAt.push_back(c.terms[0].rank);

    // Along which loops each coordinate moves, and how.
    std::vector<std::set<int>> moved(dims);
    std::vector<bool> isPlain(dims, true), isIterated(dims, false);
    struct Reading {
      const EinsumFact *reader;
      const AccessFact *access;
      const Run *run;
    };
    std::vector<Reading> readings;
    for (int f = 0; f < static_cast<int>(facts.einsums.size()); ++f)
      for (const AccessFact &access : facts.einsums[f].reads) {
        if (access.tensor != write.tensor)
          continue;
        const Run &other = of(f);
        if (!other.isValid)
          return false;
        readings.push_back({&facts.einsums[f], &access, &other});
        for (size_t k = 0; k < dims; ++k) {
          std::set<int> by;
          for (const auto &term : access.coordinates[k].terms)
            if (auto found = other.movedBy.find(term.rank);
                found != other.movedBy.end())
              by.insert(found->second.begin(), found->second.end());
          if (by.size() > 1 || (readings.size() > 1 && by != moved[k]))
            return false;
          for (int rank : by)
            if (facts.einsums[f].reduces(rank))
              return false;
          moved[k] = by;
          isPlain[k] =
              isPlain[k] && isPlainAt(access.coordinates[k], rankAt[k]);
          isIterated[k] = isIterated[k] || facts.einsums[f].iterates(rankAt[k]);
        }
      }
    std::set<int> lacked = lackedBy(einsum), seen;
    unsigned windows = 0, plain = 0;
    for (size_t k = 0; k < dims; ++k) {
      if (moved[k].empty())
        continue;
      int by = *moved[k].begin();
      if (fact.iterates(by)) {
        if (!isPlain[k] || by != rankAt[k])
          return false;
        continue;
      }
      if (!seen.insert(by).second || (isIterated[k] && !isPlain[k]))
        return false;
      (isPlain[k] ? plain : windows)++;
    }
    if (seen != lacked || (plain && windows))
      return false;
    run.hasWindow = windows > 0;

    // What is asked for.
    Elements everything;
    std::vector<Box> asked;
    std::vector<bool> isAlike(dims, true);
    for (int64_t step = 0; step < count; ++step) {
      Elements united;
      std::optional<Box> first;
      for (const Reading &reading : readings) {
        Elements some =
            touched(*reading.reader, *reading.access, reading.run->boxes[step]);
        std::optional<Box> hull = hullOf(some, dims);
        if (!hull)
          return false;
        for (size_t k = 0; k < dims; ++k)
          isAlike[k] = isAlike[k] && (!first || (*first)[k] == (*hull)[k]);
        if (!first)
          first = hull;
        united.insert(some.begin(), some.end());
      }
      std::optional<Box> hull = hullOf(united, dims);
      if (!hull)
        return false;
      asked.push_back(*hull);
      everything.insert(united.begin(), united.end());
    }
    uint64_t elements = 1;
    for (int rank : rankAt)
      elements *= facts.ranks[rank].extent;
    if (everything.size() != elements ||
        std::count(isAlike.begin(), isAlike.end(), false) > 1)
      return false;

    // Steps go forward; what is retained is not made again.
    for (int64_t step = 0; step < count; ++step)
      for (size_t k = 0; k < dims; ++k) {
        Interval now = asked[step][k];
        for (size_t l = 0; l < loops.size(); ++l) {
          if (moved[k].count(loops[l].rank) == 0 || digitOf(step, l) == 0 ||
              fact.iterates(loops[l].rank))
            continue;
          Interval before = asked[step - weightOf(l)][k];
          if (now.size() > 0 &&
              (before.size() == 0 || now.lo < before.lo || now.hi < before.hi))
            return false;
          if (run.hasWindow && loops[l].retains && now.size() > 0)
            now.lo = std::max(now.lo, before.hi);
        }
        run.boxes[step][rankAt[k]] = now.size() > 0 ? now : Interval{};
      }
    for (size_t k = 0; k < dims; ++k)
      run.movedBy[rankAt[k]] = moved[k];
    return true;
  }

  const CascadeFacts &facts;
  std::vector<SharedLoop> loops;
  std::vector<int64_t> digits;
  int64_t count = 1;
  std::map<int, Run> known;
};

} // namespace

/// The ranks of an Einsum that follows window loops, as far as a step goes.
bool Space::settleFollower(Skeleton &given, int einsum) const {
  Above &above = given.above[einsum];
  const EinsumFact &fact = facts.einsums[einsum];
  std::vector<SharedLoop> windows;
  int last = -1; // loop that it lacks
  for (size_t i = 0; i < above.loops.size(); ++i) {
    if (above.loops[i].isWindow)
      windows.push_back(above.loops[i]);
    if (!windows.empty() && !fact.iterates(above.loops[i].rank)) {
      if (!above.loops[i].isWindow)
        return false; // below a window loop nobody is guarded
      last = static_cast<int>(i);
    }
  }
  std::vector<int64_t> left; // before loops of the frame
  for (const RankFact &rank : facts.ranks)
    left.push_back(rank.extent);
  int home = 0;
  if (last >= 0) {
    Steps steps(facts, windows);
    const Steps::Run &run = steps.of(einsum);
    if (!run.isValid)
      return false;
    int tensor = fact.writes[0].tensor;
    home = above.homeDepth[tensor];
    llvm::StringRef halo = above.halo[tensor];
    if (home <= last || halo.empty() == run.hasWindow ||
        (halo == "retained" && home != last + 1))
      return false;
    for (int rank : fact.ranks) {
      auto by = run.movedBy.find(rank);
      if (by == run.movedBy.end() || by->second.empty() ||
          fact.iterates(*by->second.begin()))
        continue;
      above.follows[rank] = true;
      left[rank] = 1;
      for (const Box &box : run.boxes)
        left[rank] = std::max(left[rank], box[rank].size());
    }
  }
  // Loops have several steps, and tiles that are allowed.
  std::vector<bool> looped(facts.ranks.size(), false);
  for (size_t i = 0; i < above.loops.size(); ++i) {
    const SharedLoop &loop = above.loops[i];
    bool divides = left[loop.rank] % loop.tile == 0;
    if (loop.tile >= left[loop.rank] ||
        (!divides && (looped[loop.rank] || !limits.imperfect)))
      return false;
    // What follows is asked for at its home.
    if (above.follows[loop.rank] &&
        !llvm::StringRef(above.halo[fact.writes[0].tensor]).empty() &&
        static_cast<int>(i) < home)
      return false;
    left[loop.rank] = loop.tile;
    looped[loop.rank] = true;
  }
  above.tile = left;
  above.looped = looped;
  return true;
}

bool Space::settleHalos(Skeleton &given) const {
  for (Above &above : given.above)
    above.follows.assign(facts.ranks.size(), false);
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (given.above[e].isBelowWindowLoop() && !settleFollower(given, e))
      return false;
  return true;
}
