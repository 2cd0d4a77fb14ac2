//===- FirstElements.h - Tiles that are there in part -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to TileQuery. A node with `resident n` holds the first n elements of
// a tile, in row-major order. Where the tile is a box that transfers take apart
// evenly, this says how many of the first elements are in how many transfers:
//
//   2 x 6, the first 8      rows in two halves    3 of 3, 3 of 3, 2 of 3, 0 of
//   3
//                           columns               2 of 2 twice, 1 of 2 four
//                           times
//
// A coordinate of the n-th element cuts its side: what lies before is in, what
// lies behind is out, and where it lies the next coordinate decides. Units that
// lie apart along a side may share a transfer.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_FIRSTELEMENTS_H
#define LIB_COSTMODEL_FIRSTELEMENTS_H

#include "lib/CostModel/Counting.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace einsum::cost {

class FirstElements {
public:
  /// A loop over the rank of a coordinate, outermost first.
  struct Loop {
    int64_t steps, tile;
    bool united; ///< its units share the transfer
  };
  struct Side {
    int64_t whole = 1, part = 1; ///< of the box; of one unit in one transfer
    llvm::SmallVector<Loop, 3> loops;

    /// Coordinates in one transfer, and the number of transfers, of what the
    /// loops from one on do.
    uint64_t size(Counter &counter, size_t loop = 0) const;
    uint64_t transfers(Counter &counter, size_t loop = 0) const;
  };
  struct Class {
    uint64_t elements, transfers;
  };
  using Classes = llvm::SmallVector<Class, 8>;

  FirstElements(llvm::ArrayRef<Side> sides, Counter &counter)
      : sides(sides), counter(counter) {}

  /// Of sides from `first` on; `elements` are fewer than all of them.
  Classes count(uint64_t elements, size_t first = 0) const;

private:
  /// Transfers with so many coordinates before one, and maybe that.
  struct Along {
    uint64_t before;
    bool isIn;
    uint64_t transfers;
  };

  llvm::SmallVector<Along, 4> countAlong(const Side &side, uint64_t at,
                                         size_t loop) const;

  llvm::ArrayRef<Side> sides;
  Counter &counter;
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_FIRSTELEMENTS_H
