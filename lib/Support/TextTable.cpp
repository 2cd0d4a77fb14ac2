//===- TextTable.cpp - Columns for a person -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/TextTable.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace einsum;

TextTable::TextTable(std::vector<std::string> heading) {
  for (std::string &cell : heading) {
    flushRight.push_back(cell.rfind('>', 0) == 0);
    if (flushRight.back())
      cell.erase(0, 1);
  }
  add(std::move(heading));
}

void TextTable::add(std::vector<std::string> row) {
  row.resize(flushRight.size());
  widths.resize(flushRight.size());
  for (size_t i = 0; i < row.size(); ++i)
    widths[i] = std::max(widths[i], row[i].size());
  rows.push_back(std::move(row));
}

void TextTable::print(llvm::raw_ostream &os, size_t columns) const {
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string padding(widths[i] - row[i].size(), ' ');
      line += (flushRight[i] ? padding + row[i] : row[i] + padding) + "  ";
    }
    llvm::StringRef text = llvm::StringRef(line).rtrim();
    if (text.size() > columns)
      os << text.take_front(columns - 3) << "...\n";
    else
      os << text << "\n";
  }
}
