//===- NpyFile.h - Tensors in NumPy's file format ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads .npy files (NumPy's format, versions 1 to 3) of booleans, integers up
// to 64 bits and floats of 2, 4 or 8 bytes, in either byte order and either
// memory order. Writes floats as '<f8', integers as '<i8', truth values as
// '|b1', in C order; an absent element becomes NaN, or 0.
//
// Refused, naming the file and what stands there: a file that is no .npy or
// ends early, other types, a shape whose size is not that of the data.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_NPYFILE_H
#define LIB_INTERPRETER_NPYFILE_H

#include "lib/Interpreter/Tensor.h"
#include "lib/Support/Diagnostics.h"

#include <optional>

namespace einsum::interp {

/// The array of a file: a tensor without name and ranks, of f64 or i64 (i1 for
/// booleans). Nullopt after reporting an error.
std::optional<Tensor> readNpy(llvm::StringRef path, Diagnostics &diagnostics);
/// The same from memory; `path` is for messages.
std::optional<Tensor> parseNpy(llvm::StringRef bytes, llvm::StringRef path,
                               Diagnostics &diagnostics);

/// The bytes of the file.
std::string printNpy(const Tensor &tensor);

} // namespace einsum::interp

#endif // LIB_INTERPRETER_NPYFILE_H
