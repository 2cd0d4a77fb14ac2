//===- Judge.cpp - The best of all mappings, by trying them ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Judge.h"

#include "lib/Mapper/ConstraintCheck.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::optimality;

double Measure::of(const cost::Evaluation &cost) const {
  switch (kind) {
  case latency:
    return cost.latencySeconds;
  case energy:
    return cost.energyJoules();
  case edp:
    return cost.energyJoules() * cost.latencySeconds;
  case traffic:
    return static_cast<double>(cost.levels[level].traffic.bytes());
  case capacity:
    return static_cast<double>(cost.levels[level].peakBytes);
  }
  return 0;
}

std::string Measure::describe(const arch::ArchSpec &arch) const {
  static const char *const names[] = {"latency", "energy", "edp", "traffic at ",
                                      "capacity of "};
  return names[kind] + (kind >= traffic ? arch.levels[level].name : "");
}

static schedule::MappingOp makeMapping(const Tree &tree, CascadeOp cascade,
                                       const CascadeFacts &facts,
                                       const arch::ArchSpec &arch) {
  OpBuilder builder(cascade.getContext());
  builder.setInsertionPointAfter(cascade);
  auto mapping = builder.create<schedule::MappingOp>(
      cascade.getLoc(), builder.getStringAttr("tried"),
      FlatSymbolRefAttr::get(cascade.getSymNameAttr()),
      builder.getStringAttr(arch.name));
  mapping.getBody().emplaceBlock();
  buildTree(tree, facts, arch, builder, mapping);
  return mapping;
}

namespace {

class Judge {
public:
  Judge(CascadeOp cascade, const CascadeFacts &facts,
        const arch::ArchSpec &arch, const std::vector<Goal> &goals)
      : cascade(cascade), facts(facts), arch(arch), goals(goals) {
    findings.best.resize(goals.size());
    for (const TensorFact &tensor : facts.tensors)
      hasRecurrence |= tensor.iterativeRank >= 0;
  }

  void run(const Limits &limits) {
    fuses = limits.fusion;
    Space space(facts, arch, limits);
    space.forEachSkeleton([&](const Skeleton &skeleton) {
      ++findings.skeletons;
      // Without recurrences, who may read what is decided by what is shared.
      bool isFirst = true, isLegal = true, hasHalos = false;
      for (const Above &above : skeleton.above)
        hasHalos |= above.isBelowWindowLoop();
      space.forEachTree(skeleton, [&](const Tree &tree) {
        ++findings.trees;
        if (!isLegal)
          return;
        bool isSure = !hasRecurrence && !hasHalos;
        bool verifies = isFirst || !isSure || findings.trees % 16 == 0;
        bool passes = consider(tree, verifies);
        if (isFirst && isSure)
          isLegal = passes;
        findings.legalSkeletons += isFirst && passes;
        isFirst = false;
      });
      return true;
    });
  }

  Findings findings;
  std::function<void(schedule::MappingOp, const cost::Evaluation &)> visit;

private:
  /// Returns whether the tree is legal.
  bool consider(const Tree &tree, bool verifies) {
    schedule::MappingOp mapping = makeMapping(tree, cascade, facts, arch);
    bool isLegal =
        !verifies ||
        (succeeded(mlir::verify(mapping)) &&
         succeeded(schedule::verifyAgainstCascade(mapping, cascade)));
    if (isLegal) {
      ++findings.legal;
      if (auto evaluator = cost::Evaluator::create(mapping, facts, arch);
          evaluator && evaluator->evaluate(evaluation)) {
        if (!keepsConstraints(mapping, tree))
          return finish(mapping, isLegal);
        ++findings.fitting;
        if (visit)
          visit(mapping, evaluation);
        compare(tree);
      }
    }
    return finish(mapping, isLegal);
  }

  static bool finish(schedule::MappingOp mapping, bool isLegal) {
    mapping.erase();
    return isLegal;
  }

  /// What is read off the finished tree, and one rule of the space: where
  /// Einsums share loops, or could, what stands above an Einsum's first own
  /// holder keeps to the orders of all levels.
  bool keepsConstraints(schedule::MappingOp mapping, const Tree &tree) const {
    if (arch.constraints.empty())
      return true;
    if (!mapper::findConstraintViolation(mapping, facts, arch, {}).empty())
      return false;
    if (facts.einsums.size() == 1 || !fuses)
      return true;
    std::vector<int> above;
    return isOrdered(tree.frame, tree, above);
  }

  bool isOrdered(const Frame &frame, const Tree &tree,
                 std::vector<int> above) const {
    for (const Step &step : frame.steps)
      if (step.kind != Step::holder)
        above.push_back(step.rank);
    for (const Frame &child : frame.children)
      if (!isOrdered(child, tree, above))
        return false;
    if (!frame.children.empty())
      return true;
    for (const Step &step : tree.nest[frame.einsum]) {
      if (step.kind == Step::holder)
        break;
      if (step.kind == Step::temporal)
        above.push_back(step.rank);
    }
    std::vector<int> path = {arch.arrays[tree.array[frame.einsum]].level};
    while (arch.levels[path.back()].parent >= 0)
      path.push_back(arch.levels[path.back()].parent);
    for (const arch::LevelConstraint &one : arch.constraints.levels)
      for (size_t i = 0; i < above.size(); ++i)
        for (size_t j = i + 1; j < above.size(); ++j)
          if (llvm::is_contained(path, one.level) &&
              placeIn(one, above[i]) > placeIn(one, above[j]) &&
              placeIn(one, above[i]) < one.order.size())
            return false;
    return true;
  }

  size_t placeIn(const arch::LevelConstraint &one, int rank) const {
    return llvm::find_if(one.order,
                         [&](const arch::WorkloadName &name) {
                           return name.name == facts.ranks[rank].name;
                         }) -
           one.order.begin();
  }

  void compare(const Tree &tree) {
    for (size_t g = 0; g < goals.size(); ++g) {
      values.clear();
      for (const Measure &measure : goals[g])
        values.push_back(measure.of(evaluation));
      insert(findings.best[g], tree);
    }
  }

  /// Keeps what nothing else matches or beats in every measure.
  void insert(std::vector<Found> &best, const Tree &tree) {
    auto covers = [](const std::vector<double> &a,
                     const std::vector<double> &b) {
      for (size_t i = 0; i < a.size(); ++i)
        if (a[i] > b[i])
          return false;
      return true;
    };
    for (const Found &other : best)
      if (covers(other.values, values))
        return;
    best.erase(std::remove_if(best.begin(), best.end(),
                              [&](const Found &other) {
                                return covers(values, other.values);
                              }),
               best.end());
    auto place = std::find_if(best.begin(), best.end(), [&](const Found &f) {
      return f.values > values;
    });
    best.insert(place, {values, tree});
  }

  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const std::vector<Goal> &goals;
  bool hasRecurrence = false, fuses = true;
  cost::Evaluation evaluation;
  std::vector<double> values;
};

} // namespace

Findings einsum::optimality::tryAll(
    CascadeOp cascade, const CascadeFacts &facts, const arch::ArchSpec &arch,
    const Limits &limits, const std::vector<Goal> &goals,
    const std::function<void(schedule::MappingOp, const cost::Evaluation &)>
        &visit) {
  // What is wrong with a mapping is of no interest.
  ScopedDiagnosticHandler silence(cascade.getContext(),
                                  [](mlir::Diagnostic &) {});
  Judge judge(cascade, facts, arch, goals);
  judge.visit = visit;
  judge.run(limits);
  return std::move(judge.findings);
}

std::vector<double> einsum::optimality::evaluateTree(const Tree &tree,
                                                     CascadeOp cascade,
                                                     const CascadeFacts &facts,
                                                     const arch::ArchSpec &arch,
                                                     const Goal &goal) {
  ScopedDiagnosticHandler silence(cascade.getContext(),
                                  [](mlir::Diagnostic &) {});
  schedule::MappingOp mapping = makeMapping(tree, cascade, facts, arch);
  std::vector<double> values;
  cost::Evaluation cost;
  if (succeeded(mlir::verify(mapping)) &&
      succeeded(schedule::verifyAgainstCascade(mapping, cascade)))
    if (auto evaluator = cost::Evaluator::create(mapping, facts, arch);
        evaluator && evaluator->evaluate(cost))
      for (const Measure &measure : goal)
        values.push_back(measure.of(cost));
  mapping.erase();
  return values;
}

std::string einsum::optimality::printTree(const Tree &tree, CascadeOp cascade,
                                          const CascadeFacts &facts,
                                          const arch::ArchSpec &arch) {
  schedule::MappingOp mapping = makeMapping(tree, cascade, facts, arch);
  std::string text;
  llvm::raw_string_ostream os(text);
  mapping.print(os);
  mapping.erase();
  return text + "\n";
}
