//===- Points.cpp - The points and elements of a cascade ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Points.h"

#include "dialects/Einsum/Gathers.h"

#include "llvm/ADT/DenseSet.h"
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
                     SmallVectorImpl<std::pair<int, int64_t>> &terms,
                     int64_t &constant) {
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
  return scale &&
         addTerms(binary.getLHS(), factor * scale.getValue(), terms, constant);
}

RankExpr::RankExpr(AffineExpr expr, ArrayRef<int> dims,
                   ArrayRef<int64_t> symbols) {
  MLIRContext *context = expr.getContext();
  SmallVector<AffineExpr> overRanks, values;
  unsigned count = 0;
  for (int rank : dims) {
    overRanks.push_back(getAffineDimExpr(rank, context));
    count = std::max<unsigned>(count, rank + 1);
  }
  for (int64_t value : symbols)
    values.push_back(getAffineConstantExpr(value, context));
  expr = simplifyAffineExpr(expr.replaceDimsAndSymbols(overRanks, values),
                            count, 0);
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

uint64_t TensorInfo::countBlocks(ArrayRef<int64_t> list) const {
  if (!isShared)
    return 0;
  llvm::DenseSet<int64_t> blocks;
  for (int64_t element : list) {
    int64_t block = 0, factor = 1;
    for (size_t i = extents.size(); i-- > 0; element /= extents[i]) {
      block += element % extents[i] / stored.shape[i] * factor;
      factor *= extents[i];
    }
    blocks.insert(block);
  }
  return blocks.size();
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
  auto isUsed = [&](const RankExpr &expr) { return expr.uses(rank); };
  return llvm::any_of(index, isUsed) || llvm::any_of(choice, isUsed);
}

bool ReadInfo::reaches(int rank) const {
  for (auto [position, expr] : llvm::enumerate(index))
    if (!isOpaque(position) && expr.uses(rank))
      return true;
  return false;
}

std::vector<int64_t> ReadInfo::chosen(ArrayRef<int64_t> coords) const {
  std::vector<int64_t> values;
  for (const RankExpr &expr : index)
    values.push_back(expr.at(coords));
  for (const RankExpr &expr : choice)
    values.push_back(expr.at(coords));
  return values;
}

bool EinsumInfo::reduces(int rank) const {
  return iterates(rank) && !llvm::is_contained(outputRanks, rank);
}

template <typename T>
static int findByName(const std::vector<T> &all, StringRef name) {
  for (auto [i, one] : llvm::enumerate(all))
    if (one.name == name)
      return i;
  return -1;
}

int Points::findRank(StringRef name) const { return findByName(ranks, name); }
int Points::findTensor(StringRef name) const {
  return findByName(tensors, name);
}
int Points::findEinsum(StringRef name) const {
  return findByName(einsums, name);
}

bool Points::feeds(int from, int to) const {
  int producer = tensors[to].producer;
  return from != to && producer >= 0 &&
         llvm::any_of(einsums[producer].reads, [&](const ReadInfo &read) {
           return read.tensor == from;
         });
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

Found Points::locate(const ReadInfo &read, ArrayRef<int64_t> coords,
                     int64_t &element) const {
  const TensorInfo &tensor = tensors[read.tensor];
  element = 0;
  bool initial = false;
  for (auto [i, expr] : llvm::enumerate(read.index)) {
    int64_t extent = tensor.extents[i];
    int64_t coordinate = read.isOpaque(i) ? 0 : expr.at(coords);
    if (coordinate >= 0 && coordinate < extent) {
      element = element * extent + coordinate;
      continue;
    }
    if (tensor.direction[i] != (coordinate < 0 ? 1 : -1))
      return Found::outside;
    initial = true;
  }
  return initial ? Found::initial : Found::element;
}

Found Points::locate(const EinsumInfo &einsum, const ReadInfo &read,
                     ArrayRef<int64_t> coords,
                     ArrayRef<interp::Scalar> operands, int64_t &element,
                     int &outside) const {
  outside = -1;
  Found found = locate(read, coords, element);
  if (!read.gathers() || found != Found::element)
    return found;
  constexpr int64_t most = interp::EinsumKernel::kMostGathered;
  Coords all(coords.begin(), coords.end());
  for (unsigned operand : einsum.gathered)
    all.push_back(std::clamp(operands[operand].integer, -most, most));
  const TensorInfo &tensor = tensors[read.tensor];
  element = 0;
  for (auto [i, expr] : llvm::enumerate(read.data)) {
    int64_t coordinate = expr.at(all), extent = tensor.extents[i];
    if (coordinate < 0 || coordinate >= extent) {
      outside = static_cast<int>(i);
      return Found::outside;
    }
    element = element * extent + coordinate;
  }
  return Found::element;
}

void Points::forEachReached(const ReadInfo &read, int64_t first,
                            llvm::function_ref<void(int64_t)> act) const {
  const TensorInfo &tensor = tensors[read.tensor];
  auto reach = [&](auto &&next, size_t position, int64_t stride,
                   int64_t element) -> void {
    while (position-- > 0) {
      if (read.isOpaque(position)) {
        for (int64_t i = 0; i < tensor.extents[position]; ++i)
          next(next, position, stride * tensor.extents[position],
               element + i * stride);
        return;
      }
      stride *= tensor.extents[position];
    }
    act(element);
  };
  reach(reach, read.gathers() ? tensor.extents.size() : 0, 1, first);
}

bool Points::isExecuted(const EinsumInfo &einsum,
                        ArrayRef<int64_t> coords) const {
  if (!llvm::all_of(einsum.conditions,
                    [&](const Condition &c) { return c.holds(coords); }))
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

int64_t Points::madeElement(const EinsumInfo &einsum,
                            ArrayRef<int64_t> coords) const {
  int64_t element = 0;
  for (int rank : einsum.outputRanks)
    element = element * ranks[rank].extent + coords[rank];
  return element;
}

/// Counts up within a box, the last of `order` fastest; false at the end.
static bool advance(ArrayRef<int> order, ArrayRef<int64_t> lo,
                    ArrayRef<int64_t> hi, Coords &coords) {
  for (int rank : llvm::reverse(order)) {
    if (++coords[rank] < hi[rank])
      return true;
    coords[rank] = lo[rank];
  }
  return false;
}

void Points::forEachPoint(
    const EinsumInfo &einsum, ArrayRef<int64_t> lo, ArrayRef<int64_t> hi,
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

namespace einsum::sim {

class PointsBuilder {
public:
  PointsBuilder(CascadeOp cascade, const interp::Arithmetic &arithmetic,
                int64_t limit)
      : arithmetic(arithmetic), limit(limit) {
    points.cascade = cascade;
    points.storesFormats = arithmetic.isDeclared();
  }

  FailureOr<Points> build() {
    if (failed(addRanks()))
      return failure();
    Block &body = *points.cascade.getBodyBlock();
    for (InputOp input : body.getOps<InputOp>())
      if (failed(addTensor(input.getResult(), input.getTensor(), -1, 0)))
        return failure();
    for (Operation &op : body)
      if (auto einsum = dyn_cast<EinsumInterface>(op)) {
        for (auto [i, name] : llvm::enumerate(einsum.getTensorNames()))
          if (failed(
                  addTensor(op.getResult(i), name, points.einsums.size(), i)))
            return failure();
        points.einsums.emplace_back();
      }
    for (OutputOp output : body.getOps<OutputOp>())
      for (Value tensor : output.getTensors())
        points.tensors[ids[tensor]].isOutput = true;
    size_t next = 0;
    for (Operation &op : body)
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        if (failed(addEinsum(points.einsums[next++], einsum)))
          return failure();
    if (failed(findPresence()))
      return failure();
    countPoints();
    return std::move(points);
  }

private:
  LogicalResult addRanks() {
    Block &body = *points.cascade.getBodyBlock();
    for (RankOp rank : body.getOps<RankOp>()) {
      std::optional<int64_t> extent = rank.getBoundExtent();
      if (!extent)
        return rank.emitError()
               << "the extent of rank '" << rank.getSymName()
               << "' has a parameter without a value; give one to run";
      points.ranks.push_back({rank.getSymName().str(), *extent});
    }
    return success();
  }

  LogicalResult addTensor(Value value, StringRef name, int producer,
                          int result) {
    auto type = cast<NamedTensorType>(value.getType());
    TensorInfo tensor(value.getLoc());
    tensor.name = name.str();
    tensor.elementType = type.getElementType();
    tensor.producer = producer;
    tensor.result = result;
    tensor.direction.assign(type.getRanks().size(), 0);
    tensor.carried.assign(type.getRanks().size(), 0);
    for (StringAttr rank : type.getRanks()) {
      int id = points.findRank(rank);
      tensor.ranks.push_back(id);
      tensor.extents.push_back(points.ranks[id].extent);
      tensor.elements = llvm::SaturatingMultiply<uint64_t>(
          tensor.elements, points.ranks[id].extent);
      if (failed(checkSize(tensor.elements, name, "elements", value.getLoc())))
        return failure();
    }
    auto storage = findStorage(type, tensor.extents);
    if (auto *message = std::get_if<std::string>(&storage))
      return emitError(value.getLoc())
             << "tensor '" << name << "': " << *message;
    tensor.stored = std::get<TensorStorage>(storage).weight;
    tensor.weight = tensor.stored.getShare();
    tensor.isShared = tensor.stored.isShared();
    tensor.value = value;
    tensor.present.assign(tensor.elements, 1);
    ids[value] = points.tensors.size();
    points.tensors.push_back(std::move(tensor));
    return success();
  }

  LogicalResult checkSize(uint64_t count, StringRef name, StringRef what,
                          Location loc) {
    if (count <= static_cast<uint64_t>(limit))
      return success();
    return emitError(loc)
           << "'" << name << "' has more than " << limit << " " << what
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
      size = llvm::SaturatingMultiply<uint64_t>(
          size, points.ranks[info.ranks.back()].extent);
    }
    for (auto [name, result] :
         llvm::zip(einsum.getTensorNames(), einsum->getResults())) {
      info.results.push_back(ids[result]);
      if (info.name.empty())
        info.name = name.str();
    }
    for (int result : info.results)
      if (!einsum.getReductionList().empty() &&
          isa<QuantizedType>(points.tensors[result].elementType))
        return einsum->emitError() << "'" << points.tensors[result].name
                                   << "' gathers sums and is stored in a "
                                      "number format; reduce into "
                                      "a tensor of its own, and store that";
    if (failed(checkSize(size, info.name, "points", einsum.getLoc())))
      return failure();
    for (AffineExpr expr : einsum.getOutputAccess().getResults())
      info.outputRanks.push_back(
          RankExpr(expr, info.ranks, symbols).getRanks().front());
    info.gathered = einsum.getGatheredOperands();
    for (const Access &access : einsum.getInputAccesses())
      info.reads.push_back(makeRead(info, access, symbols));
    for (const Reduction &reduction : einsum.getReductionList())
      info.reductions.push_back({points.findRank(reduction.rank), reduction});
    if (std::optional<IntegerSet> filter = einsum.getFilterSet())
      for (unsigned i = 0; i < filter->getNumConstraints(); ++i)
        info.conditions.push_back(
            {RankExpr(filter->getConstraint(i), info.ranks, symbols),
             filter->isEq(i)});
    addSplits(info);
    info.operators = listOperators(einsum);
    return success();
  }

  ReadInfo makeRead(const EinsumInfo &info, const Access &access,
                    ArrayRef<int64_t> symbols) {
    ReadInfo read{ids[access.tensor], {}};
    AffineMap choice = getChoice(info.op, access);
    for (auto [i, expr] : llvm::enumerate(choice.getResults())) {
      bool isIndex = i >= access.map.getNumResults();
      (isIndex ? static_cast<SmallVectorImpl<RankExpr> &>(read.choice)
               : static_cast<SmallVectorImpl<RankExpr> &>(read.index))
          .push_back(RankExpr(expr, info.ranks, symbols));
    }
    SmallVector<unsigned> opaque = getOpaquePositions(info.op, access);
    if (opaque.empty())
      return read;
    read.opaque.assign(access.map.getNumResults(), 0);
    for (unsigned position : opaque)
      read.opaque[position] = 1;
    // What is gathered stands after the ranks of the cascade.
    MLIRContext *context = points.cascade.getContext();
    SmallVector<int> dims(info.ranks.begin(), info.ranks.end());
    SmallVector<AffineExpr> values;
    for (unsigned i = 0; i < symbols.size(); ++i)
      values.push_back(getAffineSymbolExpr(i, context));
    for (unsigned i = 0; i < info.gathered.size(); ++i) {
      values.push_back(getAffineDimExpr(dims.size(), context));
      dims.push_back(points.ranks.size() + i);
    }
    for (AffineExpr expr : access.map.getResults())
      read.data.push_back(RankExpr(expr.replaceSymbols(values), dims, symbols));
    return read;
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
        flat = flat * points.ranks[part].extent +
               getAffineDimExpr(parts.size(), context);
        parts.push_back(part);
        all &= info.iterates(part);
      }
      int64_t extent = points.ranks[points.findRank(split.getRank())].extent;
      if (all)
        info.conditions.push_back(
            {RankExpr(extent - 1 - flat, parts, {}), false});
    }
  }

  LogicalResult findPresence() {
    FailureOr<interp::BoundCascade> bound =
        interp::BoundCascade::create(points.cascade);
    if (failed(bound))
      return failure();
    for (EinsumInfo &einsum : points.einsums) {
      FailureOr<interp::EinsumKernel> kernel =
          interp::EinsumKernel::create(einsum.op, *bound, arithmetic);
      if (failed(kernel))
        return failure();
      auto owned = std::make_unique<interp::EinsumKernel>(std::move(*kernel));
      einsum.kernel = owned.get();
      points.kernels[einsum.op] = std::move(owned);
      for (const Access &access : einsum.op.getInputAccesses())
        countCarried(*bound, access, einsum.op.getIterationRanks());
    }
    interp::Presence presence =
        interp::Presence::compute(*bound, points.kernels);
    for (EinsumInfo &einsum : points.einsums) {
      if (failed(presence.checkGathers(*einsum.kernel)))
        return failure();
      einsum.emptyGroups = EmptyGroups(*einsum.kernel, presence);
      std::vector<uint8_t> mask = presence.getMask(*einsum.kernel);
      for (int result : einsum.results)
        if (!mask.empty())
          points.tensors[result].present.assign(mask.begin(), mask.end());
    }
    return success();
  }

  void countCarried(const interp::BoundCascade &bound, const Access &access,
                    ArrayRef<StringAttr> iteration) {
    TensorInfo &tensor = points.tensors[ids[access.tensor]];
    auto type = cast<NamedTensorType>(access.tensor.getType());
    for (auto [position, rank] : llvm::enumerate(type.getRanks())) {
      tensor.direction[position] = bound.getDirection(access.tensor, rank);
      std::optional<int64_t> step = getStep(access, rank, iteration);
      if (tensor.direction[position] != 0 && step)
        tensor.carried[position] =
            std::max(tensor.carried[position], std::abs(*step));
    }
  }

  void countPoints() {
    Coords lo(points.ranks.size(), 0), hi;
    for (const RankInfo &rank : points.ranks)
      hi.push_back(rank.extent);
    for (const EinsumInfo &einsum : points.einsums) {
      std::vector<uint32_t> made(
          points.tensors[einsum.results.front()].elements, 0);
      points.forEachPoint(einsum, lo, hi, [&](ArrayRef<int64_t> coords) {
        ++made[points.madeElement(einsum, coords)];
      });
      for (int result : einsum.results)
        points.tensors[result].points = made;
    }
  }

  const interp::Arithmetic &arithmetic;
  int64_t limit;
  Points points;
  llvm::DenseMap<Value, int> ids;
};

} // namespace einsum::sim

FailureOr<Points> Points::create(CascadeOp cascade,
                                 const interp::Arithmetic &arithmetic,
                                 int64_t limit) {
  return PointsBuilder(cascade, arithmetic, limit).build();
}
