//===- ReadProvenance.cpp - Where the numbers of an object come from ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ReadProvenance.h"

using namespace einsum;
using namespace einsum::arch;

Provenance arch::readProvenance(ObjectReader &reader,
                                llvm::ArrayRef<const char *> numbers,
                                Diagnostics &diags,
                                const Provenance &inherited) {
  Provenance provenance;
  provenance.text = reader.string("provenance");
  provenance.placeholder = reader.boolean("placeholder");
  if (!reader.places().has("provenance")) {
    provenance.text = inherited.text;
    provenance.placeholder |= inherited.placeholder;
  }
  if (!provenance.text.empty())
    return provenance;
  for (const char *number : numbers)
    if (reader.places().has(number)) {
      diags.error(reader.places().of(number),
                  reader.name() + " gives '" + number +
                      "' without 'provenance'; say where the number comes "
                      "from, or that it is a guess");
      break;
    }
  return provenance;
}

void arch::checkSchema(ObjectReader &reader, llvm::StringRef expected,
                       Diagnostics &diags) {
  reader.require("schema");
  reader.string("$schema");
  std::string schema = reader.string("schema");
  if (reader.places().has("schema") && schema != expected)
    diags.error(reader.places().of("schema"),
                "schema must be '" + expected + "', found '" + schema + "'");
}
