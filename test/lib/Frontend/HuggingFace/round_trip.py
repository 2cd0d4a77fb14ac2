"""Each model and phase as text, read and printed again: round_trip.py FOLDER."""
import os
import subprocess
import sys
from pathlib import Path


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


folder, count = Path(sys.argv[1]), 0
models = sorted(folder.glob("*.json"))
for model in models:
    # One computes all tokens at once, the other has no loss either.
    phases = {"vit-b-16": ("prefill", "train"), "bert-base": ("prefill",), "modernbert-base": ("prefill", "train")}.get(model.stem, ("prefill", "decode", "train"))
    for phase in phases:
        text = run("einsum-translate", "--hf-config-to-cascade", f"--phase={phase}", "--seq=64", model)
        mlir = run("einsum-translate", "--cascade-to-mlir", "-", text=text)
        again = run("einsum-translate", "--mlir-to-cascade", "-", text=mlir)
        assert text == again, (model, phase)
        count += 1
print(f"{len(models)} models, {count} cascades come back as they were")
