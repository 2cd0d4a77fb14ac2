//===- ExecutionStyle.cpp - How narrow codes are multiplied ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ExecutionStyle.h"

#include "lib/Support/Formats/Storage.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::arch;
using llvm::StringRef;

const std::vector<StyleName> &arch::getStyleNames() {
  static const std::vector<StyleName> names = {
      {"bit-serial", "bits_per_step", ExecutionStyle::Kind::BitSerial},
      {"bit-plane", "", ExecutionStyle::Kind::BitPlane},
      {"lut", "group", ExecutionStyle::Kind::Lut}};
  return names;
}

std::string ExecutionStyle::spell() const {
  for (const StyleName &style : getStyleNames())
    if (style.kind == kind)
      return style.name;
  return {};
}

/// "i8", "bf16", "f8E4M3FN": the first number in the name; formats know theirs.
static std::optional<uint64_t> getBits(StringRef name) {
  auto format = formats::findFormat(name);
  if (auto *found = std::get_if<formats::Format>(&format))
    return found->getCodeBits();
  if (name == "tf32")
    return 32;
  StringRef digits = name.drop_while([](char c) { return !llvm::isDigit(c); })
                         .take_while(llvm::isDigit);
  uint64_t bits = 0;
  bool isBuiltin =
      name.starts_with("i") || name.starts_with("f") || name.starts_with("bf");
  if (!isBuiltin || digits.getAsInteger(10, bits) || bits == 0 || bits > 64)
    return std::nullopt;
  return bits;
}

std::optional<OperandBits> arch::getOperandBits(StringRef datatype) {
  auto [first, second] = datatype.split('*');
  std::optional<uint64_t> a = getBits(first),
                          b = second.empty() ? a : getBits(second);
  if (!a || !b)
    return std::nullopt;
  return OperandBits{std::min(*a, *b), std::max(*a, *b)};
}

double arch::countSteps(const ExecutionStyle &style, const OperandBits &bits) {
  switch (style.kind) {
  case ExecutionStyle::Kind::BitSerial:
    return static_cast<double>(llvm::divideCeil(bits.narrow, style.perStep));
  case ExecutionStyle::Kind::BitPlane:
    return static_cast<double>(bits.narrow * bits.wide);
  case ExecutionStyle::Kind::Lut:
    return static_cast<double>(bits.narrow) /
           static_cast<double>(style.perStep);
  }
  return 1;
}
