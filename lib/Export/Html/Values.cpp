//===- Values.cpp - Numbers that know where they are from -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Html/Values.h"

#include "lib/Export/Html/Svg.h"

#include <cmath>

using namespace einsum;
using namespace einsum::exporting;

std::string einsum::exporting::showNumber(double value, Shown how) {
  switch (how) {
  case Shown::number:
    return value >= 1e4 ? formatSi(value, "") : formatNumber(value);
  case Shown::bytes:
    return value < 1.8e19 ? formatBytes(static_cast<uint64_t>(value))
                          : formatSi(value, "B");
  case Shown::percent:
    return formatPercent(value);
  case Shown::ratio:
    return formatNumber(value) + " ×";
  case Shown::seconds:
    return formatSi(value, "s");
  case Shown::joules:
    return formatSi(value, "J");
  case Shown::picojoules:
    return formatSi(value * 1e-12, "J");
  case Shown::cycles:
    return value >= 1e4 ? formatSi(value, "") : formatNumber(value);
  case Shown::opsPerSecond:
    return formatSi(value, "op/s");
  case Shown::mm2:
    return formatNumber(value) + " mm²";
  case Shown::jouleSeconds:
    return formatSi(value, "Js");
  case Shown::powerOfTen:
    return value < 9 ? showNumber(std::pow(10, value), Shown::number)
                     : "10^" + formatNumber(std::floor(value));
  }
  return "";
}

/// `~` and `/` stand for themselves in no JSON pointer (RFC 6901).
static std::string escapePointer(llvm::StringRef key) {
  std::string escaped;
  for (char c : key)
    escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

Place Place::operator[](const char *key) const {
  static const Json null;
  auto found = json->is_object() ? json->find(key) : json->end();
  return Place(path + "/" + escapePointer(key),
               found == json->end() ? &null : &*found);
}

Place Place::operator[](size_t index) const {
  return Place(path + "/" + std::to_string(index), &json->at(index));
}

std::string Place::attribute() const {
  return "data-path=\"" + escapeHtml(path) + "\" data-value=\"" +
         escapeHtml(json->dump()) + "\"";
}

std::string Place::attributes(std::initializer_list<const char *> keys) const {
  std::string text = "data-path=\"" + escapeHtml(path) + "\"";
  for (const char *key : keys) {
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', '-');
    text += " data-" + name + "=\"" + escapeHtml((*json)[key].dump()) + "\"";
  }
  return text;
}

std::string Place::show(Shown how) const {
  if (!json->is_number())
    return "–";
  return "<data " + attribute() + ">" + escapeHtml(showNumber(number(), how)) +
         "</data>";
}
