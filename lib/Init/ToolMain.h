//===- ToolMain.h - What the mains of our tools share -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tool is a struct of options with a driver that takes it. Its main says how
// the fields are called on the command line, one line each, and ends in
// runTool:
//
//   static llvm::cl::OptionCategory category("einsum-run options");
//   static RunOptions options;
//   static ToolOption json(category, "json", "FILE", "Write ...",
//   options.json);
//
//   int main(int argc, char **argv) {
//     return runTool(argc, argv, {"einsum-run", "Executes ..."}, category,
//                    [] { return run(options); });
//   }
//
// What a field holds before the command line is read is the option's default.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_TOOLMAIN_H
#define LIB_INIT_TOOLMAIN_H

#include "lib/Init/ExitCode.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/CommandLine.h"

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace einsum {

/// Takes a name away from an option that LLVM's libraries bring along, such as
/// `threads`, and returns it.
llvm::StringRef claimOption(llvm::StringRef name);

/// Ends the tool with an error if `--name=` is not followed by what it takes,
/// as in `--json=$UNSET`: nothing would be done about what was asked for.
void requireValue(llvm::StringRef name, llvm::StringRef takes,
                  llvm::StringRef found);

/// A whole number, in any base that its prefix tells; false after an error.
bool parseNumber(llvm::StringRef name, llvm::StringRef text, uint64_t most,
                 uint64_t &value);
bool parseNumber(llvm::StringRef name, llvm::StringRef text, double &value);

/// A number on the command line, with our words for what is none.
template <typename T> struct NumberOption : llvm::cl::opt<T, true> {
  using llvm::cl::opt<T, true>::opt;

private:
  bool handleOccurrence(unsigned position, llvm::StringRef name,
                        llvm::StringRef text) override {
    std::conditional_t<std::is_floating_point_v<T>, double, uint64_t> value{};
    if constexpr (std::is_floating_point_v<T>) {
      if (!parseNumber(name, text, value))
        return true;
    } else if (!parseNumber(name, text, std::numeric_limits<T>::max(), value)) {
      return true;
    }
    this->setPosition(position);
    this->setValue(value);
    return false;
  }
};

template <typename T>
using ValueOption =
    std::conditional_t<std::is_same_v<T, double> ||
                           (std::is_unsigned_v<T> && !std::is_same_v<T, bool>),
                       NumberOption<T>, llvm::cl::opt<T, true>>;

/// `--name=VALUE`, or `--name` for a bool; sets a field. VALUE says what it
/// takes and may not be empty.
template <typename T> struct ToolOption : ValueOption<T> {
  ToolOption(llvm::cl::OptionCategory &category, llvm::StringRef name,
             llvm::StringRef value, llvm::StringRef text, T &field)
      : ValueOption<T>(claimOption(name), llvm::cl::value_desc(value),
                       llvm::cl::desc(text), llvm::cl::location(field),
                       llvm::cl::cat(category)) {
    if constexpr (std::is_same_v<T, std::string>)
      this->setCallback([this](const std::string &found) {
        requireValue(this->ArgStr, this->ValueStr, found);
      });
  }
};

/// `--name=A,B --name=C`; fills a field.
struct ToolList : llvm::cl::list<std::string, std::vector<std::string>> {
  ToolList(llvm::cl::OptionCategory &category, llvm::StringRef name,
           llvm::StringRef value, llvm::StringRef text,
           std::vector<std::string> &field)
      : list(claimOption(name), llvm::cl::value_desc(value),
             llvm::cl::desc(text), llvm::cl::location(field),
             llvm::cl::CommaSeparated, llvm::cl::cat(category)) {}
};

/// The one argument without a name.
struct ToolInput : llvm::cl::opt<std::string, true> {
  ToolInput(llvm::cl::OptionCategory &category, llvm::StringRef text,
            std::string &field)
      : opt(llvm::cl::Positional, llvm::cl::desc(text),
            llvm::cl::location(field), llvm::cl::cat(category)) {}
};

/// Reads the command line; false after an error.
bool parseCommandLine(int argc, char **argv, llvm::StringRef tool,
                      llvm::StringRef overview);

/// How a tool presents itself.
struct ToolInfo {
  std::string name, overview;
  bool hasLog = true; ///< takes --log
};

/// Reads the command line, showing only options of `category`, and runs the
/// tool. What a library throws, and a crash, is reported as an internal error.
int runTool(int argc, char **argv, const ToolInfo &info,
            llvm::cl::OptionCategory &category,
            llvm::function_ref<ExitCode()> run);

} // namespace einsum

#endif // LIB_INIT_TOOLMAIN_H
