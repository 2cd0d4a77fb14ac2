//===- ReadOrder.cpp - Reads come after what they read --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two leaves share the loops from the root down to where they part. The steps
// of these loops, outermost first, say when each runs; the first loop in which
// the steps differ decides, and the order of the children where they part
// decides among equal steps. Three examples, all for `R[m] = f(P[...])`:
//
//   P[m] read at [m]      same step of the loop over m: the order below decides
//   P[m] read at [m - 1]  P is a step ahead: complete, whatever comes below
//   P[] = sum(m) ...      R's step may come before P's last: refused
//
// A pipeline shifts time: its child with lag l runs iteration n of the loops
// around it, its *band*, in slot n + l. Where two leaves have different lags,
// slots are compared instead of steps. Steps in which a pipeline has no point
// are no iterations of it; where there may be some, they are counted one by one
// (Iterations.h).
//
// What a transfer fetches for a reader is read in the transfer's slot, which
// comes before the reader's.
//
// Most loops are decided by the form of the access. What that leaves unclear
// (filters, strided reads, tiles of several steps) is decided exactly on the
// pairs of points that depend on one another, where a violation comes with an
// example. While extents are unbound, only what any extent violates is refused.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/ReadOrder.h"
#include "dialects/Einsum/Gathers.h"
#include "dialects/Schedule/Iterations.h"
#include "dialects/Schedule/PointPairs.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;
using llvm::DynamicAPInt;

using PairOfPoints = std::pair<PointPairs::Point, PointPairs::Point>;

std::vector<Dependence>
einsum::schedule::findDependences(ArrayRef<Leaf> leaves) {
  llvm::DenseMap<Operation *, const Leaf *> leafOf;
  for (const Leaf &leaf : leaves)
    leafOf[leaf.einsum] = &leaf;
  std::vector<Dependence> dependences;
  for (const Leaf &reader : leaves)
    for (const Access &access : reader.einsum.getInputAccesses()) {
      const Leaf *producer = leafOf.lookup(access.tensor.getDefiningOp());
      if (!producer)
        continue;
      auto parts = std::mismatch(producer->path.begin(), producer->path.end(),
                                 reader.path.begin(), reader.path.end());
      unsigned shared = parts.first - producer->path.begin();
      unsigned loops =
          llvm::count_if(ArrayRef(producer->path).take_front(shared),
                         llvm::IsaPred<TemporalOp, SpatialOp>);
      dependences.push_back({producer, &reader, access, shared, loops});
    }
  return dependences;
}

//===----------------------------------------------------------------------===//
// Steps of one loop
//===----------------------------------------------------------------------===//

namespace {
/// How the producer's step of a loop lies to the reader's, given that the steps
/// of the temporal loops around are equal.
enum class Relation { equal, equalOrEarlier, earlier, unclear };
} // namespace

/// Where the producer's point lies along one of its kept ranks, as an
/// expression of the reader's ranks; null if the producer reduces the rank.
static AffineExpr producedAt(const Dependence &dependence, StringAttr rank,
                             CascadeOp cascade) {
  EinsumInterface producer = dependence.producer->einsum;
  SmallVector<StringAttr> ranks = producer.getIterationRanks();
  for (auto [written, read] : llvm::zip(producer.getOutputAccess().getResults(),
                                        dependence.access.map.getResults()))
    if (ranks[cast<AffineDimExpr>(written).getPosition()] == rank)
      return bindParameters(read, dependence.reader->einsum, cascade);
  return {};
}

/// True if a spatial loop further out deals out the rank of a loop, so that
/// coordinates that follow one another may lie in different units.
static bool isDealtOut(const Dependence &dependence, unsigned index) {
  ArrayRef<LoopAbove> loops = dependence.reader->loops;
  return llvm::any_of(loops.take_front(index), [&](const LoopAbove &outer) {
    return outer.isSpatial && outer.rank == loops[index].rank;
  });
}

static Relation compareSteps(const Dependence &dependence, unsigned index,
                             CascadeOp cascade) {
  const LoopAbove &produced = dependence.producer->loops[index];
  const LoopAbove &read = dependence.reader->loops[index];
  // What follows demand is produced and read in the same visit of its node.
  if (produced.steps() == 1 || produced.isDemanded || read.isDemanded)
    return Relation::equal;
  if (produced.guard == Guard::first)
    return read.guard == Guard::first  ? Relation::equal
           : read.guard == Guard::last ? Relation::earlier
                                       : Relation::equalOrEarlier;
  if (produced.guard == Guard::last)
    return read.guard == Guard::last ? Relation::equal : Relation::unclear;
  if (read.guard)
    return read.guard == Guard::last ? Relation::equalOrEarlier
                                     : Relation::unclear;
  AffineExpr at = producedAt(dependence, produced.rank, cascade);
  if (!at)
    return Relation::unclear;
  EinsumInterface reader = dependence.reader->einsum;
  SmallVector<StringAttr> ranks = reader.getIterationRanks();
  AffineExpr own = getAffineDimExpr(
      llvm::find(ranks, read.rank) - ranks.begin(), at.getContext());
  auto distance = dyn_cast<AffineConstantExpr>(at - own);
  if (!distance)
    return Relation::unclear;
  int64_t ahead = distance.getValue() * (read.isDescending ? -1 : 1);
  if (ahead == 0)
    return Relation::equal;
  if (ahead > 0 || isDealtOut(dependence, index))
    return Relation::unclear;
  return -ahead >= produced.tile ? Relation::earlier : Relation::equalOrEarlier;
}

//===----------------------------------------------------------------------===//
// Where the leaves part
//===----------------------------------------------------------------------===//

static Operation *partingNode(const Dependence &dependence) {
  return dependence.producer->path[dependence.shared - 1];
}

static StringRef arrayBelow(Operation *node) {
  StringRef array;
  node->walk([&](LeafOp leaf) {
    array = leaf.getArray();
    return WalkResult::interrupt();
  });
  return array;
}

/// The storage nodes above the parting that hold the tensor, outermost first.
static SmallVector<StorageOp> sharedHolders(const Dependence &dependence) {
  StringRef tensor = getTensorName(dependence.access.tensor);
  SmallVector<StorageOp> holders;
  for (Operation *node :
       ArrayRef(dependence.reader->path).take_front(dependence.shared))
    if (auto storage = dyn_cast<StorageOp>(node);
        storage && llvm::any_of(storage.getTensors(), [&](Attribute name) {
          return cast<StringAttr>(name) == tensor;
        }))
      holders.push_back(storage);
  return holders;
}

/// True if a storage node above the parting passes the tensor on as a stream.
static bool isStreamed(const Dependence &dependence) {
  return llvm::any_of(sharedHolders(dependence), [](StorageOp storage) {
    return storage.getStream().has_value();
  });
}

/// The node from whose visit, or from above it, both leaves get the tensor;
/// null if they share none.
static StorageOp meetingNode(const Dependence &dependence) {
  // llvm::reverse keeps no temporary alive.
  auto holders = sharedHolders(dependence);
  for (StorageOp storage : llvm::reverse(holders))
    if (!storage.getPassthrough())
      return storage;
  return {};
}

/// True if the producer comes first when both run in the same slot.
static bool isWrittenFirst(const Dependence &dependence) {
  if (dependence.producer == dependence.reader)
    return false;
  Operation *before = dependence.producer->path[dependence.shared];
  Operation *after = dependence.reader->path[dependence.shared];
  if (!before->isBeforeInBlock(after))
    return false;
  return !isa<PipelineOp>(partingNode(dependence)) ||
         arrayBelow(before) == arrayBelow(after) || isStreamed(dependence);
}

namespace {
/// A leaf's place in a pipeline; null and 0 if it is in none that counts.
struct Stage {
  PipelineOp pipeline;
  int64_t lag = 0;
};
} // namespace

/// The stage that makes a leaf late against the loops above the parting: of the
/// pipeline where the leaves part or, where they part in a sequence, of one
/// that is a child of it.
static Stage stageOf(const Leaf &leaf, unsigned shared) {
  for (size_t i = shared - 1; i + 1 < leaf.path.size(); ++i) {
    Operation *node = leaf.path[i];
    if (auto pipeline = dyn_cast<PipelineOp>(node)) {
      SmallVector<Operation *> children = getChildren(node);
      return {pipeline, pipeline.getLag(llvm::find(children, leaf.path[i + 1]) -
                                        children.begin())};
    }
    if (i >= shared && !isa<StorageOp>(node))
      break;
  }
  return {};
}

static int64_t lagOf(TransferOp transfer) {
  auto pipeline = dyn_cast<PipelineOp>(transfer->getParentOp());
  if (!pipeline)
    return 0;
  SmallVector<Operation *> children = getChildren(pipeline);
  return pipeline.getLag(llvm::find(children, transfer.getOperation()) -
                         children.begin());
}

static bool moves(TransferOp transfer, StringRef tensor) {
  return llvm::any_of(transfer.getTensors(), [&](Attribute name) {
    return cast<StringAttr>(name).getValue() == tensor;
  });
}

/// The stage of the reader's pipeline that fetches the tensor for it into a
/// node below the parting, from where the producer has left it; null if the
/// tile is fetched when the reader comes to it.
static TransferOp findFetch(const Dependence &dependence, PipelineOp pipeline,
                            ArrayRef<Leaf> leaves) {
  if (!pipeline)
    return {};
  StringRef tensor = getTensorName(dependence.access.tensor);
  for (Operation *stage : getChildren(pipeline)) {
    auto transfer = dyn_cast<TransferOp>(stage);
    if (!transfer || !moves(transfer, tensor))
      continue;
    StorageOp holder = findNearestHolder(transfer, tensor);
    if (!holder->isProperAncestor(dependence.producer->op) &&
        findMoves(transfer, tensor, leaves) == Moves::fills)
      return transfer;
  }
  return {};
}

/// The first loop of the band: the loops above the parting, past one sequence
/// at most, up to the next sequence or pipeline, within which pipelines drain.
static unsigned bandStart(const Dependence &dependence) {
  unsigned start = dependence.sharedLoops;
  bool hasLoop = false,
       passedSequence = isa<SequenceOp>(partingNode(dependence));
  for (unsigned i = dependence.shared - 1; i-- > 0;) {
    Operation *node = dependence.producer->path[i];
    if (isa<PipelineOp>(node) ||
        (isa<SequenceOp>(node) && (hasLoop || passedSequence)))
      break;
    passedSequence |= isa<SequenceOp>(node);
    if (!isa<TemporalOp, SpatialOp>(node))
      continue;
    hasLoop = true;
    --start;
  }
  return start;
}

//===----------------------------------------------------------------------===//
// Exact answers
//===----------------------------------------------------------------------===//

namespace {

class ReadOrder {
public:
  ReadOrder(const Dependence &dependence, ArrayRef<Leaf> leaves,
            CascadeOp cascade)
      : dependence(dependence), producer(*dependence.producer),
        reader(*dependence.reader), leaves(leaves), cascade(cascade),
        bound(isBound(producer, cascade) && isBound(reader, cascade)) {}

  LogicalResult verify() {
    writing = stageOf(producer, dependence.shared);
    reading = stageOf(reader, dependence.shared);
    fetch = findFetch(dependence, reading.pipeline, leaves);
    if (fetch)
      reading.lag = lagOf(fetch);
    countIterations();
    int64_t late = reading.lag - writing.lag;
    unsigned loops = late == 0 && !skipsSteps ? dependence.sharedLoops
                                              : bandStart(dependence);
    bool alwaysEqual = true;
    for (unsigned i = 0; i < loops; ++i) {
      if (reader.loops[i].isSpatial)
        continue; // no order in time: see verifyWithinStep
      Relation relation = compareSteps(dependence, i, cascade);
      if (relation == Relation::earlier)
        return success();
      alwaysEqual &= relation == Relation::equal;
      std::optional<PairOfPoints> example;
      if (relation == Relation::unclear && isViolated(i, example))
        return refuseLoop(i, example);
    }
    if (late == 0 && !skipsSteps)
      return verifyWithinStep(alwaysEqual);
    if (failed(skipsSteps ? verifyIterations(loops) : verifySlots(loops, late)))
      return failure();
    return verifyVisit(loops);
  }

  /// Of a tensor produced below a node, what visits hand on to later ones. It
  /// is delivered with the producer's slot, and fetched in that of a transfer.
  /// Where steps may be left out, only that visits follow one another is known.
  LogicalResult verifyFetch(TransferOp transfer, StorageOp holder) {
    writing = stageOf(producer, dependence.shared);
    reading = {writing.pipeline, lagOf(transfer)};
    if (!bound || reading.lag >= writing.lag)
      return success();
    countIterations();
    unsigned first = bandStart(dependence), end = dependence.sharedLoops;
    unsigned visits = llvm::count_if(reader.loops, [&](const LoopAbove &loop) {
      return loop.op->isProperAncestor(holder);
    });
    if (visits <= first)
      return success(); // the pipeline runs dry within each of them
    PointPairs pairs = makePairs(first);
    Linear earlier = Linear() - laterBy(pairs, first, visits);
    earlier.constant -= 1;
    pairs.keepNonNegative(earlier);
    if (!skipsSteps) {
      Linear ahead = laterBy(pairs, first, end);
      ahead.constant += writing.lag - reading.lag;
      pairs.keepNonNegative(ahead);
    }
    std::optional<PairOfPoints> example = pairs.findPair();
    if (!example)
      return success();
    InFlightDiagnostic diag =
        transfer.emitError()
        << "fetches '" << tensor()
        << "' before the visit that makes it has ended: the pipeline runs the "
           "transfer with lag "
        << reading.lag << " and the producer with lag " << writing.lag
        << "; leave the fetch to the leaf, or hold '" << tensor()
        << "' above the loop";
    diag.attachNote(holder.getLoc()) << "it is fetched into this node";
    return explain(diag, example);
  }

  /// True if some pair of points is run in different steps of loop `index`.
  bool crossesSteps(unsigned index) {
    // What follows demand runs in every step, what it reads in one only.
    if (reader.loops[index].isDemanded && producer.loops[index].guard &&
        producer.loops[index].steps() != 1)
      return true;
    Relation relation = compareSteps(dependence, index, cascade);
    if (relation == Relation::equal)
      return false;
    if (!bound)
      return relation == Relation::earlier;
    std::optional<PairOfPoints> example;
    return findPair(index, /*readerFirst=*/true, example) ||
           findPair(index, /*readerFirst=*/false, example);
  }

private:
  PointPairs makePairs(unsigned equalLoops) const {
    PointPairs pairs(producer, reader, dependence.access, cascade);
    for (unsigned i = 0; i < equalLoops; ++i)
      if (!reader.loops[i].isSpatial &&
          compareSteps(dependence, i, cascade) != Relation::equal)
        pairs.keepZero(pairs.step(PointPairs::producer, i) -
                       pairs.step(PointPairs::reader, i));
    return pairs;
  }

  /// A pair that is equal in the loops before `index` and run in different
  /// steps of it, in the order asked for.
  bool findPair(unsigned index, bool readerFirst,
                std::optional<PairOfPoints> &example) {
    PointPairs pairs = makePairs(index);
    Linear distance = pairs.step(PointPairs::producer, index) -
                      pairs.step(PointPairs::reader, index);
    Linear ahead = readerFirst ? distance : Linear() - distance;
    ahead.constant -= 1;
    pairs.keepNonNegative(ahead);
    example = pairs.findPair();
    return example.has_value();
  }

  bool isViolated(unsigned index, std::optional<PairOfPoints> &example) {
    if (bound)
      return findPair(index, /*readerFirst=*/true, example);
    // What every extent but 1 violates.
    return isReduced(index) && !producer.einsum.getFilterSet() &&
           !reader.einsum.getFilterSet();
  }

  bool isReduced(unsigned index) const {
    const LoopAbove &loop = producer.loops[index];
    return !loop.guard && !reader.loops[index].guard &&
           !producedAt(dependence, loop.rank, cascade);
  }

  /// Units of spatial loops run the same step at once, so that below them a
  /// leaf may read no element of its own tensor that any unit computes in this
  /// step.
  LogicalResult verifyWithinStep(bool alwaysEqual) {
    if (isWrittenFirst(dependence))
      return success();
    std::optional<PairOfPoints> example;
    if (bound)
      example = makePairs(dependence.sharedLoops).findPair();
    return example || (!bound && alwaysEqual) ? refuseOrder(example)
                                              : success();
  }

  /// Number of the iteration of the loops [first, end) in which a point runs.
  Linear iteration(PointPairs &pairs, PointPairs::Side side, unsigned first,
                   unsigned end) {
    Linear number;
    DynamicAPInt inner(1);
    for (unsigned i = end; i-- > first;) {
      if (compareSteps(dependence, i, cascade) != Relation::equal)
        number.add(pairs.step(side, i), inner);
      inner *= *reader.loops[i].steps();
    }
    return number;
  }

  /// By how many iterations of the loops [first, end) the producer is later.
  Linear laterBy(PointPairs &pairs, unsigned first, unsigned end) {
    return iteration(pairs, PointPairs::producer, first, end) -
           iteration(pairs, PointPairs::reader, first, end);
  }

  LogicalResult verifySlots(unsigned first, int64_t late) {
    bool neverLater = true;
    for (unsigned i = first; i < dependence.sharedLoops; ++i)
      neverLater &= compareSteps(dependence, i, cascade) != Relation::unclear;
    if ((late > 0 && neverLater) || !bound)
      return success();
    return refuseSlotsIf(first, late + (isWrittenFirst(dependence) ? 1 : 0));
  }

  /// Refuses pairs of which the producer is so many steps later, or more.
  LogicalResult refuseSlotsIf(unsigned first, int64_t later) {
    PointPairs pairs = makePairs(first);
    Linear ahead = laterBy(pairs, first, dependence.sharedLoops);
    ahead.constant -= later;
    pairs.keepNonNegative(ahead);
    std::optional<PairOfPoints> example = pairs.findPair();
    return example ? refuseSlots(example) : success();
  }

  //===--------------------------------------------------------------------===//
  // Steps without points
  //===--------------------------------------------------------------------===//

  /// Finds out whether slots differ from steps: not between stages of one
  /// pipeline with the same lag, nor where each step is an iteration.
  void countIterations() {
    bool isOne = writing.pipeline == reading.pipeline;
    if ((writing.lag == 0 && reading.lag == 0) ||
        (isOne && writing.lag == reading.lag) ||
        !llvm::all_of(leaves,
                      [&](const Leaf &leaf) { return isBound(leaf, cascade); }))
      return;
    unsigned first = bandStart(dependence), end = dependence.sharedLoops;
    if (isOne || writing.lag != 0)
      writes.emplace(writing.pipeline, leaves, first, end, cascade);
    if (!isOne && reading.lag != 0)
      reads.emplace(reading.pipeline, leaves, first, end, cascade);
    skipsSteps = (writes && !writes->takesEveryStep()) ||
                 (reads && !reads->takesEveryStep());
  }

  /// Slots, where steps without points take none. What is later in steps is not
  /// earlier in slots, so that of an element's points the last that makes it
  /// and the first that reads it count.
  LogicalResult verifyIterations(unsigned first) {
    struct Ends {
      int64_t made = -1, read = -1; ///< steps
      LeafPoints::Point maker, reader;
    };
    std::map<std::pair<std::vector<int64_t>, std::vector<int64_t>>, Ends> all;
    unsigned end = dependence.sharedLoops;
    // Of a coordinate that is data, all elements count as one.
    SmallVector<unsigned> opaque =
        getOpaquePositions(reader.einsum, dependence.access);
    auto collect = [&](const Leaf &leaf, AffineMap map, bool isReader) {
      LeafPoints points(leaf, cascade);
      for (unsigned position : llvm::reverse(opaque))
        map = map.dropResult(position);
      SmallVector<AffineExpr> coordinates = points.bind(map);
      return points.forEach(
          Iterations::kLimit, [&](const LeafPoints::Point &point) {
            std::vector<int64_t> at = points.stepsOf(point, end);
            int64_t step = numberOfStep(leaf, first, end, at);
            at.resize(first);
            Ends &ends = all[{at, LeafPoints::evaluate(coordinates, point)}];
            int64_t &known = isReader ? ends.read : ends.made;
            if (known >= 0 && (isReader ? known <= step : known >= step))
              return;
            known = step;
            (isReader ? ends.reader : ends.maker) = point;
          });
    };
    bool isDemanded = llvm::any_of(
        llvm::zip(ArrayRef(producer.loops).take_front(end),
                  ArrayRef(reader.loops).take_front(end)),
        [](const auto &loops) {
          return std::get<0>(loops).isDemanded || std::get<1>(loops).isDemanded;
        });
    if (isDemanded || (writes && !writes->isCounted()) ||
        (reads && !reads->isCounted()) ||
        !collect(producer, producer.einsum.getOutputAccess(), false) ||
        !collect(reader, dependence.access.map, true))
      return verifyUncounted(first);
    bool isOnePipeline = writing.pipeline == reading.pipeline;
    auto slotOf = [&](const std::optional<Iterations> &iterations,
                      Iterations::Kind kind, ArrayRef<int64_t> outer,
                      int64_t step, int64_t lag) {
      return !iterations || lag == 0
                 ? step
                 : iterations->stepOfSlot(
                       kind, outer,
                       iterations->countBefore(kind, outer, step) + lag);
    };
    for (const auto &[key, ends] : all) {
      if (ends.made < 0 || ends.read < 0)
        continue;
      int64_t ahead;
      if (isOnePipeline) {
        // A larger distance helps who comes earlier.
        auto kind =
            ends.made < ends.read ? Iterations::certain : Iterations::possible;
        ahead = writes->countBefore(kind, key.first, ends.made) -
                writes->countBefore(kind, key.first, ends.read) + writing.lag -
                reading.lag;
      } else {
        ahead = slotOf(writes, Iterations::certain, key.first, ends.made,
                       writing.lag) -
                slotOf(reads, Iterations::possible, key.first, ends.read,
                       reading.lag);
      }
      if (ahead < (isWrittenFirst(dependence) ? 1 : 0))
        continue;
      auto show = [](const Leaf &leaf, const LeafPoints::Point &point) {
        PointPairs::Point result;
        for (auto [rank, at] :
             llvm::zip(leaf.einsum.getIterationRanks(), point))
          result.push_back({rank, at});
        return result;
      };
      return refuseSlots(
          PairOfPoints(show(producer, ends.maker), show(reader, ends.reader)));
    }
    return success();
  }

  /// The same where steps are too many to count: what is certain is that steps
  /// with points of the two leaves are iterations.
  LogicalResult verifyUncounted(unsigned first) {
    int64_t late = reading.lag - writing.lag;
    int64_t least = isWrittenFirst(dependence) ? 1 : 0;
    if (late >= 0 && (writing.pipeline == reading.pipeline || writing.lag == 0))
      return refuseSlotsIf(first, late + least);
    if (writing.pipeline == reading.pipeline && -late <= least)
      return refuseSlotsIf(first, 0);
    int64_t all = 1;
    for (unsigned i = first; i < dependence.sharedLoops; ++i)
      all = llvm::SaturatingMultiply<uint64_t>(all, *reader.loops[i].steps());
    return refuseSlotsIf(first, -all);
  }

  /// A late reader works in the visits that control has left, so that lags do
  /// not help it to what a later visit of the node between them is to hold.
  LogicalResult verifyVisit(unsigned first) {
    StorageOp node = meetingNode(dependence);
    if (!node)
      return success();
    unsigned end = llvm::count_if(reader.loops, [&](const LoopAbove &loop) {
      return loop.op->isProperAncestor(node);
    });
    for (unsigned i = first; i < end; ++i) {
      if (compareSteps(dependence, i, cascade) != Relation::unclear)
        continue;
      std::optional<PairOfPoints> example;
      if (bound) {
        PointPairs pairs = makePairs(first);
        Linear ahead = laterBy(pairs, first, end);
        ahead.constant -= 1;
        pairs.keepNonNegative(ahead);
        example = pairs.findPair();
        return example ? refuseVisit(node, i, example) : success();
      }
      if (isViolated(i, example))
        return refuseVisit(node, i, example);
    }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Messages
  //===--------------------------------------------------------------------===//

  StringRef tensor() const { return getTensorName(dependence.access.tensor); }

  InFlightDiagnostic refuse() const {
    return reader.op.emitError()
           << "'" << reader.op.getEinsum() << "' reads '" << tensor() << "' ";
  }

  LogicalResult explain(InFlightDiagnostic &diag,
                        const std::optional<PairOfPoints> &example) const {
    Diagnostic &note = diag.attachNote(producer.op.getLoc());
    note << "'" << tensor() << "' is computed here";
    if (!example)
      return diag;
    auto show = [&](const PointPairs::Point &point) {
      note << "[";
      for (auto [i, coordinate] : llvm::enumerate(point))
        note << (i ? ", " : "") << coordinate.first.getValue() << " = "
             << coordinate.second;
      note << "]";
    };
    note << "; for example, its point ";
    show(example->first);
    note << " is needed at ";
    show(example->second);
    return diag;
  }

  LogicalResult refuseLoop(unsigned index,
                           const std::optional<PairOfPoints> &example) {
    const LoopAbove &loop = reader.loops[index];
    StringRef rank = loop.rank;
    InFlightDiagnostic diag = refuse();
    if (isReduced(index))
      diag << "inside the loop over '" << rank << "', but '" << tensor()
           << "' reduces '" << rank << "': its rank pass ends after that loop";
    else if (producer.loops[index].guard)
      diag << "inside the loop over '" << rank << "', but '" << tensor()
           << "' is complete only in the last step of that loop, like what it "
              "reads";
    else
      diag << "where the loop over '" << rank << "' has not been: it goes "
           << (loop.isDescending ? "down" : "up") << " along '" << rank << "'";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    return explain(diag, example);
  }

  LogicalResult refuseOrder(const std::optional<PairOfPoints> &example) {
    InFlightDiagnostic diag = refuse();
    if (dependence.producer == dependence.reader) {
      diag << "in the step in which units of a spatial loop compute it, all at "
              "once: what is read has to be complete before";
      return explain(diag, example);
    }
    Operation *parting = partingNode(dependence);
    bool isLater = dependence.shared < reader.path.size() &&
                   producer.path[dependence.shared]->isBeforeInBlock(
                       reader.path[dependence.shared]);
    if (isLater && isa<PipelineOp>(parting))
      diag << "in the slot in which another array computes it: give the reader "
              "a larger "
              "lag, or hold '"
           << tensor() << "' as a stream";
    else
      diag << "before it is computed: its producer comes later in this "
           << (isa<PipelineOp>(parting) ? "slot" : "sequence");
    return explain(diag, example);
  }

  LogicalResult refuseSlots(const std::optional<PairOfPoints> &example) {
    InFlightDiagnostic diag = refuse();
    diag << "before it is computed: the pipeline runs "
         << (fetch ? "the transfer that fetches it" : "the reader")
         << " with lag " << reading.lag << " and the producer with lag "
         << writing.lag
         << (skipsSteps ? ", and takes no slot for steps without points" : "");
    return explain(diag, example);
  }

  LogicalResult refuseVisit(StorageOp node, unsigned index,
                            const std::optional<PairOfPoints> &example) {
    StringRef rank = reader.loops[index].rank;
    InFlightDiagnostic diag = refuse();
    diag << "from a storage node that is entered anew in each step of the loop "
            "over '"
         << rank
         << "', where later steps still compute it: a lag delays the reader, "
            "but leaves it in the visit of its own step";
    diag.attachNote(node.getLoc())
        << "hold '" << tensor() << "' above the loop, not here";
    diag.attachNote(reader.loops[index].op->getLoc()) << "the loop is here";
    return explain(diag, example);
  }

  const Dependence &dependence;
  const Leaf &producer, &reader;
  ArrayRef<Leaf> leaves;
  CascadeOp cascade;
  bool bound;
  Stage writing, reading;
  TransferOp fetch; ///< by which the tensor comes to the reader
  std::optional<Iterations> writes, reads; ///< of the pipelines
  bool skipsSteps = false;                 ///< one of these may
};

} // namespace

LogicalResult einsum::schedule::verifyReadOrder(const Dependence &dependence,
                                                ArrayRef<Leaf> leaves,
                                                CascadeOp cascade) {
  return ReadOrder(dependence, leaves, cascade).verify();
}

/// The parting of two leaves, of which the second reads what the first makes,
/// as the pipeline sees it.
static Dependence asStages(const Leaf &producer, const Leaf &reader,
                           Access access, PipelineOp pipeline) {
  unsigned shared = llvm::find(producer.path, pipeline.getOperation()) -
                    producer.path.begin() + 1;
  unsigned loops = llvm::count_if(ArrayRef(producer.path).take_front(shared),
                                  llvm::IsaPred<TemporalOp, SpatialOp>);
  return {&producer, &reader, access, shared, loops};
}

LogicalResult einsum::schedule::verifyFetch(TransferOp transfer,
                                            StringRef tensor,
                                            ArrayRef<Leaf> leaves,
                                            CascadeOp cascade) {
  auto pipeline = dyn_cast<PipelineOp>(transfer->getParentOp());
  StorageOp holder = findNearestHolder(transfer, tensor);
  if (!pipeline || findMoves(transfer, tensor, leaves) != Moves::fills)
    return success();
  auto isStage = [&](const Leaf &leaf) {
    return llvm::is_contained(leaf.path, pipeline.getOperation());
  };
  for (const Leaf &producer : leaves) {
    Value made;
    for (auto [name, value] : llvm::zip(producer.einsum.getTensorNames(),
                                        producer.einsum->getResults()))
      if (name.getValue() == tensor)
        made = value;
    if (!made || !isStage(producer))
      continue;
    // Sums that one visit begins and another goes on with, and elements read.
    SmallVector<Dependence> handedOn = {
        asStages(producer, producer, {made, producer.einsum.getOutputAccess()},
                 pipeline)};
    for (const Leaf &reader : leaves)
      for (const Access &access : reader.einsum.getInputAccesses())
        if (access.tensor == made && isStage(reader))
          handedOn.push_back(asStages(producer, reader, access, pipeline));
    for (const Dependence &dependence : handedOn)
      if (failed(ReadOrder(dependence, leaves, cascade)
                     .verifyFetch(transfer, holder)))
        return failure();
  }
  return success();
}

LogicalResult einsum::schedule::verifyKept(const Dependence &dependence,
                                           StorageOp home, CascadeOp cascade) {
  ReadOrder order(dependence, {}, cascade);
  const Leaf &reader = *dependence.reader;
  for (unsigned i = 0; i < dependence.sharedLoops; ++i) {
    Operation *loop = reader.loops[i].op;
    if (!loop->isProperAncestor(home))
      break;
    if (!order.crossesSteps(i))
      continue;
    StringRef tensor = getTensorName(dependence.access.tensor);
    InFlightDiagnostic diag =
        reader.op.emitError()
        << "'" << reader.op.getEinsum() << "' reads '" << tensor
        << "' across steps of the loop over '"
        << reader.loops[i].rank.getValue() << "', but '" << tensor
        << "' is held below that loop only, and lost after each "
           "step";
    diag.attachNote(home.getLoc())
        << "hold '" << tensor << "' above the loop, not here";
    diag.attachNote(loop->getLoc()) << "the loop is here";
    return diag;
  }
  return success();
}
