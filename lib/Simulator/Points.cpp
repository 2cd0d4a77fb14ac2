//===- Points.cpp - The points and elements of a cascade ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Points.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

//===----------------------------------------------------------------------===//
// Affine expressions
//===----------------------------------------------------------------------===//

/// Adds `factor * expr` to a sum of terms; false if it is no such sum.
static bool addTerms(AffineExpr expr, int64_t factor,
                     SmallVectorImpl<std::pair<int, int64_t>> &terms, int64_t &constant) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    constant += factor * number.getValue();
    return true;
  }
  if (auto rank = dyn_cast<AffineDimExpr>(expr)) {
    terms.push_back({static_cast<int>(rank.getPosition()), factor});
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add)
    return addTerms(binary.getLHS(), factor, terms, constant) &&
           addTerms(binary.getRHS(), factor, terms, constant);
  if (!binary || binary.getKind() != AffineExprKind::Mul)
    return false;
  auto scale = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return scale && addTerms(binary.getLHS(), factor * scale.getValue(), terms, constant);
}

RankExpr::RankExpr(AffineExpr expr, ArrayRef<int> dims, ArrayRef<int64_t> symbols) {
  MLIRContext *context = expr.getContext();
  SmallVector<AffineExpr> overRanks, values;
  unsigned count = 0;
  for (int rank : dims) {
    overRanks.push_back(getAffineDimExpr(rank, context));
    count = std::max<unsigned>(count, rank + 1);
  }
  for (int64_t value : symbols)
    values.push_back(getAffineConstantExpr(value, context));
  expr = simplifyAffineExpr(expr.replaceDimsAndSymbols(overRanks, values), count, 0);
  for (int rank : dims)
    if (expr.isFunctionOfDim(rank) && !llvm::is_contained(ranks, rank))
      ranks.push_back(rank);
  if (!addTerms(expr, 1, terms, constant))
    general = expr;
}

static int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> coords) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return number.getValue();
  if (auto rank = dyn_cast<AffineDimExpr>(expr))
    return coords[rank.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluate(binary.getLHS(), coords);
  int64_t rhs = evaluate(binary.getRHS(), coords);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(lhs, rhs);
  default:
    return llvm::mod(lhs, rhs);
  }
}

int64_t RankExpr::at(ArrayRef<int64_t> coords) const {
  if (general)
    return evaluate(general, coords);
  int64_t value = constant;
  for (auto [rank, factor] : terms)
    value += coords[rank] * factor;
  return value;
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

int64_t TensorInfo::element(ArrayRef<int64_t> index) const {
  int64_t element = 0;
  for (auto [coordinate, extent] : llvm::zip(index, extents))
    element = element * extent + coordinate;
  return element;
}

std::string TensorInfo::describe(int64_t element) const {
  std::string text;
  for (int64_t extent : llvm::reverse(extents)) {
    text = std::to_string(element % extent) + (text.empty() ? "" : ", ") + text;
    element /= extent;
  }
  return name + "[" + text + "]";
}

bool ReadInfo::uses(int rank) const {
  return llvm::any_of(index, [&](const RankExpr &expr) { return expr.uses(rank); });
}

bool EinsumInfo::reduces(int rank) const {
  return iterates(rank) && !llvm::is_contained(outputRanks, rank);
}

template <typename T> static int findByName(const std::vector<T> &all, StringRef name) {
  for (auto [i, one] : llvm::enumerate(all))
    if (one.name == name)
      return i;
  return -1;
}

int Points::findRank(StringRef name) const { return findByName(ranks, name); }
int Points::findTensor(StringRef name) const { return findByName(tensors, name); }
int Points::findEinsum(StringRef name) const { return findByName(einsums, name); }

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

Found Points::locate(const ReadInfo &read, ArrayRef<int64_t> coords,
                     int64_t &element) const {
  const TensorInfo &tensor = tensors[read.tensor];
  element = 0;
  bool initial = false;
  for (auto [i, expr] : llvm::enumerate(read.index)) {
    int64_t coordinate = expr.at(coords), extent = tensor.extents[i];
    if (coordinate >= 0 && coordinate < extent) {
      element = element * extent + coordinate;
      continue;
    }
    bool before = tensor.direction > 0 ? coordinate < 0 : coordinate >= extent;
    if (static_cast<int>(i) != tensor.iterative || !before)
      return Found::outside;
    initial = true;
  }
  return initial ? Found::initial : Found::element;
}

/// Everything but the presence of what is read.
bool Points::isDefined(const EinsumInfo &einsum, ArrayRef<int64_t> coords) const {
  return llvm::all_of(einsum.conditions,
                      [&](const Condition &c) { return c.holds(coords); });
}

bool Points::isExecuted(const EinsumInfo &einsum, ArrayRef<int64_t> coords) const {
  if (!isDefined(einsum, coords))
    return false;
  return llvm::all_of(einsum.reads, [&](const ReadInfo &read) {
    int64_t element;
    switch (locate(read, coords, element)) {
    case Found::element:
      return tensors[read.tensor].present[element] != 0;
    case Found::initial:
      return true;
    case Found::outside:
      return false;
    }
    return false;
  });
}

int64_t Points::madeElement(const EinsumInfo &einsum, ArrayRef<int64_t> coords) const {
  int64_t element = 0;
  for (int rank : einsum.outputRanks)
    element = element * ranks[rank].extent + coords[rank];
  return element;
}

/// Counts up within a box, the last of `order` fastest; false at the end.
static bool advance(ArrayRef<int> order, ArrayRef<int64_t> lo, ArrayRef<int64_t> hi,
                    Coords &coords) {
  for (int rank : llvm::reverse(order)) {
    if (++coords[rank] < hi[rank])
      return true;
    coords[rank] = lo[rank];
  }
  return false;
}

void Points::forEachPoint(const EinsumInfo &einsum, ArrayRef<int64_t> lo,
                          ArrayRef<int64_t> hi,
                          llvm::function_ref<void(ArrayRef<int64_t>)> act) const {
  Coords coords(ranks.size(), 0);
  for (int rank : einsum.ranks) {
    if (lo[rank] >= hi[rank])
      return;
    coords[rank] = lo[rank];
  }
  do {
    if (isExecuted(einsum, coords))
      act(coords);
  } while (advance(einsum.ranks, lo, hi, coords));
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// True if every rank of the expression is kept.
static bool isOverKept(const EinsumInfo &einsum, const RankExpr &expr) {
  return llvm::none_of(expr.getRanks(), [&](int rank) { return einsum.reduces(rank); });
}

static bool isOverKept(const EinsumInfo &einsum, const ReadInfo &read) {
  return llvm::all_of(read.index,
                      [&](const RankExpr &expr) { return isOverKept(einsum, expr); });
}

/// Removes the elements that conditions over kept ranks exclude, given what is
/// present so far; true if there was one.
bool Points::excludePresence() {
  bool changed = false;
  for (const EinsumInfo &einsum : einsums) {
    // One point per element: conditions over kept ranks do not see the others.
    Coords coords(ranks.size(), 0), lo(ranks.size(), 0), hi(ranks.size(), 1);
    for (int rank : einsum.outputRanks)
      hi[rank] = ranks[rank].extent;
    auto isExcluded = [&] {
      for (const Condition &condition : einsum.conditions)
        if (isOverKept(einsum, condition.expr) && !condition.holds(coords))
          return true;
      for (const ReadInfo &read : einsum.reads) {
        const TensorInfo &tensor = tensors[read.tensor];
        for (auto [i, expr] : llvm::enumerate(read.index)) {
          int64_t coordinate = expr.at(coords), extent = tensor.extents[i];
          bool before = tensor.direction > 0 ? coordinate < 0 : coordinate >= extent;
          if (isOverKept(einsum, expr) && (coordinate < 0 || coordinate >= extent) &&
              !(static_cast<int>(i) == tensor.iterative && before))
            return true;
        }
        int64_t element;
        if (isOverKept(einsum, read) && locate(read, coords, element) == Found::element &&
            !tensor.present[element])
          return true;
      }
      return false;
    };
    do {
      int64_t element = madeElement(einsum, coords);
      if (!tensors[einsum.results.front()].present[element] || !isExcluded())
        continue;
      for (int result : einsum.results)
        tensors[result].present[element] = 0;
      changed = true;
    } while (advance(einsum.outputRanks, lo, hi, coords));
  }
  return changed;
}

namespace einsum::sim {

class PointsBuilder {
public:
  PointsBuilder(CascadeOp cascade, int64_t limit) : limit(limit) {
    points.cascade = cascade;
  }

  FailureOr<Points> build() {
    if (failed(addRanks()))
      return failure();
    Block &body = *points.cascade.getBodyBlock();
    for (InputOp input : body.getOps<InputOp>())
      if (failed(addTensor(input.getResult(), input.getTensor(), -1, 0)))
        return failure();
    for (Operation &op : body)
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        for (auto [i, name] : llvm::enumerate(einsum.getTensorNames()))
          if (failed(addTensor(op.getResult(i), name, points.einsums.size(), i)))
            return failure();
          else if (i + 1 == op.getNumResults())
            points.einsums.emplace_back();
    for (OutputOp output : body.getOps<OutputOp>())
      for (Value tensor : output.getTensors())
        points.tensors[ids[tensor]].isOutput = true;
    size_t next = 0;
    for (Operation &op : body)
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        if (failed(addEinsum(points.einsums[next++], einsum)))
          return failure();
    if (failed(findRecurrences()))
      return failure();
    while (points.excludePresence())
      ;
    countPoints();
    return std::move(points);
  }

private:
  LogicalResult addRanks() {
    Block &body = *points.cascade.getBodyBlock();
    for (RankOp rank : body.getOps<RankOp>()) {
      std::optional<int64_t> extent = rank.getBoundExtent();
      if (!extent)
        return rank.emitError() << "the extent of rank '" << rank.getSymName()
                                << "' has a parameter without a value; give one to run";
      points.ranks.push_back({rank.getSymName().str(), *extent});
    }
    return success();
  }

  LogicalResult addTensor(Value value, StringRef name, int producer, int result) {
    auto type = cast<NamedTensorType>(value.getType());
    TensorInfo tensor{name.str(), type.getElementType(), {}, {}, 1, type.getElementBits(),
                      producer,   result,                false, -1, 0, 0, value.getLoc(),
                      {},         {}};
    for (StringAttr rank : type.getRanks()) {
      int id = points.findRank(rank);
      tensor.ranks.push_back(id);
      tensor.extents.push_back(points.ranks[id].extent);
      tensor.elements =
          llvm::SaturatingMultiply<uint64_t>(tensor.elements, points.ranks[id].extent);
      if (failed(checkSize(tensor.elements, name, "elements", value.getLoc())))
        return failure();
    }
    tensor.present.assign(tensor.elements, 1);
    ids[value] = points.tensors.size();
    points.tensors.push_back(std::move(tensor));
    return success();
  }

  LogicalResult checkSize(uint64_t count, StringRef name, StringRef what, Location loc) {
    if (count <= static_cast<uint64_t>(limit))
      return success();
    return emitError(loc) << "'" << name << "' has more than " << limit << " " << what
                          << ", too many to execute one by one; bind smaller extents";
  }

  LogicalResult addEinsum(EinsumInfo &info, EinsumInterface einsum) {
    info.op = einsum;
    SmallVector<int64_t> symbols;
    for (StringAttr symbol : einsum.getSymbolNames()) {
      std::optional<int64_t> value = points.cascade.getParam(symbol);
      if (!value)
        return einsum->emitError() << "parameter '" << symbol.getValue()
                                   << "' has no value; give one to run";
      symbols.push_back(*value);
    }
    uint64_t size = 1;
    for (StringAttr rank : einsum.getIterationRanks()) {
      info.ranks.push_back(points.findRank(rank));
      size = llvm::SaturatingMultiply<uint64_t>(size,
                                                points.ranks[info.ranks.back()].extent);
    }
    for (auto [name, result] : llvm::zip(einsum.getTensorNames(), einsum->getResults())) {
      info.results.push_back(ids[result]);
      if (info.name.empty())
        info.name = name.str();
    }
    if (failed(checkSize(size, info.name, "points", einsum.getLoc())))
      return failure();
    for (AffineExpr expr : einsum.getOutputAccess().getResults())
      info.outputRanks.push_back(
          RankExpr(expr, info.ranks, symbols).getRanks().front());
    for (const Access &access : einsum.getInputAccesses()) {
      ReadInfo read{ids[access.tensor], {}};
      for (AffineExpr expr : access.map.getResults())
        read.index.push_back(RankExpr(expr, info.ranks, symbols));
      info.reads.push_back(std::move(read));
    }
    for (const Reduction &reduction : einsum.getReductionList())
      info.reductions.push_back({points.findRank(reduction.rank), reduction});
    if (std::optional<IntegerSet> filter = einsum.getFilterSet())
      for (unsigned i = 0; i < filter->getNumConstraints(); ++i)
        info.conditions.push_back(
            {RankExpr(filter->getConstraint(i), info.ranks, symbols), filter->isEq(i)});
    addSplits(info);
    info.operators = listOperators(einsum);
    return success();
  }

  /// An Einsum over all parts of a rank has no points beyond its extent.
  void addSplits(EinsumInfo &info) {
    MLIRContext *context = points.cascade.getContext();
    for (SplitOp split : points.cascade.getBodyBlock()->getOps<SplitOp>()) {
      AffineExpr flat = getAffineConstantExpr(0, context);
      bool all = true;
      SmallVector<int> parts;
      for (Attribute name : split.getParts()) {
        int part = points.findRank(cast<StringAttr>(name).getValue());
        flat = flat * points.ranks[part].extent + getAffineDimExpr(parts.size(), context);
        parts.push_back(part);
        all &= info.iterates(part);
      }
      int64_t extent = points.ranks[points.findRank(split.getRank())].extent;
      if (all)
        info.conditions.push_back({RankExpr(extent - 1 - flat, parts, {}), false});
    }
  }

  //===--------------------------------------------------------------------===//
  // Recurrences
  //===--------------------------------------------------------------------===//

  LogicalResult findRecurrences() {
    FailureOr<std::vector<EvaluationStep>> order = orderEvaluation(points.cascade);
    if (failed(order))
      return failure();
    for (const EvaluationStep &step : *order)
      markLoop(step);
    for (EinsumInfo &einsum : points.einsums)
      countCarried(einsum.op);
    return success();
  }

  /// All tensors made in a loop with initial values are recurrences along it.
  void markLoop(const EvaluationStep &step, const EvaluationStep *around = nullptr) {
    for (const EvaluationStep &inner : step.body)
      markLoop(inner, &step);
    if (!step.einsum || !around)
      return;
    for (Value result : step.einsum->getResults()) {
      TensorInfo &tensor = points.tensors[ids[result]];
      int rank = points.findRank(around->rank);
      const int *position = llvm::find(tensor.ranks, rank);
      if (position == tensor.ranks.end() ||
          cast<EinsumInterface>(step.einsum).getInitialValues().empty())
        continue;
      tensor.iterative = position - tensor.ranks.begin();
      tensor.direction = around->direction;
    }
  }

  void countCarried(EinsumInterface einsum) {
    SmallVector<StringAttr> iteration = einsum.getIterationRanks();
    for (const Access &access : einsum.getInputAccesses()) {
      TensorInfo &tensor = points.tensors[ids[access.tensor]];
      if (tensor.iterative < 0)
        continue;
      auto type = cast<NamedTensorType>(access.tensor.getType());
      std::optional<int64_t> step =
          getStep(access, type.getRanks()[tensor.iterative], iteration);
      if (step)
        tensor.carried = std::max(tensor.carried, std::abs(*step));
    }
  }

  void countPoints() {
    Coords lo(points.ranks.size(), 0), hi;
    for (const RankInfo &rank : points.ranks)
      hi.push_back(rank.extent);
    for (const EinsumInfo &einsum : points.einsums) {
      std::vector<uint32_t> made(points.tensors[einsum.results.front()].elements, 0);
      points.forEachPoint(einsum, lo, hi, [&](ArrayRef<int64_t> coords) {
        ++made[points.madeElement(einsum, coords)];
      });
      for (int result : einsum.results)
        points.tensors[result].points = made;
    }
  }

  int64_t limit;
  Points points;
  llvm::DenseMap<Value, int> ids;
};

} // namespace einsum::sim

FailureOr<Points> Points::create(CascadeOp cascade, int64_t limit) {
  return PointsBuilder(cascade, limit).build();
}
