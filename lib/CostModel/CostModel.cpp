//===- CostModel.cpp - Energy and latency of any schedule -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/CostModel.h"

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::cost;

struct Evaluator::Impl {
  LoopTree tree;
  Queries queries;
  Scratch scratch;
  std::vector<std::string> operatorNames;
  llvm::DenseMap<Operation *, int> nodeOf;
  std::vector<CapacityViolation> violations;
  llvm::SmallVector<int> violatedAt;
  std::function<bool()> shouldStop;
  int overfull = -1; ///< spatial loop with more steps than units

  void reset(Evaluation &result);
  void countOperators(Evaluation &result);
  void computeEnergy(Evaluation &result);
  std::map<std::string, uint64_t> operatorsOf(const EinsumFact &einsum) const;
};

Evaluator::Evaluator(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Evaluator::~Evaluator() = default;

std::unique_ptr<Evaluator> Evaluator::create(schedule::MappingOp mapping,
                                             const CascadeFacts &facts,
                                             const arch::ArchSpec &arch) {
  FailureOr<LoopTree> tree = buildLoopTree(mapping, facts, arch);
  if (failed(tree))
    return nullptr;
  auto impl = std::make_unique<Impl>();
  impl->tree = std::move(*tree);
  impl->queries.build(impl->tree);
  for (auto [id, node] : llvm::enumerate(impl->tree.nodes))
    impl->nodeOf[node.op] = id;
  std::set<std::string> names;
  for (const EinsumFact &einsum : facts.einsums)
    for (const auto &[name, count] : impl->operatorsOf(einsum))
      names.insert(name);
  impl->operatorNames.assign(names.begin(), names.end());
  return std::unique_ptr<Evaluator>(new Evaluator(std::move(impl)));
}

const std::vector<std::string> &Evaluator::operatorNames() const {
  return impl->operatorNames;
}

const std::vector<CapacityViolation> &Evaluator::violations() const {
  return impl->violations;
}

void Evaluator::setTile(Operation *loop, int64_t tile) {
  impl->tree.nodes[impl->nodeOf.lookup(loop)].given = tile;
}

void Evaluator::stopWhen(std::function<bool()> shouldStop) {
  impl->shouldStop = std::move(shouldStop);
}

void Evaluator::avoidShortWays() { impl->scratch.generalOnly = true; }

void Evaluator::takeEveryStep() {
  impl->scratch.generalOnly = true;
  impl->tree.hasUnevenSteps = true;
  impl->queries.everyStep = true;
}

void Evaluator::Impl::reset(Evaluation &result) {
  size_t levels = tree.arch->levels.size();
  const CascadeFacts &facts = *tree.facts;
  result.levels.assign(levels, {});
  result.arrays.resize(tree.arch->arrays.size());
  for (ArrayCost &array : result.arrays) {
    array.busyCycles = array.utilization = array.energyPj = array.reductionPj =
        0;
    array.operators.assign(operatorNames.size(), 0);
    array.operatorPj.assign(operatorNames.size(), 0);
  }
  result.engines.assign(tree.arch->engines.size(), {});
  result.links.assign(tree.arch->links.size(), {});
  result.einsums.assign(facts.einsums.size(), {});
  result.tensorTraffic.assign(facts.tensors.size() * levels, {});
  result.einsumTraffic.assign(facts.einsums.size() * levels, {});
  result.time = {};
  result.energy = {};
  result.boundBy.clear();
  scratch.counter = {};
  if (shouldStop)
    scratch.counter.shouldStop = &shouldStop;
  scratch.unanswered = -1;
  scratch.isMixed = false;
  scratch.ownTraffic.assign(tree.nodes.size() * countPorts(*tree.arch), {});
  scratch.moved.assign(tree.nodes.size(), 0);
  violations.clear();
  violatedAt.clear();
}

std::map<std::string, uint64_t>
Evaluator::Impl::operatorsOf(const EinsumFact &einsum) const {
  if (tree.arch->accounting.onePerPoint)
    return {{"compute", 1}};
  return einsum.operators;
}

void Evaluator::Impl::countOperators(Evaluation &result) {
  for (auto [i, id] : llvm::enumerate(tree.leaves)) {
    const Node &leaf = tree.nodes[id];
    uint64_t points = scratch.points[i];
    ArrayCost &array = result.arrays[leaf.array];
    for (const auto &[name, perPoint, energyPj] : leaf.operators) {
      size_t index =
          llvm::lower_bound(operatorNames, name) - operatorNames.begin();
      scratch.counter.add(array.operators[index],
                          scratch.counter.mul(points, perPoint));
      array.operatorPj[index] += static_cast<double>(points) * energyPj;
    }
    double energy = static_cast<double>(points) * leaf.energyPerPoint;
    result.einsums[leaf.einsum].operatorEnergyPj = energy;
    array.energyPj += energy;
    result.energy.operators += energy;
  }
  for (ArrayCost &array : result.arrays) {
    array.energyPj += array.reductionPj;
    result.energy.operators += array.reductionPj;
  }
}

void Evaluator::Impl::computeEnergy(Evaluation &result) {
  for (auto [level, cost] : llvm::zip(tree.arch->levels, result.levels)) {
    cost.readPj = cost.traffic.readAccesses * level.readPj;
    cost.writePj = cost.traffic.writeAccesses * level.writePj;
    cost.energyPj = cost.readPj + cost.writePj + cost.multicastPj;
    (level.perArray >= 0 ? result.energy.registers : result.energy.memories) +=
        cost.energyPj;
  }
  for (const LinkCost &link : result.links)
    result.energy.links += link.energyPj;
  result.energy.leakage = tree.arch->leakageW() * result.latencySeconds * 1e12;
}

bool Evaluator::evaluate(Evaluation &result) {
  impl->reset(result);
  impl->overfull = impl->tree.updateSteps();
  if (impl->overfull >= 0)
    return false;
  computeReservations(impl->tree, impl->queries, impl->scratch);
  computeOccupancy(impl->tree, impl->queries, impl->scratch, result,
                   impl->violations, impl->violatedAt);
  if (impl->scratch.unanswered < 0)
    countAccesses(impl->tree, impl->queries, impl->scratch, result);
  if (impl->scratch.unanswered >= 0)
    return false; // times would be found for nothing, and not soon
  computeLatency(impl->tree, impl->queries, impl->scratch, result);
  impl->countOperators(result);
  impl->computeEnergy(result);
  return impl->violations.empty() && !impl->scratch.counter.overflowed &&
         impl->scratch.unanswered < 0;
}

static std::string formatBytes(uint64_t bytes) {
  std::string text = std::to_string(bytes) + " B";
  for (auto [shift, unit] : {std::pair(30, "GiB"), {20, "MiB"}, {10, "KiB"}})
    if (bytes >> shift)
      return text + " (" + std::to_string(bytes >> shift) + " " + unit + ")";
  return text;
}

void Evaluator::emitViolations() const {
  const LoopTree &tree = impl->tree;
  for (auto [violation, where] :
       llvm::zip(impl->violations, impl->violatedAt)) {
    InFlightDiagnostic diag = tree.nodes[where].op->emitError()
                              << "level '" << violation.level
                              << "' cannot hold the tiles placed there: needs "
                              << formatBytes(violation.neededBytes) << ", has "
                              << formatBytes(violation.availableBytes);
    for (const auto &[tile, bytes] :
         llvm::ArrayRef(violation.tiles).take_front(3))
      diag.attachNote() << tile << " takes " << formatBytes(bytes);
  }
  if (impl->overfull >= 0) {
    refuseUnits(tree, impl->overfull);
    return;
  }
  if (impl->scratch.unanswered >= 0 && impl->scratch.isMixed)
    tree.nodes[impl->scratch.unanswered].op->emitError()
        << "unsupported: of units that add to the same sums, 'resident' keeps "
           "them near some and not near others, whose tiles differ; let their "
           "tiles be alike, or keep whole tiles";
  else if (impl->scratch.unanswered >= 0)
    tree.nodes[impl->scratch.unanswered].op->emitError()
        << "unsupported: what is moved here cannot be counted; a filter or an "
           "access cuts its tiles into too many different pieces, or a rank "
           "that "
           "both are about is dealt to units and walked below them";
  if (impl->scratch.counter.overflowed)
    tree.nodes.front().op->emitError("a count exceeds 64 bits");
}
