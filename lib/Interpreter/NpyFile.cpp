//===- NpyFile.cpp - Tensors in NumPy's file format -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/NpyFile.h"

#include "lib/Support/InputFile.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace einsum;
using namespace einsum::interp;

static constexpr llvm::StringLiteral kMagic("\x93NUMPY");

namespace {

/// What the header says.
struct Header {
  char kind = 'f'; ///< f, i, u or b
  unsigned bytes = 8;
  bool isBigEndian = false, isFortranOrder = false;
  std::vector<int64_t> shape;
};

class NpyParser {
public:
  NpyParser(llvm::StringRef bytes, llvm::StringRef path,
            Diagnostics &diagnostics)
      : rest(bytes), path(path), diagnostics(diagnostics) {}

  std::optional<Tensor> parse();

private:
  std::nullopt_t fail(const llvm::Twine &message) {
    diagnostics.error({path.str(), 0, 0}, message);
    return std::nullopt;
  }
  std::optional<llvm::StringRef> takeHeader();
  std::optional<Header> parseHeader(llvm::StringRef text);
  bool parseType(llvm::StringRef text, Header &header);
  bool parseShape(llvm::StringRef text, Header &header);
  Scalar readElement(const Header &header, uint64_t i) const;

  llvm::StringRef rest, path;
  Diagnostics &diagnostics;
};

} // namespace

std::optional<llvm::StringRef> NpyParser::takeHeader() {
  if (!rest.consume_front(kMagic) || rest.size() < 4)
    return fail(
        "the file is not a .npy array: it does not start with \\x93NUMPY");
  unsigned major = static_cast<unsigned char>(rest[0]);
  rest = rest.drop_front(2);
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (major < 1 || major > 3)
    return fail("the file has version " + llvm::Twine(major) +
                " of the .npy format; versions 1 to 3 are read");
  if (rest.size() < lengthBytes)
    return fail("the file ends in its header");
  size_t length = lengthBytes == 2
                      ? llvm::support::endian::read16le(rest.data())
                      : llvm::support::endian::read32le(rest.data());
  rest = rest.drop_front(lengthBytes);
  if (rest.size() < length)
    return fail("the file ends in its header");
  llvm::StringRef header = rest.take_front(length);
  rest = rest.drop_front(length);
  return header;
}

/// The text after `'key':` in a Python dictionary.
static std::optional<llvm::StringRef> findValue(llvm::StringRef text,
                                                llvm::StringRef key) {
  for (llvm::StringRef quote : {"'", "\""}) {
    size_t at = text.find((quote + key + quote).str());
    if (at == llvm::StringRef::npos)
      continue;
    llvm::StringRef value = text.substr(at + key.size() + 2).ltrim();
    if (value.consume_front(":"))
      return value.ltrim();
  }
  return std::nullopt;
}

bool NpyParser::parseType(llvm::StringRef text, Header &header) {
  llvm::StringRef type =
      text.drop_front(1).take_until([&](char c) { return c == text.front(); });
  bool isQuoted = text.front() == '\'' || text.front() == '"';
  bool ok = isQuoted && type.size() >= 3 &&
            llvm::StringRef("<>|=").contains(type[0]) &&
            !type.drop_front(2).getAsInteger(10, header.bytes);
  if (ok) {
    header.isBigEndian = type[0] == '>';
    header.kind = type[1];
    bool isInteger = header.kind == 'i' || header.kind == 'u';
    ok =
        (header.kind == 'b' && header.bytes == 1) ||
        ((isInteger || header.kind == 'f') && header.bytes <= 8 &&
         llvm::isPowerOf2_32(header.bytes) && (isInteger || header.bytes >= 2));
  }
  if (!ok)
    fail("the array holds " + (isQuoted ? "'" + type.str() + "'" : "records") +
         "; booleans, integers of 1 to 8 bytes and floats of 2, 4 or 8 are "
         "read");
  return ok;
}

bool NpyParser::parseShape(llvm::StringRef text, Header &header) {
  size_t close = text.find(')');
  if (!text.consume_front("(") || close == llvm::StringRef::npos) {
    fail("the header has no shape");
    return false;
  }
  llvm::SmallVector<llvm::StringRef> parts;
  text.take_until([](char c) { return c == ')'; }).split(parts, ',', -1, false);
  for (llvm::StringRef part : parts) {
    int64_t extent = 0;
    part = part.trim();
    if (part.empty())
      continue;
    if (part.getAsInteger(10, extent) || extent < 0) {
      fail("'" + part + "' is no extent");
      return false;
    }
    header.shape.push_back(extent);
  }
  return true;
}

std::optional<Header> NpyParser::parseHeader(llvm::StringRef text) {
  auto type = findValue(text, "descr"),
       order = findValue(text, "fortran_order"),
       shape = findValue(text, "shape");
  if (!type || type->empty() || !order || !shape)
    return fail("the header has no 'descr', 'fortran_order' and 'shape'");
  Header header;
  header.isFortranOrder = order->starts_with("True");
  if (!parseType(*type, header) || !parseShape(*shape, header))
    return std::nullopt;
  return header;
}

/// Element `i` of the file.
Scalar NpyParser::readElement(const Header &header, uint64_t i) const {
  uint64_t bits = 0;
  const char *bytes = rest.data() + i * header.bytes;
  for (unsigned k = 0; k < header.bytes; ++k) {
    unsigned from = header.isBigEndian ? k : header.bytes - 1 - k;
    bits = bits << 8 | static_cast<unsigned char>(bytes[from]);
  }
  if (header.kind == 'b')
    return Scalar::ofInteger(bits != 0);
  if (header.kind == 'u')
    return Scalar::ofInteger(static_cast<int64_t>(bits));
  if (header.kind == 'i')
    return Scalar::ofInteger(llvm::SignExtend64(bits, 8 * header.bytes));
  const llvm::fltSemantics &semantics =
      header.bytes == 2   ? llvm::APFloat::IEEEhalf()
      : header.bytes == 4 ? llvm::APFloat::IEEEsingle()
                          : llvm::APFloat::IEEEdouble();
  llvm::APFloat number(semantics, llvm::APInt(8 * header.bytes, bits));
  bool losesInfo = false;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return Scalar::ofReal(number.convertToDouble());
}

/// Where element `i` of the tensor stands in a file that has its first rank
/// innermost.
static uint64_t fortranPosition(const Tensor &tensor, uint64_t i) {
  uint64_t position = 0, stride = 1;
  for (auto [c, extent] :
       llvm::zip_equal(tensor.unflatten(i), tensor.extents)) {
    position += static_cast<uint64_t>(c) * stride;
    stride *= static_cast<uint64_t>(extent);
  }
  return position;
}

std::optional<Tensor> NpyParser::parse() {
  std::optional<llvm::StringRef> text = takeHeader();
  std::optional<Header> header = text ? parseHeader(*text) : std::nullopt;
  if (!header)
    return std::nullopt;
  uint64_t size = 1;
  for (int64_t extent : header->shape)
    if (__builtin_mul_overflow(size, extent, &size))
      return fail("the array has more than 2^64 - 1 elements");
  if (rest.size() / header->bytes < size || rest.size() != size * header->bytes)
    return fail("the shape takes " + llvm::Twine(size) + " elements of " +
                llvm::Twine(header->bytes) + " bytes, but " +
                llvm::Twine(rest.size()) + " bytes follow the header");
  Tensor tensor;
  tensor.format = header->kind == 'f'   ? findFloatFormat("f64")
                  : header->kind == 'b' ? getIntegerFormat(1)
                                        : getIntegerFormat(64);
  tensor.extents = header->shape;
  tensor.values.resize(size, Scalar::ofInteger(0));
  for (uint64_t i = 0; i < size; ++i) {
    uint64_t from = header->isFortranOrder ? fortranPosition(tensor, i) : i;
    tensor.values[i] = readElement(*header, from);
    if (header->kind == 'u' && tensor.values[i].integer < 0)
      return fail("the array holds an integer above 2^63 - 1");
  }
  return tensor;
}

std::optional<Tensor> einsum::interp::parseNpy(llvm::StringRef bytes,
                                               llvm::StringRef path,
                                               Diagnostics &diagnostics) {
  return NpyParser(bytes, path, diagnostics).parse();
}

std::optional<Tensor> einsum::interp::readNpy(llvm::StringRef path,
                                              Diagnostics &diagnostics) {
  std::string reason;
  auto file = readInputFile(path, reason, kLargestData);
  if (!file) {
    diagnostics.error({path.str(), 0, 0}, reason);
    return std::nullopt;
  }
  return parseNpy(file->getBuffer(), path, diagnostics);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static void appendElement(std::string &bytes, const Tensor &tensor,
                          uint64_t i) {
  const NumberFormat &format = *tensor.format;
  Scalar value = tensor.values[i];
  if (!tensor.isPresent(i))
    value = format.isFloat ? Scalar::ofReal(NAN) : Scalar::ofInteger(0);
  if (!format.isFloat && format.bits == 1) {
    bytes.push_back(static_cast<char>(value.integer));
    return;
  }
  char buffer[8];
  llvm::support::endian::write64le(
      buffer, format.isFloat ? llvm::bit_cast<uint64_t>(value.real)
                             : static_cast<uint64_t>(value.integer));
  bytes.append(buffer, 8);
}

std::string einsum::interp::printNpy(const Tensor &tensor) {
  const char *type = tensor.format->isFloat     ? "<f8"
                     : tensor.format->bits == 1 ? "|b1"
                                                : "<i8";
  std::string shape;
  for (int64_t extent : tensor.extents)
    shape += std::to_string(extent) + ",";
  std::string header = std::string("{'descr': '") + type +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The data starts at a multiple of 64 bytes; the header ends in a newline.
  size_t unpadded = kMagic.size() + 4 + header.size() + 1;
  header.append(llvm::alignTo(unpadded, 64) - unpadded, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  bytes += header;
  for (uint64_t i = 0; i < tensor.size(); ++i)
    appendElement(bytes, tensor, i);
  return bytes;
}
