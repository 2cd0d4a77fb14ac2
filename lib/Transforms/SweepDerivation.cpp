//===- SweepDerivation.cpp - How a member came to share the sweep ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each member is told as the laws that brought it into its sweep: what could be
// deferred, what had to be corrected, with the statements before and after.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include "lib/Transforms/Algebra/TransportLaws.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

SmallVector<std::string, 2> Emitter::textBefore(const SweepMember &member) {
  SmallVector<std::string, 2> lines;
  for (Value tensor : member.seenThrough) {
    std::string line = toText(editor, *facts.definition(tensor));
    if (!llvm::is_contained(lines, line))
      lines.push_back(line);
  }
  lines.push_back(toText(editor, member.statement));
  return lines;
}

static LawId deferralLaw(const SweepMember &member) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  bool isMin = monoid == "min" || monoid == "argmin";
  ArrayRef<Factor> factors = member.terms.front().factors;
  bool divides = !factors.empty() && factors.front().isDivisor;
  bool chooses = !factors.empty() && llvm::all_of(factors, [](const Factor &f) {
    return f.isChoice();
  });
  if (monoid == "add" && chooses)
    return LawId::deferChoice;
  if (monoid == "add")
    return divides ? LawId::deferDivisor : LawId::deferFactor;
  if (!member.base.empty())
    return isMin ? LawId::deferExponentialOfMin : LawId::deferExponentialOfMax;
  if (!member.addends.empty())
    return isMin ? LawId::deferShiftOfMin : LawId::deferShiftOfMax;
  if (divides)
    return isMin ? LawId::deferDivisorOfMin : LawId::deferDivisorOfMax;
  return isMin ? LawId::deferScaleOfMin : LawId::deferScaleOfMax;
}

/// How a member came to share the sweep: one law, or two in a row.
void Emitter::recordStep(unsigned index, size_t firstNew) {
  const SweepMember &member = plan.members[index];
  bool defers = !member.addends.empty(), exponential = false, shift = false;
  SmallVector<std::string, 2> deferred, framed;
  auto addName = [](SmallVectorImpl<std::string> &names,
                    const std::string &name) {
    if (!llvm::is_contained(names, name))
      names.push_back(name);
  };
  for (const Term &term : member.terms) {
    defers |= !term.factors.empty();
    exponential |= !term.exponents.empty();
    shift |= !term.shifts.empty();
    for (const Factor &factor : term.factors)
      addName(deferred, toText(editor, factor.d));
    for (const Exponent &exponent : term.exponents)
      addName(framed, toText(editor, exponent.d));
    for (const Shift &s : term.shifts)
      for (const Part &part : s.linear.parts)
        addName(framed, toText(editor, part.d));
  }
  for (const Part &part : member.addends)
    addName(deferred, toText(editor, part.d));
  size_t endNew = news.size();
  auto push = [&](StringRef law, const Twine &identity,
                  const Twine &conditions) {
    derivation.steps.push_back({law.str(),
                                member.statement.tensors[0].str(),
                                plan.rank,
                                identity.str(),
                                conditions.str(),
                                {},
                                {},
                                member.statement.loc,
                                {}});
    return derivation.steps.size() - 1;
  };
  bool corrects = exponential || shift;
  bool isSquared = llvm::any_of(member.terms, [](const Term &term) {
    return term.shifts.size() > 1 ||
           llvm::any_of(term.shifts,
                        [](const Shift &s) { return s.power > 1; });
  });
  SmallVector<std::string, 2> before = textBefore(member), between;
  if (defers) {
    size_t step = push("deferral", getLaw(deferralLaw(member)).text,
                       "'" + llvm::join(deferred, "', '") +
                           "' does not depend on '" + plan.rank + "'");
    derivation.steps[step].before.assign(before.begin(), before.end());
    if (corrects) {
      between = textAfterDeferral(member);
      derivation.steps[step].after.assign(between.begin(), between.end());
    } else {
      stepNews.push_back({step, firstNew, endNew});
    }
  }
  if (corrects) {
    LawId law = exponential && shift ? LawId::correctExponentialShift
                : exponential        ? LawId::correctExponential
                : isSquared          ? LawId::correctSquaredShift
                                     : LawId::correctShift;
    std::string conditions = "frames " + llvm::join(framed, ", ");
    if (!member.conditions.empty())
      conditions += "; " + member.conditions;
    if (shift)
      conditions += "; the sums of all lower powers are kept";
    size_t step = push("online correction", getLaw(law).text, conditions);
    ArrayRef<std::string> from = defers ? between : before;
    derivation.steps[step].before.assign(from.begin(), from.end());
    stepNews.push_back({step, firstNew, endNew});
  }
  if (!defers && !corrects)
    stepNews.push_back({push("joint traversal", "the statistic cancels", ""),
                        firstNew, endNew});
}

/// The member with its factors moved behind it, as if that were all.
SmallVector<std::string, 2>
Emitter::textAfterDeferral(const SweepMember &member) {
  Statement whole = member.statement;
  Expr value = nullptr;
  SmallVector<std::string, 2> lines;
  for (auto [i, term] : llvm::enumerate(member.terms)) {
    Statement part = member.statement;
    std::string name = "U" + member.statement.tensors[0].str();
    if (member.terms.size() > 1)
      name += "_" + std::to_string(i);
    part.tensors.assign(1, StringAttr::get(editor.getContext(), name));
    Expr body = term.rest;
    for (const Shift &shift : term.shifts)
      for (unsigned n = 0; n < shift.power; ++n)
        body = body ? arithmetic("arith.mulf", body, shift.linear.body)
                    : shift.linear.body;
    Type scalar = getScalarType(member.statement.elementTypes[0]);
    body = exprs.rewrite(body ? body : exprs.number(1, scalar),
                         [&](Expr node) -> Expr {
                           return node->kind == ExprNode::Kind::slot
                                      ? plan.slots.statistics[node->slot]
                                      : nullptr;
                         });
    part.values.assign(1, body);
    lines.push_back(toText(editor, part));
    Value placeholder =
        editor.declare(name, part.outputRanks, part.elementTypes[0]);
    Expr sum = editor.readPlain(placeholder);
    for (const Factor &factor : term.factors)
      sum = factor.isChoice()
                ? applyChoice(exprs, factor, sum, factor.d)
                : arithmetic(factor.isDivisor ? "arith.divf" : "arith.mulf",
                             sum, factor.d);
    value = value ? arithmetic("arith.addf", value, sum) : sum;
    temporaries.push_back(placeholder);
  }
  whole.values.assign(1, value);
  whole.reductions.clear();
  whole.filter.clear();
  lines.push_back(toText(editor, whole));
  return lines;
}
