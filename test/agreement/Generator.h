//===- Generator.h - Random cascades, machines and schedules ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Draws one case. What is drawn depends on the order of the draws, so that a
// seed makes the same case for as long as nothing is drawn in between: what is
// new is drawn last.
//
//   GenerateCascade.cpp    ranks, Einsums, filters, formats
//   GenerateMachine.cpp    levels, arrays, links, times
//   GenerateSchedule.cpp   loop trees, transfers, what shares space
//
//===----------------------------------------------------------------------===//

#ifndef TEST_AGREEMENT_GENERATOR_H
#define TEST_AGREEMENT_GENERATOR_H

#include "test/agreement/Case.h"

#include <algorithm>
#include <map>
#include <set>

namespace einsum::agreement {

class Generator {
public:
  Generator(uint64_t seed, Focus focus)
      : random(seed * 0x9E3779B97F4A7C15ull + 1), focus(focus), second(focus) {
    // Blocks are cut in whatever way tiles come about.
    if (focus == Focus::formats)
      second = pickOf<Focus>({Focus::formats, Focus::formats, Focus::halos,
                              Focus::units, Focus::masks});
  }

  Case make(bool extended);

private:
  using Counts = std::map<std::string, int>;
  using Tiles = std::vector<int64_t>;

  int64_t pick(int64_t lo, int64_t hi) { // both included
    return lo +
           static_cast<int64_t>(random() % static_cast<uint64_t>(hi - lo + 1));
  }
  bool chance(int percent) { return pick(1, 100) <= percent; }
  int in(Focus which, int there, int elsewhere) const {
    return focus == which || second == which ? there : elsewhere;
  }
  template <typename T> const T &pickOf(const std::vector<T> &all) {
    return all[pick(0, all.size() - 1)];
  }
  template <typename T> void shuffle(std::vector<T> &all) {
    for (size_t i = all.size(); i > 1; --i)
      std::swap(all[i - 1], all[pick(0, i - 1)]);
  }

  // Cascades
  bool isWindow(int rank) const {
    return std::find(windows.begin(), windows.end(), rank) != windows.end();
  }
  void addFormats();
  std::string makeStorage(const std::vector<int> &ranks);
  bool hasWindow(const std::string &tensor);
  void makeRanks();
  void makeWindows();
  const std::vector<int> &ranksOf(const std::string &tensor);
  std::string makeInput(std::vector<int> ranks);
  std::vector<int> someRanks(int most);
  CaseRead makeRead(const std::string &tensor, bool throughWindow,
                    std::set<int> &iterated);
  std::string chooseTensor(bool preferMade);
  bool has(const std::string &tensor, int rank);
  void makeEinsums();
  void addOperand(CaseEinsum &einsum, std::set<int> &iterated);
  void makeFusedWindows();
  CaseRead makeFurtherRead(const std::string &tensor, std::set<int> &iterated);
  void makeRecurrence(CaseEinsum &einsum, const std::string &source);
  void makePlain(CaseEinsum &einsum, const std::string &first, bool later);
  void readEarlierStep(CaseRead &read);
  void addGather(CaseEinsum &einsum, size_t read, std::set<int> &iterated);
  static bool mentions(const std::string &expr, const std::string &name);
  int rankNamed(const std::string &name) const;
  static std::string llvmUpper(std::string text);
  int64_t sizeOf(const std::set<int> &ranks);
  void shrinkRanks(const std::set<int> &ranks);
  void addChain(CaseEinsum &einsum);
  void addFilter(CaseEinsum &einsum);

  // Machines
  void extend();
  void extendWays();
  CaseLink makeLink();
  void moveDimension(const std::string &name, const std::string &dim,
                     int64_t size);
  bool holdsAbove(const Tree &node, const std::string &level,
                  const std::string &dim, bool held);
  void addTimes();
  CaseLevel makeLevel(const std::string &name, const std::string &parent);
  void makeMachine();

  // Schedules
  static std::vector<std::string> heldBy(const Tree &node);
  void addTransfers(Tree &node, Counts holders);
  bool isMoved(const Tree &node, const std::string &tensor, bool fetched);
  static bool contains(const Tree &node, const std::string &einsum);
  void addSpace(Tree &node, Counts holders);
  std::vector<int> iterationOf(const CaseEinsum &einsum);
  std::vector<std::string> tensorsOf(int einsum);
  void makeTree();
  Tree makeFused(const std::vector<int> &all, Tiles tiles,
                 std::set<std::string> held);
  bool isTouched(const std::string &tensor);
  Tree makeStorage(const std::vector<int> &einsums,
                   const std::set<std::string> &needed,
                   std::set<std::string> &held);
  bool isOnlyReadBy(const std::vector<int> &einsums, int made);
  Tree makeLoop(int rank, Tiles &tiles, bool mayKeep);
  Tree makeSubtree(std::vector<int> einsums, Tiles tiles,
                   std::set<std::string> held, int depth);
  Tree makeSplit(const std::vector<int> &einsums, const Tiles &tiles,
                 std::set<std::string> held, int depth);
  Tree makeNest(int einsum, Tiles tiles, std::set<std::string> held);

  std::mt19937_64 random;
  Case c;
  std::vector<int> plain; ///< ranks that are no window and not split
  Focus focus, second;    ///< two of them with `formats`
  int split = -1;
  std::vector<int> windows;
  std::vector<std::string> shared; ///< levels that are no register files
  std::vector<std::string> arrayOf;
  std::vector<int> tail;
};

} // namespace einsum::agreement

#endif // TEST_AGREEMENT_GENERATOR_H
