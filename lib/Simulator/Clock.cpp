//===- Clock.cpp - When everything happens --------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Clock.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

FailureOr<uint64_t> einsum::sim::cyclesPerRun(const Node &leaf,
                                              const Points &points,
                                              const arch::ArchSpec &arch) {
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  const arch::Array &array = arch.arrays[leaf.array];
  std::string datatype;
  llvm::raw_string_ostream(datatype)
      << points.tensors[einsum.results.front()].elementType;
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
  std::string datatype;
  llvm::raw_string_ostream(datatype)
      << points.tensors[einsum.results.front()].elementType;
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
        perRun(program.nodes.size(), 0), late(program.nodes.size(), 0) {
    for (int leaf : program.leaves) {
      perRun[leaf] = *cyclesPerRun(program.nodes[leaf], points, arch);
      late[leaf] = latencyBeyond(program.nodes[leaf], points, arch);
    }
  }

  void measure() {
    run();
    runDry(-1);
    now += startUp(0);
    for (const PortTime &port : portTimes(0, 1)) {
      note(0, now, port.port, program.nodes.front(), "");
      now = std::max(now, port.cycles);
    }
    result.cycles = now;
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
    for (size_t i = 0; i < program.nodes.size(); ++i)
      if (program.nodes[i].kind == NodeKind::pipeline &&
          program.nodes[i].region == id)
        cursors[i].lastTook.clear(); // it has run dry
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
      double start = now;
      uint64_t before = runs;
      visit(child, context);
      if (runs == before)
        continue;
      now += startUp(child);
      for (const PortTime &port : portTimes(child, plan.happened[child])) {
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
           arch.arrays[program.nodes[last].array].drainCycles + late[last];
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
      now += program.nodes[loop].fullSteps();
  }

  /// What the transfers at or below a node take at each port, per visit.
  std::vector<PortTime> portTimes(int id, uint64_t visits) const {
    std::vector<PortTime> times;
    for (size_t i = 0; i < arch.levels.size(); ++i) {
      const arch::Level &level = arch.levels[i];
      Traffic traffic = ledger.below(id, i);
      auto add = [&](uint64_t bytes, const std::optional<double> &bandwidth,
                     const char *what) {
        if (!bandwidth || bytes == 0)
          return;
        double seconds = bytes / (*bandwidth * arch.instances(level));
        times.push_back({level.name + what, seconds * arch.clockHz / visits});
      };
      auto addPorts = [&](uint64_t accesses, uint64_t ports, const char *what) {
        if (ports != 0 && accesses != 0)
          times.push_back(
              {level.name + what,
               double(accesses) / (ports * arch.instances(level)) / visits});
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
  // Pipelines
  //===--------------------------------------------------------------------===//

  /// Accounting "sequential": a pipeline counts as a sequence.
  void visitPipeline(int id, Context &context) override {
    if (arch.accounting.sequential)
      return visitSequence(id, context);
    LaggedWalk::visitPipeline(id, context);
  }

  /// How far each array has come in the slot of a pipeline.
  struct Slot {
    double start = 0;
    std::map<int, double> arrays;
    llvm::DenseMap<int, double> lastTook; ///< per stage
  };

  void beginSlot(int id) override {
    cursors[id].start = now;
    cursors[id].arrays.clear();
  }

  void runStage(int id, int child, Context &context) override {
    int stage = program.nodes[id].children[child];
    auto leaf = llvm::find_if(program.leaves,
                              [&](int l) { return program.isBelow(l, stage); });
    int array = leaf == program.leaves.end() ? -1 : program.nodes[*leaf].array;
    double &cursor =
        cursors[id].arrays.try_emplace(array, cursors[id].start).first->second;
    now = cursor;
    LaggedWalk::runStage(id, child, context);
    double took = now - cursor;
    auto [last, isFirst] = cursors[id].lastTook.try_emplace(child, took);
    // The transfers of a visit are held against a slot that is not full yet,
    // and of the slots that come after the last visit against nothing.
    if (isFirst && crossesSequence(id))
      result.cycleBound +=
          program.nodes[id].lags[child] * std::max(took, transfersPerVisit(id));
    if (!isFirst)
      result.cycleBound +=
          program.nodes[id].lags[child] * std::abs(took - last->second);
    last->second = took;
    cursor = now;
    now = cursors[id].start;
  }

  /// What the transfers of children of sequences around a pipeline take.
  double transfersPerVisit(int id) const {
    double most = 0;
    for (int i = id; i >= 0; i = program.nodes[i].parent) {
      int parent = program.nodes[i].parent;
      if (parent < 0 || program.nodes[parent].kind != NodeKind::sequence)
        continue;
      for (const PortTime &port : portTimes(i, plan.happened[i]))
        most = std::max(most, port.cycles);
      if (parent == program.nodes[id].region)
        break;
    }
    return most;
  }

  /// True if the slots of a pipeline extend over the visits of a sequence.
  bool crossesSequence(int id) const {
    for (int i = program.nodes[id].parent;
         i >= 0 && i != program.nodes[id].region; i = program.nodes[i].parent)
      if (program.nodes[i].kind == NodeKind::sequence)
        return true;
    return program.nodes[id].region >= 0 &&
           program.nodes[program.nodes[id].region].kind == NodeKind::sequence;
  }

  void endSlot(int id) override {
    now = cursors[id].start;
    for (auto [array, cursor] : cursors[id].arrays)
      now = std::max(now, cursor);
  }

  const Ledger &ledger;
  const arch::ArchSpec &arch;
  bool keepTasks;
  Simulation &result;
  double now = 0;
  uint64_t runs = 0;
  std::vector<Slot> cursors; ///< per pipeline
  std::vector<uint64_t> perRun, late;
};

} // namespace

void einsum::sim::measureTime(const Points &points, const Program &program,
                              const Plan &plan, const Ledger &ledger,
                              const arch::ArchSpec &arch, bool keepTasks,
                              Simulation &result) {
  Clock(points, program, plan, ledger, arch, keepTasks, result).measure();
}
