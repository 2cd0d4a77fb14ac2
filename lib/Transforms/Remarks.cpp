//===- Remarks.cpp - What a rewrite did, and why not ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Remarks.h"

using namespace mlir;

InFlightDiagnostic einsum::remarkApplied(Location loc, StringRef law,
                                         StringRef tensor, const Twine &what) {
  return emitRemark(loc) << law << " applied to '" << tensor << "': " << what;
}

InFlightDiagnostic einsum::remarkNotApplied(Location loc, StringRef law,
                                            StringRef tensor,
                                            const Twine &obstacle) {
  return emitRemark(loc) << law << " not applied to '" << tensor
                         << "': " << obstacle;
}
