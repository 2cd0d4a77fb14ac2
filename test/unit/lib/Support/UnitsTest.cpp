//===- UnitsTest.cpp ------------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Units.h"
#include <catch2/catch.hpp>

using namespace einsum;

namespace {

Parameters sample() { return {{{"N", 4}, {"rows", 256}, {"zero", 0}}, {}}; }

double value(llvm::StringRef text, Dimension dimension) {
  Parameters parameters = sample();
  QuantityError error;
  auto result = parseQuantity(text, "x", dimension, parameters, error);
  INFO(text.str() << ": " << error.message);
  REQUIRE(result);
  return *result;
}

QuantityError failure(llvm::StringRef text, Dimension dimension) {
  Parameters parameters = sample();
  QuantityError error;
  INFO(text.str());
  REQUIRE_FALSE(parseQuantity(text, "capacity", dimension, parameters, error));
  return error;
}

} // namespace

TEST_CASE("SI and binary prefixes are distinct", "[Units]") {
  CHECK(value("16 MiB", Dimension::Bytes) == 16777216);
  CHECK(value("16 MB", Dimension::Bytes) == 16000000);
  CHECK(value("1 kB", Dimension::Bytes) == 1000);
  CHECK(value("1 KiB", Dimension::Bytes) == 1024);
  CHECK(value("64 bit", Dimension::Bytes) == 8);
  CHECK(value("400 GiB/s", Dimension::BytesPerSecond) == 429496729600.0);
  CHECK(value("8 Gbit/s", Dimension::BytesPerSecond) == 1e9);
}

TEST_CASE("every dimension has its base unit", "[Units]") {
  CHECK(value("940 MHz", Dimension::Hertz) == 940e6);
  CHECK(value("249.6 pJ", Dimension::Picojoules) == 249.6);
  CHECK(value("1 nJ", Dimension::Picojoules) == 1000);
  CHECK(value("4255.9 um^2", Dimension::SquareMicrometres) == 4255.9);
  CHECK(value("2 mm2", Dimension::SquareMicrometres) == 2e6);
  CHECK(value("1.2 mW", Dimension::Watts) == Approx(0.0012));
  CHECK(value("5 ns", Dimension::Seconds) == Approx(5e-9));
  CHECK(value("3 cycles", Dimension::Cycles) == 3);
  CHECK(value("3", Dimension::Cycles) == 3);
}

TEST_CASE("spaces do not matter", "[Units]") {
  CHECK(value("16MiB", Dimension::Bytes) == 16777216);
  CHECK(value("  16  GiB / s ", Dimension::BytesPerSecond) == 17179869184.0);
}

TEST_CASE("arithmetic over parameters", "[Units]") {
  CHECK(value("N*N*2 B", Dimension::Bytes) == 32);
  CHECK(value("2 + 3 * N", Dimension::Count) == 14);
  CHECK(value("(2 + 3) * N", Dimension::Count) == 20);
  CHECK(value("2 ^ 3 ^ 2", Dimension::Count) == 512);
  CHECK(value("-2 ^ 2", Dimension::Count) == -4);
  CHECK(value("7 - 4 - 2", Dimension::Count) == 1);
  CHECK(value("8 / 4 / 2", Dimension::Count) == 1);
  CHECK(value("min(3, N, 9)", Dimension::Count) == 3);
  CHECK(value("max(3, N)", Dimension::Count) == 4);
  CHECK(value("ceil(7/2) + floor(7/2) + log2(rows)", Dimension::Count) == 15);
  CHECK(value("1e3", Dimension::Count) == 1000);
  CHECK(value("1.5e-1", Dimension::Count) == Approx(0.15));
  CHECK(value("N B", Dimension::Bytes) == 4);
}

TEST_CASE("parameters remember being used", "[Units]") {
  Parameters parameters = sample();
  QuantityError error;
  parseQuantity("N*2 B", "x", Dimension::Bytes, parameters, error);
  CHECK(parameters.used == std::set<std::string>{"N"});
}

TEST_CASE("errors say what and where", "[Units]") {
  struct Case {
    const char *text;
    Dimension dimension;
    size_t offset;
    const char *message;
  };
  for (const Case &c : {
           Case{"16 GHz", Dimension::Bytes, 3,
                "capacity takes bytes (B, KiB, MiB, GiB, ...), found "
                "'16 GHz'"},
           Case{"16", Dimension::Bytes, 0, "without a unit"},
           Case{"16 B", Dimension::Count, 3, "a number without a unit"},
           Case{"16 KIB", Dimension::Bytes, 3, "did you mean 'KiB'?"},
           Case{"4/(N-4) B", Dimension::Bytes, 1, "division by zero"},
           Case{"row*2 B", Dimension::Bytes, 0, "did you mean 'rows'?"},
           Case{"log2(zero)", Dimension::Count, 0, "overflows"},
           Case{"log2(-1)", Dimension::Count, 0, "undefined"},
           Case{"(0-8)^0.5", Dimension::Count, 5, "undefined"},
           Case{"10^400", Dimension::Count, 2, "overflows"},
           Case{"1e308 TiB", Dimension::Bytes, 0, "overflows"},
           Case{"sin(1)", Dimension::Count, 0, "unknown function 'sin'"},
           Case{"min(1)", Dimension::Count, 0, "at least two"},
           Case{"ceil(1, 2)", Dimension::Count, 0, "takes one value"},
           Case{"(1 + 2 B", Dimension::Bytes, 0, "not closed"},
           Case{"1 + ", Dimension::Count, 4, "expected a number"},
           Case{"", Dimension::Count, 0, "expected a number"},
           Case{"1 ) B", Dimension::Bytes, 2, "an operator or a unit"},
           Case{".", Dimension::Count, 0, "is not a number"},
       }) {
    INFO(c.text);
    QuantityError error = failure(c.text, c.dimension);
    CHECK_THAT(error.message, Catch::Contains(c.message));
    CHECK(error.offset == c.offset);
  }
}

TEST_CASE("deep expressions are refused, not followed", "[Units]") {
  CHECK_THAT(failure(std::string(100000, '('), Dimension::Count).message,
             Catch::Contains("too deeply"));
  CHECK_THAT(failure(std::string(100000, '-'), Dimension::Count).message,
             Catch::Contains("too deeply"));
}
