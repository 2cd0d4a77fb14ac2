//===- SetCounter.h - How many points lie in which sets ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sets of integer points are given by affine constraints, and a box by one
// interval per variable. The counter says for each combination of sets how many
// points of the box lie in exactly those:
//
//   variables m, p    set 0: m <= p     set 1: m >= 2     box 4 x 4
//
//   {0 alone: 7, 1 alone: 3, both: 3}                (3 points lie in neither)
//
// It halves boxes until every constraint is decided. Boxes that look the same
// from their lower corner (equal sides, equal values of the undecided forms)
// are counted once, so that a triangle of 2^14 x 2^14 points takes about 2 * 14
// boxes. Several pieces may share a set, which is then their union.
//
// Counts are exact; one beyond 64 bits, or more boxes than `limit`, sets a flag
// that stays. Variables from `free` on are parameters: their intervals hold one
// value each.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_SETCOUNTER_H
#define LIB_ANALYSIS_SETCOUNTER_H

#include "lib/Analysis/AffineForm.h"

#include <map>

namespace einsum {

/// Bit i stands for set i.
using SetMask = uint64_t;

/// Points per combination of sets, in order of the mask; none for no set.
using Signature = llvm::SmallVector<std::pair<SetMask, uint64_t>, 2>;

/// Adds points to one combination.
void addToSignature(Signature &signature, SetMask mask, uint64_t points,
                    bool &overflowed);

class SetCounter {
public:
  static constexpr size_t kLimit = size_t(1) << 22;
  struct Piece {
    unsigned set = 0;
    std::vector<Constraint> constraints;
  };

  SetCounter(unsigned free, std::vector<Piece> pieces)
      : free(free), pieces(std::move(pieces)) {}

  /// Pieces whose bit in `absent` is set are empty this time.
  Signature count(llvm::ArrayRef<Interval> box, SetMask absent = 0);

  bool overflowed = false, exhausted = false;
  /// Boxes that one count may look at, and that all have looked at until now.
  size_t mostBoxes = kLimit;
  uint64_t work = 0;

private:
  /// An undecided constraint: of which piece, and which.
  using Open = llvm::SmallVector<std::pair<uint16_t, uint16_t>, 8>;
  using Key = std::vector<int64_t>;

  Signature countOpen(const Open &open, SetMask decided);
  /// Bounds of every piece's undecided constraints; returns pieces decided.
  bool decide(const Open &open, Open &rest, SetMask &decided);
  Key makeKey(const Open &open, SetMask decided) const;
  std::pair<int, int64_t> chooseCut(const Open &open) const;
  std::optional<int64_t> boundaryOf(const Constraint &constraint,
                                    int &variable) const;
  uint64_t volume();

  unsigned free;
  std::vector<Piece> pieces;
  llvm::SmallVector<Interval, 8> box;
  std::map<Key, Signature> seen;
  size_t visited = 0;
};

/// Points of the box that satisfy all constraints; nullopt beyond 64 bits or
/// when too many boxes were needed.
std::optional<uint64_t> countPoints(llvm::ArrayRef<Interval> box,
                                    std::vector<Constraint> constraints);

} // namespace einsum

#endif // LIB_ANALYSIS_SETCOUNTER_H
