//===- EinsumBuilder.h - Take Einsums apart, put them together --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rewrite is a function on statements. A Statement is an Einsum as a plain
// struct: what stands left of the `=`, which ranks are reduced how, which
// points a filter keeps, and the values computed. All that refers to ranks and
// parameters does so in one numbering of the whole cascade:
//
//   CascadeEditor editor(cascade);
//   Statement sum = editor.read(op);            // SD[p] = SN[m,p]
//   sum.values[0] = editor.inlineRead(sum, SN); // SD[p] = exp(QK[m,p] - GM[p])
//   editor.create(sum, op);                     // before `op`
//
// A tensor that is read before its Einsum exists (a recurrence) is declared
// first and defined later; `declare` gives a placeholder that `define`
// replaces.
//
// Trusted: that the cascade is verified. Not checked here: that a statement is
// legal; the verifier does that when the pass ends.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_EINSUMBUILDER_H
#define LIB_TRANSFORMS_EINSUMBUILDER_H

#include "lib/Transforms/Algebra/Expr.h"

#include "llvm/ADT/StringSet.h"

#include <string>

namespace einsum {

/// `expr >= 0`, or `expr == 0`, over the numbering of a CascadeEditor.
struct FilterTerm {
  mlir::AffineExpr expr;
  bool isEq = false;

  bool operator==(const FilterTerm &other) const {
    return expr == other.expr && isEq == other.isEq;
  }
};

/// One Einsum, taken apart. Iteration ranks are `outputRanks`, then those of
/// `reductions`.
struct Statement {
  llvm::SmallVector<mlir::StringAttr, 1> tensors;
  llvm::SmallVector<mlir::Type, 1> elementTypes; ///< one per tensor
  llvm::SmallVector<mlir::StringAttr, 4> outputRanks;
  llvm::SmallVector<ReductionAttr, 2> reductions;
  llvm::SmallVector<FilterTerm, 2> filter;
  llvm::SmallVector<mlir::TypedAttr, 1> init;
  llvm::SmallVector<algebra::Expr, 1> values; ///< one per tensor
  mlir::Location loc;

  explicit Statement(mlir::Location loc) : loc(loc) {}

  /// Reading the tensor is evaluating the map expression: no reduction, no
  /// recurrence, no number format that rounds.
  bool isPointwise() const {
    return reductions.empty() && init.empty() && !isStored();
  }
  /// In a number format.
  bool isStored() const {
    return llvm::any_of(elementTypes, [](mlir::Type type) {
      return llvm::isa<QuantizedType>(type);
    });
  }
  bool reduces(mlir::StringAttr rank) const;
  llvm::SmallVector<mlir::StringAttr, 6> iterationRanks() const;
};

/// What a rank becomes: `m -> m1 * M0 + m0`.
using RankMap = llvm::DenseMap<mlir::StringAttr, mlir::AffineExpr>;

class CascadeEditor {
public:
  explicit CascadeEditor(CascadeOp cascade);

  CascadeOp getCascade() const { return cascade; }
  algebra::ExprContext &getExprs() { return exprs; }
  mlir::MLIRContext *getContext() const { return exprs.getContext(); }

  // The numbering of ranks (dimensions) and parameters (symbols).
  mlir::AffineExpr rank(mlir::StringAttr name);
  mlir::AffineExpr param(mlir::StringAttr name);
  llvm::ArrayRef<mlir::StringAttr> getRankNames() const { return ranks; }
  llvm::ArrayRef<mlir::StringAttr> getParamNames() const { return params; }
  mlir::StringAttr rankAt(unsigned dim) const { return ranks[dim]; }
  mlir::StringAttr paramAt(unsigned symbol) const { return params[symbol]; }
  /// Extent of a rank over the parameters of this numbering.
  mlir::AffineExpr extent(mlir::StringAttr rank);
  /// An affine expression of ranks and parameters as a scalar of `type`.
  algebra::Expr scalar(mlir::AffineExpr expr, mlir::Type type);
  /// `tensor` read at its own ranks.
  algebra::Expr readPlain(mlir::Value tensor);

  // Einsums.
  Statement read(EinsumInterface einsum);
  ComputeOp create(const Statement &statement, mlir::Operation *before);
  /// A placeholder for a tensor whose Einsum is created later.
  mlir::Value declare(llvm::StringRef tensor,
                      llvm::ArrayRef<mlir::StringAttr> ranks,
                      mlir::Type elementType);
  /// Puts `tensor`, a result of a created Einsum, in place of a placeholder.
  /// Expressions that read the placeholder are stale afterwards.
  void define(mlir::Value placeholder, mlir::Value tensor);
  /// Replaces the map and the rest of `op`; its results keep their uses.
  ComputeOp replace(mlir::Operation *op, const Statement &statement);

  // Expressions.
  /// `expr` with ranks replaced, in indices and in coordinates used as values.
  algebra::Expr substitute(algebra::Expr expr, const RankMap &map);
  FilterTerm substitute(const FilterTerm &constraint, const RankMap &map);
  void substitute(Statement &statement, const RankMap &map);
  /// The value of the pointwise Einsum `producer` where `read` reads it; adds
  /// the producer's filter to `filter`.
  algebra::Expr inlineRead(algebra::Expr read, const Statement &producer,
                           llvm::SmallVectorImpl<FilterTerm> &filter);
  /// Inlines every read of `tensor`, the result of a pointwise Einsum, into
  /// `consumer`. False if its producer is not pointwise.
  bool inlineProducer(Statement &consumer, mlir::Value tensor);

  // Declarations.
  mlir::StringAttr freshTensor(llvm::StringRef base);
  /// `extent` is the parameter, if any, that is the extent of the rank.
  mlir::StringAttr freshRank(llvm::StringRef base, llvm::StringRef extent = {});
  mlir::StringAttr freshParam(llvm::StringRef base);
  /// Gives the cascade a parameter, or finds it if it is there already.
  mlir::StringAttr addParam(llvm::StringRef name, std::optional<int64_t> value);
  void addRank(mlir::StringAttr name, mlir::AffineExpr extent);
  /// Splits `rank` into an outer rank and an inner one of extent `tile`; the
  /// names are made from that of the rank.
  struct Parts {
    mlir::StringAttr outer, inner;
  };
  Parts split(mlir::StringAttr rank, mlir::AffineExpr tile);

  /// Erases Einsums whose tensors nobody needs, then ranks, splits and
  /// parameters added by this editor that nobody names.
  void eraseDead();

private:
  mlir::AffineExpr toGlobal(mlir::AffineExpr expr,
                            llvm::ArrayRef<mlir::StringAttr> dims,
                            llvm::ArrayRef<mlir::StringAttr> symbols);
  algebra::Expr importValue(mlir::Value value,
                            llvm::DenseMap<mlir::Value, algebra::Expr> &known);
  bool isTaken(llvm::StringRef name) const;

  CascadeOp cascade;
  algebra::ExprContext exprs;
  llvm::SmallVector<mlir::StringAttr> ranks, params;
  llvm::DenseMap<mlir::StringAttr, unsigned> rankNumbers, paramNumbers;
  llvm::StringSet<> tensorNames, otherNames;
};

/// Where a reduction was taken apart, the partial one computes in the datatype
/// that was said of the whole (`computes_in`), and what combines does not.
void moveDatatype(mlir::Operation *combined, mlir::Operation *partial);

/// The name of a tensor: of its Einsum's result or of an input.
llvm::StringRef getTensorName(mlir::Value tensor);

/// A statement in the text notation, for messages and derivations:
/// `RD[m1,p] = SPD[m1,p] + SLD[m1,p] init 0`.
std::string toText(CascadeEditor &editor, const Statement &statement);
std::string toText(CascadeEditor &editor, algebra::Expr expr);

} // namespace einsum

#endif // LIB_TRANSFORMS_EINSUMBUILDER_H
