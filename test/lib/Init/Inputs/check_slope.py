#!/usr/bin/env python3
"""Checks a ski slope: check_slope.py FILE.csv FILE.svg [VARIANT...]

More capacity moves no more, nothing is found below its bound, and the picture is well-formed with two curves per variant; the variants are those named.
"""
import csv
import sys
import xml.etree.ElementTree as tree

rows = list(csv.DictReader(open(sys.argv[1])))
variants = {row["variant"] for row in rows}
assert len(rows) > 20, "too few capacities"
if sys.argv[3:]:
    assert variants == set(sys.argv[3:]), variants
for variant in variants:
    last = None
    for row in (r for r in rows if r["variant"] == variant):
        assert int(row["bound_bytes"]) > 0, row
        if row["found_bytes"]:
            assert int(row["found_bytes"]) >= int(row["bound_bytes"]), row
            assert int(row["held_bytes"]) <= int(row["capacity_bytes"]), row
            assert abs(float(row["gap"]) - int(row["found_bytes"]) / int(row["bound_bytes"])) < 1e-3 * float(row["gap"]), row
        if last:
            assert int(row["capacity_bytes"]) > int(last["capacity_bytes"]), row
            assert int(row["bound_bytes"]) <= int(last["bound_bytes"]), row
            assert not last["found_bytes"] or int(row["found_bytes"]) <= int(last["found_bytes"]), row
        last = row
    assert last["gap"] == "1", last
lines = tree.parse(sys.argv[2]).getroot().findall("{http://www.w3.org/2000/svg}polyline")
assert len(lines) == 2 * len(variants), len(lines)
