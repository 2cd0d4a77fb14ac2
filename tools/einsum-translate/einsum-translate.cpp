//===- einsum-translate.cpp - Cascades and schedules to other notations ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"

#include "mlir/Support/LogicalResult.h"

#include <cstdlib>

int main(int argc, char **argv) {
  einsum::registerAllTranslations();
  bool isDone = mlir::succeeded(einsum::runTranslateMain(argc, argv));
  return isDone ? EXIT_SUCCESS : EXIT_FAILURE;
}
