//===- Allocation.cpp - Addresses in a scratchpad -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/Allocation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <numeric>

using namespace einsum;
using namespace einsum::lowering;

namespace {

using Order = std::vector<size_t>;

class Allocator {
public:
  Allocator(const AllocationProblem &problem, bool keepCopiesApart)
      : problem(problem), apart(keepCopiesApart) {
    size_t count = problem.blocks.size();
    neighbours.resize(count);
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < a; ++b)
        if (problem.overlap(a, b)) {
          neighbours[a].push_back(b);
          neighbours[b].push_back(a);
        }
    if (problem.capacity && problem.banks > 1)
      bankBytes = std::max<uint64_t>(1, *problem.capacity / problem.banks);
  }

  /// Each block at the lowest free address, in this order.
  std::vector<uint64_t> place(const Order &order) const {
    std::vector<uint64_t> addresses(order.size(), kNone);
    std::vector<std::pair<uint64_t, uint64_t>> taken;
    for (size_t block : order) {
      taken.clear();
      for (size_t other : neighbours[block])
        if (addresses[other] != kNone)
          taken.push_back({addresses[other],
                           addresses[other] + problem.blocks[other].bytes});
      if (apart)
        addBanksOfCopies(block, addresses, taken);
      addresses[block] = lowestFree(problem.blocks[block].bytes, taken);
    }
    return addresses;
  }

  uint64_t peakOf(const std::vector<uint64_t> &addresses) const {
    uint64_t peak = 0;
    for (auto [block, address] : llvm::zip(problem.blocks, addresses))
      peak = std::max(peak, address + block.bytes);
    return peak;
  }

  std::vector<Order> makeOrders() const {
    size_t count = problem.blocks.size();
    std::vector<uint64_t> around(count);
    for (size_t i = 0; i < count; ++i) {
      around[i] = problem.blocks[i].bytes;
      for (size_t other : neighbours[i])
        around[i] += problem.blocks[other].bytes;
    }
    auto size = [&](size_t i) { return problem.blocks[i].bytes; };
    auto by = [&](auto key) {
      Order order(count);
      std::iota(order.begin(), order.end(), size_t{0});
      llvm::sort(order, [&](size_t a, size_t b) {
        return std::pair(key(b), a) < std::pair(key(a), b);
      });
      return order;
    };
    return {by([](size_t) { return uint64_t{0}; }), by(size),
            by([&](size_t i) { return around[i]; }),
            by([&](size_t i) { return neighbours[i].size(); }),
            by([&](size_t i) { return size(i) * (neighbours[i].size() + 1); })};
  }

  /// Blocks whose end is the peak, to the front, one more each time.
  std::vector<uint64_t> improve(const Order &from, uint64_t enough,
                                unsigned tries) const {
    Order order = from;
    std::vector<uint64_t> best = place(order);
    uint64_t peak = peakOf(best);
    std::vector<uint64_t> current = best;
    for (unsigned i = 0; i < tries && peak > enough; ++i) {
      uint64_t top = peakOf(current);
      auto highest = llvm::find_if(order, [&](size_t block) {
        return current[block] + problem.blocks[block].bytes == top;
      });
      // Not always all the way: that would only repeat itself.
      size_t at = highest - order.begin();
      size_t to = i % 3 == 2 ? at / 2 : 0;
      std::rotate(order.begin() + to, highest, highest + 1);
      current = place(order);
      if (uint64_t now = peakOf(current); now < peak) {
        peak = now;
        best = current;
      }
    }
    return best;
  }

  uint64_t countBankConflicts(const std::vector<uint64_t> &addresses) const {
    uint64_t conflicts = 0;
    if (bankBytes == 0)
      return 0;
    for (size_t a = 0; a < addresses.size(); ++a)
      for (size_t b = 0; b < a; ++b)
        if (problem.blocks[a].group >= 0 &&
            problem.blocks[a].group == problem.blocks[b].group &&
            bankOf(addresses[a]) <= lastBank(b, addresses[b]) &&
            bankOf(addresses[b]) <= lastBank(a, addresses[a]))
          ++conflicts;
    return conflicts;
  }

private:
  static constexpr uint64_t kNone = UINT64_MAX;

  uint64_t bankOf(uint64_t address) const { return address / bankBytes; }
  uint64_t lastBank(size_t block, uint64_t address) const {
    uint64_t bytes = std::max<uint64_t>(problem.blocks[block].bytes, 1);
    return bankOf(address + bytes - 1);
  }

  /// Whole banks in which a copy of the same tile stands already.
  void
  addBanksOfCopies(size_t block, const std::vector<uint64_t> &addresses,
                   std::vector<std::pair<uint64_t, uint64_t>> &taken) const {
    if (problem.blocks[block].group < 0 || bankBytes == 0)
      return;
    for (size_t other = 0; other < addresses.size(); ++other)
      if (addresses[other] != kNone &&
          problem.blocks[other].group == problem.blocks[block].group)
        taken.push_back({bankOf(addresses[other]) * bankBytes,
                         (lastBank(other, addresses[other]) + 1) * bankBytes});
  }

  uint64_t lowestFree(uint64_t bytes,
                      std::vector<std::pair<uint64_t, uint64_t>> &taken) const {
    llvm::sort(taken);
    uint64_t address = 0;
    for (auto [begin, end] : taken) {
      if (address + bytes <= begin)
        break;
      if (end > address)
        address = llvm::alignTo(end, problem.alignment);
    }
    return address;
  }

  const AllocationProblem &problem;
  bool apart;
  uint64_t bankBytes = 0;
  std::vector<std::vector<size_t>> neighbours;
};

} // namespace

/// What is live at one moment, each block but the last aligned up: in any order
/// of addresses a block ends where the next, aligned one begins, or before.
static uint64_t boundPeak(const AllocationProblem &problem) {
  uint64_t bound = 0;
  for (const std::vector<size_t> &moment : problem.moments) {
    uint64_t sum = 0, slack = 0;
    for (size_t block : moment) {
      uint64_t bytes = problem.blocks[block].bytes;
      uint64_t aligned = llvm::alignTo(bytes, problem.alignment);
      sum += aligned;
      slack = std::max(slack, aligned - bytes);
    }
    bound = std::max(bound, sum - slack);
  }
  for (const Block &block : problem.blocks)
    bound = std::max(bound, block.bytes);
  return bound;
}

static std::vector<uint64_t> search(const Allocator &allocator, uint64_t enough,
                                    unsigned tries) {
  std::vector<uint64_t> best;
  for (const Order &order : allocator.makeOrders()) {
    std::vector<uint64_t> found = allocator.improve(order, enough, tries / 5);
    if (best.empty() || allocator.peakOf(found) < allocator.peakOf(best))
      best = std::move(found);
    if (allocator.peakOf(best) <= enough)
      break;
  }
  return best;
}

Allocation einsum::lowering::allocate(const AllocationProblem &problem,
                                      const AllocationOptions &options) {
  Allocation result;
  result.lowerBound = boundPeak(problem);
  Allocator allocator(problem, false);
  result.addresses = search(allocator, result.lowerBound, options.improvements);
  result.peak = allocator.peakOf(result.addresses);
  result.isOptimal = result.peak == result.lowerBound;
  if (!result.isOptimal && problem.blocks.size() <= options.exactBlocks)
    if (auto exact = allocateExactly(problem, result, options.exactEffort)) {
      result.addresses = std::move(*exact);
      result.peak = allocator.peakOf(result.addresses);
      result.isOptimal = true;
      result.lowerBound = result.peak;
    }
  result.bankConflicts = allocator.countBankConflicts(result.addresses);
  if (result.bankConflicts > 0) {
    Allocator apart(problem, true);
    std::vector<uint64_t> other =
        search(apart, result.peak, options.improvements);
    uint64_t peak = apart.peakOf(other);
    if (peak <= *problem.capacity) {
      result.paidForBanks = peak > result.peak ? peak - result.peak : 0;
      result.addresses = std::move(other);
      result.peak = peak;
      result.bankConflicts = apart.countBankConflicts(result.addresses);
    }
  }
  result.fits = !problem.capacity || result.peak <= *problem.capacity;
  return result;
}

bool einsum::lowering::isValid(const AllocationProblem &problem,
                               const Allocation &allocation) {
  uint64_t peak = 0;
  size_t count = problem.blocks.size();
  if (allocation.addresses.size() != count)
    return false;
  auto endOf = [&](size_t i) {
    return allocation.addresses[i] + problem.blocks[i].bytes;
  };
  for (size_t a = 0; a < count; ++a) {
    peak = std::max(peak, endOf(a));
    if (allocation.addresses[a] % problem.alignment != 0)
      return false;
    for (size_t b = 0; b < a; ++b)
      if (problem.overlap(a, b) && allocation.addresses[a] < endOf(b) &&
          allocation.addresses[b] < endOf(a))
        return false;
  }
  return peak == allocation.peak;
}

#ifndef EINSUM_HAVE_Z3
std::optional<std::vector<uint64_t>>
einsum::lowering::allocateExactly(const AllocationProblem &, const Allocation &,
                                  unsigned) {
  return std::nullopt;
}
#endif
