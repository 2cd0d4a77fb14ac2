//===- EvaluateEinsum.h - The values of one Einsum --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_EVALUATEEINSUM_H
#define LIB_INTERPRETER_EVALUATEEINSUM_H

#include "lib/Interpreter/Presence.h"
#include "lib/Interpreter/Tensor.h"

namespace einsum::interp {

/// Fills the result tensors of an Einsum, whole or one step of a loop at a
/// time.
class EinsumEvaluator {
public:
  /// `operands` and `results` are in the order of accesses and results; they
  /// stay where they are.
  EinsumEvaluator(EinsumKernel &kernel, const Presence &presence,
                  llvm::ArrayRef<const Tensor *> operands,
                  llvm::ArrayRef<Tensor *> results);

  /// Emits an error at the operation that has no value.
  mlir::LogicalResult run(llvm::ArrayRef<LoopStep> around);

private:
  /// What moves with the coordinates: the position read by each access whose
  /// indices are sums, and the position written.
  struct Cursor {
    bool isLinear = true;
    int64_t position = 0;
    llvm::SmallVector<int64_t, 6> strides; ///< per dim
  };
  /// Per reduction, or for the map.
  struct Level {
    std::vector<const Condition *> conditions;
    std::vector<const PresenceCondition *> presence;
    llvm::SmallVector<Scalar, 2> value;
  };

  Cursor makeCursor(const KernelAccess &access) const;
  void moveTo(unsigned dim, int64_t coordinate);
  bool holds(const Level &level) const;
  // Each returns false once `failed` is set.
  bool visitKept(size_t k, llvm::ArrayRef<LoopStep> around);
  bool evaluateElement();
  bool evaluateLevel(size_t level);
  bool visitReduced(size_t level, size_t k);
  bool evaluateMap(Level &level);
  void gather(size_t position, unsigned operand);
  /// True, and remembered, if data leads outside.
  bool leavesTensor(size_t access);

  EinsumKernel &kernel;
  llvm::SmallVector<const Tensor *, 3> operands;
  llvm::SmallVector<Tensor *, 2> results;
  std::vector<int64_t> coordinates;
  std::vector<Cursor> reads;
  Cursor written;
  std::vector<Level> levels; ///< one per reduction, and the map's
  std::vector<Scalar> registers;
  llvm::SmallVector<unsigned, 2> indexDims;
  const Instruction *failed = nullptr;
  /// The access and rank along which data leads outside.
  std::optional<std::pair<unsigned, int>> outside;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_EVALUATEEINSUM_H
