//===- Families.h - Which models are known ----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per family of models. It reads the fields that the family has,
// with the defaults of the public implementation, and describes the model.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_FAMILIES_H
#define LIB_FRONTEND_HUGGINGFACE_FAMILIES_H

#include "lib/Frontend/HuggingFace/Model.h"
#include "lib/Frontend/HuggingFace/ReadConfig.h"

namespace einsum::frontend {

struct Family {
  llvm::StringLiteral modelType;
  void (*describe)(ConfigReader &config, Model &model);
};

/// In alphabetical order.
llvm::ArrayRef<Family> getFamilies();

/// What a config describes; nothing after an error. Fields in `ignored` are
/// passed over if the family does not know them.
std::optional<Model> readModel(const JsonValue &json,
                               llvm::ArrayRef<std::string> ignored,
                               Diagnostics &diags);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_FAMILIES_H
