//===- Bandwidth.h - What traffic takes at least ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_BANDWIDTH_H
#define LIB_COSTMODEL_BANDWIDTH_H

#include "lib/CostModel/Model.h"

namespace einsum::cost {

/// How long levels and links need for some traffic, and which limit says so.
class Bandwidth {
public:
  explicit Bandwidth(const arch::ArchSpec &arch) : arch(arch) {}

  /// Of a port: a level, or behind those a link. With the name of what bounds
  /// it.
  std::pair<double, const char *> seconds(size_t port,
                                          const Traffic &traffic) const;
  double linkSeconds(const arch::Link &link, uint64_t bytes) const;
  /// Cycles until all is through, of all ports or of levels alone; `binding`
  /// gets the port that takes longest.
  double cycles(const Traffic *perPort, int *binding = nullptr,
                bool withLinks = true) const;
  std::string nameOf(size_t port) const;

private:
  const arch::ArchSpec &arch;
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_BANDWIDTH_H
