//===- ShiftInvariance.cpp - Does a cascade depend on a tensor? -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ShiftInvariance.h"

#include "lib/Transforms/Inlining.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

/// How a value depends on d.
struct Shape {
  enum class Kind {
    Independent,
    Weighted, ///< V * e^(amount * d)
    Offset,   ///< V + amount * d
    Unknown
  };
  Kind kind = Kind::Independent;
  double amount = 0;
  Indices at; ///< the element of d
  /// 0 has every weight, and an infinity every offset.
  bool isZero = false, isInfinite = false;

  bool isIndependent() const { return kind == Kind::Independent; }
  static Shape unknown() { return {Kind::Unknown, 0, {}, false, false}; }
  static Shape make(Kind kind, double amount, const Indices &at) {
    if (amount == 0)
      return {};
    return {kind, amount, at, false, false};
  }
  bool hasSame(const Shape &other) const {
    return kind == other.kind && amount == other.amount && at == other.at;
  }
};

using Kind = Shape::Kind;

class Analysis {
public:
  Analysis(CascadeEditor &editor, Value d) : editor(editor), d(d) {}

  ShiftDependence run() {
    for (Operation *op : listProducersFirst(editor.getCascade()))
      visit(op);
    for (OutputOp output :
         editor.getCascade().getBodyBlock()->getOps<OutputOp>())
      for (Value tensor : output.getTensors()) {
        auto it = shapes.find(tensor);
        if (tensor == d)
          return {"it is an output", output};
        if (it != shapes.end() && !it->second.isIndependent())
          return {"output '" + getTensorName(tensor).str() +
                      "' depends on its value",
                  firstUnknown ? firstUnknown : tensor.getDefiningOp()};
      }
    return {};
  }

private:
  void visit(Operation *op) {
    auto einsum = cast<EinsumInterface>(op);
    if (op == d.getDefiningOp())
      return;
    Statement statement = editor.read(einsum);
    known.clear();
    bool depends = false;
    for (auto [value, result] : llvm::zip(statement.values, op->getResults())) {
      Shape shape = shapeOf(value);
      if (shape.kind == Kind::Unknown && !firstUnknown)
        firstUnknown = op;
      // What is read of a tensor is in terms of its own ranks.
      shapes[result] = shape;
      depends |= !shape.isIndependent();
    }
    if (!depends)
      return;
    // A recurrence would have to keep its shape from step to step.
    bool isRecurrence =
        llvm::is_contained(op->getUsers(), op) || !statement.init.empty();
    for (Value result : op->getResults()) {
      Shape &shape = shapes[result];
      if (isRecurrence)
        shape = Shape::unknown();
      for (ReductionAttr reduction : statement.reductions)
        shape =
            reduced(shape, reduction,
                    statement.values.size() > 1 && result != op->getResult(0));
      if (shape.kind == Kind::Unknown && !firstUnknown)
        firstUnknown = op;
    }
    // The index of an extremum does not move when all candidates move alike.
    if (!statement.reductions.empty() && op->getNumResults() == 2 &&
        isArg(statement) && shapes[op->getResult(0)].kind != Kind::Unknown)
      shapes[op->getResult(1)] = {};
  }

  static bool isArg(const Statement &statement) {
    return llvm::all_of(statement.reductions, [](ReductionAttr reduction) {
      return reduction.getMonoid().getValue() == "argmax" ||
             reduction.getMonoid().getValue() == "argmin";
    });
  }

  Shape reduced(const Shape &shape, ReductionAttr reduction, bool isCompanion) {
    if (shape.isIndependent())
      return shape;
    // Different elements of d would come together.
    RankSet ranks;
    for (AffineExpr index : shape.at)
      collectRanks(editor, index, ranks);
    if (ranks.contains(reduction.getRank()))
      return Shape::unknown();
    StringRef monoid = reduction.getMonoid().getValue();
    bool selects = monoid == "max" || monoid == "min" ||
                   ((monoid == "argmax" || monoid == "argmin") && !isCompanion);
    if (selects || (monoid == "add" && shape.kind == Kind::Weighted))
      return shape;
    return Shape::unknown();
  }

  Shape shapeOf(Expr expr) {
    auto it = known.find(expr);
    if (it != known.end())
      return it->second;
    Shape shape = compute(expr);
    known[expr] = shape;
    return shape;
  }

  Shape compute(Expr expr) {
    switch (expr->kind) {
    case ExprNode::Kind::constant: {
      Shape shape;
      std::optional<double> number = getNumber(expr);
      shape.isZero = number && *number == 0;
      shape.isInfinite = number && std::isinf(*number);
      return shape;
    }
    case ExprNode::Kind::read:
      return shapeOfRead(expr);
    case ExprNode::Kind::op:
      return shapeOfOp(expr);
    default:
      return {};
    }
  }

  Shape shapeOfRead(Expr read) {
    if (read->tensor == d)
      return Shape::make(Kind::Offset, 1, read->indices);
    auto it = shapes.find(read->tensor);
    if (it == shapes.end()) // an input, or a tensor of the same recurrence
      return {};
    Shape shape = it->second;
    RankMap map;
    auto type = cast<NamedTensorType>(read->tensor.getType());
    for (auto [rank, index] : llvm::zip(type.getRanks(), read->indices))
      map[rank] = index;
    llvm::DenseMap<AffineExpr, AffineExpr> replacements;
    for (auto [rank, index] : map)
      replacements[editor.rank(rank)] = index;
    for (AffineExpr &index : shape.at)
      index = index.replace(replacements);
    return shape;
  }

  /// Both sides of a sum, a choice or an extremum.
  static Shape common(const Shape &a, const Shape &b) {
    if (a.isIndependent() && b.isIndependent())
      return {};
    for (const auto &[shape, other] : {std::pair(a, b), std::pair(b, a)}) {
      if (other.isZero && shape.kind == Kind::Weighted)
        return shape;
      if (other.isInfinite && shape.kind == Kind::Offset)
        return shape;
    }
    return a.hasSame(b) ? a : Shape::unknown();
  }

  static Shape sum(const Shape &a, const Shape &b, double sign) {
    if (a.isZero || b.isZero) // 0 + x
      return a.isZero ? Shape::make(b.kind,
                                    b.kind == Kind::Offset ? sign * b.amount
                                                           : b.amount,
                                    b.at)
                      : a;
    if (a.kind == Kind::Weighted || b.kind == Kind::Weighted)
      return common(a, b);
    if (a.kind == Kind::Unknown || b.kind == Kind::Unknown)
      return Shape::unknown();
    if (a.isInfinite || b.isInfinite)
      return common(a, b);
    if (!a.isIndependent() && !b.isIndependent() && a.at != b.at)
      return Shape::unknown();
    return Shape::make(Kind::Offset, a.amount + sign * b.amount,
                       a.isIndependent() ? b.at : a.at);
  }

  /// a * b^sign.
  static Shape product(const Shape &a, const Shape &b, double sign, Expr aIs,
                       Expr bIs) {
    if (a.kind == Kind::Unknown || b.kind == Kind::Unknown)
      return Shape::unknown();
    if (a.kind == Kind::Offset || b.kind == Kind::Offset) {
      // A constant multiple of an offset.
      std::optional<double> factor =
          getNumber(a.kind == Kind::Offset ? bIs : aIs);
      if (!factor || (a.kind != Kind::Offset && sign < 0) || *factor == 0)
        return Shape::unknown();
      const Shape &offset = a.kind == Kind::Offset ? a : b;
      return Shape::make(Kind::Offset,
                         offset.amount * (sign < 0 ? 1 / *factor : *factor),
                         offset.at);
    }
    if (!a.isIndependent() && !b.isIndependent() && a.at != b.at)
      return Shape::unknown();
    return Shape::make(Kind::Weighted, a.amount + sign * b.amount,
                       a.isIndependent() ? b.at : a.at);
  }

  Shape shapeOfOp(Expr expr) {
    SmallVector<Shape, 3> of;
    bool depends = false;
    for (Expr operand : expr->operands) {
      of.push_back(shapeOf(operand));
      depends |= !of.back().isIndependent();
    }
    if (!depends)
      return {};
    StringRef name = expr->name();
    if (name == "arith.addf" || name == "arith.subf")
      return sum(of[0], of[1], name == "arith.addf" ? 1 : -1);
    if (name == "arith.negf")
      return of[0].kind == Kind::Offset
                 ? Shape::make(Kind::Offset, -of[0].amount, of[0].at)
                 : of[0];
    if (name == "arith.mulf" || name == "arith.divf")
      return product(of[0], of[1], name == "arith.mulf" ? 1 : -1,
                     expr->operands[0], expr->operands[1]);
    if (name == "arith.maximumf" || name == "arith.minimumf" ||
        name == "arith.maxnumf" || name == "arith.minnumf")
      return common(of[0], of[1]);
    if (name == "arith.select" && of[0].isIndependent())
      return common(of[1], of[2]);
    if (name == "arith.cmpf") { // the sign of a weighted value; the order of
                                // equal shapes
      bool withZero = (of[0].isZero && of[1].kind == Kind::Weighted) ||
                      (of[1].isZero && of[0].kind == Kind::Weighted);
      bool withInf = (of[0].isInfinite && of[1].kind == Kind::Offset) ||
                     (of[1].isInfinite && of[0].kind == Kind::Offset);
      bool same = of[0].kind != Kind::Unknown && of[0].hasSame(of[1]);
      return withZero || withInf || same ? Shape() : Shape::unknown();
    }
    if (name == "math.exp" && of[0].kind == Kind::Offset)
      return Shape::make(Kind::Weighted, of[0].amount, of[0].at);
    if (name == "math.log" && of[0].kind == Kind::Weighted)
      return Shape::make(Kind::Offset, of[0].amount, of[0].at);
    if ((name == "math.sqrt" || name == "math.rsqrt") &&
        of[0].kind == Kind::Weighted)
      return Shape::make(Kind::Weighted,
                         of[0].amount * (name == "math.sqrt" ? 0.5 : -0.5),
                         of[0].at);
    if (name == "math.absf" && of[0].kind == Kind::Weighted)
      return of[0];
    if (name == "arith.extf" || name == "arith.truncf")
      return of[0];
    return Shape::unknown();
  }

  CascadeEditor &editor;
  Value d;
  llvm::DenseMap<Value, Shape> shapes;
  llvm::DenseMap<Expr, Shape> known;
  Operation *firstUnknown = nullptr;
};

} // namespace

ShiftDependence einsum::findShiftDependence(CascadeEditor &editor, Value d) {
  return Analysis(editor, d).run();
}
