//===- CutComponent.cpp - Tiles of ranks that meet, counted ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CutComponent.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace einsum;
using namespace einsum::mapper;

using Component = CutTiles::Component;
using Side = Component::Side;
using Sides = Component::Sides;
using TileClass = Component::TileClass;
using TileClasses = Component::TileClasses;

/// Parts of a grid, beyond which what is undecided is left out.
static constexpr size_t kMostParts = 20000;
/// Boxes of one image, beyond which it is cut in two; so many cost as much as a
/// part.
static constexpr size_t kMostBoxes = 1 << 14, kBoxesOfPart = 4;
/// Points of a tile that are looked at one by one where need be.
static constexpr uint64_t kMostEnumerated = 4096;

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

/// Coordinates such as m1 * 256 + m0, of which each point of the ranks has
/// another: as many elements as if each rank were a coordinate.
static void separate(ImagePiece &piece, llvm::ArrayRef<int64_t> extents) {
  std::vector<AffineForm> ranks;
  int64_t seen = 0;
  for (const AffineForm &coordinate : piece.coordinates) {
    llvm::SmallVector<AffineForm::Term, 3> terms(coordinate.terms);
    llvm::sort(terms, [](const auto &a, const auto &b) {
      return std::abs(a.coefficient) < std::abs(b.coefficient);
    });
    int64_t reach = 0;
    for (const AffineForm::Term &term : terms) {
      if (!coordinate.isLinear() || (seen >> term.variable & 1) ||
          std::abs(term.coefficient) <= reach)
        return;
      seen |= int64_t{1} << term.variable;
      reach += std::abs(term.coefficient) * (extents[term.variable] - 1);
      ranks.push_back(AffineForm::variable(term.variable));
    }
  }
  piece.coordinates = std::move(ranks);
}

/// The ranks of coordinates that have one rank each, as a mask; else -1.
static int64_t plainRanks(const ImagePiece &piece) {
  int64_t mask = 0;
  for (const AffineForm &coordinate : piece.coordinates) {
    if (!coordinate.isLinear() || coordinate.terms.size() != 1 ||
        (mask >> coordinate.terms[0].variable & 1))
      return -1;
    mask |= int64_t{1} << coordinate.terms[0].variable;
  }
  return mask;
}

int Component::addImage(std::vector<ImagePiece> pieces) {
  Image image;
  if (pieces.size() == 1)
    separate(pieces.front(), extents);
  for (const ImagePiece &piece : pieces)
    image.plain.push_back(plainRanks(piece));
  image.counter = std::make_unique<ImageCounter>(ranks.size(), pieces);
  image.counter->mostEnumerated = kMostEnumerated;
  image.counter->mostBoxes = kMostBoxes;
  image.pieces = std::move(pieces);
  images.push_back(std::move(image));
  return static_cast<int>(images.size()) - 1;
}

//===----------------------------------------------------------------------===//
// One tile
//===----------------------------------------------------------------------===//

static llvm::SmallVector<Interval, 4> boxOf(const Sides &sides) {
  llvm::SmallVector<Interval, 4> box;
  for (const Side &side : sides)
    box.push_back({side.lo, side.end()});
  return box;
}

static bool hasFloor(const AffineForm &form) { return !form.floors.empty(); }

/// What a part looks like from its lower corner: sizes, which conditions of
/// single accesses hold, what the undecided ones start from.
std::vector<int64_t> Component::keyOf(const Sides &sides,
                                      llvm::ArrayRef<int> open,
                                      const std::vector<bool> &holds,
                                      bool counts) const {
  std::vector<int64_t> key;
  llvm::SmallVector<int64_t, 4> corner;
  for (const Side &side : sides) {
    key.push_back(side.size);
    if (counts)
      key.push_back(side.count);
    corner.push_back(side.lo);
  }
  bool isAnywhere = true;
  for (int id : open) {
    key.push_back(id);
    key.push_back(conditions[id].form.evaluate(corner));
    isAnywhere &= !hasFloor(conditions[id].form);
  }
  for (size_t id = domain; id < holds.size(); ++id)
    key.push_back(holds[id]);
  if (!isAnywhere)
    key.insert(key.end(), corner.begin(), corner.end());
  return key;
}

uint64_t Component::countImage(Image &image, const Measure &measure,
                               llvm::ArrayRef<Interval> box, bool isWhole) {
  uint64_t volume = 1;
  for (const Interval &side : box)
    volume =
        llvm::SaturatingMultiply(volume, static_cast<uint64_t>(side.size()));
  // Nothing cuts it, and nothing overlaps.
  if (isWhole && image.pieces.size() == 1 && image.plain[0] >= 0) {
    uint64_t product = 1;
    for (auto [rank, side] : llvm::enumerate(box))
      if (image.plain[0] >> rank & 1)
        product = llvm::SaturatingMultiply(product,
                                           static_cast<uint64_t>(side.size()));
    return product;
  }
  std::vector<Interval> boxes;
  for (size_t piece = 0; piece < image.pieces.size(); ++piece)
    boxes.insert(boxes.end(), box.begin(), box.end());
  image.counter->exhausted = false;
  // Boxes that it falls into count as parts.
  uint64_t before = image.counter->work;
  Signature signature = image.counter->count(boxes);
  left -= std::min<size_t>(left, (image.counter->work - before) / kBoxesOfPart);
  if (image.counter->overflowed)
    return 0;
  if (image.counter->exhausted) {
    if (left == 0)
      return 0;
    // No fewer than a half of it has.
    llvm::SmallVector<Interval, 4> half(box.begin(), box.end());
    auto longest = std::max_element(half.begin(), half.end(),
                                    [](const Interval &a, const Interval &b) {
                                      return a.size() < b.size();
                                    });
    Interval whole = *longest;
    longest->hi = whole.lo + whole.size() / 2;
    if (uint64_t words = countImage(image, measure, half, isWhole))
      return words;
    *longest = {longest->hi, whole.hi};
    return countImage(image, measure, half, isWhole);
  }
  uint64_t words = 0;
  for (auto [mask, elements] : signature)
    if ((mask & measure.wanted) && !(mask & measure.unwanted))
      words += elements;
  return words;
}

/// Per measure the words of a tile; the last is its points, none if nothing
/// happens there.
const std::vector<uint64_t> &
Component::measure(const Sides &sides, llvm::ArrayRef<int> open,
                   const std::vector<bool> &holds) {
  auto [found, isNew] =
      tiles.try_emplace(keyOf(sides, open, holds, /*counts=*/false));
  std::vector<uint64_t> &words = found->second;
  if (!isNew)
    return words;
  llvm::SmallVector<Interval, 4> box = boxOf(sides);
  bool holdsAll = open.empty() && llvm::all_of(holds, [](bool b) { return b; });
  uint64_t points = countImage(images[0], Measure{0}, box, open.empty());
  for (const Measure &measure : measures)
    words.push_back(points == 0 || measure.isOff ? 0
                    : measure.image < 0          ? 1
                                        : countImage(images[measure.image],
                                                     measure, box, holdsAll));
  words.push_back(points);
  return words;
}

//===----------------------------------------------------------------------===//
// All tiles of a grid
//===----------------------------------------------------------------------===//

/// Adds more, and counts equal ones together; sorted.
static void addClasses(TileClasses &all, TileClasses more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
  llvm::sort(all, [](const TileClass &a, const TileClass &b) {
    return a.words < b.words;
  });
  size_t kept = 0;
  for (size_t i = 0; i < all.size(); ++i)
    if (kept > 0 && all[kept - 1].words == all[i].words)
      all[kept - 1].count += all[i].count;
    else if (kept++ != i)
      all[kept - 1] = std::move(all[i]);
  all.resize(kept);
}

/// Halves until all conditions are decided or one tile is left.
Component::TileClasses Component::count(const Sides &sides) {
  llvm::SmallVector<Interval, 4> box = boxOf(sides);
  llvm::SmallVector<int, 4> open;
  std::vector<bool> holds(conditions.size(), true);
  for (int id = 0; id < static_cast<int>(conditions.size()); ++id) {
    std::optional<bool> decided = conditions[id].decide(box);
    if (!decided)
      open.push_back(id);
    else
      holds[id] = *decided;
    if (decided == false && id < static_cast<int>(domain))
      return {};
  }
  uint64_t tilesHere = 1;
  int longest = -1;
  for (int rank = 0; rank < static_cast<int>(sides.size()); ++rank) {
    const Side &side = sides[rank];
    tilesHere *= static_cast<uint64_t>(side.count);
    bool matters = side.count > 1 && llvm::any_of(open, [&](int id) {
                     return conditions[id].form.uses(rank);
                   });
    if (matters &&
        (longest < 0 ||
         side.size * side.count > sides[longest].size * sides[longest].count))
      longest = rank;
  }
  if (longest < 0) {
    Sides one = sides;
    for (Side &side : one)
      side.count = 1;
    const std::vector<uint64_t> &words = measure(one, open, holds);
    if (words.back() == 0)
      return {};
    return {{words, tilesHere}};
  }
  if (std::optional<TileClasses> alike =
          countAlike(sides, open, holds, tilesHere))
    return *alike;
  std::vector<int64_t> key = keyOf(sides, open, holds, /*counts=*/true);
  if (auto found = parts.find(key); found != parts.end())
    return found->second;
  if (left == 0)
    return {}; // too many: fewer than there are
  --left;
  Sides low = sides, high = sides;
  int64_t half = static_cast<int64_t>(
      llvm::bit_ceil(static_cast<uint64_t>(sides[longest].count)) / 2);
  low[longest].count = half;
  high[longest].lo += half * sides[longest].size;
  high[longest].count -= half;
  TileClasses all = count(low);
  addClasses(all, count(high));
  parts[std::move(key)] = all;
  return all;
}

/// The last tile may be shorter than the others.
static void addSides(Sides &sides, Interval all, int64_t size) {
  int64_t whole = all.size() / size, rest = all.size() % size;
  if (whole > 0)
    sides.push_back({all.lo, size, whole});
  if (rest > 0)
    sides.push_back({all.lo + whole * size, rest, 1});
}

static Interval hullOf(llvm::ArrayRef<Interval> steps) {
  Interval hull = steps.front();
  for (const Interval &step : steps)
    if (step.size() > 0)
      hull = hull.size() == 0 ? step
                              : Interval{std::min(hull.lo, step.lo),
                                         std::max(hull.hi, step.hi)};
  return hull;
}

const TileClasses &Component::classes(llvm::ArrayRef<int64_t> tile,
                                      llvm::ArrayRef<int64_t> extents) {
  std::vector<int64_t> key;
  for (int rank : ranks)
    key.push_back(std::min(tile[rank], extents[rank]));
  auto [found, isNew] = known.try_emplace(key);
  if (!isNew)
    return found->second;
  std::vector<Sides> grids(1);
  for (auto [rank, size, steps] : llvm::zip(ranks, key, visits)) {
    Sides sides;
    if (steps.empty())
      addSides(sides, {0, extents[rank]}, size);
    else if (size == extents[rank])
      addSides(sides, hullOf(steps), size);
    else
      for (const Interval &step : steps)
        addSides(sides, step, size);
    std::vector<Sides> more;
    for (const Sides &grid : grids)
      for (const Side &side : sides) {
        more.push_back(grid);
        more.back().push_back(side);
      }
    grids = std::move(more);
  }
  left = kMostParts;
  parts.clear();
  setSlacks(key);
  for (const Sides &grid : grids)
    addClasses(found->second, count(grid));
  parts.clear();
  return found->second;
}

/// y - (T * x1 + x0) + c >= 0 of three ranks, where x0 has T coordinates: a
/// band over the rank whose blocks are x1.
static bool isOfBlocks(const AffineForm &form, int inner, int along, int blocks,
                       int64_t block) {
  if (!form.isLinear() || form.terms.size() != 3)
    return false;
  int64_t of[3] = {0, 0, 0};
  for (const AffineForm::Term &term : form.terms)
    of[term.variable] = term.coefficient;
  return std::abs(of[along]) == 1 && of[inner] == -of[along] &&
         of[blocks] == block * of[inner];
}

void Component::findBand() {
  bool isWhole = domain == conditions.size() &&
                 llvm::all_of(visits, [](const auto &v) { return v.empty(); });
  if (!isWhole || conditions.empty())
    return;
  if (ranks.size() == 2) {
    band = BandTiles::make(conditions);
    return;
  }
  constexpr int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (auto [i, a, b] : orders) {
    if (ranks.size() != 3)
      return;
    if (!llvm::all_of(conditions, [&, i = i, a = a, b = b](const auto &c) {
          return isOfBlocks(c.form, i, a, b, extents[i]);
        }))
      continue;
    std::vector<Constraint> together;
    for (const Constraint &condition : conditions) {
      Constraint &one = together.emplace_back();
      one.isEquality = condition.isEquality;
      one.form.constant = condition.form.constant;
      for (const AffineForm::Term &term : condition.form.terms)
        if (term.variable != b)
          one.form.add(term.variable == a, term.coefficient);
    }
    band = BandTiles::make(together);
    inner = i;
    along = a;
    blocks = b;
    return;
  }
}

/// The ranks that a measure is a product of, as a mask; -1 if it is none.
int64_t Component::maskOf(int measure) const {
  if (measure < 0 || measures[measure].image < 0)
    return 0;
  const Image &image = images[measures[measure].image];
  return image.pieces.size() == 1 ? image.plain[0] : -1;
}

/// Whole tiles, and those at the ends of ranks that are shorter. False if tiles
/// are no intervals of the ranks of the band, or elements none of theirs.
bool Component::countBand(int64_t mask, llvm::ArrayRef<int64_t> tile,
                          llvm::ArrayRef<int64_t> extents,
                          CutSizes &sizes) const {
  bool isOfX = mask >> inner & 1, isOfY = mask >> along & 1;
  int64_t block = extents[ranks[inner]], extent = block,
          size = std::min(tile[ranks[inner]], block), perBlock = 1,
          most = std::numeric_limits<int64_t>::max();
  if (blocks >= 0) {
    int64_t count = extents[ranks[blocks]],
            together = std::min(tile[ranks[blocks]], count);
    bool isOfBlocks = mask >> blocks & 1;
    // Of one block its number tells nothing apart; of whole ones those from the
    // first one on have elements, where only an end is cut off.
    if (together == 1 ? block % size != 0 : size != block)
      return false;
    if (together > 1 && isOfX != isOfBlocks) {
      if (isOfY || !band->isFromStart())
        return false;
      (isOfBlocks ? perBlock : most) = block;
      isOfX = true;
    }
    size *= together;
    extent *= count;
  }
  auto listSides = [](int64_t extent, int64_t size) {
    int64_t whole = extent / size;
    llvm::SmallVector<BandSide, 2> sides = {{0, size, whole}};
    if (extent % size)
      sides.push_back({whole * size, extent % size, 1});
    return sides;
  };
  auto kind = static_cast<BandTiles::Kind>(int(isOfX) | int(isOfY) << 1);
  int64_t other = extents[ranks[along]];
  for (const BandSide &x : listSides(extent, size))
    for (const BandSide &y :
         listSides(other, std::min(tile[ranks[along]], other)))
      if (!band->count(kind, x, y, sizes))
        return false;
  for (CutSize &one : sizes)
    one = CutSize::of(
        std::min<uint64_t>(most, llvm::divideCeil(one.words, perBlock)),
        one.count);
  mergeSizes(sizes);
  return true;
}

const CutSizes &Component::sizesOf(int measure, llvm::ArrayRef<int64_t> tile,
                                   llvm::ArrayRef<int64_t> extents) {
  bool isOff = measure >= 0 && measures[measure].isOff;
  int64_t mask = band && !isOff ? maskOf(measure) : -1;
  // Measures of the same ranks have the same sizes.
  std::vector<int64_t> key = {mask >= 0 ? -2 - mask : measure};
  for (int rank : ranks)
    key.push_back(std::min(tile[rank], extents[rank]));
  auto [found, isNew] = sizes.try_emplace(std::move(key));
  CutSizes &result = found->second;
  if (!isNew)
    return result;
  if (mask >= 0 && countBand(mask, tile, extents, result))
    return result;
  result.clear();
  if (band && isOff && countBand(0, tile, extents, result)) {
    for (CutSize &size : result)
      size = CutSize::of(0, size.count);
    return result;
  }
  result.clear();
  for (const TileClass &one : classes(tile, extents))
    result.push_back(
        CutSize::of(measure < 0 ? 1 : one.words[measure], one.count));
  mergeSizes(result);
  return result;
}
