//===- RewriteReport.cpp - How the cascade was rewritten ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/RewriteReport.h"

#include <nlohmann/json.hpp>

using namespace einsum::exporting;
using Json = nlohmann::ordered_json;

Json einsum::exporting::describeRewrite(const RewriteReport &report) {
  Json steps = Json::array(), refusals = Json::array(), ranks = Json::array();
  for (const RewriteReport::Step &step : report.steps)
    steps.push_back({{"law", step.law},
                     {"tensor", step.tensor},
                     {"rank", step.rank},
                     {"identity", step.identity},
                     {"conditions", step.conditions},
                     {"before", step.before},
                     {"after", step.after}});
  for (const RewriteReport::Refusal &refusal : report.refusals) {
    Json entry = {{"tensor", refusal.tensor},
                  {"rank", refusal.rank},
                  {"obstacle", refusal.obstacle}};
    if (!refusal.certificate.empty())
      entry["certificate"] = refusal.certificate;
    refusals.push_back(std::move(entry));
  }
  for (const RewriteReport::Rank &rank : report.ranks)
    ranks.push_back({{"rank", rank.rank},
                     {"passes_before", rank.before},
                     {"passes_after", rank.after},
                     {"reasons", rank.reasons}});
  return {{"requested", report.requested},
          {"steps", std::move(steps)},
          {"refusals", std::move(refusals)},
          {"ranks", std::move(ranks)}};
}
