//===- NumberFormat.h - Which numbers a type can hold -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every value is kept in 64 bits: a float as a double, an integer as an int64.
// A narrower type is a rule that says to which of its own values such a value
// is rounded:
//
//   f16    11 bits of precision   2049 -> 2048   65520 -> inf   1e-8 -> 0
//   bf16    8 bits                2049 -> 2048   65520 -> 65536
//   i8                             200 -> -56
//
// An operation in a narrow type is computed in the wide one and rounded once.
// For + - * / sqrt that is exactly the narrow operation, because a double has
// more than twice the bits of an f32 (Figueroa 1995, "When is double rounding
// innocuous?"). Other functions are the correctly rounded value of what the C
// library returns in double.
//
// The formats are a table, read off LLVM's own descriptions of them; a further
// format is a further row. Refused: types with more precision than f64, and
// integers beyond 64 bits.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_NUMBERFORMAT_H
#define LIB_INTERPRETER_NUMBERFORMAT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cmath>
#include <cstdint>
#include <string>

namespace einsum::interp {

/// One value; which member counts, its NumberFormat says.
union Scalar {
  double real;
  int64_t integer;

  static Scalar ofReal(double value) { return {value}; }
  static Scalar ofInteger(int64_t value) {
    Scalar scalar;
    scalar.integer = value;
    return scalar;
  }
};

struct NumberFormat {
  std::string name;
  bool isFloat = true;
  unsigned bits = 64; ///< as stored

  // Of floats. Normal numbers are m * 2^(e - precision + 1) with e at least
  // `minExponent` and m of `precision` bits.
  int precision = 53;
  int minExponent = -1022;
  double largest = 0;  ///< the largest finite value
  double overflow = 0; ///< what larger ones become: infinity, NaN or `largest`
  bool hasNegativeZero = true;

  /// To the nearest value of the format, ties to even.
  double round(double value) const;
  /// The low bits, sign-extended; an i1 is 0 or 1.
  int64_t wrap(int64_t value) const;
  /// Whatever the kind.
  Scalar fit(Scalar value) const {
    return isFloat ? Scalar::ofReal(round(value.real))
                   : Scalar::ofInteger(wrap(value.integer));
  }
  /// Integers by their value; what does not fit into a double is rounded.
  double toDouble(Scalar value) const {
    return isFloat ? value.real : static_cast<double>(value.integer);
  }
  /// The value of the format nearest to `value`; integers saturate, and NaN
  /// becomes 0.
  Scalar fromDouble(double value) const;
  /// The identity of a maximum and of a minimum.
  Scalar smallestValue() const;
  Scalar largestValue() const;
};

/// All float formats of the table, widest first.
llvm::ArrayRef<NumberFormat> getFloatFormats();
/// By name ("bf16"); null if there is none.
const NumberFormat *findFloatFormat(llvm::StringRef name);
/// Of `bits` bits; null beyond 64.
const NumberFormat *getIntegerFormat(unsigned bits);
/// The format of a scalar type; null if it is refused.
const NumberFormat *getNumberFormat(mlir::Type type);
/// The value of a float, integer or index constant in `format`.
Scalar getConstant(mlir::TypedAttr attr, const NumberFormat &format);

/// In which formats a cascade is computed.
///
///   reference   every float in f64, whatever its type
///   declared    every value in the type that the cascade gives it
///   stored      every float in f64 until its tensor is complete, which then
///               takes on its type: accumulators and maps are wide
///   all in f16  every float in one type
///
/// Integers always have their own width.
class Arithmetic {
public:
  static Arithmetic reference() { return Arithmetic(findFloatFormat("f64")); }
  static Arithmetic declared() { return Arithmetic(nullptr); }
  static Arithmetic stored() {
    Arithmetic arithmetic = reference();
    arithmetic.roundsTensors = true;
    return arithmetic;
  }
  static Arithmetic allIn(const NumberFormat &format) {
    return Arithmetic(&format);
  }

  /// Null for a type that is refused: see getNumberFormat.
  const NumberFormat *formatOf(mlir::Type type) const;
  /// What the elements of a complete tensor of that type are rounded to, beyond
  /// `formatOf`; null for nothing.
  const NumberFormat *tensorFormatOf(mlir::Type type) const {
    return roundsTensors ? getNumberFormat(type) : nullptr;
  }
  bool isDeclared() const { return !uniform; }
  /// Tensors hold what their type or format can hold.
  bool storesFormats() const { return isDeclared() || roundsTensors; }
  /// "declared", "stored", or the name of the one format.
  llvm::StringRef getName() const {
    if (roundsTensors)
      return "stored";
    return uniform ? llvm::StringRef(uniform->name) : "declared";
  }

private:
  explicit Arithmetic(const NumberFormat *uniform) : uniform(uniform) {}
  const NumberFormat *uniform;
  bool roundsTensors = false;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_NUMBERFORMAT_H
