//===- Cascades.h - Cascades and tensors for tests --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   Text text("cascade c(M=3)\n input A[m]\n S = A[m]\n output S\n");
//   Values values = text.run({{"A", {1, 2, 3}}});
//   values.at("S")           {6}
//   text.errors              what was reported, one line each
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_INTERPRETER_CASCADES_H
#define TEST_UNIT_LIB_INTERPRETER_CASCADES_H

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Interpreter/Interpreter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace einsum::test {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline const double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Stands for an absent element in Values.
inline constexpr double kAbsent = -123456789;

using Values = std::map<std::string, std::vector<double>>;

/// One cascade, from the text notation or from MLIR.
class Text {
public:
  explicit Text(const std::string &text, bool isMlir = false)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
            errors += diagnostic.str() + "\n";
          return mlir::success();
        }) {
    context.disableMultithreading();
    context.loadDialect<EinsumDialect, mlir::arith::ArithDialect,
                        mlir::math::MathDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "test.ein"), llvm::SMLoc());
    module = isMlir ? mlir::parseSourceString<mlir::ModuleOp>(text, &context)
                    : frontend::parseCascadeSource(sources, &context);
  }

  CascadeOp cascade() {
    return module ? *module->getOps<CascadeOp>().begin() : CascadeOp();
  }

  /// Input tensors made of plain numbers, in row-major order.
  interp::TensorMap makeInputs(const Values &values) {
    interp::TensorMap inputs;
    for (InputOp input : cascade().getBodyBlock()->getOps<InputOp>()) {
      auto given = values.find(input.getTensor().str());
      if (given == values.end())
        continue;
      auto tensor =
          interp::makeTensor(cascade(), input.getResult(), input.getTensor(),
                             *interp::findFloatFormat("f64"));
      for (size_t i = 0; i < tensor->size(); ++i)
        tensor->values[i].real = given->second.at(i);
      inputs[input.getTensor().str()] = *tensor;
    }
    return inputs;
  }

  /// All named tensors; empty if something was refused.
  Values run(const Values &values,
             const interp::InterpretOptions &options = {}) {
    if (!cascade())
      return {};
    auto result = interp::interpret(cascade(), makeInputs(values), options);
    if (mlir::failed(result))
      return {};
    Values all;
    for (const interp::Tensor &tensor : result->tensors) {
      std::vector<double> &list = all[tensor.name];
      for (size_t i = 0; i < tensor.size(); ++i)
        list.push_back(tensor.isPresent(i) ? tensor.toDouble(i) : kAbsent);
    }
    return all;
  }

  std::string errors;

private:
  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

inline interp::InterpretOptions declared() {
  interp::InterpretOptions options;
  options.arithmetic = interp::Arithmetic::declared();
  return options;
}

inline interp::InterpretOptions allIn(const char *format) {
  interp::InterpretOptions options;
  options.arithmetic =
      interp::Arithmetic::allIn(*interp::findFloatFormat(format));
  return options;
}

} // namespace einsum::test

#endif // TEST_UNIT_LIB_INTERPRETER_CASCADES_H
