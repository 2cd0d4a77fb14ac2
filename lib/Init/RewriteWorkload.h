//===- RewriteWorkload.h - Rewrites asked for by name -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `einsum-compile --rewrite=...` does to a cascade:
//
//   none          nothing
//   auto          --einsum-reduce-passes with its defaults
//   defer,online{rank=m tile=64},erase-dead
//                 the passes --einsum-defer and so on, in this order, with
//                 their options in braces as einsum-opt takes them
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_REWRITEWORKLOAD_H
#define LIB_INIT_REWRITEWORKLOAD_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Export/RewriteReport.h"

namespace einsum {

/// False, with an error at `--rewrite`, if the list names what does not exist.
bool checkRewriteList(llvm::StringRef list);

/// Rewrites the cascade and returns what was done; prints the derivation to
/// `explain`, if given. Fails after an error. Without `countsPasses`, `auto`
/// leaves the passes before and after out, to be added when somebody asks.
mlir::FailureOr<exporting::RewriteReport>
rewriteCascade(CascadeOp cascade, llvm::StringRef list,
               llvm::raw_ostream *explain, bool countsPasses = true);
/// The passes before and after `auto`, which has made one cascade of the other.
void addPasses(exporting::RewriteReport &report, CascadeOp before,
               CascadeOp after);

} // namespace einsum

#endif // LIB_INIT_REWRITEWORKLOAD_H
