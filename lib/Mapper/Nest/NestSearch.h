//===- NestSearch.h - All nests of one Einsum that matter -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A nest is a descending path in the lattice of tile vectors, with holders on
// it; what comes below a place depends on the tile vector there and on where
// each operand is held by then, not on how the path got there. So the Pareto
// set of completions of a state is computed once (Bellman's principle):
//
//   state   t = (m 64, n 64, k 8), A and B at the buffer, Z at DRAM
//   moves   a smaller tile of one rank           no cost
//           hold an operand at a level           fills, drains, bytes
//           latch an operand in the units        accesses of the leaf
//           deal ranks to the units of a fan     no cost
//           leaf, when every tile is 1           operators, cycles
//
// There may be any number of loops, in any order, and of holders; the number of
// states is the number of tile vectors times that of placements.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_NESTSEARCH_H
#define LIB_MAPPER_NEST_NESTSEARCH_H

#include "lib/Mapper/Nest/NestCounts.h"
#include "lib/Mapper/Nest/Pareto.h"

#include <deque>
#include <unordered_map>

namespace einsum::mapper {

/// One node of a nest; `tile` is the tile vector where it stands.
struct NestStep {
  enum class Kind : uint8_t { hold, latch, deal, leaf } kind;
  int operand = -1, level = -1, stage = 0;
  uint32_t tile = 0; ///< packed, see TileCodec
  const Deals *deals = nullptr;
  const NestStep *next = nullptr;
};

struct NestEntry {
  Costs costs{};
  NestStep step; ///< the first node; the others hang from it
};

/// Tile vectors as numbers.
class TileCodec {
public:
  explicit TileCodec(llvm::ArrayRef<LocalRank> ranks);
  uint32_t pack(llvm::ArrayRef<int> indices) const;
  void unpack(uint32_t code, llvm::MutableArrayRef<int> indices) const;
  void tiles(uint32_t code, llvm::SmallVectorImpl<int64_t> &tiles) const;
  uint32_t with(uint32_t code, int rank, int index) const;
  int index(uint32_t code, int rank) const {
    return code / strides[rank] % sizes[rank];
  }
  uint64_t count() const { return total; }

private:
  llvm::ArrayRef<LocalRank> ranks;
  llvm::SmallVector<uint32_t, 8> strides, sizes;
  uint64_t total = 1;
};

/// Where an operand is held innermost.
struct Holding {
  static constexpr uint8_t kOutside = 8; ///< added if it lives on chip
  static constexpr uint8_t kOffPath = 16;
  static constexpr uint8_t kRegisters = 30, kLatched = 31;
};
using Holdings = std::array<uint8_t, kMaxOperands>;

struct SearchCounts {
  uint64_t states = 0, entries = 0;
  uint64_t dominated = 0, overCapacity = 0, ruledOut = 0, overBound = 0;

  SearchCounts &operator+=(const SearchCounts &other);
};

class NestSearch {
public:
  NestSearch(const EinsumOnArray &nest, const arch::ArchSpec &arch,
             const Axes &axes);

  /// The ways to go on below a place at which no fan-out has been passed.
  const std::vector<NestEntry> &complete(uint32_t tile,
                                         const Holdings &holdings);
  /// Adds the cost of holding an operand at a place above fan-outs, innermost
  /// held as `from` says; false if that is not allowed.
  bool hold(Costs &costs, int operand, uint8_t from, int pathIndex,
            uint32_t tile);

  const EinsumOnArray &getNest() const { return nest; }
  const TileCodec &getCodec() const { return codec; }
  /// Code of a level off the path that a tensor lives at.
  uint8_t codeOffPath(int level);
  const SearchCounts &getCounts() const { return counts; }

private:
  struct State {
    uint32_t tile;
    Holdings holdings;
    uint8_t stage;
    bool mustPlace; ///< right below a fan-out: a holder, a fan-out or the leaf
  };
  struct Config {
    Deals deals;
    std::unique_ptr<NestCounts> counts;
    std::unordered_map<uint64_t, std::vector<NestEntry>> known;
  };

  void listConfigs(size_t fan, Deals &deals);
  static uint64_t keyOf(const State &state);
  const std::vector<NestEntry> &solve(Config &config, const State &state);
  void shrink(Config &config, const State &state, std::vector<NestEntry> &out);
  void holdBelow(Config &config, const State &state,
                 std::vector<NestEntry> &out);
  void latch(Config &config, const State &state, std::vector<NestEntry> &out);
  void deal(Config &config, const State &state, std::vector<NestEntry> &out);
  void finish(Config &config, const State &state, std::vector<NestEntry> &out);
  void append(std::vector<NestEntry> &out, const std::vector<NestEntry> &below,
              const Costs &added, const NestStep &step);

  int levelOf(uint8_t code) const;
  int stageOf(uint8_t code) const;
  /// Whether nothing further in on the path has to hold the operand.
  bool mayStayAt(int operand, uint8_t code, int upTo) const;
  bool fits(int level, uint64_t bytes) const;
  bool mayHold(int operand, uint8_t from, int pathIndex,
               llvm::ArrayRef<int64_t> tiles) const;

  const EinsumOnArray &nest;
  const arch::ArchSpec &arch;
  const Axes &axes;
  TileCodec codec;
  std::deque<Config> configs;
  std::unordered_map<uint64_t, std::vector<NestEntry>> complete_;
  std::vector<int> offPath;
  SearchCounts counts;
  Deals noDeals;
  NestCounts shared; ///< above all fan-outs
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_NESTSEARCH_H
