//===- CostModel.h - Energy and latency of any schedule ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The model evaluates a loop tree, whoever made it, by the rules of
// dialects/Schedule/README.md. The main ones, worked on
//
//   Z[m] = A[m,k] * B[k]      M = 4, K = 8, words of 2 bytes
//
//   storage DRAM [A, B, Z]
//     storage buffer [B]                    1. fetched once:      8 words
//       temporal m tile 1
//         spatial k tile 1 across col       8 units at once
//           compute Z on pe                 2. reads per step: A 8 words from
//                                              DRAM, B 8 words from the buffer
//
// 1. *Tiles.* A visit of a storage node fetches what is read and not produced
//    below, and delivers what is unfinished or needed elsewhere. Tiles are sets
//    of elements: windows overlap, masks cut, the last tile is shorter.
// 2. *Leaves.* A leaf reads each operand from the nearest storage node above,
//    one spatial step at a time: what several units need is read once and
//    multicast, outputs that several units produce are reduced on the way. An
//    operand that the innermost loops do not change stays in the unit.
// 3. *Partial sums.* Revisiting an output reads it back, except at its first
//    visit (first-read elision).
// 4. *Recurrences.* Reading one step before the first element is the initial
//    value and moves nothing. Held above the loop, the carried value stays;
//    held below, it is fetched and delivered in every step.
// 5. *Registers.* Where an array is fed by a register file of its units, every
//    operator reads its operands from there and writes its result there.
// 6. *Time.* A leaf takes (sum of operator cycles) per step, or with `chained`
//    the largest. `sequence` adds its children, each no faster than what it
//    moves; `pipeline` takes its busiest array or DMA engine per slot, plus
//    filling and draining. The whole is no faster than any level.
// 7. *Energy.* Operators x energy, accesses x energy, deliveries to and sums
// over
//    further units, leakage x time.
//
// Example continued: DRAM reads 4*8 (A) + 8 (B) words = 80 bytes and writes 4
// words = 8 bytes; the buffer is written 8 words once and read 8 words 4 times;
// pe is busy 4 cycles.
//
// Trusts a verified mapping. Refuses, with a located message: names the spec
// does not have, operators an array lacks, tiles beyond a capacity, counts
// beyond 64 bits, and what it cannot count exactly (README.md says what that
// is).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_COSTMODEL_H
#define LIB_COSTMODEL_COSTMODEL_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/Evaluation.h"

#include <functional>
#include <memory>

namespace einsum::cost {

/// Why a schedule cannot run on an architecture.
struct CapacityViolation {
  std::string level;
  uint64_t neededBytes = 0, availableBytes = 0;
  /// The largest tiles, as (description, bytes), largest first.
  std::vector<std::pair<std::string, uint64_t>> tiles;
};

/// A schedule bound to a cascade and an architecture, prepared for repeated
/// evaluation. Tile sizes may change between evaluations; the tree may not.
class Evaluator {
public:
  /// Emits located errors and returns null if names do not resolve, an array
  /// lacks an operator, or the model does not cover a construct. `facts` and
  /// `arch` outlive the evaluator.
  static std::unique_ptr<Evaluator> create(schedule::MappingOp mapping,
                                           const CascadeFacts &facts,
                                           const arch::ArchSpec &arch);
  ~Evaluator();

  /// Evaluates; `result` is overwritten and its storage reused. False if a
  /// level cannot hold what the schedule places there: see `violations`.
  bool evaluate(Evaluation &result);

  /// Levels over capacity in the last evaluation.
  const std::vector<CapacityViolation> &violations() const;
  /// Emits the violations at the storage nodes concerned.
  void emitViolations() const;

  /// Where tiles are cut in very many ways, evaluations end unanswered once
  /// this says so; then nothing is said of the schedule.
  void stopWhen(std::function<bool()> shouldStop);

  /// Changes the tile of a loop; takes effect at the next evaluation.
  void setTile(mlir::Operation *loop, int64_t tile);

  const std::vector<std::string> &operatorNames() const;

  /// Counts the general way even where a product of steps would do; slower, for
  /// tests to compare.
  void avoidShortWays();
  /// Takes every step there is, as is done where no closed form is exact.
  void takeEveryStep();

private:
  struct Impl;
  explicit Evaluator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_COSTMODEL_H
