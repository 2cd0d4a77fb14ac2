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

/// Compares all fibers of a cascade. `mostIdeals` bounds the search through
/// schedules; 0 leaves it out.
static void judge(CascadeOp cascade, const std::string &what, size_t mostIdeals,
                  Statistics &statistics) {
  UnrolledCascade unrolled(cascade);
  RankPasses passes = computeRankPasses(cascade);
  for (const FiberPasses &fiber : passes.fibers) {
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

private:
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
