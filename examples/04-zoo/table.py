#!/usr/bin/env python3
"""Analyses every cascade of this folder and of 02-rank-passes and writes the table of README.md.

    table.py [--build DIR] [NAME...]     the table, on standard output
    table.py [--build DIR] --check       does README.md hold this table?
    table.py [--build DIR] --update      writes it there

For each file, at the extents that it declares: the rank that any schedule must traverse most often and how often, the points of
all Einsums, their operators, and the bytes that every schedule moves (einsum-compile --analyze-only).
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER / "README.md"
BEGIN, END = "<!-- written by table.py -->\n", "<!-- end -->\n"


def analyse(tools, path):
    done = subprocess.run([tools / "einsum-compile", path, "--analyze-only", "--json=-"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{path}\n{done.stderr}")
    return json.loads(done.stdout)


def short(number):
    for unit in ("", "k", "M", "G", "T"):
        if number < 1000 or unit == "T":
            return f"{number:.4g} {unit}".strip()
        number /= 1000


def headline(cascade, path):
    """The busiest rank; parts of a split rank are left to the analysis itself."""
    parts = set(re.findall(r"\w+", " ".join(re.findall(r"split \w+ = ([^\n]*)", path.read_text()))))
    whole = {rank: n for rank, n in cascade["rank_passes"].items() if rank not in parts}
    most = max(whole.values())
    return f"{most} over " + ", ".join(f"`{rank}`" for rank, n in whole.items() if n == most) if most > 1 else "1"


def row(tools, path):
    result = analyse(tools, path)
    cascade = result["cascade"]
    ops = ", ".join(f"{name} {short(count)}" for name, count in sorted(cascade["ops"].items(), key=lambda op: -op[1]))
    name = path.relative_to(FOLDER) if path.is_relative_to(FOLDER) else Path("..") / path.relative_to(FOLDER.parent)
    points = sum(einsum["points"] for einsum in cascade["einsums"])
    return (f"| [{path.stem}]({name}) | {headline(cascade, path)} | {short(points)} | {ops} | "
            f"{short(result['bounds']['compulsory_bytes'])}B |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, help="folder with bin/ (default: the tools on the path)")
    parser.add_argument("--check", action="store_true", help="compare with README.md")
    parser.add_argument("--update", action="store_true", help="write into README.md")
    parser.add_argument("names", nargs="*", help="cascades (default: all)")
    arguments = parser.parse_args()
    tools = arguments.build / "bin" if arguments.build else Path()
    files = [*FOLDER.glob("*.ein"), *(FOLDER.parent / "02-rank-passes").glob("*.ein")]
    paths = sorted((p for p in files if not arguments.names or p.stem in arguments.names), key=lambda p: p.stem)
    lines = ["| cascade | rank passes | points | operators | compulsory bytes |", "|---|---|---|---|---|"]
    table = "\n".join(lines + [row(tools, path) for path in paths]) + "\n"
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
