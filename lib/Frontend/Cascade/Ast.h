//===- Ast.h - Syntax tree of the cascade notation --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What was written, with places and comments, and nothing that has to be worked
// out: no types, no ranks, no resolved names. One struct per kind of statement.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_AST_H
#define LIB_FRONTEND_CASCADE_AST_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace einsum::frontend {

/// A place in the source; lines and columns count from 1.
struct Place {
  unsigned line = 0, column = 0;
};

/// An identifier and where it stands.
struct Name {
  llvm::StringRef text;
  Place place;
};

//===----------------------------------------------------------------------===//
// Expressions: indices, extents, filters and map expressions share one tree
//===----------------------------------------------------------------------===//

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind {
    number,   ///< `text`: 3, 1e-5, inf; a leading minus is folded in
    name,     ///< `text`: a rank variable, a parameter, an argument
    access,   ///< `text` is the tensor, `operands` its indices
    call,     ///< `text` is the function
    negation, ///< one operand
    chain, ///< operands[0] op[0] operands[1] op[1] ...: one level of precedence
    compare, ///< two operands, one operator
    cast,    ///< one operand; `text` is the type
  };
  Kind kind;
  Place place;
  std::string text;
  std::vector<ExprPtr> operands;
  /// Operators of a chain or comparison, as written, each with its place.
  std::vector<Name> operators;
};

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

/// `Q[b,h,p,e] : f32`, `K[m,e] : mxfp4 block e as f16`; the type is empty when
/// the cascade's is meant.
struct TensorDecl {
  Name name;
  std::vector<Name> ranks;
  std::optional<Name> type;
  std::optional<Name> storage; ///< all of its words
};

/// `input X[m]`, or `weight W[m,n]` for an input that is part of a model.
struct InputStmt {
  std::vector<TensorDecl> tensors;
  bool isWeight = false;
};

struct OutputStmt {
  std::vector<Name> tensors;
};

/// `split m = m1, m0(256)`; only the first part may lack an extent.
struct SplitStmt {
  struct Part {
    Name name;
    ExprPtr extent;
  };
  Name rank;
  std::vector<Part> parts;
};

/// `rank w = P + R - 1`, for an extent that is not the parameter of that name.
/// `rank j = 64 rearranged_by KC per g scaled_up KC scaled_down WQ`: its
/// coordinates are in another order (dialects/Einsum/Rearranged.h); `rank e = E
/// rearranged_with j stride 2`.
struct RankStmt {
  Name rank;
  ExprPtr extent;
  std::optional<Name> rearrangedBy, rearrangedWith;
  std::vector<Name> per, scaledUp, scaledDown;
  int64_t stride = 1;
};

/// `def gelu(x) : f32 = ...`
struct DefStmt {
  Name name;
  std::vector<Name> arguments;
  std::optional<Name> type;
  ExprPtr body;
};

/// `monoid best((v, i), (w, j)) : (f32, index) = (..., ...) identity (-inf, 0)`
struct MonoidStmt {
  Name name;
  std::vector<Name> left, right;
  std::vector<Name> types;
  std::vector<ExprPtr> values, identities;
  bool idempotent = false;
};

/// `max(m, n)` in front of a map expression.
struct ReduceClause {
  Name monoid;
  std::vector<Name> ranks;
};

/// `GM[p], GI[p] = argmax(m) QK[m,p] where m <= p init ... computes_in ...`
struct EinsumStmt {
  std::vector<TensorDecl> results;
  std::vector<ReduceClause> reductions;
  std::vector<ExprPtr> values, filters, inits;
  std::optional<Name> datatype; ///< of the arithmetic, as arrays call it
  Place valuePlace;
};

using StmtBody = std::variant<InputStmt, OutputStmt, SplitStmt, RankStmt,
                              DefStmt, MonoidStmt, EinsumStmt>;

/// Comment lines above a statement (an empty string stands for a blank line)
/// and the comment at the end of its last line.
struct Comments {
  std::vector<llvm::StringRef> leading;
  llvm::StringRef trailing;
};

struct Statement {
  Place place;
  Comments comments;
  StmtBody body;
};

struct Param {
  Name name;
  std::optional<int64_t> value;
};

struct Cascade {
  Name name;
  std::vector<Param> params;
  Name elementType;
  Comments comments;
  std::vector<Statement> statements;
  /// Comment lines after the last statement.
  std::vector<llvm::StringRef> ending;
  /// Tensors whose definition did not parse: using them is no further error.
  std::vector<llvm::StringRef> broken;
};

struct SourceFile {
  /// Functions and monoids above the cascades that use them.
  std::vector<Statement> definitions;
  std::vector<Cascade> cascades;
  std::vector<llvm::StringRef> ending;
};

/// Calls `visit` on `expr` and everything below, in the order of the text.
template <typename Visitor> void walk(const Expr &expr, Visitor &&visit) {
  visit(expr);
  for (const ExprPtr &operand : expr.operands)
    walk(*operand, visit);
}

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_AST_H
