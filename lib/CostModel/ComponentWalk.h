//===- ComponentWalk.h - Steps of loops over some ranks ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to TileComponent: walks the loops above a tile that move ranks of
// one component, and makes a class of all steps in which the same is touched:
//
//   K[m,e], m in tiles of 4 of 10     steps 0, 1: 4 coordinates    times 2
//                                     step 2:     2                times 1
//
// Where nothing but the position changes from step to step, they are counted
// without being looked at (ComponentRanges.cpp); where a constraint cuts each
// further on than the one before, classes make an arithmetic series
// (ShiftedSteps.cpp). Units of a spatial loop are walked, or united where their
// tiles count together (ComponentUnits.cpp). Ranks of a fused producer take
// what its readers ask for (ComponentDemands.cpp). What a step touches is a box
// per piece, whose image is counted (ComponentSets.cpp); formats with blocks
// count those as well (ComponentBlocks.cpp).
//
// Trusts a component that is finished; where it cannot tell in bounded time,
// `run` says so and what has been counted is not to be used.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_COMPONENTWALK_H
#define LIB_COSTMODEL_COMPONENTWALK_H

#include "lib/CostModel/TileComponent.h"

namespace einsum::cost {

/// True if a step of the rank moves the two pieces by different amounts.
bool movesApart(const ImagePiece &a, const ImagePiece &b, int rank);

class ComponentWalk {
  using Component = TileQuery::Component;

public:
  ComponentWalk(TileQuery &query, Component &component, bool unitsApart,
                Counter &counter, std::vector<ComponentClass> &classes)
      : query(query), tree(query.tree), component(component),
        unitsApart(unitsApart), counter(counter), classes(classes) {}

  /// False if the classes are not to be used.
  bool run();

private:
  using Box = Component::Box;
  using Loop = Component::Loop;
  using Key = std::vector<int64_t>;
  using PreviousSteps = std::vector<std::optional<Interval>>; ///< per loop

  /// A rank's tile: `lo` onwards; on several units with their sizes while units
  /// of a spatial loop are united.
  struct RankState {
    int64_t lo;
    llvm::SmallVector<std::pair<int64_t, int64_t>, 2> units; ///< count, size
    /// Where the tiles of united units lie apart: from the first unit's to the
    /// last one's, and where the last one ends. The sizes are the first one's.
    int64_t reach = 0, end = 0;
    /// Where blocks count: what units have of it, from `lo` on, and how much.
    llvm::SmallVector<std::pair<int64_t, int64_t>, 0> parts = {};

    int64_t largest() const {
      int64_t size = 0;
      for (auto [count, each] : units)
        size = std::max(size, each);
      return size;
    }
    Interval interval() const {
      int64_t size = 0;
      for (auto [count, each] : units)
        size += count * each;
      return {lo, reach ? std::min(end, lo + size + reach) : lo + size};
    }
    Interval ofFirst() const { return {lo, lo + largest()}; }
  };

  /// What a loop has done and will do, seen from its current step.
  struct Parts {
    llvm::SmallVector<Interval, 4> box; ///< all ranks when the loop was reached
    Interval earlier, later;            ///< of its own rank
  };

  /// A unit's part of a rank, over and over: r, r + tile, r + 2 * tile, ...
  struct Repeat {
    llvm::SmallVector<Interval, 2> steps; ///< of the loops that repeat it
    Interval around;
    std::optional<ImageCounter> images;
  };

  /// Units that are united, each of which walks its part of a rank: element r
  /// of the first unit's tile is r + tile * u of that of unit u.
  struct Spread {
    size_t index = 0; ///< of the loop
    int local = 0;
    int64_t units = 1;
    std::optional<ImageCounter> images;
  };

  /// Steps that are not entered, in each of which readers ask for as much as in
  /// the one before, so much further on.
  struct Shifts {
    int64_t steps, by;
    /// Of a unit with so many in each step.
    int64_t inAll(int64_t size) const {
      return (steps - 1) * std::min(size, std::abs(by)) + size;
    }
  };

  struct Range {
    int64_t first, end;
    bool isShifted = false; ///< see `isShifted`
  };

  // ComponentWalk.cpp: steps of loops, equal ones together
  RankState stateOf(Interval all) const;
  llvm::SmallVector<Interval, 4> intervals() const;
  void walk(size_t index, uint64_t times, uint64_t sharing, uint64_t reducing);
  void walkSteps(size_t index, uint64_t times, uint64_t sharing,
                 uint64_t reducing);
  int64_t stepsToSamePlace(size_t index) const;
  std::optional<Key> keyAt(size_t index) const;
  void walkRemembered(size_t index, Key key, uint64_t times, uint64_t sharing,
                      uint64_t reducing);
  int64_t stepsOf(const Loop &loop, const RankState &reached) const;
  bool isFirst(const Loop &loop, const RankState &reached, int64_t step) const;
  bool isLast(const Loop &loop, const RankState &reached, int64_t step) const;
  static RankState stepOf(const RankState &reached, int64_t tile, int64_t step);
  void enterStep(size_t index, const RankState &reached, int64_t step);
  void leaveStep(size_t);
  std::vector<ComponentClass> classesAt(size_t index, const RankState &reached,
                                        int64_t step);
  void addClass(const Signature &signature, const BlockSignature &blocks,
                uint64_t times, uint64_t sharing, uint64_t reducing);
  void addInverted(Signature signature, BlockSignature blocks, uint64_t times,
                   uint64_t sharing, uint64_t reducing);

  // ComponentUnits.cpp: units of spatial loops
  bool isReachedInSteps(size_t index) const;
  int64_t aroundAt(size_t index) const;
  bool isReachedEvenly(size_t index) const;
  bool maySumShifts(size_t index) const;
  void walkUnits(size_t index, uint64_t times, uint64_t sharing,
                 uint64_t reducing);
  std::vector<ImagePiece>
  placedPieces(llvm::function_ref<AffineForm(int)> place,
               const std::vector<Constraint> &inside) const;
  Repeat &repeatOf(size_t index, const RankState &reached);
  Signature countRepeated();
  void unite(size_t index, uint64_t times, uint64_t sharing, uint64_t reducing);
  void dealOut(RankState &state,
               llvm::SmallVector<std::pair<int64_t, int64_t>, 2> dealt,
               int64_t tile);
  void spread(size_t index, const RankState &reached);
  void measureSpread(uint64_t times, uint64_t sharing, uint64_t reducing);

  // ComponentDemands.cpp: what readers ask for
  void walkDemand(size_t index, uint64_t times, uint64_t sharing,
                  uint64_t reducing);
  llvm::SmallVector<Interval, 4>
  stepsAtOnce(size_t end, llvm::SmallVector<Interval, 4> box) const;
  std::optional<Shifts> shiftsOf(size_t index, const Demand &demand,
                                 llvm::ArrayRef<Interval> box) const;
  Interval demanded(const Demand &demand, llvm::ArrayRef<Interval> box) const;
  Interval withoutHeld(int node, const Demand &demand, Interval asked,
                       llvm::SmallVector<Interval, 4> box,
                       const PreviousSteps &previous) const;
  PreviousSteps stepsBefore(const Component::Piece &piece) const;
  bool hasRetainedDemand() const;
  void applyDemands(size_t from, llvm::SmallVector<Interval, 4> &box) const;

  // ComponentRanges.cpp: ranges of steps that are alike
  llvm::SmallVector<Range, 8> splitSteps(size_t index,
                                         const RankState &reached);
  void splitByConstraints(size_t index, const RankState &reached, int64_t first,
                          int64_t end, llvm::SmallVectorImpl<Range> &ranges);
  bool isTooMuch(size_t index, const RankState &reached);
  bool isSpent();
  bool isDecided(size_t index, const RankState &reached, int64_t first,
                 int64_t end);
  bool isEmpty(llvm::ArrayRef<Interval> base) const;
  bool staysApart(size_t index, const RankState &reached, int64_t first,
                  int64_t end) const;
  bool isDecidedFor(const Component::Piece &piece,
                    llvm::ArrayRef<Interval> box) const;
  std::optional<bool> decideProjected(const Component::Piece &piece,
                                      llvm::ArrayRef<Interval> box) const;
  std::optional<bool> decideProjected(const Component::Piece &piece,
                                      llvm::ArrayRef<Interval> box,
                                      llvm::ArrayRef<Interval> ends) const;
  bool isProjectedAlike(const Component::Piece &piece, size_t index,
                        llvm::ArrayRef<Interval> box, Interval region,
                        Interval all) const;
  llvm::SmallVector<Interval, 4> regionOf(const Component::Piece &piece,
                                          size_t index,
                                          llvm::SmallVector<Interval, 4> box,
                                          Interval region, Interval all) const;

  // ShiftedSteps.cpp: steps that a constraint cuts further and further on
  bool isShifted(size_t index, const RankState &reached, int64_t first,
                 int64_t end) const;
  bool areShiftedAlike(int rank, int other) const;
  std::vector<const Constraint *> openConstraints(size_t index,
                                                  Interval region) const;
  const Loop *loopWithin(size_t index, int rank) const;
  bool areEndsDecided(size_t index, const RankState &reached, int other,
                      int64_t innerTile,
                      llvm::ArrayRef<const Constraint *> open, int64_t first,
                      int64_t end) const;
  void addShifted(size_t index, const RankState &reached, const Range &range,
                  uint64_t times, uint64_t sharing, uint64_t reducing);

  // ComponentSets.cpp: what a step touches
  void measure(uint64_t times, uint64_t sharing, uint64_t reducing);
  std::optional<llvm::SmallVector<Interval, 4>>
  boxOf(const Component::Piece &piece);
  static void tighten(const Constraint &constraint,
                      llvm::SmallVector<Interval, 4> &box);
  bool isWalkedAgain(size_t index, size_t end) const;
  bool uniteUnits(const Component::Piece &piece,
                  llvm::SmallVector<Interval, 4> &box) const;
  bool keepStep(const Component::Piece &piece,
                llvm::SmallVector<Interval, 4> &box) const;
  bool setPrevious(llvm::SmallVector<Interval, 4> &box) const;
  void setAfterwards(int laterLoop, llvm::SmallVector<Interval, 4> &box);
  SetMask presentWithoutRanks(SetMask &sets, int &reference, bool &alike);
  bool isAlike(size_t i, size_t reference) const;
  uint64_t spanOfAll(size_t reference);

  // ComponentBlocks.cpp: blocks of a format, windows
  bool isOfBlocks() const;
  BlockSignature plainBlocks(const Signature &signature);
  uint64_t blocksOfAll(size_t reference);
  uint64_t blocksAlong(const AffineForm &form, int64_t size, size_t reference);
  uint64_t countValues(const AffineForm &form, int64_t size,
                       llvm::ArrayRef<Interval> box);
  BlockSignature countBlocks(const Signature &signature);
  Signature countBlockImages();
  Signature countImages(ImageCounter &images, llvm::ArrayRef<Interval> boxes);
  void measureWindows(SetMask present, uint64_t times, uint64_t sharing,
                      uint64_t reducing);
  bool placeWindows(SetMask present, llvm::ArrayRef<Interval> places,
                    llvm::SmallVectorImpl<int64_t> &starts,
                    llvm::function_ref<bool(const Signature &)> visit,
                    size_t next = 0);

  TileQuery &query;
  const LoopTree &tree;
  Component &component;
  bool unitsApart;
  Counter &counter;
  std::vector<ComponentClass> &classes;
  llvm::SmallVector<RankState, 4> current;
  llvm::SmallVector<Interval, 4> whole;
  /// Per rank that follows demand: how much is asked for in one visit, at most.
  llvm::SmallVector<int64_t, 4> demandedAtOnce;
  llvm::SmallVector<std::optional<Shifts>, 4> shifts; ///< of these
  /// The loop whose units are walked with all that they have in these steps.
  std::optional<size_t> unitsInAll;
  PreviousSteps before;     ///< per loop: its previous step
  PreviousSteps beforeThat; ///< and the one before that
  std::vector<Parts> parts;
  SetMask absent = 0;               ///< pieces whose guards fail
  std::map<size_t, Repeat> repeats; ///< by loop
  Repeat *repeated = nullptr;       ///< below such a loop
  std::map<size_t, Spread> spreads; ///< by loop
  Spread *apart = nullptr;          ///< below such a loop
  llvm::SmallVector<SetMask, 8> absentStack;
  llvm::SmallVector<Interval, 32> scratchBoxes;
  std::map<Key, std::vector<ComponentClass>> remembered;
  bool supported = true;
  /// Visits told apart only because pieces meet differently in them.
  static constexpr uint64_t kVisits = uint64_t(1) << 18;
  uint64_t visited = 0;
  /// Looks at ranges of steps. More than this many takes minutes.
  static constexpr uint64_t kRanges = uint64_t(1) << 24;
  static constexpr uint64_t kAskEvery = 256;
  /// Of boxes that one image falls into.
  static constexpr size_t kMostBoxes = size_t(1) << 20;
  uint64_t looked = 0;
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_COMPONENTWALK_H
