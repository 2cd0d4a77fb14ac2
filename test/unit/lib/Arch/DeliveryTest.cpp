//===- DeliveryTest.cpp ---------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The judge walks: for every word it draws the way to each unit that wants it,
// dimension after dimension, and counts the wires that are used once.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Delivery.h"
#include <catch2/catch.hpp>
#include <set>

using namespace einsum;
using namespace einsum::arch;

namespace {

struct Grid {
  Topology topology;
  uint64_t x, y; ///< places
};

ArchSpec makeMachine(const Grid &grid, uint64_t multicast) {
  ArchSpec spec;
  spec.clockHz = 1e9;
  spec.levels.resize(1);
  spec.levels[0].name = "DRAM";
  Array array;
  array.name = "pe";
  array.level = 0;
  array.link = 0;
  array.dims = {{"x", grid.x, multicast, 0, -1}, {"y", grid.y, 0, 0, -1}};
  spec.arrays.push_back(array);
  Link link;
  link.name = "pe";
  link.array = 0;
  link.topology = grid.topology;
  spec.links.push_back(link);
  return spec;
}

using Wire = std::tuple<int, uint64_t, uint64_t, uint64_t>;

/// Wires along one dimension from place 0, the shorter way round a ring.
void walk(bool isRing, int dim, uint64_t other, uint64_t to, uint64_t places,
          std::set<Wire> &wires) {
  if (isRing && places - to < to)
    for (uint64_t at = places; at > to; --at)
      wires.insert({dim, other, at % places, at - 1});
  else
    for (uint64_t at = 0; at < to; ++at)
      wires.insert({dim, other, at, at + 1});
}

/// Hops per word, all words together over their number.
double countHops(const Grid &grid, uint64_t stepsX, bool sharedX,
                 uint64_t stepsY, bool sharedY) {
  std::map<std::pair<uint64_t, uint64_t>, std::set<Wire>> perWord;
  for (uint64_t x = 0; x < stepsX; ++x)
    for (uint64_t y = 0; y < stepsY; ++y) {
      auto &wires = perWord[{sharedX ? 0 : x, sharedY ? 0 : y}];
      walk(grid.topology == Topology::Ring, 0, 0, x, grid.x, wires);
      walk(grid.topology == Topology::Ring, 1, x, y, grid.y, wires);
    }
  double hops = 0;
  for (const auto &[word, wires] : perWord)
    hops += 1 + double(wires.size()); // one to enter
  return hops / double(perWord.size());
}

double hopsOf(const Grid &grid, uint64_t stepsX, bool sharedX, uint64_t stepsY,
              bool sharedY, uint64_t multicast = 0) {
  ArchSpec spec = makeMachine(grid, multicast);
  std::vector<Fan> fans = {{-1, "x", stepsX, sharedX},
                           {-1, "y", stepsY, sharedY}};
  auto crossings = crossingsOf(spec, 0, {0}, fans, false);
  REQUIRE(crossings.size() == 1);
  return crossings[0].hops;
}

} // namespace

TEST_CASE("hops on meshes and rings are those of the ways drawn",
          "[Delivery]") {
  for (Topology topology : {Topology::Mesh, Topology::Ring})
    for (Grid grid : {Grid{topology, 4, 4}, {topology, 5, 3}, {topology, 1, 6}})
      for (uint64_t x = 1; x <= grid.x; ++x)
        for (uint64_t y = 1; y <= grid.y; ++y)
          for (bool sharedX : {false, true})
            for (bool sharedY : {false, true}) {
              // Shared, part of a ring is reached one way round.
              if (topology == Topology::Ring &&
                  ((sharedX && x < grid.x) || (sharedY && y < grid.y)))
                continue;
              CAPTURE(grid.x, grid.y, x, y, sharedX, sharedY);
              double drawn = countHops(grid, x, sharedX, y, sharedY);
              CHECK(hopsOf(grid, x, sharedX, y, sharedY) == Approx(drawn));
            }
}

TEST_CASE("a mesh of 4 x 4 by hand", "[Delivery]") {
  Grid grid{Topology::Mesh, 4, 4};
  CHECK(hopsOf(grid, 4, true, 4, true) == 16);
  CHECK(hopsOf(grid, 4, false, 4, true) == 5.5);
  // Nothing is shared along x: four copies enter, and go 0, 1, 2, 3 hops.
  CHECK(hopsOf(grid, 4, true, 1, false, 1) == 4 + 0 + 1 + 2 + 3);
  // Two of them at a time: to 1, and to 3.
  CHECK(hopsOf(grid, 4, true, 1, false, 2) == 2 + 1 + 3);
}

TEST_CASE("several loops along one dimension", "[Delivery]") {
  // a in 2 steps of stride 3, b in 3: place 3 * a + b, of 6.
  auto fansOf = [](bool sharedA, bool sharedB) {
    return std::vector<Fan>{{-1, "x", 2, sharedA, 3}, {-1, "x", 3, sharedB, 1}};
  };
  for (Topology topology : {Topology::Mesh, Topology::Ring})
    for (bool sharedA : {false, true})
      for (bool sharedB : {false, true}) {
        Grid grid{topology, 6, 1};
        // All wires that the places of a word, in rising order, take: to the
        // first of them the shorter way, and on from there.
        double sum = 0, words = 0;
        for (uint64_t a = 0; a < (sharedA ? 1 : 2); ++a)
          for (uint64_t b = 0; b < (sharedB ? 1 : 3); ++b) {
            uint64_t first = 3 * a + b,
                     last = first + (sharedA ? 3 : 0) + (sharedB ? 2 : 0);
            uint64_t reach =
                topology == Topology::Ring ? std::min(first, 6 - last) : first;
            sum += static_cast<double>(1 + reach + last - first);
            ++words;
          }
        CAPTURE(sharedA, sharedB);
        auto crossings = crossingsOf(makeMachine(grid, 0), 0, {0},
                                     fansOf(sharedA, sharedB), false);
        CHECK(crossings[0].hops == Approx(sum / words));
      }
  // By hand, a shared: words for places 0 and 3, 1 and 4, 2 and 5.
  Grid line{Topology::Mesh, 6, 1};
  CHECK(crossingsOf(makeMachine(line, 0), 0, {0}, fansOf(true, false), false)[0]
            .hops == 1 + (3 + 4 + 5) / 3.0);
  // 6 units share a word, 4 of them at a time: 2 copies, to 3 and to 5.
  CHECK(repeatsOf(makeMachine(line, 4), 0, fansOf(true, true), false) == 2);
  CHECK(crossingsOf(makeMachine(line, 4), 0, {0}, fansOf(true, true), false)[0]
            .hops == 2 + 3 + 5);
  // 2 units share a word.
  CHECK(repeatsOf(makeMachine(line, 1), 0, fansOf(true, false), false) == 2);
}

TEST_CASE("links between two places", "[Delivery]") {
  ArchSpec spec = makeMachine({Topology::Bus, 4, 4}, 0);
  spec.levels.resize(3);
  spec.levels[1].name = "L2";
  spec.levels[1].parent = 0;
  spec.levels[1].link = 1;
  spec.levels[2].name = "rf";
  spec.levels[2].parent = 1;
  spec.levels[2].perArray = 0;
  spec.links.resize(2);
  spec.links[1].level = 1;
  spec.arrays[0].level = 2;
  CHECK(linksInto(spec, 0).empty());
  CHECK(linksInto(spec, 1) == std::vector<int>{1});
  CHECK(linksInto(spec, 2) == std::vector<int>{1, 0});
  CHECK(linksIntoArray(spec, 0) == std::vector<int>{1, 0});
  CHECK(linksBetween(linksInto(spec, 1), linksIntoArray(spec, 0)) ==
        std::vector<int>{0});
  CHECK(linksBetween(linksInto(spec, 2), linksIntoArray(spec, 0)).empty());
}
