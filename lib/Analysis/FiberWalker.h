//===- FiberWalker.h - A walk along one kind of fiber -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What FiberWalk.h promises, as one state and what is done to it. Each Einsum
// is visited after those that it reads; it is told what is known of its
// operands and leaves behind what is known of its results:
//
//   FiberWalk.cpp         the order of the visits, one visit, what comes out
//   FiberTouches.cpp      when an Einsum reads the fiber, and after what
//   FiberProjection.cpp   from the points of an Einsum to elements of its
//   result FiberRecurrences.cpp  Einsums that read what they made the step
//   before SelfReach.cpp         which of them contain their own previous
//   element
//
// States hold facts only of tensors that somebody still reads.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_FIBERWALKER_H
#define LIB_ANALYSIS_FIBERWALKER_H

#include "lib/Analysis/FiberFacts.h"
#include "lib/Analysis/FiberWalk.h"

namespace einsum::walk {

/// How a touch came about: what it waited for.
struct Gate {
  uint64_t level = 0;
  Pins pins;
  Fibers fibers;
  int event = -1;
};

/// A scan that touches the fiber in order.
struct Scan {
  int direction;
  uint64_t level;
  mlir::Operation *op;
};

class Walk {
public:
  Walk(const CascadeGraph &graph, Coverer &coverer, SelfReach &reach,
       const FiberKey &key, const WalkMemory &memory)
      : graph(graph), coverer(coverer), reach(reach), memory(memory),
        context(graph.cascade->getContext()), source(graph.tensors[key.first]) {
    fiber.tensor = key.first;
    fiber.positions.assign(key.second.begin(), key.second.end());
    fiber.coordinate = makeCoordinate(source, key.second);
  }

  FiberCount run();

private:
  mlir::AffineExpr makeCoordinate(const GraphTensor &tensor,
                                  llvm::ArrayRef<int> positions) const;

  std::vector<int> findGuise(int tensor, mlir::AffineExpr coordinate) const;

  // The order of the walk.
  void start();
  void findUsed();
  void define(int tensor, State state);
  bool narrows(int einsum);
  bool isPlain(const State &state) const;
  const Fact *findBehind(const State &state) const;
  bool finishFrom(int tensor);
  bool step(int einsum);

  // One Einsum.
  void visit(const GraphEinsum &einsum, const Pins &round, bool isFirst);
  State *findState(const GraphRead &read);
  void collect(const GraphEinsum &einsum,
               llvm::SmallVectorImpl<Alignment> &aligned,
               llvm::SmallVectorImpl<int> &tensors, Facts &facts);
  bool settleFibers(Fact &fact) const;
  void settleFull(Fact &fact);
  uint64_t touch(const GraphEinsum &einsum, const Alignment &alignment,
                 const Fibers &fibers, const Facts &known, const Pins &round,
                 Facts &facts);
  int einsumId(const GraphEinsum &einsum) const {
    return &einsum - graph.einsums.data();
  }
  llvm::SmallVector<Gate, 4> findGates(const GraphEinsum &einsum,
                                       mlir::AffineExpr coordinate,
                                       const Fibers &fibers,
                                       const Facts &known);
  std::optional<Gate> openGate(const GraphEinsum &einsum, Fact fact,
                               mlir::AffineExpr coordinate,
                               const Fibers &fibers);
  std::optional<Gate> joinGates(const Fact &up, const Fact &down,
                                const Fibers &fibers);
  bool coversTouch(const GraphEinsum &einsum, mlir::AffineExpr coordinate,
                   const Gate &gate, const Pins &round);
  void noteTouch(const GraphEinsum &einsum, mlir::AffineExpr coordinate,
                 uint64_t level, int event, bool covers);
  void noteAligned(int tensor, const Alignment &alignment);
  bool keepsSteps(const GraphEinsum &einsum, const Alignment &alignment) const;
  void noteGuise(const GraphEinsum &einsum, const Alignment &result);

  // From points to elements.
  std::optional<Fact> project(const GraphEinsum &einsum, Fact fact);
  bool isOfFiber(const Condition &condition, mlir::AffineExpr coordinate,
                 const Fibers &fibers) const;
  bool isRestricted(const GraphEinsum &einsum, mlir::AffineExpr expr,
                    mlir::AffineExpr coordinate, const Fibers &fibers) const;
  bool holdsWithoutTerms(const GraphEinsum &einsum, const Fact &fact) const;
  bool projectCoordinate(const GraphEinsum &einsum, Fact &fact,
                         llvm::SmallVectorImpl<Target> &targets);
  bool projectFibers(const GraphEinsum &einsum, Fact &fact,
                     llvm::SmallVectorImpl<Target> &targets);
  bool reachTargets(const GraphEinsum &einsum, Fact &fact,
                    llvm::ArrayRef<Target> targets);
  Alignment project(const GraphEinsum &einsum, Alignment alignment);

  // Recurrences.
  bool visitRecurrence(const Recurrence &recurrence);
  bool readsOwnStep(const Recurrence &recurrence) const;
  void enterSteps(const Recurrence &recurrence);
  void leaveStep();
  State stateAfter(const Recurrence &recurrence, int tensor, State last,
                   const std::map<int, State> &firstRound) const;
  bool endsWithin(int einsum);
  bool goesOnAs(int tensor);
  bool runRound(const Recurrence &recurrence, const Pins &round, bool isFirst);
  void addPrefixes(const Recurrence &recurrence);
  void addPrefixes(int tensor, const StepRank &step, State &state);
  bool extrapolate(const Recurrence &recurrence,
                   llvm::ArrayRef<std::vector<uint64_t>> levels,
                   llvm::ArrayRef<uint64_t> counts,
                   std::optional<int64_t> stepsLeft, size_t period);
  std::vector<uint64_t> listLevels(const Recurrence &recurrence);
  void closeRecurrence(const Recurrence &recurrence,
                       const std::map<int, State> &firstRound);

  // Results.
  int addEvent(TouchEvent event) {
    events.push_back(event);
    return events.size() - 1;
  }
  std::vector<mlir::Operation *> listWitness(int event) const;
  FiberCount finish();

  const CascadeGraph &graph;
  Coverer &coverer;
  SelfReach &reach;
  const WalkMemory &memory;
  mlir::MLIRContext *context;
  const GraphTensor &source;
  FiberKind fiber;

  State sourceState;
  std::map<int, State> states, previous;
  std::set<int> pending;               ///< Einsums
  std::set<std::pair<int, int>> alive; ///< (last reader, tensor)
  int alignedUntil = -1;               ///< last reader of an aligned tensor
  /// Of the first round: tensors that later steps read.
  std::set<int> carried, carriedInside;
  /// The fiber is one of the first step: later rounds read no further ones. Its
  /// span along the step is All meanwhile.
  bool isOneStep = false, isLaterStep = false;
  bool isMadeInStep = false; ///< the walked tensor, by the recurrence
  bool isAlongSteps = false; ///< the fiber has an element of each step
  int stepPosition = -1;     ///< in the walked tensor
  unsigned visited = 0;

  std::vector<TouchEvent> events;
  uint64_t passes = 0;
  int lastEvent = -1;
  std::vector<mlir::Operation *> tail; ///< witness beyond lastEvent
  std::vector<std::pair<mlir::Operation *, uint64_t>> partial;
  std::map<int, uint64_t> stages;
  std::vector<Scan> scans;
  FiberCount result;
  int current = -1; ///< Einsum being visited
};

/// Which ranks of an Einsum an expression uses.
struct Uses {
  bool kept = false, reduced = false;
};
Uses findUses(const GraphEinsum &einsum, mlir::AffineExpr expr);

} // namespace einsum::walk

#endif // LIB_ANALYSIS_FIBERWALKER_H
