//===- Style.h - How a report looks -----------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The style sheet of a report, which its pictures refer to by class.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_HTML_STYLE_H
#define LIB_EXPORT_HTML_STYLE_H

namespace einsum::exporting {

extern const char *const kStyle;

} // namespace einsum::exporting

#endif // LIB_EXPORT_HTML_STYLE_H
