//===- ChooseFormats.h - Formats found by search ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `--quantize=auto`; see QuantizeWorkload.h for its steps.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_CHOOSEFORMATS_H
#define LIB_INIT_CHOOSEFORMATS_H

#include "lib/Init/QuantizeWorkload.h"

namespace einsum {

/// The text after `auto`, understood.
struct AutoSpec {
  double maxError = 0;
  std::string minimise; ///< empty: as the mapping is searched
  /// Candidates by selector, a class or a name; in the order given.
  std::vector<std::pair<std::string, std::vector<std::string>>> candidates;
};

/// Nullopt if the text does not start with `auto`; an error otherwise, if any.
std::optional<AutoSpec> parseAutoSpec(llvm::StringRef text, std::string &error);

/// The formats chosen, in `spec`; infeasible, with the smallest error that can
/// be reached, if no combination keeps to the limit.
ExitCode chooseFormats(CascadeOp cascade, const AutoSpec &choice,
                       const QuantizeRequest &request,
                       const arch::ArchSpec *arch, llvm::StringRef objective,
                       exporting::QuantizeReport &report,
                       quant::QuantizeSpec &spec);

} // namespace einsum

#endif // LIB_INIT_CHOOSEFORMATS_H
