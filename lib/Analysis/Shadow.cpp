//===- Shadow.cpp - Sets without the variables that do not matter ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/Shadow.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;
using namespace einsum;
using llvm::DynamicAPInt;
using presburger::IntegerPolyhedron;

/// Combinations of bounds that are made for one variable at most.
static constexpr size_t kMostCombinations = 256;

namespace {

/// Coefficients of the variables, then the constant.
using Row = std::vector<DynamicAPInt>;

class System {
public:
  explicit System(const IntegerPolyhedron &set);

  /// Uses equalities that give a local by the others.
  void substitute();
  /// Removes one local without changing the set; false if none can be.
  bool removeOne();
  /// Removes one local that is no quotient by its dark shadow; false if there
  /// is none, or it takes too much.
  bool darkenOne();
  bool hasOnlyQuotients() const { return build().hasOnlyDivLocals(); }
  IntegerPolyhedron build() const;

private:
  struct Bounds {
    std::vector<const Row *> lower, upper;
    size_t count() const { return lower.size() * upper.size(); }
  };
  bool isInEquality(unsigned column) const {
    return llvm::any_of(equalities,
                        [&](const Row &row) { return row[column] != 0; });
  }
  Bounds findBounds(unsigned column) const;
  bool isExact(unsigned column) const;
  void remove(unsigned column);
  void addInequality(Row row);

  unsigned kept, numVars;
  std::vector<unsigned> locals; ///< columns that are still there
  std::vector<Row> equalities;
  /// Smallest constant for each row of coefficients.
  std::map<Row, DynamicAPInt> inequalities;
  bool isEmpty = false;
};

} // namespace

System::System(const IntegerPolyhedron &set)
    : kept(set.getNumDimVars()), numVars(set.getNumVars()) {
  for (unsigned column = kept; column < numVars; ++column)
    locals.push_back(column);
  for (unsigned i = 0; i < set.getNumEqualities(); ++i) {
    llvm::ArrayRef<DynamicAPInt> row = set.getEquality(i);
    equalities.emplace_back(row.begin(), row.end());
  }
  for (unsigned i = 0; i < set.getNumInequalities(); ++i) {
    llvm::ArrayRef<DynamicAPInt> row = set.getInequality(i);
    addInequality(Row(row.begin(), row.end()));
  }
}

/// Divides by the common factor of the coefficients, constants rounded down.
static void tighten(Row &row) {
  DynamicAPInt factor(0);
  for (size_t i = 0; i + 1 < row.size(); ++i)
    factor = llvm::gcd(factor, llvm::abs(row[i]));
  if (factor == 0)
    return;
  for (size_t i = 0; i + 1 < row.size(); ++i)
    row[i] /= factor;
  row.back() = floorDiv(row.back(), factor);
}

void System::addInequality(Row row) {
  tighten(row);
  DynamicAPInt constant = row.back();
  row.pop_back();
  if (llvm::all_of(row, [](const DynamicAPInt &c) { return c == 0; })) {
    isEmpty |= constant < 0;
    return;
  }
  auto [it, isNew] = inequalities.try_emplace(std::move(row), constant);
  if (!isNew && constant < it->second)
    it->second = constant;
}

/// `row` without the column, by an equality whose coefficient there is 1 or -1.
static void insertValue(Row &row, const Row &equality, unsigned column) {
  DynamicAPInt times = row[column] * equality[column];
  if (times == 0)
    return;
  for (size_t i = 0; i < row.size(); ++i)
    row[i] -= times * equality[i];
}

static Row withConstant(const Row &coefficients, const DynamicAPInt &constant) {
  Row row = coefficients;
  row.push_back(constant);
  return row;
}

void System::substitute() {
  for (size_t i = 0; i < equalities.size();) {
    auto column = llvm::find_if(
        locals, [&](unsigned c) { return llvm::abs(equalities[i][c]) == 1; });
    if (column == locals.end()) {
      ++i;
      continue;
    }
    Row equality = equalities[i];
    equalities.erase(equalities.begin() + i);
    for (Row &row : equalities)
      insertValue(row, equality, *column);
    std::map<Row, DynamicAPInt> before;
    before.swap(inequalities);
    for (const auto &[coefficients, constant] : before) {
      Row row = withConstant(coefficients, constant);
      insertValue(row, equality, *column);
      addInequality(std::move(row));
    }
    locals.erase(column);
    i = 0;
  }
}

System::Bounds System::findBounds(unsigned column) const {
  Bounds bounds;
  for (const auto &entry : inequalities) {
    if (entry.first[column] > 0)
      bounds.lower.push_back(&entry.first);
    if (entry.first[column] < 0)
      bounds.upper.push_back(&entry.first);
  }
  return bounds;
}

/// What a lower and an upper bound leave; `isDark` for where an integer is.
static Row combine(const Row &lower, const Row &upper, unsigned column,
                   bool isDark) {
  DynamicAPInt a = lower[column], b = -upper[column];
  Row row;
  for (size_t i = 0; i < lower.size(); ++i)
    row.push_back(b * lower[i] + a * upper[i]);
  if (isDark)
    row.back() -= (a - 1) * (b - 1);
  tighten(row);
  return row;
}

static bool isAlwaysTrue(const Row &row) {
  return row.back() >= 0 &&
         llvm::all_of(llvm::ArrayRef(row).drop_back(),
                      [](const DynamicAPInt &c) { return c == 0; });
}

bool System::isExact(unsigned column) const {
  Bounds bounds = findBounds(column);
  if (bounds.count() > kMostCombinations)
    return false;
  for (const Row *lower : bounds.lower)
    for (const Row *upper : bounds.upper) {
      Row low = withConstant(*lower, inequalities.at(*lower)),
          high = withConstant(*upper, inequalities.at(*upper));
      Row dark = combine(low, high, column, /*isDark=*/true);
      if (!isAlwaysTrue(dark) &&
          dark != combine(low, high, column, /*isDark=*/false))
        return false;
    }
  return true;
}

/// By the dark shadow, which is the whole one where that is exact.
void System::remove(unsigned column) {
  Bounds bounds = findBounds(column);
  std::vector<Row> made;
  for (const Row *lower : bounds.lower)
    for (const Row *upper : bounds.upper)
      made.push_back(combine(withConstant(*lower, inequalities.at(*lower)),
                             withConstant(*upper, inequalities.at(*upper)),
                             column, /*isDark=*/true));
  for (auto it = inequalities.begin(); it != inequalities.end();)
    it = it->first[column] != 0 ? inequalities.erase(it) : std::next(it);
  for (Row &row : made)
    addInequality(std::move(row));
  locals.erase(llvm::find(locals, column));
}

bool System::removeOne() {
  std::optional<unsigned> best;
  for (unsigned column : locals)
    if (!isInEquality(column) && isExact(column) &&
        (!best || findBounds(column).count() < findBounds(*best).count()))
      best = column;
  if (best)
    remove(*best);
  return best.has_value();
}

bool System::darkenOne() {
  std::optional<unsigned> best;
  for (unsigned column : locals)
    if (!isInEquality(column) &&
        (!best || findBounds(column).count() < findBounds(*best).count()))
      best = column;
  if (!best || findBounds(*best).count() > kMostCombinations)
    return false;
  remove(*best);
  return true;
}

IntegerPolyhedron System::build() const {
  IntegerPolyhedron set(
      presburger::PresburgerSpace::getSetSpace(kept, 0, locals.size()));
  auto pick = [&](const Row &row) {
    Row picked(row.begin(), row.begin() + kept);
    for (unsigned column : locals)
      picked.push_back(row[column]);
    return picked;
  };
  for (const Row &row : equalities)
    set.addEquality(withConstant(pick(row), row.back()));
  for (const auto &[coefficients, constant] : inequalities)
    set.addInequality(withConstant(pick(coefficients), constant));
  if (isEmpty) {
    Row never(kept + locals.size() + 1, DynamicAPInt(0));
    never.back() = -1;
    set.addInequality(never);
  }
  return set;
}

static System reduce(const IntegerPolyhedron &set) {
  System system(set);
  system.substitute();
  while (system.removeOne()) {
  }
  return system;
}

IntegerPolyhedron einsum::removeExactly(const IntegerPolyhedron &set) {
  return reduce(set).build();
}

std::optional<IntegerPolyhedron> einsum::shrink(const IntegerPolyhedron &set) {
  System system = reduce(set);
  while (!system.hasOnlyQuotients()) {
    if (!system.darkenOne())
      return std::nullopt;
    while (system.removeOne()) {
    }
  }
  return system.build();
}
