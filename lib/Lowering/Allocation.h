//===- Allocation.h - Addresses in a scratchpad -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule says from which leaf to which a tile is live; a memory wants to
// know where it stands. Blocks that are live at the same time must not overlap:
//
//   A  4 B   moments 0..1        A at 0, B at 4: both live in 1
//   B  2 B   moments 1..2        C at 0: A is dead by then
//   C  4 B   moments 2..3        peak 6 B, and no allocation has less, because
//                                B and C are live at once in 2
//
// Placing blocks with the least peak is NP-hard (dynamic storage allocation;
// Garey & Johnson 1979, SR2). `allocate` tries several orders in which each
// block goes to the lowest address that is free while it lives, and improves
// the best by moving what stands highest to the front. The most that is live at
// one moment is a lower bound; where it is not reached, and there are few
// blocks, Z3 decides whether less is possible, if it is built in.
//
// Banks: copies of one tile (double buffering) are wanted in different banks,
// so that one can be filled while the other is read. Banks are equal,
// contiguous parts of the memory. Copies are kept apart if the memory has room
// for it.
//
// Alignment: every block starts at a multiple of it.
//
// Trusts the conflicts given. Deterministic. Refuses nothing: if the peak is
// beyond the capacity, `fits` is false, and the caller may evict.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LOWERING_ALLOCATION_H
#define LIB_LOWERING_ALLOCATION_H

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace einsum::lowering {

struct Block {
  uint64_t bytes = 0;
  /// Blocks of one group are copies of one tile; -1: of none.
  int group = -1;
};

struct AllocationProblem {
  std::vector<Block> blocks;
  /// Whether two different blocks are live at once; symmetric.
  std::function<bool(size_t, size_t)> overlap;
  /// Sets of blocks that are live at one moment; their sizes bound the peak.
  std::vector<std::vector<size_t>> moments;
  uint64_t alignment = 1;
  std::optional<uint64_t> capacity;
  uint64_t banks = 1; ///< equal parts of the capacity
};

struct Allocation {
  std::vector<uint64_t> addresses; ///< per block
  uint64_t peak = 0;               ///< one past the highest byte
  uint64_t lowerBound = 0;         ///< no allocation has a smaller peak
  /// Proven: no other has a smaller peak, but for what keeping copies apart
  /// costs.
  bool isOptimal = false;
  /// Pairs of copies that share a bank.
  uint64_t bankConflicts = 0;
  /// Peak beyond the smallest one found, paid for keeping copies apart.
  uint64_t paidForBanks = 0;
  bool fits = true;

  /// Without what is paid for banks.
  double gap() const {
    return lowerBound == 0 ? 1
                           : static_cast<double>(peak - paidForBanks) /
                                 static_cast<double>(lowerBound);
  }
};

struct AllocationOptions {
  unsigned improvements = 400; ///< orders tried beyond the first ones
  /// Blocks up to which Z3 is asked, and how much it may think; the measure is
  /// Z3's own, so that the answer does not depend on the machine.
  size_t exactBlocks = 20;
  unsigned exactEffort = 2'000'000;
};

Allocation allocate(const AllocationProblem &problem,
                    const AllocationOptions &options = {});

/// Whether no two blocks that are live at once overlap, all are aligned, and
/// the peak is the highest end.
bool isValid(const AllocationProblem &problem, const Allocation &allocation);

/// Addresses with the least peak, if Z3 is built in and answers in time; those
/// of `known` if they have it.
std::optional<std::vector<uint64_t>>
allocateExactly(const AllocationProblem &problem, const Allocation &known,
                unsigned effort);

} // namespace einsum::lowering

#endif // LIB_LOWERING_ALLOCATION_H
