//===- Z3Conflict.cpp - Premises that cannot all hold, by Z3 --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/Z3Conflict.h"

#include <z3++.h>

using namespace einsum::mapper;

struct einsum::mapper::z3::ConflictSolver::Impl {
  explicit Impl(const ConflictProblem &problem);

  ::z3::expr number(uint64_t value) { return context.int_val(value); }
  /// A new truth value that implies that nothing it contradicts holds.
  ::z3::expr choice(const PremiseSet &contradicts);
  void add(const Skeleton &skeleton, const ConflictProblem &problem);

  const ConflictProblem &problem;
  ::z3::context context;
  ::z3::solver solver;
  ::z3::expr_vector premises, skeletons;
  unsigned choices = 0;
};

::z3::expr einsum::mapper::z3::ConflictSolver::Impl::choice(
    const PremiseSet &contradicts) {
  ::z3::expr chosen =
      context.bool_const(("c" + std::to_string(choices++)).c_str());
  for (unsigned premise : contradicts.set_bits())
    solver.add(::z3::implies(chosen, !premises[static_cast<int>(premise)]));
  return chosen;
}

void einsum::mapper::z3::ConflictSolver::Impl::add(
    const Skeleton &skeleton, const ConflictProblem &problem) {
  ::z3::expr chosen = choice(skeleton.contradicts);
  skeletons.push_back(chosen);
  std::map<int, ::z3::expr> held;
  for (const std::vector<Alternative> &alternatives : skeleton.operands) {
    ::z3::expr_vector any(context);
    for (const Alternative &alternative : alternatives) {
      ::z3::expr taken = choice(alternative.contradicts);
      any.push_back(taken);
      for (auto [level, bytes] : alternative.bytes) {
        ::z3::expr more = ::z3::ite(taken, number(bytes), number(0));
        auto [sum, isNew] = held.try_emplace(level, more);
        if (!isNew)
          sum->second = sum->second + more;
      }
    }
    solver.add(::z3::implies(chosen, ::z3::mk_or(any)));
  }
  for (const CapacityPremise &capacity : problem.capacities)
    if (auto sum = held.find(capacity.level); sum != held.end())
      solver.add(
          ::z3::implies(chosen && premises[static_cast<int>(capacity.premise)],
                        sum->second <= number(capacity.bytes)));
}

einsum::mapper::z3::ConflictSolver::Impl::Impl(const ConflictProblem &problem)
    : problem(problem), solver(context), premises(context), skeletons(context) {
  for (unsigned i = 0; i < problem.premises; ++i)
    premises.push_back(context.bool_const(("p" + std::to_string(i)).c_str()));
  for (const Skeleton &skeleton : problem.skeletons)
    add(skeleton, problem);
  solver.add(::z3::mk_or(skeletons));
}

einsum::mapper::z3::ConflictSolver::ConflictSolver(
    const ConflictProblem &problem)
    : impl(std::make_unique<Impl>(problem)) {}

einsum::mapper::z3::ConflictSolver::~ConflictSolver() = default;

bool einsum::mapper::z3::ConflictSolver::decide(const PremiseSet &active) {
  ::z3::expr_vector assumptions(impl->context);
  for (unsigned premise : active.set_bits())
    assumptions.push_back(impl->premises[static_cast<int>(premise)]);
  ::z3::check_result answer = impl->solver.check(assumptions);
  // Bounded sums of constants are decidable; should the solver still give up,
  // enumeration has the answer.
  return answer == ::z3::unknown ? isSatisfiable(impl->problem, active)
                                 : answer == ::z3::sat;
}
