//===- Ledger.h - Every move is written down here ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A transfer is so many elements that leave or enter a level together. It is
// ceil(bits / 8) bytes and ceil(bytes / access) accesses (section 5 of
// dialects/Schedule/README.md); both are rounded per transfer, so that 100
// transfers of 1 element of 4 bits are 100 bytes. Bits are those of the codes,
// and of the scales: of a fill or drain, all of each block touched; of what a
// leaf moves, each element's share.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_LEDGER_H
#define LIB_SIMULATOR_LEDGER_H

#include "lib/Arch/Delivery.h"
#include "lib/Simulator/Program.h"
#include "lib/Simulator/Simulator.h"

namespace einsum::sim {

enum class Direction { read, write };
enum class Cause { fill, drain, operand, registers };

struct Transfer {
  int node = -1; ///< at which node of the tree it happens: for time
  int level = -1;
  int tensor = -1, einsum = -1;
  Direction direction = Direction::read;
  Cause cause = Cause::operand;
  uint64_t elements = 0;
  uint64_t blocks = 0; ///< of a fill or drain: that the elements touch
  uint64_t times = 1;
  /// Units that receive the same words of one read: the level's multicast width
  /// may take several reads for them (section 5).
  uint64_t receivers = 1;
  /// Accesses that widths of dimensions ask for, if more than that.
  uint64_t repeats = 1;
  bool isFar = false; ///< a fill or drain, seen from the parent

  bool movesBlocks() const {
    return cause == Cause::fill || cause == Cause::drain;
  }
};

class Ledger {
public:
  Ledger(const Points &points, const Program &program,
         const arch::ArchSpec &arch, Simulation &result);

  void note(const Transfer &transfer);
  /// So many bytes pass links on their way, at a node.
  void cross(int node, const std::vector<arch::Crossing> &crossings,
             uint64_t bytes);
  /// Words that reach, or come from, units beyond the first, of what is moved
  /// once for all of them.
  void deliverFurther(int level, uint64_t words);
  void combine(int array, uint64_t words);
  /// Bytes that passed a link because of what happens at or below a node.
  uint64_t crossedBelow(int node, int link) const;
  uint64_t crossedAt(int node, int link) const {
    return linksAtNode[node * arch.links.size() + link];
  }
  /// Moved at a level by what happens at a node; at or below it.
  const Traffic &at(int node, int level) const {
    return atNode[node * arch.levels.size() + level];
  }
  Traffic below(int node, int level) const;
  /// Bytes that fills and drains made at a node move, each once.
  uint64_t moved(int node) const { return far[node]; }
  /// Whether some count did not fit 64 bits.
  bool hasOverflowed() const { return overflowed; }

private:
  uint64_t bytesOf(const Transfer &transfer) const;
  void add(Traffic &sum, const Traffic &value);

  const Points &points;
  const Program &program;
  const arch::ArchSpec &arch;
  Simulation &result;
  std::vector<Traffic> atNode;       ///< [node * levels + level]
  std::vector<uint64_t> far;         ///< per node
  std::vector<uint64_t> linksAtNode; ///< [node * links + link]
  bool overflowed = false;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_LEDGER_H
