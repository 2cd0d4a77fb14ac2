//===- Bandwidth.cpp - What traffic takes at least ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Bandwidth.h"

#include "lib/Arch/Delivery.h"

using namespace einsum;
using namespace einsum::cost;

std::pair<double, const char *>
Bandwidth::seconds(size_t id, const Traffic &traffic) const {
  if (id >= arch.levels.size())
    return {linkSeconds(arch.links[id - arch.levels.size()], traffic.readBytes),
            "link"};
  const arch::Level &level = arch.levels[id];
  double instances = arch.instances(level), seconds = 0;
  const char *limit = "";
  auto bound = [&](double candidate, const char *name) {
    if (candidate > seconds) {
      seconds = candidate;
      limit = name;
    }
  };
  auto bytes = [&](uint64_t bytes, const std::optional<double> &bandwidth,
                   const char *name) {
    if (bandwidth)
      bound(bytes / (*bandwidth * instances), name);
  };
  auto ports = [&](uint64_t accesses, uint64_t ports) {
    if (ports != 0)
      bound(accesses / (ports * instances * arch.clockHz), "ports");
  };
  bytes(traffic.readBytes, level.readBytesPerS, "read");
  bytes(traffic.writeBytes, level.writeBytesPerS, "write");
  bytes(traffic.bytes(), level.sharedBytesPerS, "shared");
  ports(traffic.readAccesses, level.readPorts);
  ports(traffic.writeAccesses, level.writePorts);
  ports(traffic.readAccesses + traffic.writeAccesses, level.sharedPorts);
  return {seconds, limit};
}

double Bandwidth::linkSeconds(const arch::Link &link, uint64_t bytes) const {
  if (!link.bytesPerS)
    return 0;
  return bytes / (*link.bytesPerS * arch::wiresOf(arch, link));
}

double Bandwidth::cycles(const Traffic *perPort, int *binding,
                         bool withLinks) const {
  double most = 0;
  size_t ports = withLinks ? countPorts(arch) : arch.levels.size();
  for (size_t port = 0; port < ports; ++port) {
    double cycles = seconds(port, perPort[port]).first * arch.clockHz;
    if (cycles <= most)
      continue;
    most = cycles;
    if (binding)
      *binding = port;
  }
  return most;
}

std::string Bandwidth::nameOf(size_t port) const {
  size_t levels = arch.levels.size();
  return port < levels ? arch.levels[port].name
                       : "link into " + arch.links[port - levels].name;
}
