//===- SpillClaims.cpp - Passes over what does not fit --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// README.md, section 6a. N rank passes over each fiber of a product Y that does
// not fit: from the second pass on, a value of Y is spilled and loaded, or
// computed anew from its row and column.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Claims.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::bounds;

namespace {

/// What has been found of a product whose fibers are traversed several times.
struct Spill {
  std::string name;
  std::vector<std::string> hypotheses;
  std::vector<int> tensors; ///< whose traffic is bounded
  Grain grain;
  uint64_t fiber = 1, fibers = 1, passes = 1;
  uint64_t valueBits = 1; ///< of the narrowest value that is one of Y's own
  WeightedNest rows;      ///< of Y's operands, over Y's ranks
  WeightedNest columns;   ///< of those along the fiber, over the fiber's ranks
};

class SpillClaim : public Claim {
public:
  explicit SpillClaim(Spill facts)
      : facts(std::move(facts)), rows(std::move(this->facts.rows)),
        columns(std::move(this->facts.columns)) {}

  IoBound at(long double fastBits) const override {
    IoBound bound;
    bound.name = facts.name;
    bound.tensors = facts.tensors;
    long double kept = std::floor(fastBits / facts.valueBits);
    PointExponents whole = rows.choose(2 * fastBits, /*convex=*/true),
                   along = columns.choose(2 * fastBits);
    if (kept >= facts.fiber || whole.tensors.empty() || along.tensors.empty())
      return bound;
    // Values that are there for a pass: all in the first, then those that were
    // not near when the pass before ended.
    uint64_t anew = facts.fiber - static_cast<uint64_t>(kept),
             values = llvm::SaturatingMultiply(
                 facts.fibers,
                 llvm::SaturatingAdd(facts.fiber, llvm::SaturatingMultiply(
                                                      facts.passes - 1, anew)));
    long double slack = facts.grain.widest - facts.grain.narrowest;
    SegmentBound segments =
        maximizeSegments(values, fastBits, facts.grain, [&](long double x) {
          long double bits = fastBits + x + slack;
          // No run holds all of a pass over a fiber.
          long double within =
              bits / facts.valueBits + std::exp(columns.logPoints(along, bits));
          if (within * (1 + 1e-9L) >= static_cast<long double>(facts.fiber))
            return static_cast<long double>(INFINITY);
          return std::max(std::log(bits / facts.valueBits),
                          std::log(2.0L) + rows.logPoints(whole, bits));
        });
    bound.bytes = segments.bits / 8;
    bound.hypotheses = facts.hypotheses;
    bound.statement =
        "X * (ceil(V / F(S + X)) - 1) with V = " + formatCount(values) +
        " values, each of " + formatCount(facts.fibers) + " fibers of " +
        std::to_string(facts.fiber) + " once and " +
        std::to_string(facts.passes - 1) +
        " times what does not fit; S = " + formatCount(fastBits / 8) +
        " B, X = " + formatCount(segments.x / 8) + " B, " +
        std::to_string(segments.segments) + " full segments; F by " +
        rows.method();
    return bound;
  }

private:
  Spill facts;
  PointLimit rows, columns;
};

class SpillFinder {
public:
  explicit SpillFinder(const ClaimContext &context)
      : context(context), facts(context.facts), readers(context.facts) {}

  std::optional<Spill> find(const PassFact &pass) const {
    const TensorFact &tensor = facts.tensors[pass.tensor];
    if (tensor.producer < 0 || pass.passes < 2)
      return std::nullopt;
    const EinsumFact &einsum = facts.einsums[tensor.producer];
    if (einsum.reduced.empty() || einsum.writes.size() != 1 ||
        isFiltered(tensor) || !areAllApart(pass, tensor))
      return std::nullopt;
    Spill spill;
    std::vector<uint64_t> bits;
    if (!addValues(pass, spill, bits) || !addRows(pass, einsum, spill, bits))
      return std::nullopt;
    spill.passes = pass.passes;
    for (auto [position, rank] : llvm::enumerate(tensor.ranks)) {
      bool isAlong = llvm::is_contained(pass.ranks, static_cast<int>(position));
      uint64_t &count = isAlong ? spill.fiber : spill.fibers;
      count =
          llvm::SaturatingMultiply<uint64_t>(count, facts.ranks[rank].extent);
    }
    spill.name = "passes over what does not fit of " + tensor.name;
    spill.grain = grainOf(bits);
    spill.hypotheses.push_back(std::to_string(pass.passes) +
                               " rank passes over each fiber of " +
                               tensor.name + " of the cascade as written");
    return spill;
  }

private:
  /// Fibers that a filter cuts are shorter.
  bool isFiltered(const TensorFact &tensor) const {
    return llvm::any_of(facts.einsums, [&](const EinsumFact &einsum) {
      return llvm::any_of(tensor.ranks,
                          [&](int rank) { return constrains(einsum, rank); });
    });
  }

  static bool areAllApart(const PassFact &pass, const TensorFact &tensor) {
    return pass.apart.size() + pass.ranks.size() == tensor.ranks.size();
  }

  /// Values that belong to one element of the product alone.
  bool addValues(const PassFact &pass, Spill &spill,
                 std::vector<uint64_t> &bits) const {
    std::vector<Aligned> own = findAligned(facts, readers, pass.tensor);
    auto isOwn = [&](int tensor) {
      return llvm::any_of(
          own, [&](const Aligned &one) { return one.tensor == tensor; });
    };
    if (!llvm::all_of(pass.aligned, isOwn))
      return false;
    spill.valueBits = UINT64_MAX;
    for (const Aligned &one : own) {
      const TensorFact &tensor = facts.tensors[one.tensor];
      spill.valueBits = std::min(spill.valueBits, tensor.bits);
      spill.tensors.push_back(one.tensor);
      bits.push_back(tensor.bits);
    }
    return true;
  }

  bool addRows(const PassFact &pass, const EinsumFact &einsum, Spill &spill,
               std::vector<uint64_t> &bits) const {
    const TensorFact &tensor = facts.tensors[pass.tensor];
    llvm::SmallVector<int, 2> along;
    for (int position : pass.ranks)
      along.push_back(tensor.ranks[position]);
    NestBuilder rows(facts, tensor.ranks), columns(facts, along);
    std::vector<int> inputs;
    for (const AccessFact &read : einsum.reads) {
      std::optional<RowFact> row = findRow(facts, einsum, read);
      if (read.tensor == pass.tensor)
        return false;
      if (!context.isFarInput(read.tensor) || !row ||
          llvm::is_contained(inputs, read.tensor))
        continue;
      uint64_t width = facts.tensors[read.tensor].bits;
      rows.add(read.tensor, width * row->elements, row->key);
      // In one fiber the other ranks are fixed.
      llvm::SmallVector<Coordinate, 4> key;
      for (Coordinate coordinate : row->key) {
        llvm::erase_if(coordinate.terms, [&](const Coordinate::Term &term) {
          return !llvm::is_contained(along, term.rank);
        });
        if (!coordinate.terms.empty())
          key.push_back(std::move(coordinate));
      }
      if (!key.empty())
        columns.add(read.tensor, width * row->elements, key);
      bits.push_back(width);
      inputs.push_back(read.tensor);
    }
    if (columns.empty())
      return false;
    spill.tensors.insert(spill.tensors.end(), inputs.begin(), inputs.end());
    spill.hypotheses.push_back(describeFar(facts, inputs, {}));
    spill.rows = rows.take();
    spill.columns = columns.take();
    return true;
  }

  const ClaimContext &context;
  const CascadeFacts &facts;
  Readers readers;
};

} // namespace

void einsum::bounds::addSpillClaims(const ClaimContext &context,
                                    llvm::ArrayRef<PassFact> passes,
                                    Claims &claims) {
  if (passes.empty() || !context.live.isAllWhole())
    return;
  SpillFinder finder(context);
  for (const PassFact &pass : passes)
    if (std::optional<Spill> spill = finder.find(pass))
      claims.push_back(std::make_unique<SpillClaim>(std::move(*spill)));
}
