"""Compiles a GEMM and an attention for every shipped spec, and compares with einsum-arch-check."""

import json
import pathlib
import subprocess
import sys
import tempfile

folder = pathlib.Path(sys.argv[1])
scratch = pathlib.Path(tempfile.mkdtemp())

sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True
import workloads  # noqa: E402

WORKLOADS = {
    "gemm": (workloads.GEMM, workloads.NEEDS["GEMM"], dict(m=48, n=40, k=56)),
    "attention": (workloads.ATTENTION, workloads.NEEDS["attention"], dict(h=2, e=8, f=16, m=24, p=12)),
}
PRODUCTS = {"gemm": 48 * 40 * 56, "attention": 2 * 24 * 12 * (8 + 16)}
POINTS = {"gemm": 48 * 40 * 56, "attention": 2 * 24 * 12 * (8 + 16 + 4)}


def run(*arguments):
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True)


def compile(path, name, text, datatype):
    """The best mapping found, checked against the machine's limits."""
    file = scratch / f"{path.stem}-{name}.ein"
    file.write_text(text)
    result = scratch / "result.json"
    # On a busy machine a search may need more than a second for its first mapping.
    for limit in (1, 60):
        done = run("einsum-compile", file, f"--arch={path}", "--rewrite=none", f"--time-limit={limit}", f"--json={result}")
        assert done.returncode in (0, 3), f"{path.stem} {name} at {datatype}: {done.stderr}"
        compiled = json.loads(result.read_text())
        if "arrays" in compiled:
            break
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
    for name, (text, needs, extents) in WORKLOADS.items():
        datatype = workloads.find_datatype(spec, needs)
        assert datatype, f"{path.stem} cannot run {name} at any of {workloads.list_datatypes(spec)}"
        check(path, name, text.format(type=datatype, **extents), datatype)
    count += 1
assert count >= 24, count
print(f"{count} machines, {2 * count} workloads")
