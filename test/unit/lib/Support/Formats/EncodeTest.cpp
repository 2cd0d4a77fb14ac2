//===- EncodeTest.cpp - Blocks by hand, round trips -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Encode.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using namespace einsum::formats;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

namespace {
struct Tensor {
  Storage storage;
  Region region;

  Tensor(const std::string &text, std::vector<int64_t> extents) {
    auto parsed = parseStorage(text);
    INFO(text);
    if (auto *error = std::get_if<StorageError>(&parsed))
      FAIL(error->message);
    storage = std::get<Storage>(parsed);
    std::vector<std::string> ranks = {"m", "e"};
    if (extents.size() == 1)
      ranks = {"e"};
    auto laidOut = layOut(storage, ranks, extents);
    if (auto *message = std::get_if<std::string>(&laidOut))
      FAIL(*message);
    region = std::get<Region>(laidOut);
  }

  Encoded encode(std::vector<double> values) const {
    values.resize(region.countElements());
    return einsum::formats::encode(storage, region, values);
  }
  std::vector<double> decode(const Encoded &encoded) const {
    return einsum::formats::decode(storage, region, encoded);
  }
  std::vector<double> roundTrip(std::vector<double> values) const {
    values.resize(region.countElements());
    einsum::formats::roundTrip(storage, region, values);
    return values;
  }
};
} // namespace

/// The first of them, to compare with an example by hand.
static std::vector<double> firstOf(std::vector<double> values, size_t count) {
  values.resize(count);
  return values;
}

static std::vector<double> sample(size_t count, unsigned seed,
                                  bool hasOutliers = false) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = normal(random) * (hasOutliers && i % 16 == 3 ? 50 : 1);
  return values;
}

static double squaredError(const std::vector<double> &a,
                           const std::vector<double> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

static const char *const kStorages[] = {
    "f32",
    "f16",
    "bf16",
    "fp8e4m3",
    "fp8e5m2",
    "fp6e2m3",
    "fp4e2m1",
    "fp8e4m3 tensor",
    "fp8e5m2 channel m",
    "fp6e3m2(scale=f16) group(32) e",
    "fp8e4m3(scale=bf16) group(4) m group(32) e",
    "int16 tensor",
    "int8 channel e",
    "int8 tensor",
    "int8(scale=bf16) channel m",
    "int4 group(64) e",
    "int3 group(128) e",
    "int2 group(64) e",
    "mxfp8e4m3 block e",
    "mxfp8e5m2 block e",
    "mxfp6e2m3 block e",
    "mxfp6e3m2 block e",
    "mxfp4 block e",
    "mxint8 block e",
    "nvfp4 block e",
    "bfp(mantissa=2) block(8) e",
    "bfp(mantissa=4) block(16) e",
    "bfp(mantissa=16, exponent=5) block(16) e",
    "binary channel m",
    "bipolar4 group(64) e",
    "bitmod4 group(128) e",
    "bitmod3 group(128) e",
    "bitmod4(scale=f16) group(64) e",
};

/// Where what is decoded may encode to something else.
static const char *const kOthers[] = {
    "ternary tensor",
    "binary(bits=3) group(64) e",
    "gear(bits=4, group=64, rank=2, outliers=0.02) matrix m e",
    "int4(scale=u8) group(16) e",
    "int8(asym) channel m",
    "int4(asym) group(128) e",
    "int2(asym) group(64) e",
    "bipolar1 group(64) e"};

TEST_CASE("a block of MXFP4 by hand", "[formats]") {
  // max 11, so the scale is 2^(3 - 2).
  Tensor tensor("mxfp4 block e", {32});
  Encoded encoded = tensor.encode({0.7, -3, 11, 0.3});
  CHECK(encoded.scales == std::vector<uint32_t>{128});
  CHECK(encoded.codes[0] == 0x1); // 0.35 -> 0.5
  CHECK(encoded.codes[1] == 0xb); // -1.5
  CHECK(encoded.codes[2] == 0x7); // 5.5 -> 6
  CHECK(encoded.codes[3] == 0x0);
  CHECK(firstOf(tensor.decode(encoded), 4) ==
        std::vector<double>{1, -3, 12, 0});
  // 15 / 2 = 7.5 is beyond 6: it saturates, since the scale rounds down.
  CHECK(tensor.roundTrip({15})[0] == 12);
  // Ties go to the even significand: 2.5 -> 2, 3.5 -> 4, 5 -> 4, 0.25 -> 0.
  CHECK(firstOf(tensor.roundTrip({4, 2.5, 3.5, 5, 0.25, -0.75}), 6) ==
        std::vector<double>{4, 2, 4, 4, 0, -1});
}

TEST_CASE("blocks of the other MX formats by hand", "[formats]") {
  Tensor fp8("mxfp8e4m3 block e", {32});
  // max 1000, floor(log2) 9, emax 8: scale 2; 500 saturates at 448.
  Encoded encoded = fp8.encode({1000, 17, -0.01});
  CHECK(encoded.scales[0] == 128);
  // 8.5 lies between 8 and 9, ties to even; 0.005 is subnormal: 2.56 * 2^-9.
  CHECK(firstOf(fp8.decode(encoded), 3) ==
        std::vector<double>{896, 16, -3 * 0x1p-9 * 2});
  Tensor e5m2("mxfp8e5m2 block e", {32});
  CHECK(e5m2.encode({1000}).scales[0] == 127 + 9 - 15);
  CHECK(e5m2.roundTrip({1000})[0] == 1024 - 128); // saturates at 1.75 * 2^9
  Tensor fp6("mxfp6e3m2 block e", {32});
  CHECK(fp6.encode({1000}).scales[0] == 127 + 9 - 4);
  CHECK(Tensor("mxfp6e2m3 block e", {32}).encode({7.5}).scales[0] == 127);
  // 1 + 63/64 is the largest code, 127; 1.99 rounds to 127.36 of them.
  Tensor int8("mxint8 block e", {32});
  Encoded ints = int8.encode({1.99, -0.5, 1. / 128, 3. / 128});
  CHECK(ints.scales[0] == 127);
  CHECK(ints.codes[0] == 127);
  CHECK(ints.codes[1] == 0xe0); // -32
  CHECK(ints.codes[2] == 0);    // halfway between 0 and 1
  CHECK(ints.codes[3] == 2);    // halfway between 1 and 2
}

TEST_CASE("two blocks of NVFP4 by hand", "[formats]") {
  Tensor tensor("nvfp4 block e", {32});
  std::vector<double> values(32, 0.0);
  values[0] = 2688; // 6 * 448: the scale of the tensor is 1
  values[1] = 1500;
  values[16] = 3; // block scale 0.5
  values[17] = -0.6;
  Encoded encoded = tensor.encode(values);
  CHECK(encoded.tensorScale == 1);
  const Codes &e4m3 = *Codes::findReal("e4m3");
  CHECK(e4m3.decode(encoded.scales[0]) == 448);
  CHECK(e4m3.decode(encoded.scales[1]) == 0.5);
  std::vector<double> decoded = tensor.decode(encoded);
  CHECK(decoded[0] == 2688);
  CHECK(decoded[1] == 3 * 448); // 3.35 -> 3
  CHECK(decoded[16] == 3);
  CHECK(decoded[17] == -0.5); // -1.2 -> -1
  // 1/3 of that: f32(amax / 2688) is not a power of two.
  for (double &value : values)
    value /= 3;
  encoded = tensor.encode(values);
  CHECK(encoded.tensorScale == static_cast<float>(896. / 2688));
  CHECK(e4m3.decode(encoded.scales[1]) == 0.5);
}

TEST_CASE("integers by hand", "[formats]") {
  Tensor int4("int4(scale=f32) group(4) e", {4});
  // max 3.5: scale 0.5 exactly.
  Encoded encoded = int4.encode({3.5, -3.5, 0.25, 0.75});
  CHECK(encoded.codes == std::vector<uint32_t>{7, 9, 0, 2});
  CHECK(int4.decode(encoded) == std::vector<double>{3.5, -3.5, 0, 1});
  // From -1 to 2 in 0 ... 15: scale 0.2, zero point 5.
  Tensor uint4("int4(asym, scale=f32) group(4) e", {4});
  encoded = uint4.encode({-1, 2, 0, 0.5});
  CHECK(encoded.zeroPoints == std::vector<uint32_t>{5});
  CHECK(encoded.codes == std::vector<uint32_t>{0, 15, 5, 7}); // 2.5 -> 2
  CHECK(uint4.decode(encoded)[2] == 0);
  // All positive: zero is among the codes all the same.
  CHECK(uint4.encode({3, 2, 1, 0.5}).zeroPoints[0] == 0);
  // mean |x| = 1.25.
  Tensor ternary("ternary(scale=f32) tensor", {4});
  CHECK(ternary.roundTrip({3, -1, 0.5, 0.5}) ==
        std::vector<double>{1.25, -1.25, 0, 0});
  Tensor binary("binary(scale=f32) tensor", {4});
  CHECK(binary.roundTrip({3, -1, 0.5, -0.5}) ==
        std::vector<double>{1.25, -1.25, 1.25, -1.25});
  // 1, 3, ..., 15 and minus; 4 is halfway, and 5 has the even code, 1010.
  Tensor bipolar("bipolar4(scale=f32) tensor", {4});
  CHECK(bipolar.roundTrip({15, 0.5, -3.5, 4}) ==
        std::vector<double>{15, 1, -3, 5});
}

TEST_CASE("block floating point keeps the bits below the shared exponent",
          "[formats]") {
  // 5.3 is in [4, 8): four bits with sign leave steps of 2.
  Tensor tensor("bfp(mantissa=4) block(4) e", {4});
  Encoded encoded = tensor.encode({5.3, -1.2, 0.9, 7.9});
  CHECK(encoded.scales[0] == 127 + 2);
  CHECK(tensor.decode(encoded) == std::vector<double>{5, -1, 1, 7});
  // One mantissa bit more halves the step.
  CHECK(Tensor("bfp(mantissa=5) block(4) e", {4})
            .roundTrip({5.3, -1.2, 0.9, 7.9}) ==
        std::vector<double>{5.5, -1, 1, 7.5});
  // Exponents of 3 bits end at 2^-3: smaller numbers have fewer bits.
  CHECK(Tensor("bfp(mantissa=4, exponent=3) block(4) e", {4})
            .roundTrip({0.05, 0.02, 0, 0}) ==
        std::vector<double>{0.0625, 0.03125, 0, 0});
}

TEST_CASE("a group of BitMoD takes the set that fits it best", "[formats]") {
  Tensor tensor("bitmod3(scale=f32) group(8) e", {8});
  // Scale 1 with -6; with the others, -6 would have to be -4 or -3.
  Encoded encoded = tensor.encode({-6, 4, 2, 1, 0, -1, -2, -4});
  CHECK(tensor.decode(encoded) ==
        std::vector<double>{-6, 4, 2, 1, 0, -1, -2, -4});
  Encoded other = tensor.encode({3, 4, 2, 1, 0, -1, -2, -4});
  CHECK(tensor.decode(other) == std::vector<double>{3, 4, 2, 1, 0, -1, -2, -4});
  CHECK(encoded.selectors != other.selectors);
}

TEST_CASE("what is decoded encodes to the same", "[formats]") {
  for (bool hasOutliers : {false, true})
    for (const char *text : kStorages) {
      INFO(text);
      Tensor tensor(text, {8, 128});
      std::vector<double> values = sample(8 * 128, 7, hasOutliers);
      Encoded encoded = tensor.encode(values);
      std::vector<double> once = tensor.decode(encoded);
      CHECK(squaredError(tensor.roundTrip(once), once) == 0);
      CHECK(squaredError(once, values) <
            squaredError(values, {std::vector<double>(values.size(), 0)}));
    }
}

TEST_CASE("without keeping codes, a tensor holds the same", "[formats]") {
  std::vector<const char *> storages(std::begin(kStorages),
                                     std::end(kStorages));
  storages.insert(storages.end(), std::begin(kOthers), std::end(kOthers));
  for (const char *text : storages) {
    INFO(text);
    Tensor tensor(text, {8, 128});
    std::vector<double> values = sample(8 * 128, 3, true);
    Encoded encoded = tensor.encode(values);
    CHECK(tensor.roundTrip(values) == tensor.decode(encoded));
    for (uint32_t code : encoded.codes)
      REQUIRE(uint64_t{code} >> tensor.storage.format.getCodeBits() == 0);
  }
}

TEST_CASE("no element is further off than half a step", "[formats]") {
  std::vector<double> values = sample(8 * 128, 11);
  Tensor tensor("int8(scale=f32) group(128) e", {8, 128});
  Encoded encoded = tensor.encode(values);
  std::vector<double> decoded = tensor.decode(encoded);
  const Codes &f32 = *Codes::findReal("f32");
  for (size_t i = 0; i < values.size(); ++i)
    CHECK(std::fabs(values[i] - decoded[i]) <=
          f32.decode(encoded.scales[i / 128]) * 0.500001);
}

TEST_CASE("elements share a scale where the storage says so", "[formats]") {
  std::vector<double> values(8 * 128, 1.0);
  values[5 * 128 + 40] = 100;
  auto changed = [&](const char *text) {
    std::vector<double> decoded = Tensor(text, {8, 128}).roundTrip(values);
    return std::count_if(decoded.begin(), decoded.end(), [](double value) {
      return value < 50 && std::fabs(value - 1) > 0.01;
    });
  };
  CHECK(changed("int8(scale=f32) tensor") == 8 * 128 - 1);
  CHECK(changed("int8(scale=f32) channel m") == 127);
  CHECK(changed("int8(scale=f32) channel e") == 7);
  CHECK(changed("int8(scale=f32) channel m channel e") == 0);
  CHECK(changed("int8(scale=f32) group(32) e") == 31);
  CHECK(changed("int8(scale=f32) group(4) m") == 3);
  CHECK(changed("int8(scale=f32) group(4) m group(32) e") == 127);
}

TEST_CASE("absent elements take no part", "[formats]") {
  Tensor tensor("int4(scale=f32) group(4) e", {4});
  std::vector<double> values = {7, 1e6, 1, 2};
  einsum::formats::roundTrip(tensor.storage, tensor.region, values,
                             {1, 0, 1, 1});
  CHECK(values == std::vector<double>{7, 1e6, 1, 2});
}

TEST_CASE("NaN stays, alone where the codes have one", "[formats]") {
  auto nans = [](const char *text) {
    std::vector<double> values(64, 1.0);
    values[3] = kNaN;
    std::vector<double> decoded = Tensor(text, {64}).roundTrip(values);
    CHECK(std::isnan(decoded[3]));
    return std::count_if(decoded.begin(), decoded.end(),
                         [](double value) { return std::isnan(value); });
  };
  CHECK(nans("fp8e4m3") == 1);
  CHECK(nans("mxfp8e5m2 block e") == 1);
  CHECK(nans("mxfp4 block e") == 32);
  CHECK(nans("nvfp4 block e") == 16);
  CHECK(nans("int8 tensor") == 64);
  CHECK(nans("int8(asym) group(32) e") == 32);
  CHECK(nans("bitmod4 group(32) e") == 64); // a byte has no NaN
  CHECK(nans("binary group(32) e") == 32);
}

TEST_CASE("infinity saturates where the codes have none", "[formats]") {
  std::vector<double> values(32, 1.0);
  values[3] = -kInfinity;
  CHECK(Tensor("mxfp4 block e", {32}).roundTrip(values)[3] == -1.5);
  CHECK(Tensor("mxfp8e5m2 block e", {32}).roundTrip(values)[3] == -kInfinity);
  CHECK(Tensor("int8(scale=f32) tensor", {32}).roundTrip(values)[3] ==
        -static_cast<double>(static_cast<float>(1. / 127)) * 127);
}

TEST_CASE("zeros and the ends of the scale's range", "[formats]") {
  for (const char *text : kStorages) {
    INFO(text);
    Tensor tensor(text, {8, 128});
    std::vector<double> zeros(8 * 128, 0.0);
    bool hasZero = std::string(text).find("bipolar") == std::string::npos;
    std::vector<double> decoded = tensor.roundTrip(zeros);
    for (double value : decoded)
      REQUIRE(std::fabs(value) <= (hasZero ? 0 : 1e-7));
    for (double magnitude : {1e-300, 1e300}) {
      std::vector<double> extreme(8 * 128, magnitude);
      for (double value : tensor.roundTrip(extreme))
        REQUIRE(std::isfinite(value));
    }
  }
  // Too small for an f16 scale's normal numbers, not for its smallest one.
  CHECK(Tensor("int4 tensor", {4}).roundTrip({0x1p-24, 0, 0, 0})[0] == 0x1p-24);
}

TEST_CASE("outliers and a thin product lower the error of a matrix",
          "[formats]") {
  // Rank one plus noise, and a few large elements.
  std::vector<double> values = sample(64 * 128, 5);
  std::vector<double> left = sample(64, 6), right = sample(128, 8);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = 0.05 * values[i] + left[i / 128] * right[i % 128] +
                (i % 331 == 7 ? 40 : 0);
  auto error = [&](const std::string &text) {
    return squaredError(Tensor(text, {64, 128}).roundTrip(values), values);
  };
  double plain = error("int4(asym) group(64) e");
  double outliers =
      error("gear(bits=4, group=64, rank=0, outliers=0.02) matrix m e");
  double gear =
      error("gear(bits=4, group=64, rank=4, outliers=0.02) matrix m e");
  CHECK(outliers < plain / 4);
  CHECK(gear < outliers);
  // Columns first: the same matrix the other way round.
  CHECK(error("gear(bits=4, group=64, rank=4, outliers=0.02) matrix e m") <
        plain);
}

TEST_CASE("BitMoD beats integers of its width on weights", "[formats]") {
  std::mt19937_64 random(4);
  std::exponential_distribution<double> exponential;
  std::vector<double> gaussian = sample(8 * 1024, 21), laplacian(8 * 1024);
  for (double &value : laplacian)
    value = exponential(random) * (random() % 2 ? 1 : -1);
  for (const std::vector<double> &values : {gaussian, laplacian})
    for (auto [bitmod, integer] :
         {std::pair("bitmod4 group(128) e", "int4 group(128) e"),
          std::pair("bitmod3 group(128) e", "int3 group(128) e")}) {
      INFO(bitmod);
      CHECK(squaredError(Tensor(bitmod, {8, 1024}).roundTrip(values), values) <
            squaredError(Tensor(integer, {8, 1024}).roundTrip(values), values));
    }
}

TEST_CASE("more binary codes come closer", "[formats]") {
  std::vector<double> values = sample(8 * 128, 9);
  double before = kInfinity;
  for (const char *text :
       {"binary group(64) e", "binary(bits=2) group(64) e",
        "binary(bits=3) group(64) e", "binary(bits=4) group(64) e"}) {
    INFO(text);
    double error =
        squaredError(Tensor(text, {8, 128}).roundTrip(values), values);
    CHECK(error < before / 2);
    before = error;
  }
}
