//===- Recorder.cpp - An execution written down as commands ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Recorder.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;
using lowering::appendList;
using lowering::Numbers;
using lowering::Op;

Recorder::Recorder(const Points &points, const Program &program,
                   lowering::CommandStream &stream)
    : points(points), program(program), stream(stream) {
  for (const TensorInfo &tensor : points.tensors)
    stream.tensors.push_back(tensor.name);
  for (const EinsumInfo &einsum : points.einsums)
    stream.einsums.push_back(einsum.name);
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

int64_t Recorder::bufferOf(const Visit &visit, int slot, int unit) const {
  auto found = buffers.find({visit.node, visit.index, slot, unit});
  return found == buffers.end() ? -1 : found->second;
}

void Recorder::open(const Visit &visit) {
  const Node &node = program.nodes[visit.node];
  if (node.passthrough)
    return;
  for (auto [slot, held] : llvm::enumerate(node.held))
    for (auto [u, unit] : llvm::enumerate(visit.units)) {
      int64_t buffer = nextBuffer++;
      buffers[{visit.node, visit.index, static_cast<int>(slot),
               static_cast<int>(u)}] = buffer;
      int64_t parent = held.parent < 0
                           ? -1
                           : bufferOf(*visit.parents[slot], held.parentSlot,
                                      unit.parentUnit[slot]);
      Numbers args = {buffer, held.tensor, node.level, parent};
      bool isPart = node.resident >= 0 && held.parent >= 0;
      args.push_back(isPart);
      if (isPart) {
        std::vector<int64_t> tile;
        if (!unit.plan->tiles.empty())
          tile = unit.plan->tiles[slot].tile;
        if (static_cast<int64_t>(tile.size()) > node.resident)
          tile.resize(node.resident);
        appendList(tile, args);
      }
      builder.add(Op::open, std::move(args));
    }
}

void Recorder::close(const Visit &visit) {
  const Node &node = program.nodes[visit.node];
  if (node.passthrough)
    return;
  for (size_t slot = 0; slot < node.held.size(); ++slot)
    for (size_t unit = 0; unit < visit.units.size(); ++unit)
      builder.add(Op::close, {bufferOf(visit, static_cast<int>(slot),
                                       static_cast<int>(unit))});
}

void Recorder::keep(const Visit &to, int unit, const Visit &from, int fromUnit,
                    int slot, llvm::ArrayRef<int64_t> elements) {
  Numbers args = {bufferOf(to, slot, unit), bufferOf(from, slot, fromUnit)};
  appendList(elements, args);
  builder.add(Op::keep, std::move(args));
}

void Recorder::output(const Visit &visit, int slot) {
  int tensor = program.nodes[visit.node].held[slot].tensor;
  for (size_t unit = 0; unit < visit.units.size(); ++unit)
    builder.add(Op::output,
                {tensor, bufferOf(visit, slot, static_cast<int>(unit))});
}

//===----------------------------------------------------------------------===//
// Transfers
//===----------------------------------------------------------------------===//

void Recorder::beginTransfer(Op op, const Visit &visit, int slot,
                             const Transfer &transfer) {
  const Held &held = program.nodes[visit.node].held[slot];
  int mover = op == Op::load ? held.fillsAt : held.drainsAt;
  engine = mover < 0 ? -1 : program.nodes[mover].engine;
  current = op;
  head = {held.tensor, transfer.einsum, engine};
  ports.clear();
  copies.clear();
  links.clear();
  filled.clear();
  portCount = copyCount = linkCount = 0;
}

void Recorder::addPort(const Visit &visit, int slot, int unit,
                       llvm::ArrayRef<int64_t> elements,
                       const Transfer &transfer) {
  if (elements.empty() || transfer.times == 0)
    return;
  ++portCount;
  for (uint64_t number : {uint64_t{transfer.direction == Direction::write},
                          uint64_t{transfer.isFar}})
    ports.push_back(static_cast<int64_t>(number));
  ports.push_back(bufferOf(visit, slot, unit));
  for (uint64_t number : {transfer.times, transfer.receivers, transfer.repeats})
    ports.push_back(static_cast<int64_t>(number));
  appendList(elements, ports);
}

void Recorder::addCopy(const Visit &to, int slot, int unit, const Visit &from,
                       int fromSlot, int fromUnit,
                       llvm::ArrayRef<int64_t> elements) {
  if (elements.empty())
    return;
  ++copyCount;
  copies.push_back(bufferOf(to, slot, unit));
  copies.push_back(bufferOf(from, fromSlot, fromUnit));
  appendList(elements, copies);
  if (current == Op::load)
    filled.push_back(bufferOf(to, slot, unit));
}

void Recorder::addCrossings(llvm::ArrayRef<arch::Crossing> crossings,
                            uint64_t bytes) {
  if (bytes == 0)
    return;
  for (const arch::Crossing &crossing : crossings) {
    ++linkCount;
    links.insert(links.end(), {static_cast<int64_t>(crossing.link),
                               static_cast<int64_t>(crossing.copies),
                               static_cast<int64_t>(bytes)});
  }
}

/// A transfer of nothing is none. What an engine brings is announced, so that
/// arrays can wait for it.
void Recorder::endTransfer() {
  if (portCount + copyCount + linkCount == 0)
    return;
  Numbers args = head;
  for (auto [count, numbers] : {std::pair(portCount, &ports),
                                {copyCount, &copies},
                                {linkCount, &links}}) {
    args.push_back(count);
    args.insert(args.end(), numbers->begin(), numbers->end());
  }
  builder.add(current, std::move(args));
  if (engine < 0)
    return;
  for (int64_t buffer : filled)
    if (signalled.insert(buffer).second)
      builder.add(Op::signal, {buffer});
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

int64_t Recorder::beginGroup(int leaf, size_t port, const Visit &home,
                             int unit) {
  const Node &node = program.nodes[leaf];
  const Port &of = node.ports[port];
  int64_t buffer = bufferOf(home, of.slot, unit), group = nextGroup++;
  if (signalled.count(buffer))
    builder.add(Op::wait, {buffer});
  builder.add(Op::group,
              {group, node.einsum, static_cast<int64_t>(port), buffer, of.read,
               of.tensor, node.registers, of.inRegisters});
  return group;
}

void Recorder::endGroup(int64_t group, const Transfer &transfer,
                        llvm::ArrayRef<arch::Crossing> whole, uint64_t bytes,
                        llvm::ArrayRef<arch::Crossing> partial,
                        uint64_t partialBytes) {
  links.clear();
  linkCount = 0;
  addCrossings(whole, bytes);
  addCrossings(partial, partialBytes);
  Numbers args = {group, static_cast<int64_t>(transfer.times),
                  static_cast<int64_t>(transfer.receivers),
                  static_cast<int64_t>(transfer.repeats), linkCount};
  args.insert(args.end(), links.begin(), links.end());
  builder.add(Op::end, std::move(args));
}

void Recorder::addUnit(const Unit &unit, llvm::ArrayRef<int64_t> ofPorts) {
  std::vector<int32_t> path(unit.path.begin(), unit.path.end());
  units.push_back(paths.try_emplace(path, static_cast<int64_t>(paths.size()))
                      .first->second);
  coordinates.emplace_back(unit.lo.begin(), unit.lo.end());
  groups.emplace_back(ofPorts.begin(), ofPorts.end());
}

/// The units that were added since the last run.
void Recorder::endRun(int leaf) {
  if (units.empty())
    return;
  const Node &node = program.nodes[leaf];
  Numbers args = {node.einsum, node.array}, column;
  appendList(units, args);
  const auto &ranks = points.einsums[node.einsum].ranks;
  args.push_back(static_cast<int64_t>(ranks.size()));
  for (int rank : ranks) {
    column.clear();
    for (const std::vector<int64_t> &point : coordinates)
      column.push_back(point[rank]);
    appendList(column, args);
  }
  args.push_back(static_cast<int64_t>(node.ports.size()));
  for (size_t port = 0; port < node.ports.size(); ++port) {
    column.clear();
    for (const std::vector<int64_t> &one : groups)
      column.push_back(one[port]);
    appendList(column, args);
  }
  builder.add(Op::run, std::move(args));
  units.clear();
  coordinates.clear();
  groups.clear();
}

void Recorder::endSlot(int pipeline) { builder.add(Op::barrier, {pipeline}); }
