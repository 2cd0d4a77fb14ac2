//===- Separation.h - What of a map can be carried over ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reduction over a rank whose map uses an earlier reduction over the same
// rank,
//
//   d_j = (+)_i F(x_i, d),     AV = sum(m) exp(QK[m] - GM) / SD * V[m]
//
// needs d before it can start, unless F can be computed at another value of d,
// a *frame*, and carried over afterwards. Separation takes F apart for that,
// into a sum of terms, each a product of
//
//   rest        what is left when frames stand for d: exp(QK[m] - ?GM) * V[m]
//   exponents   frames inside exponentials: the term scales by
//               exp(c * (d - frame))
//   shifts      (x - d)^n with the frame in place of d: carried by the
//               binomial law
//   factors     functions of d alone, 1 / SD: left out, multiplied in at the end
//
// `rest` keeps the user's structure: it is the expression as written, without
// the factors and with a slot where a frame goes. A tensor that is such a term
// itself (SN = exp(QK - GM)) stays a tensor, computed at the frame.
//
// An exponential is taken apart only with a proof that at the frame its
// argument stays bounded (Facts::boundedBy); the rest of the argument is
// deferred.
//
// Refused, with the place and the reason: operations without such a law
// (rounding, comparisons, abs(x - d), tanh, ...), and positions where d is not
// the same for the whole reduction.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_SEPARATION_H
#define LIB_TRANSFORMS_ALGEBRA_SEPARATION_H

#include "lib/Transforms/Algebra/Facts.h"

namespace einsum::algebra {

/// coefficient * d, somewhere in a sum; the coefficient depends on neither the
/// rank nor on statistics.
struct Part {
  Expr coefficient, d;
  bool operator==(const Part &o) const {
    return coefficient == o.coefficient && d == o.d;
  }
};

/// x + sum of parts; in `body`, slots stand for the d of the parts.
struct Linear {
  Expr body = nullptr;
  llvm::SmallVector<Part, 2> parts;
};

struct Factor {
  /// A factor that is 0 where `d`, then a condition on statistics, holds or
  /// does not, and 1 elsewhere.
  enum class Choice { none, zeroWhere, zeroElsewhere };

  Expr d;
  bool isDivisor = false;
  /// Comes from the exponent that `Term::logarithm` holds.
  bool isFromExponent = false;
  Choice choice = Choice::none;
  bool isChoice() const { return choice != Choice::none; }
  bool operator==(const Factor &o) const {
    return d == o.d && isDivisor == o.isDivisor && choice == o.choice;
  }
};

/// `value` or 0, by a factor that is a choice.
Expr applyChoice(ExprContext &exprs, const Factor &factor, Expr value,
                 Expr condition);

/// base^(coefficient * d), with a frame in place of d.
struct Exponent {
  llvm::StringRef base; ///< "math.exp" or "math.exp2"
  Expr coefficient, d;
  bool operator==(const Exponent &o) const {
    return base == o.base && coefficient == o.coefficient && d == o.d;
  }
};

struct Shift {
  Linear linear;
  unsigned power = 1;
};

struct Term {
  Expr rest = nullptr; ///< null: 1
  llvm::SmallVector<Shift, 1> shifts;
  llvm::SmallVector<Factor, 2> factors;
  llvm::SmallVector<Exponent, 1> exponents;
  /// Set if rest and the factors from it are exactly base^logarithm.
  std::optional<Linear> logarithm;
  llvm::StringRef base;
};

struct Form {
  enum class Kind { failed, neutral, x, d, linear, terms };
  Kind kind = Kind::failed;
  Expr pure = nullptr; ///< of neutral, x and d
  Linear linear;
  llvm::SmallVector<Term, 2> terms;
  /// A product of sums was multiplied out: terms may cancel.
  bool isExpanded = false;
  /// Filters of the tensors that were looked through.
  llvm::SmallVector<FilterTerm, 2> filter;

  bool isPure() const {
    return kind == Kind::neutral || kind == Kind::x || kind == Kind::d;
  }
};

/// Places for frames: one number for each statistic, shared by all reductions
/// that are planned together.
struct Slots {
  std::vector<Expr> statistics;
  llvm::DenseMap<Expr, unsigned> numbers;
};

struct Obstacle {
  std::string reason;
  Expr at = nullptr;
  bool isMatterOfPolicy = false; ///< exact over the reals, but not safe
  explicit operator bool() const { return !reason.empty(); }
};

/// What a leaf of an expression is for the reduction in question.
struct LeafRole {
  bool isOnRank = false;      ///< differs along the reduced rank
  bool isStatistic = false;   ///< depends on an earlier reduction of the sweep
  bool isTransparent = false; ///< both, and may be looked through
  std::string obstacle;       ///< both, and may not
};

class Separator {
public:
  using Classify = std::function<LeafRole(Expr leaf)>;

  Separator(CascadeEditor &editor, Facts &facts, Slots &slots,
            Classify classify)
      : editor(editor), exprs(editor.getExprs()), facts(facts), slots(slots),
        classify(std::move(classify)) {}

  /// Accept exponentials whose argument is not proved to be bounded.
  bool acceptUnbounded = false;

  /// `domain`: the points that take part in the reduction.
  Form separate(Expr f, llvm::ArrayRef<FilterTerm> domain);
  const Obstacle &getObstacle() const { return obstacle; }
  /// Conditions proved or assumed on the way, for people.
  const std::vector<std::string> &getConditions() const { return conditions; }

  /// Tensors that are terms themselves and stay tensors, with their terms; a
  /// read of one in `rest` means its value at the frame.
  struct Kept {
    Expr read;
    Term term;
    llvm::SmallVector<FilterTerm, 2> filter;
  };
  const std::vector<Kept> &getKept() const { return kept; }
  /// Tensors whose definition was used, in the order in which they were met.
  llvm::ArrayRef<mlir::Value> getSeenThrough() const { return seenThrough; }

  Expr slotFor(Expr d);
  /// A form as a sum of terms.
  llvm::SmallVector<Term, 2> asTerms(const Form &form);
  /// Product of `rest` and shifts, each to the given power.
  Expr product(const Term &term, llvm::ArrayRef<unsigned> powers,
               mlir::Type type);

  /// In terms of roles: does `expr` differ along the rank?
  bool isOnRank(Expr expr);
  bool dependsOnStatistic(Expr expr);

private:
  /// More terms than this are not worth as many accumulators.
  static constexpr size_t kMaxTerms = 16;
  /// (x - d)^n takes n + 1 accumulators.
  static constexpr unsigned kMaxPower = 8;

  Form separateNode(Expr e);
  Form separateLeaf(Expr e);
  Form lookThrough(Expr e);
  Form separateOp(Expr e);
  Form sum(Expr e, const Form &a, const Form &b);
  Form product(Expr e, const Form &a, const Form &b);
  Form quotient(Expr e, const Form &a, const Form &b);

  // SeparateFunctions.cpp
  Form exponential(Expr e, const Form &a);
  Form logarithm(Expr e, const Form &a);
  Form power(Expr e, const Form &a, const Form &b);
  Form root(Expr e, const Form &a);
  Form absolute(Expr e, const Form &a);
  Form extremum(Expr e, const Form &a, const Form &b);

  // SeparateChoices.cpp
  Form choice(Expr e, const Form &a, const Form &b);
  Form choiceByStatistic(Expr e, const Form &a, const Form &b);
  Form converted(Expr e, const Form &a);

  Form fail(Expr at, const llvm::Twine &reason);
  Form pure(Form::Kind kind, Expr e);
  Form makeExponential(Expr e, Linear linear, llvm::StringRef base);
  Form fromTerms(llvm::SmallVector<Term, 2> terms, bool isExpanded);
  std::optional<Linear> asLinear(const Form &form);
  Term multiply(const Term &a, const Term &b);
  Linear scale(Linear linear, llvm::function_ref<Expr(Expr)> apply);
  Linear expandParts(Linear linear);
  std::optional<llvm::SmallVector<bool, 4>> proveBounded(const Linear &linear);
  bool isBoundedWith(const Linear &linear, llvm::ArrayRef<bool> framed);
  Expr withSlots(Expr body, llvm::function_ref<Expr(Expr)> fill);
  Expr arithmetic(llvm::StringRef op, Expr a, Expr b);
  bool haveSameParts(llvm::ArrayRef<Part> a, llvm::ArrayRef<Part> b);
  bool areAlike(const Term &a, const Term &b);
  /// Adds to the coefficient where `parts` has this d.
  void addPart(llvm::SmallVectorImpl<Part> &parts, Part part);

  CascadeEditor &editor;
  ExprContext &exprs;
  Facts &facts;
  Slots &slots;
  Classify classify;
  llvm::DenseMap<Expr, Form> forms;
  llvm::DenseMap<Expr, unsigned> roles;
  std::vector<Kept> kept;
  llvm::SmallVector<mlir::Value> seenThrough;
  llvm::SmallVector<FilterTerm, 4> domain;
  std::vector<std::string> conditions;
  Obstacle obstacle;
};

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_SEPARATION_H
