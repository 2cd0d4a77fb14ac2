//===- MappingPass.cpp - The promise to outside mapping code --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/MappingPass.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

MappingContext::MappingContext(CascadeOp cascade, const CascadeFacts &facts,
                               const arch::ArchSpec &arch)
    : cascade(cascade), facts(facts), arch(arch),
      bounds(facts, arch, bounds::collectPassFacts(facts)),
      builder(cascade.getContext()) {}

MappingContext::MappingContext(CascadeOp cascade, const CascadeFacts &facts,
                               const arch::ArchSpec &arch,
                               const RankPasses &known)
    : cascade(cascade), facts(facts), arch(arch),
      bounds(facts, arch, bounds::collectPassFacts(facts, known)),
      builder(cascade.getContext()), passes(known) {}

const RankPasses &MappingContext::getPasses() {
  if (!passes)
    passes = computeRankPasses(cascade);
  return *passes;
}

const std::vector<LiveFootprint> &MappingContext::getFootprints() {
  if (!footprints)
    footprints = computeLiveFootprints(cascade, getPasses());
  return *footprints;
}

InFlightDiagnostic MappingContext::refuse() {
  return emitError(cascade.getLoc())
         << "no mapping of '" << facts.name << "' onto '" << arch.name << "': ";
}

FailureOr<int64_t> MappingContext::extent(StringRef rank) {
  int id = facts.findRank(names.rank(rank));
  if (id < 0)
    return refuse() << "the cascade has no rank '" << rank << "'";
  return facts.ranks[id].extent;
}

FailureOr<uint64_t> MappingContext::capacity(StringRef level) {
  int id = arch.findLevel(level);
  if (id < 0)
    return refuse() << "the architecture has no level '" << level << "'";
  const arch::Level &found = arch.levels[id];
  if (!found.capacityBytes)
    return refuse() << "level '" << level << "' has no capacity";
  return *found.capacityBytes * arch.instances(found);
}

FailureOr<int64_t> MappingContext::units(StringRef array, StringRef dim) {
  int id = arch.findArray(array);
  if (id < 0)
    return refuse() << "the architecture has no array '" << array << "'";
  for (const arch::ArrayDim &d : arch.arrays[id].dims)
    if (d.name == dim)
      return static_cast<int64_t>(d.size);
  return refuse() << "array '" << array << "' has no dimension '" << dim << "'";
}

LogicalResult MappingContext::requireCascade(StringRef pattern) {
  std::string reason;
  FailureOr<CascadeMatch> match =
      CascadePattern(pattern, cascade.getContext()).match(cascade, reason);
  if (failed(match))
    return refuse() << reason;
  names = std::move(*match);
  return success();
}

int MappingContext::tensorIndex(StringRef tensor) const {
  return facts.findTensor(names.tensor(tensor));
}

LoopTreeBuilder MappingContext::start(StringRef name) {
  if (current)
    current.erase();
  current = createMapping(builder, cascade, name, arch.name);
  return LoopTreeBuilder(builder, current, &names);
}

FailureOr<schedule::MappingOp> MappingContext::finish() {
  schedule::MappingOp finished = current;
  current = {};
  if (facts.einsums.empty())
    refuse() << "the cascade has no Einsum";
  else if (succeeded(verify(finished)) &&
           succeeded(schedule::verifyAgainstCascade(finished, cascade)))
    return finished;
  finished.erase();
  return failure();
}

void MappingContext::discard(schedule::MappingOp mapping) { mapping.erase(); }

std::optional<cost::Evaluation>
MappingContext::evaluate(schedule::MappingOp mapping, bool explain) {
  std::unique_ptr<cost::Evaluator> evaluator =
      cost::Evaluator::create(mapping, facts, arch);
  if (!evaluator)
    return std::nullopt;
  cost::Evaluation evaluation;
  ++evaluations;
  if (evaluator->evaluate(evaluation)) {
    std::string violation = cost::findViolation(
        bounds.compute(mapping, evaluation), evaluation, arch);
    if (violation.empty())
      return evaluation;
    mapping.emitError("internal error: ") << violation;
    return std::nullopt;
  }
  if (explain) {
    evaluator->emitViolations();
    infeasible = !evaluator->violations().empty();
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Registry
//===----------------------------------------------------------------------===//

static std::vector<std::unique_ptr<MappingPass>> &registry() {
  // Never destroyed: the code of a plugin's passes may be gone by then.
  static auto *passes = new std::vector<std::unique_ptr<MappingPass>>;
  return *passes;
}

llvm::ArrayRef<std::unique_ptr<MappingPass>> einsum::getMappingPasses() {
  return registry();
}

MappingPass *einsum::findMappingPass(StringRef name) {
  for (const std::unique_ptr<MappingPass> &pass : registry())
    if (pass->getName() == name)
      return pass.get();
  return nullptr;
}

void einsum::registerMappingPass(std::unique_ptr<MappingPass> pass) {
  registry().push_back(std::move(pass));
  llvm::sort(registry(), [](const auto &a, const auto &b) {
    return a->getName() < b->getName();
  });
}
