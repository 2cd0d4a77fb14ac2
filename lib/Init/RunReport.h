//===- RunReport.h - What came out of executing cascades --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_RUNREPORT_H
#define LIB_INIT_RUNREPORT_H

#include "lib/Init/ChooseExtents.h"
#include "lib/Interpreter/CompareTensors.h"
#include "lib/Support/Formats/Storage.h"

namespace einsum {

/// An output of one trial.
struct OutputResult {
  std::string name;
  std::vector<std::string> ranks;
  std::vector<int64_t> extents;
  interp::TensorSummary summary;
  double tolerance = 0; ///< of the scaled error
  std::optional<interp::Comparison> comparison;

  bool agrees() const { return !comparison || comparison->agrees(tolerance); }
};

/// A tensor of one trial against the same in f64.
struct TensorError {
  std::string name, storage; ///< "mxfp4 block e", "f16"
  /// As stored, exactly; with every scale.
  formats::BitsPerElement bits;
  interp::ErrorSummary error;
};

struct TrialResult {
  uint64_t seed = 0;
  std::string data;
  std::vector<OutputResult> outputs;
  std::vector<TensorError> errors; ///< if asked for
};

struct RunResult {
  std::string program, cascade, against, againstCascade, format;
  std::string quantisedBy; ///< rules, as the schedule was; else empty
  std::vector<ChosenExtent> extents;
  std::vector<TrialResult> trials;

  bool isComparison() const { return !against.empty(); }
  bool agrees() const;
};

void printRun(const RunResult &result, llvm::raw_ostream &os);
/// Schema `einsum-run/1`; numbers that JSON does not have are strings.
void writeRunJson(const RunResult &result, llvm::raw_ostream &os);

} // namespace einsum

#endif // LIB_INIT_RUNREPORT_H
