#!/usr/bin/env python3
"""Runs a command, interrupts it once it has worked for a while, and prints what it said and its exit code.

interrupt.py SECONDS|TEXT COMMAND...: after so many seconds, or once it has said TEXT
"""
import signal
import subprocess
import sys
import time

process = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
try:
    time.sleep(float(sys.argv[1]))
except ValueError:
    for line in process.stdout:
        print(line, end="")
        if sys.argv[1] in line:
            break
process.send_signal(signal.SIGINT)
output, _ = process.communicate(timeout=240)
print(output, end="")
print(f"exit code {process.returncode}")
