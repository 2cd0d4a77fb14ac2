//===- SetCounter.cpp - How many points lie in which sets -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/SetCounter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;

void einsum::addToSignature(Signature &signature, SetMask mask, uint64_t points,
                            bool &overflowed) {
  if (points == 0)
    return;
  auto place =
      llvm::lower_bound(signature, mask, [](const auto &part, SetMask m) {
        return part.first < m;
      });
  if (place == signature.end() || place->first != mask)
    signature.insert(place, {mask, points});
  else
    overflowed |= __builtin_add_overflow(place->second, points, &place->second);
}

/// The variables inside floors, with the least common multiple of what divides
/// them: moving one by that much moves the form by a fixed amount.
static void collectPeriods(const AffineForm &form, int64_t outer,
                           std::map<int, int64_t> &periods) {
  for (const AffineForm::Floor &floor : form.floors) {
    int64_t divisor = outer * floor.divisor;
    for (const AffineForm::Term &term : floor.inner.terms) {
      int64_t &period = periods[term.variable];
      period = period == 0 ? divisor : std::lcm(period, divisor);
    }
    collectPeriods(floor.inner, divisor, periods);
  }
}

uint64_t SetCounter::volume() {
  uint64_t points = 1;
  for (unsigned i = 0; i < free; ++i)
    overflowed |= __builtin_mul_overflow(
        points, static_cast<uint64_t>(box[i].size()), &points);
  return points;
}

/// Drops decided constraints. A piece with a false one is out; a piece without
/// open ones is in, and what else could contribute to its set is dropped.
bool SetCounter::decide(const Open &open, Open &rest, SetMask &decided) {
  llvm::SmallVector<uint8_t, 16> state(pieces.size(), 0); // 1: open, 2: false
  llvm::SmallVector<uint8_t, 16> named(pieces.size(), 0);
  for (auto [piece, index] : open) {
    named[piece] = 1;
    if (state[piece] == 2)
      continue;
    std::optional<bool> truth = pieces[piece].constraints[index].decide(box);
    if (!truth)
      state[piece] = 1;
    else if (!*truth)
      state[piece] = 2;
  }
  for (auto [piece, isNamed] : llvm::enumerate(named))
    if (isNamed && state[piece] == 0)
      decided |= SetMask(1) << pieces[piece].set;
  for (auto [piece, index] : open)
    if (state[piece] == 1 && !(decided >> pieces[piece].set & 1) &&
        !pieces[piece].constraints[index].decide(box))
      rest.push_back({piece, index});
  return rest.empty();
}

SetCounter::Key SetCounter::makeKey(const Open &open, SetMask decided) const {
  Key key;
  key.reserve(free + 1 + 2 * open.size());
  key.push_back(static_cast<int64_t>(decided));
  for (unsigned i = 0; i < free; ++i)
    key.push_back(box[i].size());
  llvm::SmallVector<int64_t, 16> corner;
  for (const Interval &side : box)
    corner.push_back(side.lo);
  std::map<int, int64_t> periods;
  for (auto [piece, index] : open) {
    const AffineForm &form = pieces[piece].constraints[index].form;
    key.push_back(int64_t(piece) << 16 | index);
    key.push_back(form.evaluate(corner));
    if (!form.isLinear())
      collectPeriods(form, 1, periods);
  }
  for (auto [variable, period] : periods)
    key.push_back(((corner[variable] % period) + period) % period);
  return key;
}

/// A linear constraint with one variable that is not fixed says where to cut.
std::optional<int64_t> SetCounter::boundaryOf(const Constraint &constraint,
                                              int &variable) const {
  if (!constraint.form.isLinear())
    return std::nullopt;
  int64_t rest = constraint.form.constant, coefficient = 0;
  for (const AffineForm::Term &term : constraint.form.terms) {
    const Interval &side = box[term.variable];
    if (side.size() == 1) {
      rest += term.coefficient * side.lo;
      continue;
    }
    if (coefficient != 0)
      return std::nullopt;
    coefficient = term.coefficient;
    variable = term.variable;
  }
  if (coefficient == 0)
    return std::nullopt;
  // a*x + rest >= 0: the first x that holds, or the first that no longer does.
  int64_t cut = coefficient > 0
                    ? -llvm::divideFloorSigned(rest, coefficient)
                    : llvm::divideFloorSigned(rest, -coefficient) + 1;
  const Interval &side = box[variable];
  if (constraint.isEquality && (cut <= side.lo || cut >= side.hi))
    cut += coefficient > 0 ? 1 : -1;
  if (cut <= side.lo || cut >= side.hi)
    return std::nullopt;
  return cut;
}

std::pair<int, int64_t> SetCounter::chooseCut(const Open &open) const {
  int variable = -1;
  for (auto [piece, index] : open)
    if (auto cut = boundaryOf(pieces[piece].constraints[index], variable))
      return {variable, *cut};
  // Else halve the side that moves the forms most, at a power of two so that
  // parts look alike.
  llvm::SmallVector<int64_t, 8> weight(free, 0);
  auto weigh = [&](const AffineForm &form, auto &&recurse) -> void {
    for (const AffineForm::Term &term : form.terms)
      if (term.variable < static_cast<int>(free))
        weight[term.variable] = std::max(weight[term.variable],
                                         std::abs(term.coefficient) *
                                             (box[term.variable].size() - 1));
    for (const AffineForm::Floor &floor : form.floors)
      recurse(floor.inner, recurse);
  };
  for (auto [piece, index] : open)
    weigh(pieces[piece].constraints[index].form, weigh);
  variable = std::max_element(weight.begin(), weight.end()) - weight.begin();
  const Interval &side = box[variable];
  return {variable, side.lo + static_cast<int64_t>(
                                  llvm::bit_floor<uint64_t>(side.size() - 1))};
}

Signature SetCounter::countOpen(const Open &open, SetMask decided) {
  Open rest;
  Signature result;
  if (decide(open, rest, decided)) {
    if (decided != 0)
      addToSignature(result, decided, volume(), overflowed);
    return result;
  }
  Key key = makeKey(rest, decided);
  if (auto found = seen.find(key); found != seen.end())
    return found->second;
  ++work;
  if (++visited > mostBoxes) {
    exhausted = true;
    return result;
  }
  auto [variable, cut] = chooseCut(rest);
  Interval whole = box[variable];
  for (Interval part : {Interval{whole.lo, cut}, Interval{cut, whole.hi}}) {
    box[variable] = part;
    for (auto [mask, points] : countOpen(rest, decided))
      addToSignature(result, mask, points, overflowed);
  }
  box[variable] = whole;
  return seen[key] = std::move(result);
}

Signature SetCounter::count(llvm::ArrayRef<Interval> newBox, SetMask absent) {
  box.assign(newBox.begin(), newBox.end());
  if (llvm::any_of(newBox,
                   [](const Interval &side) { return side.size() == 0; }))
    return {};
  visited = 0;
  if (seen.size() > kLimit / 8)
    seen.clear();
  Open open;
  SetMask decided = 0;
  for (auto [i, piece] : llvm::enumerate(pieces)) {
    if (absent >> i & 1)
      continue;
    if (piece.constraints.empty())
      decided |= SetMask(1) << piece.set;
    for (size_t j = 0; j < piece.constraints.size(); ++j)
      open.push_back({static_cast<uint16_t>(i), static_cast<uint16_t>(j)});
  }
  return countOpen(open, decided);
}

std::optional<uint64_t>
einsum::countPoints(llvm::ArrayRef<Interval> box,
                    std::vector<Constraint> constraints) {
  SetCounter counter(box.size(), {{0, std::move(constraints)}});
  Signature signature = counter.count(box);
  if (counter.overflowed || counter.exhausted)
    return std::nullopt;
  return signature.empty() ? 0 : signature[0].second;
}
