//===- Monoid.cpp - Reduction operators on values -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/Monoid.h"

#include "lib/Interpreter/Opcodes.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

static Scalar one(const NumberFormat &format) { return format.fromDouble(1); }
static Scalar zero(const NumberFormat &format) { return format.fromDouble(0); }

FailureOr<Monoid> Monoid::create(const Reduction &reduction,
                                 ArrayRef<const NumberFormat *> formats,
                                 const Arithmetic &arithmetic, Location loc) {
  Monoid monoid;
  monoid.formats.assign(formats.begin(), formats.end());
  const NumberFormat &value = *formats[0];
  if (auto definition = dyn_cast_or_null<MonoidOp>(reduction.definition)) {
    FailureOr<ScalarProgram> program =
        ScalarProgram::compile(definition.getBody(), arithmetic);
    if (failed(program))
      return failure();
    for (auto [attr, format] :
         llvm::zip_equal(definition.getIdentity(), formats))
      monoid.identity.push_back(getConstant(cast<TypedAttr>(attr), *format));
    monoid.registers = program->makeRegisters();
    monoid.program = std::move(*program);
    return monoid;
  }
  StringRef name = reduction.monoid.getValue();
  auto kind = llvm::StringSwitch<std::optional<Kind>>(name)
                  .Case("add", Kind::Add)
                  .Case("mul", Kind::Mul)
                  .Case("max", Kind::Max)
                  .Case("min", Kind::Min)
                  .Case("and", Kind::And)
                  .Case("or", Kind::Or)
                  .Case("argmax", Kind::ArgMax)
                  .Case("argmin", Kind::ArgMin)
                  .Default(std::nullopt);
  if (!kind)
    return emitError(loc) << "the interpreter does not know the monoid '"
                          << name << "'";
  monoid.kind = *kind;
  switch (*kind) {
  case Kind::Add:
  case Kind::Or:
    monoid.identity = {zero(value)};
    break;
  case Kind::Mul:
    monoid.identity = {one(value)};
    break;
  case Kind::And:
    monoid.identity = {Scalar::ofInteger(value.wrap(-1))};
    break;
  case Kind::Max:
    monoid.identity = {value.smallestValue()};
    break;
  case Kind::Min:
    monoid.identity = {value.largestValue()};
    break;
  case Kind::ArgMax:
    monoid.identity = {value.smallestValue(), formats[1]->largestValue()};
    break;
  case Kind::ArgMin:
    monoid.identity = {value.largestValue(), formats[1]->largestValue()};
    break;
  case Kind::User:
    llvm_unreachable("has a definition");
  }
  return monoid;
}

/// Negative, 0 or positive, as a is below, equal to or above b.
static int order(Scalar a, Scalar b, const NumberFormat &format) {
  if (!format.isFloat)
    return a.integer < b.integer ? -1 : a.integer > b.integer;
  return a.real < b.real ? -1 : a.real > b.real;
}

static bool isNaN(Scalar value, const NumberFormat &format) {
  return format.isFloat && std::isnan(value.real);
}

/// True if `right` takes the place of `left` in an argmax (`sign` 1) or argmin
/// (`sign` -1).
static bool replaces(const Scalar *left, const Scalar *right, int sign,
                     ArrayRef<const NumberFormat *> formats) {
  bool leftNaN = isNaN(left[0], *formats[0]),
       rightNaN = isNaN(right[0], *formats[0]);
  int compared = leftNaN || rightNaN
                     ? rightNaN - leftNaN
                     : sign * order(right[0], left[0], *formats[0]);
  if (compared != 0)
    return compared > 0;
  return order(right[1], left[1], *formats[1]) < 0;
}

const Instruction *Monoid::combine(Scalar *left, const Scalar *right) {
  const NumberFormat &format = *formats[0];
  auto real = [&](Opcode opcode) {
    left[0].real = format.round(
        computeReal(opcode, left[0].real, right[0].real, 0, format));
  };
  auto integer = [&](Opcode opcode) {
    left[0].integer = format.wrap(
        *computeInteger(opcode, left[0].integer, right[0].integer, format));
  };
  switch (kind) {
  case Kind::Add:
    format.isFloat ? real(Opcode::AddF) : integer(Opcode::AddI);
    return nullptr;
  case Kind::Mul:
    format.isFloat ? real(Opcode::MulF) : integer(Opcode::MulI);
    return nullptr;
  case Kind::Max:
    format.isFloat ? real(Opcode::MaximumF) : integer(Opcode::MaxS);
    return nullptr;
  case Kind::Min:
    format.isFloat ? real(Opcode::MinimumF) : integer(Opcode::MinS);
    return nullptr;
  case Kind::And:
    integer(Opcode::And);
    return nullptr;
  case Kind::Or:
    integer(Opcode::Or);
    return nullptr;
  case Kind::ArgMax:
  case Kind::ArgMin:
    if (replaces(left, right, kind == Kind::ArgMax ? 1 : -1, formats))
      std::copy(right, right + 2, left);
    return nullptr;
  case Kind::User:
    break;
  }
  size_t arity = formats.size();
  std::copy(left, left + arity, registers.begin());
  std::copy(right, right + arity,
            registers.begin() + static_cast<ptrdiff_t>(arity));
  if (const Instruction *failed = program->run(registers.data()))
    return failed;
  for (size_t i = 0; i < arity; ++i)
    left[i] = program->getResult(registers.data(), i);
  return nullptr;
}
