//===- WindowLoops.h - Loops along which windows walk -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Below a loop over a rank that a producer lacks, what it makes may follow what
// its readers ask for in each step (dialects/Schedule/README.md, Halos):
//
//   T[q] = I[q+s] * V[s]    Z[p] = T[p+r] * W[r]    P = 4, R = S = 3
//
//   p tile 2, asked for of T      0..4   2..6
//   made, if recomputed           0..4   2..6     8 elements
//   made, if retained             0..4   4..6     6
//
// What is asked for follows from the loops alone, from the last reader to the
// first producer: a producer of which another one asks for makes what that one
// makes in the step, and its window more. All halos of one loop are treated
// alike, so that the loops say what everybody below them does.
//
// An Einsum that reads point by point what it follows, `E[y] = f(A[y])` before
// a window over E, needs no halo of its own: A is made where E is.
//
// Refused (README.md, 9): what is not read as a whole; tensors of which one
// step asks for coordinates with gaps; readers with other filters than those
// that keep a window inside the tensor; ranks that move along two loops, and
// loops that move two ranks or none.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_WINDOWLOOPS_H
#define LIB_MAPPER_JOIN_WINDOWLOOPS_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

#include <map>

namespace einsum::mapper {

/// What becomes of elements that several steps of a loop need.
enum class Halo : uint8_t { none, recomputed, retained };

struct WindowLoop {
  int rank = -1;
  int64_t tile = 1;
  Halo halo = Halo::none;
  bool operator<(const WindowLoop &other) const {
    return std::tie(rank, tile, halo) <
           std::tie(other.rank, other.tile, other.halo);
  }
};

/// How an Einsum follows loops over ranks that it lacks.
struct Following {
  std::vector<FollowedRank> ranks; ///< of its own, those that move
  /// Its result has a halo; else it is read point by point.
  bool hasHalo = false;
  /// What steps have in common. Retained, it is not made again.
  bool overlaps = false;

  const FollowedRank *find(int rank) const;
};

class WindowLoops {
public:
  explicit WindowLoops(const CascadeFacts &facts);

  /// Ranks that the Einsum lacks and along which windows walk over what is made
  /// of its result.
  const std::vector<int> &ranksAround(int einsum) const {
    return around[einsum];
  }
  bool areThere() const;
  /// Nullptr if the Einsum cannot follow these loops; one that has all of their
  /// ranks follows none.
  const Following *follow(int einsum, llvm::ArrayRef<WindowLoop> loops);

private:
  /// Coordinates along a rank, or of an access, in each step of a loop.
  struct Steps {
    int by = -1; ///< its rank; -1: one step
    std::vector<Interval> steps;
  };
  using Loops = llvm::ArrayRef<WindowLoop>;

  std::optional<Following> compute(int einsum, Loops loops);
  std::optional<Steps> along(int einsum, int rank, Loops loops);
  std::optional<Steps> asked(int reader, const Coordinate &coordinate,
                             int64_t extent, Loops loops);
  bool mayFollow(int einsum) const;

  const CascadeFacts &facts;
  std::vector<std::vector<int>> around;
  std::map<std::pair<int, std::vector<WindowLoop>>, std::optional<Following>>
      known;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_WINDOWLOOPS_H
