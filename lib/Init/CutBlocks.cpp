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

/// True if it has warned.
static bool warnAt(StorageOp node, const TensorFact &tensor,
                   const formats::Storage &format, const CascadeFacts &facts) {
  for (auto [name, size] : llvm::zip(format.ranks, format.sizes)) {
    int64_t extent = facts.ranks[facts.findRank(name)].extent;
    int64_t tile = tileAt(node, name, extent);
    if (tile >= extent || tile % size == 0)
      continue;
    node.emitWarning() << "tiles of " << tile << " along '" << name
                       << "' cut the blocks of " << size << " that '"
                       << tensor.name << "' is stored in (" << tensor.datatype
                       << "); each is charged its share of a scale, where a "
                          "machine may have to read all of it";
    return true;
  }
  return false;
}

void einsum::warnAboutCutBlocks(MappingOp mapping, const CascadeFacts &facts) {
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
          warnAt(node, tensor, *format, facts))
        told.insert(&tensor);
    }
  });
}
