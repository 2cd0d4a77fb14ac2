//===- Delivery.cpp - What a word costs on its way in ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Delivery.h"
#include <algorithm>

using namespace einsum;
using namespace einsum::arch;

std::vector<int> arch::linksInto(const ArchSpec &spec, int level) {
  std::vector<int> links;
  for (int i = level; i >= 0; i = spec.levels[i].parent) {
    // What is private to PEs lies behind the link of their array.
    int array = spec.levels[i].perArray;
    int outer = spec.levels[i].parent;
    bool isOutermost = outer < 0 || spec.levels[outer].perArray < 0;
    if (array >= 0 && isOutermost && spec.arrays[array].link >= 0)
      links.push_back(spec.arrays[array].link);
    if (spec.levels[i].link >= 0)
      links.push_back(spec.levels[i].link);
  }
  std::reverse(links.begin(), links.end());
  return links;
}

std::vector<int> arch::linksIntoArray(const ArchSpec &spec, int array) {
  int level = spec.arrays[array].level;
  std::vector<int> links = linksInto(spec, level);
  bool isPrivate = level >= 0 && spec.levels[level].perArray >= 0;
  if (!isPrivate && spec.arrays[array].link >= 0)
    links.push_back(spec.arrays[array].link);
  return links;
}

std::vector<int> arch::linksBetween(llvm::ArrayRef<int> from,
                                    llvm::ArrayRef<int> to) {
  std::vector<int> links;
  auto addMissing = [&](llvm::ArrayRef<int> some, llvm::ArrayRef<int> others) {
    for (int link : some)
      if (std::find(others.begin(), others.end(), link) == others.end())
        links.push_back(link);
  };
  addMissing(from, to);
  addMissing(to, from);
  return links;
}

/// The width that a dimension allows; 0 means any.
static uint64_t widthOf(const ArchSpec &spec, int array, const Fan &fan,
                        bool isWrite) {
  for (const ArrayDim &dim : spec.arrays[array].dims)
    if (dim.level == fan.level && dim.name == fan.dim)
      return isWrite ? dim.reductionWidth : dim.multicastWidth;
  return 0;
}

static uint64_t repeatsAlong(const Fan &fan, uint64_t width) {
  return !fan.shared || width == 0 ? 1 : (fan.steps + width - 1) / width;
}

uint64_t arch::repeatsOf(const ArchSpec &spec, int array,
                         llvm::ArrayRef<Fan> fans, bool isWrite) {
  uint64_t repeats = 1;
  for (const Fan &fan : fans)
    repeats *= repeatsAlong(fan, widthOf(spec, array, fan, isWrite));
  return repeats;
}

namespace {

/// Hops along one dimension of so many places, from place 0.
class Way {
public:
  Way(Topology topology, uint64_t places)
      : isRing(topology == Topology::Ring), places(double(places)) {}

  /// To one of the first `steps` places, on average.
  double mean(uint64_t steps) const {
    double sum = 0;
    if (!isRing)
      return (double(steps) - 1) / 2;
    for (uint64_t i = 0; i < steps; ++i)
      sum += std::min(double(i), places - double(i));
    return sum / double(steps);
  }

  /// To all of the first `steps` places, `width` of them per copy.
  double all(uint64_t steps, uint64_t width) const {
    double sum = 0;
    uint64_t group = width == 0 ? steps : width;
    for (uint64_t first = 0; first < steps; first += group) {
      uint64_t last = std::min(first + group, steps) - 1;
      double reach = double(first);
      if (isRing)
        reach = std::min(reach, places - double(last));
      sum += reach + double(last - first);
    }
    return sum;
  }

private:
  bool isRing;
  double places;
};

} // namespace

/// What one word does on one link, if a single copy reaches each instance of
/// what is around it.
static Crossing crossOne(const ArchSpec &spec, int array, const Link &link,
                         llvm::ArrayRef<Fan> fans, bool isWrite) {
  double copies = 1, hops = 0;
  uint64_t repeats = repeatsOf(spec, array, fans, isWrite), units = 1;
  for (const Fan &fan : fans)
    units *= fan.shared ? fan.steps : 1;
  if (link.topology == Topology::AllToAll)
    return {-1, units, double(units)};
  if (link.topology == Topology::Bus)
    return {-1, repeats, double(repeats)};
  copies = hops = double(repeats); // entering
  for (const ArrayDim &dim : spec.dimsOf(link))
    for (const Fan &fan : fans) {
      if (fan.dim != dim.name)
        continue;
      Way way(link.topology, dim.size);
      uint64_t width = widthOf(spec, array, fan, isWrite);
      if (!fan.shared) {
        hops += copies * way.mean(fan.steps);
        continue;
      }
      copies /= double(repeatsAlong(fan, width));
      hops += copies * way.all(fan.steps, width);
      copies *= double(fan.steps);
    }
  return {-1, repeats, hops};
}

std::vector<Crossing> arch::crossingsOf(const ArchSpec &spec, int array,
                                        llvm::ArrayRef<int> links,
                                        llvm::ArrayRef<Fan> fans,
                                        bool isWrite) {
  std::vector<Crossing> crossings;
  for (int index : links) {
    const Link &link = spec.links[index];
    std::vector<Fan> own;
    uint64_t outside = 1; // instances of what is around that want the word
    for (const Fan &fan : fans) {
      if (fan.level == link.level)
        own.push_back(fan);
      else if (fan.shared && fan.level >= 0 &&
               (link.level < 0 || fan.level < link.level))
        outside *= fan.steps;
    }
    Crossing crossing = crossOne(spec, array, link, own, isWrite);
    crossing.link = index;
    crossing.copies *= outside;
    crossing.hops *= double(outside);
    crossings.push_back(crossing);
  }
  return crossings;
}
