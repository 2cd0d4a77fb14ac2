//===- ReadArchTest.cpp ---------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// EINSUM_SOURCE_DIR is the root of the source tree; the shipped specs are the
// seeds of the mutation test.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <catch2/catch.hpp>
#include <random>

using namespace einsum;
using namespace einsum::arch;

namespace {

const std::string specFolder = EINSUM_SOURCE_DIR "/arch-specs/";

ArchSpec readShipped(const std::string &name,
                     const std::map<std::string, double> &parameters = {},
                     llvm::StringRef profile = {}) {
  Diagnostics diags;
  auto spec =
      readArchSpec(specFolder + name + ".json", diags, parameters, profile);
  std::string text;
  llvm::raw_string_ostream os(text);
  diags.print(os);
  INFO(text);
  REQUIRE(spec);
  for (const Diagnostic &diagnostic : diags.all())
    CHECK(diagnostic.severity == Severity::Note);
  return *spec;
}

std::string textOf(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  REQUIRE(buffer);
  return (*buffer)->getBuffer().str();
}

} // namespace

TEST_CASE("the FuseMax machine as published", "[ReadArch]") {
  ArchSpec spec = readShipped("fusemax-cloud");
  CHECK(spec.clockHz == 940e6);
  CHECK(spec.wordBits == 16);
  CHECK(spec.parameters.at("N") == 256);
  CHECK(spec.energyProfile == "fusemax45");

  const Level &dram = spec.levels[spec.findLevel("DRAM")];
  CHECK(dram.parent == -1);
  CHECK_FALSE(dram.capacityBytes);
  CHECK(dram.accessBytes == 8);
  CHECK(dram.sharedBytesPerS == 400.0 * (1ull << 30));
  CHECK(dram.readPj == 249.6);

  const Level &buffer = spec.levels[spec.findLevel("buffer")];
  CHECK(buffer.capacityBytes == 16u << 20);
  CHECK(buffer.accessBytes == 512);
  CHECK(buffer.readPj == 12512.76);
  CHECK(buffer.writePj == 15751.46);
  CHECK(buffer.banks == 32);

  int array2d = spec.findArray("array2d");
  const Array &array = spec.arrays[array2d];
  CHECK(array.peCount() == 65536);
  CHECK(array.dims[0].name == "col");
  CHECK(array.dims[1].name == "row");
  const Level &registers = spec.levels[array.level];
  CHECK(registers.name == "rf2d");
  CHECK(registers.perArray == array2d);
  CHECK(registers.capacityBytes == 24u);
  CHECK(spec.instances(registers) == 65536);
  CHECK(registers.areaUm2 == 4255.9);

  CHECK(array.ops.at("mac").energyPj == 17.1645);
  CHECK(array.ops.at("mac").areaUm2 == 1545);
  CHECK(array.ops.at("exp").cycles == 6);
  CHECK(array.ops.at("exp").energyPj == Approx(6 * 17.1645));
  CHECK(array.ops.at("exp").areaUm2 == 0);
  CHECK(array.areaUm2PerPe == Approx(1545 + 49.3));
  CHECK_FALSE(array.findOp("div"));
  CHECK(spec.findArray("buffer") == -1);
}

TEST_CASE("the FLAT machine has a native exp", "[ReadArch]") {
  ArchSpec spec = readShipped("flat-cloud");
  const OpCost *exp =
      spec.arrays[spec.findArray("array1d")].findOp("exp", "f16");
  REQUIRE(exp);
  CHECK(exp->cycles == 1);
  CHECK(exp->energyPj == Approx(94.6475));
  CHECK(exp->areaUm2 == 8240);
  CHECK_FALSE(spec.arrays[spec.findArray("array2d")].findOp("exp"));
}

TEST_CASE("parameters scale the row and its energy", "[ReadArch]") {
  ArchSpec spec = readShipped("fusemax-cloud", {{"N", 128}});
  const Level &buffer = spec.levels[spec.findLevel("buffer")];
  CHECK(buffer.accessBytes == 256);
  CHECK(buffer.readPj == Approx(12512.76 / 2));
  CHECK(spec.arrays[0].peCount() == 128 * 128);
}

TEST_CASE("another profile changes energies only", "[ReadArch]") {
  ArchSpec spec = readShipped("flat-cloud", {}, "horowitz45");
  CHECK(spec.energyProfile == "horowitz45");
  CHECK(spec.arrays[0].ops.at("mac").energyPj == Approx(1.5));
  CHECK(spec.levels[1].capacityBytes == 32u << 20);
}

TEST_CASE("costs per datatype", "[ReadArch]") {
  Diagnostics diags;
  auto spec = parseArchSpec(R"({
    "schema": "einsum-arch/1", "name": "t", "clock": "1 GHz", "word": "8 bit",
    "energy_profile": "horowitz45",
    "levels": [{"name": "DRAM", "access": "8 B", "memory": "hbm2"}],
    "arrays": [{"name": "a", "level": "DRAM", "datatypes": ["i8", "f16"],
                "ops": {"mac": {}}}]})",
                            specFolder + "t.json", diags);
  REQUIRE(spec);
  const Array &array = spec->arrays[0];
  CHECK(array.peCount() == 1);
  CHECK(array.ops.at("mac").energyPj == Approx(0.3));
  CHECK(array.findOp("mac", "i8")->energyPj == Approx(0.3));
  CHECK(array.findOp("mac", "f16")->energyPj == Approx(1.5));
  CHECK_FALSE(array.findOp("mac", "f32"));
}

TEST_CASE("everything wrong is reported at once", "[ReadArch]") {
  Diagnostics diags;
  auto spec = parseArchSpec(R"({
    "schema": "einsum-arch/1", "name": "t", "clock": "0 GHz", "word": "16 B/s",
    "levels": [{"name": "DRAM", "acess": "8 B"}, {"name": "DRAM"}],
    "arrays": [{"name": "a", "level": "L1", "ops": {"mac": {}}}]})",
                            "t.json", diags);
  CHECK_FALSE(spec);
  // clock, word, acess, access (twice), second root, duplicate, L1, energy
  CHECK(diags.errorCount() == 9);
}

namespace {

/// Damages a text in one of the ways people, editors and disks do.
class Mutator {
public:
  explicit Mutator(unsigned seed) : random(seed) {}

  std::string mutate(std::string text) {
    for (size_t edits = 1 + below(3); edits > 0 && !text.empty(); --edits)
      edit(text);
    return text;
  }

private:
  size_t below(size_t limit) { return random() % limit; }

  void edit(std::string &text) {
    const llvm::StringRef spice = "{}[]\",:0-9.eE+^*/()NnBuf\\ \x01\xFF";
    const char *const values[] = {
        "0",    "-1",          "1e308",      "\"N/0 B\"",  "{}",          "[]",
        "null", "\"array1d\"", "\"buffer\"", "\"2^60 B\"", "{\"exp\": 2}"};
    size_t at = below(text.size());
    switch (below(6)) {
    case 0:
      text[at] = char(random());
      return;
    case 1:
      text.erase(at, 1 + below(30));
      return;
    case 2:
      text.insert(at, 1, spice[below(spice.size())]);
      return;
    case 3: // the same stretch again, elsewhere
      text.insert(below(text.size()), text.substr(at, below(60)));
      return;
    default: // still JSON: another value for the next key
      size_t begin = text.find(": ", at);
      size_t end = text.find_first_of(",}]\n", begin);
      if (end != std::string::npos)
        text.replace(begin + 2, end - begin - 2,
                     values[below(std::size(values))]);
    }
  }

  std::mt19937 random;
};

} // namespace

TEST_CASE("no mutation of a shipped spec crashes the reader", "[ReadArch]") {
  constexpr unsigned seed = 20240611;
  INFO("seed " << seed);
  Mutator mutator(seed);
  const std::string seeds[] = {textOf(specFolder + "fusemax-cloud.json"),
                               textOf(specFolder + "flat-cloud.json")};
  unsigned accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = mutator.mutate(seeds[round % std::size(seeds)]);
    Diagnostics diags;
    auto spec = parseArchSpec(text, specFolder + "mutated.json", diags);
    std::string printed;
    llvm::raw_string_ostream os(printed);
    diags.print(os);
    REQUIRE(spec.has_value() != diags.hasErrors());
    if (!spec)
      continue;
    ++accepted;
    printArchTable(*spec, os);
    printArchJson(*spec, os);
  }
  CHECK(accepted > 100); // or the printers were hardly tried
}
