//===- ArchSpec.cpp - One machine, as plain facts -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace einsum;
using namespace einsum::arch;

static uint64_t countAlong(llvm::ArrayRef<ArrayDim> dims) {
  uint64_t count = 1;
  for (const ArrayDim &dim : dims)
    count *= dim.size;
  return count;
}

uint64_t Array::peCount() const { return countAlong(dims); }

const OpCost *Array::findOp(llvm::StringRef op,
                            llvm::StringRef datatype) const {
  const OpCosts *costs = &ops;
  if (!datatype.empty() && !datatypes.empty()) {
    auto found = opsByDatatype.find(datatype.str());
    if (found == opsByDatatype.end())
      return nullptr;
    costs = &found->second;
  }
  auto cost = costs->find(op.str());
  return cost == costs->end() ? nullptr : &cost->second;
}

namespace {

class DoubtCollector {
public:
  std::vector<DoubtfulNumber> list;

  void add(const std::string &what, const Provenance &provenance) {
    if (provenance.certainty != Certainty::Published)
      list.push_back({what, provenance, 1});
  }
  void add(const std::string &what, const Sources &sources) {
    add(what, sources.common);
    for (const auto &[key, source] : sources.byKey)
      add(what + ", " + key, source);
  }
  /// Operators by their source, whatever the datatype.
  void add(const std::string &what, const Array &array) {
    std::map<std::string, std::set<std::string>> names;
    std::map<std::string, Provenance> sources;
    std::map<std::string, unsigned> counts;
    auto addAll = [&](const OpCosts &ops) {
      for (const auto &[name, cost] : ops) {
        const Provenance &source = cost.provenance;
        if (source.certainty == Certainty::Published)
          continue;
        sources[source.text] = source;
        names[source.text].insert(name);
        ++counts[source.text];
      }
    };
    if (array.datatypes.empty())
      addAll(array.ops);
    for (const auto &[datatype, ops] : array.opsByDatatype)
      addAll(ops);
    for (const auto &[text, source] : sources)
      list.push_back(
          {what + ": " +
               llvm::join(std::vector<std::string>(names[text].begin(),
                                                   names[text].end()),
                          ", "),
           source, counts[text]});
  }
};

} // namespace

std::vector<DoubtfulNumber> arch::listDoubtful(const ArchSpec &spec) {
  DoubtCollector doubts;
  for (const Level &level : spec.levels) {
    std::string what = "level '" + level.name + "'";
    doubts.add(what, level.sources);
    doubts.add(what + ", " +
                   (level.memory.empty() ? level.estimate : level.memory),
               level.memoryProvenance);
    doubts.add(what + ", multicast", level.multicast.provenance);
  }
  for (const Array &array : spec.arrays) {
    std::string what = "array '" + array.name + "'";
    doubts.add(what, array.sources);
    doubts.add(what + ", reduction", array.reduction.provenance);
    doubts.add(what, array);
  }
  for (const Engine &engine : spec.engines)
    doubts.add("DMA engine '" + engine.name + "'", engine.provenance);
  for (const Link &link : spec.links)
    doubts.add("link of '" + link.name + "'", link.provenance);
  return doubts.list;
}

template <typename T>
static int indexOf(const std::vector<T> &items, llvm::StringRef name) {
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].name == name)
      return int(i);
  return -1;
}

int ArchSpec::findLevel(llvm::StringRef name) const {
  return indexOf(levels, name);
}

int ArchSpec::findArray(llvm::StringRef name) const {
  return indexOf(arrays, name);
}

int ArchSpec::findEngine(llvm::StringRef name) const {
  return indexOf(engines, name);
}

std::optional<Accounting> Accounting::named(llvm::StringRef name) {
  Accounting accounting;
  accounting.profile = name.str();
  if (name == "default")
    return accounting;
  if (name != "looptree")
    return std::nullopt;
  // Gilbert et al. 2024 (LoopTree) as AccelForge counts it: Einsums in turn,
  // one action per point, transfers perfectly hidden, no second buffers, sums
  // over units at once; each unit's first sum is written and nothing read.
  accounting.everyRun = accounting.onePerPoint = accounting.freeSums = true;
  accounting.sequential = accounting.singleBuffers = true;
  accounting.unreadSums = true;
  return accounting;
}

llvm::ArrayRef<const char *> Accounting::names() {
  static const char *const names[] = {"default", "looptree"};
  return names;
}

uint64_t ArchSpec::instances(const Level &level) const {
  return level.perArray < 0 ? countAlong(level.dims)
                            : arrays[level.perArray].peCount();
}

llvm::StringRef arch::spell(Topology topology) {
  switch (topology) {
  case Topology::Bus:
    return "bus";
  case Topology::Mesh:
    return "mesh";
  case Topology::Ring:
    return "ring";
  case Topology::AllToAll:
    return "all_to_all";
  }
  llvm_unreachable("all topologies are listed");
}

llvm::ArrayRef<ArrayDim> ArchSpec::dimsOf(const Link &link) const {
  llvm::ArrayRef<ArrayDim> dims =
      link.level >= 0 ? levels[link.level].dims : arrays[link.array].dims;
  return dims.drop_while(
      [&](const ArrayDim &dim) { return dim.level != link.level; });
}

uint64_t ArchSpec::instances(const Link &link) const {
  llvm::ArrayRef<ArrayDim> dims =
      link.level >= 0 ? levels[link.level].dims : arrays[link.array].dims;
  return countAlong(dims.drop_back(dimsOf(link).size()));
}

uint64_t ArchSpec::longestWay(const Link &link) const {
  if (link.topology == Topology::Bus || link.topology == Topology::AllToAll)
    return 1;
  uint64_t hops = 1; // to enter
  for (const ArrayDim &dim : dimsOf(link))
    hops += link.topology == Topology::Ring ? dim.size / 2 : dim.size - 1;
  return hops;
}

double ArchSpec::areaUm2() const {
  double area = 0;
  for (const Level &level : levels)
    area += level.areaUm2 * double(instances(level));
  for (const Array &array : arrays)
    area += array.areaUm2PerPe * double(array.peCount());
  return area;
}

double ArchSpec::leakageW() const {
  double leakage = 0;
  for (const Level &level : levels)
    leakage += level.leakageW * double(instances(level));
  for (const Array &array : arrays) // one in each instance around it
    leakage +=
        array.leakageW *
        (array.level < 0 ? 1 : double(countAlong(levels[array.level].dims)));
  return leakage;
}
