//===- Report.h - How the notation's errors are told ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every message goes through MLIR's diagnostic engine, so all tools print it as
// `file:line:col: error: ...` with the source line and a caret. At most
// `kMaxErrors` are shown: what follows the twentieth is rarely about something
// else.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_REPORT_H
#define LIB_FRONTEND_CASCADE_REPORT_H

#include "lib/Frontend/Cascade/Ast.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"

namespace einsum::frontend {

class Report {
public:
  static constexpr unsigned kMaxErrors = 20;

  Report(mlir::MLIRContext *context, llvm::StringRef file);

  mlir::Location at(Place place) const;
  mlir::InFlightDiagnostic error(Place place);
  mlir::InFlightDiagnostic warning(Place place);
  /// Says how many errors were not shown, if any.
  void finish();

  bool hasErrors() const { return numErrors != 0; }
  unsigned getNumErrors() const { return numErrors; }
  mlir::MLIRContext *getContext() const { return context; }

private:
  mlir::MLIRContext *context;
  mlir::StringAttr file;
  unsigned numErrors = 0;
};

/// The candidate closest to `name`, or empty if none is close.
llvm::StringRef findNearest(llvm::StringRef name,
                            llvm::ArrayRef<llvm::StringRef> candidates);

/// `did you mean 'exp'?` as a note, if a candidate is close.
void suggestNearest(mlir::InFlightDiagnostic &diag, llvm::StringRef name,
                    llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_REPORT_H
