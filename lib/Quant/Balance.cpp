//===- Balance.cpp - Channels scaled so that blocks suit them -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/Balance.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

namespace {

/// A sum of powers of tensors and a number.
struct Linear {
  std::map<std::string, int64_t> of;
  int64_t constant = 0;
  bool isAny = false; ///< of 0 and infinities: scaled they are what they were

  void add(const Linear &other, int64_t sign) {
    for (const auto &[name, count] : other.of)
      of[name] += sign * count;
    constant += sign * other.constant;
  }
};

/// `linear` is 0, or `where` would change.
struct Equation {
  Linear linear;
  std::string where;
};

/// How an operation hands on powers of its operands.
enum class Homogeneity { product, quotient, same, choice, comparison, none };

class Equations {
public:
  explicit Equations(const RankSet &moved) : moved(moved) {}

  bool isScalable(Value tensor) const {
    return llvm::any_of(cast<NamedTensorType>(tensor.getType()).getRanks(),
                        [&](StringAttr rank) { return moved.contains(rank); });
  }
  void fix(StringRef tensor, int64_t power) {
    Linear linear;
    linear.of[tensor.str()] = 1;
    linear.constant = -power;
    equations.push_back({std::move(linear), tensor.str()});
  }
  std::string addStatement(const Statement &statement);
  /// Names in the order in which they are 0 unless told otherwise.
  std::variant<ScalePowers, std::string>
  solve(ArrayRef<std::string> names) const;

private:
  Linear visit(Expr expr);
  Linear visitOp(Expr expr);
  void equate(const Linear &a, const Linear &b);
  void require(const Linear &none) { equate(none, Linear()); }

  const RankSet &moved;
  std::vector<Equation> equations;
  std::string where;
};

} // namespace

void Equations::equate(const Linear &a, const Linear &b) {
  if (a.isAny || b.isAny)
    return;
  Linear difference = a;
  difference.add(b, -1);
  equations.push_back({std::move(difference), where});
}

static Homogeneity classify(StringRef op) {
  using H = Homogeneity;
  return llvm::StringSwitch<H>(op)
      .Case("arith.mulf", H::product)
      .Case("arith.divf", H::quotient)
      .Cases("arith.addf", "arith.subf", "arith.negf", "math.absf", H::same)
      .Cases("arith.maximumf", "arith.minimumf", "arith.maxnumf",
             "arith.minnumf", H::same)
      .Cases("arith.extf", "arith.truncf", H::same)
      .Case("arith.select", H::choice)
      .Case("arith.cmpf", H::comparison)
      .Default(H::none);
}

Linear Equations::visitOp(Expr expr) {
  SmallVector<Linear, 3> of;
  for (Expr operand : expr->operands)
    of.push_back(visit(operand));
  Homogeneity kind = classify(expr->name());
  if (kind == Homogeneity::product || kind == Homogeneity::quotient) {
    Linear sum = of[0];
    sum.add(of[1], kind == Homogeneity::product ? 1 : -1);
    sum.isAny |= of[1].isAny;
    return sum;
  }
  if (kind == Homogeneity::none) {
    for (const Linear &operand : of)
      require(operand);
    return {};
  }
  size_t first = kind == Homogeneity::choice ? 1 : 0;
  Linear same = of[first];
  for (const Linear &operand : ArrayRef(of).drop_front(first + 1)) {
    equate(same, operand);
    if (same.isAny)
      same = operand;
  }
  return kind == Homogeneity::comparison ? Linear() : same;
}

static bool staysUnderScaling(std::optional<double> number) {
  return number && (*number == 0 || std::isinf(*number));
}

Linear Equations::visit(Expr expr) {
  Linear linear;
  if (expr->kind == ExprNode::Kind::op)
    return visitOp(expr);
  if (expr->isRead() && isScalable(expr->tensor))
    linear.of[getTensorName(expr->tensor).str()] = 1;
  linear.isAny = expr->kind == ExprNode::Kind::constant &&
                 staysUnderScaling(getNumber(expr));
  return linear;
}

/// Sums and extrema of scaled numbers are scaled.
static bool isHomogeneous(ReductionAttr reduction) {
  StringRef monoid = reduction.getMonoid().getValue();
  return monoid == "add" || monoid == "max" || monoid == "min";
}

std::string Equations::addStatement(const Statement &statement) {
  where = statement.tensors[0].str();
  auto ranks = statement.iterationRanks();
  if (llvm::count_if(ranks, [&](StringAttr r) { return moved.contains(r); }) >
      1)
    return "'" + where + "' has its channels along two ranks";
  bool isKept = llvm::any_of(statement.outputRanks, [&](StringAttr rank) {
    return moved.contains(rank);
  });
  bool isScaled = isKept && llvm::all_of(statement.reductions, isHomogeneous);
  for (auto [name, value] : llvm::zip(statement.tensors, statement.values)) {
    Linear power = visit(value), own;
    if (isKept)
      own.of[name.str()] = 1;
    equate(own, power);
    if (!isScaled)
      require(power);
  }
  for (auto [name, init] : llvm::zip(statement.tensors, statement.init)) {
    auto number = dyn_cast<FloatAttr>(init);
    if (isKept && !(number && staysUnderScaling(number.getValueAsDouble())))
      fix(name.getValue(), 0);
  }
  return {};
}

std::variant<ScalePowers, std::string>
Equations::solve(ArrayRef<std::string> names) const {
  std::map<std::string, int64_t> known;
  auto propagate = [&] {
    for (bool isChanged = true; isChanged;) {
      isChanged = false;
      for (const Equation &equation : equations) {
        std::string unknown;
        int64_t count = 0, coefficient = 0, rest = equation.linear.constant;
        for (const auto &[name, factor] : equation.linear.of) {
          auto found = known.find(name);
          if (found != known.end() || factor == 0) {
            rest += factor ? factor * found->second : 0;
            continue;
          }
          ++count;
          unknown = name;
          coefficient = factor;
        }
        if (count != 1 || rest % coefficient != 0)
          continue;
        known[unknown] = -rest / coefficient;
        isChanged = true;
      }
    }
  };
  propagate();
  for (const std::string &name : names)
    if (known.insert({name, 0}).second)
      propagate();
  for (const Equation &equation : equations) {
    int64_t sum = equation.linear.constant;
    for (const auto &[name, factor] : equation.linear.of)
      sum += factor * known[name];
    if (sum != 0)
      return "scales of channels would not cancel in '" + equation.where + "'";
  }
  ScalePowers powers;
  for (const auto &[name, power] : known) {
    if (power < -1 || power > 1)
      return "'" + name + "' would take a power of the scales of channels";
    if (power != 0)
      powers[name] = static_cast<int>(power);
  }
  return powers;
}

std::variant<ScalePowers, std::string>
quant::findScalePowers(CascadeEditor &editor, ArrayRef<Statement> statements,
                       const RankSet &moved, const Assignment &assignment,
                       ArrayRef<Assignment> assignments) {
  Equations equations(moved);
  std::vector<std::string> prepared, others; // inputs that may take some; rest
  StringRef ours = getTensorName(assignment.tensor);
  equations.fix(ours, 1);
  auto isGranted = [&](StringRef name) {
    return name == ours || llvm::is_contained(assignment.granted, name.str());
  };
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    if (auto output = dyn_cast<OutputOp>(op))
      for (Value tensor : output.getTensors())
        if (StringRef name = getTensorName(tensor);
            equations.isScalable(tensor) && !isGranted(name))
          equations.fix(name, 0);
    if (!isa<InputOp, EinsumInterface>(op))
      continue;
    for (Value result : op.getResults()) {
      std::string name = getTensorName(result).str();
      auto input = dyn_cast<InputOp>(op);
      if (!equations.isScalable(result))
        continue;
      bool isOurs = isGranted(name) ||
                    llvm::any_of(assignments, [&](const Assignment &other) {
                      return other.tensor == result;
                    });
      if (input && !input.getWeight() && !isOurs)
        equations.fix(name, 0);
      (input && !input.getWeight() ? prepared : others).push_back(name);
    }
  }
  for (const Statement &statement : statements)
    if (std::string obstacle = equations.addStatement(statement);
        !obstacle.empty())
      return obstacle;
  llvm::append_range(prepared, others);
  return equations.solve(prepared);
}
