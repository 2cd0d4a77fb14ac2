//===- UnitShares.cpp - How many units have a word together ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/UnitShares.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// No more than dimensions have units for `ranks`, each as far as its ranks
/// have points; no more than ranks have points, each as far as its dimensions
/// have units.
static double logSharing(const EinsumOnArray &nest, int stage, uint32_t ranks) {
  double byFan = 0, byRank = 0;
  for (const Fan &fan : nest.fans) {
    if (fan.stage != stage)
      continue;
    double points = 0;
    for (size_t r = 0; r < nest.ranks.size(); ++r)
      if (fan.ranks & ranks & (1u << r))
        points += std::log(static_cast<double>(nest.ranks[r].extent));
    byFan += std::min(points, std::log(static_cast<double>(fan.size)));
  }
  for (size_t r = 0; r < nest.ranks.size(); ++r) {
    if (!(ranks >> r & 1))
      continue;
    double units = 0;
    for (const Fan &fan : nest.fans)
      if (fan.stage == stage && (fan.ranks >> r & 1))
        units += std::log(static_cast<double>(fan.size));
    byRank +=
        std::min(units, std::log(static_cast<double>(nest.ranks[r].extent)));
  }
  return std::min(byFan, byRank);
}

double mapper::mostSharing(const EinsumOnArray &nest, int stage,
                           uint32_t ranks) {
  double sum = 0;
  for (int inner = stage + 1; inner <= nest.lastStage; ++inner)
    sum += logSharing(nest, inner, ranks);
  return std::exp(sum);
}

/// The logarithm of the most that the product of units along ranks, each to the
/// power of its exponent, comes to: by Abel's sum over the ranks of largest
/// exponents, what these have together is bounded as above.
static double logPowers(const EinsumOnArray &nest, int stage,
                        llvm::ArrayRef<double> exponents) {
  llvm::SmallVector<std::pair<double, size_t>, 8> order;
  for (auto [r, exponent] : llvm::enumerate(exponents))
    order.emplace_back(-exponent, r);
  llvm::sort(order);
  double sum = 0;
  uint32_t ranks = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    ranks |= 1u << order[i].second;
    double next = i + 1 < order.size() ? -order[i + 1].first : 0;
    if (double step = -order[i].first - next; step > 0)
      sum += step * logSharing(nest, stage, ranks);
  }
  return sum;
}

/// By these weights.
static double boundByWeights(const EinsumOnArray &nest,
                             llvm::ArrayRef<SharedTerm> terms,
                             llvm::ArrayRef<double> weights) {
  double sum = 0;
  for (auto [term, weight] : llvm::zip(terms, weights)) {
    if (weight == 0)
      continue;
    if (term.cost <= 0)
      return 0;
    sum += weight * (std::log(term.cost) - std::log(weight));
  }
  for (int stage = 1; stage <= nest.lastStage; ++stage) {
    llvm::SmallVector<double, 8> exponents(nest.ranks.size(), 0);
    for (auto [term, weight] : llvm::zip(terms, weights))
      for (size_t r = 0; r < exponents.size(); ++r)
        if (term.stage < stage && (term.ranks >> r & 1))
          exponents[r] += weight;
    sum -= logPowers(nest, stage, exponents);
  }
  return std::exp(sum);
}

double mapper::boundShared(const EinsumOnArray &nest,
                           llvm::ArrayRef<SharedTerm> terms) {
  constexpr int kParts = 6; // of the weights
  double alone = 0, most = 0;
  for (const SharedTerm &term : terms)
    alone += term.cost / mostSharing(nest, term.stage, term.ranks);
  llvm::SmallVector<double, 4> weights(terms.size(), 0);
  auto choose = [&](auto &self, size_t at, int left) -> void {
    if (at + 1 == terms.size()) {
      weights[at] = static_cast<double>(left) / kParts;
      most = std::max(most, boundByWeights(nest, terms, weights));
      return;
    }
    for (int part = 0; part <= left; ++part) {
      weights[at] = static_cast<double>(part) / kParts;
      self(self, at + 1, left - part);
    }
  };
  if (terms.size() > 1)
    choose(choose, 0, kParts);
  return std::max(alone, most);
}
