//===- QuantiseEinsums.h - The Einsums that make codes ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The upper half of ExplicitForm.h: magnitude, scale and codes of one tensor,
// and how a reader gets its value back from them.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_QUANTISEEINSUMS_H
#define LIB_QUANT_QUANTISEEINSUMS_H

#include "lib/Quant/DecodeReaders.h"
#include "lib/Quant/SelectTensors.h"

namespace einsum::quant {

/// Ranks with blocks along them, in parts: k as k2, k1, k0 for blocks of 128
/// and of 32. Parts are declared when they are first needed.
class BlockRanks {
public:
  explicit BlockRanks(CascadeEditor &editor) : editor(editor) {}

  /// Declares the parts for all block sizes along one rank, each a divisor of
  /// the next larger one. False if one is not.
  bool declare(mlir::StringAttr rank, std::vector<int64_t> sizes);
  /// The parts, outermost first; empty if the rank has no blocks.
  llvm::ArrayRef<mlir::StringAttr> parts(mlir::StringAttr rank) const;
  /// How many of the parts tell blocks of a size apart.
  unsigned countOuter(mlir::StringAttr rank, int64_t size) const;
  /// k2*128 + k1*32 + k0, or the rank itself.
  mlir::AffineExpr flatten(mlir::StringAttr rank) const;

private:
  struct Split {
    llvm::SmallVector<mlir::StringAttr, 3> parts;
    std::vector<int64_t> sizes; ///< of blocks, falling
  };
  CascadeEditor &editor;
  llvm::DenseMap<mlir::StringAttr, Split> splits;
};

/// A tensor as codes and scales.
struct CodedTensor {
  mlir::Value wide;
  mlir::Value codes;
  mlir::Type codeType;
  double largestCode = 0; ///< of integers, the largest magnitude
  algebra::Expr codeRead = nullptr;
  /// What the code of 0 is, in f32, where that is not 0; over the ranks of the
  /// scales.
  algebra::Expr zeroPoint = nullptr;
  /// Factors in f32 that make the codes the value; over the ranks of the
  /// tensor, those with blocks in parts.
  llvm::SmallVector<algebra::Expr, 2> scales;
  /// Ranks of the tensor that are in parts.
  llvm::SmallVector<mlir::StringAttr, 2> splitRanks;
  /// The Einsums added, operands first, and whether they run beforehand.
  llvm::SmallVector<mlir::Operation *, 5> made;
  bool isOffline = false;
};

/// Why a format cannot be taken apart, or empty.
std::string findExplicitObstacle(const formats::Storage &storage);

/// Adds the Einsums before `before` (at the end if null). Magnitudes are found
/// in the tensor's own type, or in f32 where the machine cannot.
mlir::FailureOr<CodedTensor> addQuantiseEinsums(CascadeEditor &editor,
                                                const BlockRanks &blocks,
                                                const Assignment &assignment,
                                                const NativeProducts &native,
                                                mlir::Operation *before);

} // namespace einsum::quant

#endif // LIB_QUANT_QUANTISEEINSUMS_H
