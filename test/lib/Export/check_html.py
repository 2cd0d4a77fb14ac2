#!/usr/bin/env python3
"""Holds an HTML report against the JSON that was written beside it: check_html.py REPORT.html RESULT.json SCHEDULE.json

Every element with data-path must carry the numbers of that place: data-value its value, any other data-KEY the member of
that name. Also: all sections are there, every Einsum is in every picture that has one mark per Einsum, nothing is fetched,
nothing is executed, and the file is small.
"""
import json
import re
import sys
from html.parser import HTMLParser

SECTIONS = ["bounds", "tree", "timeline", "memory", "energy", "roofline", "certificate", "provenance"]
VOID = {"meta", "link", "br", "rect", "line", "circle"}


class Report(HTMLParser):
    def __init__(self):
        super().__init__()
        self.marks, self.sections, self.problems, self.open, self.texts = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "h2":
            self.sections.append(attributes.get("id"))
        if "data-path" in attributes:
            self.marks.append((tag, attributes, self.getpos()))
        if tag in ("script", "img", "iframe", "object"):
            self.problems.append(f"there is a <{tag}>")
        for name in ("href", "src", "xlink:href"):
            if attributes.get(name, "data:").split(":")[0] != "data":
                self.problems.append(f"<{tag}> refers to {attributes[name]}")
        if tag not in VOID or tag in ("rect", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag and (tag not in VOID or tag in ("rect", "circle")):
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:] or 'nothing'} at {self.getpos()}")
        else:
            self.open.pop()


def resolve(documents, path):
    name, pointer = path.split(":", 1)
    value = documents[name]
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def check_marks(report, documents):
    for tag, attributes, (line, _) in report.marks:
        path = attributes["data-path"]
        try:
            value = resolve(documents, path)
        except (KeyError, IndexError, ValueError):
            yield f"line {line}: {path} is not in the JSON"
            continue
        for name, shown in attributes.items():
            if not name.startswith("data-") or name == "data-path":
                continue
            wanted = value if name == "data-value" else value[name[5:].replace("-", "_")]
            if json.loads(shown) != wanted:
                yield f"line {line}: {path} {name} is {shown}, the JSON says {wanted!r}"


def main():
    page, result, schedule = sys.argv[1:4]
    text = open(page, encoding="utf-8").read()
    documents = {"result": json.load(open(result)), "schedule": json.load(open(schedule))}
    report = Report()
    report.feed(text)
    # What differs from run to run is no number of the schedule.
    problems = report.problems + [p for p in check_marks(report, documents) if not re.search("/mapper/(first_)?wall_s", p)]
    problems += [f"there is no section '{name}'" for name in SECTIONS if name not in report.sections]
    if len(text) >= 1_000_000:
        problems.append(f"the file has {len(text)} bytes")
    if re.search(r"https?://|url\(|@import", text.replace("http://www.w3.org", "")):
        problems.append("something is fetched")
    paths = {attributes["data-path"] for _, attributes, _ in report.marks}
    for i, einsum in enumerate(documents["schedule"]["roofline"]["einsums"]):
        if einsum["ops_per_s"] and f"schedule:/roofline/einsums/{i}" not in paths:
            problems.append(f"'{einsum['einsum']}' is not in the roofline")
    for which in ("run", "epoch"):
        for i, bar in enumerate(documents["schedule"]["timeline"][which]["bars"]):
            if bar["end"] > bar["start"] and f"schedule:/timeline/{which}/bars/{i}" not in paths:
                problems.append(f"bar {i} of the {which} is not drawn")
    for problem in problems[:20]:
        print(problem)
    if not problems:
        print(f"{len(report.marks)} marks agree with the JSON")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
