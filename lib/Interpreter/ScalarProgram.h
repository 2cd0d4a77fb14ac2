//===- ScalarProgram.h - Map and monoid bodies, ready to run ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The body of a map, monoid or function as a list of instructions on numbered
// registers. exp(QK[m,p] - GM[p]) becomes
//
//   registers   0: QK[m,p]   1: GM[p]   2, 3: temporaries
//   program     2 = sub 0, 1    3 = exp 2    yields 3
//
// Registers hold, in this order, the arguments of the body, the coordinates
// that it reads (`einsum.index`), its constants and its temporaries. Each
// instruction rounds its result to the format that the Arithmetic gives to its
// type.
//
// Every operation of the text notation is there, and the rest of arith and math
// on scalars; `einsum.apply` is expanded. Where MLIR leaves a value open, it is
// defined here: a float converted to an integer saturates and NaN becomes 0, a
// shift by the width or more shifts everything out. A division of an integer by
// zero has no value and stops the evaluation. Refused, by name: other
// operations, types beyond 64 bits, parameters without a value.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_SCALARPROGRAM_H
#define LIB_INTERPRETER_SCALARPROGRAM_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Interpreter/NumberFormat.h"

#include <vector>

namespace einsum::interp {

enum class Opcode : uint8_t;

/// How an operation sees its operands: as doubles, as integers with a sign, as
/// integers without, or each in its own way.
enum class OpKind : uint8_t { Real, Signed, Unsigned, Mixed };

struct Instruction {
  Opcode opcode;
  OpKind kind;
  uint8_t predicate = 0; ///< of a comparison
  uint32_t result = 0;
  uint32_t operands[3] = {0, 0, 0};
  const NumberFormat *format = nullptr;        ///< of the result
  const NumberFormat *operandFormat = nullptr; ///< of the first operand
  mlir::Operation *source = nullptr;
};

class ScalarProgram {
public:
  /// Emits an error at the operation that is refused.
  static mlir::FailureOr<ScalarProgram> compile(mlir::Region &body,
                                                const Arithmetic &arithmetic);

  unsigned getNumArguments() const { return numArguments; }
  unsigned getNumResults() const { return results.size(); }
  /// Ranks whose coordinates are read; their registers follow the arguments.
  llvm::ArrayRef<mlir::StringAttr> getIndexRanks() const { return indexRanks; }

  /// Registers with the constants in place; to be filled and run many times.
  std::vector<Scalar> makeRegisters() const { return initialRegisters; }
  /// Null, or the instruction that has no value.
  const Instruction *run(Scalar *registers) const;
  Scalar getResult(const Scalar *registers, unsigned i) const {
    return registers[results[i]];
  }

private:
  friend class ProgramCompiler;

  unsigned numArguments = 0;
  llvm::SmallVector<mlir::StringAttr, 2> indexRanks;
  std::vector<Scalar> initialRegisters;
  std::vector<Instruction> instructions;
  llvm::SmallVector<uint32_t, 2> results;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_SCALARPROGRAM_H
