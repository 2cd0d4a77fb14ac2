//===- Describe.h - What an editor shows of a name --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The facts behind a name of a cascade, as Markdown. For `m` in the scores of
// attention:
//
//   rank `m`, extent 4096
//   3 passes, forced by GM -> SN -> A
//
// and for `QK`:
//
//   tensor `QK[m, p]` : f16, m=4096 p=4096, 32 MiB
//   passes over m: 3, over p: 1
//   made from Q, K, reducing e by add
//
// A name that the cascade does not have gives an empty text.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LANGUAGESERVER_DESCRIBE_H
#define LIB_LANGUAGESERVER_DESCRIBE_H

#include "lib/Analysis/RankPasses.h"

#include <map>

namespace einsum::language {

class Describer {
public:
  /// Of a tensor, a rank, or the cascade itself.
  std::string describe(CascadeOp cascade, llvm::StringRef name);

private:
  const RankPasses &passesOf(CascadeOp cascade);
  std::string describeCascade(CascadeOp cascade);
  std::string describeRank(CascadeOp cascade, RankOp rank);
  std::string describeTensor(CascadeOp cascade, mlir::Value tensor,
                             llvm::StringRef name);

  /// Computed once for each cascade that is asked about.
  std::map<mlir::Operation *, RankPasses> passes;
};

} // namespace einsum::language

#endif // LIB_LANGUAGESERVER_DESCRIBE_H
