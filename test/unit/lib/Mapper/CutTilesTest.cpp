//===- CutTilesTest.cpp - Tiles of filters, windows and shifts ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every tile of every grid, point by point, against the classes of CutTiles.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CutTiles.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Mapper/Nest/EinsumOnArray.h"
#include "lib/Support/Diagnostics.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

#include <set>

using namespace einsum;
using namespace einsum::mapper;

namespace {

struct Cut {
  explicit Cut(const std::string &text, const std::string &name) {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text),
                               llvm::SMLoc());
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    auto computed = computeCascadeFacts(*module->getOps<CascadeOp>().begin());
    REQUIRE(succeeded(computed));
    facts = std::move(*computed);
    int einsum = facts.findEinsum(name);
    REQUIRE(einsum >= 0);
    Diagnostics diagnostics;
    auto spec = arch::readArchSpec(std::string(EINSUM_SOURCE_DIR) +
                                       "/arch-specs/accelforge-simple.json",
                                   diagnostics);
    REQUIRE(spec);
    arch = std::move(*spec);
    constraints = std::make_unique<EinsumConstraints>(facts, arch, einsum);
    std::string unsupported;
    auto described = describeEinsum(facts, arch, einsum, 0, *constraints, {},
                                    unsupported, tiles);
    INFO(unsupported);
    REQUIRE(described);
    nest = std::move(*described);
  }

  using Sizes = std::map<uint64_t, uint64_t>; ///< words to count
  using Elements = std::set<std::vector<int64_t>>;

  bool isPoint(const std::vector<int64_t> &point) const {
    const EinsumFact &einsum = facts.einsums[nest.einsum];
    return llvm::all_of(einsum.domain, [&](const Constraint &constraint) {
      return constraint.holds(point);
    });
  }

  void add(Elements &elements, const AccessFact &access,
           const std::vector<int64_t> &point) const {
    std::vector<int64_t> element;
    for (const Coordinate &coordinate : access.coordinates) {
      element.push_back(coordinate.constant);
      for (const Coordinate::Term &term : coordinate.terms)
        element.back() += term.coefficient * point[term.rank];
    }
    for (int64_t index : element)
      if (index < 0)
        return; // an initial value
    elements.insert(element);
  }

  /// What tiles touch: reads, writes, and visits in which something happens.
  void walk(const std::vector<int64_t> &tile, int tensor, Sizes &held,
            Sizes &fetched, Sizes &written, uint64_t &visits) const {
    const EinsumFact &einsum = facts.einsums[nest.einsum];
    std::vector<int64_t> corner(nest.ranks.size(), 0);
    while (true) {
      Elements reads, writes;
      bool happens = false;
      std::vector<int64_t> point(facts.ranks.size(), 0);
      std::function<void(size_t)> step = [&](size_t rank) {
        if (rank == nest.ranks.size()) {
          if (!isPoint(point))
            return;
          happens = true;
          for (const AccessFact &access : einsum.reads)
            if (access.tensor == tensor)
              add(reads, access, point);
          for (const AccessFact &access : einsum.writes)
            if (access.tensor == tensor)
              add(writes, access, point);
          return;
        }
        int64_t end =
            std::min(corner[rank] + tile[rank], nest.ranks[rank].extent);
        for (int64_t at = corner[rank]; at < end; ++at) {
          point[nest.ranks[rank].rank] = at;
          step(rank + 1);
        }
      };
      step(0);
      if (happens) {
        ++visits;
        Elements all = reads;
        all.insert(writes.begin(), writes.end());
        ++held[all.size()];
        ++written[writes.size()];
        uint64_t alone = 0;
        for (const auto &element : reads)
          alone += !writes.count(element);
        ++fetched[alone];
      }
      size_t rank = 0;
      for (; rank < corner.size(); ++rank) {
        corner[rank] += tile[rank];
        if (corner[rank] < nest.ranks[rank].extent)
          break;
        corner[rank] = 0;
      }
      if (rank == corner.size())
        return;
    }
  }

  static Sizes withoutNothing(Sizes sizes) {
    sizes.erase(0);
    return sizes;
  }

  void check(const std::vector<int64_t> &tile) {
    for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
      const Operand &operand = nest.operands[o];
      Sizes held, fetched, written;
      uint64_t visits = 0;
      walk(tile, operand.tensor, held, fetched, written, visits);
      CHECK(tiles->countVisits(tile) == visits);
      auto counted = [&](CutTiles::Part part) {
        Sizes sizes;
        tiles->forEach(o, part, tile, [&](uint64_t words, uint64_t count) {
          sizes[words] += count;
        });
        return withoutNothing(sizes);
      };
      INFO(facts.tensors[operand.tensor].name);
      CHECK(counted(CutTiles::Part::held) == withoutNothing(held));
      CHECK(counted(CutTiles::Part::fetched) == withoutNothing(fetched));
      CHECK(counted(CutTiles::Part::written) == withoutNothing(written));
      CHECK(tiles->largest(o, tile) == held.rbegin()->first);
    }
  }

  void checkAll() {
    REQUIRE(tiles);
    std::vector<int64_t> tile(nest.ranks.size(), 1);
    std::function<void(size_t)> choose = [&](size_t rank) {
      if (rank == tile.size())
        return check(tile);
      for (int64_t size = 1; size <= nest.ranks[rank].extent; ++size) {
        tile[rank] = size;
        choose(rank + 1);
      }
    };
    choose(0);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeFacts facts;
  arch::ArchSpec arch;
  std::unique_ptr<EinsumConstraints> constraints;
  std::shared_ptr<CutTiles> tiles;
  EinsumOnArray nest;
};

} // namespace

TEST_CASE("a causal mask leaves a triangle", "[mapper][cut-tiles]") {
  Cut cut("cascade c(M=7, P=7, E=2) : f16\n  input Q[p,e], K[m,e]\n"
          "  S[m,p] = Q[p,e] * K[m,e] where m <= p\n  output S\n",
          "S");
  cut.checkAll();
}

TEST_CASE("a sliding window leaves a band", "[mapper][cut-tiles]") {
  Cut cut("cascade c(M=9, P=8) : f16\n  input X[m,p]\n"
          "  S[p] = X[m,p] where m <= p, p < m + 3\n  output S\n",
          "S");
  cut.checkAll();
}

TEST_CASE("a split rank is masked as a whole", "[mapper][cut-tiles]") {
  Cut cut("cascade c(A=3, B=3, P=9) : f16\n  rank m = A * B\n  input X[m]\n"
          "  S[p] = X[3*a+b] where 3*a + b <= p\n  output S\n",
          "S");
  cut.checkAll();
}

TEST_CASE("windows overlap, with strides and borders", "[mapper][cut-tiles]") {
  Cut("cascade c(Q=7, S=3) : f16\n  rank w = Q + S - 1\n  input I[w], F[s]\n"
      "  O[q] = I[q+s] * F[s]\n  output O\n",
      "O")
      .checkAll();
  Cut("cascade c(Y=8, R=3) : f16\n  rank p = Y ceildiv 2\n"
      "  input I[y], W[r]\n"
      "  O[p] = I[2*p+r-1] * W[r] where 2*p + r >= 1\n  output O\n",
      "O")
      .checkAll();
}

TEST_CASE("shifts, transposes and diagonals", "[mapper][cut-tiles]") {
  Cut("cascade c(A=6) : f16\n  input X[a]\n"
      "  S[a] = X[a] * X[a+1]\n  output S\n",
      "S")
      .checkAll();
  Cut("cascade c(A=5) : f16\n  input X[a,a2]\n  rank a2 = A\n"
      "  S[a] = X[a,a]\n  output S\n",
      "S")
      .checkAll();
}

TEST_CASE("a masked recurrence fetches what it does not compute",
          "[mapper][cut-tiles]") {
  Cut cut("cascade c(A=6, P=6) : f16\n  input X[a,p]\n"
          "  Y[a,p] = exp(X[a,p]) where a <= p\n"
          "  Z[a,p] = Z[a-1,p] + Y[a,p] init 0\n  output Z\n",
          "Z");
  cut.checkAll();
}

TEST_CASE("a large triangle takes little time", "[mapper][cut-tiles]") {
  Cut cut("cascade c(M=262144, P=262144) : f16\n  input X[m,p]\n"
          "  S[p] = X[m,p] where m <= p\n  output S\n",
          "S");
  uint64_t n = 262144;
  CHECK(cut.tiles->countVisits({1, 1}) == n * (n + 1) / 2);
  CHECK(cut.tiles->countVisits({256, 64}) == [&] {
    uint64_t visits = 0;
    for (uint64_t p = 0; p < n / 64; ++p)
      visits += (p * 64 + 63) / 256 + 1;
    return visits;
  }());
}

TEST_CASE("rows of a large triangle are summed in closed form",
          "[mapper][cut-tiles]") {
  Cut cut("cascade c(M=32768, P=32768, H=4) : f16\n  input X[h,m,p], K[h,m]\n"
          "  S[h,p] = X[h,m,p] * K[h,m] where m <= p\n  output S\n",
          "S");
  uint64_t n = 32768;
  int x = cut.nest.findOperand(0), k = cut.nest.findOperand(1);
  for (int64_t heads : {1, 2, 4}) {
    // Ranks in the order in which the Einsum has them.
    std::vector<int64_t> tile(3, 1);
    for (size_t r = 0; r < 3; ++r) {
      int64_t extent = cut.nest.ranks[r].extent;
      bool isP = cut.facts.ranks[cut.nest.ranks[r].rank].name == "p";
      tile[r] = extent == 4 ? heads : isP ? 1 : extent;
    }
    CutSums all = cut.tiles->sum(x, CutTiles::Part::held, tile, 1);
    CHECK(all.words == 4 * n * (n + 1) / 2);
    CHECK(all.bytes == 2 * all.words);
    CHECK(cut.tiles->sum(k, CutTiles::Part::held, tile, 1).words == all.words);
    CHECK(cut.tiles->countVisits(tile) == n * (4 / heads));
    CHECK(cut.tiles->largest(x, tile) == n * heads);
    // Each row in whole accesses.
    uint64_t accesses = 0;
    for (uint64_t p = 0; p < n; ++p)
      accesses += ((p + 1) * 2 * heads + 63) / 64;
    CutSums wide = cut.tiles->sum(x, CutTiles::Part::held, tile, 64);
    CHECK(wide.accesses <= accesses * (4 / heads));
    CHECK(wide.accesses * 1001 >= accesses * (4 / heads) * 1000);
  }
}

namespace {

/// What tiles of m <= n <= p touch of X[m], Y[n] and W[p], tile by tile.
struct Chain {
  Chain(int64_t extent, llvm::ArrayRef<int64_t> tile) {
    for (int64_t m = 0; m < extent; m += tile[0])
      for (int64_t n = 0; n < extent; n += tile[1])
        for (int64_t p = 0; p < extent; p += tile[2])
          add({m, std::min(m + tile[0], extent) - 1},
              {n, std::min(n + tile[1], extent) - 1},
              {p, std::min(p + tile[2], extent) - 1});
  }

  uint64_t visits = 0, words[3] = {}, most[3] = {};

private:
  using Side = std::pair<int64_t, int64_t>; ///< first and last
  void add(Side m, Side n, Side p) {
    int64_t from = std::max(m.first, n.first),
            to = std::min(n.second, p.second);
    if (from > to)
      return;
    ++visits;
    auto count = [&](int at, int64_t first, int64_t last) {
      words[at] += last - first + 1;
      most[at] = std::max<uint64_t>(most[at], last - first + 1);
    };
    count(0, m.first, std::min(m.second, to));
    count(1, from, to);
    count(2, std::max(p.first, from), p.second);
  }
};

} // namespace

TEST_CASE("tiles of very different length are counted together, never too high",
          "[mapper][cut-tiles]") {
  constexpr int64_t extent = 1200;
  Cut cut("cascade c(M=1200, N=1200, P=1200) : f16\n"
          "  input X[m], Y[n], W[p]\n"
          "  Z[p] = X[m] * Y[n] * W[p] where m <= n, n <= p\n  output Z\n",
          "Z");
  auto indexOf = [&](const char *rank) {
    for (auto [i, one] : llvm::enumerate(cut.nest.ranks))
      if (cut.facts.ranks[one.rank].name == rank)
        return i;
    FAIL(rank);
    return size_t{0};
  };
  size_t at[3] = {indexOf("m"), indexOf("n"), indexOf("p")};
  const char *names[3] = {"X", "Y", "W"};
  for (std::array<int64_t, 3> sizes : {std::array<int64_t, 3>{1, 600, 1},
                                       {600, 1, 600},
                                       {1, 1, 600},
                                       {1, 25, 600},
                                       {600, 25, 1},
                                       {7, 1000, 3},
                                       {1, 600, 600}}) {
    INFO(sizes[0] << " " << sizes[1] << " " << sizes[2]);
    Chain chain(extent, sizes);
    std::vector<int64_t> tile(3);
    for (int i = 0; i < 3; ++i)
      tile[at[i]] = sizes[i];
    // No more than there are, and most of them though all tiles are cut.
    auto check = [](uint64_t least, uint64_t all) {
      CHECK(least <= all);
      CHECK(static_cast<double>(least) >= 0.7 * static_cast<double>(all));
    };
    check(cut.tiles->countVisits(tile), chain.visits);
    for (int i = 0; i < 3; ++i) {
      int tensor = cut.facts.findTensor(names[i]);
      int operand = cut.nest.findOperand(tensor);
      INFO(names[i]);
      check(cut.tiles->sum(operand, CutTiles::Part::fetched, tile, 8).words,
            chain.words[i]);
      check(cut.tiles->largest(operand, tile), chain.most[i]);
    }
  }
}

TEST_CASE("long tiles beside short ones", "[mapper][cut-tiles]") {
  // 10^5 short tiles beside each of seven long ones.
  Cut cut("cascade c(M=100000, P=100000) : f16\n  input X[m], Y[p]\n"
          "  S[p] = X[m] * Y[p] where m <= p\n  output S\n",
          "S");
  int m = cut.nest.findRank(cut.facts.findRank("m"));
  std::vector<int64_t> tile(2, 16384);
  tile[m] = 1;
  uint64_t n = 100000, visits = 0;
  for (uint64_t p = 0; p < n; p += 16384)
    visits += std::min<uint64_t>(p + 16384, n);
  uint64_t counted = cut.tiles->countVisits(tile);
  CHECK(counted <= visits);
  CHECK(counted >= visits * 99 / 100);
}
