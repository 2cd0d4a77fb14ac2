"""Compares values of a result with what is expected: check.py RESULT.json KEY=VALUE ...

A key is LEVEL.FIELD, TENSOR@LEVEL.FIELD is not in the result, ARRAY.ops.NAME, EINSUM.FIELD, or a key of the result itself. A value ending in
"bits" is a number of bits to compare with a number of bytes.
"""

import json
import sys

result = json.load(open(sys.argv[1]))
places = {entry["name"]: entry for kind in ("einsums", "arrays", "levels") for entry in result[kind]}
failed = False
for expectation in sys.argv[2:]:
    key, value = expectation.split("=")
    head, *rest = key.split(".")
    found = places[head] if rest else result[head]
    for part in rest:
        found = found[part]
    expected = float(value.removesuffix("bits")) / (8 if value.endswith("bits") else 1)
    if abs(found - expected) > 1e-9 * max(1.0, abs(expected)):
        print(f"{key}: found {found}, expected {expected}")
        failed = True
sys.exit(failed)
