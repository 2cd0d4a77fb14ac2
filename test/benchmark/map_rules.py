#!/usr/bin/env python3
"""What each pruning rule of the mapper contributes: searches with all of them, and with each left out in turn.

map_rules.py BENCH [--time-limit=S] [--markdown]: BENCH is einsum-bench-map. Two tables: what each rule dropped in a search with
all of them, and the time and the partial mappings considered with each left out in turn; a search that the limit (20 s) ends is
marked '>', and so is one that needs more than 4 GiB. Exits with 1 if one that ended by itself found something else. With --markdown, as they stand in lib/Mapper/README.md.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

MEMORY = 4 << 30
RULES = ("none", "dominance", "bound", "incumbent", "canonical", "deals", "ranks")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

PAIR = """cascade pair(M=64, K=64, L=64, N=64) : i8
  input A[m,k], B[k,l], C[l,n]
  Y[m,l] = A[m,k] * B[k,l]
  Z[m,n] = Y[m,l] * C[l,n]
  output Z
"""
SAME = """cascade same(M=4, K=4, N=4) : i8
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
    ("two products and their sum, energy", SAME, "accelforge-snowcat.json", ["--objective=energy", "--shared-loops=1", "--perfect"]),
    ("two products and their sum, energy and capacity", SAME, "accelforge-snowcat.json",
     ["--objective=energy,capacity", "--shared-loops=1", "--no-pipelines", "--perfect"]),
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
        run = subprocess.run(command, capture_output=True, text=True,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)))
    if run.returncode < 0 and rule != "none":
        return None
    if run.returncode:
        sys.exit(f"{' '.join(command)}\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[0])


DROPPED = ("dominated", "bound", "capacity", "rank pass not ended", "constraints")


def number(value):
    return f"{value:,}".replace(",", " ")


def is_same(result, reference):
    """A search that ended by itself finds what all others find."""
    return result.get("value") == reference.get("value") and result["points"] == reference["points"]


def time_of(result, limit):
    """And what was considered."""
    if not result:
        return f"> {MEMORY >> 30} GiB"
    return f"{'> ' if result['seconds'] >= limit else ''}{result['seconds']:.3f} s, {number(result['evaluated'])}"


def print_rows(head, rows, markdown):
    if markdown:
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        print("".join(f"| {' | '.join(row)} |\n" for row in rows))
        return
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print()


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:] if a.startswith("--"))
    if len(arguments) != 1 or set(options) - {"time-limit", "markdown"}:
        sys.exit(__doc__)
    limit = float(options.get("time-limit") or 20)
    dropped, without, differing = [], [], []
    for name, cascade, arch, how in PROBLEMS:
        results = {rule: measure(arguments[0], cascade, arch, how, rule, limit) for rule in RULES}
        everything = results["none"]
        dropped.append([f"{name} ({arch[:-5]})", everything["status"], number(everything["evaluated"]),
                        *(number(everything["pruned"].get(rule, 0)) for rule in DROPPED), f"{everything['peak_mib']} MiB"])
        without.append([name, *(time_of(result, limit) for result in results.values())])
        differing += [f"{name} without {rule}: {result}" for rule, result in results.items()
                      if result and result["seconds"] < limit and not is_same(result, everything)]
    print_rows(["dropped, with all rules", "status", "considered", *DROPPED, "memory"], dropped, "markdown" in options)
    print_rows(["time, considered", "all rules", *(f"without {rule}" for rule in RULES[1:])], without, "markdown" in options)
    print("\n".join(differing) or "All searches that ended by themselves found the same.")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
