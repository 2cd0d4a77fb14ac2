//===- CascadeText.h - Cascades for tests, from text ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_ANALYSIS_CASCADETEXT_H
#define TEST_UNIT_LIB_ANALYSIS_CASCADETEXT_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Frontend/Cascade/Cascade.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

namespace einsum::test {

/// A cascade in the text notation, with its facts.
struct CascadeText {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
  CascadeFacts facts;

  explicit CascadeText(llvm::StringRef text,
                       const std::map<std::string, int64_t> &extents = {}) {
    context.loadDialect<EinsumDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "test.ein"), llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
    for (const auto &[name, value] : extents)
      cascade.setParam(name, value);
    auto computed = computeCascadeFacts(cascade);
    REQUIRE(mlir::succeeded(computed));
    facts = std::move(*computed);
  }

  int einsum(llvm::StringRef name) const { return facts.findEinsum(name); }
  int tensor(llvm::StringRef name) const { return facts.findTensor(name); }
};

} // namespace einsum::test

#endif // TEST_UNIT_LIB_ANALYSIS_CASCADETEXT_H
