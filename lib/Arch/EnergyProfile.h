//===- EnergyProfile.h - A table of energies and areas ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What one technology charges per operator and per memory access. Several specs
// share one profile, and all shipped profiles name the same memories, so that a
// spec can be judged under another table by changing one word:
//
//   { "schema": "einsum-energy/1", "name": "tiny45", "default_datatype": "f16",
//     "node": "45 nm",
//     "ops": {"mac": {"f16": {"energy": "1.5 pJ", "provenance": "..."}}},
//     "memories": {"hbm2": {"access": "8 B", "read": "249.6 pJ",
//                           "write": "249.6 pJ", "provenance": "..."}} }
//
// Energies are per access of `access` bytes. A level that moves a different
// number of bytes per access is charged in proportion. For a machine in another
// technology than `node`, energies and areas of operators are scaled as logic,
// those of a memory as it `scales`: "logic", "sram", or "none" (off chip).
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_ENERGYPROFILE_H
#define EINSUM_ARCH_ENERGYPROFILE_H

#include "lib/Arch/ArchSpec.h"

namespace einsum::arch {

struct OpEnergy {
  double energyPj = 0;
  double areaUm2 = 0;
  Provenance provenance;
};

/// What a memory's energy follows from one node to another.
enum class MemoryScaling { Unknown, None, Logic, Sram };

struct MemoryEnergy {
  uint64_t accessBytes = 1;
  MemoryScaling scaling = MemoryScaling::Unknown;
  double readPj = 0, writePj = 0;
  double areaUm2 = 0, leakageW = 0;
  Provenance provenance;
};

struct EnergyProfile {
  std::string name;
  std::string defaultDatatype;  ///< for arrays that take any datatype
  std::optional<double> nodeNm; ///< of the numbers
  std::map<std::string, std::map<std::string, OpEnergy>> ops; ///< op, datatype
  std::map<std::string, MemoryEnergy> memories;
};

/// Reads `<directory>/energy/<name>.json`. `loc` is where the name was given.
std::optional<EnergyProfile> readEnergyProfile(llvm::StringRef directory,
                                               llvm::StringRef name,
                                               const SourceLocation &loc,
                                               Diagnostics &diags);

} // namespace einsum::arch

#endif // EINSUM_ARCH_ENERGYPROFILE_H
