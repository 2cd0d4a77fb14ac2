//===- SelfCheck.cpp - Is the judge right? --------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/SelfCheck.h"
#include "test/optimality/Judge.h"
#include "test/optimality/Problem.h"

#include <set>

using namespace einsum;
using namespace einsum::optimality;

/// A backing level, `levels` more, and an array of the given shape; with its
/// own registers if asked for.
static std::string machine(int levels, const std::string &shape,
                           bool registers = false, int arrays = 1) {
  std::string text = "{\"schema\": \"einsum-arch/1\", \"name\": \"spec\", "
                     "\"clock\": \"1 GHz\", \"word\": \"8 bit\", \"levels\": [";
  auto addLevel = [&](const std::string &name, const std::string &keys) {
    text += "{\"name\": \"" + name + "\", " + keys +
            "\"access\": \"1 B\", \"energy\": {\"read\": \"1 pJ\", \"write\": "
            "\"1 pJ\"}, \"provenance\": \"test\"}";
  };
  addLevel("L0", "");
  for (int l = 1; l <= levels; ++l) {
    text += ", ";
    addLevel("L" + std::to_string(l),
             "\"parent\": \"L" + std::to_string(l - 1) + "\", ");
  }
  std::string last = "L" + std::to_string(levels);
  if (registers) {
    text += ", ";
    addLevel("R", "\"parent\": \"" + last + "\", \"per\": \"pe0\", ");
  }
  text += "], \"arrays\": [";
  for (int a = 0; a < arrays; ++a)
    text += std::string(a ? ", " : "") + "{\"name\": \"pe" + std::to_string(a) +
            "\", \"level\": \"" + (registers && a == 0 ? "R" : last) + "\", " +
            (shape.empty() ? "" : "\"shape\": {" + shape + "}, ") +
            "\"ops\": {\"mac\": {\"energy\": \"1 pJ\"}, \"add\": {\"energy\": "
            "\"1 pJ\"}}, \"provenance\": \"test\"}";
  return text + "]}";
}

namespace {

struct Counted {
  const char *what, *cascade;
  std::string spec;
  Limits limits;
  uint64_t trees;
};

std::vector<Counted> countedByHand() {
  const char *copy2 = "cascade c(A=2) : i8\n  input X[a]\n  Z[a] = X[a]\n"
                      "  output Z\n",
             *copy3 = "cascade c(A=3) : i8\n  input X[a]\n  Z[a] = X[a]\n"
                      "  output Z\n",
             *copy6 = "cascade c(A=6) : i8\n  input X[a]\n  Z[a] = X[a]\n"
                      "  output Z\n",
             *copy22 = "cascade c(A=2, B=2) : i8\n  input X[a,b]\n"
                       "  Z[a,b] = X[a,b]\n  output Z\n",
             *gemm = "cascade c(A=2, B=2, C=2) : i8\n  input X[a,b], Y[b,c]\n"
                     "  Z[a,c] = X[a,b] * Y[b,c]\n  output Z\n",
             *pair = "cascade c(A=2) : i8\n  input X[a]\n  Y[a] = X[a]\n"
                     "  Z[a] = Y[a]\n  output Z\n",
             *three = "cascade c(A=2) : i8\n  input X[a]\n  Y[a] = X[a]\n"
                      "  Z[a] = Y[a]\n  W[a] = Z[a]\n  output W\n",
             *fork = "cascade c(A=1) : i8\n  input X[a]\n  Y[a] = X[a]\n"
                     "  Z[a] = X[a]\n  output Y, Z\n",
             *fork2 = "cascade c(A=2) : i8\n  input X[a]\n  Y[a] = X[a]\n"
                      "  Z[a] = X[a]\n  output Y, Z\n",
             *again = "cascade c(A=1) : i8\n  input X[a]\n  Y[a] = X[a]\n"
                      "  Z[a] = Y[a]\n  output Y, Z\n";
  Limits all, perfect, flat;
  perfect.imperfect = false;
  flat.pipelines = false;
  return {
      // One loop; X nowhere, above or below it, and so Z.
      {"a copy", copy2, machine(1, ""), all, 3 * 3},
      // Two more levels: nowhere, at one of two in 2 places, at both in 3.
      {"a copy, three levels", copy2, machine(2, ""), all, 64},
      // 3 -> 1 has 2 gaps; 3 -> 2 -> 1 has 3, but 2 does not divide 3.
      {"imperfect tiles", copy3, machine(1, ""), all, 9 + 16},
      {"perfect tiles", copy3, machine(1, ""), perfect, 9},
      // 6 -> 1; 6 -> 2 -> 1; 6 -> 3 -> 1: 9 + 16 + 16. Imperfect tiles: 6 -> 4
      // -> 1, 6 -> 5 -> 1 and 6 -> 4 -> 2 -> 1 in addition: 16 + 16 + 25.
      {"perfect tiles of six", copy6, machine(1, ""), perfect, 41},
      {"all tiles of six", copy6, machine(1, ""), all, 98},
      // 3! orders of loops, each tensor nowhere or in one of 4 gaps.
      {"a matrix product", gemm, machine(1, ""), all, 6 * 125},
      // A loop in time, or over units: above the one loop or below, but not
      // below the units.
      {"an array", copy2, machine(1, "\"x\": 2"), all, 9 + 4},
      // All in time, or 3 -> 2 in time and 2 -> 1 over units.
      {"too small an array", copy3, machine(1, "\"x\": 2"), all, 25 + 9},
      // In time, in two orders; a, b or both over units.
      {"two ranks, two units", copy22, machine(0, "\"x\": 2"), all, 2 + 2},
      {"two ranks, four units", copy22, machine(0, "\"x\": 4"), all, 2 + 3},
      // a along x or y, b along what is left, or both along one.
      {"two ranks, two dimensions", copy22, machine(0, "\"x\": 4, \"y\": 2"),
       all, 2 + 2 * 2 + 1 + 2},
      // Registers alone: nowhere, above or below the loop; per unit below only.
      {"registers", copy2, machine(0, "\"x\": 2", true), all, 9 + 4},
      {"two arrays", copy2, machine(1, "", false, 2), all, 18},
      // Y at L0: 9 * 9. Y at L1 around both: 3 * 3. Below a shared loop: X
      // nowhere, above it, or in its own branch; so Z: 9, and as a pipeline.
      {"two copies", pair, machine(1, ""), all, 81 + 9 + 9 + 9},
      {"two copies, no pipeline", pair, machine(1, ""), flat, 81 + 9 + 9},
      // Nothing fused; Y or Z, with the loop shared or not; both, with none,
      // one or all of the loops shared.
      {"three copies", three, machine(1, ""), flat,
       729 + 2 * (81 + 81) + 4 * 9},
      // Two orders; X held by each or not, or once for both.
      {"a fork", fork, machine(1, ""), all, 2 * (4 * 4 + 2 * 2)},
      // X at L0: 9 * 9; one holder for both around all: 3 * 3. Below a shared
      // loop: Y nowhere, above it, or in its own branch; so Z: 9.
      {"a fork, no pipeline", fork2, machine(1, ""), flat, 2 * (81 + 9 + 9)},
      {"a fork of two steps", fork2, machine(1, ""), all, 2 * (81 + 9 + 2 * 9)},
      // Y, an output, at L0; held by each or not, or once for both.
      {"an output read again", again, machine(1, ""), all, 4 * 4 + 2 * 2},
  };
}

} // namespace

std::string einsum::optimality::checkSizes(mlir::MLIRContext &context) {
  std::string text;
  for (const Counted &expected : countedByHand()) {
    auto problem = load(expected.cascade, expected.spec, context);
    if (!problem)
      return text + expected.what + ": not valid\n";
    Space space(problem->facts, problem->arch, expected.limits);
    std::set<std::string> different;
    uint64_t trees = 0;
    space.forEachSkeleton([&](const Skeleton &skeleton) {
      space.forEachTree(skeleton, [&](const Tree &tree) {
        ++trees;
        different.insert(
            printTree(tree, problem->cascade, problem->facts, problem->arch));
      });
      return true;
    });
    if (trees != expected.trees || different.size() != trees ||
        space.size(1 << 20) != trees)
      text += std::string(expected.what) + ": " + std::to_string(trees) +
              " trees, " + std::to_string(different.size()) +
              " different, instead of " + std::to_string(expected.trees) + "\n";
  }
  return text;
}

/// Turns every run of holders around.
static Nest reverseHolders(Nest nest) {
  // Outer levels of one tensor stay above inner ones.
  auto isHolder = [](const Step &step) { return step.kind == Step::holder; };
  for (auto at = nest.begin(); at != nest.end();) {
    at = std::find_if(at, nest.end(), isHolder);
    auto end = std::find_if_not(at, nest.end(), isHolder);
    std::sort(at, end, [](const Step &a, const Step &b) {
      return std::make_pair(-a.tensor, a.level) <
             std::make_pair(-b.tensor, b.level);
    });
    at = end;
  }
  return nest;
}

std::string einsum::optimality::checkHolderOrder(mlir::MLIRContext &context) {
  std::string text;
  uint64_t compared = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Problem made = generate(seed, {}, context);
    auto problem = load(made.cascade, made.spec, context);
    if (!problem)
      return text + "problem " + std::to_string(seed) + " is not valid\n";
    Space space(problem->facts, problem->arch, made.limits);
    if (space.size(2000) > 2000)
      continue;
    Goal goal = {{Measure::latency}, {Measure::energy}, {Measure::traffic, 0}};
    space.forEachSkeleton([&](const Skeleton &skeleton) {
      space.forEachTree(skeleton, [&](const Tree &tree) {
        Tree other = tree;
        for (Nest &nest : other.nest)
          nest = reverseHolders(nest);
        auto evaluate = [&](const Tree &t) {
          return evaluateTree(t, problem->cascade, problem->facts,
                              problem->arch, goal);
        };
        auto first = evaluate(tree), second = evaluate(other);
        ++compared;
        if (first != second)
          text +=
              "seed " + std::to_string(seed) +
              ": the order of holders matters\n" +
              printTree(tree, problem->cascade, problem->facts, problem->arch);
      });
      return text.empty();
    });
  }
  if (compared < 1000)
    text += "too few trees compared: " + std::to_string(compared) + "\n";
  return text;
}
