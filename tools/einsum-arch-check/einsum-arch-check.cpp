//===- einsum-arch-check.cpp - Validates and shows an architecture --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum;
namespace cl = llvm::cl;

namespace {

enum ExitCode { Ok = 0, BadInput = 1, InternalError = 4 };

cl::OptionCategory category("einsum-arch-check options");

cl::opt<std::string> specPath(cl::Positional, cl::Required,
                              cl::desc("SPEC.json ('-': standard input)"),
                              cl::cat(category));
cl::list<std::string> settings("set", cl::value_desc("NAME=NUMBER"),
                               cl::desc("Replace a parameter of the spec"),
                               cl::cat(category));
cl::opt<std::string> energyProfile(
    "energy-profile", cl::value_desc("NAME"),
    cl::desc("Use energy/NAME.json beside the spec instead of its own profile"),
    cl::cat(category));
cl::opt<std::string> jsonPath(
    "json", cl::value_desc("FILE"),
    cl::desc("Write the resolved spec as JSON; '-' writes it to standard "
             "output instead of the table"),
    cl::cat(category));

bool parseSettings(std::map<std::string, double> &parameters) {
  for (llvm::StringRef setting : settings) {
    auto [name, text] = setting.split('=');
    double value;
    if (name.empty() || text.getAsDouble(value)) {
      llvm::errs() << "error: --set takes NAME=NUMBER, found '" << setting
                   << "'\n";
      return false;
    }
    parameters[name.str()] = value;
  }
  return true;
}

bool writeJson(const arch::ArchSpec &spec) {
  std::error_code error;
  llvm::ToolOutputFile file(jsonPath, error, llvm::sys::fs::OF_Text);
  if (error) {
    llvm::errs() << jsonPath
                 << ": error: cannot write the file: " << error.message()
                 << "\n";
    return false;
  }
  arch::printArchJson(spec, file.os());
  file.keep();
  return true;
}

int check() {
  std::map<std::string, double> parameters;
  if (!parseSettings(parameters))
    return BadInput;
  Diagnostics diags;
  auto spec = arch::readArchSpec(specPath, diags, parameters, energyProfile);
  diags.print(llvm::errs());
  if (!spec)
    return BadInput;
  if (jsonPath != "-")
    arch::printArchTable(*spec, llvm::outs());
  return jsonPath.empty() || writeJson(*spec) ? Ok : BadInput;
}

} // namespace

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "einsum-arch-check " EINSUM_VERSION "\n";
  });
  cl::ParseCommandLineOptions(
      argc, argv,
      "Checks an architecture spec and prints what it says: levels, arrays,\n"
      "operator costs and where every number comes from.\n");
  try {
    return check();
  } catch (const std::exception &e) {
    llvm::errs() << "internal error: " << e.what() << "\n";
    return InternalError;
  }
}
