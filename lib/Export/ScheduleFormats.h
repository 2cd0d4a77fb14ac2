//===- ScheduleFormats.h - What a schedule was quantised to -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule of a quantised cascade says how it was quantised, so that whoever
// has the cascade as written can quantise it in the same way and compare:
//
//   IR     schedule.mapping @s of @gemm on "m" attributes {einsum.quantisation
//   =
//            {accumulator = 32, formats = "X=int8 explicit", objective =
//             "latency"}}
//   JSON   "quantisation": {"formats": "X=int8 explicit", "accumulator": 32,
//            "objective": "latency"}
//
// The formats are those of --quantize, or what its `auto` has chosen.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_SCHEDULEFORMATS_H
#define LIB_EXPORT_SCHEDULEFORMATS_H

#include "dialects/Schedule/Schedule.h"

#include <optional>
#include <string>

namespace einsum::exporting {

struct ScheduleFormats {
  std::string formats;           ///< rules, as --quantize takes them
  unsigned accumulatorBits = 32; ///< of sums of integers
  std::string objective;         ///< what decoding was arranged for
};

void setFormats(schedule::MappingOp mapping, const ScheduleFormats &formats);

/// Nullopt if the mapping says nothing; fails, with an error, if it says what
/// nobody could have written.
mlir::FailureOr<std::optional<ScheduleFormats>>
getFormats(schedule::MappingOp mapping);

} // namespace einsum::exporting

#endif // LIB_EXPORT_SCHEDULEFORMATS_H
