//===- Scope.h - Parameters, ranks and splits of one cascade ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks are not declared: `m` is a rank because the header has a parameter `M`.
// The scope finds out which ranks there are and how large, with extents as
// affine expressions whose symbol i is parameter i of the header.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_SCOPE_H
#define LIB_FRONTEND_CASCADE_SCOPE_H

#include "lib/Frontend/Cascade/Report.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

namespace einsum::frontend {

struct RankInfo {
  llvm::StringRef name;
  Place place;
  mlir::AffineExpr extent;
  std::optional<int64_t> bound;       ///< the extent as a number, where known
  std::vector<llvm::StringRef> parts; ///< empty unless split
};

class Scope {
public:
  Scope(const Cascade &cascade, Report &report)
      : cascade(cascade), report(report) {}

  /// Reads the header, the `rank` and the `split` statements.
  void declare();

  /// The rank of this name, made on first use if the header has its extent.
  const RankInfo *findRank(llvm::StringRef name);
  /// As above, but reports an unknown rank.
  const RankInfo *getRank(const Name &name);
  /// Position of a parameter in the header.
  std::optional<unsigned> findParam(llvm::StringRef name) const;
  /// Extent of the rank that `name` is the upper case of; null if none is.
  mlir::AffineExpr findExtentNamed(llvm::StringRef name);

  /// Reports that `name` is neither a rank nor a parameter.
  void reportUnknown(const Name &name);

  /// Ranks in the order in which they are declared in the IR: those of the
  /// header in its order, then those of statements.
  std::vector<const RankInfo *> getRanks() const;

  /// Value of an expression of parameters; nullopt if unbound or out of range.
  std::optional<int64_t> evaluate(mlir::AffineExpr expr) const;

  Report &getReport() const { return report; }
  const Cascade &getCascade() const { return cascade; }

private:
  void declareParams();
  void declareRank(const RankStmt &stmt);
  void declareSplit(const SplitStmt &stmt);
  mlir::AffineExpr productOfInner(const SplitStmt &stmt);
  RankInfo *addRank(const Name &name, mlir::AffineExpr extent);
  mlir::AffineExpr lowerExtent(const Expr &expr);

  const Cascade &cascade;
  Report &report;
  llvm::StringMap<unsigned> params;
  // std::map-like stability is needed: pointers to RankInfo are handed out.
  llvm::StringMap<std::unique_ptr<RankInfo>> ranks;
  std::vector<RankInfo *> statementRanks;
};

/// Lowers an index, extent or filter side. `resolve` maps a name to its
/// expression or reports an error and returns null; `gather` does so with a
/// tensor that is read as a coordinate, and is null where that is not allowed.
mlir::AffineExpr
lowerAffine(const Expr &expr, Report &report,
            llvm::function_ref<mlir::AffineExpr(const Name &)> resolve,
            llvm::function_ref<mlir::AffineExpr(const Expr &)> gather = {});

/// Upper case of a rank variable, the name of its extent parameter.
std::string extentName(llvm::StringRef rank);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_SCOPE_H
