//===- SweepEmitter.h - Sweeps written as statements ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For the rank m in tiles m1, and a reduction d = (+)_m F(x, ...) with frame g:
//
//   L[m1] = (+)_m0 F(x, g[m1])              local to the tile
//   T[m1] = C[m1] * R[m1-1]                 the old value in the new frame
//   R[m1] = T[m1] (+) L[m1]                 running
//   d     = R[last] * what was deferred
//
// with C[m1] = exp(g[m1-1] - g[m1]) for exponentials, the binomial sum over
// lower powers for (x - g)^n, and no T where nothing is carried. Names are made
// from the user's by one letter in front: L local, C correction, T transported,
// R running, F a frame made finite, D the distance that a frame moves, U before
// what is deferred.
//
// Everything is written down as statements first, over placeholders, and put
// into the cascade at the end: plans refer to tensors as they were.
//
// What one emitter knows is one state; what it does stands in files by idea:
//
//   SweepTiles.cpp       the rank in parts, and what only tiles read
//   SweepFrames.cpp      running statistics, and by how much they move
//   SweepMembers.cpp     the statements of each reduction
//   SweepValues.cpp      what accumulators come to in a new frame, and at the
//                        end
//   SweepDerivation.cpp  the same, told as steps of a derivation
//   ApplySweeps.cpp      new tensors; all of it put into the cascade
//
// Trusts the plan (Sweeps.h): that each law holds was decided there.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_SWEEPEMITTER_H
#define LIB_TRANSFORMS_SWEEPEMITTER_H

#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

#include <limits>

namespace einsum::sweeps {

using algebra::Exponent;
using algebra::Expr;
using algebra::ExprContext;
using algebra::Facts;
using algebra::Shift;
using algebra::Term;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using mlir::AffineExpr;
using mlir::Location;
using mlir::Operation;
using mlir::StringAttr;
using mlir::Type;
using mlir::Value;

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A tensor to be made; reads of it go to a placeholder.
struct NewTensor {
  Value value;
  SmallVector<StringAttr, 4> ranks;
  explicit operator bool() const { return static_cast<bool>(value); }
};

/// A running statistic as others see it: complete up to the current tile, and
/// up to the one before.
struct Frame {
  Expr now = nullptr, old = nullptr;
  bool isExact = true;      ///< at the end it is the statistic itself
  bool startsFinite = true; ///< before the first tile
};

using Powers = SmallVector<unsigned, 2>;

/// What is summed up for one term: one accumulator for each combination of
/// powers of its shifts, the highest last.
struct Accumulators {
  std::vector<Powers> powers;
  std::vector<NewTensor>
      tensors; ///< none: a count of points, known without counting
  bool isRunning = false;
};

/// Everything that depends on one member.
struct MemberState {
  std::vector<Accumulators> terms;
  SmallVector<StringAttr, 4>
      ranks; ///< of its accumulators: output ranks and outer
};

class Emitter {
public:
  Emitter(CascadeEditor &editor, Facts &facts, SweepPlan &plan,
          const SweepOptions &options, Derivation &derivation)
      : editor(editor), exprs(editor.getExprs()), facts(facts), plan(plan),
        options(options), derivation(derivation), states(plan.members.size()) {}

  void run();

private:
  // Tiles.
  void makeParts();
  bool hasAbsentPoints();
  void findTiledTensors();
  bool isReadPlain(Operation *user, Value tensor);
  SmallVector<StringAttr, 4> tileRanks(ArrayRef<StringAttr> ranks) const;
  SmallVector<ReductionAttr, 2>
  tileReductions(ArrayRef<ReductionAttr> reductions, bool keepOuter) const;
  Expr tile(Expr expr);
  SmallVector<FilterTerm, 2> tile(ArrayRef<FilterTerm> filter);
  SmallVector<StringAttr, 4> insertOuter(const SweepMember &member);

  // New tensors.
  NewTensor add(Statement statement);
  NewTensor addPointwise(StringRef name, ArrayRef<StringAttr> order, Expr value,
                         Location loc,
                         std::optional<double> init = std::nullopt);
  Expr readAt(const NewTensor &tensor, AffineExpr outerIndex);
  SmallVector<StringAttr, 4> ranksOf(ArrayRef<Expr> exprs,
                                     ArrayRef<StringAttr> order);

  // Frames.
  void collectFrameUses(unsigned sweep);
  const Frame &getFrame(Expr d, const SweepMember &user);
  Expr runningValue(Expr d, AffineExpr at);
  Expr fillSlots(Expr expr, const SweepMember &user);
  bool mayStayEmpty(Expr d);
  bool restrictsRank(ArrayRef<FilterTerm> domain);
  Expr normalised(Expr d, Expr running);
  Expr pointsUpTo(AffineExpr at, Type type);
  Expr readAccumulator(const SweepMember &member, const Accumulators &made,
                       size_t which, AffineExpr at);
  int degreeInSums(Expr d);

  // Members.
  void emitSweep(unsigned sweep);
  void emitWhole(unsigned index);
  void emitRunning(unsigned index);
  void emitTerm(unsigned index, const Term &term, unsigned termIndex);
  void emitKept(const SweepMember &member);
  void emitAccumulator(unsigned index, const Term &term, Accumulators &made,
                       unsigned which, StringRef name);
  bool canCount(const SweepMember &member);
  Expr transported(const SweepMember &member, const Term &term,
                   const Accumulators &made, unsigned which);
  NewTensor getCorrection(const Term &term, const SweepMember &member);
  Expr getMove(const Shift &shift, const SweepMember &member);
  Expr finalMove(const Shift &shift, const SweepMember &member);
  Expr combine(const SweepMember &member, Expr a, Expr b);
  double identity(const SweepMember &member);

  // Values.
  Expr valueOf(unsigned index, AffineExpr at, bool isRunning);
  Expr withFactors(const SweepMember &member, const Term &term, Expr value,
                   AffineExpr at, bool isRunning);
  bool mayBeEmpty(const SweepMember &member);
  Expr arithmetic(StringRef op, Expr a, Expr b);
  Expr scaled(Expr coefficient, Expr now, Expr old);
  void finish(unsigned index);

  // Into the cascade.
  void commit();
  Expr resolve(Expr expr);

  // The derivation.
  void recordStep(unsigned index, size_t firstNew);
  SmallVector<std::string, 2> textBefore(const SweepMember &member);
  SmallVector<std::string, 2> textAfterDeferral(const SweepMember &member);

  CascadeEditor &editor;
  ExprContext &exprs;
  Facts &facts;
  SweepPlan &plan;
  const SweepOptions &options;
  Derivation &derivation;
  std::vector<MemberState> states;

  StringAttr outer;
  SmallVector<StringAttr, 2> inner;
  RankMap rankMap;
  llvm::DenseSet<Operation *>
      isNeededWhole; ///< stays as it is, at the rank itself
  llvm::DenseMap<Value, NewTensor> tiled; ///< leaves in tiles
  SmallVector<Operation *> tiledOps;
  llvm::DenseMap<Value, NewTensor> keptTensors; ///< terms at the frame

  struct FrameUse {
    bool inExponent = false, inShift = false;
    double sign = -1; ///< of its coefficient in exponents
  };
  llvm::MapVector<Expr, FrameUse> frameUses;
  llvm::DenseMap<Expr, Frame> frames;
  llvm::DenseMap<Expr, Expr> moves; ///< by body of the shift
  SmallVector<std::pair<SmallVector<Exponent, 1>, NewTensor>> corrections;
  std::vector<SmallVector<unsigned, 4>> bySweep; ///< positions of members
  unsigned currentSweep = 0;

  std::vector<Statement> news;
  std::vector<Value> placeholders;
  /// Which of them a step of the derivation made.
  struct StepNews {
    size_t step, first, end;
  };
  std::vector<StepNews> stepNews;
  SmallVector<Value> temporaries; ///< that only texts name
  /// What a read of an old tensor becomes, at its own ranks.
  struct Replacement {
    Expr value;
    SmallVector<StringAttr, 4> ranks;
  };
  llvm::DenseMap<Value, Replacement> replacements;
};

/// A value in another float type.
Expr convert(ExprContext &exprs, Expr value, Type type);

/// The name of the first tensor that a statistic reads.
std::string nameOfStatistic(Expr d);

/// Sum over lower powers j of prod binomial(k, j) move^(k - j) * read(j).
Expr binomialSum(const Powers &powers, const std::vector<Powers> &all,
                 ArrayRef<Expr> moves, llvm::function_ref<Expr(size_t)> read,
                 llvm::function_ref<Expr(StringRef, Expr, Expr)> arithmetic,
                 ExprContext &exprs);

} // namespace einsum::sweeps

#endif // LIB_TRANSFORMS_SWEEPEMITTER_H
