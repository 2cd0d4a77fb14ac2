//===- Variants.h - The cascades that a search chooses from -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What one cascade computes, others do too: with fewer rank passes, in tiles of
// this or that extent. Where the mapper is free to choose, each is searched:
//
//   attention(M=16384)            as written
//   rewritten, split m = m1, m0   fewer passes, M0=256
//                                 fewer passes, M0=512 ...
//
// The extent of a tile that a rewrite introduces is a free parameter unless the
// user binds it. Its candidates are the sizes of the arrays, two and four times
// as much, and the least that makes sense to a small buffer: a quarter of what
// the innermost shared level holds, if all others are larger. Each is brought
// down to a divisor of the rank if one is more than half as large; one element,
// or all, are left out if others remain.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_VARIANTS_H
#define LIB_INIT_VARIANTS_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Init/RewriteWorkload.h"

namespace einsum {

/// One cascade in a module of its own.
struct Variant {
  std::string name; ///< "as written", "fewer passes"
  Bindings extents; ///< of parameters that were chosen for it
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
  std::optional<exporting::RewriteReport> rewrite;
  std::string derivation; ///< as --explain prints it
  /// As the rewrite has left it, before parameters got values.
  std::shared_ptr<mlir::OwningOpRef<mlir::ModuleOp>> unbound;

  /// "fewer passes, M0=256"
  std::string describe() const;
};

/// The cascade as written, in a module of its own.
Variant copyWritten(CascadeOp cascade);

/// Variants of a cascade whose own parameters are bound: for `auto` the cascade
/// as written and what rewrites make of it, else the one that `rewrite` asks
/// for. `added` are bindings of parameters that rewrites bring along. Fails
/// after an error. `countsPasses`: see `rewriteCascade`.
mlir::FailureOr<std::vector<Variant>> makeVariants(CascadeOp cascade,
                                                   llvm::StringRef rewrite,
                                                   const Bindings &added,
                                                   bool countsPasses);

/// A variant for each combination of candidates for its free parameters.
/// `written` is the cascade before rewriting, `added` what the user has bound.
std::vector<Variant> chooseTiles(std::vector<Variant> variants,
                                 CascadeOp written, const Bindings &added,
                                 const arch::ArchSpec &arch);

/// Candidates for the extent of a tile of a rank with `whole` elements of so
/// many bits, ascending.
std::vector<int64_t> listTileCandidates(const arch::ArchSpec &arch,
                                        int64_t whole, unsigned bits);

} // namespace einsum

#endif // LIB_INIT_VARIANTS_H
