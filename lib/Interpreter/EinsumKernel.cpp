//===- EinsumKernel.cpp - One Einsum, ready to be evaluated ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/EinsumKernel.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Interpreter/Tensor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool KernelAccess::readsInitial(const int64_t *coordinates) const {
  if (!mayReadInitial)
    return false;
  for (auto [side, index, extent] :
       llvm::zip_equal(initialSide, indices, extents)) {
    if (side == 0)
      continue;
    int64_t value = index.evaluate(coordinates);
    if (side > 0 ? value < 0 : value >= extent)
      return true;
  }
  return false;
}

int64_t KernelAccess::flatten(const int64_t *coordinates) const {
  int64_t position = 0;
  for (auto [index, extent] : llvm::zip_equal(indices, extents))
    position = position * extent + index.evaluate(coordinates);
  return position;
}

int KernelAccess::findOutside(const int64_t *coordinates) const {
  for (unsigned i = 0; i < indices.size(); ++i) {
    if (!(opaque >> i & 1))
      continue;
    int64_t at = indices[i].evaluate(coordinates);
    if (at < 0 || at >= extents[i])
      return static_cast<int>(i);
  }
  return -1;
}

unsigned EinsumKernel::getLevel(uint64_t dimSet) const {
  for (size_t level = reductions.size(); level > 0; --level)
    for (unsigned dim : reductions[level - 1].dims)
      if (dimSet >> dim & 1)
        return level;
  return 0;
}

bool EinsumKernel::contains(const int64_t *coordinates) const {
  return llvm::all_of(conditions,
                      [&](const Condition &c) { return c.holds(coordinates); });
}

std::string EinsumKernel::printPoint(const int64_t *coordinates) const {
  std::vector<std::string> names;
  for (StringAttr rank : ranks)
    names.push_back(rank.str());
  return interp::printPoint(names, ArrayRef(coordinates, ranks.size()));
}

LogicalResult EinsumKernel::refuseOutside(unsigned access, int rank,
                                          const int64_t *coordinates) const {
  const KernelAccess &read = accesses[access];
  Value tensor = read.tensor;
  Operation *definition = tensor.getDefiningOp();
  std::string name;
  if (auto input = dyn_cast<InputOp>(definition))
    name = input.getTensor().str();
  else
    name = cast<EinsumInterface>(definition)
               .getTensorNames()[cast<OpResult>(tensor).getResultNumber()]
               .str();
  auto type = cast<NamedTensorType>(tensor.getType());
  std::string text;
  llvm::raw_string_ostream os(text);
  Access own = EinsumInterface(einsum).getInputAccesses()[access];
  printNamedExpr(os, own.map.getResult(rank), ranks, getAccessSymbols(einsum));
  InFlightDiagnostic diag =
      einsum->emitError()
      << "Einsum '" << EinsumInterface(einsum).getTensorNames()[0].getValue()
      << "' reads '" << name << "' at " << type.getRanks()[rank].getValue()
      << " = " << text << " = " << read.indices[rank].evaluate(coordinates)
      << " at " << printPoint(coordinates) << ", but the rank has extent "
      << read.extents[rank];
  diag.attachNote(definition->getLoc()) << "the tensor is defined here";
  return diag;
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

namespace {

class KernelBuilder {
public:
  KernelBuilder(EinsumInterface einsum, const BoundCascade &bound,
                const Arithmetic &arithmetic)
      : einsum(einsum), bound(bound), arithmetic(arithmetic) {
    kernel.einsum = einsum;
  }

  FailureOr<EinsumKernel> build();

private:
  LogicalResult addBox();
  LogicalResult addFormats();
  LogicalResult addReductions();
  LogicalResult addAccess(const Access &access);
  LogicalResult addFilter();
  LogicalResult addSplits();
  LogicalResult bindSymbols();

  /// An index over the iteration ranks and gathered values; emits an error if
  /// it is refused.
  FailureOr<IndexFunction> makeIndex(AffineExpr expr);
  /// Adds `expr >= 0` or `expr == 0`, unless that holds everywhere.
  LogicalResult addCondition(AffineExpr expr, bool isEquality);
  /// Coordinate of `rank` at a point: a dim, or a sum of the parts iterated.
  /// Null if a part is not iterated.
  AffineExpr flattenParts(StringRef rank);

  EinsumInterface einsum;
  const BoundCascade &bound;
  const Arithmetic &arithmetic;
  EinsumKernel kernel;
  SmallVector<AffineExpr> symbols;
  SmallVector<StringAttr> accessSymbols; ///< names, for messages
};

} // namespace

LogicalResult KernelBuilder::addBox() {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  kernel.gathered = einsum.getGatheredOperands();
  if (ranks.size() + kernel.gathered.size() > 64)
    return einsum->emitError()
           << "iterates over " << ranks.size() << " ranks and gathers by "
           << kernel.gathered.size()
           << " tensors; the interpreter takes at most 64 of both";
  for (StringAttr rank : ranks) {
    kernel.ranks.push_back(rank);
    kernel.extents.push_back(bound.extents.lookup(rank));
    if (__builtin_mul_overflow(kernel.points, kernel.extents.back(),
                               &kernel.points))
      return einsum->emitError() << "has more than 2^64 - 1 points";
  }
  for (AffineExpr expr : einsum.getOutputAccess().getResults())
    kernel.kept.push_back(cast<AffineDimExpr>(expr).getPosition());
  return success();
}

LogicalResult KernelBuilder::addFormats() {
  for (Value result : einsum->getResults()) {
    auto type = cast<NamedTensorType>(result.getType());
    const NumberFormat *format =
        arithmetic.formatOf(getScalarType(type.getElementType()));
    if (!format)
      return einsum->emitError()
             << "the interpreter computes with scalars of at most "
                "64 bits, found "
             << type.getElementType();
    kernel.formats.push_back(format);
    kernel.stored.push_back(
        arithmetic.tensorFormatOf(getScalarType(type.getElementType())));
  }
  return success();
}

LogicalResult KernelBuilder::addReductions() {
  StringAttr previous;
  for (const Reduction &reduction : einsum.getReductionList()) {
    if (reduction.monoid != previous) {
      FailureOr<Monoid> monoid = Monoid::create(reduction, kernel.formats,
                                                arithmetic, einsum->getLoc());
      if (failed(monoid))
        return failure();
      kernel.reductions.push_back({{}, std::move(*monoid)});
    }
    previous = reduction.monoid;
    const StringAttr *dim = llvm::find(kernel.ranks, reduction.rank);
    kernel.reductions.back().dims.push_back(dim - kernel.ranks.begin());
  }
  return success();
}

LogicalResult KernelBuilder::bindSymbols() {
  accessSymbols = getAccessSymbols(einsum);
  for (StringAttr name : einsum.getSymbolNames()) {
    std::optional<int64_t> value = bound.cascade.getParam(name);
    if (!value)
      return einsum->emitError()
             << "parameter '" << name.getValue() << "' has no value";
    symbols.push_back(getAffineConstantExpr(*value, einsum->getContext()));
  }
  for (unsigned i = 0; i < kernel.gathered.size(); ++i)
    symbols.push_back(
        getAffineDimExpr(kernel.ranks.size() + i, einsum->getContext()));
  return success();
}

FailureOr<IndexFunction> KernelBuilder::makeIndex(AffineExpr expr) {
  auto describe = [&] {
    std::string text;
    llvm::raw_string_ostream os(text);
    SmallVector<StringAttr> names = einsum.getIterationRanks();
    ArrayRef<StringAttr> gathered = accessSymbols;
    llvm::append_range(names, gathered.take_back(kernel.gathered.size()));
    printNamedExpr(os, expr, names, {});
    return text;
  };
  unsigned numDims = kernel.countCoordinates();
  expr = simplifyAffineExpr(expr.replaceSymbols(symbols), numDims, 0);
  std::optional<IndexFunction> index = IndexFunction::create(expr, numDims);
  if (!index)
    return einsum->emitError()
           << "the index '" << describe()
           << "' divides by something other than a positive number";
  // What is gathered stays within these bounds, or is refused when it is read.
  SmallVector<int64_t> extents(kernel.extents);
  extents.resize(numDims, EinsumKernel::kMostGathered);
  if (!index->getRange(extents))
    return einsum->emitError()
           << "the index '" << describe() << "' exceeds 64 bits";
  return *index;
}

LogicalResult KernelBuilder::addCondition(AffineExpr expr, bool isEquality) {
  FailureOr<IndexFunction> index = makeIndex(expr);
  if (failed(index))
    return failure();
  Interval range = *index->getRange(kernel.extents);
  bool always = range.low >= 0 && (!isEquality || range.high == 0);
  if (!always)
    kernel.conditions.push_back({*index, isEquality});
  return success();
}

LogicalResult KernelBuilder::addAccess(const Access &access) {
  KernelAccess read;
  read.tensor = access.tensor;
  auto type = cast<NamedTensorType>(access.tensor.getType());
  for (auto [i, expr, rank] :
       llvm::enumerate(access.map.getResults(), type.getRanks())) {
    FailureOr<IndexFunction> index = makeIndex(expr);
    if (failed(index))
      return failure();
    int64_t extent = bound.extents.lookup(rank);
    if (isGathered(expr, einsum.getSymbolNames().size())) {
      read.opaque |= uint64_t{1} << i;
      read.extents.push_back(extent);
      read.indices.push_back(*index);
      read.initialSide.push_back(0);
      continue;
    }
    Interval range = *index->getRange(kernel.extents);
    int direction = bound.getDirection(access.tensor, rank);
    bool reachesInitial =
        direction > 0 ? range.low < 0 : direction < 0 && range.high >= extent;
    if (direction <= 0 && failed(addCondition(expr, /*isEquality=*/false)))
      return failure();
    if (direction >= 0 &&
        failed(addCondition(extent - 1 - expr, /*isEquality=*/false)))
      return failure();
    read.extents.push_back(extent);
    read.indices.push_back(*index);
    read.initialSide.push_back(reachesInitial ? direction : 0);
    read.mayReadInitial |= reachesInitial;
  }
  if (read.mayReadInitial) {
    auto producer = cast<EinsumInterface>(access.tensor.getDefiningOp());
    unsigned result = cast<OpResult>(access.tensor).getResultNumber();
    TypedAttr initial = producer.getInitialValues()[result];
    read.initial =
        getConstant(initial, *arithmetic.formatOf(initial.getType()));
  }
  kernel.accesses.push_back(std::move(read));
  return success();
}

LogicalResult KernelBuilder::addFilter() {
  std::optional<IntegerSet> filter = einsum.getFilterSet();
  if (!filter)
    return success();
  for (auto [expr, isEq] :
       llvm::zip_equal(filter->getConstraints(), filter->getEqFlags()))
    if (failed(addCondition(expr, isEq)))
      return failure();
  return success();
}

AffineExpr KernelBuilder::flattenParts(StringRef rank) {
  MLIRContext *context = einsum->getContext();
  auto name = StringAttr::get(context, rank);
  if (const StringAttr *dim = llvm::find(kernel.ranks, name);
      dim != kernel.ranks.end())
    return getAffineDimExpr(dim - kernel.ranks.begin(), context);
  for (SplitOp split : bound.cascade.getBodyBlock()->getOps<SplitOp>()) {
    if (split.getRank() != rank)
      continue;
    AffineExpr sum = getAffineConstantExpr(0, context);
    for (auto part : split.getParts().getAsRange<StringAttr>()) {
      AffineExpr inner = flattenParts(part);
      sum = sum && inner ? sum * bound.extents.lookup(part) + inner
                         : AffineExpr();
    }
    if (sum)
      return sum;
  }
  return {};
}

LogicalResult KernelBuilder::addSplits() {
  for (SplitOp split : bound.cascade.getBodyBlock()->getOps<SplitOp>()) {
    if (llvm::is_contained(kernel.ranks, split.getRankAttr().getAttr()))
      continue; // a dim of the box, bounded by its extent
    AffineExpr whole = flattenParts(split.getRank());
    int64_t extent = bound.extents.lookup(split.getRankAttr().getAttr());
    if (whole && failed(addCondition(extent - 1 - whole, /*isEquality=*/false)))
      return failure();
  }
  return success();
}

FailureOr<EinsumKernel> KernelBuilder::build() {
  if (failed(addBox()) || failed(addFormats()) || failed(addReductions()) ||
      failed(bindSymbols()))
    return failure();
  for (const Access &access : einsum.getInputAccesses())
    if (failed(addAccess(access)))
      return failure();
  if (failed(addFilter()) || failed(addSplits()))
    return failure();
  FailureOr<ScalarProgram> map =
      ScalarProgram::compile(einsum.getMapRegion(), arithmetic);
  if (failed(map))
    return failure();
  kernel.map = std::move(*map);
  return std::move(kernel);
}

FailureOr<EinsumKernel> EinsumKernel::create(EinsumInterface einsum,
                                             const BoundCascade &bound,
                                             const Arithmetic &arithmetic) {
  return KernelBuilder(einsum, bound, arithmetic).build();
}
