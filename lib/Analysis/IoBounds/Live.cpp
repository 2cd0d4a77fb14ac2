//===- Live.cpp - What outputs need of each Einsum ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Live.h"

#include "lib/Analysis/ImageCounter.h"
#include "lib/Analysis/IoBounds/Structure.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::bounds;

/// Variables and pieces of what is composed; beyond, it counts as nothing.
static constexpr size_t kMostVariables = 24, kMostPieces = 8;
/// Points that are enumerated where nothing better is exact.
static constexpr uint64_t kMostEnumerated = uint64_t(1) << 16;

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

namespace {

/// Elements that coordinates reach while variables run over a box.
struct Image {
  const std::vector<Interval> *box;
  std::vector<AffineForm> coordinates;
  std::vector<Constraint> constraints;
};

} // namespace

/// Without constraints: coordinates that share no variable multiply, and of
/// those that do one counts.
static uint64_t countFree(const Image &image) {
  llvm::SmallVector<int64_t> extents;
  for (const Interval &side : *image.box)
    extents.push_back(side.size());
  std::vector<bool> used(extents.size());
  uint64_t count = 1;
  for (const AffineForm &form : image.coordinates) {
    if (!form.isLinear() ||
        llvm::any_of(form.terms, [&](const AffineForm::Term &term) {
          return used[term.variable];
        }))
      continue;
    Coordinate coordinate;
    for (const AffineForm::Term &term : form.terms) {
      used[term.variable] = true;
      coordinate.terms.push_back({term.variable, term.coefficient});
    }
    count = llvm::SaturatingMultiply(count, countValues(coordinate, extents));
  }
  return count;
}

/// Elements in any of the images, never more than there are.
static uint64_t countUnion(llvm::ArrayRef<Image> images) {
  uint64_t largest = 0;
  size_t variables = 0;
  for (const Image &image : images) {
    if (image.constraints.empty())
      largest = std::max(largest, countFree(image));
    variables = std::max(variables, image.box->size());
  }
  if (images.empty() ||
      (images.size() == 1 && images.front().constraints.empty()))
    return largest;
  std::vector<ImagePiece> pieces;
  std::vector<Interval> boxes;
  for (const Image &image : images) {
    pieces.push_back({0, image.coordinates, image.constraints});
    boxes.insert(boxes.end(), image.box->begin(), image.box->end());
    boxes.resize(pieces.size() * variables, {0, 1});
  }
  ImageCounter counter(variables, std::move(pieces));
  counter.mostEnumerated = kMostEnumerated;
  Signature signature = counter.count(boxes);
  if (counter.overflowed || counter.exhausted || signature.empty())
    return largest;
  return std::max(largest, signature.front().second);
}

//===----------------------------------------------------------------------===//
// Composing
//===----------------------------------------------------------------------===//

/// True if live points of a reader that is needed whole plainly read all.
bool LiveParts::isReadWhole(const EinsumFact &reader,
                            const AccessFact &read) const {
  if (!reader.domain.empty())
    return false;
  llvm::SmallVector<int, 6> seen;
  for (auto [rank, coordinate] :
       llvm::zip(facts.tensors[read.tensor].ranks, read.coordinates)) {
    if (coordinate.terms.size() != 1 ||
        !isPlain(coordinate, coordinate.terms.front().rank))
      return false;
    int plain = coordinate.terms.front().rank;
    if (llvm::is_contained(seen, plain) ||
        facts.ranks[plain].extent != facts.ranks[rank].extent)
      return false;
    seen.push_back(plain);
  }
  return true;
}

/// True if each step of a recurrence needs the one before, element by element,
/// at once or through others, as in N[i] = S[i] + ..., S[i] = P[i] * N[i-1].
bool LiveParts::isCarried(const EinsumFact &producer, int id) const {
  constexpr size_t kMostEinsums = 16;
  const TensorFact &tensor = facts.tensors[id];
  auto isStep = [&](int rank, const Coordinate &coordinate) {
    return rank == tensor.iterativeRank && coordinate.terms.size() == 1 &&
           coordinate.terms.front().rank == rank &&
           coordinate.terms.front().coefficient == 1 &&
           std::abs(coordinate.constant) == 1;
  };
  // An Einsum, and whether a step has been taken on the way to it.
  llvm::SmallVector<std::pair<const EinsumFact *, bool>, 8> work = {
      {&producer, false}};
  for (size_t i = 0; i < work.size() && i < kMostEinsums; ++i) {
    auto [einsum, stepped] = work[i];
    if (!einsum->domain.empty())
      continue;
    for (const AccessFact &read : einsum->reads) {
      unsigned steps = stepped, others = 0;
      for (auto [rank, coordinate] :
           llvm::zip(facts.tensors[read.tensor].ranks, read.coordinates)) {
        steps += isStep(rank, coordinate);
        others += !isStep(rank, coordinate) && !isPlain(coordinate, rank);
      }
      if (others != 0 || steps > 1)
        continue;
      if (read.tensor == id && steps == 1)
        return true;
      int maker = facts.tensors[read.tensor].producer;
      std::pair<const EinsumFact *, bool> next = {
          maker < 0 ? nullptr : &facts.einsums[maker], steps == 1};
      if (maker >= 0 && !llvm::is_contained(work, next))
        work.push_back(next);
    }
  }
  return false;
}

LiveParts::Piece LiveParts::wholeOf(const EinsumFact &einsum) const {
  Piece piece;
  piece.place.resize(facts.ranks.size());
  for (int rank : einsum.ranks) {
    piece.place[rank] = AffineForm::variable(piece.box.size());
    piece.box.push_back({0, facts.ranks[rank].extent});
  }
  auto placeOf = [&](int rank) { return piece.place[rank]; };
  for (const Constraint &constraint : einsum.domain)
    piece.constraints.push_back(
        {constraint.form.substitute(placeOf), constraint.isEquality});
  return piece;
}

/// Coordinates of an access at the piece's points; those outside of the tensor
/// are no elements. False if there are none.
bool LiveParts::keepInside(Piece &piece, const AccessFact &access,
                           std::vector<AffineForm> &coordinates) const {
  auto placeOf = [&](int rank) { return piece.place[rank]; };
  for (auto [rank, coordinate] :
       llvm::zip(facts.tensors[access.tensor].ranks, access.coordinates)) {
    AffineForm form = coordinate.form().substitute(placeOf);
    Constraint low{form}, high{AffineForm::number(facts.ranks[rank].extent)};
    high.form.add(form, -1);
    high.form.constant -= 1;
    for (Constraint *constraint : {&low, &high}) {
      std::optional<bool> truth = constraint->decide(piece.box);
      if (truth == false)
        return false;
      if (!truth)
        piece.constraints.push_back(std::move(*constraint));
    }
    coordinates.push_back(std::move(form));
  }
  return true;
}

/// Points of the producer that make what the reader's piece reads.
std::optional<LiveParts::Piece>
LiveParts::follow(const Piece &reader, const AccessFact &read,
                  const EinsumFact &producer) const {
  auto write = llvm::find_if(producer.writes, [&](const AccessFact &access) {
    return access.tensor == read.tensor;
  });
  Piece piece = reader;
  std::vector<AffineForm> coordinates;
  if (write == producer.writes.end() || !keepInside(piece, read, coordinates))
    return std::nullopt;
  piece.place.assign(facts.ranks.size(), {});
  const TensorFact &tensor = facts.tensors[read.tensor];
  auto direction = producer.direction.find(tensor.iterativeRank);
  bool descends =
      direction != producer.direction.end() && direction->second < 0;
  llvm::SmallVector<int, 6> placed;
  for (auto [rank, form, coordinate] :
       llvm::zip(tensor.ranks, coordinates, write->coordinates)) {
    if (!isPlain(coordinate, rank))
      return std::nullopt;
    int64_t last = descends ? 0 : facts.ranks[rank].extent - 1;
    if (rank == tensor.iterativeRank && form.isConstant() &&
        form.constant == last && isCarried(producer, read.tensor))
      continue; // every step
    piece.place[rank] = std::move(form);
    placed.push_back(rank);
  }
  for (int rank : producer.ranks)
    if (!llvm::is_contained(placed, rank)) {
      piece.place[rank] = AffineForm::variable(piece.box.size());
      piece.box.push_back({0, facts.ranks[rank].extent});
    }
  if (piece.box.size() > kMostVariables)
    return std::nullopt;
  auto placeOf = [&](int rank) { return piece.place[rank]; };
  for (const Constraint &constraint : producer.domain) {
    Constraint placedOne{constraint.form.substitute(placeOf),
                         constraint.isEquality};
    std::optional<bool> truth = placedOne.decide(piece.box);
    if (truth == false)
      return std::nullopt;
    if (!truth)
      piece.constraints.push_back(std::move(placedOne));
  }
  return piece;
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

LiveParts::Part LiveParts::partOf(int id) const {
  const EinsumFact &einsum = facts.einsums[id];
  Part part;
  for (const AccessFact &write : einsum.writes) {
    part.isWhole |= facts.tensors[write.tensor].isOutput;
    for (auto [reader, read] : readers[write.tensor]) {
      if (part.isWhole || reader == id)
        continue;
      const EinsumFact &consumer = facts.einsums[reader];
      const AccessFact &access = consumer.reads[read];
      if (parts[reader].isWhole && isReadWhole(consumer, access))
        part.isWhole = true;
      else if (parts[reader].isWhole) {
        if (auto piece = follow(wholeOf(consumer), access, einsum))
          part.pieces.push_back(std::move(*piece));
      } else {
        for (const Piece &outer : parts[reader].pieces)
          if (auto piece = follow(outer, access, einsum))
            part.pieces.push_back(std::move(*piece));
      }
    }
  }
  if (part.isWhole) {
    part.pieces.clear();
    part.points = einsum.points;
    return part;
  }
  part.pieces.resize(std::min(part.pieces.size(), kMostPieces));
  std::vector<Image> images;
  for (const Piece &piece : part.pieces) {
    Image &image = images.emplace_back();
    image.box = &piece.box;
    image.constraints = piece.constraints;
    for (int rank : einsum.ranks)
      image.coordinates.push_back(piece.place[rank]);
  }
  part.points = std::min(countUnion(images), einsum.points);
  part.isWhole = part.points == einsum.points;
  if (part.isWhole)
    part.pieces.clear();
  return part;
}

LiveParts::LiveParts(const CascadeFacts &facts)
    : facts(facts), readers(facts.tensors.size()), parts(facts.einsums.size()) {
  for (auto [id, einsum] : llvm::enumerate(facts.einsums))
    for (auto [r, read] : llvm::enumerate(einsum.reads))
      readers[read.tensor].push_back(
          {static_cast<int>(id), static_cast<int>(r)});
  // Producers mostly come before consumers; where recurrences do not let them,
  // another round finds what the first did not know yet.
  bool changed = true;
  for (int round = 0; changed && round < 3; ++round) {
    changed = false;
    for (size_t id = facts.einsums.size(); id-- > 0;) {
      if (parts[id].isWhole)
        continue;
      Part part = partOf(id);
      changed |= part.points != parts[id].points;
      parts[id] = std::move(part);
    }
  }
}

bool LiveParts::isAllWhole() const {
  return llvm::all_of(parts, [](const Part &part) { return part.isWhole; });
}

uint64_t LiveParts::points(int einsum) const { return parts[einsum].points; }

uint64_t LiveParts::touched(int einsum, const AccessFact &access) const {
  uint64_t most = countTouched(facts, facts.einsums[einsum], access);
  if (parts[einsum].isWhole || most == 0)
    return most;
  std::vector<Piece> pieces = parts[einsum].pieces;
  std::vector<Image> images;
  for (Piece &piece : pieces) {
    std::vector<AffineForm> coordinates;
    if (!keepInside(piece, access, coordinates))
      continue;
    images.push_back({&piece.box, std::move(coordinates), piece.constraints});
  }
  return std::min(most, countUnion(images));
}
