#include "lib/Analysis/Traffic.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

using namespace einsum;

namespace {

/// A running sum R over i, of which only the last element is delivered; X is
/// read twice, in full and at its first element.
constexpr const char *runningSum = R"mlir(
einsum.cascade @c(I = 8, P = 3) : f16 {
  einsum.rank @i [I] = I
  einsum.rank @p [P] = P
  %X = einsum.input "X" : !einsum.tensor<[i, p], f16>
  %unused = einsum.input "U" : !einsum.tensor<[p], f16>
  %R = einsum.compute "R" over [i, p] : [i, p] = (%R[i - 1, p], %X[i, p]) init [0.0 : f16] {
  ^bb0(%r: f16, %x: f16):
    %0 = arith.addf %r, %x : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[i, p], f16>, !einsum.tensor<[i, p], f16>) -> !einsum.tensor<[i, p], f16>
  %Z = einsum.compute "Z" over [p] : [p] = (%R[7, p], %X[0, p]) {
  ^bb0(%r: f16, %x: f16):
    %0 = arith.divf %r, %x : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[i, p], f16>, !einsum.tensor<[i, p], f16>) -> !einsum.tensor<[p], f16>
  einsum.output %Z : !einsum.tensor<[p], f16>
}
)mlir";

} // namespace

TEST_CASE("traffic counts what is read, where it is read") {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<EinsumDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(runningSum, &context);
  REQUIRE(module);
  auto facts = computeCascadeFacts(*module->getOps<CascadeOp>().begin());
  REQUIRE(mlir::succeeded(facts));

  // R reads X; its own result one step back is not traffic.
  EinsumTraffic r =
      computeTraffic(*facts, facts->einsums[facts->findEinsum("R")]);
  CHECK(r.bytesIn == 8 * 3 * 2);
  CHECK(r.bytesOut == 8 * 3 * 2);
  CHECK(r.operators == std::map<std::string, uint64_t>{{"add", 24}});
  CHECK(r.intensity() == Approx(0.25));

  // Z reads one step of R and one of X.
  EinsumTraffic z =
      computeTraffic(*facts, facts->einsums[facts->findEinsum("Z")]);
  CHECK(z.bytesIn == 2 * 3 * 2);
  CHECK(z.bytesOut == 3 * 2);

  // X once although two Einsums read it, Z once, U and R not at all.
  CHECK(computeCompulsoryBytes(*facts) == 8 * 3 * 2 + 3 * 2);
}
