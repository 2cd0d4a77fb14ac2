//===- Generate.cpp - Random cascades, machines and schedules -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cascades: one to four Einsums over two to five ranks, each made of what is
// there already: products and sums reduced over some ranks, maxima,
// exponentials, windows with stride and dilation, reads through a split,
// recurrences forward and backward and reads of their last step, filters.
//
// Schedules, from the root down for a set of Einsums: hold some tensors at a
// level, loop over a rank that some of them have, or, with several Einsums
// left, make them children of a sequence or a pipeline; with one left, loop
// until its ranks are points, in time and across the array. Every choice is
// random: which tensors are held where, which levels are passed by, tiles (that
// need not divide), copies, halos, lags.
//
// With a focus, more of what is rare otherwise: windowed tensors produced on
// demand, units above what else is done, steps of recurrences held apart, masks
// over windows and splits, number formats whose blocks tiles cut, coordinates
// that are data.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Case.h"

#include <algorithm>
#include <map>
#include <set>

using namespace einsum::agreement;

namespace {

class Generator {
public:
  Generator(uint64_t seed, Focus focus)
      : random(seed * 0x9E3779B97F4A7C15ull + 1), focus(focus), second(focus) {
    // Blocks are cut in whatever way tiles come about.
    if (focus == Focus::formats)
      second = pickOf<Focus>({Focus::formats, Focus::formats, Focus::halos,
                              Focus::units, Focus::masks});
  }

  Case make(bool extended) {
    makeRanks();
    makeEinsums();
    makeMachine();
    makeTree();
    c.deriveExtents();
    addTimes();
    addTransfers(c.tree, {});
    addSpace(c.tree, {});
    if (extended)
      extend();
    addFormats();
    return std::move(c);
  }

private:
  /// Accounting profiles, and limits of multicast and reduction networks. Drawn
  /// last, so that the rest of a case is the same without them.
  void extend() {
    c.onePerPoint = chance(40);
    c.sequential = chance(40);
    for (CaseLevel &level : c.levels)
      level.multicast = chance(50) ? pick(1, 4) : 0;
    for (CaseArray &array : c.arrays) {
      array.reduction = chance(50) ? pick(1, 4) : 0;
      array.cycles.emplace_back("compute", pick(1, 3));
    }
    extendWays();
  }

  /// Number formats of inputs, and of results that one point makes. Drawn last.
  void addFormats() {
    for (CaseArray &array : c.arrays)
      array.cycles.emplace_back("convert", pick(1, 2));
    for (CaseInput &input : c.inputs)
      if (input.storage.empty() && chance(in(Focus::formats, 80, 20)))
        input.storage = makeStorage(input.ranks);
    for (CaseEinsum &einsum : c.einsums)
      if (einsum.reduced.empty() && !einsum.isRecurrence() &&
          chance(in(Focus::formats, 60, 20)))
        einsum.storage = makeStorage(einsum.out);
  }

  std::string makeStorage(const std::vector<int> &ranks) {
    if (ranks.empty() || chance(in(Focus::formats, 10, 25)))
      return pickOf<std::string>({"fp8e4m3", "fp6e2m3", "int4 tensor"});
    const CaseRank &rank = c.ranks[pickOf(ranks)];
    if (chance(in(Focus::formats, 15, 30)))
      return "int3 channel " + rank.name;
    int64_t size = pick(
        std::min<int64_t>(in(Focus::formats, 2, 1), rank.extent), rank.extent);
    while (rank.extent % size != 0)
      --size;
    std::string format =
        chance(50) ? "int8(scale=f32) group(" : "bfp(mantissa=4) block(";
    if (focus == Focus::formats && chance(30)) // and one for the whole tensor
      format = "int4(scale=e4m3) group(";
    std::string text = format + std::to_string(size) + ") " + rank.name;
    const CaseRank &other = c.ranks[ranks.front()];
    if (focus == Focus::formats && format[0] == 'i' && chance(40) &&
        other.name != rank.name)
      text += " group(" + std::to_string(other.extent % 2 ? other.extent : 2) +
              ") " + other.name;
    return text;
  }

  /// Chunks, latencies, links, how far words reach along dimensions, and a
  /// level with several instances.
  void extendWays() {
    auto limit = [&](CaseDim &dim) {
      dim.multicast = chance(30) ? pick(1, 4) : 0;
      dim.reduction = chance(30) ? pick(1, 4) : 0;
    };
    if (chance(40))
      moveDimension("L1", "x", 10);
    for (CaseLevel &level : c.levels) {
      level.chunk = chance(30) ? int64_t{1} << pick(0, 6) : 1;
      if (chance(30))
        level.latency = pick(1, 20);
      if (!level.parent.empty() && level.per.empty())
        level.link = makeLink();
      for (CaseDim &dim : level.instances)
        limit(dim);
    }
    for (CaseArray &array : c.arrays) {
      array.link = makeLink();
      for (CaseDim &dim : array.dims)
        limit(dim);
    }
  }

  CaseLink makeLink() {
    if (chance(60))
      return {};
    return {
        pickOf(std::vector<std::string>{"bus", "mesh", "ring", "all_to_all"}),
        chance(50) ? pick(1, 16) : 0, chance(30) ? pick(1, 5) : 0};
  }

  /// Along `dim` stand instances of a level, instead of units of the arrays in
  /// it, if no tile of that level is above a loop across it.
  void moveDimension(const std::string &name, const std::string &dim,
                     int64_t size) {
    auto level =
        std::find_if(c.levels.begin(), c.levels.end(),
                     [&](const CaseLevel &l) { return l.name == name; });
    if (level == c.levels.end() || holdsAbove(c.tree, name, dim, false))
      return;
    level->instances = {{dim, size, 0, 0}};
    for (CaseArray &array : c.arrays)
      array.dims.erase(
          std::remove_if(array.dims.begin(), array.dims.end(),
                         [&](const CaseDim &d) { return d.name == dim; }),
          array.dims.end());
  }

  /// A storage node at the level, or at one private to an array, above a loop
  /// across the dimension.
  bool holdsAbove(const Tree &node, const std::string &level,
                  const std::string &dim, bool held) {
    held |= node.kind == TreeKind::storage &&
            (node.level == level || node.level.rfind("rf_", 0) == 0);
    if (held && node.kind == TreeKind::spatial && node.dim == dim)
      return true;
    return std::any_of(
        node.children.begin(), node.children.end(),
        [&](const Tree &child) { return holdsAbove(child, level, dim, held); });
  }

  //===--------------------------------------------------------------------===//
  // Of a schedule that is there: what changes its time and space
  //===--------------------------------------------------------------------===//

  void addTimes() {
    c.buffered = chance(30);
    c.sequential = chance(15);
    bool startsUp = chance(40);
    for (CaseArray &array : c.arrays)
      for (int64_t *cycles : {&array.fill, &array.drain, &array.beyond})
        *cycles = startsUp && chance(50) ? pick(1, 9) : 0;
    for (CaseLevel &level : c.levels)
      level.latency = startsUp && chance(30) ? pick(1, 9) : 0;
    for (const char *name : {"dma0", "dma1"})
      c.engines.push_back(
          {name, chance(60) ? pick(1, 8) : 0, chance(60) ? pick(1, 12) : 0});
  }

  /// The names that a node holds, not just passes on.
  static std::vector<std::string> heldBy(const Tree &node) {
    if (node.kind != TreeKind::storage || node.passthrough)
      return {};
    return node.tensors;
  }

  using Counts = std::map<std::string, int>;

  /// Fills before what uses them, drains behind, in splits that have both a
  /// near and a far place for a tensor. The verifier knows which are in order.
  void addTransfers(Tree &node, Counts holders) {
    for (const std::string &tensor : heldBy(node))
      ++holders[tensor];
    for (Tree &child : node.children)
      addTransfers(child, holders);
    if (!node.isSplit())
      return;
    for (bool first : {true, false}) {
      if (!chance(25))
        continue;
      Tree transfer;
      transfer.kind = TreeKind::transfer;
      transfer.engine = pickOf(c.engines).name;
      for (const auto &[tensor, count] : holders)
        if (count > 1 && isMoved(node, tensor, first) && chance(70))
          transfer.tensors.push_back(tensor);
      if (transfer.tensors.empty())
        continue;
      int64_t apart = chance(85) ? 1 : pick(0, 2);
      int64_t longest = 0;
      for (int64_t &lag : node.lags) {
        lag += first ? apart : 0;
        longest = std::max(longest, lag);
      }
      if (node.kind == TreeKind::pipeline)
        node.lags.insert(first ? node.lags.begin() : node.lags.end(),
                         first ? 0 : longest + apart);
      node.children.insert(first ? node.children.begin() : node.children.end(),
                           transfer);
    }
  }

  /// Whether there is, most likely, something to fetch, or to deliver.
  bool isMoved(const Tree &node, const std::string &tensor, bool fetched) {
    bool reads = false, makes = false;
    for (size_t i = 0; i < c.einsums.size(); ++i) {
      std::vector<std::string> names = tensorsOf(i);
      if (!contains(node, c.einsums[i].name) ||
          std::find(names.begin(), names.end(), tensor) == names.end())
        continue;
      (c.einsums[i].name == tensor ? makes : reads) = true;
    }
    return fetched ? reads && !makes : makes;
  }

  static bool contains(const Tree &node, const std::string &einsum) {
    return node.einsum == einsum ||
           std::any_of(
               node.children.begin(), node.children.end(),
               [&](const Tree &child) { return contains(child, einsum); });
  }

  /// Steps of a recurrence are not all used equally often.
  /// Tiles that lie near in part, in one another's place, or a window at a
  /// time.
  void addSpace(Tree &node, Counts holders) {
    bool backed = node.kind == TreeKind::storage && !node.passthrough;
    for (const std::string &tensor : heldBy(node))
      backed &= holders[tensor]++ > 0;
    if (backed && chance(in(Focus::units, 35, 10)) && node.halo.empty())
      node.resident = pick(1, 8);
    if (backed && node.tensors.size() > 1 && chance(15))
      node.shared = true;
    if (node.kind == TreeKind::storage && !node.shared && chance(10)) {
      std::vector<int> ranks = ranksOf(node.tensors.front());
      for (const std::string &tensor : node.tensors)
        ranks.erase(
            std::remove_if(ranks.begin(), ranks.end(),
                           [&](int rank) { return !has(tensor, rank); }),
            ranks.end());
      if (!ranks.empty() && holders.size() > 0) {
        node.streamRank = pickOf(ranks);
        node.depth = pick(1, 4);
      }
    }
    for (Tree &child : node.children)
      addSpace(child, holders);
  }

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

  //===--------------------------------------------------------------------===//
  // Cascades
  //===--------------------------------------------------------------------===//

  bool isWindow(int rank) const {
    return std::find(windows.begin(), windows.end(), rank) != windows.end();
  }
  bool hasWindow(const std::string &tensor) {
    return std::any_of(windows.begin(), windows.end(),
                       [&](int rank) { return has(tensor, rank); });
  }

  void makeRanks() {
    if (second == Focus::halos)
      return makeWindows();
    bool areLong = focus == Focus::filters;
    int count = areLong ? 3 : pick(2, 4);
    for (int i = 0; i < count; ++i) {
      CaseRank rank;
      rank.name = std::string(1, "abcd"[i]);
      rank.extent = areLong
                        ? pick(6, 24)
                        : pick(1, count > 3 ? 4 : in(Focus::formats, 12, 6));
      c.ranks.push_back(rank);
      plain.push_back(i);
    }
    if (chance(in(Focus::masks, 50, in(Focus::filters, 0, 30)))) {
      CaseRank whole;
      whole.name = "s";
      whole.extent = pick(2, 9);
      whole.tile = pick(2, 4);
      whole.outer = c.ranks.size() + 1;
      whole.inner = c.ranks.size() + 2;
      split = c.ranks.size();
      c.ranks.push_back(whole);
      CaseRank part;
      part.name = "s1";
      plain.push_back(c.ranks.size());
      c.ranks.push_back(part);
      part.name = "s0";
      plain.push_back(c.ranks.size());
      c.ranks.push_back(part);
    }
    if (chance(in(Focus::masks, 75, in(Focus::filters, 0, 45)))) {
      CaseRank window;
      window.name = "h";
      window.p = pick(0, count - 1);
      do
        window.r = pick(0, count - 1);
      while (window.r == window.p);
      window.stride = chance(65) ? 1 : pick(2, 3);
      window.dilation = chance(65) ? 1 : pick(2, 3);
      // The producer of a windowed tensor may reduce over ranks of its own.
      windows = {static_cast<int>(c.ranks.size())};
      c.ranks.push_back(window);
    }
    c.deriveExtents();
    c.type = chance(60) ? "f32" : chance(70) ? "f16" : "f64";
  }

  /// One window or two, and maybe one more over the first.
  void makeWindows() {
    bool isPlane = chance(35);
    int count = isPlane ? 4 : pick(2, 4);
    for (int i = 0; i < count; ++i) {
      CaseRank rank;
      rank.name = std::string(1, "abcd"[i]);
      rank.extent = i % 2 == 0 ? pick(1, isPlane ? 4 : 6) : pick(1, 3);
      c.ranks.push_back(rank);
      plain.push_back(i);
    }
    auto add = [&](const char *name, int p, int r) {
      CaseRank window;
      window.name = name;
      window.p = p;
      window.r = r;
      window.stride = chance(65) ? 1 : pick(2, 3);
      window.dilation = chance(75) ? 1 : pick(2, 3);
      windows.push_back(c.ranks.size());
      c.ranks.push_back(window);
    };
    add("h", 0, 1);
    if (isPlane)
      add("w", 2, 3);
    if (chance(40))
      add("g", windows.front(), chance(50) ? 1 : count - 1);
    c.deriveExtents();
    c.type = chance(70) ? "f32" : "f16";
  }

  const std::vector<int> &ranksOf(const std::string &tensor) {
    for (const CaseInput &input : c.inputs)
      if (input.name == tensor)
        return input.ranks;
    for (const CaseEinsum &einsum : c.einsums)
      if (einsum.name == tensor)
        return einsum.out;
    return c.inputs.front().ranks;
  }

  std::string makeInput(std::vector<int> ranks) {
    CaseInput input;
    input.name = "I" + std::to_string(c.inputs.size());
    shuffle(ranks);
    input.ranks = std::move(ranks);
    c.inputs.push_back(input);
    return input.name;
  }

  std::vector<int> someRanks(int most) {
    std::vector<int> ranks = plain;
    shuffle(ranks);
    ranks.resize(std::min<size_t>(ranks.size(), pick(1, most)));
    return ranks;
  }

  /// Reads a tensor at the ranks that it has; windowed and split ones through
  /// an expression of ranks of the Einsum.
  CaseRead makeRead(const std::string &tensor, bool throughWindow,
                    std::set<int> &iterated) {
    CaseRead read;
    read.tensor = tensor;
    for (int rank : ranksOf(tensor)) {
      const CaseRank &info = c.ranks[rank];
      if (rank == split) {
        read.index.push_back(c.ranks[info.outer].name + "*S0+" +
                             c.ranks[info.inner].name);
        iterated.insert({info.outer, info.inner});
      } else if (isWindow(rank) && throughWindow) {
        auto term = [&](int64_t factor, int of) {
          return (factor == 1 ? "" : std::to_string(factor) + "*") +
                 c.ranks[of].name;
        };
        read.index.push_back(term(info.stride, info.p) + "+" +
                             term(info.dilation, info.r));
        iterated.insert({info.p, info.r});
      } else {
        read.index.push_back(info.name);
        iterated.insert(rank);
      }
    }
    return read;
  }

  std::string chooseTensor(bool preferMade) {
    if (!c.einsums.empty() && (preferMade || chance(50)))
      return chance(75) ? c.einsums.back().name : pickOf(c.einsums).name;
    if (!c.inputs.empty() && chance(35))
      if (const CaseInput &input = pickOf(c.inputs); input.storage != "i32")
        return input.name;
    std::vector<int> ranks = someRanks(3);
    if (split >= 0 && chance(40)) {
      ranks.erase(std::remove_if(ranks.begin(), ranks.end(),
                                 [&](int r) {
                                   return r == c.ranks[split].outer ||
                                          r == c.ranks[split].inner;
                                 }),
                  ranks.end());
      ranks.push_back(split);
    }
    if (!windows.empty() && chance(40)) {
      int window = windows.front();
      ranks.erase(std::remove_if(ranks.begin(), ranks.end(),
                                 [&](int r) {
                                   return r == c.ranks[window].p ||
                                          r == c.ranks[window].r;
                                 }),
                  ranks.end());
      ranks.push_back(window);
    }
    return makeInput(ranks);
  }

  bool has(const std::string &tensor, int rank) {
    const std::vector<int> &ranks = ranksOf(tensor);
    return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  }

  void makeEinsums() {
    int count = second == Focus::halos    ? pick(2, 3)
                : focus == Focus::filters ? pick(1, 2)
                                          : pick(1, 4);
    if (second == Focus::halos)
      makeFusedWindows();
    for (int i = c.einsums.size(); i < count; ++i) {
      CaseEinsum einsum;
      einsum.name = "T" + std::to_string(i);
      std::string first = chooseTensor(i > 0);
      const std::vector<int> &ranks = ranksOf(first);
      bool plainRanks = std::all_of(ranks.begin(), ranks.end(), [&](int r) {
        return r != split && !isWindow(r);
      });
      if (plainRanks && !ranks.empty() &&
          chance(in(Focus::recurrences, 60, 22)))
        makeRecurrence(einsum, first);
      else
        makePlain(einsum, first, i > 0);
      if (focus == Focus::filters && chance(80))
        addChain(einsum);
      else if (chance(in(Focus::masks, 80, in(Focus::halos, 8, 18))))
        addFilter(einsum);
      c.einsums.push_back(einsum);
    }
    c.outputs = {c.einsums.back().name};
    // What nobody reads is an output; so is now and then something else.
    for (const CaseEinsum &einsum : c.einsums) {
      bool isRead = false;
      for (const CaseEinsum &other : c.einsums)
        for (const CaseRead &read : other.reads)
          isRead |= &other != &einsum && read.tensor == einsum.name;
      if (einsum.name != c.outputs.front() &&
          (!isRead || (chance(10) && second != Focus::halos)))
        c.outputs.push_back(einsum.name);
    }
  }

  /// Sometimes a second operand, over one or two ranks of the first.
  void addOperand(CaseEinsum &einsum, std::set<int> &iterated) {
    if (!chance(50))
      return;
    einsum.kind = chance(60) ? MapKind::product : MapKind::sum;
    std::vector<int> ranks(iterated.begin(), iterated.end());
    shuffle(ranks);
    ranks.resize(std::min<size_t>(ranks.size(), pick(1, 2)));
    std::string operand = makeInput(ranks);
    einsum.reads.push_back(makeRead(operand, false, iterated));
  }

  /// T0 has the windows that T1 reads it through; its input may have one more.
  void makeFusedWindows() {
    std::vector<int> outer = windows, read;
    bool reachesFurther = c.ranks[windows.back()].name == "g";
    if (reachesFurther)
      outer.pop_back();
    for (int rank : outer)
      read.push_back(reachesFurther && rank == outer.front() ? windows.back()
                                                             : rank);
    std::vector<int> free; // no part of a window that T1 reads through
    for (int rank : plain)
      if (std::none_of(outer.begin(), outer.end(), [&](int window) {
            return c.ranks[window].p == rank || c.ranks[window].r == rank;
          }))
        free.push_back(rank);
    for (int rank : free)
      if (chance(50))
        read.push_back(rank);
    CaseEinsum made;
    made.name = "T0";
    std::set<int> iterated;
    made.kind = MapKind::copy;
    std::string input = makeInput(read);
    made.reads = {makeFurtherRead(input, iterated)};
    addOperand(made, iterated);
    std::set<int> reading;
    made.out = outer;
    for (int rank : iterated)
      if (std::find(outer.begin(), outer.end(), rank) == outer.end())
        (std::find(free.begin(), free.end(), rank) != free.end() && chance(50)
             ? made.out
             : made.reduced)
            .push_back(rank);
    shuffle(made.out);
    shuffle(made.reduced);
    c.einsums.push_back(made);
    CaseEinsum reader;
    reader.name = "T1";
    reader.kind = MapKind::copy;
    reader.reads = {makeRead("T0", true, reading)};
    addOperand(reader, reading);
    while (sizeOf(reading) > 400 || sizeOf(iterated) > 400) {
      shrinkRanks(reading);
      shrinkRanks(iterated);
    }
    for (int rank : reading)
      (chance(c.ranks[rank].name == "a" ? 90 : 60) ? reader.out
                                                   : reader.reduced)
          .push_back(rank);
    if (reader.out.empty())
      std::swap(reader.out, reader.reduced);
    shuffle(reader.out);
    shuffle(reader.reduced);
    c.einsums.push_back(reader);
  }

  /// Through `g` only, of several windows.
  CaseRead makeFurtherRead(const std::string &tensor, std::set<int> &iterated) {
    std::vector<int> all = windows;
    windows.clear();
    for (int rank : all)
      if (c.ranks[rank].name == "g")
        windows.push_back(rank);
    CaseRead read = makeRead(tensor, true, iterated);
    windows = all;
    return read;
  }

  void makeRecurrence(CaseEinsum &einsum, const std::string &source) {
    einsum.kind = chance(60) ? MapKind::runningMax : MapKind::runningSum;
    std::set<int> iterated;
    CaseRead value = makeRead(source, false, iterated);
    einsum.out = ranksOf(source);
    shuffle(einsum.out);
    int along = pickOf(einsum.out);
    int step = chance(80) ? -1 : chance(50) ? 1 : -2;
    CaseRead own;
    own.tensor = einsum.name;
    for (int rank : einsum.out)
      own.index.push_back(c.ranks[rank].name + (rank != along ? ""
                                                : step > 0
                                                    ? "+1"
                                                    : std::to_string(step)));
    einsum.reads = {own, value};
  }

  void makePlain(CaseEinsum &einsum, const std::string &first, bool later) {
    std::set<int> iterated;
    einsum.reads = {makeRead(first, chance(75), iterated)};
    // Now and then the last step of something is read.
    if (later && chance(8) && !einsum.reads[0].index.empty()) {
      size_t at = pick(0, einsum.reads[0].index.size() - 1);
      int rank = ranksOf(first)[at];
      if (rank != split && !isWindow(rank) &&
          einsum.reads[0].index.size() > 1) {
        einsum.reads[0].index[at] = llvmUpper(c.ranks[rank].name) == "S1"
                                        ? c.ranks[rank].name
                                        : llvmUpper(c.ranks[rank].name) + "-1";
        if (einsum.reads[0].index[at] != c.ranks[rank].name)
          iterated.erase(rank);
      }
    }
    if (focus == Focus::recurrences && later)
      readEarlierStep(einsum.reads[0]);
    int kind = pick(0, 9);
    einsum.kind = kind < 5   ? MapKind::product
                  : kind < 7 ? MapKind::sum
                  : kind < 8 ? MapKind::exponential
                             : MapKind::copy;
    if (einsum.kind == MapKind::copy && chance(70))
      einsum.kind = MapKind::exponential; // of one operand
    else if (einsum.kind != MapKind::copy)
      einsum.reads.push_back(
          makeRead(chooseTensor(chance(25)), chance(75), iterated));
    if (focus == Focus::gathers)
      for (size_t i = 0, count = einsum.reads.size(); i < count; ++i)
        while (chance(60))
          addGather(einsum, i, iterated);
    while (sizeOf(iterated) > in(Focus::filters, 6000, 400) && !c.ranks.empty())
      shrinkRanks(iterated);
    std::vector<int> all(iterated.begin(), iterated.end());
    shuffle(all);
    size_t kept =
        chance(in(Focus::units, 15, 40)) ? all.size() : pick(0, all.size());
    if (kept == 0)
      kept = std::min<size_t>(1, all.size());
    einsum.out.assign(all.begin(), all.begin() + kept);
    einsum.reduced.assign(all.begin() + kept, all.end());
    if (!einsum.reduced.empty() && chance(25))
      einsum.monoid = chance(70) ? "max" : "min";
  }

  /// Of a recurrence often a step or two before the reader's own.
  void readEarlierStep(CaseRead &read) {
    for (const CaseEinsum &einsum : c.einsums) {
      if (einsum.name != read.tensor || !einsum.isRecurrence() || chance(40))
        continue;
      const CaseRead &own = einsum.reads.front();
      for (size_t at = 0; at < own.index.size(); ++at)
        if (const std::string &index = own.index[at];
            rankNamed(index) < 0 && rankNamed(read.index[at]) >= 0)
          read.index[at] += index.find('+') != std::string::npos ? "+1"
                            : chance(70)                         ? "-1"
                                                                 : "-2";
    }
  }

  /// Reads along a rank at a coordinate that is data: J[a], b + J[a, b] or
  /// 2 * J[a]. The index has ranks of the Einsum, or new ones.
  void addGather(CaseEinsum &einsum, size_t read, std::set<int> &iterated) {
    std::vector<std::string> index = einsum.reads[read].index;
    if (index.empty())
      return;
    size_t at = pick(0, index.size() - 1);
    int rank = rankNamed(index[at]);
    if (rank < 0)
      return;
    std::vector<int> by = someRanks(2);
    for (int own : iterated)
      if (own != rank && chance(40) && by.size() < 3 &&
          std::count(by.begin(), by.end(), own) == 0 &&
          std::count(plain.begin(), plain.end(), own) != 0)
        by.push_back(own);
    CaseRead where;
    where.isIndex = true;
    std::string known;
    for (const CaseInput &input : c.inputs)
      if (input.storage == "i32" && chance(30))
        known = input.name;
    if (known.empty()) {
      known = makeInput(by);
      c.inputs.back().storage = "i32";
    }
    by = ranksOf(known);
    where.tensor = known;
    std::string text = known + "[";
    for (int own : by) {
      where.index.push_back(c.ranks[own].name);
      text += (text.back() == '[' ? "" : ",") + c.ranks[own].name;
    }
    text += "]";
    if (chance(30))
      text = c.ranks[pickOf(by)].name + "+" + text;
    else if (chance(15))
      text = "2*" + text;
    std::string name = c.ranks[rank].name;
    einsum.reads[read].index[at] = text;
    einsum.reads.push_back(where);
    iterated.insert(by.begin(), by.end());
    bool isStillUsed = std::count(by.begin(), by.end(), rank) != 0;
    for (const CaseRead &other : einsum.reads)
      for (const std::string &expr : other.index)
        isStillUsed |= mentions(expr, name);
    if (!isStillUsed)
      iterated.erase(rank);
  }

  static bool mentions(const std::string &expr, const std::string &name) {
    auto isWord = [](char letter) { return isalnum(letter) != 0; };
    for (size_t at = expr.find(name); at != std::string::npos;
         at = expr.find(name, at + 1))
      if ((at == 0 || !isWord(expr[at - 1])) &&
          (at + name.size() == expr.size() || !isWord(expr[at + name.size()])))
        return true;
    return false;
  }

  int rankNamed(const std::string &name) const {
    for (int rank : plain)
      if (c.ranks[rank].name == name)
        return rank;
    return -1;
  }

  static std::string llvmUpper(std::string text) {
    for (char &letter : text)
      letter = toupper(letter);
    return text;
  }

  int64_t sizeOf(const std::set<int> &ranks) {
    int64_t size = 1;
    for (int rank : ranks)
      size *= c.ranks[rank].extent;
    return size;
  }

  void shrinkRanks(const std::set<int> &ranks) {
    for (int rank : ranks)
      if (c.ranks[rank].p < 0)
        c.ranks[rank].extent = std::max<int64_t>(1, c.ranks[rank].extent / 2);
    if (second == Focus::halos) // two windows may be too much by themselves
      for (int rank : plain)
        c.ranks[rank].extent = std::max<int64_t>(1, c.ranks[rank].extent / 2);
    if (split >= 0)
      c.ranks[split].extent = std::max<int64_t>(1, c.ranks[split].extent / 2);
    c.deriveExtents();
  }

  /// a <= b and b <= c, or with c = a, a band.
  void addChain(CaseEinsum &einsum) {
    std::vector<int> ranks = einsum.out;
    ranks.insert(ranks.end(), einsum.reduced.begin(), einsum.reduced.end());
    if (ranks.size() < 2)
      return addFilter(einsum);
    shuffle(ranks);
    ranks.resize(std::min<size_t>(ranks.size(), 3));
    for (size_t i = 0; i < 2; ++i) {
      const std::string &low = c.ranks[ranks[i]].name,
                        &high = c.ranks[ranks[(i + 1) % ranks.size()]].name;
      einsum.filter += (i > 0 ? ", " : "") + low + " <= " + high;
      if (ranks.size() == 2 || chance(50))
        einsum.filter += " + " + std::to_string(pick(1, 4));
    }
  }

  void addFilter(CaseEinsum &einsum) {
    std::vector<int> ranks = einsum.out;
    ranks.insert(ranks.end(), einsum.reduced.begin(), einsum.reduced.end());
    if (ranks.empty())
      return;
    std::string a = c.ranks[pickOf(ranks)].name,
                b = c.ranks[pickOf(ranks)].name;
    if (a == b)
      einsum.filter = a + " >= " + std::to_string(pick(0, 2));
    else
      einsum.filter = chance(50) ? a + " <= " + b
                      : chance(50)
                          ? a + " < " + b + " + " + std::to_string(pick(1, 3))
                          : a + " + " + b + " >= " + std::to_string(pick(1, 4));
  }

  //===--------------------------------------------------------------------===//
  // Machines
  //===--------------------------------------------------------------------===//

  CaseLevel makeLevel(const std::string &name, const std::string &parent) {
    CaseLevel level;
    level.name = name;
    level.parent = parent;
    level.access = int64_t{1} << pick(0, 5);
    if (chance(40))
      level.bandwidth = pick(1, 16);
    else if (chance(50)) {
      level.readBandwidth = pick(1, 16);
      level.writeBandwidth = pick(1, 16);
    }
    if (chance(15))
      level.ports = pick(1, 2);
    return level;
  }

  void makeMachine() {
    c.perPoint = chance(8);
    c.singleBuffers = chance(8);
    c.levels.push_back(makeLevel("DRAM", ""));
    c.levels.push_back(makeLevel("L2", "DRAM"));
    shared = {"L2"};
    if (chance(60)) {
      c.levels.push_back(makeLevel("L1", "L2"));
      shared.push_back("L1");
    }
    for (const char *name : {"grid", "row", "unit"}) {
      CaseArray array;
      array.name = name;
      array.level = shared.back();
      if (array.name == "grid")
        array.dims = {{"x", 8, 0, 0}, {"y", 10, 0, 0}};
      if (array.name == "row")
        array.dims = {{"x", 10, 0, 0}};
      if (array.name != "unit" && chance(40)) {
        CaseLevel registers = makeLevel("rf_" + array.name, array.level);
        registers.per = array.name;
        c.levels.push_back(registers);
        array.level = registers.name;
      }
      for (const char *op : {"mac", "mul", "add", "sub", "max", "min", "exp"})
        array.cycles.push_back({op, chance(70) ? 1 : pick(2, 5)});
      c.arrays.push_back(array);
    }
  }

  //===--------------------------------------------------------------------===//
  // Schedules
  //===--------------------------------------------------------------------===//

  /// Coordinates of each rank that reach a node.
  using Tiles = std::vector<int64_t>;

  std::vector<int> iterationOf(const CaseEinsum &einsum) {
    std::vector<int> ranks = einsum.out;
    ranks.insert(ranks.end(), einsum.reduced.begin(), einsum.reduced.end());
    return ranks;
  }

  std::vector<std::string> tensorsOf(int einsum) {
    std::vector<std::string> names = {c.einsums[einsum].name};
    for (const CaseRead &read : c.einsums[einsum].reads)
      if (std::find(names.begin(), names.end(), read.tensor) == names.end())
        names.push_back(read.tensor);
    return names;
  }

  void makeTree() {
    Tiles tiles;
    for (const CaseRank &rank : c.ranks)
      tiles.push_back(rank.extent);
    std::vector<int> all;
    for (size_t i = 0; i < c.einsums.size(); ++i) {
      all.push_back(i);
      arrayOf.push_back(pickOf(c.arrays).name);
    }
    Tree root;
    root.kind = TreeKind::storage;
    root.level = "DRAM";
    std::set<std::string> held;
    for (const CaseInput &input : c.inputs)
      held.insert(input.name);
    for (const std::string &output : c.outputs)
      held.insert(output);
    for (const CaseEinsum &einsum : c.einsums)
      if (chance(in(Focus::recurrences, 60, 35)))
        held.insert(einsum.name);
    // An input that nothing reads has no place.
    for (const std::string &name : held)
      if (isTouched(name))
        root.tensors.push_back(name);
    root.children.push_back(second == Focus::halos
                                ? makeFused(all, tiles, held)
                                : makeSubtree(all, tiles, held, 0));
    c.tree = std::move(root);
  }

  /// Loops over what the reader of a windowed tensor iterates, and nodes that
  /// hold other things, around one in which production follows it.
  Tree makeFused(const std::vector<int> &all, Tiles tiles,
                 std::set<std::string> held) {
    std::vector<Tree> chain;
    for (int loops = pick(1, 3); loops > 0; --loops) {
      std::vector<int> ranks;
      for (int rank : iterationOf(c.einsums[chance(80) ? 1 : 0]))
        if (!isWindow(rank) && tiles[rank] > 1)
          ranks.push_back(rank);
      if (!ranks.empty())
        chain.push_back(makeLoop(pickOf(ranks), tiles, true));
      if (chance(25)) {
        Tree node = makeStorage(all, {}, held);
        if (node.tensors.empty())
          continue;
        if (chance(70))
          node.halo.clear();
        chain.push_back(node);
      }
    }
    std::set<std::string> needed = {"T0"};
    Tree node = makeStorage(all, needed, held);
    auto isOutput = [&](const std::string &tensor) {
      return std::find(c.outputs.begin(), c.outputs.end(), tensor) !=
             c.outputs.end();
    };
    node.tensors.erase(
        std::remove_if(node.tensors.begin(), node.tensors.end(), isOutput),
        node.tensors.end());
    for (const std::string &output : c.outputs)
      held.insert(output);
    node.halo = chance(50) ? "retained" : "recomputed";
    chain.push_back(node);
    Tree inner = chance(25) ? makeSubtree(all, tiles, held, 3)
                            : makeSplit(all, tiles, held, 3);
    for (; !chain.empty(); chain.pop_back()) {
      chain.back().children.push_back(std::move(inner));
      inner = std::move(chain.back());
    }
    return inner;
  }

  bool isTouched(const std::string &tensor) {
    for (size_t i = 0; i < c.einsums.size(); ++i)
      for (const std::string &name : tensorsOf(i))
        if (name == tensor)
          return true;
    return false;
  }

  /// A storage node for some of the tensors that the Einsums touch; all of
  /// `needed` among them.
  Tree makeStorage(const std::vector<int> &einsums,
                   const std::set<std::string> &needed,
                   std::set<std::string> &held) {
    Tree node;
    node.kind = TreeKind::storage;
    node.level = pickOf(shared);
    if (needed.empty() && einsums.size() == 1 && chance(25))
      for (const CaseLevel &level : c.levels)
        if (level.per == arrayOf[einsums.front()])
          node.level = level.name;
    std::set<std::string> tensors = needed;
    for (int einsum : einsums)
      for (const std::string &tensor : tensorsOf(einsum))
        if (chance(30))
          tensors.insert(tensor);
    node.tensors.assign(tensors.begin(), tensors.end());
    shuffle(node.tensors);
    if (chance(12))
      node.buffers = pick(2, 3);
    if (needed.empty() && chance(5))
      node.passthrough = true;
    else
      held.insert(tensors.begin(), tensors.end());
    if (!node.passthrough && chance(12))
      node.halo = chance(50) ? "retained" : "recomputed";
    if (node.halo.empty() && !windows.empty() && chance(35))
      for (const std::string &tensor : node.tensors)
        if (hasWindow(tensor))
          node.halo = chance(50) ? "retained" : "recomputed";
    // Production follows the demand of leaves below, through a window, and
    // makes nothing else.
    for (int einsum : einsums)
      if (std::find(node.tensors.begin(), node.tensors.end(),
                    c.einsums[einsum].name) != node.tensors.end() &&
          (!isOnlyReadBy(einsums, einsum) || c.einsums[einsum].isRecurrence() ||
           !hasWindow(c.einsums[einsum].name)))
        node.halo.clear();
    return node;
  }

  /// True if others of these Einsums, and nobody else, read what `made` makes.
  bool isOnlyReadBy(const std::vector<int> &einsums, int made) {
    const std::string &tensor = c.einsums[made].name;
    if (std::find(c.outputs.begin(), c.outputs.end(), tensor) !=
        c.outputs.end())
      return false;
    bool isRead = false;
    for (size_t i = 0; i < c.einsums.size(); ++i)
      for (const CaseRead &read : c.einsums[i].reads) {
        if (read.tensor != tensor || static_cast<int>(i) == made)
          continue;
        if (std::find(einsums.begin(), einsums.end(), i) == einsums.end())
          return false;
        // Through the window, or all of it is demanded always.
        for (const std::string &index : read.index)
          if (index == "h")
            return false;
        isRead = true;
      }
    return isRead;
  }

  Tree makeLoop(int rank, Tiles &tiles, bool mayKeep) {
    Tree node;
    node.kind = TreeKind::temporal;
    node.rank = rank;
    node.tile = chance(60) ? pick(1, std::max<int64_t>(1, tiles[rank] - 1))
                           : pick(1, tiles[rank]);
    if (!mayKeep && chance(40))
      node.tile = 1;
    tiles[rank] = std::min(tiles[rank], node.tile);
    return node;
  }

  Tree makeSubtree(std::vector<int> einsums, Tiles tiles,
                   std::set<std::string> held, int depth) {
    if (einsums.size() == 1)
      return makeNest(einsums.front(), tiles, held);
    int choice = pick(0, 99);
    if (choice < 45 && depth < 5) {
      // A loop that several Einsums share.
      std::vector<int> ranks = iterationOf(c.einsums[pickOf(einsums)]);
      if (!ranks.empty()) {
        int rank = pickOf(ranks);
        if (tiles[rank] > 1 || chance(10)) {
          Tree loop = makeLoop(rank, tiles, true);
          loop.children.push_back(makeSubtree(einsums, tiles, held, depth + 1));
          return loop;
        }
      }
    }
    if (choice < 70 && depth < 6) {
      Tree node = makeStorage(einsums, {}, held);
      if (!node.tensors.empty()) {
        node.children.push_back(makeSubtree(einsums, tiles, held, depth + 1));
        return node;
      }
    }
    return makeSplit(einsums, tiles, held, depth);
  }

  Tree makeSplit(const std::vector<int> &einsums, const Tiles &tiles,
                 std::set<std::string> held, int depth) {
    // Consecutive groups, so that producers come first.
    std::vector<std::vector<int>> groups(1);
    for (int einsum : einsums) {
      if (!groups.back().empty() && (chance(65) || einsum == einsums.back()))
        if (groups.size() == 1 || chance(80))
          groups.emplace_back();
      groups.back().push_back(einsum);
    }
    if (groups.size() == 1) {
      groups.assign(2, {});
      for (size_t i = 0; i < einsums.size(); ++i)
        groups[i > 0].push_back(einsums[i]);
    }
    // What children pass to one another needs a place around them.
    std::set<std::string> needed;
    for (int einsum : einsums)
      if (!held.count(c.einsums[einsum].name))
        for (const std::vector<int> &group : groups)
          if (std::find(group.begin(), group.end(), einsum) == group.end())
            for (int other : group)
              for (const std::string &tensor : tensorsOf(other))
                if (tensor == c.einsums[einsum].name)
                  needed.insert(tensor);
    Tree split;
    bool pipelined = chance(35);
    split.kind = pipelined ? TreeKind::pipeline : TreeKind::sequence;
    std::optional<Tree> storage;
    if (!needed.empty())
      storage = makeStorage(einsums, needed, held);
    int64_t lag = 0;
    for (size_t g = 0; g < groups.size(); ++g) {
      if (pipelined)
        for (int einsum : groups[g])
          arrayOf[einsum] = arrayOf[groups[g].front()];
      split.children.push_back(makeSubtree(groups[g], tiles, held, depth + 1));
      lag += g > 0 ? (chance(70) ? 1 : pick(0, 2)) : 0;
      split.lags.push_back(lag);
    }
    if (!storage)
      return split;
    storage->children.push_back(std::move(split));
    return std::move(*storage);
  }

  /// Loops and storage nodes for one Einsum; spatial loops mostly last.
  Tree makeNest(int einsum, Tiles tiles, std::set<std::string> held) {
    std::vector<Tree> chain;
    const CaseEinsum &info = c.einsums[einsum];
    std::vector<int> left;
    for (int rank : iterationOf(info))
      if (tiles[rank] > 1)
        left.push_back(rank);
    if (!held.count(info.name)) {
      Tree node = makeStorage({einsum}, {info.name}, held);
      chain.push_back(node);
    }
    std::vector<std::string> dims;
    std::vector<int64_t> sizes;
    for (const CaseArray &array : c.arrays)
      if (array.name == arrayOf[einsum])
        for (const auto &[name, size, multicast, reduction] : array.dims) {
          dims.push_back(name);
          sizes.push_back(size);
        }
    std::vector<Tree> spatial;
    for (size_t d = 0; d < dims.size() && !left.empty(); ++d) {
      if (!chance(in(Focus::units, 85, 60)))
        continue;
      do { // sometimes several along one dimension
        int rank = pickOf(left);
        Tree node;
        node.kind = TreeKind::spatial;
        node.rank = rank;
        node.dim = dims[d];
        node.tile = -1; // one, or what is left for loops below
        spatial.push_back(node);
        left.erase(std::find(left.begin(), left.end(), rank));
      } while (chance(35) && !left.empty());
    }
    if (chance(20)) // their order counts where places matter
      shuffle(spatial);
    std::vector<int> timed = left;
    for (const Tree &node : spatial)
      if (chance(40))
        timed.push_back(node.rank);
    shuffle(timed);
    std::vector<int> twice;
    for (int rank : timed)
      if (chance(30))
        twice.push_back(rank);
    timed.insert(timed.begin(), twice.begin(), twice.end());
    if (chance(25))
      shuffle(timed);
    if (chance(8) && !timed.empty()) // a loop over a rank of no use
      timed.push_back(pick(0, c.ranks.size() - 1));
    auto isSpatial = [&](int rank) {
      return std::any_of(spatial.begin(), spatial.end(),
                         [&](const Tree &node) { return node.rank == rank; });
    };
    for (size_t i = 0; i < timed.size(); ++i) {
      bool again =
          std::count(timed.begin() + i + 1, timed.end(), timed[i]) > 0 ||
          isSpatial(timed[i]);
      Tree loop = makeLoop(timed[i], tiles, true);
      if (!again) {
        loop.tile = 1;
        tiles[timed[i]] = 1;
      }
      chain.push_back(loop);
      if (chance(in(Focus::recurrences, 55, 35))) {
        Tree node = makeStorage({einsum}, {}, held);
        if (!node.tensors.empty())
          chain.push_back(node);
      }
    }
    std::map<std::string, int64_t> used; // units
    auto mayUse = [&](const Tree &node, int64_t around) {
      int64_t &units = used.emplace(node.dim, 1).first->second;
      int64_t steps = (around + node.tile - 1) / node.tile,
              size = sizes[std::find(dims.begin(), dims.end(), node.dim) -
                           dims.begin()];
      if (units * steps > size)
        return false;
      units *= steps;
      return true;
    };
    for (Tree &node : spatial) {
      node.tile = 1;
      if (tiles[node.rank] > 2 && chance(in(Focus::units, 60, 20)))
        node.tile = pick(1, 2);
      if (!mayUse(node, tiles[node.rank])) {
        tail.push_back(node.rank); // in steps
        continue;
      }
      bool rest = node.tile > 1;
      int rank = node.rank;
      // Units may also stand above what else is done in time.
      if (second == Focus::units && chance(40))
        chain.insert(chain.begin() + pick(0, chain.size()), node);
      else
        chain.push_back(node);
      if (Tree second = node; rest && chance(15)) { // the same rank again
        second.dim = pickOf(dims);
        second.tile = 1;
        if (mayUse(second, node.tile)) {
          chain.push_back(second);
          rest = false;
        }
      }
      if (chance(in(Focus::units, 40, 10))) {
        Tree storage = makeStorage({einsum}, {}, held);
        if (!storage.tensors.empty())
          chain.push_back(storage);
      }
      if (rest)
        tail.push_back(rank);
    }
    for (int rank : tail) {
      Tree loop;
      loop.kind = TreeKind::temporal;
      loop.rank = rank;
      loop.tile = 1;
      chain.push_back(loop);
    }
    tail.clear();
    Tree leaf;
    leaf.kind = TreeKind::leaf;
    leaf.einsum = info.name;
    leaf.array = arrayOf[einsum];
    leaf.chained = chance(15);
    for (; !chain.empty(); chain.pop_back()) {
      chain.back().children.push_back(std::move(leaf));
      leaf = std::move(chain.back());
    }
    return leaf;
  }

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

} // namespace

Case einsum::agreement::generate(uint64_t seed, bool extended, Focus focus) {
  if (focus == Focus::any)
    focus = static_cast<Focus>(seed % static_cast<uint64_t>(Focus::any));
  return Generator(seed, focus).make(extended);
}
