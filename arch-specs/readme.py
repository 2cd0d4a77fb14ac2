"""The tables of README.md, from the specs themselves.

    arch-specs/readme.py [--update]     with einsum-arch-check on the PATH

Without --update, exit code 1 and a difference if README.md is out of date.
"""

import difflib
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- begin generated: readme.py --update -->", "<!-- end generated -->"
DOUBTS = {"secondary": "secondary", "recalled": "recalled", "guess": "guessed"}


def resolved(path):
    run = subprocess.run(["einsum-arch-check", path, "--json=-"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def amount(value, units, base=1024):
    for unit in units:
        if value < base or unit == units[-1]:
            return f"{value:.4g} {unit}"
        value /= base


def describe_level(level):
    size = level["capacity_bytes"]
    text = level["name"] + (" " + amount(size, ["B", "KiB", "MiB", "GiB", "TiB"]) if size else "")
    if level["instances"] > 1:
        text = f"{level['instances']} x {text}"
    rates = [level[key] for key in ("bandwidth_bytes_per_s", "read_bytes_per_s") if level[key]]
    if rates:
        text += ", " + amount(rates[0], ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"], 1000)
    return text


def describe_array(array):
    shape = " x ".join(map(str, array["shape"].values())) or "scalar"
    text = f"{array['name']} {shape}"
    if array["datatypes"]:
        text += " (" + " ".join(array["datatypes"]) + ")"
    return text


def numbers(spec):
    """Of the numbers, how many are not published, by kind."""
    found = [f"{spec['doubtful'][kind]} {word}" for kind, word in DOUBTS.items() if spec["doubtful"].get(kind)]
    return ", ".join(found) or "all published"


def sources(spec):
    """The texts that the spec itself gives, with what is doubtful about them."""
    texts = {}
    for part in spec["levels"] + spec["arrays"] + spec["links"]:
        given = part["provenance"]
        for source in [given, *given.get("by_number", {}).values()]:
            if source["text"]:
                texts[source["text"]] = DOUBTS.get(source["certainty"])
    return "; ".join(text + (f" ({doubt})" if doubt else "") for text, doubt in texts.items())


def tables():
    specs = {p.stem: resolved(p) for p in sorted(folder.glob("*.json")) if p.name != "schema.json"}
    lines = ["| spec | machine | clock | memories, outermost first | arrays | numbers |", "|---|---|---|---|---|---|"]
    for name, spec in specs.items():
        node = spec["technology_nm"]
        clock = amount(spec["clock_hz"], ["Hz", "kHz", "MHz", "GHz"], 1000) + (f", {node:g} nm" if node else "")
        cells = [
            f"`{name}`",
            spec["description"],
            clock,
            "; ".join(map(describe_level, spec["levels"])),
            "; ".join(map(describe_array, spec["arrays"])),
            numbers(spec),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| energy profile | what |", "|---|---|"]
    for path in sorted((folder / "energy").glob("*.json")):
        if path.name != "schema.json":
            lines.append(f"| `energy/{path.stem}` | {json.loads(path.read_text())['description']} |")
    lines += ["", "Where the numbers of each spec come from (energies of operators: see the profile):", ""]
    lines += [f"- `{name}`: {sources(spec)}." for name, spec in specs.items()]
    return lines


def main():
    path = folder / "README.md"
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "\n".join([before + BEGIN, "", *tables(), "", END + after])
    if text == path.read_text():
        return
    if sys.argv[1:] == ["--update"]:
        path.write_text(text)
        return
    difference = difflib.unified_diff(path.read_text().splitlines(), text.splitlines(), "README.md", "as generated", lineterm="")
    print("\n".join(difference))
    sys.exit("README.md is not up to date: run arch-specs/readme.py --update")


main()
