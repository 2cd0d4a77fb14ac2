//===- ReducePassesTest.cpp - Shapes, numerics and mutations --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ReducePasses.h"

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Transforms/Algebra/TransportLaws.h"
#include "lib/Transforms/EinsumBuilder.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

class Cascade {
public:
  explicit Cascade(std::unique_ptr<llvm::MemoryBuffer> buffer) {
    context
        .loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
  }
  static Cascade file(const std::string &path) {
    return Cascade(
        std::move(*llvm::MemoryBuffer::getFile(EINSUM_SOURCE_DIR "/" + path)));
  }
  static Cascade text(const std::string &text) {
    return Cascade(llvm::MemoryBuffer::getMemBufferCopy(text));
  }

  Derivation reduce(const RewriteOptions &options = {}) {
    REQUIRE(succeeded(checkOptions(cascade, options)));
    Derivation derivation;
    reducePasses(cascade, options, derivation);
    REQUIRE(succeeded(verify(*module)));
    return derivation;
  }
  ComputeOp find(StringRef tensor) {
    for (auto op : cascade.getBodyBlock()->getOps<ComputeOp>())
      if (op.getTensorNames()[0].getValue() == tensor)
        return op;
    return {};
  }
  size_t size() {
    return llvm::range_size(cascade.getBodyBlock()->getOps<ComputeOp>());
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  CascadeOp cascade;
};

using Fill = std::function<double(StringRef input, size_t i)>;

} // namespace

static std::vector<double> run(Cascade &cascade, const Fill &fill,
                               const char *format = "f64") {
  interp::TensorMap inputs;
  for (InputOp input : cascade.cascade.getBodyBlock()->getOps<InputOp>()) {
    auto tensor =
        interp::makeTensor(cascade.cascade, input.getResult(),
                           input.getTensor(), *interp::findFloatFormat("f64"));
    for (size_t i = 0; i < tensor->size(); ++i)
      tensor->values[i].real = fill(input.getTensor(), i);
    inputs[input.getTensor().str()] = *tensor;
  }
  interp::InterpretOptions options;
  options.arithmetic =
      interp::Arithmetic::allIn(*interp::findFloatFormat(format));
  auto result = interp::interpret(cascade.cascade, inputs, options);
  REQUIRE(succeeded(result));
  std::vector<double> values;
  for (OutputOp output : cascade.cascade.getBodyBlock()->getOps<OutputOp>())
    for (Value tensor : output.getTensors()) {
      const interp::Tensor &t = result->get(tensor);
      for (size_t i = 0; i < t.size(); ++i)
        values.push_back(t.isPresent(i) ? t.toDouble(i) : 0);
    }
  return values;
}

static double largestError(const std::vector<double> &a,
                           const std::vector<double> &b) {
  REQUIRE(a.size() == b.size());
  double error = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || a[i] == b[i])
      continue;
    double difference =
        std::fabs(a[i] - b[i]) / std::fmax(1e-3, std::fabs(a[i]));
    error = std::isnan(difference) ? INFINITY : std::fmax(error, difference);
  }
  return error;
}

static Fill random(double scale, unsigned seed = 7) {
  auto engine = std::make_shared<std::mt19937>(seed);
  return [=](StringRef, size_t) {
    return std::uniform_real_distribution<double>(-scale, scale)(*engine);
  };
}

//===----------------------------------------------------------------------===//
// The textbook and the paper
//===----------------------------------------------------------------------===//

namespace {

/// Are two cascades the same up to the names of tensors and the order of ranks?
class Isomorphism {
public:
  Isomorphism(CascadeOp left, CascadeOp right) : left(left), right(right) {}

  bool match(Value a, Value b) {
    auto [it, isNew] = matched.try_emplace(a, b);
    if (!isNew)
      return it->second == b;
    auto x = dyn_cast_or_null<EinsumInterface>(a.getDefiningOp());
    auto y = dyn_cast_or_null<EinsumInterface>(b.getDefiningOp());
    if (!x || !y)
      return !x && !y && getTensorName(a) == getTensorName(b);
    Statement s = left.read(x), t = right.read(y);
    return sorted(s.outputRanks) == sorted(t.outputRanks) &&
           s.reductions == t.reductions && sameInit(s, t) &&
           s.filter.size() == t.filter.size() &&
           match(s.values[0], t.values[0]);
  }
  size_t size() const { return matched.size(); }

private:
  static std::vector<std::string> sorted(ArrayRef<StringAttr> names) {
    std::vector<std::string> result;
    for (StringAttr name : names)
      result.push_back(name.str());
    llvm::sort(result);
    return result;
  }
  static bool sameInit(const Statement &s, const Statement &t) {
    return llvm::equal(s.init, t.init,
                       [](TypedAttr a, TypedAttr b) { return a == b; });
  }
  /// `rank:index` for each index of a read.
  static std::vector<std::string> describe(CascadeEditor &editor, Expr read) {
    std::vector<std::string> result;
    auto ranks = cast<NamedTensorType>(read->tensor.getType()).getRanks();
    for (auto [rank, index] : llvm::zip(ranks, read->indices)) {
      std::string text = rank.str() + ":";
      llvm::raw_string_ostream os(text);
      printNamedExpr(os, index, editor.getRankNames(), editor.getParamNames());
      result.push_back(text);
    }
    llvm::sort(result);
    return result;
  }
  bool match(Expr a, Expr b) {
    if (a->kind != b->kind || a->operands.size() != b->operands.size())
      return false;
    if (a->isRead())
      return describe(left, a) == describe(right, b) &&
             match(a->tensor, b->tensor);
    for (auto [x, y] : llvm::zip(a->operands, b->operands))
      if (!match(x, y))
        return false;
    // Constants and names live in contexts of their own.
    std::string x, y;
    llvm::raw_string_ostream(x) << a->data;
    llvm::raw_string_ostream(y) << b->data;
    return x == y;
  }

  CascadeEditor left, right;
  llvm::DenseMap<Value, Value> matched;
};

} // namespace

static Value outputOf(CascadeOp cascade) {
  return (*cascade.getBodyBlock()->getOps<OutputOp>().begin())
      .getTensors()
      .front();
}

TEST_CASE("textbook attention becomes FuseMax's cascade") {
  Cascade derived =
      Cascade::file("examples/01-fusemax-attention/three-pass.ein");
  Derivation derivation = derived.reduce();
  CHECK(derived.size() == 12);
  REQUIRE(derivation.ranks.size() == 1);
  CHECK(derivation.ranks[0].before == 3);
  CHECK(derivation.ranks[0].after == 1);
  CHECK(derivation.refusals.empty());

  // One context for both, so that attributes can be compared.
  Cascade published =
      Cascade::file("examples/01-fusemax-attention/one-pass.ein");
  std::string text;
  llvm::raw_string_ostream os(text);
  REQUIRE(succeeded(frontend::printCascadeSource(derived.cascade, os)));
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text),
                             llvm::SMLoc());
  auto again = frontend::parseCascadeSource(sources, &published.context);
  REQUIRE(again);
  CascadeOp first = *again->getOps<CascadeOp>().begin();
  Isomorphism isomorphism(first, published.cascade);
  CHECK(isomorphism.match(outputOf(first), outputOf(published.cascade)));
  CHECK(isomorphism.size() == 12 + 3); // every Einsum and every input

  // Operators per point are those of the paper's table.
  auto facts = computeCascadeFacts(derived.cascade);
  auto paper = computeCascadeFacts(published.cascade);
  REQUIRE(succeeded(facts));
  REQUIRE(succeeded(paper));
  std::multimap<uint64_t, std::map<std::string, uint64_t>> left, right;
  for (const EinsumFact &einsum : facts->einsums)
    left.insert({einsum.points, einsum.operators});
  for (const EinsumFact &einsum : paper->einsums)
    right.insert({einsum.points, einsum.operators});
  auto sortedPairs = [](const auto &map) {
    std::vector<std::pair<uint64_t, std::map<std::string, uint64_t>>> pairs(
        map.begin(), map.end());
    llvm::sort(pairs);
    return pairs;
  };
  CHECK(sortedPairs(left) == sortedPairs(right));
}

TEST_CASE("a second reduction of passes finds nothing to do") {
  for (const char *path :
       {"attention", "softmax", "layernorm-gemm", "attention-window"}) {
    Cascade cascade = Cascade::file(
        std::string("test/semantics/reduce-passes/") + path + ".ein");
    cascade.reduce();
    size_t before = cascade.size();
    Derivation again = cascade.reduce();
    INFO(path);
    CHECK(again.steps.empty());
    CHECK(cascade.size() == before);
  }
}

//===----------------------------------------------------------------------===//
// Numerics
//===----------------------------------------------------------------------===//

TEST_CASE("moments stay accurate far from zero") {
  Cascade before = Cascade::text(R"(cascade variance(M=1000, P=1) : f64
  input X[p,m]
  S[p] = X[p,m]
  MU[p] = S[p] / M
  V[p] = (X[p,m] - MU[p]) * (X[p,m] - MU[p])
  output V
)");
  Cascade raw = Cascade::text(R"(cascade variance(M=1000, P=1) : f64
  input X[p,m]
  S[p] = X[p,m]
  Q[p] = X[p,m] * X[p,m]
  V[p] = Q[p] - S[p] * S[p] / M
  output V
)");
  Fill far = [](StringRef, size_t i) {
    return 1e8 + std::sin(static_cast<double>(i));
  };
  std::vector<double> wanted = run(before, far);
  for (const char *tile : {"none", "1", "7", "256", "4096"}) {
    Cascade after = Cascade::text(R"(cascade variance(M=1000, P=1) : f64
  input X[p,m]
  S[p] = X[p,m]
  MU[p] = S[p] / M
  V[p] = (X[p,m] - MU[p]) * (X[p,m] - MU[p])
  output V
)");
    RewriteOptions options;
    options.tile = tile;
    CHECK(!after.reduce(options).steps.empty());
    INFO(tile);
    CHECK(largestError(wanted, run(after, far)) < 1e-6);
  }
  CHECK(largestError(wanted, run(raw, far)) > 1e-3); // what is never introduced
}

TEST_CASE("logits of 1e4 overflow nothing, in f16 either") {
  Cascade before =
      Cascade::file("test/semantics/reduce-passes/softmax-gemm.ein");
  Cascade after =
      Cascade::file("test/semantics/reduce-passes/softmax-gemm.ein");
  RewriteOptions options;
  options.tile = "3";
  after.reduce(options);
  Fill logits = [](StringRef input, size_t i) {
    return input == "X" ? (i % 2 ? 1e4 : -1e4) + static_cast<double>(i)
                        : 0.25 * (i % 5);
  };
  for (const char *format : {"f64", "f32", "f16"}) {
    std::vector<double> wanted = run(before, logits, format),
                        found = run(after, logits, format);
    INFO(format);
    for (double value : found)
      CHECK(std::isfinite(value));
    CHECK(largestError(wanted, found) <
          (std::string(format) == "f16" ? 2e-2 : 1e-5));
  }
}

TEST_CASE("fully masked rows give 0") {
  for (const char *name : {"attention-empty-rows", "attention-select-mask"}) {
    std::string path =
        std::string("test/semantics/reduce-passes/") + name + ".ein";
    Cascade cascade = Cascade::file(path);
    RewriteOptions options;
    options.tile = "2";
    cascade.reduce(options);
    for (double value : run(cascade, random(3)))
      CHECK(std::isfinite(value));
  }
  // Minus infinity that comes with an input needs to be announced.
  Cascade masked =
      Cascade::file("test/semantics/reduce-passes/attention-mask-input.ein");
  RewriteOptions options;
  options.tile = "2";
  options.guard = "always";
  masked.reduce(options);
  std::mt19937 engine(3);
  Fill mask = [&](StringRef input, size_t i) {
    if (input == "MASK") // rows 0 and 1 see nothing, others skip the first tile
      return i % 4 < 2 || i < 8 ? -INFINITY : 0.0;
    return std::uniform_real_distribution<double>(-1, 1)(engine);
  };
  std::vector<double> values = run(masked, mask);
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(std::isfinite(values[i]));
    CHECK((values[i] == 0) == (i < 6));
  }
}

//===----------------------------------------------------------------------===//
// Mutations: what would be wrong must show
//===----------------------------------------------------------------------===//

/// Replaces the map of one derived Einsum and compares with the original.
static double errorAfter(const std::string &path, StringRef tensor,
                         llvm::function_ref<Expr(ExprContext &, Expr)> mutate,
                         double scale) {
  Cascade before = Cascade::file(path), after = Cascade::file(path);
  RewriteOptions options;
  options.tile = "2";
  after.reduce(options);
  CascadeEditor editor(after.cascade);
  ComputeOp op = after.find(tensor);
  REQUIRE(op);
  Statement statement = editor.read(cast<EinsumInterface>(op.getOperation()));
  Expr mutated = mutate(editor.getExprs(), statement.values[0]);
  bool isChanged = mutated != statement.values[0];
  statement.values[0] = mutated;
  editor.replace(op, statement);
  REQUIRE(succeeded(verify(*after.module)));
  double error = 0;
  for (unsigned seed = 1; seed <= 5; ++seed)
    error = std::fmax(error, largestError(run(before, random(scale, seed)),
                                          run(after, random(scale, seed))));
  if (!isChanged)
    CHECK(error < 1e-9); // the judge itself
  return error;
}

TEST_CASE("mutated derivations are caught") {
  std::string attention = "test/semantics/reduce-passes/attention.ein";
  std::string window = "test/semantics/reduce-passes/attention-window.ein";
  std::string empty = "test/semantics/reduce-passes/attention-empty-rows.ein";
  std::string layernorm = "test/semantics/reduce-passes/variance.ein";
  auto same = [](ExprContext &, Expr e) { return e; };
  auto one = [](ExprContext &exprs, Expr e) {
    return exprs.number(1, e->type);
  };
  auto swapOperands = [](ExprContext &exprs, Expr e) {
    Expr inner = e->operands[0];
    Expr swapped = exprs.op(
        inner->name(), {inner->operands[1], inner->operands[0]}, inner->type);
    return exprs.op(e->name(), {swapped}, e->type);
  };
  auto unguarded = [](ExprContext &, Expr e) { return e->operands[2]; };
  auto withoutFirst = [](ExprContext &, Expr e) { return e->operands[1]; };

  CHECK(errorAfter(attention, "CGM", same, 2) < 1e-9);
  // Drop the correction; swap the old and the new maximum.
  CHECK(errorAfter(attention, "CGM", one, 2) > 1e-3);
  CHECK(errorAfter(attention, "CGM", swapOperands, 2) > 1e-3);
  // Frames are free as long as the corrections follow them: the maximum of each
  // tile alone serves as well. Forgetting the old sum does not.
  CHECK(errorAfter(attention, "RGM", withoutFirst, 2) < 1e-9);
  CHECK(errorAfter(attention, "RSD", withoutFirst, 2) > 1e-3);
  // Omit the guards.
  CHECK(errorAfter(window, "FGM", same, 2) < 1e-9);
  CHECK(errorAfter(window, "FGM", unguarded, 2) > 1e-3);
  CHECK(errorAfter(empty, "AV", same, 2) < 1e-9);
  CHECK(errorAfter(empty, "AV", unguarded, 2) > 1e-3);
  // Drop the lower powers of a shift.
  auto highestOnly = [](ExprContext &, Expr e) {
    return e->operands[0]->operands[0];
  };
  CHECK(errorAfter(layernorm, "TV", same, 2) < 1e-9);
  CHECK(errorAfter(layernorm, "TV", highestOnly, 2) > 1e-3);
}

//===----------------------------------------------------------------------===//
// Policies and laws
//===----------------------------------------------------------------------===//

TEST_CASE("unsafe rewrites are taken only when asked for") {
  const char *text = R"(cascade c(M=7, P=4) : f64
  input X[p,m]
  S[p] = X[p,m]
  D[p] = exp(X[p,m] - S[p] / M)
  output D
)";
  Cascade safe = Cascade::text(text), reals = Cascade::text(text),
          exact = Cascade::text(text);
  CHECK(safe.reduce().steps.empty());
  RewriteOptions options;
  options.tile = "2";
  options.policy = "reals";
  CHECK(!reals.reduce(options).steps.empty());
  CHECK(largestError(run(safe, random(2)), run(reals, random(2))) < 1e-9);
  options.policy = "bitexact";
  CHECK(exact.reduce(options).steps.empty());
}

TEST_CASE("laws stand where their numbers say") {
  for (const TransportLaw &law : getTransportLaws())
    CHECK(&getLaw(law.id) == &law);
}
