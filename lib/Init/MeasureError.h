//===- MeasureError.h - The error of a format, by execution -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A cascade is executed as written, in f64, and quantised, on the same inputs:
//
//   inputs            sampled, or from .npy files; weights are drawn with a
//                     deviation of 1 / sqrt(elements summed), so that sums keep
//                     the size of what is summed
//   quantised         maps and sums in f64; a tensor takes on its declared type
//                     or format once it is complete (accumulators are wide)
//   per tensor        what encoding and decoding does to its values
//   per output        the difference of both executions
//
//   relative error    rms of the difference / rms of the values
//   SQNR              -20 log10 of that
//
// Extents are halved, the largest first, down to a budget of points; they stay
// multiples of the blocks, and parameters that the user fixes stay as they are.
// Ranks marked as rearranged are permuted in all inputs, and scaled where the
// marks say so, as suits the tensor that the mark names (ArrangeChannels.h).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_MEASUREERROR_H
#define LIB_INIT_MEASUREERROR_H

#include "lib/Export/QuantizeReport.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Interpreter/SampleData.h"
#include "lib/Quant/Quantize.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace einsum {

class Arrangement;

/// As on the command line.
struct MeasureRequest {
  std::vector<std::string> data;    ///< "normal", "KC=outliers"
  std::vector<std::string> extents; ///< "M=256"
  std::vector<std::string> inputs;  ///< "W=file.npy"
  uint64_t seed = 0;
  uint64_t budget = uint64_t{1} << 23; ///< points
};

/// A cascade at small extents with its inputs and its values in f64, against
/// which quantised versions of it are measured.
class ErrorBench {
public:
  /// Extents suit all of `specs`. Reports an error, at an option or at the
  /// cascade, and fails.
  static mlir::FailureOr<ErrorBench>
  create(CascadeOp cascade, llvm::ArrayRef<quant::QuantizeSpec> specs,
         const MeasureRequest &request);

  /// Executes the cascade quantised by `spec`.
  mlir::FailureOr<exporting::QuantizeReport::Execution>
  measure(const quant::QuantizeSpec &spec) const;

  /// The largest relative error among outputs.
  static double
  getWorst(const std::vector<exporting::QuantizeReport::Error> &errors);

private:
  using Errors = std::vector<exporting::QuantizeReport::Error>;

  mlir::LogicalResult prepare(llvm::ArrayRef<quant::QuantizeSpec> specs,
                              const MeasureRequest &request);
  mlir::LogicalResult chooseExtents(llvm::ArrayRef<quant::QuantizeSpec> specs,
                                    const MeasureRequest &request);
  mlir::LogicalResult drawInputs(const MeasureRequest &request);
  mlir::FailureOr<Errors>
  execute(CascadeOp quantised, llvm::ArrayRef<Arrangement> arrangements) const;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mutable CascadeOp cascade;
  interp::TensorMap inputs;
  std::map<std::string, interp::Tensor> values; ///< all tensors, in f64
  std::vector<std::string> outputs;
  std::string data;
  uint64_t seed = 0;
  std::vector<std::string> extents;
  Errors unquantized;
};

} // namespace einsum

#endif // LIB_INIT_MEASUREERROR_H
