//===- Einsum.h - The einsum dialect ----------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A cascade is a system of Einsums over named ranks:
//
//   GM[p]   = max(m) QK[m,p]           one Einsum, its iteration space {p, m}
//   SN[m,p] = exp(QK[m,p] - GM[p])     reads GM at [p] for every m
//
// An Einsum answers five questions through EinsumInterface: over which ranks it
// iterates, which tensors it reads where (affine maps of those ranks), where it
// writes, which ranks it reduces by which monoid, and which points a filter
// keeps. Monoids carry their laws as data (`MonoidLaws`), so a transform that
// needs idempotence asks for it and never for "max".
//
// The dialect trusts that a user-defined monoid is associative and commutative.
// It refuses everything else it can see: see the Constraints of each op.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_EINSUM_EINSUM_H
#define DIALECTS_EINSUM_EINSUM_H

#include "lib/Support/Formats/Storage.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>
#include <vector>

namespace einsum {

/// One read: `tensor[map(iteration ranks)]`.
struct Access {
  mlir::Value tensor;
  mlir::AffineMap map;
};

/// What a transform may assume of a reduction operator. All monoids here are
/// associative and commutative; these are the laws that differ.
struct MonoidLaws {
  bool idempotent = false; ///< a + a = a: overlapping tiles are safe
  bool exact = false;      ///< no rounding: any order gives the same bits
};

/// One reduced rank and its operator.
struct Reduction {
  mlir::StringAttr rank;
  mlir::StringAttr monoid;
  mlir::Operation *definition; ///< the einsum.monoid; null for a built-in one
};

/// Number of values a built-in monoid combines at once; 0 if not built in.
unsigned getBuiltinMonoidArity(llvm::StringRef name);
/// All built-in monoids, for messages.
llvm::ArrayRef<llvm::StringRef> getBuiltinMonoids();
/// Laws of a built-in or user-defined monoid.
MonoidLaws getMonoidLaws(const Reduction &reduction);

/// Prints `expr` with names for dimensions and symbols: `m1 * 256 + m0 - 1`.
void printNamedExpr(llvm::raw_ostream &os, mlir::AffineExpr expr,
                    llvm::ArrayRef<mlir::StringAttr> dims,
                    llvm::ArrayRef<mlir::StringAttr> symbols);
/// Prints one constraint of a filter as a comparison without negative terms:
/// `m <= p`, `p < m + W`.
void printNamedConstraint(llvm::raw_ostream &os, mlir::AffineExpr expr,
                          bool isEq, llvm::ArrayRef<mlir::StringAttr> dims,
                          llvm::ArrayRef<mlir::StringAttr> symbols);
/// Attribute of an Einsum: the datatype in which its operators compute, as
/// arrays call it, where that is not the type of its result: "i8" for products
/// of bytes that are summed in 32 bits. Of a product that is summed, operands
/// in it need no conversion.
inline constexpr llvm::StringLiteral kComputesIn = "computes_in";

/// The type a map expression sees for an element type: the type itself, or the
/// expressed type of a quantised one.
mlir::Type getScalarType(mlir::Type elementType);

} // namespace einsum

#include "dialects/Einsum/EinsumInterfaces.h.inc"

#include "dialects/Einsum/EinsumDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Einsum/EinsumTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Einsum/EinsumAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Einsum/EinsumOps.h.inc"

namespace einsum {

/// How a tensor of these extents is stored and what that weighs; plain elements
/// are codes without more.
struct TensorStorage {
  std::optional<formats::Storage> storage; ///< of a quantised type
  formats::Region region;
  formats::Weight weight;
};
/// "f16", "mxfp4 block e": a type, or a storage as the text notation has it.
std::string describeElements(NamedTensorType type);
/// Fails, with what is wrong, when a block does not divide an extent.
std::variant<TensorStorage, std::string>
findStorage(NamedTensorType type, llvm::ArrayRef<int64_t> extents);

/// One step of an order in which a cascade can be evaluated: an Einsum, or a
/// loop along an iterative rank whose body is done once per coordinate.
struct EvaluationStep {
  mlir::Operation *einsum; ///< null for a loop
  mlir::StringAttr rank;   ///< of a loop
  int direction;           ///< of a loop: 1 ascends, -1 descends
  std::vector<EvaluationStep> body;
};

/// Orders the Einsums so that every value is complete before it is read. Fails,
/// with a diagnostic at the cascade's Einsums, when no rank cuts a cycle.
mlir::FailureOr<std::vector<EvaluationStep>> orderEvaluation(CascadeOp cascade);

/// How many steps ahead along `rank` an access reads: -1 for `X[i - 1, j]`
/// along i, 0 for `X[i, j]`; nullopt if the access does not follow the rank.
std::optional<int64_t> getStep(const Access &access, mlir::StringAttr rank,
                               llvm::ArrayRef<mlir::StringAttr> iterationRanks);

} // namespace einsum

#endif // DIALECTS_EINSUM_EINSUM_H
