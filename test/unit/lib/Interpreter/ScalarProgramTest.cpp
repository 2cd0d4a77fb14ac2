//===- ScalarProgramTest.cpp - Every scalar operation ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Interpreter/Cascades.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::interp;
using namespace einsum::test;
using List = std::vector<double>;

/// A cascade whose tensor Z[m] is `body` of the inputs X and Y, of type `from`.
static std::string mapOf(const std::string &body, const std::string &from,
                         const std::string &to, size_t extent) {
  std::string in = "!einsum.tensor<[m], " + from + ">",
              out = "!einsum.tensor<[m], " + to + ">";
  return "einsum.cascade @c(M = " + std::to_string(extent) +
         ") : f32 {\n"
         "  einsum.rank @m [M] = M\n"
         "  %X = einsum.input \"X\" : " +
         in + "\n  %Y = einsum.input \"Y\" : " + in +
         "\n  %Z = einsum.compute \"Z\" over [m] : [m] = (%X[m], %Y[m]) {\n"
         "  ^bb0(%x: " +
         from + ", %y: " + from + "):\n" + body +
         "    einsum.yield %z : " + to + "\n  } : (" + in + ", " + in +
         ") -> " + out + "\n  einsum.output %Z : " + out + "\n}\n";
}

static List evaluate(const std::string &body, const std::string &from,
                     const std::string &to, const List &x, const List &y,
                     const InterpretOptions &options = declared()) {
  Text text(mapOf(body, from, to, x.size()), /*isMlir=*/true);
  Values values = text.run({{"X", x}, {"Y", y}}, options);
  INFO(body << text.errors);
  CHECK(text.errors == "");
  return values["Z"];
}

static List unary(const std::string &op, const List &x) {
  return evaluate("    %z = " + op + " %x : f64\n", "f64", "f64", x, x);
}

static List binary(const std::string &op, const List &x, const List &y,
                   const std::string &type = "f64") {
  return evaluate("    %z = " + op + " %x, %y : " + type + "\n", type, type, x,
                  y);
}

TEST_CASE("functions of one float", "[interpreter]") {
  struct Row {
    const char *op;
    double (*function)(double);
  };
  const Row rows[] = {
      {"math.absf", std::fabs},
      {"math.exp", std::exp},
      {"math.exp2", std::exp2},
      {"math.expm1", std::expm1},
      {"math.log", std::log},
      {"math.log2", std::log2},
      {"math.log10", std::log10},
      {"math.log1p", std::log1p},
      {"math.sqrt", std::sqrt},
      {"math.cbrt", std::cbrt},
      {"math.sin", std::sin},
      {"math.cos", std::cos},
      {"math.tan", std::tan},
      {"math.asin", std::asin},
      {"math.acos", std::acos},
      {"math.atan", std::atan},
      {"math.sinh", std::sinh},
      {"math.cosh", std::cosh},
      {"math.tanh", std::tanh},
      {"math.asinh", std::asinh},
      {"math.acosh", std::acosh},
      {"math.atanh", std::atanh},
      {"math.erf", std::erf},
      {"math.floor", std::floor},
      {"math.ceil", std::ceil},
      {"math.trunc", std::trunc},
      {"math.round", std::round},
      {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"arith.negf", [](double x) { return -x; }},
      {"einsum.sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
  };
  List inputs = {0, 0.25, 0.5, 1, 1.5, 2.5, -2.5, 700, -800};
  for (const Row &row : rows) {
    List values = unary(row.op, inputs);
    REQUIRE(values.size() == inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      double wanted = row.function(inputs[i]);
      INFO(row.op << " of " << inputs[i]);
      CHECK((std::isnan(wanted) ? std::isnan(values[i]) : values[i] == wanted));
    }
  }
}

TEST_CASE("half-way cases of rounding to a whole number", "[interpreter]") {
  List x = {0.5, 1.5, 2.5, -0.5, -1.5};
  CHECK(unary("math.roundeven", x) == List{0, 2, 2, 0, -2});
  CHECK(unary("math.round", x) == List{1, 2, 3, -1, -2});
}

TEST_CASE("functions of two floats", "[interpreter]") {
  List x = {7, -7, 0, 1}, y = {2, 2, -0.0, kInf};
  CHECK(binary("arith.addf", x, y) == List{9, -5, 0, kInf});
  CHECK(binary("arith.subf", x, y) == List{5, -9, 0, -kInf});
  CHECK(binary("arith.mulf", x, y) == List{14, -14, 0, kInf});
  CHECK(binary("arith.remf", {7, -7, 5.5}, {2, 2, 2}) == List{1, -1, 1.5});
  CHECK(binary("arith.divf", {7, -7, 1}, {2, 2, 0}) == List{3.5, -3.5, kInf});
  CHECK(binary("math.powf", {2, 4, 0}, {10, 0.5, 0}) == List{1024, 2, 1});
  CHECK(binary("math.atan2", {0, 1}, {1, 0}) == List{0, std::atan2(1, 0)});
  CHECK(binary("math.copysign", {3, -3}, {-1, 1}) == List{-3, 3});
}

TEST_CASE("maxima and minima know NaN and signed zero", "[interpreter]") {
  List x = {1, kNaN, 1, -0.0}, y = {2, 1, kNaN, 0.0};
  List maximum = binary("arith.maximumf", x, y);
  CHECK(maximum[0] == 2);
  CHECK(std::isnan(maximum[1]));
  CHECK(std::isnan(maximum[2]));
  CHECK_FALSE(std::signbit(maximum[3]));
  CHECK(std::signbit(binary("arith.minimumf", x, y)[3]));
  CHECK(binary("arith.maxnumf", x, y) == List{2, 1, 1, 0});
  CHECK(binary("arith.minnumf", x, y) == List{1, 1, 1, 0});
}

TEST_CASE("integers of eight bits", "[interpreter]") {
  auto i8 = [](const char *op, const List &x, const List &y) {
    return binary(op, x, y, "i8");
  };
  List x = {7, -7, 7, -7, -128}, y = {2, 2, -2, -2, -1};
  CHECK(i8("arith.addi", {127, 1}, {1, 2}) == List{-128, 3});
  CHECK(i8("arith.subi", {-128, 1}, {1, 2}) == List{127, -1});
  CHECK(i8("arith.muli", {100, 3}, {3, -4}) == List{44, -12});
  CHECK(i8("arith.divsi", x, y) == List{3, -3, -3, 3, -128});
  CHECK(i8("arith.remsi", x, y) == List{1, -1, 1, -1, 0});
  CHECK(i8("arith.floordivsi", x, y) == List{3, -4, -4, 3, -128});
  CHECK(i8("arith.ceildivsi", x, y) == List{4, -3, -3, 4, -128});
  CHECK(i8("arith.divui", {-1, 7}, {2, 2}) == List{127, 3});
  CHECK(i8("arith.remui", {-1, 7}, {2, 4}) == List{1, 3});
  CHECK(i8("arith.ceildivui", {-1, 6}, {2, 4}) == List{-128, 2});
  CHECK(i8("arith.maxsi", {-1, 3}, {1, 2}) == List{1, 3});
  CHECK(i8("arith.minsi", {-1, 3}, {1, 2}) == List{-1, 2});
  CHECK(i8("arith.maxui", {-1, 3}, {1, 2}) == List{-1, 3});
  CHECK(i8("arith.minui", {-1, 3}, {1, 2}) == List{1, 2});
  CHECK(i8("arith.andi", {12, -1}, {10, 5}) == List{8, 5});
  CHECK(i8("arith.ori", {12, 0}, {10, 5}) == List{14, 5});
  CHECK(i8("arith.xori", {12, -1}, {10, 0}) == List{6, -1});
  CHECK(i8("arith.shli", {1, 1, 1}, {7, 8, 1}) == List{-128, 0, 2});
  CHECK(i8("arith.shrsi", {-8, -8, 8}, {1, 9, 2}) == List{-4, -1, 2});
  CHECK(i8("arith.shrui", {-8, -8, 8}, {1, 9, 2}) == List{124, 0, 2});
  CHECK(i8("math.ipowi", {2, -3, 2, -1}, {3, 3, -1, -3}) ==
        List{8, -27, 0, -1});
  CHECK(evaluate("    %z = math.absi %x : i8\n", "i8", "i8", {-5, -128, 5},
                 {0, 0, 0}) == List{5, -128, 5});
}

TEST_CASE("integers are exact beyond 2^53", "[interpreter]") {
  // 2^53 + 1 has no double.
  List z = evaluate("    %c = arith.constant 9007199254740993 : i64\n"
                    "    %d = arith.constant 9007199254740992 : i64\n"
                    "    %z = arith.subi %c, %d : i64\n",
                    "i64", "i64", {0}, {0});
  CHECK(z == List{1});
}

TEST_CASE("comparisons select", "[interpreter]") {
  auto compare = [](const std::string &predicate, double a, double b) {
    return evaluate("    %z = arith.cmpf " + predicate + ", %x, %y : f64\n",
                    "f64", "i1", {a}, {b})[0];
  };
  struct Row {
    const char *predicate;
    bool less, equal, greater, unordered;
  };
  const Row rows[] = {
      {"false", false, false, false, false}, {"oeq", false, true, false, false},
      {"ogt", false, false, true, false},    {"oge", false, true, true, false},
      {"olt", true, false, false, false},    {"ole", true, true, false, false},
      {"one", true, false, true, false},     {"ord", true, true, true, false},
      {"ueq", false, true, false, true},     {"ugt", false, false, true, true},
      {"uge", false, true, true, true},      {"ult", true, false, false, true},
      {"ule", true, true, false, true},      {"une", true, false, true, true},
      {"uno", false, false, false, true},    {"true", true, true, true, true}};
  for (const Row &row : rows) {
    INFO(row.predicate);
    CHECK(compare(row.predicate, 1, 2) == row.less);
    CHECK(compare(row.predicate, 2, 2) == row.equal);
    CHECK(compare(row.predicate, 3, 2) == row.greater);
    CHECK(compare(row.predicate, kNaN, 2) == row.unordered);
  }
  auto compareInts = [](const std::string &predicate, double a, double b) {
    return evaluate("    %z = arith.cmpi " + predicate + ", %x, %y : i8\n",
                    "i8", "i1", {a}, {b})[0];
  };
  CHECK(compareInts("slt", -1, 1) == 1);
  CHECK(compareInts("ult", -1, 1) == 0);
  CHECK(compareInts("uge", -1, 1) == 1);
  CHECK(compareInts("sle", 1, 1) == 1);
  CHECK(compareInts("ne", 1, 1) == 0);
  CHECK(compareInts("sgt", 2, 1) == 1);
  CHECK(compareInts("ugt", 2, -1) == 0);
  CHECK(compareInts("eq", 2, 2) == 1);
  CHECK(evaluate("    %c = arith.cmpf ogt, %x, %y : f64\n"
                 "    %z = arith.select %c, %x, %y : f64\n",
                 "f64", "f64", {1, 5}, {2, 4}) == List{2, 5});
}

TEST_CASE("conversions", "[interpreter]") {
  auto cast = [](const char *op, const std::string &from, const std::string &to,
                 const List &x) {
    return evaluate("    %z = " + std::string(op) + " %x : " + from + " to " +
                        to + "\n",
                    from, to, x, x);
  };
  CHECK(cast("arith.truncf", "f64", "f16", {2049, 65520, 0.1}) ==
        List{2048, kInf, 0.0999755859375});
  CHECK(cast("arith.extf", "f16", "f32", {1.5}) == List{1.5});
  CHECK(cast("arith.sitofp", "i8", "f32", {-3, 7}) == List{-3, 7});
  CHECK(cast("arith.uitofp", "i8", "f32", {-3, 7}) == List{253, 7});
  CHECK(cast("arith.sitofp", "i1", "f32", {1, 0}) == List{-1, 0});
  CHECK(cast("arith.uitofp", "i1", "f32", {1, 0}) == List{1, 0});
  CHECK(cast("arith.fptosi", "f32", "i8", {2.9, -2.9, 1000, -1000, kNaN}) ==
        List{2, -2, 127, -128, 0});
  CHECK(cast("arith.fptoui", "f32", "i8", {2.9, -2.9, 200, 1000}) ==
        List{2, 0, -56, -1});
  CHECK(cast("arith.extsi", "i8", "i32", {-3}) == List{-3});
  CHECK(cast("arith.extui", "i8", "i32", {-3}) == List{253});
  CHECK(cast("arith.extui", "i1", "i32", {1}) == List{1});
  CHECK(cast("arith.extsi", "i1", "i32", {1}) == List{-1});
  CHECK(cast("arith.trunci", "i32", "i8", {300, -129}) == List{44, 127});
  CHECK(cast("arith.index_cast", "i32", "index", {-5}) == List{-5});
  CHECK(cast("arith.index_cast", "index", "i8", {300}) == List{44});
  CHECK(cast("arith.index_castui", "i8", "index", {-1}) == List{255});
}

TEST_CASE("a large integer is rounded to f32 once", "[interpreter]") {
  // Just above the middle of two floats; by way of f64 it would be the middle.
  List z = evaluate("    %c = arith.constant 9007199791611905 : i64\n"
                    "    %z = arith.sitofp %c : i64 to f32\n",
                    "i64", "f32", {0}, {0});
  CHECK(z == List{static_cast<double>(
                 static_cast<float>(INT64_C(9007199791611905)))});
}

TEST_CASE("a fused multiply-add rounds once", "[interpreter]") {
  std::string body = "    %c = arith.constant 1.0 : f32\n"
                     "    %z = math.fma %x, %y, %c : f32\n";
  List x, y, wanted;
  uint32_t state = 1;
  auto next = [&] {
    state = state * 1664525 + 1013904223;
    return std::ldexp(static_cast<float>(state >> 8), -int(state % 48));
  };
  for (int i = 0; i < 5000; ++i) {
    float a = next(), b = -next();
    x.push_back(a);
    y.push_back(b);
    wanted.push_back(std::fma(a, b, 1.0F));
  }
  CHECK(evaluate(body, "f32", "f32", x, y) == wanted);
}

TEST_CASE("powers of floats with whole exponents", "[interpreter]") {
  CHECK(evaluate("    %i = arith.constant -2 : i32\n"
                 "    %z = math.fpowi %x, %i : f64, i32\n",
                 "f64", "f64", {4, -2}, {0, 0}) == List{0.0625, 0.25});
}

TEST_CASE("what is refused is named", "[interpreter]") {
  auto errors = [](const std::string &body, const std::string &from,
                   const std::string &to) {
    Text text(mapOf(body, from, to, 1), /*isMlir=*/true);
    CHECK(text.run({{"X", {1}}, {"Y", {0}}}).empty());
    return text.errors;
  };
  CHECK(errors("    %z = math.ctpop %x : i8\n", "i8", "i8") ==
        "'math.ctpop' is not an operation that the interpreter evaluates\n");
  CHECK(errors("    %z = arith.addf %x, %y : f128\n", "f128", "f128") ==
        "the interpreter computes with scalars of at most 64 bits, found "
        "'f128'\n");
  CHECK(errors("    %z = arith.divsi %x, %y : i8\n", "i8", "i8") ==
        "divides an integer by zero at [m = 0]\n");
  CHECK(errors("    %z = arith.remui %x, %y : index\n", "index", "index") ==
        "divides an integer by zero at [m = 0]\n");
}
