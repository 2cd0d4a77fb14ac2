#!/usr/bin/env python3
"""Holds the files about a schedule against one another: check_schedule.py RESULT.json SCHEDULE.json [TRAFFIC.csv] [TRACE.json]

What was counted once for all must be the sum of what is told in parts: traffic by Einsum, level and tensor against the
levels, energies against the total, bars of the timeline against the cycles of Einsums, reservations against peaks,
addresses against one another.
"""
import collections
import csv
import json
import sys

PROBLEMS = []


def same(what, a, b, tolerance=0.0):
    if abs(a - b) > tolerance * max(abs(a), abs(b)):
        PROBLEMS.append(f"{what}: {a} and {b}")


def check_traffic(result, rows):
    for level in result["levels"]:
        for key in ("read_bytes", "write_bytes", "read_accesses", "write_accesses"):
            same(f"{key} of {level['name']}", sum(int(r[key]) for r in rows if r["level"] == level["name"]), level[key])


def check_times(result, timeline, cycles, by="node"):
    """All work is drawn, none twice at a time on one resource, and the run ends when it ends."""
    busy, lanes = collections.Counter(), collections.defaultdict(list)
    for bar in timeline["bars"]:
        busy[bar["work"]] += bar["busy_cycles"]
        lanes[bar["resource"]].append((bar["start"], bar["end"], bar["busy_cycles"]))
        if not -1e-6 <= bar["start"] <= bar["end"] <= cycles * (1 + 1e-9):
            PROBLEMS.append(f"bar {bar} leaves the run of {cycles} cycles")
    for einsum in result["einsums"]:
        same(f"cycles of {einsum['name']}", busy[einsum["name"]], einsum["cycles"], 1e-9)
    for name, bars in lanes.items():
        bars.sort()
        if timeline["complete"]:
            for a, b in zip(bars, bars[1:]):
                if b[0] < a[1] - 1e-6 * cycles:
                    PROBLEMS.append(f"{name} does two things at {b[0]}")
        # Never more work than time, wherever one looks.
        for start, end, _ in bars[:50]:
            inside = sum(min(1, (min(end, e) - max(start, s)) / (e - s)) * w for s, e, w in bars if e > s and e > start and s < end)
            if inside > (end - start) * (1 + 1e-6):
                PROBLEMS.append(f"{name} works {inside} of {end - start} cycles from {start}")


def check_space(schedule):
    levels = {level["name"]: level for level in schedule["levels"]}
    for name, level in levels.items():
        same(f"peak of {name}", max(o["bytes"][name] for o in schedule["occupancy"]), level["peak_bytes"])
    nodes, reservations = schedule["nodes"], schedule["reservations"]
    ends = list(range(len(nodes)))
    for i in reversed(range(len(nodes))):
        ends[i] = max([i + 1] + [ends[k] for k in range(i + 1, len(nodes)) if nodes[k]["parent"] == i])

    def overlap(a, b):
        for one in a["live_in"]:
            for other in b["live_in"]:
                common = one
                while not common <= other < ends[common]:
                    common = nodes[common]["parent"]
                if common in (one, other) or nodes[common]["node"] == "pipeline":
                    return True
        return False

    for allocation in schedule["allocation"]:
        peak = levels[allocation["level"]]["peak_bytes"]
        if allocation["peak_bytes"] < peak:
            PROBLEMS.append(f"{allocation['level']} is allocated in less than is live at once")
        blocks = [(address, address + tile["bytes"], tile["reservation"]) for tile in allocation["tiles"] for address in tile["addresses"]]
        same(f"end of {allocation['level']}", max(end for _, end, _ in blocks), allocation["peak_bytes"])
        for i, (a, a_end, one) in enumerate(blocks):
            if a % allocation["alignment_bytes"]:
                PROBLEMS.append(f"address {a} at {allocation['level']} is not aligned")
            for b, b_end, other in blocks[:i]:
                if a < b_end and b < a_end and (one == other or overlap(reservations[one], reservations[other])):
                    PROBLEMS.append(f"{reservations[one]['tensors']} and {reservations[other]['tensors']} overlap at {allocation['level']}")


def check_energy(result, energy):
    same("energy", energy["total_pj"] * 1e-12, result["energy_j"], 1e-9)
    parts = sum(e["operators_pj"] for e in energy["einsums"]) + sum(l["total_pj"] for l in energy["levels"] if l["known"])
    same("parts of the energy", parts + energy["reductions_pj"] + energy["links_pj"] + energy["leakage_pj"], energy["total_pj"], 1e-9)
    same("energy by operator", sum(o["total_pj"] for o in energy["operators"]), sum(e["operators_pj"] for e in energy["einsums"]), 1e-9)


def main():
    result, schedule = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
    check_traffic(result, schedule["traffic"])
    check_energy(result, schedule["energy"])
    check_space(schedule)
    check_times(result, schedule["timeline"]["run"], schedule["cycles"])
    for row in schedule["movement"]:
        same(f"movement of {row['tensor']}", row["compulsory_bytes"] + row["non_compulsory_bytes"], row["moved_bytes"])
    for path in sys.argv[3:]:
        if path.endswith(".csv"):
            rows = list(csv.DictReader(open(path)))
            check_traffic(result, rows)
            if len(rows) != len(schedule["traffic"]):
                PROBLEMS.append(f"{path} has {len(rows)} rows, the JSON {len(schedule['traffic'])}")
        else:
            events = json.load(open(path))["traceEvents"]
            lanes = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
            bars = [{"start": e["ts"], "end": e["ts"] + e["dur"], "resource": lanes[e["tid"]], "work": e["name"], "busy_cycles": e["args"]["busy_cycles"]}
                    for e in events if e["ph"] == "X"]
            check_times(result, {"bars": bars, "complete": json.load(open(path))["otherData"]["complete"]}, schedule["cycles"])
    print("\n".join(PROBLEMS[:20]) or "the parts make the whole")
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
