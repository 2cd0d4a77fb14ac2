//===- EinsumBuilderTest.cpp - Einsums taken apart and put together -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/InitAll.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace einsum;

namespace {

struct Parsed {
  Parsed(const std::string &text) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text),
                               llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
  }

  ComputeOp find(StringRef tensor) {
    for (auto op : cascade.getBodyBlock()->getOps<ComputeOp>())
      if (op.getTensorNames()[0].getValue() == tensor)
        return op;
    return {};
  }

  std::string print() {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os);
    return text;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  CascadeOp cascade;
};

} // namespace

TEST_CASE("every Einsum survives being taken apart") {
  Parsed parsed(R"(def gelu(x) = x * sigmoid(1.702 * x)
cascade c(M=10, P=8, E=4, T=4) : f32
  input Q[p,e], K[m,e], X[p]
  split m = m1, m0(T)
  QK[m1,m0,p] = Q[p,e] * K[m1*T+m0,e] where m1*T+m0 <= p, p < m1*T+m0+E
  LM[m1,p] = max(m0) QK[m1,m0,p]
  RM[m1,p] = max(RM[m1-1,p], LM[m1,p]) init -inf
  V[p], I[p] = argmax(m1) RM[m1,p]
  S[m1,p] = select(m1 < p, RM[m1,p], -inf) + E / 2
  Y[p] = max(S[P ceildiv 4 - 1,p], V[p]) - abs(X[p]) / 3
  output Y, I
)");
  std::string before = parsed.print();
  CascadeEditor editor(parsed.cascade);
  for (Operation &op :
       llvm::make_early_inc_range(*parsed.cascade.getBodyBlock()))
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      editor.replace(&op, editor.read(einsum));
  REQUIRE(succeeded(verify(*parsed.module)));
  CHECK(parsed.print() == before);
}

TEST_CASE("a producer moves into its consumer with its filter") {
  Parsed parsed(R"(cascade c(M=10, P=8) : f32
  input X[m], G[p]
  D[m,p] = exp(X[m] - G[p]) where m <= p
  S[p] = D[m,p] * D[m,p]
  output S
)");
  CascadeEditor editor(parsed.cascade);
  Statement sum = editor.read(parsed.find("S"));
  REQUIRE(editor.inlineProducer(sum, parsed.find("D").getResult(0)));
  CHECK(toText(editor, sum) ==
        "S[p] = exp(X[m] - G[p]) * exp(X[m] - G[p]) where m <= p");
  ComputeOp made = editor.replace(parsed.find("S"), sum);
  editor.eraseDead();
  REQUIRE(succeeded(verify(*parsed.module)));
  CHECK(!parsed.find("D"));
  CHECK(made.getInputs().size() == 2); // the equal half is computed once
}

TEST_CASE("a rank becomes its parts") {
  Parsed parsed(R"(cascade c(M=10, P=8) : f32
  input X[m,p]
  Y[m,p] = X[m,p] * m where m < 7
  output Y
)");
  CascadeEditor editor(parsed.cascade);
  StringAttr m = StringAttr::get(&parsed.context, "m");
  StringAttr tile = editor.addParam("T", 4);
  CascadeEditor::Parts parts = editor.split(m, editor.param(tile));
  Statement y = editor.read(parsed.find("Y"));
  editor.substitute(y, {{m, editor.rank(parts.outer) * editor.param(tile) +
                                editor.rank(parts.inner)}});
  CHECK(toText(editor, y) ==
        "Y[m,p] = X[m1 * T + m0,p] * (m1 * T + m0) where m1 * T + m0 <= 6");
}
