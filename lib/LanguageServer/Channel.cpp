//===- Channel.cpp - Messages over a file descriptor ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/LanguageServer/Channel.h"

#include "lib/Support/InputFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <unistd.h>

using namespace einsum;
using namespace einsum::language;
using llvm::StringRef;
namespace json = llvm::json;

/// A file that an editor sends; more is a broken length.
static constexpr size_t kLargestMessage = 1u << 30;

std::vector<json::Value> Channel::receive() {
  char bytes[1 << 16];
  ssize_t got = ::read(in, bytes, sizeof bytes);
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
    open = false;
  if (got > 0)
    arrived.append(bytes, got);
  std::vector<json::Value> messages;
  while (std::optional<json::Value> message = takeMessage())
    messages.push_back(std::move(*message));
  return messages;
}

/// The first complete message; one that is no JSON is dropped.
std::optional<json::Value> Channel::takeMessage() {
  while (true) {
    size_t end = arrived.find("\r\n\r\n");
    if (end == std::string::npos) {
      open &= arrived.size() < 4096; // no header is as long as that
      return std::nullopt;
    }
    size_t length = 0;
    for (StringRef rest = StringRef(arrived).take_front(end); !rest.empty();) {
      auto [line, others] = rest.split("\r\n");
      if (line.consume_front_insensitive("content-length:") &&
          (line.trim().getAsInteger(10, length) || length > kLargestMessage))
        open = false;
      rest = others;
    }
    if (!open || arrived.size() < end + 4 + length)
      return std::nullopt;
    std::string text = arrived.substr(end + 4, length);
    arrived.erase(0, end + 4 + length);
    // The parser descends with the text.
    if (findDeepNesting(text, "")) {
      llvm::errs() << "a message is no JSON that makes sense: nested deeper "
                      "than "
                   << kDeepestNesting << " brackets\n";
      continue;
    }
    llvm::Expected<json::Value> message = json::parse(json::fixUTF8(text));
    if (message)
      return std::move(*message);
    llvm::errs() << "a message is no JSON: "
                 << llvm::toString(message.takeError()) << "\n";
  }
}

void Channel::send(const json::Value &message) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << message;
  waiting += "Content-Length: " + std::to_string(os.str().size()) + "\r\n\r\n";
  waiting += text;
}

void Channel::flush() {
  ssize_t sent = ::write(out, waiting.data(), waiting.size());
  if (sent > 0)
    waiting.erase(0, sent);
  else if (errno != EINTR && errno != EAGAIN)
    open = false;
}
