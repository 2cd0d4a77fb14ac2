//===- LiveFootprint.cpp - What rank passes cost on chip ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/LiveFootprint.h"

#include "lib/Analysis/FiberWalk.h"
#include "lib/Support/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;

uint64_t LiveFootprint::getTraffic(uint64_t capacityBytes) const {
  uint64_t again = fiberBytes > capacityBytes ? fiberBytes - capacityBytes : 0;
  return llvm::SaturatingMultiplyAdd(
      llvm::SaturatingMultiply(bundles, passes - 1), again, tensorBytes);
}

//===----------------------------------------------------------------------===//
// Minimum cut
//===----------------------------------------------------------------------===//

namespace {

/// Vertices with capacities between a source and sinks; each is an edge from
/// its entry to its exit.
class VertexCut {
public:
  static constexpr uint64_t kUnlimited = uint64_t(1) << 62;

  int add(uint64_t capacity) {
    int entry = links.size();
    links.resize(entry + 2);
    connect(entry, entry + 1, capacity);
    return entry / 2;
  }
  void join(int from, int to) { connect(2 * from + 1, 2 * to, kUnlimited); }
  void makeSink(int vertex) { sinks.insert(2 * vertex + 1); }

  /// Vertices of a smallest cut between `source` and the sinks, closest to the
  /// sinks when several are equally small.
  std::vector<int> cut(int source) {
    while (augment(2 * source)) {
    }
    std::set<int> reachesSink = findBackwards();
    std::vector<int> vertices;
    for (int entry = 0; entry < static_cast<int>(links.size()); entry += 2)
      if (!reachesSink.count(entry) && reachesSink.count(entry + 1))
        vertices.push_back(entry / 2);
    return vertices;
  }

private:
  struct Link {
    int to;
    size_t back;
    uint64_t left;
  };

  void connect(int from, int to, uint64_t capacity) {
    links[from].push_back({to, links[to].size(), capacity});
    links[to].push_back({from, links[from].size() - 1, 0});
  }

  /// Pushes flow along a shortest path with room left.
  bool augment(int start) {
    std::map<int, std::pair<int, size_t>> cameFrom;
    std::vector<int> queue = {start};
    cameFrom[start] = {-1, 0};
    int end = -1;
    for (size_t next = 0; next < queue.size() && end < 0; ++next) {
      int node = queue[next];
      if (sinks.count(node)) {
        end = node;
        break;
      }
      for (auto [i, link] : llvm::enumerate(links[node]))
        if (link.left > 0 && cameFrom.try_emplace(link.to, node, i).second)
          queue.push_back(link.to);
    }
    if (end < 0)
      return false;
    uint64_t flow = kUnlimited;
    for (int node = end; node != start; node = cameFrom[node].first)
      flow = std::min(flow,
                      links[cameFrom[node].first][cameFrom[node].second].left);
    for (int node = end; node != start; node = cameFrom[node].first) {
      Link &link = links[cameFrom[node].first][cameFrom[node].second];
      link.left -= flow;
      links[node][link.back].left += flow;
    }
    return true;
  }

  /// Nodes from which a sink can still be reached.
  std::set<int> findBackwards() const {
    std::set<int> found(sinks.begin(), sinks.end());
    std::vector<int> queue(sinks.begin(), sinks.end());
    while (!queue.empty()) {
      int node = queue.back();
      queue.pop_back();
      for (const Link &link : links[node])
        if (links[link.to][link.back].left > 0 && found.insert(link.to).second)
          queue.push_back(link.to);
    }
    return found;
  }

  std::vector<std::vector<Link>> links;
  std::set<int> sinks;
};

//===----------------------------------------------------------------------===//
// One rank
//===----------------------------------------------------------------------===//

class Consequences {
public:
  Consequences(const CascadeGraph &graph, const FiberKey &key,
               const FiberCount &count)
      : graph(graph), key(key), count(count) {
    members.push_back(key.first);
    for (const Guise &guise : count.aligned)
      if (!llvm::is_contained(members, guise.tensor))
        members.push_back(guise.tensor);
    for (const Touch &touch : count.touches)
      levels[touch.einsum] = std::max(levels[touch.einsum], touch.level);
    findShared();
  }

  void describe(LiveFootprint &footprint) const;

private:
  void findShared();
  PassBoundary makeBoundary(uint64_t after) const;
  void addTraffic(LiveFootprint &footprint) const;
  /// Level of the touches that made a tensor.
  uint64_t producedAt(int tensor) const {
    if (tensor == key.first)
      return 0;
    auto it = levels.find(graph.tensors[tensor].producer);
    return it == levels.end() ? 0 : it->second;
  }
  /// Of a code: what a scale adds lowers no bound.
  uint64_t bitsOf(int tensor) const {
    return cast<NamedTensorType>(graph.tensors[tensor].value.getType())
        .getElementBits();
  }
  formats::BitsPerElement weightOf(int tensor) const;
  uint64_t countElements(int tensor, bool withShared) const;
  uint64_t countBytes(int tensor, bool withShared) const {
    return weightOf(tensor).countBytes(countElements(tensor, withShared));
  }
  std::string makeFormula(int tensor) const;
  std::string nameExtent(StringAttr rank) const;

  const CascadeGraph &graph;
  const FiberKey &key;
  const FiberCount &count;
  std::vector<int> members; ///< aligned tensors, the walked one first
  std::map<int, uint64_t> levels;
  SmallVector<StringAttr> shared;
};

} // namespace

/// Ranks that all members have, other than the fiber's own.
void Consequences::findShared() {
  const GraphTensor &root = graph.tensors[key.first];
  for (auto [position, rank] : llvm::enumerate(root.ranks))
    if (!llvm::is_contained(key.second, static_cast<int>(position)) &&
        llvm::all_of(members, [&, rank = rank](int member) {
          return llvm::is_contained(graph.tensors[member].ranks, rank);
        }))
      shared.push_back(rank);
}

/// Extents that are not known count as whole blocks.
formats::BitsPerElement Consequences::weightOf(int id) const {
  const GraphTensor &tensor = graph.tensors[id];
  auto type = cast<NamedTensorType>(tensor.value.getType());
  SmallVector<int64_t> extents;
  for (const auto &extent : tensor.extents)
    extents.push_back(getNumber(extent).value_or(0));
  auto storage = findStorage(type, extents);
  if (auto *found = std::get_if<TensorStorage>(&storage))
    return found->weight.getShare();
  return {type.getElementBits(), 1};
}

uint64_t Consequences::countElements(int id, bool withShared) const {
  const GraphTensor &tensor = graph.tensors[id];
  uint64_t elements = 1;
  for (auto [rank, extent] : llvm::zip(tensor.ranks, tensor.extents))
    if (withShared || !llvm::is_contained(shared, rank))
      elements = llvm::SaturatingMultiply<uint64_t>(
          elements, getNumber(extent).value_or(1));
  return elements;
}

/// The extent as declared: "M", "M ceildiv 256".
std::string Consequences::nameExtent(StringAttr rank) const {
  CascadeOp cascade = graph.cascade;
  RankOp op = cascade.findRank(rank);
  std::string text;
  llvm::raw_string_ostream os(text);
  AffineExpr extent = op.getExtent().getResult(0);
  SmallVector<StringAttr> params(op.getParams().getAsRange<StringAttr>());
  printNamedExpr(os, extent, {}, params);
  return isa<AffineBinaryOpExpr>(extent) ? "(" + text + ")" : text;
}

std::string Consequences::makeFormula(int id) const {
  const GraphTensor &tensor = graph.tensors[id];
  SmallVector<StringAttr> ranks(tensor.ranks.begin(), tensor.ranks.end());
  // All parts of a split rank together are that rank.
  for (const SplitRank &split : graph.splits)
    if (llvm::all_of(split.parts, [&](StringAttr part) {
          return llvm::is_contained(ranks, part);
        })) {
      llvm::erase_if(ranks, [&](StringAttr r) {
        return r != split.parts[0] && llvm::is_contained(split.parts, r);
      });
      std::replace(ranks.begin(), ranks.end(), split.parts[0], split.whole);
    }
  std::vector<std::string> factors;
  for (StringAttr rank : ranks)
    if (!llvm::is_contained(shared, rank))
      factors.push_back(nameExtent(rank));
  formats::BitsPerElement bits = weightOf(id);
  bool isBytes = bits.denominator == 1 && bits.numerator % 8 == 0;
  factors.push_back(isBytes ? std::to_string(bits.numerator / 8) + " B"
                            : formatNumber(bits.toDouble()) + " bit");
  return llvm::join(factors, "*");
}

PassBoundary Consequences::makeBoundary(uint64_t after) const {
  PassBoundary boundary;
  boundary.after = after;
  VertexCut cut;
  std::map<int, int> vertexOf;
  std::vector<int> tensors;
  for (int member : members)
    if (producedAt(member) <= after) {
      vertexOf[member] = cut.add(countBytes(member, /*withShared=*/false));
      tensors.push_back(member);
    }
  std::set<int> live;
  for (const Touch &touch : count.touches) {
    auto from = vertexOf.find(touch.tensor);
    if (from == vertexOf.end())
      continue;
    if (touch.level > after) {
      cut.makeSink(from->second);
      live.insert(touch.tensor);
      continue;
    }
    for (int result : graph.einsums[touch.einsum].results)
      if (auto to = vertexOf.find(result); to != vertexOf.end())
        cut.join(from->second, to->second);
  }
  for (int tensor : live)
    boundary.live.push_back(graph.tensors[tensor].name);
  std::vector<std::string> terms;
  for (int vertex : cut.cut(vertexOf.at(key.first))) {
    int tensor = tensors[vertex];
    boundary.keep.push_back(graph.tensors[tensor].name);
    terms.push_back(makeFormula(tensor));
    boundary.bytes = llvm::SaturatingAdd(
        boundary.bytes, countBytes(tensor, /*withShared=*/false));
  }
  boundary.formula = llvm::join(terms, " + ");
  return boundary;
}

void Consequences::addTraffic(LiveFootprint &footprint) const {
  const GraphTensor &root = graph.tensors[key.first];
  footprint.isInput = root.producer < 0;
  footprint.tensorBytes = countBytes(key.first, /*withShared=*/true);
  uint64_t narrowest = bitsOf(key.first), length = 1;
  for (int member : members)
    narrowest = std::min(narrowest, bitsOf(member));
  std::vector<std::string> apart, along;
  for (auto [position, rank] : llvm::enumerate(root.ranks)) {
    uint64_t extent = getNumber(root.extents[position]).value_or(1);
    if (llvm::is_contained(key.second, static_cast<int>(position))) {
      length = llvm::SaturatingMultiply(length, extent);
      along.push_back(nameExtent(rank));
    } else if (llvm::all_of(count.aligned,
                            [&, position = position](const Guise &guise) {
                              return guise.keepsApart[position];
                            })) {
      footprint.bundles = llvm::SaturatingMultiply(footprint.bundles, extent);
      apart.push_back(nameExtent(rank));
    }
  }
  footprint.fiberBytes = llvm::SaturatingMultiply(length, narrowest) / 8;
  apart.push_back(std::to_string(footprint.passes - 1));
  std::string width = narrowest % 8 == 0 ? std::to_string(narrowest / 8)
                                         : std::to_string(narrowest) + "/8";
  // A rank of the cascade may be called S itself.
  for (const char *symbol : {"S", "Z", "bytes"})
    if (footprint.capacity = symbol; !llvm::is_contained(apart, symbol) &&
                                     !llvm::is_contained(along, symbol))
      break;
  footprint.trafficFormula = "|" + root.name + "| + " + llvm::join(apart, "*") +
                             "*max(0, " + llvm::join(along, "*") + "*" + width +
                             " - " + footprint.capacity + ")";
}

/// A recurrence over many layers has as many passes; nobody reads a million
/// boundaries, and those of later steps say the same.
static constexpr uint64_t kMostBoundaries = 1000;

void Consequences::describe(LiveFootprint &footprint) const {
  for (StringAttr rank : shared)
    footprint.each.push_back(rank.str());
  uint64_t levelsSeen = 0;
  for (auto [einsum, level] : levels)
    levelsSeen = std::max(levelsSeen, level);
  levelsSeen = std::min(levelsSeen, kMostBoundaries + 1);
  for (uint64_t after = 1; after < levelsSeen; ++after)
    footprint.boundaries.push_back(makeBoundary(after));
  addTraffic(footprint);
}

//===----------------------------------------------------------------------===//
// All ranks
//===----------------------------------------------------------------------===//

/// Tensor and positions of a fiber, by name.
static std::optional<FiberKey>
findKey(const CascadeGraph &graph, StringRef tensor, const FiberPasses &fiber) {
  for (auto [id, candidate] : llvm::enumerate(graph.tensors)) {
    if (candidate.name != tensor)
      continue;
    SmallVector<StringRef> ranks = {fiber.rank};
    if (fiber.isFlattened)
      for (const SplitRank &split : graph.splits)
        if (split.whole == fiber.rank)
          ranks.assign(split.parts.begin(), split.parts.end());
    FiberKey key = {static_cast<int>(id), {}};
    for (StringRef rank : ranks) {
      auto it = llvm::find_if(candidate.ranks,
                              [&](StringAttr r) { return r == rank; });
      if (it == candidate.ranks.end())
        return std::nullopt;
      key.second.push_back(it - candidate.ranks.begin());
    }
    return key;
  }
  return std::nullopt;
}

std::vector<LiveFootprint>
einsum::computeLiveFootprints(CascadeOp cascade, const RankPasses &passes) {
  std::vector<LiveFootprint> footprints;
  CascadeGraph graph = buildCascadeGraph(cascade);
  if (!graph.symbols.empty())
    return footprints;
  Coverer coverer(graph);
  SelfReach reach(graph);
  for (const RankHeadline &headline : passes.ranks) {
    if (headline.passes < 2 || headline.fiber < 0 ||
        !passes.fibers[headline.fiber].whole.empty())
      continue;
    // Where the count is that of another guise, its fibers are the ones to
    // keep.
    const FiberPasses &fiber = passes.fibers[headline.fiber];
    StringRef tensor = fiber.via.empty() ? fiber.tensor : fiber.via;
    std::optional<FiberKey> key = findKey(graph, tensor, fiber);
    if (!key)
      continue;
    FiberCount count = walkFiber(graph, coverer, reach, *key, /*memory=*/{});
    LiveFootprint footprint;
    footprint.tensor = tensor.str();
    footprint.rank = fiber.rank;
    footprint.passes = headline.passes;
    Consequences(graph, *key, count).describe(footprint);
    footprints.push_back(std::move(footprint));
  }
  return footprints;
}
