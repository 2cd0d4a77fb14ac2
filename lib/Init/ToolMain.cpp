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

void einsum::requireFile(llvm::StringRef name, llvm::StringRef file) {
  if (!file.empty())
    return;
  failOption(("--" + name).str(), "takes a file, found no name");
  std::exit(static_cast<int>(ExitCode::BadInput));
}

int einsum::runTool(int argc, char **argv, const ToolInfo &info,
                    llvm::cl::OptionCategory &category,
                    llvm::function_ref<ExitCode()> run) {
  llvm::InitLLVM init(argc, argv);
  // A crash may come as late as in a static destructor.
  static const std::string bug =
      "internal error: this is a bug in " + info.name + "\n";
  llvm::setBugReportMsg(bug.c_str());
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
  llvm::cl::ParseCommandLineOptions(argc, argv, info.overview);
  if (log && !log->apply())
    return static_cast<int>(ExitCode::BadInput);
  try {
    return static_cast<int>(run());
  } catch (const std::exception &error) {
    llvm::errs() << "internal error: " << error.what() << "\n";
    return static_cast<int>(ExitCode::InternalError);
  }
}
