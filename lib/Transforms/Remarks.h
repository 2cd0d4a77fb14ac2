//===- Remarks.h - What a rewrite did, and why not --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every rewrite speaks in the same two sentences, at the Einsum that it changed
// or left alone, with a note at each other place involved:
//
//   a.ein:8:3: remark: deferral applied to 'AV': divides by 'SD' once, after
//   the
//              sum over m
//   a.ein:7:3: note: 'SD' does not depend on m
//   a.ein:6:3: remark: online correction not applied to 'MAD': abs(x - d) has
//   no
//              transport
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_REMARKS_H
#define LIB_TRANSFORMS_REMARKS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"

namespace einsum {

/// `law applied to 'tensor': what`; attach notes to the result.
mlir::InFlightDiagnostic remarkApplied(mlir::Location loc, llvm::StringRef law,
                                       llvm::StringRef tensor,
                                       const llvm::Twine &what);

/// `law not applied to 'tensor': obstacle`; attach notes to the result.
mlir::InFlightDiagnostic remarkNotApplied(mlir::Location loc,
                                          llvm::StringRef law,
                                          llvm::StringRef tensor,
                                          const llvm::Twine &obstacle);

} // namespace einsum

#endif // LIB_TRANSFORMS_REMARKS_H
