"""Runs einsum-compile and refuses a peak of memory of 2 GB or more, and a run without a mapping.

peak_memory.py ARGS...
"""
import json
import resource
import subprocess
import sys
import tempfile

with tempfile.NamedTemporaryFile(suffix=".json") as result:
    run = subprocess.run(["einsum-compile", *sys.argv[1:], f"--json={result.name}"], capture_output=True, text=True)
    assert run.returncode in (0, 3), run.stderr
    with open(result.name) as text:
        mapper = json.load(text)["mapper"]
assert mapper["best"] >= mapper["lower_bound"] > 0, mapper
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
assert peak < 2e9, f"{peak} bytes"
