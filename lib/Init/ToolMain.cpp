//===- ToolMain.cpp - What the mains of our tools share -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ToolMain.h"

#include "lib/Init/HelpPage.h"
#include "lib/Init/OptionValues.h"
#include "lib/Support/Version.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

#include <exception>
#include <optional>

using namespace einsum;

llvm::StringRef einsum::claimOption(llvm::StringRef name) {
  llvm::StringMap<llvm::cl::Option *> &known = llvm::cl::getRegisteredOptions();
  if (llvm::cl::Option *other = known.lookup(name))
    other->removeArgument();
  return name;
}

void einsum::requireValue(llvm::StringRef name, llvm::StringRef takes,
                          llvm::StringRef found) {
  if (!found.empty())
    return;
  failOption(("--" + name).str(), "takes " + takes + ", found nothing");
  std::exit(static_cast<int>(ExitCode::BadInput));
}

bool einsum::parseNumber(llvm::StringRef name, llvm::StringRef text,
                         uint64_t most, uint64_t &value) {
  return (!text.getAsInteger(0, value) && value <= most) ||
         failOption(("--" + name).str(), "takes a whole number from 0 to " +
                                             std::to_string(most) +
                                             ", found '" + text + "'");
}

bool einsum::parseNumber(llvm::StringRef name, llvm::StringRef text,
                         double &value) {
  return !text.getAsDouble(value) ||
         failOption(("--" + name).str(),
                    "takes a number, found '" + text + "'");
}

/// What LLVM found wrong with a command line, as our tools say what is wrong:
///   einsum-run: for the --seed option: requires a value!
///   --seed: error: requires a value
static void reportCommandLine(llvm::StringRef tool, llvm::StringRef said) {
  const char *kind = "error";
  for (llvm::StringRef rest = said; !rest.empty();) {
    llvm::StringRef line;
    std::tie(line, rest) = rest.split('\n');
    line.consume_front((tool + ": ").str());
    llvm::StringRef subject = tool;
    if (line.consume_front("for the "))
      std::tie(subject, line) = line.split(" option: ");
    line = line.trim().rtrim("!");
    if (line.empty())
      continue;
    llvm::errs() << subject << ": " << kind << ": "
                 << llvm::toLower(line.front()) << line.drop_front() << "\n";
    kind = "note";
  }
}

bool einsum::parseCommandLine(int argc, char **argv, llvm::StringRef tool,
                              llvm::StringRef overview) {
  std::string said;
  llvm::raw_string_ostream os(said);
  if (llvm::cl::ParseCommandLineOptions(argc, argv, overview, &os))
    return true;
  reportCommandLine(tool, os.str());
  return false;
}

int einsum::runTool(int argc, char **argv, const ToolInfo &info,
                    llvm::cl::OptionCategory &category,
                    llvm::function_ref<ExitCode()> run) {
  llvm::InitLLVM init(argc, argv);
  // A crash may come as late as in a static destructor: never freed.
  static const std::string *bug =
      new std::string("internal error: this is a bug in " + info.name + "\n");
  llvm::setBugReportMsg(bug->c_str());
  std::optional<LogOption> log;
  if (info.hasLog)
    log.emplace().addCategory(category);
  llvm::cl::HideUnrelatedOptions(category);
  setVersion(info.name);
  if (printHelpIfAsked(argc, argv, [&] {
        return HelpPage{info.name,
                        EINSUM_CASCADE_VERSION,
                        info.overview,
                        describeArgument(category),
                        {{"OPTIONS", listOptions(&category)}}};
      }))
    return 0;
  if (!parseCommandLine(argc, argv, info.name, info.overview) ||
      (log && !log->apply()))
    return static_cast<int>(ExitCode::BadInput);
  try {
    return static_cast<int>(run());
  } catch (const std::exception &error) {
    llvm::errs() << "internal error: " << error.what() << "\n";
    return static_cast<int>(ExitCode::InternalError);
  }
}
