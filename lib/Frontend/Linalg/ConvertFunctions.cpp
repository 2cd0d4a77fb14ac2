//===- ConvertFunctions.cpp - From functions on tensors to cascades -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Linalg/Linalg.h"
#include "lib/Frontend/Linalg/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

namespace einsum {
#define GEN_PASS_DEF_FROMLINALG
#include "lib/Frontend/Linalg/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;

void frontend::registerLinalgDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                  math::MathDialect, tensor::TensorDialect>();
}

bool frontend::holdsFunctions(ModuleOp module) {
  return module.getOps<CascadeOp>().empty() &&
         llvm::any_of(module.getOps<func::FuncOp>(),
                      [](func::FuncOp op) { return !op.isExternal(); });
}

LogicalResult frontend::convertFunctions(ModuleOp module) {
  OpBuilder builder(module.getContext());
  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isExternal())
      continue;
    std::optional<FunctionPlan> plan = planFunction(function);
    if (!plan)
      return failure();
    builder.setInsertionPoint(function);
    CascadeOp cascade = emitCascade(function, *plan, builder);
    function.erase();
    if (failed(verify(cascade)))
      return failure();
  }
  return success();
}

namespace {
struct FromLinalg : public einsum::impl::FromLinalgBase<FromLinalg> {
  void runOnOperation() override {
    if (failed(frontend::convertFunctions(getOperation())))
      signalPassFailure();
  }
};
} // namespace
