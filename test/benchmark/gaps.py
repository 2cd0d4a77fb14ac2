#!/usr/bin/env python3
"""How far what the mapper finds in a few seconds is from its bound: single kernels on every machine of arch-specs/.

gaps.py BIN ROOT [--archs=A,B] [--kernels=K,L] [--objectives=latency,energy,edp] [--time-limit=S] [--jobs=N] [--top=N] [--csv=FILE]:
BIN is the folder of einsum-compile and einsum-arch-check, ROOT the source tree. The gap is what was found over what
is proven of any mapping. Prints the widest gaps first, with the status and the bound's name, then how many are proven
and the geometric mean of the gaps per kernel and objective. A kernel is computed in the first datatype that the
machine's arrays can compute all of it in; what it cannot compute is left out.
"""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import subprocess
import sys
import tempfile

GEMM = """cascade gemm(M={m}, N={n}, K={k}) : {{type}}
  input A[m,k], B[k,n]
  Z[m,n] = A[m,k] * B[k,n]
  output Z
"""
ATTENTION = """cascade attention(H=8, P=1024, M=1024, E=64, F=64) : {type}
  input Q[h,p,e], K[h,m,e], V[h,m,f]
  QK[h,m,p] = Q[h,p,e] * K[h,m,e]
  GM[h,p] = max(m) QK[h,m,p]
  SN[h,m,p] = exp(QK[h,m,p] - GM[h,p])
  SD[h,p] = SN[h,m,p]
  A[h,m,p] = SN[h,m,p] / SD[h,p]
  AV[h,p,f] = A[h,m,p] * V[h,m,f]
  output AV
"""
SOFTMAX = """cascade softmax(P=512, M=1024) : {type}
  input X[p,m]
  GM[p] = max(m) X[p,m]
  SN[p,m] = exp(X[p,m] - GM[p])
  SD[p] = SN[p,m]
  A[p,m] = SN[p,m] / SD[p]
  output A
"""
LAYER_NORM = """cascade layer_norm(N=512, H=1024) : {type}
  input X[n,h], G[h], B[h]
  S[n] = X[n,h]
  MU[n] = S[n] / H
  DX[n,h] = X[n,h] - MU[n]
  Q[n] = DX[n,h] * DX[n,h]
  RS[n] = rsqrt(Q[n] / H + 0.00001)
  Y[n,h] = DX[n,h] * RS[n] * G[h] + B[h]
  output Y
"""
CONVOLUTION = """cascade convolution(N=64, C=64, P=28, Q=28, R=3, S=3) : {type}
  rank y = P + R - 1
  rank x = Q + S - 1
  input I[c,y,x], W[n,c,r,s]
  O[n,p,q] = I[c,p+r,q+s] * W[n,c,r,s]
  output O
"""
SOFT = [["mac"], ["max"], ["exp", "sub"], ["add"], ["div"]]
# Text, and what one array must compute together, Einsum by Einsum.
KERNELS = {
    "gemm64": (GEMM.format(m=64, n=64, k=64), [["mac"]]),
    "gemm1024": (GEMM.format(m=1024, n=1024, k=1024), [["mac"]]),
    "gemm-odd": (GEMM.format(m=1000, n=37, k=513), [["mac"]]),
    "gemm-small": (GEMM.format(m=64, n=32, k=64), [["mac"]]),
    "attention": (ATTENTION, SOFT),
    "softmax": (SOFTMAX, SOFT[1:]),
    "layer-norm": (LAYER_NORM, [["mac"], ["add"], ["div"], ["sub"], ["rsqrt", "add", "div"], ["mul", "add"]]),
    "convolution": (CONVOLUTION, [["mac"]]),
}


def find_datatype(spec, needs):
    """The first in which some array computes each of `needs`; None if there is none; f16 where any will do."""
    def computes(array, operators, type):
        ops = array["ops_by_datatype"].get(type) or array["ops"]
        return (not array["datatypes"] or type in array["datatypes"]) and all(o in ops or "compute" in ops for o in operators)
    types = list(dict.fromkeys(t for array in spec["arrays"] for t in array["datatypes"])) or ["f16"]
    return next((t for t in types if all(any(computes(a, n, t) for a in spec["arrays"]) for n in needs)), None)


def measure(options, arch, kernel, objective, type):
    path = os.path.join(options.root, "arch-specs", arch + ".json")
    with tempfile.TemporaryDirectory() as folder:
        workload, result = os.path.join(folder, "w.ein"), os.path.join(folder, "r.json")
        with open(workload, "w") as file:
            file.write(KERNELS[kernel][0].format(type=type))
        run = subprocess.run(
            [os.path.join(options.bin, "einsum-compile"), workload, f"--arch={path}", "--rewrite=none",
             f"--objective={objective}", f"--time-limit={options.time_limit}", f"--json={result}"], capture_output=True, text=True)
        facts = json.load(open(result)) if os.path.exists(result) else {}
    mapper = facts.get("mapper", {})
    if not mapper.get("gap"):
        reason = next((line.split("error: ")[-1] for line in run.stderr.splitlines() if "error:" in line), f"exit {run.returncode}")
        return None, 0, 0, reason[:70]
    return mapper["gap"], mapper["best"], mapper["wall_s"], facts["mapping"]["status"] + "; " + mapper["bound"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("root")
    parser.add_argument("--archs", default="")
    parser.add_argument("--kernels", default=",".join(KERNELS))
    parser.add_argument("--objectives", default="latency,energy,edp")
    parser.add_argument("--time-limit", default="2")
    parser.add_argument("--jobs", default=1, type=int, help="searches side by side; each uses all cores")
    parser.add_argument("--top", default=0, type=int, help="rows to print; 0: all")
    parser.add_argument("--csv", default="")
    options = parser.parse_args()
    folder = os.path.join(options.root, "arch-specs")
    archs = options.archs.split(",") if options.archs else sorted(
        name[:-5] for name in os.listdir(folder) if name.endswith(".json") and name != "schema.json")
    tasks = []
    for arch in archs:
        spec = json.loads(subprocess.run([os.path.join(options.bin, "einsum-arch-check"), os.path.join(folder, arch + ".json"), "--json=-"],
                                         capture_output=True, text=True).stdout)
        for kernel in options.kernels.split(","):
            if type := find_datatype(spec, KERNELS[kernel][1]):
                tasks += [(arch, kernel, objective, type) for objective in options.objectives.split(",")]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        rows = list(zip(tasks, pool.map(lambda task: measure(options, *task), tasks)))
    rows.sort(key=lambda row: (-(row[1][0] or 0), row[0]))
    print(f"{'machine':18} {'kernel':12} {'goal':8} type {'gap':>9} {'best':>11} {'wall s':>6}  status; bound")
    for (arch, kernel, objective, type), (gap, best, wall, text) in rows[:options.top or None]:
        print(f"{arch:18} {kernel:12} {objective:8} {type:4} {gap if gap else math.nan:9.3f} {best:11.4g} {wall:6.2f}  {text}")
    print()
    for kernel in options.kernels.split(","):
        for objective in options.objectives.split(","):
            gaps = [row[0] for task, row in rows if task[1:3] == (kernel, objective) and row[0]]
            if gaps:
                mean = math.exp(sum(map(math.log, gaps)) / len(gaps))
                print(f"{kernel:12} {objective:8} {sum(g <= 1 + 1e-9 for g in gaps):3} of {len(gaps):3} proven, mean gap {mean:8.3f}")
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["machine", "kernel", "objective", "type", "gap", "best", "wall_s", "status; bound"])
            writer.writerows([*task, *row] for task, row in rows)


if __name__ == "__main__":
    sys.exit(main())
