#!/usr/bin/env python3
"""Counts the models of this folder and writes the tables of README.md.

    table.py [--check | --update]

Parameters are the elements of the tensors that a cascade marks as weights, multiplications those of prefilling 1024 tokens and of
one more token behind them (einsum-compile --analyze-only). `public` is the size that the authors or the model's page give, exactly
where they do. The second table has the operations that somebody else counts.
"""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER / "README.md"
MARKS = [("<!-- written by table.py -->\n", "<!-- end -->\n"), ("<!-- written by table.py: operations -->\n", "<!-- end of operations -->\n")]

# Sizes as published; a float is rounded there.
PUBLIC = {
    "bert-base": 109482240, "deepseek-v2-lite": 15706484224, "deepseek-v3": 671e9, "gemma-2-9b": 9241705984, "gemma-3-1b": 999885952, "gpt2": 124439808,
    "gpt2-xl": 1557611200, "gpt3-175b": 175e9, "llama-2-7b": 6738415616, "llama-3-8b": 8030261248, "mamba-2.8b": 2768345600,
    "mistral-7b": 7241732096, "mixtral-8x7b": 46.7e9, "opt-350m": 331196416, "opt-6.7b": 6658473984,
    "qwen3-30b-a3b": 30.5e9, "t5-small": 60506624, "vit-b-16": 86567656,
    "command-r7b": 8028033024, "falcon-7b": 6921720704, "gpt-oss-20b": 20914757184, "granite-3.1-2b": 2533531648, "llama-4-scout": 107769861120,
    "mamba2-2.7b": 2702599680, "modernbert-base": 149655232, "olmo-2-7b": 7298617344, "phi-2": 2779683840, "phi-4-mini": 3836021760,
    "pythia-1.4b": 1414647808, "qwen2.5-7b": 7615616512, "qwen3-8b": 8190735360,
}
ENCODERS = ("bert-base", "modernbert-base", "vit-b-16")


def analyse(name, phase, length, *options):
    command = ["einsum-compile", str(FOLDER / (name + ".json")), f"--phase={phase}", "--analyze-only", "--json=-", *options]
    done = subprocess.run(command + ([f"--seq={length}"] if length else []), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}\n{done.stderr}")
    return json.loads(done.stdout)["cascade"]


def count(name, phase):
    return analyse(name, phase, {"bert-base": 512, "vit-b-16": None, "gpt2": 1023, "gpt2-xl": 1023}.get(name, 1024))


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


def training(name, length):
    """A step's multiplications over those of its forward pass, and its operations over 6 for each parameter and token."""
    cascade = analyse(name, "train", length, "--optimizer=none")
    macs = [(einsum["name"], einsum["ops"].get("mac", 0)) for einsum in cascade["einsums"]]
    forward = sum(mac for _, mac in macs[:[n for n, _ in macs].index("LOSS") + 1])
    total = sum(mac for _, mac in macs)
    return total / forward, 2 * total / (6 * cascade["parameters"]["elements"] * length)


def viewer(phase, length):
    """Operations and bytes of a layer of Llama-2-7B in fp16, here and as LLM-Viewer counts them, of what both have: products with
    weights, then scores and values. LLM-Viewer counts scores that are masked."""
    cascade = analyse("llama-2-7b", phase, length, "--layers=1", "--parts=layers")
    kinds = {"Q": 0, "K": 0, "V": 0, "O": 0, "FG": 0, "FU": 0, "FO": 0, "QK": 1, "AV" if phase == "prefill" else "LV": 1}
    here = [[0, 0], [0, 0]]
    for einsum in cascade["einsums"]:
        if einsum["name"] in kinds:
            cell = here[kinds[einsum["name"]]]
            cell[0] += 2 * einsum["ops"]["mac"]
            cell[1] += einsum["bytes_in"] + einsum["bytes_out"]
    tokens, hidden, inner, heads = length if phase == "prefill" else 1, 4096, 11008, 32
    sides = [(hidden, hidden)] * 4 + [(hidden, inner)] * 2 + [(inner, hidden)]
    there = [[sum(2 * tokens * i * o for i, o in sides), sum(2 * (i * o + tokens * (i + o)) for i, o in sides)],
             [2 * 2 * tokens * length * hidden, 2 * 2 * (tokens * hidden + tokens * length * heads + length * hidden)]]
    return here, there


def operations():
    rows = ["| what | here | public | ratio |", "|---|---|---|---|"]

    def add(what, here, public):
        rows.append(f"| {what} | {short(here)} | {short(public)} | {here / public:.4f} |")

    add("ViT-B/16, mac of one image (torchvision)", analyse("vit-b-16", "prefill", None)["ops"]["mac"], 17.564e9)
    add("DeepSeek-V3, mac of one token, nothing cached (parameters activated for a token)",
        analyse("deepseek-v3", "decode", 1)["ops"]["mac"], 37e9)
    for name, model, active in (("gpt-oss-20b", "gpt-oss-20b", 3.61e9), ("llama-4-scout", "Llama 4 Scout", 17e9), ("qwen3-30b-a3b", "Qwen3-30B-A3B", 3.3e9)):
        add(f"{model}, mac of one token, nothing cached (parameters activated for a token)", analyse(name, "decode", 1)["ops"]["mac"], active)
    for phase in ("prefill", "decode"):
        here, there = viewer(phase, 2048)
        for kind, name in enumerate(["products with weights", "scores and values"]):
            for column, unit in enumerate(["operations", "bytes"]):
                add(f"Llama-2-7B, a layer in {phase} at 2048, {name}, {unit} (LLM-Viewer)", here[kind][column], there[kind][column])
    rows += ["", "| a training step at its whole length | mac over those of the forward pass | operations over 6 per parameter and token |",
             "|---|---|---|"]
    for name, length in (("gpt2", 1024), ("gpt3-175b", 2048), ("llama-2-7b", 2048), ("mamba-2.8b", 2048)):
        rows.append("| {} | {:.4f} | {:.4f} |".format(name, *training(name, length)))
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with README.md")
    parser.add_argument("--update", action="store_true", help="write into README.md")
    arguments = parser.parse_args()
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    lines = ["| model | parameters | public | Einsums | mac, prefill | mac, one token |", "|---|---|---|---|---|---|"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tables = ["\n".join(lines + list(pool.map(row, names))) + "\n", operations()]
    text = README.read_text()
    for table, (begin, end) in zip(tables, MARKS):
        before, rest = text.split(begin)
        old, after = rest.split(end)
        if not arguments.check and not arguments.update:
            print(table)
        elif arguments.check and old != table:
            for was, now in zip(old.splitlines(), table.splitlines()):
                if was != now:
                    print(f"README.md: {was}\nnow:       {now}")
            return 1
        text = before + begin + table + end + after
    if arguments.update:
        README.write_text(text)
    if arguments.check:
        print(f"{len(names)} models have the parameters that are public")
    return 0


if __name__ == "__main__":
    sys.exit(main())
