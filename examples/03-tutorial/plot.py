#!/usr/bin/env python3
"""plot.py THREE-PASS.ein ONE-PASS.ein OUT.svg: attention in three dataflows over six lengths, as a table and as a picture.

Unfused and FLAT run the first cascade on the machine made for FLAT, FuseMax runs the second on its own. Speed is relative to
unfused, energy too; energies are without the registers of the processing elements, as published.
"""
import json
import subprocess
import sys
import tempfile

LENGTHS = [1024 * 4**i for i in range(6)]
# name, which cascade, architecture, mapping, colour
DATAFLOWS = [
    ("unfused", 0, "flat-cloud", "unfused", "#b8b8b8"),
    ("FLAT", 0, "flat-cloud", "flat", "#6c8ebf"),
    ("FuseMax", 1, "fusemax-cloud", "fusemax", "#c0504d"),
]


def measure(cascade, arch, mapping, length):
    """Seconds and joules."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        subprocess.run(
            ["einsum-compile", cascade, f"--arch={arch}", f"--mapping={mapping}", f"--bind=M={length},P={length}", f"--json={result.name}"],
            check=True, stdout=subprocess.DEVNULL)
        cost = json.load(open(result.name))
    return cost["latency_s"], cost["energy_without_registers_j"]


def label(length):
    return f"{length // 1024}K" if length < 1024 * 1024 else f"{length // 1024 // 1024}M"


def panel(title, bars, top, y):
    """One bar per length and dataflow; `bars[length]` has the heights in the order of DATAFLOWS."""
    left, width, height = 60, 600, 180
    out = [f'<text x="{left}" y="{y - 12}" class="title">{title}</text>']
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10) if top / s <= 7)
    for i in range(int(top / step) + 1):
        at = y + height - i * step / top * height
        out.append(f'<line x1="{left}" y1="{at:.1f}" x2="{left + width}" y2="{at:.1f}" class="grid"/>')
        out.append(f'<text x="{left - 8}" y="{at + 4:.1f}" class="value">{i * step:g}</text>')
    group = width / len(bars)
    for g, (length, heights) in enumerate(bars.items()):
        for b, (value, (name, *_, colour)) in enumerate(zip(heights, DATAFLOWS)):
            size = value / top * height
            x = left + g * group + 14 + b * (group - 28) / 3
            out.append(f'<rect class="bar" x="{x:.1f}" y="{y + height - size:.1f}" width="{(group - 28) / 3 - 2:.1f}" height="{size:.1f}" fill="{colour}">'
                       f"<title>{name}, {label(length)} tokens: {value:.2f}</title></rect>")
        out.append(f'<text x="{left + (g + 0.5) * group:.1f}" y="{y + height + 16}" class="length">{label(length)}</text>')
    return out


def draw(speed, energy):
    style = ("text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.value{text-anchor:end}.length{text-anchor:middle}"
             ".grid{stroke:#ddd;stroke-width:1}")
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 560" width="700" height="560" role="img">',
           f"<style>{style}</style>", '<rect width="700" height="560" fill="white"/>']
    for i, (name, *_, colour) in enumerate(DATAFLOWS):
        out.append(f'<rect x="{60 + i * 110}" y="14" width="12" height="12" fill="{colour}"/><text x="{78 + i * 110}" y="25">{name}</text>')
    out += panel("attention, speed relative to unfused, by tokens", speed, max(max(h) for h in speed.values()) * 1.05, 66)
    out += panel("attention, energy relative to unfused", energy, 1.05, 326)
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    cascades, target = sys.argv[1:3], sys.argv[3]
    print("tokens  " + "  ".join(f"{name + ' s':>11}  {name + ' J':>11}" for name, *_ in DATAFLOWS) + "  over FLAT  of its energy")
    speed, energy = {}, {}
    for length in LENGTHS:
        costs = [measure(cascades[which], arch, mapping, length) for _, which, arch, mapping, _ in DATAFLOWS]
        speed[length] = [costs[0][0] / seconds for seconds, _ in costs]
        energy[length] = [joules / costs[0][1] for _, joules in costs]
        flat, fused = costs[1], costs[2]
        numbers = "  ".join(f"{seconds:11.4g}  {joules:11.4g}" for seconds, joules in costs)
        print(f"{label(length):>6}  {numbers}  {flat[0] / fused[0]:8.2f}x  {fused[1] / flat[1]:13.3f}")
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(speed, energy))


if __name__ == "__main__":
    main()
