//===- RankPasses.cpp - How often a rank must be traversed ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/RankPasses.h"

#include "lib/Analysis/FiberWalk.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;

StringRef einsum::stringify(Certainty certainty) {
  switch (certainty) {
  case Certainty::Theorem:
    return "theorem";
  case Certainty::BestKnown:
    return "best known";
  case Certainty::Asymptotic:
    return "asymptotic";
  case Certainty::Heuristic:
    return "heuristic";
  }
  llvm_unreachable("unknown certainty");
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

const FiberPasses *RankPasses::find(StringRef tensor, StringRef rank) const {
  for (const FiberPasses &fiber : fibers)
    if (fiber.tensor == tensor && fiber.rank == rank)
      return &fiber;
  return nullptr;
}

uint64_t RankPasses::get(StringRef rank) const {
  for (const RankHeadline &headline : ranks)
    if (headline.rank == rank)
      return headline.passes;
  return 0;
}

const RankHeadline *RankPasses::getHeadline() const {
  const RankHeadline *most = nullptr;
  for (const RankHeadline &headline : ranks)
    if (headline.fiber >= 0 && fibers[headline.fiber].whole.empty() &&
        (!most || headline.passes > most->passes))
      most = &headline;
  return most;
}

//===----------------------------------------------------------------------===//
// Which fibers are counted
//===----------------------------------------------------------------------===//

namespace {

/// Ranks of a tensor that are counted together, and what they are called.
struct Choice {
  std::vector<int> positions;
  std::string rank;
  bool isFlattened = false;
  std::string whole;
  bool isSummary = false;
};

class Counter {
public:
  explicit Counter(CascadeOp cascade)
      : graph(buildCascadeGraph(cascade)), coverer(graph), reach(graph) {
    for (auto [i, split] : llvm::enumerate(graph.splits))
      for (StringAttr part : split.parts)
        splitOf[part] = i;
  }

  RankPasses count();

private:
  std::vector<Choice> listChoices(int tensor) const;
  void addBundles(int tensor, std::vector<Choice> &choices) const;
  FiberPasses makeFiber(int tensor, const Choice &choice);
  FiberPasses makeUnread(int tensor, unsigned position) const;
  void addHeadlines(RankPasses &passes) const;

  CascadeGraph graph;
  Coverer coverer;
  SelfReach reach;
  llvm::DenseMap<StringAttr, int> splitOf;
  WalkMemory memory;
  /// Counts through tensors that are the same elements in another guise.
  struct Seen {
    uint64_t passes;
    FiberKey key;
  };
  std::map<FiberKey, Seen> seen;
};

} // namespace

/// Positions of `ranks` in a tensor; empty if it lacks one.
static std::vector<int> findPositions(const GraphTensor &tensor,
                                      ArrayRef<StringAttr> ranks) {
  std::vector<int> positions;
  for (StringAttr rank : ranks) {
    auto it = llvm::find(tensor.ranks, rank);
    if (it == tensor.ranks.end())
      return {};
    positions.push_back(it - tensor.ranks.begin());
  }
  return positions;
}

std::vector<Choice> Counter::listChoices(int id) const {
  const GraphTensor &tensor = graph.tensors[id];
  std::vector<Choice> choices;
  for (const SplitRank &split : graph.splits)
    if (std::vector<int> positions = findPositions(tensor, split.parts);
        !positions.empty())
      choices.push_back(
          {positions, split.whole.str(), /*isFlattened=*/true, "", false});
  for (auto [position, rank] : llvm::enumerate(tensor.ranks)) {
    Choice choice{{static_cast<int>(position)}, rank.str(), false, "", false};
    if (auto it = splitOf.find(rank); it != splitOf.end()) {
      const SplitRank &split = graph.splits[it->second];
      choice.whole = split.whole.str();
      choice.isSummary = findPositions(tensor, split.parts).empty();
    }
    choices.push_back(std::move(choice));
  }
  addBundles(id, choices);
  return choices;
}

/// Ranks that one reader reduces together: one fiber over all of them.
void Counter::addBundles(int id, std::vector<Choice> &choices) const {
  const GraphTensor &tensor = graph.tensors[id];
  for (int reader : tensor.readers) {
    const GraphEinsum &einsum = graph.einsums[reader];
    for (const GraphRead &read : einsum.reads) {
      if (read.tensor != id)
        continue;
      std::vector<int> positions;
      std::vector<std::string> names;
      for (auto [position, expr] : llvm::enumerate(read.index))
        if (int dim = getDim(expr); dim >= 0 && einsum.positions[dim] < 0) {
          positions.push_back(position);
          names.push_back(tensor.ranks[position].str());
        }
      bool known = llvm::any_of(choices, [&](const Choice &choice) {
        return choice.positions == positions;
      });
      if (positions.size() > 1 && !known)
        choices.push_back(
            {positions, llvm::join(names, ","), false, "", false});
    }
  }
}

FiberPasses Counter::makeFiber(int id, const Choice &choice) {
  const GraphTensor &tensor = graph.tensors[id];
  FiberKey key = {id, choice.positions};
  const FiberCount &own =
      memory.emplace(key, walkFiber(graph, coverer, reach, key, memory))
          .first->second;
  // The same elements in another guise may be traversed more often.
  Seen most = {std::max<uint64_t>(own.passes, 1), key};
  for (const FiberKey &guise : own.guises)
    if (auto it = seen.find(guise);
        it != seen.end() && it->second.passes > most.passes)
      most = it->second;
  seen[key] = most;

  const FiberCount &shown = memory.at(most.key);
  FiberPasses fiber;
  fiber.tensor = tensor.name;
  fiber.rank = choice.rank;
  fiber.isFlattened = choice.isFlattened;
  fiber.whole = choice.whole;
  fiber.isSummary = choice.isSummary;
  fiber.passes = most.passes;
  fiber.isOpaque = llvm::any_of(choice.positions, [&](int position) {
    return llvm::is_contained(tensor.opaque, position);
  });
  fiber.ownPasses = own.passes;
  fiber.witness = shown.witness;
  if (most.key != key)
    fiber.via = graph.tensors[most.key.first].name;
  fiber.oppositeScans = shown.oppositeScans;
  fiber.perStep = shown.perStep;
  fiber.period = shown.period;
  if (shown.growsWith) {
    fiber.growsWith = shown.growsWith.str();
    if (!getNumber(graph.getExtent(shown.growsWith)))
      fiber.certainty = Certainty::Asymptotic;
  }
  fiber.partial = shown.partial;
  for (auto [einsum, level] : own.stages)
    fiber.stages.push_back({graph.einsums[einsum].op, level});
  fiber.definition = tensor.value.getDefiningOp();
  return fiber;
}

/// A tensor that is only gathered from: nobody is known to walk it.
FiberPasses Counter::makeUnread(int id, unsigned position) const {
  const GraphTensor &tensor = graph.tensors[id];
  FiberPasses fiber;
  fiber.tensor = tensor.name;
  fiber.rank = tensor.ranks[position].str();
  if (auto it = splitOf.find(tensor.ranks[position]); it != splitOf.end())
    fiber.whole = graph.splits[it->second].whole.str();
  fiber.passes = 1;
  fiber.isOpaque = llvm::is_contained(tensor.opaque, position);
  fiber.definition = tensor.value.getDefiningOp();
  return fiber;
}

/// Parts count where all parts are there; tensors of one element per tile count
/// for a part only if nothing else has it.
void Counter::addHeadlines(RankPasses &passes) const {
  CascadeOp cascade = graph.cascade;
  for (bool isPart : {false, true})
    for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>()) {
      if (splitOf.count(rank.getSymNameAttr()) != isPart)
        continue;
      RankHeadline headline{rank.getSymName().str(), 0, -1};
      for (bool isSummary : {false, true}) {
        if (headline.fiber >= 0)
          break;
        for (auto [i, fiber] : llvm::enumerate(passes.fibers))
          if (fiber.rank == headline.rank && fiber.isSummary == isSummary &&
              // Of equal counts, the one that says least stands for the rank.
              (fiber.passes > headline.passes ||
               (fiber.passes == headline.passes && fiber.isOpaque)))
            headline = {headline.rank, fiber.passes, static_cast<int>(i)};
      }
      if (headline.fiber >= 0)
        passes.ranks.push_back(std::move(headline));
    }
}

RankPasses Counter::count() {
  RankPasses passes;
  std::vector<std::vector<FiberPasses>> fibers(graph.tensors.size());
  // Readers first: their counts serve the tensors that they read.
  for (int id = graph.tensors.size() - 1; id >= 0; --id)
    if (!graph.tensors[id].readers.empty())
      for (const Choice &choice : listChoices(id))
        fibers[id].push_back(makeFiber(id, choice));
    else if (!graph.tensors[id].opaque.empty())
      for (unsigned i = 0; i < graph.tensors[id].ranks.size(); ++i)
        fibers[id].push_back(makeUnread(id, i));
  for (std::vector<FiberPasses> &list : fibers)
    llvm::move(list, std::back_inserter(passes.fibers));
  addHeadlines(passes);
  return passes;
}

RankPasses einsum::computeRankPasses(CascadeOp cascade) {
  return Counter(cascade).count();
}

//===----------------------------------------------------------------------===//
// In words
//===----------------------------------------------------------------------===//

StringRef einsum::getEinsumName(Operation *einsum) {
  return cast<EinsumInterface>(einsum).getTensorNames()[0].getValue();
}

std::string einsum::joinWitness(const FiberPasses &fiber) {
  std::vector<std::string> names;
  for (Operation *einsum : fiber.witness)
    names.push_back(getEinsumName(einsum).str());
  return llvm::join(names, " -> ");
}

std::string einsum::describeGrowth(const FiberPasses &fiber) {
  if (fiber.perStep == 0)
    return "";
  return std::to_string(fiber.perStep) + " per " +
         (fiber.period == 1 ? "step"
                            : std::to_string(fiber.period) + " steps") +
         " of " + fiber.growsWith;
}

static std::string describeKind(const FiberPasses &fiber) {
  if (fiber.whole.empty())
    return "";
  return (fiber.isSummary ? "summary of " : "part of ") + fiber.whole;
}

static std::string describeCount(const FiberPasses &fiber) {
  const char *relation = fiber.certainty == Certainty::Theorem ? ">= " : "~ ";
  return (fiber.isOpaque ? "unknown, " : "") +
         (relation + std::to_string(fiber.passes));
}

std::string einsum::describeWitness(const FiberPasses &fiber) {
  std::string text = fiber.passes > 1 ? joinWitness(fiber) : "";
  if (!fiber.via.empty())
    text += " (through " + fiber.via + ")";
  if (fiber.oppositeScans)
    text += " (scans in opposite directions)";
  if (fiber.perStep > 0)
    text += " (" + describeGrowth(fiber) + ")";
  if (fiber.isOpaque)
    text += (text.empty() ? "" : " ") + std::string("unknown, >= ") +
            std::to_string(fiber.passes) + ": " + fiber.tensor +
            " is addressed by data";
  return text;
}

static std::string describeReason(const FiberPasses &fiber) {
  std::string text = describeWitness(fiber);
  for (auto [i, einsum] : llvm::enumerate(fiber.partial))
    text += (i == 0 ? "  revisits some: " : ", ") + getEinsumName(einsum).str();
  return text;
}

void einsum::printRankPasses(const RankPasses &passes, llvm::raw_ostream &os) {
  TextTable table({"tensor", "rank", ">passes", "", "forced by"});
  for (const FiberPasses &fiber : passes.fibers)
    table.add({fiber.tensor, fiber.rank, describeCount(fiber),
               describeKind(fiber), describeReason(fiber)});
  table.print(os);
}
