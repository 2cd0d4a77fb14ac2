//===- CodeTypes.cpp - Types for codes, scales and stored tensors ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/CodeTypes.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using formats::Codes;

bool quant::isSymmetricInteger(const Codes &codes) {
  if (codes.getKind() != Codes::Kind::integer || codes.getBits() > 16)
    return false;
  double most = std::ldexp(1.0, static_cast<int>(codes.getBits()) - 1) - 1;
  return codes.round(0) == 0 && codes.decode(0) == 0 &&
         codes.getLargest() == most * codes.getSmallest() &&
         codes.round(-codes.getLargest()) == -codes.getLargest();
}

double quant::getStep(const Codes &codes) { return codes.getSmallest(); }

FloatType quant::getFloatType(StringRef name, MLIRContext *context) {
  Builder builder(context);
  return llvm::StringSwitch<FloatType>(name)
      .Case("f16", builder.getF16Type())
      .Case("bf16", builder.getBF16Type())
      .Case("f32", builder.getF32Type())
      .Case("e4m3", builder.getFloat8E4M3FNType())
      .Case("e5m2", builder.getFloat8E5M2Type())
      .Default(nullptr);
}

Type quant::getStoredType(const formats::Storage &storage, Type expressed) {
  return QuantizedType::get(storage, expressed);
}

std::string quant::getDatatype(Type element) {
  if (auto quantized = dyn_cast<QuantizedType>(element))
    return quantized.getFormat().str();
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return text;
}

static bool isSameSet(const Codes &a, const Codes &b) {
  return a.getKind() == b.getKind() && a.getBits() == b.getBits() &&
         a.getLargest() == b.getLargest() && a.getSmallest() == b.getSmallest();
}

Type quant::getCodeType(const Codes &codes, Type expressed) {
  MLIRContext *context = expressed.getContext();
  if (isSymmetricInteger(codes))
    return IntegerType::get(context, codes.getBits());
  for (StringRef name : {"f16", "bf16", "f32", "e4m3", "e5m2"})
    if (isSameSet(codes, *Codes::findReal(name)))
      return getFloatType(name, context);
  for (const std::string &name : formats::getFormatNames()) {
    auto bare = formats::parseStorage(name);
    auto *storage = std::get_if<formats::Storage>(&bare);
    if (storage && storage->scaleType.empty() && storage->format.isStored &&
        isSameSet(storage->format.codes.front(), codes))
      return getStoredType(*storage, expressed);
  }
  return {};
}

std::string quant::joinDatatypes(Type a, Type b) {
  std::string first = getDatatype(a), second = getDatatype(b);
  if (first == second)
    return first;
  auto width = [](Type type) -> unsigned {
    return isa<QuantizedType>(type) ? 0 : type.getIntOrFloatBitWidth();
  };
  bool swap = width(b) > width(a) || (width(a) == width(b) && second < first);
  return swap ? second + "*" + first : first + "*" + second;
}
