//===- Opcodes.h - Scalar operations as a table -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What each scalar operation computes, in the wide types; rounding is the
// caller's. Integers arrive as the operation sees them: sign-extended or, for
// the operations marked Unsigned, zero-extended.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_OPCODES_H
#define LIB_INTERPRETER_OPCODES_H

#include "lib/Interpreter/ScalarProgram.h"

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace einsum::interp {

enum class Opcode : uint8_t {
  // Floats to a float.
  AddF,
  SubF,
  MulF,
  DivF,
  RemF,
  NegF,
  MaximumF,
  MinimumF,
  MaxNumF,
  MinNumF,
  Fma,
  AbsF,
  CopySign,
  Exp,
  Exp2,
  ExpM1,
  Log,
  Log2,
  Log10,
  Log1P,
  Sqrt,
  RSqrt,
  Cbrt,
  Pow,
  Sin,
  Cos,
  Tan,
  ASin,
  ACos,
  ATan,
  ATan2,
  Sinh,
  Cosh,
  Tanh,
  ASinh,
  ACosh,
  ATanh,
  Erf,
  Floor,
  Ceil,
  Round,
  RoundEven,
  Trunc,
  Sigmoid,
  RoundToFormat,
  // Integers to an integer.
  AddI,
  SubI,
  MulI,
  DivS,
  DivU,
  RemS,
  RemU,
  FloorDivS,
  CeilDivS,
  CeilDivU,
  MaxS,
  MinS,
  MaxU,
  MinU,
  And,
  Or,
  Xor,
  ShiftLeft,
  ShiftRightS,
  ShiftRightU,
  AbsI,
  PowI,
  ExtendS,
  ExtendU,
  // Between kinds.
  CompareF,
  CompareI,
  Select,
  SignedToReal,
  UnsignedToReal,
  RealToSigned,
  RealToUnsigned,
  PowFI,
};

struct OpcodeRow {
  llvm::StringLiteral operation;
  Opcode opcode;
  OpKind kind;
};

/// Null if the operation is not in the table.
const OpcodeRow *findOpcode(llvm::StringRef operation);

double computeReal(Opcode opcode, double a, double b, double c,
                   const NumberFormat &format);
/// Nullopt where there is no value: a division by zero.
std::optional<int64_t> computeInteger(Opcode opcode, int64_t a, int64_t b,
                                      const NumberFormat &format);
bool compareReal(uint8_t predicate, double a, double b);
bool compareInteger(uint8_t predicate, int64_t a, int64_t b,
                    const NumberFormat &format);
/// As their type: an i1 that is set is -1 if signed, 1 if not.
int64_t asSigned(int64_t value, const NumberFormat &format);
uint64_t asUnsigned(int64_t value, const NumberFormat &format);

/// So that rounding the result to `format` gives the nearest value.
double convertToReal(uint64_t magnitude, bool isNegative,
                     const NumberFormat &format);
int64_t convertToInteger(double value, const NumberFormat &format,
                         bool isSigned);

} // namespace einsum::interp

#endif // LIB_INTERPRETER_OPCODES_H
