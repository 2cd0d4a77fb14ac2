//===- ModelFlags.cpp - What to make of a config.json
//-----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ModelFlags.h"

#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ToolMain.h"
#include "lib/Transforms/Differentiate.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/SourceMgr.h"

#include <utility>

using namespace mlir;
using namespace einsum;
using frontend::EmbeddingRows;
using frontend::ModelOptions;
using frontend::Phase;
using frontend::Routing;

std::string ModelFlags::firstGiven() const {
  for (const auto &[name, text] : {std::pair("--phase", phase),
                                   {"--batch", batch},
                                   {"--seq", seq},
                                   {"--target-seq", target},
                                   {"--layers", layers},
                                   {"--parts", parts},
                                   {"--routing", routing},
                                   {"--embedding", embedding},
                                   {"--dtype", dtype},
                                   {"--optimizer", optimizer}})
    if (!text.empty())
      return name;
  return ignored.empty() ? "" : "--ignore-fields";
}

void einsum::addModelFlags(llvm::cl::OptionCategory &category,
                           ModelFlags &flags) {
  static ToolOption phase(category, "phase", "prefill|decode|train",
                          "Of a config.json: what the model does (prefill)",
                          flags.phase);
  static ToolOption batch(category, "batch", "N",
                          "Of a config.json: sequences at a time (1)",
                          flags.batch);
  static ToolOption seq(category, "seq", "N",
                        "Of a config.json: tokens of a sequence, or in the "
                        "cache while decoding (2048)",
                        flags.seq);
  static ToolOption target(category, "target-seq", "N",
                           "Of a config.json with two stacks: tokens of the "
                           "second",
                           flags.target);
  static ToolOption layers(category, "layers", "N|A-B",
                           "Of a config.json: the first N layers, or layers A "
                           "to B, counted from 0 (all)",
                           flags.layers);
  static ToolOption parts(category, "parts", "all|layers",
                          "Of a config.json: without embedding and head",
                          flags.parts);
  static ToolOption routing(category, "routing", "balanced|masked",
                            "Of a config.json with experts: deal tokens out "
                            "evenly, or compute all and mask",
                            flags.routing);
  static ToolOption embedding(category, "embedding", "rows|gather",
                              "Of a config.json: rows of embeddings are an "
                              "input, or gathered from the table by tokens",
                              flags.embedding);
  static ToolOption dtype(category, "dtype", "TYPE",
                          "Of a config.json: instead of its torch_dtype",
                          flags.dtype);
  static ToolOption optimizer(category, "optimizer", "adam|sgd|none",
                              "Of a config.json that trains: the step, or "
                              "none to deliver the gradients",
                              flags.optimizer);
  static ToolList ignored(category, "ignore-fields", "A,B",
                          "Of a config.json: fields that change nothing",
                          flags.ignored);
}

static bool parseCount(StringRef option, StringRef text, int64_t &value) {
  constexpr int64_t largest = int64_t(1) << 40;
  if (text.empty() ||
      (!text.getAsInteger(10, value) && value >= 1 && value <= largest))
    return true;
  return failOption(option, "takes a whole number from 1 to 2^40, found '" +
                                text + "'");
}

static bool parseLayers(StringRef text, ModelOptions &options) {
  if (text.empty())
    return true;
  auto [first, last] = text.split('-');
  if (!text.contains('-')) {
    std::swap(first, last);
    if (!last.getAsInteger(10, options.lastLayer) && options.lastLayer >= 1)
      return true;
  } else if (!first.getAsInteger(10, options.firstLayer) &&
             !last.getAsInteger(10, options.lastLayer) &&
             options.firstLayer >= 0 &&
             options.firstLayer <= options.lastLayer) {
    ++options.lastLayer;
    return true;
  }
  return failOption("--layers", "takes N, the first N layers, or A-B, layers A "
                                "to B counted from 0, found '" +
                                    text + "'");
}

/// Finds `text` among names; the first one is the default.
template <typename T>
static bool parseChoice(StringRef option, StringRef text,
                        llvm::ArrayRef<std::pair<StringRef, T>> choices,
                        T &value) {
  std::string names;
  for (auto [name, choice] : choices) {
    if (text.empty() || text == name) {
      value = choice;
      return true;
    }
    names += (names.empty() ? "" : ", ") + name.str();
  }
  return failOption(option, "takes one of " + llvm::Twine(names) + ", found '" +
                                text + "'");
}

bool einsum::parseModelFlags(const ModelFlags &flags, ModelOptions &options) {
  options.ignored = flags.ignored;
  if (!parseChoice<Phase>("--phase", flags.phase,
                          {{"prefill", Phase::Prefill},
                           {"decode", Phase::Decode},
                           {"train", Phase::Train}},
                          options.phase) ||
      !parseCount("--batch", flags.batch, options.batch) ||
      !parseCount("--seq", flags.seq, options.sequence) ||
      !parseCount("--target-seq", flags.target, options.target) ||
      !parseLayers(flags.layers, options) ||
      !parseChoice<bool>("--parts", flags.parts,
                         {{"all", false}, {"layers", true}},
                         options.layersOnly) ||
      !parseChoice<Routing>(
          "--routing", flags.routing,
          {{"balanced", Routing::Balanced}, {"masked", Routing::Masked}},
          options.routing) ||
      !parseChoice<EmbeddingRows>(
          "--embedding", flags.embedding,
          {{"rows", EmbeddingRows::Input}, {"gather", EmbeddingRows::Gathered}},
          options.rows))
    return false;
  StringRef datatype;
  if (!flags.dtype.empty() &&
      !parseChoice<StringRef>(
          "--dtype", flags.dtype,
          {{"f16", "f16"}, {"bf16", "bf16"}, {"f32", "f32"}, {"f64", "f64"}},
          datatype))
    return false;
  options.datatype = datatype.str();
  return true;
}

static bool parseOptimizer(const ModelFlags &flags, OptimizerStep &step) {
  if (!flags.optimizer.empty() && flags.phase != "train")
    return failOption("--optimizer", "there is no step without --phase=train");
  return parseChoice<OptimizerStep>("--optimizer", flags.optimizer,
                                    {{"adam", OptimizerStep::Adam},
                                     {"sgd", OptimizerStep::Sgd},
                                     {"none", OptimizerStep::None}},
                                    step);
}

/// Gradients of the loss by all weights, and what is done with them.
static LogicalResult addTraining(ModuleOp module, OptimizerStep step) {
  for (CascadeOp cascade : module.getOps<CascadeOp>()) {
    FailureOr<std::vector<Gradient>> gradients =
        differentiateCascade(cascade, "LOSS", {});
    if (failed(gradients))
      return failure();
    if (step != OptimizerStep::None) {
      addOptimizerSteps(cascade, *gradients, step);
      continue;
    }
    addOutputs(cascade,
               llvm::map_to_vector(*gradients, [](const Gradient &gradient) {
                 return gradient.adjoint;
               }));
  }
  return verify(module);
}

OwningOpRef<ModuleOp> einsum::readModelConfig(const llvm::MemoryBuffer &config,
                                              const ModelFlags &flags,
                                              MLIRContext *context) {
  ModelOptions options;
  OptimizerStep step;
  if (!parseModelFlags(flags, options) || !parseOptimizer(flags, step))
    return {};
  Diagnostics diags;
  std::optional<std::string> text = frontend::convertConfigToCascade(
      config.getBuffer(), config.getBufferIdentifier(), options, diags);
  diags.print(llvm::errs());
  if (!text)
    return {};
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(
          *text, config.getBufferIdentifier().str() + " (as a cascade)"),
      llvm::SMLoc());
  // A table of embeddings that only a gather reads is no mistake.
  ScopedDiagnosticHandler noWarnings(context, [](mlir::Diagnostic &diag) {
    return success(diag.getSeverity() == DiagnosticSeverity::Warning);
  });
  OwningOpRef<ModuleOp> module = frontend::parseCascadeSource(source, context);
  if (module && options.phase == Phase::Train &&
      failed(addTraining(*module, step)))
    return {};
  return module;
}

void einsum::registerModelTranslations() {
  static llvm::cl::OptionCategory category("Options of --hf-config-to-cascade");
  static ModelFlags flags;
  addModelFlags(category, flags);
  static TranslateRegistration toCascade(
      "hf-config-to-cascade", "write the model of a config.json as a cascade",
      [](const std::shared_ptr<llvm::SourceMgr> &sources, llvm::raw_ostream &os,
         MLIRContext *context) {
        const llvm::MemoryBuffer &buffer =
            *sources->getMemoryBuffer(sources->getMainFileID());
        OwningOpRef<ModuleOp> module = readModelConfig(buffer, flags, context);
        return success(module &&
                       succeeded(frontend::printCascadeSource(*module, os)));
      });
}
