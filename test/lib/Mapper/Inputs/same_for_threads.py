"""Compares what einsum-compile writes with one thread and with several, byte for byte.

same_for_threads.py WORKLOAD ARGS...: but for the seconds it took, the JSON has to be the same, and all of the
schedule. There is no time limit: one that ends as best found ends for another reason.
"""
import json
import subprocess
import sys
import tempfile


def without_seconds(node):
    if isinstance(node, dict):
        return {key: without_seconds(value) for key, value in node.items() if not key.endswith("wall_s")}
    return [without_seconds(one) for one in node] if isinstance(node, list) else node


def write(threads):
    with tempfile.NamedTemporaryFile(suffix=".json") as result, tempfile.NamedTemporaryFile(suffix=".mlir") as schedule:
        run = subprocess.run(["einsum-compile", *sys.argv[1:], f"--threads={threads}", f"--json={result.name}",
                              f"--schedule={schedule.name}", "--time-limit=none"], capture_output=True, text=True)
        assert run.returncode in (0, 3), run.stderr
        with open(result.name) as text, open(schedule.name) as tree:
            return json.dumps(without_seconds(json.load(text)), indent=1).splitlines(), tree.read().splitlines()


one = write(1)
for threads in (2, 5):
    for before, after in zip(one, write(threads)):
        unlike = [pair for pair in zip(before, after) if pair[0] != pair[1]]
        assert before == after, f"with {threads} threads, first: {unlike[:1]}"
    assert any('"evaluated"' in line for line in one[0])
