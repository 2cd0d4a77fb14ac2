//===- CountFormulas.h - Counts of a cascade that is not bound --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What CascadeFacts.h and Traffic.h count, as products of extents, for a
// cascade whose parameters have no values yet:
//
//   QK[m,p] = Q[p,e] * K[m,e] where m <= p        P, M unbound, E = 64, f16
//
//   points  <= 64*M*P      the filter leaves fewer
//   mac     <= 64*M*P
//   in      128*M + 128*P B      out  <= 2*M*P B
//
// A formula is exact unless a condition (a filter, a ragged tile, a window that
// leaves its tensor) makes it an upper bound; `isExact` says which. Parameters
// that have a value are multiplied out.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_COUNTFORMULAS_H
#define LIB_ANALYSIS_COUNTFORMULAS_H

#include "dialects/Einsum/Einsum.h"

#include <map>
#include <string>

namespace einsum {

/// A sum of products, as text: "64*M*P", "128*M + 128*P", "0".
struct Formula {
  std::string text;
  bool isExact = true;
};

/// "<= 64*M*P", or the text alone if it is exact.
std::string describe(const Formula &formula);

struct EinsumFormulas {
  std::string name;
  std::vector<std::string> ranks, reduced, conditions;
  Formula points, bytesIn, bytesOut;
  std::map<std::string, Formula> operators; ///< over all points
};

struct TensorFormulas {
  std::string name, datatype;
  std::vector<std::string> ranks;
  bool isInput = false, isWeight = false, isOutput = false;
  Formula elements, bytes;
};

struct CountFormulas {
  std::vector<std::string> unbound; ///< parameters without a value
  std::vector<std::pair<std::string, std::string>> extents; ///< of ranks
  std::vector<TensorFormulas> tensors;
  std::vector<EinsumFormulas> einsums;      ///< as they stand in the cascade
  Formula parameters;                       ///< elements of all weights
  std::map<std::string, Formula> operators; ///< of all Einsums
};

/// True if some rank's extent is not known.
bool hasUnboundExtents(CascadeOp cascade);

CountFormulas computeCountFormulas(CascadeOp cascade);

} // namespace einsum

#endif // LIB_ANALYSIS_COUNTFORMULAS_H
