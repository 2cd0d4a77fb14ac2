//===- Z3Allocation.cpp - The least peak, by constraints ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A variable per block, in multiples of the alignment; of two blocks that are
// live at once one ends before the other begins. The peak is lowered until
// nothing lower exists. Candidates for a peak are many, answers few: each "yes"
// says what peak was really reached.
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/Allocation.h"

#include "llvm/Support/MathExtras.h"

#include <z3++.h>

using namespace einsum;
using namespace einsum::lowering;

std::optional<std::vector<uint64_t>>
einsum::lowering::allocateExactly(const AllocationProblem &problem,
                                  const Allocation &known, unsigned effort) {
  z3::context context;
  z3::solver solver(context);
  z3::params params(context);
  params.set("rlimit", effort);
  solver.set(params);
  size_t count = problem.blocks.size();
  std::vector<z3::expr> slots;
  std::vector<z3::expr> ends;
  auto number = [&](uint64_t value) {
    return context.int_val(static_cast<uint64_t>(value));
  };
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(context.int_const(("slot" + std::to_string(i)).c_str()));
    solver.add(slots[i] >= 0);
    ends.push_back(slots[i] * number(problem.alignment) +
                   number(problem.blocks[i].bytes));
  }
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b < a; ++b)
      if (problem.overlap(a, b))
        solver.add(ends[a] <= slots[b] * number(problem.alignment) ||
                   ends[b] <= slots[a] * number(problem.alignment));
  std::vector<uint64_t> best = known.addresses;
  uint64_t peak = known.peak;
  while (peak > known.lowerBound) {
    solver.push();
    for (const z3::expr &end : ends)
      solver.add(end < number(peak));
    z3::check_result answer = solver.check();
    if (answer == z3::unsat)
      return best;
    if (answer == z3::unknown)
      return std::nullopt;
    z3::model model = solver.get_model();
    peak = 0;
    for (size_t i = 0; i < count; ++i) {
      best[i] =
          model.eval(slots[i], true).get_numeral_uint64() * problem.alignment;
      peak = std::max(peak, best[i] + problem.blocks[i].bytes);
    }
    solver.pop();
  }
  return best;
}
