//===- Svg.cpp - Marks of a picture ---------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Html/Svg.h"

#include <cmath>
#include <cstdio>

using namespace einsum::exporting;
using llvm::StringRef;

std::string einsum::exporting::escapeHtml(StringRef text) {
  std::string escaped;
  for (char c : text)
    switch (c) {
    case '&':
      escaped += "&amp;";
      break;
    case '<':
      escaped += "&lt;";
      break;
    case '>':
      escaped += "&gt;";
      break;
    case '"':
      escaped += "&quot;";
      break;
    default:
      escaped += c;
    }
  return escaped;
}

std::string einsum::exporting::formatCoordinate(double value) {
  double rounded = std::round(value * 10) / 10;
  char buffer[32];
  bool isWhole = rounded == std::floor(rounded);
  std::snprintf(buffer, sizeof buffer, isWhole ? "%.0f" : "%.1f", rounded);
  return buffer;
}

static std::string n(double value) { return formatCoordinate(value); }

Svg::Svg(llvm::raw_ostream &os, double width, double height, StringRef label)
    : os(os) {
  os << "<svg viewBox=\"0 0 " << n(width) << " " << n(height)
     << "\" role=\"img\" aria-label=\"" << escapeHtml(label) << "\">\n";
}

Svg::~Svg() { os << "</svg>\n"; }

static void close(llvm::raw_ostream &os, StringRef tag, StringRef title) {
  if (title.empty())
    os << "/>\n";
  else
    os << "><title>" << escapeHtml(title) << "</title></" << tag << ">\n";
}

void Svg::rect(double x, double y, double width, double height,
               StringRef cssClass, StringRef attributes, StringRef title) {
  os << "<rect x=\"" << n(x) << "\" y=\"" << n(y) << "\" width=\""
     << n(std::max(width, 0.1)) << "\" height=\"" << n(std::max(height, 0.1))
     << "\" class=\"" << cssClass << "\"" << (attributes.empty() ? "" : " ")
     << attributes;
  close(os, "rect", title);
}

void Svg::line(double x1, double y1, double x2, double y2, StringRef cssClass) {
  os << "<line x1=\"" << n(x1) << "\" y1=\"" << n(y1) << "\" x2=\"" << n(x2)
     << "\" y2=\"" << n(y2) << "\" class=\"" << cssClass << "\"/>\n";
}

void Svg::circle(double x, double y, double radius, StringRef cssClass,
                 StringRef attributes, StringRef title) {
  os << "<circle cx=\"" << n(x) << "\" cy=\"" << n(y) << "\" r=\"" << n(radius)
     << "\" class=\"" << cssClass << "\"" << (attributes.empty() ? "" : " ")
     << attributes;
  close(os, "circle", title);
}

void Svg::text(double x, double y, StringRef what, StringRef anchor,
               StringRef cssClass, double rotate) {
  os << "<text x=\"" << n(x) << "\" y=\"" << n(y) << "\"";
  if (anchor != "start")
    os << " text-anchor=\"" << anchor << "\"";
  if (!cssClass.empty())
    os << " class=\"" << cssClass << "\"";
  if (rotate != 0)
    os << " transform=\"rotate(" << n(rotate) << " " << n(x) << " " << n(y)
       << ")\"";
  os << ">" << escapeHtml(what) << "</text>\n";
}

double Svg::widthOf(StringRef text) {
  double width = 0;
  for (char c : text)
    width += StringRef("iljtf.,:;!|'()[] ").contains(c) ? 4.6
             : StringRef("MWmw@%").contains(c)          ? 10.6
             : c >= 'A' && c <= 'Z'                     ? 8.4
                                                        : 7.2;
  return width;
}

void Svg::textIn(double x, double y, double width, StringRef what,
                 StringRef cssClass) {
  if (widthOf(what) + 6 <= width)
    text(x + width / 2, y, what, "middle", cssClass);
}
