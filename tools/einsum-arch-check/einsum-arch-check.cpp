//===- einsum-arch-check.cpp - Validates and shows an architecture --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ArchCheckDriver.h"
#include "lib/Init/ToolMain.h"

using namespace einsum;

static llvm::cl::OptionCategory category("einsum-arch-check options");

static ArchCheckOptions options;

static ToolInput spec(category, "SPEC.json ('-': standard input)",
                      options.spec);
static ToolList settings(category, "set", "N=64,...",
                         "Replace parameters of the spec", options.set);
static ToolOption profile(category, "energy-profile", "NAME",
                          "Use energy/NAME.json beside the spec instead of its "
                          "own profile",
                          options.energyProfile);
static ToolOption accounting(category, "accounting", "NAME",
                             "Count as this profile says instead of the spec's",
                             options.accounting);
static ToolOption workload(category, "workload", "FILE",
                           "Say how this .ein or .mlir file meets the machine",
                           options.workload);
static ToolOption cascade(category, "cascade", "NAME",
                          "The one to check, of several in the workload",
                          options.cascade);
static ToolList bind(category, "bind", "M=65536,...",
                     "Parameters of the workload", options.bind);
static ToolOption json(category, "json", "FILE",
                       "Write the answer as JSON; '-' writes it to standard "
                       "output instead of the text",
                       options.json);

int main(int argc, char **argv) {
  return runTool(
      argc, argv,
      {"einsum-arch-check",
       "Checks an architecture spec and prints what it says: levels, arrays,\n"
       "operator costs and where every number comes from. With a workload: "
       "what\ncan run where and how fast, what each level must hold, and what "
       "binds.\n"},
      category, [] { return checkArch(options); });
}
