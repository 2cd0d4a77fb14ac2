//===- ReducePasses.h - Fewer rank passes -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The whole rewrite as a function, for passes and for the compile driver:
//
//   Derivation derivation;
//   reducePasses(cascade, {}, derivation);      // attention: 3 passes -> 1
//   printDerivation(derivation, llvm::errs());
//
// Ranks are taken one after the other, in order of declaration; a rank on which
// nothing can be joined is left as it is. The result has the value of the input
// over the reals; policies say what rounding may do.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_REDUCEPASSES_H
#define LIB_TRANSFORMS_REDUCEPASSES_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Transforms/Derivation.h"

namespace einsum {

/// As on the command line; see Passes.td.
struct RewriteOptions {
  std::string rank; ///< empty: all
  std::string tile; ///< "", "M0", "128", "M0:128" or "none"
  std::string policy = "safe";
  std::string guard = "auto";
  bool defer = true, correct = true;
  /// Whether passes over ranks are counted before and after, for the summary;
  /// of a whole model that takes longer than the rewrite.
  bool countsPasses = true;
};

/// What the pass --einsum-<name> asks for by default; nullopt if it is no pass
/// of this kind.
std::optional<RewriteOptions> getRewriteOptions(llvm::StringRef name);
/// Reads `rank=m tile=M0:64 policy=safe guard=auto`.
mlir::LogicalResult parseRewriteOptions(
    llvm::StringRef text, RewriteOptions &options,
    llvm::function_ref<mlir::LogicalResult(const llvm::Twine &)> error);

/// The extent of a tile: a parameter and its value. No value where the text
/// says `none` or is no tile.
struct Tile {
  std::string name;
  int64_t size;
};
std::optional<Tile> readTile(CascadeOp cascade, llvm::StringRef rank,
                             llvm::StringRef text);

/// Says at the cascade what is wrong with options, if anything.
mlir::LogicalResult checkOptions(CascadeOp cascade,
                                 const RewriteOptions &options);

/// Rewrites the cascade; `options` are checked.
void reducePasses(CascadeOp cascade, const RewriteOptions &options,
                  Derivation &derivation);

} // namespace einsum

#endif // LIB_TRANSFORMS_REDUCEPASSES_H
