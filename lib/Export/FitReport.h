//===- FitReport.h - How a workload meets a machine -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A MachineFit for a person and for a program (schema "einsum-arch-fit/1").
// What makes a workload impossible on the machine is also an error, at the
// Einsum:
//
//   case.ein:3:3: error: no array of 'toy' can run Einsum 'SN'
//   case.ein:3:3: note: array 'pe' lacks exp
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_FITREPORT_H
#define LIB_EXPORT_FITREPORT_H

#include "lib/CostModel/MachineFit.h"

namespace einsum::exporting {

void printFit(const cost::MachineFit &fit, const CascadeFacts &facts,
              const arch::ArchSpec &arch, llvm::raw_ostream &os);
void writeFitJson(const cost::MachineFit &fit, const CascadeFacts &facts,
                  const arch::ArchSpec &arch, llvm::raw_ostream &os);

/// Errors for what cannot run or fit; nothing if the fit is feasible.
void emitMisfits(const cost::MachineFit &fit, const CascadeFacts &facts,
                 const arch::ArchSpec &arch);

} // namespace einsum::exporting

#endif // LIB_EXPORT_FITREPORT_H
