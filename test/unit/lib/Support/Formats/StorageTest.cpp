//===- StorageTest.cpp - The notation, and what it weighs -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Storage.h"

#include <catch2/catch.hpp>

using namespace einsum::formats;

static Storage read(const std::string &text) {
  auto result = parseStorage(text);
  INFO(text);
  if (auto *error = std::get_if<StorageError>(&result))
    FAIL(error->message);
  return std::get<Storage>(result);
}

static Region layOutOf(const Storage &storage,
                       const std::vector<std::string> &ranks,
                       const std::vector<int64_t> &extents) {
  auto result = layOut(storage, ranks, extents);
  if (auto *message = std::get_if<std::string>(&result))
    FAIL(*message);
  return std::get<Region>(result);
}

static std::string refusal(const std::string &text) {
  auto result = parseStorage(text);
  auto *error = std::get_if<StorageError>(&result);
  return error ? std::to_string(error->offset) + ": " + error->message
               : "accepted";
}

TEST_CASE("storages read as they print", "[formats]") {
  for (const char *text :
       {"mxfp4 block e",
        "mxfp8e4m3 block e",
        "mxfp8e5m2 block e",
        "mxfp6e2m3 block e",
        "mxint8 block e",
        "nvfp4 block e",
        "int4 group(128) e",
        "int4(asym) group(64) m",
        "int8 channel f",
        "int8 channel b channel h",
        "int8(scale=f32) tensor",
        "int4(asym, scale=f32) tensor",
        "int7 tensor",
        "int16 tensor",
        "bfp(mantissa=4) block(16) e",
        "bfp(mantissa=4, exponent=5) block(16) e block(2) m",
        "fp8e4m3",
        "fp8e5m2 tensor",
        "fp8e4m3 group(128) n group(128) k",
        "f16",
        "ternary tensor",
        "binary channel m",
        "binary(bits=3) group(64) e",
        "bipolar4 group(32) e",
        "bitmod4 group(128) e",
        "bitmod3(scale=f16) group(128) e",
        "gear(bits=4, group=64, rank=4, outliers=0.02) matrix m e"})
    CHECK(read(text).toText() == text);
}

TEST_CASE("other spellings come back in that form", "[formats]") {
  CHECK(read("mxfp8  block(32)  e").toText() == "mxfp8e4m3 block e");
  CHECK(read("mxfp6 group e").toText() == "mxfp6e2m3 block e");
  CHECK(read("int4( scale = f16 )block(128) e").toText() ==
        "int4 group(128) e");
  CHECK(read("bfp block(16) e").toText() == "bfp(mantissa=8) block(16) e");
  CHECK(read("gear matrix m e").toText() ==
        "gear(bits=4, group=64, rank=4, outliers=0.02) matrix m e");
}

TEST_CASE("every name of the table is a format that can be stored",
          "[formats]") {
  for (const std::string &name : getFormatNames()) {
    INFO(name);
    auto found = findFormat(name);
    REQUIRE(std::holds_alternative<Format>(found));
    const Format &format = std::get<Format>(found);
    CHECK(format.isStored);
    for (const std::string &type : format.scaleTypes)
      CHECK(findScaleType(type) != nullptr);
  }
}

TEST_CASE("misuse is explained where it stands", "[formats]") {
  CHECK(refusal("mxpf4 block e") ==
        "0: there is no format 'mxpf4'; did you mean 'mxfp4'?");
  CHECK(refusal("int17 tensor").find("0: there is no format 'int17'") == 0);
  CHECK(refusal("int8") == "0: 'int8' needs to say who shares a scale: "
                           "'tensor', 'channel RANK' or 'group(SIZE) RANK'");
  CHECK(refusal("mxfp4 tensor") ==
        "6: 'mxfp4' is shared as 'block RANK', not per tensor");
  CHECK(refusal("mxfp4 block(16) e") ==
        "6: 'mxfp4' has blocks of 32, found 16");
  CHECK(refusal("mxfp4 block e block m") ==
        "6: 'mxfp4' has blocks along one rank, found 2");
  CHECK(refusal("int4 group e") ==
        "5: 'int4' needs the size of its blocks, as in 'group(128) e'");
  CHECK(refusal("int4 group(0) e") ==
        "11: expected how many elements share a scale, found '0'");
  CHECK(refusal("int8(scale=e8m0) tensor") ==
        "11: 'int8' has no scale type 'e8m0', only 'f16', 'f32' and 'bf16'");
  CHECK(refusal("int8(scale) tensor") ==
        "5: 'scale' is the type of a scale, as in 'scale=f16', found none");
  CHECK(refusal("int8(mantissa=3) tensor") ==
        "5: 'int8' has no option 'mantissa', only 'asym' and 'scale'");
  CHECK(refusal("bfp(mantissa=17) block(16) e") ==
        "13: 'mantissa' of 'bfp' is a whole number from 2 to 16, found '17'");
  CHECK(refusal("tf32") == "0: 'tf32' is a type to compute in, not to store; "
                           "store f32, and compute with 'as tf32'");
  CHECK(refusal("int8 channel f tensor") ==
        "15: 'channel' has already said who shares a scale");
  CHECK(refusal("int8 channel f channel f") == "23: rank 'f' is named twice");
  CHECK(refusal("int8 chanel f") == "5: expected 'tensor', 'channel', 'block', "
                                    "'group' or 'matrix', found 'chanel'");
  CHECK(refusal("f16 tensor") == "4: 'f16' has no scale to share");
  CHECK(refusal("gear tensor") ==
        "5: 'gear(bits=4, group=64, rank=4, outliers=0.02)' is shared as "
        "'matrix ROWS COLUMNS', not per tensor");
  CHECK(refusal("int4(asym") == "9: expected ',' or ')', found the end");
  CHECK(refusal("") == "0: expected the name of a format, found the end");
}

TEST_CASE("a storage that does not fit a tensor is refused", "[formats]") {
  auto message = [](const char *text, std::vector<std::string> ranks,
                    std::vector<int64_t> extents) {
    auto result = layOut(read(text), ranks, extents);
    auto *message = std::get_if<std::string>(&result);
    return message ? *message : std::string("accepted");
  };
  CHECK(message("mxfp4 block e", {"m", "f"}, {4, 64}) ==
        "'mxfp4 block e' speaks of rank 'e', which the tensor has not; it has "
        "'m' and 'f'");
  CHECK(message("mxfp4 block e", {"m", "e"}, {4, 48}) ==
        "'mxfp4 block e' needs an extent of 'e' that is a multiple of 32, "
        "found 48");
  CHECK(message("int8 channel e", {}, {}) ==
        "'int8 channel e' speaks of rank 'e', which the tensor has not; it is "
        "a scalar");
  CHECK(message("gear matrix m e", {"m", "e"}, {4, 96})
            .find("multiple of its group, 64, found 96") != std::string::npos);
}

TEST_CASE("bits per element are exact", "[formats]") {
  auto bits = [](const char *text) {
    Storage storage = read(text);
    Region region = layOutOf(storage, {"m", "e"}, {8, 256});
    BitsPerElement result = getBitsPerElement(storage, region);
    return std::make_pair(result.numerator, result.denominator);
  };
  using Ratio = std::pair<uint64_t, uint64_t>;
  CHECK(bits("f32") == Ratio(32, 1));
  CHECK(bits("fp8e5m2") == Ratio(8, 1));
  CHECK(bits("fp6e3m2") == Ratio(6, 1));
  CHECK(bits("mxfp8 block e") == Ratio(33, 4));  // 8.25
  CHECK(bits("mxfp6 block e") == Ratio(25, 4));  // 6.25
  CHECK(bits("mxfp4 block e") == Ratio(17, 4));  // 4.25
  CHECK(bits("mxint8 block e") == Ratio(33, 4)); // 8.25
  // 4 + 8/16, and 32 bits for the 2048 elements together.
  CHECK(bits("nvfp4 block e") == Ratio(289, 64));
  CHECK(bits("bfp(mantissa=4) block(16) e") == Ratio(9, 2));
  CHECK(bits("bfp(mantissa=4, exponent=5) block(16) e") == Ratio(69, 16));
  CHECK(bits("int4 group(128) e") == Ratio(33, 8));          // 4.125
  CHECK(bits("int4(asym) group(128) e") == Ratio(133, 32));  // 4.15625
  CHECK(bits("int3(asym) group(128) e") == Ratio(403, 128)); // 3.148
  CHECK(bits("int2(asym) group(64) e") == Ratio(73, 32));    // 2.28125
  CHECK(bits("int8 tensor") == Ratio(8 * 128 + 1, 128));
  CHECK(bits("int8 channel m") == Ratio(129, 16));
  CHECK(bits("int8 channel e") == Ratio(10, 1));
  CHECK(bits("ternary channel m") == Ratio(33, 16));
  CHECK(bits("binary channel m") == Ratio(17, 16));
  CHECK(bits("binary(bits=3) group(64) e") == Ratio(15, 4));
  CHECK(bits("bipolar4 group(128) e") == Ratio(33, 8));
  CHECK(bits("bitmod4(scale=f16) group(128) e") == Ratio(4 * 64 + 9, 64));
  // 4 + 32/64, and 2 outliers each end of 11 + 16 bits, rank 1 of 8 + 256.
  CHECK(bits("gear(bits=4, group=64, rank=1, outliers=0.002) matrix m e") ==
        Ratio((2048 * 4 + 32 * 32 + 4 * 27 + 264 * 16) / 4, 512));
}

TEST_CASE("a part carries the scales of the blocks that it touches",
          "[formats]") {
  Storage storage = read("mxfp4 block e");
  Region region = layOutOf(storage, {"m", "e"}, {4, 64});
  Weight weight = weigh(storage, region);
  CHECK(countBits(storage, region) == 1088);
  CHECK(weight.countBits(192, {4, 48}) == 832); // 8 scales
  CHECK(weight.countBits(16, {1, 16}) == 72);   // its block's scale, whole
  CHECK(weight.getShare().countBits(16) == 68); // or its share
  CHECK(weight.countBits(1, {1, 1}) == 12);
  CHECK(weight.getShare() == BitsPerElement{17, 4});
  CHECK(weight.getShare().countBytes(1) == 1);
  CHECK(weight.isShared());
  CHECK(weight.countWholeBits(192, 8) == 832);
  CHECK(weight.countWholeBits(0, 0) == 0);
  CHECK(weight.countWholeBytes(1, 1) == 2);
  CHECK(weight.countWholeBits(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
  // Three rows of the tile are new.
  CHECK(weight.countBits(144, {4, 48}) == 144 * 4 + 6 * 8);
  CHECK(weight.getShare().countBits(UINT64_MAX / 2) == UINT64_MAX);

  Storage square = read("fp8e4m3 group(128) n group(128) k");
  Region blocks = layOutOf(square, {"n", "k"}, {256, 512});
  CHECK(weigh(square, blocks).countBits(64 * 192, {64, 192}) ==
        64 * 192 * 8 + 2 * 32);
  CHECK(blocks.countRegions() == 8);
}
