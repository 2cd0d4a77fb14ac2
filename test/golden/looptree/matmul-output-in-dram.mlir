// A matrix product of 64^3 points whose output goes straight to DRAM: of every sum, each but the first contribution reads the partial value
// back, 64^3 - 64^2 reads and 64^3 writes of 8 bits. The operands are on chip: fetched once, read at every point.
// (AccelForge's documented count of its LoopTree model.)
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json DRAM.write_bytes=2097152bits pe.ops.compute=262144 buffer.read_bytes=524288 buffer.write_bytes=8192
// RUN: %python -c "import json; r = json.load(open('%t.json')); d = r['levels'][0]; assert 8 * d['read_bytes'] == 2064384 + 2 * 64 * 64 * 8, d"
//
// With latches, a sum stays in its unit while k runs: one write of each output, no read.
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/byte.json --mapping=%s --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json DRAM.write_bytes=32768bits DRAM.read_bytes=65536bits
schedule.mapping @straight of @matmul on "byte" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "buffer" ["A", "B"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "n" tile 1 {
          schedule.temporal "k" tile 1 {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
