//===- FiberWalk.cpp - Passes over one kind of fiber ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/FiberWalk.h"

#include "lib/Analysis/FiberFacts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::walk;

/// Einsums after which a walk may end in results that are already known.
static constexpr unsigned kLongWalk = 64;
/// Steps of a recurrence looked at before its growth counts as linear, or is
/// given up.
static constexpr int64_t kMostRounds = 12;
/// Steps that every recurrence with an unbound extent is taken to have.
static constexpr int64_t kLeastSteps = 3;

namespace {

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
  Operation *op;
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
  AffineExpr makeCoordinate(const GraphTensor &tensor,
                            ArrayRef<int> positions) const;

  std::vector<int> findGuise(int tensor, AffineExpr coordinate) const;

  // The order of the walk.
  void start();
  void findUsed();
  void define(int tensor, State state);
  bool narrows(int einsum);
  bool finishFrom(int tensor);
  void step(int einsum);

  // One Einsum.
  void visit(const GraphEinsum &einsum, const Pins &round, bool isFirst);
  State *findState(const GraphRead &read);
  void collect(const GraphEinsum &einsum, SmallVectorImpl<Alignment> &aligned,
               SmallVectorImpl<int> &tensors, Facts &facts);
  bool settleFibers(Fact &fact) const;
  void settleFull(Fact &fact);
  uint64_t touch(const GraphEinsum &einsum, const Alignment &alignment,
                 const Fibers &fibers, const Facts &known, const Pins &round,
                 Facts &facts);
  int einsumId(const GraphEinsum &einsum) const {
    return &einsum - graph.einsums.data();
  }
  SmallVector<Gate, 4> findGates(const GraphEinsum &einsum,
                                 AffineExpr coordinate, const Fibers &fibers,
                                 const Facts &known);
  std::optional<Gate> openGate(const GraphEinsum &einsum, Fact fact,
                               AffineExpr coordinate, const Fibers &fibers);
  std::optional<Gate> joinGates(const Fact &up, const Fact &down,
                                const Fibers &fibers);
  bool coversTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                   const Gate &gate, const Pins &round);
  void noteTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                 uint64_t level, int event, bool covers);
  void noteAligned(int tensor, const Alignment &alignment);
  void noteGuise(const GraphEinsum &einsum, const Alignment &result);

  // From points to elements.
  std::optional<Fact> project(const GraphEinsum &einsum, Fact fact);
  bool projectCoordinate(const GraphEinsum &einsum, Fact &fact,
                         SmallVectorImpl<Target> &targets);
  bool projectFibers(const GraphEinsum &einsum, Fact &fact,
                     SmallVectorImpl<Target> &targets);
  bool reachTargets(const GraphEinsum &einsum, Fact &fact,
                    ArrayRef<Target> targets);
  Alignment project(const GraphEinsum &einsum, Alignment alignment);

  // Recurrences.
  void visitRecurrence(const Recurrence &recurrence);
  void runRound(const Recurrence &recurrence, const Pins &round, bool isFirst);
  void addPrefixes(const Recurrence &recurrence);
  void addPrefixes(int tensor, const StepRank &step, State &state);
  bool extrapolate(const Recurrence &recurrence,
                   ArrayRef<std::vector<uint64_t>> levels,
                   ArrayRef<uint64_t> counts, std::optional<int64_t> stepsLeft,
                   size_t period);
  std::vector<uint64_t> listLevels(const Recurrence &recurrence);
  void closeRecurrence(const Recurrence &recurrence,
                       const std::map<int, State> &firstRound);

  // Results.
  int addEvent(TouchEvent event) {
    events.push_back(event);
    return events.size() - 1;
  }
  std::vector<Operation *> listWitness(int event) const;
  FiberCount finish();

  const CascadeGraph &graph;
  Coverer &coverer;
  SelfReach &reach;
  const WalkMemory &memory;
  MLIRContext *context;
  const GraphTensor &source;
  FiberKind fiber;

  State sourceState;
  std::map<int, State> states, previous;
  std::set<int> pending;               ///< Einsums
  std::set<std::pair<int, int>> alive; ///< (last reader, tensor)
  int alignedUntil = -1;               ///< last reader of an aligned tensor
  unsigned visited = 0;

  std::vector<TouchEvent> events;
  uint64_t passes = 0;
  int lastEvent = -1;
  std::vector<Operation *> tail; ///< witness beyond lastEvent
  std::vector<std::pair<Operation *, uint64_t>> partial;
  std::map<int, uint64_t> stages;
  std::vector<Scan> scans;
  FiberCount result;
  int current = -1; ///< Einsum being visited
};

} // namespace

//===----------------------------------------------------------------------===//
// The order of the walk
//===----------------------------------------------------------------------===//

AffineExpr Walk::makeCoordinate(const GraphTensor &tensor,
                                ArrayRef<int> positions) const {
  AffineExpr sum = getAffineDimExpr(positions[0], context);
  for (int position : positions.drop_front())
    sum = sum * tensor.extents[position] + getAffineDimExpr(position, context);
  return simplify(sum);
}

/// The positions along which a tensor's fibers have all the elements of the
/// walked one's, in order; empty if they do not.
std::vector<int> Walk::findGuise(int id, AffineExpr coordinate) const {
  const GraphTensor &tensor = graph.tensors[id];
  std::vector<int> positions;
  for (unsigned i = 0; i < tensor.ranks.size(); ++i)
    if (coordinate.isFunctionOfDim(i))
      positions.push_back(i);
  bool sameDomain =
      tensor.ranks == source.ranks && tensor.domain == source.domain;
  bool isWhole = llvm::all_of(tensor.domain, [&](const Condition &condition) {
    return sameDomain || condition.isRagged ||
           llvm::none_of(positions, [&](int p) {
             return condition.expr.isFunctionOfDim(p);
           });
  });
  if (positions.empty() || positions.size() > 4 || !isWhole)
    return {};
  AffineExpr length = getAffineConstantExpr(1, context), wanted = length;
  for (int position : positions)
    length = simplify(length * tensor.extents[position]);
  for (int position : fiber.positions)
    wanted = simplify(wanted * source.extents[position]);
  if (length != wanted)
    return {};
  do {
    if (makeCoordinate(tensor, positions) == coordinate)
      return positions;
  } while (std::next_permutation(positions.begin(), positions.end()));
  return {};
}

void Walk::start() {
  sourceState.alignment.kind = Alignment::One;
  sourceState.alignment.coordinates = {fiber.coordinate};
  Fibers fibers;
  for (unsigned position = 0; position < source.ranks.size(); ++position)
    fibers.push_back(llvm::is_contained(fiber.positions, position)
                         ? Span()
                         : Span{Span::At, getAffineDimExpr(position, context)});
  sourceState.alignment.fibers = {fibers};
  findUsed();
  define(fiber.tensor, sourceState);
}

/// The part of the fiber that is read at all, where it is one run.
void Walk::findUsed() {
  std::optional<int64_t> extent = getNumber(source.extents[fiber.positions[0]]);
  if (fiber.positions.size() != 1 || !extent)
    return;
  std::vector<std::pair<int64_t, int64_t>> runs;
  for (int reader : source.readers) {
    const GraphEinsum &einsum = graph.einsums[reader];
    for (const GraphRead &read : einsum.reads) {
      if (read.tensor != fiber.tensor)
        continue;
      AffineExpr index = read.index[fiber.positions[0]];
      int64_t length = 1;
      for (unsigned dim = 0; dim < einsum.dims.size(); ++dim)
        if (index.isFunctionOfDim(dim)) {
          AffineExpr offset =
              combine(index, -1, getAffineDimExpr(dim, context));
          std::optional<int64_t> steps = getNumber(einsum.extents[dim]);
          if (!getNumber(offset) || !steps)
            return;
          length = *steps;
          index = offset;
          break;
        }
      std::optional<int64_t> first = getNumber(index);
      if (!first)
        return;
      runs.push_back(
          {std::max<int64_t>(*first, 0), std::min(*first + length, *extent)});
    }
  }
  llvm::sort(runs);
  int64_t first = runs[0].first, end = runs[0].second;
  for (auto [from, to] : runs) {
    if (from > end)
      return;
    end = std::max(end, to);
  }
  if (first > 0)
    fiber.first = first;
  if (end < *extent)
    fiber.end = end;
}

void Walk::define(int tensor, State state) {
  const GraphTensor &graphTensor = graph.tensors[tensor];
  if (!state.isEmpty() && !graphTensor.readers.empty()) {
    int last = graphTensor.readers.back();
    alive.insert({last, tensor});
    if (state.alignment.kind == Alignment::One)
      alignedUntil = std::max(alignedUntil, last);
    for (int reader : graphTensor.readers)
      if (reader > current)
        pending.insert(reader);
  }
  states[tensor] = std::move(state);
}

/// True if everything that comes from the fiber goes through one tensor whose
/// elements stand for those of the fiber, and whose own passes are known: from
/// there on, levels are its levels plus those reached.
bool Walk::narrows(int einsum) {
  while (!alive.empty() && alive.begin()->first < einsum)
    alive.erase(alive.begin());
  if (visited > kLongWalk) {
    for (auto [last, tensor] : alive)
      finishFrom(tensor);
    return true;
  }
  if (alive.size() != 1 || alive.begin()->second == fiber.tensor)
    return false;
  int tensor = alive.begin()->second;
  const State &state = states[tensor];
  bool isPlain = state.alignment.kind == Alignment::One &&
                 llvm::all_of(state.facts, [&](const Fact &fact) {
                   return fact.pins.empty() && fact.locals.empty() &&
                          (fact.isFull ||
                           fact.coordinate == state.alignment.coordinates[0]);
                 });
  return isPlain && finishFrom(tensor);
}

/// Takes over what is known of a tensor's own fibers; false if nothing is.
bool Walk::finishFrom(int tensor) {
  const State &state = states[tensor];
  if (state.alignment.kind != Alignment::One)
    return false;
  AffineExpr coordinate = state.alignment.coordinates[0];
  std::vector<int> positions = findGuise(tensor, coordinate);
  if (positions.empty())
    return false;
  auto it = memory.find({tensor, positions});
  if (it == memory.end())
    return false;
  const Fact *most = nullptr;
  for (const Fact &fact : state.facts)
    if (fact.isFull && fact.pins.empty() &&
        (!most || fact.level > most->level) &&
        llvm::all_of(fact.fibers,
                     [](const Span &s) { return s.kind != Span::From; }))
      most = &fact;
  uint64_t total = it->second.passes + (most ? most->level : 0);
  if (total > passes) {
    passes = total;
    lastEvent = most ? most->event : -1;
    // The touch that made this tensor belongs to the chain.
    if (most)
      for (const Fact &fact : state.facts)
        if (!fact.isFull && fact.level == most->level + 1)
          lastEvent = fact.event;
    tail = it->second.witness;
    result.oppositeScans = it->second.oppositeScans;
  }
  return true;
}

void Walk::step(int einsum) {
  current = einsum;
  const GraphEinsum &node = graph.einsums[einsum];
  if (node.recurrence < 0) {
    pending.erase(einsum);
    ++visited;
    visit(node, /*round=*/{}, /*isFirst=*/true);
    return;
  }
  const Recurrence &recurrence = graph.recurrences[node.recurrence];
  pending.erase(pending.begin(), pending.lower_bound(recurrence.end));
  visited += recurrence.end - recurrence.begin;
  current = recurrence.end - 1;
  visitRecurrence(recurrence);
}

FiberCount Walk::run() {
  start();
  while (!pending.empty()) {
    int einsum = *pending.begin();
    if (einsum > alignedUntil || narrows(einsum))
      break;
    step(einsum);
  }
  return finish();
}

//===----------------------------------------------------------------------===//
// One Einsum
//===----------------------------------------------------------------------===//

State *Walk::findState(const GraphRead &read) {
  std::map<int, State> &from = read.isCarried ? previous : states;
  auto it = from.find(read.tensor);
  if (it != from.end())
    return &it->second;
  return read.tensor == fiber.tensor ? &sourceState : nullptr;
}

/// A fiber span that ends at a number.
bool Walk::settleFibers(Fact &fact) const {
  for (auto [position, span] : llvm::enumerate(fact.fibers)) {
    if ((span.kind != Span::UpTo && span.kind != Span::From) ||
        usesAnyDim(span.expr))
      continue;
    AffineExpr end = span.kind == Span::UpTo
                         ? simplify(source.extents[position] - 1)
                         : getAffineConstantExpr(0, context);
    span = span.expr == end ? Span() : Span{Span::At, span.expr};
  }
  return true;
}

/// Locals that together reach the whole fiber make the fact full.
void Walk::settleFull(Fact &fact) {
  if (fact.isFull || usesAnyDim(fact.coordinate) || fact.locals.empty() ||
      llvm::any_of(fact.locals,
                   [](const Local &l) { return l.span.kind != Span::All; }))
    return;
  Coverer::Query query;
  query.einsum = nullptr;
  query.fiber = &fiber;
  query.targets = {{fact.coordinate, -1}};
  for (auto [i, local] : llvm::enumerate(fact.locals))
    query.locals.push_back({coverer.firstLocal() + i, local.extent});
  if (!coverer.cover(query))
    return;
  fact.isFull = true;
  fact.coordinate = {};
  fact.locals.clear();
}

void Walk::collect(const GraphEinsum &einsum,
                   SmallVectorImpl<Alignment> &aligned,
                   SmallVectorImpl<int> &tensors, Facts &facts) {
  for (const GraphRead &read : einsum.reads) {
    State *state = findState(read);
    if (!state)
      continue;
    aligned.push_back(readAlignment(state->alignment, read));
    tensors.push_back(read.tensor);
    for (const Fact &fact : state->facts) {
      std::optional<Fact> here = readFact(fact, read, einsum);
      if (!here || !settleFibers(*here))
        continue;
      settleFull(*here);
      addFact(facts, std::move(*here));
    }
  }
}

void Walk::visit(const GraphEinsum &einsum, const Pins &round, bool isFirst) {
  SmallVector<Alignment, 3> aligned;
  SmallVector<int, 3> tensors;
  Facts known;
  collect(einsum, aligned, tensors, known);
  if (aligned.empty())
    return;
  Facts facts = known;
  for (auto [operand, tensor] : llvm::zip(aligned, tensors)) {
    if (operand.kind != Alignment::One)
      continue;
    uint64_t level = 0;
    for (const Fibers &fibers : operand.fibers)
      level =
          std::max(level, touch(einsum, operand, fibers, known, round, facts));
    if (isFirst && level > 0)
      result.touches.push_back({tensor, einsumId(einsum), level});
  }
  State state;
  state.alignment = project(einsum, mixAlignments(aligned));
  for (Fact &fact : facts)
    if (std::optional<Fact> kept = project(einsum, fact))
      addFact(state.facts, std::move(*kept));
  if (isFirst)
    noteGuise(einsum, state.alignment);
  if (isFirst && state.alignment.kind == Alignment::One)
    for (int tensor : einsum.results)
      noteAligned(tensor, state.alignment);
  for (int tensor : einsum.results) {
    State here = state;
    // The fiber's own elements, when a recurrence makes them.
    if (tensor == fiber.tensor)
      here.alignment = sourceState.alignment;
    define(tensor, std::move(here));
  }
}

//===----------------------------------------------------------------------===//
// Touches
//===----------------------------------------------------------------------===//

/// What a full fact, or one that becomes full by choosing an independent rank,
/// makes a touch wait for.
std::optional<Gate> Walk::openGate(const GraphEinsum &einsum, Fact fact,
                                   AffineExpr coordinate,
                                   const Fibers &fibers) {
  for (Local &local : fact.locals) {
    if (local.span.kind == Span::All)
      continue;
    int dim = local.span.kind == Span::At ? -1 : getDim(local.span.expr);
    if (dim < 0 || coordinate.isFunctionOfDim(dim))
      return std::nullopt;
    AffineExpr end = local.span.kind == Span::UpTo
                         ? simplify(local.extent - 1)
                         : getAffineConstantExpr(0, context);
    if (einsum.extents[dim] != local.extent || !addPin(fact.pins, {dim, end}))
      return std::nullopt;
    local.span = Span();
  }
  settleFull(fact);
  if (!fact.isFull)
    return std::nullopt;
  std::optional<Fibers> both = meet(fibers, fact.fibers);
  if (!both)
    return std::nullopt;
  return Gate{fact.level, fact.pins, *both, fact.event};
}

/// Everything up to one coordinate and everything from it on, or from the next.
std::optional<Gate> Walk::joinGates(const Fact &up, const Fact &down,
                                    const Fibers &fibers) {
  if (up.isFull || down.isFull || up.locals.size() != 1 ||
      down.locals.size() != 1 || up.coordinate != down.coordinate ||
      up.locals[0].span.kind != Span::UpTo ||
      down.locals[0].span.kind != Span::From)
    return std::nullopt;
  std::optional<int64_t> overlap =
      getNumber(combine(up.locals[0].span.expr, -1, down.locals[0].span.expr));
  if (!overlap || *overlap < -1)
    return std::nullopt;
  Fact whole = up;
  whole.locals[0].span = Span();
  settleFull(whole);
  std::optional<Fibers> both = meet(fibers, up.fibers);
  if (both)
    both = meet(*both, down.fibers);
  if (!whole.isFull || !both)
    return std::nullopt;
  const Fact &later = up.level < down.level ? up : down;
  Gate gate{later.level, up.pins, *both, later.event};
  for (const Pin &pin : down.pins)
    if (!addPin(gate.pins, pin))
      return std::nullopt;
  return gate;
}

/// Highest first; the last one waits for nothing.
SmallVector<Gate, 4> Walk::findGates(const GraphEinsum &einsum,
                                     AffineExpr coordinate,
                                     const Fibers &fibers, const Facts &known) {
  SmallVector<Gate, 4> gates;
  for (const Fact &fact : known) {
    if (std::optional<Gate> gate = openGate(einsum, fact, coordinate, fibers))
      gates.push_back(std::move(*gate));
    for (const Fact &other : known)
      if (std::optional<Gate> gate = joinGates(fact, other, fibers))
        gates.push_back(std::move(*gate));
  }
  llvm::sort(gates, [](const Gate &a, const Gate &b) {
    return std::tuple(b.level, a.pins.size(), a.event) <
           std::tuple(a.level, b.pins.size(), b.event);
  });
  gates.push_back({0, {}, fibers, -1});
  return gates;
}

bool Walk::coversTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                       const Gate &gate, const Pins &round) {
  Coverer::Query query;
  query.einsum = &einsum;
  query.fiber = &fiber;
  query.targets = {{coordinate, -1}};
  query.pins = gate.pins;
  for (const Pin &pin : round)
    if (!addPin(query.pins, pin))
      return false;
  for (auto [position, span] : llvm::enumerate(gate.fibers)) {
    if (span.kind != Span::At)
      continue;
    query.known.push_back({span.expr, static_cast<int>(position)});
    for (unsigned dim = 0; dim < einsum.dims.size(); ++dim)
      if (span.expr.isFunctionOfDim(dim) &&
          !llvm::is_contained(query.held, dim))
        query.held.push_back(dim);
  }
  llvm::sort(query.held);
  return coverer.cover(query).has_value();
}

/// +1 or -1 if the coordinate follows a rank of the Einsum's recurrence, so
/// that touches come in its order.
static int findScan(const CascadeGraph &graph, SelfReach &reach,
                    const GraphEinsum &einsum, AffineExpr coordinate) {
  if (einsum.recurrence < 0)
    return 0;
  for (const StepRank &step : graph.recurrences[einsum.recurrence].ranks) {
    const StringAttr *dim = llvm::find(einsum.dims, step.rank);
    if (dim == einsum.dims.end())
      continue;
    AffineExpr variable =
        getAffineDimExpr(dim - einsum.dims.begin(), coordinate.getContext());
    for (int sign : {1, -1})
      if (!usesAnyDim(combine(coordinate, -sign, variable)) &&
          reach.reaches(einsum.results[0], step))
        return sign * step.direction;
  }
  return 0;
}

void Walk::noteTouch(const GraphEinsum &einsum, AffineExpr coordinate,
                     uint64_t level, int event, bool covers) {
  if (!covers) {
    partial.push_back({einsum.op, level});
    return;
  }
  uint64_t &stage = stages[einsumId(einsum)];
  stage = std::max(stage, level);
  if (level > passes) {
    passes = level;
    lastEvent = event;
    tail.clear();
  }
  if (int direction = findScan(graph, reach, einsum, coordinate))
    scans.push_back({direction, level, einsum.op});
}

/// Touches by one operand; the highest level that all coordinates reach.
uint64_t Walk::touch(const GraphEinsum &einsum, const Alignment &alignment,
                     const Fibers &fibers, const Facts &known,
                     const Pins &round, Facts &facts) {
  AffineExpr coordinate = alignment.coordinates[0];
  bool varies = usesAnyDim(coordinate);
  uint64_t reached = 0;
  for (const Gate &gate : findGates(einsum, coordinate, fibers, known)) {
    uint64_t level = gate.level + 1;
    int event = addEvent({einsum.op, nullptr, gate.event});
    bool covers = varies && coversTouch(einsum, coordinate, gate, round);
    noteTouch(einsum, coordinate, level, event, covers);
    if (covers)
      reached = std::max(reached, level);
    Fact fact;
    fact.coordinate = coordinate;
    fact.fibers = gate.fibers;
    fact.pins = gate.pins;
    fact.level = level;
    fact.event = event;
    if (varies)
      addFact(facts, std::move(fact));
    if (covers && gate.pins.empty() && gate.fibers == fibers)
      break;
  }
  return reached;
}

void Walk::noteAligned(int tensor, const Alignment &alignment) {
  Guise guise{tensor, std::vector<bool>(source.ranks.size(), true)};
  for (const Fibers &fibers : alignment.fibers)
    for (auto [position, span] : llvm::enumerate(fibers))
      guise.keepsApart[position] =
          guise.keepsApart[position] && span.kind == Span::At;
  result.aligned.push_back(std::move(guise));
}

/// Remembers a direct reader whose elements stand for those of the fiber.
void Walk::noteGuise(const GraphEinsum &einsum, const Alignment &alignment) {
  bool readsSource = llvm::any_of(einsum.reads, [&](const GraphRead &read) {
    return read.tensor == fiber.tensor;
  });
  if (!readsSource || alignment.kind != Alignment::One || passes == 0)
    return;
  std::vector<int> positions =
      findGuise(einsum.results[0], alignment.coordinates[0]);
  if (!positions.empty())
    for (int tensor : einsum.results)
      result.guises.push_back({tensor, positions});
}

//===----------------------------------------------------------------------===//
// From points to elements
//===----------------------------------------------------------------------===//

namespace {
/// Which ranks of an Einsum an expression uses.
struct Uses {
  bool kept = false, reduced = false;
};
} // namespace

static Uses findUses(const GraphEinsum &einsum, AffineExpr expr) {
  Uses uses;
  for (auto [dim, position] : llvm::enumerate(einsum.positions))
    if (expr.isFunctionOfDim(dim))
      (position < 0 ? uses.reduced : uses.kept) = true;
  return uses;
}

/// True if a condition restricts a reduced rank that the expression uses, other
/// than by taking coordinates away that the fiber lacks.
static bool isRestricted(const GraphEinsum &einsum, AffineExpr expr,
                         AffineExpr coordinate) {
  return llvm::any_of(einsum.domain, [&](const Condition &condition) {
    if (condition.isRagged && coordinate &&
        !usesAnyDim(combine(condition.expr, 1, coordinate)))
      return false;
    for (auto [dim, position] : llvm::enumerate(einsum.positions))
      if (position < 0 && expr.isFunctionOfDim(dim) &&
          condition.expr.isFunctionOfDim(dim))
        return true;
    return false;
  });
}

/// `expr` with reduced ranks set to their pins, or to 0 when asked to.
static AffineExpr fixReduced(const GraphEinsum &einsum, AffineExpr expr,
                             const Pins &pins, bool others) {
  SmallVector<AffineExpr, 6> values;
  for (auto [dim, position] : llvm::enumerate(einsum.positions)) {
    AffineExpr value = getAffineDimExpr(dim, expr.getContext());
    if (position < 0) {
      const Pin *pin = llvm::find_if(pins, [dim = dim](const Pin &p) {
        return p.dim == static_cast<int>(dim);
      });
      if (pin != pins.end())
        value = pin->value;
      else if (others)
        value = getAffineConstantExpr(0, expr.getContext());
    }
    values.push_back(value);
  }
  return substitute(expr, values);
}

/// The coordinate after the reduction; asks for a target where the reduction
/// may reach all of it. False if nothing is left to say.
bool Walk::projectCoordinate(const GraphEinsum &einsum, Fact &fact,
                             SmallVectorImpl<Target> &targets) {
  if (fact.isFull)
    return true;
  fact.coordinate =
      fixReduced(einsum, fact.coordinate, fact.pins, /*others=*/false);
  for (Local &local : fact.locals) {
    if (local.span.kind == Span::All ||
        !findUses(einsum, local.span.expr).reduced)
      continue;
    // Among the terms is the one whose bound is the end.
    if (getDim(local.span.expr) < 0 ||
        isRestricted(einsum, local.span.expr, {}))
      return false;
    local.span = Span();
  }
  Uses uses = findUses(einsum, fact.coordinate);
  if (!uses.reduced) {
    settleFull(fact);
    return fact.isFull || uses.kept || !fact.locals.empty();
  }
  if (!uses.kept && fact.locals.empty()) {
    targets.push_back({fact.coordinate, -1});
    return true;
  }
  if (isRestricted(einsum, fact.coordinate, fact.coordinate))
    return false;
  // A window or tile: reduced ranks live on as variables of the fact.
  SmallVector<AffineExpr, 6> values;
  for (auto [dim, position] : llvm::enumerate(einsum.positions)) {
    values.push_back(getAffineDimExpr(dim, context));
    if (position >= 0 || !fact.coordinate.isFunctionOfDim(dim))
      continue;
    values.back() =
        getAffineSymbolExpr(coverer.firstLocal() + fact.locals.size(), context);
    fact.locals.push_back({einsum.extents[dim], Span()});
  }
  fact.coordinate = substitute(fact.coordinate, values);
  settleFull(fact);
  return true;
}

bool Walk::projectFibers(const GraphEinsum &einsum, Fact &fact,
                         SmallVectorImpl<Target> &targets) {
  for (auto [position, span] : llvm::enumerate(fact.fibers)) {
    if (span.kind == Span::All)
      continue;
    span.expr = fixReduced(einsum, span.expr, fact.pins, /*others=*/false);
    Uses uses = findUses(einsum, span.expr);
    if (!uses.reduced)
      continue;
    if (!uses.kept && getDim(span.expr) >= 0) {
      targets.push_back({span.expr, static_cast<int>(position)});
      continue;
    }
    // One of the terms stands for them.
    if (isRestricted(einsum, span.expr, {}))
      return false;
    span.expr = fixReduced(einsum, span.expr, {}, /*others=*/true);
  }
  return true;
}

/// Asks whether the terms of the reduction reach the targets, and says so in
/// the fact. With conditions, all of them together; they also decide whether
/// there is a term at all.
bool Walk::reachTargets(const GraphEinsum &einsum, Fact &fact,
                        ArrayRef<Target> targets) {
  Coverer::Query query;
  query.einsum = &einsum;
  query.fiber = &fiber;
  query.pins = fact.pins;
  for (auto [dim, position] : llvm::enumerate(einsum.positions))
    if (position >= 0)
      query.held.push_back(dim);
  for (auto [position, span] : llvm::enumerate(fact.fibers))
    if (span.kind == Span::At && !findUses(einsum, span.expr).reduced)
      query.known.push_back({span.expr, static_cast<int>(position)});
  auto ask = [&](ArrayRef<Target> asked) {
    query.targets.assign(asked.begin(), asked.end());
    std::optional<Pins> pins = coverer.cover(query);
    if (!pins)
      return false;
    for (const Pin &pin : *pins)
      if (!addPin(fact.pins, pin))
        return false;
    return true;
  };
  bool isBox = einsum.domain.empty();
  if (isBox ? !llvm::all_of(targets, [&](const Target &t) { return ask(t); })
            : !ask(targets))
    return false;
  for (const Target &target : targets) {
    if (target.position >= 0) {
      fact.fibers[target.position] = Span();
      continue;
    }
    fact.isFull = true;
    fact.coordinate = {};
    fact.locals.clear();
  }
  return true;
}

std::optional<Fact> Walk::project(const GraphEinsum &einsum, Fact fact) {
  bool wasFull = fact.isFull;
  SmallVector<Target, 2> targets;
  if (!projectCoordinate(einsum, fact, targets) ||
      !projectFibers(einsum, fact, targets) ||
      !reachTargets(einsum, fact, targets))
    return std::nullopt;
  SmallVector<AffineExpr, 6> positions;
  for (int position : einsum.positions)
    positions.push_back(getAffineDimExpr(std::max(position, 0), context));
  if (!fact.isFull)
    fact.coordinate = substitute(fact.coordinate, positions);
  for (Local &local : fact.locals)
    if (local.span.kind != Span::All)
      local.span.expr = substitute(local.span.expr, positions);
  for (Span &span : fact.fibers)
    if (span.kind != Span::All)
      span.expr = substitute(span.expr, positions);
  Pins pins;
  for (const Pin &pin : fact.pins)
    if (einsum.positions[pin.dim] >= 0)
      addPin(pins, {einsum.positions[pin.dim], pin.value});
  fact.pins = std::move(pins);
  if (fact.isFull && !wasFull)
    fact.event = addEvent(
        {events[fact.event].touch, einsum.op, events[fact.event].before});
  return fact;
}

Alignment Walk::project(const GraphEinsum &einsum, Alignment alignment) {
  if (alignment.kind == Alignment::None || alignment.kind == Alignment::Unknown)
    return alignment;
  // A sum over several coordinates stands for none; the state of a recurrence
  // along the fiber neither.
  auto isLost = [&](AffineExpr coordinate) {
    if (findUses(einsum, coordinate).reduced)
      return true;
    if (einsum.recurrence < 0)
      return false;
    return llvm::any_of(
        graph.recurrences[einsum.recurrence].ranks, [&](const StepRank &s) {
          const StringAttr *dim = llvm::find(einsum.dims, s.rank);
          return dim != einsum.dims.end() &&
                 coordinate.isFunctionOfDim(dim - einsum.dims.begin());
        });
  };
  llvm::erase_if(alignment.coordinates, isLost);
  if (alignment.coordinates.empty())
    return {};
  SmallVector<AffineExpr, 6> positions;
  for (int position : einsum.positions)
    positions.push_back(getAffineDimExpr(std::max(position, 0), context));
  for (AffineExpr &coordinate : alignment.coordinates)
    coordinate = substitute(coordinate, positions);
  for (Fibers &fibers : alignment.fibers) {
    Fact carrier;
    carrier.isFull = true;
    carrier.fibers = fibers;
    SmallVector<Target, 2> targets;
    bool good = projectFibers(einsum, carrier, targets);
    // Where conditions do not let all fibers through, the first one speaks.
    if (good && !einsum.domain.empty())
      for (const Target &target : targets) {
        carrier.fibers[target.position].expr =
            getAffineConstantExpr(0, context);
        addPin(carrier.pins,
               {getDim(target.expr), getAffineConstantExpr(0, context)});
      }
    good =
        good && reachTargets(einsum, carrier,
                             einsum.domain.empty() ? ArrayRef<Target>(targets)
                                                   : ArrayRef<Target>());
    if (good)
      for (const Pin &pin : carrier.pins)
        good &= einsum.positions[pin.dim] < 0;
    if (!good) {
      Alignment unknown;
      unknown.kind = Alignment::Unknown;
      return unknown;
    }
    fibers = carrier.fibers;
    for (Span &span : fibers)
      if (span.kind != Span::All)
        span.expr = substitute(span.expr, positions);
  }
  return alignment;
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

/// Everything up to this step has been touched: what this step touches, and
/// what the step before had.
void Walk::addPrefixes(int tensor, const StepRank &step, State &state) {
  const GraphTensor &graphTensor = graph.tensors[tensor];
  auto rank = llvm::find(graphTensor.ranks, step.rank);
  if (rank == graphTensor.ranks.end() || state.facts.empty() ||
      !reach.reaches(tensor, step))
    return;
  int position = rank - graphTensor.ranks.begin();
  AffineExpr variable = getAffineDimExpr(position, context);
  Span::Kind kind = step.direction > 0 ? Span::UpTo : Span::From;
  for (const Fact &fact : Facts(state.facts)) {
    if (llvm::any_of(fact.pins,
                     [&](const Pin &p) { return p.dim == position; }))
      continue;
    Fact prefix = fact;
    bool changed = false;
    if (!fact.isFull && fact.coordinate.isFunctionOfDim(position)) {
      SmallVector<AffineExpr, 6> values;
      for (unsigned i = 0; i < graphTensor.ranks.size(); ++i)
        values.push_back(getAffineDimExpr(i, context));
      values[position] = getAffineSymbolExpr(
          coverer.firstLocal() + fact.locals.size(), context);
      prefix.coordinate = substitute(fact.coordinate, values);
      prefix.locals.push_back(
          {graphTensor.extents[position], {kind, variable}});
      changed = true;
    }
    for (Span &span : prefix.fibers)
      if (span.kind == Span::At && span.expr.isFunctionOfDim(position)) {
        std::optional<int64_t> offset =
            getNumber(combine(span.expr, -1, variable));
        if (!offset || changed)
          return;
        span.kind = kind;
        changed = true;
      }
    if (changed)
      addFact(state.facts, std::move(prefix));
  }
}

void Walk::addPrefixes(const Recurrence &recurrence) {
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      for (const StepRank &step : recurrence.ranks)
        addPrefixes(tensor, step, it->second);
    }
}

void Walk::runRound(const Recurrence &recurrence, const Pins &round,
                    bool isFirst) {
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      states.erase(tensor);
  for (int i = recurrence.begin; i < recurrence.end; ++i) {
    const GraphEinsum &einsum = graph.einsums[i];
    Pins here;
    // Later rounds speak of later steps only: of the last one.
    for (const Pin &pin : round) {
      const StepRank &step = recurrence.ranks[pin.dim];
      const StringAttr *dim = llvm::find(einsum.dims, step.rank);
      if (dim != einsum.dims.end())
        addPin(here, {static_cast<int>(dim - einsum.dims.begin()), pin.value});
    }
    visit(einsum, here, isFirst);
  }
  addPrefixes(recurrence);
}

std::vector<uint64_t> Walk::listLevels(const Recurrence &recurrence) {
  std::vector<uint64_t> levels;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      for (const Fact &fact : it->second.facts)
        levels.push_back(fact.level);
    }
  return levels;
}

/// True if two states say the same, apart from levels.
static bool saySame(const std::map<int, State> &a,
                    const std::map<int, State> &b, int tensor,
                    bool withLevels) {
  auto left = a.find(tensor), right = b.find(tensor);
  if (left == a.end() || right == b.end())
    return (left == a.end()) == (right == b.end());
  const State &x = left->second, &y = right->second;
  return x.alignment.kind == y.alignment.kind &&
         x.alignment.coordinates == y.alignment.coordinates &&
         x.facts.size() == y.facts.size() &&
         llvm::all_of(llvm::zip(x.facts, y.facts), [&](auto pair) {
           const Fact &f = std::get<0>(pair), &g = std::get<1>(pair);
           return f.says(g) && (!withLevels || f.level == g.level);
         });
}

/// Rounds that say the same, with the same rise of levels over the last
/// `period` rounds as over those before: levels rise at least so for the steps
/// left.
bool Walk::extrapolate(const Recurrence &recurrence,
                       ArrayRef<std::vector<uint64_t>> levels,
                       ArrayRef<uint64_t> counts,
                       std::optional<int64_t> stepsLeft, size_t period) {
  size_t n = levels.size();
  if (n < 2 * period + 1 || (stepsLeft && *stepsLeft % period != 0))
    return false;
  const std::vector<uint64_t> &now = levels[n - 1],
                              &before = levels[n - 1 - period],
                              &first = levels[n - 1 - 2 * period];
  if (now.size() != before.size() || before.size() != first.size())
    return false;
  std::vector<uint64_t> rise;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i] - before[i] != before[i] - first[i])
      return false;
    rise.push_back(now[i] - before[i]);
  }
  uint64_t more = counts[n - 1] - counts[n - 1 - period];
  if (more != counts[n - 1 - period] - counts[n - 1 - 2 * period])
    return false;
  if (more > 0) {
    result.perStep = more;
    result.period = period;
    result.growsWith = recurrence.ranks[0].rank;
  }
  if (!stepsLeft)
    return true;
  uint64_t times = *stepsLeft / period;
  passes += more * times;
  size_t next = 0;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      if (auto it = states.find(tensor); it != states.end())
        for (Fact &fact : it->second.facts)
          fact.level += rise[next++] * times;
  return true;
}

/// What only later steps know holds at the last one, unless it speaks of
/// everything up to a step anyway.
void Walk::closeRecurrence(const Recurrence &recurrence,
                           const std::map<int, State> &firstRound) {
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results) {
      auto it = states.find(tensor);
      if (it == states.end())
        continue;
      State state;
      state.alignment = it->second.alignment;
      if (auto first = firstRound.find(tensor); first != firstRound.end())
        state.facts = first->second.facts;
      for (Fact fact : it->second.facts) {
        bool good = true;
        for (const StepRank &step : recurrence.ranks) {
          const GraphTensor &graphTensor = graph.tensors[tensor];
          auto rank = llvm::find(graphTensor.ranks, step.rank);
          int position = rank - graphTensor.ranks.begin();
          auto isTied = [&](const Span &span) {
            return (span.kind == Span::UpTo || span.kind == Span::From) &&
                   span.expr.isFunctionOfDim(position);
          };
          if (llvm::any_of(fact.locals,
                           [&](const Local &l) { return isTied(l.span); }) ||
              llvm::any_of(fact.fibers, isTied))
            continue;
          if (llvm::any_of(state.facts,
                           [&](const Fact &f) { return f.implies(fact); }))
            continue;
          AffineExpr last = step.direction > 0
                                ? simplify(graph.getExtent(step.rank) - 1)
                                : getAffineConstantExpr(0, context);
          good &= rank != graphTensor.ranks.end() &&
                  addPin(fact.pins, {position, last});
        }
        if (good)
          addFact(state.facts, std::move(fact));
      }
      define(tensor, std::move(state));
    }
}

/// True if the last round says what those one and two periods before said.
static bool isPeriodic(const CascadeGraph &graph, const Recurrence &recurrence,
                       ArrayRef<std::map<int, State>> history, size_t period) {
  size_t n = history.size();
  if (n < 2 * period + 1)
    return false;
  for (int i = recurrence.begin; i < recurrence.end; ++i)
    for (int tensor : graph.einsums[i].results)
      for (size_t back : {period, 2 * period})
        if (!saySame(history[n - 1], history[n - 1 - back], tensor,
                     /*withLevels=*/false))
          return false;
  return true;
}

void Walk::visitRecurrence(const Recurrence &recurrence) {
  previous.clear();
  runRound(recurrence, {}, /*isFirst=*/true);
  std::map<int, State> firstRound = states;
  std::optional<int64_t> extent =
      getNumber(graph.getExtent(recurrence.ranks[0].rank));
  int64_t steps = extent.value_or(kLeastSteps);
  Pins round;
  for (auto [i, step] : llvm::enumerate(recurrence.ranks))
    round.push_back(
        {static_cast<int>(i), step.direction > 0
                                  ? simplify(graph.getExtent(step.rank) - 1)
                                  : getAffineConstantExpr(0, context)});
  std::vector<std::vector<uint64_t>> levels = {listLevels(recurrence)};
  std::vector<uint64_t> counts = {passes};
  std::vector<std::map<int, State>> history = {states};
  for (int64_t k = 1; k < std::min(steps, kMostRounds); ++k) {
    previous = states;
    runRound(recurrence, round, /*isFirst=*/false);
    bool same = true;
    for (int i = recurrence.begin; i < recurrence.end; ++i)
      for (int tensor : graph.einsums[i].results) {
        same &= saySame(previous, states, tensor, /*withLevels=*/true);
      }
    if (same)
      break;
    levels.push_back(listLevels(recurrence));
    counts.push_back(passes);
    history.push_back(states);
    std::optional<int64_t> left =
        extent ? std::optional(steps - 1 - k) : std::nullopt;
    if (llvm::any_of(llvm::seq<size_t>(1, 4), [&](size_t period) {
          return isPeriodic(graph, recurrence, history, period) &&
                 extrapolate(recurrence, levels, counts, left, period);
        }))
      break;
  }
  closeRecurrence(recurrence, firstRound);
}

bool SelfReach::reaches(int tensor, const StepRank &step) {
  auto key = std::pair(tensor, step.rank.getAsOpaquePointer());
  auto it = answers.find(key);
  if (it == answers.end())
    it = answers.emplace(key, compute(tensor, step)).first;
  return it->second;
}

/// Follows X[i] to its readers, position by position, until X is met again one
/// step on, other positions equal.
bool SelfReach::compute(int tensor, const StepRank &step) {
  const GraphTensor &start = graph.tensors[tensor];
  int producer = start.producer;
  if (producer < 0 || graph.einsums[producer].recurrence < 0)
    return false;
  const Recurrence &recurrence =
      graph.recurrences[graph.einsums[producer].recurrence];
  int along = llvm::find(start.ranks, step.rank) - start.ranks.begin();
  if (along == static_cast<int>(start.ranks.size()))
    return false; // a recurrence inside of another one steps along more ranks
  MLIRContext *context = graph.cascade->getContext();
  // Null: every value of the position is among the ancestors.
  using Index = SmallVector<AffineExpr, 4>;
  Index identity;
  for (unsigned i = 0; i < start.ranks.size(); ++i)
    identity.push_back(getAffineDimExpr(i, context));
  std::vector<std::pair<int, Index>> worklist = {{tensor, identity}};
  std::set<std::pair<int, bool>> seen;
  while (!worklist.empty()) {
    auto [from, index] = worklist.back();
    worklist.pop_back();
    for (int reader : graph.tensors[from].readers) {
      const GraphEinsum &einsum = graph.einsums[reader];
      bool isBox = llvm::all_of(einsum.domain,
                                [](const Condition &c) { return c.isRagged; });
      if (reader < recurrence.begin || reader >= recurrence.end || !isBox)
        continue;
      for (const GraphRead &read : einsum.reads) {
        if (read.tensor != from)
          continue;
        SmallVector<AffineExpr, 6> positions;
        for (int position : einsum.positions)
          positions.push_back(getAffineDimExpr(std::max(position, 0), context));
        Index next;
        bool good = true;
        for (AffineExpr expr : index) {
          if (!expr) {
            next.push_back({});
            continue;
          }
          AffineExpr here = substitute(expr, read.index);
          Uses uses = findUses(einsum, here);
          good &= !uses.reduced || getDim(here) >= 0;
          next.push_back(uses.reduced ? AffineExpr()
                                      : substitute(here, positions));
        }
        if (!good || !next[along])
          continue;
        AffineExpr variable;
        for (int result : einsum.results) {
          const GraphTensor &to = graph.tensors[result];
          auto rank = llvm::find(to.ranks, step.rank);
          if (rank == to.ranks.end())
            continue;
          variable = getAffineDimExpr(rank - to.ranks.begin(), context);
          std::optional<int64_t> distance =
              getNumber(combine(next[along], -1, variable));
          if (!distance || *distance * step.direction > 0 ||
              std::abs(*distance) > 1)
            continue;
          bool isBack = result == tensor && *distance == -step.direction;
          for (unsigned i = 0; isBack && i < next.size(); ++i)
            isBack = static_cast<int>(i) == along || !next[i] ||
                     next[i] == identity[i];
          if (isBack)
            return true;
          if (result != tensor && seen.insert({result, *distance != 0}).second)
            worklist.push_back({result, next});
        }
      }
    }
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

std::vector<Operation *> Walk::listWitness(int event) const {
  std::vector<Operation *> chain;
  bool isLast = true;
  for (; event >= 0; event = events[event].before, isLast = false) {
    const TouchEvent &e = events[event];
    if (e.barrier && e.barrier != e.touch)
      chain.push_back(e.barrier);
    chain.push_back(e.touch);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

FiberCount Walk::finish() {
  result.witness = listWitness(lastEvent);
  result.witness.insert(result.witness.end(), tail.begin(), tail.end());
  // Two scans of the last level in opposite directions: when they have covered
  // the fiber together, what is left of both covers it again.
  auto scanAt = [&](int direction) {
    auto it = llvm::find_if(scans, [&](const Scan &scan) {
      return scan.direction == direction && scan.level == passes;
    });
    return it == scans.end() ? nullptr : &*it;
  };
  const Scan *up = scanAt(1), *down = scanAt(-1);
  if (up && down) {
    ++passes;
    result.oppositeScans = true;
    result.witness.pop_back();
    result.witness.push_back(up->op);
    result.witness.push_back(down->op);
  }
  result.passes = passes;
  for (auto [op, level] : partial)
    if (level == passes + 1 && !llvm::is_contained(result.partial, op))
      result.partial.push_back(op);
  for (auto [einsum, level] : stages)
    result.stages.push_back({graph.einsums[einsum].op, level});
  return std::move(result);
}

FiberCount einsum::walkFiber(const CascadeGraph &graph, Coverer &coverer,
                             SelfReach &reach, const FiberKey &key,
                             const WalkMemory &memory) {
  return Walk(graph, coverer, reach, key, memory).run();
}
