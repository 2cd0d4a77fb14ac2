//===- StorageVerifiers.cpp - Tensors at the levels that hold them --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Storage C1 to C4 and C7 of ScheduleOps.td, and C5 of a mapping: each tensor
// has one outermost node, which all of its uses are below.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

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

LogicalResult schedule::verifyStorage(MappingOp mapping, CascadeOp cascade) {
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
LogicalResult schedule::verifyWholeForGathers(StorageOp storage,
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

/// C5. `homes` receives the outermost storage node of each tensor.
LogicalResult schedule::verifyHomes(MappingOp mapping, CascadeOp cascade,
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
