//===- GenerateCascade.cpp - Random cascades ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One to four Einsums over two to five ranks, each made of what is there
// already: products and sums reduced over some ranks, maxima, exponentials,
// windows with stride and dilation, reads through a split, recurrences forward
// and backward and reads of their last step, filters, coordinates that are
// data, number formats.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Generator.h"

using namespace einsum::agreement;

/// Number formats of inputs, and of results that one point makes. Drawn last.
void Generator::addFormats() {
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

std::string Generator::makeStorage(const std::vector<int> &ranks) {
  if (ranks.empty() || chance(in(Focus::formats, 10, 25)))
    return pickOf<std::string>({"fp8e4m3", "fp6e2m3", "int4 tensor"});
  const CaseRank &rank = c.ranks[pickOf(ranks)];
  if (chance(in(Focus::formats, 15, 30)))
    return "int3 channel " + rank.name;
  int64_t size = pick(std::min<int64_t>(in(Focus::formats, 2, 1), rank.extent),
                      rank.extent);
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

bool Generator::hasWindow(const std::string &tensor) {
  return std::any_of(windows.begin(), windows.end(),
                     [&](int rank) { return has(tensor, rank); });
}

void Generator::makeRanks() {
  if (second == Focus::halos)
    return makeWindows();
  bool areLong = focus == Focus::filters;
  int count = areLong ? 3 : pick(2, 4);
  for (int i = 0; i < count; ++i) {
    CaseRank rank;
    rank.name = std::string(1, "abcd"[i]);
    rank.extent = areLong ? pick(6, 24)
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
void Generator::makeWindows() {
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

const std::vector<int> &Generator::ranksOf(const std::string &tensor) {
  for (const CaseInput &input : c.inputs)
    if (input.name == tensor)
      return input.ranks;
  for (const CaseEinsum &einsum : c.einsums)
    if (einsum.name == tensor)
      return einsum.out;
  return c.inputs.front().ranks;
}

std::string Generator::makeInput(std::vector<int> ranks) {
  CaseInput input;
  input.name = "I" + std::to_string(c.inputs.size());
  shuffle(ranks);
  input.ranks = std::move(ranks);
  c.inputs.push_back(input);
  return input.name;
}

std::vector<int> Generator::someRanks(int most) {
  std::vector<int> ranks = plain;
  shuffle(ranks);
  ranks.resize(std::min<size_t>(ranks.size(), pick(1, most)));
  return ranks;
}

/// Reads a tensor at the ranks that it has; windowed and split ones through
/// an expression of ranks of the Einsum.
CaseRead Generator::makeRead(const std::string &tensor, bool throughWindow,
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

std::string Generator::chooseTensor(bool preferMade) {
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

bool Generator::has(const std::string &tensor, int rank) {
  const std::vector<int> &ranks = ranksOf(tensor);
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

void Generator::makeEinsums() {
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
    if (plainRanks && !ranks.empty() && chance(in(Focus::recurrences, 60, 22)))
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
void Generator::addOperand(CaseEinsum &einsum, std::set<int> &iterated) {
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
void Generator::makeFusedWindows() {
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
    (chance(c.ranks[rank].name == "a" ? 90 : 60) ? reader.out : reader.reduced)
        .push_back(rank);
  if (reader.out.empty())
    std::swap(reader.out, reader.reduced);
  shuffle(reader.out);
  shuffle(reader.reduced);
  c.einsums.push_back(reader);
}

/// Through `g` only, of several windows.
CaseRead Generator::makeFurtherRead(const std::string &tensor,
                                    std::set<int> &iterated) {
  std::vector<int> all = windows;
  windows.clear();
  for (int rank : all)
    if (c.ranks[rank].name == "g")
      windows.push_back(rank);
  CaseRead read = makeRead(tensor, true, iterated);
  windows = all;
  return read;
}

void Generator::makeRecurrence(CaseEinsum &einsum, const std::string &source) {
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

void Generator::makePlain(CaseEinsum &einsum, const std::string &first,
                          bool later) {
  std::set<int> iterated;
  einsum.reads = {makeRead(first, chance(75), iterated)};
  // Now and then the last step of something is read.
  if (later && chance(8) && !einsum.reads[0].index.empty()) {
    size_t at = pick(0, einsum.reads[0].index.size() - 1);
    int rank = ranksOf(first)[at];
    if (rank != split && !isWindow(rank) && einsum.reads[0].index.size() > 1) {
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
void Generator::readEarlierStep(CaseRead &read) {
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
void Generator::addGather(CaseEinsum &einsum, size_t read,
                          std::set<int> &iterated) {
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

bool Generator::mentions(const std::string &expr, const std::string &name) {
  auto isWord = [](char letter) { return isalnum(letter) != 0; };
  for (size_t at = expr.find(name); at != std::string::npos;
       at = expr.find(name, at + 1))
    if ((at == 0 || !isWord(expr[at - 1])) &&
        (at + name.size() == expr.size() || !isWord(expr[at + name.size()])))
      return true;
  return false;
}

int Generator::rankNamed(const std::string &name) const {
  for (int rank : plain)
    if (c.ranks[rank].name == name)
      return rank;
  return -1;
}

std::string Generator::llvmUpper(std::string text) {
  for (char &letter : text)
    letter = toupper(letter);
  return text;
}

int64_t Generator::sizeOf(const std::set<int> &ranks) {
  int64_t size = 1;
  for (int rank : ranks)
    size *= c.ranks[rank].extent;
  return size;
}

void Generator::shrinkRanks(const std::set<int> &ranks) {
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
void Generator::addChain(CaseEinsum &einsum) {
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

void Generator::addFilter(CaseEinsum &einsum) {
  std::vector<int> ranks = einsum.out;
  ranks.insert(ranks.end(), einsum.reduced.begin(), einsum.reduced.end());
  if (ranks.empty())
    return;
  std::string a = c.ranks[pickOf(ranks)].name, b = c.ranks[pickOf(ranks)].name;
  if (a == b)
    einsum.filter = a + " >= " + std::to_string(pick(0, 2));
  else
    einsum.filter = chance(50) ? a + " <= " + b
                    : chance(50)
                        ? a + " < " + b + " + " + std::to_string(pick(1, 3))
                        : a + " + " + b + " >= " + std::to_string(pick(1, 4));
}
