//===- LoopTreeBuilder.h - Write a mapping as it is drawn -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each call adds a node below the previous one, so that code reads like the
// loop tree, outermost first:
//
//   LoopTreeBuilder tree(builder, mapping);
//   tree.storage("DRAM", {"A", "B", "Z"});
//   tree.temporal("m", 256);
//   tree.sequence({[&] { tree.temporal("k", 1); tree.compute("Z", "pe"); },
//                  [&] { ... }});
//
// A child of a sequence or pipeline is a function; afterwards building resumes
// where the tree ended, which is nowhere: a tree ends in leaves.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_PLUGIN_LOOPTREEBUILDER_H
#define LIB_PLUGIN_LOOPTREEBUILDER_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Plugin/CascadePattern.h"

#include <functional>

namespace einsum {

class LoopTreeBuilder {
public:
  using Child = std::function<void()>;

  /// Builds below `mapping`, whose body is empty. With `names`, tensors,
  /// Einsums and ranks are given by the names that they have in a pattern.
  LoopTreeBuilder(mlir::OpBuilder &builder, schedule::MappingOp mapping,
                  const CascadeMatch *names = nullptr);

  /// Holds tiles of `tensors` at `level` from here down. Modifiers are set on
  /// the op returned (`setBuffers(2)`, `setShared(true)`, ...).
  schedule::StorageOp storage(llvm::StringRef level,
                              llvm::ArrayRef<llvm::StringRef> tensors);
  /// The same, as a stream of which `depth` steps along `rank` are held.
  schedule::StorageOp stream(llvm::StringRef level,
                             llvm::ArrayRef<llvm::StringRef> tensors,
                             llvm::StringRef rank, int64_t depth);
  /// A loop over time.
  void temporal(llvm::StringRef rank, int64_t tile);
  /// A loop over the units along `dim`.
  void spatial(llvm::StringRef rank, int64_t tile, llvm::StringRef dim);
  void sequence(llvm::ArrayRef<Child> children);
  void pipeline(llvm::ArrayRef<int64_t> lags, llvm::ArrayRef<Child> children);
  void compute(llvm::StringRef einsum, llvm::StringRef array,
               bool chained = false);

private:
  /// Continues below `node`.
  void descend(mlir::Operation *node);
  void addChildren(mlir::Operation *node, llvm::ArrayRef<Child> children);

  std::string tensorName(llvm::StringRef name) const;
  std::string rankName(llvm::StringRef name) const;

  mlir::OpBuilder &builder;
  const CascadeMatch *names;
  mlir::Location loc;
};

/// An empty mapping of `cascade`, placed after it in its module.
schedule::MappingOp createMapping(mlir::OpBuilder &builder, CascadeOp cascade,
                                  llvm::StringRef name, llvm::StringRef arch);

} // namespace einsum

#endif // LIB_PLUGIN_LOOPTREEBUILDER_H
