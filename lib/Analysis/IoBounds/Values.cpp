//===- Values.cpp - Values that a coordinate takes ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Values.h"

#include "lib/Analysis/ImageCounter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::bounds;

/// Values of a coordinate that are listed one by one.
static constexpr int64_t kMaxListed = 1 << 20;

static llvm::SmallVector<Coordinate::Term, 4>
sortTerms(const Coordinate &coordinate, llvm::ArrayRef<int64_t> extents) {
  llvm::SmallVector<Coordinate::Term, 4> terms;
  for (const Coordinate::Term &term : coordinate.terms)
    if (term.coefficient != 0 && extents[term.rank] > 1)
      terms.push_back(term);
  llvm::sort(terms, [](const Coordinate::Term &a, const Coordinate::Term &b) {
    return std::abs(a.coefficient) < std::abs(b.coefficient);
  });
  return terms;
}

bool einsum::bounds::isDecodable(const Coordinate &coordinate,
                                 llvm::ArrayRef<int64_t> extents) {
  int64_t span = 0; // of all smaller terms together
  for (const Coordinate::Term &term : sortTerms(coordinate, extents)) {
    int64_t step = std::abs(term.coefficient);
    if (step <= span)
      return false;
    if (llvm::AddOverflow(span, step * (extents[term.rank] - 1), span))
      return false;
  }
  return true;
}

/// The values one by one; nullopt if there are too many sums to list.
static std::optional<uint64_t>
listValues(llvm::ArrayRef<Coordinate::Term> terms,
           llvm::ArrayRef<int64_t> extents) {
  int64_t sums = 1;
  for (const Coordinate::Term &term : terms)
    if (llvm::MulOverflow(sums, extents[term.rank], sums) || sums > kMaxListed)
      return std::nullopt;
  std::set<int64_t> values = {0};
  for (const Coordinate::Term &term : terms) {
    std::set<int64_t> next;
    for (int64_t value : values)
      for (int64_t i = 0; i < extents[term.rank]; ++i)
        next.insert(value + term.coefficient * i);
    values = std::move(next);
  }
  return values.size();
}

uint64_t einsum::bounds::countValues(const Coordinate &coordinate,
                                     llvm::ArrayRef<int64_t> extents) {
  auto terms = sortTerms(coordinate, extents);
  if (terms.empty())
    return 1;
  if (isDecodable(coordinate, extents)) {
    uint64_t values = 1;
    for (const Coordinate::Term &term : terms)
      values = llvm::SaturatingMultiply<uint64_t>(values, extents[term.rank]);
    return values;
  }
  // A run {0, step, ..., (count - 1) * step}, extended as long as it has no
  // gap.
  int64_t step = std::abs(terms.front().coefficient);
  uint64_t count = extents[terms.front().rank];
  for (const Coordinate::Term &term : llvm::drop_begin(terms)) {
    int64_t jump = std::abs(term.coefficient);
    if (jump % step != 0 || static_cast<uint64_t>(jump / step) > count) {
      if (std::optional<uint64_t> listed = listValues(terms, extents))
        return *listed;
      // |A + B| >= |A| + |B| - 1 for sets of integers.
      count = 1;
      for (const Coordinate::Term &t : terms)
        count += extents[t.rank] - 1;
      return count;
    }
    count += static_cast<uint64_t>(jump / step) * (extents[term.rank] - 1);
  }
  return count;
}

//===----------------------------------------------------------------------===//
// Elements touched
//===----------------------------------------------------------------------===//

/// The coordinates whose ranks no other coordinate uses: their values combine
/// freely.
static llvm::SmallVector<const Coordinate *, 4>
independent(const AccessFact &access) {
  llvm::SmallVector<const Coordinate *, 4> result;
  for (const Coordinate &coordinate : access.coordinates)
    if (llvm::none_of(result, [&](const Coordinate *other) {
          return llvm::any_of(coordinate.terms,
                              [&](const Coordinate::Term &term) {
                                return other->uses(term.rank);
                              });
        }))
      result.push_back(&coordinate);
  return result;
}

static uint64_t countTouchedInBox(const CascadeFacts &facts,
                                  const AccessFact &access) {
  llvm::SmallVector<int64_t> extents;
  for (const RankFact &rank : facts.ranks)
    extents.push_back(rank.isOpaque ? 1 : rank.extent);
  uint64_t touched = 1;
  for (const Coordinate *coordinate : independent(access))
    touched =
        llvm::SaturatingMultiply(touched, countValues(*coordinate, extents));
  return std::min(touched, facts.tensors[access.tensor].elements);
}

/// Steps outside of an iterative rank read the initial value, no element.
static bool mayLeave(const CascadeFacts &facts, const AccessFact &access) {
  llvm::SmallVector<Interval> box;
  for (const RankFact &rank : facts.ranks)
    box.push_back({0, rank.extent});
  const TensorFact &tensor = facts.tensors[access.tensor];
  for (auto [coordinate, rank] : llvm::zip(access.coordinates, tensor.ranks)) {
    auto [low, high] = coordinate.form().bounds(box);
    if (low < 0 || high >= facts.ranks[rank].extent)
      return true;
  }
  return false;
}

/// What cannot be counted is left out, so that bounds stay bounds. Along a rank
/// that is addressed by data all indices may be the same: one coordinate.
uint64_t einsum::bounds::countTouched(const CascadeFacts &facts,
                                      const EinsumFact &einsum,
                                      const AccessFact &access) {
  if (einsum.domain.empty() && !mayLeave(facts, access))
    return countTouchedInBox(facts, access);
  llvm::SmallVector<Interval> box;
  for (auto [rank, fact] : llvm::enumerate(facts.ranks))
    box.push_back({0, einsum.iterates(rank) ? fact.extent : 1});
  const TensorFact &tensor = facts.tensors[access.tensor];
  std::vector<AffineForm> coordinates;
  std::vector<Constraint> constraints = einsum.domain;
  for (auto [coordinate, rank] : llvm::zip(access.coordinates, tensor.ranks)) {
    coordinates.push_back(coordinate.form());
    // Before the first step there is no element.
    constraints.push_back({coordinate.form()});
    Constraint high{AffineForm::number(facts.ranks[rank].extent - 1)};
    high.form.add(coordinate.form(), -1);
    constraints.push_back(std::move(high));
  }
  llvm::erase_if(constraints, [&](const Constraint &constraint) {
    return constraint.decide(box) == true;
  });
  return countImage(box, std::move(coordinates), std::move(constraints))
      .value_or(0);
}
