//===- FormatsBench.cpp - Elements encoded and decoded per second ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor of normal numbers in every format: elements per second of one core,
// the median over repetitions, and how many times slower the plain way is that
// looks for the nearest of all codes, for codes of up to 8 bits with one scale
// for the same blocks. One JSON line per storage:
//
//   einsum-bench-formats --rows=1024 --repetitions=5
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Encode.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

using namespace einsum::formats;
namespace cl = llvm::cl;

static cl::opt<int64_t> rows("rows", cl::init(1024),
                             cl::desc("Rows of 1024 elements"));
static cl::opt<unsigned>
    repetitions("repetitions", cl::init(5),
                cl::desc("Repetitions; the median counts"));

static const char *const kStorages[] = {
    "fp8e4m3",
    "fp8e4m3 tensor",
    "int16 channel m",
    "int8 channel m",
    "int4 group(128) e",
    "int4(asym) group(128) e",
    "mxfp8e4m3 block e",
    "mxfp6e2m3 block e",
    "mxfp4 block e",
    "mxint8 block e",
    "nvfp4 block e",
    "bfp(mantissa=4) block(16) e",
    "int4 group(32) m",
    "ternary tensor",
    "binary channel m",
    "binary(bits=2) group(64) e",
    "bipolar4 group(128) e",
    "bitmod4 group(128) e",
    "gear(bits=4, group=64, rank=4, outliers=0.02) matrix m e"};

template <typename Fn> static double secondsOf(Fn fn) {
  std::vector<double> times;
  for (unsigned i = 0; i < repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    fn();
    std::chrono::duration<double> passed =
        std::chrono::steady_clock::now() - start;
    times.push_back(passed.count());
  }
  llvm::sort(times);
  return times[times.size() / 2];
}

/// Every element against every code.
static void roundPlainly(const Codes &codes, double scale,
                         std::vector<double> &values) {
  std::vector<double> members;
  for (uint32_t code = 0; code < 1u << codes.getBits(); ++code)
    members.push_back(codes.decode(code) * scale);
  for (double &value : values) {
    double best = 0, least = HUGE_VAL;
    for (double member : members)
      if (double distance = std::fabs(value - member); distance < least) {
        least = distance;
        best = member;
      }
    value = best;
  }
}

static bool measure(const char *text) {
  auto parsed = parseStorage(text);
  auto *storage = std::get_if<Storage>(&parsed);
  if (!storage)
    return false;
  auto laidOut = layOut(*storage, {"m", "e"}, {rows, 1024});
  auto *region = std::get_if<Region>(&laidOut);
  if (!region)
    return false;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> values(region->countElements());
  for (double &value : values)
    value = normal(random);

  Encoded encoded;
  std::vector<double> decoded, stored;
  double encoding =
      secondsOf([&] { encoded = encode(*storage, *region, values); });
  double decoding =
      secondsOf([&] { decoded = decode(*storage, *region, encoded); });
  double both = secondsOf([&] {
    stored = values;
    roundTrip(*storage, *region, stored);
  });
  auto count = static_cast<double>(values.size());
  nlohmann::ordered_json json = {
      {"benchmark", "formats"},
      {"storage", text},
      {"elements", values.size()},
      {"bits_per_element", getBitsPerElement(*storage, *region).toDouble()},
      {"encode_elements_per_s", count / encoding},
      {"decode_elements_per_s", count / decoding},
      {"round_trip_elements_per_s", count / both}};
  const Codes &codes = storage->format.codes.front();
  if (codes.getBits() <= 8) {
    double plain = secondsOf([&] {
      stored = values;
      roundPlainly(codes, 4 / codes.getLargest(), stored);
    });
    json["plain_over_round_trip"] = plain / both;
  }
  llvm::outs() << json.dump() << "\n";
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Elements encoded and decoded per second\n");
  return llvm::all_of(kStorages, measure) ? 0 : 1;
}
