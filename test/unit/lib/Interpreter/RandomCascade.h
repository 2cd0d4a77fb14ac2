//===- RandomCascade.h - Small cascades made up at random -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For tests that hold for every cascade: text in the notation, different for
// each seed and the same for the same seed and options.
//
//   cascade random(A=3, B=2, C=5) : f64
//     split c = c1, c0(2)
//     input X0[a,c], X1[b]
//     T0[a] = max(c) X0[a,c] * X1[1]
//     T1[a,c1] = T1[a,c1-1] + exp(T0[a]) ... init 0
//     ...
//     output T0, T1
//
// Each statement is drawn from what the options allow: maps over one to three
// accesses, reductions by the listed monoids, filters over kept and over
// reduced ranks, splits whose tiles need not divide, windows, recurrences
// forwards and backwards, indices as values. Every tensor is an output, so that
// a test that compares cascades compares all of it. Values stay moderate:
// exponentials are of negated squares, divisors are away from 0.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_INTERPRETER_RANDOMCASCADE_H
#define TEST_UNIT_LIB_INTERPRETER_RANDOMCASCADE_H

#include <cstdint>
#include <string>
#include <vector>

namespace einsum::test {

struct RandomCascadeOptions {
  unsigned statements = 5;
  unsigned maxRanks = 3;  ///< of the cascade, not counting parts
  unsigned maxExtent = 6; ///< inclusive; the smallest is 1
  bool filters = true;
  bool splits = true;
  bool windows = true;
  bool recurrences = true;
  bool indices = true;
  std::vector<std::string> monoids = {"add", "max", "min", "mul"};
  std::string elementType = "f64";
};

class RandomCascade {
public:
  RandomCascade(uint64_t seed, RandomCascadeOptions options = {})
      : options(std::move(options)), state(seed * 2 + 1) {}

  std::string make() {
    declareRanks();
    std::string body;
    for (unsigned i = 0; i < options.statements; ++i)
      body += makeStatement(i);
    return makeHeader() + body + makeOutputs();
  }

private:
  struct Rank {
    std::string name;
    std::string whole; ///< of a part: the rank that is split
    unsigned extent = 1;
  };
  struct Tensor {
    std::string name;
    std::vector<Rank> ranks;
    bool isInput = false;
  };

  /// A number below `bound`: xorshift (Marsaglia 2003).
  unsigned draw(unsigned bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<unsigned>((state >> 11) % bound);
  }
  bool chance(unsigned percent) { return draw(100) < percent; }

  void declareRanks() {
    for (int i = 0; i < 8; ++i)
      draw(2); // small seeds start alike
    unsigned count = 1 + draw(options.maxRanks);
    for (unsigned i = 0; i < count; ++i)
      ranks.push_back({std::string(1, static_cast<char>('a' + i)), "",
                       1 + draw(options.maxExtent)});
    if (options.splits && chance(50)) {
      const Rank &whole = ranks[draw(count)];
      tile = 1 + draw(3);
      splitOf = whole.name;
      parts = {{whole.name + "1", whole.name, (whole.extent + tile - 1) / tile},
               {whole.name + "0", whole.name, tile}};
    }
    unsigned inputs = 1 + draw(3);
    for (unsigned i = 0; i < inputs; ++i) {
      Tensor input{"X" + std::to_string(i), {}, true};
      for (const Rank &rank : ranks)
        if (chance(65))
          input.ranks.push_back(rank);
      tensors.push_back(input);
    }
  }

  static std::string upper(std::string name) {
    name[0] = static_cast<char>(name[0] - 'a' + 'A');
    return name;
  }

  static std::string access(const Tensor &tensor,
                            const std::vector<std::string> &indices) {
    std::string text = tensor.name + "[";
    for (size_t i = 0; i < indices.size(); ++i)
      text += (i ? "," : "") + indices[i];
    return text + "]";
  }

  std::string makeHeader() {
    std::string text = "cascade random(";
    for (size_t i = 0; i < ranks.size(); ++i)
      text += (i ? ", " : "") + upper(ranks[i].name) + "=" +
              std::to_string(ranks[i].extent);
    text += ") : " + options.elementType + "\n";
    if (!splitOf.empty())
      text += "  split " + splitOf + " = " + splitOf + "1, " + splitOf + "0(" +
              std::to_string(tile) + ")\n";
    for (const Tensor &tensor : tensors)
      if (tensor.isInput)
        text += "  input " + access(tensor, names(tensor.ranks)) + "\n";
    return text;
  }

  static std::vector<std::string> names(const std::vector<Rank> &ranks) {
    std::vector<std::string> result;
    for (const Rank &rank : ranks)
      result.push_back(rank.name);
    return result;
  }

  /// Inputs count as used by an output of their own.
  std::string makeOutputs() {
    std::string text;
    for (const Tensor &tensor : tensors)
      text += (text.empty() ? "  output " : ", ") + tensor.name;
    return text + "\n";
  }

  /// Whether the statement iterates over the parts of the split rank.
  std::vector<Rank> makeIterationSpace() {
    std::vector<Rank> space;
    bool inParts = !splitOf.empty() && chance(60);
    for (const Rank &rank : ranks) {
      if (!chance(75))
        continue;
      if (rank.name == splitOf && inParts)
        space.insert(space.end(), parts.begin(), parts.end());
      else
        space.push_back(rank);
    }
    if (space.empty())
      space.push_back(ranks.front());
    return space;
  }

  static bool iterates(const std::vector<Rank> &space,
                       const std::string &name) {
    for (const Rank &rank : space)
      if (rank.name == name)
        return true;
    return false;
  }

  /// An index over `space` for a rank of a tensor; empty if none reads inside.
  std::string makeIndex(const Rank &rank, const std::vector<Rank> &space,
                        bool mayLeave) {
    if (iterates(space, rank.name)) {
      if (options.windows && mayLeave && chance(15))
        return rank.name + (chance(50) ? "+1" : "-1");
      if (options.windows && mayLeave && chance(8))
        return upper(rank.whole.empty() ? rank.name : rank.whole) + "-1-" +
               rank.name;
      return rank.name;
    }
    if (rank.name == splitOf && iterates(space, splitOf + "1") &&
        iterates(space, splitOf + "0"))
      return std::to_string(tile) + "*" + splitOf + "1+" + splitOf + "0";
    return std::to_string(draw(rank.extent));
  }

  std::string makeRead(const Tensor &tensor, const std::vector<Rank> &space) {
    std::vector<std::string> indices;
    for (const Rank &rank : tensor.ranks)
      indices.push_back(makeIndex(rank, space, /*mayLeave=*/true));
    return access(tensor, indices);
  }

  std::string makeMap(const std::vector<Rank> &space) {
    std::string expression = makeRead(tensors[draw(tensors.size())], space);
    unsigned more = draw(3);
    for (unsigned i = 0; i < more; ++i) {
      std::string operand = makeRead(tensors[draw(tensors.size())], space);
      switch (draw(6)) {
      case 0:
        expression = expression + " + " + operand;
        break;
      case 1:
        expression = "(" + expression + ") * tanh(" + operand + ")";
        break;
      case 2:
        expression = "max(" + expression + ", " + operand + ")";
        break;
      case 3:
        expression = "exp(0 - abs(" + expression + ")) - " + operand;
        break;
      case 4:
        expression = "(" + expression + ") / (2 + abs(" + operand + "))";
        break;
      default:
        expression = "select(" + expression + " < " + operand + ", " + operand +
                     ", 0.5)";
        break;
      }
    }
    return expression;
  }

  std::string makeFilter(const std::vector<Rank> &space) {
    const Rank &a = space[draw(space.size())], &b = space[draw(space.size())];
    const char *comparisons[] = {" <= ", " < ", " >= ", " == "};
    if (a.name == b.name)
      return a.name + (chance(50) ? " <= " : " >= ") +
             std::to_string(draw(a.extent));
    return a.name + comparisons[draw(4)] + b.name;
  }

  std::string makeStatement(unsigned number) {
    std::vector<Rank> space = makeIterationSpace(), kept, reduced;
    for (const Rank &rank : space)
      (chance(60) ? kept : reduced).push_back(rank);
    Tensor result{"T" + std::to_string(number), kept, false};
    std::string map = makeMap(space);
    // Ranks that no access names are named by an index.
    for (const Rank &rank : reduced)
      map = map + " + " + (options.indices && chance(30) ? "" : "0 * ") +
            rank.name;
    if (options.indices && !kept.empty() && chance(20))
      map = map + " - " + kept[draw(kept.size())].name;
    std::string init;
    if (options.recurrences && !kept.empty() && chance(35)) {
      unsigned along = draw(kept.size());
      std::vector<std::string> indices = names(kept);
      indices[along] += chance(70) ? "-1" : "+1";
      map = "tanh(" + map + ") + 0.5 * " + access(result, indices);
      init = chance(50) ? " init 0" : " init 1.5";
    }
    std::string text = "  " + access(result, names(kept)) + " = ";
    for (const Rank &rank : reduced)
      text += options.monoids[draw(options.monoids.size())] + "(" + rank.name +
              ") ";
    text += map;
    if (options.filters && chance(30))
      text += " where " + makeFilter(space);
    tensors.push_back(result);
    return text + init + "\n";
  }

  RandomCascadeOptions options;
  uint64_t state;
  std::vector<Rank> ranks, parts;
  std::string splitOf;
  unsigned tile = 1;
  std::vector<Tensor> tensors;
};

} // namespace einsum::test

#endif // TEST_UNIT_LIB_INTERPRETER_RANDOMCASCADE_H
