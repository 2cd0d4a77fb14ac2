//===- ScheduleFormats.cpp - What a schedule was quantised to -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/ScheduleFormats.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;

static constexpr StringLiteral kAttribute = "einsum.quantisation";

void exporting::setFormats(schedule::MappingOp mapping,
                           const ScheduleFormats &formats) {
  Builder builder(mapping.getContext());
  mapping->setAttr(
      kAttribute,
      builder.getDictionaryAttr(
          {builder.getNamedAttr("accumulator", builder.getI64IntegerAttr(
                                                   formats.accumulatorBits)),
           builder.getNamedAttr("formats",
                                builder.getStringAttr(formats.formats)),
           builder.getNamedAttr("objective",
                                builder.getStringAttr(formats.objective))}));
}

FailureOr<std::optional<ScheduleFormats>>
exporting::getFormats(schedule::MappingOp mapping) {
  Attribute attribute = mapping->getAttr(kAttribute);
  if (!attribute)
    return std::optional<ScheduleFormats>();
  auto said = dyn_cast<DictionaryAttr>(attribute);
  auto formats = said ? said.getAs<StringAttr>("formats") : StringAttr();
  auto objective = said ? said.getAs<StringAttr>("objective") : StringAttr();
  auto bits = said ? said.getAs<IntegerAttr>("accumulator") : IntegerAttr();
  if (!formats || !objective || !bits || said.size() != 3 ||
      !bits.getType().isSignlessInteger(64) || bits.getInt() < 8 ||
      bits.getInt() > 64)
    return mapping.emitError()
           << kAttribute
           << " takes {accumulator = BITS, formats = \"RULES\", objective = "
              "\"WORD\"} with 8 to 64 bits, found "
           << attribute;
  return std::optional(ScheduleFormats{
      formats.str(), static_cast<unsigned>(bits.getInt()), objective.str()});
}
