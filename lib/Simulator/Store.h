//===- Store.h - Buffers with contents --------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// While control is below a storage node, each unit has an instance of it: for
// every tensor held, the elements that are there. They come and go only by
//
//   fill    on first use, what the plan says from the parent's instance;
//   partial
//           values go to the first unit that adds to them
//   drain   when the last leaf that makes the tensor has run, what is
//   incomplete
//           or needed elsewhere to the parent; contributions of several units
//           are merged on the way
//   put     a leaf's result
//
// A visit ends for each tensor on its own, because a stage of a pipeline may
// still work on a visit that control has left long ago.
//
// `resident n`: elements beyond the first n of the tile are not here; whoever
// asks is sent on to the parent. `shared`: the i-th elements of all tiles are
// one place; putting one removes the others.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_STORE_H
#define LIB_SIMULATOR_STORE_H

#include "lib/Simulator/Cells.h"
#include "lib/Simulator/Deliveries.h"
#include "lib/Simulator/Ledger.h"
#include "lib/Simulator/Plan.h"

#include <map>

namespace einsum::sim {

struct Visit;
class Recorder;

/// One unit's share of a visit.
struct Instance {
  const UnitPlan *plan = nullptr;
  /// Per held tensor: what is here, and which unit of the parent's visit.
  llvm::SmallVector<llvm::DenseMap<int64_t, Cell>, 3> contents;
  llvm::SmallVector<int, 3> parentUnit;
  std::vector<int32_t> path;
};

struct Visit {
  int node = -1;
  int64_t index = 0;
  std::vector<Instance> units;
  /// Per held tensor.
  llvm::SmallVector<std::shared_ptr<Visit>, 3> parents;
  llvm::SmallVector<char, 3> filled, drained;
  llvm::SmallVector<int, 3> writers;        ///< postponed stages that make it
  llvm::SmallVector<uint64_t, 3> receivers; ///< of the same words of a fill
  llvm::SmallVector<uint64_t, 3> writes;    ///< of each word of a drain
  /// Per held tensor: which coordinates a streamed rank went through, by leaf.
  llvm::SmallVector<std::map<int, std::vector<int64_t>>, 3> streamed;
  int postponed = 0; ///< stages that still have to work on this visit
  bool left = false; ///< by control
};

class Store {
public:
  Store(Points &points, const Program &program, const Plan &plan,
        const arch::ArchSpec &arch, Ledger &ledger,
        const interp::TensorMap &inputs, std::vector<CellBuilder> &builders,
        interp::TensorMap &outputs);

  /// Writes down what is done, from now on.
  void record(Recorder *to) { recorder = to; }

  void open(int node, const Context &context);
  std::shared_ptr<Visit> find(int node, int64_t index) const;
  /// A visit that nobody will use again.
  void close(Visit &visit);

  /// The cell of an element if it is anywhere to be found; no questions asked.
  Cell *get(Visit &visit, int slot, int unit, int64_t element);
  void put(Visit &visit, int slot, int unit, int64_t element, Cell cell);
  bool isComplete(int tensor, int64_t element, const Cell &cell) const;
  /// "is not there" or "is incomplete: 3 of 8 points have contributed".
  std::string describeLack(int tensor, int64_t element, const Cell *cell) const;

  /// False, with an error, if something is missing.
  bool fill(Visit &visit, int slot);
  bool drain(Visit &visit, int slot);

  /// Elements that leave or enter together; those that are not resident here do
  /// so at the parent.
  void note(Visit &visit, int slot, int unit, llvm::ArrayRef<int64_t> elements,
            Transfer transfer);

  /// Of what was read once for several units, elements that further units
  /// received, once for each of these.
  void noteFurther(Visit &visit, int slot, int unit,
                   llvm::ArrayRef<int64_t> elements);

private:
  bool checkAlike(Visit &visit, int slot);
  bool isResident(const Visit &visit, int slot, int unit,
                  int64_t element) const;
  /// Where an element is, as seen from a visit.
  using Place = std::pair<Visit *, int>; ///< and the unit there
  Place locate(Visit &visit, int slot, int unit, int64_t element) const;
  bool copyKept(Visit &visit, int slot);
  bool merge(const Visit &visit, int slot, int64_t element, Cell &cell,
             const Cell &other);
  bool fetch(Visit &visit, int slot, int unit, int64_t element);
  void harvest(Visit &visit, int slot);
  int firstUser(int node, int tensor) const;
  uint64_t countReceivers(int node, const Held &held,
                          const Context &context) const;
  uint64_t countWrites(int node, const Held &held,
                       const Context &context) const;
  Transfer makeTransfer(const Visit &visit, int slot, Direction direction,
                        Cause cause) const;

  Points &points;
  const Program &program;
  const Plan &plan;
  const arch::ArchSpec &arch;
  Ledger &ledger;
  const interp::TensorMap &inputs;
  std::vector<CellBuilder> &builders;
  interp::TensorMap &outputs;
  std::map<std::pair<int, int64_t>, std::shared_ptr<Visit>> live;
  /// Per node and held tensor: how its fills and drains spread.
  std::vector<llvm::SmallVector<std::pair<Delivery, Delivery>, 3>> deliveries;
  /// Per node: the last visit, for retained halos.
  std::vector<std::shared_ptr<Visit>> previous;
  Recorder *recorder = nullptr; ///< null unless asked for
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_STORE_H
