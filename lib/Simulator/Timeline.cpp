//===- Timeline.cpp - Who does what when ----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Timeline.h"

#include "llvm/Support/JSON.h"

#include <map>

using namespace einsum;
using namespace einsum::sim;

void einsum::sim::writeJsonLines(const std::vector<Task> &timeline,
                                 llvm::raw_ostream &os) {
  for (const Task &task : timeline)
    os << llvm::json::Value(llvm::json::Object{{"start", task.start},
                                               {"end", task.end},
                                               {"resource", task.resource},
                                               {"node", task.node},
                                               {"tile", task.tile}})
       << "\n";
}

void einsum::sim::writeChromeTrace(const std::vector<Task> &timeline,
                                   llvm::raw_ostream &os) {
  std::map<std::string, int64_t> lanes; // in order of appearance
  llvm::json::OStream json(os, /*IndentSize=*/0);
  json.object([&] {
    json.attributeArray("traceEvents", [&] {
      for (const Task &task : timeline) {
        auto [lane, isNew] = lanes.try_emplace(task.resource, lanes.size());
        if (isNew)
          json.value(llvm::json::Object{
              {"ph", "M"},
              {"pid", 0},
              {"tid", lane->second},
              {"name", "thread_name"},
              {"args", llvm::json::Object{{"name", task.resource}}}});
        json.value(llvm::json::Object{
            {"ph", "X"},
            {"pid", 0},
            {"tid", lane->second},
            {"name", task.node},
            {"ts", task.start},
            {"dur", task.end - task.start},
            {"args", llvm::json::Object{{"tile", task.tile}}}});
      }
    });
  });
  os << "\n";
}
