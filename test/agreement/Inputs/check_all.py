#!/usr/bin/env python3
"""Runs einsum-agreement on every NAME.ein with NAME.mlir in a folder, on NAME.json if there is one."""
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
for cascade in sorted(folder.glob("*.ein")):
    own = cascade.with_suffix(".json")
    verdict = subprocess.run(
        ["einsum-agreement", "--files", cascade, cascade.with_suffix(".mlir"), own if own.exists() else folder / "spec.json"],
        capture_output=True, text=True, check=False)
    print(cascade.stem, verdict.stdout + verdict.stderr)
