//===- CommandStreamTest.cpp - A schedule as commands of a machine --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/CommandStream.h"

#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

#include <functional>
#include <random>

using namespace einsum;
using namespace einsum::lowering;

namespace {

using Flat = std::vector<std::pair<Op, Numbers>>;

Flat unfold(const std::vector<Command> &commands) {
  Flat flat;
  forEachCommand(commands, [&](Op op, llvm::ArrayRef<int64_t> args) {
    flat.push_back({op, args.vec()});
    return true;
  });
  return flat;
}

Numbers roundTrip(const Numbers &list, size_t *length = nullptr) {
  Numbers encoded, decoded;
  appendList(list, encoded);
  size_t at = 0;
  REQUIRE(readList(encoded, at, decoded));
  REQUIRE(at == encoded.size());
  if (length)
    *length = encoded.size();
  return decoded;
}

} // namespace

TEST_CASE("commands: lists are what they were", "[lowering][commands]") {
  size_t length = 0;
  CHECK(roundTrip({}) == Numbers{});
  CHECK(roundTrip({7}) == Numbers{7});
  CHECK(roundTrip({0, 1, 2, 3}, &length) == Numbers{0, 1, 2, 3});
  CHECK(length == 6);
  // A tile: four rows of three, eight apart.
  Numbers tile;
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 3; ++column)
      tile.push_back(5 + 8 * row + column);
  CHECK(roundTrip(tile, &length) == tile);
  CHECK(length == 6);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    Numbers list;
    for (uint64_t k = random() % 20; k-- > 0;)
      list.push_back(static_cast<int64_t>(random() % 7) - 3);
    CHECK(roundTrip(list) == list);
  }
}

TEST_CASE("commands: what is no list is refused", "[lowering][commands]") {
  Numbers list;
  for (const Numbers &numbers :
       {Numbers{}, Numbers{-1}, Numbers{1}, Numbers{1, 0, 0, 1, 1, 0},
        Numbers{1, 0, 1, 1, 0, 0}, Numbers{2, 0, 1, 1, 1, 1},
        Numbers{1, 0, int64_t{1} << 40, 1, 1, 1},
        Numbers{1, 0, int64_t{1} << 20, 1, int64_t{1} << 20, 1}}) {
    size_t at = 0;
    CHECK(!readList(numbers, at, list));
  }
}

TEST_CASE("commands: steps that advance evenly are a loop",
          "[lowering][commands]") {
  StreamBuilder builder;
  Flat expected;
  auto add = [&](Op op, Numbers args) {
    expected.push_back({op, args});
    builder.add(op, std::move(args));
  };
  builder.beginLoop();
  for (int64_t i = 0; i < 6; ++i) {
    builder.nextStep();
    add(Op::close, {10 * i});
    builder.beginLoop();
    for (int64_t k = 0; k < 5; ++k) {
      builder.nextStep();
      add(Op::wait, {100 * i + k});
      if (i == 5 && k == 4)
        add(Op::barrier, {0}); // the last step is different
    }
    builder.endLoop();
  }
  builder.endLoop();
  std::vector<Command> commands = builder.finish();
  CHECK(unfold(commands) == expected);
  StreamSize size = measure(commands);
  CHECK(size.executed == expected.size());
  CHECK(size.written < 12);
  REQUIRE(!commands.empty());
  CHECK(commands[0].op == Op::loop);
  CHECK(commands[0].times == 5);
}

TEST_CASE("commands: random loops unfold to what they were",
          "[lowering][commands]") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 50; ++round) {
    StreamBuilder builder;
    Flat expected;
    std::function<void(int)> fill = [&](int depth) {
      for (uint64_t i = random() % 3; i-- > 0;) {
        Numbers args = {static_cast<int64_t>(random() % 3)};
        expected.push_back({Op::wait, args});
        builder.add(Op::wait, args);
      }
      if (depth == 0)
        return;
      builder.beginLoop();
      for (uint64_t i = random() % 5; i-- > 0;) {
        builder.nextStep();
        fill(depth - 1);
      }
      builder.endLoop();
    };
    fill(3);
    CHECK(unfold(builder.finish()) == expected);
  }
}

TEST_CASE("commands: a file is read as it was written",
          "[lowering][commands]") {
  StreamBuilder builder;
  builder.add(Op::open, {0, 0, 0, -1, 0});
  builder.beginLoop();
  for (int64_t i = 0; i < 3; ++i) {
    builder.nextStep();
    builder.add(Op::wait, {i});
  }
  builder.endLoop();
  CommandStream stream{"c", "a", "s", {"A"}, {"Z"}, {"DRAM"}, {"pe"}, {}, {}};
  stream.commands = builder.finish();
  std::string text;
  llvm::raw_string_ostream os(text);
  writeCommandsJson(stream, os);
  Diagnostics diags;
  auto json = parseSourceJson(text, "x.json", diags);
  REQUIRE(json);
  auto read = readCommands(*json, diags);
  REQUIRE(read);
  CHECK(unfold(read->commands) == unfold(stream.commands));
  CHECK(read->tensors == stream.tensors);
  std::string again;
  llvm::raw_string_ostream second(again);
  writeCommandsJson(*read, second);
  CHECK(again == text);
}
