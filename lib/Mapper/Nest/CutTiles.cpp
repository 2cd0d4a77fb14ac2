//===- CutTiles.cpp - Tiles of filters, windows and shifts ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CutTiles.h"

#include "lib/Mapper/Nest/EinsumOnArray.h"

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

namespace {
/// Parts of a grid, beyond which what is undecided is left out.
constexpr size_t kMostParts = 20000;
/// Boxes of one image, beyond which it is cut in two; so many cost as much as a
/// part.
constexpr size_t kMostBoxes = 1 << 14, kBoxesOfPart = 4;
/// Points of a tile that are looked at one by one where need be.
constexpr uint64_t kMostEnumerated = 4096;
constexpr int kParts = 3; ///< CutTiles::Part

/// Equal intervals side by side.
struct Side {
  int64_t lo = 0, size = 1, count = 1;
  int64_t end() const { return lo + size * count; }
};
using Sides = llvm::SmallVector<Side, 4>;

/// Tiles that touch the same number of elements, per measure.
struct TileClass {
  std::vector<uint64_t> words;
  uint64_t count = 0;
};
using TileClasses = std::vector<TileClass>;

/// What is counted of a tile.
struct Measure {
  /// As an image; or a factor of 1 if the component's ranks do not matter.
  int image = -1;
  SetMask wanted = ~SetMask{0}; ///< sets, one of which an element is in
  SetMask unwanted = 0;         ///< and those in none of which it is
  bool isOff = false;           ///< cannot be told in one component: nothing
};

/// An operand's accesses in one component. Set 0: read, 1: written; or one set.
struct Image {
  std::vector<ImagePiece> pieces;
  std::unique_ptr<ImageCounter> counter;
  /// Per piece, as long as nothing cuts: the ranks that its elements are the
  /// product of; -1 otherwise.
  std::vector<int64_t> plain;
};
} // namespace

struct CutTiles::Component {
  llvm::SmallVector<int, 4> ranks; ///< local
  llvm::SmallVector<int64_t, 4> extents;
  /// Of ranks that follow demand: what is asked for, step by step.
  std::vector<std::vector<Interval>> visits;
  /// Those that every point meets first, then those of single accesses.
  std::vector<Constraint> conditions;
  size_t domain = 0;
  std::vector<Image> images;
  std::vector<Measure> measures;
  std::map<std::vector<int64_t>, TileClasses> known;
  std::map<std::vector<int64_t>, CutSizes> sizes;
  std::map<std::vector<int64_t>, std::vector<uint64_t>> tiles;
  std::map<std::vector<int64_t>, TileClasses> parts;
  size_t left = 0; ///< parts that may still be made

  int addImage(std::vector<ImagePiece> pieces);
  /// Measure -1: whether anything happens.
  const CutSizes &sizesOf(int measure, llvm::ArrayRef<int64_t> tile,
                          llvm::ArrayRef<int64_t> extents);
  const TileClasses &classes(llvm::ArrayRef<int64_t> tile,
                             llvm::ArrayRef<int64_t> extents);
  TileClasses count(const Sides &sides);
  const std::vector<uint64_t> &measure(const Sides &sides,
                                       llvm::ArrayRef<int> open,
                                       const std::vector<bool> &holds);
  uint64_t countImage(Image &image, const Measure &measure,
                      llvm::ArrayRef<Interval> box, bool isWhole);
  std::vector<int64_t> keyOf(const Sides &sides, llvm::ArrayRef<int> open,
                             const std::vector<bool> &holds, bool counts) const;
};

//===----------------------------------------------------------------------===//
// Components
//===----------------------------------------------------------------------===//

namespace {

/// Ranks that meet.
class Groups {
public:
  explicit Groups(size_t count) : group(count) {
    std::iota(group.begin(), group.end(), 0);
  }
  int of(int rank) const {
    while (group[rank] != rank)
      rank = group[rank];
    return rank;
  }
  void unite(int a, int b) {
    group[std::max(of(a), of(b))] = std::min(of(a), of(b));
  }
  void unite(const AffineForm &form) {
    int first = -1;
    visit(form, [&](int rank) {
      if (first >= 0)
        unite(first, rank);
      first = rank;
    });
  }
  /// Any rank of the form; -1 if there is none.
  static int anyOf(const AffineForm &form) {
    int any = -1;
    visit(form, [&](int rank) { any = rank; });
    return any;
  }

private:
  static void visit(const AffineForm &form, llvm::function_ref<void(int)> fn) {
    for (const AffineForm::Term &term : form.terms)
      fn(term.variable);
    for (const AffineForm::Floor &floor : form.floors)
      visit(floor.inner, fn);
  }
  std::vector<int> group;
};

/// An access in local numbers.
struct LocalAccess {
  bool isWrite = false;
  std::vector<AffineForm> coordinates;
  std::vector<AffineForm> chosen; ///< as a leaf tells elements apart
  std::vector<Constraint> inside; ///< else an initial value, no element
};

/// The numbers of one component.
struct Numbering {
  const Groups &groups;
  int group;
  std::vector<int> numbers; ///< per local rank

  bool owns(const AffineForm &form) const {
    int any = Groups::anyOf(form);
    return any >= 0 && groups.of(any) == group;
  }
  AffineForm translate(const AffineForm &form) const {
    return form.substitute(
        [&](int rank) { return AffineForm::variable(numbers[rank]); });
  }
  std::vector<Constraint> take(llvm::ArrayRef<Constraint> constraints) const {
    std::vector<Constraint> own;
    for (const Constraint &constraint : constraints)
      if (owns(constraint.form))
        own.push_back({translate(constraint.form), constraint.isEquality});
    return own;
  }
};

} // namespace

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

static bool isSame(const AffineForm &a, const AffineForm &b) {
  AffineForm difference = a;
  difference.add(b, -1);
  return difference.isConstant() && difference.constant == 0;
}

int CutTiles::Component::addImage(std::vector<ImagePiece> pieces) {
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

/// Measures of an operand: its parts, then its accesses.
static void addOperand(CutTiles::Component &component,
                       llvm::ArrayRef<LocalAccess> accesses,
                       const Numbering &numbering) {
  std::vector<int> uses, chosenUses; // images
  std::vector<ImagePiece> sets;
  bool differsHere = false, differsElsewhere = false;
  int firstWrite = -1, firstRead = -1;
  for (auto [u, access] : llvm::enumerate(accesses)) {
    ImagePiece piece;
    piece.constraints.assign(component.conditions.begin(),
                             component.conditions.begin() + component.domain);
    for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
      bool isOwn = numbering.owns(coordinate);
      if (isOwn)
        piece.coordinates.push_back(numbering.translate(coordinate));
      if (!isSame(coordinate, accesses[0].coordinates[k]))
        (isOwn || numbering.owns(accesses[0].coordinates[k])
             ? differsHere
             : differsElsewhere) = true;
    }
    for (Constraint &constraint : numbering.take(access.inside)) {
      component.conditions.push_back(constraint);
      piece.constraints.push_back(std::move(constraint));
    }
    // What leaves read is counted by what tells it apart.
    ImagePiece chosen = piece;
    chosen.coordinates.clear();
    for (const AffineForm &coordinate : access.chosen)
      if (numbering.owns(coordinate))
        chosen.coordinates.push_back(numbering.translate(coordinate));
    chosenUses.push_back(
        chosen.coordinates.empty() ? -1 : component.addImage({chosen}));
    uses.push_back(piece.coordinates.empty() ? -1
                                             : component.addImage({piece}));
    piece.set = access.isWrite ? 1 : 0;
    sets.push_back(std::move(piece));
    int &first = access.isWrite ? firstWrite : firstRead;
    first = first < 0 ? static_cast<int>(u) : first;
  }
  // Of accesses that differ in several components one stands for all; those
  // that have other coordinates here than elsewhere cannot be compared.
  bool isUnited =
      accesses.size() > 1 && differsHere && !differsElsewhere &&
      llvm::all_of(sets, [&](const ImagePiece &piece) {
        return piece.coordinates.size() == sets[0].coordinates.size();
      });
  Measure one{uses[0]}, nothing;
  nothing.isOff = true;
  Measure united = one;
  if (isUnited)
    united.image = component.addImage(sets);
  Measure fetched = united;
  if (firstWrite >= 0) {
    fetched = nothing;
    if (firstRead >= 0 && isUnited) {
      fetched = united;
      fetched.wanted = 1;
      fetched.unwanted = 2;
    } else if (firstRead >= 0 && !differsHere && differsElsewhere) {
      fetched = one;
    }
  }
  component.measures.push_back(united);
  component.measures.push_back(fetched);
  component.measures.push_back(firstWrite < 0 ? nothing
                                              : Measure{uses[firstWrite]});
  for (auto [u, access] : llvm::enumerate(accesses))
    component.measures.push_back(
        Measure{access.chosen.empty() ? uses[u] : chosenUses[u]});
}

/// Its accesses, per operand.
static std::vector<std::vector<LocalAccess>>
listAccesses(const CascadeFacts &facts, const EinsumOnArray &nest,
             llvm::function_ref<AffineForm(const AffineForm &)> local) {
  std::vector<std::vector<LocalAccess>> accesses(nest.operands.size());
  auto add = [&](const AccessFact &full, bool isWrite) {
    AccessFact access = withoutOpaque(facts, full);
    const TensorFact &tensor = facts.tensors[access.tensor];
    LocalAccess &made =
        accesses[nest.findOperand(access.tensor)].emplace_back();
    made.isWrite = isWrite;
    for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
      AffineForm form = local(coordinate.form());
      if (!isWrite && tensor.hasInitialValue && mayBeInitial(coordinate) &&
          tensor.ranks[k] == tensor.iterativeRank) {
        Constraint high{
            AffineForm::number(facts.ranks[tensor.iterativeRank].extent - 1)};
        high.form.add(form, -1);
        made.inside.push_back({form, false});
        made.inside.push_back(std::move(high));
      }
      made.coordinates.push_back(std::move(form));
    }
    if (full.gathers())
      for (const Coordinate &coordinate : full.atLeaf().coordinates)
        made.chosen.push_back(local(coordinate.form()));
  };
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  for (const AccessFact &access : einsum.reads)
    add(access, false);
  for (const AccessFact &access : einsum.writes)
    add(access, true);
  return accesses;
}

static void print(llvm::raw_ostream &os, const AffineForm &form) {
  for (const AffineForm::Term &term : form.terms)
    os << term.coefficient << "*" << term.variable << "+";
  for (const AffineForm::Floor &floor : form.floors) {
    os << floor.factor << "*(";
    print(os, floor.inner);
    os << "/" << floor.divisor << ")+";
  }
  os << form.constant;
}

CutTiles::~CutTiles() = default;

CutTiles::CutTiles(const CascadeFacts &facts, const EinsumOnArray &nest) {
  llvm::raw_string_ostream os(text);
  for (const LocalRank &rank : nest.ranks) {
    extents.push_back(rank.extent);
    // What is made again in a later step is made anew.
    onceMade.push_back(rank.extent - (rank.isFollowing() ? 1 : 0));
    for (const Interval &visit : rank.visits)
      os << visit.lo << ".." << visit.hi << " ";
  }
  for (const Operand &operand : nest.operands)
    bits.push_back({operand.bits, operand.tileBits()});
  auto local = [&](const AffineForm &form) {
    return form.substitute(
        [&](int rank) { return AffineForm::variable(nest.findRank(rank)); });
  };
  Groups groups(nest.ranks.size());
  std::vector<Constraint> domain;
  for (const Constraint &constraint : facts.einsums[nest.einsum].domain) {
    domain.push_back({local(constraint.form), constraint.isEquality});
    groups.unite(domain.back().form);
    // Whatever the point.
    isEmpty |=
        Groups::anyOf(domain.back().form) < 0 && !domain.back().holds(extents);
  }
  std::vector<std::vector<LocalAccess>> accesses =
      listAccesses(facts, nest, local);
  for (const Constraint &constraint : domain) {
    print(os, constraint.form);
    os << (constraint.isEquality ? "=" : ">") << ";";
  }
  int measures = 0;
  for (const std::vector<LocalAccess> &all : accesses) {
    firstMeasure.push_back(measures);
    measures += kParts + static_cast<int>(all.size());
    for (const LocalAccess &access : all)
      for (const AffineForm &coordinate : access.coordinates) {
        groups.unite(coordinate);
        print(os, coordinate);
        os << (access.isWrite ? "!" : ",");
      }
    for (const LocalAccess &access : all)
      for (const AffineForm &coordinate : access.chosen) {
        groups.unite(coordinate);
        print(os, coordinate);
        os << "?";
      }
  }
  int count = static_cast<int>(nest.ranks.size());
  for (int group = 0; group < count; ++group) {
    if (groups.of(group) != group)
      continue;
    auto component = std::make_unique<Component>();
    Numbering numbering{groups, group, std::vector<int>(count, 0)};
    ImagePiece points;
    for (int rank = group; rank < count; ++rank)
      if (groups.of(rank) == group) {
        int number = static_cast<int>(component->ranks.size());
        numbering.numbers[rank] = number;
        component->ranks.push_back(rank);
        component->extents.push_back(extents[rank]);
        component->visits.push_back(nest.ranks[rank].visits);
        points.coordinates.push_back(AffineForm::variable(number));
      }
    component->conditions = numbering.take(domain);
    component->domain = component->conditions.size();
    points.constraints = component->conditions;
    component->addImage({points});
    for (const std::vector<LocalAccess> &all : accesses)
      addOperand(*component, all, numbering);
    components.push_back(std::move(component));
  }
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
std::vector<int64_t> CutTiles::Component::keyOf(const Sides &sides,
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

uint64_t CutTiles::Component::countImage(Image &image, const Measure &measure,
                                         llvm::ArrayRef<Interval> box,
                                         bool isWhole) {
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
CutTiles::Component::measure(const Sides &sides, llvm::ArrayRef<int> open,
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
TileClasses CutTiles::Component::count(const Sides &sides) {
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

const TileClasses &
CutTiles::Component::classes(llvm::ArrayRef<int64_t> tile,
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
  for (const Sides &grid : grids)
    addClasses(found->second, count(grid));
  parts.clear();
  return found->second;
}

/// Counts equal ones together; sorted.
static void mergeSizes(CutSizes &sizes) {
  llvm::sort(sizes, [](const CutSize &a, const CutSize &b) {
    return a.words < b.words;
  });
  size_t kept = 0;
  for (const CutSize &size : sizes)
    if (kept > 0 && sizes[kept - 1].words == size.words)
      sizes[kept - 1].count += size.count;
    else
      sizes[kept++] = size;
  sizes.resize(kept);
}

const CutSizes &CutTiles::Component::sizesOf(int measure,
                                             llvm::ArrayRef<int64_t> tile,
                                             llvm::ArrayRef<int64_t> extents) {
  std::vector<int64_t> key = {measure};
  for (int rank : ranks)
    key.push_back(tile[rank]);
  auto [found, isNew] = sizes.try_emplace(std::move(key));
  CutSizes &result = found->second;
  if (!isNew)
    return result;
  for (const TileClass &one : classes(tile, extents))
    result.push_back({measure < 0 ? 1 : one.words[measure], one.count});
  mergeSizes(result);
  return result;
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

const CutSizes &CutTiles::sizesOf(int measure, llvm::ArrayRef<int64_t> tile) {
  TileKey key(tile.begin(), tile.end());
  key.push_back(measure);
  auto [found, isNew] = known.try_emplace(std::move(key));
  CutSizes &result = found->second;
  if (!isNew || isEmpty)
    return result;
  result.push_back({1, 1});
  for (auto &component : components) {
    CutSizes product;
    for (const CutSize &more : component->sizesOf(measure, tile, extents))
      for (const CutSize &size : result)
        product.push_back({size.words * more.words, size.count * more.count});
    mergeSizes(product);
    result = std::move(product);
  }
  return result;
}

void CutTiles::forEachMeasure(int measure, llvm::ArrayRef<int64_t> tile,
                              Visit fn) {
  for (const CutSize &size : sizesOf(measure, tile))
    fn(size.words, size.count);
}

void CutTiles::forEach(int operand, Part part, llvm::ArrayRef<int64_t> tile,
                       Visit fn) {
  forEachMeasure(firstMeasure[operand] + static_cast<int>(part), tile, fn);
}

void CutTiles::forEachOfUse(int operand, int use, llvm::ArrayRef<int64_t> tile,
                            Visit fn) {
  forEachMeasure(firstMeasure[operand] + kParts + use, tile, fn);
}

const CutSums &CutTiles::sumOf(int operand, int measure,
                               llvm::ArrayRef<int64_t> tile,
                               uint64_t accessBytes) {
  TileKey key(tile.begin(), tile.end());
  key.push_back(measure);
  key.push_back(static_cast<int64_t>(accessBytes));
  auto [found, isNew] = sums.try_emplace(std::move(key));
  CutSums &all = found->second;
  if (isNew)
    for (const CutSize &size : sizesOf(measure, tile)) {
      const auto &[ofWord, ofTile] = bits[operand];
      bool isPart = measure < firstMeasure[operand] + kParts;
      uint64_t bytes = (isPart ? ofTile : ofWord).countBytes(size.words);
      all.words += size.words * size.count;
      all.bytes += bytes * size.count;
      all.accesses += llvm::divideCeil(bytes, accessBytes) * size.count;
    }
  return all;
}

const CutSums &CutTiles::sum(int operand, Part part,
                             llvm::ArrayRef<int64_t> tile,
                             uint64_t accessBytes) {
  return sumOf(operand, firstMeasure[operand] + static_cast<int>(part), tile,
               accessBytes);
}

const CutSums &CutTiles::sumOfUse(int operand, int use,
                                  llvm::ArrayRef<int64_t> tile,
                                  uint64_t accessBytes) {
  return sumOf(operand, firstMeasure[operand] + kParts + use, tile,
               accessBytes);
}

bool CutTiles::isCutAlong(int rank) const {
  auto component = llvm::find_if(components, [&](const auto &one) {
    return llvm::is_contained(one->ranks, rank);
  });
  return (*component)->ranks.size() > 1 || !(*component)->conditions.empty() ||
         !(*component)->visits.front().empty();
}

uint64_t CutTiles::countVisits(llvm::ArrayRef<int64_t> tile) {
  uint64_t visits = 0;
  forEachMeasure(-1, tile, [&](uint64_t, uint64_t count) { visits += count; });
  return visits;
}

uint64_t CutTiles::largest(int operand, llvm::ArrayRef<int64_t> tile) {
  TileKey key(tile.begin(), tile.end());
  key.push_back(operand);
  auto [found, isNew] = most.try_emplace(std::move(key));
  uint64_t &words = found->second;
  if (isNew)
    forEach(operand, Part::held, tile,
            [&](uint64_t some, uint64_t) { words = std::max(words, some); });
  return words;
}

uint64_t CutTiles::countWritten(int operand) {
  uint64_t all = 0;
  forEach(operand, Part::written, onceMade,
          [&](uint64_t words, uint64_t count) { all += words * count; });
  return all;
}
