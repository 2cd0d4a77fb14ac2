//===- TileQuery.h - How large a tile is, how often -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model. A *place* in the loop tree is a storage node, or
// the latch of a leaf's operand; it is visited once per combination of steps of
// the loops entered above. A query says of all visits how large the sets of
// section 2 of dialects/Schedule/README.md are:
//
//   temporal m tile 4                    M = 10: two tiles of 4, one of 2
//     storage buffer [X]                 X[m + r], R = 3
//       temporal m ... r ...             visits: 2 times 6 elements, once 4
//
// Ranks that meet in no coordinate and no constraint move independently, so the
// visits are a product over *components* of such ranks, and so are tiles: each
// component lists its classes (so many visits, in which so many coordinate
// tuples lie in which of the sets), and classes multiply. Within a component,
// steps that no constraint tells apart are counted at once, and tuples by
// ImageCounter. Where every tile divides and no set is cut, a component has one
// class and the query is a product of steps and spans (`runUniform`).
//
// Sets, as bits of a mask: distinct reads; what the previous visit held of
// each; W; and, of W, what earlier and later visits and earlier units
// contribute to, what leaves outside read, and what later visits fetch.
//
// Where elements of a number format share a scale, visits also say how many
// blocks the sets touch. A component counts them over its own coordinates,
// divided by what the format has of them in a block; steps are alike if their
// tiles begin at the same place in a block, which they do again after
// block / gcd(block, tile) steps. A block of which one element is fetched and
// another was held is of two kinds at once, so it is known by the set of its
// masks, and products of components combine these.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_TILEQUERY_H
#define LIB_COSTMODEL_TILEQUERY_H

#include "lib/Analysis/ImageCounter.h"
#include "lib/CostModel/Counting.h"
#include "lib/CostModel/LoopTree.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::cost {

/// Elements of one visit.
struct TileSizes {
  uint64_t fetched = 0; ///< read, not produced in this visit, not held before
  uint64_t written = 0; ///< produced or accumulated into
  uint64_t partial = 0; ///< of those, with a value from earlier visits
  uint64_t ownPartial = 0; ///< of those, what the first unit continues
  uint64_t drained = 0;    ///< of those, unfinished or needed elsewhere
  uint64_t all = 0;        ///< read or written
  /// Of the drained, what others have brought there in this visit: sums of
  /// units of a home that holds parts meet outside of it.
  uint64_t joined = 0;

  /// Blocks of a number format that elements of these sets touch, where they
  /// are counted. What moves together touches a block once.
  struct Blocks {
    uint64_t fetched = 0;
    uint64_t brought = 0;  ///< fetched or partial
    uint64_t received = 0; ///< fetched or partial of the first unit
    uint64_t drained = 0;
    uint64_t begun = 0; ///< drained, and partial or joined
    uint64_t joined = 0;
    uint64_t all = 0;
  };
  Blocks blocks = {};
};

/// What a node reserves.
struct TileLoad {
  uint64_t words = 0, blocks = 0;
};
/// That of more bytes.
TileLoad largerOf(const TensorFact &tensor, const TileLoad &a,
                  const TileLoad &b);

/// Blocks by the combinations of sets in which they have elements: of each kind
/// of block the masks, all in order.
using BlockSignature =
    llvm::SmallVector<std::pair<llvm::SmallVector<SetMask, 2>, uint64_t>, 0>;

/// Adds blocks to one kind; its masks in any order.
void addToBlocks(BlockSignature &blocks, llvm::SmallVector<SetMask, 2> masks,
                 uint64_t count, bool &overflowed);

/// Of a tensor, at most so many consecutive coordinates count at once.
struct Window {
  unsigned coordinate;
  int64_t width;
};

struct ComponentClass;

struct TileClass {
  TileSizes sizes;
  uint64_t times = 0;
  /// Units between home and place that need, or contribute to, the same words.
  uint64_t sharing = 1, reducing = 1;
  /// If the home holds the first elements of its tile only: what of the sizes
  /// is there, at its parent, and so on outwards; else empty.
  llvm::SmallVector<TileSizes, 0> shares = {};
};

/// What to ask.
struct TilePlace {
  int node = -1; ///< storage node, or leaf
  int home = -1; ///< where the tile comes from, or -1
  llvm::SmallVector<Use, 3> uses;
  Halo halo = Halo::refetched;
  /// The tile is a leaf's operand: loops below its latch are not entered.
  bool isOperand = false;
  /// Every run is a visit (no latch).
  bool everyRun = false;
  /// Of an operand: what each unit has of it counts, not only whether.
  bool countsEach = false;
  /// An output of the cascade.
  bool isOutput = false;
  /// Blocks of the tensor's number format count, too.
  bool countsBlocks = false;
  /// Reads by leaves that are not below.
  llvm::SmallVector<Use, 2> outside;

  int tensor() const { return uses.empty() ? -1 : uses.front().access->tensor; }
};

class TileQuery {
public:
  TileQuery(const LoopTree &tree, TilePlace place);
  TileQuery(TileQuery &&) noexcept;
  ~TileQuery();

  using Visit = llvm::function_ref<void(const TileClass &)>;

  /// Calls `visit` for the classes of all visits. With `unitsApart`, units of
  /// spatial loops between home and place are visits of their own; else their
  /// tiles are united. False if the model cannot count this.
  bool run(bool unitsApart, Counter &counter, Visit visit);

  /// As `run`, never taking the short way; for the tests to compare.
  bool runGeneral(bool unitsApart, Counter &counter, Visit visit);

  /// As `run`, visit by visit, as it does where no closed form is exact.
  bool runUnfolded(bool unitsApart, Visit visit);
  void takeEveryStep() { inSteps = true; }

  /// The most bytes of any visit's tile on one unit that lie within windows,
  /// wherever these are; nullopt if the model cannot count this.
  std::optional<TileLoad> largest(llvm::ArrayRef<Window> within,
                                  Counter &counter);

  const TilePlace &place() const { return asked; }
  /// Why there is no answer: `resident` keeps parts of sums near some units but
  /// not near others that add to them.
  bool isMixed() const { return mixed; }

  struct Component; ///< in TileComponent.h

private:
  friend class ComponentWalk;

  void collectLoops();
  void collectSets();
  void collectComponents();
  void decideUniform();
  void decideSteps();
  bool scattersTiles(const Use &use) const;
  bool isDemandedUnevenly(const Use &use) const;
  bool countsUnits() const;
  bool canUnfold() const;
  bool addPieces(Component &component);
  bool listClasses(bool unitsApart, Counter &counter);
  struct Kinds;
  Kinds kindsOf(SetMask mask) const;
  TileSizes measure(const Signature &signature, const BlockSignature &blocks,
                    Counter &counter) const;
  std::optional<uint64_t> alignedBlocks(bool unitsApart) const;
  bool isEntered(int loop) const;
  /// Of sets: what this visit reads or writes.
  bool isOfTile(unsigned set) const {
    return set < reads.size() || (write && set == bits.write);
  }
  bool sharesPartials(int loop) const;
  void findSharedPartials();
  bool isGuardedMore(const Use &read) const;
  bool mayFollow(const Use &read) const;
  bool isMadeWithin(const Use &read);
  int producerBelow(int loop) const;
  bool makesAllAnew(int producer) const;
  void addLaterReads(int read);
  int latch() const;
  void runUniform(bool unitsApart, uint64_t blocks, Counter &counter,
                  Visit visit);
  bool runInPart(bool unitsApart, Counter &counter, Visit visit);
  bool isBox(int node) const;

  const LoopTree &tree;
  const CascadeFacts &facts;
  TilePlace asked;
  /// `TensorFact::grid`, if blocks count; else empty.
  llvm::ArrayRef<int64_t> grid;

  /// Loops and demanding storage nodes above the place, outermost first.
  llvm::SmallVector<int, 12> above;
  /// Distinct reads; a read that is the same as the write is left out.
  llvm::SmallVector<Use, 3> reads;
  std::optional<Use> write;
  bool neededOutside = false;                ///< all of it
  llvm::SmallVector<Interval, 4> outsideBox; ///< per coordinate, or empty
  /// What a later step of a temporal loop may fetch: index into `reads`, node.
  llvm::SmallVector<std::pair<int, int>, 1> laterReads;
  int retainedLoop = -1;
  bool partialsAreShared = false; ///< by units of spatial loops above the home
  int begunAt = -1;               ///< the node at which these units begin them
  bool uniform = false, hasComponents = false;
  /// The place, or its home, holds the first elements of its tile only.
  bool ownPart = false, homePart = false;
  /// Where no closed form is exact: always, or of units that are united.
  bool inSteps = false, unitedInSteps = false;
  bool mixed = false;
  int currentLatch = -1;
  std::vector<Component> components;
  /// Guards of the only use, when `uniform`.
  llvm::SmallVector<std::pair<int, schedule::Guard>, 2> guards;
  /// Number of each set; reads come first.
  struct {
    unsigned held, write, earlier, later, unit, earlierHere, sharingUnit,
        laterReads;
  } bits = {};

  static constexpr uint64_t kUnfolded = uint64_t(1) << 22; ///< points

  llvm::SmallVector<Window, 2> windows; ///< while `largest` asks

  // Reused, so that repeating a query allocates little.
  llvm::SmallVector<int64_t, 16> scratchTiles;
  std::vector<std::vector<ComponentClass>> classes;
};

/// Of a node's tensor, whether only the first elements of each tile are there
/// (`resident`); null if not, or if the node does not hold it.
const HeldTensor *findPart(const LoopTree &tree, int node, int tensor);

/// The tile of a tensor at a storage node.
TilePlace placeOfTile(const LoopTree &tree, int node, const HeldTensor &held);
/// Whether units that receive a word, or add to it, beyond the first cost more.
bool paysEach(const LoopTree &tree, int leaf, const LeafAccess &access);
/// A leaf's operand or result at its latch.
TilePlace placeOfAccess(const LoopTree &tree, int leaf,
                        const LeafAccess &access);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_TILEQUERY_H
