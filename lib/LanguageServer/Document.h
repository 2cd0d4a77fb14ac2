//===- Document.h - A file as an editor has it ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The text of an open file, what is wrong with it, and what stands at a place
// in it. Both notations are read by the parsers that the tools use, so that an
// editor underlines what they would refuse.
//
//   Document document("file:///softmax.ein", text, registry);
//   document.diagnostics()      LSP's `Diagnostic`s, notes as related places
//   document.hover({4, 7})      Markdown about the name at line 4, character 7
//
// While a file is being edited it is often broken; hovers then come from its
// last version that could be read. Places count from 0, characters in UTF-16,
// as LSP does.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LANGUAGESERVER_DOCUMENT_H
#define LIB_LANGUAGESERVER_DOCUMENT_H

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/JSON.h"

#include <memory>
#include <string>

namespace einsum::language {

struct Place {
  int64_t line = 0, character = 0;
};

class Document {
public:
  Document(std::string uri, const mlir::DialectRegistry &registry);
  ~Document();

  void setText(llvm::StringRef text);

  /// Whether this is the text notation; else it is MLIR.
  bool isCascade() const;
  /// False for text on which MLIR's parser would overflow the stack.
  bool isSafe() const { return safe; }

  const llvm::json::Array &diagnostics() const { return found; }
  /// Empty if nothing of ours is there.
  std::string hover(Place place);
  /// Names that may stand in the text: tensors, ranks and words of the
  /// notation.
  std::vector<std::string> names();

private:
  struct Version;

  std::string uri;
  const mlir::DialectRegistry &registry;
  bool safe = true;
  llvm::json::Array found;
  std::unique_ptr<Version> readable; ///< the last one without errors
};

} // namespace einsum::language

#endif // LIB_LANGUAGESERVER_DOCUMENT_H
