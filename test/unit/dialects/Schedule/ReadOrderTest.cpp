//===- ReadOrderTest.cpp - The verifier against running the schedule ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Constraint C4 of `schedule.mapping` is decided symbolically. The judge here
// does it the slow way: it executes random loop trees over small cascades point
// by point, pipelines slot by slot, and looks whether every element that is
// read has got all of its contributions. Both must say the same of every tree.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Schedule.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Plugin/LoopTreeBuilder.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

namespace {

const char *const cascades[] = {
    // A sum and who reads it, and who does not.
    "cascade shares(P=2, M=4) : f32\n input X[p,m]\n"
    " S[p] = X[p,m]\n A[p,m] = X[p,m] / S[p]\n B[p] = S[p] * S[p]\n"
    " output A, B\n",
    // A recurrence, its previous and its last element.
    "cascade running(P=2, M=4) : f32\n input X[m,p]\n"
    " R[m,p] = max(R[m-1,p], X[m,p]) init -inf\n"
    " D[m,p] = R[m,p] - R[m-1,p]\n E[p] = R[M-1,p]\n output D, E\n",
    // Two recurrences that feed one another, and what comes after.
    "cascade coupled(M=4) : f32\n input X[m]\n"
    " S[m] = X[m] * D[m-1]\n D[m] = S[m] + X[m] init 0\n"
    " O[m] = D[m] + X[m]\n output O\n",
    // Tiles: m and its parts.
    "cascade tiled(M=4, M0=2) : f32\n input X[m]\n split m = m1, m0(M0)\n"
    " Y[m] = exp(X[m])\n Z[m1,m0] = Y[m1*M0+m0] + 1\n"
    " L[m1] = max(m0) Z[m1,m0]\n G[] = max(m1) L[m1]\n output G\n",
    // Filters: a prefix sum may follow closely, a suffix sum may not.
    "cascade prefix(I=4, K=4) : f32\n input X[i]\n"
    " Y[i] = exp(X[i])\n P[i] = Y[k] where k <= i\n output P\n",
    "cascade suffix(I=4, K=4) : f32\n input X[i]\n"
    " Y[i] = exp(X[i])\n P[i] = Y[k] where i <= k\n output P\n",
    // Windows, strides and a step of two.
    "cascade window(Q=3, R=2, W=4) : f32\n input X[w]\n"
    " Y[w] = exp(X[w])\n Z[q] = Y[q+r]\n"
    " T[w] = T[w-2] + Y[w] init 0\n output Z, T\n",
    // Steps without points: one of four, one of two.
    "cascade gaps(I=4, K=4) : f32\n input X[k]\n"
    " Y[i] = X[k] where k <= i, i <= k\n Z[i] = Y[i-1] + Y[i-1]\n"
    " output Z\n",
    "cascade sparse(I=6, J=3) : f32\n input X[i]\n"
    " Y[i] = exp(X[i])\n S[j] = Y[i] where i <= 2*j, 2*j <= i\n"
    " T[j] = S[j] + S[j]\n output T\n",
    "cascade ahead(I=4, K=4) : f32\n input X[k]\n"
    " Y[i] = X[k] where k <= i, i <= k\n"
    " W[i] = W[i-1] + Y[i] init 0\n Z[i] = W[i-1] + X[k] where i <= k\n"
    " output Z\n",
    // Down along a rank.
    "cascade backward(I=4) : f32\n input X[i]\n"
    " B[i] = B[i+1] + X[i] init 0\n C[i] = B[i] * X[i]\n output C\n",
};

OwningOpRef<ModuleOp> parse(const char *text, MLIRContext &context) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, "test.ein"),
                             llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

/// Draws loop trees in which every leaf is complete and everything lives in one
/// place, so that only the order of reads can be wrong.
class RandomTree {
public:
  RandomTree(CascadeOp cascade, std::mt19937 &random)
      : cascade(cascade), random(random), builder(cascade.getContext()) {}

  MappingOp draw() {
    MappingOp mapping = createMapping(builder, cascade, "drawn", "toy");
    LoopTreeBuilder tree(builder, mapping);
    std::vector<EinsumInterface> einsums;
    SmallVector<StringRef> tensors;
    for (Operation &op : *cascade.getBodyBlock()) {
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        einsums.push_back(einsum);
      for (Value result : op.getResults())
        tensors.push_back(getTensorName(result));
    }
    tree.storage("DRAM", tensors);
    std::map<std::string, int64_t> left;
    for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
      left[rank.getSymName().str()] = *rank.getBoundExtent();
    add(tree, einsums, left);
    return mapping;
  }

private:
  int64_t choose(int64_t n) { return static_cast<int64_t>(random() % n); }

  void add(LoopTreeBuilder &tree, std::vector<EinsumInterface> einsums,
           std::map<std::string, int64_t> left) {
    std::vector<std::string> open;
    for (EinsumInterface einsum : einsums)
      for (StringAttr rank : einsum.getIterationRanks())
        if (left[rank.str()] > 1 && !llvm::is_contained(open, rank.str()))
          open.push_back(rank.str());
    if (einsums.size() == 1 && open.empty())
      return tree.compute(getEinsumName(einsums[0]), "pe");
    if (einsums.size() == 1 || (!open.empty() && choose(3) != 0)) {
      std::string rank = open[choose(open.size())];
      int64_t &extent = left[rank];
      int64_t tile = extent % 2 == 0 && choose(3) == 0 ? extent / 2 : 1;
      tree.temporal(rank, tile);
      extent = tile;
      return add(tree, einsums, left);
    }
    if (choose(4) == 0)
      std::shuffle(einsums.begin(), einsums.end(), random);
    std::vector<LoopTreeBuilder::Child> children;
    std::vector<int64_t> lags;
    for (size_t i = 0; i < einsums.size();) {
      size_t count = std::min<size_t>(
          einsums.size() - i, std::max<size_t>(1, choose(einsums.size())));
      std::vector<EinsumInterface> part(einsums.begin() + i,
                                        einsums.begin() + i + count);
      children.push_back([this, &tree, part, left] { add(tree, part, left); });
      lags.push_back(choose(3));
      i += count;
    }
    choose(2) ? tree.sequence(children) : tree.pipeline(lags, children);
  }

  CascadeOp cascade;
  std::mt19937 &random;
  OpBuilder builder;
};

using Point = std::map<std::string, int64_t>;

/// Runs a tree; `isLegal` stays true while reads find complete elements.
class Judge {
public:
  Judge(MappingOp mapping, CascadeOp cascade) : cascade(cascade) {
    leaves = resolveLeaves(mapping, cascade);
    for (Leaf &leaf : leaves)
      countContributions(leaf);
    run(getChildren(mapping).front(), {});
  }

  bool isLegal = true;

private:
  /// Steps of the loops that control has entered.
  struct Step {
    Operation *loop;
    int64_t number, steps, from;
  };
  using Steps = std::vector<Step>;
  using Element = std::pair<void *, std::vector<int64_t>>;

  std::vector<int64_t> evaluate(EinsumInterface einsum, AffineMap map,
                                const Point &point) {
    if (map.getNumResults() == 0)
      return {};
    Builder builder(cascade.getContext());
    SmallVector<Attribute> operands, results;
    for (StringAttr rank : einsum.getIterationRanks())
      operands.push_back(builder.getIndexAttr(point.at(rank.str())));
    for (StringAttr name : einsum.getSymbolNames())
      operands.push_back(builder.getIndexAttr(*cascade.getParam(name)));
    REQUIRE(succeeded(map.constantFold(operands, results)));
    std::vector<int64_t> values;
    for (Attribute result : results)
      values.push_back(cast<IntegerAttr>(result).getInt());
    return values;
  }

  bool isKept(EinsumInterface einsum, const Point &point) {
    for (const Access &access : einsum.getInputAccesses()) {
      auto producer = access.tensor.getDefiningOp<EinsumInterface>();
      if (producer && !producer.getInitialValues().empty())
        continue;
      auto ranks = cast<NamedTensorType>(access.tensor.getType()).getRanks();
      for (auto [rank, value] :
           llvm::zip(ranks, evaluate(einsum, access.map, point)))
        if (value < 0 || value >= *cascade.findRank(rank).getBoundExtent())
          return false;
    }
    std::optional<IntegerSet> filter = einsum.getFilterSet();
    if (!filter)
      return true;
    auto map = AffineMap::get(filter->getNumDims(), filter->getNumSymbols(),
                              filter->getConstraints(), cascade.getContext());
    for (auto [i, value] : llvm::enumerate(evaluate(einsum, map, point)))
      if (filter->isEq(i) ? value != 0 : value < 0)
        return false;
    return true;
  }

  Element written(EinsumInterface einsum, const Point &point) {
    return {einsum.getOperation(),
            evaluate(einsum, einsum.getOutputAccess(), point)};
  }

  void countContributions(Leaf &leaf) {
    SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
    Point point;
    std::function<void(size_t)> visit = [&](size_t i) {
      if (i == ranks.size()) {
        if (isKept(leaf.einsum, point))
          ++missing[written(leaf.einsum, point)];
        return;
      }
      for (int64_t x = 0; x < *cascade.findRank(ranks[i]).getBoundExtent();
           ++x) {
        point[ranks[i].str()] = x;
        visit(i + 1);
      }
    };
    visit(0);
  }

  void runLeaf(LeafOp op, const Steps &steps) {
    Leaf &leaf = *llvm::find_if(leaves, [&](Leaf &l) { return l.op == op; });
    Point point;
    for (auto [i, step] : llvm::enumerate(steps)) {
      const LoopAbove &loop = leaf.loops[i];
      if (loop.guard &&
          step.number != (*loop.guard == Guard::first ? 0 : step.steps - 1))
        return;
      point[loop.rank.str()] = step.from;
    }
    for (StringAttr rank : leaf.einsum.getIterationRanks())
      point.try_emplace(rank.str(), 0); // extent 1
    if (!isKept(leaf.einsum, point))
      return;
    happens = true;
    if (isLooking)
      return;
    for (const Access &access : leaf.einsum.getInputAccesses())
      if (Operation *producer = access.tensor.getDefiningOp())
        if (auto found = missing.find(
                {producer, evaluate(leaf.einsum, access.map, point)});
            found != missing.end())
          isLegal &= found->second == 0;
    --missing[written(leaf.einsum, point)];
  }

  /// All iterations of the loops from `node` down to the next node that is
  /// none.
  std::vector<Steps> iterate(Operation *&node, Steps steps) {
    while (isa<StorageOp>(node))
      node = getChildren(node).front();
    auto loop = dyn_cast<TemporalOp>(node);
    if (!loop)
      return {steps};
    int64_t from = 0,
            around = *cascade.findRank(loop.getRank()).getBoundExtent();
    for (const Step &outer : steps)
      if (auto other = cast<TemporalOp>(outer.loop);
          other.getRank() == loop.getRank()) {
        from = outer.from;
        around = other.getTile();
      }
    bool isDescending = llvm::any_of(leaves, [&](Leaf &leaf) {
      const LoopAbove *above = leaf.findLoop(loop);
      return above && above->isDescending;
    });
    int64_t count = around / loop.getTile();
    std::vector<Steps> all;
    Operation *below = nullptr;
    for (int64_t i = 0; i < count; ++i) {
      Steps inner = steps;
      inner.push_back({loop, i, count,
                       from + (isDescending ? count - 1 - i : i) *
                                  static_cast<int64_t>(loop.getTile())});
      below = getChildren(loop).front();
      llvm::append_range(all, iterate(below, inner));
    }
    node = below;
    return all;
  }

  struct Stage {
    Operation *node, *pipeline; ///< no pipeline: runs in every step
    int64_t lag;
  };

  /// Children in the order of a slot, with the lags that count here.
  static std::vector<Stage> stagesOf(Operation *node) {
    std::vector<Stage> stages;
    for (auto [i, child] : llvm::enumerate(getChildren(node))) {
      Operation *inner = child;
      while (isa<StorageOp>(inner))
        inner = getChildren(inner).front();
      if (auto pipeline = dyn_cast<PipelineOp>(node))
        stages.push_back({child, node, pipeline.getLag(i)});
      else if (isa<PipelineOp>(inner))
        llvm::append_range(stages, stagesOf(inner));
      else
        stages.push_back({child, nullptr, 0});
    }
    return stages;
  }

  /// Whether some leaf has a point there.
  bool isIteration(Operation *node, const Steps &steps) {
    bool outer = std::exchange(isLooking, true);
    happens = false;
    for (Operation *child : getChildren(node))
      run(child, steps);
    isLooking = outer;
    return happens;
  }

  void run(Operation *node, const Steps &steps) {
    std::vector<Steps> all = iterate(node, steps);
    if (auto leaf = dyn_cast<LeafOp>(node)) {
      for (const Steps &iteration : all)
        runLeaf(leaf, iteration);
      return;
    }
    std::vector<Stage> stages = stagesOf(node);
    if (isLooking) {
      for (const Steps &iteration : all)
        for (const Stage &stage : stages)
          run(stage.node, iteration);
      return;
    }
    // Of each pipeline: the steps that it takes a slot for.
    std::map<Operation *, std::vector<Steps>> iterations;
    int64_t longest = 0;
    for (const Stage &stage : stages) {
      longest = std::max(longest, stage.lag);
      if (!stage.pipeline || iterations.count(stage.pipeline))
        continue;
      std::vector<Steps> &own = iterations[stage.pipeline];
      for (const Steps &step : all)
        if (isIteration(stage.pipeline, step))
          own.push_back(step);
    }
    std::map<Operation *, int64_t> slots;
    auto runStage = [&](const Stage &stage, int64_t slot) {
      std::vector<Steps> &own = iterations[stage.pipeline];
      int64_t i = slot - stage.lag;
      if (i >= 0 && i < static_cast<int64_t>(own.size()))
        run(stage.node, own[i]);
    };
    auto isSlot = [&](const Stage &stage, size_t step) {
      std::vector<Steps> &own = iterations[stage.pipeline];
      size_t slot = slots[stage.pipeline];
      return slot < own.size() && llvm::equal(
                                      own[slot], all[step],
                                      [](const Step &a, const Step &b) {
                                        return a.loop == b.loop &&
                                               a.number == b.number;
                                      });
    };
    for (size_t step = 0; step < all.size(); ++step) {
      for (const Stage &stage : stages)
        if (!stage.pipeline)
          run(stage.node, all[step]);
        else if (isSlot(stage, step))
          runStage(stage, slots[stage.pipeline]);
      for (auto &[pipeline, slot] : slots)
        slot += isSlot({nullptr, pipeline, 0}, step);
    }
    for (int64_t late = 0; late < longest; ++late)
      for (const Stage &stage : stages)
        if (stage.pipeline)
          runStage(stage, slots[stage.pipeline] + late);
  }

  CascadeOp cascade;
  std::vector<Leaf> leaves;
  std::map<Element, int64_t> missing; ///< contributions still to come
  bool isLooking = false;             ///< whether something happens
  bool happens = false;
};

} // namespace

TEST_CASE(
    "reads are refused exactly when running the schedule shows them early",
    "[schedule]") {
  std::mt19937 random(20241102);
  for (const char *text : cascades) {
    MLIRContext context(MLIRContext::Threading::DISABLED);
    context.loadDialect<ScheduleDialect>();
    unsigned errors = 0;
    std::string messages;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      ++errors;
      messages += diagnostic.str() + "\n";
    });
    OwningOpRef<ModuleOp> module = parse(text, context);
    INFO(messages);
    REQUIRE(module);
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    unsigned legal = 0, illegal = 0;
    for (int i = 0; i < 400; ++i) {
      MappingOp mapping = RandomTree(cascade, random).draw();
      REQUIRE(succeeded(verify(mapping)));
      bool isLegal = Judge(mapping, cascade).isLegal;
      errors = 0;
      messages.clear();
      bool isAccepted = succeeded(verifyAgainstCascade(mapping, cascade));
      std::string tree;
      llvm::raw_string_ostream(tree) << *mapping;
      INFO(text << tree << messages);
      CHECK(isAccepted == isLegal);
      CHECK(errors == (isAccepted ? 0 : 1));
      ++(isLegal ? legal : illegal);
      mapping.erase();
    }
    INFO(text);
    CHECK(legal > 20);
    CHECK(illegal > 20);
  }
}
