//===- Clock.cpp - When everything happens --------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Clock.h"

#include "lib/Arch/Delivery.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

/// In which the operators of an Einsum compute, as arrays call it.
static std::string datatypeOf(const EinsumInfo &einsum, const Points &points) {
  EinsumInterface op = einsum.op;
  if (auto said = op->getAttrOfType<StringAttr>(kComputesIn))
    return said.str();
  std::string datatype;
  llvm::raw_string_ostream(datatype)
      << getScalarType(points.tensors[einsum.results.front()].elementType);
  return datatype;
}

FailureOr<uint64_t> einsum::sim::cyclesPerRun(const Node &leaf,
                                              const Points &points,
                                              const arch::ArchSpec &arch) {
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  const arch::Array &array = arch.arrays[leaf.array];
  std::string datatype = datatypeOf(einsum, points);
  uint64_t cycles = 0;
  for (const auto &[name, count] : einsum.operators) {
    SmallVector<const arch::OpCost *, 2> parts = {array.findOp(name, datatype)};
    if (!parts[0] && name == "mac")
      parts = {array.findOp("mul", datatype), array.findOp("add", datatype)};
    if (llvm::is_contained(parts, nullptr))
      return leaf.op->emitError()
             << "array '" << array.name << "' has no operator '" << name
             << "' for " << datatype << ", which Einsum '" << einsum.name
             << "' needs; it has "
             << llvm::join(llvm::make_first_range(array.ops), ", ");
    for (const arch::OpCost *part : parts) {
      uint64_t own = part->cycles * count;
      cycles = leaf.chained ? std::max(cycles, own) : cycles + own;
    }
  }
  return cycles;
}

/// How long after the next could be issued the last results of a leaf come:
/// each operator hands on to another, once.
static uint64_t latencyBeyond(const Node &leaf, const Points &points,
                              const arch::ArchSpec &arch) {
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  const arch::Array &array = arch.arrays[leaf.array];
  std::string datatype = datatypeOf(einsum, points);
  uint64_t sum = 0;
  auto add = [&](const arch::OpCost *cost) {
    sum += cost ? cost->latency - cost->cycles : 0;
  };
  for (const auto &[name, count] : einsum.operators) {
    const arch::OpCost *own = array.findOp(name, datatype);
    add(own);
    if (own || name != "mac")
      continue;
    add(array.findOp("mul", datatype));
    add(array.findOp("add", datatype));
  }
  return sum;
}

namespace {

/// Cycles that a transfer keeps one port of a level busy.
struct PortTime {
  std::string port;
  double cycles = 0;
};

class Clock : public LaggedWalk {
public:
  Clock(const Points &points, const Program &program, const Plan &plan,
        const Ledger &ledger, const arch::ArchSpec &arch, bool keepTasks,
        Simulation &result)
      : LaggedWalk(points, program, plan), ledger(ledger), arch(arch),
        keepTasks(keepTasks), result(result), cursors(program.nodes.size()),
        entered(program.nodes.size(), 0), reached(program.nodes.size(), 0),
        moments(program.nodes.size(), 0), perRun(program.nodes.size(), 0),
        late(program.nodes.size(), 0) {
    for (int leaf : program.leaves) {
      perRun[leaf] = *cyclesPerRun(program.nodes[leaf], points, arch);
      late[leaf] = latencyBeyond(program.nodes[leaf], points, arch);
    }
  }

  void measure() {
    run();
    runDry(-1);
    now += startUp(0) + firstTiles;
    for (const PortTime &port : portTimes(sumBelow(0), 1)) {
      note(0, now, port.port, program.nodes.front(), "");
      now = std::max(now, port.cycles);
    }
    result.cycles = now;
    for (auto [id, node] : llvm::enumerate(program.nodes))
      if (node.kind == NodeKind::transfer)
        result.engines[node.engine].bytes += ledger.moved(id);
  }

private:
  //===--------------------------------------------------------------------===//
  // Leaves
  //===--------------------------------------------------------------------===//

  /// A nest is a leaf with the loops right above it: one task per visit.
  bool isNest(int id) const {
    const Node &node = program.nodes[id];
    if (!node.isLoop() && node.kind != NodeKind::leaf)
      return false;
    if (node.parent >= 0 && program.nodes[node.parent].isLoop())
      return false;
    while (program.nodes[id].isLoop())
      id = program.nodes[id].children.front();
    return program.nodes[id].kind == NodeKind::leaf;
  }

  void visitNode(int id, Context &context) override {
    double start = now;
    uint64_t before = runs;
    LaggedWalk::visitNode(id, context);
    if (!keepTasks || runs == before || !isNest(id))
      return;
    const Node &leaf = program.nodes[program.nodes[id].end - 1];
    note(start, now, arch.arrays[leaf.array].name, leaf,
         describeTile(leaf, context));
  }

  void runLeaf(int id, Context &context) override {
    const Node &leaf = program.nodes[id];
    const EinsumInfo &einsum = points.einsums[leaf.einsum];
    bool ran = llvm::any_of(context.units, [&](const Unit &unit) {
      return passesGuards(leaf, unit, program.nodes.size()) &&
             llvm::all_of(
                 einsum.ranks,
                 [&](int rank) { return unit.lo[rank] < unit.hi[rank]; }) &&
             points.isExecuted(einsum, unit.lo);
    });
    if (!ran)
      return;
    ++runs;
    now += perRun[id];
    result.arrays[leaf.array].busyCycles += perRun[id];
  }

  std::string describeTile(const Node &leaf, const Context &context) const {
    std::string text;
    for (int rank : points.einsums[leaf.einsum].ranks) {
      int64_t lo = INT64_MAX, hi = 0;
      for (const Unit &unit : context.units) {
        lo = std::min(lo, unit.lo[rank]);
        hi = std::max(hi, unit.hi[rank]);
      }
      text += (text.empty() ? "" : " ") + points.ranks[rank].name + "=" +
              std::to_string(lo);
      if (hi > lo + 1)
        text += ".." + std::to_string(hi);
    }
    return text;
  }

  void note(double start, double end, std::string resource, const Node &node,
            std::string tile) {
    if (!keepTasks || end <= start)
      return;
    std::string name = node.op->getName().stripDialect().str();
    if (node.kind == NodeKind::leaf)
      name += " " + points.einsums[node.einsum].name;
    if (node.kind == NodeKind::storage)
      name += " " + arch.levels[node.level].name;
    result.timeline.push_back(
        {start, end, std::move(resource), std::move(name), std::move(tile)});
  }

  //===--------------------------------------------------------------------===//
  // Sequences
  //===--------------------------------------------------------------------===//

  void visitSequence(int id, Context &context) override {
    const Node &node = program.nodes[id];
    for (auto [i, child] : llvm::enumerate(node.children)) {
      double start = now, outerTiles = firstTiles;
      bool isIteration = program.isIteration(child);
      bool happens = plan.arrivals[child][reached[child]++] != 0;
      if (!isIteration)
        firstTiles = 0;
      visit(child, context);
      if (!isIteration) {
        now += happens ? startUp(child) + firstTiles : 0;
        firstTiles = outerTiles;
      }
      if (!happens)
        continue;
      for (const PortTime &port :
           portTimes(sumBelow(child), plan.happened[child])) {
        note(start, start + port.cycles, port.port, program.nodes[child], "");
        now = std::max(now, start + port.cycles);
      }
      if (i + 1 < node.children.size())
        addDrain(child, node.children[i + 1]);
    }
  }

  /// Section 7, start-up: the first nest waits for its first operands, and the
  /// last one's results leave late. A child that is split again leaves it to
  /// its own children.
  uint64_t startUp(int id) const {
    int first = -1, last = -1;
    for (int i = id; i < program.nodes[id].end; ++i) {
      if (program.nodes[i].isSplit())
        return 0;
      if (program.nodes[i].kind != NodeKind::leaf)
        continue;
      first = first < 0 ? i : first;
      last = i;
    }
    if (first < 0)
      return 0;
    return arch.arrays[program.nodes[first].array].fillCycles +
           arch.arrays[program.nodes[last].array].drainCycles + late[last] +
           firstWords(id);
  }

  /// Levels that something below reads from, and links on the way, answer one
  /// after another.
  uint64_t firstWords(int id) const {
    if (!answersLate)
      return 0;
    uint64_t cycles = 0;
    Moves moves = sumBelow(id);
    for (auto [level, traffic] : llvm::zip(arch.levels, moves.levels))
      cycles += traffic.readBytes > 0 ? level.latencyCycles : 0;
    for (auto [link, bytes] : llvm::zip(arch.links, moves.links))
      cycles += bytes > 0 ? link.latencyCycles * arch.longestWay(link) : 0;
    return cycles;
  }

  /// The last sums of `before` pass through the dimensions that reduce them.
  void addDrain(int before, int after) {
    if (arch.accounting.freeSums)
      return;
    llvm::SmallVector<int, 2> loops;
    for (int reader : program.leaves) {
      if (!program.isBelow(reader, after))
        continue;
      for (const ReadInfo &read :
           points.einsums[program.nodes[reader].einsum].reads) {
        int producer = points.tensors[read.tensor].producer;
        if (producer < 0 ||
            !program.isBelow(program.leafOf[producer], before) ||
            program.nodes[program.leafOf[producer]].array ==
                program.nodes[reader].array)
          continue;
        for (int i = program.leafOf[producer]; i >= 0;
             i = program.nodes[i].parent)
          if (program.nodes[i].kind == NodeKind::spatial &&
              points.einsums[producer].reduces(program.nodes[i].rank) &&
              !llvm::is_contained(loops, i))
            loops.push_back(i);
      }
    }
    for (int loop : loops)
      now += program.nodes[loop].mostSteps();
  }

  /// What moved at each level and over each link.
  struct Moves {
    std::vector<Traffic> levels;
    std::vector<uint64_t> links;
  };

  Moves sumBelow(int id) const {
    Moves sums;
    for (size_t level = 0; level < arch.levels.size(); ++level)
      sums.levels.push_back(ledger.below(id, level));
    for (size_t link = 0; link < arch.links.size(); ++link)
      sums.links.push_back(ledger.crossedBelow(id, link));
    return sums;
  }

  Moves sumAt(int id) const {
    Moves sums;
    for (size_t level = 0; level < arch.levels.size(); ++level)
      sums.levels.push_back(ledger.at(id, level));
    for (size_t link = 0; link < arch.links.size(); ++link)
      sums.links.push_back(ledger.crossedAt(id, link));
    return sums;
  }

  /// What moves take at each port, per visit.
  std::vector<PortTime> portTimes(const Moves &moves, uint64_t visits) const {
    std::vector<PortTime> times;
    for (auto [link, bytes] : llvm::zip(arch.links, moves.links)) {
      if (!link.bytesPerS || bytes == 0)
        continue;
      double seconds = bytes / (*link.bytesPerS * arch::wiresOf(arch, link));
      times.push_back(
          {"link into " + link.name, seconds * arch.clockHz / visits});
    }
    for (auto [level, traffic] : llvm::zip(arch.levels, moves.levels)) {
      std::string name = level.name;
      double instances = arch.instances(level);
      auto add = [&](uint64_t bytes, const std::optional<double> &bandwidth,
                     const char *what) {
        if (!bandwidth || bytes == 0)
          return;
        double seconds = bytes / (*bandwidth * instances);
        times.push_back({name + what, seconds * arch.clockHz / visits});
      };
      auto addPorts = [&](uint64_t accesses, uint64_t ports, const char *what) {
        if (ports != 0 && accesses != 0)
          times.push_back(
              {name + what, double(accesses) / (ports * instances) / visits});
      };
      addPorts(traffic.readAccesses, level.readPorts, " read ports");
      addPorts(traffic.writeAccesses, level.writePorts, " write ports");
      addPorts(traffic.readAccesses + traffic.writeAccesses, level.sharedPorts,
               " ports");
      add(traffic.readBytes, level.readBytesPerS, " read");
      add(traffic.writeBytes, level.writeBytesPerS, " write");
      add(traffic.readBytes + traffic.writeBytes, level.sharedBytesPerS, "");
    }
    return times;
  }

  //===--------------------------------------------------------------------===//
  // Transfers that do not hide behind work
  //===--------------------------------------------------------------------===//

  /// An engine is busy with an even share of what it moves here in all.
  void runTransfer(int id, Context & /*context*/) override {
    const Node &node = program.nodes[id];
    if (!plan.arrivals[id][moments[id]++])
      return;
    const arch::Engine &engine = arch.engines[node.engine];
    double cycles = 0, visits = plan.happened[id];
    for (const PortTime &port : portTimes(sumAt(id), plan.happened[id]))
      cycles = std::max(cycles, port.cycles);
    if (engine.bytesPerS)
      cycles = std::max(cycles, ledger.moved(id) / *engine.bytesPerS *
                                    arch.clockHz / visits);
    cycles += engine.latencyCycles;
    note(now, now + cycles, engine.name, node, "");
    now += cycles;
    result.engines[node.engine].busyCycles += cycles;
  }

  /// Profile "buffered": what the fills and drains of one visit take.
  double ownTransfers(int id) const {
    double cycles = 0;
    if (arch.accounting.buffered && plan.happened[id] != 0)
      for (const PortTime &port : portTimes(sumAt(id), plan.happened[id]))
        cycles = std::max(cycles, port.cycles);
    return cycles;
  }

  void enter(int id, Context &context) override {
    LaggedWalk::enter(id, context);
    entered[id] = now;
  }

  /// With one buffer transfers add to the work of the visit; with more they
  /// hide behind it, but the first.
  void leave(int id, Context &context) override {
    const Node &node = program.nodes[id];
    if (!arch.accounting.buffered ||
        !plan.storages[id].visits[context.visits[id]].happens)
      return;
    double own = ownTransfers(id), start = entered[id];
    if (node.buffers == 1) {
      note(now, now + own, arch.levels[node.level].name + " tile", node, "");
      now += own;
      return;
    }
    if (program.isIteration(id) || !program.isOverlapped(id))
      now = std::max(now, start + own);
    firstTiles = std::max(firstTiles, sumFirstTiles(id));
  }

  /// A first tile, and those of the tiles around it that arrive before it.
  double sumFirstTiles(int id) const {
    double sum = 0;
    for (int i = id; i >= 0; i = program.nodes[i].parent) {
      const Node &node = program.nodes[i];
      if (node.kind == NodeKind::storage && node.buffers > 1)
        sum += ownTransfers(i);
      bool endsHere = node.parent >= 0 && isSequential(node.parent) &&
                      !program.isIteration(i);
      if (endsHere)
        break;
    }
    return sum;
  }

  bool isSequential(int id) const {
    return program.nodes[id].kind == NodeKind::sequence ||
           (program.nodes[id].kind == NodeKind::pipeline &&
            arch.accounting.sequential);
  }

  //===--------------------------------------------------------------------===//
  // Pipelines
  //===--------------------------------------------------------------------===//

  /// Accounting "sequential": a pipeline counts as a sequence.
  void visitPipeline(int id, Context &context) override {
    if (arch.accounting.sequential)
      return visitSequence(id, context);
    LaggedWalk::visitPipeline(id, context);
  }

  /// How far each array and engine has come in the slot of a pipeline.
  struct Slot {
    double start = 0;
    std::map<int, double> resources;
  };

  void beginSlot(int id) override {
    cursors[id].start = now;
    cursors[id].resources.clear();
  }

  void runStage(int id, int child, Context &context) override {
    double &cursor =
        cursors[id]
            .resources
            .try_emplace(resourceOf(program.nodes[id].children[child]),
                         cursors[id].start)
            .first->second;
    now = cursor;
    LaggedWalk::runStage(id, child, context);
    cursor = now;
    now = cursors[id].start;
  }

  /// The array of the leaves of a stage; an engine if it has none.
  int resourceOf(int stage) const {
    auto leaf = llvm::find_if(program.leaves,
                              [&](int l) { return program.isBelow(l, stage); });
    if (leaf != program.leaves.end())
      return program.nodes[*leaf].array;
    return arch.arrays.size() + program.nodes[stage].engine;
  }

  void endSlot(int id) override {
    now = cursors[id].start;
    for (auto [resource, cursor] : cursors[id].resources)
      now = std::max(now, cursor);
  }

  /// Arrays stay full from slot to slot; those of a pipeline start together.
  void endRegion(int id) override {
    double most = 0;
    for (int stage : program.nodes[id].children)
      most = std::max<double>(most, startUp(stage));
    now += most;
  }

  const Ledger &ledger;
  const arch::ArchSpec &arch;
  bool keepTasks;
  Simulation &result;
  double now = 0;
  /// Section 7: the longest first tiles since the last node that adds them.
  double firstTiles = 0;
  uint64_t runs = 0;
  std::vector<Slot> cursors;   ///< per pipeline
  std::vector<double> entered; ///< per storage node: when control came last
  std::vector<size_t> reached; ///< per child of a sequence: visits so far
  std::vector<size_t> moments; ///< per transfer: visits so far
  std::vector<uint64_t> perRun, late;
  /// Some level or link has a latency.
  bool answersLate = llvm::any_of(arch.levels,
                                  [](const arch::Level &level) {
                                    return level.latencyCycles > 0;
                                  }) ||
                     llvm::any_of(arch.links, [](const arch::Link &link) {
                       return link.latencyCycles > 0;
                     });
};

} // namespace

void einsum::sim::measureTime(const Points &points, const Program &program,
                              const Plan &plan, const Ledger &ledger,
                              const arch::ArchSpec &arch, bool keepTasks,
                              Simulation &result) {
  Clock(points, program, plan, ledger, arch, keepTasks, result).measure();
}
