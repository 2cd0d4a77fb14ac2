#include "lib/Mapper/Join/PointOrder.h"

#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using namespace einsum::mapper;

namespace {

/// Whether Z may read Y below one loop over `a`, where both run in each step.
std::optional<bool> mayShare(llvm::StringRef filter, int64_t extent,
                             int64_t tile, int homeDepth = 0) {
  test::CascadeText text("cascade c(A=" + std::to_string(extent) +
                         ", B=2) : f32\n"
                         "  input I[a,b]\n"
                         "  Y[b] = I[a,b]\n"
                         "  Z[a,b] = Y[b] * I[a,b] " +
                         filter.str() + "\n  output Z\n");
  int y = text.einsum("Y"), z = text.einsum("Z");
  OrderedEinsum producer{
      y, &text.facts.einsums[y].writes[0], {Role::everyStep}},
      reader{z, &text.facts.einsums[z].reads[0], {Role::everyStep}};
  REQUIRE(reader.access->tensor == text.tensor("Y"));
  SharedLoop loop{text.facts.findRank("a"), tile, 0};
  return isMadeBefore(text.facts, producer, reader, loop, homeDepth);
}

} // namespace

TEST_CASE("what a reduction makes is read in its last step") {
  CHECK(mayShare("where a >= 1", 2, 1) == true);
  CHECK(mayShare("", 2, 1) == false);
  CHECK(mayShare("where a >= 1", 3, 1) == false);
  CHECK(mayShare("where a >= 2", 4, 2) == true);
  // A home that each step enters anew has lost what earlier ones added.
  CHECK(mayShare("where a >= 1", 2, 1, 1) == false);
}

TEST_CASE("of many points some tell that a read is too early") {
  CHECK(mayShare("where a >= 1", 100000, 10) == false);
  CHECK(mayShare("where a >= 99990", 100000, 10) == std::nullopt);
}

namespace {

/// Whether Y[w] may live below a loop over w that Z, which reads it at
/// `coordinate`, has not, or has as one that goes down.
std::optional<bool> mayLiveInside(llvm::StringRef coordinate, Role role,
                                  int direction) {
  test::CascadeText text(("cascade c(A=2, W=4) : f32\n"
                          "  input I[w], J[a], K[w]\n"
                          "  Y[w] = I[w]\n"
                          "  Z[" +
                          llvm::Twine(role == Role::everyStep ? "w" : "a") +
                          "] = Y[" + coordinate + "] * " +
                          (role == Role::everyStep ? "K[w]" : "J[a]") +
                          "\n  output Z\n")
                             .str());
  int y = text.einsum("Y"), z = text.einsum("Z");
  OrderedEinsum producer{
      y, &text.facts.einsums[y].writes[0], {Role::everyStep}},
      reader{z, &text.facts.einsums[z].reads[0], {role}};
  SharedLoop loop{text.facts.findRank("w"), 2, direction};
  return isMadeBefore(text.facts, producer, reader, loop, /*homeDepth=*/1);
}

} // namespace

TEST_CASE("who lacks a loop's rank reads what its one step makes") {
  CHECK(mayLiveInside("3", Role::lastStep, 0) == true);
  CHECK(mayLiveInside("a+2", Role::lastStep, 0) == true);
  CHECK(mayLiveInside("a+1", Role::lastStep, 0) == false);
  CHECK(mayLiveInside("0", Role::lastStep, 0) == false);
  CHECK(mayLiveInside("0", Role::firstStep, 0) == true);
  // A loop that goes down ends with the first coordinates.
  CHECK(mayLiveInside("0", Role::lastStep, -1) == true);
  CHECK(mayLiveInside("3", Role::lastStep, -1) == false);
}
