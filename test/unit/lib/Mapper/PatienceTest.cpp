//===- PatienceTest.cpp - When a search has gone on for long enough -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Patience.h"

#include <catch2/catch.hpp>

using einsum::mapper::Patience;

TEST_CASE("Patience lasts as long as the best one took", "[mapper]") {
  double now = 0;
  Patience patience([&] { return now; });
  CHECK_FALSE(patience.isOver()); // no search has begun
  patience.begin(1);
  now = 2.4;
  CHECK_FALSE(patience.isOver());
  now = 2.6;
  CHECK(patience.isOver());

  now = 4;
  patience.note(10);
  now = 7.9;
  CHECK_FALSE(patience.isOver());
  now = 8.1;
  CHECK(patience.isOver());
}

TEST_CASE("A hardly better mapping does not prolong a search", "[mapper]") {
  double now = 0;
  Patience patience([&] { return now; });
  patience.begin(1);
  now = 3;
  patience.note(10);
  now = 5;
  patience.note(9.995);
  now = 6.1;
  CHECK(patience.isOver());
  patience.note(9.9);
  CHECK_FALSE(patience.isOver());
  now = 12.3;
  CHECK(patience.isOver());
}

TEST_CASE("A further search waits for its share", "[mapper]") {
  double now = 0;
  Patience patience([&] { return now; });
  patience.begin(1);
  now = 8;
  patience.note(10);
  patience.begin(0.25);
  now = 9.9;
  CHECK_FALSE(patience.isOver());
  now = 10.1;
  CHECK(patience.isOver());
}
