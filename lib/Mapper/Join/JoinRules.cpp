//===- JoinRules.cpp - Which neighbours may share what --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/JoinRules.h"

#include "lib/Mapper/Join/PointOrder.h"

#include "llvm/ADT/STLExtras.h"

#include <climits>

using namespace einsum;
using namespace einsum::mapper;

JoinRules::JoinRules(const CascadeFacts &facts)
    : facts(facts), recurrences(facts) {
  int count = static_cast<int>(facts.einsums.size());
  for (int e = 0; e < count; ++e) {
    const EinsumFact &fact = facts.einsums[e];
    if (llvm::any_of(fact.ranks,
                     [&](int rank) { return directionOf(e, rank) < 0; }))
      descending.push_back(e);
    if (!fact.domain.empty())
      filtered.push_back(e);
  }
}

bool JoinRules::touches(int einsum, int tensor) const {
  auto isIt = [&](const AccessFact &access) { return access.tensor == tensor; };
  return llvm::any_of(facts.einsums[einsum].reads, isIt) ||
         llvm::any_of(facts.einsums[einsum].writes, isIt);
}

bool JoinRules::reads(int einsum, int producer) const {
  return llvm::any_of(
      facts.einsums[einsum].reads, [&](const AccessFact &access) {
        return facts.tensors[access.tensor].producer == producer;
      });
}

const AccessFact &JoinRules::write(int tensor) const {
  for (const AccessFact &access :
       facts.einsums[facts.tensors[tensor].producer].writes)
    if (access.tensor == tensor)
      return access;
  llvm_unreachable("a tensor is written by its producer");
}

std::vector<int> JoinRules::firstTouched(const JoinState &state,
                                         int einsum) const {
  std::vector<int> tensors;
  auto add = [&](const AccessFact &access) {
    int t = access.tensor;
    if (facts.tensors[t].producer >= 0 && touchers(t).size() >= 2 &&
        llvm::none_of(touchers(t),
                      [&](int other) { return state.isDone(other); }))
      tensors.push_back(t);
  };
  llvm::for_each(facts.einsums[einsum].reads, add);
  llvm::for_each(facts.einsums[einsum].writes, add);
  llvm::sort(tensors);
  tensors.erase(std::unique(tensors.begin(), tensors.end()), tensors.end());
  return tensors;
}

//===----------------------------------------------------------------------===//
// Directions
//===----------------------------------------------------------------------===//

/// Who reads what another recurrence has made goes either way; to take part in
/// it is another matter.
int JoinRules::directionOf(int einsum, int rank) const {
  for (const AccessFact &read : facts.einsums[einsum].reads) {
    const TensorFact &tensor = facts.tensors[read.tensor];
    if (!tensor.hasInitialValue || tensor.iterativeRank != rank ||
        recurrence(tensor.producer) != recurrence(einsum))
      continue;
    if (int64_t step = stepOf(tensor, read, rank))
      return step < 0 ? 1 : -1;
  }
  return 0;
}

bool JoinRules::mayTurn(const JoinState &state, int einsum, int rank) const {
  return llvm::any_of(descending, [&](int other) {
    return other != einsum && !state.isDone(other) &&
           directionOf(other, rank) < 0;
  });
}

bool JoinRules::turnLoops(JoinState &state, int einsum) const {
  auto turn = [](SharedLoop &loop, int direction) {
    if (loop.direction == 0)
      loop.direction = direction;
    loop.owed &= direction > 0;
    return loop.direction == direction;
  };
  for (auto [d, loop] : llvm::enumerate(state.loops)) {
    int own = directionOf(einsum, loop.rank);
    if (own && !turn(loop, own))
      return false;
    // A step of a recurrence that is made below and not reached yet.
    for (const AccessFact &read : facts.einsums[einsum].reads) {
      const TensorFact &tensor = facts.tensors[read.tensor];
      bool isBelow =
          llvm::any_of(state.pending, [&, d = d](const Pending &one) {
            return one.tensor == read.tensor && one.produced &&
                   one.born > static_cast<int>(d);
          });
      if (tensor.hasInitialValue && isBelow &&
          stepOf(tensor, read, loop.rank) > 0 && !turn(loop, -1))
        return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Role roleOf(const Pending &one, int loop) {
  if (one.lastStep >> loop & 1)
    return Role::lastStep;
  return one.firstStep >> loop & 1 ? Role::firstStep : Role::everyStep;
}

std::vector<Role> JoinRules::roles(const JoinState &state, int einsum,
                                   int depth) const {
  std::vector<Role> roles;
  const EinsumFact &fact = facts.einsums[einsum];
  for (int d = 0; d < depth; ++d) {
    // What lacks the rank of a window loop follows it.
    if (fact.iterates(state.loops[d].rank) ||
        state.loops[d].halo != Halo::none) {
      roles.push_back(Role::everyStep);
      continue;
    }
    bool waits = llvm::any_of(state.pending, [&](const Pending &one) {
      bool reads = llvm::any_of(fact.reads, [&](const AccessFact &access) {
        return access.tensor == one.tensor;
      });
      return reads && one.produced && one.born > d &&
             roleOf(one, d) != Role::firstStep;
    });
    roles.push_back(waits ? Role::lastStep : Role::firstStep);
  }
  return roles;
}

/// The coordinate that is the rank itself, of what is written; -1 if there is
/// none.
static int findPlain(const AccessFact &write, int rank) {
  for (auto [k, coordinate] : llvm::enumerate(write.coordinates))
    if (coordinate.uses(rank))
      return coordinate.terms.size() == 1 &&
                     coordinate.terms[0].coefficient == 1 &&
                     coordinate.constant == 0
                 ? static_cast<int>(k)
                 : -1;
  return -1;
}

/// How far ahead of the reader's own coordinate along the rank an access is, at
/// least and at most.
static Interval aheadOf(const CascadeFacts &facts, const Coordinate &coordinate,
                        int rank) {
  AffineForm ahead = coordinate.form();
  ahead.add(AffineForm::variable(rank), -1);
  Interval range{ahead.constant, ahead.constant};
  for (const AffineForm::Term &term : ahead.terms) {
    int64_t reach = term.coefficient * (facts.ranks[term.variable].extent - 1);
    (reach < 0 ? range.lo : range.hi) += reach;
  }
  return range;
}

/// Whether reader and producer of an element are at the same coordinate of the
/// rank.
static bool isAlong(const AccessFact &write, const AccessFact &read, int rank) {
  int k = findPlain(write, rank);
  if (k < 0)
    return false;
  const Coordinate &at = read.coordinates[k];
  return at.terms.size() == 1 && at.terms[0].rank == rank &&
         at.terms[0].coefficient == 1 && at.constant == 0;
}

/// Whether they are in the same step of the loop, or the producer in an earlier
/// one.
static bool walksAlong(const CascadeFacts &facts, const AccessFact &write,
                       const AccessFact &read, const SharedLoop &loop) {
  int k = findPlain(write, loop.rank);
  if (k < 0)
    return false;
  Interval ahead = aheadOf(facts, read.coordinates[k], loop.rank);
  return loop.direction < 0 ? ahead.lo >= 0 : ahead.hi <= 0;
}

/// Whether the form of an access is the last word: no filter and no coordinate
/// beside that of the element leaves out what it refuses.
bool JoinRules::isPlain(int einsum, const AccessFact &access) const {
  const TensorFact &tensor = facts.tensors[access.tensor];
  llvm::SmallVector<int, 4> seen;
  for (auto [rank, coordinate] : llvm::zip(tensor.ranks, access.coordinates)) {
    if (coordinate.terms.size() != 1 || coordinate.constant != 0 ||
        coordinate.terms[0].coefficient != 1 ||
        llvm::is_contained(seen, coordinate.terms[0].rank))
      return false;
    seen.push_back(coordinate.terms[0].rank);
  }
  return !access.gathers() && facts.einsums[einsum].domain.empty() &&
         facts.einsums[tensor.producer].domain.empty();
}

/// Whether the accesses alone say that no step reads what a later one makes.
bool JoinRules::isClear(const JoinState &state, const Pending &one,
                        const AccessFact &access,
                        const std::vector<Role> &roles) const {
  int depth = roles.size();
  for (int d = 0; d < std::min(one.born, depth); ++d) {
    if (followsLoop(state, facts.tensors[one.tensor].producer, d))
      continue; // it is made in each step for those who read it there
    Role producer = roleOf(one, d);
    bool homeInside =
        one.level >= 0 && one.depth > d && one.hold != Hold::fetched;
    if (producer == Role::lastStep && roles[d] != Role::lastStep)
      return false;
    if (producer == Role::firstStep && homeInside &&
        roles[d] != Role::firstStep)
      return false;
    if (producer != Role::everyStep)
      continue;
    if (roles[d] != Role::everyStep) {
      if (homeInside)
        return false;
      continue;
    }
    const AccessFact &made = write(one.tensor);
    const SharedLoop &loop = state.loops[d];
    bool isMade = homeInside && !one.isHolder()
                      ? isAlong(made, access, loop.rank)
                      : walksAlong(facts, made, access, loop);
    if (one.reduced >> d & 1 || !isMade)
      return false;
  }
  return true;
}

/// What points say of one access, asked once.
std::optional<bool> JoinRules::askPoints(const OrderedEinsum &producer,
                                         const OrderedEinsum &reader,
                                         llvm::ArrayRef<SharedLoop> loops,
                                         int homeDepth) const {
  const AccessFact *first = facts.einsums[reader.einsum].reads.data();
  std::vector<int64_t> key = {reader.access->tensor, reader.einsum,
                              reader.access - first, homeDepth};
  for (auto [d, loop] : llvm::enumerate(loops))
    for (int64_t part : {int64_t{loop.rank}, loop.tile, int64_t{loop.direction},
                         int64_t(producer.roles[d]), int64_t(reader.roles[d])})
      key.push_back(part);
  auto [found, isNew] = inTime.try_emplace(std::move(key));
  if (isNew)
    found->second = isMadeBefore(facts, producer, reader, loops, homeDepth);
  return found->second;
}

/// The same of the points that there are.
bool JoinRules::isInTime(const JoinState &state, const Pending &one, int einsum,
                         const AccessFact &access,
                         const std::vector<Role> &roles) const {
  const TensorFact &tensor = facts.tensors[one.tensor];
  if (isPlain(einsum, access) || access.gathers())
    return false;
  int shared = std::min<int>(one.born, roles.size());
  for (int d = 0; d < shared; ++d)
    if (state.loops[d].halo != Halo::none)
      return false; // points that follow demand are not asked in their order
  int homeDepth = one.level >= 0 && one.hold != Hold::fetched
                      ? std::min(one.depth, shared)
                      : 0;
  OrderedEinsum producer{tensor.producer, &write(one.tensor)},
      reader{einsum, &access};
  for (int d = 0; d < shared; ++d) {
    producer.roles.push_back(roleOf(one, d));
    reader.roles.push_back(roles[d]);
  }
  std::optional<bool> said =
      askPoints(producer, reader,
                llvm::ArrayRef(state.loops).take_front(shared), homeDepth);
  unsure |= !said;
  return said == true;
}

bool JoinRules::mayRead(const JoinState &state, int einsum,
                        const std::vector<Role> &roles) const {
  int depth = roles.size();
  for (const Mark &mark : state.marks)
    if (mark.isHeld && mark.depth < depth && touches(einsum, mark.tensor))
      return false; // it would be served by another Einsum's holder
  // Without points nothing is read, and what is not made nobody waits for.
  if (facts.einsums[einsum].points == 0)
    return true;
  auto isMade = [&](int tensor) {
    int producer = facts.tensors[tensor].producer;
    return producer < 0 || facts.einsums[producer].points != 0;
  };
  for (const Pending &one : state.pending)
    for (const AccessFact &access : facts.einsums[einsum].reads) {
      if (access.tensor != one.tensor || !one.produced || !isMade(one.tensor))
        continue;
      if (!isClear(state, one, access, roles) &&
          !isInTime(state, one, einsum, access, roles))
        return false;
    }
  return true;
}

//===----------------------------------------------------------------------===//
// Homes
//===----------------------------------------------------------------------===//

bool JoinRules::sharesRank(int tensor, int rank) const {
  const TensorFact &fact = facts.tensors[tensor];
  if (fact.iterativeRank == rank)
    return false;
  const AccessFact &written = write(tensor);
  for (int einsum : touchers(tensor)) {
    if (facts.einsums[einsum].points == 0)
      continue; // touches nothing of it
    if (!facts.einsums[einsum].iterates(rank))
      return false;
    for (const AccessFact &read : facts.einsums[einsum].reads)
      if (read.tensor == tensor && !isAlong(written, read, rank))
        return false;
  }
  return findPlain(written, rank) >= 0;
}

/// Whether what each step of a loop over the rank makes may be all that is read
/// in it, as far as accesses and filters say. A recurrence is carried by a loop
/// only where its home is outside.
bool JoinRules::mayStayInside(int tensor, int rank) const {
  const TensorFact &fact = facts.tensors[tensor];
  const EinsumFact &producer = facts.einsums[fact.producer];
  if (fact.hasInitialValue && fact.iterativeRank == rank)
    return false;
  const AccessFact &written = write(tensor);
  if (findPlain(written, rank) < 0)
    return false;
  return llvm::all_of(touchers(tensor), [&](int einsum) {
    return facts.einsums[einsum].points == 0 || producer.points == 0 ||
           llvm::all_of(
               facts.einsums[einsum].reads, [&](const AccessFact &read) {
                 return read.tensor != tensor || isAlong(written, read, rank) ||
                        !isPlain(einsum, read);
               });
  });
}

/// The same, as far as points say.
bool JoinRules::staysInside(int tensor, const SharedLoop &loop) const {
  if (sharesRank(tensor, loop.rank))
    return true;
  if (!mayStayInside(tensor, loop.rank) || loop.halo != Halo::none)
    return false;
  OrderedEinsum producer{
      facts.tensors[tensor].producer, &write(tensor), {Role::everyStep}};
  if (facts.einsums[producer.einsum].points == 0)
    return true;
  for (int einsum : touchers(tensor)) {
    if (facts.einsums[einsum].points == 0)
      continue;
    Role role = facts.einsums[einsum].iterates(loop.rank) ? Role::everyStep
                                                          : Role::lastStep;
    for (const AccessFact &read : facts.einsums[einsum].reads)
      if (read.tensor == tensor && !read.gathers() &&
          !(role == Role::everyStep &&
            isAlong(*producer.access, read, loop.rank)) &&
          askPoints(producer, {einsum, &read, {role}}, loop, 1) == false)
        return false;
  }
  return true;
}

static void sortMarks(JoinState &state) {
  llvm::sort(state.marks, [](const Mark &a, const Mark &b) {
    return std::tie(a.tensor, a.depth, a.isHeld) <
           std::tie(b.tensor, b.depth, b.isHeld);
  });
}

bool JoinRules::mayOpen(const JoinState &state, int einsum, int rank,
                        int depth) const {
  for (const Pending &one : state.pending) {
    if (one.isHolder())
      continue;
    bool fresh = llvm::none_of(touchers(one.tensor),
                               [&](int other) { return state.isDone(other); });
    if (!fresh)
      continue;
    if (one.level >= 0 && depth < one.depth && !sharesRank(one.tensor, rank) &&
        !mayStayInside(one.tensor, rank))
      return false;
    if (one.need > one.depth && depth == one.need - 1 &&
        rank != facts.tensors[one.tensor].iterativeRank)
      return false;
  }
  return facts.einsums[einsum].iterates(rank);
}

bool JoinRules::mayLive(const JoinState &state, const Pending &home, int einsum,
                        int) const {
  if (home.isHolder())
    return !touches(einsum, home.tensor) ||
           mayUse(state, home, einsum, state.loops.size());
  bool fresh = llvm::none_of(touchers(home.tensor),
                             [&](int other) { return state.isDone(other); });
  if (!fresh)
    return true;
  for (int d = 0; d < home.depth; ++d)
    if (!followsLoop(state, facts.tensors[home.tensor].producer, d) &&
        !staysInside(home.tensor, state.loops[d]))
      return false;
  const TensorFact &fact = facts.tensors[home.tensor];
  if (home.need > home.depth) {
    const SharedLoop &carrying = state.loops[home.need - 1];
    if (carrying.rank != fact.iterativeRank)
      return false;
    // A recurrence through several Einsums goes round step by step.
    if (goesRound(home.tensor) && carrying.tile != 1)
      return false;
  } else if (goesRound(home.tensor)) {
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Holders for several Einsums
//===----------------------------------------------------------------------===//

static const AccessFact *findAccess(const EinsumFact &einsum, int tensor) {
  auto isIt = [&](const AccessFact &access) { return access.tensor == tensor; };
  const auto *write = llvm::find_if(einsum.writes, isIt);
  return write != einsum.writes.end() ? write
                                      : llvm::find_if(einsum.reads, isIt);
}

static bool isSame(const Coordinate &a, const Coordinate &b) {
  auto isEqual = [](const auto &pair) {
    const auto &[x, y] = pair;
    return x.rank == y.rank && x.coefficient == y.coefficient;
  };
  return a.constant == b.constant && a.terms.size() == b.terms.size() &&
         llvm::all_of(llvm::zip(a.terms, b.terms), isEqual);
}

/// Whether both are at the same coordinate where one has the rank.
static bool isAlike(const AccessFact &a, const AccessFact &b, int rank) {
  return llvm::all_of(llvm::zip(a.coordinates, b.coordinates),
                      [&](const auto &pair) {
                        const auto &[x, y] = pair;
                        return (!x.uses(rank) && !y.uses(rank)) || isSame(x, y);
                      });
}

bool JoinRules::mayUse(const JoinState &state, const Pending &holder,
                       int einsum, int loops) const {
  const EinsumFact &fact = facts.einsums[einsum];
  const AccessFact &first =
      *findAccess(facts.einsums[holder.users.front()], holder.tensor);
  for (int d = 0; d < std::min(holder.depth, loops); ++d) {
    int rank = state.loops[d].rank;
    auto differs = [&](const AccessFact &access) {
      return access.tensor == holder.tensor && !isAlike(first, access, rank);
    };
    if (!fact.iterates(rank) || llvm::any_of(fact.reads, differs) ||
        llvm::any_of(fact.writes, differs))
      return false;
    // What a step makes is what it reads.
    if (holder.hold == Hold::stored &&
        findPlain(write(holder.tensor), rank) < 0)
      return false;
  }
  return true;
}

bool JoinRules::mayHaveMoreUsers(const JoinState &state,
                                 const Pending &holder) const {
  int loops = std::min<int>(holder.depth, state.loops.size());
  auto isOnWay = [&](int einsum, int user, int other) {
    return (einsum == user || recurrences.reaches(user, einsum)) &&
           (einsum == other || recurrences.reaches(einsum, other));
  };
  // Filters may leave no steps but the last one, and a recurrence is read where
  // an earlier step has been made.
  auto needsPart = [&](int user, int other, int rank) {
    return llvm::any_of(filtered,
                        [&](int einsum) {
                          return isOnWay(einsum, user, other) &&
                                 llvm::any_of(facts.einsums[einsum].domain,
                                              [&](const Constraint &one) {
                                                return one.form.uses(rank);
                                              });
                        }) ||
           llvm::any_of(
               facts.einsums[user].writes, [&](const AccessFact &made) {
                 const TensorFact &tensor = facts.tensors[made.tensor];
                 return tensor.hasInitialValue &&
                        llvm::any_of(
                            llvm::ArrayRef(state.loops).take_front(loops),
                            [&](const SharedLoop &loop) {
                              return loop.rank == tensor.iterativeRank;
                            });
               });
  };
  auto mustComeAfter = [&](int other) {
    return llvm::any_of(holder.users, [&](int user) {
      if (!recurrences.reaches(user, other))
        return false;
      for (int d = 0; d < loops; ++d)
        if (int rank = state.loops[d].rank;
            facts.einsums[user].reduces(rank) && !needsPart(user, other, rank))
          return true;
      return false;
    });
  };
  return llvm::any_of(touchers(holder.tensor), [&](int other) {
    return !state.isDone(other) && !llvm::is_contained(holder.users, other) &&
           mayUse(state, holder, other, loops) && !mustComeAfter(other);
  });
}

bool JoinRules::isReadWhole(int tensor) const {
  auto isWhole = [&](const AccessFact &access) {
    std::vector<int> seen;
    for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
      if (coordinate.terms.size() != 1 || coordinate.constant != 0 ||
          coordinate.terms[0].coefficient != 1 ||
          llvm::is_contained(seen, coordinate.terms[0].rank) ||
          facts.ranks[coordinate.terms[0].rank].extent !=
              facts.ranks[facts.tensors[tensor].ranks[k]].extent)
        return false;
      seen.push_back(coordinate.terms[0].rank);
    }
    return true;
  };
  return llvm::all_of(touchers(tensor), [&](int einsum) {
    const EinsumFact &fact = facts.einsums[einsum];
    return facts.tensors[tensor].producer == einsum ||
           (fact.domain.empty() &&
            llvm::all_of(fact.reads, [&](const AccessFact &access) {
              return access.tensor != tensor || isWhole(access);
            }));
  });
}

bool JoinRules::isFirstBelow(const JoinState &state, int tensor,
                             int depth) const {
  if (depth == 0)
    return llvm::none_of(touchers(tensor),
                         [&](int other) { return state.isDone(other); });
  return llvm::none_of(state.marks, [&](const Mark &mark) {
    return mark.tensor == tensor && !mark.isHeld && mark.depth >= depth;
  });
}

bool JoinRules::hasLaterToucher(const JoinState &state, int tensor,
                                int einsum) const {
  return llvm::any_of(touchers(tensor), [&](int other) {
    return other != einsum && !state.isDone(other);
  });
}

void JoinRules::endHolders(JoinState &state) const {
  for (Pending &one : state.pending) {
    if (!one.ends)
      continue;
    // Nobody else may come below.
    state.marks.push_back({one.tensor, one.depth - 1, true});
    one.level = -1;
    one.depth = one.need = 0;
    one.hold = Hold::home;
    one.users.clear();
    one.ends = false;
  }
  sortMarks(state);
}

bool JoinRules::mayHoldAbove(const JoinState &state, int tensor, int depth,
                             int) const {
  return llvm::none_of(state.marks, [&](const Mark &mark) {
    return mark.tensor == tensor && !mark.isHeld && mark.depth > depth;
  });
}

//===----------------------------------------------------------------------===//
// Going on
//===----------------------------------------------------------------------===//

void JoinRules::recordTouches(JoinState &state, int einsum,
                              const std::vector<Role> &roles,
                              const std::vector<SharedHold> &holds,
                              const EinsumOnArray &nest) const {
  int depth = state.loops.size();
  auto add = [&](const Mark &mark) {
    for (const Mark &known : state.marks)
      if (known.tensor == mark.tensor && known.isHeld == mark.isHeld &&
          known.depth == mark.depth)
        return;
    state.marks.push_back(mark);
  };
  for (const Operand &operand : nest.operands)
    if (depth > 0 && hasLaterToucher(state, operand.tensor, einsum)) {
      llvm::erase_if(state.marks, [&](const Mark &mark) {
        return mark.tensor == operand.tensor && !mark.isHeld;
      });
      add({operand.tensor, depth, false});
    }
  for (const SharedHold &hold : holds)
    if (int tensor = nest.operands[hold.operand].tensor;
        hasLaterToucher(state, tensor, einsum))
      add({tensor, hold.depth, true});
  sortMarks(state);
  for (Pending &one : state.pending) {
    if (one.produced && touches(einsum, one.tensor))
      for (int d = one.depth; d < std::min(one.need, depth); ++d)
        if (Role made = roleOf(one, d);
            made != Role::everyStep && made != roles[d])
          one.whole = one.again = true;
    if (facts.tensors[one.tensor].producer != einsum)
      continue;
    one.produced = true;
    one.born = depth;
    for (int d = 0; d < depth; ++d) {
      one.lastStep |= (roles[d] == Role::lastStep) << d;
      one.firstStep |= (roles[d] == Role::firstStep) << d;
      one.reduced |= facts.einsums[einsum].reduces(state.loops[d].rank) << d;
    }
  }
  state.unfinished = -1;
  if (!isRecurrence(einsum))
    return;
  for (size_t other = 0; other < facts.einsums.size(); ++other)
    if (static_cast<int>(other) != einsum && !state.isDone(other) &&
        recurrence(static_cast<int>(other)) == recurrence(einsum))
      state.unfinished = recurrence(einsum);
}

bool JoinRules::hasLaterReader(const JoinState &state, int einsum) const {
  return llvm::any_of(
      facts.einsums[einsum].writes, [&](const AccessFact &write) {
        return llvm::any_of(
            facts.tensors[write.tensor].readers,
            [&](int other) { return other != einsum && !state.isDone(other); });
      });
}

void JoinRules::dropDead(JoinState &state, int) const {
  llvm::erase_if(state.pending, [&](const Pending &one) {
    bool isDead = llvm::all_of(touchers(one.tensor),
                               [&](int other) { return state.isDone(other); });
    return isDead && !one.retained;
  });
  for (Pending &one : state.pending)
    if (one.retained && llvm::all_of(touchers(one.tensor), [&](int other) {
          return state.isDone(other);
        }))
      one.need = 0;
  llvm::erase_if(state.marks, [&](const Mark &mark) {
    return llvm::all_of(touchers(mark.tensor),
                        [&](int other) { return state.isDone(other); });
  });
}

bool JoinRules::isRoundBy(const JoinState &state, int tensor,
                          int einsum) const {
  int group = recurrence(facts.tensors[tensor].producer);
  if (recurrences.countMembers(group) == 1)
    return group == einsum || state.isDone(group);
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (recurrence(e) == group && e != einsum && !state.isDone(e))
      return false;
  return true;
}

bool JoinRules::isLastTouch(const JoinState &state, int tensor,
                            int einsum) const {
  return !hasLaterToucher(state, tensor, einsum);
}

bool JoinRules::mayEndEarly(int tensor) const {
  int group = recurrence(facts.tensors[tensor].producer);
  bool isReadLater = llvm::any_of(
      touchers(tensor), [&](int other) { return recurrence(other) != group; });
  // Besides a later reader, somebody has to share the loop.
  return isReadLater &&
         (recurrences.countMembers(group) > 1 || facts.einsums.size() > 2);
}

std::vector<JoinState> JoinRules::releases(const JoinState &state,
                                           int einsum) const {
  std::vector<size_t> mayGo;
  for (auto [i, one] : llvm::enumerate(state.pending)) {
    if (!one.whole)
      continue;
    // Loops of one Einsum are its own.
    int producer = facts.tensors[one.tensor].producer;
    bool isShared = isRecurrence(producer) || producer != einsum;
    if (isShared && isRoundBy(state, one.tensor, einsum) &&
        !isLastTouch(state, one.tensor, einsum))
      mayGo.push_back(i);
  }
  std::vector<JoinState> ways;
  for (uint32_t gone = 0; gone < (1u << mayGo.size()); ++gone) {
    JoinState way = state;
    int closing = INT_MAX;
    for (auto [bit, i] : llvm::enumerate(mayGo)) {
      if (!(gone >> bit & 1))
        continue;
      Pending &one = way.pending[i];
      closing = std::min(closing, one.need);
      one.need = one.depth;
      one.whole = false;
    }
    bool stays = llvm::any_of(way.pending, [&](const Pending &one) {
      return one.need >= closing && !one.ends &&
             !isLastTouch(state, one.tensor, einsum);
    });
    if (!stays)
      ways.push_back(std::move(way));
  }
  return ways;
}

void JoinRules::truncate(JoinState &state, int depth) const {
  uint32_t open = (1u << depth) - 1;
  for (Pending &one : state.pending) {
    one.born = std::min(one.born, depth);
    one.lastStep &= open;
    one.firstStep &= open;
    one.reduced &= open;
    if (!state.pipelined)
      one.array = one.lag = one.firstLag = one.lastLag = one.reach = -1;
  }
  llvm::erase_if(state.pending, [&](const Pending &one) {
    bool isOver = one.retained && one.need == 0 && one.depth > depth;
    return isOver || (one.level < 0 && one.born == 0 && one.produced);
  });
  llvm::sort(state.pending, [](const Pending &a, const Pending &b) {
    return a.tensor < b.tensor;
  });
  for (Mark &mark : state.marks)
    if (!mark.isHeld)
      mark.depth = std::min(mark.depth, depth);
  llvm::erase_if(state.marks, [&](const Mark &mark) {
    return mark.isHeld ? mark.depth >= depth : mark.depth == 0;
  });
  llvm::erase_if(state.drains, [&](const Drain &drain) {
    return drain.depth == depth || !hasLaterReader(state, drain.einsum);
  });
  for (Drain &drain : state.drains)
    drain.depth = std::min(drain.depth, depth);
}

bool JoinRules::mayStandInside(const EinsumOnArray &nest, int outer,
                               int inner) {
  return outer == inner || llvm::all_of(nest.path, [&](int level) {
           return nest.constraints->mayStandInside(level, outer, inner);
         });
}
