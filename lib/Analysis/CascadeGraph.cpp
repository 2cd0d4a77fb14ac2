//===- CascadeGraph.cpp - A cascade with its exact accesses ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/CascadeGraph.h"

#include "dialects/Einsum/Gathers.h"

#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

std::optional<int64_t> einsum::getNumber(AffineExpr expr) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

int einsum::getDim(AffineExpr expr) {
  auto dim = dyn_cast<AffineDimExpr>(expr);
  return dim ? static_cast<int>(dim.getPosition()) : -1;
}

bool einsum::usesAnyDim(AffineExpr expr) {
  return !expr.isSymbolicOrConstant();
}

/// Where a dimension or parameter, times a number or not, stands in a
/// simplified sum; -1 for anything else.
static int64_t placeOf(AffineExpr term) {
  auto product = dyn_cast<AffineBinaryOpExpr>(term);
  if (product && product.getKind() == AffineExprKind::Mul &&
      isa<AffineConstantExpr>(product.getRHS()))
    term = product.getLHS();
  if (auto dim = dyn_cast<AffineDimExpr>(term))
    return dim.getPosition();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(term))
    return (int64_t(1) << 32) + symbol.getPosition();
  return -1;
}

/// Dimensions in order, then parameters, then a number: what simplifying sums
/// leaves, which takes long to find out.
static bool isSimple(AffineExpr expr) {
  if (isa<AffineConstantExpr>(expr))
    return true;
  int64_t next = std::numeric_limits<int64_t>::max();
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (sum && sum.getKind() == AffineExprKind::Add &&
      isa<AffineConstantExpr>(sum.getRHS()))
    expr = sum.getLHS();
  for (;;) {
    sum = dyn_cast<AffineBinaryOpExpr>(expr);
    bool isSum = sum && sum.getKind() == AffineExprKind::Add;
    int64_t place = placeOf(isSum ? sum.getRHS() : expr);
    if (place < 0 || place >= next)
      return false;
    if (!isSum)
      return true;
    next = place;
    expr = sum.getLHS();
  }
}

AffineExpr einsum::simplify(AffineExpr expr) {
  if (isSimple(expr))
    return expr;
  unsigned dims = 0, symbols = 0;
  expr.walk([&](AffineExpr part) {
    if (auto dim = dyn_cast<AffineDimExpr>(part))
      dims = std::max(dims, dim.getPosition() + 1);
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      symbols = std::max(symbols, symbol.getPosition() + 1);
  });
  return simplifyAffineExpr(expr, dims, symbols);
}

AffineExpr einsum::substitute(AffineExpr expr, ArrayRef<AffineExpr> dims) {
  if (int dim = getDim(expr); dim >= 0)
    return dims[dim];
  if (!usesAnyDim(expr))
    return expr;
  return simplify(expr.replaceDims(dims));
}

AffineExpr einsum::combine(AffineExpr a, int64_t factor, AffineExpr b) {
  return simplify(a + b * factor);
}

AffineExpr CascadeGraph::getExtent(StringAttr rank) const {
  return extents.lookup(rank);
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

namespace {

class GraphBuilder {
public:
  explicit GraphBuilder(CascadeOp cascade) : context(cascade.getContext()) {
    graph.cascade = cascade;
  }

  CascadeGraph build() {
    addParameters();
    addRanks();
    for (InputOp input : graph.cascade.getBodyBlock()->getOps<InputOp>())
      addTensor(input.getResult(), input.getTensorAttr(), -1);
    FailureOr<std::vector<EvaluationStep>> order =
        orderEvaluation(graph.cascade);
    if (succeeded(order))
      for (const EvaluationStep &step : *order)
        addStep(step);
    return std::move(graph);
  }

private:
  void addParameters() {
    CascadeOp cascade = graph.cascade;
    for (auto [name, value] :
         llvm::zip(cascade.getParamNames().getAsRange<StringAttr>(),
                   cascade.getParamValues())) {
      if (value != CascadeOp::kUnbound) {
        parameters[name] = getAffineConstantExpr(value, context);
        continue;
      }
      parameters[name] = getAffineSymbolExpr(graph.symbols.size(), context);
      graph.symbols.push_back(name);
    }
  }

  void addRanks() {
    Block &body = *graph.cascade.getBodyBlock();
    for (RankOp rank : body.getOps<RankOp>())
      graph.extents[rank.getSymNameAttr()] =
          resolve(rank.getExtent().getResult(0),
                  llvm::to_vector(rank.getParams().getAsRange<StringAttr>()));
    for (SplitOp split : body.getOps<SplitOp>()) {
      SplitRank parts;
      parts.whole = split.getRankAttr().getAttr();
      llvm::append_range(parts.parts,
                         split.getParts().getAsRange<StringAttr>());
      graph.splits.push_back(std::move(parts));
    }
  }

  /// Parameters as numbers or as symbols of the whole cascade.
  AffineExpr resolve(AffineExpr expr, ArrayRef<StringAttr> symbols) {
    if (isa<AffineDimExpr, AffineConstantExpr>(expr))
      return expr;
    SmallVector<AffineExpr> values;
    for (StringAttr symbol : symbols)
      values.push_back(parameters.lookup(symbol));
    return simplify(expr.replaceSymbols(values));
  }

  void addTensor(Value value, StringAttr name, int producer) {
    auto type = cast<NamedTensorType>(value.getType());
    GraphTensor tensor;
    tensor.value = value;
    tensor.name = name.str();
    tensor.ranks.assign(type.getRanks().begin(), type.getRanks().end());
    for (StringAttr rank : tensor.ranks)
      tensor.extents.push_back(graph.getExtent(rank));
    tensor.producer = producer;
    if (producer < 0)
      addRagged(tensor.ranks, tensor.domain);
    tensorIds[value] = graph.tensors.size();
    graph.tensors.push_back(std::move(tensor));
  }

  void addStep(const EvaluationStep &step) {
    int begin = graph.einsums.size();
    if (!step.einsum)
      graph.recurrences.push_back({begin, begin, {}});
    declare(step);
    int end = graph.einsums.size();
    if (!step.einsum)
      graph.recurrences.back().end = end;
    for (int i = begin; i < end; ++i)
      addReads(i);
    // What a step leaves absent, the next one cannot read.
    for (int sweep = 0; sweep < (step.einsum ? 1 : 2); ++sweep)
      for (int i = begin; i < end; ++i)
        addDomain(graph.einsums[i], /*withCarried=*/sweep == 1);
    if (!step.einsum)
      graph.recurrences.back().isStepwise =
          isStepwise(graph.recurrences.back());
  }

  /// Recurrence::isStepwise, by what each Einsum reads.
  bool isStepwise(const Recurrence &recurrence) const {
    const StepRank &step = recurrence.ranks[0];
    for (int i = recurrence.begin; i < recurrence.end; ++i) {
      const GraphEinsum &einsum = graph.einsums[i];
      const auto *dim = llvm::find(einsum.dims, step.rank);
      unsigned along = dim - einsum.dims.begin();
      if (dim == einsum.dims.end() || einsum.positions[along] < 0 ||
          llvm::any_of(
              einsum.domain,
              [&](const Condition &condition) {
                return condition.expr.isFunctionOfDim(along);
              }))
        return false;
      for (const GraphRead &read : einsum.reads)
        if (recurrence.contains(graph.tensors[read.tensor].producer) &&
            !readsSteps(read, recurrence, along))
          return false;
    }
    return true;
  }

  /// Whether a read of a member stays in the step at `along` or goes back a
  /// number of steps, and says nothing else of it.
  bool readsSteps(const GraphRead &read, const Recurrence &recurrence,
                  unsigned along) const {
    const StepRank &step = recurrence.ranks[0];
    bool isNested = recurrence.ranks.size() > 1;
    for (auto [rank, expr] :
         llvm::zip(graph.tensors[read.tensor].ranks, read.index)) {
      if (rank != step.rank) {
        if (expr.isFunctionOfDim(along))
          return false;
        continue;
      }
      std::optional<int64_t> distance =
          getNumber(combine(expr, -1, getAffineDimExpr(along, context)));
      if (!distance || *distance * step.direction > 0 ||
          (*distance != 0 ? !read.isCarried : read.isCarried && !isNested))
        return false;
    }
    return true;
  }

  /// Einsums of a step in order, with their results.
  void declare(const EvaluationStep &step) {
    if (!step.einsum) {
      graph.recurrences.back().ranks.push_back({step.rank, step.direction});
      for (const EvaluationStep &inner : step.body)
        declare(inner);
      return;
    }
    GraphEinsum einsum;
    einsum.op = cast<EinsumInterface>(step.einsum);
    einsum.dims.assign(einsum.op.getIterationRanks());
    for (StringAttr rank : einsum.dims)
      einsum.extents.push_back(graph.getExtent(rank));
    if (!graph.recurrences.empty() &&
        graph.recurrences.back().begin == graph.recurrences.back().end)
      einsum.recurrence = graph.recurrences.size() - 1;
    einsum.positions.assign(einsum.dims.size(), -1);
    for (auto [position, expr] :
         llvm::enumerate(einsum.op.getOutputAccess().getResults()))
      einsum.positions[getDim(expr)] = position;
    for (auto [name, result] :
         llvm::zip(einsum.op.getTensorNames(), einsum.op->getResults())) {
      einsum.results.push_back(graph.tensors.size());
      addTensor(result, name, graph.einsums.size());
    }
    graph.einsums.push_back(std::move(einsum));
  }

  void addReads(int id) {
    GraphEinsum &einsum = graph.einsums[id];
    SmallVector<StringAttr> symbols = einsum.op.getSymbolNames();
    for (const Access &access : einsum.op.getInputAccesses()) {
      GraphRead read;
      read.tensor = tensorIds.lookup(access.tensor);
      if (isGathered(einsum.op, access)) {
        addGather(einsum, access, std::move(read), symbols);
        continue;
      }
      for (AffineExpr expr : access.map.getResults())
        read.index.push_back(resolve(expr, symbols));
      GraphTensor &tensor = graph.tensors[read.tensor];
      if (tensor.readers.empty() || tensor.readers.back() != id)
        tensor.readers.push_back(id);
      int producer = tensor.producer;
      int recurrence = producer < 0 ? -1 : graph.einsums[producer].recurrence;
      if (recurrence >= 0)
        for (const StepRank &step : graph.recurrences[recurrence].ranks) {
          std::optional<int64_t> distance =
              getStep(access, step.rank, einsum.dims);
          if (!distance || *distance == 0)
            continue;
          read.isCarried |= recurrence == einsum.recurrence;
          bool isOuter =
              step.rank == graph.recurrences[recurrence].ranks[0].rank;
          (isOuter ? tensor.isCarried : tensor.isCarriedInside) |=
              read.isCarried;
          if (*distance * step.direction < 0) {
            read.initialDim =
                llvm::find(einsum.dims, step.rank) - einsum.dims.begin();
            read.initialDirection = step.direction;
          }
        }
      einsum.reads.push_back(std::move(read));
    }
  }

  void addGather(GraphEinsum &einsum, const Access &access, GraphRead read,
                 ArrayRef<StringAttr> symbols) {
    SmallVector<unsigned> opaque = getOpaquePositions(einsum.op, access);
    GraphTensor &tensor = graph.tensors[read.tensor];
    for (auto [i, expr] : llvm::enumerate(access.map.getResults()))
      read.index.push_back(llvm::is_contained(opaque, i)
                               ? AffineExpr()
                               : resolve(expr, symbols));
    for (unsigned position : opaque)
      if (!llvm::is_contained(tensor.opaque, position))
        tensor.opaque.push_back(static_cast<int>(position));
    einsum.gathers.push_back(std::move(read));
  }

  /// Conditions under which what a gather reads is there; those that speak of
  /// a rank that data addresses are refused where it is evaluated.
  void addGatherDomain(GraphEinsum &einsum, const GraphRead &read) {
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : read.index)
      index.push_back(expr ? expr : getAffineConstantExpr(0, context));
    for (const Condition &condition : graph.tensors[read.tensor].domain)
      if (llvm::none_of(llvm::enumerate(read.index), [&](auto entry) {
            return !entry.value() &&
                   condition.expr.isFunctionOfDim(entry.index());
          }))
        add(einsum.domain, {substitute(condition.expr, index), condition.isEq,
                            condition.isRagged});
  }

  //===--------------------------------------------------------------------===//
  // Which points exist
  //===--------------------------------------------------------------------===//

  void addDomain(GraphEinsum &einsum, bool withCarried) {
    if (!withCarried) {
      addFilter(einsum);
      for (const GraphRead &read : einsum.reads)
        addRange(einsum, read);
      for (const GraphRead &read : einsum.gathers) {
        addRange(einsum, read);
        addGatherDomain(einsum, read);
      }
      addRagged(einsum.dims, einsum.domain);
    }
    for (const GraphRead &read : einsum.reads)
      if (!read.isCarried || withCarried)
        for (const Condition &condition : graph.tensors[read.tensor].domain)
          add(einsum.domain, {substitute(condition.expr, read.index),
                              condition.isEq, condition.isRagged});
    for (int result : einsum.results)
      for (const Condition &condition : einsum.domain)
        addKept(einsum, condition, graph.tensors[result].domain);
  }

  static void add(SmallVectorImpl<Condition> &conditions,
                  const Condition &condition) {
    std::optional<int64_t> number = getNumber(condition.expr);
    bool holds = number && (condition.isEq ? *number == 0 : *number >= 0);
    if (!holds && !llvm::is_contained(conditions, condition))
      conditions.push_back(condition);
  }

  void addFilter(GraphEinsum &einsum) {
    std::optional<IntegerSet> filter = einsum.op.getFilterSet();
    if (!filter)
      return;
    SmallVector<StringAttr> symbols = einsum.op.getSymbolNames();
    for (unsigned i = 0; i < filter->getNumConstraints(); ++i)
      add(einsum.domain,
          {resolve(filter->getConstraint(i), symbols), filter->isEq(i), false});
  }

  /// Conditions under which a read stays inside its tensor.
  void addRange(GraphEinsum &einsum, const GraphRead &read) {
    const GraphTensor &tensor = graph.tensors[read.tensor];
    for (auto [position, expr] : llvm::enumerate(read.index)) {
      if (!expr)
        continue; // data
      AffineExpr extent = tensor.extents[position];
      if (int dim = getDim(expr); dim >= 0 && einsum.extents[dim] == extent)
        continue;
      if (!expr.isPureAffine() || !usesAnyDim(expr) ||
          isFlattened(einsum, expr, extent))
        continue;
      int direction = stepDirection(tensor, position);
      auto [low, high] = findRange(einsum, expr);
      if (direction <= 0 && !(low && *low >= 0))
        add(einsum.domain, {expr, false, false});
      std::optional<int64_t> bound = getNumber(extent);
      if (direction >= 0 && !(high && bound && *high < *bound))
        add(einsum.domain, {combine(extent - 1, -1, expr), false, false});
    }
  }

  /// Which side of the tensor's extent has initial values: 1 before the first
  /// element, -1 after the last one, 0 neither.
  int stepDirection(const GraphTensor &tensor, unsigned position) {
    if (tensor.producer < 0 || graph.einsums[tensor.producer].recurrence < 0)
      return 0;
    int recurrence = graph.einsums[tensor.producer].recurrence;
    for (const StepRank &step : graph.recurrences[recurrence].ranks)
      if (step.rank == tensor.ranks[position])
        return step.direction;
    return 0;
  }

  /// Least and greatest value over the box, where they are numbers.
  std::pair<std::optional<int64_t>, std::optional<int64_t>>
  findRange(const GraphEinsum &einsum, AffineExpr expr) {
    SmallVector<std::optional<int64_t>> low, high;
    for (AffineExpr extent : einsum.extents) {
      low.push_back(0);
      std::optional<int64_t> number = getNumber(extent);
      high.push_back(number ? std::optional(*number - 1) : std::nullopt);
    }
    unsigned dims = einsum.dims.size(), symbols = graph.symbols.size();
    low.resize(dims + symbols, 1);
    high.resize(dims + symbols);
    return {getBoundForAffineExpr(expr, dims, symbols, low, high,
                                  /*isUpper=*/false),
            getBoundForAffineExpr(expr, dims, symbols, low, high,
                                  /*isUpper=*/true)};
  }

  /// `m1 * 256 + m0` over the parts of the rank with this extent.
  bool isFlattened(const GraphEinsum &einsum, AffineExpr expr,
                   AffineExpr extent) {
    return llvm::any_of(graph.splits, [&](const SplitRank &split) {
      return graph.getExtent(split.whole) == extent &&
             flatten(einsum.dims, split) == expr;
    });
  }

  /// The whole coordinate over the parts among `ranks`; null if one lacks.
  AffineExpr flatten(ArrayRef<StringAttr> ranks, const SplitRank &split) {
    AffineExpr sum = getAffineConstantExpr(0, context);
    for (StringAttr part : split.parts) {
      const StringAttr *dim = llvm::find(ranks, part);
      if (dim == ranks.end())
        return {};
      sum = sum * graph.getExtent(part) +
            getAffineDimExpr(dim - ranks.begin(), context);
    }
    return simplify(sum);
  }

  /// Points beyond the whole rank, where its parts do not divide it.
  void addRagged(ArrayRef<StringAttr> ranks,
                 SmallVectorImpl<Condition> &domain) {
    for (const SplitRank &split : graph.splits) {
      AffineExpr whole = graph.getExtent(split.whole);
      int64_t covered = 1;
      for (StringAttr part : split.parts)
        covered *= getNumber(graph.getExtent(part)).value_or(0);
      if (covered == 0 || getNumber(whole) == covered)
        continue;
      if (AffineExpr coordinate = flatten(ranks, split))
        add(domain, {combine(whole - 1, -1, coordinate), false, true});
    }
  }

  /// A condition over kept ranks alone makes elements of the result absent.
  void addKept(const GraphEinsum &einsum, const Condition &condition,
               SmallVectorImpl<Condition> &domain) {
    SmallVector<AffineExpr> positions;
    bool kept = true;
    for (auto [dim, position] : llvm::enumerate(einsum.positions)) {
      kept &= position >= 0 || !condition.expr.isFunctionOfDim(dim);
      positions.push_back(getAffineDimExpr(std::max(position, 0), context));
    }
    if (kept)
      add(domain, {substitute(condition.expr, positions), condition.isEq,
                   condition.isRagged});
  }

  MLIRContext *context;
  CascadeGraph graph;
  llvm::DenseMap<StringAttr, AffineExpr> parameters;
  llvm::DenseMap<Value, int> tensorIds;
};

} // namespace

CascadeGraph einsum::buildCascadeGraph(CascadeOp cascade) {
  return GraphBuilder(cascade).build();
}
