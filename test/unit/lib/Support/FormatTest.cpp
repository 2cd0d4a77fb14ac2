#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

using namespace einsum;

TEST_CASE("quantities get the prefix that leaves one to three digits before "
          "the point") {
  CHECK(formatBytes(0) == "0 B");
  CHECK(formatBytes(1023) == "1023 B");
  CHECK(formatBytes(1024) == "1 KiB");
  CHECK(formatBytes(16777216) == "16 MiB");
  CHECK(formatBytes((uint64_t(1) << 20) - 1) == "1 MiB"); // not 1024 KiB
  CHECK(formatBytes(UINT64_MAX) == "16 EiB");
  CHECK(formatSi(0, "s") == "0 s");
  CHECK(formatSi(0.00123456, "s") == "1.235 ms");
  CHECK(formatSi(999.97, "J") == "1 kJ"); // not 1000 J
  CHECK(formatSi(16, "") == "16");
  CHECK(formatSi(437.3e6, "") == "437.3 M");
  CHECK(formatSi(2e20, "") == "2e+05 P");
  CHECK(formatPercent(0.98765) == "98.8%");
}

TEST_CASE("table columns are as wide as their widest cell") {
  TextTable table({"level", ">bytes"});
  table.add({"DRAM", "1024"});
  table.add({"a level with a long name", "8"});
  table.add({"no bytes"});
  std::string text;
  llvm::raw_string_ostream os(text);
  table.print(os, /*columns=*/30);
  CHECK(os.str() == "level                     b...\n"
                    "DRAM                       ...\n"
                    "a level with a long name   ...\n"
                    "no bytes\n");
}
