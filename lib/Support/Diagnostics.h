//===- Diagnostics.h - Located errors, warnings and notes -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Readers of text files (architecture specs, cascades, sweeps) put what they
// find wrong into a Diagnostics and go on, so that one run reports everything:
//
//   spec.json:4:13: error: unknown key 'clok' in the architecture; did you
//                          mean 'clock'?
//     "clok": "940 MHz",
//     ^
//
// Messages are lower-case sentences without a full stop: what is, what would be
// allowed, what to change, in the user's spelling. Nothing here exits or
// throws.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_DIAGNOSTICS_H
#define EINSUM_SUPPORT_DIAGNOSTICS_H

#include "lib/Support/SourceLocation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace einsum {

enum class Severity { Error, Warning, Note };

struct Diagnostic {
  Severity severity = Severity::Error;
  SourceLocation loc;
  std::string message;
  std::vector<Diagnostic> notes;

  /// Adds a second place or a way out.
  Diagnostic &note(const SourceLocation &loc, const llvm::Twine &message);
};

class Diagnostics {
public:
  /// Registers the text of `file`, from which carets are drawn.
  void addSource(llvm::StringRef file, llvm::StringRef text);

  Diagnostic &error(const SourceLocation &loc, const llvm::Twine &message);
  Diagnostic &warning(const SourceLocation &loc, const llvm::Twine &message);

  /// Something to know that is not wrong.
  Diagnostic &note(const SourceLocation &loc, const llvm::Twine &message);

  bool hasErrors() const { return errors != 0; }
  unsigned errorCount() const { return errors; }

  /// In the order they were reported.
  const std::deque<Diagnostic> &all() const { return diagnostics; }

  /// Prints everything, each file from top to bottom.
  void print(llvm::raw_ostream &os) const;

private:
  void printOne(llvm::raw_ostream &os, const Diagnostic &diagnostic) const;
  void printSourceLine(llvm::raw_ostream &os, const SourceLocation &loc) const;

  std::deque<Diagnostic> diagnostics; // a deque, so that references stay valid
  std::map<std::string, std::string> sources;
  unsigned errors = 0;
};

/// The candidate closest to `name`, if one is close enough to be a misspelling.
std::optional<std::string> nearestName(llvm::StringRef name,
                                       llvm::ArrayRef<std::string> candidates);

/// "; did you mean 'x'?", or nothing when no candidate is close.
std::string didYouMean(llvm::StringRef name,
                       llvm::ArrayRef<std::string> candidates);

} // namespace einsum

#endif // EINSUM_SUPPORT_DIAGNOSTICS_H
