//===- TileComponent.cpp - Ranks of a tile that move together -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>
#include <set>

using namespace einsum;
using namespace einsum::cost;

using Component = TileQuery::Component;

//===----------------------------------------------------------------------===//
// Spans
//===----------------------------------------------------------------------===//

/// Values are built from the densest term up. While they are all of an
/// interval, a term whose step fits extends it; one whose step exceeds all
/// values so far repeats them apart. In between, values are collected.
uint64_t einsum::cost::spanOf(const Coordinate &coordinate,
                              llvm::ArrayRef<int64_t> sizes) {
  if (coordinate.terms.size() == 1)
    return sizes[coordinate.terms[0].rank];
  llvm::SmallVector<std::pair<int64_t, int64_t>, 4> terms; // step, count
  int64_t common = 0;
  for (const Coordinate::Term &term : coordinate.terms)
    if (sizes[term.rank] > 1) {
      terms.push_back({std::abs(term.coefficient), sizes[term.rank]});
      common = std::gcd(common, term.coefficient);
    }
  llvm::sort(terms);
  int64_t reach = 1, values = 1; // reach: from the least value to the greatest
  for (auto [step, count] : terms) {
    step /= common;
    if (step >= reach && !(step == reach && values == reach))
      values *= count;
    else if (values == reach)
      values = reach + step * (count - 1);
    else {
      llvm::SmallVector<Interval> box;
      for (int64_t size : sizes)
        box.push_back({0, size});
      for (auto [rank, side] : llvm::enumerate(box))
        if (llvm::none_of(coordinate.terms, [rank = rank](const auto &term) {
              return term.rank == static_cast<int>(rank);
            }))
          side = {0, 1};
      return countImage(box, {coordinate.form()}, {}).value_or(0);
    }
    reach += step * (count - 1);
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

AffineForm Component::localise(const AffineForm &form) const {
  return form.substitute(
      [&](int rank) { return AffineForm::variable(localOf[rank]); });
}

void Component::setUp(TileQuery &query) {
  const LoopTree &tree = query.tree;
  if (!query.grid.empty())
    for (unsigned k : coordinates)
      grid.push_back(query.grid[k]);
  hasBlocks = llvm::any_of(grid, [](int64_t size) { return size > 1; });
  for (int id : query.above) {
    const Node &node = tree.nodes[id];
    Loop loop{id, -1};
    if (node.isLoop()) {
      loop.local = localOf[node.rank];
      if (loop.local < 0)
        continue;
      loop.spatial = node.kind == NodeKind::spatial;
      loop.between = loop.spatial && id > query.asked.home;
      loop.retained = id == query.retainedLoop;
      for (Loop &outer : loops)
        outer.dealsOut |=
            outer.spatial && !loop.spatial && outer.local == loop.local;
    } else if (llvm::none_of(node.demands, [&](const Demand &demand) {
                 return localOf[demand.rank] >= 0;
               })) {
      continue;
    }
    loops.push_back(loop);
  }
  if (!query.write)
    return;
  for (unsigned k : coordinates)
    for (const Coordinate::Term &term :
         query.write->access->coordinates[k].terms)
      keptRanks |= SetMask(1) << localOf[term.rank];
}

void Component::addPiece(TileQuery &query, unsigned set, const Use &use,
                         Box box, int loop, int within) {
  const LoopTree &tree = query.tree;
  Piece piece{box, loop, within, &use, {}, {}};
  ImagePiece image;
  image.set = set;
  for (unsigned k : coordinates)
    image.coordinates.push_back(localise(use.access->coordinates[k].form()));
  for (Constraint &constraint : constraintsOf(tree, use)) {
    auto isElsewhere = [&](const AffineForm::Term &term) {
      return localOf[term.variable] < 0;
    };
    bool elsewhere = llvm::any_of(constraint.form.terms, isElsewhere);
    for (const AffineForm::Floor &floor : constraint.form.floors)
      elsewhere |= llvm::any_of(floor.inner.terms, isElsewhere);
    if (!elsewhere)
      piece.constraints.push_back(
          {localise(constraint.form), constraint.isEquality});
  }
  image.constraints = piece.constraints;
  const EinsumFact &einsum = tree.facts->einsums[tree.nodes[use.leaf].einsum];
  for (int i = use.leaf; i > query.asked.node; i = tree.nodes[i].parent)
    for (const Demand &demand : tree.nodes[i].demands)
      if (localOf[demand.rank] >= 0 && einsum.iterates(demand.rank))
        piece.demands.insert(piece.demands.begin(), {i, &demand});
  SetMask bit = SetMask(1) << pieces.size();
  // Of a guard, a later step of a loop around its own leaves nothing open.
  for (auto [guard, when] : tree.nodes[use.leaf].guards)
    for (Loop &above : loops)
      if (above.node == guard && (box != Box::afterwards || guard < loop))
        (when == schedule::Guard::first ? above.inFirst : above.inLast) |= bit;
  constrained |= !piece.constraints.empty();
  for (const Constraint &constraint : piece.constraints)
    boxLike &= constraint.form.isLinear() && constraint.form.terms.size() == 1;
  if (box == Box::afterwards)
    for (unsigned k : coordinates) {
      // From where the write stands to what the read reaches.
      AffineForm distance = use.access->coordinates[k].form();
      distance.add(query.write->access->coordinates[k].form(), -1);
      int64_t reach = std::abs(distance.constant);
      for (const AffineForm::Term &term : distance.terms)
        reach += std::abs(term.coefficient) *
                 (tree.facts->ranks[term.variable].extent - 1);
      farthest = std::max(farthest, reach);
    }
  pieces.push_back(std::move(piece));
  imagePieces.push_back(std::move(image));
}

/// True if a step of the rank moves the two pieces by different amounts.
static bool movesApart(const ImagePiece &a, const ImagePiece &b, int rank) {
  return llvm::any_of(llvm::zip(a.coordinates, b.coordinates),
                      [&](const auto &pair) {
                        return std::get<0>(pair).coefficientOf(rank) !=
                               std::get<1>(pair).coefficientOf(rank);
                      });
}

bool Component::finish() {
  hasDemands =
      llvm::any_of(loops, [](const Loop &loop) { return loop.local < 0; }) ||
      llvm::any_of(pieces,
                   [](const Piece &piece) { return !piece.demands.empty(); });
  for (const ImagePiece &piece : imagePieces)
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      if (movesApart(piece, imagePieces.front(), rank))
        apartRanks |= SetMask(1) << rank;
  isLocal =
      llvm::all_of(pieces,
                   [](const Piece &piece) {
                     return piece.box == Box::current && piece.demands.empty();
                   }) &&
      llvm::all_of(loops, [](const Loop &loop) { return loop.local >= 0; });
  for (const ImagePiece &piece : imagePieces) {
    llvm::SmallVector<bool, 4> used(ranks.size());
    for (const AffineForm &coordinate : piece.coordinates)
      for (const AffineForm::Term &term : coordinate.terms) {
        separable &= !used[term.variable];
        used[term.variable] = true;
      }
  }
  return pieces.size() <= 64;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace einsum::cost {

/// Walks the steps of a component's loops, equal ones together.
class ComponentWalker {
public:
  ComponentWalker(TileQuery &query, Component &component, bool unitsApart,
                  Counter &counter, std::vector<ComponentClass> &classes)
      : query(query), tree(query.tree), component(component),
        unitsApart(unitsApart), counter(counter), classes(classes) {}

  bool run() {
    for (int rank : component.ranks)
      current.push_back(stateOf({0, tree.facts->ranks[rank].extent}));
    whole = intervals();
    demandedAtOnce.assign(component.ranks.size(), -1);
    before.resize(component.loops.size());
    beforeThat.resize(component.loops.size());
    parts.resize(component.loops.size());
    if (!component.coordinates.empty() || component.constrained)
      if (!component.images)
        component.images.emplace(component.ranks.size(), component.imagePieces);
    walk(0, 1, 1, 1);
    if (component.windowImages) {
      counter.overflowed |= component.windowImages->overflowed;
      supported &= !component.windowImages->exhausted;
    }
    if (component.images) {
      counter.overflowed |= component.images->overflowed;
      supported &= !component.images->exhausted;
    }
    return supported;
  }

private:
  using Box = Component::Box;
  using Loop = Component::Loop;

  /// A rank's tile: `lo` onwards; on several units with their sizes while units
  /// of a spatial loop are united.
  struct RankState {
    int64_t lo;
    llvm::SmallVector<std::pair<int64_t, int64_t>, 2> units; ///< count, size
    /// Where the tiles of united units lie apart: from the first unit's to the
    /// last one's, and where the last one ends. The sizes are the first one's.
    int64_t reach = 0, end = 0;
    /// Where blocks count: what units have of it, from `lo` on, and how much.
    llvm::SmallVector<std::pair<int64_t, int64_t>, 1> parts = {};

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

  RankState stateOf(Interval all) const {
    RankState state{all.lo, {{1, all.size()}}};
    if (component.hasBlocks)
      state.parts = {{0, all.size()}};
    return state;
  }

  /// What a loop has done and will do, seen from its current step.
  struct Parts {
    llvm::SmallVector<Interval, 4> box; ///< all ranks when the loop was reached
    Interval earlier, later;            ///< of its own rank
  };

  llvm::SmallVector<Interval, 4> intervals() const {
    llvm::SmallVector<Interval, 4> box;
    for (const RankState &state : current)
      box.push_back(state.interval());
    return box;
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  void walk(size_t index, uint64_t times, uint64_t sharing, uint64_t reducing) {
    if (index == component.loops.size())
      return measure(times, sharing, reducing);
    const Loop &loop = component.loops[index];
    if (loop.local < 0)
      return walkDemand(index, times, sharing, reducing);
    if (!query.isEntered(loop.node))
      return walk(index + 1, times, sharing, reducing);
    if (loop.between && !unitsApart)
      return unite(index, times, sharing, reducing);
    if (loop.spatial && !isReachedInSteps(index))
      return walkUnits(index, times, sharing, reducing);
    if (std::optional<Key> key = keyAt(index))
      return walkRemembered(index, std::move(*key), times, sharing, reducing);
    walkSteps(index, times, sharing, reducing);
  }

  /// False if a loop further out over the same rank is not entered, so that its
  /// steps meet the same units.
  bool isReachedInSteps(size_t index) const {
    return current[component.loops[index].local].largest() <= aroundAt(index);
  }

  /// Coordinates with which a loop is reached in one of the steps that are not
  /// entered, at most. Of what follows demand, those of this step's readers.
  int64_t aroundAt(size_t index) const {
    const Loop &loop = component.loops[index];
    const Node &node = tree.nodes[loop.node];
    int64_t demandedHere = demandedAtOnce[loop.local];
    return demandedHere < 0 ? node.around : std::min(node.around, demandedHere);
  }

  /// True if all steps of loops that are not entered meet as many units.
  bool isReachedEvenly(size_t index) const {
    int local = component.loops[index].local;
    llvm::SmallVector<int64_t, 2> sizes;
    for (auto [count, size] : current[local].units)
      sizes.push_back(size);
    for (size_t i = 0; i < index; ++i) {
      const Loop &outer = component.loops[i];
      if (outer.local != local || query.isEntered(outer.node))
        continue;
      int64_t tile = tree.nodes[outer.node].tile;
      for (int64_t size : sizes)
        if (size % tile != 0)
          return false;
      sizes = {tile};
    }
    return true;
  }

  /// Units by their place: each has the parts of all those steps, of which
  /// there is one at least in the first.
  void walkUnits(size_t index, uint64_t times, uint64_t sharing,
                 uint64_t reducing) {
    const Loop &loop = component.loops[index];
    RankState reached = current[loop.local];
    bool repeats = component.constrained;
    if (repeats) {
      supported &= !repeated;
      repeated = &repeatOf(index, reached);
    }
    supported &= !current[loop.local].reach;
    current[loop.local].units = {{1, aroundAt(index)}};
    walkSteps(index, times, sharing, reducing);
    current[loop.local] = reached;
    if (repeats)
      repeated = nullptr;
  }

  /// A unit's part of a rank, over and over: r, r + tile, r + 2 * tile, ...
  struct Repeat {
    llvm::SmallVector<Interval, 2> steps; ///< of the loops that repeat it
    Interval around;
    std::optional<ImageCounter> images;
  };

  /// What the component touches, its ranks as `place` has them, where `inside`
  /// holds as well.
  std::vector<ImagePiece>
  placedPieces(llvm::function_ref<AffineForm(int)> place,
               const std::vector<Constraint> &inside) const {
    std::vector<ImagePiece> pieces = component.imagePieces;
    for (ImagePiece &piece : pieces) {
      for (AffineForm &form : piece.coordinates)
        form = form.substitute(place);
      for (Constraint &constraint : piece.constraints)
        constraint.form = constraint.form.substitute(place);
      llvm::append_range(piece.constraints, inside);
    }
    return pieces;
  }

  /// Ranks added to those of the component: the step of each loop not entered,
  /// then both ends of what they were reached with.
  Repeat &repeatOf(size_t index, const RankState &reached) {
    int local = component.loops[index].local;
    auto [found, isNew] = repeats.try_emplace(index);
    Repeat &repeat = found->second;
    repeat.around = reached.interval();
    if (!isNew)
      return repeat;
    llvm::SmallVector<int64_t, 2> tiles;
    for (size_t i = 0; i < index; ++i) {
      const Loop &outer = component.loops[i];
      if (outer.local != local)
        continue;
      if (query.isEntered(outer.node)) {
        tiles.clear();
        repeat.steps.clear();
        continue;
      }
      tiles.push_back(tree.nodes[outer.node].tile);
      repeat.steps.push_back({0, tree.nodes[outer.node].steps});
    }
    int first = component.ranks.size(), ends = first + tiles.size();
    std::vector<Constraint> inside;
    AffineForm offset = AffineForm::variable(local); // in the innermost tile
    offset.add(AffineForm::variable(ends), -1);
    for (size_t i = tiles.size(); i-- > 0;) {
      offset.add(first + i, tiles[i]);
      AffineForm room =
          i > 0 ? AffineForm::number(tiles[i - 1] - 1) : AffineForm::number(-1);
      if (i == 0) {
        room.add(AffineForm::variable(ends + 1), 1);
        room.add(AffineForm::variable(ends), -1);
      }
      room.add(offset, -1);
      inside.push_back({std::move(room)});
    }
    auto place = [&](int rank) {
      AffineForm form = AffineForm::variable(rank);
      for (size_t i = 0; rank == local && i < tiles.size(); ++i)
        form.add(first + i, tiles[i]);
      return form;
    };
    std::vector<ImagePiece> pieces = placedPieces(place, inside);
    repeat.images.emplace(ends + 2, std::move(pieces));
    return repeat;
  }

  Signature countRepeated() {
    size_t ranks = component.ranks.size();
    llvm::SmallVector<Interval, 32> boxes;
    for (size_t i = 0; i < component.pieces.size(); ++i) {
      llvm::ArrayRef<Interval> box =
          llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
      boxes.append(box.begin(), box.end());
      boxes.append(repeated->steps.begin(), repeated->steps.end());
      boxes.push_back({repeated->around.lo, repeated->around.lo + 1});
      boxes.push_back({repeated->around.hi, repeated->around.hi + 1});
    }
    Signature signature = repeated->images->count(boxes);
    counter.overflowed |= repeated->images->overflowed;
    supported &= !repeated->images->exhausted;
    return signature;
  }

  void walkSteps(size_t index, uint64_t times, uint64_t sharing,
                 uint64_t reducing) {
    const Loop &loop = component.loops[index];
    RankState reached = current[loop.local];
    parts[index].box = intervals();
    if (isTooMuch(index, reached)) {
      supported = false;
      looked = kRanges + 1;
      return;
    }
    for (const Range &range : splitSteps(index, reached)) {
      if (range.isShifted) {
        addShifted(index, reached, range, times, sharing, reducing);
        continue;
      }
      int64_t steps = range.end - range.first,
              places = std::min(steps, stepsToSamePlace(index));
      for (int64_t i = 0; i < places; ++i) {
        enterStep(index, reached, range.first + i);
        walk(index + 1, counter.mul(times, (steps - i - 1) / places + 1),
             sharing, reducing);
        leaveStep(index);
      }
    }
    current[loop.local] = reached;
    parts[index].box.clear();
    before[index].reset();
    beforeThat[index].reset();
  }

  /// Steps of a loop after which tiles begin at the same place in a block.
  int64_t stepsToSamePlace(size_t index) const {
    if (!component.hasBlocks)
      return 1;
    if (component.hasDemands)
      return INT64_MAX;
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile, steps = 1;
    for (const ImagePiece &piece : component.imagePieces)
      for (auto [form, size] : llvm::zip(piece.coordinates, component.grid)) {
        int64_t moves = size > 1 ? form.coefficientOf(loop.local) % size : 0;
        if (moves != 0)
          steps = std::lcm(steps, size / std::gcd(size, moves * (tile % size)));
      }
    return steps;
  }

  //===--------------------------------------------------------------------===//
  // Boxes that look the same
  //===--------------------------------------------------------------------===//

  using Key = std::vector<int64_t>;

  /// What the classes below depend on, while a constraint is undecided: sizes,
  /// and where the box lies to each constraint. Not where pieces reach beyond
  /// the box.
  std::optional<Key> keyAt(size_t index) const {
    if (!component.isLocal || !component.constrained ||
        component.apartRanks != 0 || repeated)
      return std::nullopt;
    llvm::SmallVector<Interval, 4> box = intervals();
    llvm::SmallVector<int64_t, 4> corner;
    bool open = false;
    Key key = {static_cast<int64_t>(index), static_cast<int64_t>(absent)};
    for (const RankState &state : current) {
      corner.push_back(state.lo);
      key.push_back(state.reach);
      if (state.reach) // where the last unit has fewer elements
        key.push_back(
            std::min(state.end, state.lo + state.reach + state.largest()) -
            state.lo);
      for (auto [count, size] : state.units) {
        key.push_back(count);
        key.push_back(size);
      }
      for (auto [at, size] : state.parts) {
        key.push_back(at);
        key.push_back(size);
      }
      key.push_back(-1);
    }
    for (const Component::Piece &piece : component.pieces)
      for (const Constraint &constraint : piece.constraints) {
        std::optional<bool> truth = constraint.decide(box);
        key.push_back(truth ? *truth : 2);
        if (truth)
          continue;
        open = true;
        key.push_back(constraint.form.evaluate(corner));
        if (!constraint.form.isLinear())
          key.insert(key.end(), corner.begin(), corner.end());
      }
    if (component.hasBlocks)
      for (const ImagePiece &piece : component.imagePieces)
        for (auto [form, size] : llvm::zip(piece.coordinates, component.grid))
          key.push_back(size > 1 ? form.evaluate(corner) % size : 0);
    return open ? std::optional<Key>(std::move(key)) : std::nullopt;
  }

  void walkRemembered(size_t index, Key key, uint64_t times, uint64_t sharing,
                      uint64_t reducing) {
    auto found = remembered.find(key);
    if (found == remembered.end()) {
      std::vector<ComponentClass> outer;
      outer.swap(classes);
      walkSteps(index, 1, 1, 1);
      outer.swap(classes);
      found = remembered.emplace(std::move(key), std::move(outer)).first;
    }
    for (const ComponentClass &one : found->second)
      addInverted(one.signature, one.blocks, counter.mul(times, one.times),
                  counter.mul(sharing, one.sharing),
                  counter.mul(reducing, one.reducing));
  }

  int64_t stepsOf(const Loop &loop, const RankState &reached) const {
    return llvm::divideCeil(reached.largest(), tree.nodes[loop.node].tile);
  }

  bool isFirst(const Loop &loop, const RankState &reached, int64_t step) const {
    return step ==
           (tree.nodes[loop.node].descends ? stepsOf(loop, reached) - 1 : 0);
  }
  bool isLast(const Loop &loop, const RankState &reached, int64_t step) const {
    return step ==
           (tree.nodes[loop.node].descends ? 0 : stepsOf(loop, reached) - 1);
  }

  static RankState stepOf(const RankState &reached, int64_t tile,
                          int64_t step) {
    RankState inner{reached.lo + step * tile, {}, reached.reach, reached.end};
    for (auto [count, size] : reached.units)
      if (int64_t left = std::min(tile, size - step * tile); left > 0)
        inner.units.push_back({count, left});
    for (auto [at, size] : reached.parts)
      if (int64_t left = std::min(tile, size - step * tile); left > 0)
        inner.parts.push_back({at, left});
    return inner;
  }

  void enterStep(size_t index, const RankState &reached, int64_t step) {
    const Loop &loop = component.loops[index];
    const Node &node = tree.nodes[loop.node];
    RankState &state = current[loop.local];
    state = stepOf(reached, node.tile, step);
    Interval all = reached.interval(), now = state.interval();
    Parts &part = parts[index];
    part.earlier = {all.lo, now.lo};
    part.later = {now.hi, all.hi};
    if (node.descends)
      std::swap(part.earlier, part.later);
    bool first = isFirst(loop, reached, step),
         last = isLast(loop, reached, step);
    int64_t back = node.descends ? 1 : -1, steps = stepsOf(loop, reached);
    auto stepBack = [&](int64_t count) -> std::optional<Interval> {
      int64_t other = step + count * back;
      if (loop.spatial || other < 0 || other >= steps)
        return std::nullopt;
      return stepOf(reached, node.tile, other).interval();
    };
    before[index] = stepBack(1);
    beforeThat[index] = stepBack(2);
    absentStack.push_back(absent);
    if (!first)
      absent |= loop.inFirst;
    if (!last)
      absent |= loop.inLast;
  }

  void leaveStep(size_t) { absent = absentStack.pop_back_val(); }

  /// Units along a dimension together: their tiles are one.
  void unite(size_t index, uint64_t times, uint64_t sharing,
             uint64_t reducing) {
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile;
    RankState reached = current[loop.local], &state = current[loop.local];
    // Of each unit of the loops further out, which have been counted.
    uint64_t units = 0;
    llvm::SmallVector<std::pair<int64_t, int64_t>, 2> dealt;
    for (auto [count, size] : reached.units) {
      units = std::max<uint64_t>(
          units,
          llvm::divideCeil(std::min(size, tree.nodes[loop.node].around), tile));
      if (size / tile > 0)
        dealt.push_back({count * (size / tile), tile});
      if (size % tile > 0)
        dealt.push_back({count, size % tile});
    }
    // Of several steps of loops not entered, some may have fewer units, and
    // only those with points count.
    supported &= !component.constrained || !query.countsUnits() ||
                 isReachedInSteps(index) || isReachedEvenly(index);
    if (loop.dealsOut && units > 1) {
      // The tiles of different units then lie apart, which only their number
      // shows.
      if (component.ranks.size() == 1 && !component.constrained &&
          component.separable)
        dealOut(state, std::move(dealt), tile);
      else
        spread(index, reached);
    }
    bool used =
        llvm::any_of(component.imagePieces, [&](const ImagePiece &piece) {
          return llvm::any_of(piece.coordinates,
                              [&](const AffineForm &coordinate) {
                                return coordinate.uses(loop.local);
                              });
        });
    if (loop.reduced)
      reducing = counter.mul(reducing, units);
    else if (!used)
      sharing = counter.mul(sharing, units);
    walk(index + 1, times, sharing, reducing);
    current[loop.local] = reached;
    if (apart && apart->index == index)
      apart = nullptr;
  }

  void dealOut(RankState &state,
               llvm::SmallVector<std::pair<int64_t, int64_t>, 2> dealt,
               int64_t tile) {
    constexpr size_t kMostParts = 1 << 14;
    state.units = std::move(dealt);
    llvm::SmallVector<std::pair<int64_t, int64_t>, 1> parts = {};
    for (auto [at, size] : state.parts)
      for (int64_t done = 0; done < size && parts.size() <= kMostParts;
           done += tile)
        parts.push_back({at + done, std::min(tile, size - done)});
    supported &= parts.size() <= kMostParts;
    state.parts = std::move(parts);
  }

  /// Units that are united, each of which walks its part of a rank: element r
  /// of the first unit's tile is r + tile * u of that of unit u.
  struct Spread {
    size_t index = 0; ///< of the loop
    int local = 0;
    int64_t units = 1;
    std::optional<ImageCounter> images;
  };

  /// Tiles of united units that lie apart: the unit is one rank more, and where
  /// the last one ends another. Of sets that depend on other visits, or where
  /// such units meet, nothing is known here.
  void spread(size_t index, const RankState &reached) {
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile;
    bool isKnown = component.isLocal && component.apartRanks == 0 && !apart &&
                   !repeated && component.windows.empty() &&
                   !query.countsUnits() && isReachedInSteps(index) &&
                   reached.units.size() == 1 &&
                   reached.units.front().first == 1 && !reached.reach;
    supported &= isKnown;
    if (!isKnown)
      return;
    RankState &state = current[loop.local];
    int64_t size = reached.largest(), units = llvm::divideCeil(size, tile);
    state.units = {{1, tile}};
    state.reach = (units - 1) * tile;
    state.end = reached.lo + size;
    Spread &made = spreads[index];
    made.index = index;
    made.local = loop.local;
    made.units = units;
    apart = &made;
    if (made.images)
      return;
    int unit = static_cast<int>(component.ranks.size());
    auto place = [&](int rank) {
      AffineForm form = AffineForm::variable(rank);
      if (rank == loop.local)
        form.add(unit, tile);
      return form;
    };
    AffineForm room = AffineForm::variable(unit + 1);
    room.add(place(loop.local), -1);
    std::vector<ImagePiece> pieces = placedPieces(place, {Constraint{room}});
    made.images.emplace(unit + 2, std::move(pieces));
  }

  void measureSpread(uint64_t times, uint64_t sharing, uint64_t reducing) {
    llvm::SmallVector<Interval, 32> boxes;
    bool isAny = false;
    for (size_t i = 0; i < component.pieces.size(); ++i) {
      bool isThere = !(absent >> i & 1);
      isAny |= isThere;
      for (auto [local, state] : llvm::enumerate(current)) {
        Interval side = static_cast<int>(local) == apart->local
                            ? state.ofFirst()
                            : state.interval();
        boxes.push_back(isThere ? side : Interval{0, 0});
      }
      int64_t last = current[apart->local].end - 1;
      boxes.push_back({0, isThere ? apart->units : 0});
      boxes.push_back({last, isThere ? last + 1 : last});
    }
    if (!isAny)
      return;
    Signature signature = apart->images->count(boxes);
    counter.overflowed |= apart->images->overflowed;
    supported &= !apart->images->exhausted;
    addClass(signature, plainBlocks(signature), times, sharing, reducing);
  }

  /// The interval of a rank follows from what readers ask for.
  void walkDemand(size_t index, uint64_t times, uint64_t sharing,
                  uint64_t reducing) {
    const Node &node = tree.nodes[component.loops[index].node];
    llvm::SmallVector<RankState, 4> saved(current.begin(), current.end());
    bool something = true;
    for (const Demand &demand : node.demands) {
      int local = component.localOf[demand.rank];
      if (local < 0)
        continue;
      llvm::SmallVector<Interval, 4> box = intervals();
      Interval asked = demanded(demand, box);
      demandedAtOnce[local] = demanded(demand, stepsAtOnce(index, box)).size();
      if (node.halo == Halo::retained)
        asked = withoutHeld(component.loops[index].node, demand, asked, box,
                            before);
      current[local] = stateOf({asked.lo, asked.lo + asked.size()});
      something &= asked.size() > 0;
    }
    if (something)
      walk(index + 1, times, sharing, reducing);
    current = saved;
    for (const Demand &demand : node.demands)
      if (int local = component.localOf[demand.rank]; local >= 0)
        demandedAtOnce[local] = -1;
  }

  /// Of loops that are not entered, the first step, which is the largest.
  llvm::SmallVector<Interval, 4>
  stepsAtOnce(size_t end, llvm::SmallVector<Interval, 4> box) const {
    for (size_t i = 0; i < end; ++i) {
      const Loop &loop = component.loops[i];
      if (loop.local < 0 || query.isEntered(loop.node))
        continue;
      Interval &side = box[loop.local];
      side.hi = std::min(side.hi, side.lo + tree.nodes[loop.node].tile);
    }
    return box;
  }

  Interval demanded(const Demand &demand, llvm::ArrayRef<Interval> box) const {
    Interval asked{INT64_MAX, INT64_MIN};
    for (const AffineForm &form : demand.forms) {
      auto [low, high] = component.localise(form).bounds(box);
      asked.lo = std::min(asked.lo, low);
      asked.hi = std::max(asked.hi, high + 1);
    }
    asked.lo = std::max<int64_t>(asked.lo, 0);
    asked.hi = std::min(asked.hi, tree.facts->ranks[demand.rank].extent);
    return asked;
  }

  using PreviousSteps = std::vector<std::optional<Interval>>; ///< per loop

  /// What the node did not hold at the end of its previous visit, the one in
  /// the previous step of the loop around it.
  Interval withoutHeld(int node, const Demand &demand, Interval asked,
                       llvm::SmallVector<Interval, 4> box,
                       const PreviousSteps &previous) const {
    int around = loopAround(tree, node);
    for (auto [i, loop] : llvm::enumerate(component.loops)) {
      if (loop.node != around || !previous[i] ||
          llvm::none_of(demand.forms, [&](const AffineForm &form) {
            return form.uses(tree.nodes[around].rank);
          }))
        continue;
      box[loop.local] = *previous[i];
      Interval held = demanded(demand, box);
      if (held.lo <= asked.lo && held.hi > asked.lo)
        asked.lo = held.hi;
      else if (held.hi >= asked.hi && held.lo < asked.hi)
        asked.hi = held.lo;
    }
    return asked;
  }

  //===--------------------------------------------------------------------===//
  // Equal steps
  //===--------------------------------------------------------------------===//

  struct Range {
    int64_t first, end;
    bool isShifted = false; ///< see `isShifted`
  };

  /// Steps between which nothing but the position changes, or that are shifted.
  llvm::SmallVector<Range, 8> splitSteps(size_t index,
                                         const RankState &reached) {
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile, steps = stepsOf(loop, reached);
    llvm::SmallVector<int64_t, 8> cuts = {0, steps};
    for (auto [count, size] : reached.units) {
      cuts.push_back(size / tile);
      cuts.push_back(llvm::divideCeil(size, tile));
    }
    if (reached.reach) { // the last unit may have fewer steps
      int64_t last =
          std::max<int64_t>(0, reached.end - reached.lo - reached.reach);
      cuts.push_back(std::min(steps, last / tile));
      cuts.push_back(std::min<int64_t>(steps, llvm::divideCeil(last, tile)));
    }
    bool special = loop.inFirst || loop.inLast || loop.retained ||
                   loop.reduced || !query.laterReads.empty() ||
                   hasRetainedDemand();
    if (special) {
      int64_t edge = loop.retained && hasRetainedDemand() ? 2 : 1;
      if (!query.laterReads.empty())
        edge += llvm::divideCeil(component.farthest, tile);
      for (int64_t i = 1; i <= edge; ++i) {
        cuts.push_back(std::min(i, steps));
        cuts.push_back(std::max<int64_t>(steps - i, 0));
      }
    }
    llvm::sort(cuts);
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    llvm::SmallVector<Range, 8> ranges;
    for (size_t i = 0; i + 1 < cuts.size(); ++i)
      if (cuts[i + 1] <= steps)
        splitByConstraints(index, reached, cuts[i], cuts[i + 1], ranges);
    return ranges;
  }

  bool hasRetainedDemand() const {
    auto isRetained = [&](int node) {
      return tree.nodes[node].halo == Halo::retained;
    };
    return llvm::any_of(component.loops,
                        [&](const Loop &loop) {
                          return loop.local < 0 && isRetained(loop.node);
                        }) ||
           llvm::any_of(component.pieces, [&](const Component::Piece &piece) {
             return llvm::any_of(piece.demands, [&](const auto &demand) {
               return isRetained(demand.first);
             });
           });
  }

  void splitByConstraints(size_t index, const RankState &reached, int64_t first,
                          int64_t end, llvm::SmallVectorImpl<Range> &ranges) {
    if (first == end || isSpent())
      return;
    bool alike =
        !component.constrained || isDecided(index, reached, first, end);
    if (end - first == 1 || (alike && staysApart(index, reached, first, end))) {
      ranges.push_back({first, end});
      return;
    }
    if (isShifted(index, reached, first, end)) {
      ranges.push_back({first, end, true});
      return;
    }
    int64_t middle = first + (end - first) / 2;
    splitByConstraints(index, reached, first, middle, ranges);
    splitByConstraints(index, reached, middle, end, ranges);
  }

  //===--------------------------------------------------------------------===//
  // Steps that a constraint cuts alike, further and further on
  //===--------------------------------------------------------------------===//

  /// True if, over these steps of a loop, a constraint cuts a band out of the
  /// steps of a loop further in that moves on by as many of them each time:
  ///
  ///   m <= p, tiles of 4 each       p 0..3    # .  .  .     all of #,
  ///                                 p 4..7    # #  .  .     some of the last
  ///                                 p 8..11   # #  #  .     one, none of .
  ///
  /// Then steps before and after the band become more and fewer by a constant,
  /// and so do the classes of all that lies below: an arithmetic series. Both
  /// ends of the loop further in are decided, and stay so, which bounds that
  /// are linear in the step do if they do at the first and the last.
  bool isShifted(size_t index, const RankState &reached, int64_t first,
                 int64_t end) const {
    constexpr int64_t kLeast = 3; // of which two are looked at
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile;
    if (end - first < kLeast || loop.spatial || component.apartRanks != 0 ||
        stepsToSamePlace(index) != 1 || repeated || apart ||
        reached.reach != 0 || !component.windows.empty() ||
        reached.units.size() != 1 || reached.units.front().first != 1 ||
        end * tile > reached.units.front().second)
      return false;
    std::vector<const Constraint *> open = openConstraints(
        index, {reached.lo + first * tile, reached.lo + end * tile});
    int other = -1;
    for (const Constraint *constraint : open) {
      const AffineForm &form = constraint->form;
      if (constraint->isEquality || !form.isLinear() ||
          form.terms.size() != 2 || !form.uses(loop.local))
        return false;
      int rank = form.terms[form.terms[0].variable == loop.local].variable;
      if (other >= 0 && other != rank)
        return false;
      other = rank;
    }
    const Loop *inner = other < 0 ? nullptr : loopWithin(index, other);
    if (!inner || !areShiftedAlike(loop.local, other) ||
        stepsToSamePlace(inner - component.loops.data()) != 1 ||
        current[other].reach != 0 || current[other].units.size() != 1 ||
        current[other].units.front().first != 1)
      return false;
    int64_t innerTile = tree.nodes[inner->node].tile;
    std::optional<int64_t> shift;
    for (const Constraint *constraint : open) {
      int64_t own = constraint->form.coefficientOf(loop.local) * tile,
              step = constraint->form.coefficientOf(other) * innerTile;
      if (own % step != 0 || (shift && *shift != own / step))
        return false;
      shift = own / step;
    }
    return areEndsDecided(index, reached, other, innerTile, open, first, end);
  }

  /// True if all pieces move with the band. What earlier or later steps of the
  /// other rank contribute does, too: at that end of the rank either all
  /// contribute or none, and where the first or the last do, any others change
  /// nothing.
  bool areShiftedAlike(int rank, int other) const {
    if (llvm::any_of(component.loops,
                     [](const Loop &loop) { return loop.local < 0; }))
      return false; // what follows demand
    auto isWalked = [&](const Loop &loop) {
      return (loop.local != rank && loop.local != other) || !loop.spatial;
    };
    bool areAllWalked = llvm::all_of(component.loops, isWalked);
    return llvm::all_of(component.pieces, [&](const Component::Piece &piece) {
      if (!piece.demands.empty())
        return false;
      if (piece.box == Box::current)
        return true;
      return areAllWalked &&
             (piece.box == Box::earlier || piece.box == Box::later) &&
             component.loops[piece.loop].local == other;
    });
  }

  /// Constraints of any piece that are undecided while the loop's rank runs
  /// over `region`.
  std::vector<const Constraint *> openConstraints(size_t index,
                                                  Interval region) const {
    llvm::SmallVector<Interval, 4> box = intervals();
    box[component.loops[index].local] = region;
    std::vector<const Constraint *> open;
    for (const Component::Piece &piece : component.pieces)
      for (const Constraint &constraint : piece.constraints)
        if (!constraint.decide(box))
          open.push_back(&constraint);
    return open;
  }

  /// The first loop further in over a rank, if it is walked in time, and no
  /// units share in it, or in the rank of the loop around.
  const Loop *loopWithin(size_t index, int rank) const {
    const Loop *found = nullptr;
    for (size_t i = index + 1; i < component.loops.size(); ++i) {
      const Loop &loop = component.loops[i];
      if (loop.local != rank && loop.local != component.loops[index].local)
        continue;
      if (loop.spatial)
        return nullptr;
      if (loop.local == rank && !found && query.isEntered(loop.node))
        found = &loop;
    }
    return found;
  }

  /// Two steps at each end, as guards may tell the outermost apart.
  bool areEndsDecided(size_t index, const RankState &reached, int other,
                      int64_t innerTile,
                      llvm::ArrayRef<const Constraint *> open, int64_t first,
                      int64_t end) const {
    int64_t tile = tree.nodes[component.loops[index].node].tile;
    Interval all = current[other].interval();
    int64_t steps = llvm::divideCeil(all.size(), innerTile);
    if (steps < 4)
      return false;
    llvm::SmallVector<Interval, 4> box = intervals();
    for (Interval side : {Interval{all.lo, all.lo + 2 * innerTile},
                          Interval{all.lo + (steps - 2) * innerTile, all.hi}}) {
      box[other] = side;
      for (const Constraint *constraint : open) {
        auto truthAt = [&](int64_t step) {
          box[component.loops[index].local] = {reached.lo + step * tile,
                                               reached.lo + (step + 1) * tile};
          return constraint->decide(box);
        };
        std::optional<bool> truth = truthAt(first);
        if (!truth || truthAt(end - 1) != truth)
          return false;
      }
    }
    return true;
  }

  /// The classes of all steps of such a range: of step i, so many of each as
  /// the first has, and i times the difference to the second.
  void addShifted(size_t index, const RankState &reached, const Range &range,
                  uint64_t times, uint64_t sharing, uint64_t reducing) {
    std::vector<ComponentClass> first = classesAt(index, reached, range.first),
                                second =
                                    classesAt(index, reached, range.first + 1);
    // n * first + n (n - 1) / 2 * (second - first)
    __int128 count = range.end - range.first, pairs = count * (count - 1) / 2;
    struct Total {
      const ComponentClass *like;
      __int128 times;
    };
    std::vector<Total> totals;
    auto add = [&](const std::vector<ComponentClass> &list, __int128 by) {
      for (const ComponentClass &one : list) {
        auto known = llvm::find_if(totals, [&](const Total &total) {
          return total.like->signature == one.signature &&
                 total.like->blocks == one.blocks &&
                 total.like->sharing == one.sharing &&
                 total.like->reducing == one.reducing;
        });
        if (known == totals.end())
          known = totals.insert(totals.end(), {&one, 0});
        known->times += by * static_cast<__int128>(one.times);
      }
    };
    add(first, count - pairs);
    add(second, pairs);
    for (const Total &total : totals) {
      counter.overflowed |= total.times > static_cast<__int128>(UINT64_MAX);
      if (total.times > 0)
        addInverted(total.like->signature, total.like->blocks,
                    counter.mul(times, static_cast<uint64_t>(total.times)),
                    counter.mul(sharing, total.like->sharing),
                    counter.mul(reducing, total.like->reducing));
    }
  }

  std::vector<ComponentClass> classesAt(size_t index, const RankState &reached,
                                        int64_t step) {
    std::vector<ComponentClass> own;
    own.swap(classes);
    enterStep(index, reached, step);
    walk(index + 1, 1, 1, 1);
    leaveStep(index);
    own.swap(classes);
    return own;
  }

  /// Whether it is plain from the start that too many ranges will be looked at:
  /// a constraint cuts every one of many steps, and again loops further in.
  bool isTooMuch(size_t index, const RankState &reached) {
    constexpr int64_t kMany = 1 << 16, kSamples = 64;
    const Loop &loop = component.loops[index];
    int64_t steps = stepsOf(loop, reached), inner = 1;
    if (!component.constrained || loop.spatial || steps < kMany)
      return false;
    for (size_t i = index + 1; i < component.loops.size(); ++i)
      if (const Loop &other = component.loops[i];
          other.local >= 0 && query.isEntered(other.node))
        inner = std::max(inner, tree.nodes[other.node].steps);
    if (4 * static_cast<uint64_t>(steps) * llvm::Log2_64_Ceil(inner + 1) <=
        kRanges)
      return false;
    for (int64_t i = 0; i < kSamples; ++i) {
      int64_t step = steps / kSamples * i;
      if (isDecided(index, reached, step, step + 1))
        return false;
    }
    return !isShifted(index, reached, steps / 4, steps / 4 * 3);
  }

  /// Whether a constraint cuts the steps into too many ranges to go on; what is
  /// counted is then not used.
  bool isSpent() {
    if (++looked % kAskEvery == 0 && counter.isStopped())
      looked = kRanges + 1;
    supported &= looked <= kRanges;
    return looked > kRanges;
  }

  /// True if over all these steps every piece satisfies all of its constraints,
  /// or violates one.
  bool isDecided(size_t index, const RankState &reached, int64_t first,
                 int64_t end) {
    const Loop &loop = component.loops[index];
    int64_t tile = tree.nodes[loop.node].tile;
    Interval all = reached.interval();
    Interval region{all.lo + first * tile,
                    std::min(all.lo + end * tile + reached.reach, all.hi)};
    llvm::SmallVector<Interval, 4> base = intervals();
    base[loop.local] = region;
    applyDemands(index + 1, base);
    if (isEmpty(base))
      return true;
    for (const Component::Piece &piece : component.pieces) {
      if (piece.constraints.empty())
        continue;
      llvm::SmallVector<Interval, 4> box = base;
      switch (piece.box) {
      case Box::current:
        break;
      case Box::previous:
        if (loop.retained) {
          Interval &side = box[loop.local];
          side = {std::max(all.lo, side.lo - tile),
                  std::min(all.hi, side.hi + tile)};
          applyDemands(index + 1, box);
        } else if (loop.node > query.retainedLoop && !setPrevious(box)) {
          continue; // there is none
        }
        break;
      case Box::earlier:
      case Box::later:
      case Box::earlierUnit:
        box = regionOf(piece, index, box, region, all);
        break;
      case Box::afterwards:
        // What has been left to a loop further out is known by now.
        if (loop.node < piece.loop)
          break;
        box = whole;
        break;
      }
      for (auto [node, demand] : piece.demands)
        box[component.localOf[demand->rank]] = demanded(*demand, box);
      if (!isDecidedFor(piece, box))
        return false;
    }
    return true;
  }

  /// True if no visit in the box reads or makes anything, so that it does not
  /// matter what others do.
  bool isEmpty(llvm::ArrayRef<Interval> base) const {
    return !repeated &&
           llvm::all_of(component.pieces, [&](const Component::Piece &piece) {
             if (piece.box != Box::current)
               return true;
             llvm::SmallVector<Interval, 4> box(base.begin(), base.end());
             for (auto [node, demand] : piece.demands)
               box[component.localOf[demand->rank]] = demanded(*demand, box);
             return llvm::any_of(piece.constraints,
                                 [&](const Constraint &constraint) {
                                   return constraint.decide(box) == false;
                                 });
           });
  }

  /// True if over all these steps no two pieces meet that move by different
  /// amounts.
  bool staysApart(size_t index, const RankState &reached, int64_t first,
                  int64_t end) const {
    const Loop &loop = component.loops[index];
    if (!(component.apartRanks >> loop.local & 1))
      return true;
    int64_t tile = tree.nodes[loop.node].tile;
    Interval all = reached.interval();
    llvm::SmallVector<Interval, 4> current = intervals();
    current[loop.local] = {all.lo + first * tile,
                           std::min(all.lo + end * tile, all.hi)};
    applyDemands(index + 1, current);
    auto hullOf = [&](size_t i, size_t k) {
      llvm::SmallVector<Interval, 4> box =
          component.pieces[i].box == Box::current ? current : whole;
      for (auto [node, demand] : component.pieces[i].demands)
        box[component.localOf[demand->rank]] = demanded(*demand, box);
      for (const Interval &side : box)
        if (side.size() == 0)
          return std::pair<int64_t, int64_t>(INT64_MAX, INT64_MIN);
      return component.imagePieces[i].coordinates[k].bounds(box);
    };
    // Within a window both may count, apart as they are; and elements that are
    // apart may lie in one block.
    auto areDisjoint = [&](size_t i, size_t j) {
      for (size_t k = 0; k < component.coordinates.size(); ++k) {
        std::pair<int64_t, int64_t> own = hullOf(i, k), other = hullOf(j, k);
        int64_t apart = 1,
                size = component.grid.empty() ? 1 : component.grid[k];
        if (size == 0)
          continue;
        for (int64_t *bound :
             {&own.first, &own.second, &other.first, &other.second})
          *bound = llvm::divideFloorSigned(*bound, size);
        for (const Window &window : component.windows)
          if (window.coordinate == k)
            apart = std::max(apart, window.width);
        if (own.second <= other.first - apart ||
            other.second <= own.first - apart)
          return true;
      }
      return false;
    };
    const std::vector<ImagePiece> &images = component.imagePieces;
    for (size_t i = 0; i < images.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (movesApart(images[i], images[j], loop.local) && !areDisjoint(i, j))
          return false;
    return true;
  }

  bool isDecidedFor(const Component::Piece &piece,
                    llvm::ArrayRef<Interval> box) const {
    bool open = false;
    for (const Interval &side : box)
      if (side.size() == 0)
        return true;
    for (const Constraint &constraint : piece.constraints) {
      std::optional<bool> truth = constraint.decide(box);
      if (truth == false)
        return !repeated; // it may hold further on
      open |= !truth;
    }
    return !open;
  }

  /// Over which ranks earlier or later parts of a loop run, for any of the
  /// steps in `region` of loop `index`.
  llvm::SmallVector<Interval, 4> regionOf(const Component::Piece &piece,
                                          size_t index,
                                          llvm::SmallVector<Interval, 4> box,
                                          Interval region, Interval all) const {
    size_t own = piece.loop;
    int rank = component.loops[own].local;
    bool up = (piece.box == Box::later) ==
              tree.nodes[component.loops[own].node].descends;
    if (own < index) {
      for (auto [r, side] : llvm::enumerate(parts[own].box))
        if (!(component.keptRanks >> r & 1))
          box[r] = side;
      box[rank] =
          piece.box == Box::later ? parts[own].later : parts[own].earlier;
    } else if (own == index) {
      box[rank] =
          up ? Interval{all.lo, region.hi} : Interval{region.lo, all.hi};
    }
    if (piece.box != Box::earlierUnit)
      uniteUnits(piece, box);
    return box;
  }

  void applyDemands(size_t from, llvm::SmallVector<Interval, 4> &box) const {
    for (size_t i = from; i < component.loops.size(); ++i)
      for (const Demand &demand : tree.nodes[component.loops[i].node].demands)
        if (component.loops[i].local < 0 && component.localOf[demand.rank] >= 0)
          box[component.localOf[demand.rank]] = demanded(demand, box);
  }

  //===--------------------------------------------------------------------===//
  // Sets
  //===--------------------------------------------------------------------===//

  /// The box of a piece in the current visit; nullopt if the piece is absent.
  std::optional<llvm::SmallVector<Interval, 4>>
  boxOf(const Component::Piece &piece) {
    llvm::SmallVector<Interval, 4> box = intervals();
    switch (piece.box) {
    case Box::current:
      break;
    case Box::previous:
      if (!setPrevious(box))
        return std::nullopt;
      break;
    case Box::earlier:
    case Box::later:
    case Box::earlierUnit: {
      const Parts &part = parts[piece.loop];
      if (part.box.empty())
        return std::nullopt; // the loop is not entered
      for (auto [rank, side] : llvm::enumerate(part.box))
        if (!(component.keptRanks >> rank & 1))
          box[rank] = side;
      box[component.loops[piece.loop].local] =
          piece.box == Box::later ? part.later : part.earlier;
      if (piece.box == Box::earlierUnit)
        supported &= keepStep(piece, box);
      else
        supported &= uniteUnits(piece, box);
      break;
    }
    case Box::afterwards:
      setAfterwards(piece.loop, box);
      break;
    }
    for (auto [node, demand] : piece.demands) {
      Interval asked = demanded(*demand, box);
      if (tree.nodes[node].halo == Halo::retained)
        asked = withoutHeld(node, *demand, asked, box, stepsBefore(piece));
      box[component.localOf[demand->rank]] = asked;
    }
    if (component.boxLike && !repeated)
      for (const Constraint &constraint : piece.constraints)
        tighten(constraint, box);
    if (llvm::any_of(box,
                     [](const Interval &side) { return side.size() == 0; }))
      return std::nullopt;
    return box;
  }

  /// Per loop, the step before the first of those that a piece runs over: of
  /// what comes later that is the current one, and before the earliest there is
  /// none.
  PreviousSteps stepsBefore(const Component::Piece &piece) const {
    switch (piece.box) {
    case Box::current:
      return before;
    case Box::previous:
      return beforeThat;
    case Box::earlier:
    case Box::earlierUnit:
      break;
    case Box::later:
    case Box::afterwards:
      PreviousSteps steps(component.loops.size());
      for (auto [i, loop] : llvm::enumerate(component.loops))
        if (piece.box == Box::later ? static_cast<int>(i) == piece.loop
                                    : loop.node == piece.loop)
          if (loop.local >= 0)
            steps[i] = current[loop.local].interval();
      return steps;
    }
    return PreviousSteps(component.loops.size());
  }

  /// What a constraint on one rank leaves of its side.
  static void tighten(const Constraint &constraint,
                      llvm::SmallVector<Interval, 4> &box) {
    auto [rank, coefficient] = constraint.form.terms.front();
    Interval &side = box[rank];
    auto above = [&](int64_t a, int64_t c) { // a*x + c >= 0
      if (a > 0)
        side.lo = std::max(side.lo, -llvm::divideFloorSigned(c, a));
      else
        side.hi = std::min(side.hi, llvm::divideFloorSigned(c, -a) + 1);
    };
    above(coefficient, constraint.form.constant);
    if (constraint.isEquality)
      above(-coefficient, -constraint.form.constant);
  }

  /// Whether a loop further in, up to the `end`-th, walks the same rank.
  bool isWalkedAgain(size_t index, size_t end) const {
    for (size_t i = index + 1; i < end; ++i)
      if (component.loops[i].local == component.loops[index].local &&
          query.isEntered(component.loops[i].node))
        return true;
    return false;
  }

  /// In earlier or later steps, any of the units contributes whose sums meet
  /// where the piece is counted. Only a filter tells them apart. False if their
  /// parts of a rank lie apart, so that they are no box together.
  bool uniteUnits(const Component::Piece &piece,
                  llvm::SmallVector<Interval, 4> &box) const {
    if (!component.constrained)
      return true;
    for (int i = 0; i < piece.loop; ++i) {
      const Loop &loop = component.loops[i];
      if (!loop.spatial || !loop.reduced || loop.node <= piece.within ||
          parts[i].box.empty())
        continue;
      if (isWalkedAgain(i, piece.loop + 1))
        return false;
      box[loop.local] = parts[i].box[loop.local];
    }
    return true;
  }

  /// Earlier units are in the same step of the loops below theirs, down to
  /// where their sums meet or begin.
  bool keepStep(const Component::Piece &piece,
                llvm::SmallVector<Interval, 4> &box) const {
    if (!component.constrained)
      return true;
    for (size_t i = piece.loop + 1; i < component.loops.size(); ++i) {
      const Loop &loop = component.loops[i];
      if (loop.local < 0 || loop.spatial || loop.node > piece.within ||
          !query.isEntered(loop.node))
        continue;
      if (loop.local == component.loops[piece.loop].local)
        return false;
      box[loop.local] = current[loop.local].interval();
      for (size_t inner = i + 1; inner < component.loops.size(); ++inner)
        if (component.loops[inner].local == loop.local &&
            !parts[inner].box.empty()) {
          box[loop.local] = parts[inner].box[loop.local];
          break;
        }
    }
    return true;
  }

  /// The box of the visit in the previous step of the loop that the tile is
  /// retained along. What nodes below that loop ask for was asked for then.
  bool setPrevious(llvm::SmallVector<Interval, 4> &box) const {
    if (query.retainedLoop < 0)
      return false;
    for (auto [i, loop] : llvm::enumerate(component.loops)) {
      if (loop.retained) {
        if (!before[i])
          return false;
        box[loop.local] = *before[i];
      }
      if (loop.local >= 0 || loop.node < query.retainedLoop)
        continue;
      const Node &node = tree.nodes[loop.node];
      for (const Demand &demand : node.demands) {
        int local = component.localOf[demand.rank];
        if (local < 0)
          continue;
        Interval asked = demanded(demand, box);
        if (node.halo == Halo::retained)
          asked = withoutHeld(loop.node, demand, asked, box, beforeThat);
        box[local] = asked;
      }
    }
    return true;
  }

  /// What visits in later steps of one loop run over, while those around it
  /// stay: of loops below all of what there is when they are reached.
  void setAfterwards(int laterLoop, llvm::SmallVector<Interval, 4> &box) {
    for (auto [i, loop] : llvm::enumerate(component.loops)) {
      // Units run together; where one has several tiles, they lie apart.
      if (loop.node < laterLoop && loop.spatial && loop.local >= 0) {
        supported &= !loop.dealsOut || tree.nodes[loop.node].steps == 1;
        if (!parts[i].box.empty())
          box[loop.local] = parts[i].box[loop.local];
      }
      if (loop.node < laterLoop || loop.local < 0 || parts[i].box.empty())
        continue;
      box = parts[i].box;
      if (loop.node == laterLoop)
        box[loop.local] = parts[i].later;
      for (size_t outer = 0; outer < i; ++outer)
        if (component.loops[outer].spatial && !parts[outer].box.empty())
          box[component.loops[outer].local] =
              parts[outer].box[component.loops[outer].local];
      applyDemands(i, box);
      break;
    }
  }

  void measure(uint64_t times, uint64_t sharing, uint64_t reducing) {
    if (apart)
      return measureSpread(times, sharing, reducing);
    if (component.apartRanks != 0 && ++visited > kVisits) {
      supported = false;
      return;
    }
    llvm::SmallVector<Interval, 32> &boxes = scratchBoxes;
    boxes.clear();
    SetMask present = 0, sets = 0;
    bool alike = component.separable, open = false;
    int reference = -1;
    for (auto [i, piece] : llvm::enumerate(component.pieces)) {
      std::optional<llvm::SmallVector<Interval, 4>> box;
      if (!(absent >> i & 1))
        box = boxOf(piece);
      if (box && (!component.boxLike || repeated))
        for (const Constraint &constraint : piece.constraints) {
          std::optional<bool> truth = constraint.decide(*box);
          open |= !truth || (repeated && !*truth);
          if (truth == false && !repeated) {
            box.reset();
            break;
          }
        }
      if (!box) {
        boxes.append(component.ranks.size(), Interval{0, 0});
        continue;
      }
      boxes.append(box->begin(), box->end());
      present |= SetMask(1) << i;
      sets |= SetMask(1) << component.imagePieces[i].set;
      if (reference < 0)
        reference = i;
      alike &= isAlike(i, reference);
    }
    if (component.ranks.empty())
      present = presentWithoutRanks(sets, reference, alike);
    if (present == 0)
      return;
    if (!component.windows.empty())
      return measureWindows(present, times, sharing, reducing);
    Signature signature;
    if (repeated && open)
      signature = countRepeated();
    else if (component.coordinates.empty() && !open)
      signature.push_back({sets, 1});
    else if (alike && !open)
      signature.push_back({sets, spanOfAll(reference)});
    else
      signature = countImages(*component.images, boxes);
    BlockSignature blocks = plainBlocks(signature);
    if (isOfBlocks() && !signature.empty())
      blocks = alike && !open ? BlockSignature{{{sets}, blocksOfAll(reference)}}
                              : countBlocks(signature);
    addClass(signature, blocks, times, sharing, reducing);
  }

  //===--------------------------------------------------------------------===//
  // Blocks
  //===--------------------------------------------------------------------===//

  /// Whether blocks are not simply elements, or one.
  bool isOfBlocks() const {
    return component.hasBlocks || (llvm::is_contained(component.grid, 0) &&
                                   llvm::is_contained(component.grid, 1));
  }

  /// If each element is a block, or all are one; of others nothing is known.
  BlockSignature plainBlocks(const Signature &signature) {
    BlockSignature blocks;
    if (query.grid.empty())
      return blocks;
    if (isOfBlocks()) {
      supported &= !apart;
      return blocks;
    }
    if (!llvm::is_contained(component.grid, 0)) {
      for (auto [mask, points] : signature)
        addToBlocks(blocks, {mask}, points, counter.overflowed);
      return blocks;
    }
    llvm::SmallVector<SetMask, 2> masks;
    for (auto [mask, points] : signature)
      masks.push_back(mask);
    if (!masks.empty())
      addToBlocks(blocks, std::move(masks), 1, counter.overflowed);
    return blocks;
  }

  /// Of coordinates that share no rank.
  uint64_t blocksOfAll(size_t reference) {
    uint64_t blocks = 1;
    for (auto [form, size] : llvm::zip(
             component.imagePieces[reference].coordinates, component.grid))
      if (size != 0)
        blocks = counter.mul(blocks, blocksAlong(form, size, reference));
    return blocks;
  }

  uint64_t blocksAlong(const AffineForm &form, int64_t size, size_t reference) {
    llvm::ArrayRef<Interval> box =
        llvm::ArrayRef(scratchBoxes)
            .slice(reference * component.ranks.size(), component.ranks.size());
    if (form.terms.empty())
      return 1;
    Coordinate coordinate;
    llvm::SmallVector<int64_t, 4> sizes;
    for (const AffineForm::Term &term : form.terms)
      coordinate.terms.push_back({term.variable, term.coefficient});
    for (const Interval &side : box)
      sizes.push_back(side.size());
    uint64_t span = spanOf(coordinate, sizes);
    if (size == 1)
      return span;
    auto [low, high] = form.bounds(box);
    int local = form.terms[0].variable;
    bool areApart = llvm::any_of(form.terms, [&](const auto &term) {
      return current[term.variable].parts.size() > 1;
    });
    if (areApart) {
      // Only what units have now is known; it lies in order.
      const RankState &state = current[local];
      supported &= form.terms.size() == 1 && box[local] == state.interval();
      int64_t blocks = 0, last = -1;
      supported &= form.terms[0].coefficient == 1;
      for (auto [at, count] : state.parts) {
        int64_t begin = (state.lo + at + form.constant) / size,
                end = (state.lo + at + count - 1 + form.constant) / size;
        blocks += end - std::max(begin, last + 1) + 1;
        last = end;
      }
      return blocks;
    }
    if (span == static_cast<uint64_t>(high - low + 1))
      return high / size - low / size + 1;
    return countValues(form, size, box);
  }

  /// Of a coordinate with gaps, value by value.
  uint64_t countValues(const AffineForm &form, int64_t size,
                       llvm::ArrayRef<Interval> box) {
    std::set<int64_t> blocks;
    llvm::SmallVector<int64_t, 4> point;
    for (const Interval &side : box)
      point.push_back(side.lo);
    for (bool more = true; more;) {
      if (++visited > kVisits) {
        supported = false;
        break;
      }
      blocks.insert(llvm::divideFloorSigned(form.evaluate(point), size));
      more = false;
      for (const AffineForm::Term &term : form.terms) {
        int64_t &value = point[term.variable];
        more = ++value < box[term.variable].hi;
        if (more)
          break;
        value = box[term.variable].lo;
      }
    }
    return blocks.size();
  }

  /// Of any pieces: where all elements are in the same sets, or only read, it
  /// is enough to know the blocks of each; else elements are looked at.
  BlockSignature countBlocks(const Signature &signature) {
    BlockSignature blocks;
    supported &= llvm::none_of(
        current, [](const RankState &state) { return state.parts.size() > 1; });
    bool onlyReads = !query.write && query.asked.halo != Halo::retained;
    if (signature.size() == 1 || onlyReads) {
      Signature touched = countBlockImages();
      uint64_t all = 0;
      for (auto [mask, count] : touched)
        counter.add(all, count);
      if (signature.size() == 1)
        return {{{signature[0].first}, all}};
      for (auto [mask, count] : touched)
        addToBlocks(blocks, {mask}, count, counter.overflowed);
      return blocks;
    }
    std::map<std::vector<int64_t>, llvm::SmallVector<SetMask, 2>> masks;
    component.images->forEachElement(
        scratchBoxes, [&](llvm::ArrayRef<int64_t> element, SetMask mask) {
          std::vector<int64_t> block;
          for (auto [coordinate, size] : llvm::zip(element, component.grid))
            block.push_back(
                size == 0 ? 0 : llvm::divideFloorSigned(coordinate, size));
          llvm::SmallVector<SetMask, 2> &known = masks[block];
          if (!llvm::is_contained(known, mask))
            known.push_back(mask);
        });
    for (auto &[block, known] : masks)
      addToBlocks(blocks, std::move(known), 1, counter.overflowed);
    return blocks;
  }

  Signature countBlockImages() {
    component.prepareBlocks();
    size_t ranks = component.ranks.size();
    llvm::SmallVector<Interval, 32> boxes;
    for (auto [i, piece] : llvm::enumerate(component.imagePieces)) {
      llvm::ArrayRef<Interval> box =
          llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
      bool isThere = llvm::none_of(
          box, [](const Interval &side) { return side.size() == 0; });
      boxes.append(box.begin(), box.end());
      for (auto [form, size] : llvm::zip(piece.coordinates, component.grid)) {
        if (size <= 1)
          continue;
        auto [low, high] =
            isThere ? form.bounds(box) : std::pair<int64_t, int64_t>(0, -1);
        boxes.push_back(isThere
                            ? Interval{llvm::divideFloorSigned(low, size),
                                       llvm::divideFloorSigned(high, size) + 1}
                            : Interval{0, 0});
      }
    }
    Signature signature = countImages(*component.blockImages, boxes);
    counter.overflowed |= component.blockImages->overflowed;
    supported &= !component.blockImages->exhausted;
    return signature;
  }

  /// Boxes that an image falls into are looked at as well.
  Signature countImages(ImageCounter &images, llvm::ArrayRef<Interval> boxes) {
    images.mostBoxes = kMostBoxes;
    uint64_t before = images.work;
    Signature signature = images.count(boxes);
    uint64_t more = images.work - before;
    bool asks = more >= kAskEvery && counter.isStopped();
    looked = asks ? kRanges + 1 : looked + more;
    supported &= looked <= kRanges;
    return signature;
  }

  /// A class for every place that the windows can take.
  void measureWindows(SetMask present, uint64_t times, uint64_t sharing,
                      uint64_t reducing) {
    size_t ranks = component.ranks.size();
    llvm::SmallVector<Interval, 4> hulls(component.coordinates.size(),
                                         {INT64_MAX, INT64_MIN});
    SetMask sets = 0;
    for (auto [i, piece] : llvm::enumerate(component.imagePieces)) {
      if (!(present >> i & 1) || !query.isOfTile(piece.set))
        continue;
      llvm::ArrayRef<Interval> box =
          llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
      for (auto [coordinate, hull] : llvm::zip(piece.coordinates, hulls)) {
        auto [low, high] = coordinate.bounds(box);
        hull = {std::min(hull.lo, low), std::max(hull.hi, high + 1)};
      }
      sets |= SetMask(1) << piece.set;
    }
    if (sets == 0)
      return;
    llvm::SmallVector<Interval, 2> places;
    for (const Window &window : component.windows) {
      Interval &hull = hulls[window.coordinate];
      int64_t last = std::max(hull.lo, hull.hi - window.width);
      places.push_back({hull.lo, last + 1});
      hull.hi = std::min(hull.hi, hull.lo + window.width);
    }
    // Nowhere is there more than all of a window in all of the sets.
    uint64_t most = 1;
    for (const Interval &hull : hulls)
      most = counter.mul(most, hull.size());
    llvm::SmallVector<int64_t, 2> starts(places.size(), 0);
    supported &= !isOfBlocks(); // which of them a window touches is not told
    placeWindows(present, places, starts, [&](const Signature &signature) {
      addClass(signature, plainBlocks(signature), times, sharing, reducing);
      return signature.size() != 1 || signature[0].first != sets ||
             signature[0].second != most;
    });
  }

  /// Calls `visit` with what lies within the windows, until that says false.
  bool placeWindows(SetMask present, llvm::ArrayRef<Interval> places,
                    llvm::SmallVectorImpl<int64_t> &starts,
                    llvm::function_ref<bool(const Signature &)> visit,
                    size_t next = 0) {
    if (next < places.size()) {
      for (int64_t start = places[next].lo; start < places[next].hi; ++start) {
        starts[next] = start;
        if (!placeWindows(present, places, starts, visit, next + 1))
          return false;
      }
      return true;
    }
    if (++visited > kVisits) {
      supported = false;
      return false;
    }
    size_t ranks = component.ranks.size();
    llvm::SmallVector<Interval, 32> boxes;
    for (size_t i = 0; i < component.pieces.size(); ++i) {
      bool counts =
          present >> i & 1 && query.isOfTile(component.imagePieces[i].set);
      for (size_t rank = 0; rank < ranks; ++rank)
        boxes.push_back(counts ? scratchBoxes[i * ranks + rank]
                               : Interval{0, 0});
      for (auto [window, start] : llvm::zip(component.windows, starts)) {
        boxes.push_back({start, start + counts});
        boxes.push_back({window.width, window.width + counts});
      }
    }
    return visit(countImages(*component.windowImages, boxes));
  }

  /// Coordinates that are numbers have no ranks to be empty along.
  SetMask presentWithoutRanks(SetMask &sets, int &reference, bool &alike) {
    SetMask present = 0;
    for (auto [i, piece] : llvm::enumerate(component.pieces)) {
      if (absent >> i & 1)
        continue;
      present |= SetMask(1) << i;
      sets |= SetMask(1) << component.imagePieces[i].set;
      reference = reference < 0 ? i : reference;
      alike &= isAlike(i, reference);
    }
    return present;
  }

  bool isAlike(size_t i, size_t reference) const {
    size_t ranks = component.ranks.size();
    auto box = [&](size_t piece) {
      return llvm::ArrayRef(scratchBoxes).slice(piece * ranks, ranks);
    };
    if (i == reference || component.coordinates.empty())
      return true;
    const ImagePiece &a = component.imagePieces[i],
                     &b = component.imagePieces[reference];
    return box(i) == box(reference) &&
           llvm::all_of(llvm::zip(a.coordinates, b.coordinates),
                        [](const auto &pair) {
                          Constraint x{std::get<0>(pair)}, y{std::get<1>(pair)};
                          return x == y;
                        });
  }

  uint64_t spanOfAll(size_t reference) {
    uint64_t points = 1;
    for (const AffineForm &form :
         component.imagePieces[reference].coordinates) {
      Coordinate coordinate;
      llvm::SmallVector<int64_t, 4> sizes;
      for (const AffineForm::Term &term : form.terms)
        coordinate.terms.push_back({term.variable, term.coefficient});
      for (size_t r = 0; r < component.ranks.size(); ++r)
        sizes.push_back(
            scratchBoxes[reference * component.ranks.size() + r].size());
      if (!coordinate.terms.empty())
        points = counter.mul(points, spanOf(coordinate, sizes));
    }
    return points;
  }

  /// "Earlier", "later" and "other unit" turn into "first", "last" and "first
  /// unit", which hold of an element if they hold in all components.
  void addClass(const Signature &signature, const BlockSignature &blocks,
                uint64_t times, uint64_t sharing, uint64_t reducing) {
    if (!query.write)
      return addInverted(signature, blocks, times, sharing, reducing);
    SetMask flipped =
        SetMask(1) << query.bits.earlier | SetMask(1) << query.bits.later |
        SetMask(1) << query.bits.unit | SetMask(1) << query.bits.earlierHere |
        SetMask(1) << query.bits.sharingUnit;
    Signature result;
    for (auto [mask, points] : signature)
      addToSignature(result, mask ^ flipped, points, counter.overflowed);
    BlockSignature resultBlocks;
    for (auto [masks, count] : blocks) {
      for (SetMask &mask : masks)
        mask ^= flipped;
      addToBlocks(resultBlocks, std::move(masks), count, counter.overflowed);
    }
    addInverted(std::move(result), std::move(resultBlocks), times, sharing,
                reducing);
  }

  void addInverted(Signature signature, BlockSignature blocks, uint64_t times,
                   uint64_t sharing, uint64_t reducing) {
    if (signature.empty())
      return;
    // Of very many, only the latest are looked through: two entries of one kind
    // count like one.
    constexpr size_t kLookedThrough = 512;
    size_t from = classes.size() - std::min(classes.size(), kLookedThrough);
    for (ComponentClass &known :
         llvm::MutableArrayRef(classes).drop_front(from))
      if (known.signature == signature && known.blocks == blocks &&
          known.sharing == sharing && known.reducing == reducing) {
        counter.add(known.times, times);
        return;
      }
    classes.push_back(
        {std::move(signature), std::move(blocks), times, sharing, reducing});
  }

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

/// Adds the start t and the width w of each window as ranks, and to each piece
/// what keeps a coordinate c in it: t <= c < t + w.
void Component::prepareWindows(const TileQuery &query) {
  windows.clear();
  for (const Window &window : query.windows)
    if (auto k = llvm::find(coordinates, window.coordinate);
        k != coordinates.end())
      windows.push_back(
          {static_cast<unsigned>(k - coordinates.begin()), window.width});
  if (windows.empty() || windowImages)
    return;
  std::vector<ImagePiece> windowPieces = imagePieces;
  for (ImagePiece &piece : windowPieces)
    for (auto [i, window] : llvm::enumerate(windows)) {
      AffineForm start = AffineForm::variable(ranks.size() + 2 * i);
      AffineForm last = start;
      last.add(AffineForm::variable(ranks.size() + 2 * i + 1), 1);
      last.add(AffineForm::number(1), -1);
      AffineForm low = piece.coordinates[window.coordinate];
      low.add(start, -1);
      last.add(piece.coordinates[window.coordinate], -1);
      piece.constraints.push_back({std::move(low)});
      piece.constraints.push_back({std::move(last)});
    }
  windowImages.emplace(ranks.size() + 2 * windows.size(),
                       std::move(windowPieces));
}

/// A block b of n coordinates holds what is in [n*b, n*b + n).
void Component::prepareBlocks() {
  if (blockImages)
    return;
  std::vector<ImagePiece> blockPieces = imagePieces;
  auto count = static_cast<int>(ranks.size());
  for (ImagePiece &piece : blockPieces) {
    int next = static_cast<int>(ranks.size());
    for (auto [form, size] : llvm::zip(piece.coordinates, grid)) {
      if (size == 0)
        form = AffineForm::number(0);
      if (size <= 1)
        continue;
      AffineForm low = form, high = AffineForm::number(size - 1);
      low.add(next, -size);
      high.add(next, size);
      high.add(form, -1);
      piece.constraints.push_back({std::move(low)});
      piece.constraints.push_back({std::move(high)});
      form = AffineForm::variable(next++);
    }
    count = next;
  }
  blockImages.emplace(count, std::move(blockPieces));
}

bool Component::listClasses(TileQuery &query, bool unitsApart, Counter &counter,
                            std::vector<ComponentClass> &classes) {
  prepareWindows(query);
  if (!windows.empty()) {
    classes.clear();
    return ComponentWalker(query, *this, unitsApart, counter, classes).run();
  }
  Known &last = known[unitsApart];
  std::vector<int64_t> key;
  key.reserve(loops.size() + 1);
  key.push_back(ranks.size()); // never empty
  for (const Loop &loop : loops)
    key.push_back(loop.local < 0 ? 0
                  : query.isEntered(loop.node)
                      ? query.tree.nodes[loop.node].tile
                      : -1);
  for (const auto &[tiles, found] : last.entries)
    if (tiles == key) {
      classes = found;
      return true;
    }
  classes.clear();
  bool overflowed = counter.overflowed;
  if (!ComponentWalker(query, *this, unitsApart, counter, classes).run())
    return false;
  if (counter.overflowed != overflowed)
    return true;
  if (last.entries.size() < Known::kMost) {
    last.entries.emplace_back(std::move(key), classes);
    return true;
  }
  last.entries[last.next] = {std::move(key), classes};
  last.next = (last.next + 1) % Known::kMost;
  return true;
}
