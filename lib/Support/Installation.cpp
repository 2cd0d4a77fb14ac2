//===- Installation.cpp - What was installed beside the tools -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Installation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <sys/auxv.h>

using namespace einsum;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// The program's own file. Without /proc, as in a bare chroot, the kernel still
/// tells by which path it was started.
static std::string getProgram() {
  llvm::SmallString<128> file;
  if (!fs::real_path("/proc/self/exe", file))
    return file.str().str();
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel gives it as a number
  auto *started = reinterpret_cast<const char *>(getauxval(AT_EXECFN));
  if (started && !fs::real_path(started, file))
    return file.str().str();
  return "";
}

std::string einsum::getSharedFolder() {
  llvm::SmallString<128> folder(
      path::parent_path(path::parent_path(getProgram())));
  path::append(folder, "share", "einsum-cascade");
  return folder.str().str();
}

static std::string getArchFolder() { return getSharedFolder() + "/arch-specs"; }

std::string einsum::findArchSpec(llvm::StringRef text) {
  if (text == "-" || text.contains('/') || text.ends_with(".json") ||
      fs::exists(text))
    return text.str();
  std::string file = getArchFolder() + "/" + text.str() + ".json";
  return fs::exists(file) ? file : text.str();
}

std::vector<std::string> einsum::listArchSpecs() {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator file(getArchFolder(), error), end;
       !error && file != end; file.increment(error)) {
    llvm::StringRef name = path::filename(file->path());
    if (name.consume_back(".json") && name != "schema")
      names.push_back(name.str());
  }
  llvm::sort(names);
  return names;
}
