//===- StatementText.cpp - Statements as people write them ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Messages and derivations quote Einsums in the text notation. Types are left
// out: a quote explains, it is not parsed.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {
struct Infix {
  StringRef symbol;
  int strength; ///< binds tighter when larger
};

class TextWriter {
public:
  TextWriter(CascadeEditor &editor, llvm::raw_ostream &os)
      : editor(editor), os(os) {
    names();
  }

  void write(const Statement &statement);
  void write(Expr expr, int outer = 0);

private:
  void names();
  void writeAffine(AffineExpr expr);
  void writeResults(const Statement &statement);
  void writeConstant(Attribute value);

  CascadeEditor &editor;
  llvm::raw_ostream &os;
  SmallVector<StringAttr> ranks, params;
};
} // namespace

void TextWriter::names() {
  for (RankOp rank : editor.getCascade().getBodyBlock()->getOps<RankOp>())
    (void)editor.rank(rank.getSymNameAttr());
  for (auto param :
       editor.getCascade().getParamNames().getAsRange<StringAttr>())
    (void)editor.param(param);
  size_t numRanks = 0, numParams = 0;
  for (RankOp rank : editor.getCascade().getBodyBlock()->getOps<RankOp>())
    numRanks = std::max<size_t>(
        numRanks,
        cast<AffineDimExpr>(editor.rank(rank.getSymNameAttr())).getPosition() +
            1);
  for (auto param :
       editor.getCascade().getParamNames().getAsRange<StringAttr>())
    numParams = std::max<size_t>(
        numParams,
        cast<AffineSymbolExpr>(editor.param(param)).getPosition() + 1);
  for (size_t i = 0; i < numRanks; ++i)
    ranks.push_back(editor.rankAt(i));
  for (size_t i = 0; i < numParams; ++i)
    params.push_back(editor.paramAt(i));
}

void TextWriter::writeAffine(AffineExpr expr) {
  printNamedExpr(os, expr, ranks, params);
}

void TextWriter::writeConstant(Attribute value) {
  auto number = dyn_cast<FloatAttr>(value);
  if (!number) {
    cast<IntegerAttr>(value).getValue().print(os, /*isSigned=*/true);
    return;
  }
  double d = number.getValueAsDouble();
  if (number.getValue().isInfinity())
    os << (d < 0 ? "-inf" : "inf");
  else
    os << llvm::format("%.6g", d);
}

static Infix getInfix(Expr expr) {
  static const Infix sum{"+", 2}, difference{"-", 2}, product{"*", 3},
      quotient{"/", 3};
  return llvm::StringSwitch<Infix>(expr->name())
      .Cases("arith.addf", "arith.addi", sum)
      .Cases("arith.subf", "arith.subi", difference)
      .Cases("arith.mulf", "arith.muli", product)
      .Cases("arith.divf", "arith.divsi", quotient)
      .Default({"", 0});
}

static StringRef getComparison(Expr expr) {
  auto predicate =
      cast<IntegerAttr>(expr->attributes.get("predicate")).getInt();
  StringRef name = expr->isOp("arith.cmpf")
                       ? arith::stringifyCmpFPredicate(
                             static_cast<arith::CmpFPredicate>(predicate))
                       : arith::stringifyCmpIPredicate(
                             static_cast<arith::CmpIPredicate>(predicate));
  return llvm::StringSwitch<StringRef>(name)
      .Cases("oeq", "ueq", "eq", "==")
      .Cases("one", "une", "ne", "!=")
      .Cases("olt", "ult", "slt", "<")
      .Cases("ole", "ule", "sle", "<=")
      .Cases("ogt", "ugt", "sgt", ">")
      .Cases("oge", "uge", "sge", ">=")
      .Default("?");
}

static StringRef getFunctionName(StringRef op) {
  return llvm::StringSwitch<StringRef>(op)
      .Cases("arith.maximumf", "arith.maxsi", "arith.maxnumf", "max")
      .Cases("arith.minimumf", "arith.minsi", "arith.minnumf", "min")
      .Case("arith.select", "select")
      .Cases("math.absf", "math.absi", "abs")
      .Case("math.powf", "pow")
      .Case("math.roundeven", "round")
      .Default(op.substr(op.find('.') + 1));
}

void TextWriter::write(Expr expr, int outer) {
  switch (expr->kind) {
  case ExprNode::Kind::constant:
    return writeConstant(expr->data);
  case ExprNode::Kind::index:
  case ExprNode::Kind::param:
    os << expr->name();
    return;
  case ExprNode::Kind::slot:
    os << "?" << expr->slot;
    return;
  case ExprNode::Kind::read:
    os << getTensorName(expr->tensor);
    os << "[";
    llvm::interleave(
        expr->indices, os, [&](AffineExpr e) { writeAffine(e); }, ",");
    os << "]";
    return;
  case ExprNode::Kind::op:
    break;
  }
  if (Infix infix = getInfix(expr); infix.strength) {
    os << (infix.strength < outer ? "(" : "");
    write(expr->operands[0], infix.strength);
    os << " " << infix.symbol << " ";
    write(expr->operands[1], infix.strength + 1);
    os << (infix.strength < outer ? ")" : "");
    return;
  }
  if (expr->isOp("arith.negf")) {
    os << "-";
    return write(expr->operands[0], 4);
  }
  if (expr->isOp("arith.cmpf") || expr->isOp("arith.cmpi")) {
    write(expr->operands[0], 2);
    os << " " << getComparison(expr) << " ";
    return write(expr->operands[1], 2);
  }
  if (expr->operands.size() == 1 &&
      expr->name().starts_with("arith.")) { // conversions
    write(expr->operands[0], 4);
    os << " as " << expr->type;
    return;
  }
  os << getFunctionName(expr->name()) << "(";
  llvm::interleave(expr->operands, os, [&](Expr e) { write(e); }, ", ");
  os << ")";
}

void TextWriter::writeResults(const Statement &statement) {
  auto writeOne = [&](StringAttr name) {
    os << (name.getValue().empty() ? StringRef("_") : name.getValue());
    os << "[";
    llvm::interleave(
        statement.outputRanks, os, [&](StringAttr r) { os << r.getValue(); },
        ",");
    os << "]";
  };
  llvm::interleave(statement.tensors, os, writeOne, ", ");
}

void TextWriter::write(const Statement &statement) {
  writeResults(statement);
  os << " = ";
  // Sums need no word; runs of ranks under one operator share it.
  for (size_t i = 0; i < statement.reductions.size();) {
    StringAttr monoid = statement.reductions[i].getMonoid();
    SmallVector<StringRef> run;
    for (; i < statement.reductions.size() &&
           statement.reductions[i].getMonoid() == monoid;
         ++i)
      run.push_back(statement.reductions[i].getRank());
    bool isPlainSum =
        monoid.getValue() == "add" && run.size() == statement.reductions.size();
    if (!isPlainSum)
      os << monoid.getValue() << "(" << llvm::join(run, ", ") << ") ";
  }
  bool isTuple = statement.values.size() > 1;
  os << (isTuple ? "(" : "");
  llvm::interleave(statement.values, os, [&](Expr e) { write(e); }, ", ");
  os << (isTuple ? ")" : "");
  for (size_t i = 0; i < statement.init.size(); ++i) {
    os << (i ? ", " : " init ");
    writeConstant(statement.init[i]);
  }
  for (size_t i = 0; i < statement.filter.size(); ++i) {
    os << (i ? ", " : " where ");
    printNamedConstraint(os, statement.filter[i].expr, statement.filter[i].isEq,
                         ranks, params);
  }
}

std::string einsum::toText(CascadeEditor &editor, const Statement &statement) {
  std::string text;
  llvm::raw_string_ostream os(text);
  TextWriter(editor, os).write(statement);
  return text;
}

std::string einsum::toText(CascadeEditor &editor, Expr expr) {
  std::string text;
  llvm::raw_string_ostream os(text);
  TextWriter(editor, os).write(expr);
  return text;
}
