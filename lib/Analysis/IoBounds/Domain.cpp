//===- Domain.cpp - Which points of an Einsum are executed ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Domain.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <deque>
#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::bounds;

/// Boxes that a count may look at. What is left undecided then counts as zero.
static constexpr unsigned kMaxBoxes = 200000;
/// Boxes looked at to decide whether one element is touched.
static constexpr unsigned kMaxWitnessBoxes = 256;
/// Values of a coordinate that are listed one by one.
static constexpr int64_t kMaxListed = 1 << 20;

//===----------------------------------------------------------------------===//
// Coordinates
//===----------------------------------------------------------------------===//

static llvm::SmallVector<Coordinate::Term, 4>
sortTerms(const Coordinate &coordinate, llvm::ArrayRef<int64_t> extents) {
  llvm::SmallVector<Coordinate::Term, 4> terms;
  for (const Coordinate::Term &term : coordinate.terms)
    if (term.coefficient != 0 && extents[term.rank] > 1)
      terms.push_back(term);
  llvm::sort(terms, [](const Coordinate::Term &a, const Coordinate::Term &b) {
    return std::abs(a.coefficient) < std::abs(b.coefficient);
  });
  return terms;
}

bool einsum::bounds::isDecodable(const Coordinate &coordinate,
                                 llvm::ArrayRef<int64_t> extents) {
  int64_t span = 0; // of all smaller terms together
  for (const Coordinate::Term &term : sortTerms(coordinate, extents)) {
    int64_t step = std::abs(term.coefficient);
    if (step <= span)
      return false;
    if (llvm::AddOverflow(span, step * (extents[term.rank] - 1), span))
      return false;
  }
  return true;
}

/// The values one by one; nullopt if there are too many sums to list.
static std::optional<uint64_t>
listValues(llvm::ArrayRef<Coordinate::Term> terms,
           llvm::ArrayRef<int64_t> extents) {
  int64_t sums = 1;
  for (const Coordinate::Term &term : terms)
    if (llvm::MulOverflow(sums, extents[term.rank], sums) || sums > kMaxListed)
      return std::nullopt;
  std::set<int64_t> values = {0};
  for (const Coordinate::Term &term : terms) {
    std::set<int64_t> next;
    for (int64_t value : values)
      for (int64_t i = 0; i < extents[term.rank]; ++i)
        next.insert(value + term.coefficient * i);
    values = std::move(next);
  }
  return values.size();
}

uint64_t einsum::bounds::countValues(const Coordinate &coordinate,
                                     llvm::ArrayRef<int64_t> extents) {
  auto terms = sortTerms(coordinate, extents);
  if (terms.empty())
    return 1;
  if (isDecodable(coordinate, extents)) {
    uint64_t values = 1;
    for (const Coordinate::Term &term : terms)
      values = llvm::SaturatingMultiply<uint64_t>(values, extents[term.rank]);
    return values;
  }
  // A run {0, step, ..., (count - 1) * step}, extended as long as it has no
  // gap.
  int64_t step = std::abs(terms.front().coefficient);
  uint64_t count = extents[terms.front().rank];
  for (const Coordinate::Term &term : llvm::drop_begin(terms)) {
    int64_t jump = std::abs(term.coefficient);
    if (jump % step != 0 || static_cast<uint64_t>(jump / step) > count) {
      if (std::optional<uint64_t> listed = listValues(terms, extents))
        return *listed;
      // |A + B| >= |A| + |B| - 1 for sets of integers.
      count = 1;
      for (const Coordinate::Term &t : terms)
        count += extents[t.rank] - 1;
      return count;
    }
    count += static_cast<uint64_t>(jump / step) * (extents[term.rank] - 1);
  }
  return count;
}

//===----------------------------------------------------------------------===//
// Constraints over boxes
//===----------------------------------------------------------------------===//

namespace {

struct Range {
  int64_t lo = 0, hi = 0;
};

/// A box: one interval per dimension of the constraints.
using Box = llvm::SmallVector<Range, 8>;

enum class Verdict { no, yes, undecided };

} // namespace

static Range hull(int64_t a, int64_t b, int64_t c, int64_t d) {
  return {std::min({a, b, c, d}), std::max({a, b, c, d})};
}

/// Values that an expression takes over a box, or more.
static Range evaluate(AffineExpr expr, const Box &box) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constant.getValue(), constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return box[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Range a = evaluate(binary.getLHS(), box), b = evaluate(binary.getRHS(), box);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return {a.lo + b.lo, a.hi + b.hi};
  case AffineExprKind::Mul:
    return hull(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi);
  case AffineExprKind::FloorDiv:
    return {llvm::divideFloorSigned(a.lo, b.lo),
            llvm::divideFloorSigned(a.hi, b.lo)};
  case AffineExprKind::CeilDiv:
    return {llvm::divideCeilSigned(a.lo, b.lo),
            llvm::divideCeilSigned(a.hi, b.lo)};
  default: { // Mod
    int64_t modulus = b.lo;
    if (llvm::divideFloorSigned(a.lo, modulus) ==
        llvm::divideFloorSigned(a.hi, modulus))
      return {llvm::mod(a.lo, modulus), llvm::mod(a.hi, modulus)};
    return {0, modulus - 1};
  }
  }
}

static Verdict judge(llvm::ArrayRef<AffineCondition> constraints,
                     const Box &box) {
  Verdict all = Verdict::yes;
  for (const AffineCondition &constraint : constraints) {
    Range value = evaluate(constraint.expr, box);
    if (value.hi < 0 || (constraint.isEquality && value.lo > 0))
      return Verdict::no;
    if (value.lo < 0 || (constraint.isEquality && value.hi > 0))
      all = Verdict::undecided;
  }
  return all;
}

/// The widest of `dims` in the box, or -1 if all are single values.
static int widest(const Box &box, llvm::ArrayRef<int> dims) {
  int best = -1;
  int64_t width = 0;
  for (int dim : dims)
    if (box[dim].hi - box[dim].lo > width) {
      width = box[dim].hi - box[dim].lo;
      best = dim;
    }
  return best;
}

static std::pair<Box, Box> halve(const Box &box, int dim) {
  Box low = box, high = box;
  int64_t middle = box[dim].lo + (box[dim].hi - box[dim].lo) / 2;
  low[dim].hi = middle;
  high[dim].lo = middle + 1;
  return {low, high};
}

static uint64_t volume(const Box &box, llvm::ArrayRef<int> dims) {
  uint64_t volume = 1;
  for (int dim : dims)
    volume = llvm::SaturatingMultiply<uint64_t>(volume,
                                                box[dim].hi - box[dim].lo + 1);
  return volume;
}

static llvm::SmallVector<int, 6>
involved(llvm::ArrayRef<AffineCondition> constraints, unsigned dims) {
  llvm::SmallVector<int, 6> result;
  for (unsigned dim = 0; dim < dims; ++dim)
    if (llvm::any_of(constraints, [&](const AffineCondition &c) {
          return c.expr.isFunctionOfDim(dim);
        }))
      result.push_back(dim);
  return result;
}

/// Sums the volume of the boxes over `dims` for which `decide` says yes. Broad
/// first, so that what the limit leaves undecided is small.
static uint64_t sumBoxes(const Box &all, llvm::ArrayRef<int> dims,
                         llvm::function_ref<Verdict(const Box &)> decide) {
  uint64_t sum = 0;
  std::deque<Box> queue = {all};
  for (unsigned looked = 0; !queue.empty() && looked < kMaxBoxes; ++looked) {
    Box box = std::move(queue.front());
    queue.pop_front();
    Verdict verdict = decide(box);
    if (verdict == Verdict::yes)
      sum = llvm::SaturatingAdd(sum, volume(box, dims));
    if (verdict != Verdict::undecided)
      continue;
    int dim = widest(box, dims);
    if (dim < 0)
      continue;
    auto [low, high] = halve(box, dim);
    queue.push_back(std::move(low));
    queue.push_back(std::move(high));
  }
  return sum;
}

static Box boxOf(const CascadeFacts &facts) {
  Box box;
  for (const RankFact &rank : facts.ranks)
    box.push_back({0, rank.extent - 1});
  return box;
}

//===----------------------------------------------------------------------===//
// Domains
//===----------------------------------------------------------------------===//

bool Domain::constrains(int rank) const {
  return !isKnown || llvm::any_of(constraints, [&](const AffineCondition &c) {
    return c.expr.isFunctionOfDim(rank);
  });
}

static AffineExpr toExpr(const Coordinate &coordinate, MLIRContext *context) {
  AffineExpr expr = getAffineConstantExpr(coordinate.constant, context);
  for (const Coordinate::Term &term : coordinate.terms)
    expr = expr + getAffineDimExpr(term.rank, context) * term.coefficient;
  return expr;
}

namespace {

class DomainBuilder {
public:
  explicit DomainBuilder(const CascadeFacts &facts)
      : facts(facts), context(facts.op->getContext()), box(boxOf(facts)),
        domains(facts.einsums.size()), absence(facts.tensors.size()) {}

  std::vector<Domain> build() {
    for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
      addFilter(einsum, domains[id]);
      addSplits(einsum, domains[id]);
      for (const AccessFact &read : einsum.reads) {
        addExtents(read, domains[id]);
        addAbsence(read, id, domains[id]);
      }
      for (const AccessFact &write : einsum.writes)
        noteAbsence(write, domains[id]);
    }
    // A cycle that reads elements which may be absent was not followed round.
    for (auto [id, einsum] : llvm::enumerate(facts.einsums))
      for (const AccessFact &read : einsum.reads)
        if (facts.tensors[read.tensor].producer >= static_cast<int>(id) &&
            !absence[read.tensor].empty())
          domains[id].isKnown = false;
    // So is whatever reads from there.
    for (auto [id, einsum] : llvm::enumerate(facts.einsums))
      for (const AccessFact &read : einsum.reads)
        if (int producer = facts.tensors[read.tensor].producer;
            producer >= 0 && !domains[producer].isKnown)
          domains[id].isKnown = false;
    return std::move(domains);
  }

private:
  void add(Domain &domain, AffineCondition constraint) {
    constraint.expr =
        simplifyAffineExpr(constraint.expr, facts.ranks.size(), 0);
    if (judge(constraint, box) != Verdict::yes &&
        llvm::none_of(domain.constraints, [&](const AffineCondition &other) {
          return other.expr == constraint.expr &&
                 other.isEquality == constraint.isEquality;
        }))
      domain.constraints.push_back(constraint);
  }

  void addFilter(const EinsumFact &einsum, Domain &domain) {
    auto op = cast<EinsumInterface>(einsum.op);
    std::optional<IntegerSet> filter = op.getFilterSet();
    if (!filter)
      return;
    SmallVector<AffineExpr> dims, symbols;
    for (int rank : einsum.ranks)
      dims.push_back(getAffineDimExpr(rank, context));
    auto cascade = cast<CascadeOp>(facts.op);
    for (StringAttr symbol : op.getSymbolNames())
      symbols.push_back(
          getAffineConstantExpr(*cascade.getParam(symbol), context));
    for (auto [i, expr] : llvm::enumerate(filter->getConstraints()))
      add(domain, {expr.replaceDimsAndSymbols(dims, symbols), filter->isEq(i)});
  }

  /// m1 * 256 + m0 < M where both parts are iterated.
  void addSplits(const EinsumFact &einsum, Domain &domain) {
    for (SplitOp split :
         cast<CascadeOp>(facts.op).getBodyBlock()->getOps<SplitOp>()) {
      AffineExpr whole = getAffineConstantExpr(0, context);
      bool all = true;
      for (Attribute part : split.getParts()) {
        int rank = facts.findRank(cast<StringAttr>(part).getValue());
        all &= einsum.iterates(rank);
        whole =
            whole * facts.ranks[rank].extent + getAffineDimExpr(rank, context);
      }
      int64_t extent = facts.ranks[facts.findRank(split.getRank())].extent;
      if (all)
        add(domain, {extent - 1 - whole});
    }
  }

  void addExtents(const AccessFact &read, Domain &domain) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates)) {
      if (rank == tensor.iterativeRank)
        continue; // steps outside read the initial value
      AffineExpr expr = toExpr(coordinate, context);
      add(domain, {expr});
      add(domain, {facts.ranks[rank].extent - 1 - expr});
    }
  }

  void addAbsence(const AccessFact &read, int einsum, Domain &domain) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    if (tensor.producer < 0 || tensor.producer >= einsum)
      return;
    SmallVector<AffineExpr> at(facts.ranks.size(),
                               getAffineConstantExpr(0, context));
    for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates))
      at[rank] = toExpr(coordinate, context);
    for (const AffineCondition &constraint : absence[read.tensor])
      add(domain, {constraint.expr.replaceDims(at), constraint.isEquality});
  }

  /// What excludes an element of the result: conditions over kept ranks alone.
  void noteAbsence(const AccessFact &write, const Domain &domain) {
    const TensorFact &tensor = facts.tensors[write.tensor];
    for (const AffineCondition &constraint : domain.constraints) {
      auto dims = involved(constraint, facts.ranks.size());
      if (llvm::all_of(dims, [&](int dim) {
            return llvm::is_contained(tensor.ranks, dim);
          }))
        absence[write.tensor].push_back(constraint);
    }
  }

  const CascadeFacts &facts;
  MLIRContext *context;
  Box box;
  std::vector<Domain> domains;
  std::vector<llvm::SmallVector<AffineCondition, 2>> absence; ///< per tensor
};

} // namespace

std::vector<Domain> einsum::bounds::computeDomains(const CascadeFacts &facts) {
  return DomainBuilder(facts).build();
}

uint64_t einsum::bounds::countPoints(const CascadeFacts &facts,
                                     const EinsumFact &einsum,
                                     const Domain &domain) {
  if (domain.isBox())
    return einsum.points;
  if (!domain.isKnown)
    return 0;
  auto dims = involved(domain.constraints, facts.ranks.size());
  uint64_t counted = sumBoxes(boxOf(facts), dims, [&](const Box &box) {
    return judge(domain.constraints, box);
  });
  for (int rank : einsum.ranks)
    if (!llvm::is_contained(dims, rank))
      counted *= facts.ranks[rank].extent; // at most einsum.points
  return counted;
}

//===----------------------------------------------------------------------===//
// Elements touched
//===----------------------------------------------------------------------===//

namespace {

/// Decides whether all, none or some of a box of elements are touched. An
/// element is a value of each of `shown`; it is touched if some values of
/// `hidden` satisfy the constraints.
class TouchJudge {
public:
  TouchJudge(llvm::ArrayRef<AffineCondition> constraints,
             llvm::ArrayRef<int> shown, llvm::ArrayRef<int> hidden)
      : constraints(constraints), shown(shown), hidden(hidden) {}

  Verdict operator()(const Box &box) const {
    Verdict whole = judge(constraints, box);
    if (whole != Verdict::undecided)
      return whole;
    for (const Box &fixed : witnesses(box))
      if (judge(constraints, fixed) == Verdict::yes)
        return Verdict::yes;
    if (widest(box, shown) < 0)
      return hasPoint(box) ? Verdict::yes : Verdict::no;
    return Verdict::undecided;
  }

private:
  /// The box with hidden ranks fixed: at their ends, and at the ends of shown
  /// ones, where a diagonal or a window has its points.
  std::vector<Box> witnesses(const Box &box) const {
    std::vector<Box> result;
    auto fix = [&](llvm::function_ref<int64_t(int)> value) {
      Box fixed = box;
      for (int dim : hidden) {
        int64_t v = std::clamp(value(dim), box[dim].lo, box[dim].hi);
        fixed[dim] = {v, v};
      }
      result.push_back(std::move(fixed));
    };
    fix([&](int dim) { return box[dim].lo; });
    fix([&](int dim) { return box[dim].hi; });
    for (int source : shown) {
      fix([&](int) { return box[source].lo; });
      fix([&](int) { return box[source].hi; });
    }
    return result;
  }

  bool hasPoint(const Box &all) const {
    std::deque<Box> queue = {all};
    for (unsigned looked = 0; !queue.empty() && looked < kMaxWitnessBoxes;
         ++looked) {
      Box box = std::move(queue.front());
      queue.pop_front();
      Verdict verdict = judge(constraints, box);
      if (verdict == Verdict::yes)
        return true;
      int dim = widest(box, hidden);
      if (verdict == Verdict::no || dim < 0)
        continue;
      auto [low, high] = halve(box, dim);
      queue.push_back(std::move(low));
      queue.push_back(std::move(high));
    }
    return false;
  }

  llvm::ArrayRef<AffineCondition> constraints;
  llvm::ArrayRef<int> shown, hidden;
};

} // namespace

/// The coordinates whose ranks no other coordinate uses: their values combine
/// freely.
static llvm::SmallVector<const Coordinate *, 4>
independent(const AccessFact &access) {
  llvm::SmallVector<const Coordinate *, 4> result;
  for (const Coordinate &coordinate : access.coordinates)
    if (llvm::none_of(result, [&](const Coordinate *other) {
          return llvm::any_of(coordinate.terms,
                              [&](const Coordinate::Term &term) {
                                return other->uses(term.rank);
                              });
        }))
      result.push_back(&coordinate);
  return result;
}

static uint64_t countTouchedInBox(const CascadeFacts &facts,
                                  const AccessFact &access) {
  llvm::SmallVector<int64_t> extents;
  for (const RankFact &rank : facts.ranks)
    extents.push_back(rank.extent);
  uint64_t touched = 1;
  for (const Coordinate *coordinate : independent(access))
    touched =
        llvm::SaturatingMultiply(touched, countValues(*coordinate, extents));
  return std::min(touched, facts.tensors[access.tensor].elements);
}

uint64_t einsum::bounds::countTouched(const CascadeFacts &facts,
                                      const Domain &domain,
                                      const AccessFact &access) {
  if (domain.isBox())
    return countTouchedInBox(facts, access);
  if (!domain.isKnown)
    return 0;
  // A coordinate such as p + r - 1 becomes a value of its own, in place of one
  // of its ranks.
  MLIRContext *context = facts.op->getContext();
  llvm::SmallVector<AffineCondition, 4> constraints(domain.constraints);
  Box box = boxOf(facts);
  llvm::SmallVector<int, 6> shown;
  for (const Coordinate *coordinate : independent(access)) {
    if (coordinate->terms.empty())
      continue;
    const Coordinate::Term &last = coordinate->terms.back();
    if (coordinate->terms.size() > 1 || coordinate->constant != 0) {
      if (std::abs(last.coefficient) != 1)
        continue; // counted as one value
      AffineExpr value = getAffineDimExpr(last.rank, context);
      Coordinate rest = *coordinate;
      rest.terms.pop_back();
      AffineExpr rank = (value - toExpr(rest, context)) * last.coefficient;
      Range range = evaluate(toExpr(*coordinate, context), box);
      for (AffineCondition &constraint : constraints)
        constraint.expr = constraint.expr.replace(value, rank);
      constraints.push_back({rank});
      constraints.push_back({facts.ranks[last.rank].extent - 1 - rank});
      box[last.rank] = range;
    }
    shown.push_back(last.rank);
  }
  auto dims = involved(constraints, facts.ranks.size());
  llvm::SmallVector<int, 6> decided, hidden;
  uint64_t free = 1;
  for (int rank : shown)
    if (llvm::is_contained(dims, rank))
      decided.push_back(rank);
    else
      free *= facts.ranks[rank].extent;
  for (int dim : dims)
    if (!llvm::is_contained(shown, dim))
      hidden.push_back(dim);
  uint64_t touched =
      sumBoxes(box, decided, TouchJudge(constraints, decided, hidden));
  return std::min(touched * free, facts.tensors[access.tensor].elements);
}
