//===- Rearrange.cpp - Channels of like size next to each other -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/Rearrange.h"

#include "lib/Quant/Balance.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "channel rearrangement";

static ArrayRef<StringAttr> ranksOf(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getRanks();
}

//===----------------------------------------------------------------------===//
// Coordinates that hold those of another rank
//===----------------------------------------------------------------------===//

namespace {
/// An index as a number at each point.
class IndexTable {
public:
  IndexTable(CascadeEditor &editor, AffineExpr index)
      : editor(editor), index(index) {
    collectRanks(editor, index, ranks);
  }

  const RankSet &getRanks() const { return ranks; }

  /// s, if the index is s * rank + g, where g is q * s * extent + r with r < s:
  /// then it holds the coordinate of `rank`, whatever else it holds.
  std::optional<int64_t> findStride(StringAttr rank, int64_t extent) const;

private:
  std::optional<int64_t> evaluate(StringAttr rank, int64_t at,
                                  int64_t others) const;

  CascadeEditor &editor;
  AffineExpr index;
  RankSet ranks;
};
} // namespace

/// At coordinate `at` of `rank`, and at the point of that number of the others.
std::optional<int64_t> IndexTable::evaluate(StringAttr rank, int64_t at,
                                            int64_t others) const {
  MLIRContext *context = editor.getContext();
  CascadeOp cascade = editor.getCascade();
  SmallVector<AffineExpr> dims(editor.getRankNames().size(),
                               getAffineConstantExpr(0, context));
  SmallVector<AffineExpr> symbols;
  for (StringAttr name : editor.getParamNames())
    symbols.push_back(
        getAffineConstantExpr(cascade.getParam(name).value_or(0), context));
  for (StringAttr name : ranks) {
    int64_t extent = *cascade.findRank(name).getBoundExtent();
    int64_t value = name == rank ? at : others % extent;
    if (name != rank)
      others /= extent;
    unsigned position = cast<AffineDimExpr>(editor.rank(name)).getPosition();
    dims[position] = getAffineConstantExpr(value, context);
  }
  auto value =
      dyn_cast<AffineConstantExpr>(index.replaceDimsAndSymbols(dims, symbols));
  return value ? std::optional(value.getValue()) : std::nullopt;
}

std::optional<int64_t> IndexTable::findStride(StringAttr rank,
                                              int64_t extent) const {
  constexpr int64_t mostPoints = 1 << 16;
  if (!ranks.contains(rank) || extent < 2)
    return std::nullopt;
  int64_t others = 1;
  for (StringAttr name : ranks) {
    std::optional<int64_t> bound =
        editor.getCascade().findRank(name).getBoundExtent();
    if (!bound || (name != rank && (others *= *bound) * extent > mostPoints))
      return std::nullopt;
  }
  std::optional<int64_t> first = evaluate(rank, 0, 0),
                         second = evaluate(rank, 1, 0);
  if (!first || !second || *second - *first < 1)
    return std::nullopt;
  int64_t stride = *second - *first;
  for (int64_t other = 0; other < others; ++other) {
    std::optional<int64_t> base = evaluate(rank, 0, other);
    if (!base || *base < 0 || *base % (stride * extent) >= stride)
      return std::nullopt;
    for (int64_t at = 1; at < extent; ++at)
      if (evaluate(rank, at, other) != *base + stride * at)
        return std::nullopt;
  }
  return stride;
}

//===----------------------------------------------------------------------===//
// Whether the order of a rank shows
//===----------------------------------------------------------------------===//

namespace {
/// What stands against permuting a rank, which others follow it, and along
/// which ranks the permutation may differ.
class OrderCheck {
public:
  OrderCheck(CascadeEditor &editor, const Assignment &assignment,
             ArrayRef<Assignment> assignments)
      : editor(editor), assignment(assignment), assignments(assignments) {}

  std::string findObstacle();
  /// Requires that there is no obstacle to the order.
  std::variant<ScalePowers, std::string> findScales() const;

  StringAttr base;
  llvm::MapVector<StringAttr, int64_t> followers; ///< with their strides
  SmallVector<StringAttr> common; ///< of all tensors with one of these ranks

private:
  void readStatements();
  void chooseBase();
  std::string findFollowers();
  std::string visitRead(Expr read, StringRef reader, bool &isChanged);
  std::string checkDeclarations();
  std::string checkStatement(const Statement &statement);
  void restrict(Value tensor);
  bool isGranted(StringRef tensor) const {
    return llvm::is_contained(assignment.granted, tensor.str());
  }
  bool isMoved(StringAttr rank) const {
    return rank == base || followers.contains(rank);
  }
  StringAttr findMoved(Value tensor) const {
    for (StringAttr rank : ranksOf(tensor))
      if (isMoved(rank))
        return rank;
    return {};
  }
  std::optional<int64_t> extentOf(StringAttr rank) {
    return editor.getCascade().findRank(rank).getBoundExtent();
  }

  CascadeEditor &editor;
  const Assignment &assignment;
  ArrayRef<Assignment> assignments;
  std::vector<Statement> statements;
  bool hasCommon = false;
};
} // namespace

void OrderCheck::readStatements() {
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      statements.push_back(editor.read(einsum));
}

/// The blocks' rank, or the rank of which its coordinates are made: the largest
/// that may be, which leaves the permutation most freedom.
void OrderCheck::chooseBase() {
  auto blocks =
      StringAttr::get(editor.getContext(), assignment.storage.ranks[0]);
  base = blocks;
  int64_t largest = 0;
  for (const Statement &statement : statements)
    for (Expr read : collectReads(statement))
      for (auto [index, own] :
           llvm::zip(read->indices, ranksOf(read->tensor))) {
        if (own != blocks || index == editor.rank(own))
          continue;
        IndexTable table(editor, index);
        for (StringAttr rank : table.getRanks()) {
          std::optional<int64_t> extent = extentOf(rank);
          if (rank == blocks || !extent || *extent <= largest ||
              !table.findStride(rank, *extent))
            continue;
          base = rank;
          largest = *extent;
        }
      }
}

/// Indices are the rank of the tensor itself, or make a rank follow.
std::string OrderCheck::visitRead(Expr read, StringRef reader,
                                  bool &isChanged) {
  std::string place = "'" + reader.str() + "' reads '" +
                      getTensorName(read->tensor).str() + "' ";
  for (auto [index, own] : llvm::zip(read->indices, ranksOf(read->tensor))) {
    if (index == editor.rank(own))
      continue;
    IndexTable table(editor, index);
    StringAttr moved;
    for (StringAttr rank : table.getRanks())
      if (isMoved(rank))
        moved = rank;
    if (!moved && !isMoved(own))
      continue;
    std::optional<int64_t> extent = extentOf(base), whole = extentOf(own);
    std::optional<int64_t> stride;
    if (table.getRanks().contains(base) && own != base && extent && whole)
      stride = table.findStride(base, *extent);
    if (!stride || *whole % (*stride * *extent) != 0)
      return place + "at an index that is not " + (moved ? moved : own).str() +
             " itself";
    auto [follower, isNew] = followers.insert({own, *stride});
    if (follower->second != *stride)
      return place + "with the coordinate of " + base.str() +
             " at another place of that of " + own.str();
    isChanged |= isNew;
  }
  return {};
}

std::string OrderCheck::findFollowers() {
  for (bool isChanged = true; isChanged;) {
    isChanged = false;
    for (const Statement &statement : statements)
      for (Expr read : collectReads(statement))
        if (std::string obstacle =
                visitRead(read, statement.tensors[0].getValue(), isChanged);
            !obstacle.empty())
          return obstacle;
  }
  return {};
}

void OrderCheck::restrict(Value tensor) {
  if (!findMoved(tensor))
    return;
  if (!hasCommon)
    llvm::copy_if(ranksOf(tensor), std::back_inserter(common),
                  [&](StringAttr other) { return !isMoved(other); });
  hasCommon = true;
  llvm::erase_if(common, [&](StringAttr other) {
    return !llvm::is_contained(ranksOf(tensor), other);
  });
}

std::string OrderCheck::checkDeclarations() {
  auto grant = [](StringRef tensor) {
    return "; if it may come in another order, say rearranged(" + tensor.str() +
           ")";
  };
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    if (auto split = dyn_cast<SplitOp>(op)) {
      if (isMoved(split.getRankAttr().getAttr()))
        return split.getRank().str() + " is split";
      for (StringAttr part : split.getParts().getAsRange<StringAttr>())
        if (isMoved(part))
          return part.str() + " is part of a split";
    }
    if (auto output = dyn_cast<OutputOp>(op))
      for (Value tensor : output.getTensors())
        if (StringAttr rank = findMoved(tensor);
            rank && !isGranted(getTensorName(tensor)))
          return "'" + getTensorName(tensor).str() + "' is an output and has " +
                 rank.str() + grant(getTensorName(tensor));
    auto input = dyn_cast<InputOp>(op);
    if (!input || input.getWeight() || !findMoved(input.getResult()) ||
        isGranted(input.getTensor()))
      continue;
    bool isOurs = llvm::any_of(assignments, [&](const Assignment &other) {
      return other.tensor == input.getResult();
    });
    if (!isOurs)
      return "'" + input.getTensor().str() + "' has " +
             findMoved(input.getResult()).str() +
             " and is an input that nobody permutes beforehand" +
             grant(input.getTensor());
  }
  return {};
}

std::string OrderCheck::checkStatement(const Statement &statement) {
  StringRef name = statement.tensors[0].getValue();
  for (const FilterTerm &term : statement.filter) {
    RankSet ranks;
    collectRanks(editor, term.expr, ranks);
    for (StringAttr rank : ranks)
      if (isMoved(rank))
        return "a condition of '" + name.str() + "' speaks of " + rank.str();
  }
  for (ReductionAttr reduction : statement.reductions)
    if (isMoved(reduction.getRank()) &&
        reduction.getMonoid().getValue().starts_with("arg"))
      return "'" + name.str() + "' finds a place along " +
             reduction.getRank().str();
  for (Expr value : statement.values) {
    std::string found;
    walk(value, [&](Expr node) {
      if (node->kind == ExprNode::Kind::index &&
          isMoved(cast<StringAttr>(node->data)))
        found = node->name();
    });
    if (!found.empty())
      return "'" + name.str() + "' computes with the coordinate " + found;
    // A permutation that differs along another rank needs that rank itself.
    for (Expr read : collectReads(value))
      for (auto [index, own] : llvm::zip(read->indices, ranksOf(read->tensor)))
        if (findMoved(read->tensor) && index != editor.rank(own))
          llvm::erase(common, own);
  }
  return {};
}

std::string OrderCheck::findObstacle() {
  readStatements();
  chooseBase();
  if (std::string obstacle = findFollowers(); !obstacle.empty())
    return obstacle;
  if (std::string obstacle = checkDeclarations(); !obstacle.empty())
    return obstacle;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<InputOp, EinsumInterface>(op))
      for (Value result : op.getResults())
        restrict(result);
  for (const Statement &statement : statements)
    if (std::string obstacle = checkStatement(statement); !obstacle.empty())
      return obstacle;
  return {};
}

std::variant<ScalePowers, std::string> OrderCheck::findScales() const {
  RankSet moved;
  moved.insert(base);
  for (const auto &[rank, stride] : followers)
    moved.insert(rank);
  return findScalePowers(editor, statements, moved, assignment, assignments);
}

//===----------------------------------------------------------------------===//
// Marks
//===----------------------------------------------------------------------===//

static LogicalResult refuse(const Assignment &assignment, const Twine &why) {
  StringRef name = getTensorName(assignment.tensor);
  if (!assignment.isNamed) {
    remarkNotApplied(assignment.tensor.getLoc(), kLaw, name, why);
    return success();
  }
  return emitError(assignment.tensor.getLoc())
         << "'" << name << "' cannot be rearranged: " << why;
}

/// Names that were granted are inputs or outputs.
static LogicalResult checkGranted(CascadeEditor &editor,
                                  const Assignment &assignment) {
  std::vector<std::string> names;
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    if (auto input = dyn_cast<InputOp>(op))
      names.push_back(input.getTensor().str());
    if (auto output = dyn_cast<OutputOp>(op))
      for (Value tensor : output.getTensors())
        names.push_back(getTensorName(tensor).str());
  }
  for (const std::string &name : assignment.granted)
    if (!llvm::is_contained(names, name))
      return emitError(assignment.tensor.getLoc())
             << "rearranged(" << name << "): there is no input or output '"
             << name << "'" << didYouMean(name, names);
  return success();
}

static void markScales(RankOp rank, const ScalePowers &powers) {
  SmallVector<Attribute> up, down;
  for (const auto &[name, power] : powers)
    (power > 0 ? up : down).push_back(StringAttr::get(rank.getContext(), name));
  if (!up.empty())
    rank->setAttr(kScaledUp, ArrayAttr::get(rank.getContext(), up));
  if (!down.empty())
    rank->setAttr(kScaledDown, ArrayAttr::get(rank.getContext(), down));
}

static LogicalResult rearrangeOne(CascadeEditor &editor,
                                  const Assignment &assignment,
                                  ArrayRef<Assignment> assignments) {
  const formats::Storage &storage = assignment.storage;
  if (storage.sharing != formats::Sharing::block || storage.ranks.size() != 1)
    return refuse(assignment, "there are no blocks along one rank in " +
                                  storage.toText() +
                                  " whose channels could be grouped");
  if (failed(checkGranted(editor, assignment)))
    return failure();
  MLIRContext *context = editor.getContext();
  OrderCheck check(editor, assignment, assignments);
  if (std::string obstacle = check.findObstacle(); !obstacle.empty())
    return refuse(assignment, obstacle);
  ScalePowers powers;
  if (assignment.isBalanced) {
    auto scales = check.findScales();
    if (auto *obstacle = std::get_if<std::string>(&scales))
      return refuse(assignment, *obstacle);
    powers = std::get<ScalePowers>(scales);
  }
  CascadeOp cascade = editor.getCascade();
  StringRef name = getTensorName(assignment.tensor);
  SmallVector<StringAttr> moved{check.base};
  for (const auto &[rank, stride] : check.followers)
    moved.push_back(rank);
  for (StringAttr rank : moved) {
    RankOp op = cascade.findRank(rank);
    if (auto other = op->getAttrOfType<StringAttr>(kRearrangedBy))
      return refuse(assignment, rank.getValue() +
                                    " is rearranged already, by magnitudes "
                                    "of '" +
                                    other.getValue() + "'");
    if (op->hasAttr(kRearrangedWith))
      return refuse(assignment, rank.getValue() + " is rearranged already");
  }
  RankOp op = cascade.findRank(check.base);
  op->setAttr(kRearrangedBy, StringAttr::get(context, name));
  SmallVector<Attribute> per(check.common.begin(), check.common.end());
  op->setAttr(kRearrangedPer, ArrayAttr::get(context, per));
  std::string which;
  for (StringAttr other : check.common)
    which += (which.empty() ? ", each " : " and ") + other.str() +
             " in its own order";
  for (const auto &[rank, stride] : check.followers) {
    RankOp follower = cascade.findRank(rank);
    follower->setAttr(kRearrangedWith, check.base);
    follower->setAttr(kRearrangedStride,
                      IntegerAttr::get(IntegerType::get(context, 64), stride));
    which += ", and " + rank.str() + " with them";
  }
  markScales(op, powers);
  if (assignment.isBalanced)
    which += "; they are scaled";
  remarkApplied(assignment.tensor.getLoc(), kLaw, name,
                "channels along " + check.base.getValue() +
                    " are arranged by magnitude in the weights" + which);
  return success();
}

LogicalResult quant::rearrange(CascadeEditor &editor,
                               ArrayRef<Assignment> assignments) {
  for (const Assignment &assignment : assignments)
    if (assignment.isRearranged &&
        failed(rearrangeOne(editor, assignment, assignments)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Reading marks
//===----------------------------------------------------------------------===//

static Value findTensor(CascadeOp cascade, StringRef name) {
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<InputOp, EinsumInterface>(op))
      for (Value result : op.getResults())
        if (getTensorName(result) == name)
          return result;
  return {};
}

/// The ranks that follow `rearrangement.rank`.
static LogicalResult readFollowers(CascadeOp cascade,
                                   Rearrangement &rearrangement) {
  for (RankOp op : cascade.getBodyBlock()->getOps<RankOp>()) {
    auto with = op->getAttrOfType<StringAttr>(kRearrangedWith);
    if (!with || with.getValue() != rearrangement.rank)
      continue;
    auto stride = op->getAttrOfType<IntegerAttr>(kRearrangedStride);
    std::optional<int64_t> extent = op.getBoundExtent();
    if (!stride || stride.getInt() < 1 || !extent ||
        *extent % (stride.getInt() * rearrangement.extent) != 0)
      return op.emitError()
             << "'" << kRearrangedStride
             << "' takes a stride that, times the extent of "
             << rearrangement.rank << ", divides that of " << op.getSymName();
    rearrangement.followers.emplace_back(op.getSymName().str(),
                                         stride.getInt());
  }
  return success();
}

/// Of no tensor: false.
static bool hasRank(Value tensor, StringRef rank) {
  return tensor && llvm::any_of(ranksOf(tensor), [&](StringAttr own) {
           return own.getValue() == rank;
         });
}

/// Whether the rearranged coordinates are those of the tensor, or within them.
static bool hasChannels(Value tensor, const Rearrangement &rearrangement) {
  return hasRank(tensor, rearrangement.rank) ||
         llvm::any_of(rearrangement.followers, [&](const auto &follower) {
           return hasRank(tensor, follower.first);
         });
}

/// Names of tensors that have the coordinates along which the scale differs.
static LogicalResult readScales(RankOp op, Rearrangement &rearrangement) {
  auto cascade = op->getParentOfType<CascadeOp>();
  for (auto [mark, names] :
       {std::pair(StringRef(kScaledUp), &rearrangement.scaledUp),
        std::pair(StringRef(kScaledDown), &rearrangement.scaledDown)}) {
    auto list = op->getAttrOfType<ArrayAttr>(mark);
    for (Attribute attribute : list ? list.getValue() : ArrayRef<Attribute>()) {
      auto name = dyn_cast<StringAttr>(attribute);
      Value tensor = name ? findTensor(cascade, name.getValue()) : Value();
      auto has = [&](StringRef rank) { return hasRank(tensor, rank); };
      if (!hasChannels(tensor, rearrangement) ||
          !llvm::all_of(rearrangement.per, has))
        return op.emitError()
               << "'" << mark << "' names tensors with " << rearrangement.rank
               << (rearrangement.per.empty() ? "" : ", ")
               << llvm::join(rearrangement.per, ", ") << ", found "
               << attribute;
      names->push_back(name.str());
    }
  }
  return success();
}

FailureOr<std::vector<Rearrangement>>
quant::readRearrangements(CascadeOp cascade) {
  std::vector<Rearrangement> all;
  for (RankOp op : cascade.getBodyBlock()->getOps<RankOp>()) {
    auto by = op->getAttrOfType<StringAttr>(kRearrangedBy);
    if (!by)
      continue;
    Rearrangement one;
    one.rank = op.getSymName().str();
    one.by = by.str();
    std::optional<int64_t> extent = op.getBoundExtent();
    one.extent = extent.value_or(0);
    if (!extent || failed(readFollowers(cascade, one)))
      return extent ? failure()
                    : op.emitError("the extent of a rearranged rank is bound");
    Value tensor = findTensor(cascade, one.by);
    if (!hasChannels(tensor, one))
      return op.emitError() << "there is no tensor '" << one.by << "' with "
                            << one.rank << " to sort it by";
    if (auto per = op->getAttrOfType<ArrayAttr>(kRearrangedPer))
      for (Attribute other : per) {
        auto name = dyn_cast<StringAttr>(other);
        if (!name || !hasRank(tensor, name.getValue()))
          return op.emitError() << "'" << kRearrangedPer << "' names ranks of '"
                                << one.by << "', found " << other;
        one.per.push_back(name.str());
      }
    if (failed(readScales(op, one)))
      return failure();
    all.push_back(std::move(one));
  }
  return all;
}

void quant::eraseRearrangements(CascadeOp cascade) {
  for (RankOp op : cascade.getBodyBlock()->getOps<RankOp>())
    for (StringRef mark : kRearrangedMarks)
      op->removeAttr(mark);
}
