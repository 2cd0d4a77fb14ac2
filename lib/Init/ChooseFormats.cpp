//===- ChooseFormats.cpp - Formats found by search ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ChooseFormats.h"

#include "lib/Analysis/Traffic.h"
#include "lib/Init/MachineFloor.h"
#include "lib/Init/OptionValues.h"
#include "lib/Quant/BitAssignment.h"
#include "lib/Quant/Sharing.h"
#include "lib/Support/Format.h"
#include "lib/Support/Progress.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using quant::QuantizeSpec;

//===----------------------------------------------------------------------===//
// The text
//===----------------------------------------------------------------------===//

static const char *const kUsualCandidates =
    "int8|mxfp8e4m3|mxfp6e2m3|int4|mxfp4|nvfp4";

static std::string parseWord(StringRef key, StringRef value, AutoSpec &spec) {
  if (key == "max-error") {
    if (value.getAsDouble(spec.maxError) || !(spec.maxError > 0))
      return "max-error takes a number above 0, found '" + value.str() + "'";
    return {};
  }
  if (key == "minimise") {
    spec.minimise = value.str();
    bool isKnown = value == "bytes" || value == "energy" || value == "latency";
    return isKnown ? std::string()
                   : "minimise takes bytes, energy or latency, found '" +
                         value.str() + "'";
  }
  std::vector<std::string> list = quant::splitOutside(value, '|');
  for (const std::string &candidate : list) {
    quant::QuantizeSpec probe;
    auto parsed = quant::parseSpec("x=" + candidate);
    if (auto *error = std::get_if<std::string>(&parsed))
      return *error;
  }
  spec.candidates.push_back({key == "candidates" ? "*" : key.str(), list});
  return {};
}

std::optional<AutoSpec> einsum::parseAutoSpec(StringRef text,
                                              std::string &error) {
  std::vector<std::string> words = quant::splitOutside(text, ',');
  if (words.empty() || words.front() != "auto")
    return std::nullopt;
  AutoSpec spec;
  for (StringRef word : ArrayRef(words).drop_front()) {
    auto [key, value] = word.split('=');
    if (key.empty() || value.empty())
      error = "auto takes max-error=E, minimise=..., candidates=A|B or "
              "TENSOR=A|B, found '" +
              word.str() + "'";
    else
      error = parseWord(key.trim(), value.trim(), spec);
    if (!error.empty())
      return spec;
  }
  if (spec.maxError == 0)
    error = "auto needs max-error=E, the largest relative error of an output "
            "(rms), such as max-error=1e-2";
  if (spec.candidates.empty())
    spec.candidates.push_back(
        {"*", quant::splitOutside(kUsualCandidates, '|')});
  return spec;
}

//===----------------------------------------------------------------------===//
// Candidates of each tensor
//===----------------------------------------------------------------------===//

namespace {

/// A rule for one tensor by its name, or none: it stays as it is.
struct Option {
  std::optional<quant::Rule> rule;
  std::string text; ///< of the storage
};

struct Variable {
  std::string tensor;
  std::vector<Option> options;
};

class Chooser {
public:
  Chooser(CascadeOp cascade, const AutoSpec &choice,
          const QuantizeRequest &request, const arch::ArchSpec *arch,
          StringRef minimise, exporting::QuantizeReport &report)
      : cascade(cascade), choice(choice), request(request), arch(arch),
        minimise(minimise), report(report) {}

  ExitCode run(QuantizeSpec &spec);

private:
  LogicalResult listVariables();
  void addOption(Variable &variable, StringRef candidate);
  QuantizeSpec makeSpec(ArrayRef<size_t> options) const;
  std::optional<quant::Resources> countCosts(const QuantizeSpec &spec) const;
  bool measureAll();
  bool addPairs();
  double evaluate(const quant::Resources &costs) const;
  ExitCode decide(const quant::AssignmentResult &found, QuantizeSpec &spec);
  std::string describe(ArrayRef<size_t> options) const;

  mutable CascadeOp cascade; ///< mutable: MLIR ops are handles without const
  const AutoSpec &choice;
  const QuantizeRequest &request;
  const arch::ArchSpec *arch;
  std::string minimise;
  exporting::QuantizeReport &report;
  std::vector<Variable> variables;
  std::vector<std::pair<size_t, size_t>> neighbours; ///< read by one Einsum
  std::optional<ErrorBench> bench;
  quant::AssignmentProblem problem;
};

} // namespace

/// Runs `body` without printing what it reports.
template <typename Fn> static auto quietly(MLIRContext *context, Fn body) {
  ScopedDiagnosticHandler quiet(context,
                                [](mlir::Diagnostic &) { return success(); });
  return body();
}

/// Keeps a candidate if the tensor can be stored so.
void Chooser::addOption(Variable &variable, StringRef candidate) {
  auto parsed = quant::parseSpec(variable.tensor + "=" + candidate.str());
  auto *spec = std::get_if<QuantizeSpec>(&parsed);
  if (!spec)
    return;
  OwningOpRef<ModuleOp> copy =
      cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
  auto probe = copy->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
  quietly(cascade.getContext(), [&] {
    CascadeEditor editor(probe);
    auto assignments = quant::selectTensors(editor, *spec);
    if (failed(assignments))
      return;
    std::string text = assignments->front().storage.toText();
    quant::QuantizeOptions options{*spec, {}};
    options.keepStored = true;
    options.explicitForm.native.isAny = true;
    if (succeeded(quant::quantize(probe, options)))
      variable.options.push_back({spec->rules.front(), text});
  });
}

LogicalResult Chooser::listVariables() {
  CascadeEditor editor(cascade);
  std::vector<quant::TensorRole> roles = quant::findRoles(editor);
  llvm::DenseMap<Value, size_t> numbers;
  for (const auto &[selector, candidates] : choice.candidates) {
    quant::Rule rule;
    rule.selector = selector;
    bool found = false;
    for (const quant::TensorRole &role : roles) {
      StringRef name = getTensorName(role.tensor);
      if (name.empty() || role.summed.empty() || !quant::selects(rule, role))
        continue;
      found = true;
      auto [it, isNew] = numbers.try_emplace(role.tensor, variables.size());
      if (isNew)
        variables.push_back({name.str(), {}});
      variables[it->second].options.assign(1, {});
      for (const std::string &candidate : candidates)
        addOption(variables[it->second], candidate);
    }
    if (!found) {
      StringRef none = "there is no tensor that an Einsum multiplies and sums";
      failOption("--quantize",
                 selector == "*"
                     ? none.str() + ", so that auto has nothing to choose"
                     : "'" + selector +
                           "' selects no tensor that an Einsum multiplies and "
                           "sums");
      return failure();
    }
  }
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface>(op))
      for (Value a : op.getOperands())
        for (Value b : op.getOperands())
          if (numbers.count(a) && numbers.count(b) && numbers[a] < numbers[b])
            neighbours.push_back({numbers[a], numbers[b]});
  llvm::sort(neighbours);
  neighbours.erase(std::unique(neighbours.begin(), neighbours.end()),
                   neighbours.end());
  return success();
}

//===----------------------------------------------------------------------===//
// Errors and costs
//===----------------------------------------------------------------------===//

QuantizeSpec Chooser::makeSpec(ArrayRef<size_t> options) const {
  QuantizeSpec spec;
  for (auto [variable, option] : llvm::zip(variables, options))
    if (variable.options[option].rule)
      spec.rules.push_back(*variable.options[option].rule);
  return spec;
}

std::string Chooser::describe(ArrayRef<size_t> options) const {
  std::vector<std::string> parts;
  for (auto [variable, option] : llvm::zip(variables, options))
    if (variable.options[option].rule)
      parts.push_back(variable.tensor + "=" + variable.options[option].text);
  return parts.empty() ? "as written" : llvm::join(parts, ", ");
}

/// Bytes, joules without leakage, and the seconds of every array.
std::optional<quant::Resources>
Chooser::countCosts(const QuantizeSpec &spec) const {
  OwningOpRef<ModuleOp> copy =
      cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
  auto quantised = copy->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
  quant::QuantizeOptions options{spec, {}};
  options.explicitForm.accumulatorBits = request.accumulatorBits;
  return quietly(
      cascade.getContext(), [&]() -> std::optional<quant::Resources> {
        if (failed(quantizeFor(quantised, options, arch, minimise)))
          return std::nullopt;
        FailureOr<CascadeFacts> facts = computeCascadeFacts(quantised);
        if (failed(facts))
          return std::nullopt;
        if (!arch)
          return quant::Resources{
              static_cast<double>(computeCompulsoryBytes(*facts))};
        MachineLoad load = computeLoad(*facts, *arch);
        if (!load.lacking.empty())
          return std::nullopt;
        quant::Resources costs{static_cast<double>(load.bytes), load.joules};
        llvm::append_range(costs, load.arraySeconds);
        return costs;
      });
}

/// What was counted, as one number. Only what matters to it is kept apart, so
/// that fewer partial choices have to be.
double Chooser::evaluate(const quant::Resources &costs) const {
  if (minimise == "bytes" || minimise == "energy")
    return costs[0];
  double most = getBackingSeconds(costs[0], *arch);
  for (double seconds : ArrayRef(costs).drop_front())
    most = std::max(most, seconds);
  return most;
}

static quant::Resources keepRelevant(const quant::Resources &all,
                                     StringRef minimise) {
  if (minimise == "bytes")
    return {all[0]};
  if (minimise == "energy")
    return {all[1]};
  quant::Resources kept{all[0]};
  kept.insert(kept.end(), all.begin() + 2, all.end());
  return kept;
}

static quant::Resources subtract(quant::Resources a,
                                 const quant::Resources &b) {
  for (size_t i = 0; i < a.size(); ++i)
    a[i] -= b[i];
  return a;
}

/// Every candidate by itself: its error and its costs. Those that no machine
/// runs are dropped.
bool Chooser::measureAll() {
  std::optional<quant::Resources> base = countCosts({});
  if (!base)
    return false;
  problem.base = keepRelevant(*base, minimise);
  FailureOr<exporting::QuantizeReport::Execution> plain = bench->measure({});
  if (failed(plain))
    return false;
  double baseError = ErrorBench::getWorst(plain->outputs);
  problem.baseNoise = baseError * baseError;
  for (Variable &variable : variables) {
    std::vector<Option> kept;
    std::vector<quant::Candidate> candidates;
    for (Option &option : variable.options) {
      quant::Candidate candidate;
      candidate.costs.assign(problem.base.size(), 0);
      if (option.rule) {
        QuantizeSpec spec{{*option.rule}};
        std::optional<quant::Resources> costs = countCosts(spec);
        auto execution = bench->measure(spec);
        if (!costs || failed(execution))
          continue;
        double error = ErrorBench::getWorst(execution->outputs);
        candidate.noise = std::max(0., error * error - problem.baseNoise);
        candidate.costs =
            subtract(keepRelevant(*costs, minimise), problem.base);
      }
      candidates.push_back(std::move(candidate));
      kept.push_back(std::move(option));
    }
    variable.options = std::move(kept);
    problem.tensors.push_back(std::move(candidates));
  }
  return true;
}

static bool isZero(const quant::PairTerm &pair, const quant::Resources &scale) {
  for (const auto &row : pair.costs)
    for (const quant::Resources &costs : row)
      for (auto [cost, whole] : llvm::zip(costs, scale))
        if (std::fabs(cost) > 1e-12 * std::fabs(whole))
          return false;
  return true;
}

/// What two operands of one Einsum cost together beyond each alone.
bool Chooser::addPairs() {
  for (auto [a, b] : neighbours) {
    quant::PairTerm pair{a, b, {}};
    for (size_t i = 0; i < variables[a].options.size(); ++i) {
      pair.costs.emplace_back();
      for (size_t j = 0; j < variables[b].options.size(); ++j) {
        const Option &first = variables[a].options[i],
                     &second = variables[b].options[j];
        quant::Resources excess(problem.base.size(), 0);
        if (first.rule && second.rule) {
          auto both = countCosts({{*first.rule, *second.rule}});
          if (!both)
            return false;
          excess = subtract(keepRelevant(*both, minimise), problem.base);
          excess = subtract(excess, problem.tensors[a][i].costs);
          excess = subtract(excess, problem.tensors[b][j].costs);
        }
        pair.costs.back().push_back(std::move(excess));
      }
    }
    if (!isZero(pair, problem.base))
      problem.pairs.push_back(std::move(pair));
  }
  return true;
}

//===----------------------------------------------------------------------===//
// The decision
//===----------------------------------------------------------------------===//

ExitCode Chooser::decide(const quant::AssignmentResult &found,
                         QuantizeSpec &spec) {
  exporting::QuantizeReport::Choice &made = report.choice.emplace();
  made.objective = minimise;
  made.unit = minimise == "bytes" ? "B" : minimise == "energy" ? "J" : "s";
  made.maxError = choice.maxError;
  made.examined = found.examined;
  for (const quant::AssignmentPoint &point : found.pareto)
    made.pareto.push_back({describe(point.candidates), std::sqrt(point.noise),
                           point.objective, std::nullopt, false});
  double smallest = INFINITY;
  for (size_t i = found.pareto.size(); i-- > 0;) {
    exporting::QuantizeReport::Point &point = made.pareto[i];
    // Predictions far beyond the limit are not worth an execution, except the
    // last one, which says what can be reached.
    constexpr double slack = 2;
    if (point.predicted > slack * choice.maxError && i > 0)
      continue;
    QuantizeSpec tried = makeSpec(found.pareto[i].candidates);
    auto execution = bench->measure(tried);
    if (failed(execution))
      return ExitCode::BadInput;
    point.measured = ErrorBench::getWorst(execution->outputs);
    smallest = std::min(smallest, *point.measured);
    if (*point.measured > choice.maxError)
      continue;
    point.isChosen = true;
    made.status = found.isComplete ? "optimal" : "best found";
    spec = std::move(tried);
    return ExitCode::Ok;
  }
  made.status = "infeasible";
  failOption("--quantize", "no formats among the candidates keep the error of "
                           "every output within " +
                               formatNumber(choice.maxError) +
                               "; the smallest that was reached is " +
                               formatNumber(smallest));
  return ExitCode::Infeasible;
}

ExitCode Chooser::run(QuantizeSpec &spec) {
  if (failed(listVariables()))
    return ExitCode::BadInput;
  // Extents have to suit all candidates at once: any of them may be executed.
  std::vector<QuantizeSpec> every;
  for (const Variable &variable : variables)
    for (const Option &option : variable.options)
      if (option.rule)
        every.push_back({{*option.rule}});
  FailureOr<ErrorBench> created =
      ErrorBench::create(cascade, every, request.measured);
  if (failed(created))
    return ExitCode::BadInput;
  bench.emplace(std::move(*created));
  Progress progress("choosing formats of '" + cascade.getSymName().str() + "'");
  if (!measureAll() || !addPairs()) {
    cascade.emitError() << "the cascade as written cannot be costed or "
                           "executed; without --quantize its compilation says "
                           "why";
    return ExitCode::BadInput;
  }
  problem.objective = [this](const quant::Resources &costs) {
    return evaluate(costs);
  };
  return decide(quant::assignFormats(problem), spec);
}

ExitCode einsum::chooseFormats(CascadeOp cascade, const AutoSpec &choice,
                               const QuantizeRequest &request,
                               const arch::ArchSpec *arch, StringRef objective,
                               exporting::QuantizeReport &report,
                               QuantizeSpec &spec) {
  StringRef minimise =
      choice.minimise.empty() ? objective : StringRef(choice.minimise);
  if (!arch && minimise != "bytes") {
    if (!choice.minimise.empty()) {
      failOption("--quantize", "minimise=" + minimise +
                                   " needs an architecture; give --arch, or "
                                   "minimise=bytes");
      return ExitCode::BadInput;
    }
    minimise = "bytes";
  }
  return Chooser(cascade, choice, request, arch, minimise, report).run(spec);
}
