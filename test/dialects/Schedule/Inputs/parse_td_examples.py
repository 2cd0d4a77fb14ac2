"""Prints, as one .mlir file, every `Example:` of ScheduleOps.td, each in the smallest mapping that gives it meaning.

A fenced example is a cascade and its mapping. An inline one is a node; the table says which tree stands around it and, for its `...`,
below it. A node that nothing here fits is an error, so a new one brings its context along.
"""
import re
import sys
from pathlib import Path

CASCADE = """einsum.cascade @example{n}(P = 1024, M0 = 16) : f32 {{
  einsum.rank @p [P] = P
  einsum.rank @m0 [M0] = M0
  %K = einsum.input "K" : !einsum.tensor<[p, m0], f32>
  %V = einsum.input "V" : !einsum.tensor<[p, m0], f32>
  %QK = einsum.compute "QK" over [p, m0] : [p, m0] = (%K[p, m0], %V[p, m0]) {{
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    einsum.yield %0 : f32
  }} : (!einsum.tensor<[p, m0], f32>, !einsum.tensor<[p, m0], f32>) -> !einsum.tensor<[p, m0], f32>
  %Z = einsum.compute "Z" over [p, m0] : [p, m0] = (%QK[p, m0]) {{
  ^bb0(%a: f32):
    einsum.yield %a : f32
  }} : (!einsum.tensor<[p, m0], f32>) -> !einsum.tensor<[p, m0], f32>
  einsum.output %Z : !einsum.tensor<[p, m0], f32>
}}
schedule.mapping @mapping{n} of @example{n} on "toy" {{
  schedule.storage "DRAM" ["K", "V", "QK", "Z"] {{
{tree}
  }}
}}
"""


def leaf(einsum: str) -> str:
    return f'schedule.compute "{einsum}" on "array2d"'


def loops(body: str) -> str:
    return 'schedule.temporal "p" tile 1 { schedule.temporal "m0" tile 1 { ' + body + " } }"


def in_sequence(node: str) -> str:
    return "schedule.sequence { " + node + " " + loops(leaf("Z")) + " }"


BOTH = loops(leaf("QK")) + " " + loops(leaf("Z"))
# (what stands around a node, what stands for its `...`)
CONTEXT = {
    "schedule.temporal": (in_sequence, loops(leaf("QK"))),
    "schedule.spatial": (in_sequence, 'schedule.temporal "p" tile 1 { ' + leaf("QK") + " }"),
    "schedule.storage": (in_sequence, loops(leaf("QK"))),
    "schedule.sequence": (str, BOTH),
    "schedule.pipeline": (str, BOTH),
    "schedule.compute": (lambda node: in_sequence(loops(node)), ""),
}


def in_context(example: str) -> str:
    op = re.search(r"schedule\.\w+", example).group()
    if op not in CONTEXT:
        sys.exit(f"no context for the example `{example}`: add it to {Path(__file__).name}")
    around, below = CONTEXT[op]
    return around(example.replace("...", below))


def main() -> None:
    text = "\n".join(path.read_text() for path in sorted(Path(sys.argv[1]).glob("*.td")))
    examples = re.findall(r"Example:\s*(?:```mlir\n(.*?)```|`([^`]+)`)", text, re.DOTALL)
    if len(examples) != text.count("Example:"):
        sys.exit(f"{text.count('Example:')} examples, but only {len(examples)} are fenced as mlir or inline")
    for n, (fenced, inline) in enumerate(examples):
        print(fenced if fenced else CASCADE.format(n=n, tree=in_context(inline)))


if __name__ == "__main__":
    main()
