//===- RewriteReport.h - How the cascade was rewritten ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A derivation as plain text and numbers, for the JSON result: each step with
// its law, its conditions and the Einsums before and after; what was refused
// and why; the passes over each rank before and after.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_REWRITEREPORT_H
#define LIB_EXPORT_REWRITEREPORT_H

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace einsum::exporting {

struct RewriteReport {
  struct Step {
    std::string law, tensor, rank, identity, conditions;
    std::vector<std::string> before, after;
  };
  struct Refusal {
    std::string tensor, rank, obstacle, certificate;
  };
  struct Rank {
    std::string rank;
    uint64_t before = 0, after = 0;   ///< passes that any schedule makes
    std::vector<std::string> reasons; ///< why the last passes remain
  };

  std::string requested; ///< as on the command line
  std::vector<Step> steps;
  std::vector<Refusal> refusals;
  std::vector<Rank> ranks;
};

nlohmann::ordered_json describeRewrite(const RewriteReport &report);

} // namespace einsum::exporting

#endif // LIB_EXPORT_REWRITEREPORT_H
