//===- RandomCascadeTest.cpp - The interpreter against a plainer one ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The judge: each element of each tensor is computed on demand, by recursion
// from its definition, over maps from coordinates to values; no order of
// evaluation, no strides, no tables of what is present. It shares only the
// scalar programs and monoids, which have tests of their own.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Interpreter/RandomCascade.h"
#include "test/unit/lib/Interpreter/Cascades.h"

#include "lib/Interpreter/Monoid.h"
#include "lib/Interpreter/SampleData.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>

using namespace einsum;
using namespace einsum::interp;
using namespace einsum::test;

namespace {

using Coordinates = std::vector<int64_t>;

/// An element: absent, or a value. Whether it is absent is asked for each
/// condition apart: `rankSets` are the sets of ranks whose conditions fail.
struct Element {
  std::vector<Scalar> values;
  std::set<std::set<std::string>> failures;
};

class Judge {
public:
  Judge(CascadeOp cascade, const TensorMap &inputs)
      : cascade(cascade), inputs(inputs) {}

  const Element &get(mlir::Operation *op, const Coordinates &at);
  int64_t extentOf(mlir::StringAttr rank) {
    return *cascade.findRank(rank).getBoundExtent();
  }

private:
  using Names = std::set<std::string>;
  using Point = std::map<std::string, int64_t>;

  struct Read {
    Scalar value;
    /// Ranks of the reader of which each failed condition speaks.
    std::set<Names> failures;
  };

  int64_t evaluate(mlir::AffineExpr expr, EinsumInterface einsum,
                   const Point &point);
  Names namesIn(mlir::AffineExpr expr, EinsumInterface einsum);
  /// True if `expr` has a value anywhere for which `is` holds.
  bool reaches(mlir::AffineExpr expr, EinsumInterface einsum,
               const std::function<bool(int64_t)> &is);
  Read read(EinsumInterface einsum, const Access &access, const Point &point);
  /// The ranks of every condition that fails at a point.
  std::set<Names> failuresAt(EinsumInterface einsum, const Point &point);
  std::vector<Scalar> reduce(EinsumInterface einsum, size_t reduction,
                             Point &point);

  CascadeOp cascade;
  const TensorMap &inputs;
  std::map<std::pair<mlir::Operation *, Coordinates>, Element> known;
};

} // namespace

int64_t Judge::evaluate(mlir::AffineExpr expr, EinsumInterface einsum,
                        const Point &point) {
  llvm::SmallVector<mlir::Attribute> operands, results;
  mlir::Builder builder(cascade.getContext());
  for (mlir::StringAttr rank : einsum.getIterationRanks())
    operands.push_back(builder.getIndexAttr(point.at(rank.str())));
  for (mlir::StringAttr param : einsum.getSymbolNames())
    operands.push_back(builder.getIndexAttr(*cascade.getParam(param)));
  auto map = mlir::AffineMap::get(einsum.getIterationRanks().size(),
                                  einsum.getSymbolNames().size(), expr);
  REQUIRE(mlir::succeeded(map.constantFold(operands, results)));
  return mlir::cast<mlir::IntegerAttr>(results[0]).getInt();
}

Judge::Names Judge::namesIn(mlir::AffineExpr expr, EinsumInterface einsum) {
  Names names;
  for (auto [i, rank] : llvm::enumerate(einsum.getIterationRanks()))
    if (expr.isFunctionOfDim(i))
      names.insert(rank.str());
  return names;
}

bool Judge::reaches(mlir::AffineExpr expr, EinsumInterface einsum,
                    const std::function<bool(int64_t)> &is) {
  Point point;
  std::vector<mlir::StringAttr> dims;
  for (mlir::StringAttr rank : einsum.getIterationRanks()) {
    point[rank.str()] = 0;
    if (namesIn(expr, einsum).count(rank.str()))
      dims.push_back(rank);
  }
  std::function<bool(size_t)> search = [&](size_t k) {
    if (k == dims.size())
      return is(evaluate(expr, einsum, point));
    for (int64_t i = 0; i < extentOf(dims[k]); ++i) {
      point[dims[k].str()] = i;
      if (search(k + 1))
        return true;
    }
    return false;
  };
  return search(0);
}

Judge::Read Judge::read(EinsumInterface einsum, const Access &access,
                        const Point &point) {
  mlir::Operation *producer = access.tensor.getDefiningOp();
  auto type = mlir::cast<NamedTensorType>(access.tensor.getType());
  auto definition = mlir::dyn_cast<EinsumInterface>(producer);
  bool hasInitial = definition && !definition.getInitialValues().empty();
  Read result{Scalar::ofReal(0), {}};
  Coordinates at;
  bool readsInitial = false;
  Names steps; // ranks of the indices that somewhere lead to the initial value
  std::vector<Names> names;
  for (auto [expr, rank] :
       llvm::zip(access.map.getResults(), type.getRanks())) {
    int64_t index = evaluate(expr, einsum, point), extent = extentOf(rank);
    names.push_back(namesIn(expr, einsum));
    at.push_back(index);
    // The generator's recurrences step along exactly one rank, by one.
    int64_t step = 0;
    if (hasInitial)
      for (const Access &own : definition.getInputAccesses())
        if (own.tensor.getDefiningOp() == producer)
          step += *getStep(own, rank, definition.getIterationRanks());
    bool leavesBefore =
        (step < 0 && index < 0) || (step > 0 && index >= extent);
    readsInitial |= leavesBefore;
    auto leaves = [&](int64_t i) { return step < 0 ? i < 0 : i >= extent; };
    if (step != 0 && reaches(expr, einsum, leaves))
      steps.insert(names.back().begin(), names.back().end());
    if (!leavesBefore && (index < 0 || index >= extent))
      result.failures.insert(names.back());
  }
  if (!result.failures.empty())
    return result;
  if (readsInitial) {
    result.value =
        getConstant(definition.getInitialValues()[0], *findFloatFormat("f64"));
    return result;
  }
  if (auto input = mlir::dyn_cast<InputOp>(producer)) {
    const interp::Tensor &tensor = inputs.at(input.getTensor().str());
    result.value = tensor.values[tensor.flatten(at)];
    return result;
  }
  const Element &element = get(producer, at);
  for (const Names &failure : element.failures) {
    Names mentioned;
    for (auto [i, rank] : llvm::enumerate(type.getRanks()))
      if (failure.count(rank.str()))
        mentioned.insert(names[i].begin(), names[i].end());
    // Whether the initial value is read instead is part of the condition.
    mentioned.insert(steps.begin(), steps.end());
    result.failures.insert(mentioned);
  }
  if (element.failures.empty())
    result.value = element.values[mlir::cast<mlir::OpResult>(access.tensor)
                                      .getResultNumber()];
  return result;
}

std::set<Judge::Names> Judge::failuresAt(EinsumInterface einsum,
                                         const Point &point) {
  std::set<Names> failures;
  if (auto filter = einsum.getFilterSet())
    for (auto [expr, isEq] :
         llvm::zip(filter->getConstraints(), filter->getEqFlags())) {
      int64_t value = evaluate(expr, einsum, point);
      if (isEq ? value != 0 : value < 0)
        failures.insert(namesIn(expr, einsum));
    }
  for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>()) {
    int64_t whole = 0;
    Names names;
    for (auto part : split.getParts().getAsRange<mlir::StringAttr>()) {
      auto it = point.find(part.str());
      if (it == point.end())
        break;
      whole = whole * extentOf(part) + it->second;
      names.insert(part.str());
    }
    if (names.size() == split.getParts().size() &&
        whole >= *cascade.findRank(split.getRank()).getBoundExtent())
      failures.insert(names);
  }
  for (const Access &access : einsum.getInputAccesses()) {
    Read value = read(einsum, access, point);
    failures.insert(value.failures.begin(), value.failures.end());
  }
  return failures;
}

std::vector<Scalar> Judge::reduce(EinsumInterface einsum, size_t number,
                                  Point &point) {
  auto reductions = einsum.getReductionList();
  if (number == reductions.size()) {
    auto program =
        ScalarProgram::compile(einsum.getMapRegion(), Arithmetic::reference());
    std::vector<Scalar> registers = program->makeRegisters();
    size_t next = 0;
    for (const Access &access : einsum.getInputAccesses())
      registers[next++] = read(einsum, access, point).value;
    for (mlir::StringAttr rank : program->getIndexRanks())
      registers[next++].integer = point.at(rank.str());
    REQUIRE(program->run(registers.data()) == nullptr);
    std::vector<Scalar> values;
    for (unsigned i = 0; i < program->getNumResults(); ++i)
      values.push_back(program->getResult(registers.data(), i));
    return values;
  }
  const Reduction &reduction = reductions[number];
  std::vector<const NumberFormat *> formats(einsum->getNumResults(),
                                            findFloatFormat("f64"));
  auto monoid = Monoid::create(reduction, formats, Arithmetic::reference(),
                               einsum->getLoc());
  std::vector<Scalar> total(monoid->getIdentity().begin(),
                            monoid->getIdentity().end());
  // A rank that shares its monoid with the next shares the accumulator: it is
  // the next one that skips points.
  bool sharesNext = number + 1 < reductions.size() &&
                    reductions[number + 1].monoid == reduction.monoid;
  Names later;
  for (size_t i = number + 1; i < reductions.size(); ++i)
    later.insert(reductions[i].rank.str());
  for (int64_t i = 0; i < extentOf(reduction.rank); ++i) {
    point[reduction.rank.str()] = i;
    bool excluded = false;
    if (!sharesNext) {
      // Conditions on later ranks wait; the others have this reduction, or one
      // that it shares, as their innermost.
      Point probe = point;
      std::set<Names> always;
      for (const std::string &name : later)
        probe[name] = 0;
      for (const Names &names : failuresAt(einsum, probe)) {
        bool mentionsLater = false;
        for (const std::string &name : names)
          mentionsLater |= later.count(name) != 0;
        excluded |= !mentionsLater;
      }
    }
    if (excluded)
      continue;
    std::vector<Scalar> value = reduce(einsum, number + 1, point);
    monoid->combine(total.data(), value.data());
  }
  point.erase(reduction.rank.str());
  return total;
}

const Element &Judge::get(mlir::Operation *op, const Coordinates &at) {
  auto key = std::pair(op, at);
  if (auto it = known.find(key); it != known.end())
    return it->second;
  auto einsum = mlir::cast<EinsumInterface>(op);
  auto type = mlir::cast<NamedTensorType>(op->getResult(0).getType());
  Point point;
  for (auto [rank, i] : llvm::zip(type.getRanks(), at))
    point[rank.str()] = i;
  Element element;
  Point probe = point;
  Names reduced;
  for (const Reduction &reduction : einsum.getReductionList()) {
    probe[reduction.rank.str()] = 0;
    reduced.insert(reduction.rank.str());
  }
  for (const Names &names : failuresAt(einsum, probe)) {
    bool isKept = true;
    for (const std::string &name : names)
      isKept &= reduced.count(name) == 0;
    if (isKept)
      element.failures.insert(names);
  }
  if (element.failures.empty())
    element.values = reduce(einsum, 0, point);
  return known[key] = element;
}

/// Equal up to the rounding of sums in another order.
static bool isClose(double a, double b, double magnitude) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  if (a == b)
    return true;
  return std::fabs(a - b) <= 1e-9 * magnitude;
}

/// The first element on which the two do not agree; empty if there is none.
static std::string findDifference(Text &text, const TensorMap &inputs) {
  auto result = interpret(text.cascade(), inputs);
  if (mlir::failed(result))
    return "refused: " + text.errors;
  Judge judge(text.cascade(), inputs);
  for (mlir::Operation &op : *text.cascade().getBodyBlock()) {
    if (!mlir::isa<EinsumInterface>(op))
      continue;
    const interp::Tensor &tensor = result->get(op.getResult(0));
    double magnitude = 1;
    for (uint64_t i = 0; i < tensor.size(); ++i)
      if (tensor.isPresent(i) && std::isfinite(tensor.toDouble(i)))
        magnitude = std::max(magnitude, std::fabs(tensor.toDouble(i)));
    for (uint64_t i = 0; i < tensor.size(); ++i) {
      auto at = tensor.unflatten(i);
      const Element &element =
          judge.get(&op, Coordinates(at.begin(), at.end()));
      bool isPresent = element.failures.empty();
      if (isPresent == tensor.isPresent(i) &&
          (!isPresent ||
           isClose(tensor.toDouble(i), element.values[0].real, magnitude)))
        continue;
      return tensor.name + printPoint(tensor.ranks, at) + " is " +
             (tensor.isPresent(i) ? std::to_string(tensor.toDouble(i))
                                  : "absent") +
             ", but the judge has " +
             (isPresent ? std::to_string(element.values[0].real) : "none");
    }
  }
  return "";
}

TEST_CASE("random cascades have the values of their definition",
          "[interpreter]") {
  unsigned absent = 0, iterative = 0, split = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::string source = RandomCascade(seed).make();
    Text text(source);
    INFO("seed " << seed << "\n" << source << text.errors);
    REQUIRE(text.cascade());
    TensorMap inputs;
    for (InputOp input : text.cascade().getBodyBlock()->getOps<InputOp>()) {
      auto tensor = makeTensor(text.cascade(), input.getResult(),
                               input.getTensor(), *findFloatFormat("f64"));
      fillWithSamples(*tensor, Sampling(), seed);
      inputs[tensor->name] = *tensor;
    }
    REQUIRE(findDifference(text, inputs) == "");
    absent += source.find("where") != std::string::npos;
    iterative += source.find("init") != std::string::npos;
    split += source.find("split") != std::string::npos;
  }
  // The generator makes what it says.
  CHECK(absent > 100);
  CHECK(iterative > 100);
  CHECK(split > 50);
}
