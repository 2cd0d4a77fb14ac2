//===- PipelinedRun.cpp - A whole cascade as one pipeline -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Pipelines/PipelinedRun.h"

#include "lib/Analysis/RunningValues.h"

#include "lib/Mapper/Nest/ListDeals.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Mapper/TouchedElements.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

namespace {
/// Loops besides those over ranks of all tensors.
constexpr size_t kFreeLoops = 3;
/// Nests kept per state of the search for them.
constexpr size_t kBeam = 6;
/// Ways to deal that a nest has, beyond which a few stand for all.
constexpr size_t kMostWays = 2000;
/// Frames after which no more are tried.
constexpr size_t kMostFrames = 600;
/// Ways to run an Einsum on one array that are passed on.
constexpr size_t kMostOptions = 48;
/// Steps of the search for one frame.
constexpr uint64_t kMostSteps = 20'000;
} // namespace

/// The largest listed part of `tile` that so many units can be dealt.
static int64_t largestPart(const LocalRank &rank, int64_t tile, double room) {
  for (int64_t part : rank.tiles)
    if (part <= tile && tile % part == 0 && static_cast<double>(part) <= room)
      return part;
  return 1;
}

PipelinedRun::PipelinedRun(const CascadeFacts &facts,
                           const arch::ArchSpec &arch, const Axes &axes,
                           const std::vector<EinsumConstraints> &constraints,
                           const SpaceLimits &limits,
                           std::function<bool()> shouldStop)
    : facts(facts), arch(arch), axes(axes), constraints(constraints),
      limits(limits), shouldStop(std::move(shouldStop)), rules(facts) {
  this->axes.isHeldTogether = true;
}

std::shared_ptr<const PlanStep> PipelinedRun::find(PipelineGoal wanted,
                                                   double closeEnough) {
  goal = wanted;
  enough = closeEnough;
  size_t arrays = arch.arrays.size();
  if (axes.cycles < 0 || axes.energy < 0 || arrays < 2 ||
      facts.einsums.size() < 2 || facts.einsums.size() > maxStages ||
      arch.accounting.sequential || !describe(limits))
    return nullptr;
  order = rules.listTogether();
  const EinsumOnArray &first = *choices[order.front()].nests.front();
  for (const LocalRank &rank : first.ranks) {
    if (!goesOneWay(rank.rank))
      continue;
    bool everywhere = llvm::all_of(choices, [&](const EinsumChoices &one) {
      const EinsumOnArray &nest = *one.nests.front();
      int own = nest.findRank(rank.rank);
      return own >= 0 && llvm::all_of(nest.operands, [&](const Operand &o) {
               return o.usesRank(own) && o.along != own;
             });
    });
    (everywhere ? universal : others).push_back(rank.rank);
  }
  if (universal.size() > limits.sharedLoops)
    return nullptr;
  startSearches();
  std::vector<SharedLoop> loops;
  for (int rank : universal)
    if (facts.ranks[rank].extent > 1)
      loops.push_back({rank, 1});
  extendFrame(loops, std::min(kFreeLoops, limits.sharedLoops - loops.size()));
  // Small tiles first: the nests in larger ones are made of those in them.
  std::vector<std::tuple<double, double, size_t>> byBound;
  for (size_t i = 0; i < frames.size(); ++i)
    byBound.emplace_back(boundOf(frames[i]), sizeOf(frames[i]), i);
  llvm::sort(byBound);
  for (auto [bound, size, i] : byBound) {
    bool isFast =
        best && (bestCycles <= enough ||
                 (goal == PipelineGoal::latency && bound >= bestCycles));
    if (isFast || shouldStop())
      break;
    schedule(frames[i]);
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

/// Tiles that divide: iterations of a pipeline are alike.
bool PipelinedRun::describe(const SpaceLimits &) {
  choices.resize(facts.einsums.size());
  std::string unsupported;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    std::shared_ptr<CutTiles> cut;
    for (int a = 0; a < static_cast<int>(arch.arrays.size()); ++a) {
      std::optional<EinsumOnArray> nest =
          describeEinsum(facts, arch, e, a, constraints[e],
                         NestLimits{/*imperfect=*/false}, unsupported, cut);
      if (!nest)
        continue;
      choices[e].nests.push_back(
          std::make_shared<EinsumOnArray>(std::move(*nest)));
    }
  }
  return llvm::none_of(
      choices, [](const EinsumChoices &one) { return one.nests.empty(); });
}

/// Every fan gives what `units` need if the others give all that they can.
static void demandUnits(EinsumOnArray &nest, UnitsOf unitsOf, double units) {
  std::vector<double> most;
  double all = 1;
  for (const Fan &fan : nest.fans) {
    most.push_back(mostAlong(nest, unitsOf, fan));
    all *= most.back();
  }
  for (auto [fan, parts] : llvm::zip(nest.fans, most))
    fan.leastUnits =
        std::max(fan.leastUnits,
                 static_cast<uint64_t>(std::ceil(units * parts / all - 1e-6)));
}

/// Ranks that are walked one by one from the outset need no other tiles.
void PipelinedRun::startSearches() {
  for (EinsumChoices &one : choices)
    for (auto &nest : one.nests) {
      for (LocalRank &rank : nest->ranks)
        if (rank.extent > 1 && isWalked(rank.rank)) {
          rank.tiles = {rank.extent, 1};
          rank.inner = {{1}, {}};
        }
      // An iteration that is slower than need be slows all of them down.
      auto unitsOf = [](const LocalRank &rank, double room) {
        return static_cast<double>(largestPart(rank, rank.extent, room));
      };
      // Several ranks along a dimension only where one is not enough, and none
      // that is walked in iterations.
      double least =
          reachedCycles(*nest, [&](const LocalRank &rank, double room) {
            return isWalked(rank.rank) ? 1 : unitsOf(rank, room);
          });
      nest->sharesDims = false;
      double single = reachedCycles(*nest, unitsOf);
      nest->sharesDims = single > least;
      least = std::min(single, least);
      // What has no points, or operators that take no time, needs no units.
      if (least > 0)
        demandUnits(*nest, unitsOf,
                    static_cast<double>(nest->points) * nest->cyclesPerPoint /
                        least);
      // Where tiles are cut, units may be idle at the edges.
      if (nest->cut && nest->points > 0)
        least *= nest->countBox() / static_cast<double>(nest->points);
      if (!countDeals(*nest, kMostWays))
        nest->fewPairs = true;
      NestBounds bounds;
      bounds.beam = kBeam;
      bounds.isHopeless = [least](double, double cycles, double) {
        return cycles > least * (1 + 1e-9);
      };
      bounds.shouldStop = shouldStop;
      searches.push_back(std::make_unique<NestSearch>(*nest, arch, axes));
      searches.back()->restart(std::move(bounds));
      one.searches.push_back(searches.back().get());
    }
}

/// Recurrences along the rank may share a loop over it.
bool PipelinedRun::goesOneWay(int rank) const {
  bool up = false, down = false;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    up |= rules.directionOf(e, rank) > 0;
    down |= rules.directionOf(e, rank) < 0;
  }
  return !up || !down;
}

bool PipelinedRun::isWalked(int rank) const {
  return llvm::is_contained(universal, rank) ||
         llvm::any_of(facts.tensors, [&](const TensorFact &tensor) {
           return tensor.iterativeRank == rank;
         });
}

//===----------------------------------------------------------------------===//
// Frames
//===----------------------------------------------------------------------===//

void PipelinedRun::extendFrame(std::vector<SharedLoop> &loops, size_t free) {
  if (frames.size() >= kMostFrames)
    return;
  Frame frame;
  bool fits = !loops.empty();
  if (!loops.empty() && !makeFrame(loops, frame, fits))
    return; // nor with more loops
  if (fits)
    frames.push_back(std::move(frame));
  if (free > 0)
    addLoop(loops, free);
}

/// What the busiest array takes if only the loops of the frame are in the way.
double PipelinedRun::boundOf(const Frame &frame) const {
  return boundLoad(choices, [&](const LocalRank &rank, double room) {
    return static_cast<double>(largestPart(rank, tileOf(frame, rank), room));
  });
}

int64_t PipelinedRun::tileOf(const Frame &frame, const LocalRank &rank) {
  int64_t tile = rank.extent;
  for (const SharedLoop &loop : frame.loops)
    if (loop.rank == rank.rank)
      tile = loop.tile;
  return tile;
}

/// Points of an iteration that are not told apart by shared loops.
double PipelinedRun::sizeOf(const Frame &frame) const {
  double size = 0;
  for (const EinsumChoices &one : choices) {
    const EinsumOnArray &nest = *one.nests.front();
    double points = 1;
    for (const LocalRank &rank : nest.ranks)
      points *= static_cast<double>(tileOf(frame, rank));
    size += points;
  }
  return size;
}

void PipelinedRun::addLoop(std::vector<SharedLoop> &loops, size_t free) {
  const EinsumOnArray &first = *choices[order.front()].nests.front();
  for (int rank : others) {
    int64_t around = facts.ranks[rank].extent;
    unsigned same = 0;
    for (const SharedLoop &loop : loops)
      if (loop.rank == rank) {
        around = loop.tile;
        ++same;
      }
    if (same >= limits.sharedLoopsPerRank ||
        (!loops.empty() && loops.back().rank == rank))
      continue;
    for (int64_t tile : llvm::reverse(first.ranks[first.findRank(rank)].tiles))
      if (tile < around && around % tile == 0) {
        loops.push_back({rank, tile});
        extendFrame(loops, free - 1);
        loops.pop_back();
      }
  }
}

/// False if a rank pass forbids these loops, whatever comes inside. `fits` says
/// whether they are enough.
bool PipelinedRun::makeFrame(const std::vector<SharedLoop> &loops, Frame &frame,
                             bool &fits) const {
  int depth = static_cast<int>(loops.size());
  frame.loops = loops;
  JoinState &state = frame.state;
  state.done.assign((facts.einsums.size() + 63) / 64, 0);
  state.loops = loops;
  state.pipelined = true;
  for (int einsum : order) {
    bool isFirst = frame.roles.empty();
    std::vector<Role> roles(depth, Role::everyStep);
    if (!isFirst) {
      roles = rules.roles(state, einsum, depth);
      if (!rules.mayRead(state, einsum, roles))
        return false;
    }
    for (int tensor : rules.firstTouched(state, einsum)) {
      std::optional<Pending> home = findHome(loops, tensor);
      if (!home) {
        home.emplace();
        home->tensor = tensor;
        fits &= facts.tensors[tensor].isOutput || mayBack(tensor);
      } else {
        frame.homes.push_back(*home);
        fits &= rules.mayLive(state, *home, einsum, 0);
      }
      home->produced = facts.tensors[tensor].producer == einsum;
      state.pending.push_back(*home);
    }
    rules.recordTouches(state, einsum, roles, {},
                        *choices[einsum].nests.front());
    state.done[einsum / 64] |= uint64_t{1} << einsum % 64;
    frame.roles.push_back(std::move(roles));
    // Neighbours have a fused tensor in common that asks for the loops.
    bool isLast = frame.roles.size() == order.size();
    fits &= isLast || llvm::any_of(frame.homes, [&](const Pending &home) {
              return home.need == depth &&
                     llvm::any_of(rules.touchers(home.tensor), [&](int other) {
                       return !state.isDone(other);
                     });
            });
  }
  return true;
}

bool PipelinedRun::mayBack(int tensor) const {
  return llvm::all_of(rules.touchers(tensor), [&](int einsum) {
    return constraints[einsum].mayLiveAtBacking(tensor);
  });
}

bool PipelinedRun::mayLiveAt(int tensor, int level) const {
  const arch::Level &fact = arch.levels[level];
  if (level == 0 || fact.perArray >= 0 || !fact.dims.empty())
    return false;
  bool onPath = false;
  for (int einsum : rules.touchers(tensor)) {
    if (!constraints[einsum].mayKeep(level, KeptTensor{tensor, false}))
      return false;
    for (const auto &nest : choices[einsum].nests)
      onPath |= llvm::is_contained(nest->path, level);
  }
  return onPath;
}

/// As far in as all that touch the tensor share loops, a running value above
/// the loop that carries it; none if it has to live at the backing level.
std::optional<Pending>
PipelinedRun::findHome(const std::vector<SharedLoop> &loops, int tensor) const {
  const TensorFact &fact = facts.tensors[tensor];
  bool mustBack =
      fact.isOutput || rules.touchers(tensor).size() < 2 ||
      llvm::any_of(
          rules.touchers(tensor),
          [&](int einsum) {
            return constraints[einsum].mustKeep(0, KeptTensor{tensor, true});
          });
  if (mustBack || !limits.fusion)
    return std::nullopt;
  Pending home;
  home.tensor = tensor;
  int depth = static_cast<int>(loops.size());
  while (home.depth < depth && rules.sharesRank(tensor, loops[home.depth].rank))
    ++home.depth;
  home.need = home.depth;
  if (home.depth < depth && fact.iterativeRank >= 0 && fact.hasInitialValue &&
      loops[home.depth].rank == fact.iterativeRank)
    ++home.need;
  for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
    if (!mayLiveAt(tensor, level))
      continue;
    home.level = level;
    const auto &capacity = arch.levels[level].capacityBytes;
    if (!capacity || bytesAt(loops, home) <= *capacity)
      return home;
  }
  return std::nullopt;
}

/// Steps of a running value that are kept for a loop with that tile, if its
/// readers on other arrays are one iteration behind.
std::optional<int64_t> PipelinedRun::stepsOf(int tensor, int64_t tile) const {
  int64_t most = tile;
  for (int reader : rules.touchers(tensor))
    for (const AccessFact &read : facts.einsums[reader].reads) {
      if (read.tensor != tensor)
        continue;
      bool isOwn = reader == facts.tensors[tensor].producer;
      std::optional<int64_t> kept = countStepsKept(
          findStepsBack(facts, read),
          isOwn ? ReadTurn::before : ReadTurn::stage, tile, /*lag=*/1);
      if (!kept)
        return std::nullopt;
      most = std::max(most, *kept);
    }
  return most;
}

/// One copy of a fused tensor at its home.
uint64_t PipelinedRun::bytesAt(const std::vector<SharedLoop> &loops,
                               const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  uint64_t words = 1;
  for (const Coordinate &coordinate : rules.write(home.tensor).coordinates)
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t tile = facts.ranks[term.rank].extent, inner = tile;
      for (int d = 0; d < home.need; ++d)
        if (loops[d].rank == term.rank)
          (d < home.depth ? tile : inner) = loops[d].tile;
      if (home.need > home.depth && term.rank == tensor.iterativeRank)
        tile = std::min(tile, stepsOf(home.tensor, inner).value_or(tile));
      words = llvm::SaturatingMultiply(words, static_cast<uint64_t>(tile));
    }
  return words > (uint64_t{1} << 56) ? UINT64_MAX
                                     : leastBytes(facts, home.tensor, words);
}

//===----------------------------------------------------------------------===//
// A frame as a group of stages
//===----------------------------------------------------------------------===//

uint64_t PipelinedRun::stepsOf(const Frame &frame, size_t loop) const {
  int64_t around = facts.ranks[frame.loops[loop].rank].extent;
  for (size_t outer = 0; outer < loop; ++outer)
    if (frame.loops[outer].rank == frame.loops[loop].rank)
      around = frame.loops[outer].tile;
  return llvm::divideCeil(around, frame.loops[loop].tile);
}

Iterations PipelinedRun::makeIterations(const Frame &frame, size_t depth,
                                        StageSet active) const {
  Iterations result;
  if (depth == frame.loops.size()) {
    result.active = active;
    return result;
  }
  StageSet first = 0, last = 0; // stages that run only there
  for (auto [place, roles] : llvm::enumerate(frame.roles)) {
    first |= StageSet{roles[depth] == Role::firstStep} << place;
    last |= StageSet{roles[depth] == Role::lastStep} << place;
  }
  uint64_t steps = stepsOf(frame, depth);
  auto add = [&](uint64_t times, StageSet set) {
    if (times == 0)
      return;
    Iterations part = makeIterations(frame, depth + 1, set);
    Iterations &some = result.parts.emplace_back();
    some.times = times;
    some.parts = {std::move(part)};
  };
  if (steps == 1 || !((first | last) & active)) {
    add(steps, active);
    return result;
  }
  add(1, active & ~last);
  add(steps - 2, active & ~first & ~last);
  add(1, active & ~first);
  return result;
}

void PipelinedRun::addDependences(const Frame &frame,
                                  PipelineGroup &group) const {
  for (auto [consumer, einsum] : llvm::enumerate(order))
    for (const AccessFact &read : facts.einsums[einsum].reads) {
      const TensorFact &tensor = facts.tensors[read.tensor];
      auto producer = llvm::find(order, tensor.producer);
      if (producer == order.end() || *producer == einsum)
        continue;
      // Who is no member of the recurrence comes after its producer in the
      // space, however far back it reads.
      uint64_t distance = 0;
      for (auto [rank, coordinate] : llvm::zip(tensor.ranks, read.coordinates))
        if (rules.recurrence(einsum) == rules.recurrence(*producer) &&
            rank == tensor.iterativeRank && !coordinate.terms.empty())
          distance = std::abs(coordinate.constant);
      // In iterations, if a loop around the pipeline carries it.
      uint64_t iterations = 0;
      for (size_t loop = 0; loop < frame.loops.size(); ++loop) {
        iterations *= stepsOf(frame, loop);
        if (frame.loops[loop].rank == tensor.iterativeRank &&
            frame.loops[loop].tile == 1)
          iterations = distance;
      }
      group.dependences.push_back({static_cast<int>(producer - order.begin()),
                                   static_cast<int>(consumer), iterations,
                                   /*streamed=*/false});
    }
}

/// Tensors at the pipeline are held once per slot, others take their space away
/// from it; false if there is not enough.
bool PipelinedRun::addHomes(const Frame &frame, PipelineGroup &group) const {
  for (int id : axes.levels) {
    const arch::Level &level = arch.levels[id];
    group.capacities.push_back(level.capacityBytes ? *level.capacityBytes *
                                                         arch.instances(level)
                                                   : UINT64_MAX);
  }
  for (const Pending &home : frame.homes) {
    int axis = axes.heldAt(home.level);
    if (axis < 0)
      continue;
    size_t level = axis - axes.held;
    uint64_t bytes = bytesAt(frame.loops, home);
    bool perSlot = home.depth == static_cast<int>(frame.loops.size()) &&
                   !arch.accounting.singleBuffers;
    if (!perSlot) {
      if (bytes > group.capacities[level])
        return false;
      group.capacities[level] -= bytes;
      continue;
    }
    TensorInFlight tensor{level, bytes, 0};
    for (auto [place, einsum] : llvm::enumerate(order))
      if (rules.touches(einsum, home.tensor))
        tensor.touchedBy |= StageSet{1} << place;
    group.tensors.push_back(tensor);
  }
  return true;
}

uint32_t PipelinedRun::tileAt(const Frame &frame, const NestSearch &search,
                              size_t depth) const {
  const EinsumOnArray &nest = search.getNest();
  uint32_t code = 0;
  for (size_t d = 0; d < depth; ++d)
    if (int rank = nest.findRank(frame.loops[d].rank); rank >= 0) {
      const std::vector<int64_t> &tiles = nest.ranks[rank].tiles;
      auto found = llvm::find(tiles, frame.loops[d].tile);
      code = search.getCodec().with(code, rank,
                                    static_cast<int>(found - tiles.begin()));
    }
  return code;
}

/// How far out an operand may be latched: below its home, and below the loops
/// that it uses.
LatchTiles PipelinedRun::latchTiles(const Frame &frame,
                                    const NestSearch &search,
                                    llvm::ArrayRef<SharedHold> holds) const {
  const EinsumOnArray &nest = search.getNest();
  LatchTiles tiles{};
  for (auto [o, operand] : llvm::enumerate(nest.operands)) {
    int depth = 0;
    for (const Pending &home : frame.homes)
      if (home.tensor == operand.tensor)
        depth = home.depth;
    for (const SharedHold &hold : holds)
      if (hold.operand == static_cast<int>(o))
        depth = std::max(depth, hold.depth);
    for (size_t loop = 0; loop < frame.loops.size(); ++loop)
      if (int rank = nest.findRank(frame.loops[loop].rank);
          rank >= 0 && (operand.atLeaf >> rank & 1))
        depth = std::max(depth, static_cast<int>(loop) + 1);
    tiles[o] = tileAt(frame, search, depth);
  }
  return tiles;
}

/// Holds an operand of this Einsum alone above loops that it does not use.
void PipelinedRun::chooseHolds(
    const Frame &frame, NestSearch &search, size_t operand, Holdings &holdings,
    std::vector<SharedHold> &holds, Costs &above,
    llvm::function_ref<void(const NestEntry &)> visit) {
  const EinsumOnArray &nest = search.getNest();
  if (operand == nest.operands.size()) {
    uint32_t tile = tileAt(frame, search, frame.loops.size());
    for (const NestEntry &entry :
         search.complete(tile, holdings, latchTiles(frame, search, holds)))
      visit(entry);
    return;
  }
  chooseHolds(frame, search, operand + 1, holdings, holds, above, visit);
  const Operand &fact = nest.operands[operand];
  if (holdings[operand] != 0 || fact.along >= 0 || nest.path.size() < 2 ||
      nest.stages[1] != 0 || rules.touchers(fact.tensor).size() > 1)
    return;
  auto uses = [&](size_t loop) {
    int rank = nest.findRank(frame.loops[loop].rank);
    return rank >= 0 && fact.usesRank(rank);
  };
  for (size_t depth = 0; depth < frame.loops.size(); ++depth) {
    if (uses(depth) || (depth > 0 && !uses(depth - 1)))
      continue;
    Costs before = above;
    if (auto held = search.hold(above, above, static_cast<int>(operand), 0, 1,
                                tileAt(frame, search, depth))) {
      holds.push_back(
          {static_cast<int>(operand), nest.path[1], static_cast<int>(depth)});
      holdings[operand] = *held;
      chooseHolds(frame, search, operand + 1, holdings, holds, above, visit);
      holdings[operand] = 0;
      holds.pop_back();
    }
    above = before;
  }
}

/// What users say of tiles at a level holds for homes, too.
bool PipelinedRun::mayHoldTile(const Frame &frame, const EinsumOnArray &nest,
                               const Operand &operand, const Pending &home) {
  if (!nest.constraints->boundsTiles(home.level))
    return true;
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    int64_t tile = rank.extent;
    for (int d = 0; d < home.depth; ++d)
      if (frame.loops[d].rank == rank.rank)
        tile = frame.loops[d].tile;
    if (nest.constraints->isBounded(operand.tensor, rank.rank) &&
        !nest.constraints->mayHoldTile(home.level, rank.rank, tile,
                                       rank.extent))
      return false;
  }
  return true;
}

void PipelinedRun::listOptions(const Frame &frame, size_t place, uint64_t runs,
                               std::vector<Option> &options,
                               std::vector<StageChoice> &stage) {
  for (NestSearch *search : choices[order[place]].searches) {
    const EinsumOnArray &nest = search->getNest();
    Holdings holdings{};
    bool allowed = true;
    for (auto [o, operand] : llvm::enumerate(nest.operands))
      for (const Pending &home : frame.homes) {
        if (home.tensor != operand.tensor)
          continue;
        auto found = llvm::find(nest.path, home.level);
        if (found == nest.path.end()) {
          holdings[o] = search->codeOffPath(home.level);
          continue;
        }
        for (auto level = nest.path.begin(); level != found; ++level)
          allowed &= !nest.constraints->mustKeep(
              *level, KeptTensor{home.tensor, false});
        allowed &= mayHoldTile(frame, nest, operand, home);
        holdings[o] = static_cast<uint8_t>(Holding::kOutside +
                                           (found - nest.path.begin()));
      }
    if (!allowed)
      continue;
    std::vector<std::pair<StageChoice, Option>> some;
    std::vector<SharedHold> holds;
    Costs above{};
    chooseHolds(frame, *search, 0, holdings, holds, above,
                [&](const NestEntry &entry) {
                  some.emplace_back(makeChoice(nest, entry, above, runs),
                                    Option{search, holds, &entry});
                });
    llvm::sort(some, [](const auto &a, const auto &b) {
      auto key = [](const StageChoice &c) {
        return std::tie(c.cycles, c.energy, c.held, c.moved);
      };
      return key(a.first) < key(b.first);
    });
    if (some.size() > kMostOptions)
      some.resize(kMostOptions);
    for (auto &[choice, option] : some) {
      stage.push_back(std::move(choice));
      options.push_back(std::move(option));
    }
  }
}

StageChoice PipelinedRun::makeChoice(const EinsumOnArray &nest,
                                     const NestEntry &entry, const Costs &above,
                                     uint64_t runs) const {
  StageChoice choice;
  choice.array = nest.array;
  choice.cycles = static_cast<uint64_t>(
      std::llround(entry.costs[axes.cycles] / static_cast<double>(runs)));
  choice.startUp =
      static_cast<uint64_t>(nest.startUpCycles + axes.waitOf(entry.costs));
  choice.energy = entry.costs[axes.energy] + above[axes.energy];
  auto sum = [&](int axis) { return entry.costs[axis] + above[axis]; };
  for (auto [r, resource] : llvm::enumerate(axes.resources))
    choice.moved.push_back(static_cast<uint64_t>(std::llround(
        sum(axes.resource + static_cast<int>(r)) / resource.cyclesPerUnit)));
  for (size_t l = 0; l < axes.levels.size(); ++l)
    choice.held.push_back(
        static_cast<uint64_t>(sum(axes.held + static_cast<int>(l))));
  return choice;
}

//===----------------------------------------------------------------------===//
// The best frame
//===----------------------------------------------------------------------===//

void PipelinedRun::schedule(const Frame &frame) {
  PipelineGroup group;
  if (!addHomes(frame, group))
    return;
  for (const Resource &resource : axes.resources)
    group.channels.push_back({1 / resource.cyclesPerUnit, 0});
  group.leakagePerCycle = arch.leakageW() / arch.clockHz * 1e12;
  StageSet all = order.size() == maxStages ? ~StageSet{0}
                                           : (StageSet{1} << order.size()) - 1;
  group.iterations = makeIterations(frame, 0, all);
  addDependences(frame, group);
  std::vector<std::vector<Option>> options(order.size());
  for (size_t place = 0; place < order.size(); ++place) {
    auto &stage = group.stages.emplace_back();
    listOptions(frame, place, group.iterations.countOf(place), options[place],
                stage);
    if (stage.empty())
      return;
  }
  PipelineLimits steps;
  steps.leastLags = true;
  steps.steps = kMostSteps;
  PipelineResult result = schedulePipeline(group, goal, steps);
  if (!result.plans.empty())
    keep(frame, result.plans.front(), options);
}

static std::pair<double, double> valueOf(PipelineGoal goal, double cycles,
                                         double energy) {
  switch (goal) {
  case PipelineGoal::latency:
    return {cycles, energy};
  case PipelineGoal::energy:
    return {energy, cycles};
  case PipelineGoal::edp:
    return {cycles * energy, cycles};
  }
  return {cycles, energy};
}

void PipelinedRun::keep(const Frame &frame, const PipelinePlan &plan,
                        const std::vector<std::vector<Option>> &options) {
  if (best && valueOf(goal, plan.cycles, plan.energy) >=
                  valueOf(goal, bestCycles, bestEnergy))
    return;
  bestCycles = plan.cycles;
  bestEnergy = plan.energy;
  int depth = static_cast<int>(frame.loops.size());
  std::shared_ptr<const PlanStep> last;
  std::vector<bool> begun(facts.tensors.size(), false);
  for (int place : plan.order) {
    const Option &option = options[place][plan.choices[place]];
    auto put = std::make_shared<PlanPlace>();
    put->einsum = order[place];
    put->fact = &option.search->getNest();
    put->search = option.search;
    put->loops = frame.loops;
    put->holds = option.holds;
    put->keep = last ? depth : 0;
    put->pipelineDepth = depth;
    put->lag = static_cast<int>(plan.lags[place]);
    for (const Pending &home : frame.homes)
      if (rules.touches(put->einsum, home.tensor) && !begun[home.tensor]) {
        begun[home.tensor] = true;
        put->homes.push_back({home.tensor, home.level, home.depth});
      }
    auto step = std::make_shared<PlanStep>();
    step->place = std::move(put);
    step->nest = &option.nest->step;
    step->previous = std::move(last);
    last = std::move(step);
  }
  best = std::move(last);
}
