//===- Tiles.cpp - Tile sizes that fill a memory --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/Tiles.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

SmallVector<int64_t> mappings::factorsOf(int64_t n) {
  SmallVector<int64_t> small, large;
  for (int64_t factor = 1; factor * factor <= n; ++factor) {
    if (n % factor != 0)
      continue;
    large.push_back(n / factor);
    if (factor * factor != n)
      small.push_back(factor);
  }
  large.append(small.rbegin(), small.rend());
  return large;
}

int64_t mappings::largestFactor(int64_t n, int64_t limit) {
  return *llvm::find_if(factorsOf(n),
                        [&](int64_t factor) { return factor <= limit; });
}

FailureOr<int64_t> mappings::capacityInElements(MappingContext &context,
                                                StringRef level,
                                                StringRef tensor) {
  FailureOr<uint64_t> bytes = context.capacity(level);
  if (failed(bytes))
    return failure();
  const CascadeFacts &facts = context.getFacts();
  return static_cast<int64_t>(*bytes * 8 /
                              facts.tensors[context.tensorIndex(tensor)].bits);
}

FailureOr<schedule::MappingOp> mappings::mapLargestTile(
    MappingContext &context, StringRef name, int64_t extent, int64_t unit,
    llvm::function_ref<void(LoopTreeBuilder &, int64_t tile)> buildTree) {
  auto tryTile = [&](int64_t tile,
                     bool explain) -> FailureOr<schedule::MappingOp> {
    LoopTreeBuilder tree = context.start(name);
    buildTree(tree, tile);
    FailureOr<schedule::MappingOp> mapping = context.finish();
    if (failed(mapping) || context.evaluate(*mapping, explain))
      return mapping;
    context.discard(*mapping);
    return failure();
  };
  // Whatever else is wrong shows at the smallest tile, and is reported once.
  FailureOr<schedule::MappingOp> smallest = tryTile(unit, /*explain=*/true);
  if (failed(smallest))
    return failure();
  context.discard(*smallest);
  for (int64_t factor : factorsOf(extent / unit))
    if (FailureOr<schedule::MappingOp> mapping = tryTile(factor * unit, false);
        succeeded(mapping))
      return mapping;
  llvm_unreachable("the smallest tile fits");
}
