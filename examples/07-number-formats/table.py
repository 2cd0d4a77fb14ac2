#!/usr/bin/env python3
"""Number formats of one layer of Llama-3-8B, on two machines: what they cost at least and how far off the output is.

    table.py            prints the table
    table.py --update   writes it into README.md
    table.py --check    says whether the table there is this one
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOL = os.environ.get("EINSUM_COMPILE", "einsum-compile")
MARKS = "<!-- written by table.py -->\n", "<!-- end -->\n"

# Keys have a few channels that are large throughout, values have none (Liu et al. 2024, KIVI).
DATA = ["--error", "--error-data=normal,KC=offset-channels", "--error-extent=D=256,I=512,M=256"]
KV4 = "KC=int4 group(32),VC=int4 group(32) f"
BFP4 = "KC=bfp(mantissa=4) block(32){0},VC=bfp(mantissa=4) block(32) f{0}"
FORMATS = [
    ("W8A8", "weights=int8 explicit,activations=int8 explicit"),
    ("W4A16 g128", "weights=int4 group(128)"),
    ("MXFP8", "weights=mxfp8e4m3 explicit,activations=mxfp8e4m3 explicit"),
    ("MXFP4", "weights=mxfp4,activations=mxfp4"),
    ("NVFP4", "weights=nvfp4,activations=nvfp4"),
    ("KV int4 g32", KV4),
    ("KV BFP4 b32", BFP4.format("")),
    ("KV BFP4 b32, rearranged", BFP4.format(" rearranged")),
    ("W4A16 g128, KV BFP4 b32, rearranged", "weights=int4 group(128)," + BFP4.format(" rearranged")),
]


def compile(arch, formats, measure):
    command = [TOOL, str(HERE / "llama-3-8b-decode.ein"), f"--arch={ROOT}/arch-specs/{arch}.json", "--analyze-only"]
    command += [f"--quantize={formats}", "--json=-"] + (DATA if measure else [])
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return json.loads(result.stdout)["quantisation"]


def row(name, floor, errors):
    sqnr = errors[0]["sqnr_db"]
    return (f"| {name} | {floor['latency_s'] * 1e6:.1f} | {floor['energy_j'] * 1e3:.2f} "
            f"| {floor['bytes'] / 1e6:.1f} | {sqnr:.1f} |\n")


def table(arch, errors):
    """Errors are those of the formats, whatever the machine: they are measured for the first one."""
    text = f"| {arch} | latency, us | energy, mJ | bytes, MB | SQNR, dB |\n|---|---|---|---|---|\n"
    for name, formats in FORMATS:
        result = compile(arch, formats, name not in errors)
        if "error" in result:
            errors.setdefault("", result["error"]["unquantized"])
            errors[name] = result["error"]["outputs"]
        if name == FORMATS[0][0]:
            text += row("as written, bf16", result["floor_before"], errors[""])
        text += row(name, result["floor_after"], errors[name])
    return text


def main():
    errors = {}
    text = "\n".join(table(arch, errors) for arch in ["h100", "tpu-v5e"])
    page = HERE / "README.md"
    if sys.argv[1:] == []:
        sys.stdout.write(text)
        return
    before, rest = page.read_text().split(MARKS[0])
    old, after = rest.split(MARKS[1])
    if sys.argv[1:] == ["--update"]:
        page.write_text(before + MARKS[0] + text + MARKS[1] + after)
    elif sys.argv[1:] == ["--check"]:
        if old != text:
            sys.exit("the table of README.md is another one; run table.py --update")
        print(f"{2 * (len(FORMATS) + 1)} rows, and the table of README.md is theirs")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
