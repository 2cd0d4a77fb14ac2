//===- Gather.h - The elements of one region --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal: regions lie in a row-major tensor as runs along its last rank:
//
//   K[m,e], 4 by 64, blocks of 32 along e     one run of 32 per region
//   K[m,e], 4 by 64, channels of e            four runs of 1
//
// A tensor without scales is one region: who shares nothing is coded alike.
// Regions that lie in one piece need not be copied.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_GATHER_H
#define EINSUM_SUPPORT_FORMATS_GATHER_H

#include "lib/Support/Formats/Storage.h"

namespace einsum::formats {

class Gather {
public:
  Gather(const Storage &storage, const Region &region)
      : extents(region.extents), shape(region.shape) {
    if (storage.sharing == Sharing::none)
      shape = extents;
    if (extents.empty())
      extents = shape = {1};
    regions = 1;
    for (size_t i = 0; i < extents.size(); ++i) {
      shape[i] = std::max<int64_t>(shape[i], 1);
      counts.push_back((extents[i] + shape[i] - 1) / shape[i]);
      regions *= static_cast<uint64_t>(counts.back());
    }
    strides.assign(extents.size(), 1);
    for (size_t i = extents.size(); i-- > 1;)
      strides[i - 1] = strides[i] * extents[i];
    // In one piece: single coordinates, then some of a rank, then all.
    cut = 0;
    while (cut + 1 < extents.size() && shape[cut] == 1)
      ++cut;
    isWhole = true;
    for (size_t i = cut + 1; i < extents.size(); ++i)
      isWhole &= shape[i] >= extents[i];
  }

  uint64_t countRegions() const { return regions; }

  /// Copies the elements that are present.
  template <typename T>
  void take(uint64_t number, llvm::ArrayRef<T> from,
            llvm::ArrayRef<uint8_t> present, std::vector<T> &to) const {
    to.clear();
    forEachRun(number, [&](size_t start, size_t length) {
      if (present.empty()) {
        to.insert(to.end(), from.begin() + start,
                  from.begin() + start + length);
        return;
      }
      for (size_t i = start; i < start + length; ++i)
        if (present[i])
          to.push_back(from[i]);
    });
  }
  template <typename T>
  void take(uint64_t number, const std::vector<T> &from,
            llvm::ArrayRef<uint8_t> present, std::vector<T> &to) const {
    take(number, llvm::ArrayRef<T>(from), present, to);
  }
  /// Where `take` found them.
  template <typename T>
  void put(uint64_t number, llvm::ArrayRef<T> from,
           llvm::ArrayRef<uint8_t> present, llvm::MutableArrayRef<T> to) const {
    size_t next = 0;
    forEachRun(number, [&](size_t start, size_t length) {
      if (present.empty()) {
        std::copy_n(from.begin() + next, length, to.begin() + start);
        next += length;
        return;
      }
      for (size_t i = start; i < start + length; ++i)
        if (present.empty() || present[i])
          to[i] = from[next++];
    });
  }
  /// Whether regions lie in one piece each and nothing of them is absent.
  bool isInPlace(llvm::ArrayRef<uint8_t> present) const {
    return present.empty() && isWhole;
  }
  /// Start and length of a region in one piece.
  std::pair<size_t, size_t> place(uint64_t number) const {
    int64_t at = static_cast<int64_t>(number % counts[cut]) * shape[cut];
    int64_t rows = static_cast<int64_t>(number / counts[cut]);
    int64_t length = std::min(shape[cut], extents[cut] - at) * strides[cut];
    return {(rows * extents[cut] + at) * strides[cut], length};
  }

private:
  template <typename Fn> void forEachRun(uint64_t number, Fn fn) const {
    size_t ranks = extents.size();
    llvm::SmallVector<int64_t, 6> begin(ranks), end(ranks), at(ranks);
    for (size_t i = ranks; i-- > 0;) {
      begin[i] = static_cast<int64_t>(number % counts[i]) * shape[i];
      number /= counts[i];
      end[i] = std::min(begin[i] + shape[i], extents[i]);
    }
    at = begin;
    while (true) {
      int64_t start = 0;
      for (size_t i = 0; i < ranks; ++i)
        start += at[i] * strides[i];
      fn(static_cast<size_t>(start),
         static_cast<size_t>(end[ranks - 1] - begin[ranks - 1]));
      size_t i = ranks - 1;
      while (i-- > 0) {
        if (++at[i] < end[i])
          break;
        at[i] = begin[i];
      }
      if (i == SIZE_MAX)
        return;
    }
  }

  std::vector<int64_t> extents, shape, counts, strides;
  uint64_t regions = 1;
  size_t cut = 0; ///< the rank whose coordinates a region has some of
  bool isWhole = false;
};

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_GATHER_H
