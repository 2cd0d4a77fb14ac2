//===- NestModel.cpp - The nests of one Einsum as constraints -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/NestModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::mapper;

NestModel::NestModel(z3::context &z3, const CascadeFacts &facts,
                     const arch::ArchSpec &arch, int einsum, int array,
                     bool imperfect)
    : z3(z3), facts(facts), arch(arch), einsum(einsum), array(array),
      imperfect(imperfect) {
  const EinsumFact &fact = facts.einsums[einsum];
  ranks.assign(fact.ranks.begin(), fact.ranks.end());
  for (int l = arch.arrays[array].level; l >= 0; l = arch.levels[l].parent)
    levels.insert(levels.begin(), l);
  auto add = [&](const AccessFact &access) {
    if (!llvm::is_contained(touched, access.tensor))
      touched.push_back(access.tensor);
  };
  llvm::for_each(fact.reads, add);
  llvm::for_each(fact.writes, add);
  listVectors();
}

//===----------------------------------------------------------------------===//
// Tile vectors
//===----------------------------------------------------------------------===//

/// Tiles that some chain of loops over a rank has, and how long chains are.
static std::pair<std::set<int64_t>, size_t> chainsOf(int64_t extent,
                                                     bool imperfect) {
  std::set<int64_t> tiles = {extent};
  size_t longest = extent > 1;
  for (int64_t tile = 1; tile < extent; ++tile) {
    if (!imperfect && extent % tile != 0)
      continue;
    tiles.insert(tile);
    // The longest chain of divisors takes one prime factor at a time.
    size_t length = 1;
    int64_t rest = tile;
    for (int64_t p = 2; p <= rest; ++p)
      for (; rest % p == 0; rest /= p)
        ++length;
    longest = std::max(longest, length);
  }
  return {tiles, longest};
}

void NestModel::listVectors() {
  vectors = {{}};
  for (int rank : ranks) {
    auto [tiles, longest] = chainsOf(facts.ranks[rank].extent, imperfect);
    pathLength += longest;
    std::vector<Vector> more;
    for (const Vector &v : vectors)
      for (int64_t tile : tiles) {
        more.push_back(v);
        more.back().push_back(tile);
      }
    vectors = std::move(more);
  }
}

/// One rank divided further; any tile for the outermost loop over it.
bool NestModel::follows(const Vector &from, const Vector &to) const {
  size_t changes = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] == to[i])
      continue;
    ++changes;
    bool isOutermost = from[i] == facts.ranks[ranks[i]].extent;
    if (to[i] > from[i] ||
        (from[i] % to[i] != 0 && !(imperfect && isOutermost)))
      return false;
  }
  return changes == 1;
}

const AccessFact &NestModel::accessOf(int tensor) const {
  const EinsumFact &fact = facts.einsums[einsum];
  for (const AccessFact &access : fact.reads)
    if (access.tensor == tensor)
      return access;
  return fact.writes.front();
}

bool NestModel::isWritten(int tensor) const {
  return facts.einsums[einsum].writes.front().tensor == tensor;
}

bool NestModel::touches(int tensor) const {
  return llvm::is_contained(touched, tensor);
}

bool NestModel::uses(int tensor, size_t position) const {
  return accessOf(tensor).uses(ranks[position]);
}

/// How many coordinates of a rank are in a block of the tensor's format; 0: all
/// of them.
int64_t NestModel::blockAlong(int tensor, size_t position) const {
  const TensorFact &fact = facts.tensors[tensor];
  if (!fact.isShared)
    return 1;
  for (auto [coordinate, size] :
       llvm::zip(accessOf(tensor).coordinates, fact.grid))
    for (const Coordinate::Term &term : coordinate.terms)
      if (term.rank == ranks[position])
        return size > 1 && term.coefficient % size == 0 ? 1 : size;
  return 1;
}

/// Tiles of one rank by what they hold: elements, blocks, how many tiles.
std::map<std::pair<uint64_t, uint64_t>, uint64_t>
NestModel::tilesAlong(int tensor, size_t position, int64_t tile) const {
  int64_t extent = facts.ranks[ranks[position]].extent,
          size = blockAlong(tensor, position);
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> tiles;
  if (size <= 1) { // not one by one, they are many
    auto add = [&](int64_t elements, int64_t count) {
      if (elements && count)
        tiles[{elements, size == 0 ? 1 : elements}] += count;
    };
    add(tile, extent / tile);
    add(extent % tile, 1);
    return tiles;
  }
  for (int64_t lo = 0; lo < extent; lo += tile) {
    int64_t hi = std::min(extent, lo + tile);
    ++tiles[{hi - lo, (hi - 1) / size - lo / size + 1}];
  }
  return tiles;
}

uint64_t NestModel::bytesOfTile(int tensor, const Vector &v) const {
  uint64_t elements = 1, blocks = 1;
  for (size_t i = 0; i < v.size(); ++i) {
    if (!uses(tensor, i))
      continue;
    uint64_t most = 0;
    for (const auto &[held, count] : tilesAlong(tensor, i, v[i]))
      most = std::max(most, held.second);
    elements *= static_cast<uint64_t>(v[i]);
    blocks *= most;
  }
  return facts.tensors[tensor].wholeBytes(elements, blocks);
}

/// A transfer for every box of v: whole ones, and what is left at the ends.
NestModel::Moves NestModel::countMoves(int tensor, const Vector &v, int outer,
                                       int inner) const {
  // Boxes that differ in ranks of the tensor, by their elements and blocks; and
  // how often each comes again.
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> boxes = {{{1, 1}, 1}};
  uint64_t visits = 1;
  for (size_t i = 0; i < v.size(); ++i) {
    auto extent = static_cast<uint64_t>(facts.ranks[ranks[i]].extent);
    auto tile = static_cast<uint64_t>(v[i]);
    if (!uses(tensor, i)) {
      visits *= llvm::divideCeil(extent, tile);
      continue;
    }
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> more;
    for (const auto &[box, count] : boxes)
      for (const auto &[side, times] : tilesAlong(tensor, i, v[i]))
        more[{box.first * side.first, box.second * side.second}] +=
            count * times;
    boxes = std::move(more);
  }
  // The first visit of an output finds nothing to continue.
  uint64_t in = isWritten(tensor) ? visits - 1 : visits,
           out = isWritten(tensor) ? visits : 0;
  Moves moves;
  const TensorFact &fact = facts.tensors[tensor];
  int near = inner < 0 ? outer : inner;
  for (const auto &[box, count] : boxes) {
    // What the leaf takes has its share of scales.
    uint64_t bytes = inner < 0 ? fact.bytes(box.first)
                               : fact.wholeBytes(box.first, box.second);
    uint64_t there = llvm::divideCeil(bytes, arch.levels[outer].accessBytes),
             here = llvm::divideCeil(bytes, arch.levels[near].accessBytes);
    moves.in += count * in * bytes;
    moves.out += count * out * bytes;
    moves.inAt += count * in * there;
    moves.outAt += count * out * there;
    moves.inHere += count * in * here;
    moves.outHere += count * out * here;
  }
  return moves;
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

z3::expr NestModel::flag(const std::string &name) {
  std::string full = facts.einsums[einsum].name + "." + name;
  return z3.bool_const(full.c_str());
}

z3::expr NestModel::number(double value) {
  char text[64];
  snprintf(text, sizeof text, "%.9f", value);
  return z3.real_val(text);
}

static void exactlyOne(z3::solver &solver, const std::vector<z3::expr> &flags,
                       z3::context &z3) {
  z3::expr_vector all(z3);
  for (const z3::expr &flag : flags)
    all.push_back(flag);
  solver.add(z3::atmost(all, 1));
  solver.add(z3::mk_or(all));
}

void NestModel::build(z3::solver &solver, const std::vector<int> &homeLevels) {
  constrainPath(solver);
  constrainHolders(solver, homeLevels);
  constrainLatches(solver, homeLevels);
}

void NestModel::constrainPath(z3::solver &solver) {
  for (size_t k = 0; k < slots(); ++k) {
    std::vector<z3::expr> choice;
    for (size_t i = 0; i < vectors.size(); ++i)
      choice.push_back(
          flag("at" + std::to_string(k) + "." + std::to_string(i)));
    exactlyOne(solver, choice, z3);
    at.push_back(std::move(choice));
  }
  size_t top = 0;
  for (size_t i = 0; i < vectors.size(); ++i)
    for (size_t r = 0, n = 0; r < ranks.size(); ++r)
      if (vectors[i][r] == facts.ranks[ranks[r]].extent && ++n == ranks.size())
        top = i;
  solver.add(at[0][top]);
  for (size_t k = 0; k + 1 < slots(); ++k)
    for (size_t i = 0; i < vectors.size(); ++i) {
      z3::expr_vector next(z3);
      next.push_back(at[k + 1][i]);
      for (size_t j = 0; j < vectors.size(); ++j)
        if (follows(vectors[i], vectors[j]))
          next.push_back(at[k + 1][j]);
      solver.add(z3::implies(at[k][i], z3::mk_or(next)));
      // Once nothing is divided, nothing is divided again.
      if (k + 2 < slots())
        solver.add(z3::implies(at[k][i] && at[k + 1][i], at[k + 2][i]));
    }
  // What is left at the end goes to the units of the array.
  for (size_t i = 0; i < vectors.size(); ++i)
    if (!canDeal(vectors[i]))
      solver.add(!at[slots() - 1][i]);
}

/// Each rank to dimensions that have units left for it, in equal parts.
static bool canDealFrom(std::vector<int64_t> &left, std::vector<int64_t> &units,
                        size_t rank, size_t dim) {
  if (rank == left.size())
    return true;
  if (dim == units.size())
    return left[rank] == 1 && canDealFrom(left, units, rank + 1, 0);
  int64_t tile = left[rank], room = units[dim];
  bool can = false;
  for (int64_t part = std::min(tile, room); part >= 1 && !can; --part) {
    if (tile % part != 0)
      continue;
    left[rank] = tile / part;
    units[dim] = room / part;
    can = canDealFrom(left, units, rank, dim + 1);
  }
  left[rank] = tile;
  units[dim] = room;
  return can;
}

bool NestModel::canDeal(const Vector &v) const {
  std::vector<int64_t> left = v, units;
  for (const arch::ArrayDim &dim : arch.arrays[array].dims)
    units.push_back(static_cast<int64_t>(dim.size));
  return canDealFrom(left, units, 0, 0);
}

bool NestModel::isAtOrBelow(size_t level, int home) const {
  auto position = llvm::find(levels, home);
  return position == levels.end() ||
         static_cast<size_t>(position - levels.begin()) >= level;
}

/// Each tensor at most once per level, outer levels first.
void NestModel::constrainHolders(z3::solver &solver,
                                 const std::vector<int> &homeLevels) {
  for (int t : touched) {
    std::vector<z3::expr> home;
    for (size_t k = 0; k < slots(); ++k)
      home.push_back(
          flag("home" + std::to_string(t) + "." + std::to_string(k)));
    exactlyOne(solver, home, z3);
    if (homeLevels[t] == 0)
      solver.add(home[0]);
    for (size_t k = 0; k < slots(); ++k)
      homes.emplace(std::make_pair(t, k), home[k]);
    for (size_t l = 1; l < levels.size(); ++l) {
      z3::expr_vector here(z3);
      for (size_t k = 0; k < slots(); ++k) {
        z3::expr is = flag("held" + std::to_string(t) + "." +
                           std::to_string(levels[l]) + "." + std::to_string(k));
        held.emplace(std::make_tuple(t, levels[l], k), is);
        here.push_back(is);
        if (isAtOrBelow(l, homeLevels[t])) {
          solver.add(!is);
          continue;
        }
        // Below its home, and not above a place where nothing stands.
        for (size_t above = k + 1; above < slots(); ++above)
          solver.add(!(is && home[above]));
        for (size_t outer = 1; outer < l; ++outer)
          for (size_t above = k + 1; above < slots(); ++above)
            solver.add(!(is && held.at({t, levels[outer], above})));
        if (k > 0)
          solver.add(z3::implies(is, !isIdle(k - 1)));
      }
      solver.add(z3::atmost(here, 1));
    }
  }
}

z3::expr NestModel::isIdle(size_t k) {
  z3::expr_vector same(z3);
  for (size_t i = 0; i < vectors.size(); ++i)
    same.push_back(at[k][i] && at[k + 1][i]);
  return z3::mk_or(same);
}

z3::expr NestModel::isLoop(size_t k, int rank, int64_t tile) {
  z3::expr_vector steps(z3);
  size_t position = llvm::find(ranks, rank) - ranks.begin();
  for (size_t i = 0; i < vectors.size(); ++i)
    for (size_t j = 0; j < vectors.size(); ++j)
      if (position < ranks.size() && vectors[j][position] == tile &&
          vectors[i][position] != tile && follows(vectors[i], vectors[j]))
        steps.push_back(at[k][i] && at[k + 1][j]);
  return steps.empty() ? z3.bool_val(false) : z3::mk_or(steps);
}

/// Where the tensor's innermost holder or home stands, or the last loop below
/// it that the tensor uses ends.
void NestModel::constrainLatches(z3::solver &solver,
                                 const std::vector<int> &homeLevels) {
  for (int t : touched) {
    std::vector<z3::expr> changes; // loop k uses t
    for (size_t k = 0; k + 1 < slots(); ++k) {
      z3::expr_vector steps(z3);
      for (size_t r = 0; r < ranks.size(); ++r)
        if (uses(t, r) || arch.accounting.everyRun)
          for (size_t i = 0; i < vectors.size(); ++i)
            for (size_t j = 0; j < vectors.size(); ++j)
              if (vectors[i][r] != vectors[j][r] &&
                  follows(vectors[i], vectors[j]))
                steps.push_back(at[k][i] && at[k + 1][j]);
      z3::expr is = flag("uses" + std::to_string(t) + "." + std::to_string(k));
      solver.add(is == (steps.empty() ? z3.bool_val(false) : z3::mk_or(steps)));
      changes.push_back(is);
    }
    for (size_t k = 0; k < slots(); ++k) {
      // Something of t stands at k, or the loop that ends there uses it; and
      // nothing of the kind further in.
      auto standsAt = [&](size_t slot) {
        z3::expr_vector any(z3);
        any.push_back(homes.at({t, slot}));
        for (size_t l = 1; l < levels.size(); ++l)
          any.push_back(held.at({t, levels[l], slot}));
        if (slot > 0)
          any.push_back(changes[slot - 1]);
        return z3::mk_or(any);
      };
      z3::expr is = flag("last" + std::to_string(t) + "." + std::to_string(k));
      z3::expr_vector all(z3);
      all.push_back(standsAt(k));
      for (size_t inner = k + 1; inner < slots(); ++inner)
        all.push_back(!standsAt(inner));
      solver.add(is == z3::mk_and(all));
      last.emplace(std::make_pair(t, k), is);
    }
  }
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// `inner` -1: a leaf, which has no level of its own.
double NestModel::priceOf(const Moves &moves, const Prices &prices, int outer,
                          int inner) {
  auto times = [](uint64_t count, double price) {
    return static_cast<double>(count) * price;
  };
  double price = times(moves.in, prices.readByte[outer]) +
                 times(moves.inAt, prices.readAccess[outer]) +
                 times(moves.out, prices.writeByte[outer]) +
                 times(moves.outAt, prices.writeAccess[outer]);
  if (inner >= 0)
    price += times(moves.in, prices.writeByte[inner]) +
             times(moves.inHere, prices.writeAccess[inner]) +
             times(moves.out, prices.readByte[inner]) +
             times(moves.outHere, prices.readAccess[inner]);
  return price;
}

void NestModel::chargeAt(z3::solver &solver, const z3::expr &when, size_t k,
                         int tensor, int outer, int inner, const Prices &prices,
                         const z3::expr &part) {
  for (size_t i = 0; i < vectors.size(); ++i) {
    Moves moves = countMoves(tensor, vectors[i], outer, inner);
    double price = priceOf(moves, prices, outer, inner);
    if (price > 0)
      solver.add(z3::implies(when && at[k][i], part >= number(price)));
  }
}

z3::expr NestModel::chargeMoves(z3::solver &solver, const Prices &prices,
                                const std::vector<int> &homeLevels) {
  z3::expr_vector parts(z3);
  for (int t : touched) {
    // Levels where it may be, its home first; which are next to one another.
    std::vector<int> places = {homeLevels[t]};
    for (size_t l = 1; l < levels.size(); ++l)
      if (!isAtOrBelow(l, homeLevels[t]))
        places.push_back(levels[l]);
    auto isKept = [&](size_t p) {
      z3::expr_vector any(z3);
      for (size_t k = 0; k < slots(); ++k)
        any.push_back(held.at({t, places[p], k}));
      return z3::mk_or(any);
    };
    auto parentOf = [&](size_t p, size_t parent) {
      z3::expr_vector all(z3);
      if (parent > 0)
        all.push_back(isKept(parent));
      for (size_t between = parent + 1; between < p; ++between)
        all.push_back(!isKept(between));
      return all.empty() ? z3.bool_val(true) : z3::mk_and(all);
    };
    for (size_t p = 1; p <= places.size(); ++p) {
      std::string name = facts.einsums[einsum].name + ".cost" +
                         std::to_string(t) + "." + std::to_string(p) + "." +
                         std::to_string(charges++);
      z3::expr part = z3.real_const(name.c_str());
      solver.add(part >= 0);
      parts.push_back(part);
      bool isLeaf = p == places.size();
      for (size_t parent = 0; parent < p; ++parent) {
        z3::expr is = parentOf(p, parent);
        for (size_t k = 0; k < slots(); ++k)
          chargeAt(solver,
                   is &&
                       (isLeaf ? last.at({t, k}) : held.at({t, places[p], k})),
                   k, t, places[parent], isLeaf ? -1 : places[p], prices, part);
      }
    }
  }
  return parts.empty() ? z3.real_val(0) : z3::sum(parts);
}

z3::expr NestModel::chargeHome(z3::solver &solver, int tensor, int level,
                               const Prices &prices) {
  std::string name = facts.einsums[einsum].name + ".home" +
                     std::to_string(tensor) + "." + std::to_string(charges++);
  z3::expr part = z3.real_const(name.c_str());
  solver.add(part >= 0);
  for (size_t k = 0; k < slots(); ++k)
    chargeAt(solver, homes.at({tensor, k}), k, tensor, /*outer=*/0, level,
             prices, part);
  return part;
}

z3::expr NestModel::chargeRuns(z3::solver &solver, double cyclesPerRun) {
  z3::expr cycles =
      z3.real_const((facts.einsums[einsum].name + ".cycles").c_str());
  for (size_t i = 0; i < vectors.size(); ++i) {
    double runs = 1;
    for (size_t r = 0; r < ranks.size(); ++r)
      runs *= static_cast<double>(
          llvm::divideCeil(static_cast<uint64_t>(facts.ranks[ranks[r]].extent),
                           static_cast<uint64_t>(vectors[i][r])));
    solver.add(
        z3::implies(at[slots() - 1][i], cycles >= number(runs * cyclesPerRun)));
  }
  return cycles;
}

z3::expr NestModel::bytesAt(int tensor, const z3::expr &when, size_t k) {
  z3::expr_vector parts(z3);
  for (size_t i = 0; i < vectors.size(); ++i)
    parts.push_back(z3::ite(when && at[k][i],
                            z3.int_val(bytesOfTile(tensor, vectors[i])),
                            z3.int_val(0)));
  return z3::sum(parts);
}

z3::expr NestModel::bytesHeld(int tensor, int level, size_t k) {
  return bytesAt(tensor, held.at({tensor, level, k}), k);
}

z3::expr NestModel::bytesHeld(int tensor, int level) {
  z3::expr_vector parts(z3);
  for (size_t k = 0; k < slots(); ++k)
    parts.push_back(bytesHeld(tensor, level, k));
  return z3::sum(parts);
}

z3::expr NestModel::bytesOfHome(int tensor) {
  z3::expr_vector parts(z3);
  for (size_t k = 0; k < slots(); ++k)
    parts.push_back(bytesAt(tensor, homes.at({tensor, k}), k));
  return z3::sum(parts);
}
