//===- einsum-opt.cpp - mlir-opt for cascades and schedules ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  einsum::registerAllDialects(registry);
  einsum::registerAllPasses();
  return mlir::asMainReturnCode(einsum::runOptMain(
      argc, argv, "Einsum cascade optimizer driver\n", registry));
}
