// Every law that a rewrite rests on, proved by Z3; every refusal and every law
// with a mistake in it, refuted with a model. The queries are in Inputs/, as
// SMT-LIB text that Z3's command line reads too.

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <catch2/catch.hpp>
#include <z3++.h>

namespace {

struct Query {
  std::string title, text;
};

std::vector<Query> readQueries(const std::string &file) {
  std::string path =
      EINSUM_SOURCE_DIR "/test/unit/lib/Transforms/Inputs/" + file;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  REQUIRE(buffer);
  std::vector<Query> queries;
  llvm::SmallVector<llvm::StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.consume_front(";; "))
      queries.push_back({line.str(), ""});
    else if (!queries.empty())
      queries.back().text += line.str() + "\n";
  }
  return queries;
}

/// A fresh context each time: no query sees another's declarations. Running out
/// of time counts as failure.
z3::check_result ask(const Query &query) {
  z3::context context;
  z3::solver solver(context);
  z3::params params(context);
  params.set("timeout", 10000u);
  solver.set(params);
  solver.from_string(query.text.c_str());
  REQUIRE(solver.assertions().size() > 0);
  return solver.check();
}

} // namespace

TEST_CASE("every law holds for all reals", "[laws]") {
  std::vector<Query> laws = readQueries("laws.smt2");
  REQUIRE(laws.size() >= 40);
  for (const Query &law : laws) {
    INFO(law.title);
    CHECK(ask(law) == z3::unsat);
  }
}

TEST_CASE("every refusal and every mistaken law has a counterexample",
          "[laws]") {
  std::vector<Query> refusals = readQueries("refusals.smt2");
  REQUIRE(refusals.size() >= 25);
  for (const Query &refusal : refusals) {
    INFO(refusal.title);
    CHECK(ask(refusal) == z3::sat);
  }
}
