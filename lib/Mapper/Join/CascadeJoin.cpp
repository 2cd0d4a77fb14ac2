//===- CascadeJoin.cpp - Nests of all Einsums, put together ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/CascadeJoin.h"

#include "lib/Mapper/Join/JoinRules.h"
#include "lib/Mapper/SlotWindows.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cassert>

using namespace einsum;
using namespace einsum::mapper;

std::vector<int32_t> JoinState::key() const {
  std::vector<int32_t> key;
  for (uint64_t word : done) {
    key.push_back(static_cast<int32_t>(word));
    key.push_back(static_cast<int32_t>(word >> 32));
  }
  auto add = [&](auto... values) {
    (key.push_back(static_cast<int32_t>(values)), ...);
  };
  add(loops.size(), pipelined, openedAt, unfinished, holdsAroundAll);
  for (const SharedLoop &loop : loops)
    add(loop.rank, loop.tile, loop.tile >> 32, loop.direction);
  add(pending.size());
  for (const Pending &one : pending) {
    add(one.tensor, one.level, one.depth, one.need, one.whole, one.again,
        one.born, one.lag, one.firstLag, one.lastLag, one.array, one.produced,
        one.lastStep, one.firstStep, one.reduced, one.hold, one.users.size());
    for (int user : one.users)
      add(user);
  }
  add(marks.size());
  for (const Mark &mark : marks)
    add(mark.tensor, mark.depth, mark.isHeld);
  add(drains.size());
  for (const Drain &drain : drains)
    add(drain.einsum, drain.array, drain.depth, drain.steps);
  for (const StagePattern &pattern : patterns)
    add(pattern.firstStep, pattern.lastStep);
  return key;
}

namespace {

class CascadeJoin {
public:
  CascadeJoin(const CascadeFacts &facts, const arch::ArchSpec &arch,
              const Axes &axes, std::vector<EinsumChoices> &choices,
              const std::vector<EinsumConstraints> &constraints,
              const JoinLimits &limits)
      : facts(facts), arch(arch), axes(axes), choices(choices),
        constraints(constraints), limits(limits), rules(facts) {
    layout.resources = axes.resources.size();
    layout.levels = axes.levels.size();
    layout.arrays = arch.arrays.size();
    for (const EinsumChoices &one : choices)
      for (const auto &nest : one.nests)
        isCut |= nest->cut != nullptr;
    listFetches();
    listAroundAll();
    listWaits();
  }

  JoinResult run();

private:
  struct Bucket {
    JoinState state;
    std::vector<JoinEntry> entries;
  };
  using Layer = std::map<std::vector<int32_t>, Bucket>;

  /// What Einsums that are not placed cost at least.
  struct Rest {
    double energy = 0, traffic = 0, cycles = 0;
  };
  /// One way to place an Einsum, as it takes shape.
  struct Placement {
    const Bucket *from = nullptr;
    int einsum = -1;
    const EinsumOnArray *fact = nullptr;
    NestSearch *search = nullptr;
    JoinState state;         ///< with everything new opened, nothing closed
    std::vector<Role> roles; ///< per shared loop
    std::vector<Home> homes;
    int keep = 0;
    int lag = 0, pattern = 0;
    Rest rest; ///< what Einsums after it cost at least
    Holdings holdings{};
    std::vector<SharedHold> holds;
    std::vector<Costs> above;  ///< per depth: of `holds`
    std::vector<Costs> filled; ///< per depth: of holders for several Einsums
  };

  // In the order in which a placement takes shape.
  void place(const Bucket &bucket, int einsum, Layer &next);
  void placeOn(const Bucket &bucket, int einsum, size_t choice, Layer &next);
  void chooseEnds(Placement &p, size_t at, Layer &next);
  void chooseHomes(Placement &p, size_t write, Layer &next);
  void chooseHolders(Placement &p, size_t at, Layer &next);
  template <typename Fn>
  void forEachHolder(const Placement &p, int tensor, Fn fn) const;
  void openLoops(Placement &p, int need, Layer &next);
  void chooseSplit(Placement &p, bool isNewRun, Layer &next);
  bool enterPipeline(Placement &p);
  void chooseHolds(Placement &p, int depth, size_t operand, Layer &next);
  void addNests(Placement &p, Layer &next);
  static void addTo(Layer &layer, const JoinState &state,
                    std::vector<JoinEntry> entries);
  std::vector<const NestEntry *>
  chooseNests(const Placement &p, llvm::ArrayRef<NestEntry> nests) const;
  JoinEntry extend(const Placement &p, const JoinEntry &old,
                   const NestEntry &nest, const JoinLayout &before,
                   const JoinLayout &open);
  void close(JoinState &state, std::vector<JoinEntry> &entries, int einsum);
  void closeLoop(const JoinState &state, std::vector<double> &costs,
                 const JoinLayout &open) const;
  void listAroundAll();
  bool movesWithOthers(const JoinState &state, int einsum) const;
  void forgetAtRoot(std::vector<double> &costs, const JoinLayout &open,
                    bool movesWithOthers) const;

  JoinLayout layoutOf(const JoinState &state) const {
    JoinLayout own = layout;
    own.depth = state.loops.size();
    own.pipelined = state.pipelined;
    own.patterns = state.patterns.size();
    return own;
  }
  /// Once stopped, it stays so.
  bool isStopped() {
    stopped |= limits.shouldStop && limits.shouldStop();
    return stopped;
  }
  void listWaits();
  bool isReady(const JoinState &state, int einsum) const;
  std::vector<int> listReady(const JoinState &state) const;
  Pending *findPending(JoinState &state, int tensor) const;
  uint32_t tileAt(const Placement &p, int depth) const;
  uint32_t tileOf(const JoinState &state, const EinsumOnArray &nest,
                  const NestSearch &search, int depth) const;
  uint64_t homeBytes(const JoinState &state, const Pending &home) const;
  uint64_t holderBytes(const JoinState &state, const Pending &holder) const;
  void addFills(Placement &p) const;
  Costs fillsOf(const JoinState &state, const Pending &holder,
                llvm::ArrayRef<int> users) const;
  uint64_t cutWords(const JoinState &state, const Pending &home) const;
  uint64_t boxWords(const JoinState &state, const Pending &home) const;
  double liveBytes(const JoinState &state, int depth, int level) const;
  double steps(const JoinState &state, int depth, uint32_t guarded = 0) const;
  uint32_t guards(const Placement &p, int producer = -1) const;
  bool fits(double bytes, int axis) const;
  void listFetches();
  Rest restOf(const JoinState &state, int einsum) const;
  template <typename Fn>
  auto boundPlan(const Rest &rest, const std::vector<double> &costs,
                 const JoinLayout &open, const Fn &fn) const;
  void prune(Layer &layer);
  void thin(Bucket &bucket);
  double scoreOf(const JoinState &state, const Rest &rest,
                 const JoinEntry &entry) const;
  void leaveOut(const Bucket &bucket);
  void trim(Layer &layer);
  bool isHopeless(const Placement &p, const std::vector<double> &costs,
                  const JoinLayout &open) const;
  struct PipelineStages;
  double busiestArray(const std::vector<double> &costs,
                      const JoinLayout &open) const;
  double leastTime(const std::vector<double> &costs, const JoinLayout &open,
                   double later = 0) const;
  bool isEven(const JoinState &state) const;
  double pipelineCycles(const JoinState &state,
                        const std::vector<double> &costs,
                        const JoinLayout &open) const;
  double visitsOf(const Placement &p) const;
  bool isOnPath(int tensor, int level) const;
  bool mayLiveAt(int tensor, int level) const;
  bool mustLiveAtBacking(int tensor) const;
  bool mayHaveHolder(const Placement &p, int tensor) const;
  bool mayHoldHome(const Placement &p, size_t operand,
                   const Pending &home) const;
  LatchTiles latchTiles(const Placement &p) const;
  bool mayStandInside(const EinsumOnArray &nest, int outer, int inner) const;
  LoopOrder orderOf(const Placement &p) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const Axes &axes;
  std::vector<EinsumChoices> &choices;
  const std::vector<EinsumConstraints> &constraints;
  const JoinLimits &limits;
  JoinRules rules;
  JoinLayout layout;
  JoinCounts counts;
  std::vector<EinsumChoices::Fetch> fetchedOnce;
  std::vector<int> aroundAll; ///< tensors of which all may have one holder
  bool complete = true, stopped = false;
  double leastLeft = INFINITY;
  std::vector<llvm::SmallVector<int, 4>> waitsFor; ///< by Einsum
  std::map<int, int> lastMember; ///< of a recurrence, plus one: `listWaits`
  bool isCut = false;      ///< tiles of some Einsum are: iterations differ
  uint64_t lastPruned = 0; ///< entries made by then
};

} // namespace

//===----------------------------------------------------------------------===//
// Facts about a state
//===----------------------------------------------------------------------===//

/// What each Einsum waits for: members of its recurrence that come earlier, and
/// whoever writes what it reads, or, in order, the one before.
void CascadeJoin::listWaits() {
  int count = static_cast<int>(facts.einsums.size());
  waitsFor.resize(count);
  for (int e = 0; e < count; ++e) {
    if (!limits.space.reorder && e > 0)
      waitsFor[e].push_back(e - 1);
    for (const AccessFact &access : facts.einsums[e].reads) {
      int producer = facts.tensors[access.tensor].producer;
      if (producer >= 0 && rules.recurrence(producer) != rules.recurrence(e))
        waitsFor[e].push_back(producer);
    }
    int &last = lastMember[rules.recurrence(e)];
    if (last > 0)
      waitsFor[e].push_back(last - 1);
    last = e + 1;
  }
}

bool CascadeJoin::isReady(const JoinState &state, int einsum) const {
  return !state.isDone(einsum) &&
         (state.unfinished < 0 ||
          rules.recurrence(einsum) == state.unfinished) &&
         llvm::all_of(waitsFor[einsum],
                      [&](int other) { return state.isDone(other); });
}

std::vector<int> CascadeJoin::listReady(const JoinState &state) const {
  std::vector<int> ready;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (isReady(state, e)) {
      ready.push_back(e);
      if (!limits.space.reorder)
        break; // the others wait for it
    }
  return ready;
}

Pending *CascadeJoin::findPending(JoinState &state, int tensor) const {
  for (Pending &one : state.pending)
    if (one.tensor == tensor)
      return &one;
  return nullptr;
}

/// Steps of the loops down to `depth`, all in all, but for those of `guarded`
/// loops. Inner tiles divide, so loops over one rank make as many as the
/// innermost tile of it.
double CascadeJoin::steps(const JoinState &state, int depth,
                          uint32_t guarded) const {
  double count = 1;
  for (int d = 0; d < depth; ++d) {
    auto isSame = [&](const SharedLoop &loop) {
      return loop.rank == state.loops[d].rank;
    };
    auto begin = state.loops.begin();
    if (!(guarded >> d & 1) &&
        std::none_of(begin + d + 1, begin + depth, isSame))
      count *= static_cast<double>(llvm::divideCeil(
          facts.ranks[state.loops[d].rank].extent, state.loops[d].tile));
  }
  return count;
}

/// Loops of which the placed Einsum, or `producer`, runs in one step only.
uint32_t CascadeJoin::guards(const Placement &p, int producer) const {
  uint32_t guarded = 0;
  for (size_t d = 0; d < p.roles.size(); ++d)
    guarded |= (p.roles[d] != Role::everyStep) << d;
  for (const Pending &one : p.state.pending)
    if (producer >= 0 && facts.tensors[one.tensor].producer == producer)
      guarded |= one.firstStep | one.lastStep;
  return guarded;
}

/// Visits of an Einsum's nest that happen.
double CascadeJoin::visitsOf(const Placement &p) const {
  int depth = p.state.loops.size();
  if (!p.fact->cut)
    return steps(p.state, depth, guards(p));
  llvm::SmallVector<int64_t, 8> tiles;
  p.search->getCodec().tiles(tileAt(p, depth), tiles);
  return static_cast<double>(p.fact->cut->countVisits(tiles));
}

/// The most that a step of the loops around its home produces of a tensor.
uint64_t CascadeJoin::cutWords(const JoinState &state,
                               const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  const EinsumOnArray &nest = *choices[tensor.producer].nests.front();
  llvm::SmallVector<int64_t, 8> tiles;
  for (const LocalRank &rank : nest.ranks) {
    tiles.push_back(rank.extent);
    // A running value: no more than the loop that carries it steps over.
    int around = rank.rank == tensor.iterativeRank && !home.whole
                     ? std::max(home.depth, home.need)
                     : home.depth;
    for (int d = 0; d < around; ++d)
      if (state.loops[d].rank == rank.rank)
        tiles.back() = state.loops[d].tile;
  }
  return nest.cut->largest(nest.findOperand(home.tensor), tiles);
}

/// The same where every step produces a box.
uint64_t CascadeJoin::boxWords(const JoinState &state,
                               const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  uint64_t words = 1;
  for (const Coordinate &coordinate : rules.write(home.tensor).coordinates)
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t tile = facts.ranks[term.rank].extent;
      for (int d = 0; d < home.depth; ++d)
        if (state.loops[d].rank == term.rank)
          tile = state.loops[d].tile;
      if (home.need > home.depth && !home.whole &&
          term.rank == tensor.iterativeRank) {
        int64_t inner = tile;
        for (int d = home.depth; d < home.need; ++d)
          if (state.loops[d].rank == term.rank)
            inner = state.loops[d].tile;
        tile = std::min(tile, inner + tensor.carriedSteps - 1);
      }
      words *= tile;
    }
  return words;
}

/// Bytes of a fused tensor at its home.
uint64_t CascadeJoin::homeBytes(const JoinState &state,
                                const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  uint64_t bytes = 0;
  if (home.isHolder()) {
    bytes = holderBytes(state, home);
  } else {
    uint64_t words = boxWords(state, home);
    if (choices[tensor.producer].nests.front()->cut)
      words = std::min(words, cutWords(state, home));
    bytes = tensor.bytes(words);
  }
  uint64_t slots = 1;
  if (state.pipelined && home.depth == static_cast<int>(state.loops.size()) &&
      !arch.accounting.singleBuffers && home.firstLag >= 0)
    slots += home.lastLag - home.firstLag;
  return bytes * slots;
}

/// The most that one of its users needs of it.
uint64_t CascadeJoin::holderBytes(const JoinState &state,
                                  const Pending &holder) const {
  uint64_t bytes = 0;
  for (int user : holder.users) {
    const NestSearch &search = *choices[user].searches.front();
    const EinsumOnArray &nest = *choices[user].nests.front();
    bytes = std::max(
        bytes, search.heldBytes(nest.findOperand(holder.tensor), holder.level,
                                tileOf(state, nest, search, holder.depth)));
  }
  return bytes;
}

/// What passes between a holder and the backing level: no less than one of its
/// users alone asks for, the same for all where they read alike.
Costs CascadeJoin::fillsOf(const JoinState &state, const Pending &holder,
                           llvm::ArrayRef<int> users) const {
  Costs most{};
  for (int user : users) {
    bool makes = facts.tensors[holder.tensor].producer == user;
    if (makes != (holder.hold == Hold::stored))
      continue;
    const NestSearch &search = *choices[user].searches.front();
    const EinsumOnArray &nest = *choices[user].nests.front();
    Costs costs{};
    search.addHolder(costs, nest.findOperand(holder.tensor), holder.level,
                     tileOf(state, nest, search, holder.depth));
    for (size_t i = 0; i < costs.size(); ++i)
      most[i] = std::max(most[i], costs[i]);
  }
  return most;
}

/// What holders move more now that the placed Einsum is one of their users.
void CascadeJoin::addFills(Placement &p) const {
  p.filled.assign(p.state.loops.size() + 1, Costs{});
  for (const Pending &one : p.state.pending) {
    if (!one.isHolder() || one.users.back() != p.einsum)
      continue;
    llvm::ArrayRef<int> users = one.users;
    Costs before = fillsOf(p.state, one, users.drop_back()),
          now = fillsOf(p.state, one, users);
    for (size_t i = 0; i < now.size(); ++i)
      p.filled[one.depth][i] += now[i] - before[i];
  }
}

double CascadeJoin::liveBytes(const JoinState &state, int depth,
                              int level) const {
  double bytes = 0;
  for (const Pending &one : state.pending)
    if (one.level == level && one.depth == depth)
      bytes += static_cast<double>(homeBytes(state, one));
  return bytes;
}

bool CascadeJoin::fits(double bytes, int axis) const {
  const arch::Level &level = arch.levels[axes.levels[axis]];
  return !level.capacityBytes ||
         bytes <=
             static_cast<double>(*level.capacityBytes * arch.instances(level));
}

/// Tile vector of the placed Einsum below so many shared loops.
uint32_t CascadeJoin::tileAt(const Placement &p, int depth) const {
  return tileOf(p.state, *p.fact, *p.search, depth);
}

/// The same of any Einsum below these loops.
uint32_t CascadeJoin::tileOf(const JoinState &state, const EinsumOnArray &nest,
                             const NestSearch &search, int depth) const {
  uint32_t code = 0;
  for (int d = 0; d < depth; ++d) {
    int rank = nest.findRank(state.loops[d].rank);
    if (rank < 0)
      continue;
    auto found = llvm::find(nest.ranks[rank].tiles, state.loops[d].tile);
    assert(found != nest.ranks[rank].tiles.end() && "the same for all");
    code = search.getCodec().with(code, rank,
                                  found - nest.ranks[rank].tiles.begin());
  }
  return code;
}

//===----------------------------------------------------------------------===//
// Placing one Einsum
//===----------------------------------------------------------------------===//

void CascadeJoin::place(const Bucket &bucket, int einsum, Layer &next) {
  for (size_t i = 0; i < choices[einsum].searches.size(); ++i)
    placeOn(bucket, einsum, i, next);
}

void CascadeJoin::placeOn(const Bucket &bucket, int einsum, size_t choice,
                          Layer &next) {
  Placement p;
  p.from = &bucket;
  p.einsum = einsum;
  p.fact = choices[einsum].nests[choice].get();
  p.search = choices[einsum].searches[choice];
  p.state = bucket.state;
  p.rest = restOf(bucket.state, einsum);
  p.keep = p.state.loops.size();
  p.roles = rules.roles(p.state, einsum, p.keep);
  // A loop goes one way for all recurrences below.
  for (SharedLoop &loop : p.state.loops) {
    int direction = rules.directionOf(einsum, loop.rank);
    if (direction && loop.direction && direction != loop.direction) {
      ++counts.illegal;
      return;
    }
    loop.direction = direction ? direction : loop.direction;
  }
  if (!rules.mayRead(p.state, einsum, p.roles)) {
    ++counts.illegal;
    return;
  }
  for (size_t inner = 0; inner < p.state.loops.size(); ++inner)
    for (size_t outer = 0; outer < inner; ++outer)
      if (!mayStandInside(*p.fact, p.state.loops[outer].rank,
                          p.state.loops[inner].rank)) {
        ++counts.ruledOut;
        return;
      }
  chooseEnds(p, 0, next);
}

/// A level of one instance that somebody who touches the tensor can reach.
bool CascadeJoin::isOnPath(int tensor, int level) const {
  const arch::Level &fact = arch.levels[level];
  if (level == 0 || fact.perArray >= 0 || !fact.dims.empty())
    return false;
  return llvm::any_of(rules.touchers(tensor), [&](int einsum) {
    return llvm::any_of(choices[einsum].nests, [&](const auto &nest) {
      return llvm::is_contained(nest->path, level);
    });
  });
}

bool CascadeJoin::mayLiveAt(int tensor, int level) const {
  return isOnPath(tensor, level) &&
         llvm::all_of(rules.touchers(tensor), [&](int einsum) {
           return constraints[einsum].mayKeep(level, {tensor, false});
         });
}

bool CascadeJoin::mustLiveAtBacking(int tensor) const {
  return facts.tensors[tensor].isOutput || rules.touchers(tensor).size() < 2 ||
         llvm::any_of(
             rules.touchers(tensor),
             [&](int einsum) {
               return constraints[einsum].mustKeep(0, {tensor, true});
             });
}

/// Joins the open holders of what it touches; each may be for others to come,
/// or for nobody else.
void CascadeJoin::chooseEnds(Placement &p, size_t at, Layer &next) {
  if (at == p.state.pending.size())
    return chooseHomes(p, 0, next);
  Pending &one = p.state.pending[at];
  int tensor = one.tensor;
  if (!one.isHolder() || !rules.touches(p.einsum, tensor))
    return chooseEnds(p, at + 1, next);
  bool isLast = !rules.hasLaterToucher(p.state, tensor, p.einsum);
  // With everybody inside it would be a home.
  bool isHome =
      isLast && one.hold == Hold::stored && !facts.tensors[tensor].isOutput;
  if (isHome || !rules.mayUse(p.state, one, p.einsum, p.keep) ||
      !constraints[p.einsum].mayKeep(one.level, {tensor, true})) {
    ++counts.illegal;
    return;
  }
  one.users.push_back(p.einsum);
  if (isLast || rules.mayHaveMoreUsers(p.state, one))
    chooseEnds(p, at + 1, next);
  if (!isLast && p.state.pending[at].depth > 0) {
    p.state.pending[at].ends = true;
    chooseEnds(p, at + 1, next);
    p.state.pending[at].ends = false;
  }
  p.state.pending[at].users.pop_back();
}

/// Whether the tile of a fused tensor where it lives is one that the user
/// allows there.
bool CascadeJoin::mayHoldHome(const Placement &p, size_t operand,
                              const Pending &home) const {
  const EinsumOnArray &nest = *p.fact;
  if (!nest.constraints->boundsTiles(home.level))
    return true;
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    int64_t tile = rank.extent;
    for (int d = 0; d < home.depth; ++d)
      if (p.state.loops[d].rank == rank.rank)
        tile = p.state.loops[d].tile;
    if (nest.constraints->isBounded(home.tensor, rank.rank) &&
        !nest.constraints->mayHoldTile(home.level, rank.rank, tile,
                                       rank.extent))
      return false;
  }
  return true;
}

/// Where tensors that are touched here for the first time live: all at the
/// backing level, or fused below any number of loops.
void CascadeJoin::chooseHomes(Placement &p, size_t at, Layer &next) {
  std::vector<int> fresh = rules.firstTouched(p.state, p.einsum);
  if (at == fresh.size()) {
    chooseHolders(p, 0, next);
    return;
  }
  int tensor = fresh[at];
  const TensorFact &fact = facts.tensors[tensor];
  bool mayBack = llvm::all_of(rules.touchers(tensor), [&](int einsum) {
    return constraints[einsum].mayLiveAtBacking(tensor);
  });
  bool mustBack = mustLiveAtBacking(tensor);
  Pending one;
  one.tensor = tensor;
  one.produced = fact.producer == p.einsum;
  auto chooseNext = [&](const Pending &pending) {
    p.state.pending.push_back(pending);
    chooseHomes(p, at + 1, next);
    p.state.pending.pop_back();
  };
  // With the loops up to `need` open until the tensor is dead, or, where it
  // goes round in them, until it has.
  auto chooseLoops = [&](Pending pending) {
    if (p.state.pipelined && pending.need > p.keep)
      return;
    chooseNext(pending);
    pending.whole = true;
    if (rules.mayEndEarly(tensor))
      chooseNext(pending);
  };
  if (mayBack || fact.isOutput) {
    // Members of a recurrence share the loop that carries it.
    if (!rules.goesRound(tensor))
      chooseNext(one);
    else
      for (one.need = 1; one.need <= static_cast<int>(limits.space.sharedLoops);
           ++one.need)
        chooseLoops(one);
    one.need = 0;
  }
  if (mustBack || !limits.space.fusion)
    return;
  for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
    if (!mayLiveAt(tensor, level))
      continue;
    for (int depth = 0; depth <= static_cast<int>(limits.space.sharedLoops);
         ++depth) {
      one.level = level;
      one.depth = one.need = depth;
      if (p.state.pipelined && depth > p.keep)
        break;
      p.homes.push_back({tensor, level, depth});
      chooseNext(one);
      // A running value: only its last steps are kept, if the loop that carries
      // it goes on until nobody needs it.
      if (fact.iterativeRank >= 0 && fact.hasInitialValue)
        for (one.need = depth + 1;
             one.need <= static_cast<int>(limits.space.sharedLoops); ++one.need)
          chooseLoops(one);
      p.homes.pop_back();
    }
  }
}

/// Whether the placed Einsum may begin a holder of the tensor that others will
/// use as well.
bool CascadeJoin::mayHaveHolder(const Placement &p, int tensor) const {
  const TensorFact &fact = facts.tensors[tensor];
  if (!rules.touches(p.einsum, tensor) || fact.iterativeRank >= 0 ||
      !rules.hasLaterToucher(p.state, tensor, p.einsum))
    return false;
  for (const Pending &one : p.state.pending)
    if (one.tensor == tensor && (one.level >= 0 || one.need > 0))
      return false;
  // What it makes is delivered if somebody else needs it: all of it?
  return fact.producer != p.einsum || fact.isOutput ||
         rules.isReadWhole(tensor);
}

/// Calls `fn(level, depth)` for each place.
template <typename Fn>
void CascadeJoin::forEachHolder(const Placement &p, int tensor, Fn fn) const {
  int most =
      p.state.pipelined ? p.keep : static_cast<int>(limits.space.sharedLoops);
  for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
    if (!isOnPath(tensor, level) ||
        !constraints[p.einsum].mayKeep(level, {tensor, true}))
      continue;
    // Not for everybody: it would be a home.
    bool isSome = facts.tensors[tensor].producer == p.einsum &&
                  !facts.tensors[tensor].isOutput;
    if (isSome && rules.touchers(tensor).size() == 2)
      continue;
    for (int depth = isSome; depth <= most; ++depth)
      if (rules.isFirstBelow(p.state, tensor, depth))
        fn(level, depth);
  }
}

/// Holders that begin here, of what lives at the backing level.
void CascadeJoin::chooseHolders(Placement &p, size_t at, Layer &next) {
  if (at == p.fact->operands.size()) {
    int need = p.keep;
    for (const Pending &one : p.state.pending)
      need = std::max(need, one.need);
    return openLoops(p, need, next);
  }
  chooseHolders(p, at + 1, next);
  int tensor = p.fact->operands[at].tensor;
  if (!limits.space.fusion || !limits.space.sharedHolders ||
      !mayHaveHolder(p, tensor))
    return;
  std::vector<Pending> before = p.state.pending;
  bool heldAroundAll = p.state.holdsAroundAll;
  if (!findPending(p.state, tensor))
    p.state.pending.emplace_back().tensor = tensor;
  Pending begun = *findPending(p.state, tensor);
  bool makes = facts.tensors[tensor].producer == p.einsum;
  begun.hold = makes ? Hold::stored : Hold::fetched;
  begun.users = {p.einsum};
  forEachHolder(p, tensor, [&](int level, int depth) {
    begun.level = level;
    begun.depth = begun.need = depth;
    if (!rules.mayUse(p.state, begun, p.einsum, p.keep))
      return;
    *findPending(p.state, tensor) = begun;
    p.state.holdsAroundAll = heldAroundAll || depth == 0;
    p.homes.push_back({tensor, level, depth, /*isHolder=*/true});
    chooseHolders(p, at + 1, next);
    p.homes.pop_back();
  });
  p.state.pending = std::move(before);
  p.state.holdsAroundAll = heldAroundAll;
}

/// New shared loops until there are `need`.
void CascadeJoin::openLoops(Placement &p, int need, Layer &next) {
  if (isStopped())
    return;
  int depth = p.state.loops.size();
  for (const Pending &one : p.state.pending)
    if (one.isHolder() && one.users.size() == 1 &&
        one.users.front() == p.einsum && !rules.mayHaveMoreUsers(p.state, one))
      return;
  if (depth == need) {
    bool isNewRun = depth > p.keep;
    for (const Pending &one : p.state.pending) {
      bool isLate = one.whole && !one.again &&
                    rules.isLastTouch(p.state, one.tensor, p.einsum);
      if (isLate || ((one.level >= 0 || one.need > 0) &&
                     !rules.mayLive(p.state, one, p.einsum, p.keep))) {
        ++counts.illegal;
        return;
      }
    }
    chooseSplit(p, isNewRun, next);
    return;
  }
  if (p.state.pipelined)
    return; // its stages are single Einsums
  const EinsumOnArray &nest = *p.fact;
  for (size_t r = 0; r < nest.ranks.size(); ++r) {
    const LocalRank &rank = nest.ranks[r];
    unsigned same = 0;
    int64_t around = rank.extent;
    for (const SharedLoop &loop : p.state.loops)
      if (loop.rank == rank.rank) {
        ++same;
        around = loop.tile;
      }
    if (same >= limits.space.sharedLoopsPerRank ||
        !rules.mayOpen(p.state, p.einsum, rank.rank, depth))
      continue;
    if (llvm::any_of(p.state.loops, [&](const SharedLoop &loop) {
          return !mayStandInside(nest, loop.rank, rank.rank);
        })) {
      ++counts.ruledOut;
      continue;
    }
    for (int64_t tile : rank.tiles) {
      if (tile >= around || (around % tile != 0 && around != rank.extent))
        continue;
      p.state.loops.push_back(
          {rank.rank, tile, rules.directionOf(p.einsum, rank.rank)});
      p.roles.push_back(Role::everyStep);
      openLoops(p, need, next);
      p.roles.pop_back();
      p.state.loops.pop_back();
    }
  }
}

/// A new run of Einsums becomes a sequence or a pipeline.
void CascadeJoin::chooseSplit(Placement &p, bool isNewRun, Layer &next) {
  bool wasPipelined = p.state.pipelined;
  int openedAt = p.state.openedAt;
  auto go = [&] {
    Placement stage = p;
    if (stage.state.pipelined && !enterPipeline(stage))
      return;
    stage.above.assign(stage.state.loops.size() + 1, Costs{});
    const EinsumOnArray &nest = *stage.fact;
    for (size_t o = 0; o < nest.operands.size(); ++o) {
      Pending *home = findPending(stage.state, nest.operands[o].tensor);
      if (!home || home->level < 0)
        continue;
      bool isHolder = home->isHolder();
      auto found = llvm::find(nest.path, home->level);
      bool isOff = found == nest.path.end();
      if (isOff && !isHolder) {
        stage.holdings[o] = stage.search->codeOffPath(home->level);
        continue;
      }
      int index = found - nest.path.begin();
      KeptTensor kept{home->tensor, isHolder};
      for (int i = isHolder; i < index; ++i)
        if (nest.constraints->mustKeep(nest.path[i], kept)) {
          ++counts.illegal;
          return;
        }
      if (!mayHoldHome(stage, o, *home)) {
        ++counts.illegal;
        return;
      }
      stage.holdings[o] = isOff      ? stage.search->codeOffPath(home->level)
                          : isHolder ? index
                                     : Holding::kOutside + index;
    }
    addFills(stage);
    stage.rest = restOf(stage.state, stage.einsum);
    chooseHolds(stage, 0, 0, next);
  };
  std::vector<StagePattern> patterns = p.state.patterns;
  if (isNewRun) {
    p.state.pipelined = false;
    p.state.openedAt = p.keep;
    p.state.patterns.clear();
  }
  go();
  if (isNewRun && limits.space.pipelines && axes.cycles >= 0 &&
      !arch.accounting.sequential) {
    p.state.pipelined = true;
    go();
  }
  p.state.pipelined = wasPipelined;
  p.state.openedAt = openedAt;
  p.state.patterns = std::move(patterns);
}

/// The lag of a new stage: behind what it reads, one more on another array.
bool CascadeJoin::enterPipeline(Placement &p) {
  int depth = p.state.loops.size(), array = p.fact->array;
  p.lag = 0;
  for (const Pending &one : p.state.pending)
    if (one.born >= depth && one.lag >= 0 &&
        rules.touches(p.einsum, one.tensor))
      p.lag = std::max(p.lag, one.lag + (one.array != array));
  if (p.lag > kMaxLag)
    return false;
  StagePattern pattern;
  for (int d = 0; d < depth; ++d) {
    pattern.firstStep |= (p.roles[d] == Role::firstStep) << d;
    pattern.lastStep |= (p.roles[d] == Role::lastStep) << d;
  }
  auto found = llvm::find(p.state.patterns, pattern);
  p.pattern = static_cast<int>(found - p.state.patterns.begin());
  if (found == p.state.patterns.end())
    p.state.patterns.push_back(pattern);
  for (Pending &one : p.state.pending) {
    if (!rules.touches(p.einsum, one.tensor))
      continue;
    if (one.firstLag < 0)
      one.firstLag = one.lastLag = p.lag;
    one.firstLag = std::min(one.firstLag, p.lag);
    one.lastLag = std::max(one.lastLag, p.lag);
    if (facts.tensors[one.tensor].producer == p.einsum) {
      one.lag = p.lag;
      one.array = array;
    }
  }
  // Members of one recurrence work on the same iteration.
  for (const Pending &one : p.state.pending)
    if (facts.tensors[one.tensor].iterativeRank >= 0 && one.firstLag >= 0 &&
        rules.recurrence(p.einsum) ==
            rules.recurrence(facts.tensors[one.tensor].producer) &&
        rules.touches(p.einsum, one.tensor) && one.firstLag != one.lastLag)
      return false;
  return true;
}

/// Operands held between the shared loops.
void CascadeJoin::chooseHolds(Placement &p, int depth, size_t operand,
                              Layer &next) {
  const EinsumOnArray &nest = *p.fact;
  int last = p.state.loops.size();
  if (depth == last)
    return addNests(p, next);
  if (operand == nest.operands.size())
    return chooseHolds(p, depth + 1, 0, next);
  chooseHolds(p, depth, operand + 1, next);
  const Operand &fact = nest.operands[operand];
  uint8_t from = p.holdings[operand];
  if (from >= Holding::kOffPath ||
      !rules.mayHoldAbove(p.state, fact.tensor, depth, p.keep))
    return;
  if (const Pending *home = findPending(p.state, fact.tensor);
      home && home->level >= 0 && home->depth > depth)
    return;
  for (int i = from % Holding::kOutside + 1;
       i < static_cast<int>(nest.path.size()) && nest.stages[i] == 0; ++i) {
    Costs before = p.above[depth];
    if (auto held = p.search->hold(p.above[depth], operand, from, i,
                                   tileAt(p, depth))) {
      p.holds.push_back({static_cast<int>(operand), nest.path[i], depth});
      p.holdings[operand] = *held;
      // Further in at the same place, or go on.
      chooseHolds(p, depth, operand, next);
      p.holdings[operand] = from;
      p.holds.pop_back();
    }
    p.above[depth] = before;
  }
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// Where each operand is latched if the nest has no loop that it uses: below
/// the last shared loop that it uses, or where it is held.
LatchTiles CascadeJoin::latchTiles(const Placement &p) const {
  const EinsumOnArray &nest = *p.fact;
  LatchTiles tiles{};
  for (size_t o = 0; o < nest.operands.size(); ++o) {
    int depth = 0;
    for (const Pending &one : p.state.pending)
      if (one.tensor == nest.operands[o].tensor && one.level >= 0)
        depth = one.depth;
    for (const SharedHold &hold : p.holds)
      if (hold.operand == static_cast<int>(o))
        depth = std::max(depth, hold.depth);
    for (size_t d = 0; d < p.state.loops.size(); ++d) {
      int rank = nest.findRank(p.state.loops[d].rank);
      if (rank >= 0 && (nest.operands[o].atLeaf >> rank & 1))
        depth = std::max<int>(depth, d + 1);
    }
    tiles[o] = tileAt(p, depth);
  }
  return tiles;
}

/// Loops that Einsums share keep to the orders of all levels.
bool CascadeJoin::mayStandInside(const EinsumOnArray &nest, int outer,
                                 int inner) const {
  return outer == inner || llvm::all_of(nest.path, [&](int level) {
           return nest.constraints->mayStandInside(level, outer, inner);
         });
}

/// What stands above the nest is known for sure of an Einsum that is alone.
LoopOrder CascadeJoin::orderOf(const Placement &p) const {
  LoopOrder order;
  const EinsumOnArray &nest = *p.fact;
  if (!nest.constraints->ordersLoops() || facts.einsums.size() == 1 ||
      !limits.space.fusion)
    return order;
  order.within = LoopOrder::kAny;
  for (const SharedLoop &loop : p.state.loops)
    for (size_t r = 0; r < nest.ranks.size(); ++r)
      if (!mayStandInside(nest, loop.rank, nest.ranks[r].rank))
        order.barred |= 1u << r;
  return order;
}

/// Those that matter. Of an Einsum by itself only what fits, and how long it
/// takes as a whole: nothing waits for one of its ports alone.
std::vector<const NestEntry *>
CascadeJoin::chooseNests(const Placement &p,
                         llvm::ArrayRef<NestEntry> nests) const {
  struct Chosen {
    std::array<double, 5> costs{};
    const NestEntry *nest;
  };
  bool isAlone = p.state.loops.empty() && limits.dominance &&
                 !movesWithOthers(p.state, p.einsum);
  double startUp = p.fact->startUpCycles * visitsOf(p);
  std::vector<Chosen> chosen;
  for (const NestEntry &nest : nests) {
    Chosen one{{}, &nest};
    auto at = [&](int axis) { return axis < 0 ? 0 : nest.costs[axis]; };
    double cycles = axes.cycles < 0 ? 0 : at(axes.cycles) + startUp;
    for (size_t r = 0; r < axes.resources.size(); ++r)
      cycles = std::max(cycles, nest.costs[axes.resource + r]);
    one.costs = {at(axes.energy), cycles, at(axes.traffic),
                 nest.costs[axes.count],
                 axes.measured < 0 ? 0 : at(axes.held + axes.measured)};
    bool isTooLarge = false;
    for (size_t l = 0; l < axes.levels.size() && isAlone; ++l)
      isTooLarge |= !fits(liveBytes(p.state, 0, axes.levels[l]) +
                              nest.costs[axes.held + l],
                          static_cast<int>(l));
    if (!isTooLarge)
      chosen.push_back(one);
  }
  if (isAlone)
    keepPareto(chosen, 5);
  std::vector<const NestEntry *> all;
  for (const Chosen &one : chosen)
    all.push_back(one.nest);
  return all;
}

void CascadeJoin::addNests(Placement &p, Layer &next) {
  int depth = p.state.loops.size();
  std::vector<const NestEntry *> nests =
      chooseNests(p, p.search->complete(tileAt(p, depth), p.holdings,
                                        latchTiles(p), orderOf(p)));
  if (nests.empty())
    return;
  JoinLayout before = layoutOf(p.from->state), open = layoutOf(p.state);
  std::vector<JoinEntry> entries;
  for (const JoinEntry &old : p.from->entries) {
    if (isStopped())
      return;
    for (const NestEntry *nest : nests) {
      JoinEntry entry = extend(p, old, *nest, before, open);
      if (entry.costs.empty())
        continue;
      entries.push_back(std::move(entry));
    }
  }
  if (entries.empty())
    return;
  counts.entries += entries.size();
  JoinState state = p.state;
  rules.recordTouches(state, p.einsum, p.roles, p.holds, *p.fact);
  llvm::erase_if(state.drains, [&](const Drain &drain) {
    return drain.depth <= p.keep && drain.array != p.fact->array &&
           rules.reads(p.einsum, drain.einsum);
  });
  uint64_t drained = 0;
  if (axes.cycles >= 0 && arch.arrays.size() > 1 && !arch.accounting.freeSums)
    drained = 1;
  // What drains depends on how ranks are dealt: apart by steps.
  std::map<uint64_t, std::vector<JoinEntry>> bySteps;
  for (JoinEntry &entry : entries) {
    uint64_t sums = 0;
    if (drained)
      for (const NestStep *node = entry.plan->nest; node; node = node->next)
        if (node->kind == NestStep::Kind::deal)
          for (const Deal &deal : *node->deals)
            if (p.fact->fans[deal.fan].stage == node->stage &&
                facts.einsums[p.einsum].reduces(p.fact->ranks[deal.rank].rank))
              sums += deal.units;
    bySteps[sums].push_back(std::move(entry));
  }
  for (auto &[sums, some] : bySteps) {
    JoinState closed = state;
    if (sums && rules.hasLaterReader(closed, p.einsum))
      closed.drains.push_back({p.einsum, p.fact->array,
                               static_cast<int>(closed.loops.size()) + 1,
                               sums});
    std::vector<JoinState> ways = rules.releases(closed, p.einsum);
    for (JoinState &way : ways) {
      bool isLast = &way == &ways.back();
      std::vector<JoinEntry> mine = isLast ? std::move(some) : some;
      close(way, mine, p.einsum);
      addTo(next, way, std::move(mine));
    }
  }
  bool tooMany =
      (limits.mostStates && next.size() > 4 * limits.mostStates) ||
      (limits.mostPlans && counts.entries - lastPruned > limits.mostPlans);
  if (tooMany)
    prune(next);
}

void CascadeJoin::addTo(Layer &layer, const JoinState &state,
                        std::vector<JoinEntry> entries) {
  auto [found, isNew] = layer.try_emplace(state.key());
  if (isNew)
    found->second.state = state;
  std::vector<JoinEntry> &all = found->second.entries;
  all.insert(all.end(), std::make_move_iterator(entries.begin()),
             std::make_move_iterator(entries.end()));
}

/// Empty costs if it does not fit.
JoinEntry CascadeJoin::extend(const Placement &p, const JoinEntry &old,
                              const NestEntry &nest, const JoinLayout &before,
                              const JoinLayout &open) {
  JoinEntry entry;
  std::vector<double> &costs = entry.costs;
  costs.assign(open.size(), 0);
  std::copy(old.costs.begin(),
            old.costs.begin() + before.time(before.depth + 1), costs.begin());
  if (before.pipelined) {
    std::copy(old.costs.begin() + before.busy(0, 0, 0),
              old.costs.begin() + before.startUp(),
              costs.begin() + open.busy(0, 0, 0));
    costs[open.startUp()] = old.costs[before.startUp()];
  }
  const EinsumOnArray &fact = *p.fact;
  int last = open.depth;
  auto add = [&](const Costs &some, int depth) {
    if (axes.energy >= 0)
      costs[open.energy()] += some[axes.energy];
    if (axes.traffic >= 0)
      costs[open.traffic()] += some[axes.traffic];
    for (int r = 0; r < open.resources; ++r)
      costs[open.moved(depth) + r] += some[axes.resource + r];
  };
  // Holders for several Einsums move within what is around them; those of one,
  // above the next shared loop, within its child.
  for (int d = 0; d <= last; ++d)
    add(p.filled[d], d);
  for (int d = 0; d < last; ++d) {
    add(p.above[d], d + 1);
    for (int l = 0; l < open.levels; ++l)
      costs[open.around(d) + l] += p.above[d][axes.held + l];
  }
  add(nest.costs, last);
  if (axes.cycles >= 0) {
    double cycles = nest.costs[axes.cycles];
    if (open.pipelined) {
      costs[open.busy(p.pattern, fact.array, p.lag)] += cycles;
      // A stage that has no point never starts.
      if (visitsOf(p) > 0)
        costs[open.startUp()] =
            std::max(costs[open.startUp()], fact.startUpCycles);
    } else {
      cycles += fact.startUpCycles * visitsOf(p);
      for (int r = 0; r < open.resources; ++r)
        cycles = std::max(cycles, nest.costs[axes.resource + r]);
      costs[open.time(last)] += cycles;
    }
    // Sums of the child before drain first.
    for (const Drain &drain : p.from->state.drains)
      if (!isCut && drain.depth <= p.keep && drain.array != fact.array &&
          rules.reads(p.einsum, drain.einsum))
        costs[open.time(drain.depth)] +=
            static_cast<double>(drain.steps) *
            steps(p.state, drain.depth, guards(p, drain.einsum));
  }
  for (int l = 0; l < open.levels; ++l) {
    double held = nest.costs[axes.held + l];
    double live = liveBytes(p.state, last, axes.levels[l]);
    double &largest = costs[open.largest(last) + l];
    if (open.pipelined) {
      largest += held;
    } else {
      largest = std::max(largest, live + held);
    }
    double total = largest;
    if (open.pipelined)
      total += live + costs[open.around(last) + l];
    // Above, what is live in the children around.
    for (int d = last - 1; d >= 0; --d) {
      double around = costs[open.around(d) + l];
      for (const Pending &one : p.state.pending)
        if (one.level == axes.levels[l] && one.depth == d)
          around += static_cast<double>(homeBytes(p.state, one));
      total += around;
    }
    if (!fits(total, l)) {
      ++counts.overCapacity;
      return {};
    }
  }
  if (isHopeless(p, costs, open)) {
    ++counts.overBound;
    return {};
  }
  auto step = std::make_shared<PlanStep>();
  step->einsum = p.einsum;
  step->fact = p.fact;
  step->search = p.search;
  step->loops = p.state.loops;
  step->homes = p.homes;
  step->holds = p.holds;
  step->nest = &nest.step;
  step->order = orderOf(p);
  step->keep = p.keep;
  step->pipelineDepth = p.state.pipelined ? last : -1;
  step->lag = p.lag;
  step->previous = old.plan;
  entry.plan = std::move(step);
  return entry;
}

/// What the open loops take at least: their own time, or that of what they move
/// (closeLoop). What is `later` may be in the innermost of them, beside moves.
double CascadeJoin::leastTime(const std::vector<double> &costs,
                              const JoinLayout &open, double later) const {
  double cycles = later + (open.pipelined ? busiestArray(costs, open) : 0);
  llvm::SmallVector<double, 8> moved(open.resources, 0);
  for (int d = open.depth; d >= 0; --d) {
    cycles += costs[open.time(d)];
    for (int r = 0; r < open.resources; ++r) {
      moved[r] += costs[open.moved(d) + r];
      cycles = std::max(cycles, moved[r]);
    }
  }
  return cycles;
}

/// Inputs of several readers, and what it takes to fetch them once.
void CascadeJoin::listFetches() {
  std::vector<double> bytes(facts.tensors.size(), INFINITY);
  for (const EinsumChoices &choice : choices)
    for (const EinsumChoices::Fetch &fetch : choice.fetches) {
      const EinsumOnArray &nest = *choice.nests.front();
      bytes[fetch.tensor] =
          std::min(bytes[fetch.tensor],
                   static_cast<double>(choice.searches.front()->heldBytes(
                       nest.findOperand(fetch.tensor), 0, /*tile=*/0)));
    }
  const arch::Level &backing = arch.levels[0];
  for (int t = 0; t < static_cast<int>(bytes.size()); ++t)
    if (std::isfinite(bytes[t]))
      fetchedOnce.push_back({t,
                             axes.energy < 0
                                 ? 0
                                 : bytes[t] * backing.readPj /
                                       static_cast<double>(backing.accessBytes),
                             axes.trafficLevel == 0 ? bytes[t] : 0});
}

/// Each Einsum alone, and what several of them read: once for all, or by one
/// of them.
CascadeJoin::Rest CascadeJoin::restOf(const JoinState &state,
                                      int einsum) const {
  Rest rest;
  auto remains = [&](int e) { return e != einsum && !state.isDone(e); };
  for (size_t e = 0; e < choices.size(); ++e)
    if (remains(static_cast<int>(e))) {
      rest.energy += choices[e].leastEnergy;
      rest.traffic += choices[e].leastTraffic;
      rest.cycles += choices[e].leastCycles;
    }
  for (EinsumChoices::Fetch fetch : fetchedOnce) {
    bool isHeld = llvm::any_of(state.pending, [&](const Pending &one) {
      return one.tensor == fetch.tensor && one.isHolder();
    });
    bool isRead = false;
    for (int e : rules.touchers(fetch.tensor)) {
      if (isHeld || !remains(e))
        continue;
      isRead = true;
      for (const EinsumChoices::Fetch &own : choices[e].fetches)
        if (own.tensor == fetch.tensor) {
          fetch.energy = std::min(fetch.energy, own.energy);
          fetch.traffic = std::min(fetch.traffic, own.traffic);
        }
    }
    rest.energy += isRead ? fetch.energy : 0;
    rest.traffic += isRead ? fetch.traffic : 0;
  }
  return rest;
}

/// What a plan costs at least: what remains, no less than its Einsums alone.
template <typename Fn>
auto CascadeJoin::boundPlan(const Rest &rest, const std::vector<double> &costs,
                            const JoinLayout &open, const Fn &fn) const {
  // Stages of a pipeline may run beside one another.
  double cycles = leastTime(costs, open, limits.overlaps ? 0 : rest.cycles);
  return fn(costs[open.energy()] + rest.energy, cycles,
            costs[open.traffic()] + rest.traffic);
}

bool CascadeJoin::isHopeless(const Placement &p,
                             const std::vector<double> &costs,
                             const JoinLayout &open) const {
  return limits.isHopeless && boundPlan(p.rest, costs, open, limits.isHopeless);
}

double CascadeJoin::scoreOf(const JoinState &state, const Rest &rest,
                            const JoinEntry &entry) const {
  return boundPlan(rest, entry.costs, layoutOf(state), limits.score);
}

/// What would have come of these plans is not known.
void CascadeJoin::leaveOut(const Bucket &bucket) {
  complete = false;
  Rest rest = restOf(bucket.state, -1);
  for (const JoinEntry &entry : bucket.entries)
    leastLeft = std::min(leastLeft, scoreOf(bucket.state, rest, entry));
}

/// Leaves the plans of best score.
void CascadeJoin::thin(Bucket &bucket) {
  std::vector<std::pair<double, size_t>> ranked;
  Rest rest = restOf(bucket.state, -1);
  for (size_t i = 0; i < bucket.entries.size(); ++i)
    ranked.push_back({scoreOf(bucket.state, rest, bucket.entries[i]), i});
  std::sort(ranked.begin(), ranked.end());
  leastLeft = std::min(leastLeft, ranked[limits.beam].first);
  std::vector<JoinEntry> kept;
  for (size_t i = 0; i < limits.beam; ++i)
    kept.push_back(std::move(bucket.entries[ranked[i].second]));
  bucket.entries = std::move(kept);
}

/// Leaves the Pareto set of each state, and the most promising states if there
/// are too many.
void CascadeJoin::prune(Layer &layer) {
  for (auto &[key, bucket] : layer) {
    std::vector<JoinEntry> &entries = bucket.entries;
    if (limits.dominance)
      counts.dominated += keepPareto(entries, layoutOf(bucket.state).size(),
                                     [this] { return isStopped(); });
    if (limits.beam && entries.size() > limits.beam) {
      thin(bucket);
      complete = false;
    }
  }
  trim(layer);
  lastPruned = counts.entries;
}

void CascadeJoin::trim(Layer &layer) {
  size_t plans = 0;
  for (const auto &[key, bucket] : layer)
    plans += bucket.entries.size();
  bool tooMany = limits.mostStates && layer.size() > limits.mostStates;
  if (!tooMany && (limits.mostPlans == 0 || plans <= limits.mostPlans))
    return;
  complete = false;
  std::vector<std::pair<double, Layer::iterator>> ranked;
  for (auto it = layer.begin(); it != layer.end(); ++it) {
    double best = INFINITY;
    Rest rest = restOf(it->second.state, -1);
    for (const JoinEntry &entry : it->second.entries)
      best = std::min(best, scoreOf(it->second.state, rest, entry));
    ranked.push_back({best, it});
  }
  // Equal ones by their keys.
  std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first < b.first
                              : a.second->first < b.second->first;
  });
  // What holds nothing for others can always go on: the best of these stays.
  auto plain = llvm::find_if(ranked, [](const auto &one) {
    return llvm::all_of(
        one.second->second.state.pending,
        [](const Pending &pending) { return pending.level < 0; });
  });
  plans = 0;
  for (size_t i = 0; i < ranked.size(); ++i) {
    plans += ranked[i].second->second.entries.size();
    bool isPlain = plain != ranked.end() && plain->second == ranked[i].second;
    // Half, so that this is rare.
    if (i > 0 && !isPlain &&
        ((limits.mostStates && i >= limits.mostStates / 2 + 1) ||
         (limits.mostPlans && plans > limits.mostPlans / 2))) {
      leastLeft = std::min(leastLeft, ranked[i].first);
      layer.erase(ranked[i].second);
    }
  }
}

/// Of a pipeline, all in all.
double CascadeJoin::busiestArray(const std::vector<double> &costs,
                                 const JoinLayout &open) const {
  double busiest = 0;
  for (int array = 0; array < open.arrays; ++array) {
    double busy = 0;
    for (int pattern = 0; pattern < open.patterns; ++pattern)
      for (int lag = 0; lag <= kMaxLag; ++lag)
        busy += costs[open.busy(pattern, array, lag)];
    busiest = std::max(busiest, busy);
  }
  return busiest;
}

/// Whether all steps of all open loops are alike.
bool CascadeJoin::isEven(const JoinState &state) const {
  for (size_t d = 0; d < state.loops.size(); ++d)
    if (facts.ranks[state.loops[d].rank].extent % state.loops[d].tile != 0)
      return false; // inner tiles divide
  return !isCut;
}

/// Stages that run at the same time or not at all, and what is known of them.
struct CascadeJoin::PipelineStages {
  struct Stage {
    StagePattern pattern;
    int array = 0, lag = 0;
    double cycles = 0; ///< of an iteration
  };
  std::vector<Stage> stages;
  std::vector<uint64_t> steps; ///< per loop
  int longest = 0;

  StageSet all() const { return (StageSet{1} << stages.size()) - 1; }
  /// Those that do not run in other steps of the loop than the first, the last.
  StageSet runningIn(bool isFirst, bool isLast, size_t loop) const {
    StageSet set = 0;
    for (auto [i, stage] : llvm::enumerate(stages))
      if ((isFirst || !(stage.pattern.firstStep >> loop & 1)) &&
          (isLast || !(stage.pattern.lastStep >> loop & 1)))
        set |= StageSet{1} << i;
    return set;
  }
  /// Calls `fn(times, set)` for the first, the inner and the last steps.
  template <typename Fn> void forEachStep(size_t loop, Fn fn) const {
    if (steps[loop] == 1)
      return fn(1, runningIn(true, true, loop));
    fn(1, runningIn(true, false, loop));
    if (steps[loop] > 2)
      fn(steps[loop] - 2, runningIn(false, false, loop));
    fn(1, runningIn(false, true, loop));
  }
  Iterations iterations(size_t loop, StageSet active) const {
    Iterations result;
    result.active = active;
    if (loop == steps.size())
      return result;
    forEachStep(loop, [&](uint64_t times, StageSet set) {
      Iterations &some = result.parts.emplace_back();
      some.times = times;
      some.parts = {iterations(loop + 1, active & set)};
    });
    return result;
  }
  double slots(size_t loop, StageSet active, int arrays) const {
    double cycles = 0;
    for (const SlotWindow &window :
         countWindows(iterations(loop, active), all(), longest).windows) {
      double busiest = 0;
      for (int array = 0; array < arrays; ++array) {
        double busy = 0;
        for (auto [i, stage] : llvm::enumerate(stages))
          if (stage.array == array && (window.active[stage.lag] >> i & 1))
            busy += stage.cycles;
        busiest = std::max(busiest, busy);
      }
      cycles += busiest * static_cast<double>(window.count);
    }
    return cycles;
  }
};

/// Cycles of all visits of a pipeline: the slots of PipelineSlots.h if all
/// iterations are alike; else no less than the busiest array needs.
double CascadeJoin::pipelineCycles(const JoinState &state,
                                   const std::vector<double> &costs,
                                   const JoinLayout &open) const {
  double least = busiestArray(costs, open);
  if (!isEven(state))
    return least;
  PipelineStages pipeline;
  for (int d = 0; d < open.depth; ++d)
    pipeline.steps.push_back(
        static_cast<uint64_t>(steps(state, d + 1) / steps(state, d)));
  for (int pattern = 0; pattern < open.patterns; ++pattern)
    for (int array = 0; array < open.arrays; ++array)
      for (int lag = 0; lag <= kMaxLag; ++lag) {
        double busy = costs[open.busy(pattern, array, lag)];
        if (busy == 0)
          continue;
        const StagePattern &when = state.patterns[pattern];
        for (int d = 0; d < open.depth; ++d)
          if (!((when.firstStep | when.lastStep) >> d & 1))
            busy /= static_cast<double>(pipeline.steps[d]);
        pipeline.stages.push_back({when, array, lag, busy});
        pipeline.longest = std::max(pipeline.longest, lag);
      }
  if (pipeline.stages.size() >= maxStages)
    return least;
  // Each visit of the loops around fills and drains anew.
  double total = 0;
  auto visit = [&](auto &self, int loop, StageSet active,
                   double times) -> void {
    if (active == 0)
      return;
    if (loop == state.openedAt) {
      total += times * (pipeline.slots(loop, active, open.arrays) +
                        costs[open.startUp()]);
      return;
    }
    pipeline.forEachStep(loop, [&](uint64_t some, StageSet set) {
      self(self, loop + 1, active & set, times * static_cast<double>(some));
    });
  };
  visit(visit, 0, pipeline.all(), 1);
  return total;
}

/// Ends the innermost loop: its child of the sequence around is done.
void CascadeJoin::closeLoop(const JoinState &state, std::vector<double> &costs,
                            const JoinLayout &open) const {
  int d = open.depth;
  double time =
      open.pipelined ? pipelineCycles(state, costs, open) : costs[open.time(d)];
  for (int r = 0; r < open.resources; ++r) {
    time = std::max(time, costs[open.moved(d) + r]);
    costs[open.moved(d - 1) + r] += costs[open.moved(d) + r];
  }
  costs[open.time(d - 1)] += time;
  for (int l = 0; l < open.levels; ++l) {
    double below = costs[open.largest(d) + l];
    if (open.pipelined)
      below += costs[open.around(d) + l];
    double &largest = costs[open.largest(d - 1) + l];
    largest = std::max(largest, below + costs[open.around(d - 1) + l]);
    costs[open.around(d - 1) + l] = 0;
  }
}

void CascadeJoin::listAroundAll() {
  if (!limits.space.fusion || !limits.space.sharedHolders)
    return;
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    const TensorFact &fact = facts.tensors[t];
    // What is made and read only would be a home.
    if (rules.touchers(t).size() > 1 && fact.iterativeRank < 0 &&
        (fact.isInput || fact.isOutput))
      aroundAll.push_back(t);
  }
}

/// Whether what children of the root move matters not to them alone: there are
/// holders around all that move beside them, or may be, of what nobody has
/// touched until `einsum`.
bool CascadeJoin::movesWithOthers(const JoinState &state, int einsum) const {
  return state.holdsAroundAll || llvm::any_of(aroundAll, [&](int tensor) {
           return llvm::none_of(rules.touchers(tensor), [&](int other) {
             return other == einsum || state.isDone(other);
           });
         });
}

/// Children of the root have waited for what they moved, and have fitted: how
/// much that was matters to nobody.
void CascadeJoin::forgetAtRoot(std::vector<double> &costs,
                               const JoinLayout &open,
                               bool movesWithOthers) const {
  for (int r = 0; r < open.resources && !movesWithOthers; ++r)
    costs[open.moved(0) + r] = 0;
  for (int l = 0; l < open.levels; ++l)
    if (l != axes.measured)
      costs[open.largest(0) + l] = 0;
}

void CascadeJoin::close(JoinState &state, std::vector<JoinEntry> &entries,
                        int einsum) {
  // What lives where until now, also if this Einsum was the last to touch it.
  struct Living {
    int tensor, depth, axis;
    double bytes;
  };
  std::vector<Living> living;
  for (const Pending &one : state.pending)
    if (int axis = one.level < 0 ? -1 : axes.heldAt(one.level); axis >= 0)
      living.push_back({one.tensor, one.depth, axis - axes.held,
                        static_cast<double>(homeBytes(state, one))});
  state.done[einsum / 64] |= uint64_t(1) << einsum % 64;
  rules.dropDead(state, einsum);
  rules.endHolders(state);
  auto isDead = [&](const Living &one) {
    const Pending *still = findPending(state, one.tensor);
    return !still || still->level < 0;
  };
  auto addAround = [&](const JoinLayout &open, int depth, auto which) {
    for (const Living &one : living)
      if (one.depth == depth && which(one))
        for (JoinEntry &entry : entries)
          entry.costs[open.around(depth) + one.axis] += one.bytes;
  };
  auto always = [](const Living &) { return true; };
  int need = 0;
  for (const Pending &one : state.pending)
    need = std::max(need, one.need);
  while (static_cast<int>(state.loops.size()) > need) {
    JoinLayout open = layoutOf(state), closed = open;
    closed.depth--;
    closed.pipelined = false;
    if (open.pipelined)
      addAround(open, open.depth, always);
    addAround(open, open.depth - 1, always);
    for (JoinEntry &entry : entries) {
      closeLoop(state, entry.costs, open);
      entry.costs.resize(closed.size());
    }
    state.pipelined = false;
    state.patterns.clear();
    state.loops.pop_back();
    // Beside this child only what is still needed takes space.
    llvm::erase_if(living, [&](const Living &one) {
      return one.depth > closed.depth ||
             (one.depth == closed.depth && isDead(one));
    });
  }
  // Around an open child, and in a pipeline, it stays until the end.
  JoinLayout open = layoutOf(state);
  bool moves = movesWithOthers(state, einsum);
  for (JoinEntry &entry : entries)
    forgetAtRoot(entry.costs, open, moves);
  for (int d = 0; d < open.depth + open.pipelined; ++d)
    addAround(open, d, isDead);
  if (!state.pipelined)
    state.openedAt = 0;
  rules.truncate(state, need);
}

JoinResult CascadeJoin::run() {
  Layer layer;
  JoinState start;
  start.done.assign((facts.einsums.size() + 63) / 64, 0);
  JoinEntry nothing;
  nothing.costs.assign(layoutOf(start).size(), 0);
  layer[start.key()] = {start, {nothing}};
  JoinResult result;
  for (size_t i = 0; i < facts.einsums.size(); ++i) {
    Layer next;
    for (auto &[key, bucket] : layer)
      for (int einsum : listReady(bucket.state))
        if (!isStopped())
          place(bucket, einsum, next);
    bool isLast = i + 1 == facts.einsums.size();
    if (isStopped()) {
      for (auto &[key, bucket] : layer)
        leaveOut(bucket);
      if (!isLast)
        next.clear();
    }
    prune(next);
    counts.states += next.size();
    layer = std::move(next);
  }
  result.complete = complete;
  result.leastLeft = leastLeft;
  for (auto &[key, bucket] : layer) {
    result.layout = layoutOf(bucket.state);
    for (JoinEntry &entry : bucket.entries) {
      // Whatever overlaps, all has to pass.
      entry.costs[result.layout.time(0)] =
          leastTime(entry.costs, result.layout);
      result.plans.push_back(std::move(entry));
    }
  }
  result.counts = counts;
  return result;
}

JoinCounts &JoinCounts::operator+=(const JoinCounts &other) {
  states += other.states;
  entries += other.entries;
  dominated += other.dominated;
  overCapacity += other.overCapacity;
  overBound += other.overBound;
  illegal += other.illegal;
  ruledOut += other.ruledOut;
  return *this;
}

JoinResult
mapper::joinCascade(const CascadeFacts &facts, const arch::ArchSpec &arch,
                    const Axes &axes, std::vector<EinsumChoices> &choices,
                    const std::vector<EinsumConstraints> &constraints,
                    const JoinLimits &limits) {
  return CascadeJoin(facts, arch, axes, choices, constraints, limits).run();
}
