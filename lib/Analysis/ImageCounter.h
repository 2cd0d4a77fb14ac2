//===- ImageCounter.h - Elements that accesses touch ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// While ranks run over a box, an access touches the image of the box's points
// that satisfy the domain. The counter says how many elements lie in which of
// several images:
//
//   X[p + r]        p in [0,4), r in [0,3)     {0..5}            6 elements
//   X[p + r]        p in [2,6), r in [0,3)     {2..7}            4 in common
//   K[m] if m <= p  p in [0,4), m in [2,9)     {2, 3}            2 elements
//   X[2*p]          p in [0,4)                 {0, 2, 4, 6}      4 elements
//
// How: y = coordinates are added as variables, ranks of size one become
// constants, and all other ranks are eliminated (Fourier-Motzkin; exact where
// one of two coefficients is 1 or the dark shadow is all of the real one,
// Pugh 1991), which leaves constraints over y for SetCounter. A stride is
// divided out first. Where elimination is not exact, one rank of few values is
// taken value by value, if that is (512*k + n with a few k, gaps between them);
// else (X[2*p + 3*r]) points are enumerated, up to a limit, but for a rank that
// an equality gives.
//
// Exact always, or `exhausted` is set.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IMAGECOUNTER_H
#define LIB_ANALYSIS_IMAGECOUNTER_H

#include "lib/Analysis/SetCounter.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace einsum {

/// One access under one domain; over ranks numbered from 0. Pieces of one set
/// are united.
struct ImagePiece {
  unsigned set = 0;
  std::vector<AffineForm> coordinates;
  std::vector<Constraint> constraints;
};

class ImageCounter {
public:
  /// All pieces have the same number of coordinates, and there are at most 64.
  ImageCounter(unsigned ranks, std::vector<ImagePiece> pieces);
  ImageCounter(ImageCounter &&) noexcept;
  ~ImageCounter();

  /// `boxes[piece * ranks + rank]`; a piece with an empty side is absent.
  Signature count(llvm::ArrayRef<Interval> boxes);

  /// Calls `visit` with each element and the sets that it is in, found point by
  /// point.
  void forEachElement(
      llvm::ArrayRef<Interval> boxes,
      llvm::function_ref<void(llvm::ArrayRef<int64_t>, SetMask)> visit);

  bool overflowed = false, exhausted = false;
  /// Points that are enumerated where elimination is not exact.
  uint64_t mostEnumerated = uint64_t(1) << 21;
  /// Boxes that one count may look at, and that all have looked at until now.
  size_t mostBoxes = SetCounter::kLimit;
  uint64_t work = 0;

private:
  struct Plan;
  /// Coefficients of y, bounds and shifts of one piece with `fixed` ranks.
  bool eliminate(size_t piece, uint64_t fixed, Plan &plan) const;
  bool eliminateRank(int rank, std::vector<Constraint> &system,
                     std::vector<Constraint> &conditions) const;
  Plan &planFor(std::vector<uint64_t> fixed, SetMask absent);
  std::unique_ptr<Plan> makePlan(llvm::ArrayRef<uint64_t> fixed,
                                 SetMask absent) const;
  bool countByPlan(Plan &plan, llvm::ArrayRef<Interval> boxes, SetMask absent,
                   Signature &result);
  bool countExactly(llvm::ArrayRef<Interval> boxes, Signature &result);
  bool countByValues(llvm::ArrayRef<Interval> boxes, Signature &result);
  bool countAlong(unsigned rank, llvm::ArrayRef<Interval> boxes,
                  Signature &result);
  bool enumeratePiece(size_t id, llvm::ArrayRef<Interval> sides,
                      std::map<std::vector<int64_t>, SetMask> &elements,
                      uint64_t &points) const;
  void enumerate(llvm::ArrayRef<Interval> boxes, Signature &result);

  // Variables of a plan: y, then per piece its shifts and (low, high) of ranks;
  // while eliminating, ranks come last.
  unsigned shiftVariable(size_t piece, unsigned coordinate) const {
    return coordinates + piece * (coordinates + 2 * ranks) + coordinate;
  }
  unsigned lowVariable(size_t piece, unsigned rank) const {
    return shiftVariable(piece, coordinates) + 2 * rank;
  }
  unsigned rankVariable(unsigned rank) const {
    return shiftVariable(pieces.size(), 0) + rank;
  }

  unsigned ranks, coordinates = 0;
  std::vector<ImagePiece> pieces;
  std::map<std::vector<uint64_t>, std::unique_ptr<Plan>> plans;
  /// By a rank and how many values each piece has of it.
  std::map<std::vector<uint64_t>, std::unique_ptr<ImageCounter>> byValues;
  static constexpr uint64_t kMostPieces = 64;
};

/// Elements of one access over a box of all ranks; nullopt if not countable.
std::optional<uint64_t> countImage(llvm::ArrayRef<Interval> box,
                                   std::vector<AffineForm> coordinates,
                                   std::vector<Constraint> constraints);

} // namespace einsum

#endif // LIB_ANALYSIS_IMAGECOUNTER_H
