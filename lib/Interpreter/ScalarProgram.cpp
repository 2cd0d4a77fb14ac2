//===- ScalarProgram.cpp - Map and monoid bodies, ready to run ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/ScalarProgram.h"

#include "lib/Interpreter/Opcodes.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

/// Functions that apply functions twice grow as powers of two.
static constexpr size_t kMaxInstructions = 1 << 16;

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

namespace einsum::interp {

class ProgramCompiler {
public:
  explicit ProgramCompiler(const Arithmetic &arithmetic)
      : arithmetic(arithmetic) {}

  FailureOr<ScalarProgram> compile(Region &body);

private:
  using Registers = llvm::DenseMap<Value, uint32_t>;

  LogicalResult compileBody(Block &block, Registers &registers);
  LogicalResult compileOp(Operation &op, Registers &registers);
  LogicalResult compileApply(ApplyOp apply, Registers &registers);
  LogicalResult compileParam(ParamOp param, Registers &registers);
  LogicalResult compileConstant(arith::ConstantOp constant,
                                Registers &registers);
  void compileIndex(IndexOp index, Registers &registers);
  LogicalResult compileRow(const OpcodeRow &row, Operation &op,
                           Registers &registers);

  /// Emits an error and returns null for a type that is refused.
  const NumberFormat *formatOf(Operation &op, Type type);
  uint32_t newRegister(Scalar value = Scalar::ofInteger(0)) {
    program.initialRegisters.push_back(value);
    return program.initialRegisters.size() - 1;
  }

  const Arithmetic &arithmetic;
  ScalarProgram program;
};

} // namespace einsum::interp

FailureOr<ScalarProgram> ProgramCompiler::compile(Region &body) {
  Registers registers;
  Block &block = body.front();
  program.numArguments = block.getNumArguments();
  for (BlockArgument argument : block.getArguments())
    registers[argument] = newRegister();
  block.walk([&](IndexOp index) {
    if (!llvm::is_contained(program.indexRanks, index.getRankAttr())) {
      program.indexRanks.push_back(index.getRankAttr());
      newRegister();
    }
  });
  if (failed(compileBody(block, registers)))
    return failure();
  for (Value value : block.getTerminator()->getOperands())
    program.results.push_back(registers.lookup(value));
  return std::move(program);
}

LogicalResult ProgramCompiler::compileBody(Block &block, Registers &registers) {
  for (Operation &op : block.without_terminator())
    if (failed(compileOp(op, registers)))
      return failure();
  return success();
}

const NumberFormat *ProgramCompiler::formatOf(Operation &op, Type type) {
  const NumberFormat *format = arithmetic.formatOf(type);
  if (!format)
    op.emitError()
        << "the interpreter computes with scalars of at most 64 bits, found "
        << type;
  return format;
}

LogicalResult ProgramCompiler::compileOp(Operation &op, Registers &registers) {
  if (program.instructions.size() > kMaxInstructions)
    return op.emitError() << "the expression takes more than "
                          << kMaxInstructions
                          << " operations once its functions are expanded";
  if (auto apply = dyn_cast<ApplyOp>(op))
    return compileApply(apply, registers);
  if (auto param = dyn_cast<ParamOp>(op))
    return compileParam(param, registers);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return compileConstant(constant, registers);
  if (auto index = dyn_cast<IndexOp>(op)) {
    if (!formatOf(op, index.getType()))
      return failure();
    compileIndex(index, registers);
    return success();
  }
  if (const OpcodeRow *row = findOpcode(op.getName().getStringRef()))
    return compileRow(*row, op, registers);
  return op.emitError()
         << "'" << op.getName()
         << "' is not an operation that the interpreter evaluates";
}

LogicalResult ProgramCompiler::compileApply(ApplyOp apply,
                                            Registers &registers) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<FunctionOp>(
      apply, apply.getCalleeAttr());
  Block &body = callee.getBody().front();
  Registers inner;
  for (auto [argument, value] : llvm::zip(body.getArguments(), apply.getArgs()))
    inner[argument] = registers.lookup(value);
  if (failed(compileBody(body, inner)))
    return failure();
  registers[apply.getResult()] =
      inner.lookup(body.getTerminator()->getOperand(0));
  return success();
}

LogicalResult ProgramCompiler::compileParam(ParamOp param,
                                            Registers &registers) {
  const NumberFormat *format = formatOf(*param, param.getType());
  if (!format)
    return failure();
  std::optional<int64_t> value =
      param->getParentOfType<CascadeOp>().getParam(param.getParam());
  if (!value)
    return param.emitError()
           << "parameter '" << param.getParam() << "' has no value";
  registers[param.getResult()] = newRegister(
      format->isFloat ? format->fromDouble(static_cast<double>(*value))
                      : Scalar::ofInteger(format->wrap(*value)));
  return success();
}

LogicalResult ProgramCompiler::compileConstant(arith::ConstantOp constant,
                                               Registers &registers) {
  const NumberFormat *format = formatOf(*constant, constant.getType());
  if (!format)
    return failure();
  registers[constant.getResult()] =
      newRegister(getConstant(constant.getValue(), *format));
  return success();
}

void ProgramCompiler::compileIndex(IndexOp index, Registers &registers) {
  static const NumberFormat &coordinate =
      *getNumberFormat(IndexType::get(index.getContext()));
  Instruction instruction;
  instruction.format = arithmetic.formatOf(index.getType());
  instruction.opcode =
      instruction.format->isFloat ? Opcode::SignedToReal : Opcode::ExtendS;
  instruction.kind =
      instruction.format->isFloat ? OpKind::Mixed : OpKind::Signed;
  instruction.operandFormat = &coordinate;
  const StringAttr *rank = llvm::find(program.indexRanks, index.getRankAttr());
  instruction.operands[0] =
      program.numArguments + (rank - program.indexRanks.begin());
  instruction.source = index;
  registers[index.getResult()] = instruction.result = newRegister();
  program.instructions.push_back(instruction);
}

LogicalResult ProgramCompiler::compileRow(const OpcodeRow &row, Operation &op,
                                          Registers &registers) {
  Instruction instruction;
  instruction.opcode = row.opcode;
  instruction.kind = row.kind;
  instruction.source = &op;
  instruction.format = formatOf(op, op.getResult(0).getType());
  if (!instruction.format)
    return failure();
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    instruction.operands[i] = registers.lookup(operand);
    const NumberFormat *format = formatOf(op, operand.getType());
    if (!format)
      return failure();
    if (i == 0)
      instruction.operandFormat = format;
  }
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    instruction.predicate = static_cast<uint8_t>(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    instruction.predicate = static_cast<uint8_t>(compare.getPredicate());
  registers[op.getResult(0)] = instruction.result = newRegister();
  program.instructions.push_back(instruction);
  return success();
}

FailureOr<ScalarProgram> ScalarProgram::compile(Region &body,
                                                const Arithmetic &arithmetic) {
  return ProgramCompiler(arithmetic).compile(body);
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

/// Operations that mix kinds.
static Scalar computeMixed(const Instruction &instruction, Scalar a, Scalar b,
                           Scalar c) {
  const NumberFormat &to = *instruction.format,
                     &from = *instruction.operandFormat;
  switch (instruction.opcode) {
  case Opcode::CompareF:
    return Scalar::ofInteger(
        compareReal(instruction.predicate, a.real, b.real));
  case Opcode::CompareI:
    return Scalar::ofInteger(
        compareInteger(instruction.predicate, a.integer, b.integer, from));
  case Opcode::Select:
    return a.integer ? b : c;
  case Opcode::SignedToReal: {
    int64_t value = asSigned(a.integer, from);
    uint64_t magnitude = value < 0 ? -static_cast<uint64_t>(value) : value;
    return Scalar::ofReal(to.round(convertToReal(magnitude, value < 0, to)));
  }
  case Opcode::UnsignedToReal:
    return Scalar::ofReal(to.round(
        convertToReal(asUnsigned(a.integer, from), /*isNegative=*/false, to)));
  case Opcode::RealToSigned:
  case Opcode::RealToUnsigned:
    return Scalar::ofInteger(convertToInteger(
        a.real, to, instruction.opcode == Opcode::RealToSigned));
  case Opcode::PowFI:
    return Scalar::ofReal(
        to.round(std::pow(a.real, static_cast<double>(b.integer))));
  default:
    llvm_unreachable("not an operation between kinds");
  }
}

const Instruction *ScalarProgram::run(Scalar *registers) const {
  for (const Instruction &instruction : instructions) {
    Scalar a = registers[instruction.operands[0]],
           b = registers[instruction.operands[1]],
           c = registers[instruction.operands[2]];
    Scalar &result = registers[instruction.result];
    const NumberFormat &format = *instruction.format;
    switch (instruction.kind) {
    case OpKind::Real:
      result.real = format.round(
          computeReal(instruction.opcode, a.real, b.real, c.real, format));
      break;
    case OpKind::Signed:
    case OpKind::Unsigned: {
      bool isSigned = instruction.kind == OpKind::Signed;
      auto seen = [&](Scalar value) {
        const NumberFormat &from = *instruction.operandFormat;
        return isSigned ? asSigned(value.integer, from)
                        : static_cast<int64_t>(asUnsigned(value.integer, from));
      };
      std::optional<int64_t> value =
          computeInteger(instruction.opcode, seen(a), seen(b), format);
      if (!value)
        return &instruction;
      result.integer = format.wrap(*value);
      break;
    }
    case OpKind::Mixed:
      result = computeMixed(instruction, a, b, c);
      break;
    }
  }
  return nullptr;
}
