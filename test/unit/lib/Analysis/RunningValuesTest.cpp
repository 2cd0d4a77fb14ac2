#include "lib/Analysis/RunningValues.h"

#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;

namespace {

constexpr const char *sums = R"(
cascade c(A=8, W=3) : f32
  input X[a]
  R[a] = R[a-1] + X[a] init 0
  same[a] = R[a] * X[a]
  before[a] = R[a-2] * X[a]
  window[a,w] = R[a-w]
  last = R[A-1]
  first = R[0]
  output same, before, window, last, first
)";

StepsBack backOf(const test::CascadeText &text, const char *reader) {
  for (const AccessFact &read : text.facts.einsums[text.einsum(reader)].reads)
    if (read.tensor == text.tensor("R"))
      return findStepsBack(text.facts, read);
  return {};
}

} // namespace

TEST_CASE("reads of a recurrence reach back so many steps") {
  test::CascadeText text(sums);
  CHECK(stepDirection(text.facts, text.tensor("R")) == 1);
  for (auto [reader, steps] :
       {std::pair{"R", 1}, {"same", 0}, {"before", 2}, {"window", 2}}) {
    INFO(reader);
    CHECK(backOf(text, reader).kind == StepsBack::near);
    CHECK(backOf(text, reader).steps == steps);
  }
  CHECK(backOf(text, "last").kind == StepsBack::last);
  CHECK(backOf(text, "first").kind == StepsBack::any);
}

TEST_CASE("who comes later keeps what it reads beside what is made") {
  StepsBack one{StepsBack::near, 1};
  CHECK(countStepsKept(one, ReadTurn::before, 1) == 1);
  CHECK(countStepsKept(one, ReadTurn::after, 1) == 2);
  CHECK(countStepsKept(one, ReadTurn::stage, 4, 2) == 13);
  CHECK(countStepsKept({StepsBack::last, 0}, ReadTurn::after, 4) == 4);
  CHECK(countStepsKept({}, ReadTurn::before, 1) == std::nullopt);
  test::CascadeText text(sums);
  auto isProducer = [&](int einsum) { return einsum == text.einsum("R"); };
  CHECK(countStepsInSequence(text.facts, text.tensor("R"), 1, isProducer) ==
        std::nullopt);
}

TEST_CASE("a recurrence that goes down has its initial value at the end") {
  test::CascadeText text(R"(
cascade c(A=4) : f32
  input X[a]
  R[a] = R[a+1] + X[a] init 0
  Z[a] = R[a-1] * X[a]
  output Z
)");
  CHECK(stepDirection(text.facts, text.tensor("R")) == -1);
  // R[-1] is no initial value: it is not there, nor is Z[0].
  CHECK(text.facts.einsums[text.einsum("Z")].points == 3);
}
