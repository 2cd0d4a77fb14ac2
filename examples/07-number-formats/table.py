#!/usr/bin/env python3
"""Number formats of one layer of Llama-3-8B, on two machines: the mapping that the search finds, and the output's error.

    table.py            prints the table: 22 searches of SECONDS each
    table.py --update   writes it into README.md
    table.py --check    says whether errors and least costs are those of the table there, without a search
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
MACHINES = ["h100", "tpu-v5e"]
SECONDS = 15

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
    ("KV BFP4 b32, balanced", BFP4.format(" balanced")),
    ("W4A16 g128, KV BFP4 b32, rearranged", "weights=int4 group(128)," + BFP4.format(" rearranged")),
]


def compile(arch, *options):
    command = [TOOL, str(HERE / "llama-3-8b-decode.ein"), f"--arch={ROOT}/arch-specs/{arch}.json", "--json=-", *options]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return json.loads(result.stdout)


def measure(formats):
    """Signal over noise of the output as written and quantised: of the formats, whatever the machine."""
    error = compile(MACHINES[0], "--analyze-only", f"--quantize={formats}", *DATA)["quantisation"]["error"]
    return error["unquantized"][0]["sqnr_db"], error["outputs"][0]["sqnr_db"]


def search(arch, formats):
    """The cells of one row that come from a mapping."""
    options = [f"--quantize={formats}"] if formats else []
    found = compile(arch, "--rewrite=none", f"--time-limit={SECONDS}", *options)
    backing = found["levels"][0]
    moved = backing["read_bytes"] + backing["write_bytes"]
    return (f"{found['latency_s'] * 1e6:.1f} | {found['mapper']['gap']:.3f} | {found['energy_j'] * 1e3:.2f} "
            f"| {moved / 1e6:.1f}")


def rows():
    """Names, formats and the last cell."""
    plain = None
    for name, formats in FORMATS:
        before, after = measure(formats)
        if plain is None:
            plain = before
            yield "as written, bf16", "", f"{plain:.1f}"
        yield name, formats, f"{after:.1f}"


def table(arch, listed):
    text = f"| {arch} | latency, us | x the bound | energy, mJ | moved, MB | SQNR, dB |\n|---|---|---|---|---|---|\n"
    for name, formats, error in listed:
        text += f"| {name} | {search(arch, formats)} | {error} |\n"
    return text


def check(old, listed):
    """Errors are those of the table, and no mapping there does better than is possible."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in old.splitlines() if line.startswith("| ")]
    lines = [cells for cells in lines if cells[0] not in MACHINES]
    expected = [(arch, *row) for arch in MACHINES for row in listed]
    if len(lines) != len(expected):
        sys.exit(f"the table of README.md has {len(lines)} rows and not {len(expected)}; run table.py --update")
    for cells, (arch, name, formats, error) in zip(lines, expected):
        found = compile(arch, "--analyze-only", f"--quantize={formats or FORMATS[0][1]}")["quantisation"]
        floor = found["floor_after" if formats else "floor_before"]
        latency, gap, energy, moved = map(float, cells[1:5])
        least = floor["latency_s"] * 1e6, floor["energy_j"] * 1e3, floor["bytes"] / 1e6
        if cells[0] != name or cells[5] != error or gap < 1:
            sys.exit(f"{arch}, {name}: SQNR is {error}, the table of README.md has {cells}; run table.py --update")
        if any(have < 0.998 * need for have, need in zip((latency, energy, moved), least)):
            sys.exit(f"{arch}, {name}: less than {least} in {cells}")
    print(f"{len(expected)} rows: errors are those of the table of README.md, and no cost is below the least possible")


def main():
    page = HERE / "README.md"
    listed = list(rows())
    if sys.argv[1:] not in ([], ["--update"], ["--check"]):
        sys.exit(__doc__)
    before, rest = page.read_text().split(MARKS[0])
    old, after = rest.split(MARKS[1])
    if sys.argv[1:] == ["--check"]:
        return check(old, listed)
    text = "\n".join(table(arch, listed) for arch in MACHINES)
    if sys.argv[1:] == []:
        sys.stdout.write(text)
    else:
        page.write_text(before + MARKS[0] + text + MARKS[1] + after)


if __name__ == "__main__":
    main()
