#!/usr/bin/env python3
"""Checks every #include in dialects/ lib/ mappings/ tools/ against the table of who may include whom.

The table is the ```layering block of CONTRIBUTING.md, so the page that people read is the rule that is enforced.
A file belongs to the longest folder named on a left side; it may include its own folder and what the right side names,
and nothing from a folder X named as not:X.
    check_layering.py ROOT              names file:line of each violation
    check_layering.py --self-test ROOT  runs on a small tree with known violations
"""
import re
import sys
from pathlib import Path

FOLDERS = ("dialects", "lib", "mappings", "tools")
INCLUDE = re.compile(r'\s*#?\s*include\s*["<]([^">]+)[">]')


def read_table(root):
    block = re.search(r"```layering\n(.*?)```", (root / "CONTRIBUTING.md").read_text(), re.S).group(1)
    sides = [line.split("->") for line in block.splitlines() if "->" in line]
    return {left: right.split() for lefts, right in sides for left in lefts.split()}


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def violations(root, table):
    components = {name.split("/")[1] for name in table if "/" in name}
    for file in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")):
        if file.suffix not in (".h", ".cpp", ".inc", ".td"):
            continue
        name = file.relative_to(root).as_posix()
        owner = max((left for left in table if within(name, left)), key=len, default=None)
        if owner is None:
            yield f"{name}:1: this folder is not in the layering table of CONTRIBUTING.md"
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            include = INCLUDE.match(line)
            if not include:
                continue
            target = include.group(1)
            if (file.parent / target).exists():  # relative to the including file
                target = (file.parent / target).resolve().relative_to(root.resolve()).as_posix()
            first = target.split("/")[0]
            ours = first in FOLDERS and not any(within(target, to) for to in [owner] + table[owner])
            if first in components:
                yield f"{name}:{number}: write '{target}' from the source root (lib/... or dialects/...)"
            elif ours or f"not:{first}" in table[owner]:
                yield f"{name}:{number}: {owner} may not include {target} (table: {' '.join(table[owner]) or 'nothing of ours'})"


def main():
    root = Path(sys.argv[-1])
    table = read_table(root)
    if sys.argv[1] == "--self-test":
        fixture = Path(__file__).parent / "Inputs"
        found, expected = list(violations(fixture, table)), (fixture / "expected.txt").read_text().split()
        print("\n".join(["found:"] + found + ["expected:"] + expected))
        return [":".join(message.split(":")[:2]) for message in found] != expected
    found = list(violations(root, table))
    print("\n".join(found) or "every include follows the table")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
