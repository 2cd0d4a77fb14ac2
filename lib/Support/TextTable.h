//===- TextTable.h - Columns for a person -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows of cells under a heading, each column as wide as its widest cell. A
// heading that starts with '>' sets its column flush right, as numbers are:
//
//   TextTable table({"level", ">bytes"});        level    bytes
//   table.add({"DRAM", "1024"});                 DRAM      1024
//   table.add({"buffer", "8"});                  buffer       8
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_TEXTTABLE_H
#define EINSUM_SUPPORT_TEXTTABLE_H

#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace einsum {

class TextTable {
public:
  explicit TextTable(std::vector<std::string> heading);

  void add(std::vector<std::string> row);
  /// Lines longer than `columns` end in "...".
  void print(llvm::raw_ostream &os, size_t columns = -1) const;

private:
  std::vector<std::vector<std::string>> rows;
  std::vector<size_t> widths;
  std::vector<bool> flushRight;
};

} // namespace einsum

#endif // EINSUM_SUPPORT_TEXTTABLE_H
