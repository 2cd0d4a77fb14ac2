//===- einsum-translate.cpp - Cascades and schedules to other notations ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"

#include "mlir/Support/LogicalResult.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

#include <cstdlib>

int main(int argc, char **argv) {
  einsum::registerAllTranslations();
  auto result =
      mlir::mlirTranslateMain(argc, argv, "Translator of Einsum cascades");
  return mlir::succeeded(result) ? EXIT_SUCCESS : EXIT_FAILURE;
}
