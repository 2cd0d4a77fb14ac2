//===- Import.h - Machines described for other tools ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Architectures in the YAML of Timeloop v4 and of AccelForge become specs of
// ours (arch-specs/schema.json), as text. What these files say and a spec does
// not, or says differently, is never dropped in silence: each such field is a
// warning at its line, and what has to be assumed is a note.
//
//   timeloop.yaml:14:5: warning: ignored: 'constraints' of component 'spad'
//   timeloop.yaml:3:3: note: there is no 'global_cycle_seconds'; a clock of 1
//                      GHz is assumed
//
// Correspondence: a component that stores is a level inside the one before it,
// a component that computes an array, a spatial fan-out a dimension of the
// level or array that follows. Widths and depths become accesses and
// capacities, words per cycle bytes per second. Energies that the file leaves
// to Accelergy or hwcomponents are read off our tables or left out, as the
// provenance says.
//
// Trusts nothing: what is no such file is an error at its place. Of Jinja,
// parameters that take their defaults are filled in. Refuses: all other
// templates, anchors that make a loop, expressions it cannot evaluate where the
// spec needs the number.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_IMPORT_IMPORT_H
#define EINSUM_ARCH_IMPORT_IMPORT_H

#include "lib/Support/Diagnostics.h"

namespace einsum::arch {

/// `text` of `file` as a spec, or nullopt and errors.
std::optional<std::string>
importTimeloop(llvm::StringRef text, llvm::StringRef file, Diagnostics &diags);
std::optional<std::string> importAccelForge(llvm::StringRef text,
                                            llvm::StringRef file,
                                            Diagnostics &diags);

/// Workloads of the same tools as cascades in the text notation (.ein): the
/// Einsums of AccelForge's `workload`, the one of Timeloop's `problem`. What
/// they leave open is assumed and said: Timeloop's map is a product, a width of
/// 16 bits is f16.
std::optional<std::string> importAccelForgeWorkload(llvm::StringRef text,
                                                    llvm::StringRef file,
                                                    Diagnostics &diags);
std::optional<std::string> importTimeloopProblem(llvm::StringRef text,
                                                 llvm::StringRef file,
                                                 Diagnostics &diags);

} // namespace einsum::arch

#endif // EINSUM_ARCH_IMPORT_IMPORT_H
