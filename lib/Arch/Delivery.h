//===- Delivery.h - What a word costs on its way in -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A word that moves between a level and units further in passes the links in
// between, and along some dimensions it is the same for all units (shared),
// along others each unit has its own (dealt). With s steps along a dimension,
// of which one access serves w at most:
//
//   repeats   ceil(s / w) along shared dimensions, 1 along dealt ones
//   hops      into a bus: one per repeat
//             into a mesh, dimension after dimension from the corner at 0:
//               1 to enter, (s - 1) / 2 on average where it is dealt, and where
//               it is shared s - 1, reaching all on the way
//             into a ring: the same, the shorter way round
//             all to all: one to each unit
//
// Several loops along one dimension: a step of each but the innermost is as
// many places further as those inside have steps (its stride). The units that
// share a word are s of all shared loops multiplied, in the order of their
// places.
//
// By hand, a 4 x 4 mesh: a word shared by all 16 takes 1 + 3 + 4 * 3 = 16 hops;
// words dealt along x and shared along y take 1 + 1.5 + 3 = 5.5 each on
// average.
//
// Both the cost model and the simulator ask here; what is shared along which
// dimension each finds out by itself.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_DELIVERY_H
#define EINSUM_ARCH_DELIVERY_H

#include "lib/Arch/ArchSpec.h"

namespace einsum::arch {

/// One spatial loop between a level and units further in.
struct Fan {
  int level = -1;     ///< that owns the dimension; -1: the array's own
  std::string dim;    ///< its name
  uint64_t steps = 1; ///< units along it
  bool shared = false;
  uint64_t stride = 1; ///< from one of them to the next
};

/// One link on the way, for each word that leaves the level.
struct Crossing {
  int link = -1;
  uint64_t copies = 0; ///< that pass its busiest wires, all instances together
  double hops = 0;     ///< of all copies
};

/// Wires of a link that carry at once, of all its instances.
double wiresOf(const ArchSpec &spec, const Link &link);

/// Links between what is around and a level, or an array's units, outermost
/// first.
std::vector<int> linksInto(const ArchSpec &spec, int level);
std::vector<int> linksIntoArray(const ArchSpec &spec, int array);

/// Links that lie on one way and not on the other: those between two places.
std::vector<int> linksBetween(llvm::ArrayRef<int> from, llvm::ArrayRef<int> to);

/// Accesses for one word, as the widths of dimensions ask for: multicast of
/// reads, reduction of writes.
uint64_t repeatsOf(const ArchSpec &spec, int array, llvm::ArrayRef<Fan> fans,
                   bool isWrite);

std::vector<Crossing> crossingsOf(const ArchSpec &spec, int array,
                                  llvm::ArrayRef<int> links,
                                  llvm::ArrayRef<Fan> fans, bool isWrite);

} // namespace einsum::arch

#endif // EINSUM_ARCH_DELIVERY_H
