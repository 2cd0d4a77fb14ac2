//===- FormatTable.cpp - The formats --------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One row per format or family of formats. Where they are defined:
//
//   mx*       OCP Microscaling Formats (MX) 1.0; mxint8 has steps of 2^-6
//   nvfp4     E2M1, an E4M3 scale per 16, relative to an f32 for the tensor
//   bfp       a shared exponent, and a sign with mantissa - 1 bits: mxint8 is
//             bfp(mantissa=8) in blocks of 32
//   ternary   scale mean |x| (Ma et al. 2024, "The Era of 1-bit LLMs")
//   binary    signs and mean |x| (Rastegari et al. 2016); several bits as sums
//             of scaled signs, fitted in turns (Xu et al. 2018)
//   bipolar   odd numbers: every bit is plus or minus its power of two
//   bitmod    a list of numbers per group, of four that differ in one member
//             (Chen et al., HPCA 2025); its scale is a byte relative to an f32
//   gear      Kang et al. 2024
//
// A scale type is offered where rounding the scale cannot take the largest
// element out of the largest code: p bits of precision move it by 2^-p at most,
// and half a code is 1 / (2^n - 2) of it, so p >= n. Bytes and E4M3 are
// relative to the tensor and coarse; they are offered to narrow codes.
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Diagnostics.h"
#include "lib/Support/Formats/Text.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace einsum::formats;
using llvm::StringRef;

using Strings = std::vector<std::string>;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static Format makeReal(StringRef name, StringRef codes, bool isScaled) {
  Format format;
  format.name = name.str();
  format.codes = {*Codes::findReal(codes)};
  format.rule = isScaled ? ScaleRule::absmax : ScaleRule::none;
  if (isScaled)
    format.scaleTypes = {"f32", "f16", "bf16"};
  format.isScaleOptional = isScaled;
  return format;
}

static Format makeShared(StringRef name, Codes codes, int64_t blockSize) {
  Format format;
  format.name = name.str();
  format.codes = {std::move(codes)};
  format.rule = ScaleRule::sharedExponent;
  format.scaleTypes = {"e8m0"};
  format.blockSize = blockSize;
  format.isBlocked = true;
  return format;
}

static Format makeNvfp4() {
  Format format = makeShared("nvfp4", *Codes::findReal("e2m1"), 16);
  format.rule = ScaleRule::absmax;
  format.scaleTypes = {"e4m3"};
  return format;
}

static Strings scaleTypesFor(unsigned bits) {
  Strings types = {"f16", "f32"};
  if (bits > 8)
    types = {"f32"};
  else
    types.push_back("bf16");
  if (bits > 8 && bits <= 11)
    types.push_back("f16");
  if (bits <= 4)
    types.insert(types.end(), {"e4m3", "u8"});
  return types;
}

static Format makeInteger(unsigned bits, bool isAsymmetric) {
  Format format;
  format.name = "int" + std::to_string(bits);
  format.codes = {isAsymmetric ? Codes::unsignedInteger(bits)
                               : Codes::symmetric(bits)};
  format.rule = isAsymmetric ? ScaleRule::minmax : ScaleRule::absmax;
  format.scaleTypes = scaleTypesFor(bits);
  return format;
}

static Format makeBipolar(unsigned bits) {
  Format format = makeInteger(bits, /*isAsymmetric=*/false);
  format.name = "bipolar" + std::to_string(bits);
  format.codes = {Codes::bipolar(bits)};
  return format;
}

static Format makeTernary() {
  Format format = makeInteger(2, /*isAsymmetric=*/false);
  format.name = "ternary";
  format.rule = ScaleRule::meanAbs;
  format.scaleTypes = {"f16", "f32", "bf16"};
  return format;
}

static Format makeBinary(unsigned bits) {
  Format format = makeTernary();
  format.name = "binary";
  format.rule = ScaleRule::binaryCodes;
  format.codes = {Codes::unsignedInteger(bits)};
  format.scalesPerRegion = bits;
  return format;
}

/// The base set and one more value: between its two largest or beyond them.
static Format makeBitMod(unsigned bits) {
  std::vector<double> base = {1, 2, 4};
  std::vector<double> further = {3, 6};
  if (bits == 4) {
    base = {1, 2, 3, 4, 6, 8, 12};
    further = {10, 16};
  }
  Format format;
  format.name = "bitmod" + std::to_string(bits);
  format.rule = ScaleRule::bestLevels;
  format.scaleTypes = {"u8", "f16", "bf16", "f32"};
  for (double value : further)
    for (double sign : {1., -1.}) {
      std::vector<double> values = {0, sign * value};
      for (double member : base)
        values.insert(values.end(), {member, -member});
      llvm::sort(values);
      format.codes.push_back(Codes::ofLevels(values));
    }
  return format;
}

static Format makeGear(unsigned bits) {
  Format format;
  format.name = "gear";
  format.codes = {Codes::unsignedInteger(bits)};
  format.rule = ScaleRule::lowRank;
  format.scaleTypes = {"f16"};
  return format;
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

namespace {

/// Takes options one by one; what is left at the end is refused.
class OptionReader {
public:
  explicit OptionReader(const WrittenFormat &written)
      : left(written.options), name(written.name.text.str()) {}

  bool takeFlag(StringRef key) {
    const Option *option = take(key);
    if (option && !option->value.text.empty())
      fail(option->value.offset,
           "'" + key.str() + "' of '" + name + "' takes no value");
    return option != nullptr;
  }

  int64_t takeInteger(StringRef key, int64_t usual, int64_t least,
                      int64_t most) {
    const Option *option = take(key);
    if (!option)
      return usual;
    int64_t value = 0;
    if (option->value.text.getAsInteger(10, value) || value < least ||
        value > most) {
      fail(placeOf(*option), "'" + key.str() + "' of '" + name +
                                 "' is a whole number from " +
                                 std::to_string(least) + " to " +
                                 std::to_string(most) + found(*option));
      return usual;
    }
    return value;
  }

  double takeShare(StringRef key, double usual) {
    const Option *option = take(key);
    if (!option)
      return usual;
    double value = 0;
    if (option->value.text.getAsDouble(value) || !(value >= 0 && value < 1)) {
      fail(placeOf(*option), "'" + key.str() + "' of '" + name +
                                 "' is a share from 0 to below 1, such as "
                                 "0.02" +
                                 found(*option));
      return usual;
    }
    return value;
  }

  std::optional<StorageError> finish() {
    if (!error && !left.empty()) {
      Word key = left.front().name;
      known.push_back("scale");
      fail(key.offset, "'" + name + "' has no option '" + key.text.str() +
                           "', only " + listQuoted(known));
    }
    return error;
  }

private:
  const Option *take(StringRef key) {
    known.push_back(key.str());
    auto it = llvm::find_if(
        left, [&](const Option &option) { return option.name.text == key; });
    if (it == left.end())
      return nullptr;
    taken.push_back(*it);
    left.erase(it);
    return &taken.back();
  }
  static size_t placeOf(const Option &option) {
    return option.value.text.empty() ? option.name.offset : option.value.offset;
  }
  static std::string found(const Option &option) {
    return option.value.text.empty()
               ? ", found none"
               : ", found '" + option.value.text.str() + "'";
  }
  void fail(size_t offset, std::string message) {
    if (!error)
      error = {offset, std::move(message)};
  }

  std::vector<Option> left, taken;
  std::string name;
  Strings known;
  std::optional<StorageError> error;
};

} // namespace

/// 7 of "int7"; nullopt if the name is not the stem and a number in range.
static std::optional<unsigned> numberAfter(StringRef name, StringRef stem,
                                           unsigned least, unsigned most) {
  unsigned number = 0;
  if (!name.consume_front(stem) || name.starts_with("0") ||
      name.getAsInteger(10, number) || number < least || number > most)
    return std::nullopt;
  return number;
}

static std::optional<Format> makeFixed(StringRef name) {
  for (StringRef real : {"f32", "f16", "bf16"})
    if (name == real)
      return makeReal(name, name, /*isScaled=*/false);
  if (name == "tf32") {
    Format format = makeReal(name, name, /*isScaled=*/false);
    format.isStored = false;
    return format;
  }
  for (StringRef codes : {"e4m3", "e5m2", "e2m3", "e3m2", "e2m1"}) {
    std::string bits = std::to_string(Codes::findReal(codes)->getBits());
    std::string plain = "fp" + bits;
    // The one of its width goes without saying; of two, the more precise one.
    bool isUsual = codes != "e5m2" && codes != "e3m2";
    if (name == plain + codes.str() || (isUsual && name == plain))
      return makeReal(plain + codes.str(), codes, /*isScaled=*/true);
    std::string shared = "mxfp" + bits + (codes == "e2m1" ? "" : codes.str());
    if (name == shared || (isUsual && name == "mxfp" + bits))
      return makeShared(shared, *Codes::findReal(codes), 32);
  }
  if (name == "mxint8")
    return makeShared(name, Codes::symmetric(8, 1. / 64), 32);
  if (name == "nvfp4")
    return makeNvfp4();
  if (name == "ternary")
    return makeTernary();
  if (name == "bitmod3" || name == "bitmod4")
    return makeBitMod(name == "bitmod3" ? 3 : 4);
  if (auto bits = numberAfter(name, "bipolar", 1, 8))
    return makeBipolar(*bits);
  return std::nullopt;
}

static Format makeBfp(OptionReader &options) {
  auto mantissa =
      static_cast<unsigned>(options.takeInteger("mantissa", 8, 2, 16));
  auto exponent =
      static_cast<unsigned>(options.takeInteger("exponent", 8, 3, 8));
  Format format = makeShared(
      "bfp", Codes::symmetric(mantissa, std::ldexp(1., 2 - (int)mantissa)), 0);
  format.name += "(mantissa=" + std::to_string(mantissa);
  if (exponent != 8)
    format.name += ", exponent=" + std::to_string(exponent);
  format.name += ")";
  format.scaleTypes = {"e" + std::to_string(exponent) + "m0"};
  return format;
}

static Format makeGear(OptionReader &options) {
  auto bits = static_cast<unsigned>(options.takeInteger("bits", 4, 1, 8));
  Format format = makeGear(bits);
  LowRank &lowRank = format.lowRank;
  lowRank.group = options.takeInteger("group", lowRank.group, 1, 1 << 20);
  lowRank.rank = options.takeInteger("rank", lowRank.rank, 0, 1024);
  lowRank.outliers = options.takeShare("outliers", lowRank.outliers);
  std::string share = llvm::formatv("{0:f4}", lowRank.outliers).str();
  share.erase(std::max(share.find_last_not_of('0') + 1, share.find('.') + 2));
  format.name += "(bits=" + std::to_string(bits) +
                 ", group=" + std::to_string(lowRank.group) +
                 ", rank=" + std::to_string(lowRank.rank) +
                 ", outliers=" + share + ")";
  return format;
}

static std::optional<Format> makeWithOptions(StringRef name,
                                             OptionReader &options) {
  if (std::optional<Format> fixed = makeFixed(name))
    return fixed;
  if (auto bits = numberAfter(name, "int", 2, 16)) {
    bool isAsymmetric = options.takeFlag("asym");
    Format format = makeInteger(*bits, isAsymmetric);
    format.name += isAsymmetric ? "(asym)" : "";
    return format;
  }
  if (name == "binary") {
    auto bits = static_cast<unsigned>(options.takeInteger("bits", 1, 1, 4));
    Format format = makeBinary(bits);
    format.name += bits == 1 ? "" : "(bits=" + std::to_string(bits) + ")";
    return format;
  }
  if (name == "bfp")
    return makeBfp(options);
  if (name == "gear")
    return makeGear(options);
  return std::nullopt;
}

llvm::ArrayRef<std::string> einsum::formats::getFormatNames() {
  static const Strings names = {
      "f32",     "f16",       "bf16",      "fp8e4m3",   "fp8e5m2",   "fp6e2m3",
      "fp6e3m2", "fp4e2m1",   "int16",     "int8",      "int4",      "int3",
      "int2",    "mxfp8e4m3", "mxfp8e5m2", "mxfp6e2m3", "mxfp6e3m2", "mxfp4",
      "mxint8",  "nvfp4",     "bfp",       "ternary",   "binary",    "bipolar4",
      "bitmod3", "bitmod4",   "gear"};
  return names;
}

static StorageError refuseName(const Word &name) {
  std::string message = "there is no format '" + name.text.str() + "'" +
                        einsum::didYouMean(name.text, getFormatNames());
  if (message.back() == '\'' && !StringRef(message).contains("did you mean"))
    message += "; there are " + llvm::join(getFormatNames(), " ");
  return {name.offset, message, /*isUnknownFormat=*/true};
}

std::variant<Format, StorageError>
einsum::formats::resolveFormat(const WrittenFormat &written) {
  OptionReader options(written);
  std::optional<Format> format = makeWithOptions(written.name.text, options);
  if (!format)
    return refuseName(written.name);
  if (std::optional<StorageError> error = options.finish())
    return *error;
  return *format;
}
