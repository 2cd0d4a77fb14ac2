#!/usr/bin/env python3
"""Compares two curves: compare_slopes.py FILE.csv LESS MORE FROM TO

At every capacity in [FROM, TO] bytes where both have a schedule, LESS moves no more than MORE.
"""
import csv
import sys

rows = list(csv.DictReader(open(sys.argv[1])))
less, more = ({int(r["capacity_bytes"]): int(r["found_bytes"]) for r in rows if r["variant"] == name and r["found_bytes"]} for name in sys.argv[2:4])
low, high = map(int, sys.argv[4:6])
both = [c for c in sorted(less.keys() & more.keys()) if low <= c <= high]
assert len(both) > 8, both
for capacity in both:
    assert less[capacity] <= more[capacity], (capacity, less[capacity], more[capacity])
