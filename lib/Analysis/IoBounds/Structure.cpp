//===- Structure.cpp - What the bounds look for in a cascade --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Structure.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::bounds;

bool einsum::bounds::constrains(const EinsumFact &einsum, int rank) {
  return llvm::any_of(einsum.domain, [&](const Constraint &constraint) {
    return constraint.form.uses(rank);
  });
}

bool einsum::bounds::isPlain(const Coordinate &coordinate, int rank) {
  return coordinate.terms.size() == 1 && coordinate.constant == 0 &&
         coordinate.terms.front().rank == rank &&
         coordinate.terms.front().coefficient == 1;
}

/// The rank that a coordinate is, or -1.
static int plainRank(const Coordinate &coordinate) {
  if (coordinate.terms.size() != 1 ||
      !isPlain(coordinate, coordinate.terms.front().rank))
    return -1;
  return coordinate.terms.front().rank;
}

//===----------------------------------------------------------------------===//
// Aligned tensors
//===----------------------------------------------------------------------===//

/// The result of an Einsum that reads `from` point by point, if it is aligned.
static std::optional<Aligned> follow(const CascadeFacts &facts,
                                     const EinsumFact &einsum,
                                     const AccessFact &read,
                                     const Aligned &from) {
  if (!einsum.reduced.empty() || einsum.writes.empty())
    return std::nullopt;
  const TensorFact &result = facts.tensors[einsum.writes[0].tensor];
  if (result.ranks.size() != from.dims.size())
    return std::nullopt;
  Aligned aligned{einsum.writes[0].tensor, {}};
  for (int dim : from.dims) {
    int rank = plainRank(read.coordinates[dim]);
    auto at = llvm::find(result.ranks, rank);
    if (at == result.ranks.end())
      return std::nullopt;
    int position = at - result.ranks.begin();
    if (llvm::is_contained(aligned.dims, position))
      return std::nullopt; // a diagonal
    aligned.dims.push_back(position);
  }
  return aligned;
}

Readers::Readers(const CascadeFacts &facts) : einsums(facts.tensors.size()) {
  for (auto [id, einsum] : llvm::enumerate(facts.einsums))
    for (const AccessFact &read : einsum.reads) {
      auto &all = einsums[read.tensor];
      if (all.empty() || all.back() != static_cast<int>(id))
        all.push_back(id);
    }
}

std::vector<Aligned> einsum::bounds::findAligned(const CascadeFacts &facts,
                                                 const Readers &readers,
                                                 int root) {
  std::vector<Aligned> found = {{root, {}}};
  llvm::DenseSet<int> known = {root};
  for (size_t d = 0; d < facts.tensors[root].ranks.size(); ++d)
    found[0].dims.push_back(d);
  for (size_t i = 0; i < found.size(); ++i)
    for (int reader : readers.of(found[i].tensor))
      for (const AccessFact &read : facts.einsums[reader].reads) {
        if (read.tensor != found[i].tensor)
          continue;
        std::optional<Aligned> next =
            follow(facts, facts.einsums[reader], read, found[i]);
        if (next && known.insert(next->tensor).second)
          found.push_back(*next);
      }
  return found;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

std::optional<RowFact> einsum::bounds::findRow(const CascadeFacts &facts,
                                               const EinsumFact &einsum,
                                               const AccessFact &access) {
  llvm::SmallVector<int64_t> extents;
  for (const RankFact &rank : facts.ranks)
    extents.push_back(rank.extent);
  RowFact row;
  llvm::SmallVector<const Coordinate *, 4> within;
  for (const Coordinate &coordinate : access.coordinates) {
    auto reduced =
        llvm::count_if(coordinate.terms, [&](const Coordinate::Term &term) {
          return einsum.reduces(term.rank);
        });
    if (reduced == 0) {
      row.key.push_back(coordinate);
      continue;
    }
    if (reduced != static_cast<ptrdiff_t>(coordinate.terms.size()))
      return std::nullopt;
    bool apart = llvm::none_of(within, [&](const Coordinate *other) {
      return llvm::any_of(coordinate.terms, [&](const Coordinate::Term &term) {
        return other->uses(term.rank);
      });
    });
    if (!apart)
      continue; // counts as one value
    within.push_back(&coordinate);
    row.elements = llvm::SaturatingMultiply(row.elements,
                                            countValues(coordinate, extents));
  }
  row.elements = std::min(row.elements, facts.tensors[access.tensor].elements);
  return row;
}

//===----------------------------------------------------------------------===//
// Accumulators
//===----------------------------------------------------------------------===//

AccumulatorFinder::AccumulatorFinder(const CascadeFacts &facts)
    : facts(facts), from(facts.tensors.size()), to(facts.tensors.size()) {
  for (const EinsumFact &einsum : facts.einsums)
    for (const AccessFact &read : einsum.reads)
      for (const AccessFact &write : einsum.writes) {
        from[read.tensor].push_back(edges.size());
        to[write.tensor].push_back(edges.size());
        edges.push_back({&einsum, &read, read.tensor, write.tensor});
      }
}

std::optional<AccumulatorFact>
AccumulatorFinder::find(const std::vector<bool> &isFar, int einsum) const {
  for (const AccessFact &write : facts.einsums[einsum].writes) {
    std::optional<Tensors> after = reachFrom(write.tensor);
    if (!after)
      continue;
    std::vector<int> outputs;
    for (int id : *after)
      if (facts.tensors[id].isOutput && isFar[id])
        outputs.push_back(id);
    llvm::sort(outputs);
    for (int output : outputs)
      if (auto fact = findWay(write.tensor, output, *after))
        return fact;
  }
  return std::nullopt;
}

std::optional<AccumulatorFact>
AccumulatorFinder::findWay(int start, int output, const Tensors &after) const {
  // Of what comes after the start, what comes before the output.
  Tensors isOnWay = {output};
  AccumulatorFact fact;
  fact.tensors = {output};
  for (size_t i = 0; i < fact.tensors.size(); ++i)
    for (int edge : to[fact.tensors[i]])
      if (int tensor = edges[edge].from;
          after.contains(tensor) && isOnWay.insert(tensor).second)
        fact.tensors.push_back(tensor);
  llvm::sort(fact.tensors);
  fact.bits = UINT64_MAX;
  for (int tensor : fact.tensors)
    fact.bits = std::min(fact.bits, facts.tensors[tensor].bits);
  llvm::DenseMap<int, llvm::SmallVector<const Edge *, 2>> ways;
  for (int tensor : fact.tensors)
    for (int edge : from[tensor])
      if (isOnWay.contains(edges[edge].to))
        ways[tensor].push_back(&edges[edge]);
  llvm::append_range(fact.key, facts.tensors[start].ranks);
  llvm::erase_if(fact.key, [&](int rank) {
    return !llvm::is_contained(facts.tensors[output].ranks, rank) ||
           llvm::any_of(fact.tensors, [&](int tensor) {
             return llvm::any_of(ways[tensor], [&](const Edge *edge) {
               return !carries(*edge, rank);
             });
           });
  });
  for (int tensor : fact.tensors)
    if (tensor != output && !isUsedWholly(tensor, ways[tensor]))
      return std::nullopt;
  return fact;
}

/// The start and all tensors that it flows into.
std::optional<AccumulatorFinder::Tensors>
AccumulatorFinder::reachFrom(int start) const {
  Tensors seen = {start};
  std::vector<int> work = {start};
  while (!work.empty()) {
    int tensor = work.back();
    work.pop_back();
    for (int edge : from[tensor])
      if (seen.insert(edges[edge].to).second)
        work.push_back(edges[edge].to);
    if (seen.size() > kLongest)
      return std::nullopt;
  }
  return seen;
}

const Coordinate *AccumulatorFinder::coordinateOf(const Edge &edge,
                                                  int rank) const {
  const TensorFact &tensor = facts.tensors[edge.from];
  auto at = llvm::find(tensor.ranks, rank);
  return at == tensor.ranks.end()
             ? nullptr
             : &edge.read->coordinates[at - tensor.ranks.begin()];
}

bool AccumulatorFinder::carries(const Edge &edge, int rank) const {
  const Coordinate *coordinate = coordinateOf(edge, rank);
  return coordinate && isPlain(*coordinate, rank) &&
         llvm::is_contained(facts.tensors[edge.to].ranks, rank);
}

AccumulatorFinder::Use AccumulatorFinder::useOf(const Edge &edge) const {
  if (!edge.einsum->domain.empty())
    return Use::some;
  const TensorFact &tensor = facts.tensors[edge.from];
  Use use = Use::all;
  for (auto [rank, coordinate] :
       llvm::zip(tensor.ranks, edge.read->coordinates)) {
    int plain = plainRank(coordinate);
    if (plain >= 0 && facts.ranks[plain].extent == facts.ranks[rank].extent)
      continue;
    if (rank != tensor.iterativeRank || use != Use::all)
      return Use::some;
    int64_t end = facts.ranks[rank].extent - 1;
    bool step = coordinate.terms.size() == 1 &&
                coordinate.terms.front().coefficient == 1 &&
                facts.ranks[coordinate.terms.front().rank].extent == end + 1;
    if (step && coordinate.constant == -1)
      use = Use::allButLast;
    else if (coordinate.terms.empty() && coordinate.constant == end)
      use = Use::last;
    else
      return Use::some;
  }
  return use;
}

bool AccumulatorFinder::isUsedWholly(int tensor,
                                     llvm::ArrayRef<const Edge *> uses) const {
  bool all = false, allButLast = false, last = false;
  for (const Edge *edge : uses) {
    Use use = useOf(*edge);
    all |= use == Use::all;
    allButLast |= use == Use::allButLast;
    last |= use == Use::last;
  }
  bool isSingleStep =
      facts.tensors[tensor].iterativeRank >= 0 &&
      facts.ranks[facts.tensors[tensor].iterativeRank].extent == 1;
  return all || (last && (allButLast || isSingleStep));
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

NestBuilder::NestBuilder(const CascadeFacts &facts, llvm::ArrayRef<int> ranks)
    : ranks(ranks.begin(), ranks.end()) {
  for (int rank : ranks)
    nest.nest.extents.push_back(facts.ranks[rank].extent);
}

void NestBuilder::add(int tensor, uint64_t bits,
                      llvm::ArrayRef<Coordinate> coordinates) {
  auto &operand = nest.nest.operands.emplace_back();
  for (Coordinate coordinate : coordinates) {
    for (Coordinate::Term &term : coordinate.terms)
      term.rank = llvm::find(ranks, term.rank) - ranks.begin();
    operand.push_back(std::move(coordinate));
  }
  nest.tensors.push_back(tensor);
  nest.bits.push_back(bits);
}

void NestBuilder::add(int tensor, uint64_t bits,
                      llvm::ArrayRef<int> plainRanks) {
  llvm::SmallVector<Coordinate, 4> coordinates;
  for (int rank : plainRanks) {
    Coordinate coordinate;
    coordinate.terms.push_back({rank, 1});
    coordinates.push_back(coordinate);
  }
  add(tensor, bits, coordinates);
}
