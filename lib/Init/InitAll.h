//===- InitAll.h - Registration of everything -------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one place that knows every dialect and pass; tools call it and stay
// short.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_INITALL_H
#define LIB_INIT_INITALL_H

#include "mlir/Support/LLVM.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace einsum {

/// Adds our dialects and the upstream ones that cascades use.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers our passes and mappings, and the upstream passes that help with
/// cascades.
void registerAllPasses();

/// Registers translations between cascades, schedules and other notations.
void registerAllTranslations();
/// Of them, those that read other tools' architectures.
void registerArchTranslations();
/// And those that write schedules, or read other tools' workloads.
void registerScheduleTranslations();
void registerWorkloadTranslations();

/// The whole of `einsum-opt`: mlir-opt for `.mlir` and `.ein` input.
mlir::LogicalResult runOptMain(int argc, char **argv, llvm::StringRef toolName,
                               mlir::DialectRegistry &registry);

/// The whole of `einsum-translate`.
mlir::LogicalResult runTranslateMain(int argc, char **argv);

} // namespace einsum

#endif // LIB_INIT_INITALL_H
