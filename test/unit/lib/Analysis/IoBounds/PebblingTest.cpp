//===- PebblingTest.cpp - No game beats a bound ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Analysis/IoBounds/Pebbling.h"
#include "lib/Analysis/IoBounds/IoBounds.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::test;

//===----------------------------------------------------------------------===//
// The game
//===----------------------------------------------------------------------===//

int Pebbling::elementId(const CascadeFacts &facts, int tensor,
                        llvm::ArrayRef<int64_t> coordinates) const {
  int64_t id = 0;
  for (auto [rank, coordinate] :
       llvm::zip(facts.tensors[tensor].ranks, coordinates)) {
    if (coordinate < 0 || coordinate >= facts.ranks[rank].extent)
      return -1;
    id = id * facts.ranks[rank].extent + coordinate;
  }
  return firstElement[tensor] + static_cast<int>(id);
}

int Pebbling::valueOf(int element, unsigned mask) const {
  return elements[element].first + static_cast<int>(mask) - 1;
}

Pebbling::Set Pebbling::wholeOf(int element) const {
  return Set(1) << valueOf(element, (1u << elements[element].points) - 1);
}

static llvm::SmallVector<int64_t, 4>
coordinatesOf(const AccessFact &access, llvm::ArrayRef<int64_t> point) {
  llvm::SmallVector<int64_t, 4> result;
  for (const Coordinate &coordinate : access.coordinates) {
    int64_t value = coordinate.constant;
    for (const Coordinate::Term &term : coordinate.terms)
      value += term.coefficient * point[term.rank];
    result.push_back(value);
  }
  return result;
}

static void
forEachPoint(const CascadeFacts &facts, const EinsumFact &einsum,
             llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  llvm::SmallVector<int64_t, 6> point(facts.ranks.size(), 0);
  while (true) {
    visit(point);
    size_t i = 0;
    for (; i < einsum.ranks.size(); ++i) {
      int64_t &value = point[einsum.ranks[i]];
      if (++value < facts.ranks[einsum.ranks[i]].extent)
        break;
      value = 0;
    }
    if (i == einsum.ranks.size())
      return;
  }
}

Pebbling::Pebbling(const CascadeFacts &facts) {
  for (const TensorFact &tensor : facts.tensors) {
    firstElement.push_back(elements.size());
    elements.resize(elements.size() + tensor.elements);
    for (size_t i = elements.size() - tensor.elements; i < elements.size(); ++i)
      elements[i].points = tensor.isInput ? 1 : 0;
  }
  for (const EinsumFact &einsum : facts.einsums)
    forEachPoint(facts, einsum, [&](llvm::ArrayRef<int64_t> point) {
      const AccessFact &write = einsum.writes[0];
      ++elements[elementId(facts, write.tensor, coordinatesOf(write, point))]
            .points;
    });
  for (Element &element : elements) {
    element.first = valueCount;
    valueCount += element.points > 5 ? 65 : (1u << element.points) - 1;
  }
  small = valueCount <= 64;
  if (small)
    addPoints(facts);
}

void Pebbling::addPoints(const CascadeFacts &facts) {
  for (auto [id, tensor] : llvm::enumerate(facts.tensors))
    for (uint64_t i = 0; i < tensor.elements; ++i) {
      if (tensor.isInput)
        inputs |= wholeOf(firstElement[id] + static_cast<int>(i));
      if (tensor.isOutput)
        outputs |= wholeOf(firstElement[id] + static_cast<int>(i));
    }
  std::vector<unsigned> numbered(elements.size());
  for (const EinsumFact &einsum : facts.einsums)
    forEachPoint(facts, einsum, [&](llvm::ArrayRef<int64_t> point) {
      const AccessFact &write = einsum.writes[0];
      int element = elementId(facts, write.tensor, coordinatesOf(write, point));
      unsigned own = 1u << numbered[element]++,
               all = 1u << elements[element].points;
      Set operands = 0;
      for (const AccessFact &read : einsum.reads)
        if (int from =
                elementId(facts, read.tensor, coordinatesOf(read, point));
            from >= 0)
          operands |= wholeOf(from);
      Point &described = points.emplace_back();
      described.operands = operands;
      described.whole = wholeOf(element);
      for (unsigned mask = 1; mask < all; ++mask)
        if ((mask & own) != 0)
          described.partials |= Set(1) << valueOf(element, mask);
      for (unsigned before = 0; before < all; ++before)
        if ((before & own) == 0)
          rules.push_back({before
                               ? operands | Set(1) << valueOf(element, before)
                               : operands,
                           valueOf(element, before | own)});
    });
  finalOf.assign(valueCount, 0);
  for (auto [id, tensor] : llvm::enumerate(facts.tensors)) {
    bool isRead = llvm::any_of(
        facts.einsums,
        [&, tensor = static_cast<int>(id)](const EinsumFact &einsum) {
          return llvm::any_of(einsum.reads, [&](const AccessFact &read) {
            return read.tensor == tensor;
          });
        });
    for (uint64_t i = 0; tensor.isOutput && !isRead && i < tensor.elements;
         ++i) {
      int element = firstElement[id] + static_cast<int>(i);
      for (unsigned mask = 1; mask < 1u << elements[element].points; ++mask)
        finalOf[valueOf(element, mask)] = wholeOf(element);
    }
  }
  for (size_t element = 0; element < elements.size(); ++element)
    for (unsigned a = 1; a < 1u << elements[element].points; ++a)
      for (unsigned b = a + 1; b < 1u << elements[element].points; ++b)
        if ((a & b) == 0)
          rules.push_back(
              {Set(1) << valueOf(element, a) | Set(1) << valueOf(element, b),
               valueOf(element, a | b)});
}

/// Outputs that are not far must be stored, and inputs that are not near loaded
/// if a point that reads them must still be evaluated.
unsigned Pebbling::stillToMove(Set values, Set far) const {
  Set have = values | far, needed = outputs & ~have; // as whole values
  unsigned count = llvm::popcount(outputs & ~far);
  Set load = 0;
  for (const Point &point : llvm::reverse(points)) {
    if ((point.whole & needed) == 0 || (point.partials & have) != 0)
      continue;
    needed |= point.operands & ~have;
    load |= point.operands & inputs & ~values;
  }
  return count + llvm::popcount(load);
}

std::optional<unsigned> Pebbling::solve(unsigned near, size_t limit) {
  using Position = std::pair<Set, Set>; // near, far
  llvm::DenseMap<Position, unsigned> least;
  std::vector<std::vector<Position>> rounds(1);
  auto reach = [&](Set values, Set far, unsigned transfers) {
    // A* (Hart, Nilsson & Raphael 1968): rounds count what is sure to come,
    // too.
    unsigned expected = transfers + stillToMove(values, far);
    auto [entry, isNew] = least.try_emplace({values, far}, transfers);
    if (!isNew && entry->second <= transfers)
      return;
    entry->second = transfers;
    if (rounds.size() <= expected)
      rounds.resize(expected + 1);
    rounds[expected].push_back({values, far});
  };
  // Forgetting waits until a place is needed, and storing until then too.
  auto add = [&](Set values, Set far, int value, unsigned transfers) {
    Set with = values | Set(1) << value;
    if (static_cast<unsigned>(llvm::popcount(with)) <= near)
      return reach(with, far, transfers);
    for (Set rest = values; rest != 0; rest &= rest - 1) {
      Set victim = rest & -rest;
      reach(with & ~victim, far, transfers);
      if ((victim & far) == 0)
        reach(with & ~victim, far | victim, transfers + 1);
    }
  };
  // What only contributes to outputs that are far is of no use any more.
  auto isDone = [&](int value, Set far) { return (finalOf[value] & far) != 0; };
  std::optional<unsigned> best;
  cutOff = false;
  reach(0, inputs, 0);
  for (unsigned round = 0; round < rounds.size() && !(best && *best <= round);
       ++round)
    for (size_t i = 0; i < rounds[round].size(); ++i) {
      auto [values, far] = rounds[round][i];
      unsigned transfers = least[{values, far}];
      if (Set missing = outputs & ~far; (missing & ~values) == 0) {
        unsigned total = transfers + llvm::popcount(missing);
        best = best ? std::min(*best, total) : total;
      }
      if (least.size() > limit) {
        cutOff = true;
        return std::nullopt;
      }
      for (const Rule &rule : rules)
        if ((rule.operands & ~values) == 0 &&
            (values >> rule.result & 1) == 0 && !isDone(rule.result, far))
          add(values, far, rule.result, transfers);
      for (Set rest = far & ~values; rest != 0; rest &= rest - 1)
        if (int value = llvm::countr_zero(rest); !isDone(value, far))
          add(values, far, value, transfers + 1);
    }
  seenCount = least.size();
  return best;
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

namespace {

struct Case {
  const char *name, *text;
  std::vector<unsigned> capacities; ///< in elements
};

const Case cases[] = {
    {"matrix times matrix 2x2x2",
     "cascade c(M=2, N=2, K=2) : f16\n"
     "  input A[m,k], B[k,n]\n"
     "  Z[m,n] = A[m,k] * B[k,n]\n"
     "  output Z\n",
     {3, 4, 5, 6}},
    {"outer product 3x3",
     "cascade c(M=3, N=3) : f16\n"
     "  input A[m], B[n]\n"
     "  Z[m,n] = A[m] * B[n]\n"
     "  output Z\n",
     {2, 3, 4}},
    {"matrix times vector 3x3",
     "cascade c(M=3, K=3) : f16\n"
     "  input A[m,k], B[k]\n"
     "  Z[m] = A[m,k] * B[k]\n"
     "  output Z\n",
     {4, 5}},
    {"all pairs, too large to play",
     "cascade c(Z=1, M=4, N=4) : f16\n"
     "  input A[z,m], B[z,n]\n"
     "  S[z] = A[z,m] * B[z,n]\n"
     "  output S\n",
     {}}, // 2^16 partial results
    {"convolution 3 by 2",
     "cascade c(P=3, R=2, W=4) : f16\n"
     "  input I[w], F[r]\n"
     "  O[p] = I[p+r] * F[r]\n"
     "  output O\n",
     {3, 4, 5}},
    {"convolution 3 by 3 with stride 2",
     "cascade c(P=3, R=3, W=7) : f16\n"
     "  input I[w], F[r]\n"
     "  O[p] = I[2*p+r] * F[r]\n"
     "  output O\n",
     {4, 5}},
    {"one pass over a fiber",
     "cascade c(Z=1, M=4) : f16\n"
     "  input X[z,m]\n"
     "  S[z] = X[z,m]\n"
     "  output S\n",
     {2, 3}},
    {"two passes over a fiber",
     "cascade c(Z=1, M=3) : f16\n"
     "  input X[z,m]\n"
     "  S[z] = X[z,m]\n"
     "  Y[z,m] = X[z,m] - S[z]\n"
     "  V[z] = Y[z,m]\n"
     "  output V\n",
     {2, 3, 4, 5}},
    {"three passes over a fiber",
     "cascade c(Z=1, M=3) : f16\n"
     "  input X[z,m]\n"
     "  G[z] = max(m) X[z,m]\n"
     "  S[z,m] = exp(X[z,m] - G[z])\n"
     "  D[z] = S[z,m]\n"
     "  A[z,m] = S[z,m] / D[z]\n"
     "  output A\n",
     {3, 4, 5}},
    {"attention, 3 passes, 2 keys, 1 query",
     "cascade c(E=1, F=1, M=2, P=1) : f16\n"
     "  input Q[p,e], K[m,e], V[m,f]\n"
     "  QK[m,p] = Q[p,e] * K[m,e]\n"
     "  G[p] = max(m) QK[m,p]\n"
     "  S[m,p] = exp(QK[m,p] - G[p])\n"
     "  D[p] = S[m,p]\n"
     "  A[m,p] = S[m,p] / D[p]\n"
     "  Z[p,f] = A[m,p] * V[m,f]\n"
     "  output Z\n",
     {3, 4, 5, 6}},
    {"two products, 2 keys, 2 queries",
     "cascade c(E=1, F=1, M=2, P=2) : f16\n"
     "  input Q[p,e], K[m,e], V[m,f]\n"
     "  QK[m,p] = Q[p,e] * K[m,e]\n"
     "  S[m,p] = exp(QK[m,p])\n"
     "  Z[p,f] = S[m,p] * V[m,f]\n"
     "  output Z\n",
     {3, 4, 5}},
    {"two products with rows of 2",
     "cascade c(E=2, F=1, M=2, P=1) : f16\n"
     "  input Q[p,e], K[m,e], V[m,f]\n"
     "  QK[m,p] = Q[p,e] * K[m,e]\n"
     "  Z[p,f] = QK[m,p] * V[m,f]\n"
     "  output Z\n",
     {3, 4, 5}},
    {"feed-forward pair",
     "cascade c(M=2, D=1, H=2, O=1) : f16\n"
     "  input X[m,d], W[d,h], U[h,o]\n"
     "  Y[m,h] = X[m,d] * W[d,h]\n"
     "  G[m,h] = max(Y[m,h], 0)\n"
     "  Z[m,o] = G[m,h] * U[h,o]\n"
     "  output Z\n",
     {3, 4, 5}},
    {"a running sum",
     "cascade c(I=4) : f16\n"
     "  input X[i]\n"
     "  R[i] = R[i-1] + X[i] init 0\n"
     "  output R\n",
     {2, 3}},
};

} // namespace

TEST_CASE("no pebble game beats a bound", "[bounds]") {
  size_t games = 0, tight = 0;
  for (const Case &test : cases) {
    CascadeText cascade(test.text);
    Pebbling game(cascade.facts);
    if (!game.isSmall()) {
      CHECK(test.capacities.empty());
      continue;
    }
    bounds::IoBoundAnalysis analysis(cascade.facts);
    for (unsigned near : test.capacities) {
      std::optional<unsigned> transfers = game.solve(near);
      INFO(test.name << " with " << near << " places, " << game.positions()
                     << " positions");
      REQUIRE(transfers);
      ++games;
      uint64_t best = 0;
      for (const bounds::IoBound &bound : analysis.compute(2 * near)) {
        INFO(bound.name << ": " << bound.statement);
        CHECK(2 * *transfers >= bound.bytes);
        best = std::max(best, bound.bytes);
      }
      tight += 2 * *transfers == best;
    }
  }
  WARN(games << " games, " << tight
             << " of them won with exactly what the bound says");
  CHECK(games >= 35);
  CHECK(tight >= 10);
}
