#!/usr/bin/env python3
"""Runs a command and succeeds if it ends with the exit code given first: exits.py CODE COMMAND..."""
import subprocess
import sys

wanted, command = int(sys.argv[1]), sys.argv[2:]
code = subprocess.run(command).returncode
if code != wanted:
    print(f"exits.py: exit code {code}, not {wanted}", file=sys.stderr)
sys.exit(code != wanted)
