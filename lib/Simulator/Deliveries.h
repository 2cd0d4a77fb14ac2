//===- Deliveries.h - How words of a transfer spread ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Section 5 of dialects/Schedule/README.md: between the home of a tensor and
// where its words go lie spatial loops and links. Along each loop the words are
// the same for all units, or each unit has its own; from that follow the
// accesses that widths of dimensions ask for, and what passes each link.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_DELIVERIES_H
#define LIB_SIMULATOR_DELIVERIES_H

#include "lib/Arch/Delivery.h"
#include "lib/Simulator/Program.h"

namespace einsum::sim {

struct Delivery {
  uint64_t repeats = 1;
  std::vector<arch::Crossing> crossings;
};

class Deliveries {
public:
  Deliveries(const Points &points, const Program &program,
             const arch::ArchSpec &arch)
      : points(points), program(program), arch(arch) {}

  /// Of a tile, into a storage node and out of it.
  Delivery ofFill(int node, const Held &held) const;
  Delivery ofDrain(int node, const Held &held) const;
  /// Of an operand or a result of a leaf, and of partial values that a result
  /// continues.
  Delivery ofPort(int leaf, const Port &port) const;
  Delivery ofPartial(int leaf, const Port &port) const;

private:
  enum class Along { shared, dealt, nothing };

  Delivery find(int home, int place, llvm::ArrayRef<int> into, bool isWrite,
                llvm::function_ref<Along(int rank)> along) const;
  std::vector<int> into(int node) const;

  const Points &points;
  const Program &program;
  const arch::ArchSpec &arch;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_DELIVERIES_H
