//===- Machine.h - Moving and computing -------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The second walk, with values. At a leaf, every unit whose point is executed
// takes its operands from the home of each tensor, computes, and adds the
// result to the element at its home.
//
// Operands and sums stay in the unit's latch while only loops advance that do
// not change them; what is written down is one transfer per latch group, of all
// elements that the units together used in it (section 4 of
// dialects/Schedule/README.md). Sums are added at the home at once: nobody can
// tell, because an element that still lacks contributions may not be read.
//
// Stages of a pipeline work on contexts that control has left; the visits of
// storage nodes above stay alive until all stages are done with them.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_MACHINE_H
#define LIB_SIMULATOR_MACHINE_H

#include "lib/Simulator/Deliveries.h"
#include "lib/Simulator/LaggedWalk.h"
#include "lib/Simulator/Recorder.h"
#include "lib/Simulator/RunningRoom.h"
#include "lib/Simulator/Store.h"
#include "lib/Simulator/Stored.h"

#include "llvm/ADT/DenseSet.h"

namespace einsum::sim {

class Machine : public LaggedWalk {
public:
  Machine(Points &points, const Program &program, const Plan &plan,
          const arch::ArchSpec &arch, Ledger &ledger,
          const interp::TensorMap &inputs, Simulation &result);

  /// False, with an error, if something was not there.
  bool execute();
  std::vector<CellBuilder> &getBuilders() { return builders; }
  /// Writes down what is done as commands.
  void record(Recorder *to) {
    recorder = to;
    store.record(to);
  }
  StoredTensors &getStored() { return stored; }

private:
  /// What the units hold of one operand or result, of one visit of its home.
  struct Latch {
    std::shared_ptr<Visit> home;
    int unit = 0; ///< of the home
    uint64_t group = 0;
    llvm::DenseMap<int64_t, interp::Scalar> values; ///< of a read
    std::vector<int64_t> elements;                  ///< used, each once
    /// Reads that gather, and which of the elements each of them used.
    std::map<std::vector<int64_t>, int64_t> chosen;
    std::vector<int64_t> continued; ///< had a partial value
    /// Units that took part, and what each used: elements, or, of reads that
    /// gather, which of `elements`.
    std::map<std::vector<int32_t>, llvm::DenseSet<int64_t>> units;
    uint64_t copies = 1; ///< units at one element at once, masked or not
    int64_t name = -1;   ///< of the group, where it is written down
  };
  using Latches = std::map<std::pair<int64_t, int>, Latch>;

  // Walk.
  void visitNode(int node, Context &context) override;
  void endSlot(int pipeline) override;
  void enter(int node, Context &context) override;
  void leave(int node, Context &context) override;
  void runLeaf(int node, Context &context) override;
  void runTransfer(int node, Context &context) override;
  void postpone(int pipeline, int child, Context &context) override;
  void finish(int pipeline, int child, Context &context) override;

  void countPostponed(int pipeline, int child, Context &context, int change);
  void settle(Visit &visit);

  // Leaves.
  bool runUnit(int node, const Context &context, const Unit &unit);
  bool refuseOutside(const EinsumInfo &einsum, int read, int position,
                     const Unit &unit, llvm::ArrayRef<interp::Scalar> operands);
  bool readOperand(int node, int port, const Context &context, const Unit &unit,
                   llvm::MutableArrayRef<interp::Scalar> operands);
  bool writeResult(int node, int port, const Context &context, const Unit &unit,
                   llvm::ArrayRef<interp::Scalar> values);
  uint64_t countCopies(int node, const Port &port,
                       const Context &context) const;
  Latch &getLatch(int node, int port, const Context &context, const Unit &unit);
  void closeLatch(int node, const Port &port, Latch &latch);
  void noteUnits(int node, const Port &port, const Latch &latch);
  void closeLatches(const Visit &home);
  bool checkStreamed(const Visit &visit);
  void noteStreamed(int leaf, const Port &port, Visit &home, int64_t element);
  Transfer makeTransfer(int node, const Port &port, Direction direction) const;
  std::string describePoint(const EinsumInfo &einsum, const Unit &unit) const;
  mlir::InFlightDiagnostic refuse(int node, const Port &port, const Unit &unit,
                                  int64_t element);

  const arch::ArchSpec &arch;
  Ledger &ledger;
  Simulation &result;
  std::vector<CellBuilder> builders;
  Store store;
  StoredTensors stored;
  RunningRoom room;
  std::vector<std::vector<Latches>> latches; ///< per node and port
  /// Per node and port: of what it reads or writes, and of partial values.
  std::vector<std::vector<std::pair<Delivery, Delivery>>> deliveries;
  bool everyRun;     ///< profile "per_point": nothing is latched
  uint64_t runs = 0; ///< of leaves so far
  bool ok = true;
  Recorder *recorder = nullptr; ///< null unless asked for
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_MACHINE_H
