"""bounded.py CODE SECONDS MIB COMMAND...: the command must end with CODE within that time and memory.

Under sanitizers (ASAN_OPTIONS is set) memory is not limited, since they reserve much, and time is ten times as long.
"""
import os
import resource
import subprocess
import sys

code, seconds, mib, command = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
sanitized = "ASAN_OPTIONS" in os.environ


def limit():
    if not sanitized:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


try:
    done = subprocess.run(command, preexec_fn=limit, stdin=subprocess.DEVNULL, timeout=seconds * (10 if sanitized else 1))
except subprocess.TimeoutExpired:
    sys.exit(f"bounded.py: not done after {seconds} s: {' '.join(command)}")
if done.returncode != code:
    sys.exit(f"bounded.py: exit code {done.returncode}, not {code}: {' '.join(command)}")
