#!/usr/bin/env python3
"""Prints a chain of matrix products of square matrices: chain.py LENGTH EXTENT"""
import sys

length, extent = int(sys.argv[1]), int(sys.argv[2])
ranks = [f"r{i}" for i in range(length + 2)]
print(f"cascade chain({', '.join(f'{r.upper()}={extent}' for r in ranks)}) : f16")
print("  input T0[r0,r1], " + ", ".join(f"W{i}[{ranks[i]},{ranks[i + 1]}]" for i in range(1, length + 1)))
for i in range(1, length + 1):
    print(f"  T{i}[r0,{ranks[i + 1]}] = T{i - 1}[r0,{ranks[i]}] * W{i}[{ranks[i]},{ranks[i + 1]}]")
print(f"  output T{length}")
