#!/usr/bin/env python3
"""same_trace.py MODEL.json EXECUTED.json: Einsums begin and end at the same times on the same arrays in both traces.

Bars of one Einsum that follow one another without a gap are one: traces cut a stretch of work where they like."""
import json
import sys


def read(path):
    events = json.load(open(path))["traceEvents"]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    bars = []
    for e in events:
        if e["ph"] == "X" and e["dur"] > 0:
            name = e["name"].removeprefix("compute ")
            bars.append((round(e["ts"], 4), round(e["ts"] + e["dur"], 4), lanes[e["tid"]], name))
    merged = []
    for bar in sorted(bars, key=lambda b: (b[2], b[0], b[1])):
        if merged and merged[-1][1:] == (bar[0], bar[2], bar[3]):
            merged[-1] = (merged[-1][0], bar[1], bar[2], bar[3])
        else:
            merged.append(bar)
    return merged


ours, theirs = read(sys.argv[1]), read(sys.argv[2])
arrays = {lane for _, _, lane, _ in ours}
theirs = [bar for bar in theirs if bar[2] in arrays]
for a, b in zip(ours, theirs):
    if a != b:
        sys.exit(f"{a} in {sys.argv[1]}, {b} in {sys.argv[2]}")
if len(ours) != len(theirs):
    sys.exit(f"{len(ours)} bars and {len(theirs)}")
print(f"{len(ours)} bars at the same time")
