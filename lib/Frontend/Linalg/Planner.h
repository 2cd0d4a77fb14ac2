//===- Planner.h - What is known while a function is planned ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops are taken one by one, in order. A value is then a view of a tensor (its
// elements at other coordinates), one constant everywhere, or empty. Two files
// hold the members: PlanFunction.cpp, and PlanParts.cpp for tensors that are
// written in part.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_LINALG_PLANNER_H
#define LIB_FRONTEND_LINALG_PLANNER_H

#include "lib/Frontend/Linalg/Plan.h"
#include "lib/Frontend/Linalg/ReadBody.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "llvm/ADT/StringSet.h"

namespace einsum::frontend {

/// Where the elements of a value are: `tensor[map(coordinates)]`.
struct View {
  int tensor = -1;
  mlir::AffineMap map;
};

/// Elements of a tensor written into a box of another: `result[offset + stride
/// * i] = source[i]`, and elsewhere what was there.
struct PlacedPart {
  mlir::Operation *op;
  mlir::Value source, result;
  /// One for each dimension of the result. A dimension that is placed whole
  /// has the same coordinates in both.
  struct Dimension {
    int64_t offset, stride, size;
    int sourceDim; ///< -1: the source has no such dimension
    bool isWhole;
  };
  llvm::SmallVector<Dimension> dims;
  /// What stands elsewhere: a constant, else the elements of `outside`; null
  /// where nobody wrote anything.
  mlir::TypedAttr constant;
  mlir::Value outside;
};

class Planner {
public:
  explicit Planner(mlir::func::FuncOp function)
      : function(function), context(function.getContext()) {}

  std::optional<FunctionPlan> run();

private:
  bool planArguments();
  bool planOp(mlir::Operation &op);
  bool planLinalg(mlir::linalg::LinalgOp op);
  bool planElementwise(mlir::Operation &op);
  bool planFill(mlir::linalg::FillOp op);
  bool planReturn(mlir::func::ReturnOp op);
  bool addView(mlir::Operation *op, mlir::Value source, mlir::AffineMap map);
  bool viewExpand(mlir::tensor::ExpandShapeOp op);
  bool viewCollapse(mlir::tensor::CollapseShapeOp op);
  bool viewSlice(mlir::tensor::ExtractSliceOp op);
  bool viewRearranged(mlir::linalg::LinalgOp op);
  bool planPad(mlir::tensor::PadOp op);
  bool planInsert(mlir::tensor::InsertSliceOp op);
  bool placePart(const PlacedPart &part);
  std::optional<int> spreadPart(const PlacedPart &part, llvm::StringRef monoid,
                                bool isWhole);
  void planCopy(mlir::Value value, mlir::Location loc);
  bool startFrom(PlannedEinsum &einsum, const Accumulation &how,
                 mlir::Value start);

  int addTensor(mlir::Location loc, mlir::RankedTensorType type,
                llvm::StringRef prefix, mlir::DictionaryAttr names);
  int makeRank(int64_t extent);
  llvm::SmallVector<int> chooseRanks(llvm::ArrayRef<PlannedRead> reads,
                                     llvm::ArrayRef<int64_t> extents);
  void nameDimensions(const PlannedRead &read, llvm::ArrayRef<int> ranks);
  std::optional<PlannedRead> readOf(mlir::Value value, mlir::AffineMap map);
  void addResult(PlannedEinsum &einsum, mlir::Value value,
                 mlir::DictionaryAttr names);
  bool fail(mlir::Operation *op, const llvm::Twine &message) {
    op->emitError(message);
    return false;
  }

  mlir::func::FuncOp function;
  mlir::MLIRContext *context;
  FunctionPlan plan;
  llvm::DenseMap<mlir::Value, View> views;
  llvm::DenseMap<mlir::Value, mlir::TypedAttr>
      constants; ///< one value everywhere
  llvm::DenseSet<mlir::Value> empty;
  llvm::StringSet<> taken;
  unsigned numbered[2] = {0, 0}; ///< of inputs, of Einsums
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_LINALG_PLANNER_H
