//===- Server.h - The language server ---------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Speaks the Language Server Protocol over standard input and output, for the
// text notation and for MLIR. MLIR's own server does for `.mlir` what it always
// does, with our dialects; we stand between it and the editor:
//
//   editor  <->  this process  <->  a child that runs MLIR's server
//
//   about a .ein file   answered here: diagnostics, hover, names to complete
//   about a .mlir file  passed on; to its hovers we add rank passes and extents
//   anything else       passed on
//
// MLIR text that is nested so deep that its parser would overflow the stack is
// kept from the child, which gets an empty file in its place.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_LANGUAGESERVER_SERVER_H
#define LIB_LANGUAGESERVER_SERVER_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace einsum::language {

/// Serves until the editor says `exit`, or goes away. True if it had said
/// `shutdown` before.
bool runServer(mlir::DialectRegistry &registry);

} // namespace einsum::language

#endif // LIB_LANGUAGESERVER_SERVER_H
