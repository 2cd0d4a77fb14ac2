//===- Log.h - What a tool is doing, for who asks ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lines on standard error with the seconds since the start, for `--log=info`
// and `--log=debug`; nothing otherwise:
//
//   [  0.41 s] attention, fewer passes, M0=256: bound 443.7 us
//   [  0.52 s] first mapping: 447.9 us
//
// A log is for people; what a program may rely on is in the JSON result. Any
// thread may write. Only the source file knows the library that writes it.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_LOG_H
#define EINSUM_SUPPORT_LOG_H

#include "llvm/ADT/Twine.h"

#include <optional>

namespace einsum {

enum class LogLevel { off, info, debug };

/// `off`, `info` or `debug`.
std::optional<LogLevel> parseLogLevel(llvm::StringRef name);
void setLogLevel(LogLevel level);
/// Ask before composing a line that takes effort.
bool isLogged(LogLevel level);

void logInfo(const llvm::Twine &line);
void logDebug(const llvm::Twine &line);

} // namespace einsum

#endif // EINSUM_SUPPORT_LOG_H
