//===- NestOperands.cpp - How an Einsum uses its tensors ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestOperands.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>
#include <tuple>

using namespace einsum;
using namespace einsum::mapper;

/// Whether different points of the box of an access's ranks are different
/// elements: plain ranks, strides, and splits such as m1 * 256 + m0.
static bool isInjective(const CascadeFacts &facts, const AccessFact &access) {
  std::set<int> seen;
  for (const Coordinate &coordinate : access.coordinates) {
    llvm::SmallVector<Coordinate::Term, 2> terms(coordinate.terms);
    llvm::sort(terms, [](const auto &a, const auto &b) {
      return std::abs(a.coefficient) < std::abs(b.coefficient);
    });
    int64_t reach = 0; // of the terms so far
    for (const Coordinate::Term &term : terms) {
      if (!seen.insert(term.rank).second || std::abs(term.coefficient) <= reach)
        return false;
      reach += std::abs(term.coefficient) * (facts.ranks[term.rank].extent - 1);
    }
  }
  return true;
}

AccessFact mapper::withoutOpaque(const CascadeFacts &facts,
                                 const AccessFact &access) {
  AccessFact rest = access;
  for (Coordinate &coordinate : rest.coordinates)
    if (llvm::any_of(coordinate.terms, [&](const Coordinate::Term &term) {
          return facts.ranks[term.rank].isOpaque;
        }))
      coordinate.terms.clear();
  return rest;
}

/// Whether the reads of a leaf are as many as the points of the ranks that tell
/// them apart: beside a rank that is a coordinate, p + j tells j.
static bool isProduct(const CascadeFacts &facts, const AccessFact &choice) {
  std::set<int> alone;
  for (const Coordinate &coordinate : choice.coordinates)
    if (coordinate.terms.size() == 1)
      alone.insert(coordinate.terms[0].rank);
  AccessFact rest;
  for (const Coordinate &coordinate : choice.coordinates) {
    Coordinate more;
    for (const Coordinate::Term &term : coordinate.terms)
      if (!alone.count(term.rank))
        more.terms.push_back(term);
    rest.coordinates.push_back(std::move(more));
  }
  return isInjective(facts, rest);
}

/// Notes of an access that gathers what its tiles hold, and what its leaf uses.
static bool addGather(const CascadeFacts &facts, const EinsumOnArray &nest,
                      const AccessFact &access, Operand &operand,
                      uint32_t &atLeaf, bool isFirst) {
  const TensorFact &tensor = facts.tensors[access.tensor];
  uint64_t whole = 1;
  decltype(operand.opaque) opaque;
  for (auto [k, coordinate] : llvm::enumerate(access.coordinates))
    for (const Coordinate::Term &term : coordinate.terms)
      if (facts.ranks[term.rank].isOpaque) {
        whole *= static_cast<uint64_t>(facts.ranks[term.rank].extent);
        opaque.push_back({tensor.ranks[k], facts.ranks[term.rank].extent});
      }
  bool isSame = isFirst || operand.opaque == opaque;
  operand.whole = isSame ? whole : 1;
  operand.opaque.clear();
  if (isSame)
    operand.opaque = opaque;
  if (!access.gathers())
    return isSame;
  atLeaf = 0;
  for (const Coordinate &coordinate : access.atLeaf().coordinates)
    for (const Coordinate::Term &term : coordinate.terms)
      atLeaf |= 1u << nest.findRank(term.rank);
  return isSame && isProduct(facts, access.atLeaf());
}

bool mapper::addUse(const CascadeFacts &facts, EinsumOnArray &nest,
                    const AccessFact &full, bool isWrite) {
  const TensorFact &tensor = facts.tensors[full.tensor];
  AccessFact access = withoutOpaque(facts, full);
  bool isPlain = isInjective(facts, access);
  Operand::Use use;
  use.isWrite = isWrite;
  for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
    for (const Coordinate::Term &term : coordinate.terms)
      use.relevant |= 1u << nest.findRank(term.rank);
    // Steps before the first are no elements.
    isPlain &= isWrite || !tensor.hasInitialValue ||
               tensor.ranks[k] != tensor.iterativeRank ||
               coordinate.terms.size() <= 1;
    if (coordinate.constant == 0 || coordinate.terms.empty())
      continue;
    bool carried = tensor.ranks[k] == tensor.iterativeRank &&
                   tensor.hasInitialValue && coordinate.terms.size() == 1 &&
                   coordinate.terms[0].coefficient == 1;
    isPlain &= carried && use.rank < 0;
    use.rank = nest.findRank(coordinate.terms[0].rank);
    use.shift = coordinate.constant;
  }
  int at = nest.findOperand(access.tensor);
  if (at < 0) {
    at = nest.operands.size();
    Operand operand;
    operand.tensor = access.tensor;
    operand.bits = tensor.weight;
    operand.mustLiveAtBacking = tensor.isInput || tensor.isOutput;
    operand.mayHaveSharedHolder =
        tensor.iterativeRank < 0 && tensor.touchers.size() > 1;
    operand.relevant = use.relevant;
    nest.operands.push_back(operand);
  }
  Operand &operand = nest.operands[at];
  isPlain &= operand.relevant == use.relevant;
  operand.relevant |= use.relevant;
  bool isFirst = operand.uses.empty();
  isPlain &= addGather(facts, nest, full, operand, use.relevant, isFirst);
  isPlain &= isFirst || operand.atLeaf == use.relevant;
  operand.atLeaf |= use.relevant;
  (isWrite ? operand.writes : operand.reads)++;
  if (use.rank >= 0) {
    isPlain &= operand.along < 0 || operand.along == use.rank;
    operand.along = use.rank;
  }
  operand.uses.push_back(use);
  return isPlain;
}

void mapper::addBlocks(const CascadeFacts &facts, EinsumOnArray &nest,
                       Operand &operand, const AccessFact &access) {
  const TensorFact &tensor = facts.tensors[operand.tensor];
  if (!tensor.isShared || operand.whole != 1)
    return;
  operand.scaled = std::make_shared<formats::Weight>(tensor.stored);
  operand.perBlock = 1;
  for (auto [rank, size] : llvm::zip(tensor.ranks, tensor.grid))
    operand.perBlock *= size > 0 ? size : facts.ranks[rank].extent;
  if (operand.along >= 0)
    return;
  llvm::SmallVector<int64_t, 6> grid(nest.ranks.size(), 1);
  for (auto [coordinate, size] : llvm::zip(access.coordinates, tensor.grid))
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t &along = grid[nest.findRank(term.rank)];
      bool isApart = size == 1 || (size > 1 && term.coefficient % size == 0);
      if (size == 0)
        along = 0;
      else if (!isApart && term.coefficient == 1 &&
               coordinate.constant % size == 0)
        along = size;
      else if (!isApart)
        return;
    }
  operand.grid = std::move(grid);
  operand.stored = operand.scaled;
}

void mapper::findWalked(const EinsumFact &einsum, EinsumOnArray &nest) {
  for (const AccessFact &write : einsum.writes)
    for (const AccessFact &read : einsum.reads) {
      if (read.tensor != write.tensor)
        continue;
      for (auto [w, r] : llvm::zip(write.coordinates, read.coordinates)) {
        AffineForm difference = w.form();
        difference.add(r.form(), -1);
        if (difference.isConstant() && difference.constant == 0)
          continue;
        for (const Coordinate *coordinate : {&w, &r})
          for (const Coordinate::Term &term : coordinate->terms)
            nest.walked |= 1u << nest.findRank(term.rank);
      }
    }
}

/// Elements of the box of an Einsum's ranks that an access touches.
static std::optional<uint64_t> countTouched(const CascadeFacts &facts,
                                            const EinsumFact &einsum,
                                            const AccessFact &access) {
  std::vector<Interval> box(facts.ranks.size(), Interval{0, 1});
  for (int rank : einsum.ranks)
    box[rank].hi = facts.ranks[rank].extent;
  for (auto [rank, fact] : llvm::enumerate(facts.ranks))
    if (fact.isOpaque) // a holder has all of it
      box[rank].hi = fact.extent;
  std::vector<AffineForm> coordinates;
  for (const Coordinate &coordinate : access.coordinates)
    coordinates.push_back(coordinate.form());
  return countImage(box, std::move(coordinates), einsum.domain);
}

/// Whether a reader needs everything that is written.
static bool needsAll(const CascadeFacts &facts, const EinsumFact &reader,
                     const AccessFact &read, const EinsumFact &writer,
                     const AccessFact &write) {
  if (reader.domain.empty() && isInjective(facts, read) &&
      llvm::all_of(
          llvm::zip(read.coordinates, facts.tensors[read.tensor].ranks),
          [&](const auto &pair) {
            const auto &[coordinate, rank] = pair;
            return coordinate.terms.size() == 1 && coordinate.constant == 0 &&
                   coordinate.terms[0].coefficient == 1 &&
                   facts.ranks[coordinate.terms[0].rank].extent ==
                       facts.ranks[rank].extent;
          }))
    return true;
  std::optional<uint64_t> touched = countTouched(facts, reader, read),
                          written = countTouched(facts, writer, write);
  return touched && written && *touched >= *written;
}

bool mapper::addNeeds(const CascadeFacts &facts, EinsumOnArray &nest,
                      Operand &operand) {
  const TensorFact &tensor = facts.tensors[operand.tensor];
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  bool isPlain = !(operand.reads && nest.reduces);
  if (tensor.isOutput)
    return isPlain;
  const AccessFact *write = nullptr;
  for (const AccessFact &access : einsum.writes)
    if (access.tensor == operand.tensor)
      write = &access;
  llvm::SmallVector<int64_t, 1> steps;
  int along = -1;
  bool isTold = true;
  for (int reader : tensor.readers) {
    if (reader == nest.einsum)
      continue;
    const EinsumFact &other = facts.einsums[reader];
    for (const AccessFact &access : other.reads) {
      if (access.tensor != operand.tensor)
        continue;
      if (needsAll(facts, other, access, einsum, *write))
        return isPlain;
      bool isPart = false;
      for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
        if (!coordinate.terms.empty() || write->coordinates[k].terms.empty() ||
            facts.ranks[tensor.ranks[k]].extent == 1)
          continue;
        int rank = nest.findRank(write->coordinates[k].terms[0].rank);
        isTold &= !isPart && (along < 0 || along == rank) &&
                  write->coordinates[k].terms.size() == 1;
        isPart = true;
        along = rank;
        steps.push_back(coordinate.constant);
      }
      isTold &= isPart && other.domain.empty() && isInjective(facts, access);
    }
  }
  isTold &= along >= 0 && (operand.along < 0 || operand.along == along);
  if (!isTold) {
    operand.mayStay = true;
    return false;
  }
  operand.along = along;
  operand.needed = steps;
  return isPlain;
}
