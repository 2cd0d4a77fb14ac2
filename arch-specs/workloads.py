"""The table of specs x workloads in README.md: every machine, every workload, compiled by the search.

    arch-specs/workloads.py [--update] [--time-limit=S] [SPEC ...]     with einsum-compile and einsum-arch-check on the PATH

Prints the table; --update writes it into README.md, or the rows of the SPECs that are named. A search that finds nothing in its time, or
nothing but the plain mapping, gets RETRY seconds. What the machine is too small for, what no search found and what is the plain mapping of any cascade (`streamed`)
and no result of the search says so. Times depend on the machine that runs this, so no test compares them; that each machine compiles is
tested in test/arch-specs.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile
import time

folder = pathlib.Path(__file__).resolve().parent
models = folder.parent / "examples" / "06-models"
RETRY = 10
BEGIN, END = "<!-- begin generated: workloads.py --update -->\n", "<!-- end of workloads -->"

GEMM = """cascade gemm(M={m}, N={n}, K={k}) : {type}
  input A[m,k], B[k,n]
  Z[m,n] = A[m,k] * B[k,n]
  output Z
"""
ATTENTION = """cascade attention(B=1, H={h}, E={e}, F={f}, M={m}, P={p}) : {type}
  input Q[b,h,p,e], K[b,h,m,e], V[b,h,m,f]
  QK[b,h,m,p] = Q[b,h,p,e] * K[b,h,m,e]
  GM[b,h,p] = max(m) QK[b,h,m,p]
  SN[b,h,m,p] = exp(QK[b,h,m,p] - GM[b,h,p])
  SD[b,h,p] = SN[b,h,m,p]
  A[b,h,m,p] = SN[b,h,m,p] / SD[b,h,p]
  AV[b,h,p,f] = A[b,h,m,p] * V[b,h,m,f]
  output AV
"""
BLOCK = """cascade pointwise(X=56, Y=56, C=24, D=144, C2=24) : {type}
  input I[y,x,c], W[c,d], U[d,c2]
  H[y,x,d] = I[y,x,c] * W[c,d]
  R[y,x,d] = max(H[y,x,d], 0)
  O[y,x,c2] = R[y,x,d] * U[d,c2]
  output O
"""
# What one array must compute together, Einsum by Einsum.
NEEDS = {"GEMM": [["mac"]], "attention": [["mac"], ["max"], ["exp", "sub"], ["add"], ["div"]], "expand and project": [["mac"], ["max"]]}
TEXTS = {
    "GEMM": (GEMM, dict(m=1024, n=1024, k=1024)),
    "attention": (ATTENTION, dict(h=8, e=64, f=64, m=1024, p=1024)),
    "expand and project": (BLOCK, {}),
}


def list_datatypes(spec):
    """Of all arrays, in order; f16 for machines that take any."""
    return list(dict.fromkeys(t for array in spec["arrays"] for t in array["datatypes"])) or ["f16"]


def runs(spec, operators, datatype):
    """Whether one array has all of them in that type."""
    return any(
        all(o in (array["ops_by_datatype"].get(datatype) or array["ops"]) for o in operators)
        and (not array["datatypes"] or datatype in array["datatypes"])
        for array in spec["arrays"]
    )


def is_per_point(spec):
    """One operator, `compute`, stands for whatever a point computes."""
    return any("compute" in array["ops"] for array in spec["arrays"])


def can_compute(spec, needs, datatype):
    return is_per_point(spec) or all(runs(spec, operators, datatype) for operators in needs)


def find_datatype(spec, needs):
    """The first that all Einsums can be computed in; None if there is none."""
    return next((t for t in list_datatypes(spec) if can_compute(spec, needs, t)), None)


# One layer of a model by its config: what one array must compute together in it, and the options that choose the phase.
SOFTMAX = [["mac"], ["max"], ["exp", "sub"], ["add"], ["div"], ["mul", "rsqrt"]]
MODELS = {
    "Llama-2-7B layer, prefill 512": ("llama-2-7b.json", SOFTMAX, ["--phase=prefill", "--seq=512"]),
    "Llama-2-7B layer, decode at 2048": ("llama-2-7b.json", SOFTMAX, ["--phase=decode", "--seq=2048"]),
    "ViT-B/16 layer": ("vit-b-16.json", SOFTMAX + [["erf", "mul"]], ["--phase=prefill"]),
}
MODEL_TYPES = ["f16", "bf16", "f32"]


def run(path, workload, options, limit, result):
    start = time.monotonic()
    done = subprocess.run(
        ["einsum-compile", str(workload), f"--arch={path}", f"--time-limit={limit}", "--rewrite=none", f"--json={result}", *options],
        capture_output=True, text=True)
    return done, json.loads(result.read_text()) if result.exists() else {}, time.monotonic() - start


def find_lack(path, workload):
    """What einsum-arch-check says the machine is too small for; empty if it is not."""
    done = subprocess.run(["einsum-arch-check", path, f"--workload={workload}"], capture_output=True, text=True)
    found = re.search(r"error: (all levels of .* take \d+)", done.stderr)
    if not found:
        return ""
    hold, take = (int(n) for n in re.findall(r"(\d+)", found.group(1))[-2:])
    return f"too small: {size(take)} for {size(hold)}"


def is_plain(facts):
    return facts.get("mapping", {}).get("name") == "streamed"


def compile(path, workload, options, type, limit):
    with tempfile.TemporaryDirectory() as scratch:
        result = pathlib.Path(scratch) / "result.json"
        done, facts, seconds = run(path, workload, options, limit, result)
        lack = find_lack(path, workload) if done.returncode in (0, 3) and "latency_s" not in facts else ""
        if done.returncode in (0, 3) and not lack and (is_plain(facts) or "latency_s" not in facts):
            done, facts, seconds = run(path, workload, options, RETRY, result)
    if done.returncode in (0, 3) and "latency_s" in facts:
        plain = "plain mapping, " if is_plain(facts) else ""
        return f"{type} {plain}{quantity(facts['latency_s'])}, {quantity(facts['energy_j'], 'J')}; {seconds:.1f} s"
    if done.returncode in (0, 3):
        return lack or f"nothing found in {RETRY} s"
    sizes = re.search(r"level '(\w+)' holds (\d+) B; (?:no less than )?(\d+) B would do", done.stderr)
    if sizes:
        return f"too small: {size(int(sizes.group(3)))} for {sizes.group(1)} of {size(int(sizes.group(2)))}"
    reason = next((line for line in done.stderr.splitlines() if "error:" in line), "?").split("error: ")[-1]
    return f"exit {done.returncode}: {reason[:60]}"


def compile_text(path, spec, name, limit):
    text, extents = TEXTS[name]
    type = find_datatype(spec, NEEDS[name])
    if not type:
        return "no common datatype"
    with tempfile.TemporaryDirectory() as scratch:
        workload = pathlib.Path(scratch) / "workload.ein"
        workload.write_text(text.format(type=type, **extents))
        return compile(path, workload, [], type, limit)


def compile_model(path, spec, name, limit):
    config, needs, options = MODELS[name]
    type = next((t for t in list_datatypes(spec) if t in MODEL_TYPES and can_compute(spec, needs, t)), None)
    if not type:
        return "no common datatype"
    options = [*options, "--layers=1", "--parts=layers", f"--dtype={type}"]
    return compile(path, models / config, options, type, limit)


def size(count):
    return f"{count / 2**30:.3g} GiB" if count >= 2**30 else f"{count / 2**20:.3g} MiB"


def quantity(value, unit="s"):
    for factor, prefix in [(1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p")]:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--time-limit", default="1")
    parser.add_argument("specs", nargs="*")
    options = parser.parse_args()
    columns = [*TEXTS, *MODELS]
    lines = ["| spec | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for path in sorted(folder.glob("*.json")):
        if path.name == "schema.json" or (options.specs and path.stem not in options.specs):
            continue
        spec = json.loads(subprocess.run(["einsum-arch-check", path, "--json=-"], capture_output=True, text=True).stdout)
        cells = [compile_text(path, spec, name, options.time_limit) for name in TEXTS]
        cells += [compile_model(path, spec, name, options.time_limit) for name in MODELS]
        lines.append(f"| `{path.stem}` | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    if options.update:
        readme = folder / "README.md"
        text = readme.read_text()
        before, rest = text.split(BEGIN)
        old, after = rest.split(END)
        if options.specs:
            made = {line.split("|")[1]: line for line in lines}
            lines = [made.get(line.split("|")[1], line) for line in old.splitlines()]
        readme.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after)


if __name__ == "__main__":
    main()
