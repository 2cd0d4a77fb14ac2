//===- OptionValues.h - Values of options that drivers share ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What several tools ask of the command line, checked and refused alike. A
// message names its option: `--set: error: gives 'N' twice`.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_OPTIONVALUES_H
#define LIB_INIT_OPTIONVALUES_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Init/ReadWorkload.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/CommandLine.h"

#include <map>
#include <string>
#include <vector>

namespace einsum::arch {
struct ArchSpec;
} // namespace einsum::arch

namespace einsum {

/// Prints `option: error: message`; false.
bool failOption(llvm::StringRef option, const llvm::Twine &message);

/// `--log`, as long as it lives: MLIR's language server has one of this name.
struct LogOption : llvm::cl::opt<std::string> {
  LogOption();
  /// False, having said why, if the value is no level.
  bool apply() const;
};

/// Writes a file whole or not at all ("-": standard output); false after an
/// error.
bool writeOutput(llvm::StringRef path,
                 llvm::function_ref<void(llvm::raw_ostream &)> write);

/// Values of `--set NAME=NUMBER`; false after an error.
bool parseSettings(const std::vector<std::string> &texts,
                   std::map<std::string, double> &settings);

/// One NAME=N of an option, N a whole number from 1 on; false after an error.
bool parseExtent(llvm::StringRef option, llvm::StringRef text,
                 std::string &name, int64_t &value);

/// Values of `--bind NAME=N`; false after an error.
bool parseBindings(const std::vector<std::string> &texts, Bindings &bindings);

/// The profile that `--accounting` names, if any; false after an error.
bool chooseAccounting(llvm::StringRef name, arch::ArchSpec &spec);

/// Makes the mappings of mappings/ and of plugins known; false after an error.
bool registerMappings(llvm::ArrayRef<std::string> plugins);
/// Names of the registered mappings.
std::vector<std::string> getMappingNames();
/// Says which mappings there are; false.
bool failUnknownMapping(llvm::StringRef name);

} // namespace einsum

#endif // LIB_INIT_OPTIONVALUES_H
