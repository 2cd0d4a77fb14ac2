//===- Generate.cpp - A random case ---------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of a case are drawn one after the other. With a focus, more of what
// is rare otherwise: windowed tensors produced on demand, units above what else
// is done, steps of recurrences held apart, masks over windows and splits,
// number formats whose blocks tiles cut, coordinates that are data, chains of
// filters.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Generator.h"

using namespace einsum::agreement;

Case Generator::make(bool extended) {
  makeRanks();
  makeEinsums();
  makeMachine();
  makeTree();
  c.deriveExtents();
  addTimes();
  addTransfers(c.tree, {});
  addSpace(c.tree, {});
  if (extended)
    extend();
  addFormats();
  return std::move(c);
}

Case einsum::agreement::generate(uint64_t seed, bool extended, Focus focus) {
  if (focus == Focus::any)
    focus = static_cast<Focus>(seed % static_cast<uint64_t>(Focus::any));
  return Generator(seed, focus).make(extended);
}
