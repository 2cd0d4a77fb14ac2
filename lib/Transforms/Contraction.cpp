//===- Contraction.cpp - Products of many tensors, summed once ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Contraction.h"

#include "lib/Transforms/EqualEinsums.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

ArrayRef<Semiring> einsum::getSemirings() {
  static constexpr Semiring table[] = {
      {"add", "arith.mulf", "arith.divf"}, // fields
      {"max", "arith.addf", "arith.subf"}, // tropical: longest paths
      {"min", "arith.addf", "arith.subf"}, // tropical: shortest paths
      {"max", "arith.minimumf", ""},       // lattices: widest paths
      {"min", "arith.maximumf", ""},
      {"add", "arith.muli", ""},
      {"or", "arith.andi", ""},
  };
  return table;
}

//===----------------------------------------------------------------------===//
// Sets of ranks
//===----------------------------------------------------------------------===//

uint64_t Contraction::pointsOf(uint64_t rankSet) const {
  uint64_t points = 1;
  for (size_t i = 0; i < extents.size(); ++i)
    if (rankSet >> i & 1)
      points = llvm::SaturatingMultiply(points, extents[i]);
  return points;
}

uint64_t Contraction::ranksOf(uint64_t factorSet) const {
  uint64_t set = 0;
  for (size_t i = 0; i < factors.size(); ++i)
    if (factorSet >> i & 1)
      set |= factors[i].ranks;
  return set;
}

uint64_t Contraction::openRanks(uint64_t factorSet) const {
  return ranksOf(factorSet) & (kept | ranksOf(all() & ~factorSet));
}

//===----------------------------------------------------------------------===//
// Flattening
//===----------------------------------------------------------------------===//

namespace {

class Flattening {
public:
  Flattening(CascadeEditor &editor, Operation *op,
             const llvm::DenseSet<Operation *> &kept)
      : editor(editor), op(op), kept(kept) {}

  std::optional<Contraction> run(std::string &obstacle);

private:
  std::string findObstacle(const Statement &statement);
  bool chooseSemiring(const Statement &statement);
  void addFactors(const Statement &statement, Expr expr, bool isInverse);
  bool absorb(Expr read, bool isInverse);
  uint64_t bitsOf(const RankSet &ranks);
  uint64_t bitOf(StringAttr rank);
  uint64_t pointsOf(const Statement &statement, uint64_t products);

  CascadeEditor &editor;
  Operation *op;
  const llvm::DenseSet<Operation *> &kept;
  Contraction result;
  bool overflow = false;
};

} // namespace

/// What keeps a statement from being a plain sum of products over full boxes.
std::string Flattening::findObstacle(const Statement &statement) {
  std::string name = "'" + statement.tensors[0].getValue().str() + "'";
  if (!statement.filter.empty())
    return "the filter of " + name + " couples ranks";
  if (!statement.init.empty())
    return name + " is a recurrence";
  for (Expr read : collectReads(statement)) {
    std::string of = "'" + getTensorName(read->tensor).str() + "'";
    if (mayBeAbsent(editor, read->tensor))
      return name + " reads " + of + ", some of whose elements are absent";
    auto type = cast<NamedTensorType>(read->tensor.getType());
    for (auto [index, rank] : llvm::zip(read->indices, type.getRanks()))
      if (!isPlainlyInside(editor, index, rank))
        return name + " reads " + of +
               " through a window, outside of which it has no elements";
  }
  for (StringAttr rank : statement.iterationRanks())
    if (editor.getCascade().findSplitOf(rank))
      return name + " runs over '" + rank.getValue().str() +
             "', a part of a rank whose last tile may be ragged";
  return {};
}

bool Flattening::chooseSemiring(const Statement &statement) {
  if (statement.values.size() != 1 || statement.reductions.empty())
    return false;
  Expr value = statement.values[0];
  for (const Semiring &semiring : getSemirings()) {
    if (llvm::any_of(statement.reductions, [&](ReductionAttr reduction) {
          return reduction.getMonoid().getValue() != semiring.monoid;
        }))
      continue;
    // A sum of one factor goes with the first: whatever the factor is made of.
    if (value->isOp(semiring.product) ||
        (!semiring.inverse.empty() && value->isOp(semiring.inverse))) {
      result.semiring = &semiring;
      return true;
    }
    if (!result.semiring && isa<FloatType>(value->type))
      result.semiring = &semiring;
  }
  return result.semiring != nullptr;
}

uint64_t Flattening::bitOf(StringAttr rank) {
  auto *it = llvm::find(result.ranks, rank);
  size_t position = it - result.ranks.begin();
  if (it == result.ranks.end()) {
    result.ranks.push_back(rank);
    std::optional<int64_t> extent =
        editor.getCascade().findRank(rank).getBoundExtent();
    result.extents.push_back(extent ? static_cast<uint64_t>(*extent) : 0);
  }
  overflow |= position >= 64;
  return uint64_t(1) << (position % 64);
}

uint64_t Flattening::bitsOf(const RankSet &ranks) {
  uint64_t bits = 0;
  for (StringAttr rank : ranks)
    bits |= bitOf(rank);
  return bits;
}

/// Products on the way from `expr` to its factors.
static uint64_t countProducts(const Semiring &semiring, Expr expr) {
  bool isProduct = expr->isOp(semiring.product) ||
                   (!semiring.inverse.empty() && expr->isOp(semiring.inverse));
  if (!isProduct)
    return 0;
  return 1 + countProducts(semiring, expr->operands[0]) +
         countProducts(semiring, expr->operands[1]);
}

uint64_t Flattening::pointsOf(const Statement &statement, uint64_t products) {
  uint64_t set = 0;
  for (StringAttr rank : statement.iterationRanks())
    set |= bitOf(rank);
  return llvm::SaturatingMultiply(result.pointsOf(set),
                                  std::max<uint64_t>(products, 1));
}

/// The factors of `expr`, which stands in `statement`; a read of a producer of
/// the same kind is replaced by the factors of that.
void Flattening::addFactors(const Statement &statement, Expr expr,
                            bool isInverse) {
  const Semiring &semiring = *result.semiring;
  if (expr->isOp(semiring.product)) {
    addFactors(statement, expr->operands[0], isInverse);
    addFactors(statement, expr->operands[1], isInverse);
    return;
  }
  if (!semiring.inverse.empty() && expr->isOp(semiring.inverse)) {
    addFactors(statement, expr->operands[0], isInverse);
    addFactors(statement, expr->operands[1], !isInverse);
    return;
  }
  if (expr->isRead() && absorb(expr, isInverse))
    return;
  result.factors.push_back(
      {expr, isInverse, bitsOf(collectRanks(editor, expr))});
}

bool Flattening::absorb(Expr read, bool isInverse) {
  Operation *producer = read->tensor.getDefiningOp();
  if (producer == op || !isa<EinsumInterface>(producer) ||
      result.absorbed.contains(producer))
    return false;
  Statement statement = editor.read(cast<EinsumInterface>(producer));
  bool sums = !statement.reductions.empty();
  const Semiring &semiring = *result.semiring;
  bool sameMonoid =
      llvm::all_of(statement.reductions, [&](ReductionAttr reduction) {
        return reduction.getMonoid().getValue() == semiring.monoid;
      });
  // 1 / (a + b) is no sum of inverses; a product has one.
  if (statement.values.size() != 1 || !sameMonoid || (sums && isInverse) ||
      isa<QuantizedType>(statement.elementTypes[0]) ||
      !findObstacle(statement).empty())
    return false;
  Expr value = statement.values[0];
  bool isProduct = value->isOp(semiring.product) ||
                   (!semiring.inverse.empty() && value->isOp(semiring.inverse));
  if (!isProduct && !(sums && value->isRead()))
    return false;
  // Ranks are named by the reader; each names one of the tensor.
  RankMap map;
  RankSet named;
  for (auto [rank, index] : llvm::zip(statement.outputRanks, read->indices)) {
    auto dim = dyn_cast<AffineDimExpr>(index);
    if (!dim || !named.insert(editor.rankAt(dim.getPosition())))
      return false;
    map[rank] = index;
  }
  uint64_t readers = 0;
  llvm::SmallPtrSet<Operation *, 4> users;
  for (Operation *user : producer->getUsers())
    readers += users.insert(user).second;
  bool isOutput =
      llvm::any_of(users, [](Operation *user) { return isa<OutputOp>(user); });
  if (isOutput || kept.contains(producer))
    readers = 0; // its cost is no gain
  for (ReductionAttr reduction : statement.reductions) {
    StringAttr rank = reduction.getRank();
    if (llvm::is_contained(result.ranks, rank)) {
      StringAttr fresh = editor.freshRank(rank.getValue());
      editor.addRank(fresh, editor.extent(rank));
      rank = fresh;
    }
    map[reduction.getRank()] = editor.rank(rank);
    bitOf(rank);
  }
  result.absorbed.insert(producer);
  addFactors(statement, editor.substitute(value, map), isInverse);
  uint64_t bits = 0;
  for (StringAttr rank : statement.iterationRanks())
    bits |= bitOf(
        editor.rankAt(cast<AffineDimExpr>(map.lookup(rank)).getPosition()));
  uint64_t points = llvm::SaturatingMultiply(
      result.pointsOf(bits),
      std::max<uint64_t>(countProducts(semiring, value), 1));
  uint64_t share = readers ? points / readers : 0;
  result.shares[producer] = share;
  result.costNow = llvm::SaturatingAdd(result.costNow, share);
  return true;
}

std::optional<Contraction> Flattening::run(std::string &obstacle) {
  Statement statement = editor.read(cast<EinsumInterface>(op));
  if (!chooseSemiring(statement))
    return std::nullopt;
  obstacle = findObstacle(statement);
  if (!obstacle.empty())
    return std::nullopt;
  for (StringAttr rank : statement.iterationRanks())
    (statement.reduces(rank) ? result.ownSummed : result.kept) |= bitOf(rank);
  addFactors(statement, statement.values[0], false);
  for (auto [rank, extent] : llvm::zip(result.ranks, result.extents))
    if (extent == 0) {
      obstacle = "the extent of '" + rank.getValue().str() +
                 "' is not bound, so that no order "
                 "is known to be cheaper";
      return std::nullopt;
    }
  if (overflow || result.factors.size() > 63) {
    obstacle = "it has more than 63 factors or 64 ranks";
    return std::nullopt;
  }
  result.costNow = llvm::SaturatingAdd(
      result.costNow, pointsOf(statement, countProducts(*result.semiring,
                                                        statement.values[0])));
  return result;
}

std::optional<Contraction>
einsum::flattenContraction(CascadeEditor &editor, Operation *op,
                           const llvm::DenseSet<Operation *> &kept,
                           std::string &obstacle) {
  obstacle.clear();
  return Flattening(editor, op, kept).run(obstacle);
}

//===----------------------------------------------------------------------===//
// Available tensors
//===----------------------------------------------------------------------===//

/// The value of a set of factors, some of which are tensors already.
static Expr productOf(CascadeEditor &editor, const Contraction &contraction,
                      ArrayRef<std::pair<Expr, bool>> parts) {
  const Semiring &semiring = *contraction.semiring;
  Expr product = nullptr;
  for (auto [value, isInverse] : parts)
    if (!isInverse)
      product = product ? editor.getExprs().op(semiring.product,
                                               {product, value}, value->type)
                        : value;
  for (auto [value, isInverse] : parts) {
    if (!isInverse)
      continue;
    if (!product) // neutral: 1 / x, 0 - x
      product = editor.getExprs().number(
          semiring.product == "arith.mulf" ? 1 : 0, value->type);
    product =
        editor.getExprs().op(semiring.inverse, {product, value}, value->type);
  }
  return product;
}

static Statement statementOf(CascadeEditor &editor,
                             const Contraction &contraction, uint64_t iterated,
                             uint64_t open,
                             ArrayRef<std::pair<Expr, bool>> parts,
                             Location loc) {
  Statement statement(loc);
  statement.values.push_back(productOf(editor, contraction, parts));
  statement.elementTypes.push_back(statement.values[0]->type);
  auto monoid =
      StringAttr::get(editor.getContext(), contraction.semiring->monoid);
  for (auto [i, rank] : llvm::enumerate(contraction.ranks)) {
    if (!(iterated >> i & 1))
      continue;
    if (open >> i & 1)
      statement.outputRanks.push_back(rank);
    else
      statement.reductions.push_back(
          ReductionAttr::get(editor.getContext(), rank, monoid));
  }
  return statement;
}

static void collectProducers(Operation *op,
                             llvm::SetVector<Operation *> &producers) {
  for (Value operand : op->getOperands())
    if (Operation *producer = operand.getDefiningOp())
      if (producers.insert(producer))
        collectProducers(producer, producers);
}

AvailableTensors einsum::findAvailable(CascadeEditor &editor,
                                       const Contraction &contraction,
                                       Operation *op) {
  AvailableTensors available;
  // A proper subset of two or three factors: what a cascade has at hand.
  size_t n = contraction.factors.size();
  if (n > 12)
    return available;
  // Such a tensor reads what one of the factors reads.
  llvm::SetVector<Operation *> candidates;
  for (const Factor &factor : contraction.factors)
    for (Expr read : collectReads(factor.value))
      for (Operation *user : read->tensor.getUsers())
        candidates.insert(user);
  for (Operation *other : candidates) {
    auto einsum = dyn_cast<EinsumInterface>(other);
    if (!einsum || other == op || einsum->getNumResults() != 1)
      continue;
    llvm::SetVector<Operation *> producers;
    collectProducers(other, producers);
    if (producers.contains(op))
      continue;
    Statement candidate = editor.read(einsum);
    for (uint64_t set = 1; set < contraction.all(); ++set) {
      if (llvm::popcount(set) < 2 || llvm::popcount(set) > 3 ||
          available.contains(set))
        continue;
      SmallVector<std::pair<Expr, bool>> parts;
      for (size_t i = 0; i < n; ++i)
        if (set >> i & 1)
          parts.emplace_back(contraction.factors[i].value,
                             contraction.factors[i].isInverse);
      Statement wanted =
          statementOf(editor, contraction, contraction.ranksOf(set),
                      contraction.openRanks(set), parts, einsum.getLoc());
      std::optional<RankBijection> ranks =
          matchEinsums(editor, candidate, other, wanted, nullptr);
      if (!ranks)
        continue;
      AvailableTensor found{other->getResult(0),
                            candidate.tensors[0],
                            {},
                            contraction.shares.lookup(other)};
      for (StringAttr rank : candidate.outputRanks)
        found.ranks.push_back(ranks->lookup(rank));
      available[set] = found;
    }
  }
  return available;
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

void einsum::emitContraction(CascadeEditor &editor, Operation *op,
                             const Contraction &contraction,
                             const MergeOrder &order,
                             const AvailableTensors &available) {
  Statement root = editor.read(cast<EinsumInterface>(op));
  // A set that is made: either a tensor, or a product not yet written anywhere.
  struct Made {
    SmallVector<std::pair<Expr, bool>, 2> parts;
    uint64_t ranks = 0; ///< that the parts have
  };
  llvm::DenseMap<uint64_t, Made> made;

  auto readOf = [&](Value tensor, const Statement &as) {
    Indices indices;
    for (StringAttr rank : as.outputRanks)
      indices.push_back(editor.rank(rank));
    return editor.getExprs().read(tensor, indices);
  };
  auto materialise = [&](const Made &part, uint64_t open,
                         StringRef name) -> Made {
    Statement statement = statementOf(editor, contraction, part.ranks, open,
                                      part.parts, root.loc);
    statement.tensors.push_back(editor.freshTensor(name));
    return {
        {{readOf(editor.create(statement, op).getResult(0), statement), false}},
        open};
  };
  unsigned number = 0;
  auto freshName = [&] {
    return (root.tensors[0].getValue() + "_" + Twine(++number)).str();
  };
  auto lookUp = [&](uint64_t set) -> Made {
    if (auto it = made.find(set); it != made.end())
      return it->second;
    const Factor &factor = contraction.factors[llvm::countr_zero(set)];
    return {{{factor.value, factor.isInverse}}, factor.ranks};
  };

  for (const Merge &merge : order.merges) {
    uint64_t set = merge.left | merge.right;
    if (merge.right == 0) {
      AvailableTensor known = available.lookup(set);
      Indices indices;
      for (StringAttr rank : known.ranks)
        indices.push_back(editor.rank(rank));
      made[set] = {{{editor.getExprs().read(known.tensor, indices), false}},
                   contraction.openRanks(set)};
      continue;
    }
    uint64_t open = contraction.openRanks(set);
    Made sides[2] = {lookUp(merge.left), lookUp(merge.right)};
    uint64_t others[2] = {merge.right, merge.left},
             own[2] = {merge.left, merge.right};
    for (int i : {0, 1}) {
      // A rank that only this side has is summed before the other side comes
      // in, unless the other side costs no more points than that.
      uint64_t sideOpen = contraction.openRanks(own[i]);
      uint64_t lone = sides[i].ranks & ~sideOpen;
      uint64_t otherRanks = lookUp(others[i]).ranks;
      bool isProduct = sides[i].parts.size() > 1;
      if ((lone || isProduct) && (otherRanks & ~sides[i].ranks))
        sides[i] = materialise(sides[i], sideOpen, freshName());
    }
    Made merged{sides[0].parts, sides[0].ranks | sides[1].ranks};
    merged.parts.append(sides[1].parts);
    bool isRoot = set == contraction.all();
    // A product that sums nothing can wait, if its points are those of the
    // next.
    bool sums = (merged.ranks & ~open) != 0;
    if (!isRoot && sums)
      merged = materialise(merged, open, freshName());
    made[set] = merged;
  }

  Made last = lookUp(contraction.all());
  Statement final =
      statementOf(editor, contraction, last.ranks | contraction.kept,
                  contraction.kept, last.parts, root.loc);
  final.tensors = root.tensors;
  final.outputRanks = root.outputRanks;
  // Ranks that no factor has are summed all the same.
  for (ReductionAttr reduction : root.reductions)
    if (!(contraction.ranksOf(contraction.all()) >>
              (llvm::find(contraction.ranks, reduction.getRank()) -
               contraction.ranks.begin()) &
          1))
      final.reductions.push_back(reduction);
  final.elementTypes = root.elementTypes;
  editor.replace(op, final);
}

//===----------------------------------------------------------------------===//
// Ranks declared on the way
//===----------------------------------------------------------------------===//

llvm::DenseSet<StringAttr> einsum::getRankNames(CascadeOp cascade) {
  llvm::DenseSet<StringAttr> names;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    names.insert(rank.getSymNameAttr());
  return names;
}

void einsum::eraseUnusedRanks(CascadeOp cascade,
                              const llvm::DenseSet<StringAttr> &before) {
  llvm::DenseSet<StringAttr> used = before;
  for (Operation &op : *cascade.getBodyBlock()) {
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      for (StringAttr rank : einsum.getIterationRanks())
        used.insert(rank);
    if (auto split = dyn_cast<SplitOp>(op)) {
      used.insert(split.getRankAttr().getAttr());
      for (auto part : split.getParts().getAsRange<StringAttr>())
        used.insert(part);
    }
  }
  for (RankOp rank :
       llvm::make_early_inc_range(cascade.getBodyBlock()->getOps<RankOp>()))
    if (!used.contains(rank.getSymNameAttr()))
      rank->erase();
}
