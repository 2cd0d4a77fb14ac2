//===- Cells.h - Elements under construction --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A cell is one copy of one element: its value so far, and how many points have
// contributed. S[p] = sum(m) X[m,p] with M = 4, after m = 0 and m = 2:
//
//   value X[0,p] + X[2,p], 2 contributions: incomplete, as S[p] needs 4
//
// Two copies that gathered different points are merged by the same monoid.
//
// Nested reductions, max(m) of sum(n), have an accumulator each. The inner one
// belongs to one m; when a point of another m comes it is folded into the outer
// one. A point of an m that was folded already is refused: no partial value
// could hold it. Groups without points (EmptyGroups.h) count when the group
// around them is folded.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_CELLS_H
#define LIB_SIMULATOR_CELLS_H

#include "lib/Simulator/Points.h"

#include <memory>
#include <set>

namespace einsum::sim {

/// Which groups of inner reductions are finished, and which one is open.
struct OpenGroups {
  std::vector<int64_t> open;
  bool isOpen = false;
  std::set<std::vector<int64_t>> closed;
};

struct Cell {
  /// One value per result of the Einsum, for each level of reduction,
  /// outermost first.
  llvm::SmallVector<interp::Scalar, 1> values;
  uint32_t contributions = 0;
  std::shared_ptr<OpenGroups> groups; ///< null unless reductions nest
};

/// Builds the cells of one Einsum.
class CellBuilder {
public:
  explicit CellBuilder(EinsumInfo &einsum);

  /// The map expression at a point. Null, or the instruction without a value.
  const interp::Instruction *
  evaluate(llvm::ArrayRef<int64_t> coords,
           llvm::ArrayRef<interp::Scalar> operands,
           llvm::SmallVectorImpl<interp::Scalar> &results);
  /// An element without points.
  Cell makeIdentity();
  /// Adds a point's values. False if its group was closed before.
  bool add(Cell &cell, int64_t element, llvm::ArrayRef<int64_t> coords,
           llvm::ArrayRef<interp::Scalar> values);
  /// Adds what another copy gathered. False if their groups do not fit.
  bool merge(Cell &cell, const Cell &other);
  /// The value of an element's complete cell.
  interp::Scalar getValue(const Cell &cell, int64_t element, int result);
  /// What is read before the first step of a recurrence.
  interp::Scalar getInitial(int result) const { return initial[result]; }

private:
  size_t levels() const { return einsum.kernel->reductions.size(); }
  std::vector<int64_t> keyOf(llvm::ArrayRef<int64_t> coords) const;
  void fold(Cell &cell, int64_t element, size_t downTo) const;
  void addEmptyGroups(Cell &cell, int64_t element, size_t level) const;
  void close(OpenGroups &groups, size_t level) const;

  EinsumInfo &einsum;
  size_t results;
  std::vector<interp::Scalar> registers;
  llvm::SmallVector<int, 2> indexRanks;
  /// How many coordinates of a key belong to levels up to each.
  llvm::SmallVector<size_t, 2> keyLength;
  llvm::SmallVector<interp::Scalar, 1> initial;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_CELLS_H
