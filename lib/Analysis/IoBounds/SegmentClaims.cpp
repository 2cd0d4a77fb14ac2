//===- SegmentClaims.cpp - Bounds by Hong & Kung's segments ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// README.md, sections 2 (one Einsum), 3 (fibers) and 4 (two Einsums).
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Claims.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace einsum;
using namespace einsum::bounds;

//===----------------------------------------------------------------------===//
// Common
//===----------------------------------------------------------------------===//

std::string einsum::bounds::formatCount(long double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 1e6L ? "%.0Lf" : "%.3Le", value);
  return text;
}

Grain einsum::bounds::grainOf(llvm::ArrayRef<uint64_t> elementBits) {
  Grain grain{0, 1};
  for (uint64_t bits : elementBits) {
    grain.narrowest = std::gcd(grain.narrowest, bits);
    grain.widest = std::max(grain.widest, bits);
  }
  grain.narrowest = std::max<uint64_t>(grain.narrowest, 1);
  return grain;
}

static std::string listTensors(const CascadeFacts &facts,
                               llvm::ArrayRef<int> tensors) {
  std::vector<std::string> names;
  for (int tensor : tensors)
    names.push_back(facts.tensors[tensor].name);
  return llvm::join(names, ", ");
}

std::string einsum::bounds::describeFar(const CascadeFacts &facts,
                                        llvm::ArrayRef<int> inputs,
                                        llvm::ArrayRef<int> outputs) {
  std::string text;
  if (!inputs.empty())
    text = listTensors(facts, inputs) + " start beyond the capacity";
  if (!outputs.empty())
    text += (text.empty() ? "" : "; ") + listTensors(facts, outputs) +
            " must end beyond it";
  return text;
}

namespace {

/// What the three kinds have in common.
struct SegmentFacts {
  std::string name;
  uint64_t points = 0;
  Grain grain;
  std::vector<std::string> hypotheses;
  std::vector<int> always; ///< tensors counted whatever the exponents

  IoBound finish(const SegmentBound &segments, const PointLimit &limit,
                 const PointExponents &exponents, long double fastBits) const {
    IoBound bound;
    bound.name = name;
    bound.bytes = segments.bits / 8;
    bound.hypotheses = hypotheses;
    bound.tensors = always;
    for (auto [tensor, s] : llvm::zip(limit.tensors(), exponents.tensors))
      if (s > 0 && tensor >= 0 && !llvm::is_contained(bound.tensors, tensor))
        bound.tensors.push_back(tensor);
    bound.statement =
        "X * (ceil(V / F(S + X)) - 1) with V = " + formatCount(points) +
        " points, S = " + formatCount(fastBits / 8) +
        " B, X = " + formatCount(segments.x / 8) + " B, " +
        std::to_string(segments.segments) + " full segments; F by " +
        limit.method();
    return bound;
  }
};

//===----------------------------------------------------------------------===//
// One Einsum
//===----------------------------------------------------------------------===//

class EinsumClaim : public Claim {
public:
  EinsumClaim(SegmentFacts facts, WeightedNest nest)
      : facts(std::move(facts)), limit(std::move(nest)) {}

  IoBound at(long double fastBits) const override {
    PointExponents exponents = limit.choose(2.5L * fastBits);
    long double slack = facts.grain.widest - facts.grain.narrowest;
    SegmentBound segments = maximizeSegments(
        facts.points, fastBits, facts.grain, [&](long double x) {
          return exponents.tensors.empty()
                     ? INFINITY
                     : limit.logPoints(exponents, fastBits + x + slack);
        });
    return facts.finish(segments, limit, exponents, fastBits);
  }

private:
  SegmentFacts facts;
  PointLimit limit;
};

/// log(e^a + e^b).
static long double logSum(long double a, long double b) {
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

//===----------------------------------------------------------------------===//
// Fibers
//===----------------------------------------------------------------------===//

class FiberClaim : public Claim {
public:
  FiberClaim(SegmentFacts facts, WeightedNest rows, WeightedNest partials,
             uint64_t perResult, int result)
      : facts(std::move(facts)), rows(std::move(rows)),
        partials(std::move(partials)), perResult(perResult), result(result) {}

  IoBound at(long double fastBits) const override {
    PointExponents whole = rows.choose(2 * fastBits),
                   cut = partials.choose(2 * fastBits);
    long double slack = facts.grain.widest - facts.grain.narrowest;
    SegmentBound segments = maximizeSegments(
        facts.points, fastBits, facts.grain, [&](long double x) {
          if (whole.tensors.empty() || cut.tensors.empty())
            return static_cast<long double>(INFINITY);
          x += slack;
          llvm::SmallVector<long double, 4> own;
          for (int tensor : partials.tensors())
            own.push_back(tensor == result ? 2 * fastBits + x : 0);
          long double inside = rows.logPoints(whole, fastBits + x) +
                               std::log(static_cast<long double>(perResult)),
                      apart = partials.logPoints(cut, fastBits + x, own),
                      joint = partials.logPoints(cut, 2 * fastBits + x);
          return logSum(inside, std::min(apart, joint));
        });
    IoBound bound = facts.finish(segments, partials, cut, fastBits);
    for (int tensor : rows.tensors())
      if (!llvm::is_contained(bound.tensors, tensor))
        bound.tensors.push_back(tensor);
    return bound;
  }

private:
  SegmentFacts facts;
  PointLimit rows, partials;
  uint64_t perResult;
  int result;
};

//===----------------------------------------------------------------------===//
// Two Einsums
//===----------------------------------------------------------------------===//

class PairClaim : public Claim {
public:
  PairClaim(SegmentFacts facts, WeightedNest nest, uint64_t perPair,
            uint64_t pairBits)
      : facts(std::move(facts)), limit(std::move(nest)), perPair(perPair),
        pairBits(pairBits) {}

  IoBound at(long double fastBits) const override {
    PointExponents exponents = limit.choose(2 * fastBits, /*convex=*/true);
    long double slack = facts.grain.widest - facts.grain.narrowest;
    long double logPerBit =
        std::log(static_cast<long double>(perPair) / pairBits);
    SegmentBound segments = maximizeSegments(
        facts.points, fastBits, facts.grain, [&](long double x) {
          if (exponents.tensors.empty())
            return static_cast<long double>(INFINITY);
          long double bits = fastBits + x + slack;
          return std::max(limit.logPoints(exponents, bits),
                          std::log(bits) + logPerBit);
        });
    return facts.finish(segments, limit, exponents, fastBits);
  }

private:
  SegmentFacts facts;
  PointLimit limit;
  uint64_t perPair;  ///< points of the second Einsum for one pair
  uint64_t pairBits; ///< of the narrowest value that belongs to one pair
};

/// Points of both Einsums in one run (section 5).
class ChainClaim : public Claim {
public:
  /// Nests of the first Einsum's rows and points, and of the second's points,
  /// the pair among their operands under the number `pair`; and that of the
  /// second over rows.
  ChainClaim(SegmentFacts facts, WeightedNest rows, WeightedNest first,
             WeightedNest second, WeightedNest pairs, uint64_t perResult,
             int pair)
      : facts(std::move(facts)), rows(std::move(rows)), first(std::move(first)),
        second(std::move(second)), pairs(std::move(pairs)),
        perResult(perResult), pair(pair) {}

  IoBound at(long double fastBits) const override {
    PointExponents whole = rows.choose(5 * fastBits),
                   one = first.choose(6 * fastBits, /*convex=*/true, pair),
                   two = second.choose(6 * fastBits, /*convex=*/true, pair),
                   both = pairs.choose(5 * fastBits);
    bool known = !whole.tensors.empty() && !one.tensors.empty() &&
                 !two.tensors.empty() && !both.tensors.empty();
    long double slack = facts.grain.widest - facts.grain.narrowest;
    SegmentBound segments = maximizeSegments(
        facts.points, fastBits, facts.grain, [&](long double x) {
          if (!known)
            return static_cast<long double>(INFINITY);
          long double arrived = fastBits + x + slack,
                      marked = arrived + fastBits;
          long double inside = rows.logPoints(whole, arrived) +
                               std::log(static_cast<long double>(perResult));
          return logSum(logSum(inside, pairs.logPoints(both, arrived)),
                        std::max(first.logPoints(one, marked),
                                 second.logPoints(two, marked)));
        });
    IoBound bound = facts.finish(segments, first, one, fastBits);
    for (const PointLimit *limit : {&rows, &second, &pairs})
      for (int tensor : limit->tensors())
        if (tensor >= 0 && !llvm::is_contained(bound.tensors, tensor))
          bound.tensors.push_back(tensor);
    return bound;
  }

private:
  SegmentFacts facts;
  PointLimit rows, first, second, pairs;
  uint64_t perResult;
  int pair;
};

//===----------------------------------------------------------------------===//
// Finding them
//===----------------------------------------------------------------------===//

class SegmentFinder {
public:
  SegmentFinder(const ClaimContext &context, Claims &claims)
      : context(context), facts(context.facts), readers(context.facts),
        accumulatorFinder(context.facts), claims(claims) {}

  /// Far inputs that the Einsum reads and that no other Einsum touches, or all.
  void addEinsum(int id, bool exclusive) {
    const EinsumFact &einsum = facts.einsums[id];
    SegmentFacts segment = start("one Einsum " + einsum.name, id);
    NestBuilder nest(facts, einsum.ranks);
    std::vector<uint64_t> bits;
    std::vector<int> inputs, outputs;
    bool leftOut = false;
    for (const AccessFact &read : einsum.reads) {
      if (!context.isFarInput(read.tensor))
        continue;
      if (exclusive && isShared(read.tensor, id)) {
        leftOut = true;
        continue;
      }
      nest.add(read.tensor, bitsOf(read.tensor), read.coordinates);
      bits.push_back(bitsOf(read.tensor));
      if (!llvm::is_contained(inputs, read.tensor))
        inputs.push_back(read.tensor);
    }
    if (exclusive && !leftOut)
      return; // the same as without
    if (inputs.empty())
      return; // no more than each result once
    if (auto accumulators = findAccumulators(id)) {
      nest.add(accumulators->tensors.back(), accumulators->bits,
               accumulators->key);
      addAccumulators(*accumulators, segment, bits, outputs);
    }
    segment.grain = grainOf(bits);
    segment.hypotheses = {describeFar(facts, inputs, outputs),
                          "a point of " + einsum.name +
                              " is evaluated from its operands"};
    claims.push_back(
        std::make_unique<EinsumClaim>(std::move(segment), nest.take()));
  }

  void addFibers(int id) {
    const EinsumFact &einsum = facts.einsums[id];
    int result = einsum.writes[0].tensor;
    bool constrained = llvm::any_of(einsum.reduced, [&](int rank) {
      return constrains(facts.einsums[id], rank);
    });
    bool readsItself = llvm::any_of(einsum.reads, [&](const AccessFact &read) {
      return read.tensor == result;
    });
    if (einsum.reduced.empty() || einsum.writes.size() != 1 || constrained ||
        readsItself)
      return;
    SegmentFacts segment = start("fibers of " + einsum.name, id);
    NestBuilder rows(facts, facts.tensors[result].ranks),
        partials(facts, einsum.ranks);
    std::vector<uint64_t> bits = {bitsOf(result)};
    std::vector<int> inputs;
    for (const AccessFact &read : einsum.reads) {
      std::optional<RowFact> row = findRow(facts, einsum, read);
      if (!context.isFarInput(read.tensor) || !row ||
          llvm::is_contained(inputs, read.tensor))
        continue;
      rows.add(read.tensor, bitsOf(read.tensor) * row->elements, row->key);
      partials.add(read.tensor, bitsOf(read.tensor), read.coordinates);
      bits.push_back(bitsOf(read.tensor));
      inputs.push_back(read.tensor);
    }
    if (inputs.empty())
      return;
    partials.add(result, bitsOf(result), facts.tensors[result].ranks);
    uint64_t perResult = 1;
    for (int rank : einsum.reduced)
      perResult *= facts.ranks[rank].extent;
    segment.grain = grainOf(bits);
    segment.always = {result};
    segment.hypotheses = {describeFar(facts, inputs, {}),
                          einsum.name +
                              " is the whole sum, whether stored or not"};
    claims.push_back(std::make_unique<FiberClaim>(
        std::move(segment), rows.take(), partials.take(), perResult, result));
  }

  /// `first` makes one result per pair of a row and a column; `second` uses it.
  void addPairs(int first) {
    const EinsumFact &einsum = facts.einsums[first];
    bool constrained = llvm::any_of(einsum.reduced, [&](int rank) {
      return constrains(facts.einsums[first], rank);
    });
    if (einsum.reduced.empty() || einsum.writes.size() != 1 || constrained)
      return;
    int root = einsum.writes[0].tensor;
    std::vector<Aligned> aligned = findAligned(facts, readers, root);
    for (const Aligned &weights : aligned)
      for (int second : readers.of(weights.tensor))
        for (const AccessFact &read : facts.einsums[second].reads)
          if (read.tensor == weights.tensor && second != first)
            addPair(first, second, read, weights, aligned);
  }

private:
  /// Of what outputs need in part, results weigh nothing.
  std::optional<AccumulatorFact> findAccumulators(int einsum) const {
    if (!context.live.isWhole(einsum))
      return std::nullopt;
    return accumulatorFinder.find(context.isFar, einsum);
  }

  uint64_t bitsOf(int tensor) const { return facts.tensors[tensor].bits; }

  SegmentFacts start(std::string name, int einsum) const {
    SegmentFacts segment;
    segment.name = std::move(name);
    segment.points = context.live.points(einsum);
    return segment;
  }

  bool isShared(int tensor, int by) const {
    return llvm::any_of(readers.of(tensor),
                        [&](int einsum) { return einsum != by; });
  }

  void addAccumulators(const AccumulatorFact &accumulators,
                       SegmentFacts &segment, std::vector<uint64_t> &bits,
                       std::vector<int> &outputs) const {
    for (int tensor : accumulators.tensors) {
      bits.push_back(bitsOf(tensor));
      segment.always.push_back(tensor);
      if (facts.tensors[tensor].isOutput)
        outputs.push_back(tensor);
    }
  }

  /// A coordinate over ranks of `first` in terms of ranks of the Einsum that
  /// reads the weights: dimension d of the root is read at `at[d]`.
  Coordinate translate(const Coordinate &coordinate, int root,
                       llvm::ArrayRef<Coordinate> at) const {
    Coordinate result;
    result.constant = coordinate.constant;
    for (const Coordinate::Term &term : coordinate.terms) {
      const auto &ranks = facts.tensors[root].ranks;
      const Coordinate &inner =
          at[llvm::find(ranks, term.rank) - ranks.begin()];
      result.constant += term.coefficient * inner.constant;
      for (const Coordinate::Term &innerTerm : inner.terms)
        result.terms.push_back(
            {innerTerm.rank, term.coefficient * innerTerm.coefficient});
    }
    return result;
  }

  void addPair(int first, int second, const AccessFact &read,
               const Aligned &weights, llvm::ArrayRef<Aligned> aligned) {
    const EinsumFact &dot = facts.einsums[first], &use = facts.einsums[second];
    int root = dot.writes[0].tensor;
    // The use must not make another tensor aligned with the pairs: then each
    // pair is one point, and the use is a link of the chain, not a product.
    llvm::SmallVector<Coordinate, 4> at;
    for (int dim : weights.dims)
      at.push_back(read.coordinates[dim]);
    SegmentFacts segment =
        start("two Einsums " + dot.name + ", " + use.name, second);
    NestBuilder nest(facts, use.ranks), whole(facts, facts.tensors[root].ranks),
        sums(facts, dot.ranks), uses(facts, use.ranks);
    std::vector<uint64_t> bits;
    std::vector<int> inputs, outputs, accumulated;
    for (const AccessFact &operand : dot.reads) {
      std::optional<RowFact> row = findRow(facts, dot, operand);
      if (!context.isFarInput(operand.tensor) || !row ||
          llvm::is_contained(inputs, operand.tensor))
        continue;
      llvm::SmallVector<Coordinate, 4> key;
      for (const Coordinate &coordinate : row->key)
        key.push_back(translate(coordinate, root, at));
      nest.add(operand.tensor, bitsOf(operand.tensor) * row->elements, key);
      whole.add(operand.tensor, bitsOf(operand.tensor) * row->elements,
                row->key);
      sums.add(operand.tensor, bitsOf(operand.tensor), operand.coordinates);
      bits.push_back(bitsOf(operand.tensor));
      inputs.push_back(operand.tensor);
    }
    size_t rows = inputs.size();
    for (const AccessFact &operand : use.reads) {
      if (!context.isFarInput(operand.tensor) ||
          llvm::is_contained(inputs, operand.tensor))
        continue;
      nest.add(operand.tensor, bitsOf(operand.tensor), operand.coordinates);
      uses.add(operand.tensor, bitsOf(operand.tensor), operand.coordinates);
      bits.push_back(bitsOf(operand.tensor));
      inputs.push_back(operand.tensor);
    }
    if (rows == 0 || rows == inputs.size())
      return; // nothing that the weights multiply
    if (auto accumulators = findAccumulators(second)) {
      nest.add(accumulators->tensors.back(), accumulators->bits,
               accumulators->key);
      uses.add(accumulators->tensors.back(), accumulators->bits,
               accumulators->key);
      addAccumulators(*accumulators, segment, bits, outputs);
      accumulated = accumulators->tensors;
    }
    uint64_t pairBits = UINT64_MAX;
    for (const Aligned &tensor : aligned) {
      pairBits = std::min(pairBits, bitsOf(tensor.tensor));
      bits.push_back(bitsOf(tensor.tensor));
      if (!llvm::is_contained(segment.always, tensor.tensor))
        segment.always.push_back(tensor.tensor);
    }
    segment.grain = grainOf(bits);
    segment.hypotheses = {
        describeFar(facts, inputs, outputs),
        "each element of " + facts.tensors[weights.tensor].name +
            " comes from the whole sum " + dot.name +
            " of its own row and column",
        "a point of " + use.name + " is evaluated from its operands"};
    WeightedNest pairs = nest.take();
    claims.push_back(std::make_unique<PairClaim>(
        segment, pairs, pointsPerPair(use, at), pairBits));
    // Both Einsums' points at once: every pair has a mark of its own, which is
    // no accumulator.
    bool readsItself = llvm::any_of(dot.reads, [&](const AccessFact &operand) {
      return operand.tensor == root;
    });
    bool accumulates = llvm::any_of(aligned, [&](const Aligned &tensor) {
      return llvm::is_contained(accumulated, tensor.tensor);
    });
    if (readsItself || accumulates)
      return;
    pairBits = std::min(pairBits, bitsOf(root));
    sums.add(kPair, pairBits, facts.tensors[root].ranks);
    uses.add(kPair, pairBits, at);
    uint64_t perResult = 1;
    for (int rank : dot.reduced)
      perResult *= facts.ranks[rank].extent;
    segment.name = "chain of " + dot.name + " and " + use.name;
    segment.points =
        llvm::SaturatingAdd(segment.points, context.live.points(first));
    claims.push_back(std::make_unique<ChainClaim>(
        std::move(segment), whole.take(), sums.take(), uses.take(),
        std::move(pairs), perResult, kPair));
  }

  /// Stands for any value that belongs to one pair.
  static constexpr int kPair = -1;

  /// Points of the second Einsum that one pair weighs, at most: it is fixed in
  /// the ranks that the pair's coordinates tell apart.
  uint64_t pointsPerPair(const EinsumFact &use,
                         llvm::ArrayRef<Coordinate> at) const {
    llvm::SmallVector<int64_t> extents;
    for (const RankFact &rank : facts.ranks)
      extents.push_back(rank.extent);
    uint64_t points = 1;
    for (int rank : use.ranks)
      if (llvm::none_of(at, [&](const Coordinate &coordinate) {
            return coordinate.uses(rank) && isDecodable(coordinate, extents);
          }))
        points *= facts.ranks[rank].extent;
    return points;
  }

  const ClaimContext &context;
  const CascadeFacts &facts;
  Readers readers;
  AccumulatorFinder accumulatorFinder;
  Claims &claims;
};

} // namespace

void einsum::bounds::addEinsumClaims(const ClaimContext &context,
                                     Claims &claims) {
  SegmentFinder finder(context, claims);
  for (size_t id = 0; id < context.facts.einsums.size(); ++id)
    for (bool exclusive : {false, true})
      finder.addEinsum(id, exclusive);
}

void einsum::bounds::addFiberClaims(const ClaimContext &context,
                                    Claims &claims) {
  SegmentFinder finder(context, claims);
  for (size_t id = 0; id < context.facts.einsums.size(); ++id)
    finder.addFibers(id);
}

void einsum::bounds::addPairClaims(const ClaimContext &context,
                                   Claims &claims) {
  SegmentFinder finder(context, claims);
  for (size_t id = 0; id < context.facts.einsums.size(); ++id)
    finder.addPairs(id);
}
