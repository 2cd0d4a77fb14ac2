//===- MemoryEstimate.h - Energy of a memory from its shape -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Many specs know how large a memory is and how wide, and nothing about its
// energy. Then it is read off a table of memories that somebody has modelled,
// and the provenance says so:
//
//   SRAM       CACTI 7 (itrs-lstp, one port, one bank) at 45 and 22 nm, sizes
//              of 2 KiB to 64 MiB at widths of 64 and 512 bits; how energy
//              depends on other widths, on banks and on ports
//   registers  the register files of FuseMax's artifact (Aladdin, 45 nm): 4, 12
//              and 32 entries of 16 bits
//
// Between points, logarithms are interpolated linearly: in size, width and
// node. By hand, 45 nm: 1 MiB at 64 bits is a point, 1.461 pJ per bit, so 93.5
// pJ per access; 1.4 MiB lies half way to 2 MiB at 1.993, so 1.461^.5
// * 1.993^.5 = 1.706 pJ per bit.
//
// Trusts: that the memory is built as the tables' are. Beyond the outermost
// points the last slope goes on, up to a factor of 16 in size, and the text
// says "extrapolated". Refuses what is further away, and banks and ports beyond
// the table.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_MEMORYESTIMATE_H
#define EINSUM_ARCH_MEMORYESTIMATE_H

#include <cstdint>
#include <optional>
#include <string>

namespace einsum::arch {

struct MemoryShape {
  double capacityBytes = 0;
  uint64_t accessBytes = 1;
  uint64_t banks = 1;
  uint64_t ports = 1; ///< all kinds together
  double nodeNm = 45;
};

struct MemoryEstimate {
  double readPj = 0, writePj = 0; ///< per access
  double areaUm2 = 0, leakageW = 0;
  std::string text; ///< where the numbers come from
};

/// `problem` says what is beyond the tables when nothing is returned.
std::optional<MemoryEstimate> estimateSram(const MemoryShape &shape,
                                           std::string &problem);
std::optional<MemoryEstimate> estimateRegisters(const MemoryShape &shape,
                                                std::string &problem);

/// Read energy of an SRAM at a node over that at 45 nm.
double sramNodeRatio(double nodeNm);

} // namespace einsum::arch

#endif // EINSUM_ARCH_MEMORYESTIMATE_H
