//===- Describe.cpp - What a cascade means, fact by fact ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two cascades with one description are the same program. Operations of a body
// are numbered from what is yielded backwards, equal ones once; so neither their
// order nor sharing shows, but every name, type, attribute and operand does.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Print.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

namespace {

class BodyDescription {
public:
  explicit BodyDescription(llvm::function_ref<std::string(BlockArgument)> argument)
      : argument(argument) {}

  std::string describe(Block &body) {
    std::string yielded;
    for (Value value : body.getTerminator()->getOperands())
      yielded += " %" + std::to_string(number(value));
    return lines + " yields" + yielded;
  }

private:
  unsigned number(Value value) {
    if (auto it = numbers.find(value); it != numbers.end())
      return it->second;
    std::string text;
    llvm::raw_string_ostream os(text);
    if (auto block = dyn_cast<BlockArgument>(value)) {
      os << argument(block);
    } else {
      Operation *op = value.getDefiningOp();
      SmallVector<unsigned> operands;
      for (Value operand : op->getOperands())
        operands.push_back(number(operand));
      os << op->getName() << op->getAttrDictionary();
      if (Attribute properties = op->getPropertiesAsAttribute())
        os << properties;
      for (unsigned operand : operands)
        os << " %" << operand;
    }
    os << " : " << value.getType();
    auto [it, isNew] = equal.try_emplace(text, equal.size());
    if (isNew)
      lines += " %" + std::to_string(it->second) + " = " + text + ";";
    return numbers[value] = it->second;
  }

  llvm::function_ref<std::string(BlockArgument)> argument;
  llvm::DenseMap<Value, unsigned> numbers;
  llvm::StringMap<unsigned> equal;
  std::string lines;
};

class CascadeDescription {
public:
  std::string describe(CascadeOp cascade) {
    describeHeader(cascade);
    for (Operation &op : *cascade.getBodyBlock()) {
      line.clear();
      describeOp(op);
      for (NamedAttribute attr : op.getDiscardableAttrs())
        os << " {" << attr.getName() << " = " << attr.getValue() << "}";
      lines.push_back(line);
    }
    llvm::sort(lines);
    return llvm::join(lines, "\n");
  }

private:
  /// Whether a gap is above the first comment depends on what is above.
  static Attribute withoutGap(Attribute comments) {
    auto lines = dyn_cast<ArrayAttr>(comments);
    if (!lines || lines.empty() || !cast<StringAttr>(lines[0]).getValue().empty())
      return comments;
    return ArrayAttr::get(comments.getContext(), lines.getValue().drop_front());
  }

  void describeHeader(CascadeOp cascade) {
    line.clear();
    os << "cascade " << cascade.getSymName() << " " << cascade.getParamNames() << " : "
       << cascade.getElementType() << " ";
    for (NamedAttribute attr : cascade->getDiscardableAttrs())
      os << attr.getName() << " = " << withoutGap(attr.getValue());
    llvm::interleave(cascade.getParamValues(), os, " ");
    lines.push_back(line);
  }

  void describeOp(Operation &op) {
    if (auto rank = dyn_cast<RankOp>(op)) {
      SmallVector<StringAttr> params;
      for (Attribute param : rank.getParams())
        params.push_back(cast<StringAttr>(param));
      os << "rank " << rank.getSymName() << " = "
         << printIndex(rank.getExtent().getResult(0), {}, params);
    } else if (auto split = dyn_cast<SplitOp>(op)) {
      os << "split " << split.getRank() << " = " << split.getParts();
    } else if (auto input = dyn_cast<InputOp>(op)) {
      os << "input " << input.getTensor() << " : " << input.getType();
    } else if (auto output = dyn_cast<OutputOp>(op)) {
      os << "output";
      for (Value tensor : output.getTensors())
        os << " " << tensorName(tensor);
    } else if (auto einsum = dyn_cast<EinsumInterface>(op)) {
      describeEinsum(einsum);
    } else {
      describeDefinition(op);
    }
  }

  /// A function or a monoid.
  void describeDefinition(Operation &op) {
    os << op.getName();
    if (Attribute properties = op.getPropertiesAsAttribute())
      os << properties;
    auto argument = [](BlockArgument block) {
      return "argument " + std::to_string(block.getArgNumber());
    };
    for (Type type : op.getRegion(0).getArgumentTypes())
      os << " " << type;
    os << BodyDescription(argument).describe(op.getRegion(0).front());
  }

  void describeEinsum(EinsumInterface einsum) {
    SmallVector<StringAttr> ranks = einsum.getIterationRanks(),
                            params = einsum.getSymbolNames();
    for (auto [name, result] : llvm::zip(einsum.getTensorNames(), einsum->getResults()))
      os << name << " : " << result.getType() << " ";
    for (const Reduction &reduction : einsum.getReductionList())
      os << " " << reduction.monoid << " " << reduction.rank;
    std::vector<std::string> accesses;
    for (const Access &access : einsum.getInputAccesses())
      accesses.push_back(printAccess(access, einsum));
    std::vector<std::string> sorted = accesses;
    llvm::sort(sorted);
    os << " reads " << llvm::join(sorted, " ");
    if (std::optional<IntegerSet> filter = einsum.getFilterSet())
      os << " where " << printFilter(*filter, ranks, params);
    for (TypedAttr init : einsum.getInitialValues())
      os << " init " << init;
    auto argument = [&](BlockArgument block) { return accesses[block.getArgNumber()]; };
    os << BodyDescription(argument).describe(einsum.getMapRegion().front());
  }

  std::vector<std::string> lines;
  std::string line;
  llvm::raw_string_ostream os{line};
};

} // namespace

std::string einsum::frontend::describeCascade(CascadeOp cascade) {
  return CascadeDescription().describe(cascade);
}
