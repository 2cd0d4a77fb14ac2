#!/usr/bin/env python3
"""Operations, bytes and attainable time per Einsum of a model, as roofline tools list them.

    roofline.py CONFIG.json [--phase decode] [--seq N] [--batch N] [--peak 155e12] [--bandwidth 768e9]

Per layer where layers are steps of a rank `l`. An operation is a multiplication or an addition, so a mac is two; bytes are each
operand and result once, as if every Einsum ran alone. The default peak and bandwidth are those of an A6000 in fp16.
"""
import argparse
import json
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--phase", default="prefill")
    parser.add_argument("--seq", default="2048")
    parser.add_argument("--batch", default="1")
    parser.add_argument("--peak", type=float, default=155e12, help="operations per second")
    parser.add_argument("--bandwidth", type=float, default=768e9, help="bytes per second")
    arguments = parser.parse_args()
    done = subprocess.run(["einsum-compile", arguments.config, f"--phase={arguments.phase}", f"--seq={arguments.seq}",
                           f"--batch={arguments.batch}", "--analyze-only", "--json=-"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    cascade = json.loads(done.stdout)["cascade"]
    print(f"{'Einsum':8}{'layers':>7}{'operations':>15}{'bytes':>15}{'ops/byte':>10}{'us':>11}  bound by")
    total = 0.0
    for einsum in cascade["einsums"]:
        layers = 1
        for rank in einsum["ranks"]:
            if rank.startswith("l"):
                layers = cascade["ranks"][rank]
        ops = sum((2 if name == "mac" else 1) * count for name, count in einsum["ops"].items()) / layers
        moved = (einsum["bytes_in"] + einsum["bytes_out"]) / layers
        compute, memory = ops / arguments.peak, moved / arguments.bandwidth
        total += max(compute, memory) * layers
        print(f"{einsum['name']:8}{layers:>7}{ops:>15.0f}{moved:>15.0f}{ops / moved:>10.4g}{max(compute, memory) * 1e6:>11.3f}  "
              + ("compute" if compute > memory else "memory"))
    print(f"all layers, one Einsum after the other: {total * 1e3:.4g} ms")


if __name__ == "__main__":
    main()
