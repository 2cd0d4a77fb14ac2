//===- ArrangeChannels.cpp - Channels in the order that suits blocks ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ArrangeChannels.h"

#include "lib/Support/Formats/Encode.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <numeric>

using namespace einsum;
using namespace einsum::interp;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

static int findRank(const Tensor &tensor, StringRef rank) {
  auto found = llvm::find(tensor.ranks, rank.str());
  return found == tensor.ranks.end()
             ? -1
             : static_cast<int>(found - tensor.ranks.begin());
}

Arrangement::Place Arrangement::findIn(const Tensor &tensor) const {
  if (int at = findRank(tensor, marks.rank); at >= 0)
    return {at, 1};
  for (const auto &[rank, stride] : marks.followers)
    if (int at = findRank(tensor, rank); at >= 0)
      return {at, stride};
  return {};
}

int64_t Arrangement::position(const Tensor &tensor, Place place,
                              ArrayRef<int64_t> coordinates) const {
  int64_t number = 0;
  for (const std::string &rank : marks.per) {
    int at = findRank(tensor, rank);
    number = number * tensor.extents[at] + coordinates[at];
  }
  return number * marks.extent + get(place, coordinates[place.rank]);
}

int Arrangement::getPower(const Tensor &tensor) const {
  return llvm::is_contained(marks.scaledUp, tensor.name)     ? 1
         : llvm::is_contained(marks.scaledDown, tensor.name) ? -1
                                                             : 0;
}

void Arrangement::apply(Tensor &tensor) const {
  Place place = findIn(tensor);
  if (place.rank < 0)
    return;
  Tensor before = tensor;
  int power = getPower(tensor);
  for (uint64_t i = 0; i < tensor.size(); ++i) {
    SmallVector<int64_t> coordinates = tensor.unflatten(i);
    int64_t at = position(tensor, place, coordinates);
    int64_t now = get(place, coordinates[place.rank]);
    coordinates[place.rank] += (order[at] - now) * place.stride;
    uint64_t from = before.flatten(coordinates);
    tensor.values[i] = power
                           ? tensor.format->fromDouble(
                                 power > 0 ? before.toDouble(from) * scales[at]
                                           : before.toDouble(from) / scales[at])
                           : before.values[from];
    if (!tensor.present.empty())
      tensor.present[i] = before.present[from];
  }
}

void Arrangement::unscale(const Tensor &tensor,
                          llvm::MutableArrayRef<double> values) const {
  Place place = findIn(tensor);
  int power = getPower(tensor);
  if (place.rank < 0 || power == 0)
    return;
  for (uint64_t i = 0; i < tensor.size(); ++i) {
    double scale = scales[position(tensor, place, tensor.unflatten(i))];
    values[i] = power > 0 ? values[i] / scale : values[i] * scale;
  }
}

StoredValues einsum::storeArranged(Tensor &tensor,
                                   const formats::Storage &storage,
                                   ArrayRef<Arrangement> arrangements) {
  for (const Arrangement &arrangement : arrangements)
    arrangement.apply(tensor);
  auto region = formats::layOut(storage, tensor.ranks, tensor.extents);
  StoredValues values{tensor.toDoubles(), tensor.toDoubles()};
  formats::roundTrip(storage, std::get<formats::Region>(region), values.stored,
                     tensor.present);
  for (const Arrangement &arrangement : arrangements) {
    arrangement.unscale(tensor, values.exact);
    arrangement.unscale(tensor, values.stored);
  }
  return values;
}

/// The mean square of every channel, by position in the written order.
std::vector<double> Arrangement::measureChannels(const Tensor &by) const {
  Place place = findIn(by);
  int64_t combinations = 1;
  for (const std::string &other : marks.per)
    combinations *= by.extents[findRank(by, other)];
  std::vector<double> sums(combinations * marks.extent), counts = sums;
  for (uint64_t i = 0; i < by.size(); ++i) {
    double value = by.toDouble(i);
    if (!by.isPresent(i) || !std::isfinite(value))
      continue;
    int64_t at = position(by, place, by.unflatten(i));
    sums[at] += value * value;
    ++counts[at];
  }
  for (auto [sum, count] : llvm::zip(sums, counts))
    sum = count ? sum / count : 0;
  return sums;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

/// Channels by falling magnitude.
static std::vector<int64_t> sortFalling(ArrayRef<double> squares) {
  std::vector<int64_t> order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return squares[a] != squares[b] ? squares[a] > squares[b] : a < b;
  });
  return order;
}

/// The same one by one into blocks of `size`, in turns.
static std::vector<int64_t> deal(ArrayRef<int64_t> sorted, int64_t size) {
  int64_t blocks = static_cast<int64_t>(sorted.size()) / size;
  std::vector<int64_t> dealt(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < blocks * size; ++i)
    dealt[i % blocks * size + i / blocks] = sorted[i];
  return dealt;
}

static double scaleOf(double square, double share) {
  return square > 0 ? std::pow(square, -share / 2) : 1;
}

/// Of storing what `arrangement` makes of `by`, in units of `by`.
static double findNoise(const Arrangement &arrangement, const Tensor &by,
                        const formats::Storage &storage) {
  Tensor tensor = by;
  auto [exact, stored] = storeArranged(tensor, storage, arrangement);
  double noise = 0;
  for (uint64_t i = 0; i < tensor.size(); ++i)
    if (tensor.isPresent(i) && std::isfinite(exact[i]))
      noise += (exact[i] - stored[i]) * (exact[i] - stored[i]);
  return noise;
}

/// The order of each combination by itself, all of one kind.
Arrangement Arrangement::arrange(ArrayRef<double> squares, int64_t block,
                                 Choice choice) const {
  Arrangement candidate(marks);
  for (size_t c = 0; c < squares.size(); c += marks.extent) {
    ArrayRef<double> own = squares.slice(c, marks.extent);
    std::vector<int64_t> order = sortFalling(own);
    if (choice.order == Order::written)
      llvm::sort(order);
    if (choice.order == Order::dealt)
      order = deal(order, block);
    for (int64_t old : order)
      candidate.scales.push_back(scaleOf(own[old], choice.share) *
                                 std::exp2(choice.shift));
    llvm::append_range(candidate.order, order);
  }
  return candidate;
}

Arrangement Arrangement::choose(const Tensor &by, quant::Rearrangement marks,
                                const formats::Storage *storage) {
  const Arrangement plain(std::move(marks));
  std::vector<double> squares = plain.measureChannels(by);
  int64_t block = storage && !storage->sizes.empty() ? storage->sizes[0] : 1;
  block = std::clamp<int64_t>(block / plain.findIn(by).stride, 1,
                              plain.marks.extent);
  bool isScaled = !plain.marks.scaledUp.empty();
  Choice best{Order::sorted, isScaled ? 0.5 : 0, 0};
  if (!storage)
    return plain.arrange(squares, block, best);

  double least = HUGE_VAL;
  auto tryOut = [&](Choice choice) {
    double noise =
        findNoise(plain.arrange(squares, block, choice), by, *storage);
    if (noise >= least)
      return;
    least = noise;
    best = choice;
  };
  static constexpr double shares[] = {0, 0.25, 0.375, 0.5, 0.625, 0.75};
  for (double share : ArrayRef(shares).take_front(isScaled ? 6 : 1))
    for (Order order : {Order::sorted, Order::dealt, Order::written})
      tryOut({order, share, 0});
  Choice found = best;
  for (double shift : {0.25, 0.5, 0.75})
    if (isScaled)
      tryOut({found.order, found.share, shift});
  return plain.arrange(squares, block, best);
}
