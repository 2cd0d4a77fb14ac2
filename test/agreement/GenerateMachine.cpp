//===- GenerateMachine.cpp - Random machines ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A chain of levels with one array or several, and, extended, widths of
// networks, links, latencies and a level with several instances.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Generator.h"

using namespace einsum::agreement;

/// Accounting profiles, and limits of multicast and reduction networks. Drawn
/// last, so that the rest of a case is the same without them.
void Generator::extend() {
  c.onePerPoint = chance(40);
  c.sequential = chance(40);
  for (CaseLevel &level : c.levels)
    level.multicast = chance(50) ? pick(1, 4) : 0;
  for (CaseArray &array : c.arrays) {
    array.reduction = chance(50) ? pick(1, 4) : 0;
    array.cycles.emplace_back("compute", pick(1, 3));
  }
  extendWays();
}

/// Chunks, latencies, links, how far words reach along dimensions, and a
/// level with several instances.
void Generator::extendWays() {
  auto limit = [&](CaseDim &dim) {
    dim.multicast = chance(30) ? pick(1, 4) : 0;
    dim.reduction = chance(30) ? pick(1, 4) : 0;
  };
  if (chance(40))
    moveDimension("L1", "x", 10);
  for (CaseLevel &level : c.levels) {
    level.chunk = chance(30) ? int64_t{1} << pick(0, 6) : 1;
    if (chance(30))
      level.latency = pick(1, 20);
    if (!level.parent.empty() && level.per.empty())
      level.link = makeLink();
    for (CaseDim &dim : level.instances)
      limit(dim);
  }
  for (CaseArray &array : c.arrays) {
    array.link = makeLink();
    for (CaseDim &dim : array.dims)
      limit(dim);
  }
}

CaseLink Generator::makeLink() {
  if (chance(60))
    return {};
  return {pickOf(std::vector<std::string>{"bus", "mesh", "ring", "all_to_all"}),
          chance(50) ? pick(1, 16) : 0, chance(30) ? pick(1, 5) : 0};
}

/// Along `dim` stand instances of a level, instead of units of the arrays in
/// it, if no tile of that level is above a loop across it.
void Generator::moveDimension(const std::string &name, const std::string &dim,
                              int64_t size) {
  auto level = std::find_if(c.levels.begin(), c.levels.end(),
                            [&](const CaseLevel &l) { return l.name == name; });
  if (level == c.levels.end() || holdsAbove(c.tree, name, dim, false))
    return;
  level->instances = {{dim, size, 0, 0}};
  for (CaseArray &array : c.arrays)
    array.dims.erase(
        std::remove_if(array.dims.begin(), array.dims.end(),
                       [&](const CaseDim &d) { return d.name == dim; }),
        array.dims.end());
}

/// A storage node at the level, or at one private to an array, above a loop
/// across the dimension.
bool Generator::holdsAbove(const Tree &node, const std::string &level,
                           const std::string &dim, bool held) {
  held |= node.kind == TreeKind::storage &&
          (node.level == level || node.level.rfind("rf_", 0) == 0);
  if (held && node.kind == TreeKind::spatial && node.dim == dim)
    return true;
  return std::any_of(
      node.children.begin(), node.children.end(),
      [&](const Tree &child) { return holdsAbove(child, level, dim, held); });
}

void Generator::addTimes() {
  c.buffered = chance(30);
  c.sequential = chance(15);
  bool startsUp = chance(40);
  for (CaseArray &array : c.arrays)
    for (int64_t *cycles : {&array.fill, &array.drain, &array.beyond})
      *cycles = startsUp && chance(50) ? pick(1, 9) : 0;
  for (CaseLevel &level : c.levels)
    level.latency = startsUp && chance(30) ? pick(1, 9) : 0;
  for (const char *name : {"dma0", "dma1"})
    c.engines.push_back(
        {name, chance(60) ? pick(1, 8) : 0, chance(60) ? pick(1, 12) : 0});
}

CaseLevel Generator::makeLevel(const std::string &name,
                               const std::string &parent) {
  CaseLevel level;
  level.name = name;
  level.parent = parent;
  level.access = int64_t{1} << pick(0, 5);
  if (chance(40))
    level.bandwidth = pick(1, 16);
  else if (chance(50)) {
    level.readBandwidth = pick(1, 16);
    level.writeBandwidth = pick(1, 16);
  }
  if (chance(15))
    level.ports = pick(1, 2);
  return level;
}

void Generator::makeMachine() {
  c.perPoint = chance(8);
  c.singleBuffers = chance(8);
  c.levels.push_back(makeLevel("DRAM", ""));
  c.levels.push_back(makeLevel("L2", "DRAM"));
  shared = {"L2"};
  if (chance(60)) {
    c.levels.push_back(makeLevel("L1", "L2"));
    shared.push_back("L1");
  }
  for (const char *name : {"grid", "row", "unit"}) {
    CaseArray array;
    array.name = name;
    array.level = shared.back();
    if (array.name == "grid")
      array.dims = {{"x", 8, 0, 0}, {"y", 10, 0, 0}};
    if (array.name == "row")
      array.dims = {{"x", 10, 0, 0}};
    if (array.name != "unit" && chance(40)) {
      CaseLevel registers = makeLevel("rf_" + array.name, array.level);
      registers.per = array.name;
      c.levels.push_back(registers);
      array.level = registers.name;
    }
    for (const char *op : {"mac", "mul", "add", "sub", "max", "min", "exp"})
      array.cycles.push_back({op, chance(70) ? 1 : pick(2, 5)});
    c.arrays.push_back(array);
  }
}
