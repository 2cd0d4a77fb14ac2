//===- Opcodes.cpp - Scalar operations as a table -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/Opcodes.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace einsum::interp;
using mlir::arith::CmpFPredicate;
using mlir::arith::CmpIPredicate;

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static constexpr OpcodeRow kRows[] = {
    {"arith.addf", Opcode::AddF, OpKind::Real},
    {"arith.subf", Opcode::SubF, OpKind::Real},
    {"arith.mulf", Opcode::MulF, OpKind::Real},
    {"arith.divf", Opcode::DivF, OpKind::Real},
    {"arith.remf", Opcode::RemF, OpKind::Real},
    {"arith.negf", Opcode::NegF, OpKind::Real},
    {"arith.maximumf", Opcode::MaximumF, OpKind::Real},
    {"arith.minimumf", Opcode::MinimumF, OpKind::Real},
    {"arith.maxnumf", Opcode::MaxNumF, OpKind::Real},
    {"arith.minnumf", Opcode::MinNumF, OpKind::Real},
    {"math.fma", Opcode::Fma, OpKind::Real},
    {"math.absf", Opcode::AbsF, OpKind::Real},
    {"math.copysign", Opcode::CopySign, OpKind::Real},
    {"math.exp", Opcode::Exp, OpKind::Real},
    {"math.exp2", Opcode::Exp2, OpKind::Real},
    {"math.expm1", Opcode::ExpM1, OpKind::Real},
    {"math.log", Opcode::Log, OpKind::Real},
    {"math.log2", Opcode::Log2, OpKind::Real},
    {"math.log10", Opcode::Log10, OpKind::Real},
    {"math.log1p", Opcode::Log1P, OpKind::Real},
    {"math.sqrt", Opcode::Sqrt, OpKind::Real},
    {"math.rsqrt", Opcode::RSqrt, OpKind::Real},
    {"math.cbrt", Opcode::Cbrt, OpKind::Real},
    {"math.powf", Opcode::Pow, OpKind::Real},
    {"math.sin", Opcode::Sin, OpKind::Real},
    {"math.cos", Opcode::Cos, OpKind::Real},
    {"math.tan", Opcode::Tan, OpKind::Real},
    {"math.asin", Opcode::ASin, OpKind::Real},
    {"math.acos", Opcode::ACos, OpKind::Real},
    {"math.atan", Opcode::ATan, OpKind::Real},
    {"math.atan2", Opcode::ATan2, OpKind::Real},
    {"math.sinh", Opcode::Sinh, OpKind::Real},
    {"math.cosh", Opcode::Cosh, OpKind::Real},
    {"math.tanh", Opcode::Tanh, OpKind::Real},
    {"math.asinh", Opcode::ASinh, OpKind::Real},
    {"math.acosh", Opcode::ACosh, OpKind::Real},
    {"math.atanh", Opcode::ATanh, OpKind::Real},
    {"math.erf", Opcode::Erf, OpKind::Real},
    {"math.floor", Opcode::Floor, OpKind::Real},
    {"math.ceil", Opcode::Ceil, OpKind::Real},
    {"math.round", Opcode::Round, OpKind::Real},
    {"math.roundeven", Opcode::RoundEven, OpKind::Real},
    {"math.trunc", Opcode::Trunc, OpKind::Real},
    {"einsum.sigmoid", Opcode::Sigmoid, OpKind::Real},
    {"arith.extf", Opcode::RoundToFormat, OpKind::Real},
    {"arith.truncf", Opcode::RoundToFormat, OpKind::Real},
    {"arith.addi", Opcode::AddI, OpKind::Signed},
    {"arith.subi", Opcode::SubI, OpKind::Signed},
    {"arith.muli", Opcode::MulI, OpKind::Signed},
    {"arith.divsi", Opcode::DivS, OpKind::Signed},
    {"arith.divui", Opcode::DivU, OpKind::Unsigned},
    {"arith.remsi", Opcode::RemS, OpKind::Signed},
    {"arith.remui", Opcode::RemU, OpKind::Unsigned},
    {"arith.floordivsi", Opcode::FloorDivS, OpKind::Signed},
    {"arith.ceildivsi", Opcode::CeilDivS, OpKind::Signed},
    {"arith.ceildivui", Opcode::CeilDivU, OpKind::Unsigned},
    {"arith.maxsi", Opcode::MaxS, OpKind::Signed},
    {"arith.minsi", Opcode::MinS, OpKind::Signed},
    {"arith.maxui", Opcode::MaxU, OpKind::Unsigned},
    {"arith.minui", Opcode::MinU, OpKind::Unsigned},
    {"arith.andi", Opcode::And, OpKind::Signed},
    {"arith.ori", Opcode::Or, OpKind::Signed},
    {"arith.xori", Opcode::Xor, OpKind::Signed},
    {"arith.shli", Opcode::ShiftLeft, OpKind::Unsigned},
    {"arith.shrsi", Opcode::ShiftRightS, OpKind::Signed},
    {"arith.shrui", Opcode::ShiftRightU, OpKind::Unsigned},
    {"math.absi", Opcode::AbsI, OpKind::Signed},
    {"math.ipowi", Opcode::PowI, OpKind::Signed},
    {"arith.extsi", Opcode::ExtendS, OpKind::Signed},
    {"arith.extui", Opcode::ExtendU, OpKind::Unsigned},
    {"arith.trunci", Opcode::ExtendU, OpKind::Unsigned},
    {"arith.index_cast", Opcode::ExtendS, OpKind::Signed},
    {"arith.index_castui", Opcode::ExtendU, OpKind::Unsigned},
    {"arith.cmpf", Opcode::CompareF, OpKind::Mixed},
    {"arith.cmpi", Opcode::CompareI, OpKind::Mixed},
    {"arith.select", Opcode::Select, OpKind::Mixed},
    {"arith.sitofp", Opcode::SignedToReal, OpKind::Mixed},
    {"arith.uitofp", Opcode::UnsignedToReal, OpKind::Mixed},
    {"arith.fptosi", Opcode::RealToSigned, OpKind::Mixed},
    {"arith.fptoui", Opcode::RealToUnsigned, OpKind::Mixed},
    {"math.fpowi", Opcode::PowFI, OpKind::Mixed},
};

const OpcodeRow *einsum::interp::findOpcode(llvm::StringRef operation) {
  static const llvm::StringMap<const OpcodeRow *> rows = [] {
    llvm::StringMap<const OpcodeRow *> result;
    for (const OpcodeRow &row : kRows)
      result[row.operation] = &row;
    return result;
  }();
  return rows.lookup(operation);
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// a * b + c with one rounding, whatever the format: the sum in double is
/// rounded to odd, which a later rounding to fewer bits does not notice
/// (Boldo & Melquiond 2008). The product of two narrow numbers is exact.
static double fusedMultiplyAdd(double a, double b, double c,
                               const NumberFormat &format) {
  if (format.precision > 25)
    return std::fma(a, b, c);
  double product = a * b, sum = product + c;
  double shifted = sum - product;
  double error = (product - (sum - shifted)) + (c - shifted);
  bool isOdd = llvm::bit_cast<uint64_t>(sum) & 1;
  if (!std::isfinite(sum) || error == 0 || isOdd)
    return sum;
  return std::nextafter(sum, error > 0 ? HUGE_VAL : -HUGE_VAL);
}

/// IEEE 754-2019 maximum: NaN wins, and -0 is below +0.
static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::quiet_NaN();
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

static double minimum(double a, double b) { return -maximum(-a, -b); }

double einsum::interp::computeReal(Opcode opcode, double a, double b, double c,
                                   const NumberFormat &format) {
  switch (opcode) {
  case Opcode::AddF:
    return a + b;
  case Opcode::SubF:
    return a - b;
  case Opcode::MulF:
    return a * b;
  case Opcode::DivF:
    return a / b;
  case Opcode::RemF:
    return std::fmod(a, b);
  case Opcode::NegF:
    return -a;
  case Opcode::MaximumF:
    return maximum(a, b);
  case Opcode::MinimumF:
    return minimum(a, b);
  case Opcode::MaxNumF:
    return std::isnan(a) ? b : std::isnan(b) ? a : maximum(a, b);
  case Opcode::MinNumF:
    return std::isnan(a) ? b : std::isnan(b) ? a : minimum(a, b);
  case Opcode::Fma:
    return fusedMultiplyAdd(a, b, c, format);
  case Opcode::AbsF:
    return std::fabs(a);
  case Opcode::CopySign:
    return std::copysign(a, b);
  case Opcode::Exp:
    return std::exp(a);
  case Opcode::Exp2:
    return std::exp2(a);
  case Opcode::ExpM1:
    return std::expm1(a);
  case Opcode::Log:
    return std::log(a);
  case Opcode::Log2:
    return std::log2(a);
  case Opcode::Log10:
    return std::log10(a);
  case Opcode::Log1P:
    return std::log1p(a);
  case Opcode::Sqrt:
    return std::sqrt(a);
  case Opcode::RSqrt:
    return 1 / std::sqrt(a);
  case Opcode::Cbrt:
    return std::cbrt(a);
  case Opcode::Pow:
    return std::pow(a, b);
  case Opcode::Sin:
    return std::sin(a);
  case Opcode::Cos:
    return std::cos(a);
  case Opcode::Tan:
    return std::tan(a);
  case Opcode::ASin:
    return std::asin(a);
  case Opcode::ACos:
    return std::acos(a);
  case Opcode::ATan:
    return std::atan(a);
  case Opcode::ATan2:
    return std::atan2(a, b);
  case Opcode::Sinh:
    return std::sinh(a);
  case Opcode::Cosh:
    return std::cosh(a);
  case Opcode::Tanh:
    return std::tanh(a);
  case Opcode::ASinh:
    return std::asinh(a);
  case Opcode::ACosh:
    return std::acosh(a);
  case Opcode::ATanh:
    return std::atanh(a);
  case Opcode::Erf:
    return std::erf(a);
  case Opcode::Floor:
    return std::floor(a);
  case Opcode::Ceil:
    return std::ceil(a);
  case Opcode::Round:
    return std::round(a);
  case Opcode::RoundEven:
    return std::nearbyint(a);
  case Opcode::Trunc:
    return std::trunc(a);
  case Opcode::Sigmoid:
    return 1 / (1 + std::exp(-a));
  case Opcode::RoundToFormat:
    return a;
  default:
    llvm_unreachable("not an operation on floats");
  }
}

bool einsum::interp::compareReal(uint8_t predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (static_cast<CmpFPredicate>(predicate)) {
  case CmpFPredicate::AlwaysFalse:
    return false;
  case CmpFPredicate::OEQ:
    return a == b;
  case CmpFPredicate::OGT:
    return a > b;
  case CmpFPredicate::OGE:
    return a >= b;
  case CmpFPredicate::OLT:
    return a < b;
  case CmpFPredicate::OLE:
    return a <= b;
  case CmpFPredicate::ONE:
    return !unordered && a != b;
  case CmpFPredicate::ORD:
    return !unordered;
  case CmpFPredicate::UEQ:
    return unordered || a == b;
  case CmpFPredicate::UGT:
    return unordered || a > b;
  case CmpFPredicate::UGE:
    return unordered || a >= b;
  case CmpFPredicate::ULT:
    return unordered || a < b;
  case CmpFPredicate::ULE:
    return unordered || a <= b;
  case CmpFPredicate::UNE:
    return unordered || a != b;
  case CmpFPredicate::UNO:
    return unordered;
  case CmpFPredicate::AlwaysTrue:
    return true;
  }
  llvm_unreachable("all predicates are listed");
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

int64_t einsum::interp::asSigned(int64_t value, const NumberFormat &format) {
  return format.bits == 1 ? -value : value;
}

uint64_t einsum::interp::asUnsigned(int64_t value, const NumberFormat &format) {
  uint64_t mask = format.bits >= 64
                      ? ~uint64_t{0}
                      : llvm::maskTrailingOnes<uint64_t>(format.bits);
  return static_cast<uint64_t>(value) & mask;
}

/// Towards minus infinity; the one quotient that does not fit wraps around.
static int64_t floorDivide(int64_t a, int64_t b) {
  if (b == -1)
    return static_cast<int64_t>(-static_cast<uint64_t>(a));
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

static int64_t ceilDivide(int64_t a, int64_t b) {
  if (b == -1)
    return floorDivide(a, b);
  return a / b + (a % b != 0 && (a % b < 0) == (b < 0) ? 1 : 0);
}

static int64_t truncDivide(int64_t a, int64_t b) {
  return b == -1 ? floorDivide(a, b) : a / b;
}

/// Modulo 2^64. A negative exponent leaves 1 / a^-b, cut off to an integer.
static std::optional<int64_t> power(int64_t a, int64_t b) {
  if (b < 0) {
    if (a == 0)
      return std::nullopt;
    return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  }
  uint64_t result = 1, base = static_cast<uint64_t>(a);
  for (; b; b >>= 1, base *= base)
    if (b & 1)
      result *= base;
  return static_cast<int64_t>(result);
}

static bool divides(Opcode opcode) {
  switch (opcode) {
  case Opcode::DivS:
  case Opcode::DivU:
  case Opcode::RemS:
  case Opcode::RemU:
  case Opcode::FloorDivS:
  case Opcode::CeilDivS:
  case Opcode::CeilDivU:
    return true;
  default:
    return false;
  }
}

std::optional<int64_t>
einsum::interp::computeInteger(Opcode opcode, int64_t a, int64_t b,
                               const NumberFormat &format) {
  if (divides(opcode) && b == 0)
    return std::nullopt;
  // Unsigned arithmetic wraps around where signed arithmetic is undefined.
  auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  auto wrapped = [](uint64_t value) { return static_cast<int64_t>(value); };
  switch (opcode) {
  case Opcode::AddI:
    return wrapped(ua + ub);
  case Opcode::SubI:
    return wrapped(ua - ub);
  case Opcode::MulI:
    return wrapped(ua * ub);
  case Opcode::DivS:
    return truncDivide(a, b);
  case Opcode::DivU:
    return wrapped(ua / ub);
  case Opcode::RemS:
    return b == -1 ? 0 : a % b;
  case Opcode::RemU:
    return wrapped(ua % ub);
  case Opcode::FloorDivS:
    return floorDivide(a, b);
  case Opcode::CeilDivS:
    return ceilDivide(a, b);
  case Opcode::CeilDivU:
    return wrapped(ua / ub + (ua % ub != 0));
  case Opcode::MaxS:
    return std::max(a, b);
  case Opcode::MinS:
    return std::min(a, b);
  case Opcode::MaxU:
    return wrapped(std::max(ua, ub));
  case Opcode::MinU:
    return wrapped(std::min(ua, ub));
  case Opcode::And:
    return a & b;
  case Opcode::Or:
    return a | b;
  case Opcode::Xor:
    return a ^ b;
  case Opcode::ShiftLeft:
    return ub < format.bits ? wrapped(ua << ub) : 0;
  case Opcode::ShiftRightU:
    return ub < format.bits ? wrapped(ua >> ub) : 0;
  case Opcode::ShiftRightS:
    return a >> (asUnsigned(b, format) < format.bits ? ub : 63);
  case Opcode::AbsI:
    return a < 0 ? wrapped(-ua) : a;
  case Opcode::PowI:
    return power(a, b);
  case Opcode::ExtendS:
  case Opcode::ExtendU:
    return a;
  default:
    llvm_unreachable("not an operation on integers");
  }
}

bool einsum::interp::compareInteger(uint8_t predicate, int64_t a, int64_t b,
                                    const NumberFormat &format) {
  int64_t sa = asSigned(a, format), sb = asSigned(b, format);
  uint64_t ua = asUnsigned(a, format), ub = asUnsigned(b, format);
  switch (static_cast<CmpIPredicate>(predicate)) {
  case CmpIPredicate::eq:
    return sa == sb;
  case CmpIPredicate::ne:
    return sa != sb;
  case CmpIPredicate::slt:
    return sa < sb;
  case CmpIPredicate::sle:
    return sa <= sb;
  case CmpIPredicate::sgt:
    return sa > sb;
  case CmpIPredicate::sge:
    return sa >= sb;
  case CmpIPredicate::ult:
    return ua < ub;
  case CmpIPredicate::ule:
    return ua <= ub;
  case CmpIPredicate::ugt:
    return ua > ub;
  case CmpIPredicate::uge:
    return ua >= ub;
  }
  llvm_unreachable("all predicates are listed");
}

//===----------------------------------------------------------------------===//
// Between floats and integers
//===----------------------------------------------------------------------===//

double einsum::interp::convertToReal(uint64_t magnitude, bool isNegative,
                                     const NumberFormat &format) {
  // Beyond 53 bits a double is a rounding of its own; to odd, it is not
  // noticed.
  constexpr uint64_t dropped = (1 << 11) - 1;
  if (format.precision < 52 && (magnitude >> 53) && (magnitude & dropped))
    magnitude = (magnitude & ~dropped) | (dropped + 1);
  auto value = static_cast<double>(magnitude);
  return isNegative ? -value : value;
}

int64_t einsum::interp::convertToInteger(double value,
                                         const NumberFormat &format,
                                         bool isSigned) {
  if (std::isnan(value))
    return 0;
  double low = isSigned ? -std::ldexp(1, static_cast<int>(format.bits) - 1) : 0;
  double beyond =
      std::ldexp(1, static_cast<int>(format.bits) - (isSigned ? 1 : 0));
  if (value <= low)
    return isSigned ? format.wrap(static_cast<int64_t>(low)) : 0;
  if (value >= beyond)
    return format.wrap(isSigned && format.bits > 1 ? llvm::maxIntN(format.bits)
                       : isSigned                  ? 0
                                                   : -1);
  if (isSigned)
    return format.wrap(static_cast<int64_t>(value));
  return format.wrap(static_cast<int64_t>(static_cast<uint64_t>(value)));
}
