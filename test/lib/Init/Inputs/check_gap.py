#!/usr/bin/env python3
"""At every capacity the best found is close to the bound: check_gap.py FILE.csv VARIANT MOST"""
import csv
import sys

rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["variant"] == sys.argv[2] and r["found_bytes"]]
assert len(rows) > 8, rows
for row in rows:
    assert 1 <= float(row["gap"]) <= float(sys.argv[3]), row
