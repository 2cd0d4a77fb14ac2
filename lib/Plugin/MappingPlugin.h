//===- MappingPlugin.h - Mappings in shared libraries -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plugin is a shared library built elsewhere, against an installation of
// ours, that brings mapping passes:
//
//   EINSUM_MAPPING_PLUGIN("rows", Rows, Columns)       once, in one of its
//   files
//
//   einsum-compile w.ein --plugin=./rows.so --mapping=rows --arch=...
//   einsum-opt w.ein --load-pass-plugin=./rows.so
//       --einsum-apply-mapping="mapping=rows arch=..."
//
// It has the entry point of an MLIR pass plugin, so that einsum-opt loads it as
// any other. Its undefined symbols are those of the tool that loads it.
//
// Refused: a library without the entry point; one that was built for another
// release, since C++ classes are shared; one that needs a symbol that the tool
// does not have; a mapping whose name is taken.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_PLUGIN_MAPPINGPLUGIN_H
#define LIB_PLUGIN_MAPPINGPLUGIN_H

#include "lib/Support/Version.h"

#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace einsum {

class MappingPass;

/// Registers the mappings of a plugin that was built for release `version`.
void registerPluginMappings(llvm::StringRef plugin, llvm::StringRef version,
                            std::vector<std::unique_ptr<MappingPass>> passes);

/// Why plugins loaded so far were refused, one sentence each.
std::vector<std::string> &getPluginErrors();

/// Loads a plugin; false after an error, which is printed.
bool loadMappingPlugin(llvm::StringRef path);

namespace detail {
template <typename... Passes>
void registerPlugin(llvm::StringRef plugin, llvm::StringRef version) {
  std::vector<std::unique_ptr<MappingPass>> passes;
  (passes.push_back(std::make_unique<Passes>()), ...);
  registerPluginMappings(plugin, version, std::move(passes));
}
} // namespace detail

} // namespace einsum

/// The entry point of a plugin with the mapping passes named.
#define EINSUM_MAPPING_PLUGIN(NAME, ...)                                       \
  extern "C" LLVM_ATTRIBUTE_WEAK                                               \
      LLVM_ATTRIBUTE_VISIBILITY_DEFAULT ::mlir::PassPluginLibraryInfo          \
      mlirGetPassPluginInfo() {                                                \
    return {MLIR_PLUGIN_API_VERSION, NAME, EINSUM_CASCADE_VERSION, [] {        \
              ::einsum::detail::registerPlugin<__VA_ARGS__>(                   \
                  NAME, EINSUM_CASCADE_VERSION);                               \
            }};                                                                \
  }

#endif // LIB_PLUGIN_MAPPINGPLUGIN_H
