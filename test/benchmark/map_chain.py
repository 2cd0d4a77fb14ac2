#!/usr/bin/env python3
"""How a search grows with the cascade: chains of 2 to 64 matrix products.

map_chain.py BENCH ARCH [OBJECTIVE]: BENCH is einsum-bench-map. One line per length: the median of three
runs, per Einsum as well, and what was found.
"""
import json
import os
import subprocess
import sys
import tempfile

bench, arch = sys.argv[1], sys.argv[2]
objective = sys.argv[3] if len(sys.argv) > 3 else "energy"
chain = os.path.join(os.path.dirname(__file__), "..", "lib", "Mapper", "Inputs", "chain.py")
print("Einsums  seconds  per Einsum  status      gap     considered  peak MiB")
for length in (2, 4, 8, 16, 32, 64):
    with tempfile.NamedTemporaryFile("w", suffix=".ein") as workload:
        workload.write(subprocess.run([sys.executable, chain, str(length), "64"], check=True, capture_output=True, text=True).stdout)
        workload.flush()
        run = subprocess.run([bench, f"--objective={objective}", "--repetitions=3", "--time-limit=120", workload.name, arch],
                             check=True, capture_output=True, text=True)
    result = json.loads(run.stdout.splitlines()[0])
    print(f"{length:7}  {result['seconds']:7.3f}  {result['seconds'] / length:10.4f}  {result['status']:10}  "
          f"{result['gap']:6.4f}  {result['evaluated']:10}  {result['peak_mib']:8}", flush=True)
