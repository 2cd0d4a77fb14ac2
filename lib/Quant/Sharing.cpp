//===- Sharing.cpp - Ranks that a storage leaves out ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/Sharing.h"

#include "lib/Quant/QuantizeSpec.h"

#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::formats;
using llvm::StringRef;

static std::vector<std::string> splitWords(StringRef text) {
  std::vector<std::string> words;
  for (std::string &word : quant::splitOutside(text, ' '))
    if (!word.empty())
      words.push_back(std::move(word));
  return words;
}

static bool isSharingWord(StringRef word) {
  word = word.take_until([](char c) { return c == '('; });
  return word == "tensor" || word == "channel" || word == "block" ||
         word == "group" || word == "matrix";
}

/// Words that a format with scales stands for if it says nothing.
static void addUsualSharing(std::vector<std::string> &words) {
  // The scale type is an option of the storage, not of the format's name.
  auto parsed = parseStorage(words.front() + " tensor");
  if (auto *storage = std::get_if<Storage>(&parsed)) {
    bool isBare = storage->format.isScaleOptional;
    if (!isBare && !storage->format.scaleTypes.empty())
      words.push_back(storage->format.isBlocked ? "block" : "channel");
    return;
  }
  // Not of whole tensors: without any sharing, or in blocks.
  if (!std::holds_alternative<Storage>(parseStorage(words.front())))
    words.push_back("block");
}

std::variant<Storage, std::string>
quant::completeStorage(StringRef text, llvm::ArrayRef<std::string> kept,
                       llvm::ArrayRef<std::string> summed) {
  std::vector<std::string> words = splitWords(text);
  if (words.empty())
    return std::string("there is no format");
  if (words.size() == 1)
    addUsualSharing(words);
  std::string full = words.front();
  for (size_t i = 1; i < words.size(); ++i) {
    full += " " + words[i];
    StringRef word =
        StringRef(words[i]).take_until([](char c) { return c == '('; });
    bool hasRank = i + 1 < words.size() && !isSharingWord(words[i + 1]);
    if (!isSharingWord(words[i]) || word == "tensor" || hasRank)
      continue;
    if (word == "channel") {
      // Without anything that is kept apart, there is one scale.
      full.resize(full.size() - (kept.empty() ? words[i].size() : 0));
      full += kept.empty() ? "tensor" : " " + llvm::join(kept, " channel ");
    } else if (word == "matrix") {
      if (kept.empty() || summed.empty())
        return std::string("it has no rows and columns; name two ranks");
      full += " " + kept.back() + " " + summed.back();
    } else {
      if (summed.empty())
        return std::string("it has no rank to run along");
      full += " " + summed.back();
    }
  }
  auto parsed = parseStorage(full);
  if (auto *error = std::get_if<StorageError>(&parsed))
    return "'" + text.trim().str() + "': " + error->message;
  return std::get<Storage>(std::move(parsed));
}

std::string quant::checkFormat(StringRef text) {
  auto completed = completeStorage(text, {"row"}, {"column"});
  auto *error = std::get_if<std::string>(&completed);
  return error ? *error : std::string();
}
