//===- SlopeVariants.h - Algebraic variants of a cascade --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A ski slope compares forms of one cascade that compute the same. They are
// derived from the form that is written, each by a list of rewrites:
//
//   --rewrite=auto                 as written, and with fewest rank passes
//   --rewrite='defer;online'       as written, and each of the lists apart
//   --rewrite=variants             as written, and with either law of pass
//                                  reduction alone, and with both
//
// Softmax attention has 3 passes over its keys as written; 2 if the division
// moves behind the last reduction (defer), another form with 2 if the
// denominator is corrected while the maximum grows (online), 1 with both. Forms
// that turn out equal are shown once: nothing of a softmax can be deferred.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SLOPEVARIANTS_H
#define LIB_INIT_SLOPEVARIANTS_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Init/ReadWorkload.h"

namespace einsum {

struct SlopeVariant {
  mlir::OwningOpRef<CascadeOp> cascade;
  CascadeFacts facts;
  std::string name; ///< "defer: 2 passes over m"
  /// The same with products that are traversed several times computed anew for
  /// each reader; null if there are none.
  mlir::OwningOpRef<CascadeOp> anew;
  CascadeFacts anewFacts;
};

/// False, with an error at `--rewrite`, if one of the lists names what does not
/// exist.
bool checkSlopeRewrites(llvm::StringRef rewrites);

/// The cascade as written, then each other form. `bindings` of parameters that
/// only some forms have are theirs; one that no form has is an error, as is
/// what a list of rewrites refuses.
mlir::FailureOr<std::vector<std::unique_ptr<SlopeVariant>>>
deriveVariants(CascadeOp cascade, llvm::StringRef rewrites,
               const Bindings &bindings, llvm::raw_ostream *explain);

} // namespace einsum

#endif // LIB_INIT_SLOPEVARIANTS_H
