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

namespace {

/// What a transfer does along one dimension.
struct Spread {
  uint64_t sharing = 1; ///< units that get the same word
  uint64_t width = 0;   ///< of them that one access serves; 0: any number
  std::vector<uint64_t> shared = {0}, dealt = {0}; ///< their places, rising

  uint64_t repeats() const {
    return width == 0 ? 1 : (sharing + width - 1) / width;
  }
};

} // namespace

/// Places reached from any of `places` by a step, or more, of the loop.
static std::vector<uint64_t> spread(const std::vector<uint64_t> &places,
                                    const Fan &fan) {
  std::vector<uint64_t> all;
  for (uint64_t step = 0; step < fan.steps; ++step)
    for (uint64_t place : places)
      all.push_back(place + step * fan.stride);
  std::sort(all.begin(), all.end());
  return all;
}

/// Of all loops along a dimension; the places only if they matter.
static Spread spreadAlong(const ArrayDim &dim, llvm::ArrayRef<Fan> fans,
                          bool isWrite, bool withPlaces) {
  Spread result;
  result.width = isWrite ? dim.reductionWidth : dim.multicastWidth;
  for (const Fan &fan : fans) {
    if (fan.level != dim.level || fan.dim != dim.name)
      continue;
    result.sharing *= fan.shared ? fan.steps : 1;
    if (!withPlaces)
      continue;
    std::vector<uint64_t> &places = fan.shared ? result.shared : result.dealt;
    places = spread(places, fan);
  }
  return result;
}

uint64_t arch::repeatsOf(const ArchSpec &spec, int array,
                         llvm::ArrayRef<Fan> fans, bool isWrite) {
  uint64_t repeats = 1;
  for (const ArrayDim &dim : spec.arrays[array].dims)
    repeats *= spreadAlong(dim, fans, isWrite, /*withPlaces=*/false).repeats();
  return repeats;
}

/// Hops along one dimension, from place 0, for one word: with every copy to
/// `width` of the places that share it, passing all between; on average over
/// the words that are dealt.
static double hopsAlong(const Spread &spread, uint64_t places, bool isRing) {
  size_t count = spread.shared.size(),
         group = spread.width == 0 ? count : spread.width;
  double sum = 0;
  for (uint64_t offset : spread.dealt)
    for (size_t from = 0; from < count; from += group) {
      uint64_t first = offset + spread.shared[from],
               last = offset +
                      spread.shared[std::min<size_t>(from + group, count) - 1];
      uint64_t reach = first;
      if (isRing)
        reach = std::min(reach, places - last);
      sum += static_cast<double>(reach + last - first);
    }
  return sum / static_cast<double>(spread.dealt.size());
}

/// What one word does on one link, if a single copy reaches each instance of
/// what is around it.
static Crossing crossOne(const ArchSpec &spec, int array, const Link &link,
                         llvm::ArrayRef<Fan> fans, bool isWrite) {
  uint64_t repeats = repeatsOf(spec, array, fans, isWrite), units = 1;
  for (const Fan &fan : fans)
    units *= fan.shared ? fan.steps : 1;
  if (link.topology == Topology::AllToAll)
    return {-1, units, double(units)};
  if (link.topology == Topology::Bus)
    return {-1, repeats, double(repeats)};
  double copies = double(repeats), hops = copies; // entering
  bool isRing = link.topology == Topology::Ring;
  for (const ArrayDim &dim : spec.dimsOf(link)) {
    Spread along = spreadAlong(dim, fans, isWrite, /*withPlaces=*/true);
    copies /= double(along.repeats());
    hops += copies * hopsAlong(along, dim.size, isRing);
    copies *= double(along.sharing);
  }
  return {-1, repeats, hops};
}

double arch::wiresOf(const ArchSpec &spec, const Link &link) {
  auto wires = static_cast<double>(spec.instances(link));
  if (link.topology == Topology::AllToAll)
    for (const ArrayDim &dim : spec.dimsOf(link))
      wires *= static_cast<double>(dim.size);
  return wires;
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
