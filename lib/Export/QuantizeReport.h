//===- QuantizeReport.h - What quantising did and what it costs -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of every quantised tensor its format and bytes; of the cascade before and
// after, what any machine of this kind needs at least; and the errors found by
// executing both.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_QUANTIZEREPORT_H
#define LIB_EXPORT_QUANTIZEREPORT_H

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einsum::exporting {

struct QuantizedTensor {
  std::string name, format, form; ///< "stored", "explicit"
  double bitsPerElement = 0;      ///< scales included
  uint64_t bytesBefore = 0, bytesAfter = 0;
};
/// How far values are from those of the cascade as written, in f64.
struct FormatError {
  std::string tensor, format; ///< of an output: empty
  double largest = 0, rms = 0;
  double relative = 0; ///< rms over the rms of the values
  double sqnrDb = 0;   ///< infinite if there is no error
};
struct FormatExecution {
  std::string data;
  uint64_t seed = 0;
  std::vector<std::string> extents; ///< "M=256 (of 8192)"
  std::vector<FormatError> tensors; ///< what storing alone does to each
  std::vector<FormatError>
      unquantized; ///< outputs, with the declared types only
  std::vector<FormatError> outputs;
};
/// Lower bounds: compulsory bytes over the bandwidth of the outermost level,
/// operators on the fastest array of each Einsum, all overlapped.
struct CostFloor {
  uint64_t bytes = 0;
  double latencySeconds = 0, energyJoules = 0;
  std::string boundBy; ///< a level or an array
};
/// One choice of formats, and what it does.
struct FormatPoint {
  std::string formats; ///< "WQ=int4 group(128) d, ..."
  double predicted = 0, objective = 0;
  std::optional<double> measured;
  bool isChosen = false;
};
struct FormatChoice {
  std::string status; ///< "optimal", "best found", "infeasible"
  std::string objective, unit;
  double maxError = 0;
  uint64_t examined = 0;
  std::vector<FormatPoint> pareto;
};

struct QuantizeReport {
  using Tensor = QuantizedTensor;
  using Error = FormatError;
  using Execution = FormatExecution;
  using Floor = CostFloor;
  using Point = FormatPoint;
  using Choice = FormatChoice;

  std::string requested;
  std::string applied; ///< the same, with what `auto` chose
  std::vector<Tensor> tensors;
  std::vector<std::string> notes;
  std::optional<Floor> before, after;
  std::optional<Execution> execution;
  std::optional<Choice> choice;
};

nlohmann::ordered_json describeQuantisation(const QuantizeReport &report);
void printQuantisation(const QuantizeReport &report, llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_QUANTIZEREPORT_H
