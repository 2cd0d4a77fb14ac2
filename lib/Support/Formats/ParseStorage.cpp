//===- ParseStorage.cpp - The notation of storages ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Text.h"

#include "lib/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum::formats;
using llvm::StringRef;

std::string einsum::formats::listQuoted(llvm::ArrayRef<std::string> names) {
  std::string text;
  for (auto [i, name] : llvm::enumerate(names))
    text += (i == 0                  ? "'"
             : i + 1 == names.size() ? " and '"
                                     : ", '") +
            name + "'";
  return text;
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

Word Cursor::takeWord() {
  size_t start = position;
  while (position < text.size() &&
         (llvm::isAlnum(text[position]) || text[position] == '_' ||
          text[position] == '.'))
    ++position;
  Word word = {text.slice(start, position), start};
  skipSpace();
  return word;
}

bool Cursor::consume(char symbol) {
  if (isAtEnd() || text[position] != symbol)
    return false;
  ++position;
  skipSpace();
  return true;
}

std::string Cursor::describe() const {
  if (isAtEnd())
    return "the end";
  Cursor ahead = *this;
  StringRef word = ahead.takeWord().text;
  return "'" + (word.empty() ? text.substr(position, 1) : word).str() + "'";
}

std::optional<StorageError> einsum::formats::readFormat(Cursor &cursor,
                                                        WrittenFormat &format) {
  format.name = cursor.takeWord();
  if (format.name.text.empty())
    return cursor.error("expected the name of a format, found " +
                        cursor.describe());
  if (!cursor.consume('('))
    return std::nullopt;
  do {
    Option option;
    option.name = cursor.takeWord();
    if (option.name.text.empty())
      return cursor.error("expected an option of '" + format.name.text.str() +
                          "', found " + cursor.describe());
    if (cursor.consume('=')) {
      option.value = cursor.takeWord();
      if (option.value.text.empty())
        return cursor.error("expected the value of '" + option.name.text.str() +
                            "', found " + cursor.describe());
    }
    for (const Option &other : format.options)
      if (other.name.text == option.name.text)
        return StorageError{option.name.offset, "option '" +
                                                    option.name.text.str() +
                                                    "' is given twice"};
    format.options.push_back(option);
  } while (cursor.consume(','));
  if (!cursor.consume(')'))
    return cursor.error("expected ',' or ')', found " + cursor.describe());
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Who shares a scale
//===----------------------------------------------------------------------===//

namespace {

/// What stands behind the format, each word with its place.
struct WrittenSharing {
  Sharing sharing = Sharing::none;
  std::vector<Word> ranks;
  std::vector<int64_t> sizes; ///< 0: not given
  size_t offset = 0;
};

class SharingReader {
public:
  SharingReader(Cursor &cursor, WrittenSharing &written,
                const std::vector<std::string> *tensorRanks)
      : cursor(cursor), written(written), tensorRanks(tensorRanks) {}

  std::optional<StorageError> run() {
    written.offset = cursor.getOffset();
    while (!cursor.isAtEnd())
      if (std::optional<StorageError> error = readClause())
        return error;
    return std::nullopt;
  }

private:
  std::optional<StorageError> readClause() {
    Cursor start = cursor;
    StringRef word = cursor.takeWord().text;
    Sharing sharing = word == "tensor"                     ? Sharing::tensor
                      : word == "channel"                  ? Sharing::channel
                      : word == "matrix"                   ? Sharing::matrix
                      : word == "block" || word == "group" ? Sharing::block
                                                           : Sharing::none;
    if (sharing == Sharing::none)
      return start.error("expected 'tensor', 'channel', 'block', 'group' or "
                         "'matrix', found " +
                         start.describe());
    bool isAgain = written.sharing != Sharing::none;
    bool mayRepeat = sharing == Sharing::channel || sharing == Sharing::block;
    if (isAgain && (sharing != written.sharing || !mayRepeat))
      return start.error("'" + spell(written.sharing).str() +
                         "' has already said who shares a scale");
    written.sharing = sharing;
    if (sharing == Sharing::block)
      if (std::optional<StorageError> error = readSize())
        return error;
    unsigned count = sharing == Sharing::tensor   ? 0
                     : sharing == Sharing::matrix ? 2
                                                  : 1;
    for (unsigned i = 0; i < count; ++i)
      if (std::optional<StorageError> error = readRank(word))
        return error;
    return std::nullopt;
  }

  std::optional<StorageError> readSize() {
    int64_t size = 0;
    if (cursor.consume('(')) {
      Cursor start = cursor;
      StringRef number = cursor.takeWord().text;
      if (number.getAsInteger(10, size) || size < 1 || size > INT32_MAX)
        return start.error("expected how many elements share a scale, found " +
                           start.describe());
      if (!cursor.consume(')'))
        return cursor.error("expected ')', found " + cursor.describe());
    }
    written.sizes.push_back(size);
    return std::nullopt;
  }

  std::optional<StorageError> readRank(StringRef word) {
    Cursor start = cursor;
    Word rank = cursor.takeWord();
    if (rank.text.empty() || llvm::isDigit(rank.text.front()))
      return start.error("expected a rank after '" + word.str() + "', found " +
                         start.describe());
    for (const Word &other : written.ranks)
      if (other.text == rank.text)
        return start.error("rank '" + rank.text.str() + "' is named twice");
    if (tensorRanks && !llvm::is_contained(*tensorRanks, rank.text))
      return start.error("the tensor has no rank '" + rank.text.str() +
                         "' along which to share a scale" +
                         (tensorRanks->empty()
                              ? std::string("; it is a scalar")
                              : "; it has " + listQuoted(*tensorRanks)));
    written.ranks.push_back(rank);
    return std::nullopt;
  }

  Cursor &cursor;
  WrittenSharing &written;
  const std::vector<std::string> *tensorRanks;
};

} // namespace

/// What would be allowed, for messages.
static std::string describeSharing(const Format &format) {
  if (format.rule == ScaleRule::lowRank)
    return "'matrix ROWS COLUMNS'";
  if (format.blockSize != 0)
    return "'block RANK'";
  if (format.isBlocked)
    return "'block(SIZE) RANK'";
  return "'tensor', 'channel RANK' or 'group(SIZE) RANK'";
}

/// Whether as many ranks and sizes are given as the sharing speaks of.
static std::optional<std::string> checkCounts(const Storage &storage) {
  size_t count = storage.ranks.size();
  bool isBlock = storage.sharing == Sharing::block;
  bool fits = storage.sharing == Sharing::matrix               ? count == 2
              : isBlock || storage.sharing == Sharing::channel ? count >= 1
                                                               : count == 0;
  if (!fits)
    return "sharing per " + spell(storage.sharing).str() +
           " does not speak of " + std::to_string(count) + " ranks";
  if (storage.sizes.size() != (isBlock ? count : 0))
    return "only blocks have sizes, and each its own";
  for (int64_t size : storage.sizes)
    if (size < 0 || size > INT32_MAX)
      return "a block holds 1 to 2147483647 elements along a rank, found " +
             std::to_string(size);
  for (size_t i = 0; i < count; ++i)
    if (llvm::is_contained(llvm::ArrayRef(storage.ranks).take_front(i),
                           storage.ranks[i]))
      return "rank '" + storage.ranks[i] + "' is named twice";
  return std::nullopt;
}

/// Whether the format can be shared like that; fills in sizes that it fixes.
static std::optional<std::string> fitSharing(Storage &storage) {
  const Format &format = storage.format;
  std::string name = "'" + format.name + "' ";
  Sharing sharing = storage.sharing;
  if (sharing == Sharing::none) {
    if (format.scaleTypes.empty() || format.isScaleOptional)
      return std::nullopt;
    return name + "needs to say who shares a scale: " + describeSharing(format);
  }
  if (format.scaleTypes.empty())
    return name + "has no scale to share";
  bool isMatrix = format.rule == ScaleRule::lowRank;
  bool fits = isMatrix           ? sharing == Sharing::matrix
              : format.isBlocked ? sharing == Sharing::block
                                 : sharing != Sharing::matrix;
  if (!fits)
    return name + "is shared as " + describeSharing(format) + ", not per " +
           spell(sharing).str();
  if (format.blockSize != 0 && storage.ranks.size() > 1)
    return name + "has blocks along one rank, found " +
           std::to_string(storage.ranks.size());
  for (int64_t &size : storage.sizes) {
    if (size == 0)
      size = format.blockSize;
    if (size == 0)
      return name + "needs the size of its blocks, as in 'group(128) " +
             storage.ranks.front() + "'";
    if (format.blockSize != 0 && size != format.blockSize)
      return name + "has blocks of " + std::to_string(format.blockSize) +
             ", found " + std::to_string(size);
  }
  return std::nullopt;
}

static std::optional<std::string> fitScale(Storage &storage,
                                           StringRef scaleType) {
  const Format &format = storage.format;
  std::string name = "'" + format.name + "' ";
  if (storage.sharing == Sharing::none) {
    if (!scaleType.empty())
      return name + "has no scale here, so there is no type for it";
    return std::nullopt;
  }
  storage.scaleType =
      scaleType.empty() ? format.scaleTypes.front() : scaleType.str();
  if (!llvm::is_contained(format.scaleTypes, storage.scaleType))
    return name + "has no scale type '" + storage.scaleType + "', only " +
           listQuoted(format.scaleTypes);
  return std::nullopt;
}

static std::optional<std::string> refuseUnstored(const Format &format) {
  if (format.isStored)
    return std::nullopt;
  return "'" + format.name +
         "' is a type to compute in, not to store; store f32, and compute with "
         "'as " +
         format.name + "'";
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

std::variant<Storage, StorageError>
einsum::formats::parseStorage(StringRef text,
                              const std::vector<std::string> *tensorRanks) {
  Cursor cursor(text);
  WrittenFormat format;
  WrittenSharing sharing;
  if (std::optional<StorageError> error = readFormat(cursor, format))
    return *error;
  // The type of the scale is an option to the reader and a fact of its own
  // afterwards.
  Word scaleType;
  for (const Option &option : format.options)
    if (option.name.text == "scale" && option.value.text.empty())
      return StorageError{option.name.offset,
                          "'scale' is the type of a scale, as in 'scale=f16', "
                          "found none"};
  llvm::erase_if(format.options, [&](const Option &option) {
    bool isScale = option.name.text == "scale";
    if (isScale)
      scaleType = option.value;
    return isScale;
  });
  auto row = resolveFormat(format);
  if (auto *error = std::get_if<StorageError>(&row))
    return *error;
  if (std::optional<StorageError> error =
          SharingReader(cursor, sharing, tensorRanks).run())
    return *error;

  Storage storage;
  storage.format = std::get<Format>(row);
  storage.sharing = sharing.sharing;
  for (const Word &rank : sharing.ranks)
    storage.ranks.push_back(rank.text.str());
  storage.sizes = sharing.sizes;
  if (auto message = refuseUnstored(storage.format))
    return StorageError{format.name.offset, *message};
  if (auto message = fitSharing(storage))
    return StorageError{sharing.sharing == Sharing::none ? format.name.offset
                                                         : sharing.offset,
                        *message};
  if (auto message = fitScale(storage, scaleType.text))
    return StorageError{scaleType.offset, *message};
  return storage;
}

std::variant<Storage, StorageError> einsum::formats::makeStorage(
    StringRef format, Sharing sharing, llvm::ArrayRef<std::string> ranks,
    llvm::ArrayRef<int64_t> sizes, StringRef scaleType) {
  auto found = findFormat(format);
  if (auto *error = std::get_if<StorageError>(&found))
    return *error;
  Storage storage;
  storage.format = std::get<Format>(found);
  storage.sharing = sharing;
  storage.ranks.assign(ranks.begin(), ranks.end());
  storage.sizes.assign(sizes.begin(), sizes.end());
  std::optional<std::string> message = refuseUnstored(storage.format);
  if (!message)
    message = checkCounts(storage);
  if (!message)
    message = fitSharing(storage);
  if (!message)
    message = fitScale(storage, scaleType);
  if (message)
    return StorageError{0, *message};
  return storage;
}

std::variant<Format, StorageError> einsum::formats::findFormat(StringRef name) {
  Cursor cursor(name);
  WrittenFormat written;
  if (std::optional<StorageError> error = readFormat(cursor, written))
    return *error;
  if (!cursor.isAtEnd())
    return cursor.error("expected the end of the format, found " +
                        cursor.describe());
  return resolveFormat(written);
}

/// `scale` among the options that the name has already.
static std::string withScale(const std::string &name,
                             const std::string &scaleType) {
  if (name.back() != ')')
    return name + "(scale=" + scaleType + ")";
  return name.substr(0, name.size() - 1) + ", scale=" + scaleType + ")";
}

std::string Storage::toText() const {
  std::string text = format.name;
  if (!scaleType.empty() && scaleType != format.scaleTypes.front())
    text = withScale(text, scaleType);
  if (sharing == Sharing::none)
    return text;
  // Users choose the size of a group; a block is the format's own idea.
  std::string word = sharing == Sharing::block && !format.isBlocked
                         ? "group"
                         : spell(sharing).str();
  if (sharing == Sharing::tensor || sharing == Sharing::matrix) {
    text += " " + word;
    for (const std::string &rank : ranks)
      text += " " + rank;
    return text;
  }
  for (auto [i, rank] : llvm::enumerate(ranks)) {
    text += " " + word;
    if (sharing == Sharing::block && format.blockSize == 0)
      text += "(" + std::to_string(sizes[i]) + ")";
    text += " " + rank;
  }
  return text;
}
