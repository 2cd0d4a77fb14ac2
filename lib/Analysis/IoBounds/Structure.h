//===- Structure.h - What the bounds look for in a cascade ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the bounds. Three structures, found by accesses and never by
// name:
//
// - *aligned* tensors: one element for each element of another one, computed
//   from it point by point. SN[m,p] = exp(QK[m,p] - GM[p]) is aligned with QK.
// - *rows*: the elements of an operand that one result of a reduction needs.
//   QK[m,p] needs row p of Q and row m of K, E elements each.
// - *accumulators*: tensors through which a product travels to an output, all
//   of whose elements belong to one element of that output. In one-pass
//   attention, SLNV[m1,f,p] -> RNV[m1,f,p] <-> SPNV[m1,f,p] -> AV[p,f]: key {f,
//   p}.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_STRUCTURE_H
#define LIB_ANALYSIS_IOBOUNDS_STRUCTURE_H

#include "lib/Analysis/IoBounds/Segments.h"
#include "lib/Analysis/IoBounds/Values.h"

#include "llvm/ADT/DenseSet.h"

namespace einsum::bounds {

/// A tensor with one element per element of a root; dims[d] is the position
/// that carries dimension d of the root.
struct Aligned {
  int tensor = -1;
  llvm::SmallVector<int, 4> dims;
};

/// Which Einsums read a tensor, in order.
class Readers {
public:
  explicit Readers(const CascadeFacts &facts);
  llvm::ArrayRef<int> of(int tensor) const { return einsums[tensor]; }

private:
  std::vector<llvm::SmallVector<int, 2>> einsums; ///< by tensor
};

/// The root and everything aligned with it.
std::vector<Aligned> findAligned(const CascadeFacts &facts,
                                 const Readers &readers, int root);

/// What one result of a reduction needs of an operand.
struct RowFact {
  /// Which row: coordinates over the kept ranks.
  llvm::SmallVector<Coordinate, 4> key;
  uint64_t elements = 1; ///< in a row
};

/// Rows of an access under a reduction; nullopt if a coordinate mixes kept and
/// reduced ranks, so that rows overlap.
std::optional<RowFact> findRow(const CascadeFacts &facts,
                               const EinsumFact &einsum,
                               const AccessFact &access);

/// Where the results of an Einsum are accumulated for an output.
struct AccumulatorFact {
  llvm::SmallVector<int, 4>
      key; ///< ranks of the Einsum that name the output element
  std::vector<int> tensors; ///< from the result to the output
  uint64_t bits = 0;        ///< of the narrowest of them
};

/// The ways that results take to outputs; made once for a cascade.
class AccumulatorFinder {
public:
  explicit AccumulatorFinder(const CascadeFacts &facts);

  /// Fails unless every result of the Einsum flows into an output that ends
  /// far, on a way that is not too long to be worth it (kLongest).
  std::optional<AccumulatorFact> find(const std::vector<bool> &isFar,
                                      int einsum) const;

private:
  /// One step of the way from a result to an output.
  struct Edge {
    const EinsumFact *einsum;
    const AccessFact *read;
    int from, to;
  };
  /// Which elements of its tensor an edge reads.
  enum class Use { all, allButLast, last, some };

  /// More tensors than this after a result are not looked through: the time
  /// for all Einsums of a long cascade would be its square.
  static constexpr size_t kLongest = 2048;

  using Tensors = llvm::DenseSet<int>;
  std::optional<AccumulatorFact> findWay(int start, int output,
                                         const Tensors &after) const;
  std::optional<Tensors> reachFrom(int start) const;
  const Coordinate *coordinateOf(const Edge &edge, int rank) const;
  /// True if both elements of the step have the same coordinate along `rank`.
  bool carries(const Edge &edge, int rank) const;
  Use useOf(const Edge &edge) const;
  bool isUsedWholly(int tensor, llvm::ArrayRef<const Edge *> uses) const;

  const CascadeFacts &facts;
  std::vector<Edge> edges;
  std::vector<std::vector<int>> from, to; ///< edges by tensor
};

/// True if a condition on the points of an Einsum speaks of the rank.
bool constrains(const EinsumFact &einsum, int rank);

/// True if the coordinate is the plain rank.
bool isPlain(const Coordinate &coordinate, int rank);

/// A nest over the Einsum's ranks, to be filled with operands.
class NestBuilder {
public:
  NestBuilder(const CascadeFacts &facts, llvm::ArrayRef<int> ranks);

  /// Coordinates are over ranks of the cascade.
  void add(int tensor, uint64_t bits, llvm::ArrayRef<Coordinate> coordinates);
  void add(int tensor, uint64_t bits, llvm::ArrayRef<int> plainRanks);
  bool empty() const { return nest.tensors.empty(); }
  WeightedNest take() { return std::move(nest); }

private:
  llvm::SmallVector<int, 8> ranks;
  WeightedNest nest;
};

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_STRUCTURE_H
