//===- JoinRules.cpp - Which neighbours may share what --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/JoinRules.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

JoinRules::JoinRules(const CascadeFacts &facts)
    : facts(facts), touchersOf(facts.tensors.size()) {
  int count = facts.einsums.size();
  for (int e = 0; e < count; ++e)
    for (size_t t = 0; t < facts.tensors.size(); ++t)
      if (touches(e, t))
        touchersOf[t].push_back(e);
  // Einsums that reach one another: a small closure, cascades are sparse.
  std::vector<std::vector<int>> readersOf(count);
  for (int e = 0; e < count; ++e)
    for (const AccessFact &access : facts.einsums[e].reads)
      if (int producer = facts.tensors[access.tensor].producer; producer >= 0)
        readersOf[producer].push_back(e);
  auto reach = [&](int from) {
    std::vector<bool> seen(count);
    std::vector<int> work = readersOf[from];
    while (!work.empty()) {
      int e = work.back();
      work.pop_back();
      if (seen[e])
        continue;
      seen[e] = true;
      work.insert(work.end(), readersOf[e].begin(), readersOf[e].end());
    }
    return seen;
  };
  bool hasRecurrences = llvm::any_of(
      facts.tensors, [](const TensorFact &t) { return t.iterativeRank >= 0; });
  recurrenceOf.resize(count);
  members.assign(count, 0);
  std::vector<std::vector<bool>> reached(count);
  for (int e = 0; e < count; ++e) {
    recurrenceOf[e] = e;
    if (hasRecurrences) {
      reached[e] = reach(e);
      for (int other = 0; other < e; ++other)
        if (reached[e][other] && reached[other][e]) {
          recurrenceOf[e] = recurrenceOf[other];
          break;
        }
    }
    ++members[recurrenceOf[e]];
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
    if (facts.tensors[t].producer >= 0 && touchersOf[t].size() >= 2 &&
        llvm::none_of(touchersOf[t],
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
    if (fact.iterates(state.loops[d].rank)) {
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

/// Whether reader and producer of an element are in the same step of the rank,
/// or the producer in an earlier one.
static bool walksAlong(const AccessFact &write, const AccessFact &read,
                       int rank) {
  for (auto [w, r] : llvm::zip(write.coordinates, read.coordinates))
    if (w.uses(rank))
      return w.terms.size() == 1 && w.terms[0].coefficient == 1 &&
             w.constant == 0 && r.terms.size() == 1 &&
             r.terms[0].rank == rank && r.terms[0].coefficient == 1 &&
             r.constant <= 0;
  return false;
}

bool JoinRules::mayRead(const JoinState &state, int einsum,
                        const std::vector<Role> &roles) const {
  int depth = roles.size();
  for (const Mark &mark : state.marks)
    if (mark.isHeld && mark.depth < depth && touches(einsum, mark.tensor))
      return false; // it would be served by another Einsum's holder
  for (const Pending &one : state.pending)
    for (const AccessFact &access : facts.einsums[einsum].reads) {
      if (access.tensor != one.tensor || !one.produced)
        continue;
      for (int d = 0; d < std::min(one.born, depth); ++d) {
        int rank = state.loops[d].rank;
        Role producer = roleOf(one, d);
        bool homeInside = one.level >= 0 && one.depth > d;
        if (producer == Role::lastStep && roles[d] != Role::lastStep)
          return false;
        if (producer == Role::firstStep && homeInside)
          return false;
        if (producer != Role::everyStep)
          continue;
        if (roles[d] != Role::everyStep) {
          if (homeInside)
            return false;
          continue;
        }
        if (one.reduced >> d & 1 ||
            !walksAlong(write(one.tensor), access, rank))
          return false;
      }
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
  auto isShifted = [&](const AccessFact &read) {
    return llvm::any_of(read.coordinates, [&](const Coordinate &coordinate) {
      return coordinate.uses(rank) && coordinate.constant != 0;
    });
  };
  for (int einsum : touchersOf[tensor]) {
    if (!facts.einsums[einsum].iterates(rank))
      return false;
    for (const AccessFact &read : facts.einsums[einsum].reads)
      if (read.tensor == tensor &&
          (!walksAlong(written, read, rank) || isShifted(read)))
        return false;
  }
  return walksAlong(written, written, rank);
}

bool JoinRules::mayOpen(const JoinState &state, int einsum, int rank,
                        int depth) const {
  for (const Pending &one : state.pending) {
    bool fresh = llvm::none_of(touchersOf[one.tensor],
                               [&](int other) { return state.isDone(other); });
    if (!fresh)
      continue;
    if (one.level >= 0 && depth < one.depth && !sharesRank(one.tensor, rank))
      return false;
    if (one.need > one.depth && depth == one.need - 1 &&
        rank != facts.tensors[one.tensor].iterativeRank)
      return false;
  }
  return facts.einsums[einsum].iterates(rank);
}

bool JoinRules::mayLive(const JoinState &state, const Pending &home, int,
                        int) const {
  bool fresh = llvm::none_of(touchersOf[home.tensor],
                             [&](int other) { return state.isDone(other); });
  if (!fresh)
    return true;
  for (int d = 0; d < home.depth; ++d)
    if (!sharesRank(home.tensor, state.loops[d].rank))
      return false;
  const TensorFact &fact = facts.tensors[home.tensor];
  if (home.need > home.depth) {
    const SharedLoop &carrying = state.loops[home.need - 1];
    if (carrying.rank != fact.iterativeRank)
      return false;
    // A recurrence through several Einsums goes round step by step.
    if (isRecurrence(fact.producer) && carrying.tile != 1)
      return false;
  } else if (goesRound(home.tensor)) {
    return false;
  }
  return true;
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
  auto isShared = [&](int tensor) {
    return llvm::any_of(touchersOf[tensor], [&](int other) {
      return other != einsum && !state.isDone(other);
    });
  };
  auto add = [&](const Mark &mark) {
    for (const Mark &known : state.marks)
      if (known.tensor == mark.tensor && known.isHeld == mark.isHeld &&
          known.depth == mark.depth)
        return;
    state.marks.push_back(mark);
  };
  for (const Operand &operand : nest.operands)
    if (depth > 0 && isShared(operand.tensor)) {
      llvm::erase_if(state.marks, [&](const Mark &mark) {
        return mark.tensor == operand.tensor && !mark.isHeld;
      });
      add({operand.tensor, depth, false});
    }
  for (const SharedHold &hold : holds)
    if (int tensor = nest.operands[hold.operand].tensor; isShared(tensor))
      add({tensor, hold.depth, true});
  llvm::sort(state.marks, [](const Mark &a, const Mark &b) {
    return std::tie(a.tensor, a.depth, a.isHeld) <
           std::tie(b.tensor, b.depth, b.isHeld);
  });
  for (Pending &one : state.pending) {
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
  for (size_t other = 0; other < facts.einsums.size(); ++other)
    if (static_cast<int>(other) != einsum && !state.isDone(other) &&
        recurrenceOf[other] == recurrenceOf[einsum])
      state.unfinished = recurrenceOf[einsum];
}

bool JoinRules::hasLaterReader(const JoinState &state, int einsum) const {
  for (size_t other = 0; other < facts.einsums.size(); ++other)
    if (static_cast<int>(other) != einsum && !state.isDone(other) &&
        reads(other, einsum))
      return true;
  return false;
}

void JoinRules::dropDead(JoinState &state, int) const {
  llvm::erase_if(state.pending, [&](const Pending &one) {
    return llvm::all_of(touchersOf[one.tensor],
                        [&](int other) { return state.isDone(other); });
  });
  llvm::erase_if(state.marks, [&](const Mark &mark) {
    return llvm::all_of(touchersOf[mark.tensor],
                        [&](int other) { return state.isDone(other); });
  });
}

void JoinRules::releaseLoops(JoinState &state) const {
  for (Pending &one : state.pending) {
    if (!one.whole)
      continue;
    int group = recurrenceOf[facts.tensors[one.tensor].producer];
    bool isDone = true;
    for (size_t e = 0; e < facts.einsums.size() && isDone; ++e)
      isDone = recurrenceOf[e] != group || state.isDone(e);
    if (!isDone)
      continue;
    one.need = one.depth;
    one.whole = false;
  }
}

void JoinRules::truncate(JoinState &state, int depth) const {
  uint32_t open = (1u << depth) - 1;
  for (Pending &one : state.pending) {
    one.born = std::min(one.born, depth);
    one.lastStep &= open;
    one.firstStep &= open;
    one.reduced &= open;
    if (!state.pipelined)
      one.array = one.lag = one.firstLag = one.lastLag = -1;
  }
  llvm::erase_if(state.pending, [](const Pending &one) {
    return one.level < 0 && one.born == 0 && one.produced;
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
