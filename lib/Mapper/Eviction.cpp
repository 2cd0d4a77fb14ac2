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

#include <cmath>

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

/// A storage node, as its number in the tree, and a tensor there; where no node
/// further out holds the tensor, the level that it is spilled to.
struct Move {
  unsigned node;
  std::string tensor, spillTo;
};

std::vector<StorageOp> listStorages(MappingOp mapping) {
  std::vector<StorageOp> storages;
  mapping.walk<WalkOrder::PreOrder>(
      [&](StorageOp storage) { storages.push_back(storage); });
  return storages;
}

bool touches(Operation *subtree, StringRef tensor, const CascadeFacts &facts) {
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
  explicit Sinker(const CascadeFacts &facts) : facts(facts) {}

  /// Moves a tensor so many nodes further in, from a node that holds it further
  /// out, made if there is none; what was done, or empty if that is too far.
  std::string sink(StorageOp storage, const Move &move, unsigned depth) {
    if (!move.spillTo.empty())
      wrap(storage, storage, move.tensor, move.spillTo);
    std::string level = storage.getLevel().str(), where;
    SmallVector<StorageOp> nodes = {storage};
    for (unsigned i = 0; i < depth; ++i) {
      SmallVector<StorageOp> further;
      where.clear();
      for (StorageOp node : nodes)
        sinkOne(node, move.tensor, further, where);
      if (where.empty())
        return "";
      nodes = std::move(further);
    }
    return "'" + move.tensor + "' at '" + level + "' " + where +
           (move.spillTo.empty() ? "" : ", spilled to '" + move.spillTo + "'");
  }

private:
  /// Moves a tensor below the next loop or split, or, where a level further in
  /// holds it or nothing but the leaf is left, out of the level.
  void sinkOne(StorageOp storage, StringRef tensor,
               SmallVectorImpl<StorageOp> &further, std::string &where) {
    auto say = [&](const std::string &text) {
      if (where.find(text) == std::string::npos)
        where += (where.empty() ? "" : " and ") + text;
    };
    // Past other storage nodes, which hold the same loops' tiles: each move
    // leaves a loop or a split behind, so that moves come to an end.
    Operation *child = getChildren(storage).front();
    auto name = StringAttr::get(storage.getContext(), tensor);
    auto between = dyn_cast<StorageOp>(child);
    while (between && !llvm::is_contained(between.getTensors(), name)) {
      child = getChildren(between).front();
      between = dyn_cast<StorageOp>(child);
    }
    if (isa<TransferOp>(child))
      return;
    if (between || isa<LeafOp>(child)) {
      say("is passed by");
      return remove(storage, tensor);
    }
    std::string below = child->getName().stripDialect().str();
    if (auto rank = child->getAttrOfType<StringAttr>("rank"))
      below += " " + rank.getValue().str();
    say("lives below '" + below + "'");
    for (Operation *user : getChildren(child))
      if (!isa<TransferOp>(user) && touches(user, tensor, facts))
        further.push_back(wrap(user, storage, tensor, storage.getLevel()));
    remove(storage, tensor);
  }

  /// A storage node of one tensor around a node.
  static StorageOp wrap(Operation *node, StorageOp like, StringRef tensor,
                        StringRef level) {
    OpBuilder builder(node);
    auto own = builder.create<StorageOp>(like.getLoc(), level,
                                         ArrayRef<StringRef>(tensor));
    if (like.getBuffers() && level == like.getLevel())
      own.setBuffers(like.getBuffers());
    node->moveBefore(&own.getBody().front(), own.getBody().front().end());
    return own;
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

  const CascadeFacts &facts;
};

/// Tiles of which all is held, and which have somewhere to go.
std::vector<Move> listMoves(MappingOp mapping, ArrayRef<std::string> overfull,
                            const arch::ArchSpec &arch) {
  std::vector<Move> moves;
  for (auto [id, storage] : llvm::enumerate(listStorages(mapping))) {
    if (!llvm::is_contained(overfull, storage.getLevel().str()) ||
        storage.getShared() || storage.getResident() || storage.getStream() ||
        storage.getHalo() || storage.getPassthrough())
      continue;
    int parent = arch.levels[arch.findLevel(storage.getLevel())].parent;
    for (auto name : storage.getTensors().getAsRange<StringAttr>()) {
      Move move{static_cast<unsigned>(id), name.getValue().str(), ""};
      if (!findNearestHolder(storage, name.getValue())) {
        if (parent < 0)
          continue;
        move.spillTo = arch.levels[parent].name;
      }
      moves.push_back(std::move(move));
    }
  }
  return moves;
}

/// A schedule after one more move.
struct Candidate {
  MappingOp mapping;
  State state;
  std::string move;
  double price = INFINITY;
};

/// Further bytes moved for each that is freed. A move that frees nothing may
/// let the next one free something; one that holds more is none.
double priceOf(const State &before, const State &after) {
  if (!after.isLegal || after.over > before.over)
    return INFINITY;
  double freed = static_cast<double>(before.over - after.over);
  double paid = std::max(0.0, static_cast<double>(after.moved) -
                                  static_cast<double>(before.moved));
  return (paid + 1) / (freed + 1e-3);
}

/// Loops and splits that one move may pass at once.
constexpr unsigned kDeepest = 6;

} // namespace

std::optional<Evictions>
einsum::mapper::evictUntilItFits(MappingOp mapping, const CascadeFacts &facts,
                                 const arch::ArchSpec &arch) {
  CascadeOp cascade = lookupCascade(mapping);
  // What a candidate is refused for is no news to the user.
  ScopedDiagnosticHandler silence(mapping.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
  Evictions result;
  Sinker sinker(facts);
  State now = evaluate(mapping, facts, arch);
  result.bytesBefore = now.moved;
  OpBuilder builder(mapping);
  builder.setInsertionPointAfter(mapping);
  result.mapping = cast<MappingOp>(builder.clone(*mapping));
  while (now.isLegal && now.over > 0) {
    Candidate best;
    for (const Move &move : listMoves(
             result.mapping, listOverfull(result.mapping, facts, arch), arch))
      for (unsigned depth = 1; depth <= kDeepest; ++depth) {
        Candidate candidate;
        candidate.mapping = cast<MappingOp>(builder.clone(*result.mapping));
        candidate.move = sinker.sink(listStorages(candidate.mapping)[move.node],
                                     move, depth);
        bool isTooFar = candidate.move.empty();
        if (!isTooFar &&
            succeeded(verifyAgainstCascade(candidate.mapping, cascade)))
          candidate.state = evaluate(candidate.mapping, facts, arch);
        ++result.evaluated;
        candidate.price = priceOf(now, candidate.state);
        bool frees = candidate.state.isLegal && candidate.state.over < now.over;
        if (candidate.price < best.price)
          std::swap(candidate, best);
        if (candidate.mapping)
          candidate.mapping.erase();
        if (isTooFar || frees)
          break;
      }
    if (!best.mapping)
      break;
    result.mapping.erase();
    result.mapping = best.mapping;
    result.moves.push_back(best.move);
    now = best.state;
  }
  if (now.isLegal && now.over == 0) {
    result.bytesAfter = now.moved;
    return result;
  }
  result.mapping.erase();
  return std::nullopt;
}
