//===- CatalogueTest.cpp - Rewritten cascades keep their value ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every cascade of test/semantics/reduce-passes is rewritten and both are run by
// the interpreter: over extents that the tile divides and does not, down to 1,
// over several tiles, and over data with ties, of large magnitude, increasing and
// decreasing, and with minus infinity where the cascade is made for it. Values
// that are finite before must be the same after.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Transforms/ReducePasses.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <random>

using namespace mlir;
using namespace einsum;

namespace {

enum class Data { random, ties, large, increasing, decreasing, offset };

struct Trial {
  Data data;
  int64_t shift; ///< added to each extent that is a parameter of a rank
  std::string tile;
};

class Cascade {
public:
  explicit Cascade(const std::string &path) {
    context.disableMultithreading();
    context.loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(*llvm::MemoryBuffer::getFile(path)), llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
  }
  CascadeOp get() { return *module->getOps<CascadeOp>().begin(); }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
};

} // namespace

static std::vector<std::string> listCascades() {
  std::vector<std::string> paths;
  std::error_code error;
  std::string folder = EINSUM_SOURCE_DIR "/test/semantics/reduce-passes";
  for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".ein")
      paths.push_back(it->path());
  llvm::sort(paths);
  return paths;
}

static double sample(Data data, size_t i, size_t size, std::mt19937 &random) {
  std::uniform_real_distribution<double> unit(-2, 2);
  switch (data) {
  case Data::random:
    return unit(random);
  case Data::ties:
    return static_cast<int>(random() % 3) - 1;
  case Data::large:
    return unit(random) * 100; // scores of products reach 1e4
  case Data::increasing:
    return static_cast<double>(i) / size * 6 - 3;
  case Data::decreasing:
    return 3 - static_cast<double>(i) / size * 6;
  case Data::offset:
    return 1000 + unit(random);
  }
  return 0;
}

static interp::TensorMap makeInputs(CascadeOp cascade, Data data, unsigned seed) {
  std::mt19937 random(seed);
  interp::TensorMap inputs;
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    auto tensor = interp::makeTensor(cascade, input.getResult(), input.getTensor(),
                                     *interp::findFloatFormat("f64"));
    REQUIRE(succeeded(tensor));
    for (size_t i = 0; i < tensor->size(); ++i)
      tensor->values[i].real = sample(data, i, tensor->size(), random);
    inputs[input.getTensor().str()] = *tensor;
  }
  return inputs;
}

/// The largest deviation, relative to the largest value of the tensor, or to what
/// sums of products of the inputs may cancel from; infinite where one is finite and
/// the other is not.
static double deviation(const interp::Tensor &before, const interp::Tensor &after,
                        double magnitude) {
  REQUIRE(before.size() == after.size());
  double largest = 1e-6 * std::pow(std::fmax(magnitude, 1), 3), error = 0;
  for (size_t i = 0; i < before.size(); ++i)
    if (before.isPresent(i) && std::isfinite(before.toDouble(i)))
      largest = std::fmax(largest, std::fabs(before.toDouble(i)));
  for (size_t i = 0; i < before.size(); ++i) {
    if (!before.isPresent(i))
      continue;
    double x = before.toDouble(i);
    if (!after.isPresent(i))
      return INFINITY;
    double y = after.toDouble(i);
    if (std::isnan(x) || x == y)
      continue;
    if (!std::isfinite(x) || !std::isfinite(y))
      return INFINITY;
    error = std::fmax(error, std::fabs(x - y) / largest);
  }
  return error;
}

static double magnitude(const interp::TensorMap &inputs) {
  double largest = 0;
  for (const auto &[name, tensor] : inputs)
    for (const interp::Scalar &value : tensor.values)
      largest = std::fmax(largest, std::fabs(value.real));
  return largest;
}

/// Extents of ranks moved by `shift`, at least 1.
static void moveExtents(CascadeOp cascade, int64_t shift) {
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    if (rank.getParams().size() == 1 && isa<AffineSymbolExpr>(rank.getExtent().getResult(0))) {
      StringRef name = cast<StringAttr>(rank.getParams()[0]).getValue();
      if (name == rank.getSymName().upper())
        cascade.setParam(name, std::max<int64_t>(1, *cascade.getParam(name) + shift));
    }
}

static double runTrial(const std::string &path, const Trial &trial, unsigned seed) {
  Cascade before(path), after(path);
  moveExtents(before.get(), trial.shift);
  moveExtents(after.get(), trial.shift);
  RewriteOptions options;
  options.tile = trial.tile;
  Derivation derivation;
  reducePasses(after.get(), options, derivation);
  INFO(path << " shift " << trial.shift << " tile " << trial.tile);
  REQUIRE(succeeded(verify(*after.module)));
  if (derivation.steps.empty())
    return 0;
  interp::TensorMap inputs = makeInputs(before.get(), trial.data, seed);
  auto left = interp::interpret(before.get(), inputs);
  auto right = interp::interpret(after.get(), inputs);
  REQUIRE(succeeded(left));
  REQUIRE(succeeded(right));
  double worst = 0;
  auto outputs = [](CascadeOp cascade) {
    return (*cascade.getBodyBlock()->getOps<OutputOp>().begin()).getTensors();
  };
  for (auto [x, y] : llvm::zip(outputs(before.get()), outputs(after.get())))
    worst = std::fmax(worst, deviation(left->get(x), right->get(y), magnitude(inputs)));
  return worst;
}

TEST_CASE("rewritten cascades keep their value") {
  const char *only = std::getenv("EINSUM_CATALOGUE"); // one file, to look into it
  for (const std::string &path : listCascades()) {
    if (only && !StringRef(path).contains(only))
      continue;
    for (Data data : {Data::random, Data::ties, Data::large, Data::increasing,
                      Data::decreasing, Data::offset}) {
      for (Trial trial : {Trial{data, 0, "3"}, Trial{data, 0, "none"}, Trial{data, 2, "3"},
                          Trial{data, 0, "16"}, Trial{data, -100, "3"}, Trial{data, 1, "1"}}) {
        double error = runTrial(path, trial, 1);
        INFO(path << " data " << static_cast<int>(data) << " shift " << trial.shift
                  << " tile " << trial.tile);
        // Data far from zero costs digits in sums of squares of it.
        CHECK(error <= (data == Data::offset ? 1e-6 : 1e-9));
      }
    }
  }
}
