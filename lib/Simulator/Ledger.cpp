//===- Ledger.cpp - Every move is written down here -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Ledger.h"

#include "llvm/Support/MathExtras.h"

#include <tuple>

using namespace einsum;
using namespace einsum::sim;

static auto fieldsOf(const Traffic &t) {
  return std::tie(t.readElements, t.writeElements, t.readBytes, t.writeBytes,
                  t.readAccesses, t.writeAccesses);
}

bool Traffic::operator==(const Traffic &other) const {
  return fieldsOf(*this) == fieldsOf(other);
}

Traffic &Traffic::operator+=(const Traffic &other) {
  readElements += other.readElements;
  writeElements += other.writeElements;
  readBytes += other.readBytes;
  writeBytes += other.writeBytes;
  readAccesses += other.readAccesses;
  writeAccesses += other.writeAccesses;
  return *this;
}

Ledger::Ledger(const Points &points, const Program &program,
               const arch::ArchSpec &arch, Simulation &result)
    : points(points), program(program), arch(arch), result(result),
      atNode(program.nodes.size() * arch.levels.size()),
      far(program.nodes.size(), 0),
      linksAtNode(program.nodes.size() * arch.links.size(), 0) {
  result.links.resize(arch.links.size());
  result.levels.resize(arch.levels.size());
  result.arrays.resize(arch.arrays.size());
  result.engines.resize(arch.engines.size());
  result.tensors.resize(points.tensors.size() * arch.levels.size());
  result.einsums.resize(points.einsums.size() * arch.levels.size());
  for (const TensorInfo &tensor : points.tensors)
    result.tensorNames.push_back(tensor.name);
  for (const EinsumInfo &einsum : points.einsums)
    result.einsumNames.push_back(einsum.name);
}

/// Bytes are at least as many as anything else but accesses and elements, which
/// are of the same magnitude: one check of the sums is enough.
void Ledger::add(Traffic &sum, const Traffic &value) {
  uint64_t ignored;
  overflowed |=
      __builtin_add_overflow(sum.readBytes, value.readBytes, &ignored) ||
      __builtin_add_overflow(sum.writeBytes, value.writeBytes, &ignored);
  sum += value;
}

uint64_t Ledger::bytesOf(const Transfer &transfer) const {
  const TensorInfo &tensor = points.tensors[transfer.tensor];
  return transfer.movesBlocks()
             ? tensor.wholeBytes(transfer.elements, transfer.blocks)
             : tensor.bytes(transfer.elements);
}

void Ledger::note(const Transfer &transfer) {
  if (transfer.elements == 0 || transfer.times == 0)
    return;
  size_t levels = arch.levels.size();
  uint64_t bytes =
      llvm::alignTo(bytesOf(transfer), arch.levels[transfer.level].chunkBytes);
  uint64_t accesses =
      llvm::divideCeil(bytes, arch.levels[transfer.level].accessBytes);
  Traffic traffic;
  bool reads = transfer.direction == Direction::read;
  uint64_t times = transfer.times;
  uint64_t repeats = transfer.repeats;
  if (uint64_t width = arch.levels[transfer.level].multicast.width;
      reads && width != 0)
    repeats = std::max(repeats, llvm::divideCeil(transfer.receivers, width));
  times *= repeats;
  (reads ? traffic.readElements : traffic.writeElements) =
      transfer.elements * times;
  (reads ? traffic.readBytes : traffic.writeBytes) = bytes * times;
  (reads ? traffic.readAccesses : traffic.writeAccesses) = accesses * times;
  add(result.levels[transfer.level].traffic, traffic);
  TensorMoves &moves =
      result.tensors[transfer.tensor * levels + transfer.level];
  add(moves.total, traffic);
  add(transfer.cause == Cause::fill      ? moves.fills
      : transfer.cause == Cause::drain   ? moves.drains
      : transfer.cause == Cause::operand ? moves.operands
                                         : moves.registers,
      traffic);
  if (transfer.einsum >= 0)
    add(result.einsums[transfer.einsum * levels + transfer.level], traffic);
  add(atNode[transfer.node * levels + transfer.level], traffic);
  if (transfer.isFar)
    far[transfer.node] += bytesOf(transfer) * times;
}

void Ledger::cross(int node, const std::vector<arch::Crossing> &crossings,
                   uint64_t bytes) {
  for (const arch::Crossing &crossing : crossings) {
    LinkMoves &link = result.links[crossing.link];
    uint64_t passing = bytes * crossing.copies;
    overflowed |= __builtin_add_overflow(link.bytes, passing, &link.bytes);
    link.hopBytes += static_cast<double>(bytes) * crossing.hops;
    linksAtNode[node * arch.links.size() + crossing.link] += passing;
  }
}

void Ledger::deliverFurther(int level, uint64_t words) {
  uint64_t &sum = result.levels[level].furtherWords;
  overflowed |= __builtin_add_overflow(sum, words, &sum);
}

void Ledger::combine(int array, uint64_t words) {
  uint64_t &sum = result.arrays[array].combinedWords;
  overflowed |= __builtin_add_overflow(sum, words, &sum);
}

uint64_t Ledger::crossedBelow(int node, int link) const {
  uint64_t sum = 0;
  for (int i = node; i < program.nodes[node].end; ++i)
    sum += crossedAt(i, link);
  return sum;
}

Traffic Ledger::below(int node, int level) const {
  Traffic sum;
  for (int i = node; i < program.nodes[node].end; ++i)
    sum += atNode[i * arch.levels.size() + level];
  return sum;
}
