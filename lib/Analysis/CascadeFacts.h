//===- CascadeFacts.h - A bound cascade as plain numbers --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a cost model or mapper asks of a cascade a million times, looked up
// once: extents, affine accesses over rank numbers, operators per point.
//
//   QK[m,p] = Q[p,e] * K[m,e]      M = 4, P = 2, E = 8, f16
//
//   ranks    m:4  p:2  e:8
//   QK       iterates {m, p, e}, 64 points, reduces e; per point {mac: 1}
//   Q        16 elements of 16 bits, an input, read at (p, e)
//
// A multiplication whose only use is a sum over a reduced rank is one `mac`.
//
// The *domain* of an Einsum is what its filter, ragged splits, the extents of
// its operands and absent elements leave of the box of its ranks; `points`
// counts it exactly. With `where m <= p` above, QK has 8 * (1 + 2) points and
// the domain {p - m >= 0}; whoever reads QK[m,p] inherits that constraint.
//
// A coordinate that is data, as in A[I[k], n], is a rank of its own here, which
// no Einsum iterates over: what holds A for such an Einsum holds all of it.
//
// Trusts a verified cascade; refuses one whose extents are not all bound, and
// one that gathers elements that may be absent or steps of a recurrence.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_CASCADEFACTS_H
#define LIB_ANALYSIS_CASCADEFACTS_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Analysis/AffineForm.h"

#include <map>
#include <string>

namespace einsum {

struct RankFact {
  std::string name;
  int64_t extent = 0;
  /// The rank this one is a part of, or -1.
  int whole = -1;
  /// Stands for a rank that some access addresses by data: no Einsum iterates
  /// over it, no loop walks it, so that tiles hold all of it.
  bool isOpaque = false;
};

/// One coordinate of an access: sum of coefficient * rank, plus a constant.
struct Coordinate {
  struct Term {
    int rank;
    int64_t coefficient;
  };
  llvm::SmallVector<Term, 2> terms;
  int64_t constant = 0;

  bool uses(int rank) const;
  /// How many distinct values the coordinate takes while each rank r runs over
  /// `tile[r]` consecutive values. Exact when the coefficients are either dense
  /// or far apart, as for windows and splits.
  int64_t span(llvm::ArrayRef<int64_t> tile) const;
  /// The same over rank numbers as variables.
  AffineForm form() const;
};

/// One read or write of a tensor.
struct AccessFact {
  int tensor = -1;
  /// Which elements: of a gathered coordinate, all that there are, as an opaque
  /// rank of its own.
  llvm::SmallVector<Coordinate, 4> coordinates;
  /// Of an access that gathers, one entry: what tells the elements apart that
  /// points read, with the coordinates of the indices after those of the tensor
  /// (dialects/Einsum/Gathers.h). A point reads one element.
  std::vector<AccessFact> choice;

  bool uses(int rank) const;
  bool gathers() const { return !choice.empty(); }
  /// As a leaf sees it, element by element.
  const AccessFact &atLeaf() const { return gathers() ? choice[0] : *this; }
};

struct TensorFact {
  std::string name;
  llvm::SmallVector<int, 4> ranks;
  uint64_t elements = 1;
  uint64_t bits = 0; ///< of one element; of its code, if stored in a format
  /// The same with its share of scales and the like: 17/4 for `mxfp4`. Of whole
  /// blocks it is exact; of parts of blocks no way to count comes to less.
  formats::BitsPerElement weight;
  /// Codes, and what blocks have together.
  formats::Weight stored;
  /// Whether tiles may cut what elements have together, so that the blocks that
  /// they touch have to be counted as well (`wholeBytes`).
  bool isShared = false;
  /// Then, per rank, how many coordinates are in a block: 0 if all are.
  llvm::SmallVector<int64_t, 4> grid;
  std::string datatype; ///< "f16", "mxfp4 block e"
  bool isInput = false, isOutput = false;
  bool isWeight = false; ///< an input whose elements are a model's parameters
  int producer = -1;     ///< Einsum, or -1 for an input
  /// Einsums that read it, and those with its producer: in order, each once.
  std::vector<int> readers, touchers;
  /// Rank along which the tensor is read one or more steps away, and the
  /// longest such step; -1 if it is no recurrence.
  int iterativeRank = -1;
  int64_t carriedSteps = 0;
  /// Reading before the first step along the iterative rank gives this tensor's
  /// initial value, which is no element.
  bool hasInitialValue = false;

  uint64_t bytes(uint64_t count) const { return weight.countBytes(count); }
  /// Of elements with every scale of the blocks that they touch.
  uint64_t wholeBytes(uint64_t count, uint64_t blocks) const {
    return isShared ? stored.countWholeBytes(count, blocks) : bytes(count);
  }
};

struct EinsumFact {
  std::string name;
  llvm::SmallVector<int, 6> ranks; ///< iteration space
  llvm::SmallVector<int, 2> reduced;
  llvm::SmallVector<AccessFact, 3> reads;
  llvm::SmallVector<AccessFact, 1> writes;   ///< one per named result
  std::map<std::string, uint64_t> operators; ///< per point
  std::string datatype;                      ///< in which the operators compute
  uint64_t points = 1;                       ///< in the domain
  /// Conditions on a point beyond the extents of `ranks`; over rank numbers.
  std::vector<Constraint> domain;
  /// Step along an iterative rank that it reads: 1 walks up, -1 walks down.
  std::map<int, int> direction;
  mlir::Operation *op = nullptr;

  bool iterates(int rank) const;
  bool reduces(int rank) const;
};

struct CascadeFacts {
  std::string name;
  std::vector<RankFact> ranks;
  std::vector<TensorFact> tensors;
  std::vector<EinsumFact>
      einsums; ///< producers before consumers where possible
  mlir::Operation *op = nullptr;

  int findRank(llvm::StringRef name) const;
  int findTensor(llvm::StringRef name) const;
  int findEinsum(llvm::StringRef name) const;
};

/// Operators of one point of an Einsum: map expression and reductions, user
/// functions expanded; reading a tensor that is stored in a format is a
/// `convert`, and so is storing a result. Names: add sub mul mac div max min
/// exp log sqrt rsqrt tanh erf sigmoid pow abs neg floor round compare select
/// convert.
std::map<std::string, uint64_t> countOperators(EinsumInterface einsum);

/// Facts of a verified cascade. Emits an error that names the unbound
/// parameters, or an extent product beyond 63 bits, and fails.
mlir::FailureOr<CascadeFacts> computeCascadeFacts(CascadeOp cascade);

} // namespace einsum

#endif // LIB_ANALYSIS_CASCADEFACTS_H
