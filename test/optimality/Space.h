//===- Space.h - Every mapping of the mapper's space, one by one -*- C++-*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The space that lib/Mapper/README.md states, as plain recursion, one function
// per numbered point. It shares no code with the mapper, knows no costs and
// prunes nothing; what it leaves out are trees that are the same move by move:
//
// - loops of one step;
// - holders that stand directly below one another in another order, unless
//   loops keep to one between two nodes, where any may be the last of them;
// - a holder above a sequence of which only one branch touches the tensor and
//   which stands in that branch as well, if no loop comes between.
//
// Two nested enumerations: frames (what Einsums share, points 4 to 7), and for
// each Einsum of a frame its nests (points 1 to 3). Every combination of nests
// completes a frame to a tree. For two Einsums over one rank of extent 2 on two
// levels, Y[m] = X[m], Z[m] = Y[m], there are 3 frames (Y at the backing level,
// on chip for the whole, on chip within a shared loop).
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_SPACE_H
#define TEST_OPTIMALITY_SPACE_H

#include "test/optimality/Tree.h"

#include <functional>

namespace einsum::optimality {

/// The switches of the space; see mapper::SpaceLimits.
struct Limits {
  unsigned sharedLoops = 4, sharedLoopsPerRank = 2;
  bool imperfect = true, pipelines = true, reorder = true, fusion = true;
  bool sharedHolders = true, recompute = true, retain = true;
};

/// A loop that several Einsums share. A *window loop* is over a rank that the
/// first of them lacks.
struct SharedLoop {
  int rank = -1;
  int64_t tile = 1;
  bool isWindow = false, retains = false;
};

/// What the loops and holders above a node have made of ranks and tensors.
struct Above {
  std::vector<int64_t> tile;  ///< per rank: points that reach the node
  std::vector<bool> looped;   ///< per rank: a loop stands above
  std::vector<int> heldAt;    ///< per tensor: nearest level above; -1 nowhere
  std::vector<int> homeDepth; ///< per tensor: shared loops above its home
  /// Per tensor: shared loops above a holder for several Einsums; -1: none.
  std::vector<int> holderDepth;
  std::vector<unsigned> sharedPerRank;
  unsigned sharedLoops = 0;
  int lastShared = -1;           ///< rank of the innermost shared loop
  std::vector<int> sharedRanks;  ///< of all shared loops
  std::vector<SharedLoop> loops; ///< the same, outermost first
  std::vector<bool> follows; ///< per rank: its interval is what is asked for
  std::vector<const char *> halo; ///< per tensor, of its home

  bool isBelowWindowLoop() const {
    for (const SharedLoop &loop : loops)
      if (loop.isWindow)
        return true;
    return false;
  }
};

/// A frame, complete but for the nests, and what is above each of these.
struct Skeleton {
  Tree tree;
  std::vector<Above> above; ///< per Einsum
};

class Space {
public:
  Space(const CascadeFacts &facts, const arch::ArchSpec &arch,
        const Limits &limits = {});

  /// Calls `visit` with every frame; stops when it returns false.
  void forEachSkeleton(const std::function<bool(const Skeleton &)> &visit);

  /// The nests of one Einsum below what a frame puts above it. Stops, with an
  /// incomplete list, once there are more than `most`.
  std::vector<Nest> nests(int einsum, int array, const Above &above,
                          size_t most = ~size_t(0));

  /// Calls `visit` with every tree that completes the skeleton.
  void forEachTree(const Skeleton &skeleton,
                   const std::function<void(const Tree &)> &visit);

  /// How many trees there are; more than `most` if that takes too long to say.
  uint64_t size(uint64_t most);

private:
  using Next = std::function<void()>;

  // Execution: orders, arrays, and which tensors are fused at which level.
  void chooseOrder(std::vector<int> &order);
  void chooseArrays(unsigned position);
  void chooseHomes(unsigned tensor);
  void startFrame();

  // A run [first, last) of the order below one node.
  struct Run {
    unsigned first, last;
    unsigned entryDepth; ///< shared loops above where the run begins
    bool isWhole;        ///< nobody has parted yet
  };
  void addRun(Run run, Frame &frame, Above above, const Next &next);
  void addHolders(Run run, Frame &frame, Above above, bool owesLoop,
                  const Next &next);
  void addSharedLoop(Run run, Frame &frame, const Above &above,
                     const Next &next);
  void addLoop(Run run, Frame &frame, const Above &above, SharedLoop loop,
               const Next &next);
  void split(Run run, Frame &frame, const Above &above, const Next &next);
  void addChildren(const std::vector<unsigned> &cuts, size_t child,
                   Frame &frame, const Above &above, const Next &next);

  // Nests.
  /// Dimensions whose loops stand together: those of a level, or of the array.
  struct Dealing {
    size_t position; ///< of the outermost level on the path that they divide
    std::vector<int> dims;
    bool isArray;
  };
  struct NestState {
    int einsum, array;
    Above above;
    size_t dealt = 0;     ///< dealings decided
    size_t innermost = 0; ///< position of the last that has loops
    /// To instances of levels, and so that their tiles differ in size.
    std::vector<int> dealtRanks, unevenRanks;
    /// The last holder is out of the order in which they are else: a loop
    /// stands below it.
    bool isClosed = false;
    Nest steps;
  };
  void addToNest(const NestState &state);
  void addHolder(const NestState &state);
  void addTemporal(const NestState &state);
  void deal(const NestState &state, size_t position,
            const std::function<void(const NestState &)> &then);
  /// What loops along one dimension have taken of it, and the last one's rank.
  struct Used {
    int64_t units = 1;
    int rank = -1;
  };
  void addSpatial(const NestState &state, const Dealing &dealing, size_t dim,
                  const Used &used,
                  const std::function<void(const NestState &)> &then);
  bool isDealtOut(const NestState &state, const Dealing &dealing) const;
  void addLeaf(const NestState &state);
  std::vector<Dealing> dealings(int array) const;

  // Halos.cpp.
  bool settleHalos(Skeleton &given) const;
  bool settleFollower(Skeleton &given, int einsum) const;
  bool isWalkedByWindows(int einsum, int rank, unsigned chain = 0) const;

  // Facts.
  std::vector<int64_t> tilesBelow(int rank, const Above &above) const;
  std::vector<int> path(int array) const;
  bool isOne(int level) const; ///< has a single instance
  bool isOneOf(int level, int array) const;
  bool touches(int einsum, int tensor) const;
  bool canRun(int einsum, int array) const;
  bool mayBeFused(int tensor) const;
  uint64_t wholeBytes(const TensorFact &tensor) const;
  bool isRoomShort() const;
  bool isInside(const Run &run, int tensor) const;
  bool isMadeIn(const Run &run, int tensor) const;
  bool crosses(int tensor, unsigned boundary) const;
  std::vector<int> usersIn(const Run &run, int tensor) const;
  bool isUsedAround(const Run &run, int tensor, unsigned boundary) const;
  bool mayShareHolder(const Run &run, int tensor) const;
  bool isReadAlike(const std::vector<int> &users, int tensor, int rank) const;
  bool isCarried(int tensor) const;
  bool mayCarry(int tensor) const;
  std::vector<int> levelsFor(int tensor) const;
  bool hasCutReader(int tensor) const;
  std::vector<int64_t> leastLags(const std::vector<int> &stages) const;
  bool depends(int reader, int producer) const;
  bool sameRecurrence(int a, int b) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Limits limits;
  bool ordersLoops = false; ///< some level has a fixed order of loops

  // The frame being made.
  std::vector<int> order; ///< Einsums as executed
  std::vector<int> array; ///< per Einsum
  std::vector<int> home;  ///< per tensor: level, 0 backing
  Skeleton skeleton;
  const std::function<bool(const Skeleton &)> *visitSkeleton = nullptr;
  bool stopped = false;
  uint64_t work = 0, mostWork = ~uint64_t(0); ///< places for holders

  // The nests being listed.
  std::vector<Nest> *found = nullptr;
  size_t mostNests = 0;
};

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_SPACE_H
