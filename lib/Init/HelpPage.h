//===- HelpPage.h - What --help prints, and the man page --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One description of a tool, read twice: `--help` prints it for a terminal,
// `--help-man` in the format of man(1), from which the build makes the man
// pages that are installed. Names and texts of options are those that the
// command line is parsed with, so that neither can be out of date.
//
//   NAME         einsum-run - executes a cascade of Einsums ...
//   SYNOPSIS     einsum-run [OPTION]... CASCADE (.ein or .mlir; ...)
//   DESCRIPTION, OPTIONS, further sections, EXIT STATUS, FILES, SEE ALSO
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_HELPPAGE_H
#define LIB_INIT_HELPPAGE_H

#include "llvm/Support/CommandLine.h"

#include <string>
#include <utility>
#include <vector>

namespace einsum {

/// `--name=VALUE` and what it does.
using HelpEntry = std::pair<std::string, std::string>;

struct HelpSection {
  std::string title;
  std::vector<HelpEntry> entries;
};

struct HelpPage {
  std::string tool, version;
  /// The first sentence becomes the summary. Lines are kept.
  std::string overview;
  std::string arguments; ///< what stands behind the options
  std::vector<HelpSection> sections;
};

/// Options of a category, or, without one, those named; by name.
std::vector<HelpEntry> listOptions(const llvm::cl::OptionCategory *category,
                                   llvm::ArrayRef<llvm::StringRef> names = {});

/// What the positional argument of a category is called.
std::string describeArgument(const llvm::cl::OptionCategory &category);

/// If the command line asks for help (`--help`, `--help-man`), prints it.
bool printHelpIfAsked(int argc, char **argv,
                      llvm::function_ref<HelpPage()> makePage);

/// What `--version` prints.
void setVersion(llvm::StringRef tool);

} // namespace einsum

#endif // LIB_INIT_HELPPAGE_H
