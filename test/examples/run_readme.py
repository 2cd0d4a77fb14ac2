#!/usr/bin/env python3
"""Runs the commands that a README shows and compares what they print with what it says.

    run_readme.py [--build DIR] [--update] README.md...

A block that starts with ```console holds commands (`$ ` first; a trailing backslash continues the line) and, below each, its
standard output:

    ```console
    $ einsum-compile attention.ein --analyze-only
    rank passes over M: 3
    ...
    mapped in <time>
    ```

The commands of one README run in order in one fresh copy of the source tree, in its root, with build/bin on the path, so a
file that one writes the next can read. What the reader may write in the output:

    ...        alone on a line: any number of lines, also none
    <time>     a duration with its unit: 1.3 s, 250ms
    <number>   any number

and after ```console: `exit=2` for the exit code of the block's last command (else 0), `skip` for a block that is not run.
Standard error is not compared; `2>&1` shows it. --update rewrites the file: placeholders and a `...` that still fit are kept.
"""
import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLACEHOLDERS = {
    "<time>": r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)? ?(?:ns|us|µs|ms|s|sec|seconds|min)\b",
    "<number>": r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:e[+-]?[0-9]+)?",
}
COMMAND_TIMEOUT_S = 280


class Command:
    """One `$ ` line: where it stands, what it runs, which lines of the README are its output."""

    def __init__(self, line, text):
        self.line, self.text, self.exit = line, text, 0
        self.expected, self.output_begin = [], 0


def parse(lines):
    """The commands of all console blocks; line numbers count from 0."""
    commands, block, fence = [], None, None
    index = 0
    while index < len(lines):
        line = lines[index]
        opening = re.match(r"( *)(`{3,})(.*)$", line)
        if fence is None and opening:
            fence, words = opening.group(2), opening.group(3).split()
            block = [] if words[:1] == ["console"] and "skip" not in words else None
            exits = [int(word[5:]) for word in words if word.startswith("exit=")]
        elif fence is not None and line.strip().startswith(fence) and not line.strip("` "):
            if block:
                block[-1].exit = exits[0] if exits else 0
                commands += block
            fence, block = None, None
        elif block is not None and line.startswith("$ "):
            command = Command(index, line[2:])
            while command.text.endswith("\\") and index + 1 < len(lines):
                index += 1
                command.text = command.text[:-1] + lines[index].lstrip()
            command.output_begin = index + 1
            block.append(command)
        elif block:
            block[-1].expected.append(line)
        index += 1
    if fence is not None:
        raise SystemExit("a ``` block is never closed")
    return commands


def line_matches(expected, actual):
    pattern = re.escape(expected)
    for name, regex in PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape(name), regex)
    return re.fullmatch(pattern, actual) is not None


def matches(expected, actual):
    """Whether the lines agree; at each `...` every length is tried; `reached` holds the positions in `actual` that fit so far."""
    reached = {0}
    for line in expected:
        if line.strip() == "...":
            reached = set(range(min(reached), len(actual) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(actual) and line_matches(line, actual[at])}
    return len(actual) in reached


def refresh(expected, actual):
    """The real lines, written with the placeholders and the `...` that the README already uses and that still fit."""
    lines = [next((old for old in expected if "<" in old and line_matches(old, new)), new) for new in actual]
    dots = [index for index, line in enumerate(expected) if line.strip() == "..."]
    if dots:
        head, tail = dots[0], len(expected) - dots[-1] - 1
        if head + tail <= len(lines):
            lines = lines[:head] + [expected[dots[0]]] + lines[len(lines) - tail :]
    return lines


def make_sandbox(root, build, sandbox):
    """A tree that looks like the repository: what a command may write to is copied, the rest is linked."""
    for entry in root.iterdir():
        if entry.name.startswith((".", "build")):
            continue
        if entry.name in ("examples", "arch-specs", "mappings"):
            shutil.copytree(entry, sandbox / entry.name)
        else:
            (sandbox / entry.name).symlink_to(entry)
    (sandbox / "build").symlink_to(build)


def run(command, sandbox, build):
    environment = {
        "PATH": os.pathsep.join([str(build / "bin"), os.environ.get("PATH", "/usr/bin:/bin")]),
        "HOME": str(sandbox), "LC_ALL": "C.UTF-8", "TERM": "dumb",
    }
    try:
        done = subprocess.run(
            ["bash", "-c", command.text], cwd=sandbox, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=COMMAND_TIMEOUT_S, encoding="utf-8", errors="replace",
        )
        return [line.rstrip() for line in done.stdout.splitlines()], done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        return [], f"did not end within {COMMAND_TIMEOUT_S} s\n", None


def check_readme(readme, root, build, update):
    """Runs one README; prints what differs and returns the number of commands that disagree."""
    lines = readme.read_text(encoding="utf-8").split("\n")
    commands = parse(lines)
    name = readme.relative_to(root) if readme.is_relative_to(root) else readme
    if not commands:
        print(f"{name}: no ```console block with a `$ ` line, so nothing shows that this page is true")
        return 1
    failures, edits = 0, []
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        sandbox = Path(folder)
        make_sandbox(root, build, sandbox)
        for command in commands:
            actual, errors, code = run(command, sandbox, build)
            where = f"{name}:{command.line + 1}"
            if code != command.exit:
                failures += 1
                print(f"{where}: exit code {code}, the page says {command.exit}: {command.text}\n{errors}", end="")
            # Blank lines before the next command or the fence are layout.
            expected = [line.rstrip() for line in command.expected]
            while expected and not expected[-1]:
                expected.pop()
            while actual and not actual[-1]:
                actual.pop()
            if matches(expected, actual):
                continue
            if update and code == command.exit:
                edits.append((command.output_begin, len(expected), refresh(expected, actual)))
                continue
            failures += 1
            print(f"{where}: prints something else: {command.text}")
            print("\n".join(difflib.unified_diff(expected, actual, f"{name} (says)", "real output", lineterm="", n=2)))
    for begin, count, replacement in reversed(edits):
        lines[begin : begin + count] = replacement
    if edits:
        readme.write_text("\n".join(lines), encoding="utf-8")
        print(f"{name}: {len(edits)} output(s) rewritten")
    return failures


def main():
    source = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("readmes", nargs="+", type=Path, metavar="README.md")
    parser.add_argument("--root", type=Path, default=source, help="the tree that commands run in a copy of")
    parser.add_argument("--build", type=Path, help="where bin/ is (default: ROOT/build)")
    parser.add_argument("--update", action="store_true", help="rewrite the pages from the real output")
    options = parser.parse_args()
    root = options.root.resolve()
    build = (options.build or root / "build").resolve()
    failures = sum(check_readme(readme.resolve(), root, build, options.update) for readme in options.readmes)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
