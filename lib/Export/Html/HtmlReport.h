//===- HtmlReport.h - A report for a browser --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One file, no script, nothing fetched: what a schedule costs and why, in the
// order in which an architect asks. Made of the two JSON documents and nothing
// else; a number on the page says where it is from:
//
//   <data data-path="result:/latency_s" data-value="0.4652">465.2 ms</data>
//
// The path is a JSON pointer into the result (einsum-result/1) or the schedule
// (einsum-schedule/1), the value is written as there, so that a program can
// hold the page against the files.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_HTML_HTMLREPORT_H
#define LIB_EXPORT_HTML_HTMLREPORT_H

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace einsum::exporting {

struct HtmlReport {
  const nlohmann::ordered_json *result = nullptr;
  const nlohmann::ordered_json *schedule = nullptr;
  std::string tree;     ///< as printSchedule draws it
  std::string skiSlope; ///< an SVG, or empty
};

void writeHtml(const HtmlReport &report, llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_HTML_HTMLREPORT_H
