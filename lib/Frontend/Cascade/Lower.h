//===- Lower.h - From the syntax tree to the einsum dialect -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_LOWER_H
#define LIB_FRONTEND_CASCADE_LOWER_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/LowerMap.h"
#include "lib/Frontend/Cascade/Scope.h"

namespace einsum::frontend {

/// What the statements of a cascade say of one tensor.
struct TensorInfo {
  Place place;
  NamedTensorType type;
  mlir::Value value; ///< a placeholder until the definition is lowered
  bool isInput = false, isDefined = false, hasInit = false, isUsed = false;
  bool lacksInit = false; ///< already reported
};

struct MonoidInfo {
  Place place;
  llvm::SmallVector<mlir::Type> types;
};

/// What all statements of one cascade share while it is lowered.
struct CascadeState {
  Scope &scope;
  Report &report;
  mlir::OpBuilder &builder;
  mlir::Type elementType;
  llvm::StringMap<TensorInfo> tensors;
  llvm::StringMap<Signature> functions;
  llvm::StringMap<MonoidInfo> monoids;

  /// The value to read `tensor` by, before or after its definition.
  mlir::Value getValue(TensorInfo &tensor);
  llvm::SmallVector<llvm::StringRef> getTensorNames() const;
};

/// Names of discardable attributes that carry comments.
inline constexpr llvm::StringLiteral kCommentsAttr = "einsum.comments";
inline constexpr llvm::StringLiteral kTrailingCommentAttr = "einsum.trailing_comment";
inline constexpr llvm::StringLiteral kEndCommentsAttr = "einsum.end_comments";
/// Keeps what the arguments of a function or monoid are called, if not as usual.
inline constexpr llvm::StringLiteral kArgumentNamesAttr = "einsum.argument_names";

/// The monoid of a value's reduction takes this many values; 0 if unknown.
size_t getMonoidArity(const CascadeState &state, llvm::StringRef monoid);

/// Lowers one Einsum; null after reporting an error.
ComputeOp lowerEinsum(CascadeState &state, const EinsumStmt &stmt);

/// Adds the cascades of `file` to `module`, as far as they have no errors.
void lowerFile(const SourceFile &file, Report &report, mlir::ModuleOp module);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_LOWER_H
