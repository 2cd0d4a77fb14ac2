//===- OptionValues.cpp - Values of options that drivers share ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/OptionValues.h"

#include "lib/Arch/ArchSpec.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Support/Log.h"
#include "lib/Support/OutputFile.h"
#include "mappings/Mappings.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum;
using llvm::StringRef;

bool einsum::failOption(StringRef option, const llvm::Twine &message) {
  llvm::errs() << option << ": error: " << message << "\n";
  return false;
}

LogOption::LogOption()
    : opt("log", llvm::cl::value_desc("off|info|debug"),
          llvm::cl::desc("Say on standard error what is being done, and for "
                         "how long"),
          llvm::cl::init("off")) {}

bool LogOption::apply() const {
  std::optional<LogLevel> level = parseLogLevel(getValue());
  if (!level)
    return failOption("--log",
                      "takes off, info or debug, found '" + getValue() + "'");
  setLogLevel(*level);
  return true;
}

bool einsum::writeOutput(StringRef path,
                         llvm::function_ref<void(llvm::raw_ostream &)> write) {
  std::string reason = writeOutputFile(path, write);
  return reason.empty() || failOption(path == "-" ? "<stdout>" : path,
                                      "cannot write the file: " + reason);
}

bool einsum::parseSettings(const std::vector<std::string> &texts,
                           std::map<std::string, double> &settings) {
  for (StringRef text : texts) {
    auto [name, number] = text.split('=');
    double value;
    if (name.empty() || number.getAsDouble(value))
      return failOption("--set", "takes NAME=NUMBER, found '" + text + "'");
    if (!settings.insert({name.str(), value}).second)
      return failOption("--set", "gives '" + name + "' twice");
  }
  return true;
}

bool einsum::parseExtent(StringRef option, StringRef text, std::string &name,
                         int64_t &value) {
  auto [before, number] = text.split('=');
  name = before.str();
  return (!name.empty() && !number.getAsInteger(10, value) && value >= 1) ||
         failOption(
             option,
             "takes NAME=N with a whole number from 1 to 2^63 - 1, found '" +
                 text + "'");
}

bool einsum::parseBindings(const std::vector<std::string> &texts,
                           Bindings &bindings) {
  llvm::StringSet<> seen;
  for (StringRef text : texts) {
    std::string name;
    int64_t value;
    if (!parseExtent("--bind", text, name, value))
      return false;
    if (!seen.insert(name).second)
      return failOption("--bind", "gives '" + name + "' twice");
    bindings.push_back({name, value});
  }
  return true;
}

bool einsum::chooseAccounting(StringRef name, arch::ArchSpec &spec) {
  if (name.empty())
    return true;
  std::optional<arch::Accounting> profile = arch::Accounting::named(name);
  std::vector<std::string> names(arch::Accounting::names().begin(),
                                 arch::Accounting::names().end());
  if (!profile)
    return failOption("--accounting",
                      "there is no profile '" + name + "'; there are " +
                          llvm::join(names, ", ") + didYouMean(name, names));
  spec.accounting = *profile;
  return true;
}

bool einsum::registerMappings(llvm::ArrayRef<std::string> plugins) {
  registerAllMappings();
  return llvm::all_of(
      plugins, [](StringRef plugin) { return loadMappingPlugin(plugin); });
}

std::vector<std::string> einsum::getMappingNames() {
  std::vector<std::string> names;
  for (const std::unique_ptr<MappingPass> &pass : getMappingPasses())
    names.push_back(pass->getName().str());
  return names;
}

bool einsum::failUnknownMapping(StringRef name) {
  std::vector<std::string> names = getMappingNames();
  return failOption("--mapping",
                    "there is no mapping '" + name + "'; registered are " +
                        llvm::join(names, ", ") + didYouMean(name, names));
}
