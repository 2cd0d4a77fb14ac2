//===- Svg.h - Marks of a picture -------------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pictures are text. Colours and fonts come from the page's style sheet by
// class, so that one picture is right in light, dark and print:
//
//   c0 .. c9   fill of a category (an Einsum, a level), dark text on it
//   grid axis frame   lines
//   small faint       text
//
// A mark that stands for numbers carries them: `data-path` says where they are
// in the JSON, and an attribute for each has the value as it is written there.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_HTML_SVG_H
#define LIB_EXPORT_HTML_SVG_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace einsum::exporting {

/// `&`, `<`, `>` and quotes as entities.
std::string escapeHtml(llvm::StringRef text);
/// One decimal, none if it is zero.
std::string formatCoordinate(double value);

constexpr unsigned kCategories = 10;

class Svg {
public:
  Svg(llvm::raw_ostream &os, double width, double height,
      llvm::StringRef label);
  ~Svg();

  /// `title` is shown when the pointer rests on the mark; `attributes` are
  /// written as they are.
  void rect(double x, double y, double width, double height,
            llvm::StringRef cssClass, llvm::StringRef attributes = "",
            llvm::StringRef title = "");
  void line(double x1, double y1, double x2, double y2,
            llvm::StringRef cssClass);
  void circle(double x, double y, double radius, llvm::StringRef cssClass,
              llvm::StringRef attributes = "", llvm::StringRef title = "");
  /// `anchor`: start, middle or end.
  void text(double x, double y, llvm::StringRef what,
            llvm::StringRef anchor = "start", llvm::StringRef cssClass = "",
            double rotate = 0);
  /// The text, cut to what has room in `width`; nothing if that is too little.
  void textIn(double x, double y, double width, llvm::StringRef what,
              llvm::StringRef cssClass = "");

  /// About how wide a text is, in the size of the page's pictures.
  static double widthOf(llvm::StringRef text);

private:
  llvm::raw_ostream &os;
};

} // namespace einsum::exporting

#endif // LIB_EXPORT_HTML_SVG_H
