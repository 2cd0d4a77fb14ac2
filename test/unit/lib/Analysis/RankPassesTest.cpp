// The symbolic count of rank passes against its definition on unrolled
// cascades, and the definition against all schedules.
#include "lib/Analysis/RankPasses.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "test/unit/lib/Analysis/UnrolledCascade.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <random>

using namespace einsum;
using namespace einsum::test;

namespace {

/// A cascade from text, alive as long as this is.
struct Parsed {
  explicit Parsed(const std::string &text)
      : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<EinsumDialect>();
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "test.ein"), llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    INFO(text);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
};

struct Statistics {
  int fibers = 0, equal = 0, lower = 0, judged = 0, tight = 0;

  void print(const char *what) const {
    std::cout << "rank passes, " << what << ": " << fibers << " fibers, "
              << equal << " as by definition, " << lower << " below";
    if (judged > 0)
      std::cout << "; " << judged << " judged by all schedules, " << tight
                << " tight";
    std::cout << "\n";
  }
};

} // namespace

static mlir::Value findTensor(CascadeOp cascade, llvm::StringRef name) {
  for (mlir::Operation &op : *cascade.getBodyBlock()) {
    if (auto input = llvm::dyn_cast<InputOp>(op);
        input && input.getTensor() == name)
      return input.getResult();
    if (auto einsum = llvm::dyn_cast<EinsumInterface>(op))
      for (auto [tensor, result] :
           llvm::zip(einsum.getTensorNames(), op.getResults()))
        if (tensor == name)
          return result;
  }
  return {};
}

/// Positions of the ranks that a fiber runs along, outermost first.
static std::vector<int> findPositions(CascadeOp cascade, mlir::Value tensor,
                                      const FiberPasses &fiber) {
  auto type = llvm::cast<NamedTensorType>(tensor.getType());
  std::vector<int> positions;
  if (fiber.isFlattened) {
    for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>())
      if (split.getRank() == fiber.rank)
        for (auto part : split.getParts().getAsRange<mlir::StringAttr>())
          positions.push_back(type.findRank(part));
    return positions;
  }
  llvm::SmallVector<llvm::StringRef> ranks;
  llvm::StringRef(fiber.rank).split(ranks, ',');
  for (llvm::StringRef rank : ranks)
    positions.push_back(type.findRank(rank));
  return positions;
}

/// Indices of the other ranks: all of them if few, else a spread with both
/// ends.
static std::vector<Index> listFibers(const UnrolledCascade &unrolled,
                                     mlir::Value tensor,
                                     const std::vector<int> &positions) {
  Index extents = unrolled.extentsOf(tensor);
  for (int position : positions)
    extents[position] = 1;
  std::vector<Index> all, chosen;
  UnrolledCascade::forEachIndex(extents,
                                [&](const Index &i) { all.push_back(i); });
  size_t stride = std::max<size_t>(1, all.size() / 8);
  for (size_t i = 0; i < all.size(); i += stride)
    chosen.push_back(all[i]);
  chosen.push_back(all.back());
  return chosen;
}

/// Compares all fibers of a cascade but those along `except`. `mostIdeals`
/// bounds the search through schedules; 0 leaves it out.
static void judge(CascadeOp cascade, const std::string &what, size_t mostIdeals,
                  Statistics &statistics, const std::string &except = "") {
  UnrolledCascade unrolled(cascade);
  RankPasses passes = computeRankPasses(cascade);
  for (const FiberPasses &fiber : passes.fibers) {
    if (fiber.rank == except)
      continue;
    mlir::Value tensor = findTensor(cascade, fiber.tensor);
    std::vector<int> positions = findPositions(cascade, tensor, fiber);
    int defined = 0;
    std::optional<int> fewest;
    for (const Index &fixed : listFibers(unrolled, tensor, positions)) {
      Labels labels = labelFiber(unrolled, tensor, positions, fixed);
      // Of one or two elements, any use is a traversal.
      if (countUsed(unrolled, labels) < 3)
        continue;
      int levels = countLevels(unrolled, labels);
      defined = std::max(defined, levels);
      if (mostIdeals == 0 || labels.coordinates == 0)
        continue;
      std::optional<int> traversals =
          countTraversals(unrolled, labels, mostIdeals);
      if (!traversals)
        continue;
      INFO(what << "\n" << fiber.tensor << "/" << fiber.rank);
      CHECK(levels <= *traversals);
      fewest = std::max(fewest.value_or(0), *traversals);
    }
    if (defined == 0)
      continue;
    int counted = std::max<int>(fiber.ownPasses - fiber.oppositeScans, 1);
    INFO(what << "\n"
              << fiber.tensor << "/" << fiber.rank << " forced by "
              << joinWitness(fiber));
    CHECK(counted <= defined);
    ++statistics.fibers;
    (counted == defined ? statistics.equal : statistics.lower) += 1;
    if (counted < defined && std::getenv("EINSUM_SHOW_LOOSE"))
      std::cout << "below: " << counted << " < " << defined << " for "
                << fiber.tensor << "/" << fiber.rank << "\n"
                << what << "\n";
    if (!fewest)
      continue;
    CHECK(static_cast<int>(fiber.ownPasses) <= *fewest);
    ++statistics.judged;
    statistics.tight += static_cast<int>(fiber.ownPasses) == *fewest;
  }
}

/// The counts of a cascade, of which none is below the definition's.
static RankPasses countTightly(CascadeOp cascade, const std::string &what) {
  Statistics statistics;
  judge(cascade, what, 0, statistics);
  CHECK(statistics.lower == 0);
  return computeRankPasses(cascade);
}

//===----------------------------------------------------------------------===//
// The catalogue
//===----------------------------------------------------------------------===//

TEST_CASE("rank passes of the catalogue are as by definition") {
  std::string folder = EINSUM_SOURCE_DIR "/test/lib/Analysis/catalogue";
  std::error_code error;
  std::set<std::string> files;
  for (llvm::sys::fs::directory_iterator it(folder, error), end;
       it != end && !error; it.increment(error))
    if (llvm::StringRef(it->path()).ends_with(".ein"))
      files.insert(it->path());
  REQUIRE(files.size() >= 56);
  Statistics statistics;
  for (const std::string &file : files) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    REQUIRE(buffer);
    Parsed parsed((*buffer)->getBuffer().str());
    judge(parsed.cascade, file, 0, statistics);
  }
  statistics.print("catalogue");
}

//===----------------------------------------------------------------------===//
// Random cascades
//===----------------------------------------------------------------------===//

namespace {

/// Writes cascades over one rank, or two.
class Writer {
public:
  explicit Writer(unsigned seed) : random(seed) {}

  /// Vectors, sums and scans.
  std::string writeVectors(int extent, int statements, bool withFilters) {
    text = "cascade c(K=" + std::to_string(extent) +
           ") : f32\n  rank j = K\n  input V0[k]";
    vectors = 1;
    scalars = 0;
    if (pick(3) == 0)
      text += ", V" + std::to_string(vectors++) + "[k]";
    text += "\n";
    for (int i = 0; i < statements; ++i)
      addVectorStatement(withFilters);
    return finish();
  }

  /// The same with matrices, windows, masks and tiles.
  std::string writeMatrices() {
    text = "cascade c(K=4, P=4, N=6, C=2) : f32\n  rank j = K\n  split n = n1, "
           "n0(C)\n"
           "  input V0[k], M0[k,p], T0[n1,n0]\n";
    vectors = 1, scalars = 0, matrices = 1, columns = 0, tiles = 1,
    summaries = 0;
    for (int i = 0; i < 6; ++i)
      pick(3) == 0 ? addTileStatement() : addMatrixStatement();
    return finish();
  }

  /// Layers along l around a stream X, up or down, of vectors and sums of each
  /// layer; some read what an earlier layer made, or a scan inside the layer.
  std::string writeLayers(int layers, int statements) {
    bool isUp = pick(4) != 0;
    std::string back = isUp ? "l-1" : "l+1";
    text = "cascade c(L=" + std::to_string(layers) +
           ", K=4) : f32\n  input I[k], T[k], V0[l,k], V1[l,k]\n"
           "  X[l,k] = select(l == " +
           (isUp ? "0" : "L-1") + ", I[k], O[" + back + ",k])\n";
    vectors = 2, scalars = 0;
    std::string last = "X[l,k]";
    for (int i = 0; i < statements; ++i)
      last = addLayerStatement(last, back);
    add("O[l,k]", last + (pick(3) ? " + X[l,k] init 0" : " init 0"));
    add("Y[k]", isUp ? "O[L-1,k]" : "O[0,k]");
    add("Z[]", "Y[k]");
    add("R[k]", "Y[k] * Z[]");
    if (pick(2))
      add("G[l,k]", name("V", pick(vectors), "l,k") + " * Z[]");
    if (pick(3) == 0)
      add("H[k]", name("V", pick(vectors), "l,k"));
    return finish();
  }

private:
  /// Of a layer; what may stand for the stream after it.
  std::string addLayerStatement(const std::string &last,
                                const std::string &back) {
    std::string vector = pick(2) ? last : name("V", pick(vectors), "l,k"),
                next = name("V", vectors, "l,k"),
                factor = scalars > 0 && pick(3)
                             ? " * " + name("S", pick(scalars), "l")
                             : "";
    switch (pick(8)) {
    case 0:
    case 1:
    case 2:
      add(name("S", scalars++, "l"), vector + factor);
      return last;
    case 3:
    case 4:
      add(next, vector + factor);
      break;
    case 5:
      add(next, vector + " + " + name("V", pick(vectors), "l,k") + factor);
      break;
    case 6:
      add(next, vector + (pick(2) ? " * T[k]" : " + O[" + back + ",k]"));
      break;
    default:
      add(next, "V" + std::to_string(vectors) + "[l,k-1] + " + vector + factor +
                    " init 0");
    }
    ++vectors;
    return next;
  }

  int pick(int n) {
    return std::uniform_int_distribution<int>(0, n - 1)(random);
  }
  std::string name(const char *kind, int i, const char *index) {
    return kind + std::to_string(i) + "[" + index + "]";
  }
  std::string vector() { return name("V", pick(vectors), "k"); }
  std::string scalar() { return name("S", pick(scalars), ""); }
  void add(const std::string &left, const std::string &right) {
    text += "  " + left + " = " + right + "\n";
  }
  std::string gate() {
    return scalars > 0 && pick(2) == 0 ? " * " + scalar() : "";
  }

  void addVectorStatement(bool withFilters) {
    std::string next = "V" + std::to_string(vectors),
                sum = "S" + std::to_string(scalars);
    switch (pick(withFilters ? 8 : 6)) {
    case 0:
      add(next + "[k]", vector() + gate());
      ++vectors;
      return;
    case 1:
      add(next + "[k]", vector() + " + " + vector() + gate());
      ++vectors;
      return;
    case 2:
    case 3:
      add(sum + "[]", vector() + gate());
      ++scalars;
      return;
    case 4:
      add(next + "[k]", next + "[k-1] + " + vector() + gate() + " init 0");
      ++vectors;
      return;
    case 5:
      add(next + "[k]", next + "[k+1] + " + vector() + gate() + " init 0");
      ++vectors;
      return;
    case 6:
      add(next + "[k]", name("V", pick(vectors), "j") +
                            (pick(2) ? " where j <= k" : " where k <= j"));
      ++vectors;
      return;
    default:
      add(sum + "[]", name("V", pick(vectors), pick(2) ? "0" : "K-1") + gate());
      ++scalars;
      return;
    }
  }

  std::string matrix() { return name("M", pick(matrices), "k,p"); }
  std::string column() { return name("C", pick(columns), "p"); }
  std::string filter() {
    static const char *filters[] = {"",
                                    " where k <= p",
                                    " where p <= k",
                                    " where k <= p, p < k + 2",
                                    " where k floordiv 2 == p floordiv 2",
                                    ""};
    return filters[pick(6)];
  }

  void addMatrixStatement() {
    std::string m = "M" + std::to_string(matrices) + "[k,p]",
                c = "C" + std::to_string(columns) + "[p]",
                v = "V" + std::to_string(vectors) + "[k]";
    switch (pick(8)) {
    case 0:
      add(m, vector() + " * " + matrix() + filter());
      ++matrices;
      return;
    case 1:
      add(m, matrix() + (columns > 0 ? " - " + column() : " + 1") + filter());
      ++matrices;
      return;
    case 2:
      add(c, matrix());
      ++columns;
      return;
    case 3:
      add(c,
          matrix() + " * " + vector() + (columns > 0 ? " * " + column() : ""));
      ++columns;
      return;
    case 4:
      add(v, matrix() + (columns > 0 ? " * " + column() : ""));
      ++vectors;
      return;
    case 5:
      add("M" + std::to_string(matrices) + "[k,p]",
          "M" + std::to_string(matrices) + "[k-1,p] + " + matrix() + " init 0");
      ++matrices;
      return;
    case 6:
      // A window, which reads past one end.
      add(v, name("V", pick(vectors), "k+1") + " + " + vector());
      ++vectors;
      return;
    default:
      add(m, vector() + " * " + name("V", pick(vectors), "p"));
      ++matrices;
      return;
    }
  }

  void addTileStatement() {
    std::string t = "T" + std::to_string(tiles) + "[n1,n0]",
                l = "L" + std::to_string(summaries) + "[n1]";
    std::string tile = name("T", pick(tiles), "n1,n0");
    std::string summary =
        summaries > 0 ? " * " + name("L", pick(summaries), "n1") : "";
    switch (pick(5)) {
    case 0:
      add(t, tile + summary);
      ++tiles;
      return;
    case 1:
      add(l, tile + summary);
      ++summaries;
      return;
    case 2:
      if (summaries == 0)
        return;
      add(l, "L" + std::to_string(summaries) + "[n1-1] + " +
                 name("L", pick(summaries), "n1") + " init 0");
      ++summaries;
      return;
    case 3:
      if (summaries == 0)
        return;
      add(t, tile + " - " + name("L", pick(summaries), "N floordiv C - 1"));
      ++tiles;
      return;
    default:
      add("S" + std::to_string(scalars) + "[]", tile);
      ++scalars;
      if (pick(2) == 0) {
        add(t, tile + " * S" + std::to_string(scalars - 1) + "[]");
        ++tiles;
      }
      return;
    }
  }

  std::string finish() {
    // Tensors without a reader would be no fibers anyway.
    return text + "  output V0\n";
  }

  std::mt19937 random;
  std::string text;
  int vectors = 0, scalars = 0, matrices = 0, columns = 0, tiles = 0,
      summaries = 0;
};

} // namespace

TEST_CASE(
    "no schedule of a random cascade makes fewer passes than are counted") {
  Statistics statistics;
  Writer writer(1);
  for (int i = 0; i < 900; ++i) {
    std::string text = writer.writeVectors(3, 4 + i % 3, /*withFilters=*/false);
    Parsed parsed(text);
    judge(parsed.cascade, text, /*mostIdeals=*/20000, statistics);
  }
  statistics.print("random vectors");
  CHECK(statistics.judged > 2000);
  CHECK(statistics.tight * 100 >= statistics.judged * 95);
}

TEST_CASE("rank passes of random cascades are at most as by definition") {
  Statistics statistics;
  Writer writer(2);
  for (int i = 0; i < 500; ++i) {
    std::string text = writer.writeVectors(4, 8, /*withFilters=*/true);
    Parsed parsed(text);
    judge(parsed.cascade, text, 0, statistics);
  }
  statistics.print("random vectors with filters");
  Statistics matrices;
  for (int i = 0; i < 300; ++i) {
    std::string text = writer.writeMatrices();
    Parsed parsed(text);
    judge(parsed.cascade, text, 0, matrices);
  }
  matrices.print("random matrices and tiles");
}

TEST_CASE("rank passes of random layers are at most as by definition") {
  Statistics statistics;
  Writer writer(3);
  for (int i = 0; i < 600; ++i) {
    std::string text = writer.writeLayers(2 + i % 6, 4 + i % 5);
    Parsed parsed(text);
    // What a member makes beside the cycle stands for a layer here, and for
    // none by definition.
    judge(parsed.cascade, text, 0, statistics, /*except=*/"l");
  }
  statistics.print("random layers");
  CHECK(statistics.equal * 100 >= statistics.fibers * 80);
}

TEST_CASE("a layer's own fibers are traversed by the layers that are left") {
  // Two norms a layer. The count of what the first layer makes of its weights
  // is that of the stream from there on: not more, however many are walked.
  for (int layers : {1, 2, 3, 8, 20}) {
    std::string text =
        "cascade layers(L=" + std::to_string(layers) +
        ", K=3) : f32\n  input I[k], W[l,k], U[l,k]\n"
        "  X[l,k] = select(l == 0, I[k], O[l-1,k])\n"
        "  S[l]   = X[l,k]\n  N[l,k] = X[l,k] * S[l]\n  M[l] = N[l,k]\n"
        "  A[l,k] = W[l,k] * M[l] + X[l,k]\n"
        "  T[l]   = A[l,k]\n  F[l,k] = A[l,k] * T[l]\n  G[l] = F[l,k]\n"
        "  O[l,k] = U[l,k] * G[l] + A[l,k] init 0\n"
        "  Y[k]   = O[L-1,k]\n  Z[] = Y[k]\n  R[k] = Y[k] * Z[]\n"
        "  output R\n";
    Parsed parsed(text);
    RankPasses passes = countTightly(parsed.cascade, text);
    uint64_t all = 4 * layers + 2;
    CHECK(passes.find("I", "k")->passes == all);
    CHECK(passes.find("W", "k")->passes == all - 2);
    CHECK(passes.find("U", "k")->passes == all - 4);
    CHECK(passes.find("O", "k")->passes == all - 4);
  }
}

//===----------------------------------------------------------------------===//
// Recurrences that read everything at every step
//===----------------------------------------------------------------------===//

TEST_CASE("rank passes grow with the steps of an iteration") {
  for (int steps : {3, 4, 5, 9, 14, 15, 20}) {
    std::string text = "cascade power(I=" + std::to_string(steps) +
                       ", K=3) : f32\n  rank j = K\n  input A[k,j], B[k]\n"
                       "  X[i,k] = A[k,j] * X[i-1,j] init 1\n"
                       "  S[i]   = Y[i-1,k] init 0\n"
                       "  Y[i,k] = B[k] * S[i] init 0\n"
                       "  Z[k]   = X[I-1,k] + Y[I-1,k]\n  output Z\n";
    Parsed parsed(text);
    RankPasses passes = countTightly(parsed.cascade, text);
    CHECK(passes.find("A", "j")->passes ==
          static_cast<uint64_t>(steps + 1) / 2);
    CHECK(passes.find("B", "k")->passes == static_cast<uint64_t>(steps));
  }
}

//===----------------------------------------------------------------------===//
// Changes that keep counts
//===----------------------------------------------------------------------===//

static std::string replaceAll(std::string text, const std::string &from,
                              const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST_CASE("rank passes do not depend on how a cascade is written") {
  const std::string attention = "cascade c(M=24, P=4, E=4, M0=6) : f32\n"
                                "  SPLIT\n"
                                "  input Q[p,e], K[MM,e], V[MM]\n"
                                "  QK[MM,p] = Q[p,e] * K[MM,e]\n"
                                "  GM[p]    = max(MR) QK[MM,p]\n"
                                "  SN[MM,p] = exp(QK[MM,p] - GM[p])\n"
                                "  SD[p]    = SN[MM,p]\n"
                                "  A[MM,p]  = SN[MM,p] / SD[p]\n"
                                "  AV[p]    = A[MM,p] * V[MM]\n"
                                "  output AV\n";
  auto count = [](const std::string &text, const char *tensor,
                  const char *rank) {
    Parsed parsed(text);
    RankPasses passes = computeRankPasses(parsed.cascade);
    REQUIRE(passes.find(tensor, rank));
    return passes.find(tensor, rank)->passes;
  };
  std::string plain = replaceAll(
      replaceAll(replaceAll(attention, "MM", "m"), "MR", "m"), "  SPLIT\n", "");
  REQUIRE(count(plain, "QK", "m") == 3);

  SECTION("splitting the rank") {
    std::string split = replaceAll(
        replaceAll(replaceAll(attention, "MM", "m1,m0"), "MR", "m1, m0"),
        "SPLIT", "split m = m1, m0(M0)");
    for (const char *tile : {"M0=6", "M0=5", "M0=7", "M0=12"}) {
      std::string text = replaceAll(split, "M0=6", tile);
      CHECK(count(text, "QK", "m") == 3);
      CHECK(count(text, "K", "m") == 3);
      CHECK(count(text, "SN", "m") == 2);
      CHECK(count(text, "V", "m") == 1);
    }
    // Without values: the same.
    CHECK(count(replaceAll(split, "M=24, P=4, E=4, M0=6", "M, P, E, M0"), "K",
                "m") == 3);
  }
  SECTION("renaming") {
    std::string renamed =
        replaceAll(replaceAll(replaceAll(plain, "[m", "[z"), "(m)", "(z)"),
                   "M=24", "Z=24");
    CHECK(count(replaceAll(renamed, "QK", "Scores"), "Scores", "z") == 3);
  }
  SECTION("copies") {
    std::string copied =
        replaceAll(plain, "  GM[p]    = max(m) QK[m,p]\n",
                   "  CQ[m,p] = QK[m,p]\n  GM[p] = max(m) CQ[m,p]\n");
    copied = replaceAll(copied, "SD[p]    = SN[m,p]",
                        "CS[m,p] = SN[m,p]\n  SD[p] = CS[m,p]");
    CHECK(count(copied, "QK", "m") == 3);
    CHECK(count(copied, "K", "m") == 3);
  }
  SECTION("computing twice") {
    std::string twice =
        replaceAll(plain, "  SD[p]    = SN[m,p]\n",
                   "  S2[m,p] = exp(QK[m,p] - GM[p])\n  SD[p] = S2[m,p]\n");
    CHECK(count(twice, "QK", "m") == 3);
    CHECK(count(twice, "K", "m") == 3);
    CHECK(count(twice, "SN", "m") == 1);
  }
}

TEST_CASE("running values over tiles of masked rows are as by definition") {
  // Tiles that a mask cuts make a running maximum over the elements that there
  // are; a later use of these is a second pass.
  Statistics statistics;
  for (const char *filter : {"m <= p", "p <= m", "m <= p, p < m + 3",
                             "m <= p + 2", "m <= 2*p, p <= m + 5"})
    for (int tile : {2, 3, 4, 5, 6, 12}) {
      std::string text =
          "cascade c(M=12, P=12, T=" + std::to_string(tile) +
          ") : f32\n  input Q[p], K[m]\n  split m = m1, m0(T)\n"
          "  QK[m,p]      = Q[p] * K[m] where " +
          filter +
          "\n  LGM[m1,p]    = max(m0) QK[m1*T+m0,p]\n"
          "  RGM[m1,p]    = max(RGM[m1-1,p], LGM[m1,p]) init -inf\n"
          "  CGM[m1,p]    = exp(RGM[m1-1,p] - RGM[m1,p])\n"
          "  LSN[m1,m0,p] = exp(QK[m1*T+m0,p] - RGM[m1,p])\n"
          "  LSD[m1,p]    = LSN[m1,m0,p]\n"
          "  TSD[m1,p]    = CGM[m1,p] * RSD[m1-1,p]\n"
          "  RSD[m1,p]    = TSD[m1,p] + LSD[m1,p] init 0\n"
          "  A[m,p]       = exp(QK[m,p] - RGM[M ceildiv T - 1,p])\n"
          "  Z[p]         = A[m,p] / RSD[M ceildiv T - 1,p]\n"
          "  output Z\n";
      Parsed parsed(text);
      judge(parsed.cascade, text, 0, statistics);
      RankPasses passes = computeRankPasses(parsed.cascade);
      INFO(text);
      CHECK(passes.find("QK", "m")->passes == 2);
    }
  statistics.print("running values over tiles of masked rows");
}

TEST_CASE("windows over tiles are counted at once") {
  // A two-sided window and a causal mask on the coordinate of two parts, and
  // extents that no tile divides.
  auto text = [](const std::string &filter) {
    return "cascade windows(P=100000, M=100001, W=777, E=64, M0=96) : f32\n"
           "  input Q[p,e], K[m,e], B[m]\n"
           "  split m = m1, m0(M0)\n"
           "  QK[m1,m0,p] = Q[p,e] * K[m1*M0+m0,e] where " +
           filter +
           "\n  GM[p] = max(m1,m0) QK[m1,m0,p]\n"
           "  SN[m1,m0,p] = exp(QK[m1,m0,p] - GM[p])\n"
           "  SD[p] = SN[m1,m0,p]\n"
           "  A[m1,m0,p] = SN[m1,m0,p] / SD[p]\n"
           "  output A\n";
  };
  auto start = std::chrono::steady_clock::now();
  Parsed causal(text("m1*M0+m0 <= p"));
  Parsed window(text("m1*M0+m0 <= p, p - W < m1*M0+m0"));
  Parsed all(text("m1*M0+m0 <= p + 1"));
  // Every query traverses its own scores three times; only where the last one
  // sees all keys are the keys themselves traversed so.
  auto count = [](Parsed &parsed, const char *tensor) {
    RankPasses passes = computeRankPasses(parsed.cascade);
    const FiberPasses *fiber = passes.find(tensor, "m");
    return fiber ? fiber->passes : 0;
  };
  for (Parsed *parsed : {&causal, &window, &all})
    CHECK(count(*parsed, "QK") == 3);
  CHECK(count(causal, "K") == 1);
  CHECK(count(window, "K") == 1);
  CHECK(count(all, "K") == 3);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  CHECK(seconds.count() < 5);
}
