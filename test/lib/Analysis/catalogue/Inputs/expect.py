"""Compares the table of --einsum-rank-passes with the counts that a file states.

usage: expect.py FILE < table

A file states its counts in lines such as

    // passes: K/m=3 QK/m=3 V/m=1

A bundle of ranks is written with a comma: X/c,h=3. Every stated count must be in
the table, with this value; at least one must be stated. Counts beyond those
stated are not looked at.
"""
import re
import sys


def read_table(lines):
    counts = {}
    for line in lines:
        match = re.match(r"(\S+)\s+(\S+)\s+(?:>=|~) (\d+)", line)
        if match:
            counts.setdefault((match[1], match[2]), int(match[3]))
    return counts


def main():
    counts = read_table(sys.stdin)
    stated = wrong = 0
    with open(sys.argv[1]) as file:
        for line in file:
            match = re.match(r"// passes: (.*)", line)
            for item in match[1].split() if match else []:
                fiber, expected = item.split("=")
                found = counts.get(tuple(fiber.split("/")))
                stated += 1
                if found != int(expected):
                    wrong += 1
                    print(f"{fiber}: expected {expected}, found {found}")
    if stated == 0:
        sys.exit(f"{sys.argv[1]} states no counts")
    sys.exit(1 if wrong else 0)


main()
