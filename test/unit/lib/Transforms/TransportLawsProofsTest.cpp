// The table by which reductions are carried from one value of a statistic to
// another (lib/Transforms/Algebra/TransportLaws.cpp), proved entry by entry:
// the text that the engine quotes is the text that Z3 reads.

#include "lib/Transforms/Algebra/TransportLaws.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <z3++.h>

using namespace einsum::algebra;

namespace {

/// Prefix notation: an atom, or a list.
struct Sexp {
  std::string atom;
  std::vector<Sexp> list;

  std::string print() const {
    if (list.empty())
      return atom;
    std::string text = "(";
    for (const Sexp &part : list)
      text += (text.size() > 1 ? " " : "") + part.print();
    return text + ")";
  }
};

Sexp parse(llvm::StringRef &text) {
  text = text.ltrim();
  if (!text.consume_front("(")) {
    llvm::StringRef atom =
        text.take_until([](char c) { return c == ' ' || c == ')'; });
    text = text.drop_front(atom.size());
    return {atom.str(), {}};
  }
  Sexp sexp;
  while (!(text = text.ltrim()).consume_front(")"))
    sexp.list.push_back(parse(text));
  return sexp;
}

Sexp parse(const std::string &text) {
  llvm::StringRef rest = text;
  return parse(rest);
}

Sexp substitute(const Sexp &in, const std::map<std::string, std::string> &by) {
  if (in.list.empty()) {
    auto it = by.find(in.atom);
    return it == by.end() ? in : parse(it->second);
  }
  Sexp result;
  for (const Sexp &part : in.list)
    result.list.push_back(substitute(part, by));
  return result;
}

std::string with(llvm::StringRef text,
                 const std::map<std::string, std::string> &by) {
  return substitute(parse(text.str()), by).print();
}

/// The product `f` with only `power` of its factors (x - d).
std::string withPower(llvm::StringRef f, unsigned power) {
  Sexp product = parse(f.str()), result;
  for (const Sexp &factor : product.list) {
    bool isShift = factor.print() == "(- x d)";
    if (isShift && power == 0)
      continue;
    power -= isShift;
    result.list.push_back(factor);
  }
  return result.list.size() == 2 ? result.list[1].print() : result.print();
}

void collectExps(const Sexp &in, std::set<std::string> &arguments) {
  if (in.list.size() == 2 && in.list[0].atom == "exp")
    arguments.insert(in.list[1].print());
  for (const Sexp &part : in.list)
    collectExps(part, arguments);
}

/// exp(u + v) = exp(u) exp(v), positive and increasing: on the terms at hand.
std::string axiomsFor(const std::string &formula) {
  std::set<std::string> arguments;
  collectExps(parse(formula), arguments);
  std::string axioms;
  for (const std::string &u : arguments) {
    axioms += "(assert (> (exp " + u + ") 0))\n";
    for (const std::string &v : arguments) {
      axioms += "(assert (=> (< " + u + " " + v + ") (< (exp " + u + ") (exp " +
                v + "))))\n";
      axioms += "(assert (=> (= " + u + " " + v + ") (= (exp " + u + ") (exp " +
                v + "))))\n";
      for (const std::string &w : arguments)
        axioms += "(assert (=> (= (+ " + u + " " + v + ") " + w + ") (= (exp " +
                  w + ") (* (exp " + u + ") (exp " + v + ")))))\n";
    }
  }
  return axioms;
}

z3::check_result refute(const std::string &condition,
                        const std::string &claim) {
  // z3 has an exp of its own.
  std::string formula = "(and " + condition + " (not " + claim + "))";
  std::string text = axiomsFor(formula) + "(assert " + formula + ")";
  for (size_t at = 0; (at = text.find("(exp ", at)) != std::string::npos;)
    text.replace(at, 5, "(ex ");
  std::string header =
      "(declare-fun ex (Real) Real)\n"
      "(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))\n"
      "(define-fun min2 ((p Real) (q Real)) Real (ite (<= p q) p q))\n";
  for (const char *name :
       {"x", "w", "d", "e", "c", "a", "b", "a0", "b0", "a1", "b1"})
    header += "(declare-const " + std::string(name) + " Real)\n";
  z3::context context;
  z3::solver solver(context);
  z3::params params(context);
  params.set("timeout", 10000u);
  solver.set(params);
  INFO(text);
  solver.from_string((header + text).c_str());
  return solver.check();
}

std::string plus(llvm::StringRef monoid, const std::string &a,
                 const std::string &b) {
  return "(" +
         std::string(monoid == "add"   ? "+"
                     : monoid == "max" ? "max2"
                                       : "min2") +
         " " + a + " " + b + ")";
}

/// F(x, e) = T(F(x, d)), or F(x, d) = T(F without d).
std::string carries(const TransportLaw &law, llvm::StringRef transport) {
  if (!law.atNeutral.empty())
    return "(= " + law.f.str() + " " +
           with(transport, {{"s", law.atNeutral.str()}}) + ")";
  std::string s = law.f.str();
  return "(= " + with(law.f, {{"d", "e"}}) + " " +
         with(transport, {{"s", s},
                          {"s0", withPower(law.f, 0)},
                          {"s1", withPower(law.f, 1)}}) +
         ")";
}

std::string isHomomorphic(const TransportLaw &law) {
  auto at = [&](const std::string &s, const std::string &s0,
                const std::string &s1) {
    return with(law.transport, {{"s", s}, {"s0", s0}, {"s1", s1}});
  };
  std::string together =
      at(plus(law.monoid, "a", "b"), plus(law.monoid, "a0", "b0"),
         plus(law.monoid, "a1", "b1"));
  return "(= " + together + " " +
         plus(law.monoid, at("a", "a0", "a1"), at("b", "b0", "b1")) + ")";
}

} // namespace

TEST_CASE("every transport law of the table carries and is a homomorphism",
          "[laws]") {
  REQUIRE(getTransportLaws().size() >= 10);
  for (const TransportLaw &law : getTransportLaws()) {
    INFO(law.name.str());
    std::string condition = law.condition.str();
    CHECK(refute(condition, carries(law, law.transport)) == z3::unsat);
    CHECK(refute(condition, isHomomorphic(law)) == z3::unsat);
    if (law.monoid == "add") {
      std::string zero =
          with(law.transport, {{"s", "0"}, {"s0", "0"}, {"s1", "0"}});
      CHECK(refute(condition, "(= " + zero + " 0)") == z3::unsat);
    }
  }
}

TEST_CASE("the table with a mistake in it is refuted", "[laws]") {
  for (const TransportLaw &law : getTransportLaws()) {
    INFO(law.name.str());
    std::string condition = law.condition.str();
    // Without any correction.
    CHECK(refute(condition, carries(law, "s")) == z3::sat);
    // With old and new value exchanged.
    if (law.atNeutral.empty())
      CHECK(refute(condition, carries(law, with(law.transport,
                                                {{"d", "e"}, {"e", "d"}}))) ==
            z3::sat);
    // Without the condition.
    if (condition != "true")
      CHECK((refute("true", carries(law, law.transport)) == z3::sat ||
             refute("true", isHomomorphic(law)) == z3::sat));
  }
}
