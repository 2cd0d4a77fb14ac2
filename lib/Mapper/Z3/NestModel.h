//===- NestModel.h - The nests of one Einsum as constraints -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A nest is a path v[0], v[1], ..., v[K] of tile vectors: v[0] is the extents,
// each step divides one rank further or, at the end, none, and v[K] leaves what
// the units of the array take at once. Boolean variables say
//
//   at[k][i]         v[k] is the i-th tile vector
//   held[t][l][k]    tensor t is held at level l between the k-th and the next
//                    loop
//   last[t][k]       v[k] is what t is latched at: where the last loop that t
//                    uses ends, or t's innermost holder if there is none below
//
// What a holder of t at vector v moves is a number that depends on v alone: the
// boxes of v, a transfer each. A leaf moves what a holder at `last` would. So
// every product of decisions is a constant, and the cost is a sum of bounds
// `decisions => cost >= constant`.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_Z3_NESTMODEL_H
#define LIB_MAPPER_Z3_NESTMODEL_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include <map>
#include <z3++.h>

namespace einsum::mapper {

/// How a level's moves count towards what is minimised.
struct Prices {
  std::vector<double> readAccess, writeAccess; ///< per level
  std::vector<double> readByte, writeByte;
};

class NestModel {
public:
  NestModel(z3::context &z3, const CascadeFacts &facts,
            const arch::ArchSpec &arch, int einsum, int array, bool imperfect);

  /// How many variables it would have; to be asked before `build`.
  size_t size() const { return vectors.size() * slots() * 4; }

  /// Constrains paths and holders. `homes`: per tensor, the level where it
  /// lives, 0 for the backing one.
  void build(z3::solver &solver, const std::vector<int> &homes);

  /// A new variable that is no less than the price of all moves.
  z3::expr chargeMoves(z3::solver &solver, const Prices &prices,
                       const std::vector<int> &homes);
  /// The same of a tensor's home that is filled from the backing level, or
  /// drained to it.
  z3::expr chargeHome(z3::solver &solver, int tensor, int level,
                      const Prices &prices);
  /// A new variable that is no less than the cycles of all runs.
  z3::expr chargeRuns(z3::solver &solver, double cyclesPerRun);
  /// What one tensor holds at one level if it stands between the k-th and the
  /// next loop, and wherever it stands.
  z3::expr bytesHeld(int tensor, int level, size_t k);
  z3::expr bytesHeld(int tensor, int level);
  z3::expr bytesOfHome(int tensor);

  size_t slots() const { return pathLength + 1; }
  const std::vector<int> &path() const { return levels; }
  const std::vector<int> &tensors() const { return touched; }
  bool touches(int tensor) const;
  /// Loop k is over `rank` with that tile.
  z3::expr isLoop(size_t k, int rank, int64_t tile);
  /// No loop stands at step k.
  z3::expr isIdle(size_t k);
  /// Where the tensor lives: between which loops. Only of fused tensors.
  z3::expr &homeAt(int tensor, size_t k) { return homes.at({tensor, k}); }
  z3::expr heldAt(int tensor, int level, size_t k) {
    return held.at({tensor, level, k});
  }

private:
  using Vector = std::vector<int64_t>; ///< per rank of the Einsum

  void listVectors();
  bool follows(const Vector &from, const Vector &to) const;
  bool canDeal(const Vector &v) const;
  bool isAtOrBelow(size_t level, int home) const;
  void constrainPath(z3::solver &solver);
  void constrainHolders(z3::solver &solver, const std::vector<int> &homes);
  void constrainLatches(z3::solver &solver, const std::vector<int> &homes);
  bool uses(int tensor, size_t position) const;
  const AccessFact &accessOf(int tensor) const;
  bool isWritten(int tensor) const;
  int64_t blockAlong(int tensor, size_t position) const;
  std::map<std::pair<uint64_t, uint64_t>, uint64_t>
  tilesAlong(int tensor, size_t position, int64_t tile) const;
  uint64_t bytesOfTile(int tensor, const Vector &v) const;

  /// Moves between a place at vector v and what is further out.
  struct Moves {
    uint64_t in = 0, out = 0;         ///< bytes
    uint64_t inAt = 0, outAt = 0;     ///< accesses at the outer level
    uint64_t inHere = 0, outHere = 0; ///< accesses at the inner one
  };
  Moves countMoves(int tensor, const Vector &v, int outer, int inner) const;
  static double priceOf(const Moves &moves, const Prices &prices, int outer,
                        int inner);
  /// `part` is no less than the price of moves at v[k], if `when` holds.
  void chargeAt(z3::solver &solver, const z3::expr &when, size_t k, int tensor,
                int outer, int inner, const Prices &prices,
                const z3::expr &part);
  z3::expr bytesAt(int tensor, const z3::expr &when, size_t k);
  z3::expr number(double value);
  z3::expr flag(const std::string &name);

  z3::context &z3;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  int einsum, array;
  bool imperfect;
  std::vector<int> ranks, levels, touched;
  std::vector<Vector> vectors;
  size_t pathLength = 0;
  unsigned charges = 0; ///< variables made so far
  std::vector<std::vector<z3::expr>> at;
  std::map<std::tuple<int, int, size_t>, z3::expr> held;
  std::map<std::pair<int, size_t>, z3::expr> homes, last;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_Z3_NESTMODEL_H
