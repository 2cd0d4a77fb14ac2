//===- CutAlike.cpp - Tiles that are cut in nearly the same place ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Under a chain of filters one long tile of n stands beside thousands of short
// ones of m and p, each of which is cut elsewhere. They are counted by parts of
// the grid in which conditions hardly differ, all like the tile in which they
// are worst: what a tile touches shrinks with every condition, so that this is
// no more than there is.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CutComponent.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

using Component = CutTiles::Component;
using Side = Component::Side;
using Sides = Component::Sides;
using TileClasses = Component::TileClasses;

/// Where tiles along one rank are much longer than along another, each of the
/// many short ones beside a long one is cut elsewhere: m 1, p 4096 has 4096
/// sizes. Then a few of them stand for all.
void Component::setSlacks(llvm::ArrayRef<int64_t> tile) {
  constexpr int64_t kMostPlaces = 512;
  slacks.assign(conditions.size(), 0);
  std::vector<int64_t> widths(conditions.size(), 0);
  int64_t places = 1, cuts = 0;
  for (auto [id, condition] : llvm::enumerate(conditions)) {
    if (!condition.form.isLinear() || condition.isEquality ||
        condition.form.terms.size() < 2)
      continue;
    int64_t step = 0;
    for (const AffineForm::Term &term : condition.form.terms) {
      int64_t by = std::abs(term.coefficient), size = tile[term.variable];
      widths[id] += by * (size - 1);
      if (size < extents[term.variable])
        step = std::gcd(step, by * size);
    }
    if (step == 0)
      continue;
    places = llvm::SaturatingMultiply<uint64_t>(places, 1 + widths[id] / step);
    ++cuts;
  }
  if (places > kMostPlaces)
    for (auto [slack, width] : llvm::zip(slacks, widths))
      slack = width / (cuts == 1 ? 64 : 16);
}

/// A tile, wherever it lies, in which all open conditions are as they are where
/// they are worst in this part, if they differ there by no more than their
/// slack.
std::optional<Sides> Component::findWorst(const Sides &sides,
                                          llvm::ArrayRef<int> open) const {
  // How far each condition, and so a rank with it, has to move.
  std::vector<std::pair<int, int64_t>> moves;
  for (int id : open) {
    int64_t move = 0, reach = 0;
    for (const AffineForm::Term &term : conditions[id].form.terms) {
      const Side &side = sides[term.variable];
      int64_t by = term.coefficient * side.size * (side.count - 1);
      move += std::min<int64_t>(0, by);
      reach += std::abs(by);
    }
    if (slacks[id] == 0 || reach > slacks[id])
      return std::nullopt;
    moves.emplace_back(id, move);
  }
  std::vector<std::optional<int64_t>> shifts(sides.size());
  auto settle = [&](int id, int64_t move) { // false: more than one is unknown
    const AffineForm::Term *unknown = nullptr;
    for (const AffineForm::Term &term : conditions[id].form.terms) {
      if (shifts[term.variable])
        move -= term.coefficient * *shifts[term.variable];
      else if (unknown)
        return false;
      else
        unknown = &term;
    }
    if (unknown && move % unknown->coefficient == 0)
      shifts[unknown->variable] = move / unknown->coefficient;
    return true;
  };
  while (!moves.empty()) {
    auto next = llvm::find_if(
        moves, [&](auto one) { return settle(one.first, one.second); });
    if (next != moves.end())
      moves.erase(next);
    else
      for (const AffineForm::Term &term :
           conditions[moves.front().first].form.terms)
        if (!shifts[term.variable]) {
          shifts[term.variable] = 0;
          break;
        }
  }
  Sides worst = sides;
  for (auto [side, shift] : llvm::zip(worst, shifts)) {
    side.count = 1;
    side.lo += shift.value_or(0);
  }
  return worst;
}

/// The tiles of a part as if all were like the worst of them: no more words
/// than there are.
std::optional<TileClasses> Component::countAlike(const Sides &sides,
                                                 llvm::ArrayRef<int> open,
                                                 const std::vector<bool> &holds,
                                                 uint64_t count) {
  std::optional<Sides> worst = findWorst(sides, open);
  if (!worst)
    return std::nullopt;
  llvm::SmallVector<Interval, 4> box;
  llvm::SmallVector<int64_t, 4> corner, first;
  for (const auto &[there, here] : llvm::zip(*worst, sides)) {
    box.push_back({there.lo, there.end()});
    corner.push_back(there.lo);
    first.push_back(here.lo);
  }
  for (int id = 0; id < static_cast<int>(conditions.size()); ++id) {
    const AffineForm &form = conditions[id].form;
    if (llvm::is_contained(open, id)) {
      int64_t least = 0;
      for (const AffineForm::Term &term : form.terms) {
        const Side &side = sides[term.variable];
        least += std::min<int64_t>(0, term.coefficient * side.size *
                                          (side.count - 1));
      }
      // A cycle of conditions has no such place.
      if (form.evaluate(corner) > form.evaluate(first) + least)
        return std::nullopt;
    } else if (conditions[id].decide(box) != holds[id]) {
      return std::nullopt;
    }
  }
  const std::vector<uint64_t> &words = measure(*worst, open, holds);
  if (words.back() == 0)
    return TileClasses{};
  return TileClasses{{words, count}};
}
