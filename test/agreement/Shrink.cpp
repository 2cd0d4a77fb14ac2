//===- Shrink.cpp - The smallest case that still differs ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Greedy: every way of making the case a little smaller is tried, the first
// that still differs is taken, and so on until none is left. A case that became
// illegal does not differ, so steps need not be careful.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Case.h"

#include <algorithm>
#include <functional>
#include <utility>

using namespace einsum::agreement;

namespace {

using Try = std::function<bool(const Case &)>;

/// Calls `act` for every node of the tree.
void forEachNode(Tree &tree, const std::function<void(Tree &)> &act) {
  act(tree);
  for (Tree &child : tree.children)
    forEachNode(child, act);
}

size_t countNodes(Case &c) {
  size_t count = 0;
  forEachNode(c.tree, [&](Tree &) { ++count; });
  return count;
}

/// The case with one change to its n-th node; false if that was none.
bool changeNode(Case c, size_t n, const std::function<bool(Tree &)> &change,
                const Try &attempt) {
  size_t at = 0;
  bool changed = false;
  forEachNode(c.tree, [&](Tree &node) {
    if (at++ == n)
      changed = change(node);
  });
  return changed && attempt(c);
}

bool removeNode(Tree &node) {
  if (node.children.size() != 1 || node.kind == TreeKind::leaf)
    return false;
  Tree child = std::move(node.children.front());
  node = std::move(child);
  return true;
}

/// The first transfer of a split goes.
bool removeTransfer(Tree &node) {
  for (size_t i = 0; i < node.children.size(); ++i)
    if (node.children[i].kind == TreeKind::transfer) {
      node.children.erase(node.children.begin() + i);
      if (node.kind == TreeKind::pipeline)
        node.lags.erase(node.lags.begin() + i);
      return true;
    }
  return false;
}

/// Leaves of an Einsum go, and splits with one child.
void dropEinsum(Tree &tree, const std::string &name) {
  std::vector<Tree> kept;
  for (Tree &child : tree.children) {
    dropEinsum(child, name);
    bool empty = child.kind == TreeKind::leaf       ? child.einsum == name
                 : child.kind == TreeKind::transfer ? child.tensors.empty()
                                                    : child.children.empty();
    if (!empty)
      kept.push_back(std::move(child));
    else if (tree.kind == TreeKind::pipeline)
      tree.lags.erase(tree.lags.begin() + kept.size());
  }
  tree.children = std::move(kept);
}

void dropTensor(Tree &tree, const std::string &name) {
  forEachNode(tree, [&](Tree &node) {
    node.tensors.erase(
        std::remove(node.tensors.begin(), node.tensors.end(), name),
        node.tensors.end());
  });
}

class Shrinker {
public:
  Shrinker(Case c, uint64_t seed, std::string kind)
      : best(std::move(c)), seed(seed), kind(std::move(kind)) {}

  Case run() {
    for (int round = 0; round < 200 && tries < 4000; ++round)
      if (!dropLastEinsum() && !changeTree() && !changeExtents() &&
          !changeEinsums() && !changeMachine())
        break;
    return best;
  }

private:
  bool attempt(Case c) {
    ++tries;
    c.deriveExtents();
    if (check(c, seed).kind != kind)
      return false;
    best = std::move(c);
    return true;
  }

  bool dropLastEinsum() {
    for (size_t i = best.einsums.size(); i-- > 0;) {
      if (best.einsums.size() < 2)
        return false;
      Case c = best;
      std::string name = c.einsums[i].name;
      // As an input, for those who read it.
      CaseInput input{name, c.einsums[i].out, /*storage=*/{}};
      bool isRead = false;
      for (const CaseEinsum &einsum : c.einsums)
        for (const CaseRead &read : einsum.reads)
          isRead |= einsum.name != name && read.tensor == name;
      c.einsums.erase(c.einsums.begin() + i);
      c.outputs.erase(std::remove(c.outputs.begin(), c.outputs.end(), name),
                      c.outputs.end());
      if (c.outputs.empty())
        c.outputs.push_back(c.einsums.back().name);
      for (const std::string &output : c.outputs)
        if (std::find(c.tree.tensors.begin(), c.tree.tensors.end(), output) ==
            c.tree.tensors.end())
          c.tree.tensors.push_back(output);
      if (isRead) {
        c.inputs.push_back(input);
        if (std::find(c.tree.tensors.begin(), c.tree.tensors.end(), name) ==
            c.tree.tensors.end())
          c.tree.tensors.push_back(name);
      } else {
        dropTensor(c.tree, name);
      }
      dropEinsum(c.tree, name);
      dropUnread(c);
      if (attempt(c))
        return true;
    }
    return false;
  }

  static void dropUnread(Case &c) {
    std::vector<CaseInput> kept;
    for (const CaseInput &input : c.inputs) {
      bool isRead = false;
      for (const CaseEinsum &einsum : c.einsums)
        for (const CaseRead &read : einsum.reads)
          isRead |= read.tensor == input.name;
      if (isRead)
        kept.push_back(input);
      else
        dropTensor(c.tree, input.name);
    }
    c.inputs = kept;
  }

  bool changeTree() {
    auto tryAll = [&](const std::function<bool(Tree &)> &change) {
      for (size_t n = 0; n < countNodes(best); ++n)
        if (changeNode(best, n, change,
                       [&](const Case &c) { return attempt(c); }))
          return true;
      return false;
    };
    if (tryAll(removeNode) || tryAll(removeTransfer))
      return true;
    size_t widest = 0;
    forEachNode(best.tree, [&](Tree &node) {
      widest = std::max(widest, node.tensors.size());
    });
    for (size_t t = 0; t < widest; ++t)
      if (tryAll([&](Tree &node) {
            if (t >= node.tensors.size() || node.tensors.size() < 2)
              return false;
            node.tensors.erase(node.tensors.begin() + t);
            return true;
          }))
        return true;
    const std::vector<std::function<bool(Tree &)>> changes = {
        [](Tree &node) { return std::exchange(node.buffers, 1) != 1; },
        [](Tree &node) { return std::exchange(node.passthrough, false); },
        [](Tree &node) { return std::exchange(node.shared, false); },
        [](Tree &node) { return std::exchange(node.streamRank, -1) >= 0; },
        [](Tree &node) {
          bool changed = node.resident.has_value();
          node.resident.reset();
          return changed;
        },
        [](Tree &node) { return std::exchange(node.chained, false); },
        [](Tree &node) { return !std::exchange(node.halo, "").empty(); },
        [](Tree &node) {
          if (node.kind != TreeKind::pipeline)
            return false;
          node.kind = TreeKind::sequence;
          return true;
        },
        [](Tree &node) {
          if (node.kind != TreeKind::spatial)
            return false;
          node.kind = TreeKind::temporal;
          return true;
        }};
    return llvm_any(changes, tryAll);
  }

  static bool llvm_any(
      const std::vector<std::function<bool(Tree &)>> &changes,
      const std::function<bool(const std::function<bool(Tree &)> &)> &tryAll) {
    return std::any_of(changes.begin(), changes.end(), tryAll);
  }

  bool changeExtents() {
    for (size_t r = 0; r < best.ranks.size(); ++r)
      for (int64_t extent : {int64_t{1}, best.ranks[r].extent - 1}) {
        if (extent < 1 || extent >= best.ranks[r].extent ||
            best.ranks[r].p >= 0)
          continue;
        Case c = best;
        c.ranks[r].extent = extent;
        if (attempt(c))
          return true;
      }
    for (size_t r = 0; r < best.ranks.size(); ++r) {
      Case c = best;
      if (c.ranks[r].stride == 1 && c.ranks[r].dilation == 1)
        continue;
      c.ranks[r].stride = c.ranks[r].dilation = 1;
      if (attempt(c))
        return true;
    }
    return false;
  }

  bool changeEinsums() {
    for (size_t e = 0; e < best.einsums.size(); ++e) {
      Case c = best;
      if (!std::exchange(c.einsums[e].filter, "").empty() && attempt(c))
        return true;
      c = best;
      if (!std::exchange(c.einsums[e].monoid, "").empty() && attempt(c))
        return true;
      for (size_t r = 0; r < best.einsums[e].reads.size(); ++r) {
        if (best.einsums[e].isRecurrence() || best.einsums[e].reads.size() < 2)
          continue;
        c = best;
        c.einsums[e].reads.erase(c.einsums[e].reads.begin() + r);
        c.einsums[e].kind = MapKind::copy;
        dropUnread(c);
        if (attempt(c))
          return true;
      }
    }
    return false;
  }

  bool changeMachine() {
    Case plain = best;
    if (std::exchange(plain.perPoint, false) && attempt(plain))
      return true;
    for (bool Case::*key : {&Case::singleBuffers, &Case::onePerPoint,
                            &Case::sequential, &Case::buffered}) {
      plain = best;
      if (std::exchange(plain.*key, false) && attempt(plain))
        return true;
    }
    for (size_t l = 0; l < best.levels.size(); ++l) {
      Case c = best;
      CaseLevel &level = c.levels[l];
      if (level.access == 1 && !level.bandwidth && !level.readBandwidth &&
          !level.ports)
        continue;
      level.access = 1;
      level.ports = 0;
      level.bandwidth = level.readBandwidth = level.writeBandwidth = 0;
      if (attempt(c))
        return true;
      c = best;
      if (std::exchange(c.levels[l].access, 1) != 1 && attempt(c))
        return true;
    }
    for (CaseEngine &engine : best.engines)
      for (int64_t *number : {&engine.bandwidth, &engine.latency}) {
        int64_t before = std::exchange(*number, 0);
        if (before && attempt(Case(best)))
          return true;
        *number = before;
      }
    for (CaseLevel &level : best.levels) {
      for (int64_t *number : {&level.multicast, &level.latency}) {
        int64_t before = std::exchange(*number, 0);
        if (before && attempt(Case(best)))
          return true;
        *number = before;
      }
    }
    std::vector<std::string *> storages;
    for (CaseInput &input : best.inputs)
      storages.push_back(&input.storage);
    for (CaseEinsum &einsum : best.einsums)
      storages.push_back(&einsum.storage);
    for (std::string *storage : storages) {
      std::string before = std::exchange(*storage, "");
      if (!before.empty() && attempt(Case(best)))
        return true;
      *storage = before;
    }
    for (CaseArray &array : best.arrays) {
      int64_t width = std::exchange(array.reduction, 0);
      if (width && attempt(Case(best)))
        return true;
      array.reduction = width;
      for (int64_t *cycles : {&array.fill, &array.drain, &array.beyond}) {
        int64_t before = std::exchange(*cycles, 0);
        if (before && attempt(Case(best)))
          return true;
        *cycles = before;
      }
    }
    for (size_t a = 0; a < best.arrays.size(); ++a) {
      Case c = best;
      bool changed = false;
      for (auto &[name, cycles] : c.arrays[a].cycles)
        changed |= std::exchange(cycles, 1) != 1;
      if (changed && attempt(c))
        return true;
    }
    return false;
  }

  Case best;
  uint64_t seed;
  std::string kind;
  int tries = 0;
};

} // namespace

Case einsum::agreement::shrink(Case c, uint64_t seed, const std::string &kind) {
  return Shrinker(std::move(c), seed, kind).run();
}
