//===- Formulas.cpp - What is known of a cascade without values -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Formulas.h"

#include "lib/Support/TextTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::exporting;
using Json = nlohmann::ordered_json;

static std::string listOperators(const std::map<std::string, Formula> &all) {
  std::vector<std::string> parts;
  for (const auto &[name, formula] : all)
    parts.push_back(name + " " + describe(formula));
  return llvm::join(parts, ", ");
}

static std::string listBinding(const FormulaResult &result) {
  std::vector<std::string> parts;
  for (const auto &[name, value] : result.binding)
    parts.push_back(name + "=" + std::to_string(value));
  return parts.empty() ? "none" : llvm::join(parts, " ");
}

void einsum::exporting::printFormulas(const FormulaResult &result,
                                      llvm::raw_ostream &os) {
  const CountFormulas &counts = result.counts;
  os << "cascade   " << result.cascade << "\n"
     << "binding   " << listBinding(result)
     << "; not bound: " << llvm::join(counts.unbound, ", ") << "\n";
  if (counts.parameters.text != "0")
    os << "weights   " << describe(counts.parameters) << " parameters\n";
  os << "\n";
  TextTable ranks({"rank", "extent"});
  for (const auto &[name, extent] : counts.extents)
    ranks.add({name, extent});
  ranks.print(os);
  os << "\n";
  TextTable tensors({"tensor", "", "type", "ranks", "bytes"});
  for (const TensorFormulas &tensor : counts.tensors)
    tensors.add({tensor.name,
                 tensor.isWeight   ? "weight"
                 : tensor.isInput  ? "input"
                 : tensor.isOutput ? "output"
                                   : "",
                 tensor.datatype, llvm::join(tensor.ranks, ","),
                 describe(tensor.bytes)});
  tensors.print(os);
  os << "\n";
  TextTable einsums({"Einsum", "ranks", "reduced", "where", "bytes in",
                     "bytes out", "operators"});
  for (const EinsumFormulas &einsum : counts.einsums)
    einsums.add({einsum.name, llvm::join(einsum.ranks, ","),
                 llvm::join(einsum.reduced, ","),
                 llvm::join(einsum.conditions, ", "), describe(einsum.bytesIn),
                 describe(einsum.bytesOut), listOperators(einsum.operators)});
  einsums.print(os);
  if (counts.einsums.size() > 1)
    os << "all together: " << listOperators(counts.operators) << "\n";
  os << "\n";
  printPassTable(result.passes, os);
}

static Json describeFormula(const Formula &formula) {
  return {{"formula", formula.text}, {"exact", formula.isExact}};
}

static Json describeOperators(const std::map<std::string, Formula> &operators) {
  Json json = Json::object();
  for (const auto &[name, formula] : operators)
    json[name] = describeFormula(formula);
  return json;
}

void einsum::exporting::writeFormulasJson(const FormulaResult &result,
                                          llvm::raw_ostream &os) {
  const CountFormulas &counts = result.counts;
  Json binding = Json::object(), ranks = Json::object();
  for (const auto &[name, value] : result.binding)
    binding[name] = value;
  for (const auto &[name, extent] : counts.extents)
    ranks[name] = extent;
  Json passes = Json::object(), tensors = Json::array(),
       einsums = Json::array();
  for (const RankHeadline &headline : result.passes.ranks)
    passes[headline.rank] = headline.passes;
  for (const TensorFormulas &tensor : counts.tensors)
    tensors.push_back({{"name", tensor.name},
                       {"role", tensor.isWeight   ? "weight"
                                : tensor.isInput  ? "input"
                                : tensor.isOutput ? "output"
                                                  : "intermediate"},
                       {"ranks", tensor.ranks},
                       {"datatype", tensor.datatype},
                       {"elements", describeFormula(tensor.elements)},
                       {"bytes", describeFormula(tensor.bytes)}});
  for (const EinsumFormulas &einsum : counts.einsums)
    einsums.push_back({{"name", einsum.name},
                       {"ranks", einsum.ranks},
                       {"reduced", einsum.reduced},
                       {"where", einsum.conditions},
                       {"points", describeFormula(einsum.points)},
                       {"ops", describeOperators(einsum.operators)},
                       {"bytes_in", describeFormula(einsum.bytesIn)},
                       {"bytes_out", describeFormula(einsum.bytesOut)}});
  Json json = {{"schema", "einsum-formulas/1"},
               {"workload", result.workload},
               {"binding", binding},
               {"unbound", counts.unbound},
               {"cascade",
                {{"name", result.cascade},
                 {"parameters", describeFormula(counts.parameters)},
                 {"ops", describeOperators(counts.operators)},
                 {"ranks", ranks},
                 {"rank_passes", passes},
                 {"storage", tensors},
                 {"einsums", einsums}}}};
  os << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}
