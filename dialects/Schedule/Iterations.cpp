//===- Iterations.cpp - Which steps are iterations of a pipeline ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Iterations.h"
#include "dialects/Einsum/Gathers.h"
#include "dialects/Schedule/PointPairs.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

static int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> point) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t left = evaluate(binary.getLHS(), point),
          right = evaluate(binary.getRHS(), point);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(left, right);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(left, right);
  default:
    return llvm::mod(left, right);
  }
}

/// Least and greatest value of a sum of ranks with factors; nullopt for others.
static std::optional<std::pair<int64_t, int64_t>>
boundsOf(AffineExpr expr, ArrayRef<int64_t> extents) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::pair(constant.getValue(), constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return std::pair(int64_t{0}, extents[dim.getPosition()] - 1);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto left = boundsOf(binary.getLHS(), extents),
       right = boundsOf(binary.getRHS(), extents);
  if (!left || !right)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return std::pair(left->first + right->first, left->second + right->second);
  if (expr.getKind() != AffineExprKind::Mul || right->first != right->second)
    return std::nullopt;
  int64_t one = left->first * right->first, other = left->second * right->first;
  return std::pair(std::min(one, other), std::max(one, other));
}

static bool isData(EinsumInterface einsum, AffineExpr expr) {
  return isGathered(expr, einsum.getSymbolNames().size());
}

/// Along which ranks, and which way, a tensor is a recurrence.
static int directionOf(Value tensor, StringAttr rank, CascadeOp cascade) {
  FailureOr<std::vector<EvaluationStep>> order = orderEvaluation(cascade);
  if (failed(order))
    return 0;
  std::function<int(ArrayRef<EvaluationStep>)> find =
      [&](ArrayRef<EvaluationStep> steps) {
        for (const EvaluationStep &step : steps) {
          bool isIn = false;
          std::function<void(ArrayRef<EvaluationStep>)> look =
              [&](ArrayRef<EvaluationStep> inner) {
                for (const EvaluationStep &one : inner) {
                  isIn |= one.einsum && one.einsum == tensor.getDefiningOp();
                  look(one.body);
                }
              };
          look(step.body);
          if (isIn && step.rank == rank)
            return step.direction;
          if (int inner = find(step.body))
            return inner;
        }
        return 0;
      };
  return find(*order);
}

namespace {

/// Whether elements of a tensor may be absent: something that concerns kept
/// ranks only leaves out points of an Einsum that it comes from.
class Absence {
public:
  explicit Absence(CascadeOp cascade) : cascade(cascade) {}

  bool isPossible(Value tensor) {
    Operation *op = tensor.getDefiningOp();
    auto einsum = dyn_cast_or_null<EinsumInterface>(op);
    if (!einsum || !seen.insert(op).second)
      return false;
    if (std::optional<IntegerSet> filter = einsum.getFilterSet())
      for (AffineExpr constraint : filter->getConstraints())
        if (!usesReduced(constraint, einsum))
          return true;
    if (hasRaggedSplit(einsum, cascade))
      return true;
    return llvm::any_of(einsum.getInputAccesses(), [&](const Access &access) {
      bool isReduced =
          llvm::all_of(access.map.getResults(), [&](AffineExpr coordinate) {
            return usesReduced(coordinate, einsum) ||
                   isa<AffineConstantExpr>(coordinate);
          });
      return !isReduced &&
             (mayLeave(einsum, access, cascade) || isPossible(access.tensor));
    });
  }

  static bool hasRaggedSplit(EinsumInterface einsum, CascadeOp cascade) {
    SmallVector<StringAttr> ranks = einsum.getIterationRanks();
    return llvm::any_of(
        cascade.getBodyBlock()->getOps<SplitOp>(), [&](SplitOp split) {
          int64_t covered = 1;
          for (Attribute part : split.getParts()) {
            if (!llvm::is_contained(ranks, part))
              return false;
            covered *= *cascade.findRank(cast<StringAttr>(part).getValue())
                            .getBoundExtent();
          }
          return covered > *cascade.findRank(split.getRank()).getBoundExtent();
        });
  }

  /// True if some coordinate may lie outside of the tensor, other than before
  /// the first step of a recurrence.
  static bool mayLeave(EinsumInterface einsum, const Access &access,
                       CascadeOp cascade) {
    SmallVector<int64_t> extents;
    for (StringAttr rank : einsum.getIterationRanks())
      extents.push_back(*cascade.findRank(rank).getBoundExtent());
    auto ranks = cast<NamedTensorType>(access.tensor.getType()).getRanks();
    for (auto [rank, expr] : llvm::zip(ranks, access.map.getResults())) {
      if (isData(einsum, expr))
        continue; // outside is an error
      auto bounds = boundsOf(bindParameters(expr, einsum, cascade), extents);
      if (!bounds)
        return true;
      int64_t extent = *cascade.findRank(rank).getBoundExtent();
      if (bounds->first >= 0 && bounds->second < extent)
        continue;
      int direction = directionOf(access.tensor, rank, cascade);
      if ((bounds->first < 0 && direction != 1) ||
          (bounds->second >= extent && direction != -1))
        return true;
    }
    return false;
  }

private:
  static bool usesReduced(AffineExpr expr, EinsumInterface einsum) {
    AffineMap written = einsum.getOutputAccess();
    for (unsigned i = 0; i < einsum.getIterationRanks().size(); ++i)
      if (expr.isFunctionOfDim(i) && !written.isFunctionOfDim(i))
        return true;
    return false;
  }

  CascadeOp cascade;
  llvm::SmallPtrSet<Operation *, 8> seen;
};

} // namespace

LeafPoints::LeafPoints(const Leaf &leaf, CascadeOp cascade)
    : leaf(leaf), cascade(cascade), ranks(leaf.einsum.getIterationRanks()) {
  for (StringAttr rank : ranks)
    extents.push_back(*cascade.findRank(rank).getBoundExtent());
  addFilter();
  addSplits();
  addReads();
}

void LeafPoints::addFilter() {
  std::optional<IntegerSet> filter = leaf.einsum.getFilterSet();
  if (!filter)
    return;
  for (auto [i, constraint] : llvm::enumerate(filter->getConstraints()))
    conditions.push_back(
        {bindParameters(constraint, leaf.einsum, cascade), filter->isEq(i)});
}

void LeafPoints::addSplits() {
  if (!Absence::hasRaggedSplit(leaf.einsum, cascade))
    return;
  MLIRContext *context = cascade.getContext();
  for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>()) {
    AffineExpr flat = getAffineConstantExpr(0, context);
    bool all = true;
    for (Attribute part : split.getParts()) {
      const StringAttr *at = llvm::find(ranks, part);
      all &= at != ranks.end();
      if (all)
        flat = flat * extents[at - ranks.begin()] +
               getAffineDimExpr(at - ranks.begin(), context);
    }
    if (all)
      conditions.push_back(
          {*cascade.findRank(split.getRank()).getBoundExtent() - 1 - flat,
           false});
  }
}

void LeafPoints::addReads() {
  for (const Access &access : leaf.einsum.getInputAccesses()) {
    isCertain &= !Absence(cascade).isPossible(access.tensor);
    if (!Absence::mayLeave(leaf.einsum, access, cascade))
      continue;
    auto type = cast<NamedTensorType>(access.tensor.getType());
    for (auto [rank, expr] :
         llvm::zip(type.getRanks(), access.map.getResults())) {
      if (isData(leaf.einsum, expr))
        continue;
      AffineExpr at = bindParameters(expr, leaf.einsum, cascade);
      int direction = directionOf(access.tensor, rank, cascade);
      if (direction != 1)
        conditions.push_back({at, false});
      if (direction != -1)
        conditions.push_back(
            {*cascade.findRank(rank).getBoundExtent() - 1 - at, false});
    }
  }
}

bool LeafPoints::forEach(int64_t limit,
                         llvm::function_ref<void(const Point &)> act) const {
  int64_t count = 1;
  for (int64_t extent : extents)
    if (llvm::MulOverflow(count, extent, count) || count > limit)
      return false;
  Point point(extents.size(), 0);
  for (; count > 0; --count) {
    if (llvm::all_of(conditions, [&](const Condition &condition) {
          int64_t value = ::evaluate(condition.expr, point);
          return condition.isEq ? value == 0 : value >= 0;
        }))
      act(point);
    for (size_t i = extents.size(); i-- > 0;) {
      if (++point[i] < extents[i])
        break;
      point[i] = 0;
    }
  }
  return true;
}

SmallVector<AffineExpr> LeafPoints::bind(AffineMap map) const {
  SmallVector<AffineExpr> coordinates;
  for (AffineExpr expr : map.getResults())
    coordinates.push_back(bindParameters(expr, leaf.einsum, cascade));
  return coordinates;
}

std::vector<int64_t> LeafPoints::evaluate(ArrayRef<AffineExpr> coordinates,
                                          const Point &point) {
  std::vector<int64_t> values;
  for (AffineExpr expr : coordinates)
    values.push_back(::evaluate(expr, point));
  return values;
}

std::vector<int64_t> LeafPoints::stepsOf(const Point &point,
                                         unsigned end) const {
  std::vector<int64_t> steps;
  for (unsigned i = 0; i < end; ++i) {
    const LoopAbove &loop = leaf.loops[i];
    if (loop.guard) {
      int64_t extent = *cascade.findRank(loop.rank).getBoundExtent();
      steps.push_back(
          *loop.guard == Guard::first ? 0 : lastStep(leaf.loops, i, extent));
      continue;
    }
    int64_t at = point[llvm::find(ranks, loop.rank) - ranks.begin()];
    for (const LoopAbove &outer : ArrayRef(leaf.loops).take_front(i))
      if (outer.rank == loop.rank)
        at %= outer.tile;
    steps.push_back(loop.isDescending ? *loop.steps() - 1 - at / loop.tile
                                      : at / loop.tile);
  }
  return steps;
}

//===----------------------------------------------------------------------===//
// Iterations
//===----------------------------------------------------------------------===//

int64_t einsum::schedule::numberOfStep(const Leaf &leaf, unsigned first,
                                       unsigned end, ArrayRef<int64_t> steps) {
  int64_t number = 0;
  for (unsigned i = first; i < end; ++i)
    number = number * *leaf.loops[i].steps() + steps[i];
  return number;
}

Iterations::Iterations(PipelineOp pipeline, ArrayRef<Leaf> leaves,
                       unsigned first, unsigned end, CascadeOp cascade)
    : first(first), end(end) {
  SmallVector<const Leaf *> below;
  for (const Leaf &leaf : leaves)
    if (llvm::is_contained(leaf.path, pipeline.getOperation()))
      below.push_back(&leaf);
  auto band = [&](const Leaf &leaf) {
    return ArrayRef(leaf.loops).slice(first, end - first);
  };
  // The last tile of a loop may have fewer steps of the next over its rank.
  auto loops = band(*below.front());
  bool isRagged = false;
  for (auto [i, loop] : llvm::enumerate(loops))
    isRagged |= *loop.around % loop.tile != 0 &&
                llvm::any_of(loops.drop_front(i + 1),
                             [rank = loop.rank](const LoopAbove &inner) {
                               return inner.rank == rank;
                             });
  // One leaf that runs in every step will do.
  everyStep = !isRagged && llvm::any_of(below, [&](const Leaf *leaf) {
    return llvm::all_of(band(*leaf),
                        [](const LoopAbove &loop) {
                          return !loop.guard || loop.steps() == 1;
                        }) &&
           LeafPoints(*leaf, cascade).isWhole();
  });
  if (everyStep)
    return;
  for (const LoopAbove &loop : loops)
    counted &= !llvm::MulOverflow(steps, *loop.steps(), steps);
  for (const Leaf *leaf : below)
    if (counted)
      note(*leaf, cascade);
  for (auto &all : found)
    for (auto &[outer, list] : all) {
      llvm::sort(list);
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
}

void Iterations::note(const Leaf &leaf, CascadeOp cascade) {
  LeafPoints points(leaf, cascade);
  // What follows demand does so in steps that its readers decide.
  counted &=
      llvm::none_of(ArrayRef(leaf.loops).take_front(end),
                    [](const LoopAbove &loop) { return loop.isDemanded; });
  counted &= points.forEach(kLimit, [&](const LeafPoints::Point &point) {
    std::vector<int64_t> at = points.stepsOf(point, end);
    std::vector<int64_t> outer(at.begin(), at.begin() + first);
    int64_t step = numberOfStep(leaf, first, end, at);
    found[possible][outer].push_back(step);
    if (points.hasCertainReads())
      found[certain][outer].push_back(step);
  });
}

int64_t Iterations::countBefore(Kind kind, ArrayRef<int64_t> outer,
                                int64_t step) const {
  if (everyStep)
    return step;
  auto list = found[kind].find(outer.vec());
  if (list == found[kind].end())
    return 0;
  return llvm::lower_bound(list->second, step) - list->second.begin();
}

int64_t Iterations::stepOfSlot(Kind kind, ArrayRef<int64_t> outer,
                               int64_t slot) const {
  if (everyStep)
    return slot;
  auto list = found[kind].find(outer.vec());
  int64_t count = list == found[kind].end() ? 0 : list->second.size();
  return slot < count ? list->second[slot] : steps + slot - count;
}
