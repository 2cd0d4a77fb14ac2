#!/usr/bin/env python3
"""Derives every cascade of this folder and writes the table of README.md.

    table.py [--build DIR] [NAME...]        the table, on standard output

For each file: how many passes its busiest rank needs as written and after the rewrite (einsum-opt --einsum-rank-passes), the
Einsums that force them, the laws that were used, what still stands in the way, and the largest error when both cascades run
on the same data (einsum-run --against): normal numbers, equal ones, rising and falling ones, numbers that cancel, a large
common offset, and magnitudes of 1e4.

A file says in its comments at which small extents it is run (`// Checked at M=7, P=3.`) and, if it is not the pass reduction,
which rewrite is shown (`// Rewritten by einsum-reassociate.`). The script fails if any two results differ.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
DATA = "normal,ties,equal,increasing,decreasing,zero-crossing,offset,large"
TRIALS = 8
TILE = 3


class Failure(Exception):
    pass


def run(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout, result.stderr


def directive(text, pattern, default):
    match = re.search(r"^// " + pattern + r"\.$", text, re.MULTILINE)
    return match.group(1) if match else default


def passes_of(tools, path):
    """Passes and witness of each whole rank, and the tensor that shows them."""
    _, remarks = run([tools / "einsum-opt", "--einsum-rank-passes", path, "-o", os.devnull])
    found = {}
    for count, rank, tensor, witness in re.findall(
            r"remark: (\d+) pass(?:es)? over (\w+)(?: by '(\w+)')?(?:: ([^\n]*))?", remarks):
        if int(count) > found.get(rank, (0,))[0]:
            found[rank] = (int(count), tensor, witness)
    return found


def parameters(path):
    return re.findall(r"(\w+)(?: = \d+)?", re.search(r"einsum\.cascade @\w+\(([^)]*)\)", path.read_text()).group(1))


def laws_of(remarks):
    """Laws that were applied, in order, and what was refused, without repetition."""
    applied, refused = [], []
    for law in re.findall(r"remark: ([\w ]+?) applied to '", remarks):
        if not law.endswith(" not") and law not in applied:
            applied.append(law)
    for law, tensor, reason in re.findall(r"remark: ([\w ]+?) not applied to '(\w+)': ([^\n]*)", remarks):
        if all(reason != other for _, other in refused):
            refused.append((tensor, reason))
    return applied, refused


def worst_error(tools, path, derived, extents):
    report, _ = run([tools / "einsum-run", path, "--against", derived, "--extent",
                     ",".join(f"{name}={value}" for name, value in extents.items()),
                     "--data", DATA, "--trials", str(TRIALS), "--seed", "1"])
    errors = [float(error) for error in re.findall(r"scaled error ([\d.e+-]+)", report)]
    if not errors:
        raise Failure(f"{path.name}: no error in\n{report}")
    return max(errors)


def magnitude(error):
    """Errors of rounding differ from machine to machine: only their size is shown."""
    for bound in ("1e-14", "1e-12", "1e-10", "1e-8"):
        if error <= float(bound):
            return "< " + bound
    return f"{error:.0e}"


def derive(tools, path, scratch):
    text = path.read_text()
    pipeline = directive(text, r"Rewritten by ([\w=, -]+)", "einsum-reduce-passes").split(", ")
    derived = Path(scratch) / (path.stem + ".mlir")
    _, remarks = run([tools / "einsum-opt", *["--" + name for name in pipeline], path, "-o", derived])
    extents = dict(pair.split("=") for pair in directive(text, r"Checked at ([\w=, -]+)", "").split(", ") if pair)
    for name in parameters(derived):
        extents.setdefault(name, str(TILE))
    before, after = passes_of(tools, path), passes_of(tools, derived)
    rank = max(before, key=lambda name: before[name][0])
    applied, refused = laws_of(remarks)
    return {
        "name": path.stem,
        "rank": rank,
        "before": before[rank][0],
        "after": after.get(rank, (0, "", ""))[0],
        "witness": before[rank][2],
        "rest": after.get(rank, (0, "", ""))[2],
        "laws": applied,
        "refused": refused,
        "error": worst_error(tools, path, derived, extents),
    }


def row(result):
    why = result["laws"] and ", ".join(result["laws"]) or "-"
    left = ""
    if result["after"] > 1:
        left = "; ".join(f"`{tensor}`: {reason}" for tensor, reason in result["refused"]) or f"`{result['rest']}`"
    cells = [f"[{result['name']}]({result['name']}.ein)", f"`{result['rank']}`", str(result["before"]),
             str(result["after"]), f"`{result['witness']}`" if result["witness"] else "", why, left,
             magnitude(result["error"])]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, help="folder with bin/ (default: the tools on the path)")
    parser.add_argument("names", nargs="*", help="cascades (default: all)")
    arguments = parser.parse_args()
    tools = arguments.build / "bin" if arguments.build else Path()
    paths = [FOLDER / (name + ".ein") for name in arguments.names] or sorted(FOLDER.glob("*.ein"))
    failures = []
    print("| cascade | rank | passes | after | forced by | derivation | what remains, and why | error |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            try:
                print(row(derive(tools, path, scratch)))
            except Failure as failure:
                failures.append(str(failure))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
