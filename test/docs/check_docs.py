"""check_docs.py SOURCE BUILD EINSUM_OPT: what the tools have and the generated pages lack."""
import json
import re
import subprocess
import sys
from pathlib import Path

source, build, opt = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
docs = build / "docs"
missing = []


def need(text, what, page):
    if what not in text:
        missing.append(f"{page}: {what}")


def check_ops():
    count = 0
    for dialect in ("Einsum", "Schedule"):
        page = f"dialects/{dialect}Dialect.md"
        text = (docs / page).read_text()
        for name in re.findall(rf": {dialect}_(?:Op|Node)<\"([a-z_]+)\"", (source / f"dialects/{dialect}/{dialect}Ops.td").read_text()):
            need(text, f"### `{dialect.lower()}.{name}`", page)
            count += 1
    return count


def passes():
    """Passes of ours with their options, as the tool lists them."""
    found, current = {}, None
    listing = subprocess.run([opt, "--help-hidden"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    for line in listing.splitlines():
        if pass_line := re.match(r"      --(einsum-[a-z-]+) +- ", line):
            current = found.setdefault(pass_line.group(1), [])
        elif option := re.match(r"        --([a-z-]+)(?:=<[^>]*>)? ", line):
            if current is not None:
                current.append(option.group(1))
        elif not line.startswith("          "):
            current = None
    return found


def check_passes():
    text = "\n".join(page.read_text() for page in sorted((docs / "passes").glob("*.md")))
    sections = {part.split("`", 2)[1]: part for part in text.split("\n### ")[1:]}
    found = passes()
    for name, options in found.items():
        if f"-{name}" not in sections:
            missing.append(f"passes: -{name}")
            continue
        for option in options:
            need(sections[f"-{name}"], f"-{option}", f"passes -{name}")
    return len(found), sum(map(len, found.values()))


def keys(node):
    if isinstance(node, dict):
        for key in node.get("properties", {}):
            yield key
        for child in node.values():
            yield from keys(child)
    elif isinstance(node, list):
        for child in node:
            yield from keys(child)


def check_schemas():
    count = 0
    for schema in sorted((build / "generated-docs/schemas").glob("*.json")):
        page = f"formats/{schema.stem}.md"
        text = (docs / page).read_text()
        for key in set(keys(json.loads(schema.read_text()))):
            if not re.search(rf"[`.]{re.escape(key)}`", text):
                missing.append(f"{page}: {key}")
            count += 1
    return count


def check_links():
    for page in docs.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(docs)}: the link to {target} leads nowhere")


ops, (pass_count, option_count), key_count = check_ops(), check_passes(), check_schemas()
check_links()
print(f"{ops} ops, {pass_count} passes, {option_count} options, {key_count} keys")
print("\n".join(missing))
sys.exit(bool(missing) or min(ops, pass_count, option_count, key_count) == 0)
