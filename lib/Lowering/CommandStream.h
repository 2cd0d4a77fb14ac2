//===- CommandStream.h - A schedule as commands of a machine ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The end of the compiler: what a controller that knows nothing of loop trees
// would be given. The machine has buffers (a tile of a tensor at a level),
// arrays, DMA engines and semaphores; README.md says what each command does.
//
//   open   buffer 1: B at L1, below buffer 0
//   load   B of 1 from 0: elements 0..7
//   loop   4 times
//     group  3: reads A of buffer 2
//     run    Z on pe: 8 units at m = i, k = 0..7
//     end    group 3
//
// Everything is a number: a command is a kind and a list of integers. Lists of
// elements or points are runs of runs (start, count, step, count, step), and
// steps of a loop whose numbers all advance evenly are one loop. Both are
// exact: unfolding a stream gives the commands back that were put in, so that
// the size of the text goes with the irregularity of the schedule, not with its
// steps.
//
// Trusts nothing when it reads: numbers of the wrong kind, unknown commands,
// loops without end are errors at their line and column. Whether commands make
// sense (a buffer that is open, an element that is there) the machine says.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LOWERING_COMMANDSTREAM_H
#define LIB_LOWERING_COMMANDSTREAM_H

#include "lib/Support/SourceJson.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace einsum::lowering {

using Numbers = std::vector<int64_t>;

enum class Op : uint8_t {
  open,    ///< buffer, tensor, level, parent or -1, held: all (0) or LIST
  close,   ///< buffer
  keep,    ///< to, from, LIST
  load,    ///< tensor, einsum, engine, ports: (write, far, buffer, times,
           ///< receivers, repeats, LIST)..., copies: (to, from, LIST)...,
           ///< links: (link, copies, bytes)...
  store,   ///< the same, towards the parent
  group,   ///< group, einsum, port, buffer, read or -1, tensor, registers or
           ///< -1, in registers
  end,     ///< group, times, receivers, repeats, links: ...
  run,     ///< einsum, array, units LIST, coordinates LIST per rank, groups
           ///< LIST per port
  output,  ///< tensor, buffer
  signal,  ///< semaphore
  wait,    ///< semaphore
  barrier, ///< pipeline
  loop
};

llvm::StringRef spell(Op op);

struct Command {
  Op op = Op::barrier;
  Numbers args;
  /// By how much the arguments advance per step of each loop around, outermost
  /// first; an empty one does not advance.
  std::vector<Numbers> steps;
  int64_t times = 0;         ///< of a loop
  std::vector<Command> body; ///< of a loop
};

struct CommandStream {
  std::string cascade, arch, schedule;
  std::vector<std::string> tensors, einsums, levels, arrays, engines;
  std::vector<Command> commands;
};

/// Runs of runs of a list, appended to `to`: how many, then five numbers each.
void appendList(llvm::ArrayRef<int64_t> list, Numbers &to);
/// Reads a list at `at` and moves on; false if the numbers are no list.
bool readList(llvm::ArrayRef<int64_t> numbers, size_t &at, Numbers &list);

/// Collects commands; steps of a loop that advance evenly become one.
class StreamBuilder {
public:
  StreamBuilder();
  void add(Op op, Numbers args);
  void beginLoop();
  void nextStep();
  void endLoop();
  std::vector<Command> finish();

private:
  struct Level {
    std::vector<std::vector<Command>> steps;
  };
  std::vector<Level> levels;
};

/// Calls `act` for each command in order, arguments unfolded; stops if it says
/// false.
bool forEachCommand(llvm::ArrayRef<Command> commands,
                    llvm::function_ref<bool(Op, llvm::ArrayRef<int64_t>)> act);

/// Commands written down, and commands that they stand for.
struct StreamSize {
  uint64_t written = 0;
  double executed = 0;
};
StreamSize measure(llvm::ArrayRef<Command> commands);

/// Schema "einsum-commands/1".
void writeCommandsJson(const CommandStream &stream, llvm::raw_ostream &os);
void printCommands(const CommandStream &stream, llvm::raw_ostream &os);
std::optional<CommandStream> readCommands(const JsonValue &json,
                                          Diagnostics &diags);

} // namespace einsum::lowering

#endif // LIB_LOWERING_COMMANDSTREAM_H
