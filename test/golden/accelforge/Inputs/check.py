"""Compares values of a result with published ones: check.py RESULT.json KEY=VALUE KEY~VALUE ...

A key is LEVEL.FIELD or a key of the result itself. `=` asks for the value to 9 digits, `~` to as many as VALUE has.
"""

import json
import re
import sys

result = json.load(open(sys.argv[1]))
places = {entry["name"]: entry for entry in result["levels"]}
failed = False
for expectation in sys.argv[2:]:
    key, relation, value = re.fullmatch(r"([^=~]+)([=~])(.+)", expectation).groups()
    head, *rest = key.split(".")
    found = places[head][rest[0]] if rest else result[head]
    expected = float(value)
    digits = len(re.sub(r"e.*|\.", "", value)) - 1
    differs = (
        abs(found - expected) > 1e-9 * abs(expected)
        if relation == "="
        else f"{found:.{digits}e}" != f"{expected:.{digits}e}"
    )
    if differs:
        print(f"{key}: found {found}, expected {expected}")
        failed = True
sys.exit(failed)
