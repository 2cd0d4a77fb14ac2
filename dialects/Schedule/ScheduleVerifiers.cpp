//===- ScheduleVerifiers.cpp - What the schedule dialect refuses ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per constraint label of ScheduleOps.td. What a node says about
// itself is checked with the node; what it says about the cascade is checked
// with the mapping, once the cascade is known to be sound.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Schedule/PointPairs.h"
#include "dialects/Schedule/ReadOrder.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

static LogicalResult verifyChildren(Operation *node) {
  for (Operation *child : getChildren(node))
    if (!isa<TemporalOp, SpatialOp, StorageOp, SequenceOp, PipelineOp, LeafOp,
             TransferOp>(child))
      return child->emitError()
             << "'" << child->getName()
             << "' is no node of a loop tree: it is made of temporal, spatial, "
                "storage, sequence, pipeline, compute and transfer";
  return success();
}

static LogicalResult verifySingleChild(Operation *node) {
  if (failed(verifyChildren(node)))
    return failure();
  size_t count = getChildren(node).size();
  if (count == 1)
    return success();
  return node->emitError()
         << "'" << node->getName() << "' has one child, found " << count
         << "; several children go below a sequence or a pipeline";
}

static LogicalResult verifySomeChild(Operation *node) {
  if (failed(verifyChildren(node)))
    return failure();
  if (!getChildren(node).empty())
    return success();
  return node->emitError() << "'" << node->getName()
                           << "' has at least 1 child, found 0";
}

static LogicalResult verifyAtLeastOne(Operation *node, StringRef what,
                                      std::optional<int64_t> value) {
  if (value.value_or(1) >= 1)
    return success();
  return node->emitError() << what << " is at least 1, found " << *value;
}

LogicalResult MappingOp::verifyRegions() {
  return verifySingleChild(*this);
} // C1

LogicalResult TemporalOp::verifyRegions() { // C1, C2
  if (failed(verifyAtLeastOne(*this, "a tile", getTile())))
    return failure();
  return verifySingleChild(*this);
}

static LogicalResult verifyBelowSpatial(SpatialOp loop) { // C2
  for (Operation *node = getChildren(loop).front(); !isa<LeafOp>(node);
       node = getChildren(node).front())
    if (!isa<TemporalOp, SpatialOp, StorageOp>(node)) {
      InFlightDiagnostic diag =
          node->emitError()
          << "'" << node->getName()
          << "' is below a spatial loop, where only loops, storage "
             "nodes and one leaf are";
      diag.attachNote(loop.getLoc()) << "the spatial loop is here";
      return diag;
    }
  return success();
}

LogicalResult SpatialOp::verifyRegions() {
  if (failed(verifyAtLeastOne(*this, "a tile", getTile())) || // C1
      failed(verifySingleChild(*this)))
    return failure();
  return verifyBelowSpatial(*this);
}

static LogicalResult verifyDistinctTensors(StorageOp storage) { // C1
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (Attribute name : storage.getTensors())
    if (!seen.insert(name).second)
      return storage.emitError()
             << "stores '" << cast<StringAttr>(name).getValue() << "' twice";
  return success();
}

static LogicalResult verifyHaloWord(StorageOp storage) { // C5
  std::optional<StringRef> halo = storage.getHalo();
  if (!halo || *halo == "refetched" || *halo == "retained" ||
      *halo == "recomputed")
    return success();
  return storage.emitError()
         << "halo \"" << *halo
         << "\" is unknown; it is \"refetched\", \"retained\" or "
            "\"recomputed\"";
}

LogicalResult StorageOp::verifyRegions() {
  if (getStream().has_value() != getDepth().has_value())
    return emitError()
           << "a stream has a rank and a depth: give both or neither";
  if (failed(verifySingleChild(*this)) ||
      failed(verifyDistinctTensors(*this)) ||
      failed(verifyAtLeastOne(*this, "`buffers`", getBuffers())) || // C2
      failed(verifyAtLeastOne(*this, "`resident`", getResident())) ||
      failed(verifyHaloWord(*this))) // C5
    return failure();
  if (getResident() && getHalo().value_or("refetched") != "refetched") // C6
    return emitError() << "holds the first elements of each tile (`resident`), "
                          "and so cannot be \""
                       << *getHalo() << "\": give one of the two";
  return verifyAtLeastOne(*this, "`depth`", getDepth());
}

LogicalResult SequenceOp::verifyRegions() {
  return verifySomeChild(*this);
} // C1

static LogicalResult verifyLags(PipelineOp pipeline) { // C1
  size_t children = getChildren(pipeline).size();
  std::optional<ArrayRef<int64_t>> lags = pipeline.getLags();
  if (!lags)
    return success();
  if (lags->size() != children)
    return pipeline.emitError()
           << "a pipeline has one lag per child: " << children << " children, "
           << lags->size() << " lags";
  for (int64_t lag : *lags)
    if (lag < 0)
      return pipeline.emitError() << "a lag is at least 0, found " << lag;
  return success();
}

static LogicalResult verifyOneArray(Operation *child) { // C2
  LeafOp first;
  WalkResult result =
      child->walk([&](LeafOp leaf) {
        if (!first)
          first = leaf;
        if (leaf.getArray() == first.getArray())
          return WalkResult::advance();
        InFlightDiagnostic diag =
            leaf.emitError()
            << "all leaves below a child of a pipeline run on one array: "
               "'"
            << leaf.getEinsum() << "' runs on '" << leaf.getArray() << "', '"
            << first.getEinsum() << "' on '" << first.getArray() << "'";
        diag.attachNote(first.getLoc()) << "the other leaf is here";
        diag.attachNote(child->getLoc())
            << "the child of the pipeline starts here";
        return WalkResult::interrupt();
      });
  return failure(result.wasInterrupted());
}

LogicalResult PipelineOp::verifyRegions() {
  if (failed(verifySomeChild(*this)) || failed(verifyLags(*this)))
    return failure();
  return success(llvm::all_of(getChildren(*this), [](Operation *child) {
    return succeeded(verifyOneArray(child));
  }));
}

//===----------------------------------------------------------------------===//
// Mapping and cascade
//===----------------------------------------------------------------------===//

static std::string listNames(ArrayRef<StringRef> names) {
  return names.empty() ? "none" : llvm::join(names, ", ");
}

/// C2, first half: leaves name Einsums, each once.
static LogicalResult verifyLeafNames(MappingOp mapping, CascadeOp cascade) {
  SmallVector<StringRef> names;
  llvm::StringSet<> known;
  for (Operation &op : *cascade.getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op)) {
      names.push_back(getEinsumName(einsum));
      known.insert(names.back());
    }
  llvm::StringMap<LeafOp> leaves;
  WalkResult result = mapping.walk([&](LeafOp leaf) {
    if (!known.contains(leaf.getEinsum())) {
      InFlightDiagnostic diag = leaf.emitError()
                                << "computes '" << leaf.getEinsum()
                                << "', which is not an Einsum of cascade '"
                                << cascade.getSymName() << "'";
      diag.attachNote(cascade.getLoc()) << "its Einsums: " << listNames(names);
      return WalkResult::interrupt();
    }
    auto [other, isNew] = leaves.try_emplace(leaf.getEinsum(), leaf);
    if (isNew)
      return WalkResult::advance();
    InFlightDiagnostic diag =
        leaf.emitError() << "'" << leaf.getEinsum()
                         << "' has two compute leaves: every Einsum has one";
    diag.attachNote(other->second.getLoc()) << "the other is here";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// C2, second half: no Einsum is left out.
static LogicalResult verifyLeavesComplete(MappingOp mapping,
                                          CascadeOp cascade) {
  llvm::StringSet<> computed;
  mapping.walk([&](LeafOp leaf) { computed.insert(leaf.getEinsum()); });
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum || computed.contains(getEinsumName(einsum)))
      continue;
    InFlightDiagnostic diag =
        mapping.emitError()
        << "mapping '" << mapping.getSymName() << "' has no compute leaf for '"
        << getEinsumName(einsum) << "': every Einsum of the cascade has one";
    diag.attachNote(op.getLoc()) << "the Einsum is defined here";
    return diag;
  }
  return success();
}

static InFlightDiagnostic &addRanks(InFlightDiagnostic &diag,
                                    CascadeOp cascade) {
  SmallVector<StringRef> names;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    names.push_back(rank.getSymName());
  diag.attachNote(cascade.getLoc()) << "its ranks: " << listNames(names);
  return diag;
}

/// C3, first part: loops are over ranks of the cascade.
static LogicalResult verifyLoopRanks(MappingOp mapping, CascadeOp cascade) {
  auto check = [&](Operation *loop, StringRef rank) -> WalkResult {
    if (cascade.findRank(rank))
      return WalkResult::advance();
    InFlightDiagnostic diag = loop->emitError()
                              << "loops over '" << rank
                              << "', which is not a rank of cascade '"
                              << cascade.getSymName() << "'";
    addRanks(diag, cascade);
    return WalkResult::interrupt();
  };
  WalkResult result = mapping.walk([&](Operation *node) -> WalkResult {
    if (auto temporal = dyn_cast<TemporalOp>(node))
      return check(node, temporal.getRank());
    if (auto spatial = dyn_cast<SpatialOp>(node))
      return check(node, spatial.getRank());
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// C3, second part: at a leaf one point is left of each rank.
static LogicalResult verifyOnePoint(const Leaf &leaf, CascadeOp cascade) {
  for (StringAttr rank : leaf.einsum.getIterationRanks()) {
    std::optional<int64_t> left = cascade.findRank(rank).getBoundExtent();
    const LoopAbove *innermost = nullptr;
    for (const LoopAbove &loop : leaf.loops)
      if (loop.rank == rank) {
        innermost = &loop;
        left = loop.tile;
      }
    if (left == 1)
      continue;
    InFlightDiagnostic diag = leaf.op.emitError() << "'" << leaf.op.getEinsum()
                                                  << "' is left with ";
    if (left)
      diag << *left << " points";
    else
      diag << "all points";
    diag << " of '" << rank.getValue()
         << "': the loops above a leaf divide each of its ranks down to one "
            "point";
    if (innermost)
      diag.attachNote(innermost->op->getLoc())
          << "the innermost loop over '" << rank.getValue()
          << "' has this tile";
    return diag;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// Storage C1, second half; C4, first half.
static LogicalResult verifyStoredNames(StorageOp storage, CascadeOp cascade,
                                       const llvm::StringMap<Value> &tensors) {
  for (Attribute attr : storage.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    auto tensor = tensors.find(name);
    if (tensor == tensors.end()) {
      InFlightDiagnostic diag = storage.emitError()
                                << "stores '" << name
                                << "', which is not a tensor of cascade '"
                                << cascade.getSymName() << "'";
      diag.attachNote(cascade.getLoc()) << "the cascade is here";
      return diag;
    }
    std::optional<StringRef> stream = storage.getStream();
    if (!stream ||
        cast<NamedTensorType>(tensor->second.getType()).findRank(*stream) >= 0)
      continue;
    InFlightDiagnostic diag = storage.emitError()
                              << "streams '" << name << "' along '" << *stream
                              << "', which is not a rank of it";
    diag.attachNote(tensor->second.getLoc())
        << "'" << name << "' is " << tensor->second.getType();
    return diag;
  }
  return success();
}

static bool holds(StorageOp storage, StringRef tensor) {
  return llvm::any_of(storage.getTensors(), [&](Attribute name) {
    return cast<StringAttr>(name).getValue() == tensor;
  });
}

/// The outermost node above `node` that holds `tensor`, not just passing it on.
static StorageOp findHome(Operation *node, StringRef tensor) {
  StorageOp home;
  for (node = node->getParentOp(); !isa<MappingOp>(node);
       node = node->getParentOp())
    if (auto storage = dyn_cast<StorageOp>(node);
        storage && !storage.getPassthrough() && holds(storage, tensor))
      home = storage;
  return home;
}

/// Storage C3.
static LogicalResult verifyBacked(StorageOp storage) {
  if (!storage.getResident() && !storage.getPassthrough())
    return success();
  for (Attribute attr : storage.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    if (!findHome(storage, name))
      return storage.emitError()
             << "holds '" << name << "' "
             << (storage.getResident() ? "in part" : "in passing")
             << ", but no storage node above holds it whole";
  }
  return success();
}

namespace {
/// A leaf that touches a tensor.
struct Use {
  const Leaf *leaf;
  bool isWrite;
};
} // namespace

/// Storage C4, second half.
static LogicalResult verifyStream(StorageOp storage, StringRef tensor,
                                  ArrayRef<Use> uses) {
  SmallVector<const Leaf *> below;
  for (const Use &use : uses)
    if (storage->isProperAncestor(use.leaf->op) &&
        !llvm::is_contained(below, use.leaf))
      below.push_back(use.leaf);
  if (below.size() < 2)
    return success();
  size_t shared = below[0]->path.size();
  for (const Leaf *leaf : below)
    shared = std::min<size_t>(
        shared, std::mismatch(below[0]->path.begin(), below[0]->path.end(),
                              leaf->path.begin(), leaf->path.end())
                        .first -
                    below[0]->path.begin());
  const LoopAbove *first = nullptr;
  for (const Leaf *leaf : below) {
    const LoopAbove *loop = nullptr;
    for (Operation *node : ArrayRef(leaf->path).drop_front(shared))
      if ((loop = leaf->findLoop(node)))
        break;
    first = first ? first : loop;
    if (loop && first && loop->rank == *storage.getStream() &&
        loop->tile == first->tile)
      continue;
    InFlightDiagnostic diag =
        leaf->op.emitError()
        << "'" << tensor << "' is a stream along '" << *storage.getStream()
        << "', but '" << leaf->op.getEinsum()
        << "' does not go on with a loop over it by the same tile as "
           "the others";
    diag.attachNote(storage.getLoc()) << "the stream is here";
    return diag;
  }
  return success();
}

/// C5, first half: one outermost node for all uses.
static FailureOr<StorageOp> verifyHome(StringRef tensor, ArrayRef<Use> uses) {
  StorageOp home;
  for (const Use &use : uses) {
    LeafOp leaf = use.leaf->op;
    StorageOp found = findHome(leaf, tensor);
    if (!found)
      return leaf.emitError()
             << "'" << leaf.getEinsum() << "' "
             << (use.isWrite ? "writes" : "reads") << " '" << tensor
             << "', which no storage node above holds";
    home = home ? home : found;
    if (home == found)
      continue;
    InFlightDiagnostic diag =
        leaf.emitError() << "'" << leaf.getEinsum() << "' "
                         << (use.isWrite ? "writes" : "reads") << " '" << tensor
                         << "' in another storage node than '"
                         << LeafOp(uses.front().leaf->op).getEinsum()
                         << "': the leaves of a tensor share its outermost one";
    diag.attachNote(found.getLoc())
        << "its outermost node above this leaf is here";
    diag.attachNote(home.getLoc()) << "the other one is here";
    return diag;
  }
  return home;
}

/// C5, second half, for the producer alone: sums and outputs outlive the steps
/// of a loop.
static LogicalResult verifyAccumulated(const Leaf &producer, Value tensor,
                                       StorageOp home) {
  StringRef name = getTensorName(tensor);
  bool isOutput = llvm::any_of(tensor.getUsers(), llvm::IsaPred<OutputOp>);
  auto type = cast<NamedTensorType>(tensor.getType());
  for (const LoopAbove &loop : producer.loops) {
    if (!loop.op->isProperAncestor(home))
      break;
    bool isReduced = !loop.guard && type.findRank(loop.rank) < 0;
    if (loop.guard || loop.isDemanded || loop.steps() == 1 ||
        (!isReduced && !isOutput))
      continue;
    InFlightDiagnostic diag =
        producer.op.emitError()
        << "'" << name << "' "
        << (isReduced ? "is summed up over" : "is an output with")
        << " steps of the loop over '" << loop.rank.getValue()
        << "', but held below that loop only, and lost after each "
           "step";
    diag.attachNote(home.getLoc())
        << "hold '" << name << "' above the loop, not here";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    return diag;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

static llvm::StringMap<Value> tensorsOf(CascadeOp cascade) {
  llvm::StringMap<Value> tensors;
  for (Operation &op : *cascade.getBodyBlock())
    for (Value result : op.getResults())
      if (StringRef name = getTensorName(result); !name.empty())
        tensors[name] = result;
  return tensors;
}

/// Who touches each tensor, by name, in the order of the leaves. Unnamed
/// results are not stored.
static llvm::MapVector<StringRef, SmallVector<Use>>
findUses(ArrayRef<Leaf> leaves) {
  llvm::MapVector<StringRef, SmallVector<Use>> uses;
  for (const Leaf &leaf : leaves) {
    EinsumInterface einsum = leaf.einsum;
    for (StringAttr name : einsum.getTensorNames())
      if (!name.getValue().empty())
        uses[name].push_back({&leaf, true});
    for (const Access &access : einsum.getInputAccesses())
      uses[getTensorName(access.tensor)].push_back({&leaf, false});
  }
  return uses;
}

static LogicalResult verifyStorage(MappingOp mapping, CascadeOp cascade) {
  llvm::StringMap<Value> tensors = tensorsOf(cascade);
  WalkResult result = mapping.walk<WalkOrder::PreOrder>([&](StorageOp storage) {
    return WalkResult(
        success(succeeded(verifyStoredNames(storage, cascade, tensors)) &&
                succeeded(verifyBacked(storage))));
  });
  return failure(result.wasInterrupted());
}

/// Storage C7: a node that has only a part of a tensor cannot serve a reader
/// who takes elements at coordinates that are data.
static LogicalResult verifyWholeForGathers(StorageOp storage,
                                           ArrayRef<Leaf> leaves) {
  bool isPart = storage.getResident().has_value() && !storage.getPassthrough();
  if (!isPart && !storage.getStream())
    return success();
  for (const Leaf &leaf : leaves) {
    EinsumInterface einsum = leaf.einsum;
    if (!storage->isProperAncestor(leaf.op) ||
        einsum.getGatheredOperands().empty())
      continue;
    for (const Access &access : einsum.getInputAccesses()) {
      if (!isGathered(einsum, access) ||
          !holds(storage, getTensorName(access.tensor)))
        continue;
      InFlightDiagnostic diag = storage.emitError()
                                << "'" << getTensorName(access.tensor)
                                << "' is held "
                                << (isPart ? "in part" : "as a stream")
                                << ", but " << describeGather(einsum)
                                << "; hold all of it, or leave it further out";
      diag.attachNote(leaf.op->getLoc()) << "it is read here";
      return diag;
    }
  }
  return success();
}

/// Production follows what leaves below ask for, and nobody else may ask.
static LogicalResult verifyOnlyReadBelow(StorageOp storage,
                                         const Leaf &producer) {
  for (Value result : producer.einsum->getResults()) {
    StringRef tensor = getTensorName(result);
    if (!holds(storage, tensor))
      continue;
    for (Operation *user : result.getUsers()) {
      bool below = false;
      storage.walk([&](LeafOp leaf) {
        auto einsum = dyn_cast<EinsumInterface>(user);
        below |= einsum && leaf.getEinsum() == getEinsumName(einsum);
      });
      if (below)
        continue;
      InFlightDiagnostic diag =
          storage.emitError()
          << "'" << tensor
          << "' is produced here as far as leaves below read it, "
          << "but it is "
          << (isa<OutputOp>(user) ? "an output" : "also read elsewhere")
          << "; leave out the halo, or hold it above all its readers";
      diag.attachNote(user->getLoc()) << "needed here";
      return diag;
    }
  }
  return success();
}

/// The accesses to what `producer` makes of the other leaves below `node`.
static SmallVector<std::pair<const Leaf *, Access>>
findDemand(StorageOp node, const Leaf &producer, ArrayRef<Leaf> leaves) {
  SmallVector<std::pair<const Leaf *, Access>> demand;
  for (const Leaf &reader : leaves)
    if (node->isProperAncestor(reader.op) && reader.einsum != producer.einsum)
      for (const Access &access : reader.einsum.getInputAccesses())
        if (access.tensor.getDefiningOp() == producer.einsum.getOperation())
          demand.emplace_back(&reader, access);
  return demand;
}

/// Without a reader there is no demand, and nothing to produce.
static LogicalResult verifyReadBelow(StorageOp storage, const Leaf &producer,
                                     ArrayRef<Leaf> leaves) {
  if (!findDemand(storage, producer, leaves).empty())
    return success();
  InFlightDiagnostic diag = storage.emitError()
                            << "'" << getEinsumName(producer.einsum)
                            << "' is produced here as far as leaves below read "
                               "it, and none does; leave out the halo";
  diag.attachNote(producer.op.getLoc()) << "it is produced here";
  return diag;
}

/// Storage C5: what is recomputed is produced below, and wholly within a visit.
static LogicalResult verifyHalo(StorageOp storage, ArrayRef<Leaf> leaves) {
  StringRef halo = storage.getHalo().value_or("refetched");
  if (halo == "refetched")
    return success();
  bool producesBelow = false;
  for (const Leaf &leaf : leaves) {
    if (!storage->isProperAncestor(leaf.op))
      continue;
    bool produces =
        llvm::any_of(leaf.einsum.getTensorNames(),
                     [&](StringAttr t) { return holds(storage, t); });
    producesBelow |= produces;
    if (!produces)
      continue;
    if (failed(verifyOnlyReadBelow(storage, leaf)) ||
        failed(verifyReadBelow(storage, leaf, leaves)))
      return failure();
    if (!leaf.einsum.getInitialValues().empty())
      return storage.emitError()
             << "'" << getEinsumName(leaf.einsum) << "' is " << halo
             << " here, but is a recurrence: its own earlier steps are not "
                "what "
                "leaves below read";
    SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
    for (const LoopAbove &loop : leaf.loops) {
      if (!loop.op->isProperAncestor(storage) || loop.steps() == 1 ||
          !llvm::is_contained(ranks, loop.rank))
        continue;
      bool reduces = llvm::any_of(leaf.einsum.getReductionList(),
                                  [&](const Reduction &reduction) {
                                    return reduction.rank == loop.rank;
                                  });
      if (!reduces)
        continue;
      InFlightDiagnostic diag =
          storage.emitError()
          << "'" << getEinsumName(leaf.einsum) << "' is " << halo
          << " here, but sums over '" << loop.rank.getValue()
          << "' in steps of a loop above: each visit has to compute whole sums";
      diag.attachNote(loop.op->getLoc()) << "the loop is here";
      return diag;
    }
  }
  if (halo == "recomputed" && !producesBelow)
    return storage.emitError()
           << "halo \"recomputed\" is for tensors produced below; what comes "
              "from above is \"refetched\" or \"retained\"";
  return success();
}

/// The node with a halo above a leaf that its production follows; null if none.
static StorageOp findDemandingNode(const Leaf &leaf) {
  for (Operation *node : llvm::reverse(leaf.path))
    if (auto storage = dyn_cast<StorageOp>(node);
        storage && storage.getHalo().value_or("refetched") != "refetched" &&
        llvm::any_of(leaf.einsum.getTensorNames(), [&](StringAttr name) {
          return holds(storage, name.getValue());
        }))
      return storage;
  return {};
}

/// The coordinate that a visit of `node` reads with `expr`, over the ranks of
/// the cascade in their order; null if it reads several, because the loops
/// above have not cut each rank in it to one point.
static AffineExpr findFixed(StorageOp node, const Leaf &reader, AffineExpr expr,
                            CascadeOp cascade) {
  llvm::SmallDenseMap<StringAttr, unsigned> numbers;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    numbers.try_emplace(rank.getSymNameAttr(), numbers.size());
  if (isGathered(expr, EinsumInterface(reader.einsum).getSymbolNames().size()))
    return {};
  SmallVector<AffineExpr> numbered;
  for (StringAttr rank : reader.einsum.getIterationRanks()) {
    unsigned position = numbered.size();
    numbered.push_back(
        getAffineDimExpr(numbers.lookup(rank), expr.getContext()));
    std::optional<int64_t> left = cascade.findRank(rank).getBoundExtent();
    for (const LoopAbove &loop : reader.loops)
      if (loop.rank == rank && loop.op->isProperAncestor(node))
        left = loop.tile;
    if (expr.isFunctionOfDim(position) && left != 1)
      return {};
  }
  return bindParameters(expr, reader.einsum, cascade).replaceDims(numbered);
}

/// C3 where production follows demand: the node replaces the interval of a rank
/// that no reader iterates over, whatever the loops above it have left.
static LogicalResult verifyDemandedPoint(const Leaf &producer,
                                         ArrayRef<Leaf> leaves,
                                         CascadeOp cascade) {
  StorageOp node = findDemandingNode(producer);
  if (!node)
    return success();
  auto demand = findDemand(node, producer, leaves);
  SmallVector<StringAttr> ranks = producer.einsum.getIterationRanks();
  for (auto [position, written] :
       llvm::enumerate(producer.einsum.getOutputAccess().getResults())) {
    StringAttr rank = ranks[cast<AffineDimExpr>(written).getPosition()];
    bool isFollowed = true;
    llvm::SmallSetVector<AffineExpr, 2> coordinates; // null: several
    for (const auto &[reader, access] : demand) {
      isFollowed &=
          !llvm::is_contained(reader->einsum.getIterationRanks(), rank);
      coordinates.insert(
          findFixed(node, *reader, access.map.getResult(position), cascade));
    }
    bool isFixed = coordinates.size() == 1 && coordinates.front();
    bool isCut = cascade.findRank(rank).getBoundExtent() == 1 ||
                 llvm::any_of(producer.loops, [&](const LoopAbove &loop) {
                   return loop.rank == rank && loop.tile == 1 &&
                          node->isProperAncestor(loop.op);
                 });
    if (!isFollowed || isFixed || isCut)
      continue;
    InFlightDiagnostic diag =
        producer.op.emitError()
        << "'" << producer.op.getEinsum() << "' is left with all points of '"
        << rank.getValue()
        << "' that readers ask for: what a node with a halo demands is divided "
           "down to one point by loops below that node";
    diag.attachNote(node.getLoc()) << "below this node, add a loop over '"
                                   << rank.getValue() << "' with tile 1";
    return diag;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// What else a demand cuts
//===----------------------------------------------------------------------===//

namespace {

/// A node that sets the intervals of ranks of what `producer` makes.
struct DemandingNode {
  mutable StorageOp node; // MLIR does not mark its queries const
  const Leaf *producer;
  ArrayRef<Leaf> leaves;

  SmallVector<std::pair<const Leaf *, Access>> demand() const {
    return findDemand(node, *producer, leaves);
  }
};

} // namespace

/// Along which position of what it makes a leaf has the rank; none if it does
/// not keep it.
static std::optional<unsigned> findKept(const Leaf &leaf, StringAttr rank) {
  SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
  for (auto [position, written] :
       llvm::enumerate(leaf.einsum.getOutputAccess().getResults()))
    if (ranks[cast<AffineDimExpr>(written).getPosition()] == rank)
      return position;
  return std::nullopt;
}

/// True if the access has exactly the rank at the position.
static bool readsAt(const Leaf &reader, const Access &access, unsigned position,
                    StringAttr rank) {
  auto index = dyn_cast<AffineDimExpr>(access.map.getResult(position));
  return index &&
         reader.einsum.getIterationRanks()[index.getPosition()] == rank;
}

/// True if a loop above the node takes several steps along a rank.
static const LoopAbove *findCutAbove(const Leaf &leaf, StorageOp node,
                                     StringAttr rank) {
  for (const LoopAbove &loop : leaf.loops)
    if (loop.rank == rank && loop.op->isProperAncestor(node) &&
        loop.steps() != 1)
      return &loop;
  return nullptr;
}

/// A rank that readers iterate over is left as loops above have cut it, for
/// them and for the producer.
static LogicalResult verifyIteratedByReaders(const DemandingNode &demanding,
                                             StringAttr rank,
                                             unsigned position) {
  const LoopAbove *cut =
      findCutAbove(*demanding.producer, demanding.node, rank);
  if (!cut)
    return success();
  for (const auto &[reader, access] : demanding.demand()) {
    if (readsAt(*reader, access, position, rank))
      continue;
    InFlightDiagnostic diag =
        reader->op.emitError()
        << "'" << getEinsumName(reader->einsum) << "' reads '"
        << getEinsumName(demanding.producer->einsum) << "' beyond the part of '"
        << rank.getValue()
        << "' that a loop above has left of it: production follows readers "
           "only along ranks that none of them iterates over";
    diag.attachNote(cut->op->getLoc()) << "take this loop below the node";
    diag.attachNote(demanding.node.getLoc()) << "the node is here";
    return diag;
  }
  return success();
}

/// The interval that readers ask for holds for all leaves below. Another may
/// iterate over the rank only if what it makes is wanted there and no further.
static LogicalResult verifyNotCut(const DemandingNode &demanding,
                                  const Leaf &other, StringAttr rank) {
  StorageOp node = demanding.node;
  std::optional<unsigned> position = findKept(other, rank);
  bool isWanted = position.has_value();
  for (Operation *user : other.einsum->getUsers()) {
    auto reader = llvm::find_if(demanding.leaves, [&](const Leaf &leaf) {
      return leaf.einsum == user && node->isProperAncestor(leaf.op);
    });
    if (reader == demanding.leaves.end() || !isWanted) {
      isWanted = false;
      break;
    }
    for (const Access &access : reader->einsum.getInputAccesses())
      if (access.tensor.getDefiningOp() == other.einsum.getOperation())
        isWanted &= readsAt(*reader, access, *position, rank);
  }
  for (const LoopAbove &loop : other.loops)
    isWanted &=
        !loop.op->isProperAncestor(node) || !loop.guard || loop.steps() == 1;
  for (Operation *above = node->getParentOp(); !isa<MappingOp>(above);
       above = above->getParentOp())
    if (auto storage = dyn_cast<StorageOp>(above))
      isWanted &=
          llvm::none_of(other.einsum.getTensorNames(), [&](StringAttr tensor) {
            return !tensor.getValue().empty() &&
                   holds(storage, tensor.getValue());
          });
  if (isWanted)
    return success();
  InFlightDiagnostic diag =
      other.op.emitError()
      << "'" << getEinsumName(other.einsum) << "' iterates over '"
      << rank.getValue()
      << "', of which the node with a halo above leaves what is read of '"
      << getEinsumName(demanding.producer->einsum)
      << "'; take it out of that node, or leave out the halo";
  diag.attachNote(node.getLoc()) << "the node is here";
  return diag;
}

/// Which steps a loop over a rank that follows demand has in a visit, and
/// whether it has any, depends on what is asked for: no leaf may wait for its
/// first or last.
static LogicalResult verifyNotGuarded(const DemandingNode &demanding,
                                      const Leaf &other, StringAttr rank) {
  StorageOp node = demanding.node;
  for (const LoopAbove &loop : other.loops) {
    if (loop.rank != rank || !loop.guard || loop.steps() == 1 ||
        !node->isProperAncestor(loop.op))
      continue;
    InFlightDiagnostic diag = other.op.emitError()
                              << "'" << getEinsumName(other.einsum)
                              << "' is below a loop over '" << rank.getValue()
                              << "', whose steps follow what is read of '"
                              << getEinsumName(demanding.producer->einsum)
                              << "'; take it out of that loop";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    diag.attachNote(node.getLoc()) << "production follows demand in this node";
    return diag;
  }
  return success();
}

/// A tile kept from visit to visit is not in nodes above that are entered anew.
static LogicalResult verifyKeptAbove(const DemandingNode &demanding) {
  StorageOp node = demanding.node;
  if (node.getHalo() != "retained")
    return success();
  bool isInside = true; // of the loop around the node
  StorageOp between, outermost;
  for (Operation *above = node->getParentOp(); !isa<MappingOp>(above);
       above = above->getParentOp()) {
    if (auto loop = dyn_cast<TemporalOp>(above))
      isInside = false;
    auto storage = dyn_cast<StorageOp>(above);
    if (!storage || storage.getPassthrough() ||
        llvm::none_of(demanding.producer->einsum.getTensorNames(),
                      [&](StringAttr tensor) {
                        return !tensor.getValue().empty() &&
                               holds(storage, tensor.getValue());
                      }))
      continue;
    outermost = storage;
    if (isInside && !between)
      between = storage;
  }
  if (between && between.getHalo() == "retained") {
    InFlightDiagnostic diag =
        node.emitError()
        << "'" << getEinsumName(demanding.producer->einsum)
        << "' is kept here from visit to visit, and so it is in a node above "
           "that would have to be given what is kept; retain it in one of them";
    diag.attachNote(between.getLoc()) << "the other node is here";
    return diag;
  }
  if (!between || (between == outermost && !node.getPassthrough()))
    return success();
  InFlightDiagnostic diag =
      node.emitError()
      << "'" << getEinsumName(demanding.producer->einsum)
      << "' is kept here from visit to visit, but a node above is entered anew "
         "each time and would have to be given what is kept; hold it there no "
         "more";
  diag.attachNote(between.getLoc()) << "the node is here";
  return diag;
}

static LogicalResult verifyDemand(const DemandingNode &demanding) {
  if (failed(verifyKeptAbove(demanding)))
    return failure();
  auto demand = demanding.demand();
  SmallVector<StringAttr> ranks =
      demanding.producer->einsum.getIterationRanks();
  for (auto [position, written] : llvm::enumerate(
           demanding.producer->einsum.getOutputAccess().getResults())) {
    StringAttr rank = ranks[cast<AffineDimExpr>(written).getPosition()];
    bool isFollowed = llvm::none_of(demand, [&](const auto &reading) {
      return llvm::is_contained(reading.first->einsum.getIterationRanks(),
                                rank);
    });
    if (!isFollowed) {
      if (failed(verifyIteratedByReaders(demanding, rank, position)))
        return failure();
      continue;
    }
    for (const Leaf &other : demanding.leaves) {
      if (&other == demanding.producer ||
          !demanding.node->isProperAncestor(other.op))
        continue;
      bool iterates =
          llvm::is_contained(other.einsum.getIterationRanks(), rank);
      if (failed(iterates ? verifyNotCut(demanding, other, rank)
                          : verifyNotGuarded(demanding, other, rank)))
        return failure();
    }
  }
  return success();
}

static LogicalResult verifyDemands(ArrayRef<Leaf> leaves) {
  for (const Leaf &producer : leaves)
    for (Operation *above : producer.path) {
      auto node = dyn_cast<StorageOp>(above);
      if (!node || node.getHalo().value_or("refetched") == "refetched" ||
          llvm::none_of(producer.einsum.getTensorNames(),
                        [&](StringAttr tensor) {
                          return !tensor.getValue().empty() &&
                                 holds(node, tensor.getValue());
                        }))
        continue;
      if (failed(verifyDemand({node, &producer, leaves})))
        return failure();
    }
  return success();
}

/// True if what a leaf below a demanding node makes follows its readers along
/// the rank: none of them iterates over it.
static bool isFollowedAlong(const Leaf &leaf, StringAttr rank,
                            ArrayRef<Leaf> leaves) {
  StorageOp node = findDemandingNode(leaf);
  return node && findKept(leaf, rank) &&
         llvm::none_of(findDemand(node, leaf, leaves),
                       [&](const auto &reading) {
                         return llvm::is_contained(
                             reading.first->einsum.getIterationRanks(), rank);
                       });
}

/// A leaf that follows demand runs in every step of the loops above its node,
/// and may read there what each step has made, at its own place, and nothing
/// that later steps make.
static LogicalResult verifyDemanded(const Dependence &dependence,
                                    ArrayRef<Leaf> leaves) {
  const Leaf &producer = *dependence.producer, &reader = *dependence.reader;
  for (unsigned i = 0; i < dependence.sharedLoops; ++i) {
    const LoopAbove &loop = producer.loops[i];
    if (!reader.loops[i].isDemanded || loop.isDemanded || loop.steps() == 1)
      continue;
    std::optional<unsigned> position = findKept(producer, loop.rank);
    bool iterates =
        llvm::is_contained(producer.einsum.getIterationRanks(), loop.rank);
    bool isThere = loop.guard == Guard::first;
    if (iterates && position)
      isThere = readsAt(reader, dependence.access, *position, loop.rank) &&
                !isFollowedAlong(reader, loop.rank, leaves);
    if (isThere)
      continue;
    InFlightDiagnostic diag = reader.op.emitError()
                              << "'" << reader.op.getEinsum()
                              << "' follows demand in every step of the "
                              << "loop over '" << loop.rank.getValue()
                              << "', but '"
                              << getTensorName(dependence.access.tensor)
                              << "' is complete only after the last";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    return diag;
  }
  return success();
}

/// Transfer C1.
static LogicalResult verifyTensors(TransferOp transfer) {
  llvm::StringSet<> seen;
  for (Attribute attr : transfer.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    if (!seen.insert(name).second)
      return transfer.emitError() << "moves '" << name << "' twice";
    unsigned holders = 0;
    for (Operation *node = transfer->getParentOp(); !isa<MappingOp>(node);
         node = node->getParentOp())
      if (auto storage = dyn_cast<StorageOp>(node))
        holders += !storage.getPassthrough() && holds(storage, name);
    if (holders < 2)
      return transfer.emitError()
             << "moves '" << name << "', which takes two storage nodes above "
             << "that hold it, found " << holders;
  }
  return success();
}

/// Transfer C2.
static LogicalResult verifyMoment(TransferOp transfer, StringRef tensor,
                                  ArrayRef<Leaf> leaves) {
  const Leaf *between = nullptr;
  if (findMoves(transfer, tensor, leaves, &between))
    return success();
  if (!between)
    return transfer.emitError()
           << "moves '" << tensor
           << "', which no leaf below its storage node touches";
  InFlightDiagnostic diag =
      transfer.emitError()
      << "moves '" << tensor
      << "' neither before all leaves that touch it (a fill) nor after all of "
         "them (a drain); in a pipeline that takes a smaller, or a larger, lag";
  diag.attachNote(between->op->getLoc())
      << "'" << getEinsumName(between->einsum) << "' touches it here";
  return diag;
}

/// Transfer C3. `made` has what transfers make already.
static LogicalResult verifyNotMadeTwice(
    TransferOp transfer, ArrayRef<Leaf> leaves,
    std::map<std::tuple<Operation *, StringRef, Moves>, TransferOp> &made) {
  Operation *split = transfer->getParentOp();
  if (llvm::none_of(leaves, [&](const Leaf &leaf) {
        return split->isProperAncestor(leaf.op);
      }))
    return transfer.emitError("has no leaf beside it, whose visits it would "
                              "accompany");
  for (Attribute attr : transfer.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    Moves moves = *findMoves(transfer, name, leaves);
    auto [other, isNew] = made.try_emplace(
        {findNearestHolder(transfer, name), name, moves}, transfer);
    if (isNew)
      continue;
    InFlightDiagnostic diag =
        transfer.emitError()
        << "makes the " << (moves == Moves::fills ? "fills" : "drains")
        << " of '" << name << "', which another transfer makes";
    diag.attachNote(other->second->getLoc()) << "the other one is here";
    return diag;
  }
  return success();
}

static LogicalResult verifyTransfers(MappingOp mapping, ArrayRef<Leaf> leaves) {
  std::map<std::tuple<Operation *, StringRef, Moves>, TransferOp> made;
  WalkResult result = mapping.walk([&](TransferOp transfer) -> WalkResult {
    if (failed(verifyTensors(transfer)))
      return WalkResult::interrupt();
    for (Attribute name : transfer.getTensors())
      if (failed(verifyMoment(transfer, cast<StringAttr>(name), leaves)))
        return WalkResult::interrupt();
    return verifyNotMadeTwice(transfer, leaves, made);
  });
  return failure(result.wasInterrupted());
}

static LogicalResult verifyMoves(MappingOp mapping, ArrayRef<Leaf> leaves) {
  WalkResult result = mapping.walk([&](Operation *node) -> WalkResult {
    if (auto storage = dyn_cast<StorageOp>(node))
      return WalkResult(
          success(succeeded(verifyHalo(storage, leaves)) &&
                  succeeded(verifyWholeForGathers(storage, leaves))));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted() ||
                 failed(verifyTransfers(mapping, leaves)));
}

static LogicalResult verifyLoops(ArrayRef<Leaf> leaves,
                                 CascadeOp cascade) { // C3
  return success(llvm::all_of(leaves, [&](const Leaf &leaf) {
    return succeeded(verifyOnePoint(leaf, cascade)) &&
           succeeded(verifyDemandedPoint(leaf, leaves, cascade));
  }));
}

/// C5. `homes` receives the outermost storage node of each tensor.
static LogicalResult verifyHomes(MappingOp mapping, CascadeOp cascade,
                                 ArrayRef<Leaf> leaves,
                                 llvm::StringMap<StorageOp> &homes) {
  SmallVector<StorageOp> streams;
  mapping.walk([&](StorageOp node) {
    if (node.getStream())
      streams.push_back(node);
  });
  llvm::StringMap<Value> tensors = tensorsOf(cascade);
  for (const auto &[tensor, uses] : findUses(leaves)) {
    FailureOr<StorageOp> home = verifyHome(tensor, uses);
    if (failed(home))
      return failure();
    homes[tensor] = *home;
    for (const Use &use : uses)
      if (use.isWrite &&
          failed(verifyAccumulated(*use.leaf, tensors.lookup(tensor), *home)))
        return failure();
    for (StorageOp node : streams)
      if (holds(node, tensor) && failed(verifyStream(node, tensor, uses)))
        return failure();
  }
  return success();
}

LogicalResult einsum::schedule::verifyAgainstCascade(MappingOp mapping,
                                                     CascadeOp cascade) {
  if (failed(verifyLeafNames(mapping, cascade)) ||
      failed(verifyLeavesComplete(mapping, cascade)) ||
      failed(verifyLoopRanks(mapping, cascade)) ||
      failed(verifyStorage(mapping, cascade)))
    return failure();
  std::vector<Leaf> leaves = resolveLeaves(mapping, cascade);
  std::vector<Dependence> dependences = findDependences(leaves);
  if (failed(verifyLoops(leaves, cascade)) ||
      failed(verifyMoves(mapping, leaves)) || failed(verifyDemands(leaves)))
    return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyReadOrder(dependence, leaves, cascade))) // C4
      return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyDemanded(dependence, leaves)))
      return failure();
  WalkResult fetches = mapping.walk([&](TransferOp transfer) -> WalkResult {
    for (Attribute name : transfer.getTensors())
      if (failed(
              verifyFetch(transfer, cast<StringAttr>(name), leaves, cascade)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (fetches.wasInterrupted())
    return failure();
  llvm::StringMap<StorageOp> homes;
  if (failed(verifyHomes(mapping, cascade, leaves, homes)))
    return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyKept(dependence,
                          homes.lookup(getTensorName(dependence.access.tensor)),
                          cascade)))
      return failure();
  return success();
}

LogicalResult
MappingOp::verifySymbolUses(SymbolTableCollection &symbolTable) { // C1
  auto cascade =
      symbolTable.lookupNearestSymbolFrom<CascadeOp>(*this, getCascadeAttr());
  if (!cascade)
    return emitError() << "maps '" << getCascade()
                       << "', which is not a cascade beside it";
  return verifyAgainstCascade(*this, cascade);
}
