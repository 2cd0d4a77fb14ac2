#!/usr/bin/env python3
"""Checks JSON documents against a schema: check_schema.py SCHEMA FILE...  ('-': standard input)

Knows the keywords of JSON Schema that our schemas use, and refuses a schema that uses another one, so that nothing in a
schema goes unchecked.
"""
import json
import sys

TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool, "null": type(None)}
SILENT = {"$schema", "title", "description"}


def has_type(value, name):
    return isinstance(value, TYPES[name]) and isinstance(value, bool) == (name == "boolean")


def check(value, schema, at):
    for key, wanted in schema.items():
        if key in SILENT:
            continue
        if key == "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            if not any(has_type(value, name) for name in names):
                yield f"{at}: is {value!r}, not of type {' or '.join(names)}"
                return
        elif key == "const":
            if value != wanted:
                yield f"{at}: is {value!r}, not {wanted!r}"
        elif key == "enum":
            if value not in wanted:
                yield f"{at}: is {value!r}, not one of {wanted}"
        elif key == "minimum":
            if value < wanted:
                yield f"{at}: is {value}, less than {wanted}"
        elif key == "required":
            yield from (f"{at}: has no '{name}'" for name in wanted if name not in value)
        elif key == "dependentRequired":
            for cause, names in wanted.items():
                yield from (f"{at}: has '{cause}' but no '{name}'" for name in names if cause in value and name not in value)
        elif key == "properties":
            for name in wanted.keys() & value.keys():
                yield from check(value[name], wanted[name], f"{at}/{name}")
        elif key == "additionalProperties":
            for name in value.keys() - schema.get("properties", {}).keys():
                if wanted is False:
                    yield f"{at}: has '{name}', which the schema does not know"
                else:
                    yield from check(value[name], wanted, f"{at}/{name}")
        elif key == "items":
            for i, item in enumerate(value):
                yield from check(item, wanted, f"{at}/{i}")
        else:
            raise SystemExit(f"check_schema.py does not know the keyword '{key}'")


def read(path):
    return json.load(sys.stdin if path == "-" else open(path))


def main():
    schema, ok = read(sys.argv[1]), True
    for path in sys.argv[2:]:
        for message in sorted(check(read(path), schema, "")):
            print(f"{path}: {message}")
            ok = False
    return not ok


if __name__ == "__main__":
    sys.exit(main())
