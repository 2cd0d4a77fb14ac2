//===- CascadePattern.h - One cascade in other words ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A published mapping is written for a published cascade, but whoever has a
// cascade of the same dataflow calls its tensors and ranks otherwise. A pattern
// is that published cascade; matching finds for each of its tensors and ranks
// the one that plays its part:
//
//   pattern   S[p]   = X[p,m]            cascade   tot[i]   = u[j,i]
//             A[p,m] = X[p,m] / S[p]               w[i,j]   = u[j,i] / tot[i]
//
//   X -> u, S -> tot, A -> w, p -> i, m -> j
//
// Compared are the Einsums: what they read where, by which operators, what they
// reduce, filters and initial values. Not compared, because no mapping depends
// on it: names, extents, element types, the order of statements, the order of a
// tensor's ranks, and the operands' order of a commutative operator. Extents of
// the cascade are bound; those of the pattern follow from it (`M0` is the
// extent of whatever plays `m0`).
//
// Refused, naming the first Einsum of the pattern that has no partner: any
// other cascade, also one that does more than the pattern.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_PLUGIN_CASCADEPATTERN_H
#define LIB_PLUGIN_CASCADEPATTERN_H

#include "dialects/Einsum/Einsum.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

namespace einsum {

/// Names of a pattern, translated into those of a cascade.
struct CascadeMatch {
  llvm::StringMap<std::string> tensors, ranks;

  /// The cascade's name of a tensor or rank; a name that is none of the
  /// pattern's stays as it is.
  std::string tensor(llvm::StringRef name) const;
  std::string rank(llvm::StringRef name) const;
};

class CascadePattern {
public:
  /// `text` is one cascade in text notation, known to be correct.
  CascadePattern(llvm::StringRef text, mlir::MLIRContext *context);

  /// Who plays what in `cascade`; on failure, `reason` says which Einsum has no
  /// partner.
  mlir::FailureOr<CascadeMatch> match(CascadeOp cascade,
                                      std::string &reason) const;

private:
  std::string text;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp pattern;
};

} // namespace einsum

#endif // LIB_PLUGIN_CASCADEPATTERN_H
