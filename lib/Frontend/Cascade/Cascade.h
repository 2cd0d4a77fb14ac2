//===- Cascade.h - The text notation of cascades ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A `.ein` file holds cascades as papers print them (Nayak et al., MICRO 2024;
// Odemuyiwa et al. 2024, EDGE):
//
//   cascade softmax(M=4096, P) : f32
//     input X[m,p]
//     GM[p]   = max(m) X[m,p]
//     SN[m,p] = exp(X[m,p] - GM[p])
//     SD[p]   = SN[m,p]
//     A[m,p]  = SN[m,p] / SD[p]
//     output A
//
// Four rules make this short. `m` is a rank because the header has its extent
// `M`. A rank that only the right side names is reduced: by `+`, or by the
// operator in front (`max(m)`). The right side is computed in the widest type
// that it reads or writes. And `SD[p] = SN[m,p]` iterates over p, m: the ranks on
// the left, then those reduced in the order in which they are named.
//
// The text is a reading of the einsum dialect, not a language beside it: each
// statement is one operation. The printer writes a canonical text, with aligned
// `=`; reading it back gives the same IR, and printing that the same bytes.
// Comments travel along as discardable attributes.
//
// Trusted: that a user's monoid is associative and commutative. Refused, with
// line, column and what to change: ranks without extent, indices that are not
// affine, accesses that do not fit their tensor, reads before the definition that
// are no recurrence, recurrences without initial value, and whatever else the
// dialect's verifiers refuse. The printer refuses IR that the notation cannot
// say, such as quantised tensors or fast-math flags: it reads its text back and
// compares. Only facts that an analysis attached are left out, with a warning.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_CASCADE_H
#define LIB_FRONTEND_CASCADE_CASCADE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace llvm {
class MemoryBuffer;
class SourceMgr;
class raw_ostream;
} // namespace llvm

namespace einsum {
class CascadeOp;
} // namespace einsum

namespace einsum::frontend {

/// Parses the main buffer of `sources`. Reports all errors (up to 20) through
/// the diagnostic engine of `context` and then returns null. The result is
/// verified.
mlir::OwningOpRef<mlir::ModuleOp> parseCascadeSource(llvm::SourceMgr &sources,
                                                     mlir::MLIRContext *context);

/// Prints one cascade in canonical form; reports what the notation cannot say.
mlir::LogicalResult printCascadeSource(CascadeOp cascade, llvm::raw_ostream &os);
/// Prints every cascade of a module, with an empty line between them.
mlir::LogicalResult printCascadeSource(mlir::ModuleOp module, llvm::raw_ostream &os);

/// True if the buffer is named `*.ein` or, when it has no file name, starts like
/// a cascade does: with `cascade`, `def` or `monoid` after comments.
bool isCascadeSource(const llvm::MemoryBuffer &buffer);

/// The same program as MLIR text with locations into the cascade source, for
/// tools that read only MLIR. Chunks between `splitMarker` lines stay apart.
/// Null after reporting errors to stderr.
std::unique_ptr<llvm::MemoryBuffer>
convertCascadeToMlir(std::unique_ptr<llvm::MemoryBuffer> source, llvm::StringRef splitMarker);

/// Registers `--cascade-to-mlir` and `--mlir-to-cascade`.
void registerCascadeTranslations();

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_CASCADE_H
