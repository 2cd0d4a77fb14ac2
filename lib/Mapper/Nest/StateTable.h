//===- StateTable.h - What is known of states of a search -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A value per placement and tile vector. Of all tile vectors a placement meets
// few, and these lie together: where ranks are dealt, tiles of one rank stay
// what they are. So values come in pages, made when they are first written:
//
//   placement 7   tiles 0..31  32..63  64..95        one page of three
//                 -            page    -
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_STATETABLE_H
#define LIB_MAPPER_NEST_STATETABLE_H

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace einsum::mapper {

template <typename Value> class StateTable {
public:
  /// The value, or the one of a new `Value` where none was written.
  Value get(int placement, uint32_t tile) const {
    if (!has(placement))
      return Value();
    const auto &page = pages[placement][tile / kPage];
    return page ? (*page)[tile % kPage] : Value();
  }
  /// Something of that placement was written.
  bool has(int placement) const {
    return static_cast<size_t>(placement) < pages.size() &&
           !pages[placement].empty();
  }
  /// Of `tiles` tile vectors that there are.
  Value &at(int placement, uint32_t tile, uint64_t tiles) {
    if (pages.size() <= static_cast<size_t>(placement))
      pages.resize(placement + 1);
    auto &mine = pages[placement];
    if (mine.empty()) {
      mine.resize(tiles / kPage + 1);
      bytes += mine.size() * sizeof(mine.front());
    }
    auto &page = mine[tile / kPage];
    if (!page) {
      page = std::make_unique<Page>();
      bytes += sizeof(Page);
    }
    return (*page)[tile % kPage];
  }
  void clear() {
    pages.clear();
    bytes = 0;
  }
  size_t memory() const { return bytes; }

private:
  static constexpr uint32_t kPage = 32;
  using Page = std::array<Value, kPage>;
  std::vector<std::vector<std::unique_ptr<Page>>> pages; ///< by placement
  size_t bytes = 0;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_STATETABLE_H
