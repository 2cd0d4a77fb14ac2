//===- Machine.cpp - Moving and computing ---------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Machine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;
using interp::Scalar;

static std::vector<CellBuilder> makeBuilders(Points &points) {
  std::vector<CellBuilder> builders;
  for (EinsumInfo &einsum : points.einsums)
    builders.emplace_back(einsum);
  return builders;
}

Machine::Machine(Points &points, const Program &program, const Plan &plan,
                 const arch::ArchSpec &arch, Ledger &ledger,
                 const interp::TensorMap &inputs, Simulation &result)
    : LaggedWalk(points, program, plan), arch(arch), ledger(ledger),
      result(result), builders(makeBuilders(points)),
      store(points, program, plan, arch, ledger, inputs, builders,
            result.outputs),
      stored(points), room(points, program, plan),
      latches(program.nodes.size()), everyRun(arch.accounting.everyRun) {
  result.runs.assign(points.einsums.size(), 0);
  result.points.assign(points.einsums.size(), 0);
  for (auto [all, node] : llvm::zip(latches, program.nodes))
    all.resize(node.ports.size());
  Deliveries finder(points, program, arch);
  deliveries.resize(program.nodes.size());
  for (int leaf : program.leaves)
    for (const Port &port : program.nodes[leaf].ports)
      deliveries[leaf].push_back(
          {finder.ofPort(leaf, port), finder.ofPartial(leaf, port)});
}

bool Machine::execute() {
  run();
  if (ok)
    runDry(-1);
  for (auto [id, node] : llvm::enumerate(program.nodes))
    for (auto [port, all] : llvm::zip(node.ports, latches[id]))
      for (auto &[home, latch] : all)
        closeLatch(id, port, latch);
  return ok;
}

//===----------------------------------------------------------------------===//
// Loops and slots, where they are written down
//===----------------------------------------------------------------------===//

void Machine::visitNode(int id, Context &context) {
  if (!recorder)
    return LaggedWalk::visitNode(id, context);
  const Node &node = program.nodes[id];
  if (node.parent >= 0 && program.nodes[node.parent].kind == NodeKind::temporal)
    recorder->nextStep();
  bool isLoop = node.kind == NodeKind::temporal;
  if (isLoop)
    recorder->beginLoop();
  LaggedWalk::visitNode(id, context);
  if (isLoop)
    recorder->endLoop();
}

void Machine::endSlot(int pipeline) {
  room.endSlot(pipeline, runs);
  if (recorder)
    recorder->endSlot(pipeline);
}

//===----------------------------------------------------------------------===//
// Storage nodes
//===----------------------------------------------------------------------===//

void Machine::enter(int id, Context &context) {
  LaggedWalk::enter(id, context);
  store.open(id, context);
}

void Machine::leave(int id, Context &context) {
  std::shared_ptr<Visit> visit = store.find(id, context.visits[id]);
  visit->left = true;
  settle(*visit);
}

/// Writes back what no leaf will change any more; forgets a visit that nobody
/// will use any more.
void Machine::settle(Visit &visit) {
  if (!visit.left || !ok)
    return;
  for (size_t slot = 0; slot < visit.drained.size(); ++slot)
    if (!visit.drained[slot] && visit.writers[slot] == 0)
      ok &= store.drain(visit, slot);
  if (visit.postponed == 0 && ok) {
    ok &= checkStreamed(visit) && room.close(visit.node, visit.index);
    closeLatches(visit);
    store.close(visit);
  }
  if (!ok)
    stop();
}

//===----------------------------------------------------------------------===//
// Pipelines
//===----------------------------------------------------------------------===//

void Machine::postpone(int id, int child, Context &context) {
  countPostponed(id, child, context, 1);
}

void Machine::finish(int id, int child, Context &context) {
  countPostponed(id, child, context, -1);
  for (int i = program.nodes[id].parent; i >= 0 && ok;
       i = program.nodes[i].parent)
    if (program.nodes[i].kind == NodeKind::storage)
      settle(*store.find(i, context.visits[i]));
}

/// Keeps the visits above alive until the child has worked on them.
void Machine::countPostponed(int id, int child, Context &context, int change) {
  for (int i = program.nodes[id].parent; i >= 0; i = program.nodes[i].parent) {
    if (program.nodes[i].kind != NodeKind::storage)
      continue;
    Visit &visit = *store.find(i, context.visits[i]);
    visit.postponed += change;
    for (auto [slot, held] : llvm::enumerate(program.nodes[i].held))
      if (program.makes(program.nodes[id].children[child], held.tensor))
        visit.writers[slot] += change;
  }
}

/// Fills are made here. Drains wait for the end of the visit, when it is known
/// that nothing more is contributed.
void Machine::runTransfer(int id, Context &context) {
  for (int tensor : program.nodes[id].tensors)
    for (int i = program.nodes[id].parent; i >= 0 && ok;
         i = program.nodes[i].parent) {
      int slot = program.nodes[i].findHeld(tensor);
      if (program.nodes[i].kind != NodeKind::storage || slot < 0 ||
          program.nodes[i].held[slot].fillsAt != id)
        continue;
      ok &= store.fill(*store.find(i, context.visits[i]), slot);
      break;
    }
  if (!ok)
    stop();
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

void Machine::runLeaf(int id, Context &context) {
  const Node &leaf = program.nodes[id];
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  uint64_t executed = 0;
  ++runs;
  for (const Unit &unit : context.units) {
    if (!passesGuards(leaf, unit, program.nodes.size()) ||
        !llvm::all_of(
            einsum.ranks,
            [&](int rank) { return unit.lo[rank] < unit.hi[rank]; }) ||
        !points.isExecuted(einsum, unit.lo))
      continue;
    ++executed;
    if (!runUnit(id, context, unit)) {
      ok = false;
      return stop();
    }
  }
  if (recorder)
    recorder->endRun(id);
  result.points[leaf.einsum] += executed;
  result.runs[leaf.einsum] += executed > 0;
  for (const auto &[name, count] : einsum.operators)
    if (executed > 0)
      result.arrays[leaf.array].operators[name] += count * executed;
}

bool Machine::runUnit(int id, const Context &context, const Unit &unit) {
  const Node &leaf = program.nodes[id];
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  SmallVector<Scalar, 4> operands(einsum.reads.size()), values;
  // What is a coordinate of others first.
  for (bool gathers : {false, true})
    for (auto [i, port] : llvm::enumerate(leaf.ports))
      if (port.read >= 0 && einsum.reads[port.read].gathers() == gathers &&
          !readOperand(id, i, context, unit, operands))
        return false;
  if (const interp::Instruction *stuck =
          builders[leaf.einsum].evaluate(unit.lo, operands, values)) {
    InFlightDiagnostic diag =
        emitError(stuck->source->getLoc())
        << "has no value " << "at "
        << describePoint(points.einsums[leaf.einsum], unit);
    return false;
  }
  for (auto [i, port] : llvm::enumerate(leaf.ports))
    if (port.read < 0 && !writeResult(id, i, context, unit, values))
      return false;
  if (recorder) {
    SmallVector<int64_t, 4> groups;
    for (size_t i = 0; i < leaf.ports.size(); ++i)
      groups.push_back(getLatch(id, i, context, unit).name);
    recorder->addUnit(unit, groups);
  }
  return true;
}

/// Units that read the same element, or contribute to it, in one run: along the
/// spatial loops below the home over ranks that do not address it. One that
/// guards the leaf has a single unit at work.
uint64_t Machine::countCopies(int id, const Port &port,
                              const Context &context) const {
  const Node &leaf = program.nodes[id];
  uint64_t copies = 1;
  for (int i = leaf.parent; i > port.home; i = program.nodes[i].parent)
    if (program.nodes[i].kind == NodeKind::spatial &&
        points.einsums[leaf.einsum].iterates(program.nodes[i].rank) &&
        !program.uses(port, leaf.einsum, program.nodes[i].rank))
      copies *= context.spread[i];
  return copies;
}

Machine::Latch &Machine::getLatch(int id, int index, const Context &context,
                                  const Unit &unit) {
  const Port &port = program.nodes[id].ports[index];
  std::pair<int64_t, int> home = {context.visits[port.home],
                                  unit.entered[port.home]};
  uint64_t group = everyRun         ? runs
                   : port.group < 0 ? 0
                                    : context.epochs[port.group];
  Latch &latch = latches[id][index][home];
  uint64_t copies = countCopies(id, port, context);
  if (latch.home && latch.group == group) {
    latch.copies = std::max(latch.copies, copies);
    return latch;
  }
  closeLatch(id, port, latch);
  latch = Latch();
  latch.home = store.find(port.home, home.first);
  latch.unit = home.second;
  latch.group = group;
  latch.copies = copies;
  if (recorder)
    latch.name = recorder->beginGroup(id, index, *latch.home, latch.unit);
  return latch;
}

/// Data leads outside of a tensor.
bool Machine::refuseOutside(const EinsumInfo &einsum, int read, int position,
                            const Unit &unit, ArrayRef<Scalar> operands) {
  std::vector<int64_t> coordinates;
  for (int rank : einsum.ranks)
    coordinates.push_back(unit.lo[rank]);
  for (unsigned operand : einsum.gathered)
    coordinates.push_back(operands[operand].integer);
  return succeeded(
      einsum.kernel->refuseOutside(read, position, coordinates.data()));
}

bool Machine::readOperand(int id, int index, const Context &context,
                          const Unit &unit, MutableArrayRef<Scalar> operands) {
  const Node &leaf = program.nodes[id];
  const Port &port = leaf.ports[index];
  Scalar &value = operands[port.read];
  const TensorInfo &tensor = points.tensors[port.tensor];
  Latch &latch = getLatch(id, index, context, unit);
  if (leaf.registers >= 0) {
    Transfer transfer = makeTransfer(id, port, Direction::read);
    transfer.level = leaf.registers;
    transfer.cause = Cause::registers;
    transfer.elements = 1;
    ledger.note(transfer);
  }
  int64_t element;
  int outside;
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  const ReadInfo &read = einsum.reads[port.read];
  Found found =
      points.locate(einsum, read, unit.lo, operands, element, outside);
  if (found == Found::initial) {
    value = builders[tensor.producer].getInitial(tensor.result);
    return true;
  }
  if (outside >= 0)
    return refuseOutside(einsum, port.read, outside, unit, operands);
  auto &used = latch.units[{unit.path.begin(), unit.path.end()}];
  // That two indices agree is data: each is a read of its own.
  auto next = static_cast<int64_t>(latch.elements.size());
  auto [chosen, isNew] =
      read.gathers() ? latch.chosen.try_emplace(read.chosen(unit.lo), next)
                     : std::pair(latch.chosen.end(), false);
  used.insert(read.gathers() ? chosen->second : element);
  if (isNew) {
    latch.values.erase(element);
  } else if (auto latched = latch.values.find(element);
             latched != latch.values.end()) {
    value = latched->second;
    return true;
  }
  if (!store.fill(*latch.home, port.slot))
    return false;
  Cell *cell = store.get(*latch.home, port.slot, latch.unit, element);
  if (!cell || !store.isComplete(port.tensor, element, *cell)) {
    refuse(id, port, unit, element)
        << store.describeLack(port.tensor, element, cell);
    return false;
  }
  room.read(id, port, latch.home->index, latch.unit, element, runs);
  noteStreamed(id, port, *latch.home, element);
  value =
      tensor.producer < 0
          ? cell->values.front()
          : builders[tensor.producer].getValue(*cell, element, tensor.result);
  if (stored.isStored(port.tensor)) {
    auto found = stored.read(port.tensor, element);
    if (auto *missing = std::get_if<int64_t>(&found)) {
      refuse(id, port, unit, element)
          << "shares a scale with '" << tensor.describe(*missing)
          << "', which is not made yet: finish a block before it is read, as "
             "with a tile that holds whole blocks";
      return false;
    }
    value = Scalar::ofReal(std::get<double>(found));
  }
  latch.values[element] = value;
  latch.elements.push_back(element);
  return true;
}

bool Machine::writeResult(int id, int index, const Context &context,
                          const Unit &unit, ArrayRef<Scalar> values) {
  const Node &leaf = program.nodes[id];
  const Port &port = leaf.ports[index];
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  Latch &latch = getLatch(id, index, context, unit);
  int64_t element = points.madeElement(einsum, unit.lo);
  if (!store.fill(*latch.home, port.slot))
    return false;
  latch.units[{unit.path.begin(), unit.path.end()}].insert(element);
  Cell *cell = store.get(*latch.home, port.slot, latch.unit, element);
  bool continues = cell && !store.isComplete(port.tensor, element, *cell);
  if (latch.values.try_emplace(element).second) {
    latch.elements.push_back(element);
    if (continues)
      latch.continued.push_back(element);
  }
  noteStreamed(id, port, *latch.home, element);
  room.make(id, port, latch.home->index, latch.unit, element, runs);
  // A complete element that is made again is made anew.
  Cell next = continues ? *cell : builders[leaf.einsum].makeIdentity();
  if (!builders[leaf.einsum].add(next, element, unit.lo, values)) {
    refuse(id, port, unit, element)
        << "cannot be continued: its nested reductions are interleaved, so "
           "that "
           "no partial value holds what was gathered";
    return false;
  }
  if (stored.isStored(port.tensor)) {
    int made = points.tensors[port.tensor].result;
    stored.record(port.tensor, element,
                  builders[leaf.einsum].getValue(next, element, made).real);
  }
  store.put(*latch.home, port.slot, latch.unit, element, std::move(next));
  if (leaf.registers >= 0) {
    Transfer transfer = makeTransfer(id, port, Direction::write);
    transfer.level = leaf.registers;
    transfer.cause = Cause::registers;
    transfer.elements = 1;
    ledger.note(transfer);
    transfer.direction = Direction::read;
    if (!port.inRegisters || !einsum.reductions.empty())
      ledger.note(transfer);
  }
  return true;
}

Transfer Machine::makeTransfer(int id, const Port &port,
                               Direction direction) const {
  Transfer transfer;
  transfer.node = id;
  transfer.tensor = port.tensor;
  transfer.einsum = program.nodes[id].einsum;
  transfer.direction = direction;
  return transfer;
}

/// A group is over: what it used was one transfer.
void Machine::closeLatch(int id, const Port &port, Latch &latch) {
  if (!latch.home || port.inRegisters) {
    latch.home = nullptr;
    return;
  }
  Transfer transfer = makeTransfer(
      id, port, port.read >= 0 ? Direction::read : Direction::write);
  uint64_t width = arch.arrays[program.nodes[id].array].reduction.width;
  const auto &[whole, partial] =
      deliveries[id][&port - program.nodes[id].ports.begin()];
  const TensorInfo &tensor = points.tensors[port.tensor];
  uint64_t allBytes = tensor.bytes(latch.elements.size()),
           partialBytes = tensor.bytes(latch.continued.size());
  ledger.cross(id, whole.crossings, allBytes);
  ledger.cross(id, partial.crossings, partialBytes);
  if (port.read >= 0) {
    transfer.receivers = latch.copies;
    transfer.repeats = whole.repeats;
  } else {
    transfer.times = std::max(
        whole.repeats, width == 0 ? 1 : llvm::divideCeil(latch.copies, width));
  }
  store.note(*latch.home, port.slot, latch.unit, latch.elements, transfer);
  if (recorder)
    recorder->endGroup(latch.name, transfer, whole.crossings, allBytes,
                       partial.crossings, partialBytes);
  // Each write but the first contribution is preceded by a read.
  transfer.direction = Direction::read;
  if (port.read < 0) {
    --transfer.times;
    store.note(*latch.home, port.slot, latch.unit,
               arch.accounting.unreadSums ? latch.continued : latch.elements,
               transfer);
    transfer.times = 1;
  }
  transfer.receivers = transfer.repeats = 1;
  store.note(*latch.home, port.slot, latch.unit, latch.continued, transfer);
  if (port.read >= 0 && program.nodes[id].registers >= 0) {
    transfer.direction = Direction::write;
    transfer.level = program.nodes[id].registers;
    transfer.cause = Cause::registers;
    transfer.elements = 1;
    transfer.times = latch.units.size();
    ledger.note(transfer);
  }
  noteUnits(id, port, latch);
  latch.home = nullptr;
}

/// What further units received of the same words, or added to the same sums.
void Machine::noteUnits(int id, const Port &port, const Latch &latch) {
  const auto &reads = points.einsums[program.nodes[id].einsum].reads;
  bool gathers = port.read >= 0 && reads[port.read].gathers();
  llvm::DenseSet<int64_t> seen;
  std::vector<int64_t> further;
  for (const auto &[path, used] : latch.units)
    for (int64_t word : used)
      if (!seen.insert(word).second)
        further.push_back(gathers ? latch.elements[word] : word);
  if (port.read >= 0)
    store.noteFurther(*latch.home, port.slot, latch.unit, further);
  else
    ledger.combine(program.nodes[id].array, further.size());
}

void Machine::closeLatches(const Visit &home) {
  for (int leaf : program.leaves)
    for (auto [port, all] :
         llvm::zip(program.nodes[leaf].ports, latches[leaf])) {
      if (port.home != home.node)
        continue;
      for (size_t unit = 0; unit < home.units.size(); ++unit) {
        auto found = all.find({home.index, static_cast<int>(unit)});
        if (found == all.end())
          continue;
        closeLatch(leaf, port, found->second);
        all.erase(found);
      }
    }
}

//===----------------------------------------------------------------------===//
// What cannot be
//===----------------------------------------------------------------------===//

std::string Machine::describePoint(const EinsumInfo &einsum,
                                   const Unit &unit) const {
  std::string text;
  for (int rank : einsum.ranks)
    text += (text.empty() ? "" : ", ") + points.ranks[rank].name + " = " +
            std::to_string(unit.lo[rank]);
  return text.empty() ? "its only point" : text;
}

InFlightDiagnostic Machine::refuse(int id, const Port &port, const Unit &unit,
                                   int64_t element) {
  const Node &leaf = program.nodes[id];
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  InFlightDiagnostic diag = leaf.op->emitError()
                            << "Einsum '" << einsum.name << "' "
                            << (port.read < 0 ? "makes '" : "reads '")
                            << points.tensors[port.tensor].describe(element)
                            << "' at " << describePoint(einsum, unit)
                            << ", which ";
  diag.attachNote(program.nodes[port.home].op->getLoc()) << "it is held here";
  return diag;
}

void Machine::noteStreamed(int leaf, const Port &port, Visit &home,
                           int64_t element) {
  const Node &node = program.nodes[home.node];
  if (node.streamRank < 0)
    return;
  const TensorInfo &tensor = points.tensors[port.tensor];
  for (size_t position = tensor.ranks.size(); position-- > 0;) {
    if (tensor.ranks[position] == node.streamRank) {
      std::vector<int64_t> &order = home.streamed[port.slot][leaf];
      int64_t coordinate = element % tensor.extents[position];
      if (order.empty() || order.back() != coordinate)
        order.push_back(coordinate);
    }
    element /= tensor.extents[position];
  }
}

/// `stream` promises that all leaves walk the rank in the same order.
bool Machine::checkStreamed(const Visit &visit) {
  const Node &node = program.nodes[visit.node];
  for (auto [held, orders] : llvm::zip(node.held, visit.streamed))
    for (const auto &[leaf, order] : orders) {
      if (order == orders.begin()->second)
        continue;
      node.op->emitError()
          << "'" << points.tensors[held.tensor].name
          << "' is not streamed along '" << points.ranks[node.streamRank].name
          << "': the leaves below do not walk it in the same order";
      return false;
    }
  return true;
}
