"""Random cascades, in which later reductions reduce ranks that earlier ones keep; every rewrite keeps the meaning or leaves them alone."""
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PASSES = ["reduce-passes", "reduce-passes=policy=reals", "defer", "online", "fuse-maps", "unfuse-maps", "raw-moments",
          "reassociate", "interchange", "cse", "local-reductions", "recompute"]


def indexed(name, ranks):
    return f"{name}[{','.join(ranks)}]"


def expression(pick, operands):
    text = indexed(*operands[0])
    for operand in operands[1:]:
        text = pick.choice(["{} - {}", "{} * {}", "{} + {}", "{} / (2 + abs({}))"]).format(text, indexed(*operand))
    return pick.choice(["{}"] * 6 + ["exp({} - 3)", "exp({} - 3)", "({0}) * ({0})", "sqrt(abs({}))"]).format(text)


def cascade(pick):
    ranks = pick.sample("abcd", pick.choice([2, 3, 3, 4]))
    inputs = [("X", ranks), ("W", sorted(pick.sample(ranks, pick.randint(1, len(ranks)))))]
    lines = [f"cascade c({', '.join(f'{r.upper()}={pick.randint(2, 5)}' for r in ranks)}) : f64",
             "  input " + ", ".join(indexed(*tensor) for tensor in inputs)]
    tensors = list(inputs)
    for i in range(pick.randint(2, 5)):
        operands = [pick.choice(tensors if pick.random() < .4 else tensors[-3:]) for _ in range(pick.randint(1, 3))]
        met = sorted({rank for _, of in operands for rank in of})
        reduced = [rank for rank in met if pick.random() < .5]
        operator = pick.choice(["", "", "", "max", "min"]) if reduced else ""
        kept = [rank for rank in met if rank not in reduced]
        value = expression(pick, operands)
        lines.append(f"  {indexed(f'T{i}', kept)} = " + (f"{operator}({', '.join(reduced)}) ({value})" if operator else value))
        tensors.append((f"T{i}", kept))
    return "\n".join(lines + [f"  output {tensors[-1][0]}", ""])


def main(seed, count):
    changed = 0
    with tempfile.TemporaryDirectory() as scratch:
        source, derived = Path(scratch) / "c.ein", Path(scratch) / "derived.mlir"
        for number in range(count):
            source.write_text(cascade(random.Random(f"{seed} {number}")))
            before = subprocess.run(["einsum-opt", source], check=True, capture_output=True).stdout
            for rewrite in PASSES:
                ran = subprocess.run(["einsum-opt", "--einsum-" + rewrite, source, "-o", derived], capture_output=True, text=True)
                if ran.returncode:
                    sys.exit(f"cascade {number}, {rewrite}:\n{source.read_text()}{ran.stderr}")
                if derived.read_bytes() == before:
                    continue
                changed += 1
                ran = subprocess.run(["einsum-run", source, "--against", derived, "--seed", "1"], capture_output=True, text=True)
                if ran.returncode:
                    sys.exit(f"cascade {number}, {rewrite}:\n{source.read_text()}{derived.read_text()}{ran.stdout}{ran.stderr}")
    print(f"{count} cascades, {changed} rewritten, all agree")


main(int(sys.argv[1]), int(sys.argv[2]))
