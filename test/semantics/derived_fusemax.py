"""Attention as textbooks write it, rewritten by the compiler, must cost on the FuseMax machine what the published cascade costs.

    derived_fusemax.py CASCADES ARCH    compares the JSON of both, number by number
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = {"BERT": (12, 64), "XLM": (16, 128)}
LENGTHS = [1024, 16384]
# What a cascade is called, what is known of its tensors by name, and how long the compiler took.
WORDS = {"workload", "rewrite", "cascade", "mapping", "name", "wall_s", "first_wall_s"}


def cost(cascade, arch, heads, size, length, *options):
    bindings = f"B=64,H={heads},E={size},F={size},M={length},P={length}"
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        subprocess.run(["einsum-compile", cascade, f"--arch={arch}", "--mapping=fusemax", f"--bind={bindings}", f"--json={result.name}", *options],
                       check=True, stdout=subprocess.DEVNULL)
        return json.load(open(result.name))


def numbers(value, path=""):
    """All numbers, by their place."""
    if isinstance(value, dict):
        for key in value:
            if key not in WORDS:
                yield from numbers(value[key], f"{path}/{key}")
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from numbers(entry, f"{path}/{i}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def main():
    cascades, arch = Path(sys.argv[1]), sys.argv[2]
    for model, (heads, size) in MODELS.items():
        for length in LENGTHS:
            published = dict(numbers(cost(cascades / "one-pass.ein", arch, heads, size, length)))
            derived = dict(numbers(cost(cascades / "three-pass.ein", arch, heads, size, length, "--rewrite=auto")))
            wrong = [f"{path}: {published.get(path)} against {derived.get(path)}"
                     for path in sorted(published.keys() | derived.keys()) if published.get(path) != derived.get(path)]
            print(f"{model} at {length}: {len(published)} numbers, latency {derived['/latency_s']} s, {len(wrong)} differ")
            print("\n".join(wrong[:10]), end="\n" if wrong else "")
            if wrong:
                sys.exit(1)


main()
