//===- LeastMoves.h - What an Einsum moves at least -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whatever its loops, an Einsum on an array moves something at the levels
// around it. In prices per access and per byte, so that the same sum is energy
// or time:
//
//   crossing   What is shared lives at levels of one instance. From there each
//              Einsum reads every element that it touches, and there it writes
//              every one that others need, once at least.
//   feeding    Of the temporal loops above the leaf the innermost one that
//              steps is over some rank. What that rank indexes is read anew in
//              each run, by as many units as share it at most:
//
//     Z[m,n] = A[m,k] * B[k,n] on 16 x 16 units, P points, innermost k:
//       A >= P / units along n, B >= P / units along m, Z >= M * N
//       together >= 2 P / 16, as units along m and n are no more than 256
//
//   registers  One access per point and operand.
//
// README.md (Certain bounds) has the proofs, from the rules of
// dialects/Schedule/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_LEASTMOVES_H
#define LIB_MAPPER_LEASTMOVES_H

#include "lib/Mapper/Join/CascadeJoin.h"

#include <set>

namespace einsum::mapper {

/// Elements that the accesses of one Einsum touch at least.
uint64_t countTouched(const EinsumOnArray &nest, const Operand &operand);

/// What one read or write costs: each access to the level, and each byte.
struct MovePrice {
  double access = 0, byte = 0;
};

/// A weight for everything that moves. A price per byte may be negative where
/// something else stands for a part of what accesses cost.
struct MovePrices {
  std::vector<MovePrice> read, write; ///< by level
  /// Per byte, by link: for each hop of each copy, for each copy that its
  /// busiest wires carry; and for a copy of what comes from a level outside,
  /// whether or not it could come from elsewhere.
  std::vector<double> hop, copy, source;

  explicit MovePrices(const arch::ArchSpec &arch)
      : read(arch.levels.size()), write(arch.levels.size()),
        hop(arch.links.size()), copy(arch.links.size()),
        source(arch.links.size()) {}
};

/// Whether tensors may live at a level, or be held for several Einsums.
bool isShared(const arch::ArchSpec &arch, int level);

class LeastMoves {
public:
  /// `mayFollow`: per Einsum, whether it may follow demand.
  LeastMoves(const CascadeFacts &facts, const arch::ArchSpec &arch,
             llvm::ArrayRef<EinsumChoices> choices,
             std::vector<bool> mayFollow);

  /// Of one Einsum on the array of `nest`, in sum over all that it moves.
  double price(const EinsumOnArray &nest, const MovePrices &prices) const;

  /// Everything that prices depend on besides `EinsumOnArray::signature`.
  std::string describe(const EinsumOnArray &nest) const;

private:
  struct Way;
  struct Demand {
    uint32_t ranks = 0; ///< that the access uses
    uint32_t apart = 0; ///< units that differ along these share no word
    std::vector<Way> ways;
  };

  llvm::SmallVector<int, 8> listSources(const EinsumOnArray &nest,
                                        const Operand &operand) const;
  bool mayHold(const EinsumOnArray &nest, const Operand &operand,
               int level) const;
  /// Elements that one Einsum reads, or writes for others, where they live.
  uint64_t crossingWords(const EinsumOnArray &nest,
                         const Operand &operand) const;
  bool isPlain(const EinsumOnArray &nest, const Operand &operand) const;
  const AccessFact &accessOf(const EinsumOnArray &nest, const Operand &operand,
                             const Operand::Use &use) const;
  uint32_t ranksApart(const EinsumOnArray &nest,
                      const AccessFact &access) const;
  double priceRegisters(const EinsumOnArray &nest,
                        const MovePrices &prices) const;
  double priceLinks(const EinsumOnArray &nest, const MovePrices &prices) const;
  bool isInside(const EinsumOnArray &nest, int link) const;
  double priceWay(const EinsumOnArray &nest, const MovePrices &prices,
                  const Operand &operand, int level) const;
  double priceSource(const EinsumOnArray &nest, const MovePrices &prices,
                     const Operand &operand) const;
  double priceCrossing(const EinsumOnArray &nest, const MovePrices &prices,
                       const Operand &operand, size_t at) const;
  Way feedFrom(const EinsumOnArray &nest, const MovePrices &prices,
               const Operand &operand, const Operand::Use &use, int level,
               int stage) const;
  std::vector<Way> listWays(const EinsumOnArray &nest, const MovePrices &prices,
                            const Operand &operand,
                            const Operand::Use &use) const;
  double priceFeeding(const EinsumOnArray &nest, llvm::ArrayRef<Demand> demands,
                      uint32_t inner) const;
  static double priceAlone(const EinsumOnArray &nest, const Demand &demand,
                           bool isLatched);
  static double priceTogether(const EinsumOnArray &nest,
                              llvm::ArrayRef<const Demand *> demands);

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  std::vector<bool> mayFollow;
  std::vector<std::set<int>>
      levelsOf;                      ///< by tensor: around its Einsums' arrays
  std::vector<uint64_t> neededWords; ///< by tensor: that others read
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_LEASTMOVES_H
