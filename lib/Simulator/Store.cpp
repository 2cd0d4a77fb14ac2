//===- Store.cpp - Buffers with contents ----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Store.h"

#include "lib/Simulator/Recorder.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

Store::Store(Points &points, const Program &program, const Plan &plan,
             const arch::ArchSpec &arch, Ledger &ledger,
             const interp::TensorMap &inputs,
             std::vector<CellBuilder> &builders, interp::TensorMap &outputs)
    : points(points), program(program), plan(plan), arch(arch), ledger(ledger),
      inputs(inputs), builders(builders), outputs(outputs),
      deliveries(program.nodes.size()), previous(program.nodes.size()) {
  Deliveries finder(points, program, arch);
  for (auto [id, node] : llvm::enumerate(program.nodes))
    for (const Held &held : node.held)
      deliveries[id].push_back(
          held.parent < 0
              ? std::pair<Delivery, Delivery>()
              : std::pair(finder.ofFill(id, held), finder.ofDrain(id, held)));
}

//===----------------------------------------------------------------------===//
// Visits
//===----------------------------------------------------------------------===//

void Store::open(int id, const Context &context) {
  const Node &node = program.nodes[id];
  auto visit = std::make_shared<Visit>();
  visit->node = id;
  visit->index = context.visits[id];
  size_t slots = node.held.size();
  visit->filled.assign(slots, 0);
  visit->drained.assign(slots, 0);
  visit->writers.assign(slots, 0);
  visit->streamed.resize(slots);
  for (const Held &held : node.held) {
    visit->receivers.push_back(countReceivers(id, held, context));
    visit->writes.push_back(countWrites(id, held, context));
  }
  for (const Held &held : node.held)
    visit->parents.push_back(
        held.parent < 0 ? nullptr
                        : find(held.parent, context.visits[held.parent]));
  const VisitPlan &visitPlan = plan.storages[id].visits[visit->index];
  for (auto [unit, unitPlan] : llvm::zip(context.units, visitPlan.units)) {
    Instance instance;
    instance.plan = &unitPlan;
    instance.contents.resize(slots);
    instance.path.assign(unit.path.begin(), unit.path.end());
    for (const Held &held : node.held)
      instance.parentUnit.push_back(
          held.parent < 0 ? 0 : unit.entered[held.parent]);
    visit->units.push_back(std::move(instance));
  }
  if (recorder)
    recorder->open(*visit);
  live[{id, visit->index}] = std::move(visit);
}

std::shared_ptr<Visit> Store::find(int node, int64_t index) const {
  auto found = live.find({node, index});
  return found == live.end() ? nullptr : found->second;
}

void Store::close(Visit &visit) {
  if (recorder)
    recorder->close(visit);
  auto found = live.find({visit.node, visit.index});
  if (program.nodes[visit.node].halo == Halo::retained)
    previous[visit.node] = found->second;
  live.erase(found);
}

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

bool Store::isResident(const Visit &visit, int slot, int unit,
                       int64_t element) const {
  const Node &node = program.nodes[visit.node];
  if (node.resident < 0 || node.held[slot].parent < 0)
    return true;
  const std::vector<int64_t> &tile = visit.units[unit].plan->tiles[slot].tile;
  return llvm::lower_bound(tile, element) - tile.begin() < node.resident;
}

Store::Place Store::locate(Visit &visit, int slot, int unit,
                           int64_t element) const {
  if (isResident(visit, slot, unit, element))
    return {&visit, unit};
  return locate(*visit.parents[slot],
                program.nodes[visit.node].held[slot].parentSlot,
                visit.units[unit].parentUnit[slot], element);
}

Cell *Store::get(Visit &visit, int slot, int unit, int64_t element) {
  const Held &held = program.nodes[visit.node].held[slot];
  Instance &instance = visit.units[unit];
  if (!isResident(visit, slot, unit, element))
    return get(*visit.parents[slot], held.parentSlot, instance.parentUnit[slot],
               element);
  auto found = instance.contents[slot].find(element);
  if (found != instance.contents[slot].end())
    return &found->second;
  const TensorInfo &tensor = points.tensors[held.tensor];
  if (held.parent >= 0 || !tensor.present[element])
    return nullptr;
  // Inputs, and elements without points, stand where their tensor lives.
  if (tensor.producer < 0) {
    Cell cell;
    cell.values.push_back(inputs.find(tensor.name)->second.values[element]);
    return &(instance.contents[slot][element] = std::move(cell));
  }
  if (tensor.points[element] > 0)
    return nullptr;
  return &(instance.contents[slot][element] =
               builders[tensor.producer].makeIdentity());
}

void Store::put(Visit &visit, int slot, int unit, int64_t element, Cell cell) {
  const Node &node = program.nodes[visit.node];
  Instance &instance = visit.units[unit];
  if (!isResident(visit, slot, unit, element))
    return put(*visit.parents[slot], node.held[slot].parentSlot,
               instance.parentUnit[slot], element, std::move(cell));
  instance.contents[slot][element] = std::move(cell);
  if (!node.shared)
    return;
  const std::vector<int64_t> &tile = instance.plan->tiles[slot].tile;
  size_t place = llvm::lower_bound(tile, element) - tile.begin();
  for (auto [other, tiles] : llvm::enumerate(instance.plan->tiles))
    if (static_cast<int>(other) != slot && place < tiles.tile.size())
      instance.contents[other].erase(tiles.tile[place]);
}

bool Store::isComplete(int tensor, int64_t element, const Cell &cell) const {
  const TensorInfo &info = points.tensors[tensor];
  return info.producer < 0 || cell.contributions == info.points[element];
}

std::string Store::describeLack(int tensor, int64_t element,
                                const Cell *cell) const {
  if (!cell)
    return "is not there";
  return "is incomplete: " + std::to_string(cell->contributions) + " of " +
         std::to_string(points.tensors[tensor].points[element]) +
         " points have contributed";
}

//===----------------------------------------------------------------------===//
// Fills
//===----------------------------------------------------------------------===//

int Store::firstUser(int node, int tensor) const {
  for (int leaf : program.leaves)
    if (program.isBelow(leaf, node) && program.touches(leaf, tensor))
      return program.nodes[leaf].einsum;
  return -1;
}

/// Units that differ only along spatial loops, between a node and its parent,
/// over ranks that no leaf below uses to address the tensor.
uint64_t Store::countReceivers(int id, const Held &held,
                               const Context &context) const {
  if (held.parent < 0 || held.madeBelow)
    return 1; // partial values go to one unit each
  uint64_t count = 1;
  for (int i = program.nodes[id].parent; i > held.parent;
       i = program.nodes[i].parent)
    if (program.nodes[i].kind == NodeKind::spatial &&
        !program.addresses(id, held.tensor, program.nodes[i].rank))
      count *= context.spread[i];
  return count;
}

/// Section 5, reduction width: sums that units hold at a node leave through the
/// array's network, so many at a time.
uint64_t Store::countWrites(int id, const Held &held,
                            const Context &context) const {
  if (held.parent < 0 || !held.madeBelow)
    return 1;
  int producer = points.tensors[held.tensor].producer;
  const Node &leaf = program.nodes[program.leafOf[producer]];
  uint64_t width = arch.arrays[leaf.array].reduction.width, units = 1;
  for (int i = program.nodes[id].parent; i > held.parent;
       i = program.nodes[i].parent)
    if (program.nodes[i].kind == NodeKind::spatial &&
        points.einsums[producer].reduces(program.nodes[i].rank))
      units *= context.spread[i];
  return std::max(
      deliveries[id][&held - program.nodes[id].held.begin()].second.repeats,
      width == 0 ? 1 : llvm::divideCeil(units, width));
}

Transfer Store::makeTransfer(const Visit &visit, int slot, Direction direction,
                             Cause cause) const {
  Transfer transfer;
  const Held &held = program.nodes[visit.node].held[slot];
  int mover = cause == Cause::fill ? held.fillsAt : held.drainsAt;
  transfer.node = mover >= 0 ? mover : visit.node;
  transfer.tensor = held.tensor;
  transfer.einsum = firstUser(visit.node, transfer.tensor);
  transfer.direction = direction;
  transfer.cause = cause;
  return transfer;
}

void Store::note(Visit &visit, int slot, int unit, ArrayRef<int64_t> elements,
                 Transfer transfer) {
  const Node &node = program.nodes[visit.node];
  std::vector<int64_t> elsewhere;
  for (int64_t element : elements)
    if (!isResident(visit, slot, unit, element))
      elsewhere.push_back(element);
  transfer.level = node.level;
  transfer.elements = elements.size() - elsewhere.size();
  if (transfer.movesBlocks()) {
    std::vector<int64_t> here;
    if (!elsewhere.empty())
      for (int64_t element : elements)
        if (isResident(visit, slot, unit, element))
          here.push_back(element);
    transfer.blocks = points.tensors[transfer.tensor].countBlocks(
        elsewhere.empty() ? elements : ArrayRef<int64_t>(here));
  }
  ledger.note(transfer);
  if (!elsewhere.empty())
    note(*visit.parents[slot], node.held[slot].parentSlot,
         visit.units[unit].parentUnit[slot], elsewhere, transfer);
}

void Store::noteFurther(Visit &visit, int slot, int unit,
                        ArrayRef<int64_t> elements) {
  for (int64_t element : elements) {
    const Visit &home = *locate(visit, slot, unit, element).first;
    ledger.deliverFurther(program.nodes[home.node].level, 1);
  }
}

/// Elements that a retained halo has kept from the previous visit.
bool Store::copyKept(Visit &visit, int slot) {
  const Node &node = program.nodes[visit.node];
  // A stage of a pipeline may still be at work on the previous visit.
  std::shared_ptr<Visit> last = find(visit.node, visit.index - 1);
  if (!last)
    last = previous[visit.node];
  for (Instance &unit : visit.units) {
    if (unit.plan->tiles.empty() || unit.plan->tiles[slot].kept.empty())
      continue;
    Instance *before = nullptr;
    if (last)
      for (Instance &other : last->units)
        if (other.path == unit.path)
          before = &other;
    if (recorder && before)
      recorder->keep(visit, static_cast<int>(&unit - visit.units.data()), *last,
                     static_cast<int>(before - last->units.data()), slot,
                     unit.plan->tiles[slot].kept);
    for (int64_t element : unit.plan->tiles[slot].kept) {
      auto found = before ? before->contents[slot].find(element)
                          : llvm::DenseMap<int64_t, Cell>::iterator();
      if (!before || found == before->contents[slot].end()) {
        node.op->emitError()
            << "the previous visit was to leave '"
            << points.tensors[node.held[slot].tensor].describe(element)
            << "' here, which is not there";
        return false;
      }
      unit.contents[slot][element] = found->second;
    }
  }
  return true;
}

/// Copies one complete element from the parent.
bool Store::fetch(Visit &visit, int slot, int unit, int64_t element) {
  const Node &node = program.nodes[visit.node];
  const Held &held = node.held[slot];
  Cell *source = get(*visit.parents[slot], held.parentSlot,
                     visit.units[unit].parentUnit[slot], element);
  if (source && isComplete(held.tensor, element, *source)) {
    put(visit, slot, unit, element, *source);
    return true;
  }
  InFlightDiagnostic diag = node.op->emitError()
                            << "cannot fetch '"
                            << points.tensors[held.tensor].describe(element)
                            << "': it "
                            << describeLack(held.tensor, element, source);
  diag.attachNote(program.nodes[held.parent].op->getLoc())
      << "it would have to be held here";
  return false;
}

/// Of units that add to the same sum where it is when it is not here, all keep
/// it here or none does: it has one place.
bool Store::checkAlike(Visit &visit, int slot) {
  const Node &node = program.nodes[visit.node];
  const Held &held = node.held[slot];
  if (node.resident < 0 || visit.units.size() < 2)
    return true;
  std::map<Place, llvm::DenseMap<int64_t, bool>> places;
  for (auto [u, unit] : llvm::enumerate(visit.units)) {
    if (unit.plan->tiles.empty())
      continue;
    for (const MadeElement &made : unit.plan->tiles[slot].made) {
      Place around = locate(*visit.parents[slot], held.parentSlot,
                            unit.parentUnit[slot], made.element);
      bool here = isResident(visit, slot, u, made.element);
      auto [known, isNew] = places[around].try_emplace(made.element, here);
      if (known->second == here)
        continue;
      node.op->emitError()
          << "of units that add to '"
          << points.tensors[held.tensor].describe(made.element)
          << "', 'resident' keeps it near some and not near others, whose "
             "tiles differ; let their tiles be alike, or keep whole tiles";
      return false;
    }
  }
  return true;
}

bool Store::fill(Visit &visit, int slot) {
  const Node &node = program.nodes[visit.node];
  const Held &held = node.held[slot];
  if (visit.filled[slot] || node.passthrough)
    return true;
  visit.filled[slot] = 1;
  if (!copyKept(visit, slot))
    return false;
  if (held.parent < 0)
    return true;
  Visit &parent = *visit.parents[slot];
  if (!fill(parent, held.parentSlot) || !checkAlike(visit, slot))
    return false;
  if (recorder)
    recorder->beginTransfer(
        lowering::Op::load, visit, slot,
        makeTransfer(visit, slot, Direction::write, Cause::fill));
  std::map<int, llvm::DenseSet<int64_t>> united;      // by the parent's unit
  std::map<int, std::vector<int64_t>> further;        // for one unit more
  std::map<Place, llvm::DenseSet<int64_t>> continued; // partial values taken
  for (auto [u, unit] : llvm::enumerate(visit.units)) {
    if (unit.plan->tiles.empty())
      continue;
    int from = unit.parentUnit[slot];
    const TilePlan &tile = unit.plan->tiles[slot];
    std::vector<int64_t> filled;
    for (int64_t element : tile.fetch)
      if (isResident(visit, slot, u, element)) {
        if (!fetch(visit, slot, u, element))
          return false;
        filled.push_back(element);
      }
    for (const MadeElement &made : tile.made) {
      if (!isResident(visit, slot, u, made.element))
        continue;
      Cell *partial = get(parent, held.parentSlot, from, made.element);
      if (!partial || isComplete(held.tensor, made.element, *partial) ||
          !continued[locate(parent, held.parentSlot, from, made.element)]
               .insert(made.element)
               .second)
        continue;
      put(visit, slot, u, made.element, *partial);
      filled.push_back(made.element);
    }
    llvm::DenseSet<int64_t> &all = united[from];
    for (int64_t element : filled)
      if (!all.insert(element).second)
        further[from].push_back(element);
    Transfer transfer =
        makeTransfer(visit, slot, Direction::write, Cause::fill);
    note(visit, slot, u, filled, transfer);
    if (recorder) {
      recorder->addCopy(visit, slot, u, parent, held.parentSlot, from, filled);
      recorder->addPort(visit, slot, u, filled, transfer);
    }
  }
  Transfer transfer = makeTransfer(visit, slot, Direction::read, Cause::fill);
  transfer.receivers = visit.receivers[slot];
  transfer.isFar = true;
  const Delivery &delivery = deliveries[visit.node][slot].first;
  transfer.repeats = delivery.repeats;
  for (auto &[from, elements] : united) {
    std::vector<int64_t> list(elements.begin(), elements.end());
    uint64_t bytes = points.tensors[held.tensor].wholeBytes(
        list.size(), points.tensors[held.tensor].countBlocks(list));
    ledger.cross(transfer.node, delivery.crossings, bytes);
    note(parent, held.parentSlot, from, list, transfer);
    noteFurther(parent, held.parentSlot, from, further[from]);
    if (recorder) {
      llvm::sort(list);
      recorder->addCrossings(delivery.crossings, bytes);
      recorder->addPort(parent, held.parentSlot, from, list, transfer);
    }
  }
  if (recorder)
    recorder->endTransfer();
  return true;
}

//===----------------------------------------------------------------------===//
// Drains
//===----------------------------------------------------------------------===//

bool Store::merge(const Visit &visit, int slot, int64_t element, Cell &cell,
                  const Cell &other) {
  const Node &node = program.nodes[visit.node];
  const TensorInfo &tensor = points.tensors[node.held[slot].tensor];
  if (builders[tensor.producer].merge(cell, other))
    return true;
  node.op->emitError() << "units hold partial values of '"
                       << tensor.describe(element)
                       << "' that no reduction can merge: nested reductions "
                          "are interleaved";
  return false;
}

bool Store::drain(Visit &visit, int slot) {
  const Node &node = program.nodes[visit.node];
  const Held &held = node.held[slot];
  const TensorInfo &tensor = points.tensors[held.tensor];
  visit.drained[slot] = 1;
  if (node.passthrough || !held.madeBelow)
    return true;
  if (held.parent < 0) {
    harvest(visit, slot);
    return true;
  }
  const HeldPlan &heldPlan = plan.storages[visit.node].held[slot];
  // What the parent has to have before is fetched before this begins.
  std::vector<std::vector<int64_t>> leaving(visit.units.size());
  std::map<int, std::map<int64_t, Cell>> united; // by the parent's unit
  for (auto [u, unit] : llvm::enumerate(visit.units)) {
    if (unit.plan->tiles.empty())
      continue;
    std::vector<int64_t> drained;
    for (const MadeElement &made : unit.plan->tiles[slot].made) {
      bool needed = made.incomplete || tensor.isOutput ||
                    heldPlan.readOutside ||
                    heldPlan.lastFetch[made.element] > visit.index;
      if (!needed || !isResident(visit, slot, u, made.element))
        continue;
      auto found = unit.contents[slot].find(made.element);
      if (found == unit.contents[slot].end()) {
        node.op->emitError()
            << "cannot write '" << tensor.describe(made.element)
            << "' back: it was overwritten in place";
        return false;
      }
      drained.push_back(made.element);
      auto &cells = united[unit.parentUnit[slot]];
      auto [cell, isNew] = cells.try_emplace(made.element, found->second);
      if (isNew)
        continue;
      ledger.combine(program.nodes[program.leafOf[tensor.producer]].array, 1);
      if (!merge(visit, slot, made.element, cell->second, found->second))
        return false;
    }
    note(visit, slot, u, drained,
         makeTransfer(visit, slot, Direction::read, Cause::drain));
    leaving[u] = std::move(drained);
  }
  if (!united.empty() && !fill(*visit.parents[slot], held.parentSlot))
    return false;
  if (recorder) {
    Transfer own = makeTransfer(visit, slot, Direction::read, Cause::drain);
    recorder->beginTransfer(lowering::Op::store, visit, slot, own);
    for (size_t u = 0; u < leaving.size(); ++u) {
      ArrayRef<int64_t> elements = leaving[u];
      recorder->addPort(visit, slot, u, elements, own);
      recorder->addCopy(*visit.parents[slot], held.parentSlot,
                        visit.units[u].parentUnit[slot], visit, slot, u,
                        elements);
    }
  }
  // Sums of units with homes of their own meet where these hold no part of
  // them.
  std::map<Place, llvm::DenseSet<int64_t>> brought;
  for (auto &destination : united) {
    int to = destination.first;
    std::map<int64_t, Cell> &cells = destination.second;
    Visit &parent = *visit.parents[slot];
    std::vector<int64_t> elements, joined, begun;
    for (auto &[element, cell] : cells) {
      elements.push_back(element);
      const Cell *before = get(parent, held.parentSlot, to, element);
      if (!arch.accounting.unreadSums ||
          (before && !isComplete(held.tensor, element, *before)))
        begun.push_back(element);
      if (brought[locate(parent, held.parentSlot, to, element)]
              .insert(element)
              .second) {
        put(parent, held.parentSlot, to, element, std::move(cell));
        continue;
      }
      joined.push_back(element);
      if (!merge(visit, slot, element,
                 *get(parent, held.parentSlot, to, element), cell))
        return false;
    }
    Transfer transfer =
        makeTransfer(visit, slot, Direction::write, Cause::drain);
    transfer.times = visit.writes[slot];
    transfer.isFar = true;
    uint64_t bytes =
        tensor.wholeBytes(elements.size(), tensor.countBlocks(elements));
    ledger.cross(transfer.node, deliveries[visit.node][slot].second.crossings,
                 bytes);
    auto move = [&](ArrayRef<int64_t> list) {
      note(parent, held.parentSlot, to, list, transfer);
      if (recorder)
        recorder->addPort(parent, held.parentSlot, to, list, transfer);
    };
    move(elements);
    transfer.direction = Direction::read; // what it adds to
    --transfer.times;
    move(begun);
    transfer.times = 1;
    move(joined);
    if (recorder)
      recorder->addCrossings(deliveries[visit.node][slot].second.crossings,
                             bytes);
  }
  if (recorder)
    recorder->endTransfer();
  return true;
}

/// Outputs leave the machine where their tensor lives.
void Store::harvest(Visit &visit, int slot) {
  const TensorInfo &tensor =
      points.tensors[program.nodes[visit.node].held[slot].tensor];
  if (!tensor.isOutput)
    return;
  if (recorder)
    recorder->output(visit, slot);
  interp::Tensor &output = outputs.find(tensor.name)->second;
  for (Instance &unit : visit.units)
    for (auto &[element, cell] : unit.contents[slot]) {
      if (cell.contributions != tensor.points[element])
        continue;
      output.values[element] =
          builders[tensor.producer].getValue(cell, element, tensor.result);
      output.present[element] = 1;
    }
}
