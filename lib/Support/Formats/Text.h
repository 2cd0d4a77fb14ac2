//===- Text.h - Reading the notation of storages ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal: a cursor over one line of text, and options as they were written.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_TEXT_H
#define EINSUM_SUPPORT_FORMATS_TEXT_H

#include "lib/Support/Formats/Storage.h"

namespace einsum::formats {

/// 'm', 'e'
std::string listQuoted(llvm::ArrayRef<std::string> names);

struct Word {
  llvm::StringRef text;
  size_t offset = 0;
};

struct Option {
  Word name, value; ///< value.text is empty for a mere word
};

/// A format as written, before anything is known about it.
struct WrittenFormat {
  Word name;
  std::vector<Option> options;
};

class Cursor {
public:
  explicit Cursor(llvm::StringRef text) : text(text) { skipSpace(); }

  bool isAtEnd() const { return position == text.size(); }
  size_t getOffset() const { return position; }
  /// Letters, digits, `_` and `.`; empty if something else is there.
  Word takeWord();
  bool consume(char symbol);
  /// What is here, for messages: 'x', or "the end".
  std::string describe() const;
  StorageError error(const std::string &message) const {
    return {position, message};
  }

private:
  void skipSpace() {
    while (position < text.size() &&
           (text[position] == ' ' || text[position] == '\t'))
      ++position;
  }
  llvm::StringRef text;
  size_t position = 0;
};

/// NAME ["(" NAME ["=" VALUE] {"," ...} ")"]
std::optional<StorageError> readFormat(Cursor &cursor, WrittenFormat &format);
/// The row of the table, changed by the options.
std::variant<Format, StorageError> resolveFormat(const WrittenFormat &written);

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_TEXT_H
