//===- PremiseText.h - Premises and constraints in words --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the parts of a conflict say, where they are stated, and what leaving
// them out is called:
//
//   level 'L1' holds 5 B                  arch.json:9:5
//   'L1' must keep inputs, 'B'            arch.json:20:5   leaving this out
//   Einsum 'Z' runs on 'pe'               --array=Z=pe     leaving this out
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_PREMISETEXT_H
#define LIB_MAPPER_PREMISETEXT_H

#include "lib/Mapper/NestPremises.h"

namespace einsum::mapper {

/// "inputs, not 'B', not @DRAM"
std::string describeTensors(const arch::TensorSet &set,
                            const arch::ArchSpec &arch);

struct PremiseText {
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;

  /// `einsum` -1: of no single one.
  std::string describe(const Premise &premise, int einsum) const;
  SourceLocation findPlace(const Premise &premise, int einsum) const;
  /// "leaving this out", "tiles that do not divide"
  std::string getWayOut(const Premise &premise) const;
  /// "'exp' and 'max' in f16"
  std::string listOperators(const std::vector<std::string> &operators,
                            const EinsumFact &einsum) const;

private:
  std::string describeOperators(const EinsumFact &einsum) const;
  std::string describeDimension(const arch::DimensionConstraint &c) const;
  std::string describeTile(const arch::LevelConstraint &c, int part) const;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_PREMISETEXT_H
