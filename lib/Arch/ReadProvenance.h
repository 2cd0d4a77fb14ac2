//===- ReadProvenance.h - Where an object's numbers come from ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_READPROVENANCE_H
#define EINSUM_ARCH_READPROVENANCE_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Support/ObjectReader.h"

namespace einsum::arch {

/// Reads `provenance` and `placeholder`:
///
///   "provenance": "data sheet"
///   "provenance": {"text": "from memory", "certainty": "recalled"}
///   "provenance": {"bandwidth": "data sheet", "capacity": {"text": ...}}
///
/// An object that gives one of `numbers` must say where it comes from, unless
/// `inherited` already does.
Sources readSources(ObjectReader &reader, llvm::ArrayRef<const char *> numbers,
                    Diagnostics &diags, const Sources &inherited = {});

/// The same where all numbers have one source.
Provenance readProvenance(ObjectReader &reader,
                          llvm::ArrayRef<const char *> numbers,
                          Diagnostics &diags);

/// Reads `schema`, which must be exactly `expected`, and an editor's `$schema`.
void checkSchema(ObjectReader &reader, llvm::StringRef expected,
                 Diagnostics &diags);

} // namespace einsum::arch

#endif // EINSUM_ARCH_READPROVENANCE_H
