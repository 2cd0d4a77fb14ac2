//===- GenerateSchedule.cpp - Random loop trees ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the root down for a set of Einsums: hold some tensors at a level, loop
// over a rank that some of them have, or, with several Einsums left, make them
// children of a sequence or a pipeline; with one left, loop until its ranks are
// points, in time and across the array. Every choice is random: which tensors
// are held where, which levels are passed by, tiles (that need not divide),
// copies, halos, lags.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Generator.h"

using namespace einsum::agreement;

/// The names that a node holds, not just passes on.
std::vector<std::string> Generator::heldBy(const Tree &node) {
  if (node.kind != TreeKind::storage || node.passthrough)
    return {};
  return node.tensors;
}

/// Fills before what uses them, drains behind, in splits that have both a
/// near and a far place for a tensor. The verifier knows which are in order.
void Generator::addTransfers(Tree &node, Counts holders) {
  for (const std::string &tensor : heldBy(node))
    ++holders[tensor];
  for (Tree &child : node.children)
    addTransfers(child, holders);
  if (!node.isSplit())
    return;
  for (bool first : {true, false}) {
    if (!chance(25))
      continue;
    Tree transfer;
    transfer.kind = TreeKind::transfer;
    transfer.engine = pickOf(c.engines).name;
    for (const auto &[tensor, count] : holders)
      if (count > 1 && isMoved(node, tensor, first) && chance(70))
        transfer.tensors.push_back(tensor);
    if (transfer.tensors.empty())
      continue;
    int64_t apart = chance(85) ? 1 : pick(0, 2);
    int64_t longest = 0;
    for (int64_t &lag : node.lags) {
      lag += first ? apart : 0;
      longest = std::max(longest, lag);
    }
    if (node.kind == TreeKind::pipeline)
      node.lags.insert(first ? node.lags.begin() : node.lags.end(),
                       first ? 0 : longest + apart);
    node.children.insert(first ? node.children.begin() : node.children.end(),
                         transfer);
  }
}

/// Whether there is, most likely, something to fetch, or to deliver.
bool Generator::isMoved(const Tree &node, const std::string &tensor,
                        bool fetched) {
  bool reads = false, makes = false;
  for (size_t i = 0; i < c.einsums.size(); ++i) {
    std::vector<std::string> names = tensorsOf(i);
    if (!contains(node, c.einsums[i].name) ||
        std::find(names.begin(), names.end(), tensor) == names.end())
      continue;
    (c.einsums[i].name == tensor ? makes : reads) = true;
  }
  return fetched ? reads && !makes : makes;
}

bool Generator::contains(const Tree &node, const std::string &einsum) {
  return node.einsum == einsum ||
         std::any_of(
             node.children.begin(), node.children.end(),
             [&](const Tree &child) { return contains(child, einsum); });
}

/// Steps of a recurrence are not all used equally often.
/// Tiles that lie near in part, in one another's place, or a window at a
/// time.
void Generator::addSpace(Tree &node, Counts holders) {
  bool backed = node.kind == TreeKind::storage && !node.passthrough;
  for (const std::string &tensor : heldBy(node))
    backed &= holders[tensor]++ > 0;
  if (backed && chance(in(Focus::units, 35, 10)) && node.halo.empty())
    node.resident = pick(1, 8);
  if (backed && node.tensors.size() > 1 && chance(15))
    node.shared = true;
  if (node.kind == TreeKind::storage && !node.shared && chance(10)) {
    std::vector<int> ranks = ranksOf(node.tensors.front());
    for (const std::string &tensor : node.tensors)
      ranks.erase(std::remove_if(ranks.begin(), ranks.end(),
                                 [&](int rank) { return !has(tensor, rank); }),
                  ranks.end());
    if (!ranks.empty() && holders.size() > 0) {
      node.streamRank = pickOf(ranks);
      node.depth = pick(1, 4);
    }
  }
  for (Tree &child : node.children)
    addSpace(child, holders);
}

std::vector<int> Generator::iterationOf(const CaseEinsum &einsum) {
  std::vector<int> ranks = einsum.out;
  ranks.insert(ranks.end(), einsum.reduced.begin(), einsum.reduced.end());
  return ranks;
}

std::vector<std::string> Generator::tensorsOf(int einsum) {
  std::vector<std::string> names = {c.einsums[einsum].name};
  for (const CaseRead &read : c.einsums[einsum].reads)
    if (std::find(names.begin(), names.end(), read.tensor) == names.end())
      names.push_back(read.tensor);
  return names;
}

void Generator::makeTree() {
  Tiles tiles;
  for (const CaseRank &rank : c.ranks)
    tiles.push_back(rank.extent);
  std::vector<int> all;
  for (size_t i = 0; i < c.einsums.size(); ++i) {
    all.push_back(i);
    arrayOf.push_back(pickOf(c.arrays).name);
  }
  Tree root;
  root.kind = TreeKind::storage;
  root.level = "DRAM";
  std::set<std::string> held;
  for (const CaseInput &input : c.inputs)
    held.insert(input.name);
  for (const std::string &output : c.outputs)
    held.insert(output);
  for (const CaseEinsum &einsum : c.einsums)
    if (chance(in(Focus::recurrences, 60, 35)))
      held.insert(einsum.name);
  // An input that nothing reads has no place.
  for (const std::string &name : held)
    if (isTouched(name))
      root.tensors.push_back(name);
  root.children.push_back(second == Focus::halos
                              ? makeFused(all, tiles, held)
                              : makeSubtree(all, tiles, held, 0));
  c.tree = std::move(root);
}

/// Loops over what the reader of a windowed tensor iterates, and nodes that
/// hold other things, around one in which production follows it.
Tree Generator::makeFused(const std::vector<int> &all, Tiles tiles,
                          std::set<std::string> held) {
  std::vector<Tree> chain;
  for (int loops = pick(1, 3); loops > 0; --loops) {
    std::vector<int> ranks;
    for (int rank : iterationOf(c.einsums[chance(80) ? 1 : 0]))
      if (!isWindow(rank) && tiles[rank] > 1)
        ranks.push_back(rank);
    if (!ranks.empty())
      chain.push_back(makeLoop(pickOf(ranks), tiles, true));
    if (chance(25)) {
      Tree node = makeStorage(all, {}, held);
      if (node.tensors.empty())
        continue;
      if (chance(70))
        node.halo.clear();
      chain.push_back(node);
    }
  }
  std::set<std::string> needed = {"T0"};
  Tree node = makeStorage(all, needed, held);
  auto isOutput = [&](const std::string &tensor) {
    return std::find(c.outputs.begin(), c.outputs.end(), tensor) !=
           c.outputs.end();
  };
  node.tensors.erase(
      std::remove_if(node.tensors.begin(), node.tensors.end(), isOutput),
      node.tensors.end());
  for (const std::string &output : c.outputs)
    held.insert(output);
  node.halo = chance(50) ? "retained" : "recomputed";
  chain.push_back(node);
  Tree inner = chance(25) ? makeSubtree(all, tiles, held, 3)
                          : makeSplit(all, tiles, held, 3);
  for (; !chain.empty(); chain.pop_back()) {
    chain.back().children.push_back(std::move(inner));
    inner = std::move(chain.back());
  }
  return inner;
}

bool Generator::isTouched(const std::string &tensor) {
  for (size_t i = 0; i < c.einsums.size(); ++i)
    for (const std::string &name : tensorsOf(i))
      if (name == tensor)
        return true;
  return false;
}

/// A storage node for some of the tensors that the Einsums touch; all of
/// `needed` among them.
Tree Generator::makeStorage(const std::vector<int> &einsums,
                            const std::set<std::string> &needed,
                            std::set<std::string> &held) {
  Tree node;
  node.kind = TreeKind::storage;
  node.level = pickOf(shared);
  if (needed.empty() && einsums.size() == 1 && chance(25))
    for (const CaseLevel &level : c.levels)
      if (level.per == arrayOf[einsums.front()])
        node.level = level.name;
  std::set<std::string> tensors = needed;
  for (int einsum : einsums)
    for (const std::string &tensor : tensorsOf(einsum))
      if (chance(30))
        tensors.insert(tensor);
  node.tensors.assign(tensors.begin(), tensors.end());
  shuffle(node.tensors);
  if (chance(12))
    node.buffers = pick(2, 3);
  if (needed.empty() && chance(5))
    node.passthrough = true;
  else
    held.insert(tensors.begin(), tensors.end());
  if (!node.passthrough && chance(12))
    node.halo = chance(50) ? "retained" : "recomputed";
  if (node.halo.empty() && !windows.empty() && chance(35))
    for (const std::string &tensor : node.tensors)
      if (hasWindow(tensor))
        node.halo = chance(50) ? "retained" : "recomputed";
  // Production follows the demand of leaves below, through a window, and
  // makes nothing else.
  for (int einsum : einsums)
    if (std::find(node.tensors.begin(), node.tensors.end(),
                  c.einsums[einsum].name) != node.tensors.end() &&
        (!isOnlyReadBy(einsums, einsum) || c.einsums[einsum].isRecurrence() ||
         !hasWindow(c.einsums[einsum].name)))
      node.halo.clear();
  return node;
}

/// True if others of these Einsums, and nobody else, read what `made` makes.
bool Generator::isOnlyReadBy(const std::vector<int> &einsums, int made) {
  const std::string &tensor = c.einsums[made].name;
  if (std::find(c.outputs.begin(), c.outputs.end(), tensor) != c.outputs.end())
    return false;
  bool isRead = false;
  for (size_t i = 0; i < c.einsums.size(); ++i)
    for (const CaseRead &read : c.einsums[i].reads) {
      if (read.tensor != tensor || static_cast<int>(i) == made)
        continue;
      if (std::find(einsums.begin(), einsums.end(), i) == einsums.end())
        return false;
      // Through the window, or all of it is demanded always.
      for (const std::string &index : read.index)
        if (index == "h")
          return false;
      isRead = true;
    }
  return isRead;
}

Tree Generator::makeLoop(int rank, Tiles &tiles, bool mayKeep) {
  Tree node;
  node.kind = TreeKind::temporal;
  node.rank = rank;
  node.tile = chance(60) ? pick(1, std::max<int64_t>(1, tiles[rank] - 1))
                         : pick(1, tiles[rank]);
  if (!mayKeep && chance(40))
    node.tile = 1;
  tiles[rank] = std::min(tiles[rank], node.tile);
  return node;
}

Tree Generator::makeSubtree(std::vector<int> einsums, Tiles tiles,
                            std::set<std::string> held, int depth) {
  if (einsums.size() == 1)
    return makeNest(einsums.front(), tiles, held);
  int choice = pick(0, 99);
  if (choice < 45 && depth < 5) {
    // A loop that several Einsums share.
    std::vector<int> ranks = iterationOf(c.einsums[pickOf(einsums)]);
    if (!ranks.empty()) {
      int rank = pickOf(ranks);
      if (tiles[rank] > 1 || chance(10)) {
        Tree loop = makeLoop(rank, tiles, true);
        loop.children.push_back(makeSubtree(einsums, tiles, held, depth + 1));
        return loop;
      }
    }
  }
  if (choice < 70 && depth < 6) {
    Tree node = makeStorage(einsums, {}, held);
    if (!node.tensors.empty()) {
      node.children.push_back(makeSubtree(einsums, tiles, held, depth + 1));
      return node;
    }
  }
  return makeSplit(einsums, tiles, held, depth);
}

Tree Generator::makeSplit(const std::vector<int> &einsums, const Tiles &tiles,
                          std::set<std::string> held, int depth) {
  // Consecutive groups, so that producers come first.
  std::vector<std::vector<int>> groups(1);
  for (int einsum : einsums) {
    if (!groups.back().empty() && (chance(65) || einsum == einsums.back()))
      if (groups.size() == 1 || chance(80))
        groups.emplace_back();
    groups.back().push_back(einsum);
  }
  if (groups.size() == 1) {
    groups.assign(2, {});
    for (size_t i = 0; i < einsums.size(); ++i)
      groups[i > 0].push_back(einsums[i]);
  }
  // What children pass to one another needs a place around them.
  std::set<std::string> needed;
  for (int einsum : einsums)
    if (!held.count(c.einsums[einsum].name))
      for (const std::vector<int> &group : groups)
        if (std::find(group.begin(), group.end(), einsum) == group.end())
          for (int other : group)
            for (const std::string &tensor : tensorsOf(other))
              if (tensor == c.einsums[einsum].name)
                needed.insert(tensor);
  Tree split;
  bool pipelined = chance(35);
  split.kind = pipelined ? TreeKind::pipeline : TreeKind::sequence;
  std::optional<Tree> storage;
  if (!needed.empty())
    storage = makeStorage(einsums, needed, held);
  int64_t lag = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (pipelined)
      for (int einsum : groups[g])
        arrayOf[einsum] = arrayOf[groups[g].front()];
    split.children.push_back(makeSubtree(groups[g], tiles, held, depth + 1));
    lag += g > 0 ? (chance(70) ? 1 : pick(0, 2)) : 0;
    split.lags.push_back(lag);
  }
  if (!storage)
    return split;
  storage->children.push_back(std::move(split));
  return std::move(*storage);
}

/// Loops and storage nodes for one Einsum; spatial loops mostly last.
Tree Generator::makeNest(int einsum, Tiles tiles, std::set<std::string> held) {
  std::vector<Tree> chain;
  const CaseEinsum &info = c.einsums[einsum];
  std::vector<int> left;
  for (int rank : iterationOf(info))
    if (tiles[rank] > 1)
      left.push_back(rank);
  if (!held.count(info.name)) {
    Tree node = makeStorage({einsum}, {info.name}, held);
    chain.push_back(node);
  }
  std::vector<std::string> dims;
  std::vector<int64_t> sizes;
  for (const CaseArray &array : c.arrays)
    if (array.name == arrayOf[einsum])
      for (const auto &[name, size, multicast, reduction] : array.dims) {
        dims.push_back(name);
        sizes.push_back(size);
      }
  std::vector<Tree> spatial;
  for (size_t d = 0; d < dims.size() && !left.empty(); ++d) {
    if (!chance(in(Focus::units, 85, 60)))
      continue;
    do { // sometimes several along one dimension
      int rank = pickOf(left);
      Tree node;
      node.kind = TreeKind::spatial;
      node.rank = rank;
      node.dim = dims[d];
      node.tile = -1; // one, or what is left for loops below
      spatial.push_back(node);
      left.erase(std::find(left.begin(), left.end(), rank));
    } while (chance(35) && !left.empty());
  }
  if (chance(20)) // their order counts where places matter
    shuffle(spatial);
  std::vector<int> timed = left;
  for (const Tree &node : spatial)
    if (chance(40))
      timed.push_back(node.rank);
  shuffle(timed);
  std::vector<int> twice;
  for (int rank : timed)
    if (chance(30))
      twice.push_back(rank);
  timed.insert(timed.begin(), twice.begin(), twice.end());
  if (chance(25))
    shuffle(timed);
  if (chance(8) && !timed.empty()) // a loop over a rank of no use
    timed.push_back(pick(0, c.ranks.size() - 1));
  auto isSpatial = [&](int rank) {
    return std::any_of(spatial.begin(), spatial.end(),
                       [&](const Tree &node) { return node.rank == rank; });
  };
  for (size_t i = 0; i < timed.size(); ++i) {
    bool again = std::count(timed.begin() + i + 1, timed.end(), timed[i]) > 0 ||
                 isSpatial(timed[i]);
    Tree loop = makeLoop(timed[i], tiles, true);
    if (!again) {
      loop.tile = 1;
      tiles[timed[i]] = 1;
    }
    chain.push_back(loop);
    if (chance(in(Focus::recurrences, 55, 35))) {
      Tree node = makeStorage({einsum}, {}, held);
      if (!node.tensors.empty())
        chain.push_back(node);
    }
  }
  std::map<std::string, int64_t> used; // units
  auto mayUse = [&](const Tree &node, int64_t around) {
    int64_t &units = used.emplace(node.dim, 1).first->second;
    int64_t steps = (around + node.tile - 1) / node.tile,
            size = sizes[std::find(dims.begin(), dims.end(), node.dim) -
                         dims.begin()];
    if (units * steps > size)
      return false;
    units *= steps;
    return true;
  };
  for (Tree &node : spatial) {
    node.tile = 1;
    if (tiles[node.rank] > 2 && chance(in(Focus::units, 60, 20)))
      node.tile = pick(1, 2);
    if (!mayUse(node, tiles[node.rank])) {
      tail.push_back(node.rank); // in steps
      continue;
    }
    bool rest = node.tile > 1;
    int rank = node.rank;
    // Units may also stand above what else is done in time.
    if (second == Focus::units && chance(40))
      chain.insert(chain.begin() + pick(0, chain.size()), node);
    else
      chain.push_back(node);
    if (Tree second = node; rest && chance(15)) { // the same rank again
      second.dim = pickOf(dims);
      second.tile = 1;
      if (mayUse(second, node.tile)) {
        chain.push_back(second);
        rest = false;
      }
    }
    if (chance(in(Focus::units, 40, 10))) {
      Tree storage = makeStorage({einsum}, {}, held);
      if (!storage.tensors.empty())
        chain.push_back(storage);
    }
    if (rest)
      tail.push_back(rank);
  }
  for (int rank : tail) {
    Tree loop;
    loop.kind = TreeKind::temporal;
    loop.rank = rank;
    loop.tile = 1;
    chain.push_back(loop);
  }
  tail.clear();
  Tree leaf;
  leaf.kind = TreeKind::leaf;
  leaf.einsum = info.name;
  leaf.array = arrayOf[einsum];
  leaf.chained = chance(15);
  for (; !chain.empty(); chain.pop_back()) {
    chain.back().children.push_back(std::move(leaf));
    leaf = std::move(chain.back());
  }
  return leaf;
}
