//===- ParsedArch.h - A spec on its way in ----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The stages of reading share this: ReadArch fills it from the document, with
// expressions evaluated but names unresolved; ResolveArch turns names into
// indices and costs; VerifyArch judges the whole. Each keeps going after an
// error, and a field that could not be read keeps a default that raises no
// second error.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_PARSEDARCH_H
#define EINSUM_ARCH_PARSEDARCH_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Arch/ExecutionStyle.h"
#include "lib/Support/ObjectReader.h"

namespace einsum::arch {

struct ParsedOp {
  std::string name;
  SourceLocation nameLoc;
  std::map<std::string, uint64_t> as; ///< other operators it is made of
  std::optional<uint64_t> cycles, latency;
  std::optional<double> energyPj, areaUm2;
  std::optional<ExecutionStyle> style; ///< cycles and energy are of one step
  Sources sources;
  std::vector<std::string> only;              ///< datatypes; empty = all
  std::map<std::string, ParsedOp> byDatatype; ///< where a datatype differs
  Places at;
};

/// Beside ArchSpec::levels, index by index.
struct ParsedLevel {
  std::string parent, per, beside;
  std::vector<SourceLocation> dimLocs; ///< of its own dimensions
  std::optional<double> readPj, writePj, areaUm2, leakageW;
  Places at;
};

/// Beside ArchSpec::arrays, index by index.
struct ParsedArray {
  std::string level;
  std::vector<SourceLocation> dimLocs; ///< of its own dimensions
  std::vector<ParsedOp> ops;
  std::optional<double> areaUm2PerPe;
  Places at;
};

/// Beside ArchSpec::engines, index by index.
struct ParsedEngine {
  Places at;
};

struct ParsedArch {
  ArchSpec spec;
  std::vector<ParsedLevel> levels;
  std::vector<ParsedArray> arrays;
  std::vector<ParsedEngine> engines;
  const JsonValue *constraints = nullptr; ///< read when names are resolved
  Parameters parameters;
  std::map<std::string, SourceLocation> parameterLocs;
  Places at;
};

/// Names to indices; operators and memories to energies and areas.
void resolveArch(ParsedArch &arch, llvm::StringRef directory,
                 Diagnostics &diags);

/// Reads `constraints`; levels, arrays and their dimensions are known by now.
void readConstraints(ParsedArch &arch, Diagnostics &diags);

/// Everything that only shows when the whole machine is known.
void verifyArch(const ParsedArch &arch, Diagnostics &diags);

} // namespace einsum::arch

#endif // EINSUM_ARCH_PARSEDARCH_H
