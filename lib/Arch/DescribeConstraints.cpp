//===- DescribeConstraints.cpp - Constraints in words ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::arch;

namespace {

std::string describe(const TensorSet &set) {
  std::vector<std::string> words;
  for (const TensorTerm &term : set)
    words.push_back((term.negated ? "not " : "") + term.name.name);
  return words.empty() ? "nothing" : llvm::join(words, ", ");
}

std::string list(llvm::ArrayRef<WorkloadName> names) {
  std::vector<std::string> words;
  for (const WorkloadName &name : names)
    words.push_back(name.name);
  return llvm::join(words, ", ");
}

std::string describe(const Bounds &bounds) {
  if (bounds.min == bounds.max)
    return llvm::utostr(bounds.min);
  std::string text;
  if (bounds.min > 0)
    text = "at least " + llvm::utostr(bounds.min);
  if (bounds.max != Bounds().max)
    text +=
        (text.empty() ? "at most " : ", at most ") + llvm::utostr(bounds.max);
  return text.empty() ? "any number" : text;
}

/// "; for ...", or nothing.
std::string describe(const EinsumSelection &on) {
  std::string text;
  if (!on.einsums.empty())
    text += " " + list(on.einsums);
  if (!on.operators.empty())
    text += " with " + list(on.operators);
  if (on.operands.min != 0 || on.operands.max != Bounds().max)
    text += " of " + ::describe(on.operands) + " operands";
  if (on.exceptCopies)
    text += " but copies";
  return text;
}

std::string withSelection(std::vector<std::string> parts,
                          const EinsumSelection &on) {
  std::string text = llvm::join(parts, "; ");
  std::string which = ::describe(on);
  return which.empty() ? text : text + "; for all Einsums" + which;
}

} // namespace

std::string arch::describe(const LevelConstraint &constraint,
                           const ArchSpec &) {
  std::vector<std::string> parts;
  if (constraint.mustKeep)
    parts.push_back("must keep " + ::describe(*constraint.mustKeep));
  if (constraint.mayKeep)
    parts.push_back("may keep " + ::describe(*constraint.mayKeep));
  if (!constraint.order.empty())
    parts.push_back("order " + list(constraint.order));
  for (const TileBound &bound : constraint.tile)
    parts.push_back(
        "tile of " + bound.rank.name + " " + ::describe(bound.extent) +
        (bound.multipleOf == 1
             ? ""
             : ", a multiple of " + llvm::utostr(bound.multipleOf)));
  return withSelection(std::move(parts), constraint.on);
}

std::string arch::describe(const DimensionConstraint &constraint,
                           const ArchSpec &) {
  std::vector<std::string> parts;
  if (!constraint.reuse.empty())
    parts.push_back("reuses " + ::describe(constraint.reuse));
  if (constraint.ranks)
    parts.push_back("ranks " + list(*constraint.ranks));
  if (constraint.minUtilization > 0) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", constraint.minUtilization);
    parts.push_back("uses at least " + std::string(text) + " of its units" +
                    (constraint.relax ? ", or as many as it can" : ""));
  }
  return withSelection(std::move(parts), constraint.on);
}

std::string arch::describe(const ArrayChoice &constraint,
                           const ArchSpec &spec) {
  std::vector<std::string> names;
  for (int array : constraint.arrays)
    names.push_back(spec.arrays[array].name);
  return ::describe(constraint.on) + ": run on " + llvm::join(names, " or ");
}
