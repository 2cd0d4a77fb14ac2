//===- NpyFileTest.cpp - NumPy's files ------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/NpyFile.h"

#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::interp;

static std::string file(const std::string &header, const std::string &data,
                        char version = 1) {
  std::string bytes("\x93NUMPY");
  bytes += {version, '\0', static_cast<char>(header.size()), '\0'};
  if (version > 1)
    bytes += {'\0', '\0'};
  return bytes + header + data;
}

static std::string header(const std::string &type, const std::string &shape,
                          const std::string &order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }\n";
}

static std::vector<double> read(const std::string &bytes) {
  Diagnostics diagnostics;
  auto tensor = parseNpy(bytes, "x.npy", diagnostics);
  REQUIRE(tensor);
  std::vector<double> values;
  for (size_t i = 0; i < tensor->size(); ++i)
    values.push_back(tensor->toDouble(i));
  return values;
}

static std::string errorOf(const std::string &bytes) {
  Diagnostics diagnostics;
  CHECK_FALSE(parseNpy(bytes, "x.npy", diagnostics));
  std::string text;
  llvm::raw_string_ostream os(text);
  diagnostics.print(os);
  return text;
}

using namespace std::string_literals;

TEST_CASE("types and byte orders of .npy files", "[interpreter]") {
  CHECK(read(file(header("<f4", "(2,)"), "\0\0\x80\x3f\0\0\0\xc0"s)) ==
        std::vector<double>{1, -2});
  CHECK(read(file(header(">f4", "(1,)"), "\x3f\x80\0\0"s)) ==
        std::vector<double>{1});
  CHECK(read(file(header("<f2", "(2,)"), "\0\x3c\0\x7c"s)) ==
        std::vector<double>{1, HUGE_VAL});
  CHECK(read(file(header("<f8", "()"), "\0\0\0\0\0\0\xf0\x3f"s)) ==
        std::vector<double>{1});
  CHECK(read(file(header("<i2", "(1,)"), "\xfe\xff"s)) ==
        std::vector<double>{-2});
  CHECK(read(file(header("<u2", "(1,)"), "\xfe\xff"s)) ==
        std::vector<double>{65534});
  CHECK(read(file(header("|i1", "(2,)"), "\xff\x7f"s)) ==
        std::vector<double>{-1, 127});
  CHECK(read(file(header("|b1", "(2,)"), "\1\0"s)) ==
        std::vector<double>{1, 0});
  CHECK(read(file(header("|u1", "(1,)"), "\xff"s, 2)) ==
        std::vector<double>{255});
}

TEST_CASE("the first rank may be innermost", "[interpreter]") {
  CHECK(read(file(header("|i1", "(2, 3)", "True"), "\0\3\1\4\2\5"s)) ==
        std::vector<double>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("what is written is read back", "[interpreter]") {
  Tensor tensor;
  tensor.format = findFloatFormat("f16");
  tensor.extents = {3, 1};
  for (double value : {0.5, -HUGE_VAL, 3.0})
    tensor.values.push_back(Scalar::ofReal(value));
  CHECK(read(printNpy(tensor)) == std::vector<double>{0.5, -HUGE_VAL, 3});
  CHECK(printNpy(tensor).size() % 64 ==
        24); // data after a multiple of 64 bytes
  tensor.present = {1, 1, 0};
  CHECK(std::isnan(read(printNpy(tensor))[2]));
  tensor.present.clear();
  tensor.format = getIntegerFormat(64);
  tensor.extents = {1};
  tensor.values = {Scalar::ofInteger(-(INT64_C(1) << 60))};
  CHECK(read(printNpy(tensor)) == std::vector<double>{-0x1p60});
  tensor.format = getIntegerFormat(1);
  tensor.values = {Scalar::ofInteger(1)};
  CHECK(read(printNpy(tensor)) == std::vector<double>{1});
}

TEST_CASE("bad .npy files are refused with the reason", "[interpreter]") {
  CHECK(errorOf("PK") ==
        "x.npy: error: the file is not a .npy array: it does not start "
        "with \\x93NUMPY\n");
  CHECK(errorOf("\x93NUMPY") != "");
  CHECK(errorOf(file("", "", 9)) ==
        "x.npy: error: the file has version 9 of the .npy "
        "format; versions 1 to 3 are read\n");
  std::string whole = file(header("<f4", "(2,)"), "12345678");
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK(errorOf(whole.substr(0, length)) != "");
  CHECK(errorOf(whole + "x") ==
        "x.npy: error: the shape takes 2 elements of 4 bytes, but "
        "9 bytes follow the header\n");
  CHECK(errorOf(file(header("<c8", "(1,)"), "12345678")) ==
        "x.npy: error: the array holds '<c8'; booleans, integers of 1 to 8 "
        "bytes and "
        "floats of 2, 4 or 8 are read\n");
  CHECK(errorOf(file(header("<f3", "(1,)"), "123")) != "");
  CHECK(errorOf(file(header("|f1", "(1,)"), "1")) != "");
  CHECK(errorOf(file(header("<f4", "(-1,)"), "")) ==
        "x.npy: error: '-1' is no extent\n");
  CHECK(errorOf(file(header("<f4", "2"), "")) != "");
  CHECK(errorOf(file(
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
            "1234")) != "");
  CHECK(errorOf(file("{}", "")) == "x.npy: error: the header has no 'descr', "
                                   "'fortran_order' and 'shape'\n");
  CHECK(errorOf(file(header("<f4", "(4294967296, 4294967296)"), "")) != "");
  CHECK(errorOf(
            file(header("<u8", "(1,)"), "\xff\xff\xff\xff\xff\xff\xff\xff")) ==
        "x.npy: error: the array holds an integer above 2^63 - 1\n");
}
