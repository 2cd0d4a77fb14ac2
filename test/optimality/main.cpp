//===- main.cpp - Is the mapper's best the best of all? -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Judge.h"
#include "test/optimality/Problem.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace einsum;
using namespace einsum::optimality;

int main(int argc, char **argv) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<EinsumDialect, schedule::ScheduleDialect>();
  uint64_t first = argc > 1 ? atoi(argv[1]) : 1, count = argc > 2 ? atoi(argv[2]) : 20;
  uint64_t most = argc > 3 ? atoi(argv[3]) : 20000;
  bool show = argc > 4;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Problem problem = generate(seed);
    if (show)
      llvm::outs() << problem.cascade << problem.spec;
    auto loaded = load(problem.cascade, problem.spec, context);
    if (!loaded) {
      llvm::outs() << problem.cascade << problem.spec;
      continue;
    }
    auto t0 = std::chrono::steady_clock::now();
    uint64_t size = Space(loaded->facts, loaded->arch, problem.limits).size(most);
    auto t1 = std::chrono::steady_clock::now();
    llvm::outs() << "seed " << seed << " einsums " << loaded->facts.einsums.size() << " levels " << loaded->arch.levels.size() << " size " << size << " count "
                 << llvm::format("%.3f s", std::chrono::duration<double>(t1 - t0).count());
    if (size <= most) {
      std::vector<Goal> goals = {{{Measure::latency}}, {{Measure::energy}}, {{Measure::edp}}, {{Measure::latency}, {Measure::energy}}};
      Findings f = tryAll(loaded->cascade, loaded->facts, loaded->arch, problem.limits, goals);
      auto t2 = std::chrono::steady_clock::now();
      llvm::outs() << llvm::format(" try %.3f s", std::chrono::duration<double>(t2 - t1).count())
                   << " skeletons " << f.skeletons << "/" << f.legalSkeletons << " trees " << f.trees << " legal " << f.legal << " fit " << f.fitting << " pareto " << f.best[3].size();
      if (show && f.fitting)
        llvm::outs() << "\n" << printTree(f.best[2][0].tree, loaded->cascade, loaded->facts, loaded->arch);
    }
    llvm::outs() << "\n";
    llvm::outs().flush();
  }
}
