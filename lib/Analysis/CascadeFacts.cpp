//===- CascadeFacts.cpp - A bound cascade as plain numbers ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/CascadeFacts.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Analysis/DomainBuilder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool Coordinate::uses(int rank) const {
  return llvm::any_of(terms, [&](const Term &t) { return t.rank == rank; });
}

int64_t Coordinate::span(llvm::ArrayRef<int64_t> tile) const {
  if (terms.size() == 1)
    return tile[terms[0].rank];
  // Grow a run of values from the densest term up: a term whose step fits into
  // the run extends it, one whose step exceeds it repeats it.
  llvm::SmallVector<Term, 4> sorted(terms.begin(), terms.end());
  llvm::sort(sorted, [](const Term &a, const Term &b) {
    return std::abs(a.coefficient) < std::abs(b.coefficient);
  });
  int64_t run = 1, repeats = 1;
  for (const Term &term : sorted) {
    int64_t step = std::abs(term.coefficient), count = tile[term.rank];
    if (repeats == 1 && step <= run)
      run += step * (count - 1);
    else
      repeats *= count;
  }
  return run * repeats;
}

AffineForm Coordinate::form() const {
  AffineForm form = AffineForm::number(constant);
  for (const Term &term : terms)
    form.add(term.rank, term.coefficient);
  return form;
}

bool AccessFact::uses(int rank) const {
  return llvm::any_of(coordinates,
                      [&](const Coordinate &c) { return c.uses(rank); });
}

bool EinsumFact::iterates(int rank) const {
  return llvm::is_contained(ranks, rank);
}
bool EinsumFact::reduces(int rank) const {
  return llvm::is_contained(reduced, rank);
}

template <typename T>
static int findByName(const std::vector<T> &facts, llvm::StringRef name) {
  for (auto [i, fact] : llvm::enumerate(facts))
    if (fact.name == name)
      return i;
  return -1;
}

int CascadeFacts::findRank(llvm::StringRef n) const {
  return findByName(ranks, n);
}
int CascadeFacts::findTensor(llvm::StringRef n) const {
  return findByName(tensors, n);
}
int CascadeFacts::findEinsum(llvm::StringRef n) const {
  return findByName(einsums, n);
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

namespace {

class FactsBuilder {
public:
  explicit FactsBuilder(CascadeOp cascade) : cascade(cascade) {
    facts.name = cascade.getSymName().str();
    facts.op = cascade;
  }

  FailureOr<CascadeFacts> build() {
    if (failed(addRanks()))
      return failure();
    for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
      if (failed(
              addTensor(input.getResult(), input.getTensor(), /*producer=*/-1)))
        return failure();
      facts.tensors.back().isWeight = input.getWeight();
    }
    SmallVector<EinsumInterface> order = topologicalOrder();
    for (auto [i, einsum] : llvm::enumerate(order))
      for (auto [name, result] :
           llvm::zip(einsum.getTensorNames(), einsum->getResults()))
        // Without a name nobody reads it: the value beside an argmax.
        if (!name.empty() && failed(addTensor(result, name.getValue(), i)))
          return failure();
    for (EinsumInterface einsum : order)
      if (failed(addEinsum(einsum)))
        return failure();
    if (failed(checkGathers()))
      return failure();
    listReaders();
    for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
      for (Value tensor : output.getTensors())
        facts.tensors[tensorIds[tensor]].isOutput = true;
    if (failed(buildDomains(cascade, facts)))
      return failure();
    return std::move(facts);
  }

private:
  LogicalResult addRanks() {
    std::vector<std::string> unbound;
    for (auto [name, value] :
         llvm::zip(cascade.getParamNames(), cascade.getParamValues()))
      if (value == CascadeOp::kUnbound)
        unbound.push_back(cast<StringAttr>(name).getValue().str());
    for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>()) {
      std::optional<int64_t> extent = rank.getBoundExtent();
      if (!extent)
        return cascade.emitError()
               << "cascade '" << cascade.getSymName() << "' needs values for "
               << llvm::join(unbound, ", ") << " (--bind "
               << llvm::join(unbound, "=...,") << "=...)";
      facts.ranks.push_back({rank.getSymName().str(), *extent});
    }
    for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>())
      for (Attribute part : split.getParts())
        facts.ranks[facts.findRank(cast<StringAttr>(part).getValue())].whole =
            facts.findRank(split.getRank());
    return success();
  }

  LogicalResult addTensor(Value value, StringRef name, int producer) {
    auto type = cast<NamedTensorType>(value.getType());
    TensorFact tensor;
    tensor.name = name.str();
    tensor.bits = type.getElementBits();
    tensor.datatype = describeElements(type);
    tensor.isInput = producer < 0;
    tensor.producer = producer;
    for (StringAttr rank : type.getRanks()) {
      int id = facts.findRank(rank);
      tensor.ranks.push_back(id);
      if (failed(multiply(tensor.elements, facts.ranks[id].extent,
                          value.getLoc(), name)))
        return failure();
    }
    if (failed(addWeight(tensor, type, value.getLoc())))
      return failure();
    tensorIds[value] = facts.tensors.size();
    facts.tensors.push_back(std::move(tensor));
    return success();
  }

  LogicalResult addWeight(TensorFact &tensor, NamedTensorType type,
                          Location loc) {
    SmallVector<int64_t> extents;
    for (int rank : tensor.ranks)
      extents.push_back(facts.ranks[rank].extent);
    auto storage = findStorage(type, extents);
    if (auto *message = std::get_if<std::string>(&storage))
      return emitError(loc) << "tensor '" << tensor.name << "': " << *message;
    tensor.stored = std::get<TensorStorage>(storage).weight;
    tensor.weight = tensor.stored.getShare();
    tensor.isShared = tensor.stored.isShared();
    for (auto [extent, size] : llvm::zip(extents, tensor.stored.shape))
      if (tensor.isShared)
        tensor.grid.push_back(size < extent || extent == 1 ? size : 0);
    uint64_t totalBits = tensor.elements;
    return multiply(totalBits,
                    tensor.weight.numerator / tensor.weight.denominator + 1,
                    loc, tensor.name);
  }

  LogicalResult multiply(uint64_t &product, uint64_t factor, Location loc,
                         StringRef what) {
    bool overflow = false;
    product = llvm::SaturatingMultiply(product, factor, &overflow);
    if (overflow || product > INT64_MAX)
      return emitError(loc)
             << "'" << what
             << "' has more than 2^63 - 1 points; extents are too large "
                "to count";
    return success();
  }

  /// Producers before consumers; steps along an iterative rank do not count.
  SmallVector<EinsumInterface> topologicalOrder() {
    SmallVector<EinsumInterface> order;
    llvm::DenseMap<Operation *, bool> done; // false while on the stack
    SmallVector<std::pair<Operation *, unsigned>> stack;
    for (Operation &root : *cascade.getBodyBlock()) {
      if (!isa<EinsumInterface>(root) || done.count(&root))
        continue;
      stack.push_back({&root, 0});
      done[&root] = false;
      while (!stack.empty()) {
        auto &[op, next] = stack.back();
        if (next == op->getNumOperands()) {
          done[op] = true;
          order.push_back(cast<EinsumInterface>(op));
          stack.pop_back();
          continue;
        }
        Operation *producer = op->getOperand(next).getDefiningOp();
        bool isStep = stepOf(cast<EinsumInterface>(op).getInputAccesses()[next],
                             cast<EinsumInterface>(op))
                          .second != 0;
        ++next;
        if (isa_and_nonnull<EinsumInterface>(producer) && !isStep &&
            !done.count(producer)) {
          done[producer] = false;
          stack.push_back({producer, 0});
        }
      }
    }
    return order;
  }

  /// The rank and distance of an access such as `X[i - 1]`; distance 0 if none.
  static std::pair<StringAttr, int64_t> stepOf(const Access &access,
                                               EinsumInterface einsum) {
    SmallVector<StringAttr> iteration = einsum.getIterationRanks();
    auto type = cast<NamedTensorType>(access.tensor.getType());
    for (auto [expr, rank] :
         llvm::zip(access.map.getResults(), type.getRanks())) {
      auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
      if (!sum || sum.getKind() != AffineExprKind::Add)
        continue;
      auto dim = dyn_cast<AffineDimExpr>(sum.getLHS());
      auto offset = dyn_cast<AffineConstantExpr>(sum.getRHS());
      if (dim && offset && iteration[dim.getPosition()] == rank)
        return {rank, offset.getValue()};
    }
    return {StringAttr(), 0};
  }

  /// Steps of a recurrence are made in their order, and read so.
  LogicalResult checkGathers() {
    for (const EinsumFact &einsum : facts.einsums)
      for (const AccessFact &read : einsum.reads) {
        const TensorFact &tensor = facts.tensors[read.tensor];
        for (auto [coordinate, rank] :
             llvm::zip(read.coordinates, tensor.ranks))
          for (const Coordinate::Term &term : coordinate.terms)
            if (facts.ranks[term.rank].isOpaque && tensor.hasInitialValue &&
                rank == tensor.iterativeRank)
              return einsum.op->emitError()
                     << describeGather(cast<EinsumInterface>(einsum.op))
                     << ": along '" << facts.ranks[rank].name << "' '"
                     << tensor.name
                     << "' is a recurrence, whose steps are read in their "
                        "order; copy it into a tensor of its own and gather "
                        "from that";
      }
    return success();
  }

  void listReaders() {
    auto append = [](std::vector<int> &list, int einsum) {
      if (list.empty() || list.back() != einsum)
        list.push_back(einsum);
    };
    for (auto [e, einsum] : llvm::enumerate(facts.einsums)) {
      for (const AccessFact &read : einsum.reads) {
        append(facts.tensors[read.tensor].readers, e);
        append(facts.tensors[read.tensor].touchers, e);
      }
      for (const AccessFact &write : einsum.writes)
        append(facts.tensors[write.tensor].touchers, e);
    }
  }

  /// A rank for each coordinate that is data.
  void addOpaqueRanks(EinsumInterface einsum, const Access &access,
                      SmallVectorImpl<int> &opaque) {
    const TensorFact &tensor = facts.tensors[tensorIds.lookup(access.tensor)];
    for (unsigned position : getOpaquePositions(einsum, access)) {
      int rank = tensor.ranks[position];
      opaque.push_back(facts.ranks.size());
      // A name that no rank can have.
      std::string name = facts.ranks[rank].name + " of " + tensor.name;
      facts.ranks.push_back({name, facts.ranks[rank].extent, -1, true});
    }
  }

  /// A read, which may gather.
  FailureOr<AccessFact> makeRead(EinsumInterface einsum, const Access &access) {
    if (!isGathered(einsum, access))
      return makeAccess(einsum, access.tensor, access.map);
    SmallVector<int> opaque;
    addOpaqueRanks(einsum, access, opaque);
    unsigned numDims = einsum.getIterationRanks().size();
    FailureOr<AccessFact> reach = makeAccess(einsum, access.tensor,
                                             getReach(einsum, access, numDims),
                                             opaque),
                          choice = makeAccess(einsum, access.tensor,
                                              getChoice(einsum, access));
    if (failed(reach) || failed(choice))
      return failure();
    reach->choice.push_back(std::move(*choice));
    return reach;
  }

  /// Dimensions of `map` beyond the iteration ranks are those of `opaque`.
  FailureOr<AccessFact> makeAccess(EinsumInterface einsum, Value tensor,
                                   AffineMap map, ArrayRef<int> opaque = {}) {
    AccessFact access;
    access.tensor = tensorIds.lookup(tensor);
    SmallVector<StringAttr> iteration = einsum.getIterationRanks();
    // Parameters are bound, so an access is affine in the ranks alone.
    SmallVector<AffineExpr> values;
    for (StringAttr symbol : einsum.getSymbolNames()) {
      std::optional<int64_t> value = cascade.getParam(symbol);
      if (!value)
        return einsum->emitError()
               << "parameter '" << symbol.getValue()
               << "' has no value (--bind " << symbol.getValue() << "=...)";
      values.push_back(getAffineConstantExpr(*value, map.getContext()));
    }
    for (AffineExpr expr : map.getResults()) {
      Coordinate coordinate;
      expr =
          simplifyAffineExpr(expr.replaceSymbols(values), map.getNumDims(), 0);
      if (auto dim = dyn_cast<AffineDimExpr>(expr);
          dim && dim.getPosition() >= iteration.size()) {
        coordinate.terms.push_back(
            {opaque[dim.getPosition() - iteration.size()], 1});
      } else if (failed(flatten(expr, 1, iteration, coordinate))) {
        std::string text;
        llvm::raw_string_ostream os(text);
        printNamedExpr(os, expr, iteration, {});
        return einsum->emitError()
               << "reads '" << facts.tensors[access.tensor].name << "' at '"
               << text << "', which is not a sum of multiples of ranks";
      }
      access.coordinates.push_back(std::move(coordinate));
    }
    return access;
  }

  LogicalResult flatten(AffineExpr expr, int64_t factor,
                        ArrayRef<StringAttr> iteration,
                        Coordinate &coordinate) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      coordinate.constant += factor * constant.getValue();
      return success();
    }
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      coordinate.terms.push_back(
          {facts.findRank(iteration[dim.getPosition()]), factor});
      return success();
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!binary)
      return failure();
    if (binary.getKind() == AffineExprKind::Add)
      return success(
          succeeded(flatten(binary.getLHS(), factor, iteration, coordinate)) &&
          succeeded(flatten(binary.getRHS(), factor, iteration, coordinate)));
    auto scale = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (binary.getKind() != AffineExprKind::Mul || !scale)
      return failure();
    return flatten(binary.getLHS(), factor * scale.getValue(), iteration,
                   coordinate);
  }

  LogicalResult addEinsum(EinsumInterface einsum) {
    EinsumFact fact;
    fact.op = einsum;
    for (StringAttr name : einsum.getTensorNames())
      if (fact.name.empty())
        fact.name = name.str();
    for (StringAttr rank : einsum.getIterationRanks()) {
      int id = facts.findRank(rank);
      fact.ranks.push_back(id);
      if (failed(multiply(fact.points, facts.ranks[id].extent, einsum.getLoc(),
                          fact.name)))
        return failure();
    }
    for (const Reduction &reduction : einsum.getReductionList())
      fact.reduced.push_back(facts.findRank(reduction.rank));
    for (const Access &access : einsum.getInputAccesses()) {
      FailureOr<AccessFact> read = makeRead(einsum, access);
      if (failed(read))
        return failure();
      auto [rank, distance] = stepOf(access, einsum);
      TensorFact &tensor = facts.tensors[read->tensor];
      // A recurrence goes along one rank, whoever else reads it a step away
      // along others.
      bool isOwn = llvm::is_contained(einsum->getResults(), access.tensor);
      bool isOther = distance != 0 && tensor.iterativeRank >= 0 && !isOwn &&
                     tensor.iterativeRank != facts.findRank(rank);
      if (distance != 0 && !tensor.isInput && !isOther) {
        tensor.iterativeRank = facts.findRank(rank);
        tensor.carriedSteps = std::max(tensor.carriedSteps, std::abs(distance));
        fact.direction[tensor.iterativeRank] = distance < 0 ? 1 : -1;
      }
      fact.reads.push_back(std::move(*read));
    }
    for (auto [name, result] :
         llvm::zip(einsum.getTensorNames(), einsum->getResults())) {
      if (name.empty())
        continue;
      facts.tensors[tensorIds[result]].hasInitialValue =
          !einsum.getInitialValues().empty();
      FailureOr<AccessFact> write =
          makeAccess(einsum, result, einsum.getOutputAccess());
      if (failed(write))
        return failure();
      fact.writes.push_back(std::move(*write));
    }
    if (failed(checkStoresWhole(einsum)))
      return failure();
    fact.operators = countOperators(einsum);
    auto made = cast<NamedTensorType>(einsum->getResult(0).getType());
    if (auto datatype = einsum->getAttrOfType<StringAttr>(kComputesIn))
      fact.datatype = datatype.str();
    else
      llvm::raw_string_ostream(fact.datatype)
          << getScalarType(made.getElementType());
    facts.einsums.push_back(std::move(fact));
    return success();
  }

  /// While sums are gathered they are in the compute type; a format holds them
  /// once they are complete. That is a tensor more, and an Einsum more.
  LogicalResult checkStoresWhole(EinsumInterface einsum) {
    if (einsum.getReductionList().empty())
      return success();
    for (auto [name, value] :
         llvm::zip(einsum.getTensorNames(), einsum->getResults())) {
      auto type = cast<NamedTensorType>(value.getType());
      if (!isa<QuantizedType>(type.getElementType()))
        continue;
      InFlightDiagnostic diag =
          einsum->emitError()
          << "'" << name.getValue() << "' gathers sums in "
          << getScalarType(type.getElementType()) << " and is stored as '"
          << describeElements(type)
          << "': what that takes and moves is not modelled in one Einsum";
      SmallVector<StringRef> ranks;
      for (StringAttr rank : type.getRanks())
        ranks.push_back(rank.getValue());
      diag.attachNote() << "reduce into a tensor of its own, and store that: '"
                        << name.getValue() << "Q[" << llvm::join(ranks, ",")
                        << "] : " << describeElements(type) << " = "
                        << name.getValue() << "[" << llvm::join(ranks, ",")
                        << "]'";
      return diag;
    }
    return success();
  }

  CascadeOp cascade;
  CascadeFacts facts;
  llvm::DenseMap<Value, int> tensorIds;
};

} // namespace

FailureOr<CascadeFacts> einsum::computeCascadeFacts(CascadeOp cascade) {
  return FactsBuilder(cascade).build();
}
