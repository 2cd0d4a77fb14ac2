//===- Eviction.cpp - Making a schedule fit -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Eviction.h"

#include "lib/CostModel/CostModel.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;
using namespace einsum::schedule;

namespace {

/// Bytes over all capacities, and moved at all levels.
struct State {
  bool isLegal = false;
  uint64_t over = 0, moved = 0;
};

State evaluate(MappingOp mapping, const CascadeFacts &facts,
               const arch::ArchSpec &arch) {
  State state;
  auto evaluator = cost::Evaluator::create(mapping, facts, arch);
  if (!evaluator)
    return state;
  cost::Evaluation cost;
  if (!evaluator->evaluate(cost) && evaluator->violations().empty())
    return state;
  for (const cost::CapacityViolation &one : evaluator->violations())
    state.over += one.neededBytes - one.availableBytes;
  for (const cost::LevelCost &level : cost.levels)
    state.moved += level.traffic.bytes();
  state.isLegal = true;
  return state;
}

/// Levels that hold too much.
std::vector<std::string> listOverfull(MappingOp mapping,
                                      const CascadeFacts &facts,
                                      const arch::ArchSpec &arch) {
  std::vector<std::string> levels;
  cost::Evaluation cost;
  if (auto evaluator = cost::Evaluator::create(mapping, facts, arch))
    if (!evaluator->evaluate(cost))
      for (const cost::CapacityViolation &one : evaluator->violations())
        levels.push_back(one.level);
  return levels;
}

/// A storage node, as its number in the tree, and a tensor there.
struct Move {
  unsigned node;
  std::string tensor;
};

std::vector<StorageOp> listStorages(MappingOp mapping) {
  std::vector<StorageOp> storages;
  mapping.walk<WalkOrder::PreOrder>(
      [&](StorageOp storage) { storages.push_back(storage); });
  return storages;
}

bool touches(Operation *subtree, StringRef tensor, CascadeOp cascade,
             const CascadeFacts &facts) {
  bool found = false;
  int id = facts.findTensor(tensor);
  subtree->walk([&](LeafOp leaf) {
    const EinsumFact &einsum =
        facts.einsums[facts.findEinsum(leaf.getEinsum())];
    auto isOf = [&](const AccessFact &a) { return a.tensor == id; };
    found |=
        llvm::any_of(einsum.reads, isOf) || llvm::any_of(einsum.writes, isOf);
  });
  return found;
}

class Sinker {
public:
  Sinker(CascadeOp cascade, const CascadeFacts &facts)
      : cascade(cascade), facts(facts) {}

  /// Moves a tensor one node further in; what was done, or empty if there is no
  /// further in.
  std::string sink(StorageOp storage, StringRef tensor) {
    Operation *child = getChildren(storage).front();
    std::string name = tensor.str();
    // Past other storage nodes, which hold the same loops' tiles: each move
    // leaves a loop or a split behind, so that moves come to an end.
    while (auto between = dyn_cast<StorageOp>(child)) {
      if (llvm::is_contained(between.getTensors(),
                             StringAttr::get(between.getContext(), name)))
        return ""; // it is there already
      child = getChildren(between).front();
    }
    if (isa<LeafOp, TransferOp>(child))
      return "";
    StringRef kind = child->getName().stripDialect();
    std::string move = "'" + name + "' at '" + storage.getLevel().str() +
                       "' lives below '" + kind.str();
    if (auto rank = child->getAttrOfType<StringAttr>("rank"))
      move += " " + rank.getValue().str();
    move += "'";
    for (Operation *below : getChildren(child))
      if (!isa<TransferOp>(below) && touches(below, name, cascade, facts))
        wrap(below, storage, name);
    remove(storage, name);
    return move;
  }

private:
  /// A storage node of one tensor around a node.
  static void wrap(Operation *node, StorageOp like, StringRef tensor) {
    OpBuilder builder(node);
    auto own = builder.create<StorageOp>(like.getLoc(), like.getLevel(),
                                         ArrayRef<StringRef>(tensor));
    if (like.getBuffers())
      own.setBuffers(*like.getBuffers());
    node->moveBefore(&own.getBody().front(), own.getBody().front().end());
  }

  static void remove(StorageOp storage, StringRef tensor) {
    SmallVector<Attribute> left;
    for (Attribute name : storage.getTensors())
      if (cast<StringAttr>(name).getValue() != tensor)
        left.push_back(name);
    if (!left.empty()) {
      storage.setTensorsAttr(ArrayAttr::get(storage.getContext(), left));
      return;
    }
    getChildren(storage).front()->moveBefore(storage);
    storage.erase();
  }

  CascadeOp cascade;
  const CascadeFacts &facts;
};

/// Tiles of which all is held, and which have somewhere to go.
std::vector<Move> listMoves(MappingOp mapping, ArrayRef<std::string> overfull) {
  std::vector<Move> moves;
  for (auto [id, storage] : llvm::enumerate(listStorages(mapping))) {
    if (!llvm::is_contained(overfull, storage.getLevel().str()) ||
        storage.getShared() || storage.getResident() || storage.getStream() ||
        storage.getHalo() || storage.getPassthrough())
      continue;
    for (auto name : storage.getTensors().getAsRange<StringAttr>())
      if (findNearestHolder(storage, name.getValue()))
        moves.push_back({static_cast<unsigned>(id), name.getValue().str()});
  }
  return moves;
}

} // namespace

std::optional<Evictions>
einsum::mapper::evictUntilItFits(MappingOp mapping, const CascadeFacts &facts,
                                 const arch::ArchSpec &arch) {
  CascadeOp cascade = lookupCascade(mapping);
  // What a candidate is refused for is no news to the user.
  ScopedDiagnosticHandler silence(mapping.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
  Evictions result;
  Sinker sinker(cascade, facts);
  State now = evaluate(mapping, facts, arch);
  result.bytesBefore = now.moved;
  OpBuilder builder(mapping);
  builder.setInsertionPointAfter(mapping);
  result.mapping = cast<MappingOp>(builder.clone(*mapping));
  while (now.isLegal && now.over > 0) {
    MappingOp best;
    State bestState;
    std::string bestMove;
    double bestPrice = 0;
    for (const Move &move :
         listMoves(result.mapping, listOverfull(result.mapping, facts, arch))) {
      auto candidate = cast<MappingOp>(builder.clone(*result.mapping));
      std::string text =
          sinker.sink(listStorages(candidate)[move.node], move.tensor);
      State state;
      if (!text.empty() && succeeded(verifyAgainstCascade(candidate, cascade)))
        state = evaluate(candidate, facts, arch);
      ++result.evaluated;
      // A move that frees nothing may let the next one free something.
      double freed =
          static_cast<double>(now.over) - static_cast<double>(state.over);
      double paid = std::max(0.0, static_cast<double>(state.moved) -
                                      static_cast<double>(now.moved));
      double price = (paid + 1) / (std::max(freed, 0.0) + 1e-3);
      if (state.isLegal && freed >= 0 && (!best || price < bestPrice)) {
        if (best)
          best.erase();
        best = candidate;
        bestState = state;
        bestMove = text;
        bestPrice = price;
      } else {
        candidate.erase();
      }
    }
    if (!best)
      break;
    result.mapping.erase();
    result.mapping = best;
    result.moves.push_back(bestMove);
    now = bestState;
  }
  if (now.isLegal && now.over == 0) {
    result.bytesAfter = now.moved;
    return result;
  }
  result.mapping.erase();
  return std::nullopt;
}
