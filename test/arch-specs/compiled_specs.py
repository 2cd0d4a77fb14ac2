"""Compiles a GEMM and an attention for every shipped spec, and compares with einsum-arch-check."""

import json
import pathlib
import subprocess
import sys
import tempfile

folder = pathlib.Path(sys.argv[1])
scratch = pathlib.Path(tempfile.mkdtemp())

GEMM = """cascade gemm(M=48, N=40, K=56) : {type}
  input A[m,k], B[k,n]
  Z[m,n] = A[m,k] * B[k,n]
  output Z
"""
ATTENTION = """cascade attention(B=1, H=2, E=8, F=16, M=24, P=12) : {type}
  input Q[b,h,p,e], K[b,h,m,e], V[b,h,m,f]
  QK[b,h,m,p] = Q[b,h,p,e] * K[b,h,m,e]
  GM[b,h,p] = max(m) QK[b,h,m,p]
  SN[b,h,m,p] = exp(QK[b,h,m,p] - GM[b,h,p])
  SD[b,h,p] = SN[b,h,m,p]
  A[b,h,m,p] = SN[b,h,m,p] / SD[b,h,p]
  AV[b,h,p,f] = A[b,h,m,p] * V[b,h,m,f]
  output AV
"""
PRODUCTS = {"gemm": 48 * 40 * 56, "attention": 2 * 24 * 12 * (8 + 16)}
POINTS = {"gemm": 48 * 40 * 56, "attention": 2 * 24 * 12 * (8 + 16 + 4)}


def run(*arguments):
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True)


def datatypes(spec):
    """Of all arrays, the widest last; f16 for machines that take any."""
    found = [t for array in spec["arrays"] for t in array["datatypes"]]
    return list(dict.fromkeys(found)) or ["f16"]


def runs(spec, operators, datatype):
    return any(
        all(o in (a["ops_by_datatype"].get(datatype) or a["ops"]) for o in operators)
        and (not a["datatypes"] or datatype in a["datatypes"])
        for a in spec["arrays"]
    )


def compile(path, name, text, datatype):
    """The best mapping found, checked against the machine's limits."""
    file = scratch / f"{path.stem}-{name}.ein"
    file.write_text(text.format(type=datatype))
    result = scratch / "result.json"
    done = run("einsum-compile", file, f"--arch={path}", "--rewrite=none", "--time-limit=1", f"--json={result}")
    assert done.returncode in (0, 3), f"{path.stem} {name} at {datatype}: {done.stderr}"
    compiled = json.loads(result.read_text())
    fit_file = scratch / "fit.json"
    checked = run("einsum-arch-check", path, f"--workload={file}", f"--json={fit_file}")
    assert checked.returncode == 0, checked.stderr
    fit = json.loads(fit_file.read_text())
    assert fit["feasible"]
    return compiled, fit


def check(path, name, text, datatype):
    compiled, fit = compile(path, name, text, datatype)
    operators = {}
    for array in compiled["arrays"]:
        for operator, count in array["ops"].items():
            operators[operator] = operators.get(operator, 0) + count
    if "compute" in operators:
        assert operators["compute"] == POINTS[name], operators
    else:
        assert operators["mac"] == PRODUCTS[name], operators
    assert compiled["energy_j"] >= 0 and compiled["latency_s"] >= 0
    # What no schedule can beat: points over the fastest array's rate.
    for einsum, least in zip(compiled["einsums"], fit["einsums"]):
        assert einsum["name"] == least["name"]
    slowest = max(e["arrays"][i]["least_s"] for e in fit["einsums"] for i in [names(fit, e)])
    assert compiled["latency_s"] >= slowest * (1 - 1e-9), (path.stem, name, compiled["latency_s"], slowest)


def names(fit, einsum):
    return [a["array"] for a in einsum["arrays"]].index(einsum["array"])


count = 0
for path in sorted(folder.glob("*.json")):
    if path.name == "schema.json":
        continue
    spec = json.loads(run("einsum-arch-check", path, "--json=-").stdout)
    per_point = any("compute" in a["ops"] for a in spec["arrays"])
    types = datatypes(spec)
    product = next(t for t in types if per_point or runs(spec, ["mac"], t))
    softmax = [t for t in types if per_point or (all(runs(spec, [o], t) for o in ["mac", "max", "add", "div"]) and runs(spec, ["exp", "sub"], t))]
    assert softmax, f"{path.stem} cannot run a softmax at any of {types}"
    check(path, "gemm", GEMM, product)
    check(path, "attention", ATTENTION, softmax[0])
    count += 1
assert count >= 24, count
print(f"{count} machines, {2 * count} workloads")
