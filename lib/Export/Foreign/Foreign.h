//===- Foreign.h - Schedules for other tools --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Workload, machine and mapping in the YAML of Timeloop v4 and of AccelForge,
// as far as these formats go. What they cannot say is listed, at the head of
// the file and to whoever asked for it:
//
//   # not expressed: Einsum 'SN': the map expression (exp, sub); a point is one
//   #                compute
//   # not expressed: the pipeline at node 7 becomes a sequence
//
// Timeloop has one Einsum per file: a document for each, with a `---` between
// them; loops that several Einsums share are written in each of them, so that
// what fusion saves is not seen there. AccelForge has cascades: one document.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_FOREIGN_FOREIGN_H
#define LIB_EXPORT_FOREIGN_FOREIGN_H

#include "lib/Export/ScheduleReport.h"

namespace einsum::exporting {

struct ForeignText {
  std::string yaml;
  std::vector<std::string> lost; ///< sentences, each once
};

ForeignText exportTimeloop(const ScheduleReport &report);
ForeignText exportAccelForge(const ScheduleReport &report);

} // namespace einsum::exporting

#endif // LIB_EXPORT_FOREIGN_FOREIGN_H
