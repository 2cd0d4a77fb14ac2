//===- EinsumKernel.h - One Einsum, ready to be evaluated -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An Einsum with its extents bound, as numbers. Its iteration space is a box of
// which some points are left out:
//
//   QK[m1,m0,p] = Q[p,e] * K[4*m1+m0,e]  where 4*m1+m0 <= p      M = 10, P = 8
//
//   box         m1:3  m0:4  p:8  e:E
//   conditions  p - 4*m1 - m0 >= 0        the filter
//               9 - 4*m1 - m0 >= 0        K has ten rows (and m a ragged tile)
//
// Conditions that always hold are not there. Each has a *level*: 0 if it speaks
// of kept ranks alone, and then decides whether an element of the result
// exists; k if the innermost reduction it speaks of is the k-th, and then
// selects what that reduction combines. Reduced ranks with the same monoid, one
// after the other, are one reduction.
//
// A coordinate that is data (dialects/Einsum/Gathers.h) is a function of more:
// after the ranks of the box come the values gathered, one each. Whether such a
// coordinate is inside of its tensor is no condition: outside is an error.
//
// Reading an absent element is a condition too. Which elements are absent does
// not depend on data: Presence finds out, and adds its own conditions.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_EINSUMKERNEL_H
#define LIB_INTERPRETER_EINSUMKERNEL_H

#include "lib/Interpreter/BoundCascade.h"
#include "lib/Interpreter/IndexFunction.h"
#include "lib/Interpreter/Monoid.h"

namespace einsum::interp {

/// One read of a tensor.
struct KernelAccess {
  mlir::Value tensor;
  llvm::SmallVector<int64_t, 4> extents;       ///< of the tensor
  llvm::SmallVector<IndexFunction, 4> indices; ///< one per rank of the tensor
  /// Per rank: 1 if below 0 is the initial value, -1 if beyond the end is, 0 if
  /// neither can be reached.
  llvm::SmallVector<int, 4> initialSide;
  bool mayReadInitial = false;
  /// Bit i: the coordinate along the i-th rank of the tensor is data.
  uint64_t opaque = 0;
  Scalar initial = Scalar::ofInteger(0);

  /// True if at this point the initial value is read.
  bool readsInitial(const int64_t *coordinates) const;
  /// Position of the element read; only within the tensor.
  int64_t flatten(const int64_t *coordinates) const;
  /// The rank of the tensor along which data leads out of it; -1 if none.
  int findOutside(const int64_t *coordinates) const;
};

/// `index` at least 0, or equal to 0.
struct Condition {
  IndexFunction index;
  bool isEquality = false;

  bool holds(const int64_t *coordinates) const {
    int64_t value = index.evaluate(coordinates);
    return isEquality ? value == 0 : value >= 0;
  }
};

/// Reduced ranks that share an accumulator.
struct KernelReduction {
  llvm::SmallVector<unsigned, 2> dims; ///< the first outermost
  Monoid monoid;
};

struct EinsumKernel {
  EinsumInterface einsum;
  llvm::SmallVector<mlir::StringAttr, 6> ranks; ///< the iteration space
  llvm::SmallVector<int64_t, 6> extents;
  llvm::SmallVector<unsigned, 6> kept; ///< dims of the output, in its order
  llvm::SmallVector<KernelReduction, 1> reductions; ///< the first outermost
  llvm::SmallVector<KernelAccess, 3> accesses;
  /// Accesses whose values are coordinates: those follow the ranks.
  llvm::SmallVector<unsigned, 1> gathered;
  std::vector<Condition> conditions;
  ScalarProgram map;
  llvm::SmallVector<const NumberFormat *, 2> formats; ///< of the results
  /// What complete elements are rounded to besides; null for nothing.
  llvm::SmallVector<const NumberFormat *, 2> stored;
  uint64_t points = 1; ///< of the box

  /// A value beyond this, up or down, is outside of every tensor.
  static constexpr int64_t kMostGathered = int64_t{1} << 40;

  /// Emits an error for what is refused: see ScalarProgram, IndexFunction.
  static mlir::FailureOr<EinsumKernel> create(EinsumInterface einsum,
                                              const BoundCascade &bound,
                                              const Arithmetic &arithmetic);

  /// Of a condition that mentions these dims.
  unsigned getLevel(uint64_t dimSet) const;
  /// Filter, splits and bounds; whether the elements read are present is not
  /// looked at.
  bool contains(const int64_t *coordinates) const;
  /// "[m = 3, p = 0]"
  std::string printPoint(const int64_t *coordinates) const;
  /// Coordinates of a point, those gathered included.
  unsigned countCoordinates() const { return ranks.size() + gathered.size(); }
  /// Emits the error that `access` reads outside of its tensor along `rank`.
  mlir::LogicalResult refuseOutside(unsigned access, int rank,
                                    const int64_t *coordinates) const;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_EINSUMKERNEL_H
