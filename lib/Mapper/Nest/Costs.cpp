//===- Costs.cpp - What a partial mapping costs, as one vector ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/Costs.h"

#include "lib/Arch/Delivery.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

static void addResources(const arch::ArchSpec &arch, int id,
                         std::vector<Resource> &resources) {
  const arch::Level &level = arch.levels[id];
  double instances = arch.instances(level);
  auto bytes = [&](Resource::Kind kind,
                   const std::optional<double> &perSecond) {
    if (perSecond)
      resources.push_back(
          {kind, id, false, arch.clockHz / (*perSecond * instances)});
  };
  auto ports = [&](Resource::Kind kind, uint64_t count) {
    if (count)
      resources.push_back({kind, id, true, 1 / (count * instances)});
  };
  bytes(Resource::Kind::reads, level.readBytesPerS);
  bytes(Resource::Kind::writes, level.writeBytesPerS);
  bytes(Resource::Kind::both, level.sharedBytesPerS);
  ports(Resource::Kind::reads, level.readPorts);
  ports(Resource::Kind::writes, level.writePorts);
  ports(Resource::Kind::both, level.sharedPorts);
}

static void addLink(const arch::ArchSpec &arch, int id,
                    std::vector<Resource> &resources) {
  const arch::Link &link = arch.links[id];
  if (!link.bytesPerS)
    return;
  double bytesPerS = *link.bytesPerS * arch::wiresOf(arch, link);
  resources.push_back(
      {Resource::Kind::both, -1, false, arch.clockHz / bytesPerS, id});
}

/// Of more than there is room for, those of the largest bandwidths are left
/// out: what costs then promise is too low, never too high.
static void leaveFastest(std::vector<Resource> &resources, size_t room) {
  while (resources.size() > room)
    resources.erase(std::min_element(
        resources.begin(), resources.end(), [](const auto &a, const auto &b) {
          return std::pair(a.inAccesses ? 1 : 0, a.cyclesPerUnit) <
                 std::pair(b.inAccesses ? 1 : 0, b.cyclesPerUnit);
        }));
}

/// The longest, if there is no room for all: what costs then promise is too
/// low, never too high.
static std::vector<Wait> listWaits(const arch::ArchSpec &arch, size_t room) {
  std::vector<Wait> waits;
  for (auto [id, level] : llvm::enumerate(arch.levels))
    if (level.latencyCycles)
      waits.push_back(
          {static_cast<int>(id), -1, static_cast<double>(level.latencyCycles)});
  for (auto [id, link] : llvm::enumerate(arch.links))
    if (link.latencyCycles)
      waits.push_back(
          {-1, static_cast<int>(id),
           static_cast<double>(link.latencyCycles * arch.longestWay(link))});
  llvm::sort(waits, [](const Wait &a, const Wait &b) {
    return std::tuple(-a.cycles, a.level, a.link) <
           std::tuple(-b.cycles, b.level, b.link);
  });
  waits.resize(std::min(waits.size(), room));
  return waits;
}

Axes Axes::of(const Objective &objective, const arch::ArchSpec &arch,
              llvm::ArrayRef<bool> mayBind) {
  auto wants = [&](Metric metric) {
    return llvm::is_contained(objective.metrics, metric);
  };
  Axes axes;
  int measured = -1;
  if (wants(Metric::capacity))
    measured = objective.level >= 0 ? objective.level
                                    : std::min<int>(1, arch.levels.size() - 1);
  for (size_t id = 0; id < arch.levels.size(); ++id)
    if (mayBind[id] || measured == static_cast<int>(id)) {
      if (measured == static_cast<int>(id))
        axes.measured = axes.levels.size();
      axes.levels.push_back(id);
    }
  bool energy = wants(Metric::energy) || wants(Metric::edp);
  bool time = wants(Metric::latency) || wants(Metric::edp) ||
              (energy && arch.leakageW() > 0);
  // Among equally fast mappings the one of least energy is wanted.
  if (energy || time)
    axes.energy = axes.count++;
  if (wants(Metric::traffic)) {
    axes.traffic = axes.count++;
    axes.trafficLevel = std::max(0, objective.level);
  }
  if (time) {
    axes.cycles = axes.count++;
    for (size_t id = 0; id < arch.levels.size(); ++id)
      addResources(arch, id, axes.resources);
    for (size_t id = 0; id < arch.links.size(); ++id)
      addLink(arch, id, axes.resources);
    size_t taken = axes.count + axes.levels.size();
    leaveFastest(axes.resources, kMaxAxes - std::min<size_t>(kMaxAxes, taken));
    axes.resource = axes.count;
    axes.count += axes.resources.size();
    taken = axes.count + axes.levels.size();
    axes.waits = listWaits(arch, kMaxAxes - std::min<size_t>(kMaxAxes, taken));
    axes.wait = axes.count;
    axes.count += axes.waits.size();
  }
  axes.held = axes.count;
  axes.count += axes.levels.size();
  return axes;
}

int Axes::heldAt(int level) const {
  auto found = llvm::find(levels, level);
  return found == levels.end() ? -1 : held + (found - levels.begin());
}

double Axes::waitOf(const Costs &costs) const {
  double cycles = 0;
  for (auto [i, one] : llvm::enumerate(waits))
    cycles += costs[wait + i] > 0 ? one.cycles : 0;
  return cycles;
}
