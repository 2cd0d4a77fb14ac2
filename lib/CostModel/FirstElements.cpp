//===- FirstElements.cpp - Tiles that are there in part -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/FirstElements.h"

using namespace einsum::cost;

uint64_t FirstElements::Side::size(Counter &counter, size_t loop) const {
  uint64_t size = part;
  for (; loop < loops.size(); ++loop)
    size = counter.mul(size, loops[loop].united ? loops[loop].steps : 1);
  return size;
}

uint64_t FirstElements::Side::transfers(Counter &counter, size_t loop) const {
  uint64_t count = 1;
  for (; loop < loops.size(); ++loop)
    count = counter.mul(count, loops[loop].united ? 1 : loops[loop].steps);
  return count;
}

FirstElements::Classes FirstElements::count(uint64_t elements,
                                            size_t first) const {
  if (first == sides.size())
    return {{elements, 1}};
  uint64_t row = 1, rowOfTransfer = 1, transfersOfRow = 1;
  for (const Side &side : sides.drop_front(first + 1)) {
    row = counter.mul(row, side.whole);
    rowOfTransfer = counter.mul(rowOfTransfer, side.size(counter));
    transfersOfRow = counter.mul(transfersOfRow, side.transfers(counter));
  }
  Classes result, rest = count(elements % row, first + 1);
  for (const Along &along : countAlong(sides[first], elements / row, 0)) {
    uint64_t whole = counter.mul(along.before, rowOfTransfer);
    if (!along.isIn) {
      result.push_back({whole, counter.mul(along.transfers, transfersOfRow)});
      continue;
    }
    for (auto [size, times] : rest)
      result.push_back({whole + size, counter.mul(along.transfers, times)});
  }
  return result;
}

llvm::SmallVector<FirstElements::Along, 4>
FirstElements::countAlong(const Side &side, uint64_t at, size_t loop) const {
  if (loop == side.loops.size())
    return {{at, true, 1}};
  auto [steps, tile, united] = side.loops[loop];
  uint64_t earlier = at / tile, size = side.size(counter, loop + 1),
           transfers = side.transfers(counter, loop + 1);
  llvm::SmallVector<Along, 4> result = countAlong(side, at % tile, loop + 1);
  if (united) {
    for (Along &along : result)
      along.before += counter.mul(earlier, size);
    return result;
  }
  auto add = [&](uint64_t before, uint64_t times) {
    if (times != 0)
      result.push_back({before, false, counter.mul(times, transfers)});
  };
  add(size, earlier);
  add(0, steps - 1 - earlier);
  return result;
}
