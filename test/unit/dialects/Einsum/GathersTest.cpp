//===- GathersTest.cpp - What is known of coordinates that are data -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"

#include "lib/Frontend/Cascade/Cascade.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace einsum;

namespace {

struct Parsed {
  explicit Parsed(llvm::StringRef text) {
    context.loadDialect<EinsumDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, "t.ein"),
                               llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
    einsum = *cascade.getBodyBlock()->getOps<EinsumInterface>().begin();
  }

  /// "[p + 2, c]", with the dimensions beyond the Einsum's called any0, any1.
  std::string print(AffineMap map) {
    SmallVector<StringAttr> names = einsum.getIterationRanks();
    for (unsigned i = 0; names.size() < map.getNumDims(); ++i)
      names.push_back(StringAttr::get(&context, "any" + std::to_string(i)));
    std::string text = "[";
    llvm::raw_string_ostream os(text);
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      os << (i ? ", " : "");
      printNamedExpr(os, expr, names, einsum.getSymbolNames());
    }
    return text + "]";
  }

  Access find(llvm::StringRef tensor) {
    for (const Access &access : einsum.getInputAccesses())
      if (access.tensor.getDefiningOp<InputOp>().getTensor() == tensor)
        return access;
    FAIL("no access");
    return {};
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  CascadeOp cascade;
  EinsumInterface einsum;
};

} // namespace

TEST_CASE("what a gather reaches and what tells its reads apart") {
  Parsed parsed("cascade c(P=4, J=3, C=2, X=9) : f32\n"
                "  input A[x,c], D[p,j] : i32, W[j,c]\n"
                "  Y[p,c] = A[p+D[p,j]*2,c] * W[j,c]\n"
                "  output Y\n");
  Access access = parsed.find("A");
  unsigned dims = parsed.einsum.getIterationRanks().size();
  CHECK(isGathered(parsed.einsum, access));
  CHECK(getOpaquePositions(parsed.einsum, access) == SmallVector<unsigned>{0});
  CHECK(parsed.print(getReach(parsed.einsum, access, dims)) == "[any0, c]");
  CHECK(parsed.print(getChoice(parsed.einsum, access)) == "[p, c, p, j]");
  CHECK(describeGather(parsed.einsum) ==
        "'Y' reads 'A' at 'p + D[p,j] * 2', which is data");
  CHECK(findGather(parsed.cascade) == parsed.einsum);
}

TEST_CASE("an affine access reaches what it reads") {
  Parsed parsed("cascade c(M=4, N=3) : f32\n"
                "  input A[m,n]\n"
                "  Y[n] = A[m,n]\n"
                "  output Y\n");
  Access access = parsed.find("A");
  CHECK_FALSE(isGathered(parsed.einsum, access));
  CHECK(getReach(parsed.einsum, access, 2) == access.map);
  CHECK(getChoice(parsed.einsum, access) == access.map);
  CHECK_FALSE(findGather(parsed.cascade));
}

TEST_CASE("a gathered value is added, or multiplied by numbers") {
  MLIRContext context;
  AffineExpr d = getAffineDimExpr(0, &context),
             p = getAffineSymbolExpr(0, &context),
             g = getAffineSymbolExpr(1, &context),
             h = getAffineSymbolExpr(2, &context);
  CHECK(isSumOfGathered(d + g * 2 + h, 1));
  CHECK(isSumOfGathered(g * p + d, 1));
  CHECK(isSumOfGathered(d.floorDiv(2) + g, 1));
  CHECK_FALSE(isSumOfGathered(g.floorDiv(2) + d, 1));
  CHECK_FALSE(isSumOfGathered(d + g % 4, 1));
  CHECK_FALSE(isSumOfGathered(g * h, 1));
}
