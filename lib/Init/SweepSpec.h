//===- SweepSpec.h - Which designs are compared -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sweep is every combination of values of an architecture's parameters, each
// with every workload (sweep.schema.json):
//
//   { "schema": "einsum-sweep/1",
//     "arch": "fusemax-cloud",
//     "parameters": {"N": [64, 128], "L": {"from": 1, "to": 8, "times": 2}},
//     "workloads": [{"file": "one-pass.ein", "bind": {"M": 4096, "P": 4096},
//                    "mapping": "fusemax", "weight": 12}],
//     "pareto": ["latency", "area"] }
//
// has 2 * 4 designs. Files are found beside the sweep. A design's latency,
// energy and traffic are the weighted sums of its workloads'; it is as good as
// its worst workload: where one does not fit, the design does not.
//
// Refused, at their place: unknown keys, empty lists, values that are no
// numbers, more than a million designs.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SWEEPSPEC_H
#define LIB_INIT_SWEEPSPEC_H

#include "lib/Support/Diagnostics.h"

#include <string>
#include <vector>

namespace einsum {

struct SweepParameter {
  std::string name;
  std::vector<double> values;
};

struct SweepWorkload {
  std::string name, file, cascade;
  std::vector<std::string> bind; ///< "M=4096"
  std::string mapping = "auto";
  std::string rewrite; ///< empty for the default
  double weight = 1;
};

struct Sweep {
  std::string name, arch;
  std::vector<SweepParameter> parameters;
  std::vector<SweepWorkload> workloads;
  std::string objective = "latency"; ///< of searches
  std::string timeLimit = "10";      ///< seconds, of each
  std::vector<std::string> pareto = {"latency", "energy"};

  size_t countDesigns() const;
  /// The values of one design, in the order of `parameters`; the last parameter
  /// changes fastest.
  std::vector<double> valuesOf(size_t design) const;
};

/// "latency", "energy", "edp", "area", "traffic".
llvm::ArrayRef<const char *> getSweepMetrics();

/// Nothing after an error.
std::optional<Sweep> readSweep(llvm::StringRef path, Diagnostics &diags);

} // namespace einsum

#endif // LIB_INIT_SWEEPSPEC_H
