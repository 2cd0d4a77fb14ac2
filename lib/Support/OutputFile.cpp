//===- OutputFile.cpp - Files written whole or not at all -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/OutputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum;
namespace fs = llvm::sys::fs;
using Write = llvm::function_ref<void(llvm::raw_ostream &)>;

/// Writes and flushes. A stream that is destroyed with an error ends the
/// program, so the error is taken from it.
static std::string writeTo(llvm::raw_fd_ostream &os, Write write) {
  write(os);
  os.flush();
  std::string reason = os.error() ? os.error().message() : "";
  os.clear_error();
  return reason;
}

static std::string writeInPlace(llvm::StringRef path, Write write) {
  std::error_code error;
  llvm::raw_fd_ostream os(path, error, fs::CD_OpenExisting);
  return error ? error.message() : writeTo(os, write);
}

static std::string replaceFile(llvm::StringRef path, unsigned mode,
                               Write write) {
  llvm::Expected<fs::TempFile> file =
      fs::TempFile::create(path + ".%%%%%%.part", mode);
  if (!file)
    return llvm::toString(file.takeError());
  std::string reason;
  {
    llvm::raw_fd_ostream os(file->FD, /*shouldClose=*/false);
    reason = writeTo(os, write);
  }
  if (reason.empty())
    return llvm::toString(file->keep(path));
  llvm::consumeError(file->discard());
  return reason;
}

std::string einsum::writeOutputFile(llvm::StringRef path, Write write) {
  if (path == "-")
    return writeTo(llvm::outs(), write);
  llvm::SmallString<128> target;
  if (fs::real_path(path, target))
    target = path; // there is none yet
  fs::file_status status;
  if (fs::status(target, status))
    return replaceFile(target, fs::all_read | fs::all_write, write);
  if (fs::is_directory(status))
    return "it is a directory";
  if (!fs::is_regular_file(status))
    return writeInPlace(target, write);
  return replaceFile(target, status.permissions(), write);
}
