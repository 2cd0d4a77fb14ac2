#!/usr/bin/env python3
"""Puts together the pages that are installed: make_docs.py OUT SOURCE KIND:FILE...

KIND is the folder of OUT that a page goes to; FILE is what it is made from:

    dialects:X.md   passes:X.md   from mlir-tblgen
    formats:X.json                a JSON schema, as tables
    pages:DIR/README.md           a page of the source tree, named after its folder

A link from a page to another page that is there is rewritten; of other links the text stays. OUT/README.md lists all pages.
"""
import json
import os
import re
import sys
from pathlib import Path

TITLES = {
    "formats": "File formats, from their JSON schemas",
    "dialects": "Dialects, with every op",
    "passes": "Passes of einsum-opt, with every option",
    "pages": "Pages of the components",
}


def describe_type(node, root):
    """A schema in words."""
    if "$ref" in node:
        name = node["$ref"].split("/")[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return "one of " + ", ".join(f"`{json.dumps(value)}`" for value in node["enum"])
    for key in ("anyOf", "oneOf"):
        if key in node:
            return ", or ".join(describe_type(option, root) for option in node[key])
    kind = node.get("type", "anything")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array" and isinstance(node.get("items"), dict):
        return "list of " + describe_type(node["items"], root)
    bounds = [f"{words} {node[key]}" for key, words in (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most")) if key in node]
    pattern = [f"matching `{node['pattern']}`"] if "pattern" in node else []
    return ", ".join([kind] + bounds + pattern)


def rows(node, root, prefix=""):
    """Properties of an object and of what is written in place below it."""
    required = set(node.get("required", []))
    for name, child in node.get("properties", {}).items():
        if not isinstance(child, dict):
            child = {}
        text = " ".join(child.get("description", "").split())
        yield f"`{prefix}{name}`", describe_type(child, root), "yes" if name in required else "", text
        yield from rows(child, root, f"{prefix}{name}.")
        items, depth = child.get("items"), "[]"
        while isinstance(items, dict):  # lists of lists
            yield from rows(items, root, f"{prefix}{name}{depth}.")
            items, depth = items.get("items"), depth + "[]"
    extra = node.get("additionalProperties")
    if isinstance(extra, dict):
        text = " ".join(extra.get("description", "").split())
        yield f"`{prefix}NAME`", describe_type(extra, root), "", text
        yield from rows(extra, root, f"{prefix}NAME.")
    for key in ("anyOf", "oneOf", "allOf"):
        for option in node.get(key, []):
            if isinstance(option, dict):
                yield from rows(option, root, prefix)


def table(node, root):
    lines, seen = ["| key | value | required | |", "|---|---|---|---|"], set()
    for row in rows(node, root):
        line = "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        if line not in seen:
            seen.add(line)
            lines.append(line)
    return lines if len(lines) > 2 else []


def schema_page(path):
    schema = json.loads(path.read_text(encoding="utf-8"))
    lines = [f"# {schema.get('title', path.stem)}", "", schema.get("description", ""), "", *table(schema, schema)]
    for name, node in schema.get("$defs", {}).items():
        lines += ["", f"## {name}", "", node.get("description", ""), "", describe_type(node, schema) + ":", "", *table(node, schema)]
    return "\n".join(lines).rstrip() + "\n"


def relink(text, source, page, places):
    """Links of a page of the source tree, as seen from where the page goes."""
    def replace(match):
        words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match.group(0)
        file, _, anchor = target.partition("#")
        wanted = Path(os.path.normpath(source.parent / file))
        wanted = wanted / "README.md" if wanted.is_dir() else wanted
        if wanted not in places:
            return words
        there = os.path.relpath(places[wanted], page.parent)
        return f"[{words}]({there}{'#' + anchor if anchor else ''})"
    return re.sub(r"\[([^\]\n]*)\]\(([^)\s]+)\)", replace, text)


def name_of(kind, path, root):
    if kind != "pages":
        return f"{kind}/{path.name.removesuffix('.json').removesuffix('.md')}.md"
    folder = path.parent.relative_to(root).as_posix().replace("/", "-")
    stem = "" if path.stem == "README" else f"-{path.stem.lower()}"
    return f"pages/{folder}{stem}.md"


def main():
    out, root = Path(sys.argv[1]), Path(sys.argv[2])
    inputs = [(kind, Path(file)) for kind, file in (argument.split(":", 1) for argument in sys.argv[3:])]
    places = {path: out / name_of(kind, path, root) for kind, path in inputs}
    index = ["# EinsumCascade, generated pages", ""]
    for kind, title in TITLES.items():
        index += [f"## {title}", ""]
        for path in (path for of, path in inputs if of == kind):
            page = places[path]
            page.parent.mkdir(parents=True, exist_ok=True)
            text = schema_page(path) if path.suffix == ".json" else path.read_text(encoding="utf-8")
            if kind == "pages":
                text = relink(text, path, page, places)
            page.write_text(text, encoding="utf-8")
            index.append(f"- [{page.stem}]({page.relative_to(out)})")
        index.append("")
    (out / "README.md").write_text("\n".join(index), encoding="utf-8")


if __name__ == "__main__":
    main()
