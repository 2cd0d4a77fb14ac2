//===- LogTable.cpp - Points with straight lines between logarithms -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/LogTable.h"
#include <cmath>

using namespace einsum::arch;

double LogTable::operator()(double x) const {
  if (points.size() == 1)
    return points.front().second;
  size_t i = 1;
  while (i + 1 < points.size() && x > points[i].first)
    ++i;
  auto [x0, y0] = points[i - 1];
  auto [x1, y1] = points[i];
  if (x == x1)
    return y1;
  double share = std::log(x / x0) / std::log(x1 / x0);
  return y0 * std::pow(y1 / y0, share);
}

namespace {

/// Energy factor a V^2 + b V + c of a node.
struct NodeEnergy {
  double nodeNm, a, b, c;
};

const NodeEnergy energies[] = {
    {7, .1776, -.09097, .02447},  {10, .2068, -.09311, .02375},
    {14, .2363, -.09675, .02239}, {16, .2958, -.1241, .03024},
    {20, .373, -.1582, .04104},   {32, .9559, -.7823, .471},
    {45, 1.103, -.362, .2767},    {65, 3.755, -4.398, 1.975},
    {90, 4.762, -4.781, 2.092},   {130, 7.171, -6.709, 2.904},
};

const LogTable areas{{7, .059}, {10, .10}, {14, .17}, {16, .19}, {20, .21},
                     {32, .46}, {45, 1},   {65, 1.5}, {90, 2.8}, {130, 6.4}};

} // namespace

double einsum::arch::nodeEnergyRatio(double nodeNm, double volts) {
  LogTable::Points points;
  double at45 = 1;
  for (const NodeEnergy &node : energies) {
    double factor = (node.a * volts + node.b) * volts + node.c;
    points.push_back({node.nodeNm, factor});
    if (node.nodeNm == 45)
      at45 = factor;
  }
  LogTable table(points);
  double factor = nodeNm < 7 ? table(7) * std::sqrt(nodeNm / 7) : table(nodeNm);
  return factor / at45;
}

double einsum::arch::nodeAreaRatio(double nodeNm) {
  return nodeNm < 7 ? areas(7) * nodeNm / 7 : areas(nodeNm);
}
