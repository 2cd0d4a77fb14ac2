//===- Values.h - Numbers that know where they are from ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A document with its name and the place in it that is being read:
//
//   Place result("result", json)
//   result["levels"][0]["read_bytes"].show(bytes)
//     <data data-path="result:/levels/0/read_bytes" data-value="96">96 B</data>
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_HTML_VALUES_H
#define LIB_EXPORT_HTML_VALUES_H

#include "lib/Support/Format.h"

#include <nlohmann/json.hpp>

namespace einsum::exporting {

using Json = nlohmann::ordered_json;

enum class Shown {
  number,
  bytes,
  percent,
  ratio,
  seconds,
  joules,
  picojoules,
  cycles,
  opsPerSecond,
  mm2,
  jouleSeconds,
  powerOfTen ///< the number is the decimal logarithm
};

/// A number for a person.
std::string showNumber(double value, Shown how);

class Place {
public:
  Place(const std::string &document, const Json &json)
      : path(document + ":"), json(&json) {}

  Place operator[](const char *key) const;
  Place operator[](size_t index) const;
  bool has(const char *key) const {
    return json->is_object() && json->contains(key);
  }
  size_t size() const { return json->size(); }
  const Json &get() const { return *json; }
  double number() const { return json->is_number() ? json->get<double>() : 0; }
  std::string text() const {
    return json->is_string() ? json->get<std::string>() : "";
  }
  const std::string &where() const { return path; }

  /// The number with its source; a dash for null.
  std::string show(Shown how) const;
  /// data-path="..." data-KEY="..." for each of the keys.
  std::string attributes(std::initializer_list<const char *> keys) const;
  /// data-path and data-value of a number.
  std::string attribute() const;

private:
  Place(std::string path, const Json *json)
      : path(std::move(path)), json(json) {}

  std::string path;
  const Json *json;
};

} // namespace einsum::exporting

#endif // LIB_EXPORT_HTML_VALUES_H
