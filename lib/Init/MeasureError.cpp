//===- MeasureError.cpp - The error of a format, by execution -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/MeasureError.h"

#include "lib/Init/ArrangeChannels.h"
#include "lib/Init/OptionValues.h"
#include "lib/Interpreter/NpyFile.h"
#include "lib/Interpreter/SampleCoordinates.h"
#include "lib/Quant/ProductSums.h"
#include "lib/Quant/Rearrange.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Support/Formats/Encode.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;
using Errors = std::vector<exporting::QuantizeReport::Error>;

static OwningOpRef<ModuleOp> cloneModule(CascadeOp cascade) {
  return cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
}

static CascadeOp findCascade(ModuleOp module, CascadeOp like) {
  return module.lookupSymbol<CascadeOp>(like.getSymNameAttr());
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// Multiples that blocks of the formats ask of parameters.
static void findMultiples(CascadeOp cascade,
                          ArrayRef<quant::Assignment> assignments,
                          std::map<std::string, int64_t> &multiples) {
  auto ask = [&](StringRef rank, int64_t size) {
    RankOp op = cascade.findRank(rank);
    auto symbol = dyn_cast<AffineSymbolExpr>(op.getExtent().getResult(0));
    if (!symbol || size < 1)
      return;
    int64_t &of =
        multiples[cast<StringAttr>(op.getParams()[symbol.getPosition()]).str()];
    of = std::lcm(std::max<int64_t>(of, 1), size);
  };
  for (const quant::Assignment &assignment : assignments) {
    const formats::Storage &storage = assignment.storage;
    if (storage.sharing == formats::Sharing::block)
      for (auto [rank, size] : llvm::zip(storage.ranks, storage.sizes))
        ask(rank, size);
    if (storage.sharing == formats::Sharing::matrix)
      ask(storage.ranks.back(), storage.format.lowRank.group);
  }
}

/// Halves one parameter; false if it is as small as it may be.
static bool halve(CascadeOp cascade, StringRef name, int64_t multiple) {
  int64_t value = *cascade.getParam(name);
  int64_t half = llvm::divideCeil(value, 2 * multiple) * multiple;
  if (half >= value || half < 2)
    return false;
  cascade.setParam(name, half);
  ScopedDiagnosticHandler quiet(cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  if (succeeded(verify(cascade)))
    return true;
  cascade.setParam(name, value);
  return false;
}

static bool setGiven(CascadeOp cascade, const MeasureRequest &request,
                     std::set<std::string> &fixed) {
  for (StringRef text : request.extents) {
    std::string name;
    int64_t value;
    if (!parseExtent("--error-extent", text, name, value))
      return false;
    std::vector<std::string> names;
    for (auto param : cascade.getParamNames().getAsRange<StringAttr>())
      names.push_back(param.str());
    if (!llvm::is_contained(names, name))
      return failOption("--error-extent",
                        "there is no parameter '" + name + "'; there are " +
                            llvm::join(names, ", ") + didYouMean(name, names));
    cascade.setParam(name, value);
    fixed.insert(name);
  }
  return true;
}

LogicalResult ErrorBench::chooseExtents(ArrayRef<quant::QuantizeSpec> specs,
                                        const MeasureRequest &request) {
  std::map<std::string, int64_t> declared;
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>()) {
    std::optional<int64_t> value = cascade.getParam(name);
    constexpr int64_t unbound = 1024;
    declared[name.str()] = value.value_or(0);
    cascade.setParam(name, value.value_or(unbound));
  }
  std::set<std::string> fixed;
  if (!setGiven(cascade, request, fixed))
    return failure();
  std::map<std::string, int64_t> multiples;
  {
    // What is wrong with the formats was said when they were applied.
    ScopedDiagnosticHandler quiet(cascade.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
    CascadeEditor editor(cascade);
    for (const quant::QuantizeSpec &spec : specs) {
      auto assignments = quant::selectTensors(editor, spec);
      if (succeeded(assignments))
        findMultiples(cascade, *assignments, multiples);
    }
  }
  while (true) {
    FailureOr<uint64_t> points = countPoints(cascade);
    if (failed(points))
      return failure();
    if (*points <= request.budget)
      break;
    std::vector<std::pair<int64_t, std::string>> order;
    for (const auto &[name, value] : declared)
      if (!fixed.count(name))
        order.push_back({-*cascade.getParam(name), name});
    llvm::sort(order);
    bool isSmaller = llvm::any_of(order, [&](const auto &entry) {
      int64_t multiple = multiples.count(entry.second)
                             ? multiples.find(entry.second)->second
                             : 1;
      return halve(cascade, entry.second, multiple);
    });
    if (!isSmaller) {
      failOption("--error", "no extents were found that are small enough to "
                            "execute; give them with --error-extent");
      return failure();
    }
  }
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>()) {
    int64_t value = *cascade.getParam(name), before = declared[name.str()];
    std::string text = name.str() + "=" + std::to_string(value);
    if (before && before != value)
      text += " (of " + std::to_string(before) + ")";
    extents.push_back(text);
  }
  return verify(cascade);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

namespace {
struct DataChoice {
  Sampling common;
  std::map<std::string, Sampling> own;
};
} // namespace

static bool parseData(CascadeOp cascade, const MeasureRequest &request,
                      DataChoice &choice) {
  for (StringRef text : request.data) {
    auto [input, name] =
        text.contains('=') ? text.split('=') : std::pair(StringRef(), text);
    std::optional<Sampling> sampling = parseSampling(name);
    std::vector<std::string> names;
    if (!sampling) {
      for (const DistributionInfo &info : getDistributions())
        names.push_back(info.name.str());
      return failOption("--error-data",
                        "there is no distribution '" + name + "'; there are " +
                            llvm::join(names, ", ") + didYouMean(name, names));
    }
    if (input.empty()) {
      choice.common = *sampling;
      continue;
    }
    for (InputOp op : cascade.getBodyBlock()->getOps<InputOp>())
      names.push_back(op.getTensor().str());
    if (!llvm::is_contained(names, input.str()))
      return failOption("--error-data", "there is no input '" + input +
                                            "'; there are " +
                                            llvm::join(names, ", ") +
                                            didYouMean(input.str(), names));
    choice.own[input.str()] = *sampling;
  }
  return true;
}

static bool readFiles(CascadeOp cascade, const MeasureRequest &request,
                      TensorMap &files) {
  Diagnostics diagnostics;
  for (StringRef text : request.inputs) {
    auto [name, path] = text.split('=');
    if (name.empty() || path.empty())
      return failOption("--error-input",
                        "takes TENSOR=FILE.npy, found '" + text + "'");
    std::vector<std::string> names;
    for (InputOp op : cascade.getBodyBlock()->getOps<InputOp>())
      names.push_back(op.getTensor().str());
    if (!llvm::is_contained(names, name))
      return failOption("--error-input",
                        "there is no input '" + name + "'; there are " +
                            llvm::join(names, ", ") + didYouMean(name, names));
    std::optional<Tensor> tensor = readNpy(path, diagnostics);
    if (!tensor)
      continue;
    tensor->name = name.str();
    files[name.str()] = std::move(*tensor);
  }
  diagnostics.print(llvm::errs());
  return !diagnostics.hasErrors();
}

/// Sums of so many products keep the size of the other factor.
static double getDeviation(CascadeOp cascade, const quant::TensorRole &role) {
  double summed = 1;
  for (const std::string &rank : role.summed)
    summed *= static_cast<double>(
        cascade.findRank(rank).getBoundExtent().value_or(1));
  return role.isWeight ? 1 / std::sqrt(summed) : 1;
}

LogicalResult ErrorBench::drawInputs(const MeasureRequest &request) {
  DataChoice choice;
  TensorMap files;
  if (!parseData(cascade, request, choice) ||
      !readFiles(cascade, request, files))
    return failure();
  CascadeEditor editor(cascade);
  for (const quant::TensorRole &role : quant::findRoles(editor)) {
    if (!role.isInput)
      continue;
    auto input = role.tensor.getDefiningOp<InputOp>();
    std::string name = input.getTensor().str();
    if (auto file = files.find(name); file != files.end()) {
      inputs[name] = file->second;
      continue;
    }
    auto type = cast<NamedTensorType>(role.tensor.getType());
    const NumberFormat *format =
        getNumberFormat(getScalarType(type.getElementType()));
    if (!format || format->isFloat)
      format = findFloatFormat("f64");
    FailureOr<Tensor> tensor = makeTensor(cascade, role.tensor, name, *format);
    if (failed(tensor))
      return failure();
    auto own = choice.own.find(name);
    Sampling sampling = own == choice.own.end() ? choice.common : own->second;
    sampling.scale *= getDeviation(cascade, role);
    fillWithSamples(*tensor, sampling, request.seed);
    inputs[name] = std::move(*tensor);
  }
  if (failed(interp::fillWithCoordinates(
          cascade, inputs, request.seed,
          [&](StringRef name) { return files.count(name.str()) != 0; })))
    return failure();
  data = request.data.empty() ? getDistributions().front().name.str()
                              : llvm::join(request.data, ", ");
  seed = request.seed;
  return success();
}

//===----------------------------------------------------------------------===//
// Arranged channels
//===----------------------------------------------------------------------===//

/// Of the tensors that marks name, as `assignments` store them.
static FailureOr<std::vector<Arrangement>>
listArrangements(CascadeOp quantised,
                 const std::map<std::string, Tensor> &values,
                 ArrayRef<quant::Assignment> assignments) {
  auto marks = quant::readRearrangements(quantised);
  if (failed(marks))
    return failure();
  std::vector<Arrangement> arrangements;
  for (quant::Rearrangement &one : *marks) {
    auto by = values.find(one.by);
    if (by == values.end())
      return quantised.emitError()
             << "'" << one.by << "', by which " << one.rank
             << " is rearranged, is no tensor of the cascade as written";
    const formats::Storage *storage = nullptr;
    for (const quant::Assignment &assignment : assignments)
      if (getTensorName(assignment.tensor) == one.by)
        storage = &assignment.storage;
    arrangements.push_back(
        Arrangement::choose(by->second, std::move(one), storage));
  }
  return arrangements;
}

//===----------------------------------------------------------------------===//
// Executing
//===----------------------------------------------------------------------===//

static exporting::QuantizeReport::Error compare(const Tensor &exact,
                                                ArrayRef<double> values,
                                                std::string name,
                                                std::string format) {
  exporting::QuantizeReport::Error error{
      std::move(name), std::move(format), 0, 0, 0, 0};
  double noise = 0, signal = 0;
  uint64_t count = 0;
  for (uint64_t i = 0; i < exact.size(); ++i) {
    double value = exact.toDouble(i);
    if (!exact.isPresent(i) || !std::isfinite(value))
      continue;
    double difference = values[i] - value;
    if (!std::isfinite(difference))
      difference = INFINITY;
    error.largest = std::max(error.largest, std::fabs(difference));
    noise += difference * difference;
    signal += value * value;
    ++count;
  }
  error.rms = count ? std::sqrt(noise / static_cast<double>(count)) : 0;
  error.relative = noise == 0 ? 0 : std::sqrt(noise / signal);
  error.sqnrDb = -20 * std::log10(error.relative);
  return error;
}

/// What encoding and decoding does to a tensor by itself, in its own units.
static exporting::QuantizeReport::Error
compareStored(Tensor tensor, const formats::Storage &storage,
              ArrayRef<Arrangement> arrangements) {
  StoredValues values = storeArranged(tensor, storage, arrangements);
  for (uint64_t i = 0; i < tensor.size(); ++i)
    tensor.values[i] = tensor.format->fromDouble(values.exact[i]);
  return compare(tensor, values.stored, tensor.name, storage.toText());
}

/// The outputs of a cascade against what they are in f64.
FailureOr<Errors>
ErrorBench::execute(CascadeOp quantised,
                    ArrayRef<Arrangement> arrangements) const {
  TensorMap own = inputs;
  for (const Arrangement &arrangement : arrangements)
    for (auto &[name, tensor] : own)
      arrangement.apply(tensor);
  InterpretOptions options{Arithmetic::stored()};
  FailureOr<Interpretation> found = interpret(quantised, own, options);
  if (failed(found))
    return failure();
  Errors errors;
  for (const std::string &name : outputs) {
    // What comes in another order, or scaled, is compared in that.
    Tensor exact = values.at(name);
    for (const Arrangement &arrangement : arrangements)
      arrangement.apply(exact);
    errors.push_back(compare(exact, found->find(name)->toDoubles(), name, ""));
  }
  return errors;
}

LogicalResult ErrorBench::prepare(ArrayRef<quant::QuantizeSpec> specs,
                                  const MeasureRequest &request) {
  if (failed(chooseExtents(specs, request)) || failed(drawInputs(request)))
    return failure();
  FailureOr<Interpretation> exact = interpret(cascade, inputs);
  if (failed(exact))
    return failure();
  for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
    for (Value tensor : output.getTensors())
      if (StringRef name = getTensorName(tensor);
          !name.empty() && !llvm::is_contained(outputs, name.str()))
        outputs.push_back(name.str());
  if (outputs.empty())
    return cascade.emitError()
           << "cascade '" << cascade.getSymName()
           << "' has no output whose error could be measured";
  for (Tensor &tensor : exact->tensors) {
    std::string name = tensor.name;
    values[name] = std::move(tensor);
  }
  auto arrangements = listArrangements(cascade, values, {});
  if (failed(arrangements))
    return failure();
  FailureOr<Errors> errors = execute(cascade, *arrangements);
  if (failed(errors))
    return failure();
  unquantized = std::move(*errors);
  return success();
}

FailureOr<ErrorBench> ErrorBench::create(CascadeOp cascade,
                                         ArrayRef<quant::QuantizeSpec> specs,
                                         const MeasureRequest &request) {
  ErrorBench bench;
  bench.module = cloneModule(cascade);
  bench.cascade = findCascade(*bench.module, cascade);
  if (failed(bench.prepare(specs, request)))
    return failure();
  return std::move(bench);
}

FailureOr<exporting::QuantizeReport::Execution>
ErrorBench::measure(const quant::QuantizeSpec &spec) const {
  exporting::QuantizeReport::Execution execution;
  execution.data = data;
  execution.seed = seed;
  execution.extents = extents;
  execution.unquantized = unquantized;
  OwningOpRef<ModuleOp> copy =
      cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
  CascadeOp quantised = findCascade(*copy, cascade);
  quant::QuantizeOptions options{spec, {}};
  options.explicitForm.native.isAny = true;
  options.computeAll = options.keepStored = true;
  // The same was said of the cascade at its own extents.
  ScopedDiagnosticHandler quiet(
      cascade.getContext(), [](mlir::Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
  std::vector<Arrangement> arrangements;
  {
    CascadeEditor editor(quantised);
    FailureOr<std::vector<quant::Assignment>> assignments =
        quant::selectTensors(editor, spec);
    if (failed(assignments) || failed(quant::rearrange(editor, *assignments)))
      return failure();
    auto found = listArrangements(quantised, values, *assignments);
    if (failed(found))
      return failure();
    arrangements = std::move(*found);
    for (const quant::Assignment &assignment : *assignments)
      execution.tensors.push_back(
          compareStored(values.at(getTensorName(assignment.tensor).str()),
                        assignment.storage, arrangements));
    quant::eraseRearrangements(quantised);
  }
  if (failed(quant::quantize(quantised, options)))
    return failure();
  FailureOr<Errors> errors = execute(quantised, arrangements);
  if (failed(errors))
    return failure();
  execution.outputs = std::move(*errors);
  return execution;
}

double ErrorBench::getWorst(const Errors &errors) {
  double worst = 0;
  for (const exporting::QuantizeReport::Error &error : errors)
    worst = std::max(worst, error.relative);
  return worst;
}
