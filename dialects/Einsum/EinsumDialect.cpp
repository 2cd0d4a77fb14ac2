//===- EinsumDialect.cpp - Registration, types and attributes -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FoldInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einsum;

#include "dialects/Einsum/EinsumDialect.cpp.inc"

#include "dialects/Einsum/EinsumInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Einsum/EinsumTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Einsum/EinsumAttrs.cpp.inc"

namespace {
/// Folding puts constants beside the operation that uses them: a cascade holds
/// no scalars of its own.
struct EinsumFolding : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;

  bool shouldMaterializeInto(Region *region) const final {
    return !isa<CascadeOp>(region->getParentOp());
  }
};
} // namespace

void EinsumDialect::initialize() {
  addInterfaces<EinsumFolding>();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Einsum/EinsumTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Einsum/EinsumAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Einsum/EinsumOps.cpp.inc"
      >();
}

Type einsum::getScalarType(Type elementType) {
  if (auto quantized = llvm::dyn_cast<QuantizedType>(elementType))
    return quantized.getExpressedType();
  return elementType;
}

//===----------------------------------------------------------------------===//
// Tensor type: !einsum.tensor<[b, h, m, p], f16>
//===----------------------------------------------------------------------===//

static ParseResult parseName(AsmParser &parser, StringAttr &name) {
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  name = StringAttr::get(parser.getContext(), keyword);
  return success();
}

Type NamedTensorType::parse(AsmParser &parser) {
  SmallVector<StringAttr> ranks;
  Type elementType;
  SMLoc loc = parser.getCurrentLocation();
  auto parseRank = [&] { return parseName(parser, ranks.emplace_back()); };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank) ||
      parser.parseComma() || parser.parseType(elementType) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), ranks,
                    elementType);
}

void NamedTensorType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getRanks(), printer,
                        [&](StringAttr rank) { printer << rank.getValue(); });
  printer << "], " << getElementType() << ">";
}

LogicalResult NamedTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<StringAttr> ranks, Type elementType) {
  llvm::SmallPtrSet<StringAttr, 8> seen;
  for (StringAttr rank : ranks)
    if (!seen.insert(rank).second)
      return emitError() << "a tensor has each rank once, found '" << rank.getValue()
                         << "' twice";
  if (!llvm::isa<FloatType, IntegerType, IndexType, QuantizedType>(elementType))
    return emitError() << "the element type is a float, integer, index or quantized "
                          "type, found "
                       << elementType;
  return success();
}

int NamedTensorType::findRank(StringRef rank) const {
  auto it = llvm::find_if(getRanks(), [&](StringAttr r) { return r == rank; });
  return it == getRanks().end() ? -1 : static_cast<int>(it - getRanks().begin());
}

uint64_t NamedTensorType::getElementBits() const {
  if (auto quantized = llvm::dyn_cast<QuantizedType>(getElementType()))
    return quantized.getBits();
  if (llvm::isa<IndexType>(getElementType()))
    return 64;
  return getElementType().getIntOrFloatBitWidth();
}

//===----------------------------------------------------------------------===//
// Quantised type: !einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>
//===----------------------------------------------------------------------===//

Type QuantizedType::parse(AsmParser &parser) {
  std::string format;
  unsigned bits = 0;
  int64_t blockSize = 0;
  Type expressed, scale;
  StringAttr blockRank;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&format) || parser.parseComma() ||
      parser.parseInteger(bits) || parser.parseComma() || parser.parseType(expressed))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseLSquare() || parseName(parser, blockRank) || parser.parseColon() ||
        parser.parseInteger(blockSize) || parser.parseRSquare() || parser.parseComma() ||
        parser.parseType(scale))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), format,
                    bits, expressed, blockRank, blockSize, scale);
}

void QuantizedType::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printString(getFormat());
  printer << ", " << getBits() << ", " << getExpressedType();
  if (getBlockRank())
    printer << ", [" << getBlockRank().getValue() << " : " << getBlockSize() << "], "
            << getScaleType();
  printer << ">";
}

LogicalResult QuantizedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                    StringRef format, unsigned bits, Type expressedType,
                                    StringAttr blockRank, int64_t blockSize,
                                    Type scaleType) {
  if (bits == 0 || bits > 64)
    return emitError() << "a stored code of format '" << format
                       << "' takes 1 to 64 bits, found " << bits;
  if (!llvm::isa<FloatType>(expressedType))
    return emitError() << "the expressed type is a float type, found " << expressedType;
  if (blockRank && blockSize < 1)
    return emitError() << "a block holds at least 1 element, found " << blockSize;
  if (blockRank && !llvm::isa_and_nonnull<FloatType, IntegerType>(scaleType))
    return emitError() << "a blocked format needs a scalar scale type";
  return success();
}

//===----------------------------------------------------------------------===//
// Reduction attribute: #einsum.reduction<e, add>
//===----------------------------------------------------------------------===//

Attribute ReductionAttr::parse(AsmParser &parser, Type) {
  StringAttr rank, monoid;
  if (parser.parseLess() || parseName(parser, rank) || parser.parseComma() ||
      parseName(parser, monoid) || parser.parseGreater())
    return {};
  return get(parser.getContext(), rank, monoid);
}

void ReductionAttr::print(AsmPrinter &printer) const {
  printer << "<" << getRank().getValue() << ", " << getMonoid().getValue() << ">";
}
