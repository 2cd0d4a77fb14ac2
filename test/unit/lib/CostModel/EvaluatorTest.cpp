//===- EvaluatorTest.cpp - Short ways, causal masks, imperfect tiles ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/CostModel.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Support/Diagnostics.h"
#include "mappings/Mappings.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>
#include <chrono>

using namespace einsum;

namespace {

const std::string root = EINSUM_SOURCE_DIR;

const char *const machine = R"({
  "schema": "einsum-arch/1", "name": "machine", "clock": "1 GHz", "word": "16 bit",
  "levels": [
    {"name": "DRAM", "access": "2 B", "bandwidth": "16 GB/s",
     "energy": {"read": "8 pJ", "write": "8 pJ"}, "provenance": "test"},
    {"name": "buffer", "parent": "DRAM", "access": "2 B",
     "multicast": {"width": 3, "energy": "0.5 pJ", "provenance": "test"},
     "energy": {"read": "1 pJ", "write": "1 pJ"}, "provenance": "test"}],
  "arrays": [
    {"name": "pe", "shape": {"x": 8, "y": 8}, "level": "buffer",
     "fill": 7, "drain": 5,
     "reduction": {"width": 4, "energy": "0.25 pJ", "provenance": "test"},
     "ops": {"mac": {"energy": "1 pJ", "latency": 3}, "add": {"energy": "1 pJ"},
             "max": {"energy": "1 pJ"}}, "provenance": "test"}],
  "engines": [{"name": "dma", "bandwidth": "4 GB/s", "latency": 10,
               "provenance": "test"}]})";

/// A cascade and a schedule, both as text, ready to evaluate.
class Subject {
public:
  Subject(const std::string &cascade, const std::string &schedule,
          const std::string &spec = machine) {
    context.loadDialect<schedule::ScheduleDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(cascade, "test.ein"),
        llvm::SMLoc());
    auto parsed = frontend::parseCascadeSource(sources, &context);
    REQUIRE(parsed);
    std::string text;
    llvm::raw_string_ostream os(text);
    for (mlir::Operation &op : *parsed->getBody())
      os << op << "\n";
    os << schedule;
    module = mlir::parseSourceString<mlir::ModuleOp>(os.str(), &context);
    REQUIRE(module);
    Diagnostics diagnostics;
    arch = arch::parseArchSpec(spec, "machine.json", diagnostics);
    REQUIRE(arch);
    auto computed = computeCascadeFacts(*module->getOps<CascadeOp>().begin());
    REQUIRE(succeeded(computed));
    facts = std::move(*computed);
  }

  cost::Evaluation evaluate(bool shortWays = true) {
    auto evaluator = cost::Evaluator::create(
        *module->getOps<schedule::MappingOp>().begin(), facts, *arch);
    REQUIRE(evaluator);
    if (!shortWays)
      evaluator->avoidShortWays();
    cost::Evaluation result;
    REQUIRE(evaluator->evaluate(result));
    return result;
  }

  cost::Evaluation evaluateStepByStep() {
    auto evaluator = cost::Evaluator::create(
        *module->getOps<schedule::MappingOp>().begin(), facts, *arch);
    REQUIRE(evaluator);
    evaluator->takeEveryStep();
    cost::Evaluation result;
    REQUIRE(evaluator->evaluate(result));
    return result;
  }

  const cost::Traffic &traffic(const cost::Evaluation &cost,
                               const std::string &tensor, unsigned level) {
    return cost
        .tensorTraffic[facts.findTensor(tensor) * arch->levels.size() + level];
  }

  CascadeFacts facts;
  std::optional<arch::ArchSpec> arch;

private:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

void checkSame(const cost::Evaluation &a, const cost::Evaluation &b) {
  CHECK(a.cycles == Approx(b.cycles).epsilon(1e-12));
  CHECK(a.energy.total() == Approx(b.energy.total()).epsilon(1e-12));
  auto same = [](const cost::Traffic &x, const cost::Traffic &y) {
    CHECK(x.readBytes == y.readBytes);
    CHECK(x.writeBytes == y.writeBytes);
    CHECK(x.readAccesses == y.readAccesses);
    CHECK(x.writeAccesses == y.writeAccesses);
  };
  for (size_t i = 0; i < a.tensorTraffic.size(); ++i)
    same(a.tensorTraffic[i], b.tensorTraffic[i]);
  for (size_t i = 0; i < a.levels.size(); ++i)
    CHECK(a.levels[i].peakBytes == b.levels[i].peakBytes);
  for (size_t i = 0; i < a.einsums.size(); ++i) {
    CHECK(a.einsums[i].points == b.einsums[i].points);
    CHECK(a.einsums[i].cycles == b.einsums[i].cycles);
  }
}

const char *const matmul = "cascade c(M=10, N=7, K=9) : f16\n"
                           "  input A[m,k], B[k,n]\n"
                           "  Z[m,n] = A[m,k] * B[k,n]\n"
                           "  output Z\n";

} // namespace

TEST_CASE("Short ways count what the general way counts", "[cost]") {
  for (const char *mapping : {"fusemax", "fusemax-unbound", "unfused"}) {
    INFO(mapping);
    bool onePass = mapping[0] == 'f';
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    context.loadDialect<schedule::ScheduleDialect>();
    llvm::SourceMgr sources;
    auto buffer = llvm::MemoryBuffer::getFile(
        root + "/examples/01-fusemax-attention/" +
        (onePass ? "one-pass.ein" : "three-pass.ein"));
    REQUIRE(buffer);
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    auto module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    for (auto [name, value] :
         {std::pair("B", 2), {"H", 3}, {"M", 1024}, {"P", 512}})
      cascade.setParam(name, value);
    Diagnostics diagnostics;
    auto arch = arch::readArchSpec(
        root + "/arch-specs/" + (onePass ? "fusemax" : "flat") + "-cloud.json",
        diagnostics);
    auto facts = computeCascadeFacts(cascade);
    REQUIRE((arch && succeeded(facts)));
    registerAllMappings();
    MappingContext mappingContext(cascade, *facts, *arch);
    auto built = findMappingPass(mapping)->build(mappingContext);
    REQUIRE(succeeded(built));
    cost::Evaluation quick, general;
    auto evaluator = cost::Evaluator::create(*built, *facts, *arch);
    REQUIRE(evaluator->evaluate(quick));
    evaluator->avoidShortWays();
    REQUIRE(evaluator->evaluate(general));
    checkSame(quick, general);
  }
}

TEST_CASE("Triangles and bands of tiles are series", "[cost]") {
  // Tiles of p and m; the last ones are shorter where they do not divide.
  for (auto [filter, p, m] : {std::tuple("m <= p", 2, 2),
                              {"m <= p", 4, 2},
                              {"m <= p", 2, 4},
                              {"m < p", 3, 3},
                              {"m <= 2*p", 2, 4},
                              {"m + p >= 31", 2, 2},
                              {"m <= p, p - m <= 9", 2, 2},
                              {"m <= p, m >= 3", 2, 2},
                              {"m <= p, p + m >= 20", 2, 2}})
    for (const char *held : {"\"K\"", "\"Q\"", "\"Q\", \"K\", \"Z\""}) {
      INFO(filter << ", tiles " << p << ", " << m << ", holds " << held);
      std::string cascade = std::string("cascade c(M=45, P=41, E=2) : f16\n"
                                        "  input Q[p,e], K[m,e]\n"
                                        "  Z[p] = Q[p,e] * K[m,e] where ") +
                            filter + "\n  output Z\n";
      std::string schedule =
          R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["Q", "K", "Z"] {
      schedule.temporal "p" tile )" +
          std::to_string(p) + R"( {
        schedule.temporal "m" tile )" +
          std::to_string(m) + R"( {
          schedule.storage "buffer" [)" +
          held + R"(] {
            schedule.temporal "p" tile 1 {
              schedule.temporal "m" tile 1 {
                schedule.spatial "e" tile 1 across "x" {
                  schedule.compute "Z" on "pe"
    } } } } } } } })";
      Subject subject(cascade, schedule);
      checkSame(subject.evaluate(), subject.evaluateStepByStep());
    }
}

TEST_CASE("A triangle of any size is counted at once", "[cost]") {
  // 10^8 keys and queries in tiles of 256: 390625 of each.
  Subject subject("cascade c(M=100000000, P=100000000) : f16\n"
                  "  input Q[p], K[m]\n"
                  "  Z[p] = Q[p] * K[m] where m <= p\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["Q", "K", "Z"] {
      schedule.temporal "p" tile 256 {
        schedule.storage "buffer" ["Q", "Z"] {
          schedule.temporal "m" tile 256 {
            schedule.storage "buffer" ["K"] {
              schedule.temporal "p" tile 1 {
                schedule.temporal "m" tile 1 {
                  schedule.compute "Z" on "pe"
    } } } } } } } })");
  cost::Evaluation cost = subject.evaluate();
  constexpr uint64_t tiles = 390625, size = 100000000;
  CHECK(subject.traffic(cost, "K", 0).readBytes ==
        tiles * (tiles + 1) / 2 * 256 * 2);
  CHECK(subject.traffic(cost, "Q", 0).readBytes == 2 * size);
  CHECK(cost.einsums[0].points == size * (size + 1) / 2);
}

TEST_CASE("Last tiles are counted as they are", "[cost]") {
  // m: 4 4 2; the k tiles 5 4; B is fetched for every m tile.
  Subject subject(matmul, R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["A", "B", "Z"] {
      schedule.temporal "k" tile 5 {
        schedule.temporal "m" tile 4 {
          schedule.storage "buffer" ["B", "Z"] {
            schedule.temporal "m" tile 1 {
              schedule.temporal "n" tile 1 {
                schedule.spatial "k" tile 1 across "x" {
                  schedule.compute "Z" on "pe"
    } } } } } } } })");
  cost::Evaluation cost = subject.evaluate();
  // Z: 10 * 7 elements, twice; the first visit fetches nothing.
  CHECK(subject.traffic(cost, "Z", 0).readBytes == 2 * 70);
  CHECK(subject.traffic(cost, "Z", 0).writeBytes == 2 * 140);
  CHECK(subject.traffic(cost, "B", 0).readBytes == 2 * 3 * 9 * 7);
  // While n runs, A stays in the units.
  CHECK(subject.traffic(cost, "A", 0).readBytes == 2 * 10 * 9);
  // At most 4 units add into one write, so 5 of them make two: 70 * (2 + 1).
  CHECK(subject.traffic(cost, "Z", 1).writeBytes == 2 * (70 + 70 * 3));
  CHECK(cost.einsums[0].points == 630);
  CHECK(cost.einsums[0].cycles == 140);
  checkSame(cost, subject.evaluate(/*shortWays=*/false));
}

TEST_CASE("A causal mask counts the points that exist", "[cost]") {
  const int64_t n = 16384;
  Subject subject("cascade c(M=16384, P=16384, E=64) : f16\n"
                  "  input Q[p,e], K[m,e]\n"
                  "  QK[m,p] = Q[p,e] * K[m,e] where m <= p\n"
                  "  output QK\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["Q", "K", "QK"] {
      schedule.temporal "p" tile 256 {
        schedule.storage "buffer" ["Q"] {
          schedule.temporal "m" tile 256 {
            schedule.storage "buffer" ["K", "QK"] {
              schedule.temporal "p" tile 8 {
                schedule.temporal "m" tile 8 {
                  schedule.temporal "e" tile 1 {
                    schedule.spatial "p" tile 1 across "x" {
                      schedule.spatial "m" tile 1 across "y" {
                        schedule.compute "QK" on "pe"
    } } } } } } } } } } })");
  uint64_t tiles = 64 * 65 / 2, small = (n / 8) * (n / 8 + 1) / 2;
  auto start = std::chrono::steady_clock::now();
  cost::Evaluation cost = subject.evaluate();
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  WARN("causal 16K x 16K in " << seconds.count() * 1e3 << " ms");
  CHECK(cost.einsums[0].points == uint64_t(n) * (n + 1) / 2 * 64);
  CHECK(subject.traffic(cost, "K", 0).readBytes == tiles * 256 * 64 * 2);
  CHECK(subject.traffic(cost, "QK", 0).writeBytes ==
        uint64_t(n) * (n + 1) / 2 * 2);
  CHECK(subject.traffic(cost, "QK", 0).readBytes == 0);
  CHECK(cost.einsums[0].cycles == small * 64);
  CHECK(cost.time.work == small * 64);
}

TEST_CASE("A recurrence stays above its loop and spills below it", "[cost]") {
  const char *scan = "cascade c(I=6, D=4) : f16\n"
                     "  input X[i,d]\n"
                     "  H[i,d] = H[i-1,d] + X[i,d] init 0\n"
                     "  output H\n";
  auto schedule = [](bool above) {
    std::string loop = "schedule.temporal \"i\" tile 1 {",
                hold = "schedule.storage \"buffer\" [\"H\"] {";
    return R"(schedule.mapping @s of @c on "machine" {
      schedule.storage "DRAM" ["X", "H"] {)" +
           (above ? hold + loop : loop + hold) +
           R"(schedule.temporal "d" tile 1 { schedule.compute "H" on "pe"
      } } } } })";
  };
  Subject stays(scan, schedule(true)), spills(scan, schedule(false));
  cost::Evaluation cost = stays.evaluate();
  CHECK(stays.traffic(cost, "H", 0).readBytes == 0);
  CHECK(stays.traffic(cost, "H", 0).writeBytes == 2 * 24);
  cost = spills.evaluate();
  CHECK(spills.traffic(cost, "H", 0).readBytes == 2 * 20);
  CHECK(spills.traffic(cost, "H", 0).writeBytes == 2 * 24);
}

TEST_CASE("Tensors free their space when they are dead", "[cost]") {
  Subject subject("cascade c(N=8) : f16\n"
                  "  input A[n]\n"
                  "  B[n] = A[n] + A[n]\n"
                  "  C[n] = B[n] + B[n]\n"
                  "  D[n] = C[n] + C[n]\n"
                  "  output D\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["A", "D"] {
      schedule.storage "buffer" ["A", "B", "C", "D"] {
        schedule.sequence {
          schedule.temporal "n" tile 1 { schedule.compute "B" on "pe" }
          schedule.temporal "n" tile 1 { schedule.compute "C" on "pe" }
          schedule.temporal "n" tile 1 { schedule.compute "D" on "pe" }
    } } } })");
  CHECK(subject.evaluate().levels[1].peakBytes == 2 * 2 * 8);
}

TEST_CASE("A DMA engine is a stage beside the arrays", "[cost]") {
  // Per tile of 8 elements: 16 bytes at 4 per cycle and 10 cycles of latency.
  Subject subject("cascade c(N=64) : f16\n"
                  "  input A[n]\n"
                  "  B[n] = A[n] + A[n]\n"
                  "  output B\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["A", "B"] {
      schedule.temporal "n" tile 8 {
        schedule.storage "buffer" ["A"] buffers 2 {
          schedule.pipeline lags [0, 1] {
            schedule.transfer ["A"] on "dma"
            schedule.temporal "n" tile 1 { schedule.compute "B" on "pe" }
    } } } } })");
  cost::Evaluation cost = subject.evaluate();
  CHECK(cost.engines[0].bytes == 128);
  CHECK(cost.boundBy == "dma");
  // Eight slots of the engine and the last tile's work, plus the array's own.
  CHECK(cost.cycles == 8 * 14 + 8 + (7 + 5));
  CHECK(cost.time.total() == Approx(cost.cycles));
  CHECK(cost.levels[1].peakBytes == 2 * 16);
}

TEST_CASE("Windows are united, not multiplied", "[cost]") {
  for (int64_t stride : {1, 2, 3}) {
    Subject subject("cascade c(P=20, R=3, X=100) : f16\n"
                    "  input X[x], W[r]\n"
                    "  Z[p] = X[" +
                        std::to_string(stride) +
                        "*p + r] * W[r]\n"
                        "  output Z\n",
                    R"(schedule.mapping @s of @c on "machine" {
      schedule.storage "DRAM" ["X", "W", "Z"] {
        schedule.storage "buffer" ["W"] {
          schedule.temporal "p" tile 8 {
            schedule.storage "buffer" ["X"] halo "retained" {
              schedule.temporal "p" tile 1 {
                schedule.temporal "r" tile 1 { schedule.compute "Z" on "pe"
      } } } } } } })");
    cost::Evaluation cost = subject.evaluate();
    // All that 20 windows of 3 touch, each once.
    uint64_t touched = stride * 19 + 3;
    CHECK(subject.traffic(cost, "X", 0).readBytes == 2 * touched);
    CHECK(cost.levels[1].peakBytes == uint64_t(2 * (3 + stride * 7 + 3)));
  }
}

TEST_CASE("Of a resident tile the first elements are near", "[cost]") {
  // X is 2 x 6, of which the first 8 are in the buffer: `near` of them for the
  // transfers of one sweep, which are made three times.
  auto count = [](const std::string &loops, const std::string &ends,
                  uint64_t nearAccesses, uint64_t farAccesses) {
    INFO(loops);
    std::string spec = machine;
    for (size_t at; (at = spec.find("\"access\": \"2 B\"")) != spec.npos;)
      spec.replace(at, 15, "\"access\": \"4 B\"");
    Subject subject("cascade c(R=3, A=2, B=6) : f16\n"
                    "  input X[a,b]\n"
                    "  Y[r,a,b] = X[a,b]\n"
                    "  output Y\n",
                    R"(schedule.mapping @s of @c on "machine" {
      schedule.storage "DRAM" ["X", "Y"] {
        schedule.storage "buffer" ["X"] resident 8 {
          schedule.temporal "r" tile 1 {)" +
                        loops + "schedule.compute \"Y\" on \"pe\"" + ends +
                        " } } } }",
                    spec);
    cost::Evaluation cost = subject.evaluate();
    const cost::Traffic &near = subject.traffic(cost, "X", 1),
                        &far = subject.traffic(cost, "X", 0);
    CHECK(near.writeBytes == 2 * 8);
    CHECK(near.readBytes == 3 * 2 * 8);
    CHECK(near.readAccesses == 3 * nearAccesses);
    CHECK(far.readBytes == 2 * 8 + 3 * 2 * 4);
    CHECK(far.readAccesses == 4 + 3 * farAccesses);
    checkSame(cost, subject.evaluate(/*shortWays=*/false));
  };
  // Elements one by one, in an order that is not that of rows.
  count(R"(schedule.temporal "b" tile 1 { schedule.temporal "a" tile 1 {)",
        " } }", 8, 4);
  // Three of a row, 4 bytes hold two: 3, 3, 2 and 0 are near.
  count(R"(schedule.temporal "a" tile 1 { schedule.temporal "b" tile 3 {
           schedule.spatial "b" tile 1 across "x" {)",
        " } } }", 2 + 2 + 1, 1 + 2);
  // Columns: 2 are near in two of them, 1 in the others.
  count(R"(schedule.temporal "b" tile 1 {
           schedule.spatial "a" tile 1 across "x" {)",
        " } }", 2 + 4, 4);
  // Units apart, (0, 2, 4) and (1, 3, 5): 3, 3, 1 and 1 are near.
  count(R"(schedule.temporal "a" tile 1 {
           schedule.spatial "b" tile 2 across "x" {
           schedule.temporal "b" tile 1 {)",
        " } } }", 2 + 2 + 1 + 1, 1 + 1);
}

TEST_CASE("A ragged resident tile is counted as it is", "[cost]") {
  // Tiles of 5 x 4 and 5 x 3, of which 9 are near: rows 0 and 1 and (2, 0) of
  // the first, three rows of the second. Above, a copy of all of X is made.
  Subject subject("cascade c(A=5, B=7) : f16\n"
                  "  input X[a,b]\n"
                  "  S[b] = X[a,b]\n"
                  "  Z[a,b] = max(X[a,b], S[b]) where a <= b\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["X", "S", "Z"] { schedule.storage "DRAM" ["X"] {
      schedule.temporal "b" tile 4 {
        schedule.storage "buffer" ["X"] resident 9 {
          schedule.sequence {
            schedule.temporal "a" tile 1 { schedule.temporal "b" tile 1 {
              schedule.compute "S" on "pe"
            } }
            schedule.temporal "a" tile 1 { schedule.temporal "b" tile 1 {
              schedule.compute "Z" on "pe"
    } } } } } } } })");
  cost::Evaluation cost = subject.evaluate();
  CHECK(subject.traffic(cost, "X", 0).writeBytes == 2 * 35);
  CHECK(subject.traffic(cost, "X", 1).writeBytes == 2 * (9 + 9));
  // S reads all, Z the triangle: 10 of the first tile, of which 7 are in rows 0
  // and 1; all 15 of the second.
  CHECK(subject.traffic(cost, "X", 1).readBytes == 2 * (9 + 9 + 7 + 9));
  CHECK(subject.traffic(cost, "X", 0).readBytes ==
        2 * (35 + 9 + 9 + (20 - 9) + (15 - 9) + (10 - 7) + (15 - 9)));
}

TEST_CASE("Sums that units keep in part meet outside", "[cost]") {
  // Of T[c], 3 of 4 are in each of two units, which add up different a. The
  // fourth is where T lives: the second unit finds there what the first made.
  Subject subject("cascade c(A=2, C=4) : f16\n"
                  "  input X[c,a]\n"
                  "  T[c] = X[c,a]\n"
                  "  output T\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["X", "T"] {
      schedule.spatial "a" tile 1 across "x" {
        schedule.storage "buffer" ["T"] resident 3 {
          schedule.temporal "c" tile 1 { schedule.compute "T" on "pe"
    } } } } })");
  cost::Evaluation cost = subject.evaluate();
  CHECK(subject.traffic(cost, "T", 1).writeBytes == 2 * 2 * 3);
  CHECK(subject.traffic(cost, "T", 1).readBytes == 2 * 2 * 3);
  CHECK(subject.traffic(cost, "T", 0).writeBytes == 2 * (3 + 2));
  CHECK(subject.traffic(cost, "T", 0).readBytes == 2 * 1);
}

TEST_CASE("What is made anew in every visit is not delivered to the next",
          "[cost]") {
  // T[b..b+3] is made in every step of b, by demand; the inner node makes all
  // that it reads, so nothing leaves it.
  Subject subject("cascade c(A=2, B=2, H=5) : f16\n"
                  "  input I[h]\n"
                  "  T[h,a] = I[h] + I[h]\n"
                  "  Z[b] = T[b+3*a,a]\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["I", "Z"] {
      schedule.temporal "b" tile 1 {
        schedule.storage "buffer" ["T"] halo "recomputed" {
          schedule.storage "buffer" ["T"] {
            schedule.sequence {
              schedule.temporal "a" tile 1 { schedule.temporal "h" tile 1 {
                schedule.compute "T" on "pe"
              } }
              schedule.temporal "a" tile 1 { schedule.compute "Z" on "pe" }
    } } } } } })");
  cost::Evaluation cost = subject.evaluate();
  CHECK(cost.einsums[subject.facts.findEinsum("T")].points == 2 * 4 * 2);
  CHECK(subject.traffic(cost, "T", 1).writeBytes == 2 * 2 * 4 * 2);
  CHECK(subject.traffic(cost, "T", 1).readBytes == 2 * 2 * 2);
}

TEST_CASE("What visits ask for one after the other is no box together",
          "[cost]") {
  // In step b, h is b: two elements of T, not four.
  Subject subject("cascade c(A=1, B=2, H=2) : f16\n"
                  "  input I[h]\n"
                  "  T[b,h] = I[h] + I[h]\n"
                  "  Z[b] = T[b,a+b]\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["I", "T", "Z"] {
      schedule.temporal "b" tile 1 {
        schedule.storage "buffer" ["T"] halo "recomputed" {
          schedule.sequence {
            schedule.temporal "h" tile 1 { schedule.compute "T" on "pe" }
            schedule.compute "Z" on "pe"
    } } } } })");
  CHECK(subject.evaluate().levels[0].peakBytes == 2 * (2 + 2 + 2));
}

TEST_CASE("Units of steps without points do not share a write", "[cost]") {
  std::string spec = machine;
  spec.replace(spec.find("\"width\": 4"), 10, "\"width\": 1");
  // a = 0, 1 on two units have no point; a = 2 is on one.
  auto count = [&](const std::string &cascade, const std::string &loops,
                   const std::string &ends) {
    INFO(loops);
    Subject subject(cascade,
                    R"(schedule.mapping @s of @c on "machine" {
      schedule.storage "DRAM" ["X", "T"] {)" +
                        loops +
                        "schedule.spatial \"a\" tile 1 across \"x\" {"
                        "schedule.compute \"T\" on \"pe\" }" +
                        ends + "} }",
                    spec);
    cost::Evaluation cost = subject.evaluate();
    CHECK(subject.traffic(cost, "T", 0).writeBytes == 2);
    CHECK(subject.traffic(cost, "T", 0).readBytes == 0);
  };
  count("cascade c(A=3) : f16\n  input X[a]\n"
        "  T[] = X[a] where a >= 2\n  output T\n",
        "schedule.temporal \"a\" tile 2 {", "}");
  // 0, 1; 2; 3.
  count("cascade c(A=4) : f16\n  input X[a]\n"
        "  T[] = X[a] where a >= 2\n  output T\n",
        "schedule.temporal \"a\" tile 3 { schedule.temporal \"a\" tile 2 {",
        "} }");
}

TEST_CASE("Each level repeats reads for units as its own network needs",
          "[cost]") {
  std::string spec = machine;
  spec.replace(spec.find("\"bandwidth\""), 0,
               "\"multicast\": {\"width\": 1}, ");
  // Of X, 5 elements are in the buffer, which serves three units at once; the
  // other 3 come from where each unit is served by itself.
  Subject subject("cascade c(A=8, H=5) : f16\n"
                  "  input X[a]\n"
                  "  Y[a,h] = X[a]\n"
                  "  output Y\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["X", "Y"] {
      schedule.storage "buffer" ["X"] resident 5 {
        schedule.temporal "a" tile 1 {
          schedule.spatial "h" tile 1 across "x" {
            schedule.storage "buffer" ["X"] {
              schedule.compute "Y" on "pe"
    } } } } } })",
                  spec);
  cost::Evaluation cost = subject.evaluate();
  CHECK(subject.traffic(cost, "X", 0).readBytes == 2 * (5 + 3 * 5));
  CHECK(subject.traffic(cost, "X", 1).writeBytes == 2 * (5 + 8 * 5));
  CHECK(subject.traffic(cost, "X", 1).readBytes == 2 * (5 * 2 + 8 * 5));
  checkSame(cost, subject.evaluate(/*shortWays=*/false));
}

TEST_CASE("A tensor that nobody below touches takes no space", "[cost]") {
  Subject subject("cascade c(B=3) : f16\n"
                  "  input I[b]\n"
                  "  T[b] = I[b] + I[b]\n"
                  "  Z[b] = T[b] + T[b]\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["I", "T", "Z"] {
      schedule.sequence {
        schedule.storage "buffer" ["Z"] {
          schedule.temporal "b" tile 1 { schedule.compute "T" on "pe" }
        }
        schedule.temporal "b" tile 1 { schedule.compute "Z" on "pe" }
    } } })");
  CHECK(subject.evaluate().levels[1].peakBytes == 0);
}

TEST_CASE("Of a streamed recurrence the narrower window is held", "[cost]") {
  // Two carried steps and a tile of two make three of the elements of T, the
  // stream holds two of them.
  Subject subject("cascade c(B=3, D=1) : f16\n"
                  "  input I[b]\n"
                  "  T[b] = T[b-2] + I[b] init 0\n"
                  "  Z[d,b] = T[b] where b < d + 1\n"
                  "  output Z\n",
                  R"(schedule.mapping @s of @c on "machine" {
    schedule.storage "DRAM" ["I", "Z"] {
      schedule.storage "buffer" ["T"] stream "b" depth 2 {
        schedule.temporal "b" tile 2 {
          schedule.sequence {
            schedule.temporal "b" tile 1 { schedule.compute "T" on "pe" }
            schedule.temporal "b" tile 1 { schedule.compute "Z" on "pe" }
    } } } } })");
  CHECK(subject.evaluate().levels[1].peakBytes == 2 * 2);
}

//===----------------------------------------------------------------------===//
// Blocks of number formats
//===----------------------------------------------------------------------===//

static Subject makeProduct(const std::string &format, int tile) {
  std::string spec = machine;
  std::string op = "\"mac\": {";
  spec.insert(spec.find(op), "\"convert\": {\"energy\": \"1 pJ\"}, ");
  return Subject(R"(cascade product(M=4, K=96) : f16
  input A[m,k] : )" + format +
                     R"(, B[k]
  Z[m] = A[m,k] * B[k]
  output Z)",
                 R"(schedule.mapping @tiles of @product on "machine" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "k" tile )" +
                     std::to_string(tile) + R"( {
      schedule.storage "buffer" ["A"] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "k" tile 1 {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
})",
                 spec);
}

TEST_CASE("a tile brings every scale of the blocks that it touches, whole",
          "[cost]") {
  struct Expected {
    const char *format;
    int tile;
    uint64_t moved, held; ///< bytes from DRAM, and in the buffer at most
  };
  // 4 rows: per row 48 codes of 4 bits and two scales of 8, for example.
  for (const Expected &expected :
       {Expected{"mxfp4 block k", 96, 204, 204},
        Expected{"mxfp4 block k", 32, 3 * 68, 68},
        Expected{"mxfp4 block k", 48, 2 * 104, 104},
        Expected{"mxfp4 block k", 16, 6 * 36, 36},
        Expected{"mxfp4 block k", 24, 52 + 56 + 56 + 52, 56},
        Expected{"mxfp4 block k", 40, 88 + 88 + 36, 88},
        Expected{"nvfp4 block k", 96, 220, 220}, // with an f32 for all
        Expected{"nvfp4 block k", 48, 2 * 112, 112},
        Expected{"int8 channel m", 24, 4 * (96 + 8), 104},
        Expected{"int8 tensor", 24, 4 * (96 + 2), 98}}) {
    INFO(expected.format << " in tiles of " << expected.tile);
    Subject subject = makeProduct(expected.format, expected.tile);
    cost::Evaluation cost = subject.evaluate();
    CHECK(subject.traffic(cost, "A", 0).readBytes == expected.moved);
    CHECK(subject.traffic(cost, "A", 1).writeBytes == expected.moved);
    CHECK(cost.levels[1].peakBytes == expected.held);
    checkSame(cost, subject.evaluate(/*shortWays=*/false));
    checkSame(cost, subject.evaluateStepByStep());
  }
}
