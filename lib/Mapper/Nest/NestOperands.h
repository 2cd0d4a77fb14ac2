//===- NestOperands.h - How an Einsum uses its tensors ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Accesses as products of ranks, which closed forms count: `A[m,k]`, strides,
// `m1 * 256 + m0`, a recurrence's `R[m-1]`, gathers. What is none (`p + r`,
// filters) is left to CutTiles.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_NESTOPERANDS_H
#define LIB_MAPPER_NEST_NESTOPERANDS_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// Adds the access to the nest's operands. False if what it touches is no
/// product of ranks.
bool addUse(const CascadeFacts &facts, EinsumOnArray &nest,
            const AccessFact &access, bool isWrite);

/// Ranks along which a tensor is read that is written in another step.
void findWalked(const EinsumFact &einsum, EinsumOnArray &nest);

/// What others read of a tensor that this Einsum writes: all, or, along one
/// rank, only steps that they name. False if that cannot be told.
bool addNeeds(const CascadeFacts &facts, EinsumOnArray &nest, Operand &operand);

/// Blocks of a number format as products along ranks, if they are: `m` for
/// `K[m, ...]`, and both of `m1 * 256 + m0` where blocks are parts of 256.
void addBlocks(const CascadeFacts &facts, EinsumOnArray &nest, Operand &operand,
               const AccessFact &access);

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_NESTOPERANDS_H
