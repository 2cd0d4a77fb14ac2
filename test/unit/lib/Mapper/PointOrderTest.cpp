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
