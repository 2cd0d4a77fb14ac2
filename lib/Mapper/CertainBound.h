//===- CertainBound.h - What every mapping costs ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where a search ends early, or leaves tiles out, this is still certain, for
// whatever tiles, loops and fusion:
//
//   time     the busiest array over all bindings (LoadBound.h); what the
//            Einsums move, over what levels and links carry (LeastMoves.h);
//            inputs and outputs cross the backing level's ports once
//   energy   every point on the cheapest array, with what it moves there;
//            inputs and outputs once at the backing level, or what must cross
//            it (lib/Analysis/IoBounds); leakage for as long as it takes
//   traffic  at the backing level: the same bytes
//
// so that each result has a gap to show. For a GEMM of 64^3 8-bit words: 4096
// bytes each of A, B and Z.
//
// Levels that are dearer than the cheapest one that tensors may live at
// (`shared` ones) are priced in two parts, so that nothing counts twice: all
// that moves at the cheapest one's price, and the rest of the price for what
// must move at that level or around it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CERTAINBOUND_H
#define LIB_MAPPER_CERTAINBOUND_H

#include "lib/Mapper/Join/CascadeJoin.h"

namespace einsum::mapper {

struct CertainBound {
  double value = 0;
  std::string name;
};

/// Of a metric at `level` (for traffic; -1 is the backing level). `overlaps`:
/// arrays may run at once; `mayFollow`, per Einsum: it may follow demand.
CertainBound boundCertainly(const CascadeFacts &facts,
                            const arch::ArchSpec &arch,
                            llvm::ArrayRef<EinsumChoices> choices,
                            Metric metric, int level, bool overlaps,
                            std::vector<bool> mayFollow);

/// Bytes of inputs that are read, and of outputs that are written.
struct CompulsoryBytes {
  uint64_t read = 0, written = 0;
};
CompulsoryBytes countCompulsory(const CascadeFacts &facts,
                                llvm::ArrayRef<EinsumChoices> choices);

} // namespace einsum::mapper

#endif // LIB_MAPPER_CERTAINBOUND_H
