//===- Check.cpp - Both sides, compared number by number ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What has to be equal: bytes and accesses read and written, per level and
// tensor and per level and Einsum; operators per array; bytes and time per
// engine; energy of links, multicast and reduction; the peak of every level;
// cycles. Outputs equal the interpreter's up to rounding. No count is below a
// lower bound (BoundCheck.h). With commands, a stream made of the execution,
// written and read again, does the same: every count, and every value to the
// last bit.
//
//===----------------------------------------------------------------------===//

#include "test/agreement/BoundCheck.h"
#include "test/agreement/Case.h"

#include "lib/CostModel/CostModel.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/InitAll.h"
#include "lib/Interpreter/CompareTensors.h"
#include "lib/Interpreter/SampleCoordinates.h"
#include "lib/Interpreter/SampleData.h"
#include "lib/Lowering/CommandStream.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Simulator/Replay.h"
#include "lib/Simulator/Simulator.h"
#include "mappings/Mappings.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::agreement;

namespace {

/// Everything that is said while it lives, as text.
class Listener {
public:
  explicit Listener(MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          std::string line;
          llvm::raw_string_ostream os(line);
          os << diagnostic.getLocation() << ": " << diagnostic << "\n";
          for (mlir::Diagnostic &note : diagnostic.getNotes())
            os << "  " << note.getLocation() << ": " << note << "\n";
          text += line;
        }) {}

  std::string text;

private:
  ScopedDiagnosticHandler handler;
};

/// Commands as a file would hold them.
std::optional<lowering::CommandStream>
passThroughFile(const lowering::CommandStream &commands, std::string &errors) {
  std::string text;
  llvm::raw_string_ostream os(text);
  lowering::writeCommandsJson(commands, os);
  Diagnostics diags;
  std::optional<JsonValue> json = parseSourceJson(text, "commands.json", diags);
  std::optional<lowering::CommandStream> read;
  if (json)
    read = lowering::readCommands(*json, diags);
  llvm::raw_string_ostream messages(errors);
  diags.print(messages);
  return read;
}

/// What commands do, against what the schedule did that they were made of.
std::string compareReplay(const lowering::CommandStream &commands,
                          CascadeOp cascade, const arch::ArchSpec &arch,
                          const interp::TensorMap &inputs,
                          const sim::Simulation &simulated) {
  std::string text;
  std::optional<lowering::CommandStream> read = passThroughFile(commands, text);
  if (!read)
    return "commands cannot be read: " + text;
  FailureOr<sim::Simulation> replayed =
      sim::replay(*read, cascade, arch, inputs);
  if (failed(replayed))
    return "commands are refused\n";
  auto differ = [&](const llvm::Twine &what) {
    text += "commands: " + what.str() + "\n";
  };
  for (size_t i = 0; i < simulated.tensors.size(); ++i)
    if (!(replayed->tensors[i].total == simulated.tensors[i].total))
      differ("tensor '" + simulated.tensorNames[i / arch.levels.size()] +
             "' moves otherwise at level '" +
             arch.levels[i % arch.levels.size()].name + "'");
  for (size_t i = 0; i < simulated.einsums.size(); ++i)
    if (!(replayed->einsums[i] == simulated.einsums[i]))
      differ("traffic of Einsum '" +
             simulated.einsumNames[i / arch.levels.size()] + "'");
  if (replayed->runs != simulated.runs || replayed->points != simulated.points)
    differ("runs or points");
  for (size_t i = 0; i < arch.arrays.size(); ++i)
    if (replayed->arrays[i].operators != simulated.arrays[i].operators)
      differ("operators of array '" + arch.arrays[i].name + "'");
  for (size_t i = 0; i < arch.engines.size(); ++i)
    if (replayed->engines[i].bytes != simulated.engines[i].bytes)
      differ("bytes of engine '" + arch.engines[i].name + "'");
  for (size_t i = 0; i < arch.links.size(); ++i)
    if (replayed->links[i].bytes != simulated.links[i].bytes)
      differ("bytes over the link into '" + arch.links[i].name + "'");
  for (const auto &[name, output] : simulated.outputs)
    if (interp::Comparison values = interp::compareTensors(
            replayed->outputs.find(name)->second, output);
        !values.agrees(0))
      differ("output '" + name + "'");
  return text;
}

class Comparison {
public:
  Comparison(const CascadeFacts &facts, const arch::ArchSpec &arch,
             const sim::Simulation &simulated, const cost::Evaluation &modelled,
             const std::vector<std::string> &operators)
      : facts(facts), arch(arch), simulated(simulated), modelled(modelled),
        operators(operators) {}

  std::string run() {
    text.clear();
    size_t levels = arch.levels.size();
    for (size_t t = 0; t < simulated.tensorNames.size(); ++t) {
      const std::string &name = simulated.tensorNames[t];
      int fact = facts.findTensor(name);
      for (size_t level = 0; level < levels; ++level)
        compareTraffic("tensor '" + name + "'", level,
                       simulated.tensors[t * levels + level].total,
                       modelled.tensorTraffic[fact * levels + level]);
    }
    for (size_t e = 0; e < simulated.einsumNames.size(); ++e) {
      const std::string &name = simulated.einsumNames[e];
      int fact = facts.findEinsum(name);
      for (size_t level = 0; level < levels; ++level)
        compareTraffic("Einsum '" + name + "'", level,
                       simulated.einsums[e * levels + level],
                       modelled.einsumTraffic[fact * levels + level]);
    }
    for (size_t level = 0; level < levels; ++level)
      compare("level '" + arch.levels[level].name + "' peak bytes",
              simulated.levels[level].peakBytes,
              modelled.levels[level].peakBytes);
    for (size_t level = 0; level < levels; ++level)
      compareEnergy("multicast from '" + arch.levels[level].name + "'",
                    simulated.levels[level].furtherWords *
                        arch.levels[level].multicast.energyPj,
                    modelled.levels[level].multicastPj);
    for (size_t a = 0; a < arch.arrays.size(); ++a)
      compareEnergy("reduction into '" + arch.arrays[a].name + "'",
                    simulated.arrays[a].combinedWords *
                        arch.arrays[a].reduction.energyPj,
                    modelled.arrays[a].reductionPj);
    for (size_t a = 0; a < arch.arrays.size(); ++a)
      compareOperators(a);
    for (size_t e = 0; e < arch.engines.size(); ++e)
      compareEngine(e);
    for (size_t l = 0; l < arch.links.size(); ++l)
      compareLink(l);
    compareCycles("whole", simulated.cycles, modelled.cycles);
    return text;
  }

private:
  void compare(const std::string &what, uint64_t ours, uint64_t theirs) {
    if (ours != theirs)
      text += what + ": simulated " + std::to_string(ours) + ", modelled " +
              std::to_string(theirs) + "\n";
  }

  void compareTraffic(const std::string &what, size_t level,
                      const sim::Traffic &ours, const cost::Traffic &theirs) {
    std::string at = what + " at " + arch.levels[level].name + " ";
    compare(at + "read bytes", ours.readBytes, theirs.readBytes);
    compare(at + "written bytes", ours.writeBytes, theirs.writeBytes);
    compare(at + "read accesses", ours.readAccesses, theirs.readAccesses);
    compare(at + "write accesses", ours.writeAccesses, theirs.writeAccesses);
  }

  void compareEngine(size_t engine) {
    std::string what = "engine '" + arch.engines[engine].name + "'";
    compare(what + " bytes", simulated.engines[engine].bytes,
            modelled.engines[engine].bytes);
    compareCycles(what, simulated.engines[engine].busyCycles,
                  modelled.engines[engine].busyCycles);
  }

  void compareLink(size_t link) {
    std::string what = "link into '" + arch.links[link].name + "'";
    compare(what + " bytes", simulated.links[link].bytes,
            modelled.links[link].bytes);
    compareEnergy(what,
                  simulated.links[link].hopBytes * arch.links[link].pjPerByte,
                  modelled.links[link].energyPj);
  }

  void compareEnergy(const std::string &what, double ours, double theirs) {
    if (std::abs(ours - theirs) > 1e-9 * std::max(ours, theirs))
      text += what + ": energy simulated " + std::to_string(ours) +
              ", modelled " + std::to_string(theirs) + "\n";
  }

  void compareCycles(const std::string &what, double ours, double theirs) {
    if (std::abs(ours - theirs) > 1e-6 * ours)
      text += what + ": cycles simulated " + std::to_string(ours) +
              ", modelled " + std::to_string(theirs) + "\n";
  }

  void compareOperators(size_t array) {
    for (size_t i = 0; i < operators.size(); ++i) {
      auto found = simulated.arrays[array].operators.find(operators[i]);
      compare("array '" + arch.arrays[array].name + "' " + operators[i],
              found == simulated.arrays[array].operators.end() ? 0
                                                               : found->second,
              modelled.arrays[array].operators[i]);
    }
  }

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const sim::Simulation &simulated;
  const cost::Evaluation &modelled;
  const std::vector<std::string> &operators;
  std::string text;
};

/// One context per thread: making one costs more than a case.
MLIRContext &getContext() {
  thread_local std::unique_ptr<MLIRContext> context = [] {
    DialectRegistry registry;
    registerAllDialects(registry);
    auto made = std::make_unique<MLIRContext>(registry,
                                              MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    made->printOpOnDiagnostic(false);
    return made;
  }();
  return *context;
}

/// Fails if no values of an index keep all that it addresses inside.
FailureOr<interp::TensorMap> sampleInputs(CascadeOp cascade, uint64_t seed) {
  interp::TensorMap inputs;
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    FailureOr<interp::Tensor> tensor =
        interp::makeTensor(cascade, input.getResult(), input.getTensor(),
                           *interp::findFloatFormat("f64"));
    if (failed(tensor))
      continue;
    interp::fillWithSamples(*tensor, interp::Sampling(), seed);
    inputs[tensor->name] = std::move(*tensor);
  }
  if (failed(interp::fillWithCoordinates(cascade, inputs, seed)))
    return failure();
  return inputs;
}

/// Parses both files into one module; null if something is wrong.
OwningOpRef<ModuleOp> parseProgram(const std::string &cascade,
                                   const std::string &schedule) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(cascade, "case.ein"), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      frontend::parseCascadeSource(sources, &getContext());
  if (!module || schedule.empty())
    return module;
  ParserConfig config(&getContext(), /*verifyAfterParse=*/false);
  OwningOpRef<ModuleOp> tree =
      parseSourceString<ModuleOp>(schedule, config, "case.mlir");
  if (!tree)
    return nullptr;
  for (auto mapping :
       llvm::make_early_inc_range(tree->getOps<schedule::MappingOp>())) {
    mapping->remove();
    module->push_back(mapping);
  }
  return succeeded(verify(*module)) ? std::move(module) : nullptr;
}

} // namespace

Counting einsum::agreement::counting = Counting::any;
bool einsum::agreement::withCommands = false;

static Verdict illegal(const std::string &why) {
  Verdict verdict;
  verdict.status = Verdict::illegal;
  verdict.text = why;
  return verdict;
}

/// What is wrong with values explains counts, counts explain times.
static std::string chooseKind(llvm::StringRef text) {
  for (const char *kind :
       {"refused", "bound", "output", "array", "tensor", "Einsum", "peak",
        "engine", "link", "multicast", "reduction", "cycles"})
    if (text.contains(kind))
      return kind;
  return "";
}

/// Whether a stream is walked in one order, and whether a tile that overwrites
/// another in place comes too early, the simulator says, not the verifier.
static bool isMatterOfPlace(schedule::MappingOp mapping,
                            llvm::StringRef refusal) {
  bool shares = false;
  mapping.walk([&](schedule::StorageOp node) { shares |= node.getShared(); });
  return shares || refusal.contains("is not streamed along");
}

/// Executes the schedule, and sees what the cost model says of it.
static Verdict judge(schedule::MappingOp mapping, const CascadeFacts &facts,
                     const arch::ArchSpec &arch, uint64_t seed,
                     Listener &listener) {
  CascadeOp cascade = schedule::lookupCascade(mapping);
  std::unique_ptr<cost::Evaluator> evaluator =
      cost::Evaluator::create(mapping, facts, arch);
  cost::Evaluation modelled;
  if (evaluator && counting == Counting::general)
    evaluator->avoidShortWays();
  if (evaluator && counting == Counting::steps)
    evaluator->takeEveryStep();
  if (!evaluator || !evaluator->evaluate(modelled)) {
    if (evaluator)
      evaluator->emitViolations();
    Verdict refused = illegal("cost model: " + listener.text);
    refused.isUnsupported =
        llvm::StringRef(listener.text).contains("unsupported");
    return refused;
  }
  Verdict verdict;
  FailureOr<interp::TensorMap> sampled = sampleInputs(cascade, seed);
  if (failed(sampled))
    return illegal("samples: " + listener.text);
  const interp::TensorMap &inputs = *sampled;
  lowering::CommandStream commands;
  sim::SimulationOptions how;
  how.commands = withCommands ? &commands : nullptr;
  FailureOr<sim::Simulation> simulated =
      sim::simulate(mapping, arch, inputs, how);
  if (failed(simulated) && isMatterOfPlace(mapping, listener.text))
    return illegal("simulator: " + listener.text);
  if (failed(simulated)) {
    verdict.status = Verdict::differs;
    verdict.text = "refused: " + listener.text;
    verdict.kind = "refused";
    return verdict;
  }
  Comparison comparison(facts, arch, *simulated, modelled,
                        evaluator->operatorNames());
  verdict.text = comparison.run();
  if (withCommands)
    verdict.text += compareReplay(commands, cascade, arch, inputs, *simulated);
  FailureOr<interp::Interpretation> reference =
      interp::interpret(cascade, inputs);
  if (failed(reference))
    return illegal("interpreter: " + listener.text);
  for (auto &[name, output] : simulated->outputs)
    if (const interp::Tensor *expected = reference->find(name))
      if (interp::Comparison values = interp::compareTensors(output, *expected);
          !values.agrees(1e-9))
        verdict.text += "output '" + name +
                        "' differs from the interpreter's by " +
                        std::to_string(values.scaled) + " of its range\n";
  BoundCheck bounds(facts, arch);
  for (const std::string &below :
       {bounds.asItIs(mapping, modelled), bounds.tight(mapping, modelled)})
    verdict.text += below.empty() ? "" : "bound: " + below + "\n";
  verdict.bounds = bounds.beyondCompulsory;
  for (uint64_t points : simulated->points)
    verdict.points += points;
  verdict.kind = chooseKind(verdict.text);
  if (!verdict.text.empty())
    verdict.status = Verdict::differs;
  return verdict;
}

Verdict einsum::agreement::checkTexts(const std::string &cascade,
                                      const std::string &schedule,
                                      const std::string &mapping,
                                      const std::string &spec, uint64_t seed) {
  Listener listener(getContext());
  OwningOpRef<ModuleOp> module = parseProgram(cascade, schedule);
  if (!module)
    return illegal(listener.text);
  einsum::Diagnostics diagnostics;
  std::optional<arch::ArchSpec> arch =
      llvm::StringRef(spec).starts_with("{")
          ? arch::parseArchSpec(spec, "spec.json", diagnostics)
          : arch::readArchSpec(spec, diagnostics);
  if (!arch) {
    std::string text;
    llvm::raw_string_ostream os(text);
    diagnostics.print(os);
    return illegal(text);
  }
  CascadeOp op = *module->getOps<CascadeOp>().begin();
  FailureOr<CascadeFacts> facts = computeCascadeFacts(op);
  if (failed(facts))
    return illegal(listener.text);
  if (mapping.empty())
    return judge(*module->getOps<schedule::MappingOp>().begin(), *facts, *arch,
                 seed, listener);
  registerAllMappings();
  MappingContext context(op, *facts, *arch);
  FailureOr<schedule::MappingOp> made =
      findMappingPass(mapping)->build(context);
  if (failed(made))
    return illegal(listener.text);
  return judge(*made, *facts, *arch, seed, listener);
}

Verdict einsum::agreement::check(const Case &c, uint64_t seed) {
  return checkTexts(c.printCascade(), c.printSchedule(), "", c.printSpec(),
                    seed);
}
