//===- OnePass.cpp - Attention in one pass, piece by piece ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/fusemax2024/OnePass.h"

#include "mappings/Attention.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

FailureOr<OnePassShape> OnePassShape::read(MappingContext &context) {
  if (failed(context.requireCascade(onePassAttention)))
    return failure();
  FailureOr<int64_t> queries = context.extent("p"), keys = context.extent("m0");
  FailureOr<int64_t> columns = context.units("array2d", "col");
  FailureOr<int64_t> rows = context.units("array2d", "row");
  FailureOr<int64_t> lanes = context.units("array1d", "col");
  if (failed(queries) || failed(keys) || failed(columns) || failed(rows) ||
      failed(lanes))
    return failure();
  if (*keys > *rows)
    return context.refuse()
           << "rank '" << context.rankName("m0") << "' has extent " << *keys
           << ", array 'array2d' has " << *rows << " rows; split '"
           << context.rankName("m") << "' into parts of at most " << *rows;
  return OnePassShape{*queries,
                      largestFactor(*queries, std::min(*columns, *lanes))};
}

OnePassLeaves::Child OnePassLeaves::on2d(StringRef einsum,
                                         StringRef innermost) {
  return [=] {
    if (!innermost.empty())
      tree.temporal(innermost, 1);
    tree.spatial("p", 1, "col");
    tree.spatial("m0", 1, "row");
    tree.compute(einsum, "array2d");
  };
}

OnePassLeaves::Child OnePassLeaves::on1d(StringRef einsum,
                                         StringRef innermost) {
  return [=] {
    if (!innermost.empty())
      tree.temporal(innermost, 1);
    tree.spatial("p", 1, "col");
    tree.compute(einsum, "array1d");
  };
}

OnePassLeaves::Child OnePassLeaves::numerator() {
  return [this] {
    tree.temporal("f", 1);
    tree.storage("rf1d", {"SPNV"});
    tree.sequence({on1d("SPNV"), on1d("RNV")});
  };
}

void mappings::holdSuperTile(LoopTreeBuilder &tree, const OnePassShape &shape,
                             int64_t superTile) {
  tree.storage("DRAM", {"Q", "K", "V", "AV"});
  tree.temporal("b", 1);
  tree.temporal("h", 1);
  tree.temporal("p", superTile);
  tree.storage("buffer", {"Q", "RM", "RD", "RNV"});
  tree.temporal("m1", 1);
  tree.storage("buffer", {"K", "V"});
  tree.temporal("p", shape.queryTile);
}

FailureOr<int64_t> mappings::sideFileRows(MappingContext &context,
                                          const OnePassShape &shape) {
  FailureOr<int64_t> elements = capacityInElements(context, "side1d", "SLNV");
  if (failed(elements))
    return failure();
  return std::max<int64_t>(1, *elements / shape.queryTile);
}

void mappings::holdSideFile(LoopTreeBuilder &tree, int64_t rows) {
  tree.stream("side1d", {"SLNV"}, "f", rows);
}
