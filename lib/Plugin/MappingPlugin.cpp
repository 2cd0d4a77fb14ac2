//===- MappingPlugin.cpp - Mappings in shared libraries -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/MappingPlugin.h"

#include "lib/Plugin/MappingPass.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace einsum;
using llvm::StringRef;

std::vector<std::string> &einsum::getPluginErrors() {
  static std::vector<std::string> errors;
  return errors;
}

void einsum::registerPluginMappings(
    StringRef plugin, StringRef version,
    std::vector<std::unique_ptr<MappingPass>> passes) {
  auto refuse = [&](const llvm::Twine &reason) {
    getPluginErrors().push_back(("plugin '" + plugin + "' " + reason).str());
  };
  if (version != EINSUM_CASCADE_VERSION)
    return refuse("was built for EinsumCascade " + version + ", and this is " +
                  EINSUM_CASCADE_VERSION + "; build it again");
  for (std::unique_ptr<MappingPass> &pass : passes) {
    if (findMappingPass(pass->getName()))
      refuse("has a mapping '" + pass->getName() +
             "', and there is one of that name already");
    else
      registerMappingPass(std::move(pass));
  }
}

/// Why the dynamic linker does not take the library, or an empty text. Unlike
/// LLVM's loader, looks for all its symbols now and not when they are called.
static std::string findLinkError(const std::string &path) {
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
    return "";
  return dlerror();
}

static std::string load(StringRef path) {
  // Without a slash, the dynamic linker looks everywhere else.
  llvm::SmallString<128> file;
  if (std::error_code error = llvm::sys::fs::real_path(path, file))
    return "cannot read the file: " + error.message();
  if (std::string reason = findLinkError(file.str().str()); !reason.empty())
    return "cannot load the plugin: " + reason;
  llvm::Expected<mlir::PassPlugin> plugin =
      mlir::PassPlugin::load(file.str().str());
  if (!plugin) {
    llvm::consumeError(plugin.takeError());
    return "this library is no plugin: it has no EINSUM_MAPPING_PLUGIN of "
           "this version of MLIR";
  }
  size_t before = getPluginErrors().size();
  plugin->registerPassRegistryCallbacks();
  return getPluginErrors().size() > before ? getPluginErrors().back() : "";
}

bool einsum::loadMappingPlugin(StringRef path) {
  std::string reason = load(path);
  if (!reason.empty())
    llvm::errs() << path << ": error: " << reason << "\n";
  return reason.empty();
}
