#!/usr/bin/env python3
"""What each pruning rule of the mapper contributes: searches with all of them, and with each left out in turn.

map_rules.py BENCH [--time-limit=S] [--markdown]: BENCH is einsum-bench-map. One row per problem and rule left out: the time of
the search, what it considered, what was dropped by which rule, and whether the result is the same. A search that the limit ends is
marked '>'. With --markdown, the tables of README.md.
"""
import json
import os
import subprocess
import sys
import tempfile

RULES = ("none", "dominance", "bound", "incumbent", "canonical", "deals")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

PAIR = """cascade pair(M=64, K=64, L=64, N=64) : i8
  input A[m,k], B[k,l], C[l,n]
  Y[m,l] = A[m,k] * B[k,l]
  Z[m,n] = Y[m,l] * C[l,n]
  output Z
"""
SAME = """cascade same(M=48, K=48, N=48) : i8
  input A[m,k], B[k,n], C[m,k], D[k,n]
  Y[m,n] = A[m,k] * B[k,n]
  Z[m,n] = C[m,k] * D[k,n]
  V[m,n] = Y[m,n] + Z[m,n]
  output V
"""
SOFTMAX = """cascade softmax(M=32, P=16) : f16
  input X[m,p]
  G[p] = max(m) X[m,p]
  N[m,p] = exp(X[m,p] - G[p])
  D[p] = N[m,p]
  A[m,p] = N[m,p] / D[p]
  output A
"""
CAUSAL = """cascade causal(M=16, P=16, E=8) : f16
  input Q[p,e], K[m,e]
  S[p,m] = Q[p,e] * K[m,e] where m <= p
  D[p] = S[p,m]
  output D
"""
# (name, cascade, machine below arch-specs, options)
PROBLEMS = (
    ("64^3 pair, latency", PAIR, "accelforge-tpu-v4i.json", ["--objective=latency", "--shared-loops=2"]),
    ("64^3 pair, edp", PAIR, "accelforge-tpu-v4i.json", ["--objective=edp", "--shared-loops=1"]),
    ("two products and their sum, energy", SAME, "accelforge-snowcat.json", ["--objective=energy", "--shared-loops=1"]),
    ("two products and their sum, energy and capacity", SAME, "accelforge-snowcat.json",
     ["--objective=energy,capacity", "--shared-loops=1", "--no-pipelines"]),
    ("softmax, energy", SOFTMAX, "fusemax-cloud.json", ["--objective=energy", "--shared-loops=2"]),
    ("softmax, latency", SOFTMAX, "fusemax-cloud.json", ["--objective=latency", "--shared-loops=2"]),
    ("causal scores, energy", CAUSAL, "fusemax-cloud.json", ["--objective=energy", "--shared-loops=1"]),
)


def measure(bench, cascade, arch, options, rule, limit):
    with tempfile.NamedTemporaryFile("w", suffix=".ein") as workload:
        workload.write(cascade)
        workload.flush()
        command = [bench, *options, f"--time-limit={limit}", workload.name, os.path.join(SOURCE, "arch-specs", arch)]
        if rule != "none":
            command.append(f"--without={rule}")
        run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(command)}\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[0])


def describe(result, reference, limit):
    ended = "> " if result["seconds"] >= limit else ""
    # A search that ended by itself finds what all others find.
    same = result.get("value") == reference.get("value") and result["points"] == reference["points"]
    pruned = result["pruned"]
    return [f"{ended}{result['seconds']:.3f} s", f"{result['evaluated']:,}".replace(",", " "),
            *(f"{pruned.get(rule, 0):,}".replace(",", " ") for rule in ("dominated", "bound", "capacity", "rank pass not ended", "constraints")),
            f"{result['peak_mib']} MiB", result["status"], "yes" if same else "no"]


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:] if a.startswith("--"))
    if len(arguments) != 1 or set(options) - {"time-limit", "markdown"}:
        sys.exit(__doc__)
    limit = float(options.get("time-limit") or 60)
    head = ["without", "time", "considered", "dominated", "over bound", "capacity", "rank pass", "constraints", "memory", "status", "same"]
    differs = False
    for name, cascade, arch, how in PROBLEMS:
        rows = []
        for rule in RULES:
            result = measure(arguments[0], cascade, arch, how, rule, limit)
            reference = result if rule == "none" else reference
            row = describe(result, reference, limit)
            differs |= row[-1] == "no" and not row[0].startswith(">")
            rows.append(["-" if rule == "none" else rule, *row])
        if "markdown" in options:
            print(f"{name} ({arch}):\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
            print("".join(f"| {' | '.join(row)} |\n" for row in rows))
        else:
            print(f"{name} ({arch})")
            widths = [max(map(len, column)) for column in zip(head, *rows)]
            for row in [head, *rows]:
                print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        sys.stdout.flush()
    return differs


if __name__ == "__main__":
    sys.exit(main())
