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
      parser.parseComma() || parser.parseType(elementType) ||
      parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    ranks, elementType);
}

void NamedTensorType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getRanks(), printer,
                        [&](StringAttr rank) { printer << rank.getValue(); });
  printer << "], " << getElementType() << ">";
}

LogicalResult
NamedTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                        ArrayRef<StringAttr> ranks, Type elementType) {
  llvm::SmallPtrSet<StringAttr, 8> seen;
  for (StringAttr rank : ranks)
    if (!seen.insert(rank).second)
      return emitError() << "a tensor has each rank once, found '"
                         << rank.getValue() << "' twice";
  if (!llvm::isa<FloatType, IntegerType, IndexType, QuantizedType>(elementType))
    return emitError()
           << "the element type is a float, integer, index or quantized "
              "type, found "
           << elementType;
  if (llvm::isa<FloatTF32Type>(elementType))
    return emitError() << "'tf32' is a type to compute in, not to store; store "
                          "f32, and compute in tf32";
  auto quantized = llvm::dyn_cast<QuantizedType>(elementType);
  if (!quantized)
    return success();
  for (StringAttr rank : quantized.getRanks())
    if (!llvm::is_contained(ranks, rank))
      return emitError() << "'" << quantized.getStorage().toText()
                         << "' speaks of rank '" << rank.getValue()
                         << "', which the tensor has not";
  return success();
}

int NamedTensorType::findRank(StringRef rank) const {
  auto it = llvm::find_if(getRanks(), [&](StringAttr r) { return r == rank; });
  return it == getRanks().end() ? -1
                                : static_cast<int>(it - getRanks().begin());
}

uint64_t NamedTensorType::getElementBits() const {
  if (auto quantized = llvm::dyn_cast<QuantizedType>(getElementType()))
    return quantized.getStorage().format.getCodeBits();
  if (llvm::isa<IndexType>(getElementType()))
    return 64;
  return getElementType().getIntOrFloatBitWidth();
}

//===----------------------------------------------------------------------===//
// Quantised type: !einsum.quantized<"mxfp4", f16, block [e : 32], "e8m0">
//===----------------------------------------------------------------------===//

static std::vector<std::string> namesOf(ArrayRef<StringAttr> ranks) {
  std::vector<std::string> names;
  for (StringAttr rank : ranks)
    names.push_back(rank.str());
  return names;
}

QuantizedType QuantizedType::get(const formats::Storage &storage,
                                 Type expressedType) {
  MLIRContext *context = expressedType.getContext();
  SmallVector<StringAttr> ranks;
  for (const std::string &rank : storage.ranks)
    ranks.push_back(StringAttr::get(context, rank));
  return get(context, storage.format.name, expressedType, storage.sharing,
             ranks, storage.sizes, storage.scaleType);
}

formats::Storage QuantizedType::getStorage() const {
  auto storage =
      formats::makeStorage(getFormat(), getSharing(), namesOf(getRanks()),
                           getSizes(), getScaleType());
  return std::get<formats::Storage>(storage); // verified
}

static std::optional<formats::Sharing> parseSharing(AsmParser &parser) {
  using formats::Sharing;
  SMLoc loc = parser.getCurrentLocation();
  StringRef word;
  if (parser.parseKeyword(&word))
    return std::nullopt;
  for (Sharing sharing :
       {Sharing::tensor, Sharing::channel, Sharing::block, Sharing::matrix})
    if (word == formats::spell(sharing))
      return sharing;
  parser.emitError(loc) << "expected who shares a scale, 'tensor', 'channel', "
                           "'block' or 'matrix', found '"
                        << word << "'";
  return std::nullopt;
}

namespace {
/// What stands behind the expressed type.
struct ParsedSharing {
  formats::Sharing sharing = formats::Sharing::none;
  SmallVector<StringAttr> ranks;
  SmallVector<int64_t> sizes;
  std::string scaleType;

  ParseResult parse(AsmParser &parser) {
    auto found = parseSharing(parser);
    if (!found)
      return failure();
    sharing = *found;
    auto parseRank = [&]() -> ParseResult {
      if (parseName(parser, ranks.emplace_back()))
        return failure();
      return sharing != formats::Sharing::block
                 ? success()
                 : ParseResult(
                       failure(parser.parseColon() ||
                               parser.parseInteger(sizes.emplace_back())));
    };
    if (sharing != formats::Sharing::tensor &&
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank))
      return failure();
    return failure(succeeded(parser.parseOptionalComma()) &&
                   parser.parseString(&scaleType));
  }
};
} // namespace

/// A format in another spelling and a scale type that goes without saying are
/// completed; what is wrong is left to the verifier.
Type QuantizedType::parse(AsmParser &parser) {
  std::string format;
  Type expressed;
  ParsedSharing shared;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&format) ||
      parser.parseComma() || parser.parseType(expressed) ||
      (succeeded(parser.parseOptionalComma()) && shared.parse(parser)) ||
      parser.parseGreater())
    return {};
  auto storage =
      formats::makeStorage(format, shared.sharing, namesOf(shared.ranks),
                           shared.sizes, shared.scaleType);
  if (auto *complete = std::get_if<formats::Storage>(&storage)) {
    format = complete->format.name;
    shared.scaleType = complete->scaleType;
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    format, expressed, shared.sharing, shared.ranks,
                    shared.sizes, shared.scaleType);
}

void QuantizedType::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printString(getFormat());
  printer << ", " << getExpressedType();
  if (getSharing() != formats::Sharing::none) {
    printer << ", " << formats::spell(getSharing());
    if (getSharing() != formats::Sharing::tensor)
      printer << " [";
    for (auto [i, rank] : llvm::enumerate(getRanks())) {
      printer << (i ? ", " : "") << rank.getValue();
      if (getSharing() == formats::Sharing::block)
        printer << " : " << getSizes()[i];
    }
    if (getSharing() != formats::Sharing::tensor)
      printer << "]";
    printer << ", ";
    printer.printString(getScaleType());
  }
  printer << ">";
}

LogicalResult
QuantizedType::verify(function_ref<InFlightDiagnostic()> emitError,
                      StringRef format, Type expressedType,
                      formats::Sharing sharing, ArrayRef<StringAttr> ranks,
                      ArrayRef<int64_t> sizes, StringRef scaleType) {
  if (!llvm::isa<FloatType>(expressedType))
    return emitError() << "the expressed type is a float type, found "
                       << expressedType;
  auto storage =
      formats::makeStorage(format, sharing, namesOf(ranks), sizes, scaleType);
  if (auto *error = std::get_if<formats::StorageError>(&storage))
    return emitError() << error->message;
  const auto &complete = std::get<formats::Storage>(storage);
  if (complete.format.name != format)
    return emitError() << "'" << format << "' is spelled '"
                       << complete.format.name << "' here";
  if (complete.scaleType != scaleType || ArrayRef(complete.sizes) != sizes)
    return emitError() << "'" << format
                       << "' needs its scale type and block sizes spelled out";
  return success();
}

std::string einsum::describeElements(NamedTensorType type) {
  if (auto quantized = llvm::dyn_cast<QuantizedType>(type.getElementType()))
    return quantized.getStorage().toText();
  std::string text;
  llvm::raw_string_ostream(text) << type.getElementType();
  return text;
}

std::variant<TensorStorage, std::string>
einsum::findStorage(NamedTensorType type, ArrayRef<int64_t> extents) {
  TensorStorage result;
  result.region.extents.assign(extents.begin(), extents.end());
  auto quantized = llvm::dyn_cast<QuantizedType>(type.getElementType());
  if (!quantized) {
    result.region.shape.assign(extents.size(), 1);
    result.weight.codeBits = type.getElementBits();
    result.weight.shape = result.region.shape;
    return result;
  }
  result.storage = quantized.getStorage();
  auto region =
      formats::layOut(*result.storage, namesOf(type.getRanks()), extents);
  if (auto *message = std::get_if<std::string>(&region))
    return *message;
  result.region = std::get<formats::Region>(region);
  result.weight = formats::weigh(*result.storage, result.region);
  return result;
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
  printer << "<" << getRank().getValue() << ", " << getMonoid().getValue()
          << ">";
}
