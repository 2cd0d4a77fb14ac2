//===- ThreePass.cpp - Attention in three passes, piece by piece ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/ThreePass.h"

#include "mappings/Attention.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

FailureOr<ThreePassShape> ThreePassShape::read(MappingContext &context) {
  if (failed(context.requireCascade(threePassAttention)))
    return failure();
  FailureOr<int64_t> queries = context.extent("p"), keys = context.extent("m");
  FailureOr<int64_t> e = context.extent("e"), f = context.extent("f");
  FailureOr<int64_t> columns = context.units("array2d", "col");
  FailureOr<int64_t> rows = context.units("array2d", "row");
  FailureOr<int64_t> lanes = context.units("array1d", "col");
  if (failed(queries) || failed(keys) || failed(e) || failed(f) ||
      failed(columns) || failed(rows) || failed(lanes))
    return failure();
  if (*f > *rows)
    return context.refuse()
           << "rank '" << context.rankName("f") << "' has extent " << *f
           << ", array 'array2d' has " << *rows << " rows";
  return ThreePassShape{*queries,
                        *keys,
                        *e,
                        *f,
                        *rows,
                        largestFactor(*queries, *columns),
                        largestFactor(*keys, *rows),
                        largestFactor(*keys, *lanes)};
}

void ThreePassNests::scoresOfTile() {
  tree.temporal("e", 1);
  tree.spatial("p", 1, "col");
  tree.spatial("m", 1, "row");
  tree.compute("QK", "array2d");
}

void ThreePassNests::valuesOfTile() {
  tree.temporal("m", 1);
  tree.spatial("p", 1, "col");
  tree.spatial("f", 1, "row");
  tree.compute("AV", "array2d");
}

void ThreePassNests::softmaxOfRow() {
  auto leaf = [this](StringRef einsum) {
    return [this, einsum] {
      tree.spatial("m", 1, "col");
      tree.compute(einsum, "array1d", /*chained=*/true);
    };
  };
  auto forAllKeys = [this](const LoopTreeBuilder::Child &child) {
    return [this, child] {
      tree.temporal("m", shape.laneTile);
      child();
    };
  };
  tree.storage("rf1d", {"GM", "SD"});
  tree.sequence({forAllKeys(leaf("GM")), forAllKeys([&] {
                   tree.storage("rf1d", {"SN"});
                   tree.sequence({leaf("SN"), leaf("SD")});
                 }),
                 forAllKeys(leaf("A"))});
}

void ThreePassNests::softmax() {
  tree.temporal("p", 1);
  softmaxOfRow();
}

void ThreePassNests::softmaxByRow() {
  tree.temporal("p", 1);
  tree.storage("buffer", {"QK", "SN", "A"}).setShared(true);
  softmaxOfRow();
}

void ThreePassNests::streamKeys() {
  tree.storage("buffer", {"Q"});
  tree.temporal("m", shape.keyTile);
  tree.storage("buffer", {"K"});
  tree.temporal("p", shape.queryTile);
  scoresOfTile();
}

void ThreePassNests::streamValues() {
  tree.storage("buffer", {"AV"});
  tree.temporal("m", shape.keyTile);
  tree.storage("buffer", {"V"});
  tree.temporal("p", shape.queryTile);
  valuesOfTile();
}
