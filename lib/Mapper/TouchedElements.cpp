//===- TouchedElements.cpp - What of a tensor is touched at all -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/TouchedElements.h"

#include "lib/Analysis/ImageCounter.h"
#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace einsum;
using namespace einsum::mapper;

namespace {

/// One access and the points that make it.
struct Touch {
  const EinsumFact *einsum;
  const AccessFact *access;
  bool isRead;
};

/// Ranks that accesses are about, in numbers of their own.
class RankNumbers {
public:
  explicit RankNumbers(const CascadeFacts &facts) : facts(facts) {}
  AffineForm translate(const AffineForm &form) {
    return form.substitute([&](int rank) {
      auto [found, isNew] =
          numbers.try_emplace(rank, static_cast<int>(box.size()));
      if (isNew)
        box.push_back({0, facts.ranks[rank].extent});
      return AffineForm::variable(found->second);
    });
  }
  std::vector<Interval> box;

private:
  const CascadeFacts &facts;
  std::map<int, int> numbers;
};

} // namespace

static std::vector<Touch> listTouches(const CascadeFacts &facts, int tensor) {
  std::vector<Touch> touches;
  for (int toucher : facts.tensors[tensor].touchers) {
    const EinsumFact &einsum = facts.einsums[toucher];
    if (einsum.points == 0)
      continue;
    for (const AccessFact &access : einsum.reads)
      if (access.tensor == tensor)
        touches.push_back({&einsum, &access, true});
    for (const AccessFact &access : einsum.writes)
      if (access.tensor == tensor)
        touches.push_back({&einsum, &access, false});
  }
  return touches;
}

/// Every element, without a question.
static bool touchesAll(const CascadeFacts &facts, const TensorFact &tensor,
                       const Touch &touch) {
  llvm::SmallVector<int, 4> seen;
  for (auto [rank, coordinate] :
       llvm::zip(tensor.ranks, touch.access->coordinates)) {
    if (coordinate.terms.size() != 1 || coordinate.constant != 0 ||
        coordinate.terms[0].coefficient != 1 ||
        llvm::is_contained(seen, coordinate.terms[0].rank) ||
        facts.ranks[coordinate.terms[0].rank].extent !=
            facts.ranks[rank].extent)
      return false;
    seen.push_back(coordinate.terms[0].rank);
  }
  return touch.einsum->domain.empty();
}

uint64_t mapper::countTouched(const CascadeFacts &facts, int tensor) {
  const TensorFact &fact = facts.tensors[tensor];
  std::vector<Touch> touches = listTouches(facts, tensor);
  if (touches.empty())
    return 0;
  if (llvm::any_of(touches, [&](const Touch &touch) {
        return touchesAll(facts, fact, touch);
      }))
    return fact.elements;
  RankNumbers numbers(facts);
  std::vector<ImagePiece> pieces;
  for (const Touch &touch : touches) {
    ImagePiece piece;
    for (const Constraint &constraint : touch.einsum->domain)
      piece.constraints.push_back(
          {numbers.translate(constraint.form), constraint.isEquality});
    for (auto [rank, coordinate] :
         llvm::zip(fact.ranks, touch.access->coordinates)) {
      AffineForm form = numbers.translate(coordinate.form());
      // Initial values are no elements.
      if (touch.isRead && fact.hasInitialValue && rank == fact.iterativeRank &&
          mayBeInitial(coordinate)) {
        Constraint high{AffineForm::number(facts.ranks[rank].extent - 1)};
        high.form.add(form, -1);
        piece.constraints.push_back({form, false});
        piece.constraints.push_back(std::move(high));
      }
      piece.coordinates.push_back(std::move(form));
    }
    pieces.push_back(std::move(piece));
  }
  constexpr size_t kMostPieces = 64; // of an ImageCounter
  if (pieces.size() > kMostPieces)
    pieces.resize(kMostPieces);
  std::vector<Interval> boxes;
  for (size_t piece = 0; piece < pieces.size(); ++piece)
    boxes.insert(boxes.end(), numbers.box.begin(), numbers.box.end());
  ImageCounter counter(numbers.box.size(), std::move(pieces));
  Signature signature = counter.count(boxes);
  if (counter.overflowed || counter.exhausted)
    return 1;
  uint64_t elements = 0;
  for (auto [mask, count] : signature)
    elements += count;
  return elements;
}

/// Blocks of a number format: elements of one at most, and how many there are.
static std::pair<uint64_t, uint64_t> countBlocks(const CascadeFacts &facts,
                                                 const TensorFact &tensor) {
  uint64_t perBlock = 1, blocks = 1;
  for (auto [rank, size] : llvm::zip(tensor.ranks, tensor.grid)) {
    int64_t extent = facts.ranks[rank].extent;
    int64_t side = size > 0 ? std::min(size, extent) : extent;
    perBlock *= side;
    blocks *= llvm::divideCeil(extent, side);
  }
  return {perBlock, blocks};
}

uint64_t mapper::leastBytes(const CascadeFacts &facts, int tensor,
                            uint64_t elements) {
  const TensorFact &fact = facts.tensors[tensor];
  uint64_t perBlock = countBlocks(facts, fact).first;
  return elements == 0
             ? 0
             : fact.wholeBytes(elements, llvm::divideCeil(elements, perBlock));
}

uint64_t mapper::allBytes(const CascadeFacts &facts, int tensor) {
  const TensorFact &fact = facts.tensors[tensor];
  return fact.wholeBytes(fact.elements, countBlocks(facts, fact).second);
}

uint64_t mapper::leastHomeBytes(const CascadeFacts &facts, int tensor) {
  const TensorFact &fact = facts.tensors[tensor];
  uint64_t elements = countTouched(facts, tensor);
  if (fact.iterativeRank >= 0 && fact.hasInitialValue && !fact.isOutput)
    elements = llvm::divideCeil(
        elements,
        static_cast<uint64_t>(facts.ranks[fact.iterativeRank].extent));
  return leastBytes(facts, tensor, elements);
}
