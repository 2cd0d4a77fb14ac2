//===- InputFile.cpp - Files read within bounds ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/InputFile.h"

#include "lib/Support/Format.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"

#include <tuple>

using namespace einsum;
namespace fs = llvm::sys::fs;
using Buffer = std::unique_ptr<llvm::MemoryBuffer>;

/// Reads to the end of a pipe or device, or one byte beyond the limit.
static std::error_code readStream(fs::file_t file, uint64_t limit,
                                  llvm::SmallVectorImpl<char> &text) {
  constexpr size_t chunk = 1 << 16;
  while (text.size() <= limit) {
    size_t size = text.size();
    text.resize_for_overwrite(size + chunk);
    llvm::Expected<size_t> got =
        fs::readNativeFile(file, {text.data() + size, chunk});
    if (!got)
      return llvm::errorToErrorCode(got.takeError());
    text.truncate(size + *got);
    if (*got == 0)
      break;
  }
  return {};
}

static Buffer readOpenFile(fs::file_t file, llvm::StringRef name,
                           uint64_t limit, std::string &reason) {
  fs::file_status status;
  std::error_code error = fs::status(file, status);
  if (!error && fs::is_directory(status))
    error = std::make_error_code(std::errc::is_a_directory);
  bool isTooLarge = false;
  Buffer buffer;
  if (!error && fs::is_regular_file(status)) {
    isTooLarge = status.getSize() > limit;
    if (!isTooLarge) {
      auto read = llvm::MemoryBuffer::getOpenFile(file, name, status.getSize());
      error = read.getError();
      if (!error)
        buffer = std::move(*read);
    }
  } else if (!error) {
    llvm::SmallString<0> text;
    limit = std::min(limit, kLargestText);
    error = readStream(file, limit, text);
    isTooLarge = text.size() > limit;
    if (!error && !isTooLarge)
      buffer = llvm::MemoryBuffer::getMemBufferCopy(text, name);
  }
  if (error)
    reason = "cannot read the file: " + error.message();
  else if (isTooLarge)
    reason = "the file is larger than " + formatBytes(limit);
  return buffer;
}

Buffer einsum::readInputFile(llvm::StringRef path, std::string &reason,
                             uint64_t limit) {
  if (path == "-")
    return readOpenFile(fs::getStdinHandle(), "<stdin>", limit, reason);
  llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(path);
  if (!file) {
    std::error_code error = llvm::errorToErrorCode(file.takeError());
    reason = "cannot read the file: " + error.message();
    return nullptr;
  }
  Buffer buffer = readOpenFile(*file, path, limit, reason);
  fs::file_t opened = *file;
  std::ignore = fs::closeFile(opened); // all has been read
  return buffer;
}

std::optional<SourceLocation> einsum::findDeepNesting(llvm::StringRef text,
                                                      llvm::StringRef file) {
  unsigned depth = 0, line = 1;
  size_t lineStart = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\n') {
      ++line;
      lineStart = i + 1;
    } else if (c == '"') { // a string ends on its line
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        i += text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n';
      i -= i < text.size() && text[i] == '\n';
    } else if (c == '/' && next == '/') {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if ((c == '-' || c == '>' || c == '<') &&
               (next == '>' || next == '=')) {
      ++i; // an arrow or a comparison
    } else if (llvm::StringRef("([{<").contains(c)) {
      if (++depth > kDeepestNesting)
        return SourceLocation{file.str(), line, unsigned(i - lineStart + 1)};
    } else if (llvm::StringRef(")]}>").contains(c) && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}
