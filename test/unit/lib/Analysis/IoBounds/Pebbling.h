//===- Pebbling.h - The least traffic of a tiny cascade ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Hong & Kung's red-blue pebble game, played by trying everything. A value is
// an element together with the set of its points that it sums up; it may be
// near (S at most), far, both or neither. Moves:
//
//   load, store      one transfer
//   evaluate         a point whose operands are near: a new partial result, or
//                    one point more in a partial result that is near
//   merge            two partial results of one element
//   forget           free
//
// A result may take the place of any value near, operands included; values may
// be computed again; several partial results of an element may exist. So the
// game can do whatever a schedule can, and more.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_ANALYSIS_IOBOUNDS_PEBBLING_H
#define TEST_UNIT_LIB_ANALYSIS_IOBOUNDS_PEBBLING_H

#include "lib/Analysis/CascadeFacts.h"

#include <optional>

namespace einsum::test {

class Pebbling {
public:
  /// Fails, with isSmall() false, on more than 64 values.
  explicit Pebbling(const CascadeFacts &facts);

  bool isSmall() const { return small; }
  size_t values() const { return valueCount; }

  /// Fewest transfers with `near` places; nullopt if the game cannot be won, or
  /// after `limit` positions.
  std::optional<unsigned> solve(unsigned near, size_t limit = 2000000);
  size_t positions() const { return seenCount; }
  bool wasCutOff() const { return cutOff; }

private:
  using Set = uint64_t;
  /// One way to make a value from values that are near.
  struct Rule {
    Set operands;
    int result;
  };
  struct Point {
    Set operands = 0, whole = 0,
        partials = 0; ///< partials: those that contain it
  };
  struct Element {
    int first = -1; ///< its values are first + mask - 1
    unsigned points = 0;
  };
  int elementId(const CascadeFacts &facts, int tensor,
                llvm::ArrayRef<int64_t> coordinates) const;
  int valueOf(int element, unsigned mask) const;
  Set wholeOf(int element) const;
  unsigned stillToMove(Set values, Set far) const;
  void addPoints(const CascadeFacts &facts);

  std::vector<Element> elements;
  std::vector<int> firstElement; ///< per tensor
  std::vector<Rule> rules;
  std::vector<Point> points; ///< producers before consumers
  Set inputs = 0, outputs = 0;
  std::vector<Set>
      finalOf; ///< per value: the output it is for, and nothing else
  unsigned valueCount = 0;
  bool small = true, cutOff = false;
  size_t seenCount = 0;
};

} // namespace einsum::test

#endif // TEST_UNIT_LIB_ANALYSIS_IOBOUNDS_PEBBLING_H
