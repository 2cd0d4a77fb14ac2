//===- MemoryEstimate.cpp - Energy of a memory from its shape -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/MemoryEstimate.h"
#include "lib/Arch/LogTable.h"
#include <algorithm>
#include <cmath>

using namespace einsum;
using namespace einsum::arch;

namespace {

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// pJ per bit by KiB.
const LogTable read45x64{
    {2, .043},     {4, .053},      {8, .096},      {16, .181},
    {32, .266},    {64, .404},     {128, .505},    {256, .699},
    {512, 1.068},  {1024, 1.461},  {2048, 1.993},  {4096, 2.949},
    {8192, 3.983}, {16384, 5.489}, {32768, 7.576}, {65536, 10.643}};
const LogTable write45x64{
    {2, .066},     {4, .101},      {8, .123},      {16, .167},
    {32, .241},    {64, .307},     {128, .407},    {256, .602},
    {512, .802},   {1024, 1.190},  {2048, 1.722},  {4096, 2.423},
    {8192, 3.457}, {16384, 4.963}, {32768, 7.050}, {65536, 10.117}};
const LogTable read45x512{{4, .060},      {8, .062},      {16, .067},
                          {32, .078},     {64, .150},     {128, .191},
                          {256, .389},    {512, .536},    {1024, .848},
                          {2048, 1.220},  {4096, 1.836},  {8192, 2.730},
                          {16384, 3.970}, {32768, 5.633}, {65536, 8.207}};
const LogTable write45x512{{4, .073},      {8, .091},      {16, .126},
                           {32, .196},     {64, .247},     {128, .388},
                           {256, .446},    {512, .651},    {1024, .963},
                           {2048, 1.171},  {4096, 1.787},  {8192, 2.681},
                           {16384, 3.922}, {32768, 5.585}, {65536, 8.105}};
const LogTable read22x64{
    {2, .010},    {4, .018},      {8, .025},      {16, .041},
    {32, .059},   {64, .089},     {128, .116},    {256, .185},
    {512, .239},  {1024, .367},   {2048, .494},   {4096, .685},
    {8192, .937}, {16384, 1.299}, {32768, 1.875}, {65536, 2.620}};
const LogTable write22x64{
    {2, .015},    {4, .020},      {8, .028},      {16, .036},
    {32, .049},   {64, .069},     {128, .096},    {256, .138},
    {512, .191},  {1024, .273},   {2048, .401},   {4096, .592},
    {8192, .844}, {16384, 1.223}, {32768, 1.693}, {65536, 2.435}};
const LogTable read22x512{
    {4, .014},    {8, .015},    {16, .017},    {32, .020},     {64, .039},
    {128, .061},  {256, .099},  {512, .142},   {1024, .227},   {2048, .304},
    {4096, .468}, {8192, .684}, {16384, .985}, {32768, 1.438}, {65536, 2.008}};
const LogTable write22x512{
    {4, .017},    {8, .021},    {16, .030},    {32, .046},     {64, .058},
    {128, .081},  {256, .105},  {512, .149},   {1024, .234},   {2048, .283},
    {4096, .428}, {8192, .644}, {16384, .945}, {32768, 1.464}, {65536, 2.034}};

/// Read energy per bit by width in bits, at 45 nm; by KiB.
const std::pair<double, LogTable> widths[] = {
    {64,
     {{16, .957},
      {32, .556},
      {64, .404},
      {128, .307},
      {256, .202},
      {512, .150},
      {1024, .124},
      {2048, .208},
      {4096, .388}}},
    {1024,
     {{16, 2.88},
      {32, 2.14},
      {64, 1.46},
      {128, 1.20},
      {256, .98},
      {512, .85},
      {1024, .74},
      {2048, .55},
      {4096, .46}}},
    {16384,
     {{16, 13.7},
      {32, 6.9},
      {64, 5.5},
      {128, 4.6},
      {256, 4.2},
      {512, 4.0},
      {1024, 4.0},
      {2048, 4.0},
      {4096, 3.1}}},
};

/// Read energy per bit by banks, at 45 nm and 512 bits; by KiB.
const std::pair<double, LogTable> banking[] = {
    {64, {{1, .150}, {2, .181}, {4, .273}, {8, .349}, {16, .563}, {32, .662}}},
    {1024,
     {{1, .848}, {2, .850}, {4, .958}, {8, 1.007}, {16, .969}, {32, 1.211}}},
    {16384,
     {{1, 3.97}, {2, 3.96}, {4, 3.98}, {8, 4.08}, {16, 3.99}, {32, 4.19}}},
};

/// Read energy per bit and area by ports, 1 MiB at 512 bits and 45 nm.
const LogTable portEnergy{{1, .848}, {2, 1.83}, {4, 2.95}};
const LogTable portArea{{1, 3.95}, {2, 8.96}, {4, 19.4}};

/// Read energy by node, 512 bits.
const LogTable nodes{{22, .25}, {32, .56}, {45, 1}, {65, 1.9}, {90, 3.3}};

/// pJ per access of 16 bits and um^2, by entries; 45 nm.
const LogTable registerRead{{4, .292}, {12, .653}, {32, 2.194}};
const LogTable registerWrite{{4, .225}, {12, .570}, {32, 1.906}};
const LogTable registerArea{{4, 1838}, {12, 4255.9}, {32, 16849}};

/// A family of curves over one variable, interpolated in the size.
double between(const std::pair<double, LogTable> *curves, size_t count,
               double kib, double at) {
  if (kib <= curves[0].first)
    return curves[0].second(at);
  for (size_t i = 1; i < count; ++i)
    if (kib <= curves[i].first) {
      double share = std::log(kib / curves[i - 1].first) /
                     std::log(curves[i].first / curves[i - 1].first);
      return std::exp(std::log(curves[i - 1].second(at)) * (1 - share) +
                      std::log(curves[i].second(at)) * share);
    }
  return curves[count - 1].second(at);
}

template <size_t n>
double ratio(const std::pair<double, LogTable> (&curves)[n], double kib,
             double at, double to) {
  return between(curves, n, kib, at) / between(curves, n, kib, to);
}

/// Energy per bit at any width from the two that are tabulated.
double atWidth(const LogTable &narrow, const LogTable &wide, double kib,
               double bits) {
  if (bits < 64)
    return narrow(kib) * ratio(widths, kib, bits, 64);
  if (bits > 512)
    return wide(kib) * ratio(widths, kib, bits, 512);
  double share = std::log(bits / 64) / std::log(512. / 64);
  return std::exp(std::log(narrow(kib)) * (1 - share) +
                  std::log(wide(kib)) * share);
}

/// From 45 and 22 nm to any node: the two points and, beyond them, ratios.
double atNode(double at45, double at22, double node) {
  if (node >= 45)
    return at45 * sramNodeRatio(node);
  if (node <= 22)
    return at22 * sramNodeRatio(node) / sramNodeRatio(22);
  double share = std::log(node / 22) / std::log(45. / 22);
  return std::exp(std::log(at22) * (1 - share) + std::log(at45) * share);
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

std::string describeShape(const MemoryShape &shape) {
  std::string text = number(shape.capacityBytes / 1024) + " KiB, " +
                     std::to_string(8 * shape.accessBytes) + " bit";
  if (shape.banks > 1)
    text += ", " + std::to_string(shape.banks) + " banks";
  if (shape.ports > 1)
    text += ", " + std::to_string(shape.ports) + " ports";
  return text + ", " + number(shape.nodeNm) + " nm";
}

bool isBeyond(double value, double least, double most, const std::string &what,
              const std::string &unit, std::string &problem) {
  if (value >= least && value <= most)
    return false;
  problem = what + " of " + number(value) + unit + " is beyond the table, " +
            number(least) + " to " + number(most) + unit;
  return true;
}

} // namespace

double arch::sramNodeRatio(double node) {
  if (node >= 22)
    return nodes(std::min(node, 90.)) * std::max(1., node / 90);
  return nodes(22) * std::sqrt(node / 22); // as hwcomponents goes on
}

std::optional<MemoryEstimate> arch::estimateSram(const MemoryShape &shape,
                                                 std::string &problem) {
  double kib = shape.capacityBytes / 1024, bits = 8. * shape.accessBytes;
  if (isBeyond(kib, 2. / 16, 65536. * 16, "a capacity", " KiB", problem) ||
      isBeyond(bits, 8, 8192, "an access", " bit", problem) ||
      isBeyond(shape.banks, 1, 128, "a number of banks", "", problem) ||
      isBeyond(shape.ports, 1, 4, "a number of ports", "", problem) ||
      isBeyond(shape.nodeNm, 2, 180, "a node", " nm", problem))
    return std::nullopt;
  double banks =
      ratio(banking, kib, double(std::min<uint64_t>(shape.banks, 32)), 1);
  double ports = portEnergy(double(shape.ports)) / portEnergy(1);
  MemoryEstimate estimate;
  double perBit =
      atNode(atWidth(read45x64, read45x512, kib, bits),
             atWidth(read22x64, read22x512, kib, bits), shape.nodeNm);
  estimate.readPj = perBit * bits * banks * ports;
  perBit = atNode(atWidth(write45x64, write45x512, kib, bits),
                  atWidth(write22x64, write22x512, kib, bits), shape.nodeNm);
  estimate.writePj = perBit * bits * banks * ports;

  // CACTI's densities; small memories are mostly periphery.
  double node = shape.nodeNm;
  double perBitArea =
      node >= 45 ? .40 * (node / 45) * (node / 45)
      : node <= 22
          ? .103 * (node / 22)
          : std::exp(std::log(.103) + std::log(node / 22) / std::log(45. / 22) *
                                          std::log(.40 / .103));
  double periphery = kib >= 64  ? 1
                     : kib <= 8 ? 4
                                : 4 * std::pow(kib / 8, -2. / 3);
  estimate.areaUm2 = perBitArea * periphery * shape.capacityBytes * 8 *
                     portArea(double(shape.ports)) / portArea(1);
  double megabytes = kib / 1024;
  estimate.leakageW =
      megabytes * 1e-3 *
      (node >= 45 ? .025
       : node <= 22
           ? .14 * std::sqrt(node / 22) * .79
           : std::exp(std::log(.14) + std::log(node / 22) / std::log(45. / 22) *
                                          std::log(.025 / .14)));
  bool extrapolated = kib < 2 || kib > 65536 || bits < 16 || bits > 4096 ||
                      shape.banks > 32 || node < 22 || node > 45;
  estimate.text = std::string(extrapolated ? "extrapolated" : "interpolated") +
                  " from CACTI 7 points (itrs-lstp) for " +
                  describeShape(shape);
  return estimate;
}

std::optional<MemoryEstimate> arch::estimateRegisters(const MemoryShape &shape,
                                                      std::string &problem) {
  double words = double(shape.accessBytes) / 2; // of 16 bits
  double entries = shape.capacityBytes / double(shape.accessBytes);
  if (isBeyond(entries, 1, 32 * 16, "a number of entries", "", problem) ||
      isBeyond(shape.nodeNm, 2, 180, "a node", " nm", problem))
    return std::nullopt;
  double node = shape.nodeNm, energy = nodeEnergyRatio(node, .8),
         area = nodeAreaRatio(node);
  MemoryEstimate estimate;
  estimate.readPj = registerRead(entries) * words * energy;
  estimate.writePj = registerWrite(entries) * words * energy;
  estimate.areaUm2 = registerArea(entries) * words * area;
  estimate.text =
      std::string(entries < 4 || entries > 32 ? "extrapolated"
                                              : "interpolated") +
      " from register files of FuseMax's artifact (45 nm, Aladdin) for " +
      number(entries) + " entries of " + std::to_string(8 * shape.accessBytes) +
      " bit";
  if (node != 45)
    estimate.text +=
        ", scaled to " + number(node) + " nm after Stillmaker and Baas 2017";
  return estimate;
}
