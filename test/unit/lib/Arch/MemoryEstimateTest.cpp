//===- MemoryEstimateTest.cpp ---------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/MemoryEstimate.h"
#include "lib/Arch/LogTable.h"
#include <catch2/catch.hpp>

using namespace einsum::arch;

namespace {

constexpr double KiB = 1024, MiB = 1024 * KiB;

MemoryEstimate sram(MemoryShape shape) {
  std::string problem;
  auto estimate = estimateSram(shape, problem);
  INFO(problem);
  REQUIRE(estimate);
  return *estimate;
}

} // namespace

TEST_CASE("tabulated SRAMs come out as tabulated", "[MemoryEstimate]") {
  CHECK(sram({1 * MiB, 8, 1, 1, 45}).readPj == Approx(64 * 1.461));
  CHECK(sram({1 * MiB, 8, 1, 1, 45}).writePj == Approx(64 * 1.190));
  CHECK(sram({64 * KiB, 64, 1, 1, 22}).readPj == Approx(512 * .039));
  CHECK(sram({64 * MiB, 64, 1, 1, 45}).writePj == Approx(512 * 8.105));
  CHECK(sram({2 * KiB, 8, 1, 1, 22}).readPj == Approx(64 * .010));
  CHECK(sram({1 * MiB, 64, 8, 1, 45}).readPj == Approx(512 * 1.007));
  CHECK(sram({1 * MiB, 64, 1, 2, 45}).readPj == Approx(512 * 1.83));
}

TEST_CASE("between points, logarithms are linear", "[MemoryEstimate]") {
  double between = std::sqrt(1.461 * 1.993);
  CHECK(sram({std::sqrt(2.) * MiB, 8, 1, 1, 45}).readPj ==
        Approx(64 * between));
  // 181 bits lie half way between 64 and 512.
  CHECK(sram({1 * MiB, 8, 1, 1, 45}).readPj / 64 >
        sram({1 * MiB, 16, 1, 1, 45}).readPj / 128);
  // Any smaller node is cheaper.
  double before = 1e9;
  for (double node : {90, 65, 45, 32, 22, 16, 7, 5}) {
    double pj = sram({1 * MiB, 64, 1, 1, node}).readPj;
    CHECK(pj < before);
    before = pj;
  }
  // The 22 nm point scaled to 7 nm: .468 pJ/bit at 4 MiB become .264.
  CHECK(sram({4 * MiB, 64, 1, 1, 7}).readPj / 512 == Approx(.264).epsilon(.01));
}

TEST_CASE("what is read off is said", "[MemoryEstimate]") {
  CHECK(sram({1 * MiB, 64, 1, 1, 45}).text.find("interpolated") == 0);
  CHECK(sram({256 * MiB, 64, 1, 1, 45}).text.find("extrapolated") == 0);
  std::string problem;
  CHECK_FALSE(estimateSram({64 * 1024 * MiB, 64, 1, 1, 45}, problem));
  CHECK(problem.find("beyond the table") != std::string::npos);
  CHECK_FALSE(estimateSram({1 * MiB, 64, 1, 9, 45}, problem));
  CHECK_FALSE(estimateRegisters({64 * KiB, 2, 1, 1, 45}, problem));
}

TEST_CASE("register files of FuseMax come out as published",
          "[MemoryEstimate]") {
  std::string problem;
  auto twelve = estimateRegisters({24, 2, 1, 1, 45}, problem);
  REQUIRE(twelve);
  CHECK(twelve->readPj == Approx(.653));
  CHECK(twelve->writePj == Approx(.570));
  CHECK(twelve->areaUm2 == Approx(4255.9));
  auto wide = estimateRegisters({48, 4, 1, 1, 45}, problem);
  CHECK(wide->readPj == Approx(2 * .653));
}

TEST_CASE("logic follows Stillmaker and Baas", "[LogTable]") {
  CHECK(nodeEnergyRatio(45, .8) == Approx(1));
  CHECK(nodeEnergyRatio(130, .8) == Approx(3.07).epsilon(.002));
  CHECK(nodeEnergyRatio(7, .8) == Approx(.094).epsilon(.006));
  CHECK(nodeEnergyRatio(7, .9) == Approx(.102).epsilon(.006));
  CHECK(nodeEnergyRatio(5, .8) == Approx(.080).epsilon(.01));
  CHECK(nodeAreaRatio(7) == Approx(.059));
  CHECK(nodeAreaRatio(3) == Approx(.025).epsilon(.02));
  LogTable line{{1, 2}, {4, 8}};
  CHECK(line(2) == Approx(4));
  CHECK(line(16) == Approx(32));
}
