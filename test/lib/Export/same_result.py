#!/usr/bin/env python3
"""same_result.py A.json B.json [C.json D.json ...]: each pair has the same results, but for who made the schedule."""
import json
import sys


def read(path):
    result = json.load(open(path), parse_float=str)
    result.pop("mapper")
    result.pop("rewrite", None)
    result["workload"] = ""
    result["mapping"] = result["mapping"]["tree"]
    result.pop("pareto", None)
    return result


for a, b in zip(sys.argv[1::2], sys.argv[2::2]):
    one, other = read(a), read(b)
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            sys.exit(f"{a} and {b} differ in '{key}': {one.get(key)} and {other.get(key)}")
