//===- SlopeCost.h - What a configuration moves and holds -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The cost of a configuration as a function of the tiles of its loops, prepared
// once and asked for many tiles.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOPECOST_H
#define LIB_MAPPER_SLOPECOST_H

#include "lib/Mapper/SlopeSpace.h"

#include <memory>

namespace einsum::mapper {

class SlopeCoster {
public:
  /// Both outlive it; the tiles of the configuration do not matter.
  SlopeCoster(const CascadeFacts &facts, const SlopeConfig &config);
  ~SlopeCoster();

  /// With these tiles of the configuration's loops.
  SlopeCost at(llvm::ArrayRef<int64_t> tiles) const;

  class Costs;

private:
  std::unique_ptr<Costs> costs;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOPECOST_H
