//===- Claims.h - The bounds, one by one ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the bounds. A claim is a bound whose structure has been found and
// whose hypotheses have been checked; it waits for a capacity. Its bound is on
// the traffic of the tensors it names, and of no others.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_CLAIMS_H
#define LIB_ANALYSIS_IOBOUNDS_CLAIMS_H

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Analysis/IoBounds/Live.h"
#include "lib/Analysis/IoBounds/Structure.h"

namespace einsum::bounds {

/// What all claims look at.
struct ClaimContext {
  const CascadeFacts &facts;
  std::vector<bool> isFar; ///< per tensor
  LiveParts live;

  bool isFarInput(int tensor) const {
    return facts.tensors[tensor].isInput && isFar[tensor];
  }
};

class Claim {
public:
  virtual ~Claim() = default;
  virtual IoBound at(long double fastBits) const = 0;
};

using Claims = std::vector<std::unique_ptr<Claim>>;

void addEinsumClaims(const ClaimContext &context, Claims &claims);
void addFiberClaims(const ClaimContext &context, Claims &claims);
void addPairClaims(const ClaimContext &context, Claims &claims);
void addPassClaims(const ClaimContext &context, std::vector<PassFact> passes,
                   Claims &claims);

/// "3.2e+09" and the like, for statements.
std::string formatCount(long double value);
/// Greatest common divisor and maximum of element widths.
Grain grainOf(llvm::ArrayRef<uint64_t> elementBits);
/// "Q, K and V start far".
std::string describeFar(const CascadeFacts &facts, llvm::ArrayRef<int> inputs,
                        llvm::ArrayRef<int> outputs);

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_CLAIMS_H
