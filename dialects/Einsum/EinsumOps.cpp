//===- EinsumOps.cpp - Queries of the einsum operations -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

#define GET_OP_CLASSES
#include "dialects/Einsum/EinsumOps.cpp.inc"

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Cascade
//===----------------------------------------------------------------------===//

RegionKind CascadeOp::getRegionKind(unsigned) { return RegionKind::Graph; }

std::optional<int64_t> CascadeOp::getParam(StringRef name) {
  for (auto [paramName, value] : llvm::zip(getParamNames(), getParamValues()))
    if (cast<StringAttr>(paramName) == name && value != kUnbound)
      return value;
  return std::nullopt;
}

void CascadeOp::setParam(StringRef name, int64_t value) {
  SmallVector<Attribute> names(getParamNames().begin(), getParamNames().end());
  SmallVector<int64_t> values(getParamValues());
  auto attr = StringAttr::get(getContext(), name);
  auto it = llvm::find(names, attr);
  if (it == names.end()) {
    names.push_back(attr);
    values.push_back(value);
  } else {
    values[it - names.begin()] = value;
  }
  setParamNamesAttr(ArrayAttr::get(getContext(), names));
  setParamValues(values);
}

RankOp CascadeOp::findRank(StringRef name) {
  return dyn_cast_or_null<RankOp>(
      mlir::SymbolTable::lookupSymbolIn(getOperation(), name));
}

SplitOp CascadeOp::findSplitOf(StringRef part) {
  for (SplitOp split : getBodyBlock()->getOps<SplitOp>())
    for (Attribute attr : split.getParts())
      if (cast<StringAttr>(attr) == part)
        return split;
  return {};
}

std::optional<int64_t> RankOp::getBoundExtent() {
  auto cascade = cast<CascadeOp>((*this)->getParentOp());
  SmallVector<Attribute> values;
  Builder builder(getContext());
  for (Attribute param : getParams()) {
    std::optional<int64_t> value = cascade.getParam(cast<StringAttr>(param));
    if (!value)
      return std::nullopt;
    values.push_back(builder.getIndexAttr(*value));
  }
  SmallVector<Attribute> folded; // fails on a division by zero
  if (failed(getExtent().constantFold(values, folded)))
    return std::nullopt;
  return cast<IntegerAttr>(folded.front()).getInt();
}

//===----------------------------------------------------------------------===//
// Names of results in printed IR
//===----------------------------------------------------------------------===//

void InputOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getTensor());
}

void ComputeOp::getAsmResultNames(
    function_ref<void(Value, StringRef)> setName) {
  // The first result names the pack when there are several.
  setName(getResult(0), cast<StringAttr>(getTensors()[0]).getValue());
}

void IndexOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getRank());
}

void ParamOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getParam());
}

//===----------------------------------------------------------------------===//
// Einsum: answers to EinsumInterface
//===----------------------------------------------------------------------===//

static SmallVector<StringAttr> toNames(ArrayAttr attrs) {
  return llvm::map_to_vector(attrs,
                             [](Attribute a) { return cast<StringAttr>(a); });
}

SmallVector<StringAttr> ComputeOp::getIterationRanks() {
  return toNames(getRanks());
}
SmallVector<StringAttr> ComputeOp::getSymbolNames() {
  return toNames(getParams());
}
SmallVector<StringAttr> ComputeOp::getTensorNames() {
  return toNames(getTensors());
}
AffineMap ComputeOp::getOutputAccess() { return getOutput(); }
Region &ComputeOp::getMapRegion() { return getMap(); }

SmallVector<Access> ComputeOp::getInputAccesses() {
  SmallVector<Access> accesses;
  for (auto [tensor, map] : llvm::zip(getInputs(), getInputMaps()))
    accesses.push_back({tensor, cast<AffineMapAttr>(map).getValue()});
  return accesses;
}

SmallVector<unsigned> ComputeOp::getGatheredOperands() {
  SmallVector<unsigned> operands;
  for (int64_t operand : getGathered().value_or(ArrayRef<int64_t>()))
    operands.push_back(static_cast<unsigned>(operand));
  return operands;
}

SmallVector<Reduction> ComputeOp::getReductionList() {
  SmallVector<Reduction> reductions;
  for (auto attr : getReductions().getAsRange<ReductionAttr>()) {
    MonoidOp definition; // built-in ones have none, and need no search
    if (!getBuiltinMonoidArity(attr.getMonoid()))
      definition = dyn_cast_or_null<MonoidOp>(SymbolTable::lookupSymbolIn(
          (*this)->getParentOp(), attr.getMonoid()));
    reductions.push_back({attr.getRank(), attr.getMonoid(), definition});
  }
  return reductions;
}

std::optional<IntegerSet> ComputeOp::getFilterSet() { return getFilter(); }

SmallVector<TypedAttr> ComputeOp::getInitialValues() {
  if (!getInit())
    return {};
  return llvm::map_to_vector(*getInit(),
                             [](Attribute a) { return cast<TypedAttr>(a); });
}
