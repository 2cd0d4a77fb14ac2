//===- ChooseExtents.cpp - Extents small enough to execute ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ChooseExtents.h"

#include "lib/Interpreter/Interpreter.h"
#include "lib/Support/Diagnostics.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;

static std::vector<ChosenExtent>
collectParameters(ArrayRef<CascadeOp> cascades) {
  std::vector<ChosenExtent> chosen;
  for (CascadeOp cascade : cascades)
    for (auto name : cascade.getParamNames().getAsRange<StringAttr>()) {
      auto known = llvm::find_if(chosen, [&](const ChosenExtent &c) {
        return c.parameter == name.str();
      });
      if (known == chosen.end())
        chosen.push_back({name.str(), cascade.getParam(name), 0, false});
      else if (!known->declared)
        known->declared = cascade.getParam(name);
    }
  return chosen;
}

static bool checkGiven(const std::vector<ChosenExtent> &chosen,
                       const std::map<std::string, int64_t> &given) {
  std::vector<std::string> names;
  for (const ChosenExtent &extent : chosen)
    names.push_back(extent.parameter);
  for (const auto &[name, value] : given)
    if (!llvm::is_contained(names, name)) {
      llvm::errs() << "--extent: error: there is no parameter '" << name
                   << "'; there " << (names.size() == 1 ? "is " : "are ")
                   << (names.empty() ? "none" : llvm::join(names, ", "))
                   << didYouMean(name, names) << "\n";
      return false;
    }
  return true;
}

static void bindAll(ArrayRef<CascadeOp> cascades,
                    const std::vector<ChosenExtent> &chosen) {
  for (CascadeOp cascade : cascades)
    for (const ChosenExtent &extent : chosen)
      if (llvm::is_contained(
              cascade.getParamNames(),
              StringAttr::get(cascade.getContext(), extent.parameter)))
        cascade.setParam(extent.parameter, extent.value);
}

/// Points of all cascades as they are bound; nullopt if one is not well formed
/// or has too many to count.
static std::optional<uint64_t> tryCount(ArrayRef<CascadeOp> cascades) {
  uint64_t total = 0;
  for (CascadeOp cascade : cascades) {
    ScopedDiagnosticHandler quiet(cascade.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
    if (failed(verify(cascade)))
      return std::nullopt;
    FailureOr<uint64_t> points = interp::countPoints(cascade);
    if (failed(points) || __builtin_add_overflow(total, *points, &total))
      return std::nullopt;
  }
  return total;
}

static int64_t reduce(int64_t value, int twentieths) {
  double power = twentieths / 20.0;
  return std::max<int64_t>(
      1, std::llround(std::pow(static_cast<double>(value), power)));
}

FailureOr<std::vector<ChosenExtent>>
einsum::chooseExtents(ArrayRef<CascadeOp> cascades,
                      const std::map<std::string, int64_t> &given,
                      uint64_t budget) {
  std::vector<ChosenExtent> chosen = collectParameters(cascades);
  if (!checkGiven(chosen, given))
    return failure();
  bool allGiven = llvm::all_of(chosen, [&](const ChosenExtent &c) {
    return given.count(c.parameter) != 0;
  });
  for (int twentieths = 20; twentieths > 0; --twentieths) {
    for (ChosenExtent &extent : chosen) {
      auto fixed = given.find(extent.parameter);
      constexpr int64_t unbound = 1024;
      extent.value =
          fixed != given.end()
              ? fixed->second
              : reduce(extent.declared.value_or(unbound), twentieths);
      extent.isReduced =
          fixed == given.end() && extent.value != extent.declared;
    }
    bindAll(cascades, chosen);
    if (allGiven)
      break; // what is wrong, if anything, is reported to the user
    std::optional<uint64_t> points = tryCount(cascades);
    if (points && *points <= budget)
      return chosen;
  }
  for (CascadeOp cascade : cascades)
    if (failed(verify(cascade)))
      return failure();
  if (!allGiven && !tryCount(cascades)) {
    llvm::errs()
        << "--extent: error: no small extents were found for which the cascade "
           "is well formed; give them\n";
    return failure();
  }
  return chosen;
}
