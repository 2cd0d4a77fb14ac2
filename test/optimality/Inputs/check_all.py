#!/usr/bin/env python3
"""Runs einsum-optimality on every NAME.ein with NAME.json in a folder."""
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
for cascade in sorted(folder.glob("*.ein")):
    verdict = subprocess.run(
        ["einsum-optimality", "--files", cascade, cascade.with_suffix(".json")], capture_output=True, text=True, check=False)
    told = verdict.stdout + verdict.stderr if verdict.returncode else "is the best of " + verdict.stdout
    print(cascade.stem, told)
