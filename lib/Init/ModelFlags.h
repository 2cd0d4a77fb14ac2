//===- ModelFlags.h - What to make of a config.json -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The options of a model on the command line, as texts, and what they mean.
// They belong to a workload that is a config.json; with another one they are
// refused.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_MODELFLAGS_H
#define LIB_INIT_MODELFLAGS_H

#include "lib/Frontend/HuggingFace/HuggingFace.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/CommandLine.h"

namespace einsum {

/// As on the command line; empty where the option was not given.
struct ModelFlags {
  std::string phase;     ///< prefill, decode, train
  std::string batch;     ///< "8"
  std::string seq;       ///< "2048"
  std::string target;    ///< "512"
  std::string layers;    ///< "4", the first four, or "2-5", from 2 up to 5
  std::string parts;     ///< all, layers
  std::string routing;   ///< balanced, masked
  std::string embedding; ///< rows, gather
  std::string dtype;     ///< "f16"
  std::string optimizer; ///< none, sgd, adam
  std::vector<std::string> ignored;

  /// The first option that was given; empty if none was.
  std::string firstGiven() const;
};

/// Options of these names in a category; they live as long as the program.
void addModelFlags(llvm::cl::OptionCategory &category, ModelFlags &flags);

/// False after an error that names the option.
bool parseModelFlags(const ModelFlags &flags, frontend::ModelOptions &options);

/// The cascade of a config, with gradients and optimizer steps if it trains.
/// `config` is what was read; errors are reported. Null after one.
mlir::OwningOpRef<mlir::ModuleOp>
readModelConfig(const llvm::MemoryBuffer &config, const ModelFlags &flags,
                mlir::MLIRContext *context);

/// Registers `--hf-config-to-cascade`, with the options above.
void registerModelTranslations();

} // namespace einsum

#endif // LIB_INIT_MODELFLAGS_H
