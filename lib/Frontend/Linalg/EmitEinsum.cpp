//===- EmitEinsum.cpp - The cascade that was planned ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Linalg/Plan.h"

#include "mlir/IR/Builders.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

namespace {

class Emitter {
public:
  Emitter(const FunctionPlan &plan, OpBuilder &builder)
      : plan(plan), builder(builder), values(plan.tensors.size()) {}

  CascadeOp run(func::FuncOp function);

private:
  NamedTensorType typeOf(const PlannedTensor &tensor);
  StringAttr nameOf(int rank) {
    return builder.getStringAttr(plan.ranks[rank].name);
  }
  void emit(const PlannedEinsum &einsum);

  const FunctionPlan &plan;
  OpBuilder &builder;
  std::vector<Value> values;
};

} // namespace

NamedTensorType Emitter::typeOf(const PlannedTensor &tensor) {
  auto ranks =
      llvm::map_to_vector(tensor.ranks, [&](int r) { return nameOf(r); });
  return NamedTensorType::get(builder.getContext(), ranks,
                              tensor.type.getElementType());
}

void Emitter::emit(const PlannedEinsum &einsum) {
  auto loops =
      llvm::map_to_vector(einsum.loops, [&](int r) { return nameOf(r); });
  SmallVector<Type> types;
  SmallVector<Attribute> names, maps, reductions,
      ranks(loops.begin(), loops.end());
  SmallVector<Value> inputs;
  size_t kept = plan.tensors[einsum.results.front()].ranks.size();
  for (int result : einsum.results) {
    types.push_back(typeOf(plan.tensors[result]));
    names.push_back(builder.getStringAttr(plan.tensors[result].name));
  }
  for (const PlannedRead &read : einsum.reads) {
    inputs.push_back(values[read.tensor]);
    maps.push_back(AffineMapAttr::get(read.map));
  }
  for (StringAttr rank : llvm::drop_begin(loops, kept))
    reductions.push_back(
        ReductionAttr::get(builder.getContext(), rank, einsum.monoid));
  SmallVector<AffineExpr> output;
  for (size_t i = 0; i < kept; ++i)
    output.push_back(builder.getAffineDimExpr(i));
  auto op = builder.create<ComputeOp>(
      einsum.loc, types, builder.getArrayAttr(names),
      builder.getArrayAttr(ranks), builder.getArrayAttr({}),
      AffineMapAttr::get(
          AffineMap::get(loops.size(), 0, output, builder.getContext())),
      builder.getArrayAttr(maps), builder.getArrayAttr(reductions),
      einsum.where ? IntegerSetAttr::get(*einsum.where) : IntegerSetAttr(),
      ArrayAttr(), DenseI64ArrayAttr(), inputs);
  if (einsum.computesIn) {
    std::string name;
    llvm::raw_string_ostream(name) << einsum.computesIn;
    op->setAttr(kComputesIn, builder.getStringAttr(name));
  }
  Block &block = op.getMap().emplaceBlock();
  for (const PlannedRead &read : einsum.reads)
    block.addArgument(plan.tensors[read.tensor].type.getElementType(),
                      einsum.loc);
  OpBuilder inside = OpBuilder::atBlockEnd(&block);
  einsum.emitMap(inside, block, loops);
  for (auto [result, value] : llvm::zip_equal(einsum.results, op.getResults()))
    values[result] = value;
}

CascadeOp Emitter::run(func::FuncOp function) {
  SmallVector<Attribute> names;
  SmallVector<int64_t> extents;
  for (const PlannedRank &rank : plan.ranks) {
    names.push_back(builder.getStringAttr(StringRef(rank.name).upper()));
    extents.push_back(ShapedType::isDynamic(rank.extent) ? CascadeOp::kUnbound
                                                         : rank.extent);
  }
  auto cascade = builder.create<CascadeOp>(
      function.getLoc(), function.getSymNameAttr(), builder.getArrayAttr(names),
      builder.getDenseI64ArrayAttr(extents),
      TypeAttr::get(plan.tensors[plan.outputs.front()].type.getElementType()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&cascade.getBody().emplaceBlock());
  for (auto [rank, name] : llvm::zip_equal(plan.ranks, names))
    builder.create<RankOp>(
        function.getLoc(), rank.name, builder.getArrayAttr({name}),
        AffineMap::get(0, 1, builder.getAffineSymbolExpr(0)));
  for (int input : plan.inputs) {
    const PlannedTensor &tensor = plan.tensors[input];
    values[input] = builder.create<InputOp>(tensor.loc, typeOf(tensor),
                                            builder.getStringAttr(tensor.name),
                                            tensor.isWeight);
  }
  for (const PlannedEinsum &einsum : plan.einsums)
    emit(einsum);
  builder.create<OutputOp>(
      function.getLoc(),
      llvm::map_to_vector(plan.outputs, [&](int t) { return values[t]; }));
  return cascade;
}

CascadeOp frontend::emitCascade(func::FuncOp function, const FunctionPlan &plan,
                                OpBuilder &builder) {
  return Emitter(plan, builder).run(function);
}
