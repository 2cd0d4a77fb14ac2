//===- EnergyProfile.cpp - A table of energies and areas ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/EnergyProfile.h"
#include "lib/Arch/ReadProvenance.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace einsum;
using namespace einsum::arch;

namespace {

OpEnergy readOpEnergy(const JsonValue &json, const std::string &what,
                      Parameters &none, Diagnostics &diags) {
  ObjectReader reader(json, what, none, diags);
  OpEnergy op;
  reader.require("energy");
  op.energyPj =
      reader.quantity("energy", Dimension::Picojoules, Range::NonNegative)
          .value_or(0);
  op.areaUm2 =
      reader.quantity("area", Dimension::SquareMicrometres, Range::NonNegative)
          .value_or(0);
  op.provenance = readProvenance(reader, {"energy", "area"}, diags);
  reader.finish();
  return op;
}

MemoryEnergy readMemoryEnergy(const JsonValue &json, const std::string &what,
                              Parameters &none, Diagnostics &diags) {
  ObjectReader reader(json, what, none, diags);
  MemoryEnergy memory;
  for (const char *key : {"access", "read", "write"})
    reader.require(key);
  memory.accessBytes = reader.whole("access", Dimension::Bytes).value_or(1);
  if (reader.places().has("scales")) {
    std::string word = reader.string("scales");
    memory.scaling = word == "none"    ? MemoryScaling::None
                     : word == "logic" ? MemoryScaling::Logic
                     : word == "sram"  ? MemoryScaling::Sram
                                       : MemoryScaling::Unknown;
    if (memory.scaling == MemoryScaling::Unknown)
      diags.error(reader.places().of("scales"),
                  "scales of " + what +
                      " is 'logic', 'sram' or 'none', found '" + word + "'");
  }
  auto number = [&](const char *key, Dimension dimension) {
    return reader.quantity(key, dimension, Range::NonNegative).value_or(0);
  };
  memory.readPj = number("read", Dimension::Picojoules);
  memory.writePj = number("write", Dimension::Picojoules);
  memory.areaUm2 = number("area", Dimension::SquareMicrometres);
  memory.leakageW = number("leakage", Dimension::Watts);
  memory.provenance =
      readProvenance(reader, {"read", "write", "area", "leakage"}, diags);
  reader.finish();
  return memory;
}

EnergyProfile readProfile(const JsonValue &json, Diagnostics &diags) {
  Parameters none; // profiles hold numbers, not design points
  EnergyProfile profile;
  ObjectReader reader(json, "the energy profile", none, diags);
  checkSchema(reader, "einsum-energy/1", diags);
  reader.require("name");
  profile.name = reader.string("name");
  reader.string("description");
  profile.defaultDatatype = reader.string("default_datatype");
  profile.nodeNm =
      reader.quantity("node", Dimension::Nanometres, Range::Positive);

  if (const JsonValue *ops = reader.get("ops", JsonValue::Kind::Object))
    for (const JsonMember &op : ops->members) {
      if (op.value.kind != JsonValue::Kind::Object)
        diags.error(op.value.loc, "operator '" + op.key +
                                      "' must be an object from datatype to "
                                      "cost, found " +
                                      describe(op.value.kind));
      for (const JsonMember &datatype : op.value.members)
        profile.ops[op.key][datatype.key] = readOpEnergy(
            datatype.value, "operator '" + op.key + "' at " + datatype.key,
            none, diags);
    }
  if (const JsonValue *memories =
          reader.get("memories", JsonValue::Kind::Object))
    for (const JsonMember &memory : memories->members)
      profile.memories[memory.key] = readMemoryEnergy(
          memory.value, "memory '" + memory.key + "'", none, diags);
  reader.finish();
  return profile;
}

std::vector<std::string> profilesIn(llvm::StringRef directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(directory, error), end;
       it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".json")
      names.push_back(llvm::sys::path::stem(it->path()).str());
  llvm::sort(names); // the file system lists in any order
  return names;
}

} // namespace

std::optional<EnergyProfile> arch::readEnergyProfile(llvm::StringRef directory,
                                                     llvm::StringRef name,
                                                     const SourceLocation &loc,
                                                     Diagnostics &diags) {
  if (name.find_first_of("/\\") != llvm::StringRef::npos) {
    diags.error(loc, "energy_profile is a name, not a path, found '" + name +
                         "'; NAME stands for energy/NAME.json beside the spec");
    return std::nullopt;
  }
  llvm::SmallString<128> folder(directory), path;
  llvm::sys::path::append(folder, "energy");
  path = folder;
  llvm::sys::path::append(path, name + ".json");
  if (!llvm::sys::fs::exists(path)) {
    diags.error(loc, "no energy profile '" + name + "': there is no file " +
                         path + didYouMean(name, profilesIn(folder)));
    return std::nullopt;
  }
  unsigned before = diags.errorCount();
  std::optional<JsonValue> json = readSourceJson(path, diags);
  if (!json)
    return std::nullopt;
  EnergyProfile profile = readProfile(*json, diags);
  if (diags.errorCount() != before)
    return std::nullopt;
  return profile;
}
