//===- Flat.cpp - Scores of a group of queries stay on chip ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// FLAT (Kao et al., ASPLOS 2023) in the form that Nayak et al. (MICRO 2024)
// compare with. The scores of a group of R queries stay in the buffer while the
// 2D array, the 1D array and the 2D array again work on consecutive tiles of
// it; QK, SN and A overwrite one another. What does not fit is spilled to DRAM.
//
// Q, K, V and AV stream through small double-buffered landing spaces. Q of a
// group, or K of a head, may be staged in the buffer instead, and the scores
// may be left off chip altogether. Which, and the size R, FLAT explores. It
// looks only at the two products:
//
//   time = max(cycles of the 2D array,
//              DRAM time of Q, K, V, AV and of the spilled QK written, A read)
//
// Among equally fast choices it prefers the coarsest groups, then the least
// staging. So do we: candidates are listed in that order and the first of the
// fastest wins. A group qualifies if its scores alone fit the buffer; landing
// spaces and staged tensors come on top, and they are what causes spilling.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "mappings/ThreePass.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

namespace {

enum class Staging { nothing, queries, keys, scoresOffChip };

struct Candidate {
  int64_t group = 0; ///< queries whose scores are on chip together
  Staging staging = Staging::nothing;
};

/// Coarsest first: a whole head, then 4, 2 and 1 array heights. `buffer` counts
/// elements.
std::vector<Candidate> listCandidates(const ThreePassShape &shape,
                                      int64_t buffer) {
  std::vector<Candidate> candidates;
  SmallVector<int64_t> groups = {shape.queries};
  for (int64_t heights : {4, 2, 1}) {
    int64_t group = heights * shape.rows;
    if (group < groups.back() && shape.queries % group == 0 &&
        group % shape.queryTile == 0)
      groups.push_back(group);
  }
  for (int64_t group : groups) {
    if (group * shape.keys <= buffer)
      for (Staging staging :
           {Staging::nothing, Staging::queries, Staging::keys})
        candidates.push_back({group, staging});
    candidates.push_back({group, Staging::scoresOffChip});
  }
  return candidates;
}

class FlatTree {
public:
  FlatTree(LoopTreeBuilder &tree, const ThreePassShape &shape,
           Candidate candidate, int64_t buffer)
      : tree(tree), nests(tree, shape), shape(shape), candidate(candidate),
        resident(buffer - streamedElements()) {}

  void build() {
    if (candidate.staging == Staging::scoresOffChip)
      buildOffChip();
    else
      buildOnChip();
  }

private:
  bool stages(Staging staging) const { return candidate.staging == staging; }

  /// Two copies each of what Q, K, V and AV take in the buffer.
  int64_t streamedElements() const {
    int64_t q = stages(Staging::queries) ? candidate.group : shape.queryTile;
    int64_t k = stages(Staging::keys) ? shape.keys : shape.keyTile;
    return 2 *
           ((q + k) * shape.e + (shape.keyTile + shape.queryTile) * shape.f);
  }

  void stage(StringRef tensor) {
    tree.storage("buffer", {tensor}).setBuffers(2);
  }

  void land(ArrayRef<StringRef> tensors) {
    schedule::StorageOp space = tree.storage("buffer", tensors);
    space.setBuffers(2);
    space.setPassthrough(true);
  }

  void buildOnChip() {
    bool spills = resident < candidate.group * shape.keys;
    if (spills)
      tree.storage("DRAM", {"Q", "K", "V", "QK", "SN", "A", "AV"});
    else
      tree.storage("DRAM", {"Q", "K", "V", "AV"});
    tree.temporal("b", 1);
    tree.temporal("h", 1);
    if (stages(Staging::keys))
      stage("K");
    tree.temporal("p", candidate.group);
    schedule::StorageOp scores = tree.storage("buffer", {"QK", "SN", "A"});
    scores.setShared(true);
    if (spills)
      scores.setResident(std::max<int64_t>(1, resident));
    if (stages(Staging::queries))
      stage("Q");
    tree.temporal("p", shape.queryTile);
    tree.pipeline({0, 1, 2}, {[&] { scoresNest(); }, [&] { nests.softmax(); },
                              [&] { valuesNest(); }});
  }

  void scoresNest() {
    tree.temporal("m", shape.keyTile);
    if (!stages(Staging::queries))
      land({"Q"});
    if (!stages(Staging::keys))
      land({"K"});
    nests.scoresOfTile();
  }

  void valuesNest() {
    land({"AV"});
    tree.temporal("m", shape.keyTile);
    land({"V"});
    nests.valuesOfTile();
  }

  void buildOffChip() {
    tree.storage("DRAM", {"Q", "K", "V", "QK", "A", "AV"});
    tree.temporal("b", 1);
    tree.temporal("h", 1);
    tree.temporal("p", candidate.group);
    tree.pipeline({0, 1, 2},
                  {[&] { nests.streamKeys(); }, [&] { nests.softmaxByRow(); },
                   [&] { nests.streamValues(); }});
  }

  LoopTreeBuilder &tree;
  ThreePassNests nests;
  const ThreePassShape &shape;
  Candidate candidate;
  int64_t resident; ///< scores that fit beside the landing spaces
};

/// The objective of FLAT's exploration, in cycles.
double exploredCycles(const MappingContext &context,
                      const cost::Evaluation &cost) {
  const arch::ArchSpec &arch = context.getArch();
  int dram = arch.findLevel("DRAM");
  auto traffic = [&](StringRef tensor) {
    return cost
        .tensorTraffic[context.tensorIndex(tensor) * arch.levels.size() + dram];
  };
  uint64_t bytes = traffic("QK").writeBytes + traffic("A").readBytes;
  for (StringRef tensor : {"Q", "K", "V", "AV"})
    bytes += traffic(tensor).bytes();
  double bandwidth = arch.levels[dram].sharedBytesPerS.value_or(HUGE_VAL);
  return std::max(cost.arrays[arch.findArray("array2d")].busyCycles,
                  bytes / bandwidth * arch.clockHz);
}

class Flat : public MappingPass {
public:
  StringRef getName() const override { return "flat"; }
  StringRef getDescription() const override {
    return "three-pass attention, scores of a group of queries on chip (FLAT, "
           "ASPLOS "
           "2023)";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    FailureOr<ThreePassShape> shape = ThreePassShape::read(context);
    if (failed(shape))
      return failure();
    FailureOr<int64_t> buffer = capacityInElements(context, "buffer", "QK");
    if (failed(buffer))
      return failure();
    std::vector<Candidate> candidates = listCandidates(*shape, *buffer);
    auto buildTree = [&](const Candidate &candidate) {
      LoopTreeBuilder tree = context.start(getName());
      FlatTree(tree, *shape, candidate, *buffer).build();
      return context.finish();
    };
    // The last candidate needs the least memory: whatever else is wrong shows
    // there, and is reported once.
    FailureOr<schedule::MappingOp> least = buildTree(candidates.back());
    if (failed(least) || !context.evaluate(*least, /*explain=*/true))
      return failure();
    context.discard(*least);
    return buildTree(explore(context, candidates, buildTree));
  }

private:
  using BuildTree =
      llvm::function_ref<FailureOr<schedule::MappingOp>(const Candidate &)>;

  Candidate explore(MappingContext &context, ArrayRef<Candidate> candidates,
                    BuildTree buildTree) {
    Candidate best;
    double bestCycles = HUGE_VAL;
    for (const Candidate &candidate : candidates) {
      FailureOr<schedule::MappingOp> mapping = buildTree(candidate);
      if (failed(mapping))
        continue;
      std::optional<cost::Evaluation> cost = context.evaluate(*mapping);
      context.discard(*mapping);
      double cycles = cost ? exploredCycles(context, *cost) : HUGE_VAL;
      if (cycles < bestCycles) {
        best = candidate;
        bestCycles = cycles;
      }
    }
    return best;
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createFlat() {
  return std::make_unique<Flat>();
}
