//===- LoopTreeText.cpp - A schedule, drawn as a tree ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/LoopTreeLines.h"
#include "lib/Export/Result.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;

namespace {

class TreeReader {
public:
  explicit TreeReader(const CascadeFacts &facts) : facts(facts) {
    for (const RankFact &rank : facts.ranks)
      tiles.push_back(rank.extent);
  }

  void read(Operation *node, unsigned depth) {
    std::vector<int64_t> around =
        tiles; // a loop narrows its tile below it only
    lines.push_back({node, depth, describe(node)});
    for (Operation *child : getChildren(node))
      read(child, depth + 1);
    tiles = std::move(around);
  }

  std::vector<TreeLine> lines;

private:
  std::string describe(Operation *node) {
    return llvm::TypeSwitch<Operation *, std::string>(node)
        .Case([&](TemporalOp loop) {
          return "temporal " + describeSteps(loop.getRank(), loop.getTile());
        })
        .Case([&](SpatialOp loop) {
          return "spatial " + describeSteps(loop.getRank(), loop.getTile()) +
                 " across " + loop.getDim().str();
        })
        .Case([&](StorageOp storage) { return describeStorage(storage); })
        .Case([&](SequenceOp) { return std::string("sequence"); })
        .Case([&](PipelineOp pipeline) { return describePipeline(pipeline); })
        .Case([&](LeafOp leaf) {
          return "compute " + leaf.getEinsum().str() + " on " +
                 leaf.getArray().str() + (leaf.getChained() ? ", chained" : "");
        })
        .Case([&](TransferOp transfer) {
          std::string text = "transfer";
          for (auto tensor : transfer.getTensors().getAsRange<StringAttr>())
            text += (text == "transfer" ? " " : ", ") + tensor.str();
          return text + " on " + transfer.getEngine().str();
        });
  }

  /// "m: 256 steps of 16"; the tile below is then 16.
  std::string describeSteps(StringRef rank, int64_t tile) {
    int64_t &current = tiles[facts.findRank(rank)];
    int64_t steps = llvm::divideCeilSigned(current, tile),
            last = current % tile;
    tile = std::min(tile, current);
    current = tile;
    std::string text = rank.str() + ": " + std::to_string(steps) +
                       (steps == 1 ? " step" : " steps") + " of " +
                       std::to_string(tile);
    if (steps > 1 && last != 0)
      text += ", the last of " + std::to_string(last);
    return text;
  }

  static std::string describeStorage(StorageOp storage) {
    std::string text = "storage " + storage.getLevel().str() + ":";
    const char *separator = " ";
    for (auto tensor : storage.getTensors().getAsRange<StringAttr>()) {
      text += separator + tensor.str();
      separator = ", ";
    }
    std::string modifiers;
    auto modify = [&](const std::string &modifier) {
      modifiers += (modifiers.empty() ? " (" : "; ") + modifier;
    };
    if (storage.getBuffers())
      modify("buffers " + std::to_string(*storage.getBuffers()));
    if (storage.getResident())
      modify("resident " + std::to_string(*storage.getResident()));
    if (storage.getShared())
      modify("shared");
    if (storage.getPassthrough())
      modify("passthrough");
    if (storage.getStream())
      modify("stream " + storage.getStream()->str() + " depth " +
             std::to_string(*storage.getDepth()));
    if (storage.getHalo())
      modify("halo " + storage.getHalo()->str());
    return text + modifiers + (modifiers.empty() ? "" : ")");
  }

  static std::string describePipeline(PipelineOp pipeline) {
    std::string text = "pipeline, lags";
    for (unsigned i = 0; i < getChildren(pipeline).size(); ++i)
      text += (i ? ", " : " ") + std::to_string(pipeline.getLag(i));
    return text;
  }

  const CascadeFacts &facts;
  std::vector<int64_t> tiles;
};

} // namespace

std::vector<TreeLine>
einsum::exporting::listTreeLines(MappingOp mapping, const CascadeFacts &facts) {
  TreeReader reader(facts);
  for (Operation *root : getChildren(mapping))
    reader.read(root, 0);
  return std::move(reader.lines);
}

void einsum::exporting::printWrapped(StringRef text, unsigned indent,
                                     size_t columns, raw_ostream &os) {
  unsigned hanging = 4;
  while (true) {
    size_t room = columns > indent + 20 ? columns - indent : 20;
    size_t end = text.size() <= room ? text.size() : text.rfind(' ', room + 1);
    if (end == StringRef::npos)
      end = std::min(text.find(' '), text.size());
    os.indent(indent) << text.take_front(end) << "\n";
    text = text.drop_front(end).ltrim();
    if (text.empty())
      return;
    indent += hanging;
    hanging = 0;
  }
}

void einsum::exporting::printLoopTree(MappingOp mapping,
                                      const CascadeFacts &facts,
                                      raw_ostream &os) {
  for (const TreeLine &line : listTreeLines(mapping, facts))
    printWrapped(line.text, 2 * line.depth, 100, os);
}
