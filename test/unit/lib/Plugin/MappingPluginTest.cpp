//===- MappingPluginTest.cpp - Mappings in shared libraries ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a plugin that was built elsewhere registers. Loading one from a file is
// tested by examples/02-custom-mapping-pass.
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/MappingPass.h"

#include <catch2/catch.hpp>

using namespace einsum;

namespace {
struct FromElsewhere : MappingPass {
  llvm::StringRef getName() const override { return "from-elsewhere"; }
  llvm::StringRef getDescription() const override { return "refuses"; }
  mlir::FailureOr<schedule::MappingOp> build(MappingContext &) override {
    return mlir::failure();
  }
};
} // namespace

static std::vector<std::string> takeErrors() {
  return std::move(getPluginErrors());
}

TEST_CASE("a plugin of another release is refused", "[plugin]") {
  detail::registerPlugin<FromElsewhere>("old", "0.0.1");
  CHECK(findMappingPass("from-elsewhere") == nullptr);
  CHECK(takeErrors() ==
        std::vector<std::string>{"plugin 'old' was built for EinsumCascade "
                                 "0.0.1, and this is " EINSUM_CASCADE_VERSION
                                 "; build it again"});
}

TEST_CASE("a plugin registers its mappings, each name once", "[plugin]") {
  detail::registerPlugin<FromElsewhere>("new", EINSUM_CASCADE_VERSION);
  REQUIRE(findMappingPass("from-elsewhere"));
  CHECK(takeErrors().empty());
  detail::registerPlugin<FromElsewhere>("again", EINSUM_CASCADE_VERSION);
  CHECK(takeErrors() ==
        std::vector<std::string>{"plugin 'again' has a mapping "
                                 "'from-elsewhere', and there is one of that "
                                 "name already"});
}
