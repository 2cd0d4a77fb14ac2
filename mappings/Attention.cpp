//===- Attention.cpp - The cascades that attention mappings are for -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/Attention.h"

using namespace einsum;

const llvm::StringLiteral mappings::threePassAttention = R"(
cascade three_pass_attention(B=64, H=12, E=64, F=64, M=16384, P=16384) : f16
  input Q[b,h,p,e], K[b,h,m,e], V[b,h,m,f]
  QK[b,h,m,p] = Q[b,h,p,e] * K[b,h,m,e]
  GM[b,h,p]   = max(m) QK[b,h,m,p]
  SN[b,h,m,p] = exp(QK[b,h,m,p] - GM[b,h,p])
  SD[b,h,p]   = SN[b,h,m,p]
  A[b,h,m,p]  = SN[b,h,m,p] / SD[b,h,p]
  AV[b,h,p,f] = A[b,h,m,p] * V[b,h,m,f]
  output AV
)";

const llvm::StringLiteral mappings::onePassAttention = R"(
cascade one_pass_attention(B=64, H=12, E=64, F=64, M=16384, P=16384, M0=256) : f16
  input Q[b,h,p,e], K[b,h,m,e], V[b,h,m,f]
  split m = m1, m0(M0)
  QK[b,h,m1,m0,p]  = Q[b,h,p,e] * K[b,h,m1*M0+m0,e]
  LM[b,h,m1,p]     = max(m0) QK[b,h,m1,m0,p]
  RM[b,h,m1,p]     = max(RM[b,h,m1-1,p], LM[b,h,m1,p]) init -inf
  PRM[b,h,m1,p]    = exp(RM[b,h,m1-1,p] - RM[b,h,m1,p])
  SLN[b,h,m1,m0,p] = exp(QK[b,h,m1,m0,p] - RM[b,h,m1,p])
  SLD[b,h,m1,p] = SLN[b,h,m1,m0,p]
  SPD[b,h,m1,p] = PRM[b,h,m1,p] * RD[b,h,m1-1,p]
  RD[b,h,m1,p]  = SPD[b,h,m1,p] + SLD[b,h,m1,p] init 0
  SLNV[b,h,m1,f,p] = SLN[b,h,m1,m0,p] * V[b,h,m1*M0+m0,f]
  SPNV[b,h,m1,f,p] = PRM[b,h,m1,p] * RNV[b,h,m1-1,f,p]
  RNV[b,h,m1,f,p]  = SPNV[b,h,m1,f,p] + SLNV[b,h,m1,f,p] init 0
  AV[b,h,p,f] = RNV[b,h,M ceildiv M0 - 1,f,p] / RD[b,h,M ceildiv M0 - 1,p]
  output AV
)";
