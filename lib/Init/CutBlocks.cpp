//===- CutBlocks.cpp - Tiles that cut blocks of a format ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/CutBlocks.h"

#include "lib/Analysis/NameIndex.h"
#include "lib/Support/Formats/Storage.h"

#include "llvm/ADT/SmallPtrSet.h"

#include <numeric>

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

/// Of the innermost loop over the rank around a node; the extent if there is
/// none.
static int64_t tileAt(Operation *node, StringRef rank, int64_t extent) {
  for (Operation *loop = node->getParentOp(); loop; loop = loop->getParentOp())
    if (auto temporal = dyn_cast<TemporalOp>(loop)) {
      if (temporal.getRank() == rank)
        return temporal.getTile();
    } else if (auto spatial = dyn_cast<SpatialOp>(loop)) {
      if (spatial.getRank() == rank)
        return spatial.getTile();
    }
  return extent;
}

/// Blocks that tiles along a rank touch, each counted for itself.
static int64_t countTouched(int64_t extent, int64_t tile, int64_t size) {
  // Between neighbouring tiles a block is counted twice, unless it ends there.
  int64_t cuts = (extent - 1) / tile;
  int64_t apart = (extent - 1) / std::lcm(tile, size);
  return extent / size + cuts - apart;
}

/// True if it has said something.
static bool remarkAt(StorageOp node, const TensorFact &tensor,
                     const formats::Storage &format,
                     const CascadeFacts &facts) {
  for (auto [name, size] : llvm::zip(format.ranks, format.sizes)) {
    int64_t extent = facts.ranks[facts.findRank(name)].extent;
    int64_t tile = tileAt(node, name, extent);
    if (tile >= extent || tile % size == 0)
      continue;
    node.emitRemark() << "tiles of " << tile << " along '" << name
                      << "' cut the blocks of " << size << " that '"
                      << tensor.name << "' is stored in (" << tensor.datatype
                      << "): together they bring "
                      << countTouched(extent, tile, size)
                      << " scales along it where tiles of whole blocks bring "
                      << extent / size;
    return true;
  }
  return false;
}

void einsum::remarkOnCutBlocks(MappingOp mapping, const CascadeFacts &facts) {
  llvm::SmallPtrSet<const TensorFact *, 4> told;
  NameIndex tensors(facts.tensors);
  mapping.walk<WalkOrder::PreOrder>([&](StorageOp node) {
    for (auto name : node.getTensors().getAsRange<StringAttr>()) {
      const TensorFact &tensor = facts.tensors[tensors.find(name)];
      if (told.contains(&tensor))
        continue;
      auto parsed = formats::parseStorage(tensor.datatype);
      auto *format = std::get_if<formats::Storage>(&parsed);
      if (format && format->sharing == formats::Sharing::block &&
          remarkAt(node, tensor, *format, facts))
        told.insert(&tensor);
    }
  });
}
