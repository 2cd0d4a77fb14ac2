//===- Evaluate.cpp - Refute by numbers -----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Evaluate.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

namespace {
using Function = double (*)(const double *);
}

static const llvm::StringMap<Function> &getFunctions() {
  static const llvm::StringMap<Function> functions = {
      {"arith.addf", [](const double *v) { return v[0] + v[1]; }},
      {"arith.subf", [](const double *v) { return v[0] - v[1]; }},
      {"arith.mulf", [](const double *v) { return v[0] * v[1]; }},
      {"arith.divf", [](const double *v) { return v[0] / v[1]; }},
      {"arith.negf", [](const double *v) { return -v[0]; }},
      {"arith.maximumf", [](const double *v) { return std::fmax(v[0], v[1]); }},
      {"arith.minimumf", [](const double *v) { return std::fmin(v[0], v[1]); }},
      {"arith.select", [](const double *v) { return v[0] != 0 ? v[1] : v[2]; }},
      {"arith.extf", [](const double *v) { return v[0]; }},
      {"arith.sitofp", [](const double *v) { return v[0]; }},
      {"arith.uitofp", [](const double *v) { return v[0]; }},
      {"arith.index_cast", [](const double *v) { return v[0]; }},
      {"arith.addi", [](const double *v) { return v[0] + v[1]; }},
      {"arith.subi", [](const double *v) { return v[0] - v[1]; }},
      {"arith.muli", [](const double *v) { return v[0] * v[1]; }},
      // Three digits, so that what a cast loses shows.
      {"arith.truncf", [](const double *v) { return std::nearbyint(v[0] * 8) / 8; }},
      {"arith.fptosi", [](const double *v) { return std::trunc(v[0]); }},
      {"math.exp", [](const double *v) { return std::exp(v[0]); }},
      {"math.exp2", [](const double *v) { return std::exp2(v[0]); }},
      {"math.log", [](const double *v) { return std::log(v[0]); }},
      {"math.log2", [](const double *v) { return std::log2(v[0]); }},
      {"math.sqrt", [](const double *v) { return std::sqrt(v[0]); }},
      {"math.rsqrt", [](const double *v) { return 1 / std::sqrt(v[0]); }},
      {"math.absf", [](const double *v) { return std::fabs(v[0]); }},
      {"math.tanh", [](const double *v) { return std::tanh(v[0]); }},
      {"math.erf", [](const double *v) { return std::erf(v[0]); }},
      {"math.sin", [](const double *v) { return std::sin(v[0]); }},
      {"math.cos", [](const double *v) { return std::cos(v[0]); }},
      {"math.floor", [](const double *v) { return std::floor(v[0]); }},
      {"math.ceil", [](const double *v) { return std::ceil(v[0]); }},
      {"math.roundeven", [](const double *v) { return std::nearbyint(v[0]); }},
      {"math.powf", [](const double *v) { return std::pow(v[0], v[1]); }},
      {"einsum.sigmoid", [](const double *v) { return 1 / (1 + std::exp(-v[0])); }},
  };
  return functions;
}

static std::optional<double> compare(Expr expr, double a, double b) {
  auto predicate = cast<IntegerAttr>(expr->attributes.get("predicate")).getInt();
  StringRef name =
      expr->isOp("arith.cmpf")
          ? arith::stringifyCmpFPredicate(static_cast<arith::CmpFPredicate>(predicate))
          : arith::stringifyCmpIPredicate(static_cast<arith::CmpIPredicate>(predicate));
  name = name.take_back(2);
  if (name == "eq")
    return a == b;
  if (name == "ne")
    return a != b;
  if (name == "lt")
    return a < b;
  if (name == "le")
    return a <= b;
  if (name == "gt")
    return a > b;
  return name == "ge" ? std::optional<double>(a >= b) : std::nullopt;
}

static std::optional<double> evaluateOnce(Expr expr, Assignment &known) {
  if (auto it = known.find(expr); it != known.end())
    return it->second;
  std::optional<double> result = getNumber(expr);
  if (expr->kind == ExprNode::Kind::op) {
    SmallVector<double, 3> values;
    for (Expr operand : expr->operands) {
      std::optional<double> value = evaluateOnce(operand, known);
      if (!value)
        return std::nullopt;
      values.push_back(*value);
    }
    if (expr->isOp("arith.cmpf") || expr->isOp("arith.cmpi"))
      result = compare(expr, values[0], values[1]);
    else if (auto it = getFunctions().find(expr->name()); it != getFunctions().end())
      result = it->second(values.data());
  }
  if (result)
    known[expr] = *result;
  return result;
}

std::optional<double> algebra::evaluate(Expr expr, const Assignment &leaves) {
  Assignment known = leaves;
  return evaluateOnce(expr, known);
}

//===----------------------------------------------------------------------===//
// Certificates
//===----------------------------------------------------------------------===//

static bool isCoordinate(Expr leaf);

namespace {

class Refutation {
public:
  Refutation(Expr f, const Variables &variables, StringRef monoid,
             llvm::function_ref<std::string(Expr)> nameOf)
      : f(f), variables(variables), monoid(monoid), nameOf(nameOf) {}

  std::string run();

private:
  double draw(double low, double high) {
    // The grid makes plateaus and ties likely, and certificates readable.
    std::uniform_int_distribution<int> steps(0, static_cast<int>((high - low) * 4));
    return low + steps(random) / 4.0;
  }
  Assignment drawFrame();
  void drawX(Assignment &at) {
    for (Expr x : variables.x)
      at[x] = isCoordinate(x) ? static_cast<double>(random() % 8) : draw(-4, 4);
  }
  std::optional<double> value(const Assignment &at) {
    std::optional<double> v = evaluate(f, at);
    return v && std::isfinite(*v) ? v : std::nullopt;
  }
  bool solve(Assignment &at, double target);
  bool solveAlong(Assignment &at, Expr x, double target);
  std::string tryCollision();
  std::string trySum();
  std::string tryOrder();
  Assignment reframe(const Assignment &at, const Assignment &frame) {
    Assignment moved = at;
    for (Expr d : variables.d)
      moved[d] = frame.lookup(d);
    return moved;
  }
  std::string show(ArrayRef<Expr> leaves, const Assignment &at);

  Expr f;
  const Variables &variables;
  StringRef monoid;
  llvm::function_ref<std::string(Expr)> nameOf;
  std::mt19937 random{20240901};
};

} // namespace

static bool isCoordinate(Expr leaf) { return leaf->kind == ExprNode::Kind::index; }

static bool isClose(double a, double b, double tolerance) {
  return std::fabs(a - b) <= tolerance * (1 + std::fmax(std::fabs(a), std::fabs(b)));
}

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.6g", value);
  return text;
}

std::string Refutation::show(ArrayRef<Expr> leaves, const Assignment &at) {
  std::string text;
  for (Expr leaf : leaves)
    text += (text.empty() ? "" : ", ") + nameOf(leaf) + " = " + number(at.lookup(leaf));
  return text;
}

Assignment Refutation::drawFrame() {
  Assignment at;
  for (Expr d : variables.d)
    at[d] = draw(0.5, 3);
  for (Expr n : variables.neutral)
    at[n] = draw(0.5, 2);
  return at;
}

/// Moves `x` until F is `target`, if that is possible within some range.
bool Refutation::solveAlong(Assignment &at, Expr x, double target) {
  if (isCoordinate(x))
    return false;
  double start = at[x], lastX = 0;
  std::optional<double> last;
  auto distance = [&](double where) -> std::optional<double> {
    at[x] = where;
    std::optional<double> v = value(at);
    return v ? std::optional(*v - target) : std::nullopt;
  };
  for (double where = -8; where <= 8; where += 0.25) {
    std::optional<double> here = distance(where);
    if (here && where != start && std::fabs(*here) <= 1e-12 * (1 + std::fabs(target)))
      return true;
    if (here && last && (*here < 0) != (*last < 0)) {
      double low = lastX, high = where;
      for (int i = 0; i < 80; ++i) {
        double middle = (low + high) / 2;
        std::optional<double> m = distance(middle);
        if (!m)
          break;
        ((*m < 0) == (*last < 0) ? low : high) = middle;
      }
      std::optional<double> found = distance(low);
      if (found && std::fabs(*found) <= 1e-10 * (1 + std::fabs(target)))
        return true;
    }
    last = here;
    lastX = where;
  }
  at[x] = start;
  return false;
}

bool Refutation::solve(Assignment &at, double target) {
  for (Expr x : variables.x)
    if (solveAlong(at, x, target))
      return true;
  return false;
}

std::string Refutation::tryCollision() {
  Assignment a = drawFrame(), frame = drawFrame();
  drawX(a);
  std::optional<double> fa = value(a);
  Assignment b = a;
  drawX(b);
  if (!fa || (value(b) != fa && !solve(b, *fa)))
    return {};
  std::optional<double> fb = value(b);
  std::optional<double> ga = value(reframe(a, frame)), gb = value(reframe(b, frame));
  if (!fb || !ga || !gb || isClose(*ga, *gb, 1e-5))
    return {};
  return show(variables.x, a) + " and " + show(variables.x, b) + " give the same value " +
         number(*fa) + " under " + show(variables.d, a) + ", but " + number(*ga) + " and " +
         number(*gb) + " under " + show(variables.d, frame);
}

std::string Refutation::trySum() {
  Assignment a = drawFrame(), frame = drawFrame();
  Assignment b = a, c = a;
  drawX(a);
  drawX(b);
  drawX(c);
  std::optional<double> fa = value(a), fb = value(b);
  if (!fa || !fb || !solve(c, *fa + *fb))
    return {};
  std::optional<double> ga = value(reframe(a, frame)), gb = value(reframe(b, frame)),
                        gc = value(reframe(c, frame));
  if (!ga || !gb || !gc || isClose(*ga + *gb, *gc, 1e-5))
    return {};
  return "the values at " + show(variables.x, a) + " and " + show(variables.x, b) +
         " add up to that at " + show(variables.x, c) + " under " + show(variables.d, a) +
         ", but not under " + show(variables.d, frame);
}

std::string Refutation::tryOrder() {
  Assignment a = drawFrame(), frame = drawFrame();
  // Signs of statistics and scales are unknown where order is concerned.
  for (Expr d : variables.d)
    frame[d] = draw(-3, 3);
  Assignment b = a;
  drawX(a);
  drawX(b);
  std::optional<double> fa = value(a), fb = value(b), ga = value(reframe(a, frame)),
                        gb = value(reframe(b, frame));
  if (!fa || !fb || !ga || !gb || isClose(*fa, *fb, 1e-9) || isClose(*ga, *gb, 1e-9) ||
      (*fa < *fb) == (*ga < *gb))
    return {};
  return "the order of the values at " + show(variables.x, a) + " and " +
         show(variables.x, b) + " turns when " + show(variables.d, a) + " becomes " +
         show(variables.d, frame);
}

std::string Refutation::run() {
  if (variables.x.empty() || variables.d.empty())
    return {};
  bool isOrder = monoid == "max" || monoid == "min" || monoid == "argmax" || monoid == "argmin";
  for (int i = 0; i < 200; ++i)
    if (std::string found = isOrder ? tryOrder() : tryCollision(); !found.empty())
      return found;
  for (int i = 0; monoid == "add" && i < 100; ++i)
    if (std::string found = trySum(); !found.empty())
      return found;
  return {};
}

std::string algebra::findCertificate(Expr f, const Variables &variables, StringRef monoid,
                                     llvm::function_ref<std::string(Expr)> nameOf) {
  return Refutation(f, variables, monoid, nameOf).run();
}
