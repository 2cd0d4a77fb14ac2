"""Prints a cascade of N Einsums, each adding X to the result before, and a mapping: long_chain.py N cascade|mapping"""
import sys

count, what = int(sys.argv[1]), sys.argv[2]
names = [f"T{i}" for i in range(count)]
tensor = "!einsum.tensor<[m], f16>"

if what == "cascade":
    print("einsum.cascade @chain(M = 2) : f16 {\n  einsum.rank @m [M] = M")
    print(f'  %X = einsum.input "X" : {tensor}')
    for before, name in zip(["X"] + names, names):
        print(
            f'  %{name} = einsum.compute "{name}" over [m] : [m] = (%X[m], %{before}[m]) {{\n'
            f"  ^bb0(%x: f16, %y: f16):\n    %0 = arith.addf %x, %y : f16\n    einsum.yield %0 : f16\n"
            f"  }} : ({tensor}, {tensor}) -> {tensor}"
        )
    print(f"  einsum.output %{names[-1]} : {tensor}\n}}")
else:
    held = ", ".join(f'"{name}"' for name in ["X"] + names)
    print(f'schedule.mapping @in_turn of @chain on "tiny" {{\nschedule.storage "DRAM" [{held}] {{\nschedule.sequence {{')
    for name in names:
        print(f'schedule.temporal "m" tile 1 {{ schedule.compute "{name}" on "vector" }}')
    print("}}}")
