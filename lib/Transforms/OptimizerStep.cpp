//===- OptimizerStep.cpp - What is done with a gradient
//--------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One Einsum per weight, with as many results as it updates: every operand is
// read once and every result written once, which is the traffic of a fused
// optimizer.
//
//   M1, V1, P1, W1 = ...      Adam, of weights with a master copy P
//
// The factors by which Adam corrects its moments depend on the step and not on
// the element: two inputs without ranks, CM and CV.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Differentiate.h"
#include "lib/Transforms/EinsumBuilder.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

class StepWriter {
public:
  StepWriter(CascadeOp cascade, OptimizerStep step)
      : cascade(cascade), editor(cascade), step(step) {}

  void write(const Gradient &gradient);
  ArrayRef<Value> getOutputs() const { return outputs; }

private:
  Expr readInput(StringRef name, ArrayRef<StringAttr> ranks, Type type);
  Expr widened(Expr expr);
  void addResult(Statement &statement, StringRef name, Expr value);

  CascadeOp cascade;
  CascadeEditor editor;
  OptimizerStep step;
  SmallVector<Value> outputs;
  llvm::StringMap<Value> shared;
};

} // namespace

Expr StepWriter::readInput(StringRef name, ArrayRef<StringAttr> ranks,
                           Type type) {
  Value &tensor = shared[name];
  if (!tensor) {
    OpBuilder builder = OpBuilder::atBlockEnd(cascade.getBodyBlock());
    tensor = builder.create<InputOp>(
        cascade.getLoc(),
        NamedTensorType::get(cascade.getContext(), ranks, type),
        editor.freshTensor(name), /*weight=*/false);
  }
  return editor.readPlain(tensor);
}

/// At least in f32.
Expr StepWriter::widened(Expr expr) {
  if (expr->type.getIntOrFloatBitWidth() >= 32)
    return expr;
  return editor.getExprs().op("arith.extf", {expr},
                              Float32Type::get(cascade.getContext()));
}

void StepWriter::addResult(Statement &statement, StringRef name, Expr value) {
  statement.tensors.push_back(editor.freshTensor(name));
  statement.elementTypes.push_back(value->type);
  statement.values.push_back(value);
}

void StepWriter::write(const Gradient &gradient) {
  ExprContext &exprs = editor.getExprs();
  auto type = cast<NamedTensorType>(gradient.input.getType());
  std::string name = getTensorName(gradient.input).str();
  Expr weight = editor.readPlain(gradient.input);
  // The adjoint may name its ranks after those of another tensor.
  Indices indices;
  for (StringAttr rank : type.getRanks())
    indices.push_back(editor.rank(rank));
  Expr g = widened(exprs.read(gradient.adjoint, indices));
  Type wide = g->type;
  auto number = [&](double value) { return exprs.number(value, wide); };
  bool hasMaster = wide != weight->type;
  Expr master =
      hasMaster ? readInput("P" + name, type.getRanks(), wide) : weight;
  Statement statement(gradient.input.getLoc());
  llvm::append_range(statement.outputRanks, type.getRanks());
  Expr change = exprs.mul(number(1e-3), g);
  if (step == OptimizerStep::Adam) {
    Expr m = readInput("M" + name, type.getRanks(), wide);
    Expr v = readInput("V" + name, type.getRanks(), wide);
    Expr correctM = readInput("CM", {}, wide),
         correctV = readInput("CV", {}, wide);
    Expr m1 = exprs.add(exprs.mul(number(0.9), m), exprs.mul(number(0.1), g));
    Expr v1 = exprs.add(exprs.mul(number(0.999), v),
                        exprs.mul(number(0.001), exprs.mul(g, g)));
    Expr root = exprs.op("math.sqrt", {exprs.mul(v1, correctV)}, wide);
    change = exprs.div(exprs.mul(number(1e-3), exprs.mul(m1, correctM)),
                       exprs.add(root, number(1e-8)));
    addResult(statement, "M1" + name, m1);
    addResult(statement, "V1" + name, v1);
  }
  Expr next = exprs.sub(master, change);
  if (hasMaster) {
    addResult(statement, "P1" + name, next);
    next = exprs.op("arith.truncf", {next}, weight->type);
  }
  addResult(statement, "W1" + name, next);
  ComputeOp op = editor.create(statement, nullptr);
  llvm::append_range(outputs, op->getResults());
}

void einsum::addOptimizerSteps(CascadeOp cascade, ArrayRef<Gradient> gradients,
                               OptimizerStep step) {
  StepWriter writer(cascade, step);
  for (const Gradient &gradient : gradients)
    writer.write(gradient);
  addOutputs(cascade, writer.getOutputs());
}
