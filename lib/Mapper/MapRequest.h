//===- MapRequest.h - What is asked of the mapper, as text ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The options of `einsum-compile` and of the pass --einsum-map, which say the
// same in the same words:
//
//   objective   latency | energy | edp | traffic[:LEVEL] | capacity[:LEVEL]
//               | pareto[:A,B[,C]] (latency and energy, where not said)
//   space       shared-loops=N, shared-loops-per-rank=N, perfect-tiles,
//               no-fusion, no-pipelines, no-reorder, no-shared-holders,
//               no-recompute, no-retain
//   keep        T@LEVEL      T has a storage node at LEVEL wherever it is used
//   bypass      T@LEVEL      T has none there
//   array       E=ARRAY      Einsum E runs on ARRAY
//   fix-tile    r@LEVEL=N    tiles held at LEVEL span N along rank r
//   loop-order  r:s@LEVEL    below a node at LEVEL loops over r stand around
//                            those over s
//   order       E1,E2,...    Einsums are executed in this order, all of them
//
// What restricts the mapping becomes a constraint of the machine
// (lib/Arch/Constraints.h), as if its spec had said so; an order becomes the
// order in which the cascade is written.
//
// Refuses: words that it does not know, levels and arrays that the machine does
// not have, tensors, ranks and Einsums that the cascade does not have, and
// tiles longer than the rank.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_MAPREQUEST_H
#define LIB_MAPPER_MAPREQUEST_H

#include "lib/Mapper/Mapper.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::mapper {

/// As on the command line.
struct MapRequest {
  std::string objective = "latency";
  std::vector<std::string> space;
  std::vector<std::string> keep, bypass, array, fixTile, loopOrder, order;

  bool hasConstraints() const {
    return !(keep.empty() && bypass.empty() && array.empty() &&
             fixTile.empty() && loopOrder.empty() && order.empty());
  }
};

/// Takes the name of an option and what is wrong with it; false.
using ReportOption =
    llvm::function_ref<bool(llvm::StringRef option, const llvm::Twine &)>;

/// The words of an objective and of a space, before a machine is known.
bool checkObjective(llvm::StringRef text, ReportOption report);
bool parseSpace(llvm::ArrayRef<std::string> words, SpaceLimits &limits,
                ReportOption report);
/// The objective on a machine.
bool parseObjective(llvm::StringRef text, const arch::ArchSpec &arch,
                    Objective &objective, ReportOption report);

/// The same words again, levels always named: "pareto:energy,traffic:DRAM".
std::string describeObjective(const Objective &objective,
                              const arch::ArchSpec &arch);
/// "latency", "traffic:DRAM": one metric in the words of an objective.
std::string getMetricName(Metric metric, const Objective &objective,
                          const arch::ArchSpec &arch);
/// "1.05 ms", "64 MiB": a value of a metric, which is in s, J, J s or B.
std::string formatValue(Metric metric, double value);
/// The level that a metric is about, with the default filled in; -1 if none.
int getMetricLevel(Metric metric, const Objective &objective,
                   const arch::ArchSpec &arch);

/// What is wrong with the form of constraints, whatever the cascade.
bool checkConstraints(const MapRequest &request, ReportOption report);
/// The first name in a request that a cascade lacks, as "tensor 'A'"; empty if
/// it has all.
std::string findMissingName(const MapRequest &request,
                            const CascadeFacts &facts);
/// Adds the constraints of a checked request to those of the machine.
bool addConstraints(const MapRequest &request, const CascadeFacts &facts,
                    arch::ArchSpec &arch, ReportOption report);
/// Moves the Einsums of a cascade into the order asked for, if one is; its
/// facts are to be computed again. Then `limits` allow no other order.
bool applyOrder(const MapRequest &request, CascadeOp cascade,
                SpaceLimits &limits, ReportOption report);

} // namespace einsum::mapper

#endif // LIB_MAPPER_MAPREQUEST_H
