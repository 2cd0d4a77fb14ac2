//===- Patience.cpp - When a search has gone on for long enough -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Patience.h"

#include <algorithm>

using namespace einsum::mapper;

void Patience::waitFrom(double begun) {
  end = begun + share * std::max(kLeastSeconds, lastFind);
}

void Patience::begin(double share) {
  this->share = share;
  waitFrom(clock());
}

void Patience::note(double value) {
  if (value > best * (1 - kLeastGain))
    return;
  best = value;
  lastFind = clock();
  waitFrom(lastFind);
}
