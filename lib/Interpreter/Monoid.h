//===- Monoid.h - Reduction operators on values -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A monoid combines tuples of values and has an identity, the value of a
// reduction without points:
//
//   add 0    mul 1    max -inf    min +inf    and: all bits    or: none
//   argmax (-inf, largest index)              argmin (+inf, largest index)
//
// The maximum of floats is IEEE 754's: NaN wins, and so it does in argmax and
// argmin, where among equals the smallest index stays; hence the index of their
// identity. In a format without infinity its largest value stands in. A sum
// rounds after every addition, in the order of the points.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_MONOID_H
#define LIB_INTERPRETER_MONOID_H

#include "lib/Interpreter/ScalarProgram.h"

#include <optional>

namespace einsum::interp {

class Monoid {
public:
  /// `formats` are those of the results. Emits an error for a monoid whose body
  /// is refused.
  static mlir::FailureOr<Monoid>
  create(const Reduction &reduction,
         llvm::ArrayRef<const NumberFormat *> formats,
         const Arithmetic &arithmetic, mlir::Location loc);

  llvm::ArrayRef<Scalar> getIdentity() const { return identity; }
  /// left = left (+) right. Null, or the instruction that has no value.
  const Instruction *combine(Scalar *left, const Scalar *right);

private:
  enum class Kind : uint8_t {
    Add,
    Mul,
    Max,
    Min,
    And,
    Or,
    ArgMax,
    ArgMin,
    User
  };

  Kind kind = Kind::User;
  llvm::SmallVector<const NumberFormat *, 2> formats;
  llvm::SmallVector<Scalar, 2> identity;
  std::optional<ScalarProgram> program; ///< of a user-defined one
  std::vector<Scalar> registers;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_MONOID_H
