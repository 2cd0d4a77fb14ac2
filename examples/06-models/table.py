#!/usr/bin/env python3
"""Counts the models of this folder and writes the table of README.md.

    table.py [--check | --update]

Parameters are the elements of the tensors that a cascade marks as weights, multiplications those of prefilling 1024 tokens and of
one more token behind them (einsum-compile --analyze-only). `public` is the size that the authors or the model's page give, exactly
where they do.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER / "README.md"
BEGIN, END = "<!-- written by table.py -->\n", "<!-- end -->\n"

# Sizes as published; a float is rounded there.
PUBLIC = {
    "bert-base": 109482240, "deepseek-v3": 671e9, "gemma-2-9b": 9241705984, "gemma-3-1b": 999885952, "gpt2": 124439808,
    "gpt2-xl": 1557611200, "gpt3-175b": 175e9, "llama-2-7b": 6738415616, "llama-3-8b": 8030261248, "mamba-2.8b": 2768345600,
    "mistral-7b": 7241732096, "mixtral-8x7b": 46.7e9, "opt-350m": 331196416, "opt-6.7b": 6658473984,
    "qwen3-30b-a3b": 30.5e9, "t5-small": 60506624, "vit-b-16": 86567656,
}
ENCODERS = ("bert-base", "vit-b-16")


def count(name, phase):
    length = {"bert-base": 512, "vit-b-16": None, "gpt2": 1023, "gpt2-xl": 1023}.get(name, 1024)
    command = ["einsum-compile", str(FOLDER / (name + ".json")), f"--phase={phase}", "--analyze-only", "--json=-"]
    done = subprocess.run(command + ([f"--seq={length}"] if length else []), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}\n{done.stderr}")
    return json.loads(done.stdout)["cascade"]


def short(number):
    for unit in ("", "k", "M", "G", "T"):
        if number < 1000 or unit == "T":
            return f"{number:.4g} {unit}".strip()
        number /= 1000


def row(name):
    prefill = count(name, "prefill")
    decode = None if name in ENCODERS else count(name, "decode")
    parameters, public = prefill["parameters"]["elements"], PUBLIC[name]
    if parameters != public and (isinstance(public, int) or abs(parameters / public - 1) > 0.003):
        raise SystemExit(f"{name}: {parameters} parameters, but {public} are published")
    said = f"{public:,}".replace(",", " ") if isinstance(public, int) else short(public)
    return (f"| [{name}]({name}.json) | {parameters:,} | {said} | {len(prefill['einsums'])} | {short(prefill['ops']['mac'])} | "
            f"{short(decode['ops']['mac']) if decode else '-'} |").replace(",", " ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with README.md")
    parser.add_argument("--update", action="store_true", help="write into README.md")
    arguments = parser.parse_args()
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    lines = ["| model | parameters | public | Einsums | mac, prefill | mac, one token |", "|---|---|---|---|---|---|"]
    table = "\n".join(lines + [row(name) for name in names]) + "\n"
    text = README.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    if arguments.update:
        README.write_text(text[:begin] + table + text[end:])
    elif not arguments.check:
        print(table, end="")
    elif text[begin:end] != table:
        for old, new in zip(text[begin:end].splitlines(), table.splitlines()):
            if old != new:
                print(f"README.md: {old}\nnow:       {new}")
        return 1
    else:
        print(f"{len(names)} models have the parameters that are public")
    return 0


if __name__ == "__main__":
    sys.exit(main())
