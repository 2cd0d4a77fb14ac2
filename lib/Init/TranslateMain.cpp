//===- TranslateMain.cpp - mlir-translate with whole output files ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As mlir-translate: one translation by name, from a file to a file. What is
// written replaces a file only once all of it is there.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/HelpPage.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Init/ToolMain.h"
#include "lib/Support/InputFile.h"
#include "lib/Support/Version.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/ToolUtilities.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {
struct TranslateOptions {
  cl::opt<const Translation *, false, TranslationParser> translation{
      "", cl::desc("Translations")};
  cl::opt<std::string> input{
      cl::Positional, cl::desc("FILE ('-': standard input)"), cl::init("-")};
  cl::opt<std::string> output{"o", cl::desc("Write to this file"),
                              cl::value_desc("FILE"), cl::init("-")};
  cl::opt<bool> split{"split-input-file",
                      cl::desc("Translate what stands between '// -----' lines "
                               "each for itself")};
  cl::opt<bool> verify{"verify-diagnostics",
                       cl::desc("Check the diagnostics against "
                                "'expected-error' comments")};
};
} // namespace

static einsum::HelpPage makePage(TranslateOptions &options) {
  std::vector<einsum::HelpEntry> translations;
  TranslationParser &known = options.translation.getParser();
  for (unsigned i = 0; i < known.getNumOptions(); ++i)
    translations.push_back(
        {"--" + known.getOption(i).str(), known.getDescription(i).str()});
  llvm::sort(translations);
  return {"einsum-translate",
          EINSUM_CASCADE_VERSION,
          "Translates cascades, schedules and architectures from and to other "
          "notations.",
          "--TRANSLATION [FILE]",
          {{"TRANSLATIONS", translations},
           {"OPTIONS",
            einsum::listOptions(
                nullptr, {"o", "split-input-file", "verify-diagnostics", "arch",
                          "set", "phase", "batch", "seq", "target-seq",
                          "layers", "parts", "routing", "embedding", "dtype",
                          "optimizer", "ignore-fields"})}}};
}

/// `mlir-to-cascade`, say.
static StringRef getName(const TranslateOptions &options) {
  using Value = cl::OptionValue<const Translation *>;
  auto &known = const_cast<TranslateOptions &>(options).translation.getParser();
  for (unsigned i = 0; i < known.getNumOptions(); ++i)
    if (static_cast<const Value &>(known.getOptionValue(i)).getValue() ==
        options.translation.getValue())
      return known.getOption(i);
  return {};
}

/// False, having said what to do instead, if the translation reads MLIR and the
/// input is a cascade in text notation.
static bool readsNotation(const TranslateOptions &options,
                          const llvm::MemoryBuffer &input) {
  StringRef name = getName(options);
  bool ofCascade = name.starts_with("mlir-");
  if (!einsum::frontend::isCascadeSource(input) ||
      !(ofCascade || name.starts_with("schedule-")))
    return true;
  return einsum::failOption(
      input.getBufferIdentifier(),
      "--" + name + " reads " + (ofCascade ? "MLIR" : "a schedule") +
          ", and this is a cascade in text notation: " +
          (ofCascade ? "--cascade-to-mlir reads it"
                     : "einsum-compile --schedule=FILE.mlir makes a schedule "
                       "of it"));
}

/// One chunk of the input.
static LogicalResult translateChunk(const TranslateOptions &options,
                                    std::unique_ptr<llvm::MemoryBuffer> chunk,
                                    raw_ostream &os) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false);
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(chunk), llvm::SMLoc());
  if (!options.verify) {
    SourceMgrDiagnosticHandler handler(*sources, &context);
    return (*options.translation.getValue())(sources, os, &context);
  }
  SourceMgrDiagnosticVerifierHandler handler(*sources, &context);
  (void)(*options.translation.getValue())(sources, os, &context);
  return handler.verify();
}

LogicalResult einsum::runTranslateMain(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  TranslateOptions options;
  setVersion("einsum-translate");
  if (printHelpIfAsked(argc, argv, [&] { return makePage(options); }))
    return success();
  if (!parseCommandLine(argc, argv, "einsum-translate",
                        "Translator of Einsum cascades\n"))
    return failure();
  // Not cl::Required, which would say so once for each translation there is.
  if (options.translation.getNumOccurrences() == 0)
    return failure(!failOption("einsum-translate",
                               "needs a translation, such as "
                               "--cascade-to-mlir; --help lists them"));
  if (options.translation.getNumOccurrences() > 1)
    return failure(!failOption(
        "einsum-translate",
        "takes one translation at a time, found " +
            std::to_string(options.translation.getNumOccurrences())));
  std::string reason;
  std::unique_ptr<llvm::MemoryBuffer> input =
      readInputFile(options.input, reason);
  if (!input)
    return failure(!failOption(options.input, reason));
  if (!readsNotation(options, *input))
    return failure();
  if (!frontend::isCascadeSource(*input) && failed(checkNesting(*input)))
    return failure();
  auto translate = [&](raw_ostream &os) {
    return splitAndProcessBuffer(
        std::move(input),
        [&](std::unique_ptr<llvm::MemoryBuffer> chunk, raw_ostream &part) {
          return translateChunk(options, std::move(chunk), part);
        },
        os, options.split ? kDefaultSplitMarker : StringRef());
  };
  if (options.output == "-")
    return translate(llvm::outs());
  std::string text;
  llvm::raw_string_ostream os(text);
  return success(succeeded(translate(os)) &&
                 writeOutput(options.output,
                             [&](raw_ostream &file) { file << os.str(); }));
}
