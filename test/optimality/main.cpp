//===- main.cpp - Is the mapper's best the best of all? -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   einsum-optimality                      400 random problems
//   einsum-optimality --cases N --seed S   N problems from seed S on
//   einsum-optimality --most TREES         only spaces up to that size
//   einsum-optimality --extended ...       with more constructs
//   einsum-optimality --rereads ...        most tensors have several readers
//   einsum-optimality --formats ...        inputs in formats with blocks
//   einsum-optimality --constrained ...    with constraints of the user's
//   einsum-optimality --loop-order ...     with the order of loops at levels
//   einsum-optimality --gathers ...        with coordinates that are data
//   einsum-optimality --running ...        others read steps of recurrences
//   einsum-optimality --backing ...        the outermost level has a size
//   einsum-optimality --waits ...          levels answer after a while
//   einsum-optimality --print SEED         the files of a problem
//   einsum-optimality --files X.ein SPEC   a given problem
//   einsum-optimality --enumerate ...      the judge alone
//   einsum-optimality --agree K ...        every K-th tree is simulated as well
//   einsum-optimality --without RULE ...   the mapper without a pruning rule
//   einsum-optimality --prove ...          and Z3 is asked, where it can
//   einsum-optimality --self-check         spaces counted by hand
//
// Exits with 1 at a difference; prints the problem, what is better, and both
// costs. --known FILE lists seeds that are known to differ, one a line, with
// the reason; they are counted apart, and it is said which do not differ any
// more.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/BoundCheck.h"
#include "test/agreement/Case.h"
#include "test/optimality/Compare.h"
#include "test/optimality/Prove.h"
#include "test/optimality/SelfCheck.h"

#include "lib/Init/InitAll.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

using namespace mlir;
using namespace einsum;
using namespace einsum::optimality;

namespace {

struct Options {
  uint64_t seed = 1, cases = 400;
  std::optional<uint64_t> mostTrees;
  unsigned threads = 2, failures = 3;
  uint64_t agree = 0; ///< 0: nothing is simulated
  bool asksMapper = true, asksZ3 = false, verbose = false;
  Kinds kinds;
  std::set<uint64_t> known; ///< seeds
  mapper::PruningRules rules;

  /// Without dominance there are as many plans as mappings, and all are sorted.
  uint64_t most() const {
    return mostTrees.value_or(rules.dominance ? 6000 : 300);
  }
};

/// What was seen, over all problems.
struct Totals {
  std::atomic<uint64_t> problems{0}, differing{0}, trees{0}, fitting{0},
      simulated{0}, infeasible{0}, proven{0}, unsupported{0};
  std::atomic<uint64_t> invalid{0}, tooLarge{0}, withPareto{0}, fused{0},
      pipelined{0}, spatial{0}, shared{0}, recomputed{0}, retained{0},
      einsums{0}, bounds{0};
  std::set<uint64_t> known, mended;
  Quality plain, cut; ///< sums
  std::mutex mutex;

  static void add(Quality &sum, const Quality &one) {
    sum.goals += one.goals;
    sum.proven += one.proven;
    sum.reached += one.reached;
    sum.worst = std::max(sum.worst, one.worst);
  }
};

} // namespace

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

/// Einsums below a node that touch a tensor.
static int countUsers(const Frame &frame, const CascadeFacts &facts,
                      int tensor) {
  int users = 0;
  for (const Frame &child : frame.children)
    users += countUsers(child, facts, tensor);
  if (!frame.children.empty())
    return users;
  auto isIt = [&](const AccessFact &access) { return access.tensor == tensor; };
  const EinsumFact &einsum = facts.einsums[frame.einsum];
  return llvm::any_of(einsum.reads, isIt) || llvm::any_of(einsum.writes, isIt);
}

/// What kinds of mapping come out best says whether problems are worth their
/// time.
static void countKinds(const Findings &findings, const CascadeFacts &facts,
                       Totals &totals) {
  bool fused = false, pipelined = false, spatial = false, pareto = false,
       shared = false, recomputed = false, retained = false;
  for (const std::vector<Found> &best : findings.best) {
    pareto |= best.size() > 1;
    for (const Found &found : best) {
      fused |= !found.tree.frame.steps.empty();
      std::function<void(const Frame &)> visit = [&](const Frame &frame) {
        pipelined |= frame.isPipeline;
        for (const Step &step : frame.steps) {
          recomputed |= llvm::StringRef(step.halo) == "recomputed";
          retained |= llvm::StringRef(step.halo) == "retained";
        }
        for (const Step &step : frame.steps)
          shared |= step.kind == Step::holder &&
                    llvm::is_contained(found.tree.backing, step.tensor) &&
                    countUsers(frame, facts, step.tensor) > 1;
        for (const Frame &child : frame.children)
          visit(child);
      };
      visit(found.tree.frame);
      for (const Nest &nest : found.tree.nest)
        for (const Step &step : nest)
          spatial |= step.kind == Step::spatial;
    }
  }
  totals.withPareto += pareto;
  totals.fused += fused;
  totals.pipelined += pipelined;
  totals.spatial += spatial;
  totals.shared += shared;
  totals.recomputed += recomputed;
  totals.retained += retained;
}

/// One schedule in so many is held against bounds for as little room as it
/// takes.
static constexpr uint64_t kTight = 32;

static std::string judge(const Problem &made, LoadedProblem &problem,
                         const Options &options, Totals &totals) {
  std::string text;
  std::vector<Goal> goals = goalsFor(problem.arch);
  uint64_t seen = 0;
  agreement::BoundCheck bounds(problem.facts, problem.arch);
  Findings findings = tryAll(
      problem.cascade, problem.facts, problem.arch, made.limits, goals,
      [&](schedule::MappingOp mapping, const cost::Evaluation &cost) {
        std::string below = bounds.asItIs(mapping, cost);
        uint64_t index = seen++;
        if (below.empty() && index % kTight == 0)
          below = bounds.tight(mapping, cost);
        std::string schedule;
        llvm::raw_string_ostream os(schedule);
        if (!below.empty() && text.empty()) {
          mapping.print(os);
          text += "a schedule is below a bound: " + below + "\n" + schedule;
        }
        if (options.agree == 0 || index % options.agree != 0)
          return;
        schedule.clear();
        mapping.print(os);
        ++totals.simulated;
        auto verdict = agreement::checkTexts(made.cascade, schedule, "",
                                             made.spec, made.seed);
        // The simulator does not cover all that a problem may ask for.
        bool isCovered = verdict.text.find("unsupported") == std::string::npos;
        if (verdict.status != agreement::Verdict::agrees && isCovered)
          text +=
              "the simulator does not agree: " + verdict.text + schedule + "\n";
      });
  totals.bounds += bounds.beyondCompulsory;
  totals.trees += findings.trees;
  totals.fitting += findings.fitting;
  totals.infeasible += findings.fitting == 0;
  totals.einsums += problem.facts.einsums.size();
  countKinds(findings, problem.facts, totals);
  if (options.asksMapper) {
    Quality quality;
    text += compareWithMapper(problem, made.limits, goals, findings,
                              options.rules, quality);
    totals.unsupported += !quality.covered;
    std::lock_guard<std::mutex> lock(totals.mutex);
    totals.add(quality.cut ? totals.cut : totals.plain, quality);
  }
  if (options.asksZ3) {
    unsigned proven = 0;
    text += proveFindings(problem, made.limits, goals, findings, proven);
    totals.proven += proven;
  }
  return text;
}

static void report(const Problem &problem, const std::string &text) {
  llvm::outs() << "seed " << problem.seed << " differs\n// problem.ein\n"
               << problem.cascade << "// problem.json\n"
               << problem.spec << text << "\n";
  llvm::outs().flush();
}

static void work(const Options &options, std::atomic<uint64_t> &next,
                 Totals &totals) {
  std::unique_ptr<MLIRContext> context = makeContext();
  while (totals.differing < options.failures) {
    uint64_t seed = next++;
    Problem made = generate(seed, options.kinds, *context);
    auto problem = load(made.cascade, made.spec, *context);
    if (!problem) {
      ++totals.invalid;
      ++totals.differing;
      std::lock_guard<std::mutex> lock(totals.mutex);
      report(made, "the problem is not valid\n");
      continue;
    }
    if (Space(problem->facts, problem->arch, made.limits).size(options.most()) >
        options.most()) {
      ++totals.tooLarge;
      continue;
    }
    if (totals.problems++ >= options.cases)
      return;
    std::string text = judge(made, *problem, options, totals);
    std::lock_guard<std::mutex> lock(totals.mutex);
    if (options.verbose) {
      llvm::outs() << "seed " << seed << (text.empty() ? "" : " differs")
                   << "\n";
      llvm::outs().flush();
    }
    if (options.known.count(seed)) {
      (text.empty() ? totals.mended : totals.known).insert(seed);
      continue;
    }
    if (text.empty())
      continue;
    ++totals.differing;
    report(made, text);
  }
}

static int runRandom(const Options &options) {
  Totals totals;
  std::atomic<uint64_t> next{options.seed};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < options.threads; ++t)
    threads.emplace_back([&] { work(options, next, totals); });
  for (std::thread &thread : threads)
    thread.join();
  llvm::outs() << std::min<uint64_t>(totals.problems, options.cases)
               << " problems, " << totals.einsums << " Einsums, "
               << totals.trees << " trees, " << totals.fitting
               << " legal and fitting; " << totals.infeasible
               << " problems infeasible, " << totals.tooLarge
               << " too large\nsome best mapping is fused in " << totals.fused
               << ", pipelined in " << totals.pipelined << ", spatial in "
               << totals.spatial << ", with one holder for several Einsums in "
               << totals.shared << ", with halos recomputed in "
               << totals.recomputed << " and retained in " << totals.retained
               << "; " << totals.withPareto
               << " Pareto sets of several points\n"
               << "none below a bound, of which " << totals.bounds
               << " beyond compulsory traffic\n"
               << totals.simulated << " simulated; " << totals.proven
               << " optima proven by Z3; " << totals.unsupported
               << " problems unsupported by the mapper, " << totals.invalid
               << " not valid, " << totals.differing << " differ, "
               << totals.known.size() << " more are known to\n";
  for (auto [name, some] :
       {std::pair{"plain", totals.plain}, {"cut", totals.cut}})
    if (some.goals)
      llvm::outs() << name << " problems: of " << some.goals << " goals "
                   << some.proven << " optimal, " << some.reached
                   << " as good as the best, none worse than "
                   << llvm::format("%.3f", some.worst) << " times it\n";
  for (uint64_t seed : totals.mended)
    llvm::outs() << "seed " << seed << " does not differ any more\n";
  return totals.differing ? 1 : 0;
}

static int runGiven(const std::string &cascadePath, const std::string &spec,
                    const Options &options) {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(cascadePath);
  if (!file) {
    llvm::errs() << cascadePath << ": error: " << file.getError().message()
                 << "\n";
    return 1;
  }
  Problem made;
  made.cascade = (*file)->getBuffer().str();
  made.spec = spec;
  std::unique_ptr<MLIRContext> context = makeContext();
  auto problem = load(made.cascade, spec, *context);
  if (!problem)
    return 1;
  Totals totals;
  std::string text = judge(made, *problem, options, totals);
  if (totals.unsupported)
    text += "the mapper does not cover it\n";
  llvm::outs() << totals.trees << " trees, " << totals.fitting
               << " legal and fitting\n"
               << text;
  return text.empty() ? 0 : 1;
}

/// Lines that start with a number.
static std::set<uint64_t> readSeeds(const std::string &path) {
  std::set<uint64_t> seeds;
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    llvm::errs() << path << ": error: " << file.getError().message() << "\n";
    exit(1);
  }
  llvm::SmallVector<llvm::StringRef> lines;
  (*file)->getBuffer().split(lines, '\n');
  uint64_t seed;
  for (llvm::StringRef line : lines)
    if (!line.consumeInteger(10, seed))
      seeds.insert(seed);
  return seeds;
}

static int runSelfCheck() {
  std::unique_ptr<MLIRContext> context = makeContext();
  std::string text = checkSizes(*context) + checkHolderOrder(*context);
  llvm::outs() << (text.empty() ? "the judge agrees with itself\n" : text);
  return text.empty() ? 0 : 1;
}

int main(int argc, char **argv) {
  Options options;
  std::vector<std::string> arguments(argv + 1, argv + argc), files;
  std::optional<uint64_t> printed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &name = arguments[i];
    bool hasValue = i + 1 < arguments.size();
    auto number = [&] {
      return std::strtoull(arguments[++i].c_str(), nullptr, 10);
    };
    if (name == "--self-check")
      return runSelfCheck();
    if (name == "--enumerate")
      options.asksMapper = false;
    else if (name == "--extended")
      options.kinds.extended = true;
    else if (name == "--rereads")
      options.kinds.rereads = true;
    else if (name == "--formats")
      options.kinds.formats = true;
    else if (name == "--constrained")
      options.kinds.constrained = true;
    else if (name == "--loop-order")
      options.kinds.ordered = true;
    else if (name == "--gathers")
      options.kinds.gathers = true;
    else if (name == "--running")
      options.kinds.running = true;
    else if (name == "--waits")
      options.kinds.waits = true;
    else if (name == "--backing")
      options.kinds.backing = true;
    else if (name == "--focus" && hasValue && arguments[i + 1] == "halos")
      options.kinds.halos = ++i != 0;
    else if (name == "--prove")
      options.asksZ3 = true;
    else if (name == "--verbose")
      options.verbose = true;
    else if (name == "--cases" && hasValue)
      options.cases = number();
    else if (name == "--seed" && hasValue)
      options.seed = number();
    else if (name == "--most" && hasValue)
      options.mostTrees = number();
    else if (name == "--threads" && hasValue)
      options.threads = static_cast<unsigned>(number());
    else if (name == "--failures" && hasValue)
      options.failures = static_cast<unsigned>(number());
    else if (name == "--known" && hasValue)
      options.known = readSeeds(arguments[++i]);
    else if (name == "--without" && hasValue &&
             leaveOut(options.rules, arguments[i + 1]))
      ++i;
    else if (name == "--agree" && hasValue)
      options.agree = number();
    else if (name == "--print" && hasValue)
      printed = number();
    else if (name == "--files" && i + 2 < arguments.size()) {
      files = {arguments[i + 1], arguments[i + 2]};
      i += 2;
    } else {
      llvm::errs() << "einsum-optimality: error: unknown option '" << name
                   << "'\n";
      return 1;
    }
  }
  if (printed) {
    Problem problem = generate(*printed, options.kinds, *makeContext());
    llvm::outs() << problem.cascade << problem.spec;
    return 0;
  }
  return files.empty() ? runRandom(options)
                       : runGiven(files[0], files[1], options);
}
