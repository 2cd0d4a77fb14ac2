//===- InitAll.cpp - Registration of everything ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"

#include "dialects/Einsum/Einsum.h"
#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/Passes.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Frontend/Linalg/Linalg.h"
#include "lib/Init/ModelFlags.h"
#include "lib/Mapper/Passes.h"
#include "lib/Plugin/Passes.h"
#include "lib/Quant/Passes.h"
#include "lib/Transforms/Passes.h"
#include "mappings/Mappings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/Passes.h"

void einsum::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<EinsumDialect, schedule::ScheduleDialect,
                  mlir::arith::ArithDialect, mlir::math::MathDialect,
                  mlir::func::FuncDialect>();
  frontend::registerLinalgDialects(registry);
}

void einsum::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  registerEinsumAnalysisPasses();
  registerEinsumLinalgPasses();
  registerEinsumTransformsPasses();
  registerEinsumQuantPasses();
  registerEinsumMapperPasses();
  registerEinsumPluginPasses();
  registerAllMappings();
}

void einsum::registerAllTranslations() {
  frontend::registerCascadeTranslations();
  registerModelTranslations();
  registerArchTranslations();
  registerScheduleTranslations();
  registerWorkloadTranslations();
}
