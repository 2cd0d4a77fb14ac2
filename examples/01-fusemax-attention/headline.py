#!/usr/bin/env python3
"""The headline of FuseMax (Nayak et al., MICRO 2024): FuseMax against FLAT, mean over 4 models x 6 lengths, batch 64.

Runs einsum-compile for each of the 24 points and both mappings, and prints the table and the means. Energies are without the registers of
the processing elements, as published.

The last line adds what surrounds attention in a layer: the projections of Q, K, V and of the result, and the two feed-forward GEMMs. They are
not mapped here: they are taken to keep the 2D array busy and to cost their multiplications alone, on both machines.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/01-fusemax-attention"
# model: (width D, heads H, head size E = F, hidden width S of the feed-forward layers)
MODELS = {"BERT": (768, 12, 64, 3072), "TrXL": (1024, 16, 64, 4096), "T5": (512, 8, 64, 2048), "XLM": (2048, 16, 128, 8192)}
LENGTHS = [1024 * 4**i for i in range(6)]
BATCH = 64
PROFILE = json.loads((ROOT / "arch-specs/energy/fusemax45.json").read_text())
CLOCK_HZ, UNITS = 940e6, 256 * 256
MACS_PER_S, MAC_J = CLOCK_HZ * UNITS, float(PROFILE["ops"]["mac"]["f16"]["energy"].split()[0]) * 1e-12
# cascade, spec and mapping of the two machines
FUSEMAX = ("one-pass.ein", "fusemax-cloud", "fusemax")
FLAT = ("three-pass.ein", "flat-cloud", "flat")


def run(machine, model, length):
    """Seconds and joules of attention."""
    cascade, arch, mapping = machine
    _, heads, size, _ = MODELS[model]
    bindings = f"B={BATCH},H={heads},E={size},F={size},M={length},P={length}"
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        subprocess.run(
            ["einsum-compile", EXAMPLE / cascade, f"--arch={ROOT}/arch-specs/{arch}.json", f"--mapping={mapping}", f"--bind={bindings}", f"--json={result.name}"],
            check=True, stdout=subprocess.DEVNULL)
        cost = json.load(open(result.name))
    return cost["latency_s"], cost["energy_without_registers_j"]


def surroundings(model, length):
    """Seconds and joules of the GEMMs around attention, on a full 2D array."""
    width, _, _, hidden = MODELS[model]
    macs = BATCH * length * (4 * width * width + 2 * width * hidden)
    return macs / MACS_PER_S, macs * MAC_J


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def summarize(what, points, speed, energy):
    ours = mean(p[0] for p in points), mean(p[1] for p in points)
    print(f"mean of {len(points)} points, {what}: {ours[0]:.2f} times as fast as FLAT (published {speed:.2f}), at {ours[1]:.3f} of its energy (published {energy:.3f})")


def main():
    print("model   tokens  FuseMax s      FLAT s  speed-up  FuseMax J      FLAT J  energy ratio")
    points, layers = [], []
    for model in MODELS:
        for length in LENGTHS:
            (fuse_s, fuse_j), (flat_s, flat_j) = run(FUSEMAX, model, length), run(FLAT, model, length)
            points.append((flat_s / fuse_s, fuse_j / flat_j))
            gemm_s, gemm_j = surroundings(model, length)
            layers.append(((flat_s + gemm_s) / (fuse_s + gemm_s), (fuse_j + gemm_j) / (flat_j + gemm_j)))
            print(f"{model:5}  {length // 1024:5}K  {fuse_s:9.4g}  {flat_s:10.4g}  {points[-1][0]:8.2f}  {fuse_j:9.4g}  {flat_j:10.4g}  {points[-1][1]:12.3f}")
    summarize("attention", points, 6.72, 0.787)
    summarize("layer", layers, 5.30, 0.833)


if __name__ == "__main__":
    sys.exit(main())
