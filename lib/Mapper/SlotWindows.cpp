//===- SlotWindows.cpp - What meets in the slots of a pipeline ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlotWindows.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>

using namespace einsum::mapper;

uint64_t Iterations::countOf(size_t stage) const {
  uint64_t once = 0;
  if (parts.empty())
    once = active >> stage & 1;
  for (const Iterations &part : parts)
    once = llvm::SaturatingAdd(once, part.countOf(stage));
  return llvm::SaturatingMultiply(once, times);
}

namespace {

/// A stretch of iterations: its ends, and the windows that lie within.
struct Stretch {
  using Sets = std::vector<StageSet>;
  Sets first, last; ///< up to longestLag of them, in order
  std::map<Sets, uint64_t> inside;
};

class WindowCounter {
public:
  WindowCounter(StageSet all, size_t longestLag)
      : all(all), longest(longestLag) {}

  SlotWindows run(const Iterations &iterations) {
    Stretch none = repeat(one(0), longest);
    Stretch whole = join(join(none, count(iterations)), none);
    SlotWindows result;
    for (auto &[sets, times] : whole.inside)
      if (std::any_of(sets.begin(), sets.end(),
                      [](StageSet set) { return set != 0; }))
        result.windows.push_back({{sets.rbegin(), sets.rend()}, times});
    result.overflow = overflow;
    return result;
  }

private:
  Stretch count(const Iterations &iterations) {
    if (iterations.parts.empty()) {
      StageSet active = iterations.active & all;
      return active == 0 ? Stretch() : repeat(one(active), iterations.times);
    }
    Stretch body;
    for (const Iterations &part : iterations.parts)
      body = join(body, count(part));
    return repeat(std::move(body), iterations.times);
  }

  Stretch one(StageSet active) const {
    Stretch stretch;
    if (longest == 0)
      stretch.inside[{active}] = 1;
    else
      stretch.first = stretch.last = {active};
    return stretch;
  }

  Stretch repeat(Stretch stretch, uint64_t times) {
    Stretch result;
    for (; times > 0; times /= 2) {
      if (times % 2 == 1)
        result = join(result, stretch);
      if (times > 1)
        stretch = join(stretch, stretch);
    }
    return result;
  }

  void add(uint64_t &to, uint64_t more) {
    bool saturated = false;
    to = llvm::SaturatingAdd(to, more, &saturated);
    overflow |= saturated;
  }

  Stretch join(const Stretch &before, const Stretch &after) {
    Stretch result = before;
    for (const auto &[sets, times] : after.inside)
      add(result.inside[sets], times);
    std::vector<StageSet> border = before.last;
    border.insert(border.end(), after.first.begin(), after.first.end());
    for (size_t i = 0; i + longest < border.size(); ++i)
      add(result.inside[{border.begin() + i, border.begin() + i + longest + 1}],
          1);
    if (before.first.size() < longest) // all of it
      result.first.insert(result.first.end(), after.first.begin(),
                          after.first.end());
    result.first.resize(std::min(result.first.size(), longest));
    result.last = after.last;
    if (after.last.size() < longest) {
      size_t more = std::min(longest - after.last.size(), before.last.size());
      result.last.insert(result.last.begin(), before.last.end() - more,
                         before.last.end());
    }
    return result;
  }

  StageSet all;
  size_t longest;
  bool overflow = false;
};

} // namespace

SlotWindows einsum::mapper::countWindows(const Iterations &iterations,
                                         StageSet all, size_t longestLag) {
  return WindowCounter(all, longestLag).run(iterations);
}
