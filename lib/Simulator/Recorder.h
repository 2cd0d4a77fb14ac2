//===- Recorder.h - An execution written down as commands -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// While the machine executes a schedule, each thing that it does becomes a
// command of lib/Lowering/CommandStream.h. What the loop tree decides (guards,
// halos, first reads left out, who continues a partial sum) is decided then and
// no longer in the stream; Replay.h executes it without the tree.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_RECORDER_H
#define LIB_SIMULATOR_RECORDER_H

#include "lib/Arch/Delivery.h"
#include "lib/Lowering/CommandStream.h"
#include "lib/Simulator/Store.h"

#include <set>

namespace einsum::sim {

class Recorder {
public:
  Recorder(const Points &points, const Program &program,
           lowering::CommandStream &stream);

  // Buffers: a tile of a tensor on one unit, in one visit.
  void open(const Visit &visit);
  void close(const Visit &visit);
  void keep(const Visit &to, int unit, const Visit &from, int fromUnit,
            int slot, llvm::ArrayRef<int64_t> elements);

  // A load or store, put together part by part. Buffers are given by a visit,
  // a slot and a unit.
  void beginTransfer(lowering::Op op, const Visit &visit, int slot,
                     const Transfer &transfer);
  void addPort(const Visit &visit, int slot, int unit,
               llvm::ArrayRef<int64_t> elements, const Transfer &transfer);
  void addCopy(const Visit &to, int slot, int unit, const Visit &from,
               int fromSlot, int fromUnit, llvm::ArrayRef<int64_t> elements);
  void addCrossings(llvm::ArrayRef<arch::Crossing> crossings, uint64_t bytes);
  void endTransfer();

  // Leaves.
  int64_t beginGroup(int leaf, size_t port, const Visit &home, int unit);
  void endGroup(int64_t group, const Transfer &transfer,
                llvm::ArrayRef<arch::Crossing> whole, uint64_t bytes,
                llvm::ArrayRef<arch::Crossing> partial, uint64_t partialBytes);
  void addUnit(const Unit &unit, llvm::ArrayRef<int64_t> groups);
  void endRun(int leaf);
  void output(const Visit &visit, int slot);

  void endSlot(int pipeline);
  void beginLoop() { builder.beginLoop(); }
  void nextStep() { builder.nextStep(); }
  void endLoop() { builder.endLoop(); }
  void finish() { stream.commands = builder.finish(); }

private:
  int64_t bufferOf(const Visit &visit, int slot, int unit) const;

  const Points &points;
  const Program &program;
  lowering::CommandStream &stream;
  lowering::StreamBuilder builder;
  std::map<std::tuple<int, int64_t, int, int>, int64_t> buffers;
  std::map<std::vector<int32_t>, int64_t> paths; ///< of units, by name
  std::set<int64_t> signalled; ///< buffers that an engine has filled
  int64_t nextBuffer = 0, nextGroup = 0;

  // The transfer or run that is being put together.
  lowering::Op current = lowering::Op::load;
  lowering::Numbers head, ports, copies, links;
  int64_t portCount = 0, copyCount = 0, linkCount = 0;
  int engine = -1;
  std::vector<int64_t> filled; ///< buffers
  std::vector<std::vector<int64_t>> coordinates, groups;
  std::vector<int64_t> units;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_RECORDER_H
