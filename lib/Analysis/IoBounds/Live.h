//===- Live.h - What outputs need of each Einsum ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule may produce on demand (`halo`), and then it leaves out what nobody
// asks for. A lower bound may therefore count only points from which something
// flows into an output:
//
//   T[h]   = I[h]         H = 9                 read at h = 0, 2, 4, ... 6
//   Z[p]   = T[2*p]       P = 4, an output      4 of 9 points of T are live,
//                                               and 4 elements of I
//
// From outputs backwards: an output is needed whole; of another tensor, the
// elements that live points of its readers read. These are images of boxes
// under affine maps, composed read by read; where a tensor is needed whole, and
// that is nearly everywhere, the composition starts afresh. What cannot be
// counted counts as nothing, so that numbers are never more than the truth.
//
// A recurrence that is read at its last step is needed in every step.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_LIVE_H
#define LIB_ANALYSIS_IOBOUNDS_LIVE_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::bounds {

class LiveParts {
public:
  explicit LiveParts(const CascadeFacts &facts);

  /// All points of the Einsum, as far as it has any.
  bool isWhole(int einsum) const { return parts[einsum].isWhole; }
  bool isAllWhole() const;
  /// Points from which something flows into an output.
  uint64_t points(int einsum) const;
  /// Elements that they touch by an access of the Einsum.
  uint64_t touched(int einsum, const AccessFact &access) const;

private:
  /// Points of an Einsum, while variables run over a box.
  struct Piece {
    std::vector<Interval> box;
    std::vector<AffineForm> place; ///< by rank of the cascade; over variables
    std::vector<Constraint> constraints;
  };
  struct Part {
    bool isWhole = false;
    std::vector<Piece> pieces; ///< of what is not needed whole
    uint64_t points = 0;
  };

  bool isReadWhole(const EinsumFact &reader, const AccessFact &read) const;
  bool isCarried(const EinsumFact &einsum, int tensor) const;
  Piece wholeOf(const EinsumFact &einsum) const;
  std::optional<Piece> follow(const Piece &reader, const AccessFact &read,
                              const EinsumFact &producer) const;
  bool keepInside(Piece &piece, const AccessFact &access,
                  std::vector<AffineForm> &coordinates) const;
  Part partOf(int einsum) const;

  const CascadeFacts &facts;
  /// By tensor: who reads it how, as (Einsum, read).
  std::vector<std::vector<std::pair<int, int>>> readers;
  std::vector<Part> parts;
};

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_LIVE_H
