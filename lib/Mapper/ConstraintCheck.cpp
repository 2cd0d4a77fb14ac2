//===- ConstraintCheck.cpp - Does a mapping keep to what was asked --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ConstraintCheck.h"

#include "lib/Mapper/ConstraintMeaning.h"
#include "lib/Mapper/Join/Recurrences.h"
#include "lib/Mapper/PremiseText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;
using schedule::Leaf;
using schedule::LoopAbove;

namespace {

/// A tensor that a storage node above a leaf holds.
struct Held {
  int level, tensor;
  size_t position; ///< of the node on the leaf's path
  Operation *node;
};

class Check {
public:
  Check(schedule::MappingOp mapping, const CascadeFacts &facts,
        const arch::ArchSpec &arch, const SpaceLimits &limits)
      : mapping(mapping), facts(facts), arch(arch), limits(limits),
        leaves(schedule::resolveLeaves(mapping,
                                       schedule::lookupCascade(mapping))) {
    for (auto [id, tensor] : llvm::enumerate(facts.tensors))
      tensorIds[tensor.name] = id;
  }

  std::string run();
  std::vector<ConstraintViolation> list();

private:
  void enter(const Leaf &leaf);
  void checkArray(const arch::ArrayChoice &choice, const Leaf &leaf);
  void checkLevel(const arch::LevelConstraint &constraint, const Leaf &leaf);
  void checkOrder(const arch::LevelConstraint &constraint, const Leaf &leaf);
  void checkTiles(const arch::LevelConstraint &constraint, const Leaf &leaf);
  void checkDimension(const arch::DimensionConstraint &constraint,
                      const Leaf &leaf);
  void checkLimits();
  void checkHalos();
  void checkNoSharedHolders();
  void checkSharedLoops(const Leaf &a, const Leaf &b);

  bool isKept(int level, int tensor) const {
    return llvm::any_of(held, [&](const Held &h) {
      return h.level == level && h.tensor == tensor;
    });
  }
  bool isIn(const arch::TensorSet &set, int tensor) const {
    return contains(set, tensor, facts, *einsum,
                    [&](int level) { return isKept(level, tensor); });
  }
  /// Extent of a rank at a position on the path of a leaf.
  int64_t tileAt(const Leaf &leaf, size_t position, int rank) const;
  /// Keeps the first violation of each constraint, or limit.
  void fail(const llvm::Twine &message, Operation *op) {
    if (!isTold)
      violations.push_back({stated, constraint, message.str(), op->getLoc()});
    isTold = true;
  }
  template <typename Constraint, typename Fn>
  void judge(const std::vector<Constraint> &constraints, Fn fn);
  std::string nameOf(int tensor) const {
    return "'" + facts.tensors[tensor].name + "'";
  }
  std::string levelName(int level) const {
    return "'" + arch.levels[level].name + "'";
  }

  schedule::MappingOp mapping;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const SpaceLimits &limits;
  std::vector<Leaf> leaves;
  std::vector<ConstraintViolation> violations;

  // Of the constraint at hand.
  SourceLocation stated;
  std::string constraint;
  bool isTold = false;
  llvm::StringMap<int> tensorIds;

  // Of the leaf at hand.
  const EinsumFact *einsum = nullptr;
  int array = -1;
  std::vector<Held> held;
};

} // namespace

int64_t Check::tileAt(const Leaf &leaf, size_t position, int rank) const {
  int64_t tile = facts.ranks[rank].extent;
  for (const LoopAbove &loop : leaf.loops) {
    const auto *place = llvm::find(leaf.path, loop.op);
    if (loop.rank.getValue() == facts.ranks[rank].name &&
        static_cast<size_t>(place - leaf.path.begin()) < position)
      tile = std::min(tile, loop.tile);
  }
  return tile;
}

//===----------------------------------------------------------------------===//
// Levels
//===----------------------------------------------------------------------===//

void Check::checkTiles(const arch::LevelConstraint &constraint,
                       const Leaf &leaf) {
  for (const arch::TileBound &bound : constraint.tile)
    for (const Held &h : held) {
      int rank = facts.findRank(bound.rank.name);
      if (h.level != constraint.level || rank < 0 || !einsum->iterates(rank) ||
          !llvm::is_contained(facts.tensors[h.tensor].ranks, rank))
        continue;
      int64_t tile = tileAt(leaf, h.position, rank);
      if (!bound.extent.contains(tile) ||
          (tile != facts.ranks[rank].extent && tile % bound.multipleOf != 0))
        fail("a tile of " + nameOf(h.tensor) + " at " + levelName(h.level) +
                 " spans " + llvm::Twine(tile) + " along '" + bound.rank.name +
                 "'",
             h.node);
    }
}

/// Loops over the ranks of an order between a node at the level and the next
/// node further in.
void Check::checkOrder(const arch::LevelConstraint &constraint,
                       const Leaf &leaf) {
  auto placeOf = [&](StringRef rank) {
    return llvm::find_if(constraint.order,
                         [&](const arch::WorkloadName &name) {
                           return name.name == rank;
                         }) -
           constraint.order.begin();
  };
  auto size = static_cast<ptrdiff_t>(constraint.order.size());
  ptrdiff_t last = -1;
  bool isInside = false;
  for (Operation *op : leaf.path) {
    if (auto storage = dyn_cast<schedule::StorageOp>(op)) {
      isInside = arch.findLevel(storage.getLevel()) == constraint.level;
      last = -1;
    }
    auto loop = dyn_cast<schedule::TemporalOp>(op);
    ptrdiff_t place = loop && isInside ? placeOf(loop.getRank()) : size;
    if (place == size)
      continue;
    if (place < last)
      fail("the loop over '" + loop.getRank() + "' at " +
               levelName(constraint.level) + " stands inside that over '" +
               constraint.order[last].name + "'",
           op);
    last = std::max(last, place);
  }
}

void Check::checkLevel(const arch::LevelConstraint &constraint,
                       const Leaf &leaf) {
  int level = constraint.level;
  if (!llvm::is_contained(getPath(arch, arch.arrays[array]), level))
    return;
  for (int tensor : getOperands(*einsum)) {
    bool must = constraint.mustKeep && isIn(*constraint.mustKeep, tensor);
    bool may = !constraint.mayKeep || must || isIn(*constraint.mayKeep, tensor);
    if (must && !isKept(level, tensor))
      fail(levelName(level) + " does not keep " + nameOf(tensor) + " for '" +
               einsum->name + "'",
           leaf.op);
    if (!may && isKept(level, tensor))
      fail(levelName(level) + " keeps " + nameOf(tensor) + " for '" +
               einsum->name + "'",
           leaf.op);
  }
  checkTiles(constraint, leaf);
  checkOrder(constraint, leaf);
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

void Check::checkDimension(const arch::DimensionConstraint &constraint,
                           const Leaf &leaf) {
  if (constraint.array != array)
    return;
  const arch::ArrayDim &dim = arch.arrays[array].dims[constraint.dim];
  int64_t units = 1;
  for (const LoopAbove &loop : leaf.loops) {
    auto spatial = dyn_cast<schedule::SpatialOp>(loop.op);
    if (!spatial || spatial.getDim() != dim.name)
      continue;
    units *= loop.steps().value_or(1);
    int rank = facts.findRank(loop.rank.getValue());
    bool isNamed =
        !constraint.ranks ||
        llvm::any_of(*constraint.ranks, [&](const arch::WorkloadName &name) {
          return name.name == loop.rank.getValue();
        });
    auto reuses = [&](const AccessFact &access) {
      return access.uses(rank) && isIn(constraint.reuse, access.tensor);
    };
    if (!isNamed || llvm::any_of(einsum->reads, reuses) ||
        llvm::any_of(einsum->writes, reuses))
      fail("'" + loop.rank.getValue() + "' is dealt along '" + dim.name +
               "' of '" + arch.arrays[array].name + "'",
           loop.op);
  }
  double least = constraint.minUtilization * static_cast<double>(dim.size);
  if (!constraint.relax && static_cast<double>(units) < least - 1e-9)
    fail(llvm::Twine(units) + " of " + llvm::Twine(dim.size) +
             " units along '" + dim.name + "' of '" + arch.arrays[array].name +
             "' are in use for '" + einsum->name + "'",
         leaf.op);
}

void Check::enter(const Leaf &leaf) {
  einsum = &facts.einsums[facts.findEinsum(leaf.op.getEinsum())];
  array = arch.findArray(leaf.op.getArray());
  held.clear();
  for (auto [position, op] : llvm::enumerate(leaf.path))
    if (auto storage = dyn_cast<schedule::StorageOp>(op))
      for (auto tensor : storage.getTensors().getAsRange<StringAttr>())
        held.push_back({arch.findLevel(storage.getLevel()),
                        tensorIds.lookup(tensor.getValue()), position, op});
}

void Check::checkArray(const arch::ArrayChoice &choice, const Leaf &leaf) {
  if (!llvm::is_contained(choice.arrays, array))
    fail("'" + einsum->name + "' runs on '" + arch.arrays[array].name + "'",
         leaf.op);
}

/// Calls `fn(constraint, leaf)` for the leaves that each is about.
template <typename Constraint, typename Fn>
void Check::judge(const std::vector<Constraint> &constraints, Fn fn) {
  for (const Constraint &one : constraints) {
    stated = one.loc;
    constraint = arch::describe(one, arch);
    isTold = false;
    for (const Leaf &leaf : leaves) {
      enter(leaf);
      if (selects(one.on, *einsum))
        fn(one, leaf);
    }
  }
}

//===----------------------------------------------------------------------===//
// The space
//===----------------------------------------------------------------------===//

/// Loops that two neighbours have in common.
void Check::checkSharedLoops(const Leaf &a, const Leaf &b) {
  std::map<StringRef, unsigned> byRank;
  unsigned shared = 0;
  for (const auto &[ours, theirs] : llvm::zip(a.loops, b.loops)) {
    if (ours.op != theirs.op)
      break;
    if (ours.steps() == 1)
      continue;
    ++shared;
    if (++byRank[ours.rank.getValue()] > limits.sharedLoopsPerRank)
      fail("Einsums share more than " + llvm::Twine(limits.sharedLoopsPerRank) +
               " loops over '" + ours.rank.getValue() + "'",
           ours.op);
  }
  if (shared > limits.sharedLoops)
    fail("Einsums share more than " + llvm::Twine(limits.sharedLoops) +
             " loops",
         mapping);
}

/// Below its outermost holder nobody holds a tensor for two Einsums.
void Check::checkNoSharedHolders() {
  auto touches = [&](const EinsumFact &einsum, int tensor) {
    auto isIt = [&](const AccessFact &access) {
      return access.tensor == tensor;
    };
    return llvm::any_of(einsum.reads, isIt) ||
           llvm::any_of(einsum.writes, isIt);
  };
  auto holds = [](schedule::StorageOp storage, StringRef name) {
    return llvm::is_contained(storage.getTensors().getAsRange<StringAttr>(),
                              StringAttr::get(storage.getContext(), name));
  };
  mapping.walk([&](schedule::StorageOp storage) {
    for (auto name : storage.getTensors().getAsRange<StringAttr>()) {
      int tensor = facts.findTensor(name), users = 0;
      storage->walk([&](schedule::LeafOp leaf) {
        users +=
            touches(facts.einsums[facts.findEinsum(leaf.getEinsum())], tensor);
      });
      bool isInner = false;
      for (auto above = storage->getParentOfType<schedule::StorageOp>(); above;
           above = above->getParentOfType<schedule::StorageOp>())
        isInner |= holds(above, name);
      if (isInner && users > 1)
        fail(nameOf(tensor) + " has one holder for several Einsums", storage);
    }
  });
}

/// The first loop over its rank below a node that may set its interval.
static bool dividesWhatIsAsked(const LoopAbove &loop) {
  for (Operation *above = loop.op->getParentOp();
       !isa<schedule::MappingOp>(above); above = above->getParentOp()) {
    if (auto outer = dyn_cast<schedule::TemporalOp>(above);
        outer && outer.getRank() == loop.rank.getValue())
      return false;
    if (auto storage = dyn_cast<schedule::StorageOp>(above);
        storage && storage.getHalo().value_or("refetched") != "refetched")
      return true;
  }
  return false;
}

/// Halos that the space does not have.
void Check::checkHalos() {
  mapping.walk([&](schedule::StorageOp storage) {
    llvm::StringRef halo = storage.getHalo().value_or("refetched");
    if (halo == "recomputed" && !limits.recompute)
      fail("what halos have in common is recomputed", storage);
    if (halo == "retained" && !limits.retain)
      fail("what halos have in common is retained", storage);
  });
}

void Check::checkLimits() {
  isTold = false;
  mapping.walk([&](schedule::PipelineOp pipeline) {
    if (!limits.pipelines)
      fail("there is a pipeline", pipeline);
  });
  std::vector<int> order;
  for (Leaf &leaf : leaves)
    order.push_back(facts.findEinsum(leaf.op.getEinsum()));
  if (!limits.reorder && order != Recurrences(facts).listTogether())
    fail("Einsums are in another order", mapping);
  for (const Leaf &leaf : leaves)
    for (const LoopAbove &loop : leaf.loops)
      if (!limits.imperfect && loop.around && *loop.around % loop.tile != 0 &&
          !dividesWhatIsAsked(loop))
        fail("a tile of " + llvm::Twine(loop.tile) + " does not divide " +
                 llvm::Twine(*loop.around) + " along '" + loop.rank.getValue() +
                 "'",
             loop.op);
  for (size_t i = 1; i < leaves.size(); ++i)
    checkSharedLoops(leaves[i - 1], leaves[i]);
  checkHalos();
  if (!limits.fusion || !limits.sharedHolders)
    checkNoSharedHolders();
  if (limits.fusion)
    return;
  std::vector<bool> lives(facts.tensors.size(), false);
  mapping.walk([&](schedule::StorageOp storage) {
    int level = arch.findLevel(storage.getLevel());
    if (arch.levels[level].parent < 0)
      for (auto tensor : storage.getTensors().getAsRange<StringAttr>())
        lives[facts.findTensor(tensor)] = true;
  });
  for (auto [tensor, isAtBacking] : llvm::enumerate(lives))
    if (!isAtBacking)
      fail(nameOf(tensor) + " stays on chip", mapping);
}

std::vector<ConstraintViolation> Check::list() {
  judge(arch.constraints.arrays,
        [&](const auto &one, const Leaf &leaf) { checkArray(one, leaf); });
  judge(arch.constraints.levels,
        [&](const auto &one, const Leaf &leaf) { checkLevel(one, leaf); });
  judge(arch.constraints.dimensions,
        [&](const auto &one, const Leaf &leaf) { checkDimension(one, leaf); });
  return std::move(violations);
}

std::string Check::run() {
  violations = list();
  if (violations.empty())
    checkLimits();
  return violations.empty() ? "" : violations.front().what;
}

std::vector<ConstraintViolation>
einsum::mapper::listConstraintViolations(schedule::MappingOp mapping,
                                         const CascadeFacts &facts,
                                         const arch::ArchSpec &arch) {
  return Check(mapping, facts, arch, SpaceLimits()).list();
}

std::string einsum::mapper::findConstraintViolation(schedule::MappingOp mapping,
                                                    const CascadeFacts &facts,
                                                    const arch::ArchSpec &arch,
                                                    const SpaceLimits &limits) {
  return Check(mapping, facts, arch, limits).run();
}
