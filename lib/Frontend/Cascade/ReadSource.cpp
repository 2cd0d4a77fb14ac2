//===- ReadSource.cpp - Entry points of the cascade front end -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"

#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/Lower.h"
#include "lib/Frontend/Cascade/Parser.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Support/ToolUtilities.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

OwningOpRef<ModuleOp>
einsum::frontend::parseCascadeSource(llvm::SourceMgr &sources,
                                     MLIRContext *context) {
  context->loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
  const llvm::MemoryBuffer *buffer =
      sources.getMemoryBuffer(sources.getMainFileID());
  Report report(context, buffer->getBufferIdentifier());
  TokenList tokens = tokenize(buffer->getBuffer(), report);
  SourceFile file = parse(tokens, report);
  if (file.cascades.empty() && !report.hasErrors())
    report.error({1, 1}) << "the file holds no cascade";
  OwningOpRef<ModuleOp> module = ModuleOp::create(report.at({1, 1}));
  lowerFile(file, report, *module);
  report.finish();
  if (report.hasErrors() || failed(verify(*module)))
    return {};
  return module;
}

static bool startsLikeCascade(StringRef text) {
  text.consume_front("\xEF\xBB\xBF");
  while (true) {
    text = text.ltrim();
    if (!text.starts_with("//"))
      break;
    text = text.drop_until([](char c) { return c == '\n'; });
  }
  StringRef word =
      text.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
  return word == "cascade" || word == "def" || word == "monoid";
}

bool einsum::frontend::isCascadeSource(const llvm::MemoryBuffer &buffer) {
  StringRef name = buffer.getBufferIdentifier();
  if (name == "-" || name == "<stdin>")
    return startsLikeCascade(buffer.getBuffer());
  return name.ends_with(".ein");
}

static LogicalResult
printWithLocations(std::unique_ptr<llvm::MemoryBuffer> chunk, raw_ostream &os) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(chunk), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = parseCascadeSource(sources, &context);
  if (!module)
    return failure();
  module->print(os, OpPrintingFlags().enableDebugInfo());
  os << "\n";
  return success();
}

std::unique_ptr<llvm::MemoryBuffer> einsum::frontend::convertCascadeToMlir(
    std::unique_ptr<llvm::MemoryBuffer> source, StringRef splitMarker) {
  std::string name = source->getBufferIdentifier().str(), text;
  llvm::raw_string_ostream os(text);
  if (failed(splitAndProcessBuffer(std::move(source), printWithLocations, os,
                                   splitMarker, splitMarker)))
    return nullptr;
  return llvm::MemoryBuffer::getMemBufferCopy(text, name + " (as MLIR)");
}

void einsum::frontend::registerCascadeTranslations() {
  static TranslateToMLIRRegistration toMlir(
      "cascade-to-mlir", "read cascades in text notation",
      [](llvm::SourceMgr &sources,
         MLIRContext *context) -> OwningOpRef<Operation *> {
        return parseCascadeSource(sources, context);
      });
  static TranslateFromMLIRRegistration fromMlir(
      "mlir-to-cascade", "print cascades in text notation",
      [](ModuleOp module, raw_ostream &os) {
        return printCascadeSource(module, os);
      },
      [](DialectRegistry &registry) {
        registry
            .insert<EinsumDialect, arith::ArithDialect, math::MathDialect>();
      });
}
