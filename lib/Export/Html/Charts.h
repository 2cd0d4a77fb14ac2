//===- Charts.h - The pictures of a report ----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each takes the place of its data in a document and draws. An Einsum has the
// same colour in all of them, by its place in the schedule.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_HTML_CHARTS_H
#define LIB_EXPORT_HTML_CHARTS_H

#include "lib/Export/Html/Svg.h"
#include "lib/Export/Html/Values.h"

#include <map>

namespace einsum::exporting {

/// Colour classes of Einsums, by name.
using Colours = std::map<std::string, std::string>;
Colours chooseColours(const Place &schedule);

/// A lane per array or engine; the height of a bar is the share of its time in
/// which the lane's resource works for it.
void drawGantt(const Place &timeline, const Place &schedule,
               const Colours &colours, llvm::raw_ostream &os);
/// Addresses of one level against Einsums in order: a rectangle per tile, from
/// the first to the last Einsum that it lives for.
void drawMemoryMap(const Place &allocation, const Place &schedule,
                   llvm::raw_ostream &os);
/// A bar per Einsum: its operators, then what it moves at each level.
void drawEnergy(const Place &energy, llvm::raw_ostream &os);
/// Names with numbers as bars, longest first.
void drawBars(const std::vector<std::pair<std::string, Place>> &bars, Shown how,
              llvm::StringRef label, llvm::raw_ostream &os);
/// Operators per byte against operators per second, both logarithmic.
void drawRoofline(const Place &roofline, const Colours &colours,
                  llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_HTML_CHARTS_H
