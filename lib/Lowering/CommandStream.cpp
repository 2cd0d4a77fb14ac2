//===- CommandStream.cpp - A schedule as commands of a machine ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/CommandStream.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::lowering;

static constexpr const char *kNames[] = {
    "open", "close",  "keep",   "load", "store",   "group", "end",
    "run",  "output", "signal", "wait", "barrier", "loop"};

llvm::StringRef einsum::lowering::spell(Op op) {
  return kNames[static_cast<size_t>(op)];
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

namespace {

/// start, start + step, ... count of them, and all that again `repeats` times,
/// `distance` further each.
struct Run {
  int64_t start, count, step, repeats = 1, distance = 0;
};

} // namespace

static std::vector<Run> findRuns(llvm::ArrayRef<int64_t> list) {
  std::vector<Run> runs;
  for (size_t i = 0; i < list.size();) {
    size_t end = i + 1;
    int64_t step = end < list.size() ? list[end] - list[i] : 0;
    while (end < list.size() && list[end] - list[end - 1] == step)
      ++end;
    // A single one left over may belong to the next run.
    if (end - i == 2 && end < list.size())
      --end;
    Run run{list[i], static_cast<int64_t>(end - i), end - i > 1 ? step : 0};
    i = end;
    if (!runs.empty() && runs.back().count == run.count &&
        runs.back().step == run.step) {
      Run &last = runs.back();
      int64_t from = last.start + (last.repeats - 1) * last.distance;
      if (last.repeats == 1 || run.start - from == last.distance) {
        last.distance = run.start - from;
        ++last.repeats;
        continue;
      }
    }
    runs.push_back(run);
  }
  return runs;
}

void einsum::lowering::appendList(llvm::ArrayRef<int64_t> list, Numbers &to) {
  std::vector<Run> runs = findRuns(list);
  to.push_back(static_cast<int64_t>(runs.size()));
  for (const Run &run : runs)
    to.insert(to.end(),
              {run.start, run.count, run.step, run.repeats, run.distance});
}

bool einsum::lowering::readList(llvm::ArrayRef<int64_t> numbers, size_t &at,
                                Numbers &list) {
  constexpr int64_t most = int64_t{1} << 28;
  list.clear();
  if (at >= numbers.size())
    return false;
  int64_t runs = numbers[at++];
  if (runs < 0 || runs > static_cast<int64_t>((numbers.size() - at) / 5))
    return false;
  for (int64_t r = 0; r < runs; ++r, at += 5) {
    auto [start, count, step, repeats, distance] =
        std::tuple(numbers[at], numbers[at + 1], numbers[at + 2],
                   numbers[at + 3], numbers[at + 4]);
    if (count < 1 || repeats < 1 || count > most || repeats > most / count ||
        static_cast<int64_t>(list.size()) > most - count * repeats)
      return false;
    for (int64_t i = 0; i < repeats; ++i)
      for (int64_t k = 0; k < count; ++k)
        list.push_back(start + i * distance + k * step);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

static bool haveSameShape(llvm::ArrayRef<Command> a,
                          llvm::ArrayRef<Command> b) {
  if (a.size() != b.size())
    return false;
  return llvm::all_of(llvm::zip(a, b), [](const auto &pair) {
    const auto &[one, other] = pair;
    return one.op == other.op && one.args.size() == other.args.size() &&
           one.steps == other.steps && one.times == other.times &&
           haveSameShape(one.body, other.body);
  });
}

/// By how much all arguments of `b` exceed those of `a`, in order.
static void listDifferences(llvm::ArrayRef<Command> a,
                            llvm::ArrayRef<Command> b, Numbers &differences) {
  for (const auto &[one, other] : llvm::zip(a, b)) {
    for (auto [x, y] : llvm::zip(one.args, other.args))
      differences.push_back(y - x);
    listDifferences(one.body, other.body, differences);
  }
}

static void addSteps(std::vector<Command> &commands, const Numbers &differences,
                     size_t &at) {
  for (Command &command : commands) {
    Numbers own(differences.begin() + at,
                differences.begin() + at + command.args.size());
    at += command.args.size();
    if (llvm::all_of(own, [](int64_t d) { return d == 0; }))
      own.clear();
    command.steps.insert(command.steps.begin(), std::move(own));
    addSteps(command.body, differences, at);
  }
}

/// Neighbours whose numbers advance by the same become a loop.
static std::vector<Command> fold(std::vector<std::vector<Command>> steps) {
  std::vector<Command> folded;
  for (size_t i = 0; i < steps.size();) {
    Numbers stride, next;
    size_t end = i + 1;
    if (end < steps.size() && haveSameShape(steps[i], steps[end])) {
      listDifferences(steps[i], steps[end], stride);
      for (++end; end < steps.size() && haveSameShape(steps[i], steps[end]);
           ++end) {
        next.clear();
        listDifferences(steps[end - 1], steps[end], next);
        if (next != stride)
          break;
      }
    }
    if (end - i < 2 || steps[i].empty()) {
      for (size_t k = i; k < end; ++k)
        llvm::move(steps[k], std::back_inserter(folded));
      i = end;
      continue;
    }
    Command loop;
    loop.op = Op::loop;
    loop.times = static_cast<int64_t>(end - i);
    loop.body = std::move(steps[i]);
    size_t at = 0;
    addSteps(loop.body, stride, at);
    folded.push_back(std::move(loop));
    i = end;
  }
  return folded;
}

StreamBuilder::StreamBuilder() : levels(1) { levels.back().steps.resize(1); }

void StreamBuilder::add(Op op, Numbers args) {
  Command command;
  command.op = op;
  command.args = std::move(args);
  levels.back().steps.back().push_back(std::move(command));
}

void StreamBuilder::beginLoop() { levels.emplace_back(); }

void StreamBuilder::nextStep() { levels.back().steps.emplace_back(); }

void StreamBuilder::endLoop() {
  std::vector<Command> folded = fold(std::move(levels.back().steps));
  levels.pop_back();
  llvm::move(folded, std::back_inserter(levels.back().steps.back()));
}

std::vector<Command> StreamBuilder::finish() {
  return std::move(levels.back().steps.back());
}

//===----------------------------------------------------------------------===//
// Unfolding
//===----------------------------------------------------------------------===//

static bool unfold(llvm::ArrayRef<Command> commands, Numbers &counters,
                   llvm::function_ref<bool(Op, llvm::ArrayRef<int64_t>)> act) {
  Numbers args;
  for (const Command &command : commands) {
    if (command.op == Op::loop) {
      counters.push_back(0);
      for (int64_t i = 0; i < command.times; ++i) {
        counters.back() = i;
        if (!unfold(command.body, counters, act))
          return false;
      }
      counters.pop_back();
      continue;
    }
    args = command.args;
    for (auto [step, counter] : llvm::zip(command.steps, counters))
      for (size_t i = 0; i < step.size(); ++i)
        args[i] += step[i] * counter;
    if (!act(command.op, args))
      return false;
  }
  return true;
}

bool einsum::lowering::forEachCommand(
    llvm::ArrayRef<Command> commands,
    llvm::function_ref<bool(Op, llvm::ArrayRef<int64_t>)> act) {
  Numbers counters;
  return unfold(commands, counters, act);
}

StreamSize einsum::lowering::measure(llvm::ArrayRef<Command> commands) {
  StreamSize size;
  for (const Command &command : commands) {
    StreamSize below = measure(command.body);
    size.written += 1 + below.written;
    size.executed += command.op == Op::loop
                         ? below.executed * static_cast<double>(command.times)
                         : 1;
  }
  return size;
}
