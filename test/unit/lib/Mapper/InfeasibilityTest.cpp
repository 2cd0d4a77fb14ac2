//===- InfeasibilityTest.cpp - What is said to be impossible is -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random small machines with random constraints, on which the search says
// whether there is a mapping.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Infeasibility.h"

#include "lib/Mapper/ConflictText.h"
#include "lib/Mapper/ConstraintCheck.h"
#include "lib/Support/Diagnostics.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include "llvm/ADT/StringExtras.h"

#include <random>

using namespace einsum;
using namespace einsum::mapper;
using einsum::test::CascadeText;

namespace {

const char *const cascades[] = {
    "cascade gemm(M=4, N=3, K=2) : f16\n"
    "  input A[m,k], B[k,n]\n"
    "  Z[m,n] = A[m,k] * B[k,n]\n"
    "  output Z\n",
    "cascade shares(M=6, P=2) : f16\n"
    "  input X[p,m]\n"
    "  S[p] = X[p,m]\n"
    "  A[p,m] = X[p,m] / S[p]\n"
    "  output A\n",
    "cascade chain(M=4, N=4, K=4) : f16\n"
    "  input A[m,k], B[k,n]\n"
    "  Y[m,n] = A[m,k] * B[k,n]\n"
    "  Z[m,n] = exp(Y[m,n])\n"
    "  output Z\n",
};

class RandomSpec {
public:
  RandomSpec(unsigned seed, const CascadeFacts &facts, unsigned room = 0)
      : random(seed), facts(facts), room(room) {}

  std::string build() {
    std::string energy =
        R"("access": "1 B", "energy": {"read": "1 pJ", "write": "2 pJ"}, "provenance": "test"})";
    std::string text =
        R"({"schema": "einsum-arch/1", "name": "m", "clock": "1 GHz", "word": "16 bit", "levels": [
          {"name": "DRAM", )" +
        (room ? "\"capacity\": \"" + std::to_string(room) + " B\", " : "") +
        energy;
    text += ", {\"name\": \"L1\", \"parent\": \"DRAM\", \"capacity\": \"" +
            std::to_string(1 + pick(20)) + " B\", " + energy;
    hasRegisters = pick(2) == 0;
    if (hasRegisters)
      text += R"(, {"name": "RF", "parent": "L1", "per": "pe", "capacity": ")" +
              std::to_string(1 + pick(8)) + " B\", " + energy;
    text +=
        R"(], "arrays": [{"name": "pe", "shape": {"x": 2, "y": 2}, "level": ")" +
        std::string(hasRegisters ? "RF" : "L1") +
        R"(", "ops": {"mac": {"energy": "1 pJ"}, "add": {"energy": "1 pJ"}}, "provenance": "test"},
            {"name": "vector", "level": "L1", "ops": {"add": {"energy": "2 pJ"}, "mac": {"energy": "3 pJ"})";
    if (pick(8))
      text += R"(, "div": {"energy": "4 pJ"}, "exp": {"energy": "4 pJ"})";
    text += R"(}, "provenance": "test"}], "constraints": [)";
    std::vector<std::string> constraints;
    for (unsigned i = 0, count = pick(5); i < count; ++i)
      constraints.push_back(constraint());
    return text + llvm::join(constraints, ", ") + "]}";
  }

private:
  unsigned pick(unsigned below) { return random() % below; }
  template <typename T> std::string nameOf(const std::vector<T> &items) {
    return items[pick(items.size())].name;
  }
  std::string level() { return pick(3) == 0 && hasRegisters ? "RF" : "L1"; }
  std::string tensors() {
    switch (pick(6)) {
    case 0:
      return "\"all\"";
    case 1:
      return "\"inputs\", \"outputs\"";
    case 2:
      return "\"weights\"";
    case 3:
      return "\"not @DRAM\"";
    default:
      return "\"" + nameOf(facts.tensors) + "\"";
    }
  }
  std::string constraint() {
    std::string rank = nameOf(facts.ranks);
    switch (pick(7)) {
    case 0:
    case 1:
      return "{\"level\": \"" + level() + "\", \"must_keep\": [" + tensors() +
             "]}";
    case 2:
      return "{\"level\": \"" + level() + "\", \"may_keep\": [" + tensors() +
             "]}";
    case 3:
      return "{\"level\": \"" + level() + "\", \"tile\": {\"" + rank +
             "\": {\"min\": " + std::to_string(1 + pick(3)) + "}}}";
    case 4:
      return "{\"arrays\": [\"" + std::string(pick(2) ? "pe" : "vector") +
             "\"], \"einsums\": [\"" + nameOf(facts.einsums) + "\"]}";
    case 5:
      return "{\"array\": \"pe\", \"dimension\": \"x\", \"min_utilization\": "
             "1}";
    default:
      return "{\"array\": \"pe\", \"dimension\": \"y\", \"reuse\": [" +
             tensors() + "], \"min_utilization\": 1}";
    }
  }

  std::mt19937 random;
  const CascadeFacts &facts;
  unsigned room; ///< of the backing level; 0: no limit
  bool hasRegisters = false;
};

std::optional<arch::ArchSpec> parse(const std::string &text) {
  Diagnostics diagnostics;
  return arch::parseArchSpec(text, "m.json", diagnostics);
}

/// Bytes in "96 B would do" of the first capacity in a conflict, and its level.
std::optional<std::pair<int, uint64_t>>
findCapacity(const std::vector<Conflict> &conflicts,
             const arch::ArchSpec &arch) {
  for (const Conflict &conflict : conflicts)
    for (auto [id, level] : llvm::enumerate(arch.levels))
      if (llvm::StringRef(conflict.constraint)
              .starts_with("level '" + level.name + "' holds")) {
        uint64_t bytes = 0;
        llvm::StringRef(conflict.remedy)
            .split(' ')
            .first.getAsInteger(10, bytes);
        return std::pair<int, uint64_t>(id, bytes);
      }
  return std::nullopt;
}

} // namespace

TEST_CASE("what is explained is infeasible, and what is infeasible explained",
          "[infeasible]") {
  unsigned infeasible = 0, explained = 0, freed = 0, mapped = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    CascadeText cascade(cascades[seed % std::size(cascades)]);
    cascade.context.loadDialect<schedule::ScheduleDialect>();
    std::string text = RandomSpec(seed, cascade.facts).build();
    std::optional<arch::ArchSpec> spec = parse(text);
    if (!spec)
      continue; // a constraint that the spec itself refuses
    MapOptions how;
    how.objective.metrics = {Metric::energy};
    how.limits.imperfect = seed % 2;
    how.limits.fusion = seed % 5 != 0;
    how.threads = 1;
    INFO(text << "\n" << cascade.facts.name << ", seed " << seed);
    auto result = mapCascade(cascade.cascade, cascade.facts, *spec, how);
    REQUIRE(succeeded(result));
    std::vector<Conflict> conflicts =
        explainInfeasible(cascade.facts, *spec, how.limits);
    for (const Conflict &conflict : conflicts)
      UNSCOPED_INFO(conflict.constraint << "; " << conflict.remedy);
    bool isInfeasible = result->certificate.status == Status::infeasible;
    infeasible += isInfeasible;
    explained += isInfeasible && !conflicts.empty();
    if (!conflicts.empty())
      REQUIRE(isInfeasible);
    for (MappedPoint &point : result->points) {
      ++mapped;
      REQUIRE(findConstraintViolation(point.mapping, cascade.facts, *spec,
                                      how.limits) == "");
    }
    if (conflicts.empty())
      continue;
    // The capacity named frees its conflict, and one byte less does not.
    auto sets = explainFully(cascade.cascade, cascade.facts, *spec, how);
    REQUIRE(!sets.empty());
    auto capacity = findCapacity(sets.front(), *spec);
    if (!capacity || sets.size() > 1)
      continue;
    auto [level, bytes] = *capacity;
    spec->levels[level].capacityBytes = bytes;
    auto enough = mapCascade(cascade.cascade, cascade.facts, *spec, how);
    REQUIRE(succeeded(enough));
    REQUIRE(enough->certificate.status == Status::optimal);
    spec->levels[level].capacityBytes = bytes - 1;
    auto less = mapCascade(cascade.cascade, cascade.facts, *spec, how);
    REQUIRE(succeeded(less));
    REQUIRE(less->certificate.status == Status::infeasible);
    ++freed;
  }
  WARN(infeasible << " infeasible, " << explained << " explained, " << freed
                  << " freed, " << mapped << " mapped");
  CHECK(infeasible > 40);
  CHECK(mapped > 40);
  CHECK(freed > 5);
  CHECK(explained * 10 >= infeasible * 9);
}

TEST_CASE("what is made in one piece with what leaves no room is infeasible",
          "[infeasible]") {
  // Y does not fit on chip, nor beside A, B and V: all share a loop.
  CascadeText cascade("cascade pair(M=8, N=8, K=2, P=2) : f16\n"
                      "  input A[m,k], B[k,n], V[n,p]\n"
                      "  Y[m,n] = A[m,k] * B[k,n]\n"
                      "  Z[m,p] = Y[m,n] * V[n,p]\n"
                      "  output Z\n");
  cascade.context.loadDialect<schedule::ScheduleDialect>();
  MapOptions how;
  how.objective.metrics = {Metric::energy};
  how.threads = 1;
  unsigned together = 0, mapped = 0;
  for (unsigned room = 100; room < 260; ++room) {
    std::optional<arch::ArchSpec> spec =
        parse(RandomSpec(room, cascade.facts, room).build());
    if (!spec)
      continue;
    spec->constraints = {};
    for (size_t level = 1; level < spec->levels.size(); ++level)
      spec->levels[level].capacityBytes = 20;
    auto result = mapCascade(cascade.cascade, cascade.facts, *spec, how);
    REQUIRE(succeeded(result));
    std::vector<Conflict> conflicts =
        explainInfeasible(cascade.facts, *spec, how.limits);
    INFO(room << " B");
    bool isMapped = !result->points.empty();
    // 32 B each of A, B, V and Z are there at once, as Y's 128 B do not fit.
    REQUIRE(isMapped == (room >= 128));
    REQUIRE(conflicts.empty() == isMapped);
    REQUIRE((result->certificate.status == Status::infeasible) == !isMapped);
    together += conflicts.size() > 1;
    mapped += isMapped;
    for (MappedPoint &point : result->points)
      point.mapping.erase();
  }
  CHECK(together > 10);
  CHECK(mapped > 10);
}
