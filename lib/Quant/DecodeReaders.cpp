//===- DecodeReaders.cpp - Stored tensors meet the machine ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/DecodeReaders.h"

#include "lib/Quant/CodeTypes.h"
#include "lib/Quant/RescaleReader.h"
#include "lib/Transforms/Remarks.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static Type getElement(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getElementType();
}

static bool isStored(Expr factor) {
  return factor->isRead() && isa<QuantizedType>(getElement(factor->tensor));
}

static Type typeOf(Expr factor) {
  return factor->isRead() ? getElement(factor->tensor) : factor->type;
}

namespace {
class Decoding {
public:
  Decoding(CascadeEditor &editor, const NativeProducts &native)
      : editor(editor), native(native) {}

  void visit(Operation *op);

private:
  bool isNativeInside(const ProductSum &product);
  bool isDecodedInPlace(const ProductSum &product, Expr factor);
  Value decode(Value tensor, Operation *reader, StringRef datatype);

  CascadeEditor &editor;
  const NativeProducts &native;
  llvm::DenseMap<Value, Value> decoded;
};
} // namespace

/// Whether the factors that change with what is summed are a native pair: the
/// others can be multiplied afterwards.
bool Decoding::isNativeInside(const ProductSum &product) {
  SmallVector<Expr> inner;
  for (Expr factor : product.factors)
    if (llvm::any_of(collectRanks(editor, factor), [&](StringAttr rank) {
          return product.statement.reduces(rank);
        }))
      inner.push_back(factor);
  return inner.size() == 2 &&
         native.contains(joinDatatypes(typeOf(inner[0]), typeOf(inner[1]))) &&
         llvm::all_of(product.factors, [&](Expr factor) {
           return !isStored(factor) || llvm::is_contained(inner, factor);
         });
}

/// Whether an array that can decode uses every stored element once.
bool Decoding::isDecodedInPlace(const ProductSum &product, Expr factor) {
  const Statement &statement = product.statement;
  if (!native.decoding.contains(
          getDatatype(getScalarType(statement.elementTypes[0]))))
    return false;
  RankSet own = collectRanks(editor, factor);
  return llvm::all_of(statement.iterationRanks(), [&](StringAttr rank) {
    return own.contains(rank) ||
           editor.getCascade().findRank(rank).getBoundExtent() == 1;
  });
}

Value Decoding::decode(Value tensor, Operation *reader, StringRef datatype) {
  Value &made = decoded[tensor];
  if (made)
    return made;
  StringRef name = getTensorName(tensor);
  Statement statement(tensor.getLoc());
  statement.tensors = {editor.freshTensor((name + "D").str())};
  statement.elementTypes = {getScalarType(getElement(tensor))};
  auto ranks = cast<NamedTensorType>(tensor.getType()).getRanks();
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  statement.values = {editor.readPlain(tensor)};
  made = editor.create(statement, reader).getResult(0);
  remarkApplied(tensor.getLoc(), "decoding", name,
                "'" + statement.tensors[0].getValue() +
                    "' is what it stands for: " + datatype +
                    " is not multiplied natively");
  return made;
}

void Decoding::visit(Operation *op) {
  std::optional<ProductSum> product = readProductSum(editor, op);
  if (!product || llvm::none_of(product->factors, isStored))
    return;
  auto name = [&](Expr a, Expr b) {
    return joinDatatypes(typeOf(a), typeOf(b));
  };
  bool isPair = product->factors.size() == 2;
  std::string datatype = isPair ? name(product->factors[0], product->factors[1])
                                : std::string("a product of more than two");
  auto mark = [&](Operation *on, StringRef datatype) {
    on->setAttr(kComputesIn, StringAttr::get(on->getContext(), datatype));
  };
  if (isPair && native.contains(datatype)) {
    mark(op, datatype);
    return;
  }
  if (!isPair && isNativeInside(*product)) {
    SharedTensors none;
    (void)rescaleReader(editor, BlockRanks(editor), *product, {},
                        ExplicitOptions{32, native}, none);
    return;
  }
  llvm::SmallPtrSet<const void *, 4> inPlace;
  bool isAllInPlace = true;
  for (Expr factor : product->factors) {
    if (!isStored(factor))
      continue;
    if (isDecodedInPlace(*product, factor))
      inPlace.insert(factor);
    else
      isAllInPlace = false;
  }
  if (!inPlace.empty()) {
    remarkApplied(product->statement.loc, "decoding",
                  product->statement.tensors[0].getValue(),
                  "decodes what it reads in place: each element is used once");
    op->removeAttr(kComputesIn);
  }
  if (isAllInPlace)
    return;
  Statement &statement = product->statement;
  auto replaceRead = [&](Expr node) -> Expr {
    if (!node->isRead() || !isStored(node) || inPlace.contains(node))
      return nullptr;
    return editor.getExprs().read(decode(node->tensor, op, datatype),
                                  node->indices);
  };
  for (Expr &value : statement.values)
    value = editor.getExprs().rewrite(value, replaceRead);
  for (Expr &factor : product->factors)
    factor = editor.getExprs().rewrite(factor, replaceRead);
  ComputeOp made = editor.replace(op, statement);
  if (isPair && made->hasAttr(kComputesIn))
    mark(made, name(product->factors[0], product->factors[1]));
}

void quant::decodeReaders(CascadeEditor &editor, const NativeProducts &native) {
  // An element that data choose is decoded where it is used: a statement takes
  // affine accesses, and all of a table is more than what is read of it.
  SmallVector<Operation *> einsums;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op);
        einsum && einsum.getGatheredOperands().empty())
      einsums.push_back(&op);
  Decoding decoding(editor, native);
  for (Operation *op : einsums)
    decoding.visit(op);
}
