#!/usr/bin/env python3
"""How soon whole layers of public models are mapped, and how well.

map_models.py COMPILE ROOT [--models=A,B] [--archs=A,B] [--phases=prefill,decode] [--seq=N] [--layers=N]
[--time-limit=S] [--rewrite=R]: COMPILE is einsum-compile, ROOT the source tree. One line per model, machine
and phase: seconds until the first mapping, all in all, and of all cores; the latency of the best one, how many times that
is the bound of the search and the bound of the machine, the status. `streamed` stands where the search had found nothing.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


# Of machines that do not compute in the models' own types.
TYPES = {"tpu-v5e": "bf16"}


def measure(options, model, arch, phase):
    command = [options.compile, os.path.join(options.root, "examples/06-models", model + ".json"),
               "--arch", os.path.join(options.root, "arch-specs", arch + ".json"), f"--phase={phase}",
               f"--seq={options.seq}", f"--layers={options.layers}"]
    if options.time_limit:
        command.append(f"--time-limit={options.time_limit}")
    if arch in TYPES:
        command.append(f"--dtype={TYPES[arch]}")
    if options.rewrite:
        command.append(f"--rewrite={options.rewrite}")
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        run = subprocess.run(command + [f"--json={file.name}"], capture_output=True, text=True)
        seconds = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        text = open(file.name).read()
    if not text:
        lines = [line for line in run.stderr.splitlines() if "error:" in line]
        return seconds, run.returncode, None, lines[-1] if lines else run.stderr[-200:]
    return seconds, run.returncode, json.loads(text), ""


def describe(seconds, code, result, error):
    wall, busy = seconds
    seconds = f"{wall:6.1f}  {busy:6.1f}"
    if result is None:
        return f"{'':>7}  {seconds}  exit {code}: {error[:90]}"
    mapper, mapping = result["mapper"], result["mapping"]
    first = mapper.get("first_wall_s")
    latency = result.get("latency_s")
    if latency is None:
        return f"{'':>7}  {seconds}  exit {code}: nothing"
    status = mapping["status"] if first is not None or mapper.get("gap") else "streamed"
    gap = mapper.get("gap")
    machine = result["bounds"]["latency"]["gap"]
    return (f"{first if first is not None else float('nan'):7.2f}  {seconds}  {latency * 1e3:10.4f}  "
            f"{gap if gap else float('nan'):7.3f}  {machine:7.3f}  {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compile")
    parser.add_argument("root")
    parser.add_argument("--models", default="llama-2-7b,mixtral-8x7b,mamba-2.8b,gemma-2-9b,gpt2")
    parser.add_argument("--archs", default="h100,a100,tpu-v5e,mi300x")
    parser.add_argument("--phases", default="prefill,decode")
    parser.add_argument("--seq", default=2048, type=int)
    parser.add_argument("--layers", default="1")
    parser.add_argument("--time-limit", default="")
    parser.add_argument("--rewrite", default="")
    options = parser.parse_args()
    print("model           machine        phase     first s   all s   cpu s   latency ms      gap  machine  status")
    for model in options.models.split(","):
        for arch in options.archs.split(","):
            for phase in options.phases.split(","):
                line = describe(*measure(options, model, arch, phase))
                print(f"{model:15} {arch:14} {phase:8}  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
