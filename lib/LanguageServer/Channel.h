//===- Channel.h - Messages over a file descriptor --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// JSON-RPC as LSP frames it: `Content-Length: 17`, an empty line, 17 bytes of
// JSON. Bytes wait in either direction until the other side is ready, so that
// two processes that write to each other do not wait for each other.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LANGUAGESERVER_CHANNEL_H
#define LIB_LANGUAGESERVER_CHANNEL_H

#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace einsum::language {

class Channel {
public:
  Channel(int in, int out) : in(in), out(out) {}

  int input() const { return in; }
  int output() const { return out; }
  bool hasOutput() const { return !waiting.empty(); }
  bool isOpen() const { return open; }
  void close() { open = false; }

  /// Takes what has arrived, and returns the messages that are complete.
  std::vector<llvm::json::Value> receive();
  /// Puts a message behind those that wait.
  void send(const llvm::json::Value &message);
  /// Writes what the other side takes now.
  void flush();

private:
  std::optional<llvm::json::Value> takeMessage();

  int in, out;
  bool open = true;
  std::string arrived, waiting;
};

} // namespace einsum::language

#endif // LIB_LANGUAGESERVER_CHANNEL_H
