//===- TileComponent.cpp - Ranks of a tile that move together -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileComponent.h"

#include "lib/CostModel/ComponentWalk.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

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

/// Of m <= n and n <= p also m <= p, which is decided for many tiles of m and
/// p while n runs over all there is.
static void addImplied(std::vector<Constraint> &constraints) {
  constexpr size_t kMost = 8;
  auto isChained = [](const Constraint &one) {
    return !one.isEquality && one.form.isLinear() && one.form.terms.size() > 1;
  };
  for (size_t i = 0; i < constraints.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      if (!isChained(constraints[i]) || !isChained(constraints[j]))
        continue;
      for (auto [variable, by] :
           llvm::SmallVector<AffineForm::Term, 3>(constraints[i].form.terms)) {
        if (std::abs(by) != 1 ||
            constraints[j].form.coefficientOf(variable) != -by)
          continue;
        Constraint implied = constraints[i];
        implied.form.add(constraints[j].form);
        if (constraints.size() < kMost && !implied.form.isConstant() &&
            !llvm::is_contained(constraints, implied))
          constraints.push_back(std::move(implied));
      }
    }
}

void Component::addPiece(TileQuery &query, unsigned set, const Use &use,
                         Box box, int loop, int within) {
  const LoopTree &tree = query.tree;
  Piece piece{box, loop, within, &use, {}, {}, {}};
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
  addImplied(piece.constraints);
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

bool einsum::cost::movesApart(const ImagePiece &a, const ImagePiece &b,
                              int rank) {
  return llvm::any_of(llvm::zip(a.coordinates, b.coordinates),
                      [&](const auto &pair) {
                        return std::get<0>(pair).coefficientOf(rank) !=
                               std::get<1>(pair).coefficientOf(rank);
                      });
}

/// Takes the rank out of the constraints; false if that is not exact.
static bool eliminate(int rank, std::vector<Constraint> &constraints) {
  std::vector<Constraint> rest, lower, upper;
  for (Constraint &one : constraints) {
    int64_t by = one.form.coefficientOf(rank);
    if (by != 0 && (one.isEquality || std::abs(by) != 1))
      return false;
    (by == 0 ? rest : by > 0 ? lower : upper).push_back(std::move(one));
  }
  for (const Constraint &low : lower)
    for (const Constraint &high : upper) {
      Constraint both = low;
      both.form.add(high.form);
      if (!llvm::is_contained(rest, both))
        rest.push_back(std::move(both));
    }
  constraints = std::move(rest);
  return true;
}

void Component::project(Piece &piece, const ImagePiece &image) const {
  constexpr size_t kMost = 24;
  auto isKept = [&](int rank) {
    return (keptRanks >> rank & 1) ||
           llvm::any_of(image.coordinates, [&](const AffineForm &form) {
             return form.uses(rank);
           });
  };
  auto isLinear = [](const Constraint &one) { return one.form.isLinear(); };
  if (image.constraints.empty() || !piece.demands.empty() ||
      !llvm::all_of(image.constraints, isLinear))
    return;
  std::vector<Constraint> left = image.constraints;
  auto count = static_cast<int>(ranks.size());
  bool isLess = false;
  for (int rank = 0; rank < count; ++rank) {
    if (isKept(rank) || llvm::none_of(left, [&](const Constraint &one) {
          return one.form.uses(rank);
        }))
      continue;
    AffineForm first = AffineForm::variable(rank),
               last = AffineForm::variable(count + 2 * rank + 1);
    first.add(count + 2 * rank, -1);
    last.add(rank, -1);
    left.push_back({std::move(first), false});
    left.push_back({std::move(last), false});
    isLess = eliminate(rank, left);
    if (!isLess || left.size() > kMost)
      return;
  }
  if (isLess)
    piece.projected = std::move(left);
}

bool Component::finish() {
  for (auto [piece, image] : llvm::zip(pieces, imagePieces))
    project(piece, image);
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
// Classes
//===----------------------------------------------------------------------===//

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
    return ComponentWalk(query, *this, unitsApart, counter, classes).run();
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
  if (!ComponentWalk(query, *this, unitsApart, counter, classes).run())
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
