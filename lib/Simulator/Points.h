//===- Points.h - The points and elements of a cascade ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A bound cascade, ready to be asked about single points and elements:
//
//   QK[m,p] = Q[p,e] * K[m,e] where m <= p        P = M = 3, E = 2
//
//   is (m=2, p=1, e=0) executed?     no: the filter
//   which element does it read?      Q[1,0], element 1*2 + 0 = 2 of Q
//   is QK[2,1] present?              no: a condition over kept ranks excludes
//   it how many points make QK[1,2]?    2
//
// A coordinate is a number per rank of the whole cascade, so that one array of
// numbers is a point of every Einsum. An element is a number in row-major
// order.
//
// Whether a point is executed is decided from its definition (the description
// of einsum.compute), one point at a time. Which elements are absent, and what
// a map expression computes, the interpreter knows. Nothing is taken from an
// analysis.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_POINTS_H
#define LIB_SIMULATOR_POINTS_H

#include "lib/Interpreter/EinsumKernel.h"
#include "lib/Interpreter/Presence.h"
#include "lib/Simulator/EmptyGroups.h"

#include <string>

namespace einsum::sim {

/// A coordinate per rank of the cascade.
using Coords = llvm::SmallVector<int64_t, 12>;

/// An affine expression over the ranks of the cascade.
class RankExpr {
public:
  /// `dims` are the ranks that the expression's dimensions stand for.
  RankExpr(mlir::AffineExpr expr, llvm::ArrayRef<int> dims,
           llvm::ArrayRef<int64_t> symbols);

  int64_t at(llvm::ArrayRef<int64_t> coords) const;
  bool uses(int rank) const { return llvm::is_contained(ranks, rank); }
  llvm::ArrayRef<int> getRanks() const { return ranks; }

private:
  llvm::SmallVector<int, 2> ranks; ///< that occur
  llvm::SmallVector<std::pair<int, int64_t>, 2> terms;
  int64_t constant = 0;
  mlir::AffineExpr general; ///< with floordiv or mod; over all ranks
};

struct Condition {
  RankExpr expr; ///< is at least 0, or 0
  bool isEq = false;

  bool holds(llvm::ArrayRef<int64_t> coords) const {
    int64_t value = expr.at(coords);
    return isEq ? value == 0 : value >= 0;
  }
};

struct RankInfo {
  std::string name;
  int64_t extent = 0;
};

struct TensorInfo {
  explicit TensorInfo(mlir::Location loc) : loc(loc) {}

  std::string name;
  mlir::Value value;
  mlir::Type elementType;
  llvm::SmallVector<int, 4> ranks;
  llvm::SmallVector<int64_t, 4> extents;
  int64_t elements = 1;
  formats::BitsPerElement weight; ///< of one element, with its share of scales
  formats::Weight stored;         ///< of codes, and of what blocks have each
  bool isShared = false;          ///< several elements have something together
  int producer = -1;              ///< Einsum, or -1 for an input
  int result = 0;                 ///< of the producer
  bool isOutput = false;
  /// Per rank: whether the tensor is a recurrence along it (1 ascends, -1
  /// descends, 0 is none), and how many steps away it is read there.
  llvm::SmallVector<int, 4> direction;
  llvm::SmallVector<int64_t, 4> carried;
  mlir::Location loc;
  /// Per element: present, and how many points make it.
  std::vector<char> present;
  std::vector<uint32_t> points;

  int64_t element(llvm::ArrayRef<int64_t> index) const;
  /// "QK[1, 2]"
  std::string describe(int64_t element) const;
  /// What leaves and registers move: each element with its share.
  uint64_t bytes(uint64_t count) const { return weight.countBytes(count); }
  /// What nodes move and hold: with every scale of the blocks touched.
  uint64_t wholeBytes(uint64_t count, uint64_t blocks) const {
    return isShared ? stored.countWholeBytes(count, blocks) : bytes(count);
  }
  /// Blocks that some elements touch, each element named once or more.
  uint64_t countBlocks(llvm::ArrayRef<int64_t> list) const;
};

/// One read. A coordinate that is data (dialects/Einsum/Gathers.h) reaches
/// every element along its rank: all of them are there, and which one a point
/// takes is known when its operands are.
struct ReadInfo {
  int tensor = -1;
  llvm::SmallVector<RankExpr, 4> index;   ///< gathered values count as 0
  llvm::SmallVector<char, 4> opaque = {}; ///< per coordinate: data; or empty
  /// Coordinates with their data: what is gathered follows the ranks.
  llvm::SmallVector<RankExpr, 0> data = {};
  /// Where the indices are read; tells reads apart as `index` does.
  llvm::SmallVector<RankExpr, 0> choice = {};

  bool gathers() const { return !opaque.empty(); }
  bool isOpaque(size_t position) const { return gathers() && opaque[position]; }
  /// Whether a step along the rank changes which element a point reads.
  bool uses(int rank) const;
  /// Whether it changes which elements it reaches.
  bool reaches(int rank) const;
  /// What tells two reads of a group apart.
  std::vector<int64_t> chosen(llvm::ArrayRef<int64_t> coords) const;
};

struct ReductionInfo {
  int rank = -1;
  Reduction reduction;
};

struct EinsumInfo {
  std::string name;
  EinsumInterface op;
  llvm::SmallVector<int, 6> ranks;
  llvm::SmallVector<ReadInfo, 3> reads;
  llvm::SmallVector<unsigned, 1> gathered; ///< reads whose values are indices
  llvm::SmallVector<int, 4> outputRanks;   ///< index of every result
  llvm::SmallVector<int, 1> results;       ///< tensors
  llvm::SmallVector<ReductionInfo, 2> reductions;
  llvm::SmallVector<Condition, 2> conditions; ///< filter and splits
  std::map<std::string, uint64_t> operators;  ///< per point
  interp::EinsumKernel *kernel = nullptr;
  EmptyGroups emptyGroups; ///< of nested reductions

  bool iterates(int rank) const { return llvm::is_contained(ranks, rank); }
  bool reduces(int rank) const;
};

/// What a read finds.
enum class Found { element, initial, outside };

class Points {
public:
  /// Fails, with an error, if a parameter is unbound, an Einsum cannot be
  /// evaluated or has more than `limit` points.
  static mlir::FailureOr<Points> create(CascadeOp cascade,
                                        const interp::Arithmetic &arithmetic,
                                        int64_t limit);

  CascadeOp cascade;
  bool storesFormats = false; ///< tensors hold what their formats can
  std::vector<RankInfo> ranks;
  std::vector<TensorInfo> tensors;
  std::vector<EinsumInfo> einsums;

  int findRank(llvm::StringRef name) const;
  int findTensor(llvm::StringRef name) const;
  /// An Einsum is known by its first tensor.
  int findEinsum(llvm::StringRef name) const;
  /// True if the Einsum that makes tensor `to` reads tensor `from`.
  bool feeds(int from, int to) const;

  /// Where a read looks, and the element if it is one; of a coordinate that is
  /// data, the first.
  Found locate(const ReadInfo &read, llvm::ArrayRef<int64_t> coords,
               int64_t &element) const;
  /// The same, given the values of the operands that are gathered. Outside is
  /// an error then: `outside` is the coordinate that leaves the tensor.
  Found locate(const EinsumInfo &einsum, const ReadInfo &read,
               llvm::ArrayRef<int64_t> coords,
               llvm::ArrayRef<interp::Scalar> operands, int64_t &element,
               int &outside) const;
  /// Calls `act` for every element that the read reaches, given the first.
  void forEachReached(const ReadInfo &read, int64_t first,
                      llvm::function_ref<void(int64_t)> act) const;
  bool isExecuted(const EinsumInfo &einsum,
                  llvm::ArrayRef<int64_t> coords) const;
  /// The element that a point makes.
  int64_t madeElement(const EinsumInfo &einsum,
                      llvm::ArrayRef<int64_t> coords) const;

  /// Calls `act` for every executed point with lo <= coords < hi; ranks that
  /// the Einsum lacks are 0.
  void
  forEachPoint(const EinsumInfo &einsum, llvm::ArrayRef<int64_t> lo,
               llvm::ArrayRef<int64_t> hi,
               llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act) const;

private:
  friend class PointsBuilder;
  interp::Kernels kernels;
};

/// Operators of one point, by the names that specifications use. A product
/// whose only use is a sum over reduced ranks is one `mac`.
std::map<std::string, uint64_t> listOperators(EinsumInterface einsum);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_POINTS_H
