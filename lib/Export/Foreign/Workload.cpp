//===- Workload.cpp - What both formats lack of a cascade -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Foreign/Workload.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;

void Losses::add(const llvm::Twine &sentence) {
  std::string text = sentence.str();
  if (!llvm::is_contained(sentences, text))
    sentences.push_back(text);
}

std::string Losses::comments() const {
  std::string text;
  for (const std::string &sentence : sentences)
    text += "# not expressed: " + sentence + "\n";
  return text;
}

void einsum::exporting::listLosses(const CascadeFacts &facts,
                                   const EinsumFact &einsum, Losses &losses) {
  std::string of = "Einsum '" + einsum.name + "': ";
  std::vector<std::string> operators;
  for (const auto &[name, count] : einsum.operators)
    if (name != "mac")
      operators.push_back(name);
  if (!operators.empty())
    losses.add(of + "its operators (" + llvm::join(operators, ", ") +
               "); every point is one compute");
  if (!einsum.domain.empty())
    losses.add(of + "the filter, or ragged split, that leaves out points");
  if (!einsum.direction.empty())
    losses.add(of + "it reads an earlier step of its own result, which has an "
                    "initial value");
  if (einsum.writes.size() > 1)
    losses.add(of + "its further results");
  for (const AccessFact &access : einsum.reads)
    if (access.gathers())
      losses.add(of + "that '" + facts.tensors[access.tensor].name +
                 "' is read at coordinates that are data; written as 0");
  for (const AccessFact &access : einsum.reads)
    for (const Coordinate &coordinate : access.coordinates)
      if (coordinate.constant != 0)
        losses.add(of + "the constant in a coordinate of '" +
                   facts.tensors[access.tensor].name + "'");
}

void einsum::exporting::listLosses(Operation *node, int id, Losses &losses) {
  std::string at = " (node " + std::to_string(id) + ")";
  if (isa<schedule::PipelineOp>(node))
    losses.add("the overlap of a pipeline; its children run one after "
               "another" +
               at);
  if (auto transfer = dyn_cast<schedule::TransferOp>(node))
    losses.add("transfers by DMA engine '" + transfer.getEngine() + "'");
  auto storage = dyn_cast<schedule::StorageOp>(node);
  if (!storage)
    return;
  std::string of = " at level '" + storage.getLevel().str() + "'" + at;
  if (storage.getBuffers() && *storage.getBuffers() > 1)
    losses.add(std::to_string(*storage.getBuffers()) + " buffers" + of);
  if (storage.getResident())
    losses.add("a tile of which only a part is resident" + of);
  if (storage.getShared())
    losses.add("tensors that share space" + of);
  if (storage.getPassthrough())
    losses.add("space through which data only passes" + of);
  if (storage.getStream())
    losses.add("a tile of which only a window along '" +
               storage.getStream()->str() + "' is held" + of);
  if (storage.getHalo() && *storage.getHalo() != "refetched")
    losses.add("a halo that is " + storage.getHalo()->str() + of);
}

void einsum::exporting::listLosses(const arch::ArchSpec &arch, Losses &losses) {
  for (const arch::Level &level : arch.levels) {
    if (level.beside >= 0)
      losses.add("level '" + level.name + "' is a further backing level");
    if (level.latencyCycles > 0)
      losses.add("the latency of level '" + level.name + "'");
    if (level.chunkBytes > 1)
      losses.add("chunks of level '" + level.name + "'");
  }
  for (const arch::Link &link : arch.links)
    losses.add("the link into '" + link.name + "'");
  for (const arch::Engine &engine : arch.engines)
    losses.add("DMA engine '" + engine.name + "'");
}

std::string einsum::exporting::upperRank(const RankFact &rank) {
  return StringRef(rank.name).upper();
}

std::string einsum::exporting::exactNumber(double value) {
  return nlohmann::json(value).dump();
}

std::vector<int> einsum::exporting::listLevelsTo(const arch::ArchSpec &arch,
                                                 int array) {
  std::vector<int> levels;
  for (int level = arch.arrays[array].level; level >= 0;
       level = arch.levels[level].parent)
    levels.insert(levels.begin(), level);
  return levels;
}
