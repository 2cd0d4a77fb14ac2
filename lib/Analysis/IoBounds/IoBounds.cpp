//===- IoBounds.cpp - Bytes that no schedule can avoid moving -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/IoBounds.h"

#include "lib/Analysis/IoBounds/Claims.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::bounds;

/// Bounds that are considered together for a sum.
static constexpr size_t kMaxSummands = 20;

struct IoBoundAnalysis::Impl {
  /// If some reads are at coordinates that are data, the facts without them:
  /// claims count distinct elements, and those may all be the same.
  std::unique_ptr<CascadeFacts> affine;
  ClaimContext context;
  Claims claims;
  std::vector<uint64_t> compulsory; ///< bytes per tensor

  uint64_t total() const;
  IoBound describeCompulsory() const;
  IoBound sumExclusive(llvm::ArrayRef<IoBound> bounds) const;
};

//===----------------------------------------------------------------------===//
// Compulsory
//===----------------------------------------------------------------------===//

/// Bytes per tensor; what no output needs does not have to move.
static std::vector<uint64_t> countMoved(const CascadeFacts &facts,
                                        const std::vector<bool> &isFar,
                                        const LiveParts &live) {
  // Two reads of one input may touch the same elements, so the larger counts.
  std::vector<uint64_t> touched(facts.tensors.size());
  auto touch = [&](int einsum, const AccessFact &access, bool counts) {
    uint64_t &most = touched[access.tensor];
    if (counts && isFar[access.tensor])
      most = std::max(most, live.touched(einsum, access));
  };
  for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
    for (const AccessFact &read : einsum.reads)
      touch(id, read, facts.tensors[read.tensor].isInput);
    for (const AccessFact &write : einsum.writes)
      touch(id, write, facts.tensors[write.tensor].isOutput);
  }
  std::vector<uint64_t> bytes;
  for (auto [tensor, elements] : llvm::zip(facts.tensors, touched))
    bytes.push_back(tensor.bytes(elements));
  return bytes;
}

std::vector<uint64_t>
einsum::bounds::countCompulsory(const CascadeFacts &facts,
                                const std::vector<bool> &isFar) {
  return countMoved(facts, isFar, LiveParts(facts));
}

uint64_t IoBoundAnalysis::Impl::total() const {
  uint64_t bytes = 0;
  for (uint64_t tensor : compulsory)
    bytes = llvm::SaturatingAdd(bytes, tensor);
  return bytes;
}

IoBound IoBoundAnalysis::Impl::describeCompulsory() const {
  IoBound bound;
  bound.name = "compulsory";
  bound.statement =
      "each input element that is read, each output element, once";
  std::vector<int> inputs, outputs;
  for (auto [id, tensor] : llvm::enumerate(context.facts.tensors))
    if (compulsory[id] != 0) {
      (tensor.isInput ? inputs : outputs).push_back(id);
      bound.tensors.push_back(id);
    }
  bound.hypotheses = {describeFar(context.facts, inputs, outputs)};
  bound.bytes = total();
  return bound;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

namespace {

/// Chooses bounds with disjoint tensors whose sum exceeds the compulsory
/// traffic of their tensors most.
class Packing {
public:
  Packing(llvm::ArrayRef<IoBound> bounds, llvm::ArrayRef<uint64_t> gains)
      : bounds(bounds), gains(gains) {}

  llvm::SmallVector<size_t, 8> solve() {
    choose(0, 0, {});
    return best;
  }

private:
  bool isDisjoint(size_t i, llvm::ArrayRef<size_t> chosen) const {
    return llvm::none_of(chosen, [&](size_t j) {
      return llvm::any_of(bounds[i].tensors, [&](int tensor) {
        return llvm::is_contained(bounds[j].tensors, tensor);
      });
    });
  }

  void choose(size_t next, uint64_t gain,
              const llvm::SmallVector<size_t, 8> &chosen) {
    if (gain > bestGain) {
      bestGain = gain;
      best = chosen;
    }
    uint64_t rest = 0;
    for (size_t i = next; i < bounds.size(); ++i)
      rest = llvm::SaturatingAdd(rest, gains[i]);
    if (llvm::SaturatingAdd(gain, rest) <= bestGain)
      return;
    if (isDisjoint(next, chosen)) {
      auto with = chosen;
      with.push_back(next);
      choose(next + 1, llvm::SaturatingAdd(gain, gains[next]), with);
    }
    choose(next + 1, gain, chosen);
  }

  llvm::ArrayRef<IoBound> bounds;
  llvm::ArrayRef<uint64_t> gains;
  llvm::SmallVector<size_t, 8> best;
  uint64_t bestGain = 0;
};

} // namespace

IoBound
IoBoundAnalysis::Impl::sumExclusive(llvm::ArrayRef<IoBound> bounds) const {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (auto [i, bound] : llvm::enumerate(bounds)) {
    uint64_t own = 0;
    for (int tensor : bound.tensors)
      own = llvm::SaturatingAdd(own, compulsory[tensor]);
    if (bound.bytes > own)
      order.push_back({bound.bytes - own, i});
  }
  llvm::sort(order, [](auto a, auto b) {
    return std::pair(b.first, a.second) < std::pair(a.first, b.second);
  });
  order.resize(std::min(order.size(), kMaxSummands));
  std::vector<IoBound> candidates;
  std::vector<uint64_t> gains;
  for (auto [gain, i] : order) {
    candidates.push_back(bounds[i]);
    gains.push_back(gain);
  }
  IoBound sum = describeCompulsory();
  auto chosen = Packing(candidates, gains).solve();
  if (chosen.empty())
    return sum;
  std::vector<std::string> names, statements;
  llvm::SmallVector<bool, 8> covered(compulsory.size());
  for (size_t i : chosen) {
    names.push_back(candidates[i].name);
    statements.push_back(candidates[i].statement);
    sum.bytes = llvm::SaturatingAdd(sum.bytes, gains[i]);
    llvm::append_range(sum.hypotheses, candidates[i].hypotheses);
    for (int tensor : candidates[i].tensors)
      covered[tensor] = true;
  }
  uint64_t rest = 0;
  for (auto [tensor, bytes] : llvm::enumerate(compulsory))
    rest += covered[tensor] ? 0 : bytes;
  sum.name = llvm::join(names, " + ");
  sum.statement = llvm::join(statements, "; and ");
  if (rest != 0) {
    sum.name += " + compulsory of the rest";
    sum.statement += "; and compulsory traffic of the other tensors, " +
                     std::to_string(rest) + " B";
  }
  if (chosen.size() > 1)
    sum.hypotheses.push_back("no tensor is counted in two summands");
  return sum;
}

//===----------------------------------------------------------------------===//
// The analysis
//===----------------------------------------------------------------------===//

/// Null if nothing is read at coordinates that are data.
static std::unique_ptr<CascadeFacts> withoutGathers(const CascadeFacts &facts) {
  auto gathers = [](const AccessFact &read) { return read.gathers(); };
  if (llvm::none_of(facts.einsums, [&](const EinsumFact &einsum) {
        return llvm::any_of(einsum.reads, gathers);
      }))
    return nullptr;
  auto affine = std::make_unique<CascadeFacts>(facts);
  for (EinsumFact &einsum : affine->einsums)
    llvm::erase_if(einsum.reads, gathers);
  return affine;
}

IoBoundAnalysis::IoBoundAnalysis(const CascadeFacts &facts,
                                 std::vector<bool> isFar,
                                 std::vector<PassFact> passes)
    : impl([&] {
        std::unique_ptr<CascadeFacts> affine = withoutGathers(facts);
        const CascadeFacts &claimed = affine ? *affine : facts;
        return new Impl{std::move(affine),
                        {claimed, std::move(isFar), LiveParts(claimed)},
                        {},
                        {}};
      }()) {
  ClaimContext &context = impl->context;
  if (context.isFar.empty())
    context.isFar.assign(facts.tensors.size(), true);
  impl->compulsory = countMoved(facts, context.isFar, context.live);
  addEinsumClaims(context, impl->claims);
  addFiberClaims(context, impl->claims);
  addPairClaims(context, impl->claims);
  addPassClaims(context, std::move(passes), impl->claims);
}

IoBoundAnalysis::~IoBoundAnalysis() = default;
IoBoundAnalysis::IoBoundAnalysis(IoBoundAnalysis &&) noexcept = default;

std::vector<IoBound> IoBoundAnalysis::compute(uint64_t fastBytes) const {
  std::vector<IoBound> bounds;
  if (fastBytes != kUnlimited)
    for (const std::unique_ptr<Claim> &claim : impl->claims)
      bounds.push_back(claim->at(static_cast<long double>(fastBytes) * 8));
  llvm::erase_if(bounds, [](const IoBound &bound) { return bound.bytes == 0; });
  IoBound sum = impl->sumExclusive(bounds);
  bounds.push_back(impl->describeCompulsory());
  if (llvm::none_of(bounds, [&](const IoBound &bound) {
        return bound.name == sum.name && bound.bytes == sum.bytes;
      }))
    bounds.push_back(std::move(sum));
  llvm::sort(bounds, [](const IoBound &a, const IoBound &b) {
    return std::pair(b.bytes, a.name) < std::pair(a.bytes, b.name);
  });
  return bounds;
}

uint64_t IoBoundAnalysis::compulsoryBytes() const { return impl->total(); }
uint64_t IoBoundAnalysis::compulsoryBytes(int tensor) const {
  return impl->compulsory[tensor];
}
uint64_t IoBoundAnalysis::points(int einsum) const {
  return impl->context.live.points(einsum);
}
