//===- Traffic.h - Bytes that no schedule avoids ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compulsory traffic: every schedule fetches each input element that is read,
// and delivers each output element, at least once (Hong & Kung 1981 call this
// the trivial bound). Per Einsum the same count says what it would move alone:
//
//   QK[m,p] = Q[p,e] * K[m,e]      M = 4, P = 2, E = 8, f16
//
//   in   16 + 32 elements = 96 bytes    out  8 elements = 16 bytes
//   64 mac / 112 bytes = 0.571 operators per byte
//
// A tensor counts where it is read: of RNV[f,M1-1,p] only the last step. What
// an Einsum reads of its own result, one step back, is not traffic. Assumes
// that inputs start and outputs end outside the machine.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_TRAFFIC_H
#define LIB_ANALYSIS_TRAFFIC_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum {

/// One Einsum run alone, each operand element moved once.
struct EinsumTraffic {
  uint64_t bytesIn = 0, bytesOut = 0;
  std::map<std::string, uint64_t> operators; ///< over all points
  uint64_t operatorCount = 0;                ///< a mac counts as one

  /// Operators per byte.
  double intensity() const {
    return static_cast<double>(operatorCount) /
           static_cast<double>(bytesIn + bytesOut);
  }
};

/// Counts stop at 2^64 - 1.
EinsumTraffic computeTraffic(const CascadeFacts &facts,
                             const EinsumFact &einsum);

/// Elements of all tensors marked as weights, which is what a model's size is
/// counted in, and the bytes that hold them. Stops at 2^64 - 1.
struct ParameterCount {
  uint64_t tensors = 0, elements = 0, bytes = 0;
};
ParameterCount countParameters(const CascadeFacts &facts);

/// What all Einsums together compute.
std::map<std::string, uint64_t> countAllOperators(const CascadeFacts &facts);

/// A lower bound, in bytes at the backing level, for every schedule.
uint64_t computeCompulsoryBytes(const CascadeFacts &facts);

} // namespace einsum

#endif // LIB_ANALYSIS_TRAFFIC_H
