//===- Monoids.cpp - Laws of reduction operators, as data -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

using namespace einsum;

namespace {
struct BuiltinMonoid {
  llvm::StringRef name;
  unsigned arity;
  MonoidLaws laws;
};
} // namespace

static constexpr MonoidLaws kRounds{/*idempotent=*/false, /*exact=*/false};
static constexpr MonoidLaws kSelects{/*idempotent=*/true, /*exact=*/true};

static const BuiltinMonoid kBuiltins[] = {
    {"add", 1, kRounds},     {"mul", 1, kRounds},     {"max", 1, kSelects},
    {"min", 1, kSelects},    {"and", 1, kSelects},    {"or", 1, kSelects},
    {"argmax", 2, kSelects}, {"argmin", 2, kSelects},
};

static const BuiltinMonoid *findBuiltin(llvm::StringRef name) {
  for (const BuiltinMonoid &monoid : kBuiltins)
    if (monoid.name == name)
      return &monoid;
  return nullptr;
}

unsigned einsum::getBuiltinMonoidArity(llvm::StringRef name) {
  const BuiltinMonoid *monoid = findBuiltin(name);
  return monoid ? monoid->arity : 0;
}

llvm::ArrayRef<llvm::StringRef> einsum::getBuiltinMonoids() {
  static const llvm::StringRef names[] = {"add", "mul", "max",    "min",
                                          "and", "or",  "argmax", "argmin"};
  return names;
}

MonoidLaws einsum::getMonoidLaws(const Reduction &reduction) {
  if (const BuiltinMonoid *monoid = findBuiltin(reduction.monoid))
    return monoid->laws;
  auto definition = llvm::dyn_cast_or_null<MonoidOp>(reduction.definition);
  return {/*idempotent=*/definition && definition.getIdempotent(),
          /*exact=*/false};
}
