//===- LogTable.h - Straight lines between logarithms -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Energies and areas grow by powers of sizes, so between two points of a table
// log(y) is linear in log(x); beyond the first and last point the line goes on.
// With (1, 2) and (4, 8): f(2) = 4, f(16) = 32. Positive numbers only.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_LOGTABLE_H
#define EINSUM_ARCH_LOGTABLE_H

#include <initializer_list>
#include <utility>
#include <vector>

namespace einsum::arch {

class LogTable {
public:
  using Points = std::vector<std::pair<double, double>>;

  /// In ascending order of x.
  LogTable(std::initializer_list<std::pair<double, double>> points)
      : points(points) {}
  explicit LogTable(Points points) : points(std::move(points)) {}

  double operator()(double x) const;

private:
  Points points;
};

/// Energy and area of logic at a node over those at 45 nm and the same voltage
/// (Stillmaker and Baas 2017; below 7 nm energy goes with the root of the node
/// and area with the node).
double nodeEnergyRatio(double nodeNm, double volts);
double nodeAreaRatio(double nodeNm);

} // namespace einsum::arch

#endif // EINSUM_ARCH_LOGTABLE_H
