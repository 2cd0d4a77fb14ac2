//===- main.cpp - Agreement of cost model and simulator -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   einsum-agreement                       2 000 legal random cases
//   einsum-agreement --cases 100000        more of them
//   einsum-agreement --seed 17 --cases 1   one again, by the seed that it
//   printed einsum-agreement --files X.ein X.mlir SPEC.json    a given case
//   einsum-agreement --mapping NAME X.ein SPEC.json    a published mapping
//   einsum-agreement --print 17            the files of a case
//   einsum-agreement --extended ...        with accounting profiles and widths
//   einsum-agreement --focus halos ...     more of what is rare: halos, units,
//   recurrences, masks, formats, or any of these in turn
//   einsum-agreement --counting steps      the cost model takes every step; or
//   `general`, without its short ways
//
// --known FILE lists seeds that are known to differ, one a line, each with the
// kind of its difference and the reason. They are counted apart, and it is said
// which of them do not differ any more; every other difference fails.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Case.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

using namespace einsum::agreement;

namespace {

struct Options {
  uint64_t seed = 1, cases = 2000;
  unsigned threads = 2;
  bool shrink = true;
  unsigned failures = 3; ///< to print
  bool extended = false; ///< keys that change how moves are counted
  Focus focus = Focus::none;
  bool explain = false;                  ///< count why cases are illegal
  std::vector<std::string> ignore;       ///< kinds of difference
  std::map<uint64_t, std::string> known; ///< kinds, by seed
};

struct Totals {
  std::atomic<uint64_t> legal{0}, tried{0}, differing{0}, points{0},
      unsupported{0}, bounds{0};
  std::map<std::string, uint64_t> features; ///< of legal cases
  uint64_t known = 0;
  std::set<uint64_t> mended;
  std::map<std::string, uint64_t> reasons, kinds;
  std::mutex mutex;
};

} // namespace

static void printCase(const Case &c, llvm::raw_ostream &os) {
  os << "// case.ein\n"
     << c.printCascade() << "// case.mlir\n"
     << c.printSchedule() << "// spec.json\n"
     << c.printSpec();
}

/// The message without names and places, for counting.
static std::string summarizeReason(const std::string &text) {
  std::string reason;
  bool quoted = false;
  llvm::StringRef line = llvm::StringRef(text).split('\n').first;
  if (size_t at = line.find("): "); at != llvm::StringRef::npos)
    line = line.drop_front(at + 3);
  for (char letter : line) {
    if (letter == '\'' || letter == '"')
      quoted = !quoted;
    else if (!quoted && !isdigit(letter))
      reason += letter;
  }
  return reason.substr(0, 110);
}

static void report(const Case &c, uint64_t seed, const Verdict &verdict,
                   const Options &options) {
  llvm::outs() << "seed " << seed << " differs:\n" << verdict.text;
  Case small = options.shrink ? shrink(c, seed, verdict.kind) : c;
  llvm::outs() << "shrunk:\n";
  printCase(small, llvm::outs());
  llvm::outs() << check(small, seed).text << "\n";
  llvm::outs().flush();
}

static void work(const Options &options, std::atomic<uint64_t> &next,
                 Totals &totals) {
  while (totals.legal < options.cases && totals.differing < options.failures) {
    uint64_t seed = next++;
    Case c = generate(seed, options.extended, options.focus);
    Verdict verdict = check(c, seed);
    ++totals.tried;
    if (options.cases == 1 || verdict.status != Verdict::illegal)
      ++totals.legal;
    std::lock_guard<std::mutex> lock(totals.mutex);
    auto known = options.known.find(seed);
    bool isKnown =
        known != options.known.end() && known->second == verdict.kind;
    if (known != options.known.end() && !isKnown)
      totals.mended.insert(seed);
    totals.known += isKnown;
    totals.unsupported += verdict.isUnsupported;
    if (verdict.isUnsupported && options.explain)
      llvm::outs() << "seed " << seed << " is unsupported\n";
    if (verdict.status == Verdict::illegal) {
      if (options.explain || options.cases == 1)
        ++totals.reasons[summarizeReason(verdict.text)];
      continue;
    }
    totals.points += verdict.points;
    totals.bounds += verdict.bounds;
    for (const std::string &feature : listFeatures(c))
      ++totals.features[feature];
    if (verdict.status == Verdict::differs) {
      ++totals.kinds[verdict.kind];
      if (isKnown || std::count(options.ignore.begin(), options.ignore.end(),
                                verdict.kind))
        continue;
      ++totals.differing;
      report(c, seed, verdict, options);
    }
  }
}

static int runRandom(const Options &options) {
  std::atomic<uint64_t> next{options.seed};
  Totals totals;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i)
    threads.emplace_back([&] { work(options, next, totals); });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &[reason, count] : totals.reasons)
    llvm::outs() << "illegal " << count << ": " << reason << "\n";
  for (const auto &[kind, count] : totals.kinds)
    llvm::outs() << "differ in " << kind << ": " << count << "\n";
  for (const auto &[feature, count] : totals.features)
    llvm::outs() << "with " << feature << ": " << count << " ("
                 << 100 * count / std::max<uint64_t>(1, totals.legal)
                 << " %)\n";
  if (totals.unsupported > 0)
    llvm::outs() << totals.unsupported
                 << " refused by the cost model as unsupported\n";
  llvm::outs() << "lower bounds beyond compulsory traffic held against: "
               << totals.bounds << "\n"
               << totals.legal << " cases of " << totals.tried
               << " generated from seed " << options.seed << " on, "
               << totals.points << " points executed, " << totals.differing
               << " differ";
  if (!options.known.empty())
    llvm::outs() << " besides " << totals.known << " that are known to";
  for (uint64_t seed : totals.mended)
    llvm::outs() << "; seed " << seed << " agrees now";
  llvm::outs() << "\n";
  return totals.differing == 0 ? 0 : 1;
}

static std::string readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    llvm::errs() << path << ": error: cannot be read\n";
    exit(1);
  }
  return (*buffer)->getBuffer().str();
}

/// "75 tensor registers of ragged spatial loops"; '#' starts a comment.
static std::map<uint64_t, std::string> readKnown(const std::string &path) {
  std::map<uint64_t, std::string> known;
  llvm::SmallVector<llvm::StringRef> lines;
  std::string text = readFile(path);
  llvm::StringRef(text).split(lines, '\n');
  for (llvm::StringRef line : lines) {
    auto [seed, rest] = line.split('#').first.trim().split(' ');
    uint64_t number;
    if (!seed.getAsInteger(10, number))
      known[number] = rest.trim().split(' ').first.str();
  }
  return known;
}

static Focus readFocus(const std::string &name) {
  const char *names[] = {"none",    "halos", "units",   "recurrences", "masks",
                         "formats", "any",   "gathers", "filters"};
  for (auto [i, known] : llvm::enumerate(names))
    if (name == known)
      return static_cast<Focus>(i);
  llvm::errs() << "einsum-agreement: error: there is no focus '" << name
               << "'; there are none, halos, units, recurrences, masks, "
                  "formats, any, gathers, filters\n";
  exit(1);
}

static int runGiven(const std::string &cascade, const std::string &schedule,
                    const std::string &mapping, const std::string &spec) {
  Verdict verdict =
      checkTexts(readFile(cascade), schedule.empty() ? "" : readFile(schedule),
                 mapping, spec, 1);
  if (verdict.status == Verdict::illegal)
    llvm::outs() << "illegal: ";
  llvm::outs() << verdict.text;
  if (verdict.status == Verdict::agrees)
    llvm::outs() << "agrees: " << verdict.points << " points\n";
  return verdict.status == Verdict::agrees ? 0 : 1;
}

int main(int argc, char **argv) {
  Options options;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &name = arguments[i];
    auto number = [&] { return std::stoull(arguments.at(++i)); };
    if (name == "--seed")
      options.seed = number();
    else if (name == "--cases")
      options.cases = number();
    else if (name == "--threads")
      options.threads = number();
    else if (name == "--failures")
      options.failures = number();
    else if (name == "--no-shrink")
      options.shrink = false;
    else if (name == "--ignore" && i + 1 < arguments.size())
      options.ignore.push_back(arguments[++i]);
    else if (name == "--known" && i + 1 < arguments.size())
      options.known = readKnown(arguments[++i]);
    else if (name == "--counting" && i + 1 < arguments.size()) {
      std::string how = arguments[++i];
      counting = how == "general" ? Counting::general
                 : how == "steps" ? Counting::steps
                                  : Counting::any;
    } else if (name == "--focus" && i + 1 < arguments.size()) {
      options.focus = readFocus(arguments[++i]);
    } else if (name == "--extended")
      options.extended = true;
    else if (name == "--commands")
      withCommands = true;
    else if (name == "--explain")
      options.explain = true;
    else if (name == "--print") {
      printCase(generate(number(), options.extended, options.focus),
                llvm::outs());
      return 0;
    } else if (name == "--files" && i + 3 < arguments.size()) {
      return runGiven(arguments[i + 1], arguments[i + 2], "", arguments[i + 3]);
    } else if (name == "--mapping" && i + 3 < arguments.size()) {
      return runGiven(arguments[i + 2], "", arguments[i + 1], arguments[i + 3]);
    } else {
      llvm::errs() << "einsum-agreement: error: unknown option '" << name
                   << "'\n";
      return 1;
    }
  }
  return runRandom(options);
}
