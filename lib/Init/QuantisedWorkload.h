//===- QuantisedWorkload.h - What a quantised schedule computes -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule may be of a cascade that was quantised: codes and scales are made
// by Einsums of their own, and rounding them is part of what it computes. So it
// is not compared with the cascade as written, but with that cascade quantised
// in the same way, as the schedule says (lib/Export/ScheduleFormats.h):
//
//   as written    Z = X * W                       in f64: what errors are from
//   quantised     XS, XQ of X, WS, WQ of W, Z     what the schedule computes
//   scheduled     the same, rewritten; of W only WS and WQ, made beforehand
//
// Inputs that were made beforehand are taken from the quantised cascade, which
// computes them of the same data.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_QUANTISEDWORKLOAD_H
#define LIB_INIT_QUANTISEDWORKLOAD_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Export/ScheduleFormats.h"
#include "lib/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace einsum {

class QuantisedWorkload {
public:
  /// Quantises a bound cascade, whose inputs stay what they are. Fails after an
  /// error.
  static mlir::FailureOr<QuantisedWorkload>
  create(CascadeOp cascade, const exporting::ScheduleFormats &formats,
         const arch::ArchSpec &arch);

  const std::string &getFormats() const { return formats; }
  CascadeOp asWritten() const { return written; }

  /// Whether each input of `scheduled` is one of the workload or made of them;
  /// an error at those that are not.
  bool checkInputs(CascadeOp scheduled) const;
  /// The inputs of `scheduled`, of those of the workload and of what they come
  /// to in the quantised cascade.
  interp::TensorMap makeInputs(CascadeOp scheduled,
                               const interp::TensorMap &inputs,
                               const interp::Interpretation &values) const;

private:
  std::string formats;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< of `written`
  CascadeOp written, quantised;
};

} // namespace einsum

#endif // LIB_INIT_QUANTISEDWORKLOAD_H
