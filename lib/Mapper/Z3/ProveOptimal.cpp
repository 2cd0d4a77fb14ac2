//===- ProveOptimal.cpp - No better mapping exists, says Z3 ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One question per choice of arrays and of the levels where tensors that both
// Einsums touch live, or have one holder for both. They share the first loops
// down to the innermost of these. Loops above a tensor that the first makes are
// over ranks that it has: a loop over any other would enter its home again
// before it is complete, or after. Those above a holder of an input are over
// ranks that both have.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/ProveOptimal.h"

#include "lib/Mapper/Z3/NestModel.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <memory>
#include <set>

using namespace einsum;
using namespace einsum::mapper;

namespace {

//===----------------------------------------------------------------------===//
// What is covered
//===----------------------------------------------------------------------===//

/// Each coordinate is one rank, each rank in one coordinate.
bool isPlain(const AccessFact &access) {
  std::vector<int> seen;
  for (const Coordinate &coordinate : access.coordinates) {
    if (coordinate.terms.size() != 1 || coordinate.constant != 0 ||
        coordinate.terms[0].coefficient != 1 ||
        llvm::is_contained(seen, coordinate.terms[0].rank))
      return false;
    seen.push_back(coordinate.terms[0].rank);
  }
  return true;
}

std::string whyNotCovered(const CascadeFacts &facts, const EinsumFact &einsum) {
  uint64_t box = 1;
  for (int rank : einsum.ranks)
    box *= static_cast<uint64_t>(facts.ranks[rank].extent);
  if (!einsum.domain.empty() || einsum.points != box)
    return "the filter of '" + einsum.name + "'";
  if (einsum.writes.size() != 1)
    return "the results of '" + einsum.name + "'";
  std::vector<int> tensors = {einsum.writes.front().tensor};
  if (!isPlain(einsum.writes.front()))
    return "how '" + einsum.name + "' is indexed";
  for (const AccessFact &access : einsum.reads) {
    if (access.gathers() || !isPlain(access))
      return "how '" + facts.tensors[access.tensor].name + "' is indexed";
    if (llvm::is_contained(tensors, access.tensor))
      return "'" + facts.tensors[access.tensor].name + "' accessed twice";
    tensors.push_back(access.tensor);
  }
  return "";
}

std::string whyNotCovered(const arch::ArchSpec &arch, Metric metric) {
  for (const arch::Level &level : arch.levels) {
    if (level.perArray >= 0 || !level.dims.empty())
      return "level '" + level.name + "', of several instances";
    if (level.multicast.width || level.multicast.energyPj > 0)
      return "the multicast of level '" + level.name + "'";
    if (metric == Metric::latency &&
        (level.readPorts || level.writePorts || level.sharedPorts))
      return "the ports of level '" + level.name + "'";
    if (metric == Metric::energy && level.leakageW > 0)
      return "leakage";
  }
  for (const arch::Array &array : arch.arrays) {
    if (array.reduction.width || array.reduction.energyPj > 0)
      return "the reduction of array '" + array.name + "'";
    if (metric == Metric::energy && array.leakageW > 0)
      return "leakage";
    bool startsUp = array.fillCycles || array.drainCycles;
    auto addDelays = [&](const arch::OpCosts &ops) {
      for (const auto &[name, op] : ops)
        startsUp |= op.latency > op.cycles;
    };
    addDelays(array.ops);
    for (const auto &[datatype, ops] : array.opsByDatatype)
      addDelays(ops);
    if (metric == Metric::latency && startsUp)
      return "the start-up of array '" + array.name + "'";
  }
  if (metric == Metric::latency && arch.accounting.buffered)
    return "transfers that are not overlapped";
  if (!arch.constraints.empty())
    return "the constraints of the spec";
  return "";
}

/// The one tensor that the first of two Einsums makes for the second.
int tensorBetween(const CascadeFacts &facts) {
  if (facts.einsums.size() < 2)
    return -1;
  int made = facts.einsums[0].writes.front().tensor;
  for (const AccessFact &access : facts.einsums[1].reads)
    if (access.tensor == made)
      return made;
  return -1;
}

std::string whyNotCovered(const CascadeFacts &facts, const arch::ArchSpec &arch,
                          const SpaceLimits &limits, Metric metric) {
  if (facts.einsums.size() > 2)
    return "more than two Einsums";
  if (metric != Metric::latency && metric != Metric::energy &&
      metric != Metric::traffic)
    return "this objective";
  if (metric == Metric::latency && facts.einsums.size() > 1)
    return "the latency of two Einsums";
  for (const EinsumFact &einsum : facts.einsums)
    if (std::string why = whyNotCovered(facts, einsum); !why.empty())
      return why;
  return whyNotCovered(arch, metric);
}

/// Tensors that both of two Einsums touch.
std::vector<int> tensorsOfBoth(const CascadeFacts &facts) {
  std::vector<int> both;
  if (facts.einsums.size() < 2)
    return both;
  auto touches = [](const EinsumFact &einsum, int tensor) {
    auto isIt = [&](const AccessFact &access) {
      return access.tensor == tensor;
    };
    return llvm::any_of(einsum.reads, isIt) ||
           llvm::any_of(einsum.writes, isIt);
  };
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t)
    if (touches(facts.einsums[0], t) && touches(facts.einsums[1], t))
      both.push_back(t);
  return both;
}

using Operators = std::vector<std::pair<const arch::OpCost *, uint64_t>>;

/// What one point does, and how often; none if the array cannot.
std::optional<Operators> operatorsOf(const EinsumFact &einsum,
                                     const arch::ArchSpec &arch,
                                     const arch::Array &array) {
  std::map<std::string, uint64_t> names = einsum.operators;
  if (arch.accounting.onePerPoint)
    names = {{"compute", 1}};
  Operators all;
  for (const auto &[name, count] : names) {
    const arch::OpCost *op = array.findOp(name, einsum.datatype);
    if (op) {
      all.emplace_back(op, count);
      continue;
    }
    // A mac is done as two.
    for (const char *part : {"mul", "add"}) {
      op = name == "mac" ? array.findOp(part, einsum.datatype) : nullptr;
      if (!op)
        return std::nullopt;
      all.emplace_back(op, count);
    }
  }
  return all;
}

//===----------------------------------------------------------------------===//
// One question
//===----------------------------------------------------------------------===//

class Question {
public:
  Question(const CascadeFacts &facts, const arch::ArchSpec &arch,
           const SpaceLimits &limits, const std::vector<int> &arrays,
           const std::vector<int> &homes)
      : facts(facts), arch(arch), limits(limits), arrays(arrays),
        between(tensorBetween(facts)), both(tensorsOfBoth(facts)), solver(z3),
        homes(homes) {
    for (size_t e = 0; e < facts.einsums.size(); ++e)
      nests.push_back(std::make_unique<NestModel>(
          z3, facts, arch, static_cast<int>(e), arrays[e], limits.imperfect));
  }

  bool isSmall() const {
    size_t size = 0;
    for (const auto &nest : nests)
      size += nest->size();
    return size <= 20000;
  }

  z3::check_result ask(Metric metric, int level, double cost,
                       unsigned timeoutSeconds) {
    z3::params parameters(z3);
    parameters.set("timeout", timeoutSeconds * 1000);
    solver.set(parameters);
    for (auto &nest : nests)
      nest->build(solver, homes);
    if (!shared().empty())
      shareLoops();
    for (size_t l = 0; l < arch.levels.size(); ++l)
      if (arch.levels[l].capacityBytes && arch.levels[l].parent >= 0)
        limitCapacity(static_cast<int>(l), *arch.levels[l].capacityBytes);
    z3::expr total =
        metric == Metric::latency ? chargeTime() : charge(metric, level);
    if (std::isfinite(cost))
      solver.add(total < real(cost * (1 - 1e-6)));
    z3::check_result answer = solver.check();
    if (answer == z3::sat)
      found = std::stod(
          solver.get_model().eval(total, true).get_decimal_string(12));
    return answer;
  }

  double found = 0;

private:
  /// Tensors that both have in one place.
  std::vector<int> shared() const {
    std::vector<int> tensors;
    llvm::copy_if(both, std::back_inserter(tensors),
                  [&](int t) { return homes[t] > 0; });
    return tensors;
  }
  /// It lives at the backing level, and the place is a holder.
  bool isHolder(int tensor) const {
    return facts.tensors[tensor].isInput || facts.tensors[tensor].isOutput;
  }

  z3::expr real(double value) {
    char text[64];
    snprintf(text, sizeof text, "%.9f", value);
    return z3.real_val(text);
  }

  /// Ranks of the tensor between the two that both index it by.
  std::vector<int> sharedRanks() const {
    std::vector<int> ranks;
    for (const AccessFact &read : facts.einsums[1].reads) {
      if (read.tensor != between)
        continue;
      const AccessFact &write = facts.einsums[0].writes.front();
      for (size_t i = 0; i < read.coordinates.size(); ++i)
        if (read.coordinates[i].terms[0].rank ==
            write.coordinates[i].terms[0].rank)
          ranks.push_back(read.coordinates[i].terms[0].rank);
    }
    return ranks;
  }

  /// Ranks of both along which they read a tensor at the same coordinate.
  std::vector<int> ranksAlike(int tensor) const {
    auto accessOf = [&](const EinsumFact &einsum) {
      for (const AccessFact &access : einsum.reads)
        if (access.tensor == tensor)
          return &access;
      return &einsum.writes.front();
    };
    const AccessFact &one = *accessOf(facts.einsums[0]),
                     &two = *accessOf(facts.einsums[1]);
    std::vector<int> ranks;
    for (int rank : facts.einsums[0].ranks)
      if (facts.einsums[1].iterates(rank) &&
          llvm::all_of(llvm::zip(one.coordinates, two.coordinates),
                       [&](const auto &pair) {
                         const auto &[a, b] = pair;
                         return a.uses(rank) == b.uses(rank);
                       }))
        ranks.push_back(rank);
    return ranks;
  }

  /// Ranks of loops above the place of a tensor; what is made and read below
  /// them is complete there only along its own.
  std::vector<int> ranksAbove(int tensor) const {
    std::vector<int> ranks = ranksAlike(tensor);
    if (between < 0)
      return ranks;
    std::vector<int> made = sharedRanks();
    llvm::erase_if(ranks,
                   [&](int rank) { return !llvm::is_contained(made, rank); });
    return ranks;
  }

  /// Some place is below more than `slot` loops.
  z3::expr sharesBelow(size_t slot) {
    z3::expr_vector deeper(z3);
    for (int t : shared())
      for (size_t k = slot + 1; k < nests[0]->slots(); ++k)
        deeper.push_back(nests[0]->homeAt(t, k));
    return deeper.empty() ? z3.bool_val(false) : z3::mk_or(deeper);
  }

  void shareLoops() {
    for (int t : shared())
      shareLoopsAbove(t);
    // A holder above the shared loops would serve both of its readers.
    for (int t : both)
      for (auto &nest : nests)
        for (size_t k = 0; k < nest->slots(); ++k)
          for (size_t l = 1; l < nest->path().size(); ++l)
            solver.add(
                !(nest->heldAt(t, nest->path()[l], k) && sharesBelow(k)));
  }

  /// The loops above the home are the same for both.
  void shareLoopsAbove(int tensor) {
    NestModel &first = *nests[0], &second = *nests[1];
    size_t most = std::min(first.slots(), second.slots());
    for (size_t k = 0; k < std::max(first.slots(), second.slots()); ++k) {
      z3::expr one = k < first.slots() ? first.homeAt(tensor, k)
                                       : z3.bool_val(false),
               two = k < second.slots() ? second.homeAt(tensor, k)
                                        : z3.bool_val(false);
      solver.add(one == two);
      if (k > limits.sharedLoops)
        solver.add(!one);
    }
    std::vector<int> ranks = ranksAbove(tensor);
    for (size_t depth = 1; depth < most; ++depth) {
      z3::expr is = first.homeAt(tensor, depth);
      std::vector<z3::expr_vector> perRank(ranks.size(), z3::expr_vector(z3));
      for (size_t k = 0; k < depth; ++k) {
        z3::expr_vector any(z3);
        for (size_t r = 0; r < ranks.size(); ++r)
          for (int64_t tile = 1; tile < facts.ranks[ranks[r]].extent; ++tile) {
            z3::expr loop = first.isLoop(k, ranks[r], tile);
            any.push_back(loop && second.isLoop(k, ranks[r], tile));
            perRank[r].push_back(loop);
          }
        solver.add(
            z3::implies(is, any.empty() ? z3.bool_val(false) : z3::mk_or(any)));
      }
      for (z3::expr_vector &loops : perRank)
        if (!loops.empty())
          solver.add(
              z3::implies(is, z3::atmost(loops, limits.sharedLoopsPerRank)));
    }
  }

  /// Each Einsum has its own holders, what is held around both, and what the
  /// other holds above the loops that they share.
  void limitCapacity(int level, uint64_t bytes) {
    for (size_t e = 0; e < nests.size(); ++e) {
      z3::expr_vector parts(z3);
      for (int t : shared())
        if (homes[t] == level)
          parts.push_back(nests[e]->bytesOfHome(t));
      for (size_t other = 0; other < nests.size(); ++other) {
        NestModel &nest = *nests[other];
        if (!llvm::is_contained(nest.path(), level))
          continue;
        for (int t : nest.tensors()) {
          if (other == e)
            parts.push_back(nest.bytesHeld(t, level));
          else if (!shared().empty())
            for (size_t k = 0; k < nest.slots(); ++k)
              parts.push_back(z3::ite(
                  sharesBelow(k), nest.bytesHeld(t, level, k), z3.int_val(0)));
        }
      }
      if (!parts.empty())
        solver.add(z3::sum(parts) <= z3.int_val(bytes));
    }
  }

  Prices none() const {
    std::vector<double> zero(arch.levels.size(), 0);
    return {zero, zero, zero, zero};
  }

  double operatorSum(size_t e, bool energy) const {
    Operators operators =
        *operatorsOf(facts.einsums[e], arch, arch.arrays[arrays[e]]);
    double sum = 0;
    for (const auto &[op, count] : operators)
      sum += static_cast<double>(count) *
             (energy ? op->energyPj : static_cast<double>(op->cycles));
    return sum;
  }

  /// Picojoules or bytes.
  z3::expr charge(Metric metric, int level) {
    Prices prices = none();
    double fixed = 0;
    if (metric == Metric::traffic) {
      prices.readByte[level] = prices.writeByte[level] = 1;
    } else {
      for (size_t l = 0; l < arch.levels.size(); ++l) {
        prices.readAccess[l] = arch.levels[l].readPj;
        prices.writeAccess[l] = arch.levels[l].writePj;
      }
      for (size_t e = 0; e < nests.size(); ++e)
        fixed +=
            static_cast<double>(facts.einsums[e].points) * operatorSum(e, true);
    }
    z3::expr total = real(fixed);
    for (auto &nest : nests)
      total = total + nest->chargeMoves(solver, prices, homes);
    for (int t : shared())
      if (isHolder(t))
        total = total + nests[0]->chargeHome(solver, t, homes[t], prices);
    return total;
  }

  /// Cycles: of the runs, and of every limit of a level.
  z3::expr chargeTime() {
    z3::expr time = nests[0]->chargeRuns(solver, operatorSum(0, false));
    auto limit = [&](size_t l, std::optional<double> bytesPerS, bool reads,
                     bool writes) {
      if (!bytesPerS)
        return;
      Prices prices = none();
      double cycles = arch.clockHz / *bytesPerS;
      prices.readByte[l] = reads ? cycles : 0;
      prices.writeByte[l] = writes ? cycles : 0;
      solver.add(time >= nests[0]->chargeMoves(solver, prices, homes));
    };
    for (size_t l = 0; l < arch.levels.size(); ++l) {
      limit(l, arch.levels[l].readBytesPerS, true, false);
      limit(l, arch.levels[l].writeBytesPerS, false, true);
      limit(l, arch.levels[l].sharedBytesPerS, true, true);
    }
    return time;
  }

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const SpaceLimits &limits;
  std::vector<int> arrays;
  int between;
  std::vector<int> both;
  z3::context z3;
  z3::solver solver;
  std::vector<int> homes;
  std::vector<std::unique_ptr<NestModel>> nests;
};

} // namespace

/// All ways to give each Einsum an array that has its operators.
static std::vector<std::vector<int>> listArrays(const CascadeFacts &facts,
                                                const arch::ArchSpec &arch) {
  std::vector<std::vector<int>> all = {{}};
  for (const EinsumFact &einsum : facts.einsums) {
    std::vector<std::vector<int>> more;
    for (const std::vector<int> &sofar : all)
      for (size_t a = 0; a < arch.arrays.size(); ++a)
        if (operatorsOf(einsum, arch, arch.arrays[a])) {
          more.push_back(sofar);
          more.back().push_back(static_cast<int>(a));
        }
    all = std::move(more);
  }
  return all;
}

/// Levels on a path of an array that an Einsum can run on, below the backing
/// one.
static std::vector<int>
listLevels(const arch::ArchSpec &arch,
           const std::vector<std::vector<int>> &arrays) {
  std::set<int> levels;
  for (const std::vector<int> &choice : arrays)
    for (int array : choice)
      for (int l = arch.arrays[array].level; arch.levels[l].parent >= 0;
           l = arch.levels[l].parent)
        levels.insert(l);
  return {levels.begin(), levels.end()};
}

/// All ways to keep what both touch in one place: per tensor a level, 0: not
/// so.
static std::vector<std::vector<int>> listHomes(const CascadeFacts &facts,
                                               const SpaceLimits &limits,
                                               const std::vector<int> &levels) {
  std::vector<std::vector<int>> all = {
      std::vector<int>(facts.tensors.size(), 0)};
  for (int t : tensorsOfBoth(facts)) {
    bool isHeld = facts.tensors[t].isInput || facts.tensors[t].isOutput;
    if (!limits.fusion || (isHeld && !limits.sharedHolders))
      continue;
    std::vector<std::vector<int>> more = all;
    for (const std::vector<int> &some : all)
      for (int level : levels) {
        more.push_back(some);
        more.back()[t] = level;
      }
    all = std::move(more);
  }
  return all;
}

OptimalityProof mapper::proveOptimal(const CascadeFacts &facts,
                                     const arch::ArchSpec &arch,
                                     const SpaceLimits &limits, Metric metric,
                                     int level, double cost,
                                     unsigned timeoutSeconds) {
  OptimalityProof proof;
  proof.reason = whyNotCovered(facts, arch, limits, metric);
  if (!proof.reason.empty())
    return proof;
  level = std::max(level, 0); // -1: the backing level
  proof.verdict = Verdict::proven;
  std::vector<std::vector<int>> all = listArrays(facts, arch);
  std::vector<std::vector<int>> places =
      listHomes(facts, limits, listLevels(arch, all));
  for (const std::vector<int> &arrays : all) {
    for (const std::vector<int> &homes : places) {
      Question question(facts, arch, limits, arrays, homes);
      if (!question.isSmall())
        return {Verdict::notCovered, "a space of this size", 0, 0};
      // What is summed is picojoules, bytes or cycles.
      double scale = metric == Metric::energy    ? 1e12
                     : metric == Metric::latency ? arch.clockHz
                                                 : 1;
      ++proof.questions;
      switch (question.ask(metric, level, cost * scale, timeoutSeconds)) {
      case z3::unsat:
        continue;
      case z3::sat:
        proof.verdict = Verdict::refuted;
        proof.better = question.found / scale;
        return proof;
      case z3::unknown:
        proof.verdict = Verdict::unknown;
        proof.reason = "Z3 gave up";
        return proof;
      }
    }
  }
  return proof;
}
