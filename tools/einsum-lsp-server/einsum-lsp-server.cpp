//===- einsum-lsp-server.cpp - Cascades and schedules in an editor --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"
#include "lib/Init/ToolMain.h"
#include "lib/LanguageServer/Server.h"

#include "mlir/IR/DialectRegistry.h"

using namespace einsum;

static llvm::cl::OptionCategory category("einsum-lsp-server options");

int main(int argc, char **argv) {
  return runTool(argc, argv,
                 {"einsum-lsp-server",
                  "Tells an editor about .ein and .mlir files.\n"
                  "Speaks the Language Server Protocol over standard input and "
                  "output: diagnostics,\nhover with rank passes and extents, "
                  "completion; for .mlir all that MLIR's server\ndoes. See "
                  "README.md for editors.\n",
                  /*hasLog=*/false}, // MLIR's server has one of its own
                 category, [] {
                   mlir::DialectRegistry registry;
                   registerAllDialects(registry);
                   return language::runServer(registry) ? ExitCode::Ok
                                                        : ExitCode::BadInput;
                 });
}
