#!/usr/bin/env python3
"""Derives every cascade of this folder and writes the table of README.md.

    table.py [--build DIR] [NAME...]     the table, on standard output
    table.py [--build DIR] --check       does README.md hold this table?
    table.py [--build DIR] --update      writes it there

For each file: how many passes its busiest rank needs as written and after the rewrite (einsum-opt --einsum-rank-passes), the
Einsums that force them, the laws that were used, what still stands in the way, and the largest error when both cascades run
on the same data (einsum-run --against): normal numbers, equal ones, rising and falling ones, numbers that cancel, a large
common offset, and magnitudes of 1e4.

A file says in its comments at which small extents it is run (`// Checked at M=7, P=3.`); if it is not the pass reduction, which
rewrite is shown (`// Rewritten by einsum-reassociate.`); and which data make its result 0, so that a relative error says
nothing (`// Not run on equal: ...`). The script fails if any two results differ.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER / "README.md"
BEGIN, END = "<!-- written by table.py -->\n", "<!-- end -->\n"
DATA = ["normal", "ties", "equal", "increasing", "decreasing", "zero-crossing", "offset", "large"]
TILE = 3


class Failure(Exception):
    pass


def run(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout, result.stderr


def directive(text, pattern, default):
    match = re.search(r"^// " + pattern + r"[.:]", text, re.MULTILINE)
    return match.group(1) if match else default


def passes_of(tools, path):
    """Passes and witness of each whole rank, and the tensor that shows them."""
    _, remarks = run([tools / "einsum-opt", "--einsum-rank-passes", path, "-o", os.devnull])
    found = {}
    for count, rank, tensor, witness in re.findall(
            r"remark: (\d+) pass(?:es)? over (\w+)(?: by '(\w+)')?(?: through '\w+')?(?:: ([^\n]*))?", remarks):
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


def worst_error(tools, path, derived, extents, data):
    report, _ = run([tools / "einsum-run", path, "--against", derived, "--extent",
                     ",".join(f"{name}={value}" for name, value in extents.items()),
                     "--data", ",".join(data), "--trials", str(len(data)), "--seed", "1"])
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
    left_out = directive(text, r"Not run on ([\w, -]+)", "").split(", ")
    parts = set(re.findall(r"\w+", " ".join(re.findall(r"split \w+ = ([^\n]*)", text))))
    before, after = passes_of(tools, path), passes_of(tools, derived)
    reductions, _ = run([tools / "einsum-opt", path])
    reduced = {name: len(re.findall(rf"reduce \[[^\]]*\b{name}\d* by", reductions)) for name in before}
    rank = max((name for name in before if name not in parts), key=lambda name: (before[name][0], reduced[name]))
    applied, refused = laws_of(remarks)
    return {
        "name": path.stem,
        "rank": rank,
        "before": before[rank][0],
        "after": after.get(rank, (0, "", ""))[0],
        "witness": before[rank][2],
        "rest": after.get(rank, (0, "", ""))[2],
        "outputs": {tensor: ranks.split(",") for tensor, ranks in re.findall(r"^  (\w+)\[([\w,]*)\]", text, re.MULTILINE)
                    if re.search(rf"^  output .*\b{tensor}\b", text, re.MULTILINE)},
        "laws": applied,
        "refused": refused,
        "error": worst_error(tools, path, derived, extents, [name for name in DATA if name not in left_out]),
    }


def row(result):
    why = result["laws"] and ", ".join(result["laws"]) or "-"
    left = ""
    if result["after"] > 1:
        last = result["rest"].split(" -> ")[-1]
        if result["refused"]:
            left = "; ".join(f"`{tensor}`: {reason}" for tensor, reason in result["refused"])
        elif result["rank"] in result["outputs"].get(last, []):
            left = f"`{result['rest']}`: the output `{last}` has an element for each `{result['rank']}`"
        else:
            left = f"`{result['rest']}`"
    cells = [f"[{result['name']}]({result['name']}.ein)", f"`{result['rank']}`", str(result["before"]),
             str(result["after"]), f"`{result['witness']}`" if result["witness"] else "", why, left,
             magnitude(result["error"])]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write_table(tools, paths):
    """The lines of the table, and what failed."""
    lines = ["| cascade | rank | passes | after | forced by | derivation | what remains, and why | error |",
             "|---|---|---|---|---|---|---|---|"]
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            try:
                lines.append(row(derive(tools, path, scratch)))
            except Failure as failure:
                failures.append(str(failure))
    return "\n".join(lines) + "\n", failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, help="folder with bin/ (default: the tools on the path)")
    parser.add_argument("--check", action="store_true", help="compare with README.md")
    parser.add_argument("--update", action="store_true", help="write into README.md")
    parser.add_argument("names", nargs="*", help="cascades (default: all)")
    arguments = parser.parse_args()
    tools = arguments.build / "bin" if arguments.build else Path()
    paths = [FOLDER / (name + ".ein") for name in arguments.names] or sorted(FOLDER.glob("*.ein"))
    table, failures = write_table(tools, paths)
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures:
        return 1
    if not arguments.check and not arguments.update:
        print(table, end="")
        return 0
    text = README.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    if arguments.update:
        README.write_text(text[:begin] + table + text[end:])
    elif text[begin:end] != table:
        for old, new in zip(text[begin:end].splitlines(), table.splitlines()):
            if old != new:
                print(f"README.md: {old}\nnow:       {new}")
        print("README.md is out of date: run table.py --update", file=sys.stderr)
        return 1
    print(f"{len(paths)} cascades, and the table of README.md is theirs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
