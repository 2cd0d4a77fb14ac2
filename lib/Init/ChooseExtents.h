//===- ChooseExtents.h - Extents small enough to execute --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cascades are written for extents at which nobody wants to execute them. Those
// that the user does not fix are replaced by a power below 1 of what they are:
//
//   B=64 H=12 E=64 M=16384 P=16384 M0=256      at ^0.35 becomes
//   B=4  H=2  E=4  M=30    P=30    M0=7
//
// which keeps the small ones apart from the large ones, a tile smaller than its
// rank, and rarely lets a tile divide it. The largest power is taken with which
// the iteration spaces fit a budget and the cascades are still well formed.
// A parameter without value counts as 1024.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_CHOOSEEXTENTS_H
#define LIB_INIT_CHOOSEEXTENTS_H

#include "lib/Init/ReadWorkload.h"

#include <map>

namespace einsum {

/// What was decided about a parameter.
struct ChosenExtent {
  std::string parameter;
  std::optional<int64_t> declared;
  int64_t value = 0;
  bool isReduced = false; ///< not given, and other than declared
};

/// Binds all parameters of `cascades`, which share those of the same name: to
/// `given`, else to what the first one declares if the whole has no more points
/// than `budget`, else reduced. Reports an error and fails if that is
/// impossible.
mlir::FailureOr<std::vector<ChosenExtent>>
chooseExtents(llvm::ArrayRef<CascadeOp> cascades,
              const std::map<std::string, int64_t> &given, uint64_t budget);

} // namespace einsum

#endif // LIB_INIT_CHOOSEEXTENTS_H
