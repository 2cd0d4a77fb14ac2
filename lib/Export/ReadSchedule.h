//===- ReadSchedule.h - Schedules from JSON ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inverse of makeScheduleJson (ScheduleReport.h). Read are `schema`,
// `name`, `cascade`, `arch`, `binding`, `nodes`, `program`, `origin`,
// `derived_from` and `quantisation`; everything else that the format has can be
// computed again and is not looked at, so that a tree may be changed by hand:
//
//   {"schema": "einsum-schedule/1", "name": "mine", "cascade": "gemm",
//    "arch": "tiny", "nodes": [
//      {"node": "storage", "level": "DRAM", "tensors": ["A", "B", "Z"]},
//      {"parent": 0, "node": "temporal", "rank": "m", "tile": 16}, ...]}
//
// A node's number is its place in the list; `parent` is an earlier one, by
// default the one before. Children stand in the order of the list.
//
// Trusts nothing: a wrong type, an unknown key or node, a parent that is no
// earlier node, a number out of range are errors at their line and column. What
// makes a tree legal is the verifier's business; nodes carry their places in
// the file, so that it names them too.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_READSCHEDULE_H
#define LIB_EXPORT_READSCHEDULE_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Support/SourceJson.h"

#include "mlir/IR/OwningOpRef.h"

namespace einsum::exporting {

/// A value of the file with its place.
struct LocatedBinding {
  std::string name;
  int64_t value = 0;
  SourceLocation loc;
};

struct ScheduleFile {
  std::string name, cascade, arch;
  SourceLocation nameLoc, cascadeLoc, programLoc;
  std::vector<LocatedBinding> binding;
  std::string program, origin; ///< MLIR, or empty
  std::string derivedFrom;     ///< fingerprint of the origin, or empty
  mlir::OwningOpRef<schedule::MappingOp> mapping;
};

/// Nullopt after errors. The mapping stands alone, not verified.
std::optional<ScheduleFile> readSchedule(const JsonValue &json,
                                         mlir::MLIRContext *context,
                                         Diagnostics &diags);

} // namespace einsum::exporting

#endif // LIB_EXPORT_READSCHEDULE_H
