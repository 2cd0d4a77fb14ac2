//===- ImageCounter.cpp - Elements that accesses touch --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/ImageCounter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;

/// What does not depend on the box but for which of its sides hold one value.
struct ImageCounter::Plan {
  bool exact = true;
  /// Distance of neighbouring coordinates, the same for all pieces.
  llvm::SmallVector<int64_t, 4> stride;
  std::vector<std::vector<Constraint>> systems; ///< per piece
  /// Over bounds of the box alone: elimination is exact only if they hold.
  std::vector<std::pair<size_t, Constraint>> conditions;
  std::unique_ptr<SetCounter> counter;
};

ImageCounter::ImageCounter(unsigned ranks, std::vector<ImagePiece> newPieces)
    : ranks(ranks), pieces(std::move(newPieces)) {
  if (!pieces.empty())
    coordinates = pieces[0].coordinates.size();
}

ImageCounter::ImageCounter(ImageCounter &&) noexcept = default;
ImageCounter::~ImageCounter() = default;

//===----------------------------------------------------------------------===//
// Elimination
//===----------------------------------------------------------------------===//

/// Adds `factor * other` of two inequalities so that `rank` vanishes.
static Constraint combine(const Constraint &low, const Constraint &high,
                          int rank) {
  int64_t a = low.form.coefficientOf(rank), b = -high.form.coefficientOf(rank);
  Constraint result;
  result.form.add(low.form, b);
  result.form.add(high.form, a);
  return result;
}

/// Substitutes rank by what an equality with coefficient 1 or -1 says.
static bool substituteRank(int rank, std::vector<Constraint> &system) {
  auto equality = llvm::find_if(system, [&](const Constraint &constraint) {
    return constraint.isEquality && constraint.form.isLinear() &&
           std::abs(constraint.form.coefficientOf(rank)) == 1;
  });
  if (equality == system.end())
    return false;
  AffineForm value;
  value.add(equality->form, -equality->form.coefficientOf(rank));
  value.add(rank, 1); // -c*(c*rank + rest) + rank = -c*rest
  system.erase(equality);
  for (Constraint &constraint : system)
    if (constraint.form.uses(rank))
      constraint.form = constraint.form.substitute([&](int variable) {
        return variable == rank ? value : AffineForm::variable(variable);
      });
  return true;
}

/// 0 where an equality gives the rank, else its largest coefficient.
static int64_t difficulty(int rank, llvm::ArrayRef<Constraint> system) {
  int64_t largest = 1;
  for (const Constraint &constraint : system) {
    if (!constraint.form.isLinear())
      continue;
    int64_t coefficient = std::abs(constraint.form.coefficientOf(rank));
    if (constraint.isEquality && coefficient == 1)
      return 0;
    largest = std::max(largest, coefficient);
  }
  return largest;
}

bool ImageCounter::eliminateRank(int rank, std::vector<Constraint> &system,
                                 std::vector<Constraint> &conditions) const {
  if (substituteRank(rank, system))
    return true;
  std::vector<Constraint> low, high, rest;
  for (Constraint &constraint : system) {
    if (!constraint.form.uses(rank)) {
      rest.push_back(std::move(constraint));
      continue;
    }
    if (!constraint.form.isLinear())
      return false;
    if (constraint.isEquality) {
      Constraint opposite;
      opposite.form.add(constraint.form, -1);
      (opposite.form.coefficientOf(rank) > 0 ? low : high).push_back(opposite);
      constraint.isEquality = false;
    }
    (constraint.form.coefficientOf(rank) > 0 ? low : high)
        .push_back(std::move(constraint));
  }
  for (const Constraint &l : low)
    for (const Constraint &h : high) {
      Constraint both = combine(l, h, rank);
      int64_t a = l.form.coefficientOf(rank), b = -h.form.coefficientOf(rank);
      if (a != 1 && b != 1) {
        // Between the bounds there is room for every residue, or there may be
        // none for some.
        Constraint dark = both;
        dark.form.constant -= (a - 1) * (b - 1);
        if (llvm::any_of(dark.form.terms, [&](const AffineForm::Term &term) {
              return term.variable < static_cast<int>(coordinates) ||
                     term.variable >= static_cast<int>(rankVariable(0));
            }))
          return false;
        conditions.push_back(std::move(dark));
        continue; // where that holds, so does `both`
      }
      both.normalise();
      rest.push_back(std::move(both));
    }
  system = std::move(rest);
  return true;
}

bool ImageCounter::eliminate(size_t id, uint64_t fixed, Plan &plan) const {
  const ImagePiece &piece = pieces[id];
  auto valueOf = [&](int rank) {
    return AffineForm::variable(fixed >> rank & 1 ? lowVariable(id, rank)
                                                  : rankVariable(rank));
  };
  std::vector<Constraint> system, conditions;
  for (auto [k, coordinate] : llvm::enumerate(piece.coordinates)) {
    // y = (sum of multiples of free ranks) / stride + shift
    Constraint equality;
    equality.isEquality = true;
    equality.form.add(k, -1);
    equality.form.add(shiftVariable(id, k), 1);
    for (const AffineForm::Term &term : coordinate.terms)
      if (!(fixed >> term.variable & 1))
        equality.form.add(rankVariable(term.variable),
                          term.coefficient / plan.stride[k]);
    system.push_back(std::move(equality));
  }
  for (unsigned rank = 0; rank < ranks; ++rank) {
    if (fixed >> rank & 1)
      continue;
    Constraint low{AffineForm::variable(rankVariable(rank))},
        high{AffineForm::variable(lowVariable(id, rank) + 1)};
    low.form.add(lowVariable(id, rank), -1);
    high.form.add(rankVariable(rank), -1);
    high.form.constant = -1;
    system.push_back(std::move(low));
    system.push_back(std::move(high));
  }
  for (const Constraint &constraint : piece.constraints)
    system.push_back(
        {constraint.form.substitute(valueOf), constraint.isEquality});
  llvm::SmallVector<int, 8> left;
  for (unsigned rank = 0; rank < ranks; ++rank)
    if (!(fixed >> rank & 1))
      left.push_back(rankVariable(rank));
  while (!left.empty()) {
    // What an equality or a coefficient of 1 eliminates goes first: it is
    // exact.
    auto next = std::min_element(left.begin(), left.end(), [&](int x, int y) {
      return difficulty(x, system) < difficulty(y, system);
    });
    if (!eliminateRank(*next, system, conditions))
      return false;
    left.erase(next);
  }
  for (Constraint &condition : conditions)
    plan.conditions.push_back({id, std::move(condition)});
  plan.systems[id] = std::move(system);
  return true;
}

std::unique_ptr<ImageCounter::Plan>
ImageCounter::makePlan(llvm::ArrayRef<uint64_t> fixed, SetMask absent) const {
  auto plan = std::make_unique<Plan>();
  plan->stride.assign(coordinates, 0);
  plan->systems.resize(pieces.size());
  for (auto [id, piece] : llvm::enumerate(pieces))
    for (auto [k, coordinate] : llvm::enumerate(piece.coordinates))
      for (const AffineForm::Term &term : coordinate.terms)
        if (!(absent >> id & 1) && !(fixed[id] >> term.variable & 1))
          plan->stride[k] = std::gcd(plan->stride[k], term.coefficient);
  for (int64_t &stride : plan->stride)
    stride = std::max<int64_t>(stride, 1);
  for (size_t id = 0; id < pieces.size() && plan->exact; ++id)
    plan->exact = absent >> id & 1 || eliminate(id, fixed[id], *plan);
  if (!plan->exact)
    return plan;
  std::vector<SetCounter::Piece> sets;
  for (auto [id, piece] : llvm::enumerate(pieces))
    sets.push_back({piece.set, std::move(plan->systems[id])});
  plan->counter = std::make_unique<SetCounter>(coordinates, std::move(sets));
  return plan;
}

ImageCounter::Plan &ImageCounter::planFor(std::vector<uint64_t> fixed,
                                          SetMask absent) {
  fixed.push_back(absent);
  std::unique_ptr<Plan> &plan = plans[fixed];
  if (!plan)
    plan = makePlan(llvm::ArrayRef(fixed).drop_back(), absent);
  return *plan;
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

bool ImageCounter::countByPlan(Plan &plan, llvm::ArrayRef<Interval> boxes,
                               SetMask absent, Signature &result) {
  llvm::SmallVector<Interval, 32> box(rankVariable(0), {0, 1});
  auto setParameter = [&](unsigned variable, int64_t value) {
    box[variable] = {value, value + 1};
  };
  std::map<std::vector<int64_t>, SetMask> byResidue;
  llvm::SmallVector<Interval, 16> ys(coordinates * pieces.size());
  for (auto [id, piece] : llvm::enumerate(pieces)) {
    if (absent >> id & 1)
      continue;
    llvm::ArrayRef<Interval> sides = boxes.slice(id * ranks, ranks);
    for (auto [rank, side] : llvm::enumerate(sides)) {
      setParameter(lowVariable(id, rank), side.lo);
      setParameter(lowVariable(id, rank) + 1, side.hi);
    }
    std::vector<int64_t> residues;
    for (auto [k, coordinate] : llvm::enumerate(piece.coordinates)) {
      int64_t constant = coordinate.constant, stride = plan.stride[k];
      Interval y{0, 1};
      for (const AffineForm::Term &term : coordinate.terms) {
        const Interval &side = sides[term.variable];
        if (side.size() == 1) {
          constant += term.coefficient * side.lo;
          continue;
        }
        int64_t step = term.coefficient / stride;
        y.lo += step * (step > 0 ? side.lo : side.hi - 1);
        y.hi += step * (step > 0 ? side.hi - 1 : side.lo);
      }
      int64_t shift = llvm::divideFloorSigned(constant, stride);
      residues.push_back(constant - shift * stride);
      setParameter(shiftVariable(id, k), shift);
      ys[id * coordinates + k] = {y.lo + shift, y.hi + shift};
    }
    byResidue[residues] |= SetMask(1) << id;
  }
  for (const auto &[id, condition] : plan.conditions)
    if (!(absent >> id & 1) && condition.decide(box) != true)
      return false;
  for (const auto &[residues, members] : byResidue) {
    for (unsigned k = 0; k < coordinates; ++k) {
      box[k] = {INT64_MAX, INT64_MIN};
      for (size_t id = 0; id < pieces.size(); ++id)
        if (members >> id & 1) {
          box[k].lo = std::min(box[k].lo, ys[id * coordinates + k].lo);
          box[k].hi = std::max(box[k].hi, ys[id * coordinates + k].hi);
        }
    }
    plan.counter->mostBoxes = mostBoxes;
    uint64_t before = plan.counter->work;
    for (auto [mask, points] : plan.counter->count(box, ~members))
      addToSignature(result, mask, points, overflowed);
    work += plan.counter->work - before;
    overflowed |= plan.counter->overflowed;
    exhausted |= plan.counter->exhausted;
  }
  return true;
}

/// One piece for each value of a rank.
bool ImageCounter::countAlong(unsigned rank, llvm::ArrayRef<Interval> boxes,
                              Signature &result) {
  std::vector<uint64_t> key = {rank};
  std::vector<Interval> sides;
  for (size_t id = 0; id < pieces.size(); ++id) {
    llvm::ArrayRef<Interval> own = boxes.slice(id * ranks, ranks);
    key.push_back(own[rank].size());
    for (int64_t value = own[rank].lo; value < own[rank].hi; ++value) {
      sides.insert(sides.end(), own.begin(), own.end());
      sides[sides.size() - ranks + rank] = {value, value + 1};
    }
  }
  std::unique_ptr<ImageCounter> &one = byValues[key];
  if (!one) {
    std::vector<ImagePiece> single;
    for (auto [id, piece] : llvm::enumerate(pieces))
      single.insert(single.end(), key[id + 1], piece);
    one = std::make_unique<ImageCounter>(ranks, std::move(single));
  }
  if (!one->countExactly(sides, result))
    return false;
  overflowed |= one->overflowed;
  exhausted |= one->exhausted;
  return true;
}

/// Along the rank of fewest values with which it is exact.
bool ImageCounter::countByValues(llvm::ArrayRef<Interval> boxes,
                                 Signature &result) {
  std::vector<std::pair<uint64_t, unsigned>> candidates;
  for (unsigned rank = 0; rank < ranks; ++rank) {
    uint64_t all = 0, most = 0;
    for (size_t id = 0; id < pieces.size() && all <= kMostPieces; ++id) {
      auto size = static_cast<uint64_t>(boxes[id * ranks + rank].size());
      all += size;
      most = std::max(most, size);
    }
    if (most > 1 && all <= kMostPieces)
      candidates.emplace_back(all, rank);
  }
  llvm::sort(candidates);
  return llvm::any_of(candidates, [&](const auto &candidate) {
    return countAlong(candidate.second, boxes, result);
  });
}

/// Every point of a piece; false beyond the limit. A rank that an equality
/// gives is not walked.
bool ImageCounter::enumeratePiece(
    size_t id, llvm::ArrayRef<Interval> sides,
    std::map<std::vector<int64_t>, SetMask> &elements, uint64_t &points) const {
  const ImagePiece &piece = pieces[id];
  const Constraint *giving = nullptr;
  int given = -1;
  for (const Constraint &constraint : piece.constraints)
    for (int rank = 0; rank < static_cast<int>(ranks) && given < 0; ++rank)
      if (constraint.isEquality && constraint.form.isLinear() &&
          sides[rank].size() > 1 &&
          std::abs(constraint.form.coefficientOf(rank)) == 1) {
        giving = &constraint;
        given = rank;
      }
  llvm::SmallVector<int64_t, 8> point;
  for (const Interval &side : sides)
    point.push_back(side.lo);
  std::vector<int64_t> element(piece.coordinates.size());
  for (bool more = true; more;) {
    if (++points > mostEnumerated)
      return false;
    bool isInside = true;
    if (giving) {
      point[given] = 0;
      point[given] =
          -giving->form.coefficientOf(given) * giving->form.evaluate(point);
      isInside =
          point[given] >= sides[given].lo && point[given] < sides[given].hi;
    }
    if (isInside && llvm::all_of(piece.constraints, [&](const Constraint &c) {
          return &c == giving || c.holds(point);
        })) {
      for (auto [k, coordinate] : llvm::enumerate(piece.coordinates))
        element[k] = coordinate.evaluate(point);
      elements[element] |= SetMask(1) << piece.set;
    }
    more = false;
    for (int rank = 0; rank < static_cast<int>(ranks) && !more; ++rank) {
      if (rank == given)
        continue;
      more = ++point[rank] < sides[rank].hi;
      if (!more)
        point[rank] = sides[rank].lo;
    }
  }
  return true;
}

static SetMask findAbsent(llvm::ArrayRef<Interval> boxes, unsigned ranks) {
  SetMask absent = 0;
  for (auto [i, side] : llvm::enumerate(boxes))
    if (side.size() == 0)
      absent |= SetMask(1) << i / ranks;
  return absent;
}

/// Every point of every piece, for accesses that elimination cannot handle.
void ImageCounter::enumerate(llvm::ArrayRef<Interval> boxes,
                             Signature &result) {
  forEachElement(boxes, [&](llvm::ArrayRef<int64_t>, SetMask mask) {
    addToSignature(result, mask, 1, overflowed);
  });
}

void ImageCounter::forEachElement(
    llvm::ArrayRef<Interval> boxes,
    llvm::function_ref<void(llvm::ArrayRef<int64_t>, SetMask)> visit) {
  SetMask absent = findAbsent(boxes, ranks);
  std::map<std::vector<int64_t>, SetMask> elements;
  uint64_t points = 0;
  for (size_t id = 0; id < pieces.size(); ++id)
    if (!(absent >> id & 1) &&
        !enumeratePiece(id, boxes.slice(id * ranks, ranks), elements, points)) {
      exhausted = true;
      return;
    }
  for (const auto &[element, mask] : elements)
    visit(element, mask);
}

/// False, and nothing counted, where elimination is not exact.
bool ImageCounter::countExactly(llvm::ArrayRef<Interval> boxes,
                                Signature &result) {
  SetMask absent = findAbsent(boxes, ranks);
  std::vector<uint64_t> fixed(pieces.size(), 0);
  for (size_t id = 0; id < pieces.size(); ++id)
    for (unsigned rank = 0; rank < ranks && !(absent >> id & 1); ++rank)
      if (boxes[id * ranks + rank].size() == 1)
        fixed[id] |= uint64_t(1) << rank;
  Plan &plan = planFor(std::move(fixed), absent);
  if (plan.exact && countByPlan(plan, boxes, absent, result))
    return true;
  result.clear();
  return false;
}

Signature ImageCounter::count(llvm::ArrayRef<Interval> boxes) {
  Signature result;
  if (!pieces.empty() && !countExactly(boxes, result) &&
      !countByValues(boxes, result))
    enumerate(boxes, result);
  return result;
}

std::optional<uint64_t>
einsum::countImage(llvm::ArrayRef<Interval> box,
                   std::vector<AffineForm> coordinates,
                   std::vector<Constraint> constraints) {
  ImageCounter counter(box.size(),
                       {{0, std::move(coordinates), std::move(constraints)}});
  Signature signature = counter.count(box);
  if (counter.overflowed || counter.exhausted)
    return std::nullopt;
  return signature.empty() ? 0 : signature[0].second;
}
