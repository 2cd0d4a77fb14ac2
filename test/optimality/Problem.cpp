//===- Problem.cpp - Small random cascades and machines -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Problem.h"

#include "lib/Frontend/Cascade/Cascade.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SourceMgr.h"

#include <random>

using namespace einsum;
using namespace einsum::optimality;

namespace {

class Generator {
public:
  Generator(uint64_t seed, const Kinds &kinds)
      : random(seed * 0x9E3779B97F4A7C15ull + 1), waiting(seed),
        extended(kinds.extended), rereads(kinds.rereads),
        gathers(kinds.gathers), formats(kinds.formats), running(kinds.running),
        backing(kinds.backing), waits(kinds.waits) {
    problem.seed = seed;
    halos = kinds.halos;
  }

  Problem make() {
    if (halos)
      makeWindows();
    else
      makeCascade();
    makeMachine();
    makeLimits();
    return std::move(problem);
  }

private:
  int64_t pick(int64_t lo, int64_t hi) { // both included
    return lo +
           static_cast<int64_t>(random() % static_cast<uint64_t>(hi - lo + 1));
  }
  bool chance(int percent) { return pick(1, 100) <= percent; }
  template <typename T> const T &pickOf(const std::vector<T> &all) {
    return all[pick(0, static_cast<int64_t>(all.size()) - 1)];
  }

  //===--------------------------------------------------------------------===//
  // Cascades
  //===--------------------------------------------------------------------===//

  struct Tensor {
    std::string name, ranks; ///< one letter per rank
    bool isInput = false, isRead = false;
    bool isIndex = false;   ///< holds coordinates
    bool goesRound = false; ///< as one of two Einsums
    char carried = 0;       ///< rank of its recurrence
    uint64_t elements = 1;
  };

  /// A read, and the ranks over which it makes the Einsum iterate.
  struct Read {
    std::string text, ranks;
  };

  void makeCascade() {
    einsumCount = chance(35) ? 1 : chance(55) ? 2 : chance(65) ? 3 : 4;
    if (rereads)
      einsumCount = std::max<int>(einsumCount, 2);
    int rankCount = einsumCount == 1 ? pick(1, 3) : pick(1, 2);
    for (int i = 0; i < rankCount; ++i) {
      char rank = "abc"[i];
      int64_t most = einsumCount <= 2 && rankCount < 3 ? 4 : 3;
      int64_t extent = chance(10) && rankCount == 1 ? 6
                       : chance(7)                  ? 1
                                                    : pick(2, most);
      if (rankCount > 1 && chance(rereads ? 75 : 50))
        extent = std::min<int64_t>(extent, 2);
      extents[rank] = extent;
    }
    bytes = chance(60) ? 1 : chance(50) ? 2 : 4;
    if (formats) // what is stored so is read as a float
      bytes = std::max<int64_t>(bytes, 2);
    if (extended && rankCount > 1 && chance(25))
      extents['w'] = extents['a'] + extents['b'] - 1;
    for (int i = 0; i < einsumCount;)
      i += addEinsum(i);
    write();
  }

  /// With blocks along a rank, and maybe along a second one.
  std::string storageOf(const std::string &ranks) {
    std::string text;
    if (!formats || ranks.empty() || chance(20))
      return text;
    text = pickOf<std::string>(
        {" : int8(scale=f32)", " : int4(scale=e4m3)", " : int4"});
    if (chance(15))
      return text + " tensor";
    size_t first = pick(0, ranks.size() - 1);
    for (size_t i = 0; i < ranks.size(); ++i)
      if (i == first || chance(30)) {
        int64_t extent = extents[ranks[i]], size = pick(2, 4);
        while (extent % size != 0)
          size = size > extent ? extent : size - 1;
        text += " group(" + std::to_string(size) + ") " + ranks[i];
      }
    return text;
  }

  /// Chains of windows, along one rank or two, with strides, borders and
  /// channels, and what is computed point by point between them.
  void makeWindows() {
    static const char *const types[] = {"i8", "f16", "", "f32"};
    bytes = chance(60) ? 1 : chance(50) ? 2 : 4;
    bool hasChannel = chance(35), isFlat = chance(10);
    int64_t windows = isFlat ? 1 : chance(75) ? 1 : 2;
    std::string declared, text;
    auto declare = [&](char rank, int64_t extent) {
      extents[rank] = extent;
      declared += (declared.empty() ? "" : ", ") +
                  std::string(1, static_cast<char>(toupper(rank))) + "=" +
                  std::to_string(extent);
    };
    if (hasChannel)
      declare('c', 2);
    // From the last reader to the input: what is read has more points.
    std::string last = "a", channel = hasChannel ? "c" : "", more;
    declare('a', pick(2, isFlat ? 2 : 4));
    if (isFlat)
      declare('b', pick(2, 3));
    struct Made {
      std::string name, ranks, map, where;
    };
    std::vector<Made> made; // last first
    std::string rank = last, ranks = channel + last + (isFlat ? "b" : "");
    const char *names = "ZYX";
    for (int64_t i = 0; i < windows; ++i) {
      char window = static_cast<char>('r' + 2 * i),
           read = static_cast<char>('w' + i);
      int64_t size = pick(1, 10) == 1 ? 1 : pick(2, 3),
              stride = chance(30) ? 2 : 1, border = chance(30) ? 1 : 0;
      int64_t extent = stride * (extents[rank[0]] - 1) + size - border -
                       (border && chance(60) ? 1 : 0) + (chance(6) ? 1 : 0);
      if (extent < 2)
        extent = 2;
      declare(window, size);
      declare(read, extent);
      std::string at = (stride > 1 ? "2*" : "") + rank + "+" +
                       std::string(1, window) + (border ? "-1" : "");
      std::string source(1, i + 1 < windows ? names[i + 1] : 'T');
      bool keeps = !hasChannel || i > 0 || chance(60);
      Made one;
      one.name = std::string(1, names[i]);
      one.ranks = keeps ? ranks : ranks.substr(1);
      std::string from = source + "[" + (hasChannel ? "c," : "") + at +
                         (isFlat ? ",b" : "") + "]";
      one.map =
          (chance(25)
               ? "max(" + std::string(1, window) + (keeps ? "" : ",c") + ") "
               : "") +
          from + (chance(40) ? " * V[" + std::string(1, window) + "]" : "");
      if (one.map.find("V[") != std::string::npos)
        more += "  input V" + std::to_string(i) + "[" + std::string(1, window) +
                "]\n";
      if (size_t at = one.map.find("V["); at != std::string::npos)
        one.map.replace(at, 1, "V" + std::to_string(i));
      if (border)
        one.where = " where " + std::string(stride > 1 ? "2*" : "") + rank +
                    "+" + std::string(1, window) + " >= 1";
      made.push_back(one);
      rank = std::string(1, read);
      ranks = channel + rank + (isFlat ? "b" : "");
    }
    // The producer that no window is read of, and what is before it.
    Made first{"T", ranks, "", ""};
    bool isPoint = windows == 1 && !isFlat && chance(25);
    if (isPoint) {
      made.push_back({"T", ranks, bytes == 1 ? "abs(U[" : "exp(U[", ""});
      for (char one : ranks)
        made.back().map +=
            (made.back().map.back() == '[' ? "" : ",") + std::string(1, one);
      made.back().map += "])";
      first.name = "U";
    }
    if (chance(40)) {
      declare('s', 2);
      declare('v', extents[rank[0]] + 1);
      first.map = "I[" + rank + "+s" + (isFlat ? ",b" : "") + "]";
      if (hasChannel && chance(50))
        first.map += " * K[c,s]", more += "  input K[c,s]\n";
      else if (hasChannel)
        first.map += " * K[c]", more += "  input K[c]\n";
      more += std::string("  input I[v") + (isFlat ? ",b" : "") + "]\n";
    } else {
      first.map = "I[" + rank + (isFlat ? ",b" : "") + "]";
      if (hasChannel)
        first.map += " * K[c]", more += "  input K[c]\n";
      else if (bytes > 1 && chance(50))
        first.map = "exp(" + first.map + ")";
      more += std::string("  input I[") + rank + (isFlat ? ",b" : "") + "]\n";
    }
    made.push_back(first);
    einsumCount = static_cast<int>(made.size());
    llvm::raw_string_ostream os(problem.cascade);
    os << "cascade c(" << declared << ") : " << types[bytes - 1] << "\n"
       << more;
    for (const Made &one : llvm::reverse(made)) {
      os << "  " << indexed(one.name, one.ranks) << " = " << one.map
         << one.where << "\n";
      addTensor(one.name, one.ranks, false);
    }
    os << "  output Z" << (chance(5) ? ", T" : "") << "\n";
  }

  void write() {
    static const char *const types[] = {"i8", "f16", "", "f32"};
    llvm::raw_string_ostream os(problem.cascade);
    os << "cascade c(";
    llvm::ListSeparator separator;
    for (const auto &[rank, extent] : extents)
      if (rank != 'w')
        os << separator << static_cast<char>(toupper(rank)) << "=" << extent;
    os << ") : " << types[bytes - 1] << "\n";
    if (extents.count('w'))
      os << "  rank w = A + B - 1\n";
    for (const Tensor &tensor : tensors)
      if (tensor.isInput)
        os << "  input " << indexed(tensor.name, tensor.ranks)
           << (tensor.isIndex ? " : i32" : storageOf(tensor.ranks)) << "\n";
    os << body << "  output ";
    llvm::ListSeparator outputs;
    for (const Tensor &tensor : tensors)
      if (!tensor.isInput && (!tensor.isRead || alsoOutput == tensor.name))
        os << outputs << tensor.name;
    os << "\n";
  }

  static std::string indexed(const std::string &name,
                             const std::string &ranks) {
    std::string text = name + "[";
    for (size_t i = 0; i < ranks.size(); ++i)
      text += (i ? "," : "") + std::string(1, ranks[i]);
    return text + "]";
  }

  std::string someRanks() {
    std::string ranks;
    for (const auto &[rank, extent] : extents)
      if (rank != 'w' && chance(60))
        ranks += rank;
    if (extents.count('w') && chance(40))
      return "w";
    return ranks.empty() ? std::string(1, extents.begin()->first) : ranks;
  }

  size_t addTensor(const std::string &name, const std::string &ranks,
                   bool isInput) {
    Tensor tensor;
    tensor.name = name;
    tensor.ranks = ranks;
    tensor.isInput = isInput;
    for (char rank : ranks)
      tensor.elements *= static_cast<uint64_t>(extents[rank]);
    tensors.push_back(tensor);
    return tensors.size() - 1;
  }

  std::string addInput() {
    std::string name = "B" + std::to_string(tensors.size());
    addTensor(name, "a", true);
    return name;
  }

  size_t chooseTensor(bool prefersMade) {
    std::vector<size_t> made, inputs;
    for (size_t t = 0; t < tensors.size(); ++t)
      if (!tensors[t].isIndex)
        (tensors[t].isInput ? inputs : made).push_back(t);
    if (!made.empty() && (rereads ? chance(45) : prefersMade || chance(30)))
      return chance(80) ? made.back() : pickOf(made);
    if (!inputs.empty() && chance(rereads ? 70 : 25))
      return pickOf(inputs);
    return addTensor("I" + std::to_string(inputs.size()), someRanks(), true);
  }

  /// A tensor at its ranks; shifted; through a window; or the last of a
  /// recurrence.
  Read read(size_t tensor) {
    const Tensor info = tensors[tensor];
    tensors[tensor].isRead = true;
    Read made;
    made.text = info.name + "[";
    for (size_t i = 0; i < info.ranks.size(); ++i) {
      char rank = info.ranks[i];
      made.text += i ? "," : "";
      if (extended && rank == info.carried && info.ranks.size() > 1 &&
          chance(30)) {
        made.text += std::string(1, static_cast<char>(toupper(rank))) + "-1";
        continue;
      }
      if (running && rank == info.carried && chance(60)) {
        made.text += earlierStep(rank, made.ranks);
        continue;
      }
      if (gathers && rank != 'w' && rank != info.carried && chance(50)) {
        made.text += addIndex(made.ranks);
        continue;
      }
      bool isWindow = rank == 'w' && chance(80);
      made.text += isWindow ? "a+b" : std::string(1, rank);
      // A step further on, or before; the last, or first, point has none.
      if (extended && rank != 'w' && !info.carried && !info.goesRound &&
          extents[rank] > 1 && chance(6))
        made.text += chance(50) ? "+1" : "-1";
      for (char used : isWindow ? std::string("ab") : std::string(1, rank))
        if (!llvm::is_contained(made.ranks, used))
          made.ranks += used;
    }
    made.text += "]";
    return made;
  }

  /// One or two steps before, the first or the last of all, or several of them.
  std::string earlierStep(char rank, std::string &ranks) {
    char other = rank == 'a' ? 'b' : 'a';
    bool isWindow = chance(15) && extents.count(other);
    if (!isWindow && chance(20))
      return chance(50) ? "0" : std::string(1, toupper(rank)) + "-1";
    for (char used :
         std::string(1, rank) + (isWindow ? std::string(1, other) : ""))
      if (!llvm::is_contained(ranks, used))
        ranks += used;
    if (isWindow)
      return std::string(1, rank) + "-" + std::string(1, other);
    return std::string(1, rank) + (chance(75) ? "-1" : "-2");
  }

  /// A coordinate that is data, by an index over some ranks.
  std::string addIndex(std::string &ranks) {
    std::string by;
    while (by.empty() || by == "w")
      by = someRanks();
    if (by.size() > 2)
      by.resize(2);
    std::string name = "J" + std::to_string(tensors.size());
    tensors[addTensor(name, by, true)].isIndex = true;
    for (char rank : by)
      if (!llvm::is_contained(ranks, rank))
        ranks += rank;
    return indexed(name, by);
  }

  /// Returns how many it has added.
  int addEinsum(int number) {
    std::string name(1, "YZVW"[number]);
    size_t first = chooseTensor(number > 0);
    if (chance(running && number == 0 ? 70 : 18)) {
      if (extended && number + 1 < einsumCount && chance(40)) {
        addMutual(name, std::string(1, "YZVW"[number + 1]), first);
        return 2;
      }
      addRecurrence(name, first);
      return 1;
    }
    auto [map, ranks] = read(first);
    if (ranks.empty()) { // of a certain step only
      Read beside = {indexed(addInput(), "a"), "a"};
      map += " + " + beside.text;
      ranks = beside.ranks;
    }
    if (chance(einsumCount <= 2 ? 55 : 25)) {
      // A tensor twice, or one with other ranks.
      Read other = read(chooseTensor(false));
      map += (chance(70) ? " * " : " + ") + other.text;
      for (char rank : other.ranks)
        if (!llvm::is_contained(ranks, rank))
          ranks += rank;
    } else if (chance(40)) {
      map = (bytes == 1 ? "abs(" : "exp(") + map + ")";
    }
    std::string kept, reduced;
    for (char rank : ranks)
      (chance(65) ? kept : reduced) += rank;
    if (kept.empty()) {
      kept = reduced.substr(0, 1);
      reduced = reduced.substr(1);
    }
    body += "  " + indexed(name, kept) + " = ";
    if (!reduced.empty() && chance(25))
      body += "max(" + join(reduced) + ") ";
    body += map;
    if (!gathers && chance(extended ? 25 : 10)) // what is gathered is there
      body += " where " + makeFilter(ranks);
    body += "\n";
    addTensor(name, kept, false);
    if (chance(rereads ? 30 : 8))
      alsoOutput = name;
    return 1;
  }

  static std::string join(const std::string &ranks) {
    std::string text;
    for (char rank : ranks)
      text += (text.empty() ? "" : ",") + std::string(1, rank);
    return text;
  }

  std::string makeFilter(const std::string &ranks) {
    std::string a(1, ranks[pick(0, ranks.size() - 1)]),
        b(1, ranks[pick(0, ranks.size() - 1)]);
    if (a == b)
      return a + " >= 1";
    if (extended && chance(40)) // a sliding window
      return a + " <= " + b + ", " + b + " < " + a + " + 2";
    return a + " <= " + b;
  }

  /// R[a,..] at one step along `along`.
  static std::string stepped(const std::string &name, const std::string &ranks,
                             char along, const char *step) {
    std::string before;
    for (char rank : ranks)
      before += (before.empty() ? "" : ",") + std::string(1, rank) +
                (rank == along ? step : "");
    return name + "[" + before + "]";
  }

  /// R[a,..] = max(R[a-1,..], X[a,..]).
  void addRecurrence(const std::string &name, size_t first) {
    std::string ranks = tensors[first].ranks;
    char along = ranks[pick(0, ranks.size() - 1)];
    tensors[first].isRead = true;
    bool isMax = chance(50) && bytes > 1;
    bool isBackward = extended && chance(25);
    std::string self = stepped(name, ranks, along, isBackward ? "+1" : "-1"),
                operand = indexed(tensors[first].name, ranks);
    body += "  " + indexed(name, ranks) + " = " +
            (isMax ? "max(" + self + ", " + operand + ") init -inf"
                   : self + " + " + operand + " init 0") +
            "\n";
    size_t made = addTensor(name, ranks, false);
    if (!isBackward)
      tensors[made].carried = along;
  }

  /// R[a,..] = S[a-1,..] + X[a,..], S[a,..] = f(R[a,..]).
  void addMutual(const std::string &one, const std::string &two, size_t first) {
    std::string ranks = tensors[first].ranks;
    char along = ranks[pick(0, ranks.size() - 1)];
    tensors[first].isRead = true;
    body += "  " + indexed(one, ranks) + " = " +
            stepped(two, ranks, along, "-1") + " + " +
            indexed(tensors[first].name, ranks) + "\n  " + indexed(two, ranks) +
            " = " + (bytes == 1 ? "abs(" : "exp(") + indexed(one, ranks) +
            ") init 0\n";
    size_t made = addTensor(one, ranks, false);
    tensors[made].isRead = tensors[made].goesRound = true;
    tensors[addTensor(two, ranks, false)].carried = along;
  }

  //===--------------------------------------------------------------------===//
  // Machines
  //===--------------------------------------------------------------------===//

  std::string energy(const char *key, int64_t lo, int64_t hi) {
    return std::string("\"") + key + "\": \"" + std::to_string(pick(lo, hi)) +
           " pJ\"";
  }

  /// Of an array or a level; one access may serve only some of the units.
  std::string dimension(int64_t least, int64_t most) {
    std::string size = std::to_string(pick(least, most));
    if (!extended || !chance(20))
      return size;
    return "{\"size\": " + size +
           ", \"multicast\": " + std::to_string(pick(1, 2)) +
           ", \"reduction\": " + std::to_string(pick(1, 2)) + "}";
  }

  uint64_t largest() const {
    uint64_t most = 1;
    for (const Tensor &tensor : tensors)
      most = std::max(most, tensor.elements);
    return most;
  }

  /// Time until a level answers, and the way into it.
  std::string makeWaits(bool hasLink) {
    auto draw = [&](uint64_t count) { return waiting() % count; };
    auto cycles = [&] {
      return "\"latency\": \"" + std::to_string(1 + draw(6)) + " cycles\"";
    };
    std::string text;
    if (draw(100) < 60)
      text += ", " + cycles();
    if (hasLink && draw(100) < 40)
      text += ", \"link\": {" + cycles() + ", \"energy\": \"" +
              std::to_string(1 + draw(4)) + " pJ/B\"" +
              (draw(100) < 30 ? ", \"topology\": \"mesh\"" : "") +
              ", \"provenance\": \"test\"}";
    return text;
  }

  std::string makeLevel(const std::string &name, const std::string &parent,
                        const std::string &per, int64_t cost) {
    std::string text = "{\"name\": \"" + name + "\"";
    if (!parent.empty())
      text += ", \"parent\": \"" + parent + "\"";
    if (!per.empty())
      text += ", \"per\": \"" + per + "\"";
    if (extended && per.empty() && !parent.empty() && parent != "DRAM" &&
        chance(50))
      text += ", \"instances\": {\"Z\": " + dimension(2, 4) +
              (chance(20) ? ", \"W\": " + dimension(2, 2) : "") + "}";
    int64_t access = chance(50) ? bytes : int64_t{1} << pick(0, 3);
    text += ", \"access\": \"" + std::to_string(access) + " B\"";
    if (!parent.empty() && chance(60)) {
      int64_t most = static_cast<int64_t>(largest()) * bytes;
      int64_t room =
          per.empty() ? pick(bytes, 2 * most + bytes) : pick(1, 3) * bytes;
      text += ", \"capacity\": \"" + std::to_string(room) + " B\"";
    }
    if (parent.empty() && backing && chance(80)) {
      uint64_t all = 0;
      for (const Tensor &tensor : tensors)
        all += tensor.elements;
      int64_t most = static_cast<int64_t>(all) * bytes;
      text += ", \"capacity\": \"" +
              std::to_string(pick((most + 1) / 2, most)) + " B\"";
    }
    if (chance(45)) {
      if (chance(50))
        text += ", \"bandwidth\": \"" + std::to_string(pick(1, 8)) + " GB/s\"";
      else
        text += ", \"read_bandwidth\": \"" + std::to_string(pick(1, 8)) +
                " GB/s\", \"write_bandwidth\": \"" +
                std::to_string(pick(1, 8)) + " GB/s\"";
    }
    if (chance(10))
      text += ", \"ports\": " + std::to_string(pick(1, 2));
    if (chance(12))
      text += ", \"multicast\": {\"width\": " + std::to_string(pick(1, 3)) +
              ", " + energy("energy", 0, 3) + ", \"provenance\": \"test\"}";
    if (chance(10))
      text += ", \"leakage\": \"" + std::to_string(pick(1, 9)) + " mW\"";
    if (waits)
      text += makeWaits(/*hasLink=*/!parent.empty() && per.empty());
    text += ", \"energy\": {" + energy("read", cost, 2 * cost) + ", " +
            energy("write", cost, 2 * cost) + "}";
    return text + ", \"provenance\": \"test\"}";
  }

  std::string makeArray(const std::string &name, const std::string &level,
                        int shape, bool isComplete) {
    std::string text =
        "{\"name\": \"" + name + "\", \"level\": \"" + level + "\"";
    if (shape == 1)
      text += ", \"shape\": {\"x\": " + dimension(2, 4) + "}";
    if (shape == 2)
      text += ", \"shape\": {\"x\": " + dimension(2, 3) +
              ", \"y\": " + dimension(2, 3) + "}";
    text += ", \"ops\": {";
    llvm::ListSeparator separator;
    llvm::raw_string_ostream os(text);
    bool delays = chance(10);
    std::vector<const char *> ops = {"mac", "mul", "add",  "max",
                                     "exp", "abs", "copy", "compute"};
    if (formats)
      ops.push_back("convert");
    for (const char *op : ops) {
      if (!isComplete && chance(20))
        continue;
      int64_t cycles = chance(75) ? 1 : pick(2, 3);
      os << separator << "\"" << op << "\": {\"cycles\": " << cycles;
      if (delays)
        os << ", \"latency\": " << cycles + pick(0, 3);
      os << ", " << energy("energy", 0, 5) << "}";
    }
    os << "}";
    if (chance(8))
      os << ", \"fill\": " << pick(1, 5) << ", \"drain\": " << pick(1, 5);
    if (chance(12))
      os << ", \"reduction\": {\"width\": " << pick(1, 3) << ", "
         << energy("energy", 0, 3) << ", \"provenance\": \"test\"}";
    os << ", \"provenance\": \"test\"}";
    return text;
  }

  void makeMachine() {
    std::string levels = makeLevel("DRAM", "", "", 20);
    std::string innermost = "DRAM";
    // Three levels for what is small enough to try everything.
    int count = einsumCount > 2 ? pick(2, 2) : pick(1, 3);
    if (count > 1) {
      levels += ",\n  " + makeLevel("L2", innermost, "", 5);
      innermost = "L2";
    }
    if (count > 2 && chance(60)) {
      levels += ",\n  " + makeLevel("L1", innermost, "", 1);
      innermost = "L1";
    }
    bool two = chance(40);
    int shape = chance(45) ? 0 : chance(75) ? 1 : 2;
    std::string arrays, registers;
    std::string feeds = innermost;
    if (count < 3 && chance(25)) {
      levels += ",\n  " + makeLevel("R", innermost, "pe", 0);
      feeds = "R";
    }
    arrays = makeArray("pe", feeds, shape, !two);
    if (two)
      arrays += ",\n  " + makeArray("alu", chance(80) ? innermost : "DRAM",
                                    chance(60) ? 0 : 1, true);
    problem.spec = "{\"schema\": \"einsum-arch/1\", \"name\": \"spec\", "
                   "\"clock\": \"1 GHz\", \"word\": \"" +
                   std::to_string(8 * bytes) + " bit\",\n" + accounting() +
                   " \"levels\": [" + levels + "],\n \"arrays\": [" + arrays +
                   "]}\n";
  }

  std::string accounting() {
    if (chance(75))
      return "";
    if (chance(40))
      return " \"accounting\": \"looptree\",\n";
    auto either = [&](const char *a, const char *b) {
      return std::string(chance(50) ? a : b);
    };
    return " \"accounting\": {\"operands\": \"" +
           either("per_point", "latched") + "\", \"buffers\": \"" +
           (chance(50) ? "ignored\", \"first_sums\": \"unread" : "counted") +
           "\", \"operators\": \"" + either("one_per_point", "each") +
           "\", \"einsums\": \"" + either("sequential", "as_scheduled") + "\"" +
           (chance(30) ? ", \"overlap\": \"buffered\"" : "") + "},\n";
  }

public:
  /// One or two constraints that a user could have.
  void constrain(Problem &made) {
    random.seed(made.seed ^ 0x5deece66dULL);
    std::string all;
    llvm::raw_string_ostream os(all);
    llvm::ListSeparator separator;
    for (int count = pick(1, 2); count > 0; --count)
      os << separator << "{" << makeConstraint(made.spec) << "}";
    size_t end = made.spec.rfind('}');
    made.spec.insert(end, ",\n \"constraints\": [" + all + "]");
  }

  /// The order of loops at a level, or at two.
  void orderLoops(Problem &made) {
    random.seed(made.seed ^ 0x2545f4914f6cdd1dULL);
    std::string ranks = listRanks();
    if (ranks.size() < 2)
      return;
    std::string all;
    llvm::raw_string_ostream os(all);
    llvm::ListSeparator separator;
    for (const std::string &level : listLevels(made.spec))
      if (level == "DRAM" || chance(50))
        os << separator << "{\"level\": \"" << level
           << "\", \"order\": " << quoteRanks(ranks) << "}";
    size_t end = made.spec.rfind('}');
    made.spec.insert(end, ",\n \"constraints\": [" + all + "]");
  }

private:
  std::string listRanks() const {
    std::string ranks;
    for (const auto &[rank, extent] : extents)
      if (rank != 'w')
        ranks += rank;
    return ranks;
  }

  static std::vector<std::string> listLevels(const std::string &spec) {
    std::vector<std::string> levels = {"DRAM"};
    for (const char *level : {"L2", "L1", "R"})
      if (spec.find("\"" + std::string(level) + "\", \"parent\"") !=
          std::string::npos)
        levels.push_back(level);
    return levels;
  }

  std::string quoteRanks(std::string ranks) {
    std::shuffle(ranks.begin(), ranks.end(), random);
    std::string text;
    for (char rank : ranks)
      text += (text.empty() ? "\"" : ", \"") + std::string(1, rank) + "\"";
    return "[" + text + "]";
  }

  std::string someTensors(bool isInside) {
    static const char *const roles[] = {"inputs", "outputs", "weights",
                                        "intermediates", "not @DRAM"};
    std::string name = chance(50) ? roles[pick(0, isInside ? 4 : 3)]
                                  : tensors[pick(0, tensors.size() - 1)].name;
    return "[\"" + std::string(chance(20) ? "not " : "") +
           (name == "not @DRAM" ? "@DRAM" : name) + "\"]";
  }

  std::string makeConstraint(const std::string &spec) {
    std::string ranks = listRanks();
    char rank = ranks[pick(0, ranks.size() - 1)];
    bool hasDims = spec.find("\"x\"") != std::string::npos;
    if (chance(15))
      return "\"arrays\": [\"pe\"], \"einsums\": [\"" +
             std::string(1, "YZVW"[pick(0, einsumCount - 1)]) + "\"]";
    if (hasDims && chance(25))
      return "\"array\": \"" +
             std::string(spec.find("\"x\"") < spec.find("\"alu\"") ? "pe"
                                                                   : "alu") +
             "\", \"dimension\": \"x\", " +
             (chance(50)   ? "\"ranks\": " + quoteRanks({rank})
              : chance(50) ? "\"reuse\": " + someTensors(false)
                           : "\"min_utilization\": 0.5");
    std::string level = pickOf(listLevels(spec));
    bool isInside = level != "DRAM";
    std::string text = "\"level\": \"" + level + "\", ";
    if (ranks.size() > 1 && chance(40))
      return text + "\"order\": " + quoteRanks(ranks);
    if (chance(40))
      return text + "\"tile\": {\"" + rank + "\": {\"" +
             (chance(50)   ? "max"
              : chance(50) ? "min"
                           : "multiple_of") +
             "\": " + std::to_string(pick(1, extents[rank])) + "}}";
    return text + (chance(50) ? "\"must_keep\": " : "\"may_keep\": ") +
           someTensors(isInside);
  }

  void makeLimits() {
    problem.limits.imperfect = chance(70);
    problem.limits.pipelines = chance(80);
    problem.limits.reorder = chance(80);
    problem.limits.fusion = chance(90);
    problem.limits.sharedLoops = chance(70) ? 4 : pick(1, 2);
    problem.limits.sharedLoopsPerRank = chance(80) ? 2 : 1;
    if (halos) {
      problem.limits.fusion = true;
      problem.limits.recompute = chance(85);
      problem.limits.retain = chance(85);
      problem.limits.sharedLoops = pick(1, 3);
      // Smaller spaces of what is not asked about here.
      problem.limits.sharedHolders = chance(30);
      problem.limits.sharedLoopsPerRank = chance(40) ? 2 : 1;
    }
  }

  std::mt19937_64 random, waiting;
  bool extended, rereads, gathers, formats, running, backing, waits;
  bool halos = false;
  Problem problem;
  int einsumCount = 1;
  int64_t bytes = 1;
  std::map<char, int64_t> extents;
  std::vector<Tensor> tensors;
  std::string body, alsoOutput;
};

} // namespace

static Problem draw(uint64_t seed, const Kinds &kinds) {
  Generator generator(seed, kinds);
  Problem problem = generator.make();
  if (kinds.constrained)
    generator.constrain(problem);
  else if (kinds.ordered)
    generator.orderLoops(problem);
  return problem;
}

/// What no cascade may ask for: a step of a recurrence, or an element that data
/// choose, where there may be none.
static bool asksForAbsent(const Problem &problem, mlir::MLIRContext &context) {
  std::string said;
  mlir::ScopedDiagnosticHandler listen(&context, [&](mlir::Diagnostic &d) {
    said += d.str();
    return mlir::success();
  });
  return !load(problem.cascade, problem.spec, context) &&
         (llvm::StringRef(said).contains("absent") ||
          llvm::StringRef(said).contains("which is data"));
}

Problem einsum::optimality::generate(uint64_t seed, const Kinds &kinds,
                                     mlir::MLIRContext &context) {
  constexpr uint64_t kMostDraws = 64, kNext = uint64_t(1) << 48;
  Problem problem = draw(seed, kinds);
  for (uint64_t again = 1;
       again < kMostDraws && asksForAbsent(problem, context); ++again)
    problem = draw(seed + again * kNext, kinds);
  problem.seed = seed;
  return problem;
}

std::unique_ptr<LoadedProblem>
einsum::optimality::load(const std::string &cascade, const std::string &spec,
                         mlir::MLIRContext &context) {
  auto loaded = std::make_unique<LoadedProblem>(context);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(cascade, "problem.ein"),
      llvm::SMLoc());
  loaded->module = frontend::parseCascadeSource(sources, &context);
  if (!loaded->module)
    return nullptr;
  loaded->cascade = *loaded->module->getOps<CascadeOp>().begin();
  auto facts = computeCascadeFacts(loaded->cascade);
  if (failed(facts))
    return nullptr;
  loaded->facts = std::move(*facts);
  einsum::Diagnostics diagnostics;
  std::optional<arch::ArchSpec> arch =
      llvm::StringRef(spec).starts_with("{")
          ? arch::parseArchSpec(spec, "problem.json", diagnostics)
          : arch::readArchSpec(spec, diagnostics);
  if (!arch) {
    diagnostics.print(llvm::errs());
    return nullptr;
  }
  loaded->arch = std::move(*arch);
  return loaded;
}
